"""FBA stock, marketplace after marketplace: a full sweep, or named SKUs.

A sweep never pauses between pages (stock_listing.py); one that breaks starts its marketplace again.
Facts: fbaInventory.json in https://github.com/amzn/selling-partner-api-models
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from integrations.amazon import normalize
from integrations.amazon.marketplaces import Marketplace
from integrations.amazon.quota import QUOTAS
from integrations.amazon.stock_listing import MOST_RESTARTS, QuotaTooSlow, listing, too_slow
from integrations.errors import RateLimited, RequestRefused
from integrations.protocol import Checkpoint, Note, RecordFailure, StockPage
from inventory.records import InventoryRecord

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

SKUS_PER_CALL = 50


def stock_pages(
    client: "AmazonClient", marketplaces: Sequence[Marketplace], skus: Sequence[str], checkpoint: Checkpoint
) -> Iterator[StockPage]:
    """Pages of all marketplaces. The checkpoint says which parts are done: {"done": n, "found": [SKUs]}, and of a sweep
    how often it was begun: {"done": n, "tries": n}."""
    if skus:
        yield from _named_pages(client, marketplaces, list(dict.fromkeys(skus)), checkpoint)
        return
    tries = checkpoint.get("tries", 0)
    for position in range(checkpoint.get("done", 0), len(marketplaces)):
        last = position + 1 == len(marketplaces)
        for page in _sweep(client, marketplaces[position], tries):
            finished = page.next is None
            yield StockPage(
                records=page.records,
                failures=page.failures,
                next=None if finished and last else {"done": position + finished} | (page.next or {}),
                notes=page.notes,
                swept=page.swept,
                restarted=page.restarted,
            )
        tries = 0


def _sweep(client: "AmazonClient", marketplace: Marketplace, tries: int) -> Iterator[StockPage]:
    """Every SKU of one marketplace. The last page alone has no `next`.

    A run that has to pause within a sweep begins it again, after a pause that is long enough for the bucket to fill
    up. `tries` says how often that was in vain.
    """
    try:
        for part in listing(client, marketplace, {}):
            records, failures = normalize.inventories(part.summaries, marketplace.id)
            yield StockPage(
                records=records,
                failures=failures,
                next=None if part.last else {"tries": tries + 1},
                swept=marketplace.id if part.last else None,
                restarted=part.restarted,
            )
    except QuotaTooSlow as error:
        if tries >= MOST_RESTARTS:
            raise too_slow(marketplace, error) from error
        full = error.retry_after * QUOTAS["getInventorySummaries"].burst
        raise RateLimited(str(error), retry_after=full, request_id=error.request_id) from error
    except RequestRefused as error:
        if error.status != 400:
            raise
        yield _no_fba(marketplace, error)


def _named_pages(
    client: "AmazonClient", marketplaces: Sequence[Marketplace], skus: list[str], checkpoint: Checkpoint
) -> Iterator[StockPage]:
    """Named SKUs, 50 a call, in every marketplace; what no marketplace knows is a failure on the last page."""
    calls = [(marketplace, batch) for marketplace in marketplaces for batch in _batches(skus)]
    found: set[str] = set(checkpoint.get("found", ()))
    for position in range(checkpoint.get("done", 0), len(calls)):
        marketplace, batch = calls[position]
        page = _named_page(client, marketplace, batch)
        found.update(record.sku for record in page.records)
        last = position + 1 == len(calls)
        yield StockPage(
            records=page.records,
            failures=page.failures + (_not_found(skus, found) if last else ()),
            next=None if last else {"done": position + 1, "found": sorted(found)},
            notes=page.notes,
        )


def _named_page(client: "AmazonClient", marketplace: Marketplace, batch: dict[str, Any]) -> StockPage:
    """All rows of one batch. It may take several calls: a SKU has a row for each FNSKU, and a page 50 rows."""
    records: list[InventoryRecord] = []
    failures: list[RecordFailure] = []
    try:
        for part in listing(client, marketplace, batch):
            if part.restarted:
                records, failures = [], []
            more_records, more_failures = normalize.inventories(part.summaries, marketplace.id)
            records += more_records
            failures += more_failures
    except QuotaTooSlow as error:
        raise too_slow(marketplace, error) from error
    except RequestRefused as error:
        if error.status != 400:
            raise
        return _no_fba(marketplace, error)
    return StockPage(records=tuple(records), failures=tuple(failures))


def _batches(skus: list[str]) -> Iterator[dict[str, Any]]:
    """Parameters of each call. A list is joined by commas, so a SKU with a comma in it is asked for alone."""
    plain = [sku for sku in skus if "," not in sku]
    for start in range(0, len(plain), SKUS_PER_CALL):
        yield {"sellerSkus": plain[start : start + SKUS_PER_CALL]}
    for sku in skus:
        if "," in sku:
            yield {"sellerSku": sku}


def _not_found(skus: list[str], found: set[str]) -> tuple[RecordFailure, ...]:
    return tuple(
        RecordFailure(
            external_id=sku,
            code="sku_not_found",
            message=f"Amazon has no FBA stock under the SKU {sku!r}. Check its spelling; capitals and blanks count.",
        )
        for sku in skus
        if sku not in found
    )


def _no_fba(marketplace: Marketplace, error: RequestRefused) -> StockPage:
    """Amazon answers a seller without FBA with a 400; no call tells beforehand. Stored stock stays as it is."""
    text = (
        f"Amazon lists no FBA stock for this account in {marketplace.country}: the seller does not use FBA there. "
        f"Nothing was changed. {error}"
    )
    return StockPage(records=(), notes=(Note("no_fba", text),))
