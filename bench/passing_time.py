"""A clock that is put forward: for OMS, its token buckets, and a simulator in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from django.utils import timezone

from integrations.registry import CHANNELS


class PassingTime:
    """Begins so long ago, since what lies ahead of the real time is believed by nobody; stands still by itself."""

    def __init__(self, before: timedelta) -> None:
        self._now = (datetime.now(UTC) - before).replace(microsecond=0)

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self._now.timestamp()

    def now(self) -> datetime:
        return self._now

    def ago(self, span: timedelta) -> datetime:
        return self._now - span

    def advance(self, span: timedelta) -> None:
        self._now += span

    @contextmanager
    def installed(self) -> Iterator[None]:
        """It is the time of this process, and that of the token buckets of all channels."""
        channels, of_django = dict(CHANNELS), timezone.now
        for kind, channel in channels.items():
            connect = partial(self._connect, channel.connect)
            CHANNELS[kind] = replace(channel, connect=connect)
        timezone.now = self.now
        try:
            yield
        finally:
            timezone.now = of_django
            CHANNELS.update(channels)

    def _connect(self, connect, api_config, *, budget_for, **options):  # type: ignore[no-untyped-def]
        return connect(api_config, budget_for=partial(budget_for, clock=self), **options)
