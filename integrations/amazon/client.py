"""Calls to Amazon's Selling Partner API. The only module that touches python-amazon-sp-api.

What is used of the library are its operations (paths, parameters). Its request and response handling is replaced,
because it takes error pages for results, logs access tokens at DEBUG, shares tokens between accounts, and reads
credentials and hosts from the process environment.
"""

import math
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

# The library reads these while it is imported, and they would override what the platform row says (or stop the
# import with an error). They mean nothing to this application.
for _name in ("AWS_ENV", "SP_API_DEFAULT_MARKETPLACE"):
    os.environ.pop(_name, None)

from sp_api.api import (  # noqa: E402
    CatalogItemsV20220401,
    Inventories,
    OrdersV0,
    OrdersV20260101,
    Reports,
    Sellers,
)

from core.encryption import SecretDict  # noqa: E402
from integrations.amazon.ahead import Exchange, Request  # noqa: E402
from integrations.amazon.answers import REQUEST_ID, AccessTokenRefused, Expected, judge  # noqa: E402
from integrations.amazon.catalog import AT_ONCE  # noqa: E402
from integrations.amazon.clock import AmazonClock  # noqa: E402
from integrations.amazon.config import AmazonConfig  # noqa: E402
from integrations.amazon.documents import Document, LinkExpired, download  # noqa: E402
from integrations.amazon.metering import metered  # noqa: E402
from integrations.amazon.pictures import picture_files  # noqa: E402
from integrations.amazon.quota import DOWNLOAD, granted_rate  # noqa: E402
from integrations.amazon.retry import LONGEST_WAIT_IN_PLACE, longest_wait_for, pause  # noqa: E402
from integrations.amazon.shipment_refusals import CONFIRM  # noqa: E402
from integrations.amazon.tokens import AccessTokens  # noqa: E402
from integrations.amazon.transport import Line, exchange, new_http  # noqa: E402
from integrations.errors import PlatformError, RateLimited, RequestRefused, TransientError  # noqa: E402
from integrations.protocol import Budget, Meter, Uncounted, Unlimited, Usage  # noqa: E402

Answer = dict[str, Any]
Send = Callable[[str, dict[str, Any], dict[str, Any] | None], Answer]  # path, parameters, body
TOKEN = "x-amz-access-token"  # noqa: S105  the name of a header
SEARCH = "searchOrders"
LAST_MOMENT = 1.0  # seconds
SEARCH_EXPECTED: Expected = ("orders", list)
Result = TypeVar("Result")


class _Operation:
    """Stands in for the library's Client: same methods for callers, our own request below them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.marketplace_id = ""

    def _request(
        self,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        **_unused: Any,
    ) -> Answer:
        if data is None:
            return self._send(path, _given(params), None)
        return self._send(path, _given(params), _given(data))


class _Orders(_Operation, OrdersV20260101):  # type: ignore[misc]  # the library is untyped
    pass


class _Shipments(_Operation, OrdersV0):  # type: ignore[misc]
    pass


class _Inventories(_Operation, Inventories):  # type: ignore[misc]
    pass


class _Sellers(_Operation, Sellers):  # type: ignore[misc]
    pass


class _Catalog(_Operation, CatalogItemsV20220401):  # type: ignore[misc]
    pass


class _Reports(_Operation, Reports):  # type: ignore[misc]
    def document(self, document_id: str) -> Answer:
        """In place of the library's method, which takes an answer for a response object of the library."""
        return self._request(f"/reports/2021-06-30/documents/{quote(document_id, safe='')}")


