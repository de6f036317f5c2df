"""Deletes buyer data for good: in time, of cancelled orders, and on request. What was deleted is never stored again."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.origin import origin
from audit.recording import record
from core.text import storable_text
from feed.models import Change
from feed.recording import Changed, add_changes
from orders.buyers import email_digests
from orders.holds import held_of, hold_of_order
from orders.models import BuyerDataEnd, Erasure, LegalHold, Order, OrderBuyer, OrderNote
from platforms.locks import hold_platform
from platforms.models import Platform

AT_ONCE = 1000  # rows that are deleted in one transaction
Why, Scope = BuyerDataEnd.Why, Erasure.Scope


class OnHold(Exception):
    """A legal hold keeps what was to be erased; nothing was."""

    def __init__(self, hold: LegalHold) -> None:
        super().__init__(
            f"Nothing was erased: a legal hold keeps {hold} until {hold.until:%Y-%m-%d %H:%M} UTC."
        )
        self.hold = hold


@dataclass(slots=True)
class Receipt:
    """What an erasure on request did. Holds no personal data.

    `stored` is what is kept of it; its number is in the audit, too. `orders` are those whose data was erased, `held`
    those that a legal hold keeps, as (platform's name, order id).
    """

    stored: Erasure
    orders: list[tuple[str, str]] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)

    @property
    def number(self) -> str:
        return self.stored.number

    @property
    def at(self) -> datetime:
        return self.stored.started_at

    @property
    def not_searched(self) -> int:
        """How many orders have data that no key decrypts, so that nobody can say whose it is; only where an address
        was searched for."""
        return self.stored.not_searched

    @property
    def is_partial(self) -> bool:
        return bool(self.held or self.not_searched)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an erasure by e-mail would do now: so many orders would lose their data, so many would keep it for a legal
    hold, so many cannot be searched."""

    orders: int
    held: int
    not_searched: int


def end_buyers(order_ids: Sequence[int], why: str) -> set[int]:
    """Delete the buyer data of these orders, and note that none comes again; on request, what people noted about the
    orders as well. Returns the orders that had buyer data.

    Within a transaction that holds their platform. Whoever calls it tells the change feed.
    """
    had = set(OrderBuyer.objects.filter(pk__in=order_ids).values_list("pk", flat=True))
    now = timezone.now()
    BuyerDataEnd.objects.bulk_create(
        [BuyerDataEnd(order_id=pk, ended_at=now, why=why) for pk in order_ids], ignore_conflicts=True
    )
    OrderBuyer.objects.filter(pk__in=had).delete()
    if why == Why.ERASED:  # somebody may have written a name into one
        OrderNote.objects.filter(order__in=order_ids).delete()
    return had


def purge_buyers(*, now: datetime | None = None) -> int:
    """Delete the buyer data that is due for deletion, and that of cancelled orders. Returns for how many orders.

    What a legal hold keeps stays.
    """
    due = OrderBuyer.objects.filter(purge_after__lte=now or timezone.now())
    cancelled = OrderBuyer.objects.filter(order__status=Order.Status.CANCELLED)
    return sum(
        _purge(platform_id, ids, why)
        for rows, why in ((due, Why.DUE), (cancelled, Why.CANCELLED))
        for platform_id, ids in _batches(rows)
    )


@transaction.atomic
def _purge(platform_id: int, ids: Sequence[int], why: str) -> int:
    """One batch with its entry in the audit: no crash parts them."""
    deleted = len(end_free(platform_id, ids, why))
    if deleted:
        record("buyer_data.purged", changes={"orders": deleted})
    return deleted


def erase_of_order(order: Order, *, reason: str = "") -> Receipt:
    """Erase what is stored of the order's buyer. Once it is erased, a second time changes nothing. Raises OnHold."""
    with transaction.atomic():
        if hold := hold_of_order(order):
            raise OnHold(hold)
        receipt = begin(Scope.ORDER, [order.platform_id], order.external_id, reason)
        ended = end_free(order.platform_id, [order.pk], Why.ERASED)
        _note(receipt, ended, (), order)
        _finish(receipt)
    return receipt


def erase_of_email(address: str, *, reason: str = "", within: Collection[int] | None = None) -> Receipt:
    """Erase the buyer data of all orders with this e-mail address, in whatever letters. What is held stays, and is in
    the receipt. `within`: as if there were no other platforms than these."""
    ids = None if within is None else sorted(within)
    receipt = begin(Scope.EMAIL, ids, "", reason, not_searched=_unreadable(within).count())
    _erase(_of_email(address, within), receipt, None)
    return receipt


def preview_of_email(address: str, *, within: Collection[int] | None = None) -> Preview:
    """What `erase_of_email` would do. That somebody looked is recorded: it says whether a person bought something."""
    found = held = 0
    for platform_id, ids in _batches(_of_email(address, within)):
        free = len(held_of(platform_id).free(ids))
        found, held = found + free, held + len(ids) - free
    record("buyer_data.searched", changes={"by": Scope.EMAIL.value, "orders": found + held})
    return Preview(found, held, _unreadable(within).count())


def erase_of_platform(platform: Platform, *, reason: str = "") -> Receipt:
    """Erase the buyer data of all orders of the platform. What is held stays, and is in the receipt.

    Orders that come later bring theirs, unless the platform is told to store none.
    """
    receipt = begin(Scope.PLATFORM, [platform.pk], platform.name, reason)
    _erase(OrderBuyer.objects.filter(order__platform=platform), receipt, platform)
    return receipt


def erasures_within(ids: Collection[int]) -> list[int]:
    """Ids of the receipts of erasures that searched these platforms alone, or some of them."""
    searched = Erasure.objects.order_by().values_list("pk", "platform_ids")
    return [pk for pk, of in searched if of is not None and set(of) <= set(ids)]


def _of_email(address: str, within: Collection[int] | None) -> QuerySet[OrderBuyer]:
    return _of_platforms(OrderBuyer.objects.filter(email_digest__in=email_digests(address)), within)


def _unreadable(within: Collection[int] | None) -> QuerySet[OrderBuyer]:
    return _of_platforms(OrderBuyer.objects.filter(email_digest=None), within)


def _of_platforms(rows: QuerySet[OrderBuyer], ids: Collection[int] | None) -> QuerySet[OrderBuyer]:
    return rows if ids is None else rows.filter(order__platform__in=ids)


def begin(
    scope: Erasure.Scope,
    platform_ids: list[int] | None,
    about: str,
    reason: str,
    *,
    not_searched: int = 0,
    in_background: bool = False,
) -> Receipt:
    """Stored before anything is erased: an erasure that is interrupted has a receipt as well."""
    stored = Erasure.objects.create(
        number=uuid4().hex[:16],
        scope=scope,
        about=about,
        platform_ids=platform_ids,
        not_searched=not_searched,
        reason=storable_text(reason)[:500],
        made_by=origin().actor[:150],
        started_at=timezone.now(),
        in_background=in_background,
    )
    return Receipt(stored)


def _note(
    receipt: Receipt, ended: Collection[int], held: Collection[int], about: Order | Platform | None
) -> None:
    """Within the transaction that erased these orders' data."""
    stored = receipt.stored
    stored.orders += len(ended)
    stored.held += len(held)
    stored.save(update_fields=["orders", "held"])
    receipt.orders += _names(ended)
    receipt.held += _names(held)
    facts = {"receipt": stored.number, "by": stored.scope, "orders": len(ended)}
    record("buyer_data.erased", about, changes=facts, reason=stored.reason)


def _finish(receipt: Receipt) -> None:
    receipt.stored.finished_at = timezone.now()
    receipt.stored.save(update_fields=["finished_at"])


def _erase(rows: QuerySet[OrderBuyer], receipt: Receipt, about: Platform | None) -> None:
    """Batch by batch, each with its entry in the audit; one entry also where there is nothing."""
    for platform_id, ids in _batches(rows):
        with transaction.atomic():
            ended = end_free(platform_id, ids, Why.ERASED)
            _note(receipt, ended, set(ids) - ended, about)
    if not (receipt.orders or receipt.held):
        _note(receipt, (), (), about)
    _finish(receipt)


def _batches(rows: QuerySet[OrderBuyer]) -> Iterator[tuple[int, list[int]]]:
    """The ids of the rows, some at a time, each time of one platform, which is named by its id."""
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        last = ids[-1]
        by_platform: dict[int, list[int]] = defaultdict(list)
        for pk, platform_id in (
            Order.objects.filter(pk__in=ids).order_by("pk").values_list("pk", "platform_id")
        ):
            by_platform[platform_id].append(pk)
        yield from by_platform.items()


@transaction.atomic
def end_free(platform_id: int, order_ids: Sequence[int], why: str) -> set[int]:
    """Delete what is not held, and tell the change feed. Returns the orders that had buyer data.

    The platform is held first, as a sync does: neither waits for what the other has.
    """
    hold_platform(platform_id)
    free = held_of(platform_id).free(order_ids)
    ended = end_buyers(free, why)
    names = Order.objects.filter(pk__in=ended).order_by("pk").values_list("pk", "external_id")
    told = [Changed(pk, name, ("buyer",)) for pk, name in names]
    add_changes(Change.Kind.ORDER_UPDATED, platform_id, told)
    return ended


def _names(order_ids: Iterable[int]) -> list[tuple[str, str]]:
    rows = Order.objects.filter(pk__in=list(order_ids)).order_by("pk")
    return list(rows.values_list("platform__name", "external_id"))
