"""What people do with shipments that are made: a draft is sent or cancelled, another tracking number, another try.

Each is refused with CannotShip, stores nothing then, and is recorded in the audit otherwise. The package number stays
the same: for the platform, sending again is an edit of the same package.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.recording import record
from integrations.models import OutboxEntry, WritingPolicy
from integrations.registry import channel_label
from integrations.shipping.making import READ, queue_up
from integrations.shipping.outbox import put_into_outbox, supersede
from integrations.shipping.policy import policy_of
from integrations.shipping.queue import announce_shipping
from integrations.shipping.rules import (
    CannotShip,
    Package,
    Refusal,
    check_lines,
    check_order,
    check_package,
    check_platform,
    same_package,
)
from orders.models import Order, Shipment
from orders.shipments import left_to_ship, tell_of_shipments
from platforms.locks import hold_platform

State = Shipment.State
SHOWN_FIELDS = ("carrier", "carrier_name", "service", "tracking_number", "shipped_at")


def queue_draft(shipment: Shipment, package: Package) -> Shipment:
    """Send a draft: `package` says carrier, tracking number and time; its lines stay where `package.lines` is None, and
    are replaced otherwise. Raises CannotShip."""
    with _locked(shipment) as (row, order):
        if row.state != State.DRAFT:
            raise CannotShip(Refusal.NOT_A_DRAFT)
        policy = policy_of(order.platform)
        check_platform(order, policy.mode)
        check_order(order, ships_despite_cancellation=package.ships_despite_cancellation)
        checked = check_package(order, package)
        known = (
            None if package.is_another else same_package(order, package.tracking_number, None, without=row)
        )
        if known is not None:
            raise CannotShip(Refusal.MADE_ALREADY, shipment=known, number=known.package_number)
        wanted = _lines(row) if package.lines is None else package.lines
        lines = check_lines(order, wanted, left_to_ship(order, without=row))
        if lines != _lines(row):
            row.lines.all().delete()
            for item_id, units in lines.items():
                row.lines.create(item_external_id=item_id, quantity=units)
        row.despite_cancellation = package.ships_despite_cancellation
        _set(row, checked.columns())
        _send(row, policy.mode)
        record("shipment.queued", row, changes=_facts(order, row))
    return row


def correct_tracking(shipment: Shipment, package: Package) -> Shipment:
    """Give a shipment another carrier, service, tracking number or ship time, and send it again under its number; of
    `package`, the lines do not count. A draft is changed, and not sent. Raises CannotShip."""
    with _locked(shipment) as (row, order):
        if row.state in Shipment.CLOSED:
            raise CannotShip(Refusal.IS_CLOSED, state=row.get_state_display())
        is_draft = row.state == State.DRAFT
        policy = policy_of(order.platform)
        if not is_draft:
            _check_writing(order, row, policy.mode)
        checked = check_package(order, package, is_draft=is_draft)
        before = {name: getattr(row, name) for name in SHOWN_FIELDS}
        columns = checked.columns()
        if package.shipped_at is None:
            columns["shipped_at"] = row.shipped_at
        changes = {
            name: [before[name], columns[name]] for name in SHOWN_FIELDS if before[name] != columns[name]
        }
        if not changes:
            raise CannotShip(Refusal.NOTHING_CHANGED)
        _set(row, columns)
        if is_draft:
            row.save()
            tell_of_shipments(row.platform_id, [row], changes)
        else:
            _send(row, policy.mode, (*changes, "state"))
        record("shipment.corrected", row, changes=_facts(order, row) | changes)
    return row


def retry_shipment(shipment: Shipment, *, ships_despite_cancellation: bool = False) -> Shipment:
    """Send a rejected or unverified shipment once more, as it is. Raises CannotShip, also where its units are no longer
    left."""
    with _locked(shipment) as (row, order):
        if row.state not in (State.REJECTED, State.UNVERIFIED):
            raise CannotShip(Refusal.IS_CLOSED, state=row.get_state_display())
        policy = policy_of(order.platform)
        _check_writing(order, row, policy.mode)
        row.despite_cancellation |= ships_despite_cancellation
        if row.visible_at is None and row.state == State.REJECTED:
            check_order(order, ships_despite_cancellation=row.despite_cancellation)
            check_lines(order, _lines(row), left_to_ship(order, without=row))
        _send(row, policy.mode)
        record("shipment.retried", row, changes=_facts(order, row))
    return row


def cancel_draft(shipment: Shipment) -> Shipment:
    """Give up a draft, or a shipment that the platform was never told of, or that it refused. Its units are left again;
    its number is not used again. Raises CannotShip where the platform may know of it."""
    with _locked(shipment) as (row, order):
        names = {"channel": channel_label(order.platform.kind)}
        if row.state not in (State.DRAFT, State.QUEUED, State.REJECTED):
            raise CannotShip(Refusal.UNDER_WAY, **names)
        told = row.entries.filter(attempts__gt=0).exclude(state=OutboxEntry.State.REJECTED, unanswered=0)
        if row.visible_at is not None or told.exists():
            raise CannotShip(Refusal.UNDER_WAY, **names)
        supersede(row)
        if told.exists():  # a worker began it at this moment
            raise CannotShip(Refusal.UNDER_WAY, **names)
        row.state, row.cancelled_at = State.CANCELLED, timezone.now()
        row.save()
        tell_of_shipments(row.platform_id, [row])
        record("shipment.cancelled", row, changes=_facts(order, row))
    return row


@contextmanager
def _locked(shipment: Shipment) -> Iterator[tuple[Shipment, Order]]:
    """The row as it is stored, and its order with all that the rules read, in a transaction: no other package of the
    order is made or seen meanwhile."""
    with transaction.atomic():
        hold_platform(shipment.platform_id)
        row = Shipment.objects.select_for_update().get(pk=shipment.pk)
        orders = Order.objects.select_related("platform").defer("platform__api_config", "payload")
        order = orders.prefetch_related(*READ).get(pk=row.order_id)
        row.order = order
        yield row, order


def _check_writing(order: Order, row: Shipment, mode: str) -> None:
    """Raises CannotShip, also where the platform rehearses what was made for real."""
    check_platform(order, mode)
    if mode == WritingPolicy.Mode.REHEARSAL and not row.is_rehearsal:
        raise CannotShip(Refusal.REHEARSING, platform=str(order.platform))


def _send(row: Shipment, mode: str, fields: tuple[str, ...] = ("state",)) -> None:
    """Queue it with its present content. An entry that waits is overtaken; one that is being sent is followed."""
    supersede(row)
    queue_up(row, mode, timezone.now())
    row.save()
    put_into_outbox([(row, _lines(row))])
    tell_of_shipments(row.platform_id, [row], fields)
    announce_shipping(row.platform_id)


def _set(row: Shipment, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(row, name, value)


def _lines(row: Shipment) -> dict[str, int]:
    return dict(row.lines.values_list("item_external_id", "quantity"))


def _facts(order: Order, row: Shipment) -> dict[str, Any]:
    """For the audit."""
    return {
        "order": order.external_id,
        "package": row.package_number,
        "tracking_number": row.tracking_number,
        "state": row.state,
    }
