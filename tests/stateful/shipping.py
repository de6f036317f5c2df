"""The property test of shipments: a shop that ships, a simulated Amazon that is told, and anything in between that may
go wrong. What Amazon was told is the truth; `laws` compares what OMS says of it.

A walk of so many shipments is made of one seed: the same seed brings the same steps.
"""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from core.spreadsheets import read_table
from integrations.errors import PlatformError
from integrations.models import OutboxEntry, SendingTurn, StreamState
from integrations.shipping import attempts
from integrations.shipping.connections import connections
from integrations.shipping.correcting import cancel_draft, correct_tracking, queue_draft, retry_shipment
from integrations.shipping.importing.columns import columns_of
from integrations.shipping.importing.run import import_shipments
from integrations.shipping.making import Wanted, make_shipment, make_shipments
from integrations.shipping.outbox import next_entries
from integrations.shipping.queue import due_shipping
from integrations.shipping.rules import CannotShip, Package
from integrations.shipping.sending import dispatch_of, ship_due
from integrations.shipping.switching import resume_writing, set_policy, stop_writing
from integrations.tests.syncing import sync
from orders.models import Order, Shipment
from orders.shipments import left_to_ship, units_of
from simulator import Answer, ChangeNothing, Deny, LoseAnswer, Reset
from simulator.faults.base import Fault
from simulator.scenes import Scene
from stateful.events import Database, Dies, Killed
from stateful.world import World

CONFIRM = "confirmShipment"
SCENES = (
    Scene.PLAIN_UNSHIPPED, Scene.PLAIN_UNSHIPPED, Scene.PLAIN_UNSHIPPED, Scene.PLAIN_UNSHIPPED, Scene.TWIN_LINES,
    Scene.PARTIAL, Scene.BUYER_CANCEL, Scene.CANCELLED, Scene.PENDING, Scene.PLAIN_SHIPPED,
)  # fmt: skip
FAULTS: tuple[Fault, ...] = (
    LoseAnswer(), LoseAnswer(), LoseAnswer(), Reset(), ChangeNothing(), Answer(503), Answer(503, done=True),
    Answer(429), Answer(500, "html"), Answer(504, "empty", done=True), Deny(),
)  # fmt: skip
LEASE_IS_OVER, A_DAY = 6, 26 * 60  # minutes
State = Shipment.State


@dataclass
class Found:
    """What a walk was."""

    made: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    compared: int = 0


