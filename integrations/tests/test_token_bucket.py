"""The quota bucket: pacing, sharing between processes and platforms, what Amazon's answers change."""

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from conftest import api_config
from integrations.amazon.adapter import connect
from integrations.amazon.config import load
from integrations.amazon.quota import QUOTAS, SANDBOX_QUOTAS
from integrations.errors import AuthenticationError, RateLimited
from integrations.models import ApiQuota, SyncLog
from integrations.protocol import Quota, Window
from integrations.quota.token_bucket import TokenBucket
from integrations.sync.connection_check import check_platform
from integrations.sync.run import run_sync
from integrations.tests.draining import BURST, drain
from integrations.tests.syncing import INVENTORY, on_a_database_that_waits, platform_of, refusal, sync
from simulator import Account, Canned, Simulator
from simulator.faults.base import Call

StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
SEARCH = QUOTAS["searchOrders"]
KEY = "a" * 64
db = pytest.mark.django_db


class FakeClock:
    """Seconds since 1970 that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


class AmazonsBucket:
    """Faults for a simulator: Amazon's own token bucket for searchOrders, which answers 429 when it is empty.

    `travels`: how many seconds calls are on their way, in turn.
    """

    def __init__(self, clock: FakeClock, travels: tuple[float, ...]) -> None:
        self._clock, self._travels = clock, travels
        self._tokens, self._until = float(SEARCH.burst), 0.0
        self.calls = self.refused = 0

    def before(self, call: Call) -> Canned | None:
        if call.operation != "searchOrders":
            return None
        self._clock.wait(self._travels[self.calls % len(self._travels)])
        arrival = self._clock()
        self.calls += 1
        if self._until:
            self._tokens = min(SEARCH.burst, self._tokens + (arrival - self._until) * SEARCH.rate)
        self._until = arrival
        if self._tokens < 1 - 1e-9:
            self.refused += 1
            return refusal(429, "QuotaExceeded")
        self._tokens -= 1
        return None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def published(start_simulator: StartSimulator, settings: Any) -> StartSimulator:
    """A start_simulator with Amazon's published quotas, which the simulator itself does not enforce."""

    def start(*arguments: Any, **options: Any) -> Simulator:
        sim = start_simulator(*arguments, **options)
        settings.AMAZON_QUOTAS = {}
        return sim

    return start


def draws(bucket: TokenBucket, operation: str = "searchOrders") -> int:
    """How many calls are granted without waiting."""
    granted = 0
    while not bucket.acquire(operation):
        granted += 1
    return granted


# --- pacing


def read_everything(sim: Simulator, clock: FakeClock) -> tuple[int, float]:
    """Orders read, and the seconds that it took by the fake clock; parks and resumes as a sync does."""
    start, orders = clock.now, 0
    checkpoint: dict[str, Any] = {}
    window = Window("updated", datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) - timedelta(minutes=3))
    bucket = partial(TokenBucket, clock=clock)
    while True:
        with closing(connect(api_config(sim.accounts[0]), include_pii=False, budget_for=bucket)) as amazon:
            try:
                for page in amazon.order_pages(window, checkpoint):
                    orders += len(page.records)
                    checkpoint = page.next or {}
                return orders, clock.now - start
            except RateLimited as error:
                clock.wait(error.retry_after)


@db
@pytest.mark.once
def test_it_reads_thousands_of_orders_as_fast_as_the_quota_allows_and_is_never_refused(
    published: StartSimulator, clock: FakeClock
) -> None:
    bucket = AmazonsBucket(clock, travels=(0.4, 0.05, 0.2))
    sim = published(Account(orders=4_000))
    sim.faults = bucket
    orders, seconds = read_everything(sim, clock)
    assert (orders, bucket.calls, bucket.refused) == (4_000, 40, 0)
    minimum = (40 - SEARCH.burst) / SEARCH.rate
    assert minimum <= seconds <= 1.02 * minimum


@db
@pytest.mark.parametrize("operation", QUOTAS)
def test_it_grants_the_burst_at_once_and_then_one_call_after_each_refill(
    clock: FakeClock, operation: str
) -> None:
    bucket, quota = TokenBucket(KEY, QUOTAS, clock=clock), QUOTAS[operation]
    assert draws(bucket, operation) == quota.burst
    for _call in range(3):
        clock.wait(bucket.acquire(operation))
        assert draws(bucket, operation) == 1


@db
def test_it_keeps_no_more_than_the_burst(clock: FakeClock) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    draws(bucket)
    clock.wait(10 * 24 * 3600)
    assert draws(bucket) == SEARCH.burst


