"""The property test: anything may happen to Amazon, to the network and to us, in any order; then the database equals
Amazon's truth."""

from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rest_framework.test import APIClient

from core.encryption import SecretDict
from feed.retention import prune_changes
from integrations.errors import PlatformError
from integrations.lookup.order import store as store_order
from integrations.models import StreamState, SyncFailure, SyncLog
from integrations.sync.cancel import cancel_sync
from integrations.sync.deferred import promote_next
from integrations.sync.failures import dismiss_each, replay_each
from integrations.sync.lanes import LANES
from integrations.sync.look_back import far
from integrations.sync.run import run_sync
from integrations.sync.windows import OVERLAP, WindowRequest
from integrations.tests.comparing import COUNTS, assert_complete, assert_complete_stock
from integrations.tests.states import watermark_of
from integrations.tests.syncing import INVENTORY, ORDERS, open_sync
from integrations.window_input import read_window
from inventory.models import InventoryItem
from inventory.thresholds import set_threshold
from orders.erasing import purge_buyers
from orders.models import Order, OrderBuyer
from stateful import events, laws
from stateful.choices import CLOCKS, Turn, some_skus, turns, windows
from stateful.events import Database, Event, Killed
from stateful.reader import Reader
from stateful.world import MARKETPLACES, World

OPERATIONS: dict[str, str] = {ORDERS: "searchOrders", INVENTORY: "getInventorySummaries"}
DONE = (SyncLog.Status.SUCCEEDED, SyncLog.Status.PARTIAL)
CALM = Turn()
LEASE_IS_OVER = 6  # minutes


