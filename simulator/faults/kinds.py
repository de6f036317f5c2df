"""What can go wrong: the faults that a rule can name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulator.account import Account
from simulator.errors import Refused, denied, invalid
from simulator.faults.base import PAGE_TOKENS, Call, Fault, Site
from simulator.lwa import lwa_error
from simulator.orders import from_ms, to_ms
from simulator.validation import refuse_data
from simulator.wire import Canned

BODIES = ("json", "html", "empty", "cut", "non-utf8")
# The statuses of the models, and those of the gateways in front of the API, with Amazon's codes.
CODES = {
    200: "InternalFailure", 400: "InvalidInput", 401: "Unauthorized", 403: "Unauthorized", 404: "NotFound",
    408: "RequestTimeout", 413: "RequestTooLarge", 415: "UnsupportedMediaType", 429: "QuotaExceeded",
    500: "InternalFailure", 502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout",
}  # fmt: skip
_RATE = "x-amzn-RateLimit-Limit"


@dataclass(frozen=True)
class Answer(Fault):
    """An answer of this status instead of the real one; a 200 in JSON holds errors.

    body  json, html, empty, cut (in the middle of the JSON), non-utf8
    rate  what x-amzn-RateLimit-Limit says; None: the header is sent as Amazon does, which is never with a 429
    done  what was asked for is done all the same
    """

    status: int
    body: str = "json"
    rate: str | None = None
    done: bool = False

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599 or self.body not in BODIES:
            raise ValueError(f"a status is from 200 to 599, a body one of {', '.join(BODIES)}")

    def before(self, site: Site, call: Call) -> Canned | None:
        return None if self.done else self._made(call)

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        return self._made(call) if self.done else answer

    def _made(self, call: Call) -> Canned:
        headers = {_RATE: self.rate} if self.rate else {}
        text = f"Simulated {self.status}"
        document: dict[str, Any] = {"error": "server_error", "error_description": text}
        if call.operation != "token":
            document = {"errors": [{"code": CODES.get(self.status, "Simulated"), "message": text}]}
        answer = Canned.json(self.status, document, headers)
        if self.body == "html":
            page = f"<html><body><h1>{text}</h1></body></html>".encode()
            return Canned(self.status, page, {**headers, "Content-Type": "text/html"})
        if self.body == "empty":
            return Canned(self.status, b"", headers)
        if self.body == "non-utf8":
            return replace(answer, body=answer.body.replace(b"Simulated", b"Simul\xff\xfeated"))
        return replace(answer, cut=len(answer.body) // 2) if self.body == "cut" else answer


@dataclass(frozen=True)
class OnlyOf(Fault):
    """A fault of calls that ask for this marketplace, among others perhaps; nothing goes wrong with others."""

    marketplace: str
    fault: Fault

    def before(self, site: Site, call: Call) -> Canned | None:
        return self.fault.before(site, call) if self.marketplace in call.marketplaces else None

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        return self.fault.after(site, call, answer) if self.marketplace in call.marketplaces else answer


@dataclass(frozen=True)
class Delay(Fault):
    """The real answer, `seconds` late: a timeout for a client that waits less long."""

    seconds: float

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        return replace(answer, delay=answer.delay + self.seconds)


@dataclass(frozen=True)
class Slow(Fault):
    """The real answer, its body in small pieces over `seconds`."""

    seconds: float

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        return replace(answer, trickle=self.seconds)


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset before an answer, or in the middle of the real one's body."""

    in_body: bool = False

    def before(self, site: Site, call: Call) -> Canned | None:
        return None if self.in_body else Canned(reset=True)

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        return replace(answer, reset=True, cut=len(answer.body) // 2) if self.in_body else answer


@dataclass(frozen=True)
class LoseAnswer(Fault):
    """What was asked for is done, and the connection is reset before a byte of the answer."""

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        return Canned(reset=True)


@dataclass(frozen=True)
class ChangeNothing(Fault):
    """A 204 of confirmShipment, and nothing changes, as seen with a carrier that Amazon did not know.

    https://github.com/amzn/selling-partner-api-models/issues/5232
    """

    def before(self, site: Site, call: Call) -> Canned | None:
        return Canned(204) if call.operation == "confirmShipment" else None


@dataclass(frozen=True)
class Cut(Fault):
    """The real answer ends in the middle of its body; `declared`: with a Content-Length to match, so it looks whole."""

    declared: bool = False

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        half = len(answer.body) // 2
        return replace(answer, body=answer.body[:half]) if self.declared else replace(answer, cut=half)


class NotUtf8(Fault):
    """The real answer with two bytes in it that are no UTF-8."""

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        at = answer.body.rfind(b'"')
        return replace(answer, body=answer.body[:at] + b"\xff\xfe" + answer.body[at:])


@dataclass(frozen=True)
class OddName(Fault):
    """The real answer, whose first attribute of this name has a byte in its name that is no UTF-8."""

    name: str

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        name = self.name.encode()
        return replace(answer, body=answer.body.replace(b'"' + name + b'"', b'"' + name[:-1] + b'\xff"', 1))


@dataclass(frozen=True)
class Deny(Fault):
    """A 403 instead of the real answer, whatever the caller is allowed; `details` is what Amazon says of it.

    For 25 minutes every call of thousands of sellers was answered so: "The security token included in the request is
    expired". https://github.com/amzn/selling-partner-api-docs/issues/3153
    """

    details: str = ""

    def before(self, site: Site, call: Call) -> Canned | None:
        if call.operation == "token":
            return lwa_error(400, "server_error", "An internal server error occurred.")
        return denied(self.details).answer()


@dataclass(frozen=True)
class RefuseData(Fault):
    """This data set of an order is refused, with a 403 that names it; `unnamed`: with a 400 that does not."""

    name: str
    unnamed: bool = False

    def before(self, site: Site, call: Call) -> Canned | None:
        asked, names = call.params.get("includedData", "").split(","), {self.name}
        try:
            refuse_data(asked, () if self.unnamed else names, names)
        except Refused as refusal:
            return refusal.answer()
        return None


@dataclass(frozen=True)
class RefuseSku(Fault):
    """A list of SKUs is refused where this one is in it, with a 400 that does not say which one."""

    sku: str

    def before(self, site: Site, call: Call) -> Canned | None:
        asked = [*call.params.get("sellerSkus", "").split(","), call.params.get("sellerSku")]
        return invalid("sellerSkus is not valid.").answer() if self.sku in asked else None


class ExpireTokens(Fault):
    """All access tokens handed out so far are expired, from this call on."""

    def before(self, site: Site, call: Call) -> Canned | None:
        site.expire_tokens()
        return None


class Revoke(Fault):
    """The caller's authorisation is withdrawn for good: its access tokens end, and Login with Amazon answers
    invalid_grant until `Simulator.restore`. Called for "token", it hits every account."""

    def before(self, site: Site, call: Call) -> Canned | None:
        site.revoke(*(site.accounts if call.account is None else (call.account,)))
        return None


class ExpirePageTokens(Fault):
    """All page tokens handed out so far are expired, from this call on."""

    def before(self, site: Site, call: Call) -> Canned | None:
        site.expire_page_tokens()
        return None


@dataclass(frozen=True)
class SetClock(Fault):
    """Amazon's clock is so many seconds ahead of ours, below zero behind it, from this call on."""

    ahead: float

    def before(self, site: Site, call: Call) -> Canned | None:
        site.set_clock(self.ahead)
        return None


class Paging(Fault):
    """Changes a page; answers without a page are left as they are."""

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        if call.account is None or call.operation not in PAGE_TOKENS or answer.status != 200:
            return answer
        try:
            document = json.loads(answer.body)
            self.change(site, call, document)
        except (ValueError, Refused):  # another fault was here first
            return answer
        changed = Canned.json(200, document, answer.headers)
        return replace(answer, body=changed.body, headers=changed.headers)

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        raise NotImplementedError


class RepeatPage(Paging):
    """The next page is this page once more, behind another token: its rows are delivered twice."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        document["pagination"] = {"nextToken": site.page_token_to(call.page_token)}


class LoopPages(Paging):
    """The next token of this page leads back to this page."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        document["pagination"] = {"nextToken": call.page_token or site.page_token_to(None)}


@dataclass(frozen=True)
class CompleteUntil(Paging):
    """This page of orders says that it is complete until `time`, whatever was asked for."""

    time: str

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        for name in ("lastUpdatedBefore", "createdBefore"):
            if name in document:
                document[name] = self.time


class NextRowToo(Paging):
    """The first row of the next page is the last of this one as well: the same order on two pages."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        token = document.get("pagination", {}).get("nextToken")
        if token is None:
            return
        params = {**call.params, PAGE_TOKENS[call.operation]: token}
        rows(document).append(rows(site.serve(replace(call, params=params)))[0])


@dataclass(frozen=True)
class Empty(Paging):
    """A list without rows, and the last page. `several`: only where several marketplaces are asked for at once."""

    several: bool = False

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        if not self.several or "," in call.params.get("marketplaceIds", ""):
            rows(document).clear()
            document.pop("pagination", None)


class SpoilRow(Paging):
    """The first row of the page cannot be read: an order without lastUpdatedTime, stock whose total is no number."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        for row in rows(document)[:1]:
            row.pop("lastUpdatedTime", None)
            if "sellerSku" in row:
                row["totalQuantity"] = "many"


@dataclass(frozen=True)
class Between(Fault):
    """Calls `hook(site, call)` once the page is made: the next page shows what the hook changes."""

    hook: Callable[[Site, Call], None]

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        self.hook(site, call)
        return answer


class Mutate(Fault):
    """`count` orders change or appear once the page is made; the seed and the number of calls decide which, and how.

    By turns: one changes now, and so leaves a window that ended earlier; one moves to the end of the window; one
    appears there, late. The last two lie within the five minutes that an order may be listed late.
    """

    def __init__(self, count: int = 1, seed: int = 7) -> None:
        if count < 1:
            raise ValueError("mutate at least 1 order")
        self._count, self._seed, self._done = count, seed, 0

    def after(self, site: Site, call: Call, answer: Canned) -> Canned:
        if call.account is not None:
            with call.account.lock:
                for _ in range(self._count):
                    self._mutate(call.account, to_ms(site.now()))
        return answer

    def _mutate(self, account: Account, now: int) -> None:
        kind, rng = self._done % 3, Random(f"{self._seed} {self._done}")
        self._done += 1
        late = now - 180_000 - rng.randrange(120_000)
        if kind == 2 or not account.count:
            account.add_order(at=from_ms(late))
            return
        order = account.order(rng.randrange(account.count))
        wanted = late if kind == 1 else now
        account.change_order(order.external_id, at=from_ms(max(wanted, to_ms(order.updated) + 1)))


def rows(document: dict[str, Any]) -> list[Any]:
    """The orders or the stock of a page."""
    found: list[Any] = (
        document["orders"] if "orders" in document else document["payload"]["inventorySummaries"]
    )
    return found
