"""What the subjects share: the platforms, read once for each scrape."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property

from django.utils import timezone
from prometheus_client import Metric

from integrations.sync.streams import streams_of
from integrations.sync.streams.states import with_states
from platforms.models import Platform


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

    def age(self, moment: datetime) -> float:
        """Seconds from then to now."""
        return max(0.0, (self.now - moment).total_seconds())


# Reads one subject. Raises DatabaseError, or what the subject says.
Subject = Callable[[Scrape], Iterator[Metric]]
