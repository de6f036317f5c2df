"""Amazon's JSON in, records out: whatever is in it, a record or MalformedRecord comes out."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.amazon import mock, normalize, parse
from integrations.amazon.redact import without_personal_data
from integrations.errors import MalformedRecord
from integrations.protocol import Window
from inventory.records import InventoryRecord
from orders.records import OrderRecord
from simulator import CANARY, Account
from simulator.render.orders import render_order
from simulator.render.stock import render_stock
from simulator.validation import DATA_SETS

ACCOUNT = Account(orders=60, skus=30, end=datetime(2026, 6, 1, tzinfo=UTC))
ORDERS = [render_order(ACCOUNT.order(index), DATA_SETS) for index in range(60)]
STOCK = [render_stock(row, details=True) for row in ACCOUNT.all_stock()]

NUMBERS = [
    "1E+999999999",
    "1E-999999999",
    "-0",
    "NaN",
    "sNaN",
    "Infinity",
    "1_0",
    "٣",
    "0x10",
    "1e400",
    " 7 ",
    "1e14",
]
TIMES = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "2026-W01",
    "",
    "24:00",
    "2026-01-01",
]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(NUMBERS + TIMES)
    | st.just("\ud800")
)  # fmt: skip
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in inner for found in [(*path, key), *places(each, (*path, key))]]


def damaged(value: Any, path: tuple[Any, ...], replacement: Any) -> Any:
    value = copy.deepcopy(value)
    *way, last = path
    target = value
    for key in way:
        target = target[key]
    target[last] = replacement
    return value


@st.composite
def mutations(draw: Callable[..., Any], originals: list[Any]) -> Any:
    original = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 3))):
        if found := places(original):
            original = damaged(original, draw(st.sampled_from(found)), draw(JSON))
    return original


@settings(max_examples=400, deadline=None)
@given(mutations(ORDERS) | JSON)
def test_it_makes_a_record_or_a_malformed_record_of_any_order(raw: Any) -> None:
    try:
        record = normalize.order(raw)
    except MalformedRecord:
        return
    assert isinstance(record, OrderRecord)
    assert record.external_id
    assert record.purchased_at.tzinfo is UTC


@settings(max_examples=200, deadline=None)
@given(mutations(STOCK) | JSON)
def test_it_makes_a_record_or_a_malformed_record_of_any_stock(raw: Any) -> None:
    try:
        record = normalize.inventory(raw, marketplace_id="ATVPDKIKX0DER")
    except MalformedRecord:
        return
    assert isinstance(record, InventoryRecord)
    assert record.sku


# https://developer-docs.amazon.com/sp-api/docs/access-orders-pii, and the names of the model around them.
PERSONAL = (
    "buyerName", "buyerEmail", "buyerCompanyName", "buyerPurchaseOrderNumber", "giftMessage", "customizedUrl",
    "deliveryAddress", "name", "companyName", "addressLine1", "addressLine2", "addressLine3", "postalCode", "phone",
    "cancelReason", "taxRegistrations", "legalName", "taxRegistrationNumber", "taxRegistrationAddress", "payment",
    "recipient", "buyer", "deliveryPreference", "dropOffLocation", "shipFromAddress", "recipientPhoneNumber",
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ORDERS), st.sampled_from(PERSONAL), st.data())
def test_it_takes_personal_attributes_out_at_any_depth(order: Any, name: str, data: Any) -> None:
    holders = [(), *(path for path in places(order) if isinstance(_at(order, path), dict))]
    planted = copy.deepcopy(order)
    secret = data.draw(st.sampled_from(["PLANTED", ["PLANTED"], {"x": {"y": "PLANTED"}}]))
    _at(planted, data.draw(st.sampled_from(holders)))[name] = secret
    assert "PLANTED" not in json.dumps(without_personal_data(planted))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_it_leaves_no_personal_data_of_the_simulator_in_the_payload() -> None:
    for order in ORDERS:
        assert CANARY in json.dumps(order)
        assert CANARY not in json.dumps(normalize.order(order).payload)


def test_it_keeps_what_is_not_personal() -> None:
    kept = without_personal_data(
        {"salesChannel": {"channelName": "AMAZON"}, "conditionNote": "ok", "new": [1, None]}
    )
    assert kept == {"salesChannel": {"channelName": "AMAZON"}, "conditionNote": "ok", "new": [1, None]}


# --- single values


@pytest.mark.parametrize(
    ("value", "expected"), [("3", 3), (3.0, 3), ("3.0", 3), (None, None), ("", None), ("1E+2", 100), (-1, -1)]
)
def test_it_reads_whole_numbers(value: Any, expected: int | None) -> None:
    assert parse.number(value, "n") == expected


@pytest.mark.parametrize("value", ["many", True, "NaN", "Infinity", 1.5, "1E+99999999", [], {}])
def test_it_refuses_what_is_no_whole_number(value: Any) -> None:
    with pytest.raises(MalformedRecord, match="n is "):
        parse.number(value, "n")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("12.30", Decimal("12.30")),
        ("1E+2", Decimal(100)),
        (5, Decimal(5)),
        ("-0.0001", Decimal("-0.0001")),
        ("3.33333333", Decimal("3.33333333")),
        ("1E-99999999", Decimal(0)),
    ],
)
def test_it_reads_money_exactly(amount: Any, expected: Decimal) -> None:
    assert parse.money({"amount": amount, "currencyCode": "eur"}, "m") == (expected, "EUR")


@pytest.mark.parametrize("amount", ["1,5", "NaN", "Infinity", "1E+14", "-1E+99999999"])
def test_it_refuses_what_is_no_money(amount: str) -> None:
    with pytest.raises(MalformedRecord, match="m is "):
        parse.money({"amount": amount}, "m")


@pytest.mark.parametrize("absent", [None, {}, {"amount": None}, {"amount": ""}, "12", []])
def test_it_never_takes_absent_money_for_zero(absent: Any) -> None:
    assert parse.money(absent, "m") == (None, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678Z", datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2026-01-02T03:04:05+09:00", datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        (None, None),
        (1700000000, None),
    ],
)
def test_it_reads_times_as_utc(text: Any, expected: datetime | None) -> None:
    assert parse.time(text) == expected


# --- mock


def test_it_makes_mock_data_through_the_normalizer() -> None:
    window = Window("updated", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    now = datetime(2026, 11, 26, tzinfo=UTC)
    once, again = ([*mock.MockAmazon(now).order_pages(window, {})] for _ in range(2))
    assert once == again
    records = [record for page in once for record in page.records]
    assert (len(records), sum(len(page.failures) for page in once)) == (mock.ORDERS, 0)
    assert all(record.external_id.startswith("MOCK") for record in records)
    newest = (now - mock.FIRST_ORDER) // mock.EVERY
    assert records[-1] == normalize.order(mock.order_payload(newest, age=0))
    assert {record.status for record in records} == {
        "unshipped",
        "shipped",
        "pending",
        "partially_shipped",
        "cancelled",
    }


def test_it_makes_mock_stock_and_misses_unknown_skus() -> None:
    (page,) = mock.MockAmazon().inventory_pages([], {})
    assert (len(page.records), page.swept) == (6, mock.MARKETPLACE)
    (named,) = mock.MockAmazon().inventory_pages(["MOCK-MUG-RED", "no"], {})
    assert [record.sku for record in named.records] == ["MOCK-MUG-RED"]
    assert ([failure.external_id for failure in named.failures], named.swept) == (["no"], None)
