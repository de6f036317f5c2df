"""What a list of orders (ReportedLine) knows, as an OrderRecord. Plain Python: no Django, no HTTP.

Such a list has a row for each line, and no ids of lines, no windows for shipping and delivery, no packages, no buyer.
Whether its prices include the tax it does not say either: `Prices` is found out from orders that are known in full, and
as long as it is not, a line with tax has no total.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zlib import crc32

from orders.records import OrderItemRecord, OrderRecord, ReportedLine

REPORT, OUTDATED = "report", "outdated"  # Order.Completeness
UNREADABLE = "\ufffd"
STEP = Decimal("0.0001")  # what a column of amounts holds
# Ids of lines that are ours: of an order that is known by report alone. No platform has ids like these.
OURS = re.compile(r"report-[0-9a-f]{8}-\d+")
# Of an order, what no list says. Whatever is stored of it stays.
NOT_LISTED = (
    "ship_by", "deliver_by", "invoice_status", "programs", "replaced_order_id", "buyer_requested_cancellation",
    "packages",
)  # fmt: skip
LISTED_AMOUNTS = (
    "total", "tax", "shipping", "discount", "item_subtotal", "other_charges", "item_tax", "shipping_tax",
    "gift_wrap_tax", "unit_price",
)  # fmt: skip
LINE_FIELDS = tuple(name for name in OrderItemRecord.__slots__ if name not in ("external_id", "absent"))
SHIPPED, CANCELLED, UNSHIPPED = "shipped", "cancelled", "unshipped"


class Prices(StrEnum):
    """Whether the prices of a list include their tax."""

    NET = "net"
    GROSS = "gross"
    UNKNOWN = ""


def is_ours(line_id: str) -> bool:
    """Whether the id of a line is ours, and so says nothing to the platform."""
    return line_id.startswith("report-") and OURS.fullmatch(line_id) is not None


def reported_order(rows: Iterable[ReportedLine], prices: Prices = Prices.UNKNOWN) -> OrderRecord | None:
    """The order that these rows are about, all of one order and at least one; None where no row says when it was
    placed.

    The same row twice is one: lists have been seen that hold rows twice, and cannot say that they mean two lines.
    """
    distinct = list(rows)
    newest = distinct[0]
    if len(distinct) > 1:  # most have one alone: hashing it would cost as much as reading it
        distinct = list(dict.fromkeys(distinct))
        newest = max(distinct, key=lambda row: (row.updated_at is not None, row.updated_at))
    purchased_at = next((row.purchased_at for row in distinct if row.purchased_at is not None), None)
    if purchased_at is None:
        return None
    currencies = {row.currency for row in distinct if row.currency}
    items = _lines(distinct, newest.status, prices)
    is_one = len(currencies) == 1
    country = next((row.ship_to_country for row in distinct if row.ship_to_country), None)
    return OrderRecord(
        external_id=newest.order_id,
        purchased_at=purchased_at,
        platform_updated_at=newest.updated_at or purchased_at,
        items=items,
        status=newest.status,
        platform_status=newest.platform_status,
        marketplace_id=newest.marketplace_id,
        fulfilled_by=newest.fulfilled_by,
        service_level=newest.service_level,
        currency=next(iter(currencies)) if is_one else "",
        total=_sum_of(items, "total") if is_one else None,
        tax=_sum_of(items, "tax") if is_one else None,
        ship_to_country=country,
        completeness=REPORT,
        payload=_payload(distinct, newest),
        absent=NOT_LISTED if country else (*NOT_LISTED, "ship_to_country"),
    )


def _lines(rows: Sequence[ReportedLine], status: str, prices: Prices) -> tuple[OrderItemRecord, ...]:
    numbers: Counter[str] = Counter()
    lines = []
    for row in sorted(rows, key=_order) if len(rows) > 1 else rows:
        digest = _digest(row.sku or row.asin)
        numbers[digest] += 1
        lines.append(_line(row, f"report-{digest}-{numbers[digest]}", status, prices))
    return tuple(lines)


def _order(row: ReportedLine) -> tuple[str, str, int, Decimal]:
    """The same wherever the rows stand, so that ids stay."""
    return row.sku, row.asin, row.quantity or 0, row.item_price or Decimal(0)


@lru_cache(maxsize=50_000)
def _digest(sku: str) -> str:
    return f"{crc32(sku.encode(errors='replace')):08x}"


def _line(row: ReportedLine, line_id: str, status: str, prices: Prices) -> OrderItemRecord:
    sku = "" if UNREADABLE in row.sku else row.sku  # another one than the platform's is none
    if row.item_status == CANCELLED and status != CANCELLED:  # not a part of the order any more
        return OrderItemRecord(
            external_id=line_id,
            sku=sku,
            asin=row.asin,
            title=row.title,
            quantity_ordered=0,
            quantity_left=0,
        )
    shipped, left = _shipped_and_left(row, status)
    tax = _sum((row.item_tax, row.shipping_tax, row.gift_wrap_tax))
    discount = _sum((row.item_discount, row.shipping_discount))
    return OrderItemRecord(
        external_id=line_id,
        sku=sku,
        asin=row.asin,
        title=row.title,
        quantity_ordered=row.quantity,
        quantity_shipped=shipped,
        quantity_left=left,
        unit_price=_unit_price(row),
        total=_total(row, tax, discount, prices),
        tax=tax,
        shipping=row.shipping,
        discount=discount,
        item_subtotal=row.item_price,
        other_charges=row.gift_wrap,
        item_tax=row.item_tax,
        shipping_tax=row.shipping_tax,
        gift_wrap_tax=row.gift_wrap_tax,
        currency=row.currency,
    )


def _shipped_and_left(row: ReportedLine, status: str) -> tuple[int | None, int | None]:
    """What the status of the line says of its units; None where that leaves it open."""
    of_line = row.item_status or status
    if status == CANCELLED or of_line == CANCELLED:
        return None, 0
    if of_line == SHIPPED:
        return row.quantity, None if row.quantity is None else 0
    if of_line == UNSHIPPED:
        return None if row.quantity is None else 0, row.quantity
    return None, None


def _unit_price(row: ReportedLine) -> Decimal | None:
    """Only where the price can be divided by the units without a rest: lists name the price of all of them."""
    if row.item_price is None or not row.quantity or row.quantity < 0:
        return None
    if row.quantity == 1:
        return row.item_price
    price = (row.item_price / row.quantity).quantize(STEP, ROUND_HALF_UP)
    return price if price * row.quantity == row.item_price else None


def _total(
    row: ReportedLine, tax: Decimal | None, discount: Decimal | None, prices: Prices
) -> Decimal | None:
    if row.item_price is None or (tax and prices == Prices.UNKNOWN):
        return None
    parts = (row.item_price, row.shipping, row.gift_wrap, tax if prices == Prices.NET else None)
    return sum((part for part in parts if part is not None), Decimal(0)) - (discount or 0)


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """Of those that are known; None where none is."""
    known = [amount for amount in amounts if amount is not None]
    return (known[0] if len(known) == 1 else sum(known, Decimal(0))) if known else None


def _sum_of(items: Sequence[OrderItemRecord], name: str) -> Decimal | None:
    """Of all lines that are a part of the order; of the total, None where that of one is not known."""
    amounts = [getattr(item, name) for item in items if item.quantity_ordered != 0 or item.currency]
    return None if name == "total" and None in amounts else _sum(amounts)


def _payload(rows: Sequence[ReportedLine], newest: ReportedLine) -> dict[str, Any]:
    """What a list says beside, and no column holds. Nothing of what nobody knows here, which may be about a person."""
    found: dict[str, Any] = {}
    if newest.channel and not newest.marketplace_id:
        found["channel"] = newest.channel
    if newest.is_business:
        found["is_business"] = True
    promotions = {row.sku: list(row.promotion_ids) for row in rows if row.promotion_ids}
    if promotions:
        found["promotion_ids"] = promotions
    return {REPORT: found} if found else {}


# --- An order that is known in full, of which a list has a newer version


def onto_full(
    record: OrderRecord, *, total: Decimal | None, country: str | None, lines: Sequence[OrderItemRecord]
) -> OrderRecord:
    """What a list says of an order that is stored in full: its state, and nothing that is stored more exactly. `total`
    and `country` are the stored ones, `lines` the stored lines."""
    is_priced = total is None and record.total is not None
    kept = {*NOT_LISTED, "purchased_at", "marketplace_id", "fulfilled_by", "service_level", "payload"}
    if not is_priced:
        kept |= {"currency", "total", "tax"}
    if country or record.ship_to_country is None:
        kept.add("ship_to_country")
    if record.status in ("", "unknown"):
        kept |= {"status", "platform_status"}
    merged = _onto_lines(record.items, lines)
    if merged is None:
        kept.add("items")
    return replace(record, completeness=OUTDATED, items=merged or (), absent=tuple(sorted(kept)))


def _onto_lines(
    listed: Sequence[OrderItemRecord], stored: Sequence[OrderItemRecord]
) -> tuple[OrderItemRecord, ...] | None:
    """The stored lines with what the list says of each; None unless it is clear which is which."""
    left, found = list(listed), []
    for line in stored:
        alike = [each for each in left if each.sku == line.sku]
        fitting = [each for each in alike if each.quantity_ordered == line.quantity_ordered] or alike
        if not fitting or not line.sku:
            return None
        left.remove(fitting[0])
        found.append(_onto_line(fitting[0], line))
    return None if left else tuple(found)


def _onto_line(listed: OrderItemRecord, stored: OrderItemRecord) -> OrderItemRecord:
    names = ["quantity_ordered", "quantity_shipped", "quantity_left"]
    if all(getattr(stored, name) is None for name in LISTED_AMOUNTS):
        names += [*LISTED_AMOUNTS, "currency"]
    said = {name: value for name in names if (value := getattr(listed, name)) not in (None, "")}
    absent = tuple(name for name in LINE_FIELDS if name not in said)
    return OrderItemRecord(external_id=stored.external_id, **said, absent=absent)


# --- Whether prices include the tax


def prices_of(rows: Sequence[ReportedLine], total: Decimal) -> Prices:
    """What an order whose total is known says of the prices of its list; UNKNOWN where that cannot be told."""
    net, gross = (
        record.total if (record := reported_order(rows, prices)) else None
        for prices in (Prices.NET, Prices.GROSS)
    )
    if net is None or gross is None or net == gross:
        return Prices.UNKNOWN
    if total == net:
        return Prices.NET
    return Prices.GROSS if total == gross else Prices.UNKNOWN
