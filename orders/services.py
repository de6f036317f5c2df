"""Makes our orders equal to a platform's. Safe to repeat: the same records twice change nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.outcome import ROUNDED, Adjustment, Outcome
from core.upsert import Batch, Incoming, RecordTable
from feed.models import Change as FeedChange
from feed.recording import Changed, add_changes
from orders.buyers import (
    Buyer,
    Facts,
    buyer_digest,
    compare_buyers,
    ended_orders,
    move_purge,
    stored_buyers,
    write_buyers,
)
from orders.changes import Change, order_changes
from orders.erasing import end_buyers
from orders.holds import held_of
from orders.lines import Lines, Reported, compare_lines, reported_lines, too_fine, write_lines
from orders.models import BuyerDataEnd, Order, OrderBuyer, OrderChange, OrderItem, OrderPackage
from orders.packages import Packages, compare_packages, reported_packages, write_packages
from orders.records import OrderRecord
from platforms.locks import hold_platform
from platforms.models import Platform, Source

_orders = RecordTable(
    Order,
    OrderRecord,
    key=("external_id",),
    find_by=("external_id",),
    live=Source.LIVE,
    apart=("items", "buyer", "packages"),
    amounts=("total", "tax"),
    document="payload",
)
REPORTED = _orders.reported
_FACTS = itemgetter(*map(REPORTED.index, Facts._fields))
DELETED_AT_ONCE = 500  # orders, in one statement


@transaction.atomic(savepoint=False)  # callers that go on after a failure have a savepoint of their own
def upsert_orders(
    *, platform: Platform, records: Sequence[OrderRecord], source: str, sync_log_id: int | None = None
) -> Outcome:
    """Store `records`, all or none of them, in a fixed number of queries. `sync_log_id` is the sync that brought them.

    1. Find out which are new or changed: equal records change nothing, and mock or sandbox never replaces live; where
       live replaces one of these, nothing of it stays.
    2. Compare lines, packages and buyers of known orders that may have changed, and leave alone what is equal after
       all.
    3. Write orders, then items and packages; remove lines and packages that are no longer part of their order.
    4. Write buyer data where the platform row asks for it, delete that of cancelled orders; note what changed, in the
       timeline of orders that were stored already, and in the change feed.

    Raises django.db.DatabaseError where a value does not fit.
    """
    now = timezone.now()
    incoming = _incoming(records, with_buyer=platform.include_pii)
    if records:
        hold_platform(platform.pk)
    batch = _orders.compare(platform.pk, incoming, source)
    if batch.replaced:
        _delete(platform.pk, Order.objects.filter(pk__in=batch.replaced))
    known = [*batch.changed, *batch.alike]
    lines = compare_lines({item.pk: _lines_of(item) for item in known})
    packages = compare_packages({item.pk: _packages_of(item) for item in known})
    buyers = _known_buyers(platform, known, now)
    changes = {pk: lines[pk].changes + packages[pk].changes for pk in lines}
    batch.keep_alike(lambda item: not (changes[item.pk] or _is_news(buyers.get(item.pk))))
    _orders.refresh(batch)
    move_purge({item.pk: buyers[item.pk] for item in batch.alike if _is_moved(buyers.get(item.pk))})
    if not batch.news:
        return batch.outcome()
    may_be_rounded = _orders.write(platform.pk, batch, source, now)
    _orders.fetch_ids(platform.pk, batch)
    changed = [item.pk for item in batch.changed]
    may_be_rounded |= write_lines(
        {item.pk: _lines_of(item) for item in batch.new},
        {order_id: lines[order_id] for order_id in changed},
    )
    write_packages(
        {item.pk: _packages_of(item) for item in batch.new}, [(pk, packages[pk]) for pk in changed]
    )
    _note_changes(batch, changes, sync_log_id, now)
    if platform.include_pii:
        of_changed = {order_id: buyers[order_id] for order_id in changed if order_id in buyers}
        over = [order_id for order_id, buyer in of_changed.items() if buyer.is_over]
        end_buyers(over, BuyerDataEnd.Why.CANCELLED)
        of_new = compare_buyers(_with_facts(batch.new), {}, (), now)
        write_buyers(of_new | {pk: buyer for pk, buyer in of_changed.items() if not buyer.is_over})
    _add_to_feed(platform.pk, batch, lines, packages, buyers)
    return _outcome_of_rounding(batch) if may_be_rounded else batch.outcome()


def changes_by(*, platform: Platform, record: OrderRecord) -> list[Change] | None:
    """What storing `record` would change; None where the order is not stored. Writes nothing.

    Nothing, where the stored copy is newer.
    """
    rows = Order.objects.filter(platform=platform, external_id=record.external_id)
    order_id = rows.values_list("pk", flat=True).first()
    if order_id is None:
        return None
    stored, values = _orders.stored_values([order_id])[order_id], _orders.values_of(record)
    if _orders.is_older(values, stored):
        return []
    merged = _orders.columns.merged(values, stored, record.absent)
    of_lines = compare_lines({order_id: reported_lines(record)})[order_id].changes
    of_packages = compare_packages({order_id: reported_packages(record)})[order_id].changes
    return order_changes(_orders.columns, stored, merged) + of_lines + of_packages


def delete_orders(*, platform: Platform, sources: Iterable[str]) -> int:
    """Delete a platform's orders of these sources, with items and buyer data. Returns how many orders there were."""
    doomed = Order.objects.filter(platform=platform, source__in=list(sources))
    if not doomed.exists():  # nearly always
        return 0
    with transaction.atomic():
        hold_platform(platform.pk)
        return _delete(platform.pk, doomed)


