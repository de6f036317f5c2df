"""FBA stock, marketplace after marketplace: a full sweep, or named SKUs.

A page token lives 30 seconds, so a sweep never pauses between pages; one that breaks starts its marketplace again.
Facts: fbaInventory.json in https://github.com/amzn/selling-partner-api-models
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from integrations.amazon import normalize, parse
from integrations.amazon.marketplaces import Marketplace
from integrations.errors import PlatformError, RequestRefused
from integrations.protocol import Checkpoint, Note, RecordFailure, StockPage
from inventory.records import InventoryRecord

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

SKUS_PER_CALL = 50
MOST_PAGES = 20_000  # a million SKUs at 50 a page
MOST_RESTARTS = 3
GOES_IN_CIRCLES = "Amazon's list of stock goes in circles; the rest was not read."


def stock_pages(
    client: "AmazonClient", marketplaces: Sequence[Marketplace], skus: Sequence[str], checkpoint: Checkpoint
) -> Iterator[StockPage]:
    """Pages of all marketplaces. The checkpoint says which parts are done: {"done": n, "found": [SKUs]}."""
    if skus:
        yield from _named_pages(client, marketplaces, list(dict.fromkeys(skus)), checkpoint)
        return
    for position in range(checkpoint.get("done", 0), len(marketplaces)):
        last = position + 1 == len(marketplaces)
        for page in _sweep(client, marketplaces[position]):
            finished = page.next is None
            yield StockPage(
                records=page.records,
                failures=page.failures,
                next=None if finished and last else {"done": position + finished},
                notes=page.notes,
                swept=page.swept,
                restarted=page.restarted,
            )


def _sweep(client: "AmazonClient", marketplace: Marketplace) -> Iterator[StockPage]:
    """Every SKU of one marketplace. The last page alone has no `next`."""
    token, restarts, restarted = "", 0, True
    seen: set[str] = set()
    while True:
        try:
            answer = _ask(client, marketplace, {"nextToken": token} if token else {})
        except RequestRefused as error:
            if not token and error.status == 400:
                yield _no_fba(marketplace, error)
                return
            if not token or restarts == MOST_RESTARTS:
                raise
            token, restarted, restarts, seen = "", True, restarts + 1, set()
            continue
        records, failures = _records(answer, marketplace)
        token = parse.text(parse.mapping(answer.get("pagination")).get("nextToken"))
        if token in seen or len(seen) > MOST_PAGES:
            raise PlatformError(GOES_IN_CIRCLES, code="page_loop")
        seen.add(token)
        yield StockPage(
            records=records,
            failures=failures,
            next={"token": token} if token else None,
            swept="" if token else marketplace.id,
            restarted=restarted,
        )
        restarted = False
        if not token:
            return


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
    token, seen = "", set[str]()
    while True:
        try:
            answer = _ask(client, marketplace, batch | ({"nextToken": token} if token else {}))
        except RequestRefused as error:
            if error.status == 400 and not token:
                return _no_fba(marketplace, error)
            raise
        more_records, more_failures = _records(answer, marketplace)
        records += more_records
        failures += more_failures
        token = parse.text(parse.mapping(answer.get("pagination")).get("nextToken"))
        if not token:
            return StockPage(records=tuple(records), failures=tuple(failures))
        if token in seen:
            raise PlatformError(GOES_IN_CIRCLES, code="page_loop")
        seen.add(token)


def _batches(skus: list[str]) -> Iterator[dict[str, Any]]:
    """Parameters of each call. A list is joined by commas, so a SKU with a comma in it is asked for alone."""
    plain = [sku for sku in skus if "," not in sku]
    for start in range(0, len(plain), SKUS_PER_CALL):
        yield {"sellerSkus": plain[start : start + SKUS_PER_CALL]}
    for sku in skus:
        if "," in sku:
            yield {"sellerSku": sku}


def _ask(client: "AmazonClient", marketplace: Marketplace, parameters: dict[str, Any]) -> dict[str, Any]:
    return client.inventory_summaries(
        details="true",
        granularityType="Marketplace",
        granularityId=marketplace.id,
        marketplaceIds=marketplace.id,
        **parameters,
    )


def _records(answer: dict[str, Any], marketplace: Marketplace) -> Any:
    return normalize.inventories(answer["payload"]["inventorySummaries"], marketplace.id)


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
