"""Reads back what no sync has shown.

The regular syncs prove nearly all shipments: telling a platform of a package changes the order, so the next sync brings
it. What is left over after hours is looked up here, with one call for each order; what is not seen then is unverified,
listed and alerted of, until a sync shows it after all or a person settles it.
"""

import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from core.database.retry import retry_on_db_error
from core.text import storable, storable_text
from integrations.errors import AuthorizationError, PlatformError, RateLimited, RequestRefused
from integrations.models import StreamState
from integrations.protocol import RecordFailure
from integrations.shipping.attempts import reject, set_state
from integrations.shipping.connections import Connections
from integrations.shipping.turns import Turn
from integrations.sync.storing import store_bisecting
from integrations.sync.streams.orders import OrdersStream
from orders.models import Order, OrderPackage, Shipment
from orders.records import OrderRecord
from orders.shipments import SHOWN_OTHERWISE, is_shown_as_sent, see_packages
from platforms.models import Platform, Source

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 30  # orders in one turn: as many calls as a full bucket has
MOST_REFUSED = 3  # orders, before anything is answered; then all of the account is left alone for a while
NOT_SHOWN, NOT_READ = "not_shown", "not_read"  # error codes of shipments
STREAM = OrdersStream()
State = Shipment.State
OPEN = (State.SENT, State.UNVERIFIED)
Stop = Callable[[], bool]


def overdue(now: datetime | None = None) -> QuerySet[Shipment]:
    """Shipments of all platforms that should have been seen by now, or whose refusal has to be looked into."""
    now = now or timezone.now()
    late = Q(attempted_at__lt=now - patience())
    doubtful = ~Q(error_code="") & Q(checked_at=None)
    unread = Q(state=State.UNVERIFIED, error_code=NOT_READ)
    return Shipment.objects.filter((Q(state=State.SENT) & (late | doubtful)) | unread, is_rehearsal=False)


def patience() -> timedelta:
    """How long the regular syncs have to show a shipment."""
    return timedelta(hours=settings.SHIPMENT_CHECK_HOURS)


def check_due(turn: Turn, connected_to: Connections, *, stopping: Stop) -> datetime | None:
    """Look up the orders of overdue shipments. Returns when to go on; None: nothing is left to do."""
    platform = connected_to.platform
    refused: list[tuple[Sequence[Shipment], PlatformError]] = []
    is_answered = False
    for number, (order_id, shipments) in enumerate(_to_look_up(platform)):
        if number >= MOST_AT_ONCE:
            return timezone.now() + timedelta(minutes=1)
        if stopping():
            return timezone.now()
        turn.renew()
        try:
            check_order_of(connected_to, order_id, shipments)
            is_answered = True
        except RateLimited as error:
            return timezone.now() + timedelta(seconds=error.retry_after)
        except (RequestRefused, AuthorizationError) as error:
            refused.append((shipments, error))
            # What is said of access is about the account, unless others are answered.
            is_answered = is_answered or isinstance(error, RequestRefused)
        except PlatformError as error:
            return _later(platform, error)
        while is_answered and refused:
            _settle_refused(platform, *refused.pop())
        if len(refused) >= MOST_REFUSED:
            break
    return _later(platform, refused[-1][1]) if refused else None


def _to_look_up(platform: Platform) -> list[tuple[int, list[Shipment]]]:
    """Orders by their ids, each with its overdue shipments. By chance, so that no few that fail are always first."""
    due = retry_on_db_error(list)(overdue().filter(platform=platform).order_by("order_id", "pk")[:500])
    state = StreamState.of(platform, STREAM.name)
    by_order: dict[int, list[Shipment]] = {}
    for shipment in due:
        if _was_read(state, shipment):
            by_order.setdefault(shipment.order_id, []).append(shipment)
        elif shipment.state == State.SENT:
            _settle_unread(shipment)
    return random.sample(list(by_order.items()), len(by_order))


def _later(platform: Platform, error: PlatformError) -> datetime:
    logger.warning("Shipments of %s could not be checked: %s (%s)", platform.name, error, error.code)
    return timezone.now() + timedelta(minutes=15)


def check_order_of(connected_to: Connections, order_id: int, shipments: Sequence[Shipment]) -> None:
    """One call: fetch the order, store it as a sync would, and settle these shipments by what it shows. Raises
    PlatformError where it cannot be fetched; nothing is settled then."""
    order = retry_on_db_error(Order.objects.get)(pk=order_id)
    asked_at = timezone.now()
    records, problems = STREAM.fetch(connected_to.adapter(order.source), order.external_id)
    late = {each.pk for each in shipments if each.attempted_at and each.attempted_at < asked_at - patience()}
    _store(connected_to.platform, order, storable(records), problems, {each.pk for each in shipments}, late)


