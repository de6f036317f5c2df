"""Values as people read them, in plain text: times in the reader's zone, durations, what is unknown."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_noop, ngettext
from django.utils.translation import gettext as _

from core.dates import is_meant

Text = str | Promise
DASH = "–"  # stands for what is not known
CODE = re.compile(r"[A-Z]{3,}(_[A-Z]+)*")
# Codes of platforms that have a translation: services, and how far a parcel is.
WORDS = (
    gettext_noop("Standard"), gettext_noop("Expedited"), gettext_noop("Priority"), gettext_noop("Scheduled"),
    gettext_noop("Same day"), gettext_noop("Next day"), gettext_noop("Second day"), gettext_noop("Prime"),
    gettext_noop("Pending availability"),
    gettext_noop("Pending"), gettext_noop("In transit"), gettext_noop("Out for delivery"), gettext_noop("Shipped"),
    gettext_noop("Delivered"), gettext_noop("Undeliverable"), gettext_noop("Cancelled"),
)  # fmt: skip


def format_datetime(moment: datetime | None) -> str:
    """A time in the reader's zone, which it names, in one line."""
    return local_datetime(timezone.localtime(moment)) if moment else DASH


def local_datetime(local: datetime) -> str:
    """The same of a time that is in the reader's zone already: as DATETIME_FORMAT of oms/formats/ writes it."""
    return f"{_day(local.date(), get_language())} {clock(local)} {local.tzname()}"


def clock(local: datetime) -> str:
    """`09:05`, in a quarter of the time that `strftime` takes."""
    return f"{local.hour:02}:{local.minute:02}"


# A list of 50 rows shows a hundred times, of few days. Django's formats read the same few formats for each of them.
@lru_cache(maxsize=2048)
def _day(day: date, _language: str | None) -> str:
    return date_format(day, "DATE_FORMAT")


@lru_cache(maxsize=2048)
def _short_day(day: date, is_this_year: bool, _language: str | None) -> str:
    return date_format(day, _("j M") if is_this_year else _("j M Y"))


def grouped(amount: int | Decimal) -> str:
    """`1,753`: how many there are, as the reader's language writes it. A number that names something, such as an id,
    has no separators."""
    if type(amount) is int and (mark := _thousands(get_language())):
        return f"{amount:,}".replace(",", mark)
    return str(number_format(amount, force_grouping=True))


@lru_cache(maxsize=64)  # Django asks for the language and for three of its formats again for each number
def _thousands(language: str | None) -> str:
    """What stands between groups of three digits; "" where groups are of another size."""
    is_of_three = get_format("NUMBER_GROUPING", language) == 3
    return str(get_format("THOUSAND_SEPARATOR", language)) if is_of_three else ""


def short_day(moment: datetime, now: datetime) -> str:
    """`26 Nov`, with the year where it is not this one: as the reader's language writes it."""
    return local_short_day(timezone.localtime(moment), timezone.localtime(now))


def local_short_day(local: datetime, now: datetime) -> str:
    """The same of times that are in the reader's zone already."""
    return _short_day(local.date(), local.year == now.year, get_language())


def platform_time(moment: datetime | None) -> str:
    """The same of a time that a platform reported; some of them stand for none."""
    return _("no date") if moment is not None and not is_meant(moment) else format_datetime(moment)


def plain_words(text: str) -> str:
    """`PARTIALLY_SHIPPED` as `Partially shipped`: a code of a platform, made of words. Anything else as it is."""
    if not CODE.fullmatch(text):
        return text
    words = text.replace("_", " ").capitalize()
    return _(words) if words in WORDS else words


def duration(value: timedelta | None) -> str:
    """`0.4 s`, `2 min 5 s`, `1 h 2 min`."""
    if value is None:
        return DASH
    seconds = round(value.total_seconds(), 1)
    if seconds < 60:
        return f"{number_format(seconds, 1)} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


MINUTE, HOUR, DAY = 60, 3600, 86_400


def countdown(moment: datetime, now: datetime) -> str:
    """`in 5 h`, `in 3 days`, `20 min late`: rounded towards now, so that it never promises more time than there is."""
    seconds = int((moment - now).total_seconds())
    span = rough_span(timedelta(seconds=abs(seconds)))
    return (_("%(span)s late") if seconds < 0 else _("in %(span)s")) % {"span": span}


def rough_span(span: timedelta) -> str:
    """`20 min`, `5 h`, `3 days`: in one unit, rounded down."""
    seconds = int(span.total_seconds())
    if seconds < HOUR:
        return _("%(n)d min") % {"n": seconds // MINUTE}
    if seconds < 2 * DAY:
        return _("%(n)d h") % {"n": seconds // HOUR}
    return ngettext("%(n)d day", "%(n)d days", seconds // DAY) % {"n": seconds // DAY}
