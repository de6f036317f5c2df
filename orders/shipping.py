"""By when an order has to be shipped, in days of the active time zone."""

from datetime import datetime, time, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.dates import EARLIEST, LATEST


class Deadline(models.TextChoices):
    """By ship-by time. `today` is the rest of today: an order that was to be shipped this morning is overdue."""

    OVERDUE = "overdue", _("overdue")
    TODAY = "today", _("today")
    TOMORROW = "tomorrow", _("tomorrow")
    LATER = "later", _("later")
    UNKNOWN = "unknown", _("without a date")


def deadline_filters(now: datetime | None = None) -> dict[Deadline, Q]:
    """The condition for each; every order meets exactly one."""
    now = now or timezone.now()
    midnight, next_midnight = (midnight_after(now, days) for days in (1, 2))
    return {
        Deadline.OVERDUE: Q(ship_by__gte=EARLIEST, ship_by__lt=now),
        Deadline.TODAY: Q(ship_by__gte=now, ship_by__lt=midnight),
        Deadline.TOMORROW: Q(ship_by__gte=midnight, ship_by__lt=next_midnight),
        Deadline.LATER: Q(ship_by__gte=next_midnight, ship_by__lt=LATEST),
        Deadline.UNKNOWN: Q(ship_by__isnull=True) | Q(ship_by__lt=EARLIEST) | Q(ship_by__gte=LATEST),
    }


def due_within(span: timedelta, now: datetime | None = None) -> Q:
    """Orders that are not late yet, and will be within this time."""
    now = now or timezone.now()
    return Q(ship_by__gte=now, ship_by__lt=now + span)


def midnight_after(now: datetime, days: int) -> datetime:
    """The beginning of the day that is `days` after today, in the active time zone; a day may have 23 hours."""
    zone = timezone.get_current_timezone()
    day = timezone.localtime(now, zone).date() + timedelta(days=days)
    return datetime.combine(day, time.min, zone)