@db
def test_it_takes_nothing_while_it_makes_a_caller_wait(clock: FakeClock) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    draws(bucket)
    assert len({bucket.acquire("searchOrders") for _ in range(5)}) == 1


@db
def test_it_goes_on_after_a_clock_that_was_wrong(clock: FakeClock) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    draws(bucket)
    clock.wait(-365 * 24 * 3600)
    assert bucket.acquire("searchOrders") < 200
    clock.wait(200)
    assert draws(bucket) == 1


@db
def test_it_gains_nothing_by_clocks_that_differ(clock: FakeClock) -> None:
    late = FakeClock()
    late.wait(-30)
    buckets = [TokenBucket(KEY, QUOTAS, clock=clock), TokenBucket(KEY, QUOTAS, clock=late)]
    draws(buckets[0])
    for _round in range(50):
        assert all(bucket.acquire("searchOrders") for bucket in buckets)


# --- sharing


@pytest.mark.django_db(transaction=True)
def test_it_never_grants_more_than_the_burst_to_many_workers_at_once(tmp_path: Path) -> None:
    assert on_a_database_that_waits(drain, tmp_path) == {
        "granted": BURST,
        "rows": 1,
    }


@db
def test_it_gives_two_platforms_of_one_seller_one_bucket(published: StartSimulator) -> None:
    sim = published(orders=33, page_size=3)
    assert sync(platform_of(sim, "first")).status == Status.SUCCEEDED
    second = sync(platform_of(sim, "second"))
    assert (second.status, second.pages, sim.calls["searchOrders"]) == (Status.WAITING, 9, 20)
    assert ApiQuota.objects.filter(operation="searchOrders").count() == 1


@db
def test_it_keeps_accounts_operations_and_the_sandbox_apart(clock: FakeClock) -> None:
    secrets = {
        "client_id": "i",
        "client_secret": "s",
        "refresh_token": "r",
        "marketplace_id": "ATVPDKIKX0DER",
    }
    changes: tuple[dict[str, str], ...] = (
        {},
        {"refresh_token": "r2"},
        {"client_id": "i2"},
        {"region": "SANDBOX"},
    )
    keys = {load(secrets | change).account_key for change in changes}
    assert len(keys) == len(changes)
    assert load(secrets | {"client_secret": "rotated"}).account_key in keys
    draws(TokenBucket(min(keys), QUOTAS, clock=clock))
    assert TokenBucket(max(keys), QUOTAS, clock=clock).acquire("searchOrders") == 0
    assert TokenBucket(min(keys), QUOTAS, clock=clock).acquire("getOrder") == 0


@db
def test_it_stores_no_secret_with_the_bucket(published: StartSimulator) -> None:
    sim = published(orders=3)
    sync(platform_of(sim))
    (row,) = ApiQuota.objects.values("account_key", "operation", "rate", "burst")
    assert row == {
        "account_key": load(api_config(sim.accounts[0])).account_key,
        "operation": "searchOrders",
        "rate": SEARCH.rate,
        "burst": SEARCH.burst,
    }
    assert not any(secret in row["account_key"] for secret in ("sim", sim.accounts[0].refresh_token))


# --- what a sync makes of it


@db
def test_it_parks_before_the_call_that_would_be_refused_and_goes_on_later(published: StartSimulator) -> None:
    sim = published(orders=75, page_size=3)
    log = sync(platform_of(sim))
    assert (log.status, log.pages, log.throttled) == (Status.WAITING, 20, 0)
    assert log.resume_at is not None
    assert 120 < (log.resume_at - timezone.now()).total_seconds() < 180  # less what has passed meanwhile
    assert sim.calls["searchOrders"] == 20
    ApiQuota.objects.update(tokens=5)
    SyncLog.objects.update(resume_at=timezone.now())
    log = run_sync(log.pk)
    assert (log.status, log.pages, log.created, log.throttled) == (Status.SUCCEEDED, 25, 75, 0)
    assert sim.calls["searchOrders"] == 25


@db
def test_it_parks_again_without_a_call_when_resumed_too_early(published: StartSimulator) -> None:
    sim = published(orders=75, page_size=3)
    log = sync(platform_of(sim))
    SyncLog.objects.update(resume_at=timezone.now())
    log = run_sync(log.pk)
    assert (log.status, log.pages, sim.calls["searchOrders"]) == (Status.WAITING, 20, 20)


