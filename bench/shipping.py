"""How long it takes to tell Amazon of shipments under its published quota, beside what the quota alone makes it take;
and what it costs to read them back.

Rate and burst are Amazon's. The clock is that of OMS, of its token bucket and of the simulator, and passes only where
something is waited for: so the ratio is that of the waiting, whatever the machine. What OMS itself computes is beside
it, in the note.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch

from django.conf import settings
from django.utils import timezone

from bench.database import empty
from bench.report import Result
from bench.syncs import count
from integrations.amazon import tokens
from integrations.amazon.quota import QUOTAS
from integrations.amazon.retry import longest_wait_for
from integrations.models import StreamState, SyncLog
from integrations.protocol import Quota
from integrations.quota.token_bucket import TokenBucket
from integrations.registry import CHANNELS
from integrations.shipping.making import Wanted, make_shipments
from integrations.shipping.rules import Package
from integrations.shipping.sending import LONGEST_TURN, ship_due
from integrations.shipping.switching import set_policy
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from orders.models import Order, Shipment
from platforms.models import Platform
from simulator import Account, Quotas, Simulator
from simulator.scenes import Scene

CONFIRM, PAGE = "confirmShipment", 100
LATER = 15 * 60  # seconds until the next regular sync


class Clock:
    """Seconds since 1970, which pass when told to."""

    def __init__(self) -> None:
        self.start, self.skipped = float(int(time.time())), 0.0

    def __call__(self) -> float:
        return self.start + self.skipped


class SkippingBucket(TokenBucket):
    """Puts the clock forward where the client would sleep for a token that is near."""

    def __init__(self, key: str, published: Mapping[str, Quota], clock: Clock) -> None:
        super().__init__(key, published, clock=clock)
        self._skipping = clock

    def acquire(self, operation: str) -> float:
        wait = super().acquire(operation)
        if not 0 < wait <= longest_wait_for(operation):
            return wait
        self._skipping.skipped += wait
        return super().acquire(operation)


def under_quota(database: str, *, shipments: int) -> list[Result]:
    """The seconds of so many shipments to (calls - burst) / rate, and the calls that reading them back costs beside
    the one of a sync that finds nothing new."""
    empty()
    clock = Clock()
    platform = Platform.objects.get(name="amazon")
    end = datetime.fromtimestamp(clock(), UTC) - timedelta(minutes=5)
    account = Account(orders=6 * shipments, scenes=(Scene.PLAIN_UNSHIPPED,), end=end)
    with (
        Simulator(account, quotas=Quotas(clock=clock), clock=clock, page_size=PAGE) as sim,
        _at(platform, sim, clock),
    ):
        _sync(platform, clock)
        _make(platform, shipments)
        computed = time.process_time()
        seconds, held = _send(platform, clock)
        computed = (time.process_time() - computed) / shipments
        told, refused = sim.calls[CONFIRM], Shipment.objects.exclude(state=Shipment.State.SENT).count()
        before = sim.calls["searchOrders"], sim.calls["getOrder"]
        clock.skipped += LATER
        _sync(platform, clock)
        extra = sim.calls["searchOrders"] - before[0] - 1 + sim.calls["getOrder"] - before[1]
    unconfirmed = Shipment.objects.exclude(state=Shipment.State.CONFIRMED).count()
    if refused or unconfirmed:
        raise RuntimeError(f"{refused} shipments were not taken, {unconfirmed} not confirmed.")
    minimum = (told - QUOTAS[CONFIRM].burst) / QUOTAS[CONFIRM].rate
    of_cpu = f"{1000 * computed:,.0f} ms of CPU each, the simulator's included"
    return [
        Result(
            name=f"seconds to tell of {shipments:,} shipments, to the quota's minimum",
            database=database,
            values=(seconds / minimum,),
            unit="×",
            note=f"{seconds:,.0f} s to {minimum:,.0f} s, {told} calls; {of_cpu}",
            target=1.02,
            at_most=True,
        ),
        count(f"calls to tell of {shipments:,} shipments", database, told, shipments),
        Result(
            name="seconds that telling of them holds a worker at most",
            database=database,
            values=(held,),
            unit=" s",
            note="then other work of the queue has its turn",
            target=LONGEST_TURN.total_seconds() + 1,
            at_most=True,
        ),
        count(f"extra calls to read {shipments:,} shipments back", database, extra, 10),
    ]


@contextmanager
def _at(platform: Platform, sim: Simulator, clock: Clock) -> Iterator[None]:
    """The platform is the simulator's account, and all that tells the time goes by this clock."""
    settings.AMAZON_QUOTAS = {}
    settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = sim.endpoint, sim.lwa_endpoint
    account, adapters = sim.accounts[0], CHANNELS[platform.kind]
    platform.api_config = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": account.marketplace_ids[0],
    }
    platform.save()
    StreamState.objects.update(watermark=None)
    CHANNELS[platform.kind] = replace(
        adapters,
        connect=lambda api_config, **options: adapters.connect(
            api_config,
            **options | {"budget_for": lambda key, published: SkippingBucket(key, published, clock)},
        ),
    )
    try:
        with (
            patch.object(timezone, "now", lambda: datetime.fromtimestamp(clock(), UTC)),
            # Else a token outlives the hour that it is good for, and the call with it is made twice.
            patch.object(tokens, "time", SimpleNamespace(monotonic=clock)),
        ):
            yield
    finally:
        CHANNELS[platform.kind] = adapters


def _sync(platform: Platform, clock: Clock) -> None:
    log = request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.COMMAND).log
    while (log := run_sync(log.pk)).status == SyncLog.Status.WAITING:
        if log.resume_at is None:
            raise RuntimeError("The run waits, and does not say until when.")
        _skip_to(log.resume_at, clock)
    if log.status != SyncLog.Status.SUCCEEDED:
        raise RuntimeError(f"The sync ended as {log.status}: {log.error_message}")


def _make(platform: Platform, shipments: int) -> None:
    set_policy(platform, mode="live", hourly_limit=shipments, who="bench")
    ids = Order.objects.to_ship().order_by("pk").values_list("pk", flat=True)[:shipments]
    wanted = [Wanted(pk, Package(carrier="UPS", tracking_number=f"1Z{pk:08d}")) for pk in ids]
    made = sum(verdict.is_good for verdict in make_shipments(wanted, who="bench"))
    if made != shipments:
        raise RuntimeError(f"{made} of {shipments} shipments were made.")


def _send(platform: Platform, clock: Clock) -> tuple[float, float]:
    """Seconds until nothing is left to send, those that were skipped among them; and the longest that a worker was held
    without doing anything else."""
    start, longest = clock(), 0.0
    later: datetime | None = timezone.now()
    while later:
        _skip_to(later, clock)
        began = clock()
        later = ship_due(platform.pk, stopping=lambda: False)
        longest = max(longest, clock() - began)
    return clock() - start, longest


def _skip_to(moment: datetime, clock: Clock) -> None:
    clock.skipped += max(0.0, (moment - timezone.now()) / timedelta(seconds=1))
