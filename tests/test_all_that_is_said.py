"""What Amazon says of orders and stock, from its answer over HTTP to the pages, the REST API and the exports."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from api.tests.rest import superuser
from audit.models import AuditEntry
from integrations.tests.syncing import INVENTORY, Json, order_page, platform_of, raw_item, raw_order, sync
from inventory.models import InventoryItem
from orders.models import Order, OrderBuyer, OrderChange
from platforms.models import Platform
from simulator import Canned, Simulator

pytestmark = pytest.mark.django_db(transaction=True)

StartSimulator = Callable[..., Simulator]
ORDERS, STOCK = "/admin/orders/order/", "/admin/inventory/inventoryitem/"


def read(start_simulator: StartSimulator, *orders: Json, include_pii: bool = False) -> None:
    """Sync what Amazon answers, so often as there are orders: each is a later answer about the same order."""
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    platform.include_pii = include_pii
    platform.save()
    for order in orders:
        sim.script("searchOrders", order_page(order))
        assert sync(platform).status == "succeeded"


def exported(client: Client, name: str, address: str = ORDERS) -> list[dict[str, str]]:
    answer: Any = client.get(f"{address}export/{name}.machine.csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"), newline="")))


def test_what_is_left_to_ship(start_simulator: StartSimulator, admin_client: Client) -> None:
    def lines(*half: int) -> list[Json]:
        """One line is shipped, of one `half` as (shipped, left), and one is gone."""
        units = {"SKU-DONE": (1, 0), "SKU-HALF": half, "SKU-GONE": (0, 0)}
        return [
            raw_item(
                number, quantityOrdered=sum(of), product={"sellerSku": sku},
                fulfillment={"quantityFulfilled": of[0], "quantityUnfulfilled": of[1]},
            )
            for number, (sku, of) in enumerate(units.items(), start=1)
        ]  # fmt: skip

    def answer(hour: int, status: str, *half: int) -> Json:
        said = {"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"}
        return raw_order(updated=f"2026-11-01T{hour}:00:00Z", fulfillment=said, orderItems=lines(*half))

    read(start_simulator, answer(10, "UNSHIPPED", 0, 3), answer(11, "PARTIALLY_SHIPPED", 1, 2))
    order = Order.objects.get()
    assert list(order.items.values_list("quantity_left", flat=True)) == [0, 2, 0]
    page = admin_client.get(f"{ORDERS}?to_ship=any").content.decode()
    assert "<b>2 ×</b> SKU-HALF" in page
    assert "SKU-HALF · 2 of 4 left" in page
    assert "SKU-DONE" not in page
    assert (
        'data-name="Left" class="oms-order-left"'
        in admin_client.get(f"{ORDERS}{order.pk}/change/").content.decode()
    )
    shown = superuser().get(f"/orders/{order.pk}").json()
    assert (shown["quantity_left"], [line["quantity_left"] for line in shown["items"]]) == (2, [0, 2, 0])
    assert [row["quantity_left"] for row in exported(admin_client, "orders")] == ["2"]
    assert [row["quantity_left"] for row in exported(admin_client, "order-lines")] == ["0", "2", "0"]
    of_lines = [change for change in OrderChange.objects.get().changes if len(change) > 3]
    assert of_lines == [["quantity_shipped", 0, 1, "SKU-HALF"]]  # what is left follows


def test_every_kind_of_stock(start_simulator: StartSimulator, admin_client: Client) -> None:
    sim = start_simulator(orders=0, skus=1)
    details = {
        "fulfillableQuantity": 20,
        "inboundShippedQuantity": 61,
        "reservedQuantity": {"totalReservedQuantity": 53, "pendingCustomerOrderQuantity": 53},
        "unfulfillableQuantity": {
            "totalUnfulfillableQuantity": 47,
            "customerDamagedQuantity": 43,
            "meltedQuantity": 4,
        },
        "futureSupplyQuantity": {"futureSupplyBuyableQuantity": 71},
    }
    summary = {"sellerSku": "A", "totalQuantity": 181, "inventoryDetails": details}
    listed = {"payload": {"inventorySummaries": [summary]}}
    sim.script("getInventorySummaries", Canned.json(200, listed))
    assert sync(platform_of(sim), INVENTORY).status == "succeeded"
    item = InventoryItem.objects.get()
    kinds = {
        "inbound": {"shipped": 61},
        "reserved": {"pending_customer_order": 53},
        "unfulfillable": {"customer_damaged": 43, "melted": 4},
        "future_supply": {"future_supply_buyable": 71},
    }
    assert (item.reserved, item.inbound, item.unfulfillable, item.details) == (53, 61, 47, kinds)
    assert superuser().get(f"/inventory/{item.pk}").json()["details"] == kinds
    page = admin_client.get(f"{STOCK}{item.pk}/change/").content.decode()
    for words in ("for orders of customers", "damaged by customers", "Melted", "can be ordered"):
        assert words in page
    [row] = exported(admin_client, "inventory", STOCK)
    names = (
        "reserved_pending_customer_order",
        "inbound_shipped",
        "inbound_working",
        "unfulfillable_customer_damaged",
    )
    assert [row[name] for name in names] == ["53", "61", "", "43"]
    before = InventoryItem.objects.values().get()
    sync(platform_of(sim), INVENTORY)  # lists another SKU: this one is gone
    assert InventoryItem.objects.values_list("details", flat=True).get(pk=item.pk) == {}
    sim.script("getInventorySummaries", Canned.json(200, listed))
    sync(platform_of(sim), INVENTORY)
    assert InventoryItem.objects.values("details", "gone_at").get(pk=item.pk) == {
        name: before[name] for name in ("details", "gone_at")
    }


PERSONAL: Json = {
    "buyer": {
        "buyerName": "ANN-CANARY", "buyerCompanyName": "COMPANY-CANARY", "buyerPurchaseOrderNumber": "PO-CANARY",
    },
    "recipient": {
        "deliveryAddress": {
            "addressLine1": "LINE-CANARY", "countryCode": "BR",
            "extendedFields": {
                "streetName": "RUA-CANARY", "streetNumber": "771-CANARY", "complement": "APTO-CANARY",
                "neighborhood": "BAIRRO-CANARY",
            },
        },
        "deliveryPreference": {
            "dropOffLocation": "PORCH-CANARY", "addressInstruction": "RING-CANARY",
            "deliveryTime": {
                "businessHours": [{
                    "dayOfWeek": "MON",
                    "timeWindows": [{"startTime": {"hour": 9}, "endTime": {"hour": 17, "minute": 30}}],
                }],
                "exceptionDates": [{"exceptionDate": "2026-12-24", "exceptionDateType": "CLOSED"}],
            },
            "deliveryCapabilities": ["HAS_ACCESS_POINT", "PALLET_ENABLED"],
        },
    },
    "tax": {
        "taxRegistrations": [
            {"entityType": "MERCHANT", "taxRegistrationNumber": "OURS"},
            {"entityType": "BUYER", "legalName": "LEGAL-CANARY", "taxRegistrationNumber": "CPF-CANARY"},
        ],
    },
    "orderItems": [
        raw_item(
            1, fulfillment={"packing": {"giftOption": {"giftMessage": "GIFT-CANARY", "giftWrapLevel": "Classic"}}},
            product={"sellerSku": "SKU-1", "customization": {"customizedUrl": "URL-CANARY"}},
        ),
        raw_item(2, cancellation={"cancellationRequest": {"requester": "BUYER", "cancelReason": "WHY-CANARY"}}),
    ],
}  # fmt: skip


def test_personal_data_is_in_the_vault_and_nowhere_else(
    start_simulator: StartSimulator, admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    read(start_simulator, raw_order(**PERSONAL), include_pii=True)
    order = Order.objects.get()
    page = admin_client.post(f"{ORDERS}{order.pk}/buyer/", {"reason": "label"}).content.decode()
    canaries = set(re.findall(r"[\w-]+-CANARY", json.dumps(PERSONAL)))
    assert {canary for canary in canaries if canary not in page} == set()
    for words in (
        "MON 09:00-17:30",
        "2026-12-24 CLOSED",
        "HAS_ACCESS_POINT, PALLET_ENABLED",
        "Gift message (SKU-1)",
    ):
        assert words in page
    assert "OURS" not in page
    assert AuditEntry.objects.filter(action="buyer_data.read").count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM order_buyers")
        stored = str(cursor.fetchall())
    elsewhere = {
        "the vault, as it is stored": stored,
        "the payload": json.dumps(order.payload),
        "the page of the order": admin_client.get(f"{ORDERS}{order.pk}/change/").content.decode(),
        "REST": superuser().get(f"/orders/{order.pk}").content.decode(),
        "exports": str([exported(admin_client, name) for name in ("orders", "order-lines")]),
        "logs": caplog.text,
    }
    assert {place for place, text in elsewhere.items() if "CANARY" in text} == set()
    assert order.payload["orderItems"][0]["fulfillment"]["packing"] == {
        "giftOption": {"giftWrapLevel": "Classic"}
    }


def test_the_country_stays_when_the_rest_of_the_address_goes(start_simulator: StartSimulator) -> None:
    """And only an order of which it is said for the first time is another one."""
    sim = start_simulator(orders=0)
    platform = platform_of(sim)

    def answer(**first: Any) -> Canned:
        one = raw_order(1, updated="2026-11-01T11:00:00Z", **first)
        return Canned.json(200, {"orders": [one, raw_order(2, updated="2026-11-01T11:00:00Z")]})

    def read(canned: Canned) -> tuple[int, int]:
        sim.script("searchOrders", canned)
        log = sync(platform)
        return log.updated, log.unchanged

    sim.script("searchOrders", answer())
    sync(platform)
    Order.objects.update(content_hash="as an earlier release made it")
    assert read(answer()) == (0, 2)
    Platform.objects.update(include_pii=True)
    platform.refresh_from_db()
    address = {"deliveryAddress": {"countryCode": "at", "city": "CITY-CANARY", "name": "ANN-CANARY"}}
    assert read(answer(recipient=address)) == (1, 1)
    (change,) = OrderChange.objects.all()
    assert change.changes == [["ship_to_country", None, "AT"]]
    order = change.order
    OrderBuyer.objects.all().delete()
    for less in (
        {"deliveryAddress": {"city": "CITY-CANARY"}},
        {"deliveryAddress": {"countryCode": "Austria"}},
        {},
    ):
        read(answer(recipient=less))
        order.refresh_from_db()
        assert order.ship_to_country == "AT"
    assert superuser().get(f"/orders/{order.pk}").json()["ship_to_country"] == "AT"


def test_no_personal_data_is_stored_unless_the_platform_asks_for_it(start_simulator: StartSimulator) -> None:
    read(start_simulator, raw_order(**PERSONAL))
    assert (Order.objects.count(), OrderBuyer.objects.count()) == (1, 0)


def package(number: int, status: str, **contents: Any) -> Json:
    """`contents`: units by the line's name, as `line_1=2`."""
    return {
        "packageReferenceId": str(number), "createdTime": "2026-11-01T08:00:00Z", "carrier": "DHL",
        "shipTime": f"2026-11-01T09:00:0{number}Z", "shippingService": "Paket", "trackingNumber": f"JJD00{number}",
        "packageStatus": {"status": status},
        "packageItems": [
            {"orderItemId": f"{int(name.removeprefix('line_')):014d}", "quantity": quantity}
            for name, quantity in contents.items()
        ],
        "shipFromAddress": {"name": "Our warehouse"},
    }  # fmt: skip


