"""When an export is made: daily, on a day of the week or of the month, at an hour by the clock of a zone."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, takewhile

from django.db import models
from django.utils.translation import gettext_lazy as _

MOST_MISSED = 400  # times that are counted


class Every(models.TextChoices):
    DAILY = "daily", _("every day")
    WEEKLY = "weekly", _("every week")
    MONTHLY = "monthly", _("every month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`weekday`: 0 is Monday. `month_day`: the 31st stands for the last day of a month that is shorter."""

    every: str
    hour: int
    zone: tzinfo
    weekday: int = 0
    month_day: int = 1

    def after(self, moment: datetime) -> datetime:
        """The first planned time after this one, in UTC.

        An hour that the clock leaves out is the moment at which it goes on; of an hour that comes twice, it is the
        first. So a day has one time, whatever the clock does.
        """
        return next(self._from(moment))

    def due(self, since: datetime, now: datetime) -> tuple[datetime, int]:
        """Of the planned times from `since`, which is one, until now: the last one, and how many were before it."""
        passed = [since, *takewhile(lambda moment: moment <= now, islice(self._from(since), MOST_MISSED))]
        return passed[-1], len(passed) - 1

    def _from(self, moment: datetime) -> Iterator[datetime]:
        """All planned times after the moment."""
        before = moment
        day = moment.astimezone(self.zone).date() - timedelta(days=1)
        while True:
            planned = self._at(day)
            if planned is not None and planned > before:
                before = planned
                yield planned
            day += timedelta(days=1)

    def _at(self, day: date) -> datetime | None:
        if self.every == Every.WEEKLY and day.weekday() != self.weekday:
            return None
        if self.every == Every.MONTHLY and day.day != min(self.month_day, _last_day(day)):
            return None
        # Without a fold: in a gap, the offset from before it holds; of two, it is the first.
        return datetime.combine(day, time(self.hour), self.zone).astimezone(UTC)


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]
