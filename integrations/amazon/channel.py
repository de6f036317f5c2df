"""Amazon as a Channel: what the rest of OMS sees of this folder."""

from django.utils.translation import gettext_lazy as _

from integrations.amazon import config, mock, rotation
from integrations.amazon.adapter import connect
from integrations.amazon.checks import check_endpoints
from integrations.amazon.clock import ORDER_LAG
from integrations.amazon.consent import CONSENT
from integrations.amazon.credentials_form import CREDENTIALS
from integrations.amazon.marketplaces import MARKETPLACES, order_page, read_order_id
from integrations.amazon.normalize import beside_lines
from integrations.amazon.quota import QUOTAS
from integrations.amazon.tokens import OPERATION as TOKEN
from integrations.amazon.tokens import log_in
from integrations.channel import Channel, Expiry, Listing, SecretRotation, Site

AMAZON = Channel(
    label="Amazon",
    connect=connect,
    mock=mock.MockAmazon,
    credentials=CREDENTIALS,
    consent=CONSENT,
    account_key=lambda api_config: config.load(api_config).account_key,
    sites={place.id: Site(place.id, _(place.country), place.code) for place in MARKETPLACES.values()},
    listings={"orders": Listing("searchOrders", QUOTAS["searchOrders"])},
    order_lag=ORDER_LAG,
    read_order_id=read_order_id,
    order_id_help=_("Amazon's order ids look like 902-3159896-1390916: three, seven and seven digits."),
    seller_pages=_("Seller Central"),
    order_page=order_page,
    beside_lines=beside_lines,
    unmetered=(TOKEN,),
    fulfilment={"merchant": "FBM", "platform": "FBA"},
    ships_its_stock=True,  # FBA
    lists_orders=True,
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
    advice={
        "forbidden": _(
            "Nothing has to be done at first: OMS tries again by itself. If it lasts, open the platform and press "
            "Check connection: it says which role is missing. Add it to the app in Seller Central, then authorise the "
            "app again."
        ),
    },
)
