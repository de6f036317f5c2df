"""How long a sync takes under Amazon's published quota, beside what the quota alone makes it take.

Nothing is scaled: rate and burst are Amazon's, in the token bucket and in the simulator. Only the waiting is skipped:
where a sync waits, both clocks are put forward to the moment when it resumes.
"""

import time
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from bench.database import empty
from bench.report import Result
from bench.syncs import SimulatorProcess, count, simulator
from integrations.amazon.quota import QUOTAS
from integrations.models import StreamState, SyncLog
from integrations.quota.token_bucket import TokenBucket
from integrations.registry import CHANNELS
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from platforms.models import Platform

OPERATION = "searchOrders"


class Clock:
    """Seconds since 1970, and the waiting that was skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.time() + self.skipped


def under_quota(database: str, *, orders: int) -> list[Result]:
    """The seconds of a sync of so many orders to (calls - burst) / rate; no call may be answered 429."""
    empty()
    settings.AMAZON_QUOTAS = {}
    platform = Platform.objects.get(name="amazon")
    clock = Clock()
    adapters = CHANNELS[platform.kind]
    with simulator(orders, quotas=True) as server:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = server.endpoint, server.lwa_endpoint
        platform.api_config = server.api_config
        platform.save()
        StreamState.objects.update(watermark=None)
        CHANNELS[platform.kind] = replace(
            adapters,
            connect=lambda api_config, **options: adapters.connect(
                api_config,
                **options | {"budget_for": lambda key, published: TokenBucket(key, published, clock=clock)},
            ),
        )
        try:
            log, seconds = _sync(platform, clock, server)
        finally:
            CHANNELS[platform.kind] = adapters
        calls = server.calls().get(OPERATION, 0)
    if log.created != orders:
        raise RuntimeError(f"{log.created} of {orders} orders were stored: {log.error_message}")
    quota = QUOTAS[OPERATION]
    minimum = (calls - quota.burst) / quota.rate
    return [
        Result(
            name=f"seconds under quota for {orders:,} orders, to the arithmetic minimum",
            database=database,
            values=(seconds / minimum,),
            unit="×",
            note=f"{seconds:,.0f} s to {minimum:,.0f} s, {calls} calls",
            target=1.02,
            at_most=True,
        ),
        count(f"calls answered 429, of {calls}", database, log.throttled, 0),
    ]


def _sync(platform: Platform, clock: Clock, server: SimulatorProcess) -> tuple[SyncLog, float]:
    """The closed run, and the seconds it took, those that were skipped among them."""
    start = clock()
    log = request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.COMMAND).log
    log = run_sync(log.pk)
    while log.status == SyncLog.Status.WAITING:
        if log.resume_at is None:
            raise RuntimeError("The run waits, and does not say until when.")
        wait = max(0.0, (log.resume_at - timezone.now()) / timedelta(seconds=1))
        clock.skipped += wait
        server.skip(wait)
        SyncLog.objects.filter(pk=log.pk).update(resume_at=timezone.now())
        log = run_sync(log.pk)
    return log, clock() - start
