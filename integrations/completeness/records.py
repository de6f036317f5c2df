"""Orders as a list reports them and as they are stored, in one form. Plain Python: no Django, no HTTP."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.records import ReportedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`price` is what all units of the line cost together, without tax or with it, as its platform means it; `tax` is
    that of the price. None: not known."""

    sku: str = ""
    quantity: int | None = None
    price: Decimal | None = None
    tax: Decimal | None = None
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrder:
    """One order, from either side. Times that are not known are None."""

    order_id: str
    status: str = ""
    purchased_at: datetime | None = None
    updated_at: datetime | None = None
    marketplace_id: str = ""
    currency: str = ""
    lines: tuple[Line, ...] = ()
    is_mended: bool = False  # its text has characters that could not be read


def gathered(rows: Iterable[ReportedLine]) -> KnownOrder:
    """The order that these rows, all of one order and at least one, are about.

    The same row twice is one: lists have been seen that hold rows twice. Twins of one SKU that differ in nothing but
    are meant can so not be told from it; `rules.doubled_row` knows that.
    """
    distinct = list(dict.fromkeys(rows))
    newest = max(distinct, key=lambda row: (row.updated_at is not None, row.updated_at))
    return KnownOrder(
        order_id=newest.order_id,
        status=newest.status,
        purchased_at=newest.purchased_at,
        updated_at=newest.updated_at,
        marketplace_id=newest.marketplace_id,
        currency=next((row.currency for row in distinct if row.currency), ""),
        lines=tuple(map(_line, distinct)),
        is_mended=any(row.is_mended for row in distinct),
    )


def _line(row: ReportedLine) -> Line:
    return Line(
        sku=row.sku,
        quantity=row.quantity,
        price=row.item_price,
        tax=row.item_tax,
        is_cancelled=row.item_status == "cancelled",
    )


def as_json(order: KnownOrder) -> dict[str, Any]:
    """What `from_json` makes the same order of."""
    return {
        **asdict(order),
        "purchased_at": time_text(order.purchased_at),
        "updated_at": time_text(order.updated_at),
        "lines": [
            {**asdict(line), "price": decimal_text(line.price), "tax": decimal_text(line.tax)}
            for line in order.lines
        ],
    }


def from_json(values: dict[str, Any]) -> KnownOrder:
    lines = (
        Line(**{**line, **{name: decimal_of(line[name]) for name in ("price", "tax")}})
        for line in values["lines"]
    )
    times = {name: time_of(values[name]) for name in ("purchased_at", "updated_at")}
    return KnownOrder(**{**values, **times, "lines": tuple(lines)})


def time_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def decimal_text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def decimal_of(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
