"""One marketplace's list of stock against what is stored. What is amiss becomes findings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice

from django.db import transaction

from integrations.completeness.comparing import MOST_UNEXPLAINED
from integrations.completeness.rules import may_be_written
from integrations.completeness.stock.claim import StockClaim
from integrations.completeness.stock.comparison import Compared, Kind, StoredRow, Suspect, alone, compare
from integrations.completeness.stock.records import as_json
from integrations.completeness.stock.spool import StockSpool
from integrations.completeness.stock.stored import AT_ONCE, listed_rows, stored_by_fnsku, stored_by_sku
from integrations.errors import PlatformError
from integrations.models import StockAudit, StockFinding
from integrations.protocol import ListsStock
from inventory.records import ReportedStock

MOST_EMPTY = 1000  # listings without a unit that are asked for by name, of those that are not stored

Listings = dict[str, list[ReportedStock] | None]


def compare_site(claim: StockClaim, adapter: ListsStock, number: int, document: str) -> None:
    """Compare the list of this part of the audit; `document` is "" for one without rows.

    Findings are stored as they come, each listing once in an audit; counts at the end. Raises PlatformError.
    """
    with StockSpool() as spool:
        if document:
            with adapter.stock_list(document) as rows:
                spool.fill(rows)
        site = Site(claim.audit, claim.audit.parts[number]["site"], spool)
        for suspects in site.listed():
            _store(claim, site.marketplace_id, suspects)
        for suspects in site.only_here():
            _store(claim, site.marketplace_id, suspects)
    audit = claim.audit
    explained = Counter(audit.explained) + site.known
    with transaction.atomic():
        claim.save(
            compared=audit.compared + site.listings, unread=audit.unread + spool.unread, explained=explained
        )
        claim.update_part(number, is_compared=True, listings=site.listings, unread=spool.unread)


def _store(claim: StockClaim, site: str, suspects: Sequence[Suspect]) -> None:
    """For a list that is compared once more after a crash: it is stored already."""
    findings = [_finding(claim.audit, site, suspect) for suspect in suspects]
    StockFinding.objects.bulk_create(findings, ignore_conflicts=True)
    claim.save()


def _finding(audit: StockAudit, site: str, suspect: Suspect) -> StockFinding:
    return StockFinding(
        audit=audit,
        marketplace_id=site,
        sku=suspect.sku,
        fnsku=suspect.fnsku,
        kind=suspect.kind,
        reported=as_json(suspect.reported),
        stored=as_json(suspect.stored),
        differences=[asdict(each) for each in suspect.differences],
    )


class Site:
    """One list while it is compared. `listings` that the platform ships; `known` has the rules that knew differences,
    by name."""

    def __init__(self, audit: StockAudit, marketplace_id: str, spool: StockSpool) -> None:
        self.marketplace_id = marketplace_id
        self.listings = self._alone = self._empty = 0
        self.known: Counter[str] = Counter()
        self._platform, self._spool = audit.platform, spool

    def listed(self) -> Iterator[list[Suspect]]:
        """What is amiss of the SKUs of the list, some SKUs at a time."""
        skus = self._spool.groups()
        while some := dict(islice(skus, AT_ONCE)):
            stored = self._stored(some)
            suspects: list[Suspect] = []
            for sku, rows in some.items():
                if rows is None:  # not all of its rows could be read: nothing is said of it
                    continue
                compared = compare(rows, stored.get(sku, ()))
                self._count(compared)
                suspects += filter(self._is_to_be_asked_for, compared.suspects)
            yield suspects

    def only_here(self) -> Iterator[list[Suspect]]:
        """The rows that are stored as listed, and that the list does not have, some at a time."""
        for rows in listed_rows(self._platform, self.marketplace_id):
            known = self._spool.has({row.sku for row in rows})
            suspects = [alone(row) for row in rows if row.sku not in known]
            self._alone += len(suspects)
            self._refuse_if_odd()
            yield suspects

    def _stored(self, some: Listings) -> dict[str, list[StoredRow]]:
        """The rows that are stored of these SKUs, by what the list calls them: it may lack characters of a SKU, or have
        others; then it is found by its FNSKU."""
        stored = stored_by_sku(self._platform, self.marketplace_id, some)
        odd = {
            row.fnsku: sku
            for sku, rows in some.items()
            if sku not in stored
            for row in rows or ()
            if row.fnsku
        }
        if not odd:
            return stored
        renamed: list[str] = []
        for own, rows in stored_by_fnsku(self._platform, self.marketplace_id, odd).items():
            sku = next((odd[row.fnsku] for row in rows if row.fnsku in odd), "")
            if sku and sku not in stored and may_be_written(sku, own):
                stored[sku] = rows
                renamed.append(own)
                self.known["unreadable_characters"] += 1
        self._spool.also_has(renamed)
        return stored

    def _count(self, compared: Compared) -> None:
        self.listings += compared.listings
        self.known.update(compared.known)

    def _is_to_be_asked_for(self, suspect: Suspect) -> bool:
        """Not each of thousands of closed listings, every night."""
        if suspect.kind != Kind.MISSING or suspect.reported is None or not suspect.reported.is_nothing:
            return True
        self._empty += 1
        if self._empty > MOST_EMPTY:
            self.known["closed_listing"] += 1
        return self._empty <= MOST_EMPTY

    def _refuse_if_odd(self) -> None:
        """Raises PlatformError where the list has nothing of what is stored, or lacks most of it."""
        if self._alone > (MOST_UNEXPLAINED if self.listings else 0) and self._alone > self.listings:
            raise PlatformError(
                f"The list of stock in {self.marketplace_id} has {self.listings:,} listings, and {self._alone:,} more "
                "are stored here. It is not believed to be whole: it proves nothing. Audit again later.",
                code="list_not_believed",
            )
