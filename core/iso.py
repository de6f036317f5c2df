"""Times as programs exchange them."""

import re
from datetime import UTC, datetime

# Python takes any character between date and time, such as an x.
WRITTEN_AS_ISO = re.compile(r"[0-9:+.,-]+[Ww]?[0-9:+.,-]*(?:[Tt ][0-9:+.,-]+[Zz]?)?")


def read_time(text: str) -> datetime:
    """The moment or day (its beginning) that ISO 8601 text names, without a zone where it names none. Raises ValueError
    for anything else, such as 31.01.2026."""
    if not WRITTEN_AS_ISO.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text.upper())


def utc_text(moment: datetime) -> str:
    """2026-01-31T08:00:00Z, in whole seconds. The year has four digits, which strftime does not see to.

    Z, since an offset's plus sign gets lost in queries.
    """
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
