"""Amazon as a Channel: what the rest of OMS sees of this folder."""

from django.utils.translation import gettext_lazy as _

from integrations.amazon import config, mock, rotation
from integrations.amazon.adapter import PAGE_SIZE, connect
from integrations.amazon.carriers import CARRIERS, OTHER
from integrations.amazon.catalog import AT_ONCE
from integrations.amazon.checks import check_endpoints
from integrations.amazon.clock import ORDER_LAG
from integrations.amazon.consent import CONSENT
from integrations.amazon.credentials_form import CREDENTIALS, DEVELOP_APPS
from integrations.amazon.marketplaces import MARKETPLACES, ZONES, order_page, read_order_id
from integrations.amazon.normalize import beside_lines
from integrations.amazon.quota import DOWNLOAD, PICTURE, QUOTAS
from integrations.amazon.shipment_advice import SHIPMENT_ADVICE
from integrations.amazon.tokens import OPERATION as TOKEN
from integrations.amazon.tokens import log_in
from integrations.channel import (
    Channel,
    Expiry,
    Listing,
    ListOperations,
    OrderOperations,
    Pictures,
    SecretRotation,
    Site,
)


def _operation(name: str) -> Listing:
    return Listing(name, QUOTAS[name])


AMAZON = Channel(
    label="Amazon",
    connect=connect,
    mock=mock.MockAmazon,
    credentials=CREDENTIALS,
    consent=CONSENT,
    account_key=lambda api_config: config.load(api_config).account_key,
    sites={
        place.id: Site(place.id, _(place.country), place.code, ZONES.get(place.code, ""))
        for place in MARKETPLACES.values()
    },
    listings={"orders": _operation("searchOrders")},
    order_operations=OrderOperations(
        page=_operation("searchOrders"),
        page_size=PAGE_SIZE,
        single=_operation("getOrder"),
        lists=ListOperations(
            request=_operation("createReport"),
            state=_operation("getReport"),
            document=_operation("getReportDocument"),
        ),
    ),
    order_lag=ORDER_LAG,
    read_order_id=read_order_id,
    order_id_help=_("Amazon's order ids look like 902-3159896-1390916: three, seven and seven digits."),
    seller_pages=_("Seller Central"),
    order_page=order_page,
    beside_lines=beside_lines,
    unmetered=(TOKEN, DOWNLOAD, PICTURE),
    fulfilment={"merchant": "FBM", "platform": "FBA"},
    ships_its_stock=True,  # FBA
    lists_orders=True,
    lists_stock=True,
    confirms_shipments=True,
    carriers=CARRIERS,
    other_carrier=OTHER,
    pictures=Pictures(
        at_once=AT_ONCE,
        help=_(
            "The app needs the role Product Listing. The pictures are fetched from Amazon's image host, "
            "m.media-amazon.com, which has to be reachable from here."
        ),
        refused=_(
            "Add the role Product Listing to the app in Seller Central, then authorise the app again; or switch the "
            "pictures off. Orders and stock do not depend on it."
        ),
    ),
    shipment_advice=SHIPMENT_ADVICE,
    # "Ship+ orders do not support the confirmShipment operation and result in a 400 error":
    # https://developer-docs.amazon.com/sp-api/docs/confirm-the-shipment-status
    label_programs={"FBM_SHIP_PLUS": "Ship+"},
    carrier_programs={"AMAZON_EASY_SHIP": "Easy Ship"},
    check_settings=check_endpoints,
    expiries={
        "client_secret": Expiry(
            label=_("client secret"),
            lasts=180,
            days=(150, 170, 180),
            advice=_(
                "Amazon wants it replaced every 180 days: make a new one in Seller Central and store it here. The old "
                "one goes on for 7 days."
            ),
        ),
        "refresh_token": Expiry(
            label=_("authorisation"),
            lasts=365,
            days=(335, 355),
            advice=_(
                "Public apps have to be authorised again within 365 days: authorise the app in Seller Central."
            ),
        ),
    },
    rotation=SecretRotation(
        value="client_secret",
        application=lambda api_config: str(api_config.get("client_id") or ""),
        ask=rotation.ask,
        next_step="Amazon sends it to the SQS queue that the developer console names for the app, in a "
        "message APPLICATION_OAUTH_CLIENT_NEW_SECRET. The old secret goes on for 7 days.",
        read=rotation.read,
        log_in=log_in,
    ),
    roles_page=DEVELOP_APPS,
    advice={
        "forbidden": _(
            "Nothing has to be done at first: OMS tries again by itself. If it lasts, open the platform and press "
            "Check connection: it says which role is missing. Add it to the app in Seller Central, then authorise the "
            "app again."
        ),
    },
)
