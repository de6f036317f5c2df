"""Which platforms are audited tonight: what audits of orders and of stock decide in the same way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from integrations.models import Job, SyncLog
from platforms.models import Platform

SPREAD = 60  # minutes over which the platforms are spread


def due_tonight(
    audits: type[Job], kinds: list[str], read_live: QuerySet[Any], *, night: int, now: datetime | None
) -> Iterator[Platform]:
    """Active platforms of these kinds that `audits` have not looked at since tonight's time, and of which `read_live`,
    rows that refer to the outer platform, has any. `night`: the hour (UTC) in which the first is due. One query for any
    number of them, since the scheduler asks all day."""
    now = (now or timezone.now()).astimezone(UTC)
    jobs: Any = audits._default_manager
    nightly = jobs.filter(platform=OuterRef("pk"), trigger=SyncLog.Trigger.SCHEDULE)
    last = Subquery(nightly.order_by("-queued_at").values("queued_at")[:1])
    platforms = Platform.objects.filter(Exists(read_live), is_active=True, kind__in=kinds).defer("api_config")
    for platform in platforms.annotate(audited_at=last):
        tonight = now.replace(hour=night, minute=platform.pk % SPREAD, second=0, microsecond=0)
        if now >= tonight and (platform.audited_at is None or platform.audited_at < tonight):
            yield platform