@db
def test_it_waits_in_place_for_a_short_time(published: StartSimulator) -> None:
    sim = published(orders=0, skus=8, page_size=3)
    log = sync(platform_of(sim), INVENTORY)
    assert (log.status, log.throttled, sim.calls["getInventorySummaries"]) == (Status.SUCCEEDED, 0, 3)


@db
def test_it_empties_the_bucket_when_amazon_refuses_all_the_same(published: StartSimulator) -> None:
    sim = published(orders=30, page_size=3)
    sim.script("searchOrders", refusal(429, "QuotaExceeded"))
    log = sync(platform_of(sim))
    assert (log.status, log.throttled, ApiQuota.objects.get().tokens) == (Status.WAITING, 1, 0)


@db
def test_it_learns_the_rate_that_amazon_states(published: StartSimulator) -> None:
    sim = published(orders=3)
    answer = Canned.json(200, {"orders": []}, {"x-amzn-RateLimit-Limit": "0.5"})
    sim.script("searchOrders", answer)
    sync(platform_of(sim))
    assert ApiQuota.objects.get().rate == 0.5


@db
@pytest.mark.parametrize("stated", ["", "soon", "0", "-1", "nan", "inf", "1e9"])
def test_it_learns_nothing_from_a_rate_that_makes_no_sense(published: StartSimulator, stated: str) -> None:
    sim = published(orders=3)
    sim.script("searchOrders", Canned.json(200, {"orders": []}, {"x-amzn-RateLimit-Limit": stated}))
    sync(platform_of(sim))
    assert ApiQuota.objects.get().rate == SEARCH.rate


@db
def test_it_uses_no_quota_for_credentials_that_are_refused(published: StartSimulator) -> None:
    sim = published(orders=3)
    amazon = connect(
        api_config(sim.accounts[0], client_secret="wrong"), include_pii=False, budget_for=TokenBucket
    )
    with closing(amazon), pytest.raises(AuthenticationError):
        amazon.order("1")
    assert not ApiQuota.objects.exists()


@db
def test_it_makes_the_connection_check_wait_too(published: StartSimulator) -> None:
    sim = published(orders=3)
    platform = platform_of(sim)
    draws(TokenBucket(load(api_config(sim.accounts[0])).account_key, QUOTAS))
    orders = next(each for each in check_platform(platform) if each.step == "orders")
    assert (orders.ok, orders.code, sim.calls["searchOrders"]) == (None, "not_checked", 0)
    assert "Check again at" in orders.message


# --- the row


@db
def test_it_goes_by_the_row_and_not_by_what_is_published(clock: FakeClock) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    bucket.acquire("searchOrders")
    ApiQuota.objects.update(rate=0.1, burst=3, tokens=0, updated_at=datetime.fromtimestamp(clock.now, UTC))
    assert bucket.acquire("searchOrders") == pytest.approx(10, abs=0.01)
    clock.wait(3600)
    assert draws(bucket) == 3


@db
def test_it_refills_at_the_new_rate_from_when_it_was_learned(clock: FakeClock) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    draws(bucket)
    clock.wait(90)  # half a token at the old rate
    bucket.set_rate("searchOrders", 0.1)
    assert bucket.acquire("searchOrders") == pytest.approx(5, abs=0.1)


@db
def test_it_asks_the_database_nothing_to_learn_what_it_knows(
    clock: FakeClock, django_assert_num_queries: Any
) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    bucket.acquire("searchOrders")
    with django_assert_num_queries(0):
        bucket.set_rate("searchOrders", SEARCH.rate)


@db
@pytest.mark.parametrize("rate", [0.0, 1e-9])
def test_it_looks_again_after_an_hour_where_a_row_grants_next_to_nothing(
    clock: FakeClock, rate: float
) -> None:
    bucket = TokenBucket(KEY, QUOTAS, clock=clock)
    bucket.drain("searchOrders")
    ApiQuota.objects.update(rate=rate)
    assert bucket.acquire("searchOrders") == 3600


@db
def test_it_starts_with_what_the_settings_or_the_adapter_say(clock: FakeClock, settings: Any) -> None:
    assert draws(TokenBucket("sandbox", SANDBOX_QUOTAS, clock=clock)) == 15
    settings.AMAZON_QUOTAS = {"searchOrders": (1.0, 4)}
    buckets = []

    def budget_for(account_key: str, published: Mapping[str, Quota]) -> TokenBucket:
        buckets.append(TokenBucket(account_key, published, clock=clock))
        return buckets[0]

    connect(api_config(Account()), include_pii=False, budget_for=budget_for).close()
    assert (draws(buckets[0]), draws(buckets[0], "getOrder")) == (4, QUOTAS["getOrder"].burst)
