"""Makes the adapter of a platform. No other module makes adapters."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial

from integrations.errors import ConfigError
from integrations.models import StreamState
from integrations.protocol import Adapter, Meter
from integrations.quota.token_bucket import TokenBucket
from integrations.quota.usage import UsageMeter
from integrations.registry import CHANNELS
from integrations.sync import datasets, parts
from platforms.models import Platform

# Seconds in which calls are counted together: a platform that answers at once would cost a commit for each page.
GATHERED = 1.0


def adapter_of(
    platform: Platform,
    states: Iterable[StreamState] = (),
    *,
    keep: float = 0.0,
    meter: Meter | None = None,
) -> Adapter:
    """The adapter of a platform, ready to ask about these streams. It leaves the share `keep` of each quota's burst to
    others, and tells `meter` of its calls; by default, each is stored at once. Raises ConfigError; makes no call."""
    if platform.config_problem:
        raise ConfigError(platform.config_problem, code="unreadable_credentials")
    if platform.kind not in CHANNELS:
        known = ", ".join(CHANNELS)
        raise ConfigError(
            f"Platform {platform.name} is of the unknown kind {platform.kind!r}; known are: {known}."
        )
    return CHANNELS[platform.kind].connect(
        platform.api_config,
        include_pii=platform.include_pii,
        budget_for=partial(TokenBucket, keep=keep),
        leave_out=datasets.left_out(platform, states),
        meter=meter or UsageMeter(platform),
    )


@contextmanager
def connected(
    platform: Platform, stream: str, *, keep: float = 0.0, told: Meter | None = None
) -> Iterator[Adapter]:
    """The adapter of a platform while records of a stream are fetched; keeps which data sets and which parts of the
    account it is refused. `keep` is that of adapter_of; `told` hears of each call.

    Raises ConfigError.
    """
    state, meter = StreamState.of(platform, stream), UsageMeter(platform, gathered=GATHERED, told=told)
    try:
        with closing(adapter_of(platform, [state], keep=keep, meter=meter)) as adapter:
            try:
                yield adapter
            finally:
                datasets.remember(platform, state, adapter.datasets)
                parts.remember(platform, state, adapter.parts)
    finally:
        meter.flush()  # what the adapter does when it is closed counts, too
