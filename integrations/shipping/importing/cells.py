"""What stands in a cell. Each function raises CannotRead with a sentence for who reads the file."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.text import is_storable, isolated_all

LONGEST = 255
# A spreadsheet writes a long number as 3.40434E+11, and the digits are gone.
ROUNDED = re.compile(r"[+-]?\d[.,]?\d*[eE]\+?\d+")
THOUSANDS = re.compile(r"[1-9]\d{0,2}[.,]000")  # or thousandths: that depends on who wrote it
SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


class RowProblem(models.TextChoices):
    """Why a row of a file is not used. The labels are sentences; names in them are filled in by CannotRead."""

    NO_ORDER_ID = "no_order_id", _("The order id is missing.")
    ORDER_UNKNOWN = "order_unknown", _("Platform %(platform)s has no order %(order)s here.")
    NO_TRACKING = "no_tracking", _("The tracking number is missing.")
    ROUNDED = (
        "rounded",
        _(
            "The spreadsheet has rounded the number %(text)s. Give the column the format Text, and enter it again."
        ),
    )
    BAD_TIME = "bad_time", _("%(text)s is no time that can be read. Write it like 2026-01-31 14:05.")
    DATE_UNCLEAR = (
        "date_unclear",
        _("%(text)s may be two days. Say whether the day or the month stands first in this file."),
    )
    BAD_QUANTITY = "bad_quantity", _("%(text)s is no quantity: it takes a whole number above 0.")
    QUANTITY_UNCLEAR = (
        "quantity_unclear",
        _(
            "%(text)s may be thousands, or a number with decimals. Write whole numbers without a mark for thousands."
        ),
    )
    BAD_TEXT = "bad_text", _("A cell is too long, or holds characters that cannot be sent.")
    SKU_UNKNOWN = "sku_unknown", _("The order has no line with the SKU %(sku)s.")
    ITEM_UNKNOWN = "item_unknown", _("The order has no line %(item)s.")
    TRACKING_USED = (
        "tracking_used",
        _("Shipment %(number)s of this order has the same tracking number, with other units."),
    )
    DIFFERS = "differs", _("It is of the same package as row %(row)s, and says another %(field)s.")
    OTHER_ROW = "other_row", _("Row %(row)s is of the same package, and cannot be used.")


class CannotRead(Exception):
    """`code` is stable; `str()` is a sentence in the reader's language. `line`: the number of the row that it is about,
    where that is not the one that is read."""

    def __init__(self, code: RowProblem, *, line: int = 0, **names: Any) -> None:
        super().__init__(code)
        self.code = code
        self.line = line
        self.names = names

    def __str__(self) -> str:
        return str(self.code.label) % isolated_all(self.names)


def read_text(text: str) -> str:
    if len(text) > LONGEST or not is_storable(text) or not text.isprintable():
        raise CannotRead(RowProblem.BAD_TEXT)
    return text


def read_identifier(text: str) -> str:
    """An order id or a tracking number, without what spreadsheets put around it to keep it: '123 or ="123"."""
    bare = text.strip()
    if match := re.fullmatch(r'="(.*)"', bare):
        bare = match[1]
    bare = bare.removeprefix("'").strip()
    if ROUNDED.fullmatch(bare):
        raise CannotRead(RowProblem.ROUNDED, text=bare)
    return read_text(bare)


def read_quantity(text: str) -> int | None:
    """None of an empty cell."""
    if not text:
        return None
    if THOUSANDS.fullmatch(text):
        raise CannotRead(RowProblem.QUANTITY_UNCLEAR, text=text)
    bare = re.sub(r"[.,]0+$", "", text)
    if not bare.isascii() or not bare.isdecimal() or len(bare) > 9 or int(bare) < 1:
        raise CannotRead(RowProblem.BAD_QUANTITY, text=text[:40])
    return int(bare)


def read_time(text: str, zone: ZoneInfo, date_order: str) -> datetime | date | None:
    """Aware; a date where the cell says no more; None of an empty cell. `date_order` is dmy, mdy or "": not known."""
    if not text:
        return None
    day, _space, clock = (
        text.replace("T", " ", 1).partition(" ") if "/" in text or "." in text[:6] else ("", "", "")
    )
    try:
        if day:
            found = _day(day, text, date_order)
            return datetime.combine(found, _clock(clock), zone).astimezone(UTC) if clock else found
        if len(text) <= len("2026-01-31"):
            return date.fromisoformat(text)
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CannotRead(RowProblem.BAD_TIME, text=text[:40]) from None


def date_order_of(texts: Iterable[str]) -> str:
    """dmy or mdy where the cells of a column tell it; "" where each of them can be read both ways, or they disagree."""
    orders = set()
    for text in texts:
        if match := SLASHED.match(text):
            first, second = int(match[1]), int(match[2])
            orders |= {"dmy"} if first > 12 else {"mdy"} if second > 12 else set()
    return orders.pop() if len(orders) == 1 else ""


def _day(day: str, text: str, date_order: str) -> date:
    if match := DOTTED.fullmatch(day):
        return date(int(match[3]), int(match[2]), int(match[1]))
    match = SLASHED.fullmatch(day)
    if match is None:
        raise ValueError(day)
    first, second, year = (int(part) for part in match.groups())
    if not date_order and first != second:
        raise CannotRead(RowProblem.DATE_UNCLEAR, text=text[:40])
    return date(year, first, second) if date_order == "mdy" else date(year, second, first)


def _clock(clock: str) -> time:
    match = CLOCK.fullmatch(clock.strip())
    if match is None:
        raise ValueError(clock)
    return time(int(match[1]), int(match[2]), int(match[3] or 0))
