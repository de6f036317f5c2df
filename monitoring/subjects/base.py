"""What the subjects share, read once for each scrape."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import Metric

from feed.models import Change
from integrations.sync.streams import streams_of
from integrations.sync.streams.states import with_states
from platforms.models import Platform

MOST_COUNTED = 10_000  # changes without a number: where nobody reads, they become as many as are kept


class Scrape:
    """One reading of all figures. `now` is the time that ages are counted to."""

    def __init__(self) -> None:
        self.now = timezone.now()

    @cached_property
    def platforms(self) -> list[Platform]:
        """All of them, with the intervals and watermarks of their streams. Raises DatabaseError."""
        return list(with_states(Platform.objects.all()))

    @property
    def streams(self) -> Iterator[tuple[Platform, str]]:
        """Each platform with each stream that its channel delivers."""
        return ((platform, name) for platform in self.platforms for name in streams_of(platform))

    @cached_property
    def unnumbered(self) -> tuple[int, datetime | None]:
        """How many changes no reader has asked for yet, up to MOST_COUNTED, and the time of the oldest. One query, of
        the index over `sequence`: it reads none of those that are numbered."""
        waiting = Change.objects.filter(sequence__isnull=True).order_by()[:MOST_COUNTED]
        found = waiting.aggregate(changes=Count("pk"), since=Min("at"))
        return found["changes"], found["since"]

    def age(self, moment: datetime) -> float:
        """Seconds from then to now."""
        return max(0.0, (self.now - moment).total_seconds())


# Reads one subject. Raises DatabaseError, or what the subject says.
Subject = Callable[[Scrape], Iterator[Metric]]
