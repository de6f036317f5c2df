"""Reports as lists of orders and of stock (integrations.protocol.ListsOrders and ListsStock)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from integrations.amazon import order_report, parse, stock_report
from integrations.amazon.config import AmazonConfig
from integrations.amazon.flat_file import FlatFile, Table
from integrations.amazon.order_report import OrderReport
from integrations.amazon.stock_report import StockReport
from integrations.errors import ConfigError, PlatformError, RequestRefused
from integrations.protocol import EarlierList, ListKind, ListState, Window

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

TYPES = {
    ListKind.CREATED: order_report.BY_PURCHASE,
    ListKind.UPDATED: order_report.BY_UPDATE,
    ListKind.STOCK: stock_report.ALL_LISTINGS,
}
KINDS = {report_type: kind for kind, report_type in TYPES.items()}
NOT_OVER = ("IN_QUEUE", "IN_PROGRESS")
LOOKED_THROUGH = 100  # earlier reports, Amazon's largest page; the newest come first


class ReportLists:
    """What an adapter does with reports.

    "A near-real-time FBA report is generated no more than once every 30 minutes": a second one within that time ends
    FATAL, also where another program had the first one made, and each marketplace counts by itself.
    https://github.com/amzn/selling-partner-api-models/issues/4032
    https://github.com/amzn/selling-partner-api-docs/issues/1645
    """

    stock_list_pause = timedelta(minutes=30)
    _config: AmazonConfig
    _client: "AmazonClient"

    @property
    def listed_sites(self) -> tuple[str, ...]:
        return tuple(marketplace.id for marketplace in self._config.marketplaces)

    def earlier_lists(self, kinds: Sequence[ListKind], since: datetime) -> Sequence[EarlierList]:
        """One call of getReports. What is odd in its answer is none of them."""
        self._refuse_sandbox()
        asked = {
            "reportTypes": [TYPES[kind] for kind in kinds],
            "processingStatuses": [*NOT_OVER, "DONE"],
            "createdSince": since.isoformat(),
            "pageSize": LOOKED_THROUGH,
        }
        answer = self._client.get_reports(**asked)
        found = map(_earlier_list, parse.objects(answer["reports"]))
        return [each for each in found if each is not None]

    def request_order_list(self, window: Window) -> str:
        self._refuse_sandbox()
        report_type = order_report.BY_PURCHASE if window.by == "created" else order_report.BY_UPDATE
        return self._client.create_report(report_type, self.listed_sites, window.start, window.end)

    def request_stock_list(self, site: str) -> str:
        """A report for one marketplace: Amazon counts for each by itself how often it is asked for."""
        self._refuse_sandbox()
        return self._client.create_report(stock_report.ALL_LISTINGS, [site])

    def order_list_state(self, list_id: str) -> ListState:
        return state_of(self._client, list_id, order_report.TABLE)

    def stock_list_state(self, list_id: str) -> ListState:
        return state_of(self._client, list_id, stock_report.TABLE)

    @contextmanager
    def order_list(self, document: str) -> Iterator[Iterator[order_report.Row]]:
        with self._client.report_document(document) as file:
            yield OrderReport(file.file, charset=file.charset, in_japan=self._is_in_japan).rows()

    @contextmanager
    def stock_list(self, document: str) -> Iterator[Iterator[stock_report.Row]]:
        with self._client.report_document(document) as file:
            yield StockReport(file.file, charset=file.charset, in_japan=self._is_in_japan).rows()

    @property
    def _is_in_japan(self) -> bool:
        return any(marketplace.code == "JP" for marketplace in self._config.marketplaces)

    def _refuse_sandbox(self) -> None:
        if self._config.sandbox:
            raise ConfigError("Amazon's sandbox makes no reports: there is nothing to compare with.")


def state_of(client: "AmazonClient", report_id: str, table: Table) -> ListState:
    """CANCELLED means that there is no data; FATAL that it was not made, for what its document says instead of `table`.
    A status that nobody knows is waited for. Raises PlatformError where Amazon cannot be asked."""
    report = client.get_report(report_id)
    status, document = report["processingStatus"], parse.text(report.get("reportDocumentId"))
    if status == "DONE" and document:
        return ListState(True, document)
    if status == "CANCELLED":
        return ListState(True)
    if status == "FATAL":
        return ListState(True, error=_why(client, report_id, document, table))
    return ListState(False)


def _why(client: "AmazonClient", report_id: str, document: str, table: Table) -> PlatformError:
    """Why a report is FATAL: what its document says, where it has one."""
    said = "Amazon does not say why."
    if document:
        try:
            with client.report_document(document) as file:
                FlatFile(file.file, table, charset=file.charset)
        except PlatformError as error:
            said = str(error)
    return RequestRefused(f"Amazon could not make report {report_id} (FATAL). {said}", code="report_failed")


def _earlier_list(report: dict[str, Any]) -> EarlierList | None:
    """None where it does not say what it is about, or what nobody here asked for."""
    kind, list_id = KINDS.get(parse.text(report.get("reportType"))), parse.text(report.get("reportId"))
    created = parse.time(report.get("createdTime"))
    start, end = (parse.time(report.get(name)) for name in ("dataStartTime", "dataEndTime"))
    ids = report.get("marketplaceIds")
    sites = frozenset(map(parse.text, ids)) if isinstance(ids, list) else frozenset()
    if kind is None or not list_id or created is None or start is None or end is None or not sites:
        return None
    status = report.get("processingStatus")
    if status not in ("DONE", *NOT_OVER):
        return None
    return EarlierList(
        list_id=list_id,
        kind=kind,
        sites=sites,
        start=start,
        end=end,
        created_at=created,
        is_over=status == "DONE",
    )