@retry_on_db_error
def _store(
    platform: Platform,
    order: Order,
    records: Sequence[OrderRecord],
    problems: Sequence[RecordFailure],
    ids: set[int],
    late: set[int],
) -> None:
    """One transaction. `ids` are the shipments to settle, `late` those that should be shown by now."""
    with transaction.atomic():
        _outcome, refused = store_bisecting(
            records, lambda some: STREAM.store(platform, some, order.source, None), STREAM
        )
        for problem in (*problems, *refused):
            logger.warning("Order %s could not be read back: %s", order.external_id, problem.message)
        order = Order.objects.get(pk=order.pk)
        if records and not refused:
            see_packages(platform.pk, {order.pk: order.platform_updated_at}, is_late=late == ids)
        Shipment.objects.filter(pk__in=ids).update(checked_at=timezone.now())
        not_shown = problems[0].code if problems else NOT_SHOWN
        for shipment in Shipment.objects.select_for_update().filter(pk__in=ids).filter(state__in=OPEN):
            _settle(order, shipment, not_shown if shipment.pk in late else "")


def _settle(order: Order, shipment: Shipment, late: str) -> None:
    """A shipment that was sent, and that the platform does not show as it was sent. `late`: the error code where it
    should by now, "" where it need not yet."""
    is_refused = shipment.state == State.SENT and bool(shipment.error_code)
    shown = is_shown_as_sent(shipment)
    if is_refused and (late or _is_settled(order, shipment, shown)):
        reject(shipment, shipment.error_code, shipment.error_message, shipment.request_id)
    elif late:
        _unverified(shipment, SHOWN_OTHERWISE if shown is False else late)


def _is_settled(order: Order, shipment: Shipment, shown: bool | None) -> bool:
    """Whether a refusal is explained by what was read: the platform shows another content, and was asked for this one
    but once; or it does not show the package, and others have its units."""
    if shown is None:
        return _is_shipped_without(order, shipment)
    entry = shipment.entries.get(number=shipment.tries)
    return not shown and entry.attempts == 1 and not entry.unanswered


def _is_shipped_without(order: Order, shipment: Shipment) -> bool:
    """Whether packages that are not this one have all units of its lines: somebody else shipped them."""
    shown: dict[str, int] = {}
    for package in OrderPackage.objects.filter(order=order):
        if package.external_id == str(shipment.package_number):
            return False
        for entry in package.contents:
            shown[str(entry.get("item"))] = shown.get(str(entry.get("item")), 0) + (
                entry.get("quantity") or 0
            )
    ordered = dict(order.items.values_list("external_id", "quantity_ordered"))
    lines = [line.item_external_id for line in shipment.lines.all()]
    return all(shown.get(item_id, 0) >= (ordered.get(item_id) or 1) for item_id in lines)


def _unverified(shipment: Shipment, code: str, message: str = "") -> None:
    reason = {"error_code": code[:64], "error_message": storable_text(message)}
    set_state(shipment, State.UNVERIFIED, unverified_at=timezone.now(), **reason)


@retry_on_db_error
def _settle_refused(platform: Platform, shipments: Sequence[Shipment], error: PlatformError) -> None:
    """The platform does not let their order be read. One that should be shown by now is unverified; any other is looked
    up again when it should be."""
    logger.warning("Shipments of %s could not be checked: %s (%s)", platform.name, error, error.code)
    now = timezone.now()
    with transaction.atomic():
        rows = Shipment.objects.select_for_update().filter(
            pk__in=[each.pk for each in shipments], state__in=OPEN
        )
        for shipment in rows:
            Shipment.objects.filter(pk=shipment.pk).update(checked_at=now)
            if shipment.attempted_at and shipment.attempted_at < now - patience():
                _unverified(shipment, error.code, str(error))


@retry_on_db_error
def _settle_unread(shipment: Shipment) -> None:
    """No sync has read orders since it was sent: that says nothing of the platform, and asking for each order would
    cost the quota that the syncs need to catch up. They will show it."""
    with transaction.atomic():
        rows = Shipment.objects.select_for_update().filter(pk=shipment.pk, state=State.SENT)
        if rows.first() is not None:
            _unverified(shipment, NOT_READ)


def _was_read(state: StreamState, shipment: Shipment) -> bool:
    """Whether regular syncs have read the platform's orders since it was sent, or none are planned."""
    minutes = STREAM.default_interval if state.interval_minutes is None else state.interval_minutes
    is_asked_at_once = shipment.checked_at is None and bool(shipment.error_code)
    if is_asked_at_once or not minutes or shipment.source != Source.LIVE or shipment.attempted_at is None:
        return True
    return state.watermark is not None and state.watermark > shipment.attempted_at
