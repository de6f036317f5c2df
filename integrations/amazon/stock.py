"""FBA stock, marketplace after marketplace: a full sweep, or named SKUs.

A sweep never pauses between pages (stock_listing.py); one that breaks starts its marketplace again.
Facts: fbaInventory.json in https://github.com/amzn/selling-partner-api-models
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.text import isolated
from integrations.amazon import normalize
from integrations.amazon.marketplaces import Marketplace
from integrations.amazon.quota import QUOTAS
from integrations.amazon.stock_listing import MOST_RESTARTS, QuotaTooSlow, listing, too_slow
from integrations.amazon.unread import UnreadMarketplaces
from integrations.errors import PlatformError, RateLimited, RequestRefused
from integrations.protocol import Absent, Checkpoint, Note, Parts, RecordFailure, StockPage
from inventory.records import InventoryRecord

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

SKUS_PER_CALL = 50


def stock_pages(
    client: "AmazonClient",
    marketplaces: Sequence[Marketplace],
    skus: Sequence[str],
    checkpoint: Checkpoint,
    *,
    parts: Parts,
    left_out: Mapping[str, datetime],
) -> Iterator[StockPage]:
    """Pages of all marketplaces that can be read. `parts` and `left_out`: see UnreadMarketplaces. The checkpoint says
    which parts are done, {"done": n, "found": [SKUs]}, of a sweep how often it was begun, {"done": n, "tries": n}, and
    which marketplaces could not be read.

    Raises PlatformError where that is none, and for problems that are about all of them.
    """
    unread = UnreadMarketplaces(marketplaces, checkpoint, parts, left_out)
    if skus:
        yield from _named_pages(client, marketplaces, list(dict.fromkeys(skus)), checkpoint, unread)
        return
    tries = checkpoint.get("tries", 0)
    places = [at for at, place in enumerate(marketplaces) if place.id not in unread.ids]
    for position in places:
        if position < checkpoint.get("done", 0):
            continue
        last = position == places[-1]
        try:
            for page in _sweep(client, marketplaces[position], tries, once=unread.is_down):
                unread.is_told(marketplaces[position], page.absent)
                finished = page.next is None
                place = {"done": position + finished} | (page.next or {}) | unread.checkpoint()
                yield replace(
                    page,
                    next=None if finished and last else place,
                    notes=page.notes + unread.take_notes(),
                    unread=unread.take_ids(),
                )
        except PlatformError as error:
            unread.leave_out(marketplaces[position], error)
        tries = 0
    if unread.is_news:
        yield StockPage(records=(), notes=unread.take_notes(), unread=unread.take_ids())


def _sweep(
    client: "AmazonClient", marketplace: Marketplace, tries: int, *, once: bool
) -> Iterator[StockPage]:
    """Every SKU of one marketplace. The last page alone has no `next`.

    A run that has to pause within a sweep begins it again, after a pause that is long enough for the bucket to fill
    up. `tries` says how often that was in vain. `once`: see `AmazonClient.search_orders`.
    """
    try:
        for part in listing(client, marketplace, {"once": True} if once else {}):
            records, failures = normalize.inventories(part.summaries, marketplace.id)
            yield StockPage(
                records=records,
                failures=failures,
                next=None if part.last else {"tries": tries + 1},
                notes=part.notes,
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
        yield StockPage(records=(), absent=_no_fba(marketplace, error))


def _named_pages(
    client: "AmazonClient",
    marketplaces: Sequence[Marketplace],
    skus: list[str],
    checkpoint: Checkpoint,
    unread: UnreadMarketplaces,
) -> Iterator[StockPage]:
    """Named SKUs, 50 a call, in every marketplace. On the last page, a failure for each SKU that Amazon does not take,
    and for each that no marketplace knows."""
    calls = [(marketplace, batch) for marketplace in marketplaces for batch in _batches(skus)]
    found = _Found(set(checkpoint.get("found", ())), dict(checkpoint.get("refused", {})))
    for position in range(checkpoint.get("done", 0), len(calls)):
        marketplace, batch = calls[position]
        if marketplace.id in unread.ids:
            continue
        read = _NamedRead(client, marketplace)
        problem = read.batch(batch)
        found.add(read)
        last = position + 1 == len(calls)
        place = {"done": position + 1} | found.checkpoint() | unread.checkpoint()
        if problem is not None:
            if read.records or read.failures:  # the page in hand is good, and not all there is
                yield replace(read.page((), place, unread), unread=(marketplace.id,))
            unread.leave_out(marketplace, problem)
        else:
            unread.is_told(marketplace, read.absent)
        if problem is None and last:
            yield read.page(found.failures(skus, unread), None, unread)
            return
        if problem is None:
            yield read.page((), place, unread)
    failures = found.failures(skus, unread)
    yield StockPage(records=(), failures=failures, notes=unread.take_notes(), unread=unread.take_ids())


@dataclass
class _Found:
    """What is known so far of the SKUs that were asked for. `refused`: in which country, and what Amazon said."""

    skus: set[str]
    refused: dict[str, list[str]]

    def add(self, read: "_NamedRead") -> None:
        self.skus.update(record.sku for record in read.records)
        for sku, error in read.refused.items():
            self.refused.setdefault(sku, [read.marketplace.country, str(error)])

    def checkpoint(self) -> Checkpoint:
        return {"found": sorted(self.skus)} | ({"refused": self.refused} if self.refused else {})

    def failures(self, skus: Sequence[str], unread: UnreadMarketplaces) -> tuple[RecordFailure, ...]:
        """What no marketplace lists is unknown to Amazon, where all of them answered."""
        refused = [_sku_refused(sku, *self.refused[sku]) for sku in skus if sku in self.refused]
        unknown = [sku for sku in skus if sku not in self.skus and sku not in self.refused and not unread.ids]
        return (*refused, *map(_not_found, unknown))


@dataclass
class _NamedRead:
    """The rows of one batch of SKUs in one marketplace. `refused` are the SKUs that Amazon does not take;
    `takes_others`: it is known to answer for this marketplace."""

    client: "AmazonClient"
    marketplace: Marketplace
    records: list[InventoryRecord] = field(default_factory=list)
    failures: list[RecordFailure] = field(default_factory=list)
    refused: dict[str, RequestRefused] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    absent: Absent | None = None
    takes_others: bool = False

    def page(
        self, failures: Sequence[RecordFailure], following: Checkpoint | None, unread: UnreadMarketplaces
    ) -> StockPage:
        """What was read, and what was found out since the last page."""
        return StockPage(
            records=tuple(self.records),
            failures=(*self.failures, *failures),
            next=following,
            notes=self.notes + unread.take_notes(),
            unread=unread.take_ids(),
            absent=self.absent,
        )

    def batch(self, parameters: dict[str, Any]) -> PlatformError | None:
        """All rows of one batch. One that Amazon refuses is halved, until each SKU is alone that it does not take.

        Returns the problem where the rest of the batch cannot be read. Raises RateLimited.
        """
        try:
            self._list(parameters)
        except QuotaTooSlow as error:
            raise too_slow(self.marketplace, error) from error
        except RateLimited:
            raise
        except PlatformError as error:
            return error
        return None

    def _list(self, parameters: dict[str, Any]) -> None:
        try:
            self._read(parameters)
        except RequestRefused as error:
            if error.status != 400:
                raise
            skus = parameters.get("sellerSkus") or [parameters["sellerSku"]]
            if (refusal := self._refusal_of_all()) is not None:
                self.absent = _no_fba(self.marketplace, refusal)
            elif len(skus) == 1:
                self.refused[skus[0]] = error
            else:
                middle = len(skus) // 2
                self._list({"sellerSkus": skus[:middle]})
                self._list({"sellerSkus": skus[middle:]})

    def _read(self, parameters: dict[str, Any]) -> None:
        """It may take several calls: a SKU has a row for each FNSKU, and a page 50 rows."""
        records, failures = len(self.records), len(self.failures)
        for part in listing(self.client, self.marketplace, parameters):
            if part.restarted:
                del self.records[records:], self.failures[failures:]
            more_records, more_failures = normalize.inventories(part.summaries, self.marketplace.id)
            self.notes += part.notes
            self.records += more_records
            self.failures += more_failures

    def _refusal_of_all(self) -> RequestRefused | None:
        """Why Amazon refuses the stock of this marketplace whatever is asked for; None where it does not. Asked once a
        batch."""
        if not self.takes_others:
            try:
                self.client.inventory_summaries(self.marketplace.id)
            except RequestRefused as error:
                if error.status != 400:
                    raise
                return error
            self.takes_others = True
        return None


def _batches(skus: list[str]) -> Iterator[dict[str, Any]]:
    """Parameters of each call. A list is joined by commas, so a SKU with a comma in it is asked for alone."""
    plain = [sku for sku in skus if "," not in sku]
    for start in range(0, len(plain), SKUS_PER_CALL):
        yield {"sellerSkus": plain[start : start + SKUS_PER_CALL]}
    for sku in skus:
        if "," in sku:
            yield {"sellerSku": sku}


def _not_found(sku: str) -> RecordFailure:
    return RecordFailure(
        external_id=sku,
        code="sku_not_found",
        message=(
            f"Amazon has no FBA stock under the SKU {isolated(repr(sku))}. Check its spelling; capitals and blanks "
            "count."
        ),
    )


def _sku_refused(sku: str, country: str, said: str) -> RecordFailure:
    text = (
        f"Amazon does not take the SKU {isolated(repr(sku))} ({country}); the others were read. Check its spelling: "
        f"Amazon's SKUs have at most 40 characters. What is stored of it stays. {said}"
    )
    return RecordFailure(external_id=sku, code="sku_refused", message=text)


def _no_fba(marketplace: Marketplace, error: RequestRefused) -> Absent:
    """Amazon answers a seller without FBA with a 400; no call tells beforehand. Stored stock stays as it is."""
    text = (
        f"Amazon lists no FBA stock for this account in {marketplace.country}: the seller does not use FBA there. "
        f"Nothing was changed. OMS asks again by itself, at growing distances. {error}"
    )
    return Absent(marketplace.id, error, Note("no_fba", text))
