"""When somebody last looked for what people have to be told of: `manage.py run_webhooks`, or what stands in for it."""

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.models import SchedulerLease
from integrations.schedule.leadership import NAME as SCHEDULER

NAME = "every_minute"
SILENT_AFTER = timedelta(minutes=5)  # it looks once a minute


def note_look() -> None:
    """Raises DatabaseError."""
    SchedulerLease.objects.update_or_create(name=NAME, defaults={"seen_at": timezone.now()})


def looked_at() -> datetime | None:
    """None where nobody ever did."""
    return SchedulerLease.objects.filter(name=NAME).values_list("seen_at", flat=True).first()


def last_seen() -> tuple[datetime | None, datetime | None]:
    """When a scheduler last worked (leadership.py), and when somebody last looked. One query."""
    rows = SchedulerLease.objects.filter(name__in=(SCHEDULER, NAME)).order_by()
    seen = dict(rows.values_list("name", "seen_at"))
    return seen.get(SCHEDULER), seen.get(NAME)


def look_is_silent(seen_at: datetime | None, now: datetime) -> bool:
    return seen_at is None or now - seen_at > SILENT_AFTER
