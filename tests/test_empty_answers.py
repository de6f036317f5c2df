"""An answer without rows is a success, and not always the truth: what is stored or usually comes contradicts it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from integrations.models import StreamState, SyncLog
from integrations.tests.states import set_states, watermark_of
from integrations.tests.syncing import platform_of, requests_of, stored_orders, sync
from orders.models import Order
from platforms.models import Platform, Source
from simulator import Account, Rule, Simulator
from simulator.faults.kinds import Empty

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
DE, FR, GB = "A1PA6795UKMFR9", "A13V1IB3VIYZZH", "A1F83G8C2ARO7P"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TOGETHER = ",".join([DE, FR, GB])


@pytest.fixture
def sim(start_simulator: StartSimulator, settings: pytest.FixtureRequest) -> Simulator:
    """Of a seller in three countries, whose 60 orders are stored."""
    settings.MOCK_FALLBACK = "never"  # type: ignore[attr-defined]
    sim = start_simulator(Account(orders=60, skus=30, marketplace_ids=(DE, FR, GB)))
    assert (
        sync(platform_of(sim, marketplace_id=DE, additional_marketplace_ids=[FR, GB], region="EU")).created
        == 60
    )
    sim.requests.clear()
    return sim


def asked(sim: Simulator) -> list[str]:
    return [call["marketplaceIds"] for call in requests_of(sim, "searchOrders")]


def state() -> StreamState:
    return StreamState.of(Platform.objects.get(), "orders")


def forget(sim: Simulator, span: timedelta) -> int:
    """Deletes the orders of this last time, as if they had never come, and sets the watermark so that the next window
    begins shortly before them. Returns how many there were."""
    Order.objects.filter(platform_updated_at__gte=timezone.now() - span).delete()
    left = Order.objects.filter(marketplace_id__in=(DE, FR, GB)).latest("platform_updated_at")
    set_states(watermark=left.platform_updated_at + MINUTE)
    return 60 - Order.objects.count()


def test_it_asks_for_each_marketplace_where_stored_orders_are_missing_from_an_answer(sim: Simulator) -> None:
    missing, before = forget(sim, 100 * HOUR), watermark_of()
    sim.rules.add(Rule(operation="searchOrders", fault=Empty(several=True)))
    log = sync(Platform.objects.get())
    assert (log.status, log.created, asked(sim)) == (Status.PARTIAL, missing, [TOGETHER, DE, FR, GB])
    assert stored_orders(log.platform) == sim.accounts[0].truth_orders()
    assert [note["code"] for note in log.notes] == ["empty_answer"] * 3
    assert log.notes[0]["message"].startswith(
        f"Amazon listed no orders for all marketplaces together, and orders of Germany ({DE}) when asked for it alone."
    )
    assert [datetime.fromisoformat(text) for text in state().part_watermarks.values()] == [before] * 3
    sim.rules.clear()
    log = sync(log.platform)
    assert (log.status, sorted(asked(sim)[4:])) == (Status.SUCCEEDED, [FR, GB, DE])
    sync(log.platform)
    assert asked(sim)[7:] == [TOGETHER]


def test_it_believes_an_answer_without_orders_once_each_marketplace_has_none(sim: Simulator) -> None:
    forget(sim, 100 * HOUR)
    sim.rules.add(Rule(operation="searchOrders", fault=Empty()))
    log = sync(Platform.objects.get())
    assert (log.status, log.fetched, log.notes) == (Status.SUCCEEDED, 0, [])
    assert (asked(sim), watermark_of()) == ([TOGETHER, DE, FR, GB], log.window_end)
    assert sync(log.platform).status == Status.SUCCEEDED
    assert asked(sim)[4:] == [TOGETHER]  # nothing is stored of this window


def test_it_reads_each_marketplace_from_when_orders_last_came_after_an_odd_silence(sim: Simulator) -> None:
    """One order an hour; ten hours without any, by syncs that went well, while orders came."""
    platform, now = Platform.objects.get(), timezone.now()
    missing = forget(sim, 100 * HOUR)
    SyncLog.objects.all().delete()

    def earlier(hours_ago: float, created: int) -> None:
        end = now - hours_ago * HOUR
        SyncLog.objects.create(
            platform=platform, kind="orders", trigger="schedule", status="succeeded", source=Source.LIVE,
            window_by="updated", window_start=end - HOUR, window_end=end, fetched=created, created=created,
        )  # fmt: skip

    for hours_ago in (9.5, 8.5, 7.5, 6.5, 5.5, 4.5, 3.5, 2.5, 1.5):
        earlier(hours_ago + 100, 1)
    sim.rules.add(Rule(operation="searchOrders", fault=Empty(several=True)))
    set_states(watermark=now - MINUTE * 20)
    assert sync(platform).fetched == 0
    assert asked(sim) == [TOGETHER]  # too little is known of this shop
    SyncLog.objects.all().delete()
    for hours_ago in range(130, 100, -1):
        earlier(hours_ago, 1)
    earlier(92, 0)
    set_states(watermark=now - MINUTE * 20)
    log = sync(platform)
    assert (log.status, log.created, asked(sim)[1:]) == (Status.PARTIAL, missing, [TOGETHER, DE, FR, GB])
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_it_does_not_ask_again_and_again_where_the_silence_is_real(sim: Simulator) -> None:
    """One order an hour until 25 hours ago."""
    platform, now = Platform.objects.get(), timezone.now()
    Order.objects.all().delete()
    for hours_ago in range(60, -1, -1):
        end = now - hours_ago * HOUR
        SyncLog.objects.create(
            platform=platform, kind="orders", trigger="schedule", status="succeeded", source=Source.LIVE,
            window_by="updated", window_start=end - HOUR, window_end=end, created=hours_ago > 25,
        )  # fmt: skip
    sim.rules.add(Rule(operation="searchOrders", fault=Empty()))
    set_states(watermark=now - MINUTE)
    sync(platform)
    assert asked(sim) == [TOGETHER]  # it was asked after 10 and 20 hours, and will be after 40
