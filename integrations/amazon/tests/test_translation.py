"""Orders, field by field: what stands where in Amazon's answers, and which oddities cost the record."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from integrations.amazon import normalize
from integrations.errors import MalformedRecord
from orders.records import BuyerRecord, OrderItemRecord

Json = dict[str, Any]


def usd(amount: Any) -> Json:
    return {"amount": amount, "currencyCode": "USD"}


def item(**changes: Any) -> Json:
    return {"orderItemId": "05015851154158", "quantityOrdered": 1} | changes


def order(**changes: Any) -> Json:
    return {
        "orderId": "111-2222222-3333333",
        "createdTime": "2026-03-01T10:00:00Z",
        "lastUpdatedTime": "2026-03-02T11:30:00.250Z",
        "orderItems": [item()],
    } | changes


def only_item(**changes: Any) -> OrderItemRecord:
    (record,) = normalize.order(order(orderItems=[item(**changes)])).items
    return record


def test_it_reads_every_field_of_an_order() -> None:
    record = normalize.order(
        order(
            programs=["PRIME", "BRAND_NEW"],
            associatedOrders=[
                {"orderId": "other", "associationType": "SOMETHING"},
                {"orderId": "111-0000000-0000001", "associationType": "REPLACEMENT_ORIGINAL_ID"},
            ],
            salesChannel={"channelName": "AMAZON", "marketplaceId": "A1PA6795UKMFR9"},
            fulfillment={
                "fulfillmentStatus": "PARTIALLY_SHIPPED",
                "fulfilledBy": "MERCHANT",
                "fulfillmentServiceLevel": "EXPEDITED",
                "shipByWindow": {
                    "earliestDateTime": "2026-03-03T00:00:00Z",
                    "latestDateTime": "2026-03-04T00:00:00Z",
                },
                "deliverByWindow": {"latestDateTime": "2026-03-08T22:59:59+01:00"},
            },
            proceeds={"grandTotal": usd("49.99")},
        )
    )
    assert record.external_id == "111-2222222-3333333"
    assert record.purchased_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert record.platform_updated_at == datetime(2026, 3, 2, 11, 30, 0, 250000, tzinfo=UTC)
    assert (record.status, record.platform_status) == ("partially_shipped", "PARTIALLY_SHIPPED")
    assert (record.marketplace_id, record.fulfilled_by, record.service_level) == (
        "A1PA6795UKMFR9",
        "merchant",
        "EXPEDITED",
    )
    assert record.ship_by == datetime(2026, 3, 4, tzinfo=UTC)
    assert record.deliver_by == datetime(2026, 3, 8, 21, 59, 59, tzinfo=UTC)
    assert (record.total, record.currency) == (Decimal("49.99"), "USD")
    assert record.programs == ("PRIME", "BRAND_NEW")
    assert record.replaced_order_id == "111-0000000-0000001"
    assert (record.buyer_requested_cancellation, record.buyer) == (False, None)


def test_it_reads_every_field_of_an_item() -> None:
    record = only_item(
        quantityOrdered=3,
        product={
            "asin": "B000000001",
            "title": "A thing",
            "sellerSku": " SKU 1 ",
            "price": {"unitPrice": usd("10.00")},
        },
        fulfillment={"quantityFulfilled": 2},
        proceeds={
            "proceedsTotal": usd("33.50"),
            "breakdowns": [
                {"type": "ITEM", "subtotal": usd("30.00")},
                {"type": "TAX", "subtotal": usd("2.50")},
                {"type": "SHIPPING", "subtotal": usd("3.00")},
                {"type": "GIFT_WRAP", "subtotal": usd("1.00")},
                {"type": "COD_FEE", "subtotal": usd("0.50")},
                {"type": "DISCOUNT", "subtotal": usd("-3.50")},
            ],
        },
        tax={
            "taxCollections": [
                {"model": "M", "responsibleParty": "P"},
                {"model": "M", "responsibleParty": "Q"},
            ],
            "taxCalculationBreakdowns": [{"reportingScheme": "UOSS"}, None],
        },
    )
    assert record == OrderItemRecord(
        external_id="05015851154158",
        sku=" SKU 1 ",
        asin="B000000001",
        title="A thing",
        quantity_ordered=3,
        quantity_shipped=2,
        quantity_left=1,
        unit_price=Decimal("10.00"),
        total=Decimal("33.50"),
        tax=Decimal("2.50"),
        shipping=Decimal("3.00"),
        discount=Decimal("-3.50"),
        item_subtotal=Decimal("30.00"),
        other_charges=Decimal("1.50"),
        currency="USD",
        tax_model="M",
        tax_responsible_party="P, Q",
        tax_scheme="UOSS",
    )


def test_it_takes_what_amazon_leaves_out_for_unknown() -> None:
    record = normalize.order(order(orderItems=[{"orderItemId": "1"}]), datasets=())
    assert (record.status, record.platform_status, record.fulfilled_by, record.marketplace_id) == (
        "",
        "",
        "",
        "",
    )
    assert (record.total, record.currency, record.ship_by, record.deliver_by) == (None, "", None, None)
    assert (record.programs, record.replaced_order_id, record.buyer) == ((), "", None)
    assert record.buyer_requested_cancellation is None
    assert set(record.absent) == {
        *normalize.OF_FULFILLMENT, "ship_by", "deliver_by", "total", "marketplace_id", "programs", "replaced_order_id",
        "buyer_requested_cancellation", "tax", "invoice_status", "packages", "ship_to_country",
    }  # fmt: skip
    of_line = ("unit_price", "quantity_shipped", "quantity_left", "total")
    nothing = (*normalize.OF_PRODUCT, *of_line, *normalize.OF_BREAKDOWNS, *normalize.OF_TAX)
    assert record.items == (OrderItemRecord(external_id="1", absent=nothing),)


def test_it_takes_empty_text_for_absent() -> None:
    empty = normalize.order(
        order(
            fulfillment={"fulfillmentStatus": "", "fulfilledBy": " ", "shipByWindow": {"latestDateTime": ""}},
            proceeds={"grandTotal": {"amount": "", "currencyCode": ""}},
            salesChannel={"marketplaceId": ""},
        )
    )
    assert (empty.status, empty.fulfilled_by, empty.marketplace_id) == ("", "", "")
    assert (empty.ship_by, empty.total, empty.currency) == (None, None, "")
    blank = only_item(quantityOrdered="", product={"sellerSku": "", "asin": "", "title": " "})
    assert replace(blank, absent=()) == OrderItemRecord(external_id="05015851154158")
    assert not {*empty.absent, *blank.absent} & {"status", "ship_by", "sku"}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING_AVAILABILITY", "pending"),
        ("PENDING", "pending"),
        ("UNSHIPPED", "unshipped"),
        ("PARTIALLY_SHIPPED", "partially_shipped"),
        ("SHIPPED", "shipped"),
        ("CANCELLED", "cancelled"),
        ("Canceled", "cancelled"),
        ("UNFULFILLABLE", "unfulfillable"),
        ("TELEPORTED", "unknown"),
    ],
)
def test_it_maps_each_status_and_keeps_amazons_word(word: str, status: str) -> None:
    record = normalize.order(order(fulfillment={"fulfillmentStatus": word}))
    assert (record.status, record.platform_status) == (status, word)


@pytest.mark.parametrize(("word", "by"), [("AMAZON", "platform"), ("MERCHANT", "merchant"), ("DRONE", "")])
def test_it_says_who_fulfils(word: str, by: str) -> None:
    assert normalize.order(order(fulfillment={"fulfilledBy": word})).fulfilled_by == by


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        ({"amount": "19940", "currencyCode": "JPY"}, (Decimal(19940), "JPY")),
        ({"amount": "25.99", "currencyCode": "JPY"}, (Decimal("25.99"), "JPY")),
        (usd("0.00"), (Decimal(0), "USD")),
        (usd("1E+2"), (Decimal(100), "USD")),
        (usd(12.5), (Decimal("12.5"), "USD")),
    ],
)
def test_it_reads_totals_to_the_digit(money: Json, expected: tuple[Decimal, str]) -> None:
    record = normalize.order(order(proceeds={"grandTotal": money}))
    assert (record.total, record.currency) == expected


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "1e400", "abc", "1,50"])
def test_it_stores_no_other_total_than_amazons(amount: str) -> None:
    with pytest.raises(MalformedRecord, match="grandTotal"):
        normalize.order(order(proceeds={"grandTotal": usd(amount)}))
    with pytest.raises(MalformedRecord, match="unitPrice"):
        only_item(product={"price": {"unitPrice": usd(amount)}})


@pytest.mark.parametrize(("value", "expected"), [(0, 0), ("2", 2), (2.0, 2), ("2.0", 2), (None, None)])
def test_it_reads_quantities(value: Any, expected: int | None) -> None:
    assert only_item(quantityOrdered=value).quantity_ordered == expected


@pytest.mark.parametrize("value", [True, False, "two", 1.5, "NaN", [], {}])
def test_it_refuses_a_quantity_that_is_none(value: Any) -> None:
    with pytest.raises(MalformedRecord, match="quantityOrdered"):
        only_item(quantityOrdered=value)


@pytest.mark.parametrize(
    ("ordered", "says", "status", "left"),
    [
        (3, {"quantityFulfilled": 1}, "PARTIALLY_SHIPPED", 2),
        (3, {"quantityFulfilled": 1, "quantityUnfulfilled": 1}, "PARTIALLY_SHIPPED", 1),
        (3, {"quantityUnfulfilled": "2"}, "UNSHIPPED", 2),
        (0, {"quantityFulfilled": 1}, "SHIPPED", 0),
        (3, {"quantityFulfilled": 0, "quantityUnfulfilled": 3}, "CANCELLED", 0),
        (3, {}, "UNSHIPPED", None),
    ],
)
def test_it_says_what_is_left_to_ship(ordered: int, says: Json, status: str, left: int | None) -> None:
    line = item(quantityOrdered=ordered, fulfillment=says)
    record = normalize.order(order(orderItems=[line], fulfillment={"fulfillmentStatus": status}))
    assert record.items[0].quantity_left == left


def test_nothing_is_left_of_a_cancelled_line() -> None:
    cancelled = {"cancellationExecution": {"cancelledBy": "BUYER"}}
    assert only_item(fulfillment={"quantityFulfilled": 0}, cancellation=cancelled).quantity_left == 0


@pytest.mark.parametrize("order_id", ["S01-1234567-1234567", "0001", "x y/z", 12345])
def test_it_takes_any_text_for_an_order_id(order_id: Any) -> None:
    assert normalize.order(order(orderId=order_id)).external_id == str(order_id)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"orderId": ""}, "orderId"),
        ({"orderId": True}, "orderId"),
        ({"createdTime": None}, "createdTime"),
        ({"createdTime": "1.569521782042E9"}, "createdTime"),
        ({"lastUpdatedTime": "yesterday"}, "lastUpdatedTime"),
        ({"orderItems": None}, "orderItems"),
        ({"orderItems": {"0": {}}}, "orderItems"),
        ({"orderItems": [{}]}, "orderItemId"),
        ({"orderItems": [None]}, "orderItemId"),
        ({"orderItems": [item(), item()]}, "same orderItemId"),
    ],
)
def test_it_says_what_makes_an_order_unreadable(changes: Json, says: str) -> None:
    with pytest.raises(MalformedRecord, match=says):
        normalize.order(order(**changes))


def test_it_refuses_a_line_in_two_currencies() -> None:
    proceeds = {
        "proceedsTotal": usd("1"),
        "breakdowns": [{"type": "TAX", "subtotal": {"amount": "1", "currencyCode": "EUR"}}],
    }
    with pytest.raises(MalformedRecord, match="EUR, USD"):
        only_item(proceeds=proceeds)


def test_it_keeps_each_lines_own_currency() -> None:
    lines = [
        item(orderItemId=code, proceeds={"proceedsTotal": {"amount": "1", "currencyCode": code}})
        for code in ("USD", "EUR")
    ]
    record = normalize.order(order(orderItems=lines, proceeds={"grandTotal": usd("2")}))
    assert [each.currency for each in record.items] == ["USD", "EUR"]
    assert record.currency == "USD"


def breakdowns(*entries: tuple[str, str]) -> Json:
    return {"breakdowns": [{"type": kind, "subtotal": usd(amount)} for kind, amount in entries]}


def test_it_adds_up_what_is_listed_under_one_type() -> None:
    record = only_item(proceeds=breakdowns(("TAX", "1.00"), ("SHIPPING", "4"), ("tax", "2.00")))
    assert (record.tax, record.shipping, record.discount) == (Decimal(3), Decimal(4), None)
    mixed = breakdowns(("TAX", "1.00"))
    mixed["breakdowns"].append({"type": "TAX", "subtotal": {"amount": "1", "currencyCode": "EUR"}})
    with pytest.raises(MalformedRecord, match="EUR, USD"):
        only_item(proceeds=mixed)


def test_it_reads_what_the_tax_of_a_line_is_made_of() -> None:
    def details(**values: str) -> list[Json]:
        return [{"subtype": subtype, "value": usd(value)} for subtype, value in values.items()]

    proceeds = breakdowns(("TAX", "5"), ("DISCOUNT", "2"), ("TAX", "1"))
    first, discount, second = proceeds["breakdowns"]
    first["detailedBreakdowns"] = details(ITEM="4", SHIPPING="1.5", DISCOUNT="0.5", COD_FEE="9")
    second["detailedBreakdowns"] = [*details(item="1"), {"subtype": "GIFT_WRAP"}, None]
    discount["detailedBreakdowns"] = details(ITEM="2", GIFT_WRAP="3")  # no tax
    record = only_item(proceeds=proceeds)
    parts = (record.item_tax, record.shipping_tax, record.gift_wrap_tax, record.discount_tax)
    assert parts == (Decimal(5), Decimal("1.5"), None, Decimal("0.5"))
    second["detailedBreakdowns"] = [{"subtype": "ITEM", "value": {"amount": "1", "currencyCode": "EUR"}}]
    with pytest.raises(MalformedRecord, match="EUR, USD"):
        only_item(proceeds=proceeds)


ALL_PROCEEDS = ["total", *normalize.OF_BREAKDOWNS]


@pytest.mark.parametrize(
    ("ordered", "proceeds", "of_order", "absent"),
    [
        (1, {}, None, []),
        (1, breakdowns(), None, []),
        (1, {"proceedsTotal": usd("1")}, None, [*normalize.OF_BREAKDOWNS]),
        (1, None, None, ALL_PROCEEDS),
        (1, None, {}, ALL_PROCEEDS),
        (0, None, {}, []),  # a cancelled line of an order that has its proceeds
        (0, {"proceedsTotal": usd("0")}, None, []),
        (0, None, None, ALL_PROCEEDS),  # the data set was not answered
    ],
)
def test_it_tells_amounts_that_are_gone_from_those_that_did_not_come(
    ordered: int, proceeds: Json | None, of_order: Json | None, absent: list[str]
) -> None:
    line = item(quantityOrdered=ordered, proceeds=proceeds)
    record = normalize.order(order(orderItems=[line], proceeds=of_order))
    assert [name for name in record.items[0].absent if name in ALL_PROCEEDS] == absent
    assert ("total" in record.absent) == (of_order is None)


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (usd("9"), (Decimal(9), Decimal(3), "USD")),
        ({"amount": "9", "currencyCode": "EUR"}, (Decimal(9), None, "EUR")),
        ({"amount": "9"}, (Decimal(9), None, "")),  # nobody knows 9 of what
        (None, (None, Decimal(3), "USD")),
    ],
)
def test_it_keeps_an_orders_amounts_to_one_currency(
    total: Json | None, expected: tuple[Decimal | None, Decimal | None, str]
) -> None:
    proceeds = breakdowns(("TAX", "1.00"), ("TAX", "2.00")) | {"grandTotal": total}
    record = normalize.order(order(proceeds=proceeds))
    assert (record.total, record.tax, record.currency) == expected


@pytest.mark.parametrize("kind", ["REPLACEMENT_ORIGINAL_ID", "EXCHANGE_ORIGINAL_ID"])
def test_it_names_the_order_that_was_replaced(kind: str) -> None:
    associated = [None, {"associationType": kind, "orderId": "111-1"}]
    assert normalize.order(order(associatedOrders=associated)).replaced_order_id == "111-1"


@pytest.mark.parametrize(
    ("requester", "datasets", "expected"),
    [
        ("BUYER", ("CANCELLATION",), True),
        ("BUYER", (), True),
        ("MERCHANT", ("CANCELLATION",), False),
        (None, ("CANCELLATION",), False),
        (None, (), None),
        ("false", ("CANCELLATION",), False),
    ],
)
def test_it_tells_a_buyers_wish_to_cancel_from_silence(
    requester: str | None, datasets: tuple[str, ...], expected: bool | None
) -> None:
    second = item(orderItemId="2", cancellation={"cancellationRequest": {"requester": requester}})
    record = normalize.order(order(orderItems=[item(), second]), datasets=datasets)
    assert record.buyer_requested_cancellation is expected


def test_it_reads_the_buyer_and_keeps_him_out_of_the_payload() -> None:
    record = normalize.order(
        order(
            buyer={"buyerName": "Ann Example", "buyerEmail": "x@marketplace.example"},
            recipient={
                "deliveryAddress": {
                    "name": "Bob Example",
                    "addressLine1": "1 Road",
                    "addressLine3": "",
                    "phone": "+1 555",
                    "extendedFields": {"streetName": "Rua"},
                }
            },
        )
    )
    assert record.buyer == BuyerRecord(
        name="Ann Example",
        email="x@marketplace.example",
        phone="+1 555",
        address={"name": "Bob Example", "addressLine1": "1 Road", "streetName": "Rua"},
    )
    assert set(record.payload) == {"orderId", "createdTime", "lastUpdatedTime", "orderItems"}


@pytest.mark.parametrize(
    "empty",
    [{}, {"buyer": {}}, {"buyer": {"buyerName": ""}}, {"recipient": {"deliveryAddress": {"name": " "}}}],
)
def test_it_makes_no_buyer_of_nothing(empty: Json) -> None:
    assert normalize.order(order(**empty)).buyer is None


def test_it_lists_an_order_that_it_cannot_read_and_reads_its_neighbours() -> None:
    broken = order(orderId="broken", createdTime=None, buyer={"buyerName": "Ann"})
    records, failures = normalize.orders([order(), broken, None, "text", order(orderId="last")], ())
    assert [record.external_id for record in records] == ["111-2222222-3333333", "last"]
    assert [(failure.external_id, failure.code) for failure in failures] == [
        ("broken", "malformed"),
        ("", "malformed"),
        ("", "malformed"),
    ]
    assert "Ann" not in str(failures[0].payload)
