"""The Reports API 2021-06-30: reports that are made in their own time, and documents behind links that expire.

Rules: https://developer-docs.amazon.com/sp-api/docs/reports-api-v2021-06-30-use-case-guide and spapi-facts 2
"""

from __future__ import annotations

import base64
import gzip
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from simulator.account import Account
from simulator.errors import denied, invalid, not_found
from simulator.render.orders import render_time
from simulator.report_content import Rows, content_lines, moment, stock_rows
from simulator.tokens import Clock
from simulator.validation import check_names, csv, known_values, parse_time
from simulator.wire import Canned, Request

Json = dict[str, Any]

REPORTS_PATH = "/reports/2021-06-30/reports"
DOCUMENTS_PATH = "/reports/2021-06-30/documents"
FILES_PATH = "/tortuga-files/"  # of the host that links lead to, which is none of the API's

BY_UPDATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
BY_DATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"
STOCK = "GET_FBA_MYI_ALL_INVENTORY_DATA"
TYPES = frozenset({BY_UPDATE, BY_DATE, STOCK})
STATUSES = frozenset({"IN_QUEUE", "IN_PROGRESS", "DONE", "CANCELLED", "FATAL"})
LONGEST = timedelta(days=30)
# "A near-real-time FBA report is generated no more than once every 30 minutes", for each marketplace, whoever asks:
# https://github.com/amzn/selling-partner-api-models/issues/4032, selling-partner-api-docs/issues/1645
STOCK_PAUSE = timedelta(minutes=30)
# https://github.com/amzn/selling-partner-api-models/issues/2591
TOO_LONG = "Report can be requested only upto 30 days"
CHARSETS = {"utf-8": "UTF-8", "cp1252": "Cp1252", "cp932": "Shift_JIS"}
_CREATE = frozenset({"reportType", "marketplaceIds", "dataStartTime", "dataEndTime", "reportOptions"})
_FILTERS = frozenset(
    {"reportTypes", "processingStatuses", "marketplaceIds", "pageSize", "createdSince", "createdUntil"}
)


@dataclass
class Report:
    """One report that was asked for; times are seconds since 1970. `content` is made when it is done."""

    report_id: str
    account: Account
    kind: str
    marketplaces: frozenset[str]
    start: datetime
    end: datetime
    created: float
    works_from: float
    done_at: float
    ending: str = "DONE"
    reason: str = ""  # what the document says instead of rows
    is_doubled: bool = False
    broken_rows: int = 0
    are_unnamed: bool = False  # the broken rows
    share: float = 1.0  # of the rows that are in the document
    stock: Rows | None = None  # of a report of stock: its rows, as they were when it was asked for
    content: bytes | None = None
    document_id: str = field(default_factory=lambda: f"amzn1.spdoc.1.4.na.{uuid.uuid4()}.SIM")

    @property
    def is_by_update(self) -> bool:
        return self.kind == BY_UPDATE


