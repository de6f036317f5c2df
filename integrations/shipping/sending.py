"""One worker sends what is due for a platform, entry by entry.

ship_due    1 take the platform's turn   2 begin an entry (outbox.py), call the platform, store what came of it, until
            nothing is due, there is no quota, or somebody says stop   3 look up what no sync has shown in time
            (reading_back.py)   4 give the turn back

A call is made outside of any transaction, after it is stored that it is made: after a crash, the same package is sent
again with the same number, which for the platform is an edit that changes nothing.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from core.database.retry import DATABASE_ERRORS, retry_on_db_error
from integrations.errors import PlatformError, RateLimited, RequestRefused, TransientError
from integrations.models import OutboxEntry, WritingPolicy
from integrations.protocol import ConfirmsShipments, Dispatch, DispatchLine
from integrations.shipping import attempts, outbox
from integrations.shipping.connections import OTHER_SOURCE, Connections, connections
from integrations.shipping.policy import is_stopped, policy_of
from integrations.shipping.reading_back import check_due
from integrations.shipping.turns import Turn, TurnLost
from orders.models import Order

logger = logging.getLogger(__name__)

Mode = WritingPolicy.Mode
# One turn; then other work of the queue has its own. An adapter waits for quota a second at most, or the turn ends.
# What comes into the bucket until the next one is sent at once then, as long as the bucket is not full by then.
MOST_AT_ONCE, LONGEST_TURN = 100, timedelta(seconds=20)
CANDIDATES = 25  # entries that are looked up together
HOUR = timedelta(hours=1)
MOST_TROUBLES = 3  # calls in a row without an answer, before the whole platform is left alone for a while
FIRST_REST, LONGEST_REST = timedelta(minutes=1), timedelta(hours=1)
MARGIN = timedelta(seconds=2)  # for clocks inside the platform that differ

Stop = Callable[[], bool]


def ship_due(platform_id: int, *, stopping: Stop) -> datetime | None:
    """Send what is due, and check what is. Returns when to go on, which may be now; None where nothing is left, or
    another worker has the turn. Raises DatabaseError."""
    turn = Turn.take(platform_id)
    if turn is None:
        return None
    try:
        with connections(platform_id) as connected_to:
            later = _Sender(turn, connected_to, stopping).work()
            checks = None if stopping() else check_due(turn, connected_to, stopping=stopping)
        return min(filter(None, (later, checks)), default=None)
    except TurnLost:
        logger.warning("Sending for platform %s was taken over by another worker.", platform_id)
        return None
    finally:
        turn.release()


class _Sender:
    """One turn of one worker. Each method returns when to go on; None: with the next, or nothing is left."""

    def __init__(self, turn: Turn, connected_to: Connections, stopping: Stop) -> None:
        self._turn = turn
        self._connected_to = connected_to
        self._stopping = stopping
        self._troubles = 0  # calls without an answer, in a row
        self._sent = 0
        self._end = timezone.now() + LONGEST_TURN

    def work(self) -> datetime | None:
        policy = retry_on_db_error(policy_of)(self._connected_to.platform)
        if is_stopped() or policy.mode == Mode.OFF or not self._connected_to.platform.is_active:
            return None
        while not self._is_over():
            is_rehearsal = policy.mode == Mode.REHEARSAL
            room = CANDIDATES if is_rehearsal else self._room(policy.hourly_limit)
            entries = outbox.next_entries(
                self._turn.platform_id, min(CANDIDATES, max(room, 1)), only_rehearsals=is_rehearsal
            )
            if not entries:
                return None if is_rehearsal else _next_time(self._turn.platform_id)
            if room < 1:
                return self._wait_for_limit(policy.hourly_limit)
            for due in entries:
                if self._is_over():
                    break
                try:
                    if later := self._send(due):
                        return later
                except attempts.NotNow:
                    return None
        return timezone.now()

    def _is_over(self) -> bool:
        return self._stopping() or self._sent >= MOST_AT_ONCE or timezone.now() >= self._end

    def _send(self, due: outbox.DueEntry) -> datetime | None:
        """Raises NotNow, TurnLost."""
        self._turn.renew()
        self._sent += 1
        if due.is_rehearsal:
            attempts.begin(due.entry_id, self._turn.token, timezone.now())
            return None
        try:
            adapter, problem = self._connected_to.adapter(due.source), None
        except PlatformError as error:
            if error.code != OTHER_SOURCE:
                return self._rest(error)
            adapter, problem = None, error
        there = timezone.now() + self._connected_to.offset
        attempt = attempts.begin(due.entry_id, self._turn.token, there)
        if attempt is None:
            return None
        if problem is not None:
            attempts.refused(attempt.entry, problem)
            return None
        if not self._may_call():
            attempts.give_back(attempt.entry, until=timezone.now())
            raise attempts.NotNow
        return self._tell(adapter, attempt, there)

    @retry_on_db_error
    def _may_call(self) -> bool:
        """Asked again once the claim is stored: somebody may have stopped writing meanwhile, and was told that nothing
        is sent any more."""
        return not is_stopped() and policy_of(self._connected_to.platform).mode == Mode.LIVE

    def _tell(self, adapter: Any, attempt: attempts.Attempt, there: datetime) -> datetime | None:
        """Make the call, and store what comes of it."""
        entry = attempt.entry
        try:
            if not isinstance(adapter, ConfirmsShipments):
                raise RequestRefused("This platform cannot be told of shipments.", code="channel_cannot")
            request_id = adapter.confirm_shipment(dispatch_of(attempt.order, entry.content, there))
        except RequestRefused as error:
            attempts.refused(entry, error)
        except PlatformError as error:
            return self._not_answered(entry, error)
        except DATABASE_ERRORS:
            raise
        except Exception as error:
            logger.exception("Sending shipment %s of %s broke", entry, self._connected_to.platform.name)
            text = (
                f"OMS itself made a mistake ({type(error).__name__}); the log of the worker has the details."
            )
            mistake = PlatformError(text, code="internal")
            attempts.unanswered(entry, mistake)
        else:
            attempts.taken(entry, request_id, is_all=not adapter.shows_shipments)
        self._troubles = 0
        self._turn.count_troubles(0)
        return None

    def _not_answered(self, entry: OutboxEntry, error: PlatformError) -> datetime | None:
        """The platform did not say yes or no: there is no quota, it refuses access, or the answer was lost."""
        if error.perhaps_done:
            attempts.unanswered(entry, error)
        else:
            attempts.give_back(entry, until=timezone.now())
        if isinstance(error, RateLimited):
            until = timezone.now() + timedelta(seconds=error.retry_after)
            self._turn.pause(until, error.code)
            return until
        self._troubles += 1
        is_of_call = isinstance(error, TransientError) and error.perhaps_done
        return None if is_of_call and self._troubles < MOST_TROUBLES else self._rest(error)

    def _rest(self, error: PlatformError) -> datetime:
        """The platform as a whole refuses, or does not answer: leave it alone, longer each time."""
        troubles = self._turn.troubles + 1
        rest: timedelta = min(FIRST_REST * 4 ** min(troubles - 1, 8), LONGEST_REST)
        advised = timedelta(seconds=getattr(error, "retry_after", 0.0))
        until = timezone.now() + max(rest, advised)
        logger.warning("Sending for %s rests: %s (%s)", self._connected_to.platform.name, error, error.code)
        self._turn.pause(until, error.code, str(error))
        self._turn.count_troubles(troubles)
        return until

    def _room(self, hourly_limit: int) -> int:
        """How many more may be sent within the hour."""
        return hourly_limit - self._of_last_hour().count()

    def _wait_for_limit(self, hourly_limit: int) -> datetime:
        """Until so many of the last hour are over that there is room for one more."""
        now = timezone.now()
        rows = self._of_last_hour().order_by("attempted_at").values_list("attempted_at", flat=True)
        attempted = [at for at in rows if at is not None]
        in_the_way = attempted[-hourly_limit:] if hourly_limit > 0 else [now]
        until = in_the_way[0] + HOUR if in_the_way else now  # where the last of them was over just now
        self._turn.pause(until, "hourly_limit")
        return until

    def _of_last_hour(self) -> QuerySet[OutboxEntry]:
        since = timezone.now() - HOUR
        return OutboxEntry.objects.filter(platform_id=self._turn.platform_id, attempted_at__gt=since)


def dispatch_of(order: Order, content: Mapping[str, Any], there: datetime) -> Dispatch:
    """What the platform is told. A package that was shipped right now is not in its future: `there` is its time."""
    shipped_at = datetime.fromisoformat(content["shipped_at"])
    return Dispatch(
        order_id=order.external_id,
        marketplace_id=order.marketplace_id,
        package_number=content["package_number"],
        carrier=content["carrier"],
        carrier_name=content["carrier_name"],
        service=content["service"],
        tracking_number=content["tracking_number"],
        shipped_at=min(shipped_at, there - MARGIN),
        lines=tuple(DispatchLine(item_id, units) for item_id, units in content["lines"].items()),
    )


@retry_on_db_error
def _next_time(platform_id: int) -> datetime | None:
    """When the next entry is due that waits for its time."""
    waiting = OutboxEntry.objects.filter(platform_id=platform_id, state=OutboxEntry.State.WAITING)
    return (
        waiting.filter(next_at__gt=timezone.now())
        .order_by("next_at")
        .values_list("next_at", flat=True)
        .first()
    )
