"""An account with 150,000 order versions a day under Amazon's published quota: with lists, beside searchOrders alone.

Nothing is scaled: rate and burst are Amazon's, in the token bucket and in the simulator, which enforces them. The clock
of all of them is put forward minute by minute. In each, orders are placed, and others change; the schedule and the
workers do what is due. Amazon is given LIST_TAKES to make a list: it names no time.

A list by last update does not have what changes again while it is made. So there are two harder accounts as well. In
one, orders change again and again: of the RESTLESS newest ones any may be the next, which is about once an hour for
each of them. In the other, some orders never rest at all: each of the NEVER_RESTING newest ones changes every 2 to 5
minutes, from the beginning to the end; the other changes are as in the first account.
"""

import heapq
import random
import statistics
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.conf import settings

from bench.database import empty
from bench.passing_time import PassingTime
from bench.report import Result
from integrations.amazon.client import AmazonClient
from integrations.amazon.quota import QUOTAS
from integrations.completeness.keeping_up.catch_ups import run_catch_up
from integrations.completeness.keeping_up.queue import due_catch_ups
from integrations.models import ApiQuota, CatchUp, StreamState, SyncLog
from integrations.schedule.plan import due_syncs
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.sync.streams.states import set_intervals
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Quotas, Simulator

VERSIONS_A_DAY = 150_000
NEW = 1 / 3  # of the versions; the others are changes of orders
LIST_TAKES = timedelta(minutes=10)
BEFORE = 2500  # orders for each hour, which were read before: each changes once, the oldest first
RESTLESS = round(VERSIONS_A_DAY / 24 * (1 - NEW))
NEVER_RESTING, RESTS = 100, (2.0, 5.0)  # orders; minutes from one change of each until its next
LIMIT = 60.0  # minutes, within which each is to be known
MINUTE = timedelta(minutes=1)


class Changes(Enum):
    """How the orders of an account change."""

    ONCE = "each order once"
    HOURLY = "each order about once an hour"
    ALL_THE_TIME = f"{NEVER_RESTING} orders every 2 to 5 minutes"


class Shop:
    """The account and the platform, and what is known here of each version and when."""

    def __init__(self, clock: PassingTime, server: Simulator, *, changes: Changes) -> None:
        self.clock, self.server, self.account = clock, server, server.accounts[0]
        self.known: list[float] = []  # minutes from each version until it was known
        self.later: list[
            float
        ] = []  # of these, of versions from after the first hour: lists are being made by then
        self.full: list[float] = []  # minutes from when an order to ship was placed until it was here in full
        self._chance = random.Random(7)
        self._is_hourly = changes is Changes.HOURLY
        ids = self.account.order_ids()
        if changes is not Changes.ONCE:
            ids = [ids[index] for _placed, index in self.account.by_created]
        self._ids = deque(ids, maxlen=RESTLESS if self._is_hourly else None)
        newest = ids[-NEVER_RESTING:] if changes is Changes.ALL_THE_TIME else []
        self._due = [(clock.now(), external_id) for external_id in newest]  # when each is to change
        heapq.heapify(self._due)
        self._unknown: defaultdict[str, list[datetime]] = defaultdict(list)
        self._to_ship: dict[str, datetime] = {}
        self._looked_at, self._first_hour = clock.now(), clock.now() + 60 * MINUTE
        self._next = clock.now()  # when something happens
        self._asked_before = len(server.requests)

    def pass_a_minute(self) -> None:
        """With all that happens to its orders, also while somebody waited for quota."""
        until = self.clock.now() + MINUTE
        while self._next <= until:
            self._happen(self._next)
            self._next += timedelta(days=1) / VERSIONS_A_DAY
        self.clock.advance(until - self.clock.now())

    def _happen(self, at: datetime) -> None:
        if self._chance.random() < NEW:
            order = self.account.add_order(at=at)
            self._ids.append(order.external_id)
            if order.status in Order.TO_SHIP and order.fulfilled_by != Order.FulfilledBy.PLATFORM:
                self._to_ship[order.external_id] = order.updated
        else:
            order = self.account.change_order(self._next_to_change(at), at=at)
        self._unknown[order.external_id].append(order.updated)

    def _next_to_change(self, at: datetime) -> str:
        if self._due and self._due[0][0] <= at:
            external_id = self._due[0][1]
            again_at = at + self._chance.uniform(*RESTS) * MINUTE
            heapq.heapreplace(self._due, (again_at, external_id))
            return external_id
        return self._chance.choice(self._ids) if self._is_hourly else self._ids.popleft()

    def look(self) -> None:
        """What became known since the last look."""
        rows = Order.objects.filter(synced_at__gte=self._looked_at)
        columns = ("external_id", "platform_updated_at", "completeness", "synced_at")
        for external_id, updated, completeness, at in rows.values_list(*columns):
            waiting = self._unknown.pop(external_id, [])
            known = [each for each in waiting if each.replace(microsecond=0) <= updated]
            self.known += [_minutes(at - each) for each in known]
            self.later += [_minutes(at - each) for each in known if each > self._first_hour]
            if left := [each for each in waiting if each not in known]:
                self._unknown[external_id] = left
            if external_id in self._to_ship and completeness == Order.Completeness.FULL:
                self.full.append(_minutes(at - self._to_ship.pop(external_id)))
        self._looked_at = self.clock.now()

    @property
    def calls(self) -> Counter[str]:
        """By operation, since it was opened."""
        operations = (each.operation for each in self.server.requests[self._asked_before :])
        return Counter(name for name in operations if name in QUOTAS)

    @property
    def throttled(self) -> int:
        return sum(each.status == 429 for each in self.server.requests)

    def ages(self) -> list[float]:
        """In minutes, of the versions that are not known yet; one that was followed by another is none of its own."""
        return [_minutes(self.clock.now() - each[0]) for each in self._unknown.values()]

    @property
    def late(self) -> int:
        """Versions that were known after LIMIT, or are not known and older."""
        waiting = [_minutes(self.clock.now() - at) for each in self._unknown.values() for at in each]
        return sum(minutes > LIMIT for minutes in [*self.known, *waiting])

    def not_in_full(self) -> list[float]:
        """Minutes since each order was placed that is to be shipped, and was never here in full."""
        return [_minutes(self.clock.now() - each) for each in self._to_ship.values()]


