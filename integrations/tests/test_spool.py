"""Rows of lists by what they are about: the same from memory and from disk."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from integrations.completeness.history.gathering import KEPT, Gathering
from integrations.completeness.spool import RowSpool, Spool
from integrations.completeness.stock.spool import StockSpool
from integrations.protocol import RecordFailure
from inventory.records import ReportedStock
from orders.records import ReportedLine

FULL = ReportedLine(
    order_id="B",
    status="shipped",
    platform_status="Shipped",
    purchased_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    updated_at=datetime(2026, 1, 3, tzinfo=UTC),
    sku="ÄÖ-日本",
    quantity=10**30,
    currency="EUR",
    item_price=Decimal("12.30"),
    item_tax=Decimal("0E-10"),
    promotion_ids=("one", "two"),
    is_business=False,
    other=(("new-column", "x"),),
)


def line(order_id: str, **values: Any) -> ReportedLine:
    return ReportedLine(order_id=order_id, status="pending", platform_status="Pending", **values)


def unreadable(order_id: str) -> RecordFailure:
    return RecordFailure(external_id=order_id, code="malformed", message="")


ROWS: list[ReportedLine | RecordFailure] = [
    line("C", sku="1"), FULL, unreadable("A"), line("C", sku="2"), line("A"), unreadable(""), line("C"),
]  # fmt: skip


@pytest.mark.parametrize("in_memory", [0, 1, 3, 1000])
def test_orders_come_once_with_all_that_their_rows_say(in_memory: int) -> None:
    gathering = Gathering(in_memory=in_memory)

    orders = dict(gathering.orders(iter(ROWS)))

    assert orders == {"A": None, "B": [FULL], "C": [line("C", sku="1"), line("C", sku="2"), line("C")]}
    assert [str(orders["B"][0].item_tax)] == ["0E-10"]  # type: ignore[index]
    assert (gathering.unread, gathering.unnamed) == (2, 1)


@pytest.mark.parametrize("in_memory", [0, 1000])
def test_it_knows_what_a_list_has(in_memory: int) -> None:
    with RowSpool(ReportedLine, "order_id", KEPT, in_memory=in_memory) as spool:
        spool.fill(ROWS)
        assert spool.has(["A", "B", "D"]) == {"A", "B"}
        assert spool.has([]) == set()


def test_an_audit_keeps_what_it_compares_and_no_more() -> None:
    with Spool() as spool:
        spool.fill([FULL])
        [(order_id, order)] = spool.orders()

    assert order is not None
    assert (order_id, order.order_id, order.purchased_at) == ("B", "B", FULL.purchased_at)
    assert [(each.sku, each.price) for each in order.lines] == [(FULL.sku, FULL.item_price)]


def test_a_sku_that_a_list_could_not_write_is_in_it() -> None:
    with StockSpool() as spool:
        spool.fill([ReportedStock(sku="CAF?")])
        spool.also_has(["CAFÉ"])
        assert spool.has(["CAF?", "CAFÉ", "other"]) == {"CAF?", "CAFÉ"}