class SyncMachine(RuleBasedStateMachine):
    """Each rule is one thing that may happen; `settle` is when all is well again."""

    world: World | None = None

    @initialize(
        seed=st.integers(1, 50),
        orders=st.integers(0, 24),
        marketplaces=st.integers(1, 2),
        clock_ahead=st.sampled_from(CLOCKS),
    )
    def begin(self, seed: int, orders: int, marketplaces: int, clock_ahead: float = 0) -> None:
        self.world = World(seed=seed, orders=orders, marketplaces=marketplaces, clock_ahead=clock_ahead)
        # marketplace -> how many changes there had been; no run has moved a watermark yet
        self.complete_since: defaultdict[str, int] = defaultdict(lambda: -1)
        self.began: dict[int, int] = {}  # log -> how many changes there had been
        self.database_failed = False
        self.turns = 0  # since all was well
        self.touched = False  # the database may have changed since the laws were looked at
        self.user = User.objects.get_or_create(username="reader", is_superuser=True)[0]
        client = APIClient()
        client.force_authenticate(self.user)

        def get(address: str) -> tuple[int, dict[str, Any]]:
            answer = client.get(address)
            return answer.status_code, answer.json()

        self.reader = Reader(get)

    @rule(turn=turns(ORDERS), window=windows())
    def sync_orders(self, turn: Turn, window: dict[str, Any]) -> None:
        self.go_before(turn, ORDERS)
        self.work(open_sync(self.there.platform, ORDERS, window=read_window(**window)), turn)

    @rule(turn=turns(INVENTORY), skus=some_skus())
    def sync_inventory(self, turn: Turn, skus: list[str]) -> None:
        self.go_before(turn, INVENTORY)
        self.work(open_sync(self.there.platform, INVENTORY, skus=skus), turn)

    @precondition(lambda self: self.turns > 0)
    @rule(limit=st.integers(1, 9), dies=st.booleans())
    def read_changes(self, limit: int, dies: bool) -> None:
        self.reader.read(limit=limit, dies=dies)

    @precondition(lambda self: self.turns > 0)
    @rule(pick=st.integers(0, 99))
    def ask_for_an_order(self, pick: int) -> None:
        """A person looks one order up, and stores it."""
        known = sorted(self.there.amazon.current)
        if known and self.there.is_well:
            with suppress(PlatformError):
                store_order(self.there.platform, known[pick % len(known)])
            self.touched = True

    @precondition(lambda self: self.turns > 0)
    @rule(threshold=st.integers(0, 9))
    def set_thresholds(self, threshold: int) -> None:
        set_threshold(items=InventoryItem.objects.all(), threshold=threshold)

    @precondition(lambda self: self.turns > 0)
    @rule(also_changes=st.booleans())
    def purge(self, also_changes: bool) -> None:
        """What is deleted once a day: buyer data whose time has come, and changes that were kept long enough."""
        now = timezone.now()
        OrderBuyer.objects.bulk_create(
            [
                OrderBuyer(order_id=pk, data=SecretDict(), purge_after=now)
                for pk in Order.objects.values_list("pk", flat=True)
            ],
            ignore_conflicts=True,
        )
        OrderBuyer.objects.update(purge_after=now)
        assert purge_buyers() == Order.objects.count()
        if also_changes:
            prune_changes(now)

    @precondition(lambda self: self.turns > 1)
    @rule()
    def settle(self) -> None:
        """All is well again, and some time passes: a sync of each kind, and nothing is missing."""
        there = self.there
        there.recover()
        there.wait(15)
        there.refused |= self.left_out()
        there.wait(self.minutes_of_rest())
        # What was read without a data set is read again by the sync after the one that finds it answered.
        for kind in (ORDERS, *[ORDERS] * bool(there.refused), INVENTORY):
            while (left := self.whose_turn_it_is(kind)) is not None:
                self.work(left)
                left.refresh_from_db()
                assert left.open_key is None, f"{left} does not come to an end"
            log = open_sync(there.platform, kind)
            self.work(log)
            log.refresh_from_db()
            assert (log.status, log.failed, log.error_message) == (SyncLog.Status.SUCCEEDED, 0, "")
            if kind == ORDERS:
                assert self.watermark() == log.window_end
        there.refused.clear()
        self.look_back()
        self.replay_what_failed()
        self.forget_unknown_skus()
        assert not SyncFailure.objects.open().exists()
        assert_complete(there.amazon.account, there.platform)
        assert_complete_stock(there.amazon.account, there.platform)
        self.reader.check()
        self.turns = 0

    @invariant()
    def the_laws_hold(self) -> None:
        if self.world is not None and self.touched:
            self.world.refused |= self.left_out()
            laws.nothing_is_invented(self.world.amazon, self.world.platform, self.world.refused)
            laws.watermark_is_not_ahead(
                self.world.amazon, self.world.platform, self.complete_since, self.world.refused
            )
            laws.every_run_explains_itself(self.database_failed)
            laws.buyer_data_that_ended_stays_away()
            self.touched = False

    def teardown(self) -> None:
        if self.world is not None:
            try:
                self.settle()
            finally:
                self.world.close()

    # How

    @property
    def there(self) -> World:
        assert self.world is not None
        return self.world

    def go_before(self, turn: Turn, kind: str) -> None:
        for change in turn.before:
            self.there.amazon.happen(change)
        self.there.wait(turn.minutes)
        if turn.well_again:
            self.there.recover()
        if turn.person == "replays":
            self.replay_what_failed()
        if turn.person == "cancels":
            for log in SyncLog.objects.open().filter(kind=kind):
                cancel_sync(log)

    def work(self, log: SyncLog, turn: Turn = CALM) -> None:
        """One worker's turn at this run."""
        there, event = self.there, turn.event
        self.turns += 1
        self.touched = True
        self.began.setdefault(log.pk, there.amazon.moment)
        operation = OPERATIONS[log.kind]
        for where, fault, nth, times in turn.faults:
            there.plant(where or operation, fault, nth=nth, times=times)
        there.change_while_read(operation, turn.while_read)
        watermark = self.watermark()
        database = Database(event)
        probe = RunProbe(there, event)
        try:
            with connection.execute_wrapper(database):
                run_sync(log.pk, on_page=probe.page_is_stored, stopping=probe.stopping)
        except Killed:
            there.drop_connection()
        except DatabaseError:
            assert database.happened
            there.drop_connection()
        self.database_failed |= database.happened
        COUNTS.events[type(event).__name__] += database.happened or probe.happened
        log.refresh_from_db()
        COUNTS.runs[log.status] += 1
        probe.check(log)
        ended_well = log.kind == ORDERS and log.is_incremental and log.status in DONE
        if ended_well or self.watermark() != watermark:
            for marketplace in ("", *MARKETPLACES):
                if marketplace not in log.checkpoint.get("unread", ()):
                    self.complete_since[marketplace] = self.began[log.pk]

    def whose_turn_it_is(self, kind: str) -> SyncLog | None:
        """Of the open runs, the one that goes first; one that stood aside is queued again behind it."""
        promote_next(self.there.platform.pk, kind)
        begun = SyncLog.objects.open().filter(kind=kind).exclude(status=SyncLog.Status.DEFERRED)
        return min(begun, key=lambda log: LANES.index(log.lane), default=None)

    def left_out(self) -> set[str]:
        """Data sets that OMS found refused: by faults that happened to refuse each question about them, too."""
        return set(StreamState.of(self.there.platform, ORDERS).refused_datasets)

    def minutes_of_rest(self) -> float:
        """Until all marketplaces and data sets are asked for again."""
        states = [StreamState.of(self.there.platform, kind) for kind in (ORDERS, INVENTORY)]
        times = [each["again"] for state in states for each in state.refused_parts.values()]
        times += [text for state in states for text in state.refused_datasets.values()]
        last = max(map(datetime.fromisoformat, times), default=self.there.now_here())
        return max((last - self.there.now_here()) / timedelta(minutes=1), 0)

    def look_back(self) -> None:
        """Where orders were listed hours late. The laws are looked at before: it would hide what regular syncs lost."""
        there, watermark = self.there, self.watermark()
        if not there.amazon.late or watermark is None:
            return
        self.the_laws_hold()
        span = WindowRequest(since=watermark - far(), until=watermark - OVERLAP, look_back=SyncLog.Lane.FAR)
        log = open_sync(there.platform, ORDERS, window=span)
        self.work(log)
        log.refresh_from_db()
        assert (log.status, log.failed, log.error_message) == (SyncLog.Status.SUCCEEDED, 0, "")
        there.amazon.late.clear()

    def watermark(self) -> datetime | None:
        return watermark_of(self.there.platform)

    def replay_what_failed(self) -> None:
        for _replayed in replay_each(SyncFailure.objects.all()):
            pass

    def forget_unknown_skus(self) -> None:
        """Amazon does not know them any more, and a person would let go of them."""
        listed = {sku for _, sku, _ in self.there.amazon.account.truth_inventory()}
        failures = SyncFailure.objects.open().filter(kind=INVENTORY).exclude(external_id__in=listed)
        for _dismissed in dismiss_each(failures):
            pass


