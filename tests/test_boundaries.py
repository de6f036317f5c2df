"""At the edge of each limit of Amazon's there is a margin. (Windows: test_amazon_clock.py. Stock: test_stock.py.)"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.amazon.order_listing import TOKEN_LIFE
from integrations.amazon.quota import granted_rate
from integrations.amazon.tokens import lifetime
from integrations.models import ApiQuota, SyncLog
from integrations.schedule.maintenance import run_maintenance
from integrations.sync.run import run_sync
from integrations.tests.syncing import QUOTA_EXCEEDED, open_sync, platform_of, stored_orders
from orders.buyers import BEFORE_NEXT_TURN
from orders.models import OrderBuyer
from simulator import Canned, Rule, Simulator

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
A_MINUTE = timedelta(minutes=1)


# --- access tokens


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (3600, 3600), ("3600", 3600), (90, 90), (0, 0), (-5, 0), (1e300, 3600), (None, 3600), ("soon", 3600),
        (True, 3600), (float("nan"), 3600), ([], 3600), (10**400, 3600),
    ],
)  # fmt: skip
def test_an_access_token_lives_as_long_as_it_says_and_no_longer_than_an_hour(
    said: Any, seconds: float
) -> None:
    assert lifetime(said) == seconds


def test_an_access_token_of_two_minutes_serves_more_than_one_call(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=30, page_size=10)
    platform = platform_of(sim)
    token = sim._tokens.issue(sim.accounts[0])
    sim.script("token", *[Canned.json(200, {"access_token": token, "expires_in": 120})] * 9)
    assert run_sync(open_sync(platform).pk).status == Status.SUCCEEDED
    assert (sim.calls["token"], sim.calls["searchOrders"]) == (1, 3)


# --- page tokens


@pytest.mark.parametrize(("older", "calls"), [(A_MINUTE, 1 + 1 + 3), (-A_MINUTE, 1 + 1 + 2)])
def test_a_page_token_of_a_day_is_not_tried(
    start_simulator: StartSimulator, older: timedelta, calls: int
) -> None:
    """Amazon would refuse it, for a call of a quota that allows one in three minutes."""
    sim = start_simulator(orders=30, page_size=10)
    platform = platform_of(sim)
    log = open_sync(platform)
    sim.rules.add(Rule(operation="searchOrders", nth=2, times=9, fault=QUOTA_EXCEEDED))
    assert run_sync(log.pk).status == Status.WAITING
    sim.rules.clear()
    log.refresh_from_db()
    page = log.checkpoint["page"] | {"got_at": (timezone.now() - TOKEN_LIFE - older).isoformat()}
    SyncLog.objects.update(checkpoint=log.checkpoint | {"page": page}, resume_at=timezone.now())
    ApiQuota.objects.update(tokens=9)
    log = run_sync(log.pk)
    assert (log.status, sim.calls["searchOrders"]) == (Status.SUCCEEDED, calls)
    assert ("restarted" in [note["code"] for note in log.notes]) == (older > timedelta(0))
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


# --- quotas


@pytest.mark.parametrize(
    ("header", "rate"),
    [
        ("10000", 10_000),
        ("10000.1", None),
        ("0.000001", 1e-6),
        ("0.0000009", None),
        ("0", None),
        ("-1", None),
    ],
)
def test_a_granted_rate_counts_up_to_its_bounds(header: str, rate: float | None) -> None:
    assert granted_rate(header) == rate


# --- buyer data


@pytest.mark.parametrize(("due", "is_deleted"), [(-A_MINUTE, True), (A_MINUTE, False)])
def test_buyer_data_is_gone_before_its_last_day_is_over(
    start_simulator: StartSimulator, due: timedelta, is_deleted: bool
) -> None:
    """It is deleted once a day: what falls due before the next time goes now, and is not stored again."""
    sim = start_simulator(orders=3)
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    run_sync(open_sync(platform).pk)
    first = OrderBuyer.objects.order_by("pk").first()
    assert first is not None
    OrderBuyer.objects.filter(pk=first.pk).update(purge_after=timezone.now() + BEFORE_NEXT_TURN + due)
    assert run_maintenance().buyers == is_deleted
    assert OrderBuyer.objects.filter(pk=first.pk).exists() != is_deleted