def _minutes(span: timedelta) -> float:
    return span.total_seconds() / 60


def of_a_busy_account(database: str, *, hours: int) -> list[Result]:
    """Minutes until each version is known, and until what is to be shipped is here in full."""
    with_lists, alone = _simulated(hours, "auto"), _simulated(hours, "off")
    hourly, never_resting = (
        _simulated(hours, "auto", changes) for changes in (Changes.HOURLY, Changes.ALL_THE_TIME)
    )
    return [
        _known(database, "with lists", with_lists, hours, target=LIMIT),
        _known(database, f"with lists, {Changes.HOURLY.value}", hourly, hours, target=LIMIT),
        _known(database, f"with lists, {Changes.ALL_THE_TIME.value}", never_resting, hours, target=LIMIT),
        _known(database, "by searchOrders alone", alone, hours),
        _to_ship(database, "with lists", with_lists),
        _to_ship(database, "by searchOrders alone", alone),
        _calls(database, "with lists", with_lists),
        _calls(database, "by searchOrders alone", alone),
    ]


def _known(database: str, how: str, shop: Shop, hours: int, target: float | None = None) -> Result:
    longest = max([*shop.known, *shop.ages()])
    return Result(
        name=f"the most minutes until a version is known, of {VERSIONS_A_DAY:,} a day: {how}",
        database=database,
        values=(longest,),
        unit="min",
        note=f"{hours} h; p50 {_p50(shop.known):.0f} of {len(shop.known):,}, {shop.late:,} took more than {LIMIT:.0f}; "
        f"{max(shop.later, default=0.0):.0f} the most of those after the first hour; "
        f"{len(shop.ages()):,} orders are not known",
        target=target,
        at_most=True,
    )


def _to_ship(database: str, how: str, shop: Shop) -> Result:
    waiting = shop.not_in_full()
    return Result(
        name=f"the most minutes until an order to ship is here in full: {how}",
        database=database,
        values=(max([*shop.full, *waiting], default=0.0),),
        unit="min",
        note=f"p50 {_p50(shop.full):.0f} of {len(shop.full):,}; {len(waiting):,} are not yet",
    )


def _calls(database: str, how: str, shop: Shop) -> Result:
    return Result(
        name=f"calls that were answered 429: {how}",
        database=database,
        values=(float(shop.throttled),),
        unit="calls",
        note=", ".join(f"{name} {count:,}" for name, count in shop.calls.most_common()),
        target=0,
        at_most=True,
    )


def _p50(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _simulated(hours: int, keep_up: str, changes: Changes = Changes.ONCE) -> Shop:
    empty()
    CatchUp.objects.all().delete()
    StreamState.objects.all().delete()
    ApiQuota.objects.all().delete()
    clock = PassingTime(before=timedelta(hours=3 * hours + 6))
    settings.KEEP_UP, settings.AMAZON_QUOTAS, settings.ORDERS_LOOK_BACK_HOURS = keep_up, {}, 0
    account = Account(orders=BEFORE * hours, end=clock.ago(timedelta(hours=1)), days=2)
    quotas = Quotas(clock=clock)
    with clock.installed(), _waits_of(clock), Simulator(account, clock=clock, quotas=quotas) as server:
        server.reports.work_seconds = LIST_TAKES.total_seconds()
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = server.endpoint, server.lwa_endpoint
        platform = _read(clock, account)
        shop = Shop(clock, server, changes=changes)
        end = clock.now() + timedelta(hours=hours)
        while clock.now() < end:
            shop.pass_a_minute()
            _work(platform, clock)
            shop.look()
    return shop


@contextmanager
def _waits_of(clock: PassingTime) -> Iterator[None]:
    """Where a call waits some seconds for quota, the clock is put forward."""
    defaults: Any = AmazonClient.__init__.__kwdefaults__
    sleep = defaults["sleep"]
    defaults["sleep"] = lambda seconds: clock.advance(timedelta(seconds=seconds))
    try:
        yield
    finally:
        defaults["sleep"] = sleep


def _read(clock: PassingTime, account: Account) -> Platform:
    """Its platform, once all that was there before is read, and the quota is full again."""
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": account.marketplace_ids[0],
    }
    platform.save()
    set_intervals(platform, {"orders": 15, "inventory": 0})
    log = request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.COMMAND).log
    while (log := run_sync(log.pk)).is_open:
        clock.advance(MINUTE)
    if log.status != SyncLog.Status.SUCCEEDED:
        raise RuntimeError(log.error_message)
    SyncLog.objects.update(queued_at=clock.now())
    clock.advance(timedelta(hours=1))
    return platform


def _work(platform: Platform, clock: PassingTime) -> None:
    """What the schedule opens, and what the workers have to do by now."""
    now = clock.now()
    for started in due_syncs():  # a default of a column knows the real time alone
        SyncLog.objects.filter(pk=started.log.pk).update(queued_at=now)
    for log in SyncLog.objects.claimable().filter(platform=platform):
        run_sync(log.pk)
    list(due_catch_ups())
    for catch_up in CatchUp.objects.claimable().filter(platform=platform):
        run_catch_up(catch_up.pk)
