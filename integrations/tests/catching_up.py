"""A busy shop on a clock that is put forward, whose syncs are out of quota, and the catch-up that keeps its orders
known."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from bench.passing_time import PassingTime
from conftest import GENEROUS
from integrations.completeness.keeping_up.catch_ups import run_catch_up
from integrations.completeness.keeping_up.queue import due_catch_ups
from integrations.models import ApiQuota, CatchUp, StreamState, SyncLog
from integrations.sync.run import run_sync
from integrations.tests.syncing import open_sync, platform_of
from orders.models import Order
from simulator import Account, Simulator

StartSimulator = Callable[..., Simulator]
Synced = SyncLog.Status
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAY = 24 * HOUR


@contextmanager
def passing_time(settings: Any) -> Iterator[PassingTime]:
    """The clock of OMS, of its token buckets and of the simulator."""
    settings.KEEP_UP, settings.MOCK_FALLBACK = "auto", "never"
    settings.ORDERS_LOOK_BACK_HOURS = 0  # otherwise a page with room for it reaches back over all
    clock = PassingTime(before=3 * DAY)
    with clock.installed():
        yield clock


class Shop:
    """A platform of ten orders a page, whose orders were all read a moment ago, and whose quota for pages is used up
    since."""

    def __init__(self, start_simulator: StartSimulator, settings: Any, clock: PassingTime) -> None:
        account = Account(orders=40, skus=10, days=2, end=clock.ago(HOUR))
        self.sim = start_simulator(account, page_size=10, clock=clock)
        self.account, self.clock = account, clock
        settings.AMAZON_QUOTAS = GENEROUS | {"searchOrders": (0.0056, 20)}
        self.platform = platform_of(self.sim)
        assert self.sync().status == Synced.SUCCEEDED
        self.use_up()

    def sync(self) -> SyncLog:
        """Go on with the regular sync that is open, or with a new one."""
        last = self._last()
        if last is not None and last.status == Synced.WAITING and last.resume_at > self.clock.now():
            self.clock.advance(last.resume_at - self.clock.now())
        return run_sync(open_sync(self.platform).pk)

    def use_up(self) -> None:
        ApiQuota.objects.filter(operation="searchOrders").update(tokens=0.0, updated_at=self.clock.now())

    def refill(self) -> None:
        ApiQuota.objects.filter(operation="searchOrders").update(tokens=20)

    def change(self, count: int) -> list[str]:
        """So many orders change now, the oldest first."""
        ids = sorted(self.account.order_ids(), key=lambda each: self.account.find(each).updated)[:count]  # type: ignore[union-attr]
        for external_id in ids:
            self.account.change_order(external_id, at=self.clock.now())
        return ids

    def add(self, count: int) -> list[str]:
        return [self.account.add_order(at=self.clock.now()).external_id for _ in range(count)]

    def newest(self) -> str:
        """The order that was placed last, of those that are stored."""
        return Order.objects.order_by("-purchased_at")[0].external_id

    def fall_behind(self) -> CatchUp:
        """A regular sync waits for quota, and has not read for 40 minutes."""
        self.clock.advance(40 * MINUTE)
        self.use_up()
        assert self.sync().status == Synced.WAITING
        [catch_up] = due_catch_ups()
        return catch_up

    def work(self, catch_up: CatchUp, stopping: Callable[[], bool] = lambda: False) -> CatchUp:
        """Once, as soon as it is to go on."""
        catch_up.refresh_from_db()
        if catch_up.resume_at is not None and catch_up.resume_at > self.clock.now():
            self.clock.advance(catch_up.resume_at - self.clock.now())
        return run_catch_up(catch_up.pk, stopping=stopping)

    def until_listed(self, catch_up: CatchUp) -> CatchUp:
        """Until the next list is stored, and before anything is fetched."""
        lists = catch_up.lists
        for _ in range(60):
            catch_up = self.work(catch_up, stopping=lambda: True)
            if catch_up.lists > lists:
                return catch_up
            self.clock.advance(MINUTE)
        raise AssertionError(
            f"no list was stored: {catch_up.error_message} {catch_up.notes} {catch_up.parts}"
        )

    def until_closed(self, catch_up: CatchUp) -> CatchUp:
        """With the regular syncs that come meanwhile."""
        for _ in range(100):
            self.clock.advance(10 * MINUTE)
            if not (catch_up := self.work(catch_up)).is_open:
                return catch_up
            if self._last().status != Synced.WAITING or self._last().resume_at <= self.clock.now():
                self.sync()
        left = list(Order.objects.filter(completeness__in=Order.WITHOUT_DETAILS).values())
        raise AssertionError(f"never closed: {catch_up.__dict__} {self.state().__dict__} {left}")

    def _last(self) -> Any:
        return SyncLog.objects.order_by("-pk").first()

    def skip(self) -> CatchUp:
        """After a second list: syncs have left something to lists alone, since the one that waits began before."""
        catch_up = self.until_listed(self.fall_behind())
        self.clock.advance(35 * MINUTE)
        return self.until_listed(catch_up)

    def state(self) -> StreamState:
        return StreamState.of(self.platform, "orders")


def by_list() -> dict[str, str]:
    """The orders whose details are to be fetched, by id."""
    rows = Order.objects.filter(completeness__in=Order.WITHOUT_DETAILS)
    return {order.external_id: str(order.completeness) for order in rows}


def minutes_unknown(shop: Shop, external_id: str, *, hours: int, every: int) -> list[float]:
    """The order changes every so many minutes, while syncs are out of quota: minutes until each of its versions, or a
    later one, is known. A version that is not known in the end counts as well."""
    catch_up, waiting, known = shop.fall_behind(), list[datetime](), list[float]()
    for minute in range(60 * hours):
        if minute % every == 7 % every:
            waiting.append(shop.account.change_order(external_id, at=shop.clock.now()).updated)
        if minute % 3 == 0:
            shop.add(1)
        shop.clock.advance(MINUTE)
        ApiQuota.objects.filter(operation__in=["searchOrders", "getOrder"]).update(
            tokens=0.0, updated_at=shop.clock.now()
        )
        run_catch_up(catch_up.pk)
        stored = Order.objects.get(external_id=external_id).platform_updated_at
        now = shop.clock.now()
        known += [(now - each) / MINUTE for each in waiting if each.replace(microsecond=0) <= stored]
        waiting = [each for each in waiting if each.replace(microsecond=0) > stored]
    return known + [(shop.clock.now() - each) / MINUTE for each in waiting]
