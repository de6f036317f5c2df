"""One attempt to send an entry of the outbox: begun before the platform is called, and settled by what came of it.

Each function is one transaction that carries the token of the claim: a worker that hung, and whose entry another one
took, changes nothing any more. All of them lock the shipment first, then the entry.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from core.text import storable_text
from integrations.errors import PlatformError
from integrations.models import OutboxEntry, WritingPolicy
from integrations.shipping.policy import is_stopped, policy_of
from integrations.shipping.rules import CannotShip, check_lines, check_order
from integrations.shipping.turns import LEASE
from orders.models import Order, Shipment
from orders.shipments import left_to_ship, tell_of_shipments
from platforms.models import Source

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)
LONGEST_TRYING = timedelta(days=1)
VISIBLE = ("tracking_number", "lines")  # of a content: what the platform shows of a package
State = OutboxEntry.State
S = Shipment.State
Mode = WritingPolicy.Mode


class NotNow(Exception):
    """Nothing is sent to this platform at the moment: a person stopped it, or switched it off."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An entry that is under way: its content is to be sent now, for this order."""

    entry: OutboxEntry
    order: Order


@retry_on_db_error
def begin(entry_id: int, token: str, there: datetime) -> Attempt | None:
    """Claim an entry and note that it is sent, before it is: whoever comes after a crash knows that the platform may
    have been told. `there` is the time at the platform.

    None where there is nothing to call for: somebody else is faster, or the entry is finished here because it was
    overtaken, was seen already, is a rehearsal, or its order is not to be shipped any more. Raises NotNow.
    """
    try:
        with transaction.atomic():
            return _begin(entry_id, token, there)
    except IntegrityError:  # another entry of the order is under way
        return None


def _begin(entry_id: int, token: str, there: datetime) -> Attempt | None:
    entry = OutboxEntry.objects.get(pk=entry_id)
    shipment = Shipment.objects.select_for_update().get(pk=entry.shipment_id)
    due = OutboxEntry.objects.due().select_for_update().filter(pk=entry_id).first()
    if due is None:
        return None
    orders = Order.objects.select_related("platform").defer("platform__api_config", "payload")
    order = orders.get(pk=due.order_id)
    if _is_over(due, shipment, order):
        return None
    _claim(due, shipment, token, there)
    return Attempt(due, order)


def _is_over(entry: OutboxEntry, shipment: Shipment, order: Order) -> bool:
    """Whether there is nothing to call for; the entry is finished then. Raises NotNow."""
    if shipment.tries != entry.number or shipment.state not in (S.QUEUED, S.CONFIRMED):
        _finish(entry, State.SUPERSEDED)
        return True
    if shipment.state == S.CONFIRMED:
        _finish(entry, State.SEEN)
        return True
    mode = policy_of(order.platform).mode
    if is_stopped() or mode == Mode.OFF or (mode == Mode.REHEARSAL and not shipment.is_rehearsal):
        raise NotNow
    if shipment.is_rehearsal:
        set_state(shipment, S.REHEARSED, sent_at=timezone.now())
        _finish(entry, State.REHEARSED)
        return True
    if shipment.told_at is None and (refusal := _refusal(order, shipment)):
        reject(shipment, refusal.code, str(refusal))
        _finish(entry, State.REJECTED, error_code=refusal.code, error_message=str(refusal))
        return True
    return False


def _claim(entry: OutboxEntry, shipment: Shipment, token: str, there: datetime) -> None:
    now = timezone.now()
    entry.attempts += 1
    entry.state, entry.order_key = State.SENDING, entry.order_id
    entry.lease_token, entry.lease_expires_at = token, now + LEASE
    entry.first_attempt_at, entry.attempted_at = entry.first_attempt_at or now, now
    entry.save()
    proof_after = shipment.proof_after if entry.attempts > 1 else _proof_after(entry, shipment, there)
    told_at = shipment.told_at or now
    rows = Shipment.objects.filter(pk=shipment.pk)
    rows.update(attempted_at=now, told_at=told_at, proof_after=proof_after)


def _refusal(order: Order, shipment: Shipment) -> CannotShip | None:
    """Why a package that the platform was never told of is not shipped after all: what was left when it was made may
    be cancelled, or shipped elsewhere, by now."""
    try:
        check_order(order, ships_despite_cancellation=shipment.despite_cancellation)
        lines = {line.item_external_id: line.quantity for line in shipment.lines.all()}
        check_lines(order, lines, left_to_ship(order, without=shipment))
    except CannotShip as refusal:
        return refusal
    return None


def _proof_after(entry: OutboxEntry, shipment: Shipment, there: datetime) -> datetime | None:
    """From when on what the platform shows proves that it has this content; None: whenever it shows it.

    Where it may have shown the same before, with another content in between, what it shows may be of then.
    """
    if entry.number == 1:
        return None
    earlier = OutboxEntry.objects.filter(shipment=shipment, number__lt=entry.number, attempts__gt=0)
    contents = [each.content for each in earlier.order_by("number")]
    if not contents or contents[-1] == entry.content:
        return shipment.proof_after
    shows = [entry.content[name] for name in VISIBLE]
    return there if any([content[name] for name in VISIBLE] == shows for content in contents) else None


