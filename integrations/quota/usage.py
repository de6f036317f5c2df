"""API usage: which calls each platform made, hour by hour. token_bucket.py for quotas.

UsageMeter      counts, while adapters call
hourly          the last two days as a chart shows them
sharing         which platforms draw from one bucket
prune_usage     deletes rows that are too old
"""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import Error, IntegrityError, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from integrations.errors import ConfigError
from integrations.models import ApiUsage
from integrations.protocol import Meter
from integrations.registry import CHANNELS
from platforms.models import Platform

logger = logging.getLogger(__name__)

COUNTERS = ("calls", "throttled", "errors", "seconds")
SUMS = tuple(f"{name}__sum" for name in COUNTERS)
NOTHING = (0, 0, 0, 0.0)


class UsageMeter:
    """A Meter (integrations.protocol) that is kept in the database: an UPDATE, one more in a new hour.

    Calls within `gathered` seconds are added up and stored with the first one after them, or by `flush`, which is to be
    called at the end; a process that is killed has not counted its last ones. The database adds up, so processes that
    count at the same time lose nothing. Not to be used inside a transaction: the row would stay locked until that ends.
    `told` hears of each call, too.
    """

    def __init__(
        self,
        platform: Platform,
        *,
        gathered: float = 0.0,
        told: Meter | None = None,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        self._platform_id = platform.pk
        self._told = told
        self._gathered = timedelta(seconds=gathered)
        self._clock = clock
        self._calls: dict[
            tuple[str, datetime], dict[str, float]
        ] = {}  # by operation and hour; not stored yet
        self._since = clock()

    def count(self, operation: str, seconds: float, *, throttled: bool, failed: bool) -> None:
        """Add one call to the hour that it ended in. A database that refuses is logged: the call itself went well."""
        if self._told is not None:
            self._told.count(operation, seconds, throttled=throttled, failed=failed)
        now = self._clock()
        if not self._calls:
            self._since = now
        hour = now.replace(minute=0, second=0, microsecond=0)
        counted = self._calls.setdefault((operation, hour), dict.fromkeys(COUNTERS, 0))
        for name, value in zip(COUNTERS, (1, throttled, failed, seconds), strict=True):
            counted[name] += value
        if not timedelta(0) <= now - self._since < self._gathered:
            self.flush()

    def flush(self) -> None:
        """Store what is not stored yet."""
        gathered, self._calls = self._calls, {}
        for (operation, hour), calls in gathered.items():
            try:
                self._add(operation, hour, calls)
            except Error as error:  # of the database, also where its connection is gone
                logger.warning("A call of %s was not counted in the API usage: %s", operation, error)

    def _add(self, operation: str, hour: datetime, calls: Mapping[str, Any]) -> None:
        row = {"platform_id": self._platform_id, "operation": operation, "hour": hour}
        rows = ApiUsage.objects.filter(**row)
        added = {name: F(name) + value for name, value in calls.items() if value}
        if rows.update(**added):
            return
        try:
            with transaction.atomic():
                ApiUsage.objects.create(**row, **calls)
        except IntegrityError:  # somebody else made this hour's row, or the platform is deleted
            rows.update(**added)


class Hourly(NamedTuple):
    """The calls of some hours. `hours` has each of them in order, those without calls too; the lists run along."""

    hours: list[datetime]
    calls: list[int]
    throttled: list[int]
    errors: list[int]
    seconds: float

    @property
    def seconds_per_call(self) -> float | None:
        return self.seconds / sum(self.calls) if any(self.calls) else None


def hourly(usage: QuerySet[ApiUsage], *, hours: int = 48) -> Hourly:
    """The last `hours`, the current one included, of the rows in `usage`. One query."""
    this = timezone.now().replace(minute=0, second=0, microsecond=0)
    all_hours = [this - timedelta(hours=back) for back in reversed(range(hours))]
    recent = usage.filter(hour__gte=all_hours[0], hour__lte=this).order_by().values("hour")
    sums = recent.annotate(*(Sum(name) for name in COUNTERS)).values_list("hour", *SUMS)
    found = {hour: counts for hour, *counts in sums}
    calls, throttled, errors, seconds = zip(*(found.get(hour, NOTHING) for hour in all_hours), strict=True)
    return Hourly(all_hours, list(calls), list(throttled), list(errors), sum(seconds))


def sharing(visible: Collection[int] | None = None) -> dict[str, list[str]]:
    """Account key -> names of the platforms whose credentials belong to it; without those that cannot be read. Of the
    visible ones, None: of all."""
    shared: dict[str, list[str]] = {}
    platforms = Platform.objects.order_by("name")
    for platform in platforms if visible is None else platforms.filter(pk__in=visible):
        channel = CHANNELS.get(platform.kind)
        if channel is None or platform.config_problem or not platform.api_config:
            continue
        try:
            shared.setdefault(channel.account_key(platform.api_config), []).append(platform.name)
        except ConfigError:
            continue
    return shared


def prune_usage(kept: timedelta) -> int:
    """Delete the hours that are older than that. Returns how many rows that were."""
    deleted, _by_model = ApiUsage.objects.filter(hour__lt=timezone.now() - kept).delete()
    return deleted
