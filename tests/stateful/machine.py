"""The property test: anything may happen to Amazon, to the network and to us, in any order; then the database equals
Amazon's truth."""

from typing import Any

from django.db import DatabaseError, connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from integrations.failures import dismiss_each, replay_all
from integrations.models import SyncFailure, SyncLog
from integrations.services import cancel_sync, run_sync
from integrations.tests.comparing import COUNTS, assert_complete, assert_complete_stock
from integrations.tests.syncing import INVENTORY, ORDERS, open_sync
from integrations.windows import read_window
from platforms.models import Platform
from stateful import laws, troubles
from stateful.amazon import Change
from stateful.choices import (
    Faults,
    WhileRead,
    changes,
    changes_while_read,
    faults_of,
    some_skus,
    troubles_of_ours,
    windows,
)
from stateful.troubles import Database, Killed, Trouble
from stateful.world import World

OPERATIONS: dict[str, str] = {ORDERS: "searchOrders", INVENTORY: "getInventorySummaries"}
DONE = (SyncLog.Status.SUCCEEDED, SyncLog.Status.PARTIAL)
CALM = troubles.Calm()
LEASE_IS_OVER = 6  # minutes


class SyncMachine(RuleBasedStateMachine):
    """Each rule is one thing that may happen; `settle` is when all is well again."""

    world: World | None = None

    @initialize(seed=st.integers(1, 50), orders=st.integers(0, 16), marketplaces=st.integers(1, 2))
    def begin(self, seed: int, orders: int, marketplaces: int) -> None:
        self.world = World(seed=seed, orders=orders, marketplaces=marketplaces)
        self.complete_since = -1  # no run has moved the watermark yet
        self.began: dict[int, int] = {}  # log -> how many changes there had been
        self.database_failed = False
        self.troubled = False  # a sync was tried since all was well

    @rule(happened=st.lists(changes(), min_size=1, max_size=4))
    def amazon_changes(self, happened: list[Change]) -> None:
        for change in happened:
            self.there.amazon.happen(change)

    @rule(minutes=st.sampled_from((1, 4, 30, 90)), well_again=st.booleans())
    def time_passes(self, minutes: int, well_again: bool) -> None:
        self.there.wait(minutes)
        if well_again:
            self.there.recover()

    @rule(
        faults=faults_of(ORDERS),
        while_read=changes_while_read(),
        trouble=troubles_of_ours(),
        window=windows(),
    )
    def sync_orders(
        self, faults: Faults, while_read: WhileRead, trouble: Trouble, window: dict[str, Any]
    ) -> None:
        log = open_sync(self.there.platform, ORDERS, window=read_window(**window))
        self.work(log, faults, while_read, trouble)

    @rule(
        faults=faults_of(INVENTORY),
        while_read=changes_while_read(),
        trouble=troubles_of_ours(),
        skus=some_skus(),
    )
    def sync_inventory(
        self, faults: Faults, while_read: WhileRead, trouble: Trouble, skus: list[str]
    ) -> None:
        self.work(open_sync(self.there.platform, INVENTORY, skus=skus), faults, while_read, trouble)

    @rule(what=st.sampled_from(("replay", "cancel orders", "cancel inventory")))
    def a_person_acts(self, what: str) -> None:
        if what == "replay":
            self.replay_what_failed()
        for log in SyncLog.objects.open().filter(kind=what.removeprefix("cancel ")):
            cancel_sync(log)

    @precondition(lambda self: self.troubled)
    @rule()
    def settle(self) -> None:
        """All is well again, and some time passes: a sync of each kind, and nothing is missing."""
        there = self.there
        there.recover()
        there.wait(15)
        for kind in (ORDERS, INVENTORY):
            while (left := SyncLog.objects.open().filter(kind=kind).first()) is not None:
                self.work(left)
                left.refresh_from_db()
                assert left.open_key is None, f"{left} does not come to an end"
            log = open_sync(there.platform, kind)
            self.work(log)
            log.refresh_from_db()
            assert (log.status, log.failed, log.error_message) == (SyncLog.Status.SUCCEEDED, 0, "")
            if kind == ORDERS:
                assert Platform.objects.get(pk=there.platform.pk).orders_watermark == log.window_end
        self.replay_what_failed()
        self.forget_unknown_skus()
        assert not SyncFailure.objects.open().exists()
        assert_complete(there.amazon.account, there.platform)
        assert_complete_stock(there.amazon.account, there.platform)
        self.troubled = False

    # What must hold after every step

    @invariant()
    def nothing_is_invented(self) -> None:
        if self.world is not None:
            laws.nothing_is_invented(self.world.amazon, self.world.platform)

    @invariant()
    def watermark_is_not_ahead(self) -> None:
        if self.world is not None:
            laws.watermark_is_not_ahead(self.world.amazon, self.world.platform, self.complete_since)

    @invariant()
    def every_run_explains_itself(self) -> None:
        if self.world is not None:
            laws.every_run_explains_itself(self.database_failed)

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

    def work(
        self,
        log: SyncLog,
        faults: Faults = (),
        while_read: WhileRead = (),
        trouble: Trouble = CALM,
    ) -> None:
        """One worker's turn at this run."""
        there = self.there
        self.troubled = True
        self.began.setdefault(log.pk, there.amazon.moment)
        operation = OPERATIONS[log.kind]
        for where, fault, nth, times in faults:
            there.plant(where or operation, fault, nth=nth, times=times)
        there.change_while_read(operation, while_read)
        database = Database(trouble)
        door = Doorkeeper(there, trouble)
        try:
            with connection.execute_wrapper(database):
                run_sync(log.pk, on_page=door.page_is_stored, stopping=door.stopping)
        except Killed:
            there.drop_connection()
        except DatabaseError:
            assert database.happened
            there.drop_connection()
        self.database_failed |= database.happened
        COUNTS.troubles[type(trouble).__name__] += database.happened or door.happened
        log.refresh_from_db()
        COUNTS.runs[log.status] += 1
        door.check(log)
        if log.kind == ORDERS and log.is_incremental and log.status in DONE:
            self.complete_since = self.began[log.pk]

    def replay_what_failed(self) -> None:
        for _replayed in replay_all():
            pass

    def forget_unknown_skus(self) -> None:
        """Amazon does not know them any more, and a person would let go of them."""
        listed = {sku for _, sku, _ in self.there.amazon.account.truth_inventory()}
        failures = SyncFailure.objects.open().filter(kind=INVENTORY).exclude(external_id__in=listed)
        for _dismissed in dismiss_each(failures):
            pass


