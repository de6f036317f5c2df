"""Reads the feed for each endpoint and sends what is due: the work of `manage.py run_webhooks`.

One thread, the caller's, does all that touches the database. Requests are made in threads of their own, a few for each
endpoint and only while there is something to send to it; so an endpoint that is slow or dead delays itself alone. What
is sent together is a round: at most one message of each object, so no order is lost within it. Each outcome is stored
when it comes; whatever kills the process in between, the message is sent again, with the same id.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.db import close_old_connections, connection
from django.utils import timezone

from core.database.retry import DATABASE_ERRORS
from feed.reading import last_sequence
from webhooks.addresses import Resolver, system_resolver
from webhooks.client import AT_ONCE, TOTAL, Outcome, WebhookClient
from webhooks.emitting import last_event
from webhooks.endpoints import attempt
from webhooks.leases import Leases
from webhooks.models import Delivery, Endpoint
from webhooks.queue import MOST_WAITING, fill, fill_with_events, probe, sendable, settle

logger = logging.getLogger(__name__)

TICK = 1.0  # seconds between two looks at the feed, where nothing is being sent
LONG_TICK = 5.0  # the same after the database has failed
NAP = 0.1  # how late a signal to stop is noticed
ROUND = 40  # messages
FAILED = Outcome(problem=Delivery.Problem.CONNECTION)
SENDER = "webhook sender"  # the name of a thread that makes requests

Arrival = tuple[Endpoint, Delivery, Outcome | None]  # None: it was not sent


@dataclass(slots=True)
class Round:
    """Messages that are sent to one endpoint, by a few threads. What is left when it is cut was not sent."""

    endpoint: Endpoint
    deliveries: Sequence[Delivery]
    waiting: "queue.SimpleQueue[Delivery]" = field(default_factory=queue.SimpleQueue)
    is_cut: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        for delivery in self.deliveries:
            self.waiting.put(delivery)


@dataclass(slots=True)
class Lane:
    """The way to one endpoint: its connections, and how many messages of the current round are not settled."""

    client: WebhookClient
    unsettled: int = 0
    has_worked: bool = False  # in the current round


class Dispatcher:
    """`run` until told to stop; or `run_once` until nothing is due. `delivered` and `failed` count attempts."""

    def __init__(
        self, *, resolve: Resolver = system_resolver, tick: float = TICK, most_waiting: int = MOST_WAITING
    ) -> None:
        self.leases = Leases()
        self.delivered = self.failed = 0
        self._resolve = resolve
        self._tick = tick
        self._most_waiting = most_waiting
        self._lanes: dict[int, Lane] = {}
        self._outcomes: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._is_stopping = threading.Event()

    def run(self, stop: Callable[[], bool]) -> None:
        """Requests that are under way when it is told to stop are finished and stored. A database that cannot be used
        is waited for."""
        look_at = 0.0
        while not stop():
            try:
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + self._tick
                    self._look()
                if self._settle_arrived(NAP):
                    look_at = 0.0  # a round is over: what comes next need not wait
            except DATABASE_ERRORS as error:
                look_at = time.monotonic() + LONG_TICK
                logger.error("The database cannot be used right now; trying again. It says: %s", error)
        self.finish()

    def run_once(self) -> None:
        """Send what is due, and what follows it, until all that is left waits for its time. Raises DatabaseError."""
        while self._look() or self._is_sending:
            self._settle_arrived(NAP)
        self.finish()

    def finish(self) -> None:
        """Wait for the requests that are under way, and give the endpoints back. Raises DatabaseError."""
        self._is_stopping.set()
        end = time.monotonic() + TOTAL
        try:
            while self._is_sending and time.monotonic() < end:
                self._settle_arrived(NAP)
            self.leases.release()
        finally:
            for lane in self._lanes.values():
                lane.client.close()
            self._lanes.clear()
            self._is_stopping.clear()

    @property
    def _is_sending(self) -> bool:
        return any(lane.unsettled for lane in self._lanes.values())

    def _look(self) -> bool:
        """Start a round for each endpoint that has something to send. Returns whether to look again at once."""
        if not connection.in_atomic_block:  # a caller's transaction, which Django would end
            close_old_connections()  # one that broke meanwhile is opened again
        if self.leases.is_due:
            self.leases.renew()
        endpoints = list(self.leases.held())
        self._forget_all_but(endpoints)
        if not endpoints:
            return False
        newest = last_sequence(), last_event()
        started = [self._start_round(endpoint, *newest) for endpoint in endpoints]
        return any(started)

    def _start_round(self, endpoint: Endpoint, last_change: int, last_event: int) -> bool:
        if endpoint.pk not in self._lanes:
            self._lanes[endpoint.pk] = Lane(WebhookClient(self._resolve))
        lane = self._lanes[endpoint.pk]
        if lane.unsettled or not self.leases.may_send:
            return False
        mine = endpoint, self.leases.token, self._most_waiting
        has_more = endpoint.position != last_change and fill(*mine)
        if endpoint.event_position < last_event:
            has_more |= fill_with_events(*mine)
        now = timezone.now()
        if endpoint.is_paused(now) or not endpoint.is_active:
            return False
        # One at a time finds out when a receiver that failed is back.
        is_well = endpoint.failing_since is None
        deliveries = list(sendable(endpoint, now)[:ROUND] if is_well else probe(endpoint, now))
        if not deliveries:
            return has_more
        lane.unsettled, lane.has_worked = len(deliveries), False
        started = Round(endpoint, deliveries)
        for _number in range(min(AT_ONCE, len(deliveries))):
            # Daemons: looking up a host name cannot be cut short, and must not keep the process from ending.
            threading.Thread(target=self._send, args=(lane.client, started), name=SENDER, daemon=True).start()
        return True

    def _send(self, client: WebhookClient, current: Round) -> None:
        """In a thread of its own, until the round has no more messages. What is not sent is left for a later one."""
        while True:
            try:
                delivery = current.waiting.get_nowait()
            except queue.Empty:
                return
            outcome: Outcome | None = None
            try:
                if self.leases.may_send and not self._is_stopping.is_set() and not current.is_cut.is_set():
                    outcome = attempt(client, current.endpoint, delivery)
            except Exception:  # a mistake of ours: the other messages are not to wait for this thread
                logger.exception("The delivery %s could not be sent", delivery.message_id)
                outcome = FAILED
            if outcome is not None and outcome.is_about_the_receiver:
                current.is_cut.set()
            self._outcomes.put((current.endpoint, delivery, outcome))

    def _settle_arrived(self, patience: float) -> bool:
        """Store the outcomes that have come, or come within `patience` seconds. Returns whether a round is over."""
        arrived = sorted(self._arrived(patience), key=_endpoint_key)
        for endpoint, *_rest in arrived:  # first: what cannot be stored, of whichever endpoint, is sent again
            self._lanes[endpoint.pk].unsettled -= 1
        for pk, group in groupby(arrived, key=_endpoint_key):
            mine = list(group)
            lane = self._lanes[pk]
            attempts = [(delivery, outcome) for _endpoint, delivery, outcome in mine if outcome is not None]
            if attempts and settle(mine[0][0], attempts, self.leases.token, has_worked=lane.has_worked):
                self._count(outcome for _delivery, outcome in attempts)
                lane.has_worked |= any(outcome.is_delivered for _delivery, outcome in attempts)
        return any(not self._lanes[endpoint.pk].unsettled for endpoint, *_rest in arrived)

    def _arrived(self, patience: float) -> list[Arrival]:
        arrived: list[Arrival] = []
        try:
            arrived.append(self._outcomes.get(timeout=patience))
            while len(arrived) < ROUND:
                arrived.append(self._outcomes.get_nowait())
        except queue.Empty:
            return arrived
        return arrived

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self.delivered += outcome.is_delivered
            self.failed += not outcome.is_delivered

    def _forget_all_but(self, endpoints: Sequence[Endpoint]) -> None:
        """Close the ways to those that another process sends for, and to those that are off or gone."""
        kept = {endpoint.pk for endpoint in endpoints}
        for pk in [pk for pk, lane in self._lanes.items() if pk not in kept and not lane.unsettled]:
            self._lanes.pop(pk).client.close()


def _endpoint_key(arrival: Arrival) -> int:
    return arrival[0].pk
