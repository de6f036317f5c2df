"""One law for absence: any sequence of answers, read incrementally, ends in the same rows as the last answers read into
an empty database. Only the fields of a branch that did not come, or of a data set that was refused, keep what is
stored.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from integrations.amazon import normalize
from integrations.models import SyncLog
from integrations.tests.syncing import (
    INVENTORY,
    ITEM_FIELDS,
    ORDER_FIELDS,
    order_page,
    platform_of,
    raw_item,
    raw_order,
    stored_orders,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from orders.models import Order, OrderChange
from orders.services import delete_orders, upsert_orders
from platforms.models import Platform, Source
from simulator import Canned, Simulator

StartSimulator = Callable[..., Simulator]
Json = dict[str, Any]
Row = dict[str, Any]
DE = "A1PA6795UKMFR9"


def eur(amount: str, currency: str = "EUR") -> Json:
    return {"amount": amount, "currencyCode": currency}


def proceeds(total: str, **subtotals: str) -> Json:
    breakdowns = [{"type": kind, "subtotal": eur(amount)} for kind, amount in subtotals.items()]
    return {"proceedsTotal": eur(total), "breakdowns": breakdowns}


def the_order() -> Order:
    return Order.objects.get()


def line(number: int = 1) -> Row:
    (found,) = the_order().items.filter(external_id=f"{number:014d}").values(*ITEM_FIELDS)
    return {**found}


# --- orders, over HTTP

FULL = raw_order(
    programs=["PRIME"],
    associatedOrders=[{"orderId": "111-0", "associationType": "REPLACEMENT_ORIGINAL_ID"}],
    proceeds={"grandTotal": eur("33.50")},
    orderItems=[
        raw_item(1, proceeds=proceeds("13.50", ITEM="10", SHIPPING="4", DISCOUNT="-0.50")),
        raw_item(2, proceeds=proceeds("20.00", ITEM="20")),
    ],
)
CHEAPER = {
    "lastUpdatedTime": "2026-11-02T10:00:00Z",
    "programs": [],
    "associatedOrders": [],
    "proceeds": {"grandTotal": eur("10.00")},
}


@pytest.mark.django_db
@pytest.mark.parametrize("cancelled", [{"proceeds": {}}, {"proceeds": {"breakdowns": []}}, {}])
def test_it_drops_what_amazon_no_longer_says(
    start_simulator: StartSimulator, admin_client: Client, cancelled: Json
) -> None:
    """A coupon, shipping, a program, the order that was replaced, and a whole line are withdrawn."""
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    lines = [raw_item(1, proceeds=proceeds("10.00", ITEM="10")), raw_item(2, quantityOrdered=0, **cancelled)]
    last = FULL | CHEAPER | {"orderItems": lines}
    sim.script("searchOrders", order_page(FULL), order_page(last))
    assert [sync(platform).status for _ in range(2)] == [SyncLog.Status.SUCCEEDED] * 2
    stored = stored_orders(platform)
    order = the_order()
    assert (order.programs, order.replaced_order_id, order.total) == ([], "", Decimal(10))
    assert [line()[name] for name in ("total", "shipping", "discount")] == [10, None, None]
    assert (line(2)["total"], line(2)["currency"]) == (None, "")
    page = admin_client.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert "adds up" in page
    assert "does not add up" not in page
    delete_orders(platform=platform, sources=[Source.LIVE])
    sim.script("searchOrders", order_page(last))
    sync(platform)
    assert stored_orders(platform) == stored


@pytest.mark.django_db
def test_it_keeps_what_an_answer_says_nothing_about(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    silent = raw_order(updated="2026-11-02T10:00:00Z", orderItems=[raw_item(1), raw_item(2)])
    del silent["fulfillment"], silent["salesChannel"]
    sim.script("searchOrders", order_page(FULL), order_page(silent))
    sync(platform)
    before = stored_orders(platform)
    assert sync(platform).updated == 1
    (order,) = before.values()
    order["platform_updated_at"] = the_order().platform_updated_at
    assert stored_orders(platform) == before


@pytest.mark.django_db
def test_it_makes_up_no_amount_in_another_currency(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    priced = raw_item(1, product={"sellerSku": "SKU-1", "price": {"unitPrice": eur("12", "USD")}})
    later = {"proceeds": {"grandTotal": {"amount": "20"}}, "lastUpdatedTime": "2026-11-02T10:00:00Z"}
    sim.script("searchOrders", order_page(FULL), order_page(FULL | later | {"orderItems": [priced]}))
    sync(platform)
    sync(platform)
    assert [line()[name] for name in ("unit_price", "total", "shipping", "currency")] == [
        12,
        None,
        None,
        "USD",
    ]
    assert (the_order().total, the_order().currency) == (Decimal(20), "")


@pytest.mark.django_db
def test_it_takes_no_news_from_the_order_of_keys_white_space_and_escapes(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    order = FULL | {"note": {"ä": 1, "b": ["ß", {"x": 1, "y": 2}]}}

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    spelled = json.dumps({"orders": [turned(order)]}, ensure_ascii=False, indent=3).encode()
    same = Canned(200, spelled, {"Content-Type": "application/json"})
    sim.script("searchOrders", order_page(order), same, same)
    sync(platform)
    # As the commit before left it: its hash was of the keys as they came.
    Order.objects.update(content_hash="of keys in another order", payload=turned(the_order().payload))
    for _ in range(2):
        assert (sync(platform).unchanged, OrderChange.objects.count()) == (1, 0)


# --- orders, any sequence

SHORT = settings(
    max_examples=20,
    derandomize=True,
    phases=(Phase.generate,),
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
LONG = settings(SHORT, max_examples=300, derandomize=False, phases=(Phase.generate, Phase.shrink))

Answer = tuple[
    Json, tuple[str, ...]
]  # one order as Amazon may answer it, and the data sets that were asked for
Stored = tuple[Row, dict[str, Row]]  # the order, and its lines by their ids
Branches = Mapping[str, tuple[str, ...]]

# The fields of each branch of an answer.
BRANCHES: Branches = {
    "fulfillment": ("status", "platform_status", "fulfilled_by", "service_level"),
    "fulfillment.shipByWindow": ("ship_by",),
    "fulfillment.deliverByWindow": ("deliver_by",),
    "proceeds": ("total", "currency"),
    "proceeds.breakdowns": ("tax", "currency"),
    "tax": ("invoice_status",),
    "packages": ("packages",),
    "salesChannel": ("marketplace_id",),
    "programs": ("programs",),
    "associatedOrders": ("replaced_order_id",),
}
NOT_TAX = ("item_subtotal", "other_charges")
TAX_PARTS = ("item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax")
ITEM_BRANCHES: Branches = {
    "product": ("sku", "asin", "title"),
    "product.price": ("unit_price", "currency"),
    "fulfillment": ("quantity_shipped", "quantity_left"),
    "proceeds": ("total", "currency"),
    "proceeds.breakdowns": ("tax", "shipping", "discount", *NOT_TAX, *TAX_PARTS, "currency"),
    "tax": ("tax_model", "tax_responsible_party", "tax_scheme"),
}
AMOUNTS = ("unit_price", "total", "tax", "shipping", "discount", *NOT_TAX, *TAX_PARTS)
CURRENCIES = st.sampled_from(["EUR", "USD", ""])


def some(**branches: Any) -> st.SearchStrategy[Json]:
    """An object with any of these."""
    return st.fixed_dictionaries({}, optional=branches)


@st.composite
def answers(draw: DrawFn) -> Answer:
    """All amounts of an answer are in one currency."""
    currency = draw(CURRENCIES)
    money = st.sampled_from(["0", "1.00", "2.50"]).map(lambda amount: eur(amount, currency))
    detail = st.fixed_dictionaries(
        {"subtype": st.sampled_from(["ITEM", "GIFT_WRAP", "COD_FEE"]), "value": money}
    )
    breakdown = st.fixed_dictionaries(
        {"type": st.sampled_from(["TAX", "SHIPPING", "DISCOUNT", "ITEM"]), "subtotal": money},
        optional={"detailedBreakdowns": st.lists(detail, max_size=2)},
    )
    package = st.fixed_dictionaries(
        {"packageReferenceId": st.sampled_from(["1", "2"])},
        optional={"carrier": st.just("DHL"), "packageItems": st.just([{"orderItemId": "1", "quantity": 1}])},
    )
    window = some(latestDateTime=st.sampled_from(["2026-11-05T00:00:00Z", "2026-11-09T00:00:00Z"]))
    item = st.fixed_dictionaries(
        {"quantityOrdered": st.sampled_from([2, 1, 0])},
        optional={
            "product": some(
                sellerSku=st.just("S"), asin=st.just("B0"), title=st.just("T"), price=some(unitPrice=money)
            ),
            "fulfillment": some(quantityFulfilled=st.sampled_from([0, 1])),
            "proceeds": some(proceedsTotal=money, breakdowns=st.lists(breakdown, max_size=3)),
            "tax": some(taxCollections=st.sampled_from([[], [{"model": "M", "responsibleParty": "P"}]])),
            "cancellation": st.just({"cancellationRequest": {"requester": "BUYER"}}),
        },
    )
    numbers = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True))
    branches = some(
        fulfillment=some(
            fulfillmentStatus=st.sampled_from(["UNSHIPPED", "SHIPPED"]),
            fulfilledBy=st.just("MERCHANT"),
            fulfillmentServiceLevel=st.just("NEXT_DAY"),
            shipByWindow=window,
            deliverByWindow=window,
        ),
        proceeds=some(grandTotal=money, breakdowns=st.lists(breakdown, max_size=2)),
        tax=some(taxInvoicing=some(invoiceStatus=st.just("PENDING"))),
        packages=st.lists(package, max_size=2, unique_by=lambda package: package["packageReferenceId"]),
        salesChannel=some(marketplaceId=st.just(DE)),
        programs=st.sampled_from([[], ["PRIME"], ["PRIME", "BUSINESS"]]),
        associatedOrders=st.sampled_from([[], FULL["associatedOrders"]]),
    )
    items = [draw(item) | {"orderItemId": f"{number}"} for number in numbers]
    asked = draw(st.sampled_from([normalize.ALWAYS_ASKED, ("FULFILLMENT", "PROCEEDS")]))
    return draw(branches) | {"orderItems": items}, asked


def read(platform: Platform, raw: Json, asked: tuple[str, ...], moment: int) -> None:
    """Store the answer, which is newer than that of the moment before."""
    stamped = {"orderId": "111-1", "createdTime": "2026-11-01T00:00:00Z"}
    stamped["lastUpdatedTime"] = f"2026-11-02T00:00:{moment:02d}Z"
    records, failures = normalize.orders([raw | stamped], asked)
    assert not failures
    upsert_orders(platform=platform, records=records, source=Source.LIVE)


def rows(platform: Platform) -> Stored:
    (stored,) = stored_orders(platform).values()
    lines = {each["external_id"]: {name: each[name] for name in ITEM_FIELDS} for each in stored.pop("items")}
    packages = sorted(stored["packages"], key=lambda package: str(package["external_id"]))
    return {name: stored[name] for name in ORDER_FIELDS} | {"packages": packages}, lines


def silent_about(answer: Json, branches: Branches) -> set[str]:
    """The fields of the branches that did not come."""
    return {name for path, names in branches.items() for name in names if not _has(answer, path)}


def _has(answer: Any, path: str) -> bool:
    for key in path.split("."):
        if key not in answer:
            return False
        answer = answer[key]
    return True


def differences(after: Row, fresh: Row, before: Row, silent: set[str]) -> list[str]:
    """A field is what an empty database makes of the last answer; where that is silent, it may be what it was."""
    allowed = {name: [fresh[name]] + ([before[name]] if name in silent else []) for name in fresh}
    return [
        f"{name} is {value!r}, and not one of {allowed[name]!r}"
        for name, value in after.items()
        if value not in allowed[name]
    ]


@transaction.atomic
def law_holds(sequence: list[Answer]) -> None:
    """Read the answers one after the other, and each of them into an empty database as well."""
    ours, empty = (Platform.objects.create(name=name) for name in ("law", "empty"))
    before: Stored | None = None
    priced: set[tuple[Any, ...]] = set()
    for moment, (raw, asked) in enumerate(sequence):
        for platform in (ours, empty):
            read(platform, raw, asked, moment)
        (order, lines), (new_order, new_lines) = after, fresh = rows(ours), rows(empty)
        old_order, old_lines = before or fresh
        silent = silent_about(raw, BRANCHES)
        if "CANCELLATION" not in asked:
            silent.add("buyer_requested_cancellation")
        found = differences(order, new_order, old_order, silent)
        assert lines.keys() == new_lines.keys()
        for item in raw["orderItems"]:
            key = item["orderItemId"]
            known = old_lines.get(key, new_lines[key])
            found += differences(lines[key], new_lines[key], known, silent_about(item, ITEM_BRANCHES))
        assert found == []
        priced |= amounts(fresh)
        assert amounts(after) <= priced, "an amount was never reported in this currency"
        delete_orders(platform=empty, sources=[Source.LIVE])
        before = after
    Order.objects.update(content_hash="of another release")
    read(ours, *sequence[-1], len(sequence) - 1)
    assert rows(ours) == before
    assert OrderChange.objects.count() < len(sequence)
    transaction.set_rollback(True)


def amounts(stored: Stored) -> set[tuple[Any, ...]]:
    """Each amount with its currency."""
    order, lines = stored
    return {
        (key, name, row[name], row["currency"])
        for key, row in {"": order, **lines}.items()
        for name in AMOUNTS
        if row.get(name) is not None
    }


@pytest.mark.django_db
def test_it_ends_in_the_rows_of_the_last_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """A few sequences, the same in every run; `make soak MINUTES=10` goes on with new seeds until the time is over."""
    check = given(sequence=st.lists(answers(), min_size=2, max_size=4))
    minutes = float(os.environ.get("SOAK_MINUTES") or 0)
    if not minutes:
        settings(SHORT)(check(law_holds))()
        return
    number, end = int(os.environ.get("SOAK_SEED") or 1), time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        with capsys.disabled():
            print(f"Law of absence, seed {number} …", flush=True)  # noqa: T201  what to repeat, where it ends here
        seed(number)(settings(LONG)(check(law_holds)))()
        number += 1


# --- stock


def summary(sku: str = "S", fnsku: str = "X1", available: int = 5, **changes: Any) -> Json:
    return {
        "sellerSku": sku,
        "fnSku": fnsku,
        "totalQuantity": available,
        "lastUpdatedTime": "2026-11-20T10:00:00Z",
        "inventoryDetails": {"fulfillableQuantity": available},
    } | changes


def stock_page(*rows: Json, token: str = "") -> Canned:
    following = {"pagination": {"nextToken": token}} if token else {}
    return Canned.json(200, {"payload": {"inventorySummaries": list(rows)}, **following})


def listed(platform: Platform) -> dict[tuple[str, str, str], Row]:
    """The rows that are not gone."""
    gone = set(InventoryItem.objects.exclude(gone_at=None).values_list("marketplace_id", "sku", "fnsku"))
    return {key: row for key, row in stored_stock(platform).items() if key not in gone}


def swept(sim: Simulator, platform: Platform, *pages: list[Json]) -> SyncLog:
    tokens = [str(number) for number in range(1, len(pages))] + [""]
    answers = [stock_page(*page, token=token) for page, token in zip(pages, tokens, strict=True)]
    sim.script("getInventorySummaries", *answers)
    log = sync(platform, INVENTORY)
    assert log.status == SyncLog.Status.SUCCEEDED
    return log


TIMES = st.sampled_from(["2026-11-18T10:00:00Z", "2026-11-19T10:00:00Z", "2026-11-20T10:00:00Z"])
ROWS = st.fixed_dictionaries(
    {"sellerSku": st.sampled_from(["S", "T"]), "fnSku": st.sampled_from(["X1", "X2", ""])},
    optional={
        "totalQuantity": st.sampled_from([0, 7]),
        "lastUpdatedTime": TIMES,
        "productName": st.just("A thing"),
        "inventoryDetails": some(
            fulfillableQuantity=st.sampled_from([0, 5]),
            reservedQuantity=some(totalReservedQuantity=st.just(2)),
        ),
    },
)
ALWAYS_LISTED = summary("Z")
# The pages of a sweep. It lists no row twice: which of two would count is another rule.
SWEEPS = st.lists(ROWS, max_size=4, unique_by=lambda row: (row["sellerSku"], row["fnSku"])).map(
    lambda rows: [[ALWAYS_LISTED, *rows[:2]], rows[2:]] if rows[2:] else [[ALWAYS_LISTED, *rows]]
)


@pytest.mark.django_db
def test_it_ends_in_the_rows_of_the_last_sweep(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0)

    @settings(SHORT, max_examples=12)
    @given(sweeps=st.lists(SWEEPS, min_size=2, max_size=3))
    @transaction.atomic
    def law_holds_for_stock(sweeps: list[list[list[Json]]]) -> None:
        ours, empty = (platform_of(sim, name) for name in ("law", "empty"))
        for pages in sweeps[:-1]:
            swept(sim, ours, *pages)
        before = stored_stock(ours)
        for platform in (ours, empty):
            swept(sim, platform, *sweeps[-1])
        rows, fresh = listed(ours), listed(empty)
        assert rows.keys() == fresh.keys()
        last = {(row["sellerSku"], row["fnSku"]): row for page in sweeps[-1] for row in page}
        for key, row in rows.items():
            raw = last[key[1], key[2]]
            silent = set() if "inventoryDetails" in raw else set(normalize.OF_DETAILS)
            assert differences(row, fresh[key], before.get(key, fresh[key]), silent) == []
        transaction.set_rollback(True)

    law_holds_for_stock()


OLDER = "2026-11-19T23:00:00Z"


@pytest.mark.django_db
def test_it_takes_a_complete_sweep_for_one_moment(start_simulator: StartSimulator) -> None:
    """Later than all that is stored: a row may say that it is older, or come back from being gone."""
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    other = summary("Z")
    swept(sim, platform, [summary(available=9), other])
    swept(sim, platform, [summary(available=8, lastUpdatedTime=OLDER), other])
    assert InventoryItem.objects.get(sku="S").available == 8
    swept(sim, platform, [other])
    assert {key[1] for key in listed(platform)} == {"Z"}
    swept(sim, platform, [summary(available=4, lastUpdatedTime="2026-11-18T10:00:00Z"), other])
    assert {row["sku"]: row["available"] for row in listed(platform).values()} == {"S": 4, "Z": 5}


@pytest.mark.django_db
@pytest.mark.parametrize("newer_first", [True, False])
@pytest.mark.parametrize("pages", [1, 2])
def test_it_takes_the_newer_of_two_rows_of_a_sweep(
    start_simulator: StartSimulator, pages: int, newer_first: bool
) -> None:
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    pair = [summary(available=7), summary(available=3, lastUpdatedTime=OLDER)]
    first, second = pair if newer_first else reversed(pair)
    swept(sim, platform, *([[first, second]] if pages == 1 else [[first], [second]]))
    assert InventoryItem.objects.get().available == 7


@pytest.mark.django_db
@pytest.mark.parametrize("details", [{"inventoryDetails": {}}, {"inventoryDetails": None}])
def test_it_has_nothing_available_of_a_total_of_nothing(
    start_simulator: StartSimulator, details: Json
) -> None:
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    swept(sim, platform, [summary(available=9)])
    swept(sim, platform, [summary(available=0, **details)])
    assert InventoryItem.objects.values_list("total", "available").get() == (0, None)


@pytest.mark.django_db
@pytest.mark.parametrize("by_name", [True, False])
def test_it_counts_a_sku_once_whose_fnsku_changed(start_simulator: StartSimulator, by_name: bool) -> None:
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    two = [summary("TWO", "X5", 1), summary("TWO", "X6", 2)]
    swept(sim, platform, [summary(), *two])
    if by_name:
        sim.script("getInventorySummaries", stock_page(summary(fnsku="X9"), *two))
        sync(platform, INVENTORY, skus=["S", "TWO"])
    else:
        swept(sim, platform, [summary(fnsku="X9"), *two])
    assert {key[1:]: row["available"] for key, row in listed(platform).items()} == {
        ("S", "X9"): 5, ("TWO", "X5"): 1, ("TWO", "X6"): 2,
    }  # fmt: skip
