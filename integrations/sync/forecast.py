"""How long a sync of a window will take in all, judged before it begins: its pages, each a call, against the quota."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from integrations.errors import ConfigError
from integrations.models import ApiQuota, SyncLog
from integrations.quota.token_bucket import standing
from integrations.registry import CHANNELS, order_lag
from integrations.sync.estimates import guess_by_window
from platforms.models import Platform, Source


@dataclass(frozen=True, slots=True)
class Forecast:
    """`pages` is None where nothing is known; `at_once` the calls that are there now, of `burst` at most, `every` the
    time that the quota takes to give one more."""

    pages: int | None
    at_once: int
    burst: int
    every: timedelta

    @property
    def takes(self) -> timedelta | None:
        """The time spent waiting for quota, next to which everything else takes little; None where not known."""
        return None if self.pages is None else max(0, self.pages - self.at_once) * self.every


@dataclass(frozen=True, slots=True)
class Standing:
    """Of the quota for the calls that list a stream: see Forecast."""

    at_once: int
    burst: int
    every: timedelta


def quota_of(platform: Platform, kind: str) -> Standing | None:
    """How the quota of the calls that list this stream stands; None where none is known. One query."""
    channel = CHANNELS.get(platform.kind)
    listing = channel.listings.get(kind) if channel else None
    if channel is None or listing is None or platform.config_problem:
        return None
    try:
        account = channel.account_key(platform.api_config)
    except ConfigError:
        return None
    bucket = ApiQuota.objects.filter(account_key=account, operation=listing.operation).first()
    rate, burst, at_once = listing.quota.rate, listing.quota.burst, listing.quota.burst
    if bucket is not None and bucket.rate > 0:
        rate, burst, at_once = bucket.rate, bucket.burst, standing(bucket, timezone.now())[0]
    return Standing(at_once, burst, timedelta(seconds=1 / rate))


def forecast(log: SyncLog) -> Forecast | None:
    """For a run with a window of its own that has not begun, stored or not; None for any other, and where no quota is
    known."""
    if log.is_incremental or log.pages:
        return None
    quota = quota_of(log.platform, log.kind)
    if quota is None:
        return None
    pages = guess_pages(log) if log.pages_expected is None else log.pages_expected
    return Forecast(pages, quota.at_once, quota.burst, quota.every)


def guess_pages(log: SyncLog) -> int | None:
    """About how many pages a window will have, before its open end is settled; None where nothing is known."""
    if log.is_incremental or log.window_start is None:
        return None
    asked = SyncLog(platform=log.platform, kind=log.kind, window_by=log.window_by)
    asked.window_start = log.window_start
    asked.window_end = log.window_end or timezone.now() - order_lag([log.platform.kind])
    return guess_by_window(asked, Source.LIVE)
