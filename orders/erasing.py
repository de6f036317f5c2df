"""Deletes buyer data for good: in time, of cancelled orders, and on request. What was deleted is never stored again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.recording import record
from feed.models import Change
from feed.recording import Changed, add_changes
from orders.buyers import email_digests
from orders.holds import held_of, hold_of_order
from orders.models import BuyerDataEnd, LegalHold, Order, OrderBuyer
from platforms.locks import hold_platform
from platforms.models import Platform

AT_ONCE = 1000  # rows that are deleted in one transaction
Why = BuyerDataEnd.Why


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

    `number` finds it in the audit. `orders` are those whose data was erased, `held` those that a legal hold keeps, as
    (platform's name, order id). `not_searched`: how many orders have data that no key decrypts, so that nobody can say
    whose it is; only where an address was searched for.
    """

    scope: str  # "order", "email" or "platform"
    number: str = field(default_factory=lambda: uuid4().hex[:16])
    at: datetime = field(default_factory=timezone.now)
    orders: list[tuple[str, str]] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    not_searched: int = 0

    @property
    def is_partial(self) -> bool:
        return bool(self.held or self.not_searched)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""

        def named(orders: list[tuple[str, str]]) -> list[dict[str, str]]:
            return [{"platform": platform, "order": order} for platform, order in orders]

        return {
            "receipt": self.number,
            "at": self.at.isoformat(),
            "by": self.scope,
            "erased": named(self.orders),
            "held": named(self.held),
            "not_searched": self.not_searched,
        }


def end_buyers(order_ids: Sequence[int], why: str) -> set[int]:
    """Delete the buyer data of these orders, and note that none comes again. Returns the orders that had some.

    Within a transaction that holds their platform. Whoever calls it tells the change feed.
    """
    had = set(OrderBuyer.objects.filter(pk__in=order_ids).values_list("pk", flat=True))
    now = timezone.now()
    BuyerDataEnd.objects.bulk_create(
        [BuyerDataEnd(order_id=pk, ended_at=now, why=why) for pk in order_ids], ignore_conflicts=True
    )
    OrderBuyer.objects.filter(pk__in=had).delete()
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
    deleted = len(_end(platform_id, ids, why))
    if deleted:
        record("buyer_data.purged", changes={"orders": deleted})
    return deleted


def erase_of_order(order: Order, *, reason: str = "") -> Receipt:
    """Erase what is stored of the order's buyer. Once it is erased, a second time changes nothing. Raises OnHold."""
    receipt = Receipt("order")
    with transaction.atomic():
        if hold := hold_of_order(order):
            raise OnHold(hold)
        ended = _end(order.platform_id, [order.pk], Why.ERASED)
        receipt.orders = _names(ended)
        facts = {"receipt": receipt.number, "by": receipt.scope, "orders": len(ended)}
        record("buyer_data.erased", order, changes=facts, reason=reason)
    return receipt


def erase_of_email(address: str, *, reason: str = "") -> Receipt:
    """Erase the buyer data of all orders with this e-mail address, in whatever letters. What is held stays, and is in
    the receipt."""
    receipt = Receipt("email", not_searched=OrderBuyer.objects.filter(email_digest=None).count())
    _erase(OrderBuyer.objects.filter(email_digest__in=email_digests(address)), receipt, None, reason)
    return receipt


def erase_of_platform(platform: Platform, *, reason: str = "") -> Receipt:
    """Erase the buyer data of all orders of the platform. What is held stays, and is in the receipt.

    Orders that come later bring theirs, unless the platform is told to store none.
    """
    receipt = Receipt("platform")
    _erase(OrderBuyer.objects.filter(order__platform=platform), receipt, platform, reason)
    return receipt


def _erase(rows: QuerySet[OrderBuyer], receipt: Receipt, about: Platform | None, reason: str) -> None:
    """Batch by batch, each with its entry in the audit; one entry also where there is nothing."""
    for platform_id, ids in _batches(rows):
        with transaction.atomic():
            ended = _end(platform_id, ids, Why.ERASED)
            facts = {"receipt": receipt.number, "by": receipt.scope, "orders": len(ended)}
            record("buyer_data.erased", about, changes=facts, reason=reason)
            receipt.orders += _names(ended)
            receipt.held += _names(set(ids) - ended)
    if not (receipt.orders or receipt.held):
        facts = {"receipt": receipt.number, "by": receipt.scope, "orders": 0}
        record("buyer_data.erased", about, changes=facts, reason=reason)


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
def _end(platform_id: int, order_ids: Sequence[int], why: str) -> set[int]:
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
