"""Amazon's six published examples, served over HTTP, must end in the database as they are written there.

The expectations read the model's JSON by literal paths and share no code with the normalizer.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrations.models import SyncLog
from integrations.tests.states import watermark_of
from integrations.tests.syncing import Json, platform_of, stored_orders, sync
from orders.models import Order, OrderBuyer
from platforms.models import Platform, Source
from simulator import Account, Simulator, StaticSandbox

pytestmark = pytest.mark.django_db
MODEL = Path(__file__).resolve().parent.parent.parent / "shared" / "spapi-models" / "orders_2026-01-01.json"


@pytest.fixture
def sandbox(settings: Any) -> Iterator[StaticSandbox]:
    if not MODEL.exists():
        pytest.skip(f"Amazon's model is not here: {MODEL}")
    with StaticSandbox(MODEL) as running:
        settings.AMAZON_SP_API_ENDPOINT = running.endpoint
        settings.AMAZON_LWA_ENDPOINT = running.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        yield running


@pytest.fixture
def platform(sandbox: StaticSandbox) -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {
        "client_id": "amzn1.application-oa2-client.sim",
        "client_secret": "sim-secret",
        "refresh_token": "Atzr|sim",
        "marketplace_id": "A1PA6795UKMFR9",
        "region": "SANDBOX",
    }
    platform.save()
    return platform


def examples() -> list[Json]:
    """The orders of all 200-cases of the model."""
    paths = json.loads(MODEL.read_text(encoding="utf-8"))["paths"]
    search = paths["/orders/2026-01-01/orders"]["get"]["responses"]["200"]["x-amzn-api-sandbox"]["static"]
    single = paths["/orders/2026-01-01/orders/{orderId}"]["get"]["responses"]["200"]["x-amzn-api-sandbox"][
        "static"
    ]
    return [order for case in search for order in case["response"]["orders"]] + [
        case["response"]["order"] for case in single
    ]


def moment(text: str | None) -> datetime | None:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if text else None


def amount(money: Json | None) -> Decimal | None:
    return Decimal(money["amount"]) if money else None


def expected_item(item: Json) -> Json:
    parts = {part["type"]: part["subtotal"] for part in item["proceeds"]["breakdowns"]}
    details = {
        detail["subtype"]: detail["value"]
        for part in item["proceeds"].get("breakdowns", [])
        if part["type"] == "TAX"
        for detail in part.get("detailedBreakdowns", [])
    }
    return {
        "external_id": item["orderItemId"],
        "sku": item["product"]["sellerSku"],
        "asin": item["product"]["asin"],
        "title": item["product"]["title"],
        "quantity_ordered": item["quantityOrdered"],
        "quantity_shipped": item["fulfillment"]["quantityFulfilled"],
        "quantity_left": item["fulfillment"]["quantityUnfulfilled"],
        "unit_price": amount(item["product"]["price"]["unitPrice"]),
        "total": amount(item["proceeds"]["proceedsTotal"]),
        "tax": amount(parts.get("TAX")),
        "shipping": amount(parts.get("SHIPPING")),
        "discount": amount(parts.get("DISCOUNT")),
        "item_subtotal": amount(parts.get("ITEM")),
        "other_charges": None,
        "item_tax": amount(details.get("ITEM")),
        "shipping_tax": amount(details.get("SHIPPING")),
        "gift_wrap_tax": amount(details.get("GIFT_WRAP")),
        "discount_tax": amount(details.get("DISCOUNT")),
        "currency": item["proceeds"]["proceedsTotal"]["currencyCode"],
        **expected_tax(item.get("tax", {})),
    }


def expected_tax(tax: Json) -> Json:
    collections, breakdowns = tax.get("taxCollections", []), tax.get("taxCalculationBreakdowns", [])
    return {
        "tax_model": collections[0].get("model") if collections else None,
        "tax_responsible_party": collections[0].get("responsibleParty") if collections else None,
        "tax_scheme": breakdowns[0].get("reportingScheme") if breakdowns else None,
    }


def expected_package(package: Json) -> Json:
    return {
        "external_id": package["packageReferenceId"],
        "carrier": package["carrier"],
        "shipping_service": package.get("shippingService", ""),
        "tracking_number": package.get("trackingNumber", ""),
        "status": package["packageStatus"]["status"],
        "detailed_status": package["packageStatus"].get("detailedStatus", ""),
        "packed_at": moment(package.get("createdTime")),
        "shipped_at": moment(package.get("shipTime")),
        "contents": [
            {"item": entry["orderItemId"], "quantity": entry["quantity"]} for entry in package["packageItems"]
        ],
    }


def expected(order: Json) -> Json:
    fulfillment = order["fulfillment"]
    taxes = {part["type"]: part["subtotal"] for part in order["proceeds"].get("breakdowns", [])}
    return {
        "external_id": order["orderId"],
        "status": {"SHIPPED": "shipped", "UNSHIPPED": "unshipped"}[fulfillment["fulfillmentStatus"]],
        "platform_status": fulfillment["fulfillmentStatus"],
        "purchased_at": moment(order["createdTime"]),
        "platform_updated_at": moment(order["lastUpdatedTime"]),
        "marketplace_id": order["salesChannel"]["marketplaceId"],
        "fulfilled_by": {"AMAZON": "platform", "MERCHANT": "merchant"}[fulfillment["fulfilledBy"]],
        "service_level": fulfillment["fulfillmentServiceLevel"],
        "ship_by": moment(fulfillment.get("shipByWindow", {}).get("latestDateTime")),
        "deliver_by": moment(fulfillment.get("deliverByWindow", {}).get("latestDateTime")),
        "currency": order["proceeds"]["grandTotal"]["currencyCode"],
        "total": amount(order["proceeds"]["grandTotal"]),
        "tax": amount(taxes.get("TAX")),
        "invoice_status": order.get("tax", {}).get("taxInvoicing", {}).get("invoiceStatus"),
        "packages": [expected_package(package) for package in order.get("packages", [])],
        "programs": order.get("programs", []),
        "replaced_order_id": "",  # none of the six replaces another
        "buyer_requested_cancellation": False,
        "items": [expected_item(item) for item in order["orderItems"]],
    }


def test_it_stores_amazons_examples_as_they_are_written(platform: Platform, sandbox: StaticSandbox) -> None:
    log = sync(platform)
    assert (log.status, log.source, log.fetched, log.created) == (
        SyncLog.Status.SUCCEEDED,
        Source.SANDBOX,
        6,
        6,
    )
    assert stored_orders(platform) == {order["orderId"]: expected(order) for order in examples()}
    assert set(Order.objects.values_list("source", flat=True)) == {Source.SANDBOX}
    assert (sandbox.calls["searchOrders"], sandbox.calls["getOrder"], sandbox.calls["token"]) == (3, 3, 1)
    assert [note["code"] for note in log.notes] == ["sandbox"]


def test_it_stores_the_examples_buyers_only_on_request(platform: Platform) -> None:
    sync(platform)
    assert OrderBuyer.objects.count() == 0
    payloads = json.dumps(list(Order.objects.values_list("payload", flat=True)), ensure_ascii=False)
    for secret in (
        "John Smith",
        "Sarah Thompson",
        "buyer-email",
        "Oak Avenue",
        "Feliz Natal",
        "Test company name",
    ):
        assert secret not in payloads


def test_it_does_not_move_the_watermark(platform: Platform) -> None:
    sync(platform)
    assert watermark_of(platform) is None


def test_it_is_deleted_by_the_first_live_sync(platform: Platform, settings: Any) -> None:
    sync(platform)
    with Simulator(Account(orders=12)) as sim:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = sim.endpoint, sim.lwa_endpoint
        log = sync(platform_of(sim))
    assert log.status == SyncLog.Status.SUCCEEDED
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_it_never_replaces_a_live_order(platform: Platform) -> None:
    sync(platform)
    Order.objects.filter(external_id="114-9876543-1234567").update(
        source=Source.LIVE, content_hash="", service_level="MINE"
    )
    log = sync(platform)
    assert (log.status, log.unchanged) == (SyncLog.Status.SUCCEEDED, 6)
    assert Order.objects.get(external_id="114-9876543-1234567").service_level == "MINE"
