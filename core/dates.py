"""Times that platforms write where they mean none, or no end: year 1, 1970, 1995, 9999."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

# No marketplace has an order from before, and none promises anything for after.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)

CLOCKS_APART = timedelta(days=2)  # nothing is synced with a clock that is more than a day off


def is_meant(moment: datetime) -> bool:
    """Whether the time is one, and does not stand for none."""
    return EARLIEST <= moment < LATEST


def meant(moment: datetime | None) -> datetime | None:
    """The time; None where it stands for none."""
    return moment if moment is not None and is_meant(moment) else None


def happened(moment: datetime | None) -> datetime | None:
    """The time of something that is over; None where it stands for none, or lies so far ahead that no two clocks are
    that far apart."""
    known = meant(moment)
    return known if known is not None and known <= datetime.now(UTC) + CLOCKS_APART else None


class ForgivingZone(ZoneInfo):
    """A time zone that has the first and the last day of the calendar as well: what it was in UTC is what it is there.

    Without that, a page with one such time would be an error west of Greenwich, or east of it.
    """

    def fromutc(self, moment: datetime, /) -> datetime:
        try:
            return super().fromutc(moment)
        except OverflowError:
            return moment
