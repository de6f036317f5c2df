"""What a job cost: its calls by operation, and the seconds of quota that they took."""

from collections import Counter
from typing import Any

from integrations.errors import ConfigError
from integrations.models import ApiQuota, Job
from integrations.registry import CHANNELS
from platforms.models import Platform


class Tally:
    """A Meter (integrations.protocol) of the calls that a job made and that are not stored with it yet. Logins and
    downloads, which no quota limits, are none of them. A process that is killed has not counted its last ones."""

    def __init__(self) -> None:
        self.calls = 0  # in all, those that are stored included
        self._waiting: Counter[str] = Counter()

    def count(self, operation: str, seconds: float, *, throttled: bool, failed: bool) -> None:
        if not any(operation in channel.unmetered for channel in CHANNELS.values()):
            self.calls += 1
            self._waiting[operation] += 1

    def added_to(self, job: Job) -> dict[str, Any]:
        """The columns of the job with the calls that wait; {} where none does, else with one query."""
        if not self._waiting:
            return {}
        each = _seconds_each(job.platform)
        spent = {name: dict(one) for name, one in job.calls.items()}
        for operation, count in self._waiting.items():
            one = spent.setdefault(operation, {"calls": 0, "seconds": 0.0})
            one["calls"] += count
            one["seconds"] = round(one["seconds"] + count * each.get(operation, 0.0), 1)
        return {"calls": spent, "api_calls": sum(one["calls"] for one in spent.values())}

    def clear(self) -> None:
        """They are stored."""
        self._waiting.clear()


def _seconds_each(platform: Platform) -> dict[str, float]:
    """By operation, the seconds in which the account is granted one call: its bucket is refilled by one."""
    try:
        account = CHANNELS[platform.kind].account_key(platform.api_config)
    except (ConfigError, KeyError):  # replaced meanwhile
        return {}
    rates = ApiQuota.objects.filter(account_key=account, rate__gt=0).values_list("operation", "rate")
    return {operation: 1 / rate for operation, rate in rates}