class Doorkeeper:
    """What a run's door sees and says: it stops it, cancels it, or lets another worker have it meanwhile."""

    def __init__(self, there: World, trouble: Trouble) -> None:
        self._there, self._trouble = there, trouble
        self._pages = 0
        self._row: dict[str, Any] = {}
        self.happened = False

    def page_is_stored(self, log: SyncLog) -> None:
        self._pages += 1
        trouble = self._trouble
        if isinstance(trouble, troubles.Cancelled) and self._pages == trouble.page:
            self.happened = True
            cancel_sync(SyncLog.objects.get(pk=log.pk))
        if isinstance(trouble, troubles.Outrun) and self._pages == trouble.page:
            self.happened = True
            self._there.wait(LEASE_IS_OVER)
            fellow = Doorkeeper(self._there, troubles.Stops(trouble.pages))
            run_sync(log.pk, on_page=fellow.page_is_stored, stopping=fellow.stopping)
            self._row = _row(log)

    def stopping(self) -> bool:
        if isinstance(self._trouble, troubles.Stops) and self._pages >= self._trouble.page:
            self.happened = True
            return True
        return False

    def check(self, log: SyncLog) -> None:
        """A worker that lost its run to another one has not touched it since."""
        if self._row:
            assert _row(log) == self._row, "the worker that was outrun has written"


def _row(log: SyncLog) -> dict[str, Any]:
    return dict(SyncLog.objects.filter(pk=log.pk).values().get())
