"""Makes our orders equal to a platform's. Safe to repeat: the same records twice change nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.database.bulk import BulkFind
from core.dates import happened
from core.outcome import ROUNDED, Adjustment, Outcome
from core.upsert import Batch, Incoming, RecordTable, Values, reported_fields
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
from orders.changes import ADDED, Change, order_changes
from orders.erasing import end_buyers
from orders.holds import held_of
from orders.lines import (
    Lines,
    Reported,
    compare_lines,
    reported_lines,
    stored_lines,
    too_fine,
    write_lines,
)
from orders.models import BuyerDataEnd, Order, OrderBuyer, OrderChange, OrderItem, OrderPackage
from orders.packages import Packages, compare_packages, reported_packages, write_packages
from orders.records import OrderRecord
from orders.reported import OUTDATED, REPORT, onto_full
from orders.sales_days import mark_changed
from orders.shipments import see_packages
from platforms.locks import hold_platform
from platforms.models import Platform, Source

REPORTED = reported_fields(OrderRecord, but={"external_id", "items", "buyer", "packages", "payload"})
_AT_COMPLETENESS, _AT_UPDATED = REPORTED.index("completeness"), REPORTED.index("platform_updated_at")
_AT_PURCHASED = REPORTED.index("purchased_at")
_BY_LIST = (REPORT, OUTDATED)


def _is_older(values: Values, stored: Values) -> bool | None:
    """Where one of the two comes from a list, whole seconds are compared: lists have no fractions. What a list says of
    a version that is known in full is no news. None: as ever."""
    is_listed, was_listed = (each[_AT_COMPLETENESS] in _BY_LIST for each in (values, stored))
    if not (is_listed or was_listed):
        return None
    updated, known = (happened(each[_AT_UPDATED]) for each in (values, stored))
    if updated is None or known is None:
        return is_listed and not was_listed
    updated, known = updated.replace(microsecond=0), known.replace(microsecond=0)
    return updated < known or (updated == known and is_listed and not was_listed)


_orders = RecordTable(
    Order,
    OrderRecord,
    key=("external_id",),
    find_by=("external_id",),
    live=Source.LIVE,
    apart=("items", "buyer", "packages"),
    amounts=("total", "tax"),
    document="payload",
    is_older=_is_older,
)
_FACTS = itemgetter(*map(REPORTED.index, Facts._fields))
_find_completeness = BulkFind(
    Order,
    fields=("external_id", "id", "completeness", "source"),
    within="platform",
    by=("external_id",),
)
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
    3. Write orders, then items and packages; remove lines and packages that are no longer part of their order. Mark the
       days on which they were purchased, whose sums have to be counted anew. Compare our own shipments with the
       packages: what is shown is confirmed.
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
        _see_packages(platform.pk, batch)
        return batch.outcome()
    may_be_rounded = _orders.write(platform.pk, batch, source, now)
    mark_changed(platform.pk, _purchases(batch))
    _orders.fetch_ids(platform.pk, batch)
    changed = [item.pk for item in batch.changed]
    may_be_rounded |= write_lines(
        {item.pk: _lines_of(item) for item in batch.new},
        {order_id: lines[order_id] for order_id in changed},
    )
    write_packages(
        {item.pk: _packages_of(item) for item in batch.new}, [(pk, packages[pk]) for pk in changed]
    )
    _see_packages(platform.pk, batch)
    _note_changes(batch, changes, sync_log_id, now)
    if platform.include_pii:
        of_changed = {order_id: buyers[order_id] for order_id in changed if order_id in buyers}
        over = [order_id for order_id, buyer in of_changed.items() if buyer.is_over]
        end_buyers(over, BuyerDataEnd.Why.CANCELLED)
        of_new = compare_buyers(_with_facts(batch.new), {}, (), now)
        write_buyers(of_new | {pk: buyer for pk, buyer in of_changed.items() if not buyer.is_over})
    _add_to_feed(platform.pk, batch, lines, packages, buyers)
    return _outcome_of_rounding(batch) if may_be_rounded else batch.outcome()


@transaction.atomic(savepoint=False)
def store_reported(
    *, platform: Platform, records: Sequence[OrderRecord], source: str, updates_full: bool = False
) -> Outcome:
    """Store what a list of orders knows (`reported.reported_order`), each order once.

    Orders that are stored in full stay as they are; with `updates_full`, those of which the list has a newer version
    take its state over, and are marked as outdated until they are fetched. Raises DatabaseError where a value does not
    fit.
    """
    if not records:
        return Outcome()
    hold_platform(platform.pk)
    full = _stored_in_full(platform.pk, [record.external_id for record in records], source)
    wanted = [record for record in records if record.external_id not in full]
    if updates_full:
        newer = [record for record in records if _is_newer(record, full.get(record.external_id))]
        wanted += _onto_full(newer, full)
    outcome = upsert_orders(platform=platform, records=wanted, source=source)
    outcome.unchanged += len(records) - len(wanted)
    return outcome


def _stored_in_full(platform_id: int, ids: Sequence[str], source: str) -> dict[str, Any]:
    """Those of these orders that are stored with their details, be these outdated, and of this source: id of the row,
    time of change, total, country. Read without the ORM's conversions where there are none, which is nearly always."""
    rows = _find_completeness(platform_id, [list(ids)])
    full = [pk for _, pk, completeness, of in rows if completeness != REPORT and of == source]
    if not full:
        return {}
    columns = ("external_id", "pk", "platform_updated_at", "total", "ship_to_country")
    return {row[0]: row[1:] for row in Order.objects.filter(pk__in=full).order_by().values_list(*columns)}