def test_packages_and_what_is_in_them(start_simulator: StartSimulator, admin_client: Client) -> None:
    def answer(hour: int, *packages: Json, **changes: Any) -> Json:
        listed: Json = {"packages": list(packages)} if packages else {}
        return raw_order(updated=f"2026-11-01T{hour}:00:00Z", items=2, **listed, **changes)

    read(
        start_simulator,
        answer(10),
        answer(11, package(1, "SHIPPED", line_1=2, line_2=1), package(2, "PENDING")),
        answer(
            12,
            package(1, "DELIVERED", line_1=2, line_2=1) | {"carrier": "UPS"},
            package(3, "SHIPPED", line_2="?"),
        ),
        answer(13),  # says nothing about packages
    )
    order = Order.objects.get()
    first, third = order.packages.all()
    assert (first.external_id, first.carrier, first.status, first.detailed_status) == (
        "1",
        "UPS",
        "DELIVERED",
        "",
    )
    assert (first.shipping_service, first.tracking_number) == ("Paket", "JJD001")
    assert first.shipped_at == datetime(2026, 11, 1, 9, 0, 1, tzinfo=UTC)
    assert first.contents == [{"item": f"{1:014d}", "quantity": 2}, {"item": f"{2:014d}", "quantity": 1}]
    assert (third.external_id, third.contents) == ("3", [{"item": f"{2:014d}", "quantity": None}])
    client = superuser()
    shown = client.get(f"/orders/{order.pk}").json()["packages"]
    assert [(row["tracking_number"], row["shipped_at"], row["contents"]) for row in shown] == [
        ("JJD001", "2026-11-01T09:00:01Z", first.contents), ("JJD003", "2026-11-01T09:00:03Z", third.contents),
    ]  # fmt: skip
    for query in ("tracking_number=JJD003", "search=JJD003"):
        assert client.get(f"/orders?{query}").json()["results"][0]["external_id"] == order.external_id
    assert client.get("/orders?tracking_number=JJD00").json()["results"] == []
    page = admin_client.get(f"{ORDERS}{order.pk}/change/").content.decode()
    for words in ("JJD001", "UPS Paket", "DELIVERED", "2 × SKU-1, 1 × SKU-2", "– × SKU-2", "package added"):
        assert words in page
    assert order.external_id in admin_client.get(f"{ORDERS}?q=JJD003").content.decode()
    where = admin_client.get(reverse("where-is-my-order"), {"id": "JJD001"}).content.decode()
    assert f"Tracking number JJD001 is that of a package of order {order.external_id}." in where
    assert "Our warehouse" not in json.dumps(order.payload)
    rows = exported(admin_client, "packages")
    assert [(row["order_external_id"], row["tracking_number"], row["status"]) for row in rows] == [
        (order.external_id, "JJD001", "DELIVERED"), (order.external_id, "JJD003", "SHIPPED"),
    ]  # fmt: skip
    changes = list(OrderChange.objects.order_by("id").values_list("changes", flat=True))
    assert changes == [
        [["package_added", None, "JJD001", "1"], ["package_added", None, "JJD002", "2"]],
        [
            ["package_carrier", "DHL", "UPS", "1"], ["package_status", "SHIPPED", "DELIVERED", "1"],
            ["package_added", None, "JJD003", "3"], ["package_removed", "JJD002", None, "2"],
        ],
        [],
    ]  # fmt: skip


