"""Deletes orders that were kept long enough, with all that belongs to them."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.recording import record
from core.dates import CLOCKS_APART
from orders.holds import all_held_since, held_of
from orders.models import Order
from orders.services import DELETED_AT_ONCE, delete_stored
from platforms.locks import hold_platform
from platforms.models import Platform

# A first run may find a million; the scheduler, which does this, has syncs to queue as well.
MOST_AT_ONCE = 50_000
Told = Callable[[int, Sequence[str]], None]  # hears of a platform's orders, by their ids


def _nobody(_platform_id: int, _external_ids: Sequence[str]) -> None:
    pass


def months_before(moment: datetime, months: int) -> datetime:
    """The same day so many months earlier, or the last day of that month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def kept_since(now: datetime) -> datetime | None:
    """Orders that were bought before, and did not change since, are deleted; None: none is."""
    months = settings.KEEP_ORDERS_MONTHS
    return months_before(now, months) if months else None


def kept_of(platform_id: int, now: datetime) -> datetime | None:
    """The same of one platform: from when a legal hold on all of its orders was made, nothing more is deleted. One
    query where anything is."""
    since = kept_since(now)
    held = all_held_since(platform_id, now) if since else None
    return kept_since(min(now, held)) if held else since


def prune_orders(before: datetime, *, most: int = MOST_AT_ONCE, told: Told = _nobody) -> int:
    """Delete orders that were bought before this time and did not change on the platform since, `most` of them at
    the most. Returns how many.

    What a legal hold keeps stays. The change feed tells of each order, the audit how many there were in each batch;
    `told` hears of each batch in its transaction.
    """
    deleted = 0
    for platform in Platform.objects.order_by("pk").defer("api_config"):
        while deleted < most and (some := _prune_some(platform, before, told)):
            deleted += some
    return deleted


@transaction.atomic
def _prune_some(platform: Platform, before: datetime, told: Told) -> int:
    """One batch with its entry in the audit: no crash parts them."""
    hold_platform(platform.pk)
    held = held_of(platform.pk)
    if held.everything:
        return 0
    old = _old_orders(platform.pk, before, sorted(held.order_ids))
    deleted = delete_stored(platform.pk, [pk for pk, _ in old])
    if deleted:
        told(platform.pk, [external_id for _, external_id in old])
        record("orders.pruned", platform, changes={"orders": deleted, "before": before.isoformat()})
    return deleted


def _old_orders(platform_id: int, before: datetime, but: Sequence[int]) -> list[tuple[int, str]]:
    """The next ones: the key, and the platform's id."""
    # A time that is yet to come, such as year 9999, stands for none.
    changed = Q(platform_updated_at__lt=before) | Q(platform_updated_at__gt=timezone.now() + CLOCKS_APART)
    old = Order.objects.filter(changed, platform=platform_id, purchased_at__lt=before)
    rows = old.exclude(pk__in=but).order_by("purchased_at", "pk").values_list("pk", "external_id")
    return list(rows[:DELETED_AT_ONCE])