def _is_newer(record: OrderRecord, stored: Any) -> bool:
    if stored is None:
        return False
    updated, known = happened(record.platform_updated_at), happened(stored[1])
    if updated is None or known is None:
        return False
    return updated.replace(microsecond=0) > known.replace(microsecond=0)


def _onto_full(records: Sequence[OrderRecord], full: Mapping[str, Any]) -> list[OrderRecord]:
    lines = stored_lines([full[record.external_id][0] for record in records])
    found = []
    for record in records:
        pk, _updated, total, country = full[record.external_id]
        found.append(onto_full(record, total=total, country=country, lines=lines[pk]))
    return found


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
    rows = list(doomed.order_by("pk").values_list("pk", "external_id", "purchased_at"))
    told = [Changed(pk, name) for pk, name, _purchased in rows]
    mark_changed(platform_id, [purchased for *_names, purchased in rows])
    add_changes(FeedChange.Kind.ORDER_DELETED, platform_id, told)
    for start in range(0, len(told), DELETED_AT_ONCE):
        ids = [each.object_id for each in told[start : start + DELETED_AT_ONCE]]
        OrderBuyer.objects.filter(order__in=ids).delete()
        OrderItem.objects.filter(order__in=ids).delete()
        OrderPackage.objects.filter(order__in=ids).delete()
        Order.objects.filter(pk__in=ids).delete()
    return len(told)


def _purchases(batch: Batch[OrderRecord]) -> Iterator[datetime]:
    """When what is written was purchased, as it was stored and as it is now."""
    for item in batch.news:
        yield (item.merged or item.values)[_AT_PURCHASED]
    for item in batch.changed:
        yield item.stored[_AT_PURCHASED]


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


def _see_packages(platform_id: int, batch: Batch[OrderRecord]) -> None:
    """Of stored orders whose packages came along. A new one has no shipments of ours."""
    known = [item for item in (*batch.changed, *batch.alike) if _packages_of(item) is not None]
    if known:
        see_packages(platform_id, {item.pk: item.record.platform_updated_at for item in known})


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
            changes=_told(item, changes[item.pk]),
        )
        for item in batch.changed
    )


def _told(item: Incoming[OrderRecord], of_parts: list[Change]) -> list[Change]:
    """The changes for the timeline. Where an order was known by report alone, what was not known before is none."""
    changes = order_changes(_orders.columns, item.stored, item.merged) + of_parts
    if item.stored[_AT_COMPLETENESS] != REPORT or item.merged[_AT_COMPLETENESS] == REPORT:
        return changes
    return [change for change in changes if change[0] == ADDED or change[1] not in (None, [], False)]
