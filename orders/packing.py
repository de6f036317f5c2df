"""Picking and packing: who has which order in hand, what to fetch from the shelves, and how far it is."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core.text import storable_text
from orders.models import Order, Pick, PickList
from platforms.models import Platform

MOST = 200  # orders on one list


@dataclass(frozen=True, slots=True)
class Made:
    """`pick_list` is None where no order was left for it. `elsewhere`: those that somebody has in hand already, with
    their lists; `not_to_ship`: those that the seller does not have to ship (any more)."""

    pick_list: PickList | None
    elsewhere: list[Pick]
    not_to_ship: list[Order]


@dataclass(slots=True)
class PickLine:
    """One SKU over all orders of a list. `quantity` is None where an order does not say how much is left; `bins` are
    where it lies, several where platforms say different ones; `product`: platform and ASIN."""

    sku: str
    title: str
    quantity: int | None = 0
    orders: list[tuple[str, int | None]] = field(default_factory=list)
    bins: set[str] = field(default_factory=set)
    product: tuple[Platform, str] | None = None

    @property
    def bin(self) -> str:
        return ", ".join(sorted(self.bins))

    def add(self, order: str, left: int | None) -> None:
        """So many more for this order, which may have several items of the SKU: it is named once."""
        self.quantity = _sum(self.quantity, left)
        if self.orders and self.orders[-1][0] == order:
            self.orders[-1] = (order, _sum(self.orders[-1][1], left))
        else:
            self.orders.append((order, left))


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def make_list(orders: Iterable[Order], who: str) -> Made:
    """Take these orders in hand: on a list of their own, which no other list shares an order with. Who comes second
    gets what is left."""
    wanted, not_to_ship = list[Order](), list[Order]()
    for order in orders:
        (wanted if order.is_to_ship else not_to_ship).append(order)
    ids = [order.pk for order in wanted]
    with transaction.atomic():
        _let_go_of_what_was_sent(ids)
        pick_list = PickList.objects.create(made_by=who)
        Pick.objects.bulk_create(
            [Pick(pick_list=pick_list, order_id=pk, open_key=pk) for pk in ids], ignore_conflicts=True
        )
        elsewhere = list(open_picks(ids).exclude(pick_list=pick_list))
        if pick_list.picks.exists():
            return Made(pick_list, elsewhere, not_to_ship)
        pick_list.delete()
    return Made(None, elsewhere, not_to_ship)


def open_picks(order_ids: Collection[int]) -> QuerySet[Pick]:
    """Where these orders are in hand, with order and list."""
    return Pick.objects.filter(open_key__in=order_ids).select_related("order", "pick_list")


def _let_go_of_what_was_sent(order_ids: Collection[int]) -> None:
    """What was packed and sent since, where something is left to ship: the rest is picked anew."""
    sent = Pick.objects.filter(
        open_key__in=order_ids,
        order__status=Order.Status.PARTIALLY_SHIPPED,
        packed_at__lt=F("order__platform_updated_at"),
    )
    Pick.objects.filter(pk__in=list(sent.values_list("pk", flat=True))).update(open_key=None)


def mark_picked(picks: QuerySet[Pick], who: str) -> int:
    """How many of these were not before."""
    todo = picks.filter(open_key__isnull=False, picked_at__isnull=True)
    return todo.update(picked_at=timezone.now(), picked_by=who)


def mark_packed(picks: QuerySet[Pick], who: str) -> int:
    """How many of these were not before. What is packed was picked."""
    mark_picked(picks, who)
    todo = picks.filter(open_key__isnull=False, packed_at__isnull=True)
    return todo.update(packed_at=timezone.now(), packed_by=who)


def put_back(picks: QuerySet[Pick]) -> int:
    """Whoever comes next may pick them. How many of these were in hand."""
    return picks.filter(open_key__isnull=False).update(
        open_key=None, picked_at=None, picked_by="", packed_at=None, packed_by=""
    )


def pick_lines(picks: Iterable[Pick], bins: Mapping[tuple[int, str], str] | None = None) -> list[PickLine]:
    """What is left to ship of the orders that are in hand, summed by SKU. Reads `order.items`.

    `bins` says by platform and SKU where one lies: the lines go by it, what lies nowhere comes last, by its SKU.
    """
    lines: dict[str, PickLine] = {}
    for pick in picks:
        if pick.open_key is None:
            continue
        for item in pick.order.items_to_ship:
            line = lines.setdefault(item.sku or item.title, PickLine(item.sku, item.title))
            left = item.units_to_ship
            line.add(pick.order.external_id, left)
            line.product = line.product or (pick.order.platform, item.asin)
            if where := (bins or {}).get((pick.order.platform_id, item.sku)):
                line.bins.add(where)
    return [lines[key] for key in sorted(lines, key=lambda key: (*_way(lines[key].bin), key.casefold()))]


def skus_to_pick(picks: Iterable[Pick]) -> set[tuple[int, str]]:
    """The platforms and SKUs of `pick_lines`."""
    in_hand = (pick.order for pick in picks if pick.open_key is not None)
    return {(order.platform_id, item.sku) for order in in_hand for item in order.items_to_ship if item.sku}


def _way(where: str) -> tuple[bool, list[tuple[int, int | str]]]:
    """By which bins are walked along: numbers in them count as numbers, A-2 before A-10; no bin comes last."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", where.casefold())
    return not where, [(0, int(part)) if part.isascii() and part.isdecimal() else (1, part) for part in parts]


def scanned(picks: QuerySet[Pick], code: str) -> Pick | None:
    """The one of these that is in hand and whose order id a scanner read, or somebody typed."""
    return picks.filter(order__external_id=storable_text(code.strip()), open_key__isnull=False).first()