class RunProbe:
    """Stands in for a run's callbacks: it stops the run, cancels it, or lets another worker have it meanwhile."""

    def __init__(self, there: World, event: Event) -> None:
        self._there, self._event = there, event
        self._pages = 0
        self._row: dict[str, Any] = {}
        self.happened = False

    def page_is_stored(self, log: SyncLog) -> None:
        self._pages += 1
        event = self._event
        if isinstance(event, events.Cancelled) and self._pages == event.page:
            self.happened = True
            cancel_sync(SyncLog.objects.get(pk=log.pk))
        if isinstance(event, events.Outrun) and self._pages == event.page:
            self.happened = True
            self._there.wait(LEASE_IS_OVER)
            fellow = RunProbe(self._there, events.Stops(event.pages))
            run_sync(log.pk, on_page=fellow.page_is_stored, stopping=fellow.stopping)
            self._row = _row(log)

    def stopping(self) -> bool:
        if isinstance(self._event, events.Stops) and self._pages >= self._event.page:
            self.happened = True
            return True
        return False

    def check(self, log: SyncLog) -> None:
        """A worker that lost its run to another one has not touched it since."""
        if self._row:
            assert _row(log) == self._row, "the worker that was outrun has written"


def _row(log: SyncLog) -> dict[str, Any]:
    return dict(SyncLog.objects.filter(pk=log.pk).values().get())