class Reports:
    """The reports of all accounts. What is set here may be changed at any time, and holds for what is asked from then.

    queue_seconds, work_seconds  how long a report waits, and is made
    lag                          orders that changed so shortly before it was asked for are not in it
    zipped                       whether documents are packed with gzip
    charset, says_charset        "utf-8", "cp1252" or "cp932"; whether the answer names it
    says_another                 a charset that the answer names, and that is not the document's; "": the right one
    too_often                    how a report of stock ends that is asked for within 30 minutes of another one
    refuses_long_spans           True: more than 30 days is a 400; False: a document that says so, as seen at Amazon
    link_seconds                 how long a link works
    shuffled                     a seed: the columns are in another order
    translated                   the names of the columns are in another language, in the order of Amazon's documents
    offset_minutes               of the times, from UTC
    """

    def __init__(self, clock: Clock, host: Callable[[], str]) -> None:
        self.queue_seconds = self.work_seconds = 0.0
        self.lag = timedelta(0)
        self.zipped = True
        self.charset, self.says_charset, self.says_another = "utf-8", True, ""
        self.too_often = "FATAL"
        self.refuses_long_spans = False
        self.link_seconds = 300.0
        self.shuffled: int | None = None
        self.translated = False
        self.offset_minutes = 0
        self._clock, self._host = clock, host
        self._lock = threading.RLock()
        self._reports: dict[str, Report] = {}
        self._links: dict[str, tuple[Report, float]] = {}  # signature -> report, and until when

    # Operations

    def create(self, account: Account, params: dict[str, str]) -> Json:
        """`params` is the JSON body, lists joined by commas."""
        check_names(params, _CREATE)
        kind = params.get("reportType", "")
        if kind not in TYPES:
            raise invalid("Report type is not known or not allowed for the caller.")
        marketplaces = csv(params, "marketplaceIds")
        if not 1 <= len(marketplaces) <= 25:
            raise invalid("marketplaceIds takes 1 to 25.")
        if any(each not in account.open_marketplaces for each in marketplaces):
            raise denied()
        start, end = self._span(params)
        now, report_id = self._clock(), str(50_000_000_000 + len(self._reports) * 7)
        report = Report(
            report_id,
            account,
            kind,
            frozenset(marketplaces),
            start,
            end,
            now,
            works_from=now + self.queue_seconds,
            done_at=now + self.queue_seconds + self.work_seconds,
        )
        if end - start > LONGEST and kind != STOCK:
            report.reason = TOO_LONG
        if kind == STOCK:
            report.stock = stock_rows(account, sorted(marketplaces))
            if self._is_too_often(report):
                report.ending = self.too_often
        with self._lock:
            self._reports[report_id] = report
        return {"reportId": report_id}

    def get(self, account: Account, params: dict[str, str]) -> Json:
        check_names(params, frozenset({"reportId"}))
        return self._render(self._find(account, params["reportId"]))

    def listed(self, account: Account, params: dict[str, str]) -> Json:
        """The account's reports, newest first."""
        offset = 0
        if token := params.get("nextToken"):
            if len(params) > 1:
                raise invalid("nextToken must be the only parameter.")
            try:
                offset, params = json.loads(base64.b64decode(token, validate=True))
            except ValueError as error:
                raise invalid("nextToken is invalid.") from error
        check_names(params, _FILTERS)
        size = int(text) if (text := params.get("pageSize", "10")).isdecimal() else 0
        if not 1 <= size <= 100:
            raise invalid("pageSize must be a number from 1 to 100.")
        found = [self._render(each) for each in self._matching(account, params)]
        page: Json = {"reports": found[offset : offset + size]}
        if len(found) > offset + size:
            page["nextToken"] = base64.b64encode(json.dumps([offset + size, params]).encode()).decode()
        return page

    def document(self, account: Account, params: dict[str, str]) -> Json:
        check_names(params, frozenset({"reportDocumentId"}))
        for report in self._of(account):
            if report.document_id == params["reportDocumentId"] and self._has_document(report):
                signature = uuid.uuid4().hex
                with self._lock:
                    self._links[signature] = (report, self._clock() + self.link_seconds)
                url = f"{self._host()}{FILES_PATH}{report.report_id}?X-Amz-Signature={signature}"
                known: Json = {"reportDocumentId": report.document_id, "url": url}
                return known | ({"compressionAlgorithm": "GZIP"} if self.zipped else {})
        raise not_found("The report document was not found.")

    def file(self, request: Request) -> Canned:
        """What the host behind a link answers: it knows nothing of access tokens, and takes none."""
        if "x-amz-access-token" in request.headers or "authorization" in request.headers:
            return _storage_error(400, "InvalidArgument", "Only one auth mechanism allowed")
        signature = parse_qs(request.query).get("X-Amz-Signature", [""])[0]
        report, until = self._links.get(signature, (None, 0.0))
        if report is None or self._clock() >= until:
            return _storage_error(403, "AccessDenied", "Request has expired")
        content = self._content(report)
        charset = self.says_another or CHARSETS[self.charset]
        kind = "text/plain" + (f";charset={charset}" if self.says_charset else "")
        return Canned(200, gzip.compress(content) if self.zipped else content, {"Content-Type": kind})

    # What faults do

    def of_answer(self, answer: Canned) -> Report | None:
        """The report that an answer to createReport names."""
        try:
            return self._reports.get(json.loads(answer.body).get("reportId", ""))
        except (ValueError, AttributeError):
            return None

    def expire_links(self) -> None:
        """All links handed out so far are expired from now on."""
        with self._lock:
            self._links.clear()

    @property
    def links(self) -> list[str]:
        """The signatures of all links that still work: for tests that search for leaks."""
        return list(self._links)

    # Behind them

    def _span(self, params: dict[str, str]) -> tuple[datetime, datetime]:
        now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self._clock())
        start, end = (
            parse_time(params, name) if name in params else now for name in ("dataStartTime", "dataEndTime")
        )
        if start > now or end > now:
            raise invalid("dataStartTime and dataEndTime must be prior to or equal to the current time.")
        if end < start:
            raise invalid("dataEndTime must be equal to or after dataStartTime.")
        if self.refuses_long_spans and end - start > LONGEST:
            raise invalid(TOO_LONG)
        return start, end

    def _is_too_often(self, report: Report) -> bool:
        """Whether the same report was made so shortly before, by whichever program."""
        return any(
            other.kind == report.kind
            and other.marketplaces & report.marketplaces
            and other.ending == "DONE"
            and report.created - other.created < STOCK_PAUSE.total_seconds()
            for other in self._of(report.account)
        )

    def _of(self, account: Account) -> list[Report]:
        with self._lock:
            return [report for report in self._reports.values() if report.account is account]

    def _find(self, account: Account, report_id: str) -> Report:
        report = self._reports.get(report_id)
        if report is None or report.account is not account:
            raise not_found(f"Report {report_id} was not found.")
        return report

    def _matching(self, account: Account, params: dict[str, str]) -> Iterator[Report]:
        kinds = csv(params, "reportTypes")
        statuses = known_values(params, "processingStatuses", STATUSES)
        marketplaces = set(csv(params, "marketplaceIds"))
        since = parse_time(params, "createdSince") if "createdSince" in params else None
        until = parse_time(params, "createdUntil") if "createdUntil" in params else None
        if not kinds:
            raise invalid("reportTypes is required.")
        for report in reversed(self._of(account)):
            created = moment(report.created)
            fits = report.kind in kinds and (not statuses or self._status(report) in statuses)
            fits = fits and (not marketplaces or bool(marketplaces & report.marketplaces))
            if fits and (since is None or created >= since) and (until is None or created <= until):
                yield report

    def _status(self, report: Report) -> str:
        now = self._clock()
        if now < report.works_from:
            return "IN_QUEUE"
        if now < report.done_at:
            return "IN_PROGRESS"
        if report.ending == "DONE" and not report.reason and not self._content(report):
            return "CANCELLED"  # there is no data
        return report.ending

    def _has_document(self, report: Report) -> bool:
        status = self._status(report)
        return status == "DONE" or (status == "FATAL" and bool(report.reason))

    def _render(self, report: Report) -> Json:
        status = self._status(report)
        document: Json = {
            "reportId": report.report_id,
            "reportType": report.kind,
            "marketplaceIds": sorted(report.marketplaces),
            "dataStartTime": render_time(report.start),
            "dataEndTime": render_time(report.end),
            "createdTime": render_time(moment(report.created)),
            "processingStatus": status,
        }
        if now_over := status not in ("IN_QUEUE", "IN_PROGRESS"):
            document["processingEndTime"] = render_time(moment(report.done_at))
        if status != "IN_QUEUE":
            document["processingStartTime"] = render_time(moment(report.works_from))
        if now_over and self._has_document(report):
            document["reportDocumentId"] = report.document_id
        return document

    def _content(self, report: Report) -> bytes:
        """The document, as it was when the report was done; b"" where there is no order to list."""
        with self._lock:
            if report.content is None:
                lines = [report.reason] if report.reason else content_lines(report, self)
                text = "".join(f"{line}\r\n" for line in lines)
                report.content = text.encode(self.charset, errors="replace")
            return report.content


def body_params(body: bytes) -> dict[str, str]:
    """A JSON body as parameters, lists joined by commas; what is no object is a parameter that nobody knows."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return {"body": ""}
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in document.items()
    }


def _storage_error(status: int, code: str, message: str) -> Canned:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Canned(status, body.encode(), {"Content-Type": "application/xml"})