class AmazonClient:
    """One account's calls. Every answer is judged; a call that Amazon may answer later is tried again here (retry.py).

    `backoff` is the first wait between attempts in seconds; it doubles, with full jitter. `budget` is asked before
    each call, `meter` is told of it afterwards. Not for use by several threads at once; the one that it starts itself
    (ahead.py) makes an HTTP exchange, reads its answer, and no more.
    """

    def __init__(
        self,
        config: AmazonConfig,
        *,
        endpoint: str,
        lwa_endpoint: str,
        backoff: float = 1.0,
        budget: Budget | None = None,
        meter: Meter | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.usage = Usage()
        self._budget = budget or Unlimited()
        self._meter = meter or Uncounted()
        self._sleep = sleep
        self._endpoint = endpoint.rstrip("/")
        self._backoff = backoff
        self.clock = AmazonClock(self._endpoint)
        self._http: httpx.Client = new_http(self.clock.hear)
        self._line = Line()
        self._started: Exchange | None = None
        self._tokens = AccessTokens(
            config,
            http=self._http,
            endpoint=self._endpoint,
            lwa_endpoint=lwa_endpoint,
            meter=self._meter,
        )

    def search_orders(self, *, once: bool = False, **params: Any) -> Answer:
        """One page of searchOrders: {"orders": […], "pagination": {"nextToken"}, "lastUpdatedBefore"}.

        `once`: what fails is not tried again, since whoever asks has another question to ask.
        """
        return self._call(
            SEARCH, SEARCH_EXPECTED, lambda send: _Orders(send).search_orders(**params), once=once
        )

    def start_search_orders(self, then: Callable[[Answer], None], **params: Any) -> None:
        """Send the request that the next call of `search_orders` with these parameters makes. `then` is given its
        answer, on another thread, before that call returns it; not one that is refused.

        Only where that needs neither a new access token nor waiting for quota. Returns at once; raises nothing that
        is Amazon's.
        """

        def start(path: str, sent: dict[str, Any], body: dict[str, Any] | None) -> Answer:
            self._start(Request(SEARCH, path, sent, body), then)
            return {}

        _Orders(start).search_orders(**params)

    def get_order(self, order_id: str, **params: Any) -> Answer:
        """{"order": {…}}. Raises RequestRefused (code "not_found") for an unknown id."""
        _refuse_odd_id(order_id)
        return self._call(
            "getOrder", ("order", dict), lambda send: _Orders(send).get_order(order_id, **params)
        )

    def confirm_shipment(self, order_id: str, body: dict[str, Any]) -> str:
        """Tell Amazon of a package, or correct what it was told under the same packageReferenceId. Returns Amazon's
        request id.

        A call whose answer is lost is made again: the same id once more is an edit. Raises ShipmentRefused; of every
        error, `perhaps_done` tells whether one of the calls may have been heard.
        """
        _refuse_odd_id(order_id)
        answer = self._call(CONFIRM, None, lambda send: _Shipments(send).confirm_shipment(order_id, **body))
        return str(answer[REQUEST_ID])

    def inventory_summaries(self, marketplace_id: str, *, once: bool = False, **params: Any) -> Answer:
        """One page of getInventorySummaries: {"payload": {"inventorySummaries": […]}, "pagination": {…}}.

        `once`: see `search_orders`.
        """
        place = {
            "granularityType": "Marketplace",
            "granularityId": marketplace_id,
            "marketplaceIds": marketplace_id,
        }
        params = {"details": "true", **place, **params}
        return self._call(
            "getInventorySummaries",
            ("payload.inventorySummaries", list),
            lambda send: _Inventories(send).get_inventory_summary_marketplace(**params),
            once=once,
        )

    def marketplace_participations(self) -> Answer:
        """Where the seller takes part: {"payload": [{"marketplace": {…}, "participation": {…}}]}."""
        return self._call(
            "getMarketplaceParticipations",
            ("payload", list),
            lambda send: _Sellers(send).get_marketplace_participation(),
        )

    def catalog_items(self, marketplace_id: str, asins: Sequence[str]) -> Answer:
        """These products of a marketplace, with the links of their pictures: {"items": […]}; not those that the
        catalogue does not have. No more than AT_ONCE.

        What fails is not tried again: nothing waits for it.
        """
        params = {
            "identifiers": ",".join(asins),
            "identifiersType": "ASIN",
            "marketplaceIds": marketplace_id,
            "includedData": "images",
            "pageSize": AT_ONCE,
        }
        return self._call(
            "searchCatalogItems",
            ("items", list),
            lambda send: _Catalog(send).search_catalog_items(**params),
            once=True,
        )

    def pictures(self, links: Iterable[str]) -> Iterator[bytes | PlatformError]:
        """The files behind these links; see integrations.protocol.ShowsProducts."""
        simulator = self._endpoint if self._endpoint.startswith("http:") else ""
        return picture_files(links, simulator=simulator, meter=self._meter)

    def create_report(
        self,
        report_type: str,
        marketplace_ids: Sequence[str],
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> str:
        """Ask for a report, of what lies in a span of time where it has one. Returns its id; it is made in Amazon's own
        time.

        A call whose answer is lost is made again: a second report costs quota and does no harm.
        """
        span = {"dataStartTime": start, "dataEndTime": end}
        body: Answer = {"reportType": report_type, "marketplaceIds": list(marketplace_ids)}
        body |= {name: moment.isoformat() for name, moment in span.items() if moment is not None}
        answer = self._call(
            "createReport", ("reportId", str), lambda send: _Reports(send).create_report(**body)
        )
        return str(answer["reportId"])

    def get_report(self, report_id: str) -> Answer:
        """How far a report is: {"reportId", "processingStatus", "reportDocumentId"…}.

        Raises RequestRefused (code "not_found") for an unknown id.
        """
        _refuse_odd_id(report_id)
        return self._call(
            "getReport", ("processingStatus", str), lambda send: _Reports(send).get_report(report_id)
        )

    def get_reports(self, **params: Any) -> Answer:
        """One page of the reports that any program asked for: {"reports": […], "nextToken"}, newest first.

        `nextToken` goes without any other parameter.
        """
        return self._call("getReports", ("reports", list), lambda send: _Reports(send).get_reports(**params))

    def get_report_document(self, document_id: str) -> Answer:
        """Where a document lies: {"reportDocumentId", "url", "compressionAlgorithm"}. The url is a secret that works
        for five minutes."""
        _refuse_odd_id(document_id)
        return self._call(
            "getReportDocument", ("url", str), lambda send: _Reports(send).document(document_id)
        )

    @contextmanager
    def report_document(self, document_id: str) -> Iterator[Document]:
        """The whole document, unpacked, in a file that is gone afterwards. Raises PlatformError before it is there:
        what is incomplete, broken or too large never comes out.

        A link that expired is asked for anew, a download that broke is made again.
        """
        document = self._persist_download(document_id)
        try:
            yield document
        finally:
            document.file.close()

    def _persist_download(self, document_id: str) -> Document:
        for is_last in (False, False, True):
            answer = self.get_report_document(document_id)
            try:
                return self._persist(lambda answer=answer: self._download(answer))  # type: ignore[misc]
            except LinkExpired as error:
                if is_last:
                    raise error.with_traceback(None) from None
        raise AssertionError("The last attempt returns or raises.")

    def _download(self, answer: Answer) -> Document:
        with metered(self._meter, DOWNLOAD):
            return download(
                str(answer["url"]),
                is_packed=bool(answer.get("compressionAlgorithm")),
                insecure=self._endpoint.startswith("http:"),
            )

    def pause(self, seconds: float) -> None:
        """Wait in place, for a caller who cannot be put back meanwhile."""
        self._sleep(seconds)

    def renew_token(self) -> None:
        """Ask Login with Amazon for a new access token, whatever is in the cache. Raises PlatformError."""
        self._tokens.drop()
        self._persist(self._tokens.get)

    def ask_the_time(self) -> None:
        """Have an answer that tells `clock` the time: that for an access token, unless one is kept, which came with
        such an answer. Raises PlatformError."""
        self._persist(self._tokens.get)

    def close(self) -> None:
        """Leaves no thread behind: what was started gets a moment to end well, and is cut off then."""
        try:
            if self._started is not None and not self._started.wait(LAST_MOMENT):
                self._line.cut()
            self._forget_started()
        finally:
            self._http.close()

    def _call(
        self,
        operation: str,
        expected: Expected | None,
        ask: Callable[[Send], Any],
        *,
        once: bool = False,
    ) -> Answer:
        """Raises PlatformError: at once where repeating is useless or not wanted, after the last attempt otherwise."""

        def send(path: str, params: dict[str, Any], body: dict[str, Any] | None) -> Answer:
            return self._exchange(Request(operation, path, params, body), expected)

        longest = longest_wait_for(operation)
        answer: Answer = self._persist(lambda: ask(send), once=once, longest_wait=longest)
        return answer

    def _persist(
        self,
        attempt: Callable[[], Result],
        *,
        once: bool = False,
        longest_wait: float = LONGEST_WAIT_IN_PLACE,
    ) -> Result:
        """Repeat it as the rule says, unless `once` is set. An access token that Amazon refuses is renewed once,
        however often it fails."""
        made, is_renewed, perhaps_done = 0, False, False
        while True:
            try:
                return attempt()
            except AccessTokenRefused as error:
                if is_renewed:
                    final = error.although_new()
                    final.perhaps_done = perhaps_done
                    raise final from None
                is_renewed = True
                self._tokens.drop()
            except PlatformError as error:
                made += 1
                error.perhaps_done = perhaps_done = perhaps_done or error.perhaps_done
                jitter = random.random()  # noqa: S311  no secret
                wait = pause(error, made, jitter=jitter, backoff=self._backoff, longest_wait=longest_wait)
                if wait is None or (once and not isinstance(error, RateLimited)):
                    raise
                self._sleep(wait)

    def _exchange(self, request: Request, expected: Expected | None) -> Answer:
        operation = request.operation
        call = self._take_started(request) or self._prepare(request, expected)
        rate: float | None = None
        try:
            with metered(self._meter, operation, spent=call.seconds):
                response = call.response()
                rate = granted_rate(response.headers.get("x-amzn-RateLimit-Limit"))
                return call.answer()
        except PlatformError as error:
            if isinstance(error, RateLimited):
                self.usage.throttled += 1
                self._budget.drain(operation)
            # It was sent, and what came back, if anything, does not say that nothing was done.
            error.perhaps_done = isinstance(error, TransientError) and not isinstance(error, RateLimited)
            raise error.with_traceback(None)  # noqa: B904  drops the frames whose variables hold the whole answer
        finally:
            if rate is not None:
                self._budget.set_rate(operation, rate)

    def _prepare(self, request: Request, expected: Expected | None) -> Exchange:
        """The exchange that is to be made now: there is an access token, and quota for it is taken."""
        headers = _headers(self._tokens.get())
        # After the token: credentials that are refused use up no quota.
        self._wait_for_quota(request.operation)
        self.usage.calls += 1
        return self._to_exchange(request, headers, expected)

    def _start(self, request: Request, then: Callable[[Answer], None]) -> None:
        """Make the exchange on a thread, where that needs neither a new access token nor waiting for quota."""
        self._forget_started()
        headers = _headers(self._tokens.kept())
        if not headers[TOKEN] or self._budget.acquire(request.operation):
            return
        call = self._to_exchange(request, headers, SEARCH_EXPECTED, then)
        if call.start():
            self.usage.calls += 1
            self._started = call

    def _to_exchange(
        self,
        request: Request,
        headers: SecretDict,
        expected: Expected | None,
        then: Callable[[Answer], None] | None = None,
    ) -> Exchange:
        http, line, url = self._http, self._line, self._endpoint + request.path

        def make() -> httpx.Response:
            method = "GET" if request.body is None else "POST"
            return exchange(
                http, method, url, params=request.params, json=request.body, headers=headers, line=line
            )

        def read(response: httpx.Response) -> Answer:
            return judge(
                request.operation, response.status_code, response.headers, response.content, expected
            )

        return Exchange(request, make, read, then)

    def _take_started(self, request: Request) -> Exchange | None:
        """The exchange that was started for this request, once it is over; None where there is none."""
        if self._started is None or self._started.request != request:
            self._forget_started()
            return None
        self._started.wait()
        call, self._started = self._started, None
        return call

    def _forget_started(self) -> None:
        """Nobody asks for the answer any more. The call was made, so it is counted."""
        if self._started is None:
            return
        self._started.wait()
        call, self._started = self._started, None
        # Whatever went wrong with it, nothing is missing: who goes on from the checkpoint makes the call again.
        operation = call.request.operation
        with suppress(Exception):
            try:
                with metered(self._meter, operation, spent=call.seconds):
                    call.answer()
            except RateLimited:  # whoever calls next would be refused as well
                self.usage.throttled += 1
                self._budget.drain(operation)

    def _wait_for_quota(self, operation: str) -> None:
        """Returns once the call may be made. Raises RateLimited, without a call, where that takes too long."""
        waited, longest = 0.0, longest_wait_for(operation)
        while wait := self._budget.acquire(operation):
            if waited + wait > 4 * longest:  # many draw at once: make room
                wait = max(wait, 4 * longest)
            if wait > longest:
                raise RateLimited(
                    f"Amazon's quota for {operation} is used up; no call was made. "
                    f"There is some again in {math.ceil(wait)} seconds.",
                    retry_after=wait,
                )
            self._sleep(wait)
            waited += wait  # longer than the wait: others drew first


def _refuse_odd_id(external_id: str) -> None:
    """Raises RequestRefused for what would name another operation as the last part of a path."""
    if external_id in ("", ".", ".."):
        raise RequestRefused(f"Amazon has no record {external_id!r}.", code="not_found", status=404)


def _given(values: dict[str, Any] | None) -> dict[str, Any]:
    """What is sent of what the library passes on."""
    return {key: value for key, value in (values or {}).items() if key != "method" and value is not None}


def _headers(token: str) -> SecretDict:
    """Masked: a traceback that shows local variables must not show the token."""
    return SecretDict({TOKEN: token, "Accept": "application/json"})
