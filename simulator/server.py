"""The simulator: routes, authentication, one operation after the other. What parameters mean is in `validation.py`."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from simulator.account import Account
from simulator.consent import CONFIRM_PATH, CONSENT_PATH, Codes, confirmed, consent_page
from simulator.errors import Refused, denied, invalid, quota_used_up
from simulator.faults.base import OPERATIONS, PAGE_TOKENS, Call, Faults, ScriptedFaults
from simulator.faults.rules import ActiveRules, Rule
from simulator.lwa import form_params, token_answer
from simulator.operations import Operations
from simulator.participations import get_marketplace_participations
from simulator.pictures import PATH as CATALOG_PATH
from simulator.pictures import PICTURES_PATH, picture, search_catalog_items
from simulator.quotas import PUBLISHED, Quotas
from simulator.reports import DOCUMENTS_PATH, FILES_PATH, REPORTS_PATH, Reports, body_params
from simulator.rotation import PATH as ROTATION_PATH
from simulator.rotation import rotate
from simulator.shipments import PATH as SHIPMENT_PATH
from simulator.tokens import AccessTokens, Clock, PageTokens
from simulator.wire import TOKEN_PATH, Canned, HttpServer, Request

ORDERS_PATH = "/orders/2026-01-01/orders"
INVENTORY_PATH = "/fba/inventory/v1/summaries"
PARTICIPATIONS_PATH = "/sellers/v1/marketplaceParticipations"

POSTED = ("rotateApplicationClientSecret", "createReport", "confirmShipment")

# Pages for people, on the host of Seller Central.
CONSENT = {CONSENT_PATH: "consent", CONFIRM_PATH: "confirm"}

# Where an id is the last part of the path: operation, path before it, name of the parameter.
_BY_ID = (
    ("getOrder", ORDERS_PATH, "orderId"),
    ("getReport", REPORTS_PATH, "reportId"),
    ("getReportDocument", DOCUMENTS_PATH, "reportDocumentId"),
)

# Sent on 200, 202, 204, 400 and 404 only (the models; spapi-facts 1.2).
RATE_HEADER = "x-amzn-RateLimit-Limit"


class Simulator(HttpServer):
    """A simulated Amazon for one account or several; the refresh token says whose access token it is.

    page_size                at most so many rows a page, for many pages with little data
    port                     0: any free one
    order_token_seconds      how long the page tokens of searchOrders live
    inventory_token_seconds  how long those of getInventorySummaries live
    clock                    seconds since 1970, for everything that expires or must be in the past
    clock_ahead              seconds that the simulator's clock is ahead of `clock`, below zero behind it: for what
                             must be in the past, and the header Date; may be set at any time
    faults                   asked before each operation, unless `script` has queued an answer for it
    rules                    what goes wrong and when (`faults/rules.py`); `sim.rules.add(…)` adds more
    quotas                   enforced per account and operation; None: nobody is ever throttled
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
        clock_ahead: float = 0.0,
        faults: Faults | None = None,
        rules: Iterable[Rule] = (),
        quotas: Quotas | None = None,
    ) -> None:
        super().__init__(port)
        self.accounts = (account, *more_accounts)
        if len({account.refresh_token for account in self.accounts}) < len(self.accounts):
            raise ValueError("Accounts on one simulator need different refresh tokens.")
        if page_size is not None and page_size < 1:
            raise ValueError("page_size must be at least 1.")
        self.faults: Faults | None = faults
        self.rules = ActiveRules(rules)
        self.quotas = quotas
        self.clock_ahead = clock_ahead
        self._clock = clock
        self._scripted = ScriptedFaults()
        self._tokens: AccessTokens[Account] = AccessTokens(clock)
        self._grantless: AccessTokens[str] = AccessTokens(clock)  # of applications, by client id
        self.codes = Codes(clock)
        self.registered_back = ""  # where consent leads to when the request names no address
        self.reports = Reports(self.now_stamp, lambda: self.endpoint)
        self.queue: list[dict[str, Any]] = []  # what Amazon would send to an application's SQS queue
        self._revoked: set[str] = set()
        self._doubles: dict[str, str | None] = {}  # page token -> the one it stands for
        self._all = Operations(
            PageTokens(clock, order_token_seconds),
            PageTokens(clock, inventory_token_seconds),
            self.now_stamp,
            page_size,
        )
        self._operations: dict[str, Callable[[Account, dict[str, str]], dict[str, Any]]] = {
            "searchOrders": self._all.search_orders,
            "getOrder": self._all.get_order,
            "getInventorySummaries": self._all.get_inventory_summaries,
            "getMarketplaceParticipations": get_marketplace_participations,
            "createReport": self.reports.create,
            "getReport": self.reports.get,
            "getReports": self.reports.listed,
            "getReportDocument": self.reports.document,
            "confirmShipment": self._all.confirm_shipment,
            "searchCatalogItems": lambda account, params: search_catalog_items(
                account, params, self.endpoint
            ),
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

    def expire_page_tokens(self) -> None:
        """All page tokens handed out so far are expired from now on."""
        self._all.order_tokens.expire_all()
        self._all.inventory_tokens.expire_all()

    def revoke(self, *accounts: Account) -> None:
        """Withdraw what these sellers consented to: invalid_grant from now on, and no access token works."""
        self._revoked.update(account.refresh_token for account in accounts)
        self._tokens.revoke(accounts)

    def restore(self) -> None:
        """Undo every `revoke`: the sellers have authorised the app again, and the same refresh tokens work."""
        self._revoked.clear()

    def page_token_to(self, page_token: str | None) -> str:
        """Another page token for the page that `page_token` leads to; None is the first page."""
        digest = hashlib.sha256(f"double {len(self._doubles)}".encode()).digest()
        double = base64.b64encode(digest).decode()
        self._doubles[double] = page_token
        return double

    def now_stamp(self) -> float:
        return self._clock() + self.clock_ahead

    def set_clock(self, ahead: float) -> None:
        """From now on, the simulator's clock is so many seconds ahead."""
        self.clock_ahead = ahead

    def now(self) -> datetime:
        return self._all.now()

    def serve(self, call: Call) -> dict[str, Any]:
        """What an operation answers when nothing is wrong. Raises Refused."""
        if call.account is None:
            raise denied()
        call.account.show_shipments(self.now())
        return self._operations[call.operation](call.account, self._without_doubles(call))

    def route(self, request: Request) -> tuple[str, dict[str, str]]:
        if request.path == TOKEN_PATH:
            return "token", form_params(request)
        params = decode_query(request.query)
        if request.path == ORDERS_PATH:
            return "searchOrders", params
        if request.path == INVENTORY_PATH:
            return "getInventorySummaries", params
        if request.path in CONSENT:
            return CONSENT[request.path], params
        if request.path == ROTATION_PATH:
            return "rotateApplicationClientSecret", params
        if request.path == PARTICIPATIONS_PATH:
            return "getMarketplaceParticipations", params
        if request.path == REPORTS_PATH:
            is_new = request.method == "POST"
            return ("createReport", body_params(request.body)) if is_new else ("getReports", params)
        if request.path == CATALOG_PATH:
            return "searchCatalogItems", params
        if request.path.startswith(PICTURES_PATH):
            return "picture", params
        if request.path.startswith(FILES_PATH):
            return "document", {}  # not the signature: it is a secret
        if shipment := SHIPMENT_PATH.fullmatch(request.path):
            body = request.body.decode(errors="replace")
            return "confirmShipment", {**params, "orderId": unquote(shipment[1]), "body": body}
        for operation, path, name in _BY_ID:
            found = request.path.removeprefix(f"{path}/")
            if found != request.path and found and "/" not in found:
                return operation, {**params, name: unquote(found)}
        return "unknown", params

    def respond(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        """1 faults  2 token or permission  3 quota  4 rules and answer, with the headers Amazon sends."""
        call = Call(operation, params, self._who(operation, request)[0])
        wrong = self.rules.due(call)
        instead = [self._scripted.before(call) or (self.faults.before(call) if self.faults else None)]
        instead += [fault.before(self, call) for fault in wrong]
        answer = next((canned for canned in instead if canned is not None), None)
        if answer is None:
            answer = self._serve(operation, params, request)
        for fault in wrong:
            answer = fault.after(self, call, answer)
        return self._with_rate(operation, answer)

    def _with_rate(self, operation: str, answer: Canned) -> Canned:
        statuses = (200, 202, 204, 400, 404, *((429,) if self.quotas and self.quotas.tells else ()))
        rate = self.quotas.rate(operation) if self.quotas else _published(operation)
        if rate is None or answer.status not in statuses or _has(answer, RATE_HEADER.lower()):
            return answer
        return replace(answer, headers={**answer.headers, RATE_HEADER: rate})

    def _without_doubles(self, call: Call) -> dict[str, str]:
        """The parameters with the page token that was meant."""
        params, sent = dict(call.params), call.page_token
        while sent is not None and sent in self._doubles:
            sent = self._doubles[sent]
            del params[PAGE_TOKENS[call.operation]]
            if sent is not None:
                params[PAGE_TOKENS[call.operation]] = sent
        return params

    def _who(self, operation: str, request: Request) -> tuple[Account | None, Refused | None]:
        if operation in ("token", "document", "picture", "rotateApplicationClientSecret", *CONSENT.values()):
            return None, None
        try:
            return self._tokens.owner(request.headers.get("x-amz-access-token", "")), None
        except Refused as refusal:
            return None, refusal

    def _serve(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        if operation == "token":
            return token_answer(
                request.method,
                params,
                self.accounts,
                self._tokens,
                self._revoked,
                self._grantless,
                self.codes,
            )
        if operation == "document":
            return self.reports.file(request)
        if operation == "picture":
            return picture(request)
        if operation == "consent":
            return consent_page(params, self.accounts, self.registered_back)
        if operation == "confirm":
            return confirmed(params, self.accounts, self.codes, self.registered_back)
        try:
            check_request(operation, request)
            if operation == "rotateApplicationClientSecret":
                return self._rotate(request)
            account, refusal = self._who(operation, request)
            if account is None:
                raise refusal or denied()
            if self.quotas and not self.quotas.take(account.refresh_token, operation):
                raise quota_used_up()
            document = self.serve(Call(operation, params, account))
            if operation == "confirmShipment":
                return Canned(204)
            return Canned.json(202 if operation == "createReport" else 200, document)
        except Refused as error:
            return error.answer()

    def _rotate(self, request: Request) -> Canned:
        client_id = self._grantless.owner(request.headers.get("x-amz-access-token", ""))
        mine = [account for account in self.accounts if account.client_id == client_id]
        if self.quotas and not self.quotas.take(client_id, "rotateApplicationClientSecret"):
            raise quota_used_up()
        self.queue.append(rotate(client_id, mine, self.now()))
        return Canned(204)


def _published(operation: str) -> str | None:
    """The published rate as Amazon writes it."""
    limit = PUBLISHED.get(operation)
    return None if limit is None else str(limit.rate)


def check_request(operation: str, request: Request) -> None:
    """What holds for every SP-API call, whatever the operation."""
    if operation == "unknown":
        raise Refused(403, "MissingAuthenticationToken", "Missing Authentication Token", request.path)
    if request.method != ("POST" if operation in POSTED else "GET"):
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