def test_the_tax_of_an_order_and_its_lines(start_simulator: StartSimulator, admin_client: Client) -> None:
    def taxed(total: str, tax: str) -> list[Json]:
        amounts = (
            {"type": kind, "subtotal": {"amount": of, "currencyCode": "EUR"}}
            for kind, of in (("ITEM", total), ("TAX", tax))
        )
        return list(amounts)

    of_line = taxed("10", "1.9")
    of_line[1]["detailedBreakdowns"] = [
        {"subtype": subtype, "value": {"amount": of, "currencyCode": "EUR"}}
        for subtype, of in (("ITEM", "1.5"), ("SHIPPING", "0.3"), ("GIFT_WRAP", "0.2"), ("DISCOUNT", "0.1"))
    ]
    line = raw_item(
        1, proceeds={"proceedsTotal": {"amount": "11.90", "currencyCode": "EUR"}, "breakdowns": of_line},
        tax={
            "taxCollections": [{"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon Services, Inc."}],
            "taxCalculationBreakdowns": [{"reportingScheme": "IOSS"}],
        },
    )  # fmt: skip
    proceeds = {"grandTotal": {"amount": "11.90", "currencyCode": "EUR"}, "breakdowns": taxed("10", "1.9")}
    answer = raw_order(
        proceeds=proceeds, orderItems=[line], tax={"taxInvoicing": {"invoiceStatus": "PENDING"}}
    )
    without = raw_order(
        updated="2026-11-01T11:00:00Z",
        orderItems=[raw_item(1)],
        proceeds=proceeds | {"breakdowns": []},
    )
    read(start_simulator, answer)
    order = Order.objects.get()
    assert (order.tax, order.currency, order.invoice_status) == (Decimal("1.9"), "EUR", "PENDING")
    shown = superuser().get(f"/orders/{order.pk}").json()
    assert (shown["tax"], shown["currency"], shown["invoice_status"]) == ("1.90", "EUR", "PENDING")
    parts = ("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax")
    names = ("tax", *parts, "tax_model", "tax_responsible_party", "tax_scheme")
    facts = (
        "1.90",
        "1.50",
        "0.30",
        "0.20",
        "0.10",
        "MARKETPLACE_FACILITATOR",
        "Amazon Services, Inc.",
        "IOSS",
    )
    assert tuple(shown["items"][0][name] for name in names) == facts
    [row] = exported(admin_client, "order-lines")
    assert tuple(row[name] for name in names) == facts
    assert [row["tax"] for row in exported(admin_client, "orders")] == ["1.90"]
    page = admin_client.get(f"{ORDERS}{order.pk}/change/").content.decode()
    assert "Amazon Services, Inc. · IOSS" in page
    for name in ("Item tax", "Shipping tax", "Gift wrap tax", "Discount tax"):
        assert f"<dt>{name}</dt>" in page
    read(start_simulator, without)
    order = Order.objects.get()
    assert (order.tax, order.items.get().tax, order.items.get().tax_scheme) == (None, Decimal("1.9"), "IOSS")


def test_what_amazon_added_lately_is_kept(start_simulator: StartSimulator) -> None:
    newest: Json = {
        "programs": ["FULFILLMENT_ORDERS"],
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "promiseCalculationInputs": {"transitTime": {"value": 3}}},
        "fulfillmentOrders": [{"fulfillmentOrderId": "FO-1"}],
        "orderItems": [
            raw_item(1, associatedOrderItems=[{
                "orderId": "111-2", "associationType": "WARRANTY", "asin": "B01",
                "purchasePrice": {"amount": "9.90", "currencyCode": "USD"},
            }])
        ],
    }  # fmt: skip
    read(start_simulator, raw_order(**newest))
    order = Order.objects.get()
    assert order.programs == ["FULFILLMENT_ORDERS"]
    assert {name: order.payload[name] for name in newest} == newest
