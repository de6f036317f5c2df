"""Which orders will be late, from what is known: when they have to be shipped, and when the carrier collects."""

from collections.abc import Collection as Some
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.recording import record
from core.dates import EARLIEST, LATEST, is_meant
from orders.models import Collection
from platforms.models import Platform

DAY = timedelta(days=1)


class Risk(models.TextChoices):
    """From the worst on. DUE: it leaves in time with the next collection, and not with a later one."""

    LATE = "late", _("late already")
    MISSES = "misses", _("will be late: no collection comes in time")
    DUE = "due", _("has to leave with the next collection")
    LATER = "later", _("has more time")
    UNKNOWN = "unknown", _("without a date")


ORDERED = list(Risk)


@dataclass(frozen=True, slots=True)
class Leaving:
    """When parcels can leave next, and when after that. Without a collection, they leave whenever they are shipped, and
    what is due within a day counts as due now."""

    now: datetime
    following: datetime
    next: datetime | None = None  # of the carrier; None: nobody said when it collects

    def risk(self, ship_by: datetime | None) -> Risk:
        if ship_by is None or not is_meant(ship_by):
            return Risk.UNKNOWN
        if ship_by < self.now:
            return Risk.LATE
        if self.next and ship_by < self.next:
            return Risk.MISSES
        return Risk.DUE if ship_by < self.following else Risk.LATER

    def span(self, risk: Risk) -> Q:
        """The orders of this risk, by their ship-by time."""
        spans = {
            Risk.LATE: (EARLIEST, self.now),
            Risk.MISSES: (self.now, self.next or self.now),
            Risk.DUE: (self.next or self.now, self.following),
            Risk.LATER: (self.following, LATEST),
        }
        if risk == Risk.UNKNOWN:
            return Q(ship_by__isnull=True) | Q(ship_by__lt=EARLIEST) | Q(ship_by__gte=LATEST)
        start, end = spans[risk]
        return Q(ship_by__gte=start, ship_by__lt=end)


def leaving(platform_ids: Some[int] | None, now: datetime) -> dict[int, Leaving]:
    """Of each of these platforms (None: of all) that has a collection; `ANY` is that of the others. One query."""
    rows = (
        Collection.objects.all()
        if platform_ids is None
        else Collection.objects.filter(platform__in=platform_ids)
    )
    found = {row.platform_id: _leaving(row, now) for row in rows}
    return found | {ANY: Leaving(now, now + DAY)}


ANY = 0  # no platform has this id


def of_platform(leavings: Mapping[int, Leaving], platform_id: int) -> Leaving:
    return leavings.get(platform_id, leavings[ANY])


def risk_filter(risk: Risk, leavings: Mapping[int, Leaving]) -> Q:
    """The orders of this risk, whatever their platform."""
    own = [Q(platform=pk) & each.span(risk) for pk, each in leavings.items() if pk != ANY]
    if not own:
        return leavings[ANY].span(risk)
    others = ~Q(platform__in=[pk for pk in leavings if pk != ANY]) & leavings[ANY].span(risk)
    return reduce(or_, own, others)


def collections_after(collection: Collection, now: datetime, count: int) -> list[datetime]:
    """The next times at which the carrier collects. A time that the clock jumps over is the moment after the jump."""
    zone, found = ZoneInfo(collection.zone), list[datetime]()
    day = now.astimezone(zone).date()
    while len(found) < count:
        moment = datetime.combine(day, collection.at, zone)
        if moment > now and str(day.isoweekday()) in collection.days:
            found.append(moment)
        day += DAY
    return found


def _leaving(row: Collection, now: datetime) -> Leaving:
    if not set(row.days) & set("1234567"):
        return Leaving(now, now + DAY)
    first, second = collections_after(row, now, 2)
    return Leaving(now, second, first)


def set_collection(platform: Platform, *, at: time | None, days: str, zone: str) -> None:
    """When the carrier collects the parcels of a platform: each of these `days` (of ISO 8601, 1 is Monday) `at` this
    time in `zone`; without a time, nobody says when. Recorded where it is a change."""
    rows = Collection.objects.filter(platform=platform)
    with transaction.atomic():
        before = rows.first()
        after = Collection(platform=platform, at=at, days=days, zone=zone) if at is not None else None
        if _words(before) == _words(after):
            return
        rows.delete()
        if after is not None:
            after.save(force_insert=True)
        record("collection.changed", platform, changes={"collection": [_words(before), _words(after)]})


def _words(row: Collection | None) -> str:
    return f"{row} {row.days}" if row else ""
