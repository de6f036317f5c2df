"""Legal holds: what must not be deleted until they end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from orders.models import LegalHold, Order


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a platform: all of it, or these orders."""

    everything: bool
    order_ids: frozenset[int]

    def free(self, order_ids: Iterable[int]) -> list[int]:
        """Those of the orders that may be deleted."""
        return [] if self.everything else [pk for pk in order_ids if pk not in self.order_ids]


def held_of(platform_id: int, *, now: datetime | None = None) -> Held:
    """The holds of a platform that have not ended. One query, of a table with few rows."""
    holds = LegalHold.objects.filter(platform=platform_id, until__gt=now or timezone.now())
    ids = set(holds.order_by().values_list("order", flat=True))
    return Held(None in ids, frozenset(pk for pk in ids if pk is not None))


def all_held_since(platform_id: int, now: datetime) -> datetime | None:
    """Since when all orders of a platform are held, by the oldest of the holds that have not ended; None: they are not.
    One query."""
    holds = LegalHold.objects.filter(platform=platform_id, order=None, until__gt=now)
    return holds.order_by("made_at").values_list("made_at", flat=True).first()


def hold_of_order(order: Order) -> LegalHold | None:
    """The hold of an order that lasts longest."""
    holds = LegalHold.objects.filter(platform=order.platform_id, until__gt=timezone.now())
    return holds.filter(Q(order=None) | Q(order=order)).order_by("-until").first()
