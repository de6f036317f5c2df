"""When values of the credentials have to be renewed, where the channel wants that. No query."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from integrations.channel import Expiry
from integrations.registry import CHANNELS
from platforms.models import Platform


@dataclass(frozen=True, slots=True)
class Renewal:
    """A value of a platform's credentials by its `name`, and since when it is this one.

    OMS counts from the day on which it got the value. The channel may have issued it earlier.
    """

    name: str
    expiry: Expiry
    set_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.set_at + timedelta(days=self.expiry.lasts)

    def age(self, now: datetime) -> int:
        """Whole days since it was set."""
        return (now - self.set_at).days

    def left(self, now: datetime) -> int:
        """Days until it has to be another one; negative once that is past."""
        return self.expiry.lasts - self.age(now)

    def level(self, now: datetime) -> int:
        """How many of the ages at which somebody is told it has reached."""
        return sum(self.age(now) >= days for days in self.expiry.days)


def renewals_of(platform: Platform) -> Iterator[Renewal]:
    """Those of a platform that has credentials. One whose day is not known is left out."""
    channel, known = CHANNELS.get(platform.kind), set_at(platform)
    if channel is None or not platform.is_configured:
        return
    for name, expiry in channel.expiries.items():
        if name in known:
            yield Renewal(name, expiry, known[name])


def set_at(platform: Platform) -> dict[str, datetime]:
    """Name of a value of the credentials -> since when it is this one."""
    parsed = {name: parse_datetime(str(at or "")) for name, at in platform.credentials_set_at.items()}
    return {name: at for name, at in parsed.items() if at is not None and timezone.is_aware(at)}