@retry_on_db_error
def give_back(entry: OutboxEntry, *, until: datetime) -> None:
    """The platform was not told: the attempt does not count."""
    is_first = entry.attempts == 1
    with transaction.atomic():
        shipment = _shipment_of(entry)
        given_back = _leave(
            entry,
            State.WAITING,
            next_at=until,
            attempts=entry.attempts - 1,
            attempted_at=None,
            first_attempt_at=None if is_first else entry.first_attempt_at,
        )
        if not (given_back and is_first):
            return
        others = OutboxEntry.objects.filter(shipment_id=entry.shipment_id, attempts__gt=0)
        rows = Shipment.objects.filter(pk=entry.shipment_id)
        if not others.exists():
            rows.update(told_at=None)
        if shipment is not None:
            rows.update(attempted_at=None)


@retry_on_db_error
def taken(entry: OutboxEntry, request_id: str, *, is_all: bool) -> None:
    """The platform said yes. `is_all`: it is test data, of which nothing else will ever be seen."""
    now = timezone.now()
    with transaction.atomic():
        shipment = _shipment_of(entry)
        values: dict[str, Any] = {"request_id": request_id[:128], "error_code": "", "error_message": ""}
        if not _leave(entry, State.TAKEN, finished_at=now, **values) or shipment is None:
            return
        if shipment.state != S.QUEUED:  # seen before the answer came
            rows = Shipment.objects.filter(pk=shipment.pk)
            rows.update(sent_at=now, request_id=request_id[:128])
        elif is_all and shipment.source != Source.LIVE:
            set_state(shipment, S.CONFIRMED, sent_at=now, confirmed_at=now, **values)
        else:
            set_state(shipment, S.SENT, sent_at=now, **values)


@retry_on_db_error
def refused(entry: OutboxEntry, error: PlatformError) -> None:
    """The platform said no: perhaps because it has this package already, from a call whose answer was lost or from an
    earlier content. Then the shipment counts as sent, with what was said, until the order has been read
    (reading_back.py)."""
    now, facts = timezone.now(), _facts(error)
    lost = entry.unanswered + error.perhaps_done
    with transaction.atomic():
        shipment = _shipment_of(entry)
        left = _leave(entry, State.REJECTED, finished_at=now, unanswered=lost, **facts)
        if not left or shipment is None:
            return
        if shipment.state != S.QUEUED:
            return
        if lost or _may_be_known(entry, shipment):
            set_state(shipment, S.SENT, sent_at=now, checked_at=None, **facts)
        else:
            reject(shipment, **facts)


def _may_be_known(entry: OutboxEntry, shipment: Shipment) -> bool:
    """Whether a call before may have told the platform of this package."""
    if entry.attempts > 1 or shipment.visible_at is not None:
        return True
    earlier = OutboxEntry.objects.filter(shipment=shipment, number__lt=entry.number, attempts__gt=0)
    return earlier.exclude(state=State.REJECTED, unanswered=0).exists()


@retry_on_db_error
def unanswered(entry: OutboxEntry, error: PlatformError) -> None:
    """Nobody knows whether the platform was told. It is told again after a minute, then after twice as long each time,
    until a day has passed."""
    now, facts = timezone.now(), _facts(error)
    next_at = _next_attempt(entry, error)
    with transaction.atomic():
        shipment = _shipment_of(entry)
        if next_at is None:
            left = _leave(entry, State.GIVEN_UP, unanswered=entry.unanswered + 1, finished_at=now, **facts)
        else:
            left = _leave(entry, State.WAITING, unanswered=entry.unanswered + 1, next_at=next_at, **facts)
        if not left or shipment is None or shipment.state != S.QUEUED:
            return
        if next_at is None:
            set_state(shipment, S.UNVERIFIED, unverified_at=now, **facts)
        else:
            Shipment.objects.filter(pk=shipment.pk).update(**facts)


def _next_attempt(entry: OutboxEntry, error: PlatformError) -> datetime | None:
    now = timezone.now()
    if entry.first_attempt_at and now - entry.first_attempt_at > LONGEST_TRYING:
        return None
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(entry.unanswered, 10), LONGEST_PAUSE)
    return now + max(pause, timedelta(seconds=getattr(error, "retry_after", 0.0)))


def reject(shipment: Shipment, error_code: str, error_message: str, request_id: str = "") -> None:
    """In a transaction that has its row."""
    facts = {"error_code": error_code[:64], "error_message": error_message, "request_id": request_id}
    set_state(shipment, S.REJECTED, rejected_at=timezone.now(), **facts)


def set_state(shipment: Shipment, state: str, **values: Any) -> None:
    """In a transaction that has its row. The change feed tells of it."""
    Shipment.objects.filter(pk=shipment.pk).update(state=state, **values)
    tell_of_shipments(shipment.platform_id, [shipment])


def _shipment_of(entry: OutboxEntry) -> Shipment | None:
    """Locked; None where it has another content by now, of which a later entry tells."""
    shipment = Shipment.objects.select_for_update().get(pk=entry.shipment_id)
    return shipment if shipment.tries == entry.number else None


def _leave(entry: OutboxEntry, state: str, **values: Any) -> bool:
    """End the claim. False where somebody else has the entry by now."""
    mine = OutboxEntry.objects.filter(pk=entry.pk, lease_token=entry.lease_token, state=State.SENDING)
    return bool(mine.update(state=state, order_key=None, lease_token="", lease_expires_at=None, **values))


def _finish(entry: OutboxEntry, state: str, **values: Any) -> None:
    """Of an entry whose row is locked, and that is not sent."""
    freed = {"order_key": None, "lease_token": "", "lease_expires_at": None, "finished_at": timezone.now()}
    OutboxEntry.objects.filter(pk=entry.pk).update(state=state, **freed | values)


def _facts(error: PlatformError) -> dict[str, str]:
    return {
        "error_code": error.code[:64],
        "error_message": storable_text(str(error)),
        "request_id": storable_text(error.request_id)[:128],
    }
