"""Rules and quotas as they are written on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.faults.base import Fault
from simulator.faults.hiding import HideOrders, ListLate, LoseUpdates
from simulator.faults.kinds import (
    Answer,
    ChangeNothing,
    Cut,
    Delay,
    Deny,
    Empty,
    ExpirePageTokens,
    ExpireTokens,
    LoopPages,
    LoseAnswer,
    Mutate,
    NextRowToo,
    NotUtf8,
    RefuseData,
    RefuseSku,
    RepeatPage,
    Reset,
    Revoke,
    SetClock,
    Slow,
)
from simulator.faults.pages import NoSku, OddPagination, OlderTwin
from simulator.faults.reports import BreakRows, CutShort, DoubleRows, EndReport, ExpireLinks, SlowReport
from simulator.faults.rules import Rule
from simulator.quotas import PUBLISHED, Limit

HELP = """\
faults:  OPERATION:WHEN:FAULT
  OPERATION  searchOrders, getOrder, getInventorySummaries, getMarketplaceParticipations,
             createReport, getReport, getReports, getReportDocument, document, confirmShipment, searchCatalogItems,
             picture, token, or * for all of them
  WHEN       nth=3            the third call; with times=2 the third and the fourth
             every=5          each fifth call
             probability=0.1  each tenth call by chance, the same ones with the same seed=7
             times=4          at most so often; without any WHEN each call
             marketplace=ID   calls that ask for this marketplace
  FAULT      status=503       an answer of that status, instead of the real one
               :body=html       json (usual), html, empty, cut or non-utf8
               :rate=0.5        with this x-amzn-RateLimit-Limit (a 429 has none otherwise)
               :done            what was asked for is done all the same
             errors           a 200 that holds errors
             cut              the real answer breaks off in mid-body; short: it ends there as if whole
             non-utf8         the real answer with bytes that are no UTF-8
             delay=40         the real answer, so many seconds late (OMS waits 30)
             slow=10          the real answer, its body trickled over so many seconds
             reset            the connection is reset before an answer; reset-in-body: within it
             lost             what was asked for is done, then the connection is reset
             nothing          confirmShipment: a 204, and nothing changes
             deny             403 although all is granted; for token: 400 with server_error
             refuse=TAX       this data set is refused by name; refuse-unnamed=TAX: without a word
             refuse-sku=SKU   lists of SKUs with this one in it are refused
             expire-access    all access tokens so far are expired
             revoke           the refresh token is revoked: invalid_grant from then on
             clock=-90        its clock is so many seconds ahead, below zero behind, from then on
             expire-pages     all page tokens so far are expired
             empty            a list without rows; empty-together: where several marketplaces are asked for
             repeat           the next page is this one again
             loop             the page names itself as the next one
             twice            the next page's first row is on this page, too
             older-twin       the first row is on the page once more, as it was long ago
             no-sku           the first row of stock does not name its SKU
             odd-pages        what says where the next page is cannot be read
             fatal            the report ends FATAL with a reason; cancelled: CANCELLED (both for createReport)
             slow-report=90   the report is made so many seconds later
             double-rows      rows of the report are there twice; break-rows=2: so many lack a column;
                              short-report=0.5: it ends after this share of its rows
             expire-links     all links to documents so far are expired
             hide=0.1         this share of all orders is never listed; lose-updates=0.1: of those that change
             list-late=3600   orders are listed so many seconds after they changed
             mutate=2         after the answer, so many orders change or appear"""

_PLAIN: dict[str, Callable[[], Fault]] = {
    "errors": lambda: Answer(200),
    "cut": Cut,
    "short": lambda: Cut(declared=True),
    "non-utf8": NotUtf8,
    "reset": Reset,
    "reset-in-body": lambda: Reset(in_body=True),
    "lost": LoseAnswer,
    "nothing": ChangeNothing,
    "deny": Deny,
    "empty": Empty,
    "empty-together": lambda: Empty(several=True),
    "expire-access": ExpireTokens,
    "revoke": Revoke,
    "expire-pages": ExpirePageTokens,
    "repeat": RepeatPage,
    "loop": LoopPages,
    "twice": NextRowToo,
    "older-twin": OlderTwin,
    "no-sku": NoSku,
    "odd-pages": OddPagination,
    "fatal": lambda: EndReport("FATAL", "The report could not be generated."),
    "cancelled": lambda: EndReport("CANCELLED"),
    "double-rows": DoubleRows,
    "expire-links": ExpireLinks,
}
_MEASURED: dict[str, Callable[[str], Fault]] = {
    "delay": lambda text: Delay(float(text)),
    "slow": lambda text: Slow(float(text)),
    "mutate": lambda text: Mutate(int(text)),
    "slow-report": lambda text: SlowReport(float(text)),
    "break-rows": lambda text: BreakRows(int(text)),
    "hide": lambda text: HideOrders(float(text)),
    "lose-updates": lambda text: LoseUpdates(float(text)),
    "list-late": lambda text: ListLate(float(text)),
    "short-report": lambda text: CutShort(float(text)),
    "clock": lambda text: SetClock(float(text)),
    "refuse": RefuseData,
    "refuse-unnamed": lambda text: RefuseData(text, unnamed=True),
    "refuse-sku": RefuseSku,
}
_WHEN: dict[str, Callable[[str], Any]] = {
    "nth": int,
    "every": int,
    "probability": float,
    "times": int,
    "seed": int,
    "marketplace": str,
}


def parse_rule(text: str) -> Rule:
    """`searchOrders:nth=3:status=503:body=html` as a Rule. Raises ValueError that quotes the text."""
    operation, *parts = text.split(":")
    words = dict(part.partition("=")[::2] for part in parts)
    try:
        if len(words) < len(parts):
            raise ValueError("something is given twice")
        when = {name: _WHEN[name](words.pop(name)) for name in list(words) if name in _WHEN}
        return Rule(operation=operation, fault=_fault(words), **when)
    except ValueError as error:
        raise ValueError(f"--fault {text}: {error}") from error


def parse_quotas(texts: list[str]) -> dict[str, Limit]:
    """`published` and `NAME=rate/burst`; what is named later wins. Raises ValueError that quotes the text."""
    limits: dict[str, Limit] = {}
    for text in texts:
        if text == "published":
            limits |= PUBLISHED
            continue
        name, _, amount = text.partition("=")
        rate, _, burst = amount.partition("/")
        try:
            if name not in PUBLISHED:
                raise ValueError(f"the operation is none of {', '.join(PUBLISHED)}")
            limits[name] = Limit(float(rate), int(burst))
        except ValueError as error:
            raise ValueError(f"--quota {text}: {error}; write published or NAME=rate/burst") from error
    return limits


def _fault(words: dict[str, str]) -> Fault:
    """The one fault among the words that are no WHEN."""
    if "status" in words:
        status = int(words.pop("status"))
        fault: Fault = Answer(status, words.pop("body", "json"), words.pop("rate", None), "done" in words)
        if words.pop("done", ""):
            raise ValueError("done has no value")
        if words:
            raise ValueError(f"does not go with status: {', '.join(words)}")
        return fault
    if len(words) != 1:
        raise ValueError("exactly one fault is needed; --help lists them")
    [(name, value)] = words.items()
    if name in _PLAIN and not value:
        return _PLAIN[name]()
    if name in _MEASURED and value:
        return _MEASURED[name](value)
    raise ValueError(f"{name!r} is no fault, or lacks its value; --help lists them")
