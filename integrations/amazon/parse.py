"""Tolerant readers of single values. What is absent is None or ""; what is there but unreadable costs the record."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from core.dates import meant
from integrations.errors import MalformedRecord

MOST_WHOLE_DIGITS = 14
PLAIN = 10**18  # whole numbers below it are taken as they are
MOST_DIGITS = 40  # "1E+99999999" is legal JSON text, and would fill the memory as a whole number
LEAP_SECOND = re.compile(r"(T\d\d:\d\d):60")
TINY = Decimal(1).scaleb(-MOST_DIGITS)
UNREADABLE = "\ufffd"  # stands for a character that could not be read (decoding.py)
Money = tuple[Decimal | None, str]


class OddlyNamed(dict[str, Any]):
    """A record in which the name of an attribute could not be read: what is missing in it is not gone."""


def mapping(value: Any) -> dict[str, Any]:
    """The object; {} for anything else, so that absent branches can be read."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """Ids arrive as text or, from careless servers, as numbers. None and blanks are absent."""
    if isinstance(value, str):  # nearly always
        return value.strip()
    return "" if value is None or isinstance(value, bool | dict | list) else str(value).strip()


def exact_text(value: Any) -> str:
    """Like `text`, with blanks at the ends kept: they are part of a SKU."""
    return value if isinstance(value, str) and value.strip() else text(value)


def required_id(value: str, name: str) -> str:
    """Raises MalformedRecord for a text that cannot be an id: a wrong one would stand for another record."""
    if not value:
        raise MalformedRecord(f"{name} is missing.")
    read_whole(value, name)
    return value


def read_whole(value: Any, name: str) -> Any:
    """The value. Raises MalformedRecord for a text with characters that could not be read, where what is left of it
    would be taken for something else."""
    if isinstance(value, str) and UNREADABLE in value:
        raise MalformedRecord(f"{name} is {value[:40]!r}, which has characters that could not be read.")
    return value


def number(value: Any, name: str) -> int | None:
    """A whole number. Raises MalformedRecord for something else."""
    if value is None or value == "":
        return None
    if type(value) is int and -PLAIN < value < PLAIN:
        return value
    try:
        amount = Decimal(_shown(value))
    except InvalidOperation:
        raise MalformedRecord(f"{name} is {_shown(value)[:40]!r}, not a whole number.") from None
    fits = amount.is_finite() and amount.adjusted() < MOST_DIGITS
    if isinstance(value, bool) or not fits or amount != amount.to_integral_value():
        raise MalformedRecord(f"{name} is {str(value)[:40]!r}, not a whole number.")
    return int(amount)


def time(value: Any) -> datetime | None:
    """An ISO 8601 time in UTC, with or without fractions; a time without zone is UTC. None where unreadable."""
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # RFC 3339 has small letters and leap seconds as well.
        try:
            moment = datetime.fromisoformat(LEAP_SECOND.sub(r"\1:59", text.upper()))
        except ValueError:
            return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # within hours of year 1 or 9999
        return None


def meant_time(value: Any) -> datetime | None:
    """Like `time`; None also where the time stands for none, such as the year 9999.

    Raises MalformedRecord where characters of it could not be read: it is not gone.
    """
    return meant(time(read_whole(value, "a time")))


def required_time(value: Any, name: str) -> datetime:
    """Raises MalformedRecord where there is no readable time."""
    moment = time(value)
    if moment is None:
        raise MalformedRecord(f"{name} is {_shown(value)[:40]!r}, not a time.")
    return moment


def _shown(value: Any) -> str:
    """The value as text; objects and lists may be nested deeper than Python can write."""
    try:
        return str(value)
    except RecursionError:
        return "nested too deeply"


def money(value: Any, name: str) -> Money:
    """Amount and currency of {"amount": "12.30", "currencyCode": "EUR"}; (None, "") where absent.

    The amount is text in JSON's number syntax, so "1E+2" is legal, with as many decimal places as it is written with
    ("no loss of precision", the model says). Raises MalformedRecord for an amount that is no number or has more than 14
    digits before the point: storing another one would be worse than storing none.
    """
    if not isinstance(value, dict):
        return None, ""
    amount, currency = value.get("amount"), value.get("currencyCode")
    if type(amount) is not str or type(currency) is not str:  # hardly ever
        amount, currency = text(amount), text(currency)
    try:
        found = _money(amount, currency)
    except InvalidOperation:
        raise MalformedRecord(f"{name} is {text(amount)[:40]!r}, not an amount.") from None
    if found is None:
        raise MalformedRecord(f"{name} is {text(amount)[:40]!r}, which is not an amount of money.")
    return found


@lru_cache(maxsize=4096)
def _money(amount_text: str, currency: str) -> Money | None:
    """None for a number that is too large for an amount. Raises InvalidOperation for what is none.

    Remembered: most amounts of a page of orders are nothing, or the price of something that is sold again and again.
    """
    if not amount_text.strip():
        return None, ""
    amount = Decimal(amount_text)
    if not amount.is_finite() or amount.adjusted() >= MOST_WHOLE_DIGITS:
        return None
    if abs(amount) < TINY:  # written in full, 1E-99999999 would fill the memory
        amount = Decimal(0)
    return amount, currency.strip().upper()
