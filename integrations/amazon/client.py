"""Calls to Amazon's Selling Partner API. The only module that touches python-amazon-sp-api.

What is used of the library are its operations (paths, parameters). Its request and response handling is replaced,
because it takes error pages for results, logs access tokens at DEBUG, shares tokens between accounts, and reads
credentials and hosts from the process environment.
"""

import math
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpx

# The library reads these while it is imported, and they would override what the platform row says (or stop the
# import with an error). They mean nothing to this application.
for _name in ("AWS_ENV", "SP_API_DEFAULT_MARKETPLACE"):
    os.environ.pop(_name, None)

from sp_api.api import Inventories, OrdersV20260101, Sellers  # noqa: E402

from core.encryption import SecretDict  # noqa: E402
from integrations.amazon.ahead import Exchange, Request  # noqa: E402
from integrations.amazon.answers import AccessTokenRefused, Expected, judge  # noqa: E402
from integrations.amazon.clock import AmazonClock  # noqa: E402
from integrations.amazon.config import AmazonConfig  # noqa: E402
from integrations.amazon.metering import metered  # noqa: E402
from integrations.amazon.quota import granted_rate  # noqa: E402
from integrations.amazon.retry import CEILING, LONGEST_WAIT_IN_PLACE, pause  # noqa: E402
from integrations.amazon.tokens import AccessTokens  # noqa: E402
from integrations.amazon.transport import Line, exchange, new_http  # noqa: E402
from integrations.errors import PlatformError, RateLimited, RequestRefused  # noqa: E402
from integrations.protocol import Budget, Meter, Uncounted, Unlimited, Usage  # noqa: E402

Answer = dict[str, Any]
TOKEN = "x-amz-access-token"  # noqa: S105  the name of a header
SEARCH = "searchOrders"
LAST_MOMENT = 1.0  # seconds
SEARCH_EXPECTED: Expected = ("orders", list)
Result = TypeVar("Result")


class _Operation:
    """Stands in for the library's Client: same methods for callers, our own request below them."""

    def __init__(self, send: Callable[[str, dict[str, str]], Answer]) -> None:
        self._send = send
        self.marketplace_id = ""

    def _request(self, path: str, *, params: dict[str, Any] | None = None, **_unused: Any) -> Answer:
        params = {
            key: value for key, value in (params or {}).items() if key != "method" and value is not None
        }
        return self._send(path, params)


class _Orders(_Operation, OrdersV20260101):  # type: ignore[misc]  # the library is untyped
    pass


class _Inventories(_Operation, Inventories):  # type: ignore[misc]
    pass


class _Sellers(_Operation, Sellers):  # type: ignore[misc]
    pass


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

        def start(path: str, sent: dict[str, str]) -> Answer:
            self._start(Request(SEARCH, path, sent), then)
            return {}

        _Orders(start).search_orders(**params)

    def get_order(self, order_id: str, **params: Any) -> Answer:
        """{"order": {…}}. Raises RequestRefused (code "not_found") for an unknown id."""
        if order_id in ("", ".", ".."):  # as the last part of a path these would name another operation
            raise RequestRefused(f"Amazon has no order {order_id!r}.", code="not_found", status=404)
        return self._call(
            "getOrder", ("order", dict), lambda send: _Orders(send).get_order(order_id, **params)
        )

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
        expected: Expected,
        ask: Callable[[Callable[[str, dict[str, str]], Answer]], Any],
        *,
        once: bool = False,
    ) -> Answer:
        """Raises PlatformError: at once where repeating is useless or not wanted, after the last attempt otherwise."""

        def send(path: str, params: dict[str, str]) -> Answer:
            return self._exchange(Request(operation, path, params), expected)

        answer: Answer = self._persist(lambda: ask(send), once=once)
        return answer

    def _persist(self, attempt: Callable[[], Result], *, once: bool = False) -> Result:
        """Repeat it as the rule says, unless `once` is set. An access token that Amazon refuses is renewed once,
        however often it fails."""
        made, is_renewed = 0, False
        while True:
            try:
                return attempt()
            except AccessTokenRefused as error:
                if is_renewed:
                    raise error.although_new() from None
                is_renewed = True
                self._tokens.drop()
            except PlatformError as error:
                made += 1
                wait = pause(error, made, jitter=random.random(), backoff=self._backoff)  # noqa: S311  no secret
                if wait is None or (once and not isinstance(error, RateLimited)):
                    raise
                self._sleep(wait)

    def _exchange(self, request: Request, expected: Expected) -> Answer:
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
            raise error.with_traceback(None)  # noqa: B904  drops the frames whose variables hold the whole answer
        finally:
            if rate is not None:
                self._budget.set_rate(operation, rate)

    def _prepare(self, request: Request, expected: Expected) -> Exchange:
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
        expected: Expected,
        then: Callable[[Answer], None] | None = None,
    ) -> Exchange:
        http, line, url = self._http, self._line, self._endpoint + request.path

        def make() -> httpx.Response:
            return exchange(http, "GET", url, params=request.params, headers=headers, line=line)

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
        waited = 0.0
        while wait := self._budget.acquire(operation):
            if waited + wait > CEILING:  # many draw at once: make room
                wait = max(wait, CEILING)
            if wait > LONGEST_WAIT_IN_PLACE:
                raise RateLimited(
                    f"Amazon's quota for {operation} is used up; no call was made. "
                    f"There is some again in {math.ceil(wait)} seconds.",
                    retry_after=wait,
                )
            self._sleep(wait)
            waited += wait  # longer than the wait: others drew first


def _headers(token: str) -> SecretDict:
    """Masked: a traceback that shows local variables must not show the token."""
    return SecretDict({TOKEN: token, "Accept": "application/json"})