class Shop:
    def __init__(self, seed: int, *, orders: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.world = World(seed=seed, orders=orders, marketplaces=1, page_size=100, scenes=SCENES)
        self.platform = self.world.platform
        self.account = self.world.amazon.account
        # Which of the two Amazon does is not known: simulator/shipments.py.
        self.account.shipments.seals_shipped = self.chance.random() < 0.5
        self.found = Found()
        self.numbers = self._steps = 0
        self._compared_at = self.world.now_here()
        set_policy(self.platform, mode="live", hourly_limit=100_000, who="manager")
        StreamState.write(self.platform.pk, "orders", interval_minutes=15)
        sync(self.platform)

    def walk(self, shipments: int) -> Found:
        """Until so many are made; then all is well again, and everything is settled."""
        steps = (
            *[self.ship_some] * 6, self.ship_many, self.import_file, self.draft, *[self.correct] * 2, self.retry,
            self.cancel_one, *[self.plant] * 4, *[self.work] * 5, *[self.die] * 3, self.hang, self.change_elsewhere,
            *[self.read] * 2, self.stop, *[self.new_orders] * 2, self.limit, self.lag, *[self.rest] * 2,
        )  # fmt: skip
        while self.found.made < shipments:
            step = self.chance.choice(steps)
            self.found.events[step.__name__] += 1
            step()
            self._steps += 1
            self.laws_hold(all_of_them=self._steps % 25 == 0)
        self.settle()
        self.found.states.update(Shipment.objects.values_list("state", flat=True))
        return self.found

    def close(self) -> None:
        self.world.close()

    # --- people

    def ship_some(self) -> None:
        for order in self._orders(2):
            self._make(order, self._package(order))

    def import_file(self) -> None:
        """A file of a carrier, imported twice: the second time makes nothing."""
        lines = ["order id,tracking number,carrier,item id,quantity"]
        for order in self._orders(8):
            package = self._package(order)
            start = f"{order.external_id},{package.tracking_number},UPS"
            units = [f"{item},{number}" for item, number in (package.lines or {}).items()]
            lines += [f"{start},{each}" for each in units or [","]]
        table = read_table("\n".join(lines).encode())
        columns, made = columns_of(self.platform, table), []
        for _time in range(2):
            result = import_shipments(self.platform, table, columns, who="file")
            made.append(result.shipments)
            self.found.refused.update(row.code for row in result.rows if row.code)
        self.found.made += sum(made)
        assert made[1] == 0, f"{made} packages were made of one file"

    def ship_many(self) -> None:
        """Many on one page, and the button pressed twice."""
        wanted = [Wanted(order.pk, self._package(order)) for order in self._orders(8)]
        for _time in range(2):
            verdicts = make_shipments(wanted, who="file", all_or_none=self.chance.random() < 0.1)
            self.found.made += sum(verdict.shipment is not None for verdict in verdicts)
            self.found.refused.update(str(each.refusal.code) for each in verdicts if each.refusal)

    def draft(self) -> None:
        for order in self._orders(1):
            draft = self._make(order, Package(), is_draft=True)
            if draft is not None:
                with self._refusals():
                    if self.chance.random() < 0.7:
                        queue_draft(draft, Package(carrier="UPS", tracking_number=self._number()))
                    else:
                        cancel_draft(draft)

    def correct(self) -> None:
        for shipment in self._shipments(
            State.QUEUED, State.SENT, State.CONFIRMED, State.UNVERIFIED, State.REJECTED
        ):
            number = self._number()
            if self.chance.random() < 0.2:  # back to what it was once
                entry = OutboxEntry.objects.filter(shipment=shipment).first()
                number = entry.content["tracking_number"] if entry else number
            with self._refusals():
                correct_tracking(shipment, Package(carrier="DHL", tracking_number=number))

    def retry(self) -> None:
        for shipment in self._shipments(State.REJECTED, State.UNVERIFIED):
            with self._refusals():
                retry_shipment(shipment)

    def cancel_one(self) -> None:
        for shipment in self._shipments(State.QUEUED, State.REJECTED, State.SENT):
            with self._refusals():
                cancel_draft(shipment)

    def stop(self) -> None:
        stop_writing(who="manager")
        before = self.world.sim.calls[CONFIRM]
        self.work()
        assert self.world.sim.calls[CONFIRM] == before
        resume_writing(who="manager")

    def limit(self) -> None:
        set_policy(
            self.platform, mode="live", hourly_limit=self.chance.choice((3, 30, 100_000)), who="manager"
        )

    # --- Amazon

    def plant(self) -> None:
        fault = self.chance.choice(FAULTS)
        self.found.events[f"{fault}"] += 1
        times = self.chance.choice((1, 1, 2, 5))
        self.world.plant(CONFIRM, fault, nth=self.chance.randint(1, 3), times=times)

    def change_elsewhere(self) -> None:
        """Cancelled, shipped by somebody else under a number of their own, or a label is bought for it there."""
        for order in self._orders(1):
            there = self.account.find(order.external_id)
            if there is None or self.account.shipments.packages(order.external_id):
                continue
            with suppress(ValueError):
                if self.chance.random() < 0.5:
                    self.account.cancel_order(order.external_id, at=self.world.now_here())
                elif there.status == "unshipped":
                    is_used = self.chance.random() < 0.5
                    self.account.buy_label(order.external_id, is_used=is_used, at=self.world.now_here())

    def new_orders(self) -> None:
        for _order in range(self.chance.randint(1, 12)):
            self.account.add_order(at=self.world.now_here() - timedelta(minutes=5))
        self.read()

    def lag(self) -> None:
        self.account.shipments.lag = timedelta(minutes=self.chance.choice((0, 0, 3, 40, 300)))

    # --- machines

    def work(self, event: Any = None) -> None:
        """One turn of a worker."""
        wrapper = Database(event) if event else None
        try:
            if wrapper is None:
                ship_due(self.platform.pk, stopping=lambda: False)
            else:
                with connection.execute_wrapper(wrapper):
                    ship_due(self.platform.pk, stopping=lambda: False)
        except Killed:
            self.world.drop_connection()
            self.world.wait(LEASE_IS_OVER)

    def die(self) -> None:
        self.work(Dies(self.chance.randint(3, 90)))

    def hang(self) -> None:
        """A worker begins an entry, and its call gets through; it hangs until its lease is over, another worker sends
        the same, and only then does it store what it was answered."""
        for due in next_entries(self.platform.pk, 1, only_rehearsals=False):
            with connections(self.platform.pk) as connected, suppress(PlatformError, attempts.NotNow):
                adapter: Any = connected.adapter(due.source)
                attempt = attempts.begin(due.entry_id, "hung", timezone.now())
                if attempt is None:
                    continue
                request_id = adapter.confirm_shipment(
                    dispatch_of(attempt.order, attempt.entry.content, timezone.now())
                )
                self.world.wait(LEASE_IS_OVER)
                self.work()
                attempts.taken(attempt.entry, request_id, is_all=False)

    def read(self) -> None:
        self.world.wait(self.chance.choice((4, 15)))
        sync(self.platform)

    def rest(self) -> None:
        self.world.wait(self.chance.choice((1, 5, 70, 7 * 60)))
        list(due_shipping())

    def settle(self) -> None:
        """Nothing goes wrong any more, and time passes: each shipment comes to an end."""
        self.world.recover()
        self.account.shipments.lag = timedelta(0)
        set_policy(self.platform, mode="live", hourly_limit=100_000, who="manager")
        for _turn in range(60):
            self.world.wait(35)
            SendingTurn.objects.update(paused_until=None)
            self.work()
            self.world.wait(5)
            sync(self.platform)
            if not Shipment.objects.filter(state__in=(State.QUEUED, State.SENT)).exists():
                break
        self.laws_hold()
        self.all_is_proven_or_listed()

    # --- laws

    def laws_hold(self, *, all_of_them: bool = True) -> None:
        """Of what was told or confirmed of late, and now and then of all."""
        assert self.account.shipments.told_twice() == []
        truth = self.account.truth_shipments()
        found = Shipment.objects.filter(state=State.CONFIRMED)
        if not all_of_them:
            found = found.filter(confirmed_at__gte=self._compared_at)
        self._compared_at = self.world.now_here()
        confirmed = list(found.select_related("order"))
        units = units_of(confirmed)
        for shipment in confirmed:
            told = truth.get((shipment.order.external_id, shipment.package_number))
            assert told is not None, f"{shipment} is confirmed, and Amazon was never told of it"
            assert told["tracking_number"] == shipment.tracking_number, "confirmed with another number"
            assert dict(told["contents"]) == units[shipment.pk]
        self.found.compared += len(confirmed)

    def all_is_proven_or_listed(self) -> None:
        made = list(
            Shipment.objects.exclude(state__in=(State.DRAFT, *Shipment.CLOSED)).select_related("order")
        )
        listed = set(Shipment.objects.unconfirmed().values_list("pk", flat=True))
        truth = self.account.truth_shipments()
        for shipment in made:
            assert (shipment.state == State.CONFIRMED) != (shipment.pk in listed)
            assert shipment.state not in (State.QUEUED, State.SENT), f"{shipment} does not come to an end"
            told = truth.get((shipment.order.external_id, shipment.package_number))
            if told and told["tracking_number"] == shipment.tracking_number:
                assert shipment.state == State.CONFIRMED, (
                    f"{shipment} is {shipment.error_code}, and Amazon has it"
                )
        ours = {(shipment.order.external_id, shipment.package_number) for shipment in made}
        assert truth.keys() <= ours, "Amazon has a package of which nothing is known here"

    # --- chance

    def _make(self, order: Order, package: Package, **options: Any) -> Shipment | None:
        with self._refusals():
            shipment = make_shipment(order, package, who="shipper", **options)
            self.found.made += 1
            return shipment
        return None

    def _package(self, order: Order) -> Package:
        left = {item: units for item, units in left_to_ship(order).items() if units}
        lines = None
        if left and self.chance.random() < 0.6:
            some = self.chance.sample(sorted(left), self.chance.randint(1, len(left)))
            lines = {item: self.chance.randint(1, left[item] + (self.chance.random() < 0.1)) for item in some}
        despite = self.chance.random() < 0.5
        return Package(
            carrier="UPS", tracking_number=self._number(), lines=lines, ships_despite_cancellation=despite
        )

    def _number(self) -> str:
        self.numbers += 1
        return f"T{self.numbers:06d}"

    def _orders(self, most: int) -> list[Order]:
        """Some that are to be shipped, and now and then any."""
        orders = Order.objects.to_ship() if self.chance.random() < 0.9 else Order.objects.all()
        ids = list(orders.values_list("pk", flat=True))
        some = self.chance.sample(ids, min(most, len(ids)))
        return list(Order.objects.filter(pk__in=some).select_related("platform"))

    def _shipments(self, *states: str) -> list[Shipment]:
        ids = list(Shipment.objects.filter(state__in=states).values_list("pk", flat=True))
        return list(Shipment.objects.filter(pk=self.chance.choice(ids))) if ids else []

    def _refusals(self) -> "Refusals":
        return Refusals(self.found.refused)


class Refusals:
    """Context: counts what is refused within it."""

    def __init__(self, counted: Counter[str]) -> None:
        self._counted = counted

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> bool:
        if isinstance(error, CannotShip):
            self._counted[str(error.code)] += 1
            return True
        return False
