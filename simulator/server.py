"""The simulator: routes, authentication, one operation after the other. The rules are in `rules.py`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote

from simulator.account import Account
from simulator.errors import Refused, denied, invalid
from simulator.faults import Call, Faults, ScriptedFaults
from simulator.lwa import form_params, token_answer
from simulator.operations import Operations
from simulator.tokens import AccessTokens, Clock, PageTokens
from simulator.wire import TOKEN_PATH, Canned, HttpBox, Request

ORDERS_PATH = "/orders/2026-01-01/orders"
INVENTORY_PATH = "/fba/inventory/v1/summaries"
OPERATIONS = ("token", "searchOrders", "getOrder", "getInventorySummaries")

# Amazon's published defaults, sent on 200, 400 and 404 only (the models; spapi-facts 1.2).
RATE_LIMITS = {"searchOrders": "0.0056", "getOrder": "0.5", "getInventorySummaries": "2.0"}


class Simulator(HttpBox):
    """Amazon in a box for one account or several; the refresh token says whose access token it is.

    page_size                at most so many rows a page, for walks over many pages with little data
    port                     0: any free one
    order_token_seconds      how long the page tokens of searchOrders live
    inventory_token_seconds  how long those of getInventorySummaries live
    clock                    seconds since 1970, for everything that expires or must be in the past
    faults                   asked before each operation, unless `script` has queued an answer for it
    """

    def __init__(
        self,
        account: Account,
        *more_accounts: Account,
        page_size: int | None = None,
        port: int = 0,
        order_token_seconds: float = 86400,
        inventory_token_seconds: float = 30,
        clock: Clock = time.time,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(port)
        self.accounts = (account, *more_accounts)
        if len({each.refresh_token for each in self.accounts}) < len(self.accounts):
            raise ValueError("Accounts on one simulator need different refresh tokens.")
        if page_size is not None and page_size < 1:
            raise ValueError("page_size must be at least 1.")
        self.faults: Faults | None = faults
        self._scripted = ScriptedFaults()
        self._tokens: AccessTokens[Account] = AccessTokens(clock)
        operations = Operations(
            PageTokens(clock, order_token_seconds),
            PageTokens(clock, inventory_token_seconds),
            clock,
            page_size,
        )
        self._operations: dict[str, Callable[[Account, dict[str, str]], dict[str, Any]]] = {
            "searchOrders": operations.search_orders,
            "getOrder": operations.get_order,
            "getInventorySummaries": operations.get_inventory_summaries,
        }

    def script(self, operation: str, *responses: Canned) -> None:
        """Queue canned answers for the next calls of an operation ("token", "searchOrders", …)."""
        if operation not in OPERATIONS:
            raise ValueError(f"{operation!r} is none of {', '.join(OPERATIONS)}")
        self._scripted.script(operation, *responses)

    @property
    def access_tokens(self) -> list[str]:
        """Every access token that was handed out, oldest first: for tests that search for leaks."""
        return self._tokens.handed_out()

    def expire_tokens(self) -> None:
        """All access tokens handed out so far are expired from now on."""
        self._tokens.expire_all()

    def route(self, request: Request) -> tuple[str, dict[str, str]]:
        if request.path == TOKEN_PATH:
            return "token", form_params(request)
        params = decode_query(request.query)
        if request.path == ORDERS_PATH:
            return "searchOrders", params
        if request.path == INVENTORY_PATH:
            return "getInventorySummaries", params
        external_id = request.path.removeprefix(f"{ORDERS_PATH}/")
        if external_id != request.path and external_id and "/" not in external_id:
            return "getOrder", {**params, "orderId": unquote(external_id)}
        return "unknown", params

    def respond(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        """1 faults  2 token or permission  3 rules and answer, with the headers Amazon sends."""
        account, refusal = self._who(operation, request)
        call = Call(operation, params, account)
        canned = self._scripted.before(call) or (self.faults.before(call) if self.faults else None)
        if canned is None:
            canned = self._serve(operation, params, request, account, refusal)
        rate = RATE_LIMITS.get(operation)
        if rate is None or canned.status not in (200, 400, 404) or _has(canned, "x-amzn-ratelimit-limit"):
            return canned
        return replace(canned, headers={**canned.headers, "x-amzn-RateLimit-Limit": rate})

    def _who(self, operation: str, request: Request) -> tuple[Account | None, Refused | None]:
        if operation == "token":
            return None, None
        try:
            return self._tokens.owner(request.headers.get("x-amz-access-token", "")), None
        except Refused as refusal:
            return None, refusal

    def _serve(
        self,
        operation: str,
        params: dict[str, str],
        request: Request,
        account: Account | None,
        refusal: Refused | None,
    ) -> Canned:
        if operation == "token":
            return token_answer(request.method, params, self.accounts, self._tokens)
        try:
            check_request(operation, request)
            if account is None:
                raise refusal or denied()
            return Canned.json(200, self._operations[operation](account, params))
        except Refused as error:
            return error.answer()


def check_request(operation: str, request: Request) -> None:
    """What holds for every SP-API call, whatever the operation."""
    if operation == "unknown":
        raise Refused(403, "MissingAuthenticationToken", "Missing Authentication Token", request.path)
    if request.method != "GET":
        raise Refused(405, "MethodNotAllowed", f"{request.method} is not allowed for {operation}.")
    agent = request.headers.get("user-agent", "")
    if not agent.strip() or len(agent) > 500:
        raise invalid("A User-Agent header of at most 500 characters is required.")
    repeated = repeated_names(request.query)
    if repeated:
        raise invalid(f"Given more than once: {', '.join(repeated)}. Lists are comma-separated.")


def decode_query(query: str) -> dict[str, str]:
    """Decoded as forms are: "+" is a blank, so a time zone or a token with a bare "+" arrives broken."""
    return dict(parse_qsl(query, keep_blank_values=True))


def repeated_names(query: str) -> list[str]:
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
    return sorted({name for name in names if names.count(name) > 1})


def _has(canned: Canned, header: str) -> bool:
    return any(name.lower() == header for name in canned.headers)
