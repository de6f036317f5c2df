"""How far a report of orders is, as a list of orders (integrations.protocol.ListsOrders)."""

from typing import TYPE_CHECKING

from integrations.amazon import parse
from integrations.amazon.order_report import OrderReport
from integrations.errors import PlatformError, RequestRefused
from integrations.protocol import OrderListState

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient


def state_of(client: "AmazonClient", report_id: str) -> OrderListState:
    """CANCELLED means that there is no data; FATAL that it was not made, for what its document says. A status that
    nobody knows is waited for. Raises PlatformError where Amazon cannot be asked."""
    report = client.get_report(report_id)
    status, document = report["processingStatus"], parse.text(report.get("reportDocumentId"))
    if status == "DONE" and document:
        return OrderListState(True, document)
    if status == "CANCELLED":
        return OrderListState(True)
    if status == "FATAL":
        return OrderListState(True, error=_why(client, report_id, document))
    return OrderListState(False)


def _why(client: "AmazonClient", report_id: str, document: str) -> PlatformError:
    """Why a report is FATAL: what its document says, where it has one."""
    said = "Amazon does not say why."
    if document:
        try:
            with client.report_document(document) as file:
                OrderReport(file.file, charset=file.charset)
        except PlatformError as error:
            said = str(error)
    return RequestRefused(f"Amazon could not make report {report_id} (FATAL). {said}", code="report_failed")
