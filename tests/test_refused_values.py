"""What a database has no room for costs itself or its record, is kept as a failure, and is the same on every one."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from integrations.models import SyncFailure, SyncLog
from integrations.sync.connection_check import check_platform
from integrations.sync.failures import replay
from integrations.tests.syncing import ALWAYS, INVENTORY, order_page, platform_of, raw_item, raw_order, sync
from inventory.models import InventoryItem
from orders.models import Order, OrderBuyer, OrderItem
from platforms.models import Platform
from simulator import Canned, Simulator

db = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Json = dict[str, Any]
NUL, HALF, ODD = "Cup\0cake", "Teapot \ud83d", "\ufffd"


def item(line: int = 1, /, **product: Any) -> Json:
    return raw_item(line, product={"sellerSku": f"SKU-{line}", "title": "A thing", **product})


def price(amount: str, currency: str = "EUR") -> Json:
    return {"unitPrice": {"amount": amount, "currencyCode": currency}}


def of_items(number: int, *items: Json, **changes: Any) -> Json:
    return raw_order(number, orderItems=list(items), **changes)


def stock_page(*rows: Json) -> Canned:
    body = json.dumps({"payload": {"granularity": {}, "inventorySummaries": list(rows)}}).encode()
    return Canned(200, body, {"Content-Type": "application/json"})


def failures_of(log: SyncLog) -> dict[str, SyncFailure]:
    return {failure.external_id[-1]: failure for failure in log.failures.all()}


# --- characters


@db
def test_odd_characters_cost_the_character(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    twins = of_items(3, item(1, title=NUL), item(1, title=HALF))
    orders = [
        raw_order(0),
        of_items(1, item(1, title=NUL)),
        of_items(2, item(1, title=HALF)),
        twins,
        raw_order(4),
    ]
    orders[4]["note\0"] = {"deep\0": ["\0", "\\u0000"]}
    sim.script("searchOrders", order_page(*orders), order_page(*orders))
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.error_code, log.created, log.failed) == ("partial", "", 4, 1)
    titles = OrderItem.objects.order_by("order__external_id").values_list("title", flat=True)
    assert list(titles) == ["A thing", f"Cup{ODD}cake", f"Teapot {ODD}", "A thing"]
    assert Order.objects.get(external_id__endswith="4").payload[f"note{ODD}"] == {
        f"deep{ODD}": [ODD, "\\u0000"]
    }
    (failure,) = log.failures.all()
    assert failure.error_code == "malformed"
    kept = [line["product"]["title"] for line in failure.payload["orderItems"]]
    assert kept == [f"Cup{ODD}cake", f"Teapot {ODD}"]
    notes = {note["code"]: note["message"] for note in log.notes}
    assert "in 111-0000000-0000001, for one" in notes["cleaned"]
    again = sync(platform)
    assert (again.unchanged, again.failed) == (4, 1)
    assert "cleaned" not in {note["code"] for note in again.notes}


@db
def test_odd_characters_of_a_stock_row_cost_the_character(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    rows = [
        {"sellerSku": f"SKU-{n}", "productName": name} for n, name in enumerate((NUL, HALF, "\U0001f984"))
    ]
    bad = [{"sellerSku": "\0", "totalQuantity": "many\0"}, {"sellerSku": "A\0B"}, {"sellerSku": "A\0C"}]
    sim.script("getInventorySummaries", stock_page(*rows, *bad))
    log = sync(platform_of(sim), INVENTORY)
    assert (log.status, log.created, log.failed) == ("partial", 3, 3)
    said = log.failures.filter(external_id__startswith=f"A{ODD}").values_list("error_code", "error_message")
    assert [code for code, _text in said] == ["not_storable"] * 2  # an id would be another one
    assert said[0][1].startswith("inventory_items.sku has room for text without U+0000")
    sim.script("getInventorySummaries", stock_page(*rows, *bad))
    assert sync(platform_of(sim), INVENTORY, skus=["SKU-0", "A"]).status == "partial"
    titles = InventoryItem.objects.order_by("sku").values_list("title", flat=True)
    assert list(titles) == [f"Cup{ODD}cake", f"Teapot {ODD}", "\U0001f984"]


@db
def test_what_a_platform_says_of_an_error_is_stored(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    said = {"errors": [{"code": "InvalidInput", "message": "No\0 such \ud83d thing."}]}
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": "r" * 500}
    sim.script("searchOrders", *[Canned(400, json.dumps(said).encode(), headers)] * ALWAYS)
    log = sync(platform_of(sim))
    assert (log.error_code, log.request_id) == ("bad_request", "r" * 128)
    assert f"No{ODD} such {ODD} thing." in log.error_message


@db
def test_what_a_platform_says_to_the_check_is_stored(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    said = {"errors": [{"code": "InvalidInput", "message": "No\0 such \ud83d thing."}]}
    refused = Canned(400, json.dumps(said).encode(), {"Content-Type": "application/json"})
    sim.script("searchOrders", *[refused] * ALWAYS)
    platform = platform_of(sim)
    check_platform(platform)
    outcome = json.dumps(Platform.objects.get(pk=platform.pk).check_outcome, ensure_ascii=False)
    assert f"No{ODD} such {ODD} thing." in outcome


# --- amounts


@db
def test_it_rounds_amounts_to_the_column_and_says_so(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    amounts = ["3.33333333", "-0.00005", "1E-99999999", "12345678901.23455", "7.5"]
    orders = [of_items(n, item(1, price=price(amount))) for n, amount in enumerate(amounts)]
    orders[4]["proceeds"] = {"grandTotal": {"amount": "10.999949999", "currencyCode": "EUR"}}
    sim.script("searchOrders", order_page(*orders), order_page(*orders))
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.created, [note["code"] for note in log.notes]) == ("succeeded", 5, ["rounded"])
    assert "unit_price is '3.33333333' in 111-0000000-0000000" in log.notes[0]["message"]
    prices = OrderItem.objects.order_by("order__external_id").values_list("unit_price", flat=True)
    assert list(prices) == [Decimal(text) for text in ("3.3333", "-0.0001", "0", "12345678901.2346", "7.5")]
    assert Order.objects.get(external_id__endswith="4").total == Decimal("10.9999")
    assert '"3.33333333"' in json.dumps(Order.objects.get(external_id__endswith="0").payload)
    again = sync(platform)
    assert (again.unchanged, again.notes) == (5, [])


# --- room


@db
def test_it_refuses_what_the_columns_have_no_room_for_on_every_database(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator()
    orders = [
        raw_order(0),
        of_items(1, item(1), item(2, asin="B" * 400)),
        of_items(2, item(1, price=price("1.00", "EURO"))),
        of_items(3, item(1) | {"quantityOrdered": 2**31}),
        of_items(4, item(1) | {"quantityOrdered": -(10**30)}),
        raw_order(5, salesChannel={"marketplaceId": "M" * 33}),
        of_items(6, item(1, asin="B" * 32, price=price("1.00", "EUR")) | {"quantityOrdered": 2**31 - 1}),
        of_items(7, item(1, price=price("12345678901234.56785"))),
    ]
    sim.script("searchOrders", order_page(*orders))
    log = sync(platform_of(sim))
    stored = {external_id[-1] for external_id in Order.objects.values_list("external_id", flat=True)}
    floats = {"7"} if connection.vendor == "sqlite" else set()  # it keeps 15 digits
    assert stored == {"0", "6", "7"} - floats
    failures = failures_of(log)
    assert failures.keys() == {"1", "2", "3", "4", "5"} | floats
    assert {failure.error_code for failure in failures.values()} == {"not_storable"}
    said = {number: failure.error_message for number, failure in failures.items()}
    assert said["1"].startswith("order_items.asin has room for 32 characters, and the platform reports 'BBB")
    assert "order_items.currency has room for 3 characters, and the platform reports 'EURO'." in said["2"]
    assert "order_items.quantity_ordered has room for whole numbers" in said["3"]
    assert "reports 2147483648." in said["3"]
    assert "orders.marketplace_id" in said["5"]
    assert failures["1"].payload["orderItems"][1]["product"]["asin"] == "B" * 400
    assert (log.status, log.created, log.failed) == ("partial", len(stored), len(failures))


@db
def test_it_refuses_a_stock_row_with_its_values(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    bad = {
        "sellerSku": "SKU-1",
        "asin": "B" * 33,
        "totalQuantity": 7,
        "lastUpdatedTime": "2026-11-01T10:00:00Z",
    }
    sim.script("getInventorySummaries", stock_page({"sellerSku": "SKU-2", "totalQuantity": 1}, bad))
    log = sync(platform_of(sim), INVENTORY)
    (failure,) = log.failures.all()
    assert (log.created, failure.external_id, failure.error_code) == (1, "SKU-1", "not_storable")
    assert failure.error_message.startswith("inventory_items.asin has room for 32 characters")
    assert failure.payload | {"marketplace_id": ""} == {
        "marketplace_id": "", "sku": "SKU-1", "asin": "B" * 33, "total": 7,
        "platform_updated_at": "2026-11-01T10:00:00+00:00",
    }  # fmt: skip


@db
def test_packets_that_are_too_big_cost_the_record(start_simulator: StartSimulator) -> None:
    """MariaDB takes 16 MB at once, as it is installed; the others take these."""
    sim = start_simulator()
    huge = "x" * 17_000_000
    unreadable = of_items(2, item(1), item(1), extension=huge)
    orders = [
        raw_order(1, extension=huge),
        unreadable,
        raw_order(3),
        *(of_items(n, item(1), item(1), extension="x" * 90_000) for n in range(10, 40)),
    ]
    sim.script("searchOrders", order_page(*orders))
    log = sync(platform_of(sim))
    too_big = connection.vendor == "mysql"
    assert (log.status, log.error_code, log.created, log.failed) == ("partial", "", 2 - too_big, 31 + too_big)
    kept = {failure.external_id: failure for failure in log.failures.all()}
    assert kept[unreadable["orderId"]].payload["extension"] == "left out: 17,000,011 characters"
    assert kept[unreadable["orderId"]].payload["orderId"] == unreadable["orderId"]
    if too_big:
        failure = kept[orders[0]["orderId"]]
        assert failure.error_message.startswith(
            "orders.payload has room for 16,777,216 bytes (max_allowed_packet)"
        )


@pytest.fixture
def three_bytes() -> Iterator[None]:
    """Columns that were made for a character set of three bytes."""
    if connection.vendor != "mysql":
        pytest.skip("only MySQL and MariaDB have character sets that lack characters")
    columns = {
        "inventory_items": ["title longtext", "fnsku varchar(64)"],
        "sync_failures": ["external_id varchar(255)", "error_message longtext", "payload longtext"],
    }

    def make(charset: str) -> None:
        with connection.cursor() as cursor:
            for table, definitions in columns.items():
                changes = ", ".join(f"MODIFY {each} CHARACTER SET {charset} NOT NULL" for each in definitions)
                cursor.execute(f"ALTER TABLE {table} {changes}")

    before = {}
    with connection.cursor() as cursor:
        for table in columns:
            cursor.execute(f"SHOW CREATE TABLE {table}")
            before[table] = cursor.fetchone()[1]
    make("utf8mb3")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        for table, statement in before.items():
            cursor.execute(f"DROP TABLE {table}")
            cursor.execute(statement)
        cursor.execute("SET foreign_key_checks = 1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("three_bytes")
def test_an_emoji_costs_its_record_where_columns_have_three_bytes(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    rows: list[Json] = [{"sellerSku": f"SKU-{n}", "totalQuantity": 1} for n in range(20)]
    rows[7]["productName"] = "Cup \U0001f984"
    rows[9] |= {"sellerSku": "SKU \U0001f984", "fnSku": "\U0001f984"}
    sim.script("getInventorySummaries", stock_page(*rows))
    log = sync(platform_of(sim), INVENTORY)
    assert (log.status, log.error_code, log.created, log.failed) == ("partial", "", 18, 2)
    kept = dict(log.failures.values_list("external_id", "payload__title"))
    assert kept == {"SKU-7": "Cup \U0001f984", f"SKU {ODD}": None}


# --- dates that mean none


PLACEHOLDERS = [
    "0001-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "1995-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
]


@db
@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_is_no_date_and_no_reason_to_lose_or_keep_anything(
    start_simulator: StartSimulator, placeholder: str
) -> None:
    sim = start_simulator()
    now = timezone.now().replace(microsecond=0)
    buyer = {"buyer": {"buyerName": "Ann", "buyerEmail": "ann@example.com"}}

    def order(
        number: int, updated: str, due: str, title: str = "A thing", created: str = placeholder
    ) -> Json:
        window = {"latestDateTime": due}
        fulfillment = {"fulfillmentStatus": "UNSHIPPED", "shipByWindow": window, "deliverByWindow": window}
        raw = of_items(number, item(1, title=title), updated=updated, fulfillment=fulfillment, **buyer)
        return raw | {"createdTime": created}

    fresh, later = (
        f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
        f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    )
    sim.script("searchOrders", order_page(order(1, fresh, placeholder), order(2, placeholder, placeholder)))
    sim.script(
        "searchOrders",
        order_page(order(2, later, placeholder, "Another"), order(3, fresh, "2090-01-01T00:00:00Z")),
    )
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    assert (sync(platform).status, sync(platform).status) == ("succeeded", "succeeded")
    rows = Order.objects.order_by("external_id")
    assert list(rows.values_list("ship_by", "deliver_by"))[:2] == [(None, None)] * 2
    assert OrderItem.objects.get(order=rows[1]).title == "Another"  # a year 9999 does not freeze the order
    purged = OrderBuyer.objects.order_by("order__external_id").values_list("purge_after", flat=True)
    assert len(purged) == 3
    assert all(timedelta(days=36) < moment - now < timedelta(days=38) for moment in purged)


@db
def test_a_time_of_a_last_change_that_is_yet_to_come_keeps_nothing_as_it_is(
    start_simulator: StartSimulator,
) -> None:
    sim, soon = start_simulator(), timezone.now() + timedelta(days=700)
    shipped = {"fulfillmentStatus": "SHIPPED", "fulfilledBy": "MERCHANT"}
    odd, right = raw_order(1, updated=soon.strftime("%Y-%m-%dT%H:%M:%SZ")), raw_order(1, fulfillment=shipped)
    platform = platform_of(sim)
    for first, then, status in ((odd, right, "shipped"), (right, odd, "unshipped")):
        sim.script("searchOrders", order_page(first), order_page(then))
        sync(platform)
        assert (sync(platform).updated, Order.objects.get().status) == (1, status)


@db
def test_times_are_read_as_rfc_3339_writes_them(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script(
        "searchOrders",
        order_page(
            raw_order(1, updated="2026-11-01t10:00:00z"), raw_order(2, updated="2026-06-30T23:59:60Z")
        ),
    )
    assert sync(platform_of(sim)).created == 2
    times = Order.objects.order_by("external_id").values_list("platform_updated_at", flat=True)
    assert list(times) == [
        datetime(2026, 11, 1, 10, tzinfo=UTC),
        datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC),
    ]


# --- replay


@db
def test_a_replay_keeps_what_is_still_refused(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", order_page(of_items(1, item(1), item(1))))
    failure = sync(platform_of(sim)).failures.get()
    worse = of_items(1, item(1, title=NUL, asin="B" * 40))
    sim.script(
        "getOrder", Canned(200, json.dumps({"order": worse}).encode(), {"Content-Type": "application/json"})
    )
    assert replay(failure).is_open
    kept = SyncFailure.objects.get()
    assert (kept.error_code, kept.payload["orderItems"][0]["product"]["title"]) == (
        "not_storable",
        f"Cup{ODD}cake",
    )
