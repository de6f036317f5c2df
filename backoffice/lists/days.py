"""Days that a list can be asked for by name: relative to today, in the reader's time zone. `?purchased_at_in=today`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Days(models.TextChoices):
    TODAY = "today", _("today")
    YESTERDAY = "yesterday", _("yesterday")
    LAST_7_DAYS = "last_7_days", _("last 7 days")
    LAST_30_DAYS = "last_30_days", _("last 30 days")
    THIS_MONTH = "this_month", _("this month")
    LAST_MONTH = "last_month", _("last month")


_reckoned_from: ContextVar[date | None] = ContextVar("reckoned_from", default=None)


@contextmanager
def reckoned_from(day: date) -> Iterator[None]:
    """Within it, this day is today: of a file that is made later than it was planned."""
    token = _reckoned_from.set(day)
    try:
        yield
    finally:
        _reckoned_from.reset(token)


def current_day() -> date:
    """Today, in the reader's time zone."""
    return _reckoned_from.get() or timezone.localdate()


def days_of(name: str) -> tuple[date, date]:
    """The first and the last day; today is the last of the “last 7 days”."""
    today = current_day()
    first_of_month = today.replace(day=1)
    end_of_last_month = first_of_month - timedelta(days=1)
    return {
        Days.TODAY: (today, today),
        Days.YESTERDAY: (today - timedelta(days=1), today - timedelta(days=1)),
        Days.LAST_7_DAYS: (today - timedelta(days=6), today),
        Days.LAST_30_DAYS: (today - timedelta(days=29), today),
        Days.THIS_MONTH: (
            first_of_month,
            (first_of_month + timedelta(days=31)).replace(day=1) - timedelta(days=1),
        ),
        Days.LAST_MONTH: (end_of_last_month.replace(day=1), end_of_last_month),
    }[Days(name)]
