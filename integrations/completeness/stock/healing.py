"""Asks for what is amiss by SKU, stores what the platform says, and compares it again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.text import storable
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.stock.claim import StockClaim
from integrations.completeness.stock.comparison import StoredRow
from integrations.completeness.stock.failures import NOT_KNOWN, STILL_DIFFERENT
from integrations.completeness.stock.records import Quantities, from_json, of_record
from integrations.completeness.stock.rules import Evidence, explained_by
from integrations.completeness.stock.stored import stored_by_sku
from integrations.errors import AuthorizationError, PlatformError
from integrations.models import AuditFinding, StockFinding
from integrations.protocol import ListsStock, RecordFailure
from integrations.sync.storing import store_bisecting
from integrations.sync.streams.inventory import InventoryStream
from inventory.models import InventoryItem
from inventory.records import InventoryRecord
from inventory.services import mark_replaced, mark_unlisted, upsert_inventory
from platforms.models import Platform

AT_ONCE = 50  # SKUs that a platform is asked for in one call
STREAM = InventoryStream()
Kind, Outcome = StockFinding.Kind, AuditFinding.Outcome
Listing = tuple[str, str]  # SKU and FNSKU


@dataclass
class SkuAnswer:
    """What the platform says of some SKUs in one marketplace. `failures` by SKU; "" is of one that is not known."""

    quantities: dict[Listing, Quantities] = field(default_factory=dict)
    failures: dict[str, RecordFailure] = field(default_factory=dict)


def heal_some(claim: StockClaim, adapter: ListsStock) -> bool:
    """Settle findings of some SKUs of one marketplace: False where none is left. Raises PlatformError for what is not
    about one marketplace."""
    found = claim.audit.findings.filter(outcome=Outcome.FOUND).order_by("marketplace_id", "pk")
    batch = _of_one_place(found[:AT_ONCE])
    if not batch:
        return False
    claim.save()  # raises JobLost
    site, skus = batch[0].marketplace_id, list(dict.fromkeys(each.sku for each in batch))
    try:
        answer = _ask(claim.audit.platform, adapter, site, skus)
    except AuthorizationError as error:
        _keep_open(claim, batch, error)
        return True
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        _keep_open(claim, batch, error)
        return True
    swept_at = _swept_at(claim, site)
    stored = stored_by_sku(claim.audit.platform, site, skus)
    settled = [_settle(each, answer, stored.get(each.sku, ()), swept_at) for each in batch]
    known = {sku for sku, _ in answer.quantities}
    closed = [each.sku for each in settled if {"rule": "closed_listing"} in each.differences]
    if gone := [sku for sku in closed if sku not in known]:
        mark_unlisted(platform=claim.audit.platform, marketplace_id=site, source=adapter.source, skus=gone)
    _write(claim, settled)
    return True


def _of_one_place(found: Iterable[StockFinding]) -> list[StockFinding]:
    batch: list[StockFinding] = []
    for each in found:
        if batch and each.marketplace_id != batch[0].marketplace_id:
            break
        batch.append(each)
    return batch


def _ask(platform: Platform, adapter: ListsStock, site: str, skus: Sequence[str]) -> SkuAnswer:
    """Ask for these SKUs in this marketplace alone, and store what is said of them. Raises PlatformError."""
    later = timezone.now() + timedelta(days=1)
    others = {each: later for each in adapter.listed_sites if each != site}
    answer, records = SkuAnswer(), list[InventoryRecord]()
    for page in adapter.inventory_pages(skus, {}, left_out=others):
        if page.absent is not None:
            raise page.absent.error
        records += [record for record in page.records if record.marketplace_id == site]
        answer.failures |= {failure.external_id: failure for failure in page.failures}
    records = storable(records)
    answer.failures |= {
        failure.external_id: failure for failure in _store(platform, site, adapter.source, records)
    }
    answer.quantities = {(record.sku, record.fnsku): of_record(record) for record in records}
    if "" not in answer.failures:
        whole = [record for record in records if record.sku not in answer.failures]
        mark_replaced(platform=platform, source=adapter.source, records=whole)
    return answer


def _store(
    platform: Platform, site: str, source: str, records: Sequence[InventoryRecord]
) -> list[RecordFailure]:
    """As a sync would; what is stored of a SKU is written even where it is said to be equal, if it is not."""
    stored = stored_by_sku(platform, site, {record.sku for record in records})
    rows = {(row.sku, row.fnsku): row for some in stored.values() for row in some}
    odd = [
        record
        for record in records
        if (row := rows.get((record.sku, record.fnsku))) and row.quantities.differing(of_record(record))
    ]

    def upsert(some: Sequence[InventoryRecord]) -> Any:
        return upsert_inventory(platform=platform, records=some, source=source, repeated=set())

    with transaction.atomic():
        items = InventoryItem.objects.filter(platform=platform, marketplace_id=site)
        items.filter(sku__in=[record.sku for record in odd]).update(content_hash="")
        return store_bisecting(records, upsert, STREAM)[1]


def _settle(
    found: StockFinding, answer: SkuAnswer, stored: Sequence[StoredRow], swept_at: datetime
) -> StockFinding:
    """The finding with what became of it; one that a rule explains has its outcome KEPT, and the rule's name."""
    now = answer.quantities.get((found.sku, found.fnsku))
    evidence = Evidence(
        sku=found.sku,
        reported=from_json(found.reported),
        stored=from_json(found.stored),
        now=now,
        swept_at=swept_at,
    )
    failure = answer.failures.get(found.sku)
    own = next((row for row in stored if row.fnsku == found.fnsku and not row.is_gone), None)
    if failure is not None and failure.code != "sku_not_found":
        return _left_open(found, failure.code, failure.message)
    if rule := explained_by(evidence):
        found.outcome, found.differences = Outcome.KEPT, [{"rule": rule}]
    elif found.kind == Kind.ONLY_HERE:
        found.outcome = Outcome.KEPT
    elif now is None:
        text = "The platform lists units of it, and says that it knows no such stock when it is asked for the SKU."
        return _left_open(found, NOT_KNOWN, text)
    elif own is None or own.quantities.differing(now):
        text = "The platform was asked for the SKU once more, and what is stored since is not what it said."
        return _left_open(found, STILL_DIFFERENT, text)
    else:
        found.outcome = Outcome.HEALED
    return found


def _left_open(found: StockFinding, code: str, message: str) -> StockFinding:
    found.outcome, found.error_code, found.error_message = Outcome.OPEN, code, message
    return found


def _keep_open(claim: StockClaim, batch: Sequence[StockFinding], error: PlatformError) -> None:
    _write(claim, [_left_open(each, error.code, str(error)) for each in batch])


def _write(claim: StockClaim, settled: Sequence[StockFinding]) -> None:
    """What a rule explains is counted by that rule, and no finding any more, but for what is here alone."""
    explained = [each for each in settled if each.outcome == Outcome.KEPT and each.kind != Kind.ONLY_HERE]
    others = [each for each in settled if each not in explained]
    rules = Counter(each.differences[0]["rule"] for each in explained)
    with transaction.atomic():
        StockFinding.objects.filter(pk__in=[each.pk for each in explained]).delete()
        StockFinding.objects.bulk_update(others, ("outcome", "differences", "error_code", "error_message"))
        claim.save(explained=Counter(claim.audit.explained) + rules)


def _swept_at(claim: StockClaim, site: str) -> datetime:
    return next(
        datetime.fromisoformat(part["swept_at"]) for part in claim.audit.parts if part["site"] == site
    )