def delete_stored(platform_id: int, order_ids: Sequence[int]) -> int:
    """Delete these orders of a platform with all that belongs to them, within a transaction that holds the platform.
    Returns how many there were."""
    return _delete(platform_id, Order.objects.filter(pk__in=order_ids)) if order_ids else 0


def _delete(platform_id: int, doomed: QuerySet[Order]) -> int:
    """Of one platform, in a transaction. Those that the change feed tells of, and no others that come meanwhile."""
    told = [Changed(pk, name) for pk, name in doomed.order_by("pk").values_list("pk", "external_id")]
    add_changes(FeedChange.Kind.ORDER_DELETED, platform_id, told)
    for start in range(0, len(told), DELETED_AT_ONCE):
        ids = [each.object_id for each in told[start : start + DELETED_AT_ONCE]]
        OrderBuyer.objects.filter(order__in=ids).delete()
        OrderItem.objects.filter(order__in=ids).delete()
        OrderPackage.objects.filter(order__in=ids).delete()
        Order.objects.filter(pk__in=ids).delete()
    return len(told)


def _incoming(records: Sequence[OrderRecord], *, with_buyer: bool) -> list[Incoming[OrderRecord]]:
    """Each record with the hash of all that could be stored of it."""

    def read(record: OrderRecord) -> Incoming[OrderRecord]:
        buyer = buyer_digest(record.buyer) if with_buyer else ""
        return _orders.incoming(record, reported_lines(record), buyer, reported_packages(record))

    return [_orders.incoming_of(record, read) for record in records]


def _outcome_of_rounding(batch: Batch[OrderRecord]) -> Outcome:
    """With an example of an amount that was rounded, where there is one."""
    outcome = batch.outcome()
    for item in batch.news:
        if fine := _orders.columns.too_fine(item.values) or too_fine(_lines_of(item)):
            field, amount = fine
            outcome.adjust(Adjustment(ROUNDED, item.key, field, str(amount)))
            break
    return outcome


def _lines_of(incoming: Incoming[OrderRecord]) -> list[Reported] | None:
    """The first of the parts that `_incoming` gives it."""
    lines: list[Reported] | None = incoming.parts[0]
    return lines


def _known_buyers(
    platform: Platform, known: Sequence[Incoming[OrderRecord]], now: datetime
) -> dict[int, Buyer]:
    """What is to be stored of the buyers of orders that are stored already. Of cancelled ones that a legal hold keeps,
    nothing changes."""
    if not platform.include_pii:
        return {}
    ids = [item.pk for item in known]
    buyers = compare_buyers(_with_facts(known), stored_buyers(ids), ended_orders(ids), now)
    if over := [pk for pk, buyer in buyers.items() if buyer.is_over]:
        free = set(held_of(platform.pk, now=now).free(over))
        return {pk: buyer for pk, buyer in buyers.items() if not buyer.is_over or pk in free}
    return buyers


def _with_facts(orders: Iterable[Incoming[OrderRecord]]) -> list[tuple[Incoming[OrderRecord], Facts]]:
    """Each with what is to be stored of it and decides how long its buyer's data is kept."""
    return [(item, Facts(*_FACTS(item.merged or item.values))) for item in orders]


def _packages_of(incoming: Incoming[OrderRecord]) -> list[tuple[Any, ...]] | None:
    """The last of the parts that `_incoming` gives it."""
    packages: list[tuple[Any, ...]] | None = incoming.parts[2]
    return packages


def _is_news(buyer: Buyer | None) -> bool:
    return buyer is not None and (buyer.is_news or buyer.is_over)


def _is_moved(buyer: Buyer | None) -> bool:
    return buyer is not None and buyer.is_moved


def _add_to_feed(
    platform_id: int,
    batch: Batch[OrderRecord],
    lines: Mapping[int, Lines],
    packages: Mapping[int, Packages],
    buyers: Mapping[int, Buyer],
) -> None:
    """What became different, for the change feed."""
    new = [Changed(item.pk, item.key[0]) for item in batch.new]
    add_changes(FeedChange.Kind.ORDER_CREATED, platform_id, new)
    changed = []
    for item in batch.changed:
        fields = [REPORTED[at] for at in _orders.columns.differing(item.merged, item.stored)]
        parts = {
            "items": bool(lines[item.pk].changes),
            "packages": bool(packages[item.pk].changes),
            "buyer": _is_news(buyers.get(item.pk)),
        }
        fields += [name for name, is_news in parts.items() if is_news]
        changed.append(Changed(item.pk, item.key[0], fields or ["payload"]))
    add_changes(FeedChange.Kind.ORDER_UPDATED, platform_id, changed)


def _note_changes(
    batch: Batch[OrderRecord], changes: Mapping[int, list[Change]], sync_log_id: int | None, now: datetime
) -> None:
    """One row of the timeline for each order that was stored already."""
    if not batch.changed:
        return
    OrderChange.objects.bulk_create(
        OrderChange(
            order_id=item.pk,
            sync_log_id=sync_log_id,
            changed_at=now,
            platform_updated_at=item.record.platform_updated_at,
            changes=order_changes(_orders.columns, item.stored, item.merged) + changes[item.pk],
        )
        for item in batch.changed
    )
