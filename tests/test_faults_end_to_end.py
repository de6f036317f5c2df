"""Every fault at every position, through the real sync path: a row says what happened, and then nothing is missing.

What goes wrong goes wrong again and again, until the run has ended; then Amazon is well again and a sync follows.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from integrations.amazon import transport
from integrations.models import ApiQuota, SyncLog
from integrations.tests.comparing import (
    assert_complete,
    assert_complete_stock,
    count_faults,
    explained,
)
from integrations.tests.comparing import (
    counted_sync as sync,
)
from integrations.tests.states import watermark_of
from integrations.tests.syncing import INVENTORY, ORDERS, platform_of
from orders.models import Order
from platforms.models import Platform
from simulator import (
    Account,
    Answer,
    Between,
    Cut,
    Delay,
    Deny,
    Empty,
    ExpirePageTokens,
    ExpireTokens,
    LoopPages,
    Mutate,
    NextRowToo,
    NoSku,
    NotUtf8,
    OddPagination,
    OlderTwin,
    OnlyOf,
    RefuseData,
    RepeatPage,
    Reset,
    Revoke,
    Rule,
    SetClock,
    Simulator,
    Slow,
    SpoilRow,
)
from simulator.faults.base import Call, Fault, Site
from simulator.faults.kinds import CompleteUntil, OddName

# What goes wrong is Amazon's; what is stored all the same, other tests store on each database.
pytestmark = [pytest.mark.django_db, pytest.mark.once]
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status

OPERATIONS: dict[str, str] = {ORDERS: "searchOrders", INVENTORY: "getInventorySummaries"}
STATUSES = (400, 401, 403, 404, 408, 413, 415, 500, 502, 503, 504)
FAULTS: dict[str, Fault] = {
    **{f"{status} in JSON": Answer(status) for status in STATUSES},
    **{f"{status} in HTML": Answer(status, "html") for status in (200, 403, 500, 503)},
    **{f"{status} and nothing": Answer(status, "empty") for status in (200, 400, 503)},
    **{f"{status} cut": Answer(status, "cut") for status in (400, 503)},
    **{f"{status} not in UTF-8": Answer(status, "non-utf8") for status in (400, 500)},
    "429": Answer(429),
    "429 with a rate": Answer(429, rate="0.01"),
    "429 in HTML, with a rate that is none": Answer(429, "html", rate="fast"),
    "an error in a success": Answer(200),
    "cut": Cut(),
    "cut, but it looks whole": Cut(declared=True),
    "not UTF-8": NotUtf8(),
    "late": Delay(1.5),
    "trickled": Slow(0.1),
    "reset": Reset(),
    "reset in the body": Reset(in_body=True),
    "denied for a moment": Deny(),
    "a new access token refused for a moment": Deny("The security token included in the request is expired"),
    "access tokens expire": ExpireTokens(),
    "authorisation withdrawn": Revoke(),
    "page tokens expire": ExpirePageTokens(),
    "a page repeats": RepeatPage(),
    "pages loop": LoopPages(),
    "the same row twice": NextRowToo(),
}
# Statuses and bodies are judged in one place for all operations; what differs for stock is the listing.
STOCK_FAULTS = {
    name: fault
    for name, fault in FAULTS.items()
    if name in ("400 in JSON", "403 in JSON", "503 in HTML", "200 and nothing", "429 with a rate", "reset")
    or not isinstance(fault, Answer | Delay)
}
FIRST, MIDDLE, LAST = 1, 2, 3
# What is judged in one place, whichever page it happens to.
ON_ANY_PAGE: dict[str, Fault] = {
    "an older row about the same": OlderTwin(),
    "where the next page is cannot be read": OddPagination(),
    "the name of an attribute cannot be read": OddName("pagination"),
    "Amazon's clock is set back": SetClock(-3 * 3600),
}
OF_ORDERS: dict[str, Fault] = {
    "429 with a rate of nothing": Answer(429, rate="0"),  # for stock, that is waited for in place
    "complete since the year 1": CompleteUntil("0001-01-01T00:00:00Z"),
    "a data set refused": RefuseData("PROCEEDS"),
    "a data set refused without its name": RefuseData("FULFILLMENT", unnamed=True),
}
OF_STOCK: dict[str, Fault] = {
    "an empty list": Empty(),
    "a row without a SKU": NoSku(),
    "a row whose total is no number": SpoilRow(),
}
ONCE_JUDGED = (
    "401 in JSON",
    "404 in JSON",
    "408 in JSON",
    "413 in JSON",
    "415 in JSON",
    "502 in JSON",
    "504 in JSON",
)


def at_positions(everywhere: dict[str, Fault], in_the_middle: dict[str, Fault]) -> list[Any]:
    """(fault, position), each with its name."""
    pairs = [
        (name, fault, position) for name, fault in everywhere.items() for position in (FIRST, MIDDLE, LAST)
    ]
    pairs = [pair for pair in pairs if pair[0] not in ONCE_JUDGED or pair[2] == MIDDLE]
    pairs += [(name, fault, MIDDLE) for name, fault in in_the_middle.items()]
    return [pytest.param(fault, position, id=f"{name}-{position}") for name, fault, position in pairs]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", httpx.Timeout(1.0))
    settings.MOCK_FALLBACK = "never"


class Time:
    """The time for OMS and for the simulator: the real one, and later when told to."""

    def __init__(self) -> None:
        self._real, self._ahead = timezone.now, timedelta(0)

    def now(self) -> datetime:
        return self._real() + self._ahead

    def stamp(self) -> float:
        return self.now().timestamp()

    def wait(self, **span: float) -> None:
        self._ahead += timedelta(**span)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(timezone, "now", time.now)
    return time


def assert_explained(log: SyncLog) -> None:
    """The row of a run says how it ended, and why where it did not end well."""
    is_partial = log.failed and log.status == Status.PARTIAL  # records with odd bytes in the wrong place
    assert is_partial or explained(log).status in (Status.SUCCEEDED, Status.FAILED, Status.WAITING)


@pytest.fixture
def start_simulator(start_simulator: StartSimulator) -> Iterator[StartSimulator]:
    """Counts what went wrong, for the reliability report."""
    started: list[Simulator] = []

    def start(**options: Any) -> Simulator:
        started.append(start_simulator(**options))
        return started[-1]

    yield start
    for sim in started:
        count_faults(sim)


def misbehave(sim: Simulator, kind: str, fault: Fault, position: int, times: int = 60) -> None:
    sim.rules.add(Rule(operation=OPERATIONS[kind], nth=position, times=times, fault=fault))


def settle(sim: Simulator, platform: Platform, time: Time, kind: str = ORDERS) -> SyncLog:
    """Amazon is well again, a quarter of an hour passes, quota is refilled, and a sync goes on or begins."""
    if any(isinstance(fault, RefuseData) for fault in sim.rules.happened):
        sim.rules.clear()
        time.wait(hours=25)
        sync(platform, kind)  # finds that it is answered again; the next one reads again what lacks it
    sim.rules.clear()
    sim.restore()
    time.wait(minutes=15)
    ApiQuota.objects.all().delete()
    return sync(platform, kind)


@pytest.mark.parametrize(("fault", "position"), at_positions(FAULTS, ON_ANY_PAGE | OF_ORDERS))
def test_it_has_every_order_once_after_a_lasting_fault(
    start_simulator: StartSimulator, time: Time, fault: Fault, position: int
) -> None:
    sim = start_simulator(orders=25, page_size=10, clock=time.stamp)
    platform = platform_of(sim)
    misbehave(sim, ORDERS, fault, position)
    assert_explained(sync(platform))
    assert sim.calls["searchOrders"] >= position  # it was met
    log = settle(sim, platform, time)
    assert (log.status, log.failed) == (Status.SUCCEEDED, 0)
    assert_complete(sim.accounts[0], platform)
    assert watermark_of() == log.window_end


@pytest.mark.parametrize(("fault", "position"), at_positions(STOCK_FAULTS, ON_ANY_PAGE | OF_STOCK))
def test_it_has_every_row_of_stock_once_after_a_lasting_fault(
    start_simulator: StartSimulator, time: Time, fault: Fault, position: int
) -> None:
    sim = start_simulator(skus=25, page_size=10, clock=time.stamp)
    platform = platform_of(sim)
    misbehave(sim, INVENTORY, fault, position)
    assert_explained(sync(platform, INVENTORY))
    log = settle(sim, platform, time, INVENTORY)
    assert (log.status, log.failed) == (Status.SUCCEEDED, 0)
    assert_complete_stock(sim.accounts[0], platform)


@pytest.mark.parametrize("kind", [ORDERS, INVENTORY])
def test_it_has_everything_once_after_one_of_two_marketplaces_was_denied(
    start_simulator: StartSimulator, time: Time, kind: str
) -> None:
    places = ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2")
    account = Account(orders=25, skus=9, marketplace_ids=places)
    sim = start_simulator(account=account, page_size=10, clock=time.stamp)
    platform = platform_of(sim, marketplace_id=places[0], additional_marketplace_ids=[places[1]])
    misbehave(sim, kind, OnlyOf(places[1], Deny()), FIRST)
    assert explained(sync(platform, kind)).status == Status.PARTIAL
    log = settle(sim, platform, time, kind)
    assert (log.status, log.failed) == (Status.SUCCEEDED, 0)
    (assert_complete if kind == ORDERS else assert_complete_stock)(sim.accounts[0], platform)


@pytest.mark.parametrize("position", [FIRST, MIDDLE, LAST])
@pytest.mark.parametrize(
    "name",
    ["503 in HTML", "an error in a success", "cut", "not UTF-8", "late", "trickled", "reset",
     "reset in the body", "access tokens expire", "page tokens expire", "a page repeats", "the same row twice"],
)  # fmt: skip
def test_it_gets_over_a_fault_that_happens_once_without_another_sync(
    start_simulator: StartSimulator, time: Time, name: str, position: int
) -> None:
    sim = start_simulator(orders=25, page_size=10, clock=time.stamp)
    platform = platform_of(sim)
    misbehave(sim, ORDERS, FAULTS[name], position, times=1)
    log = sync(platform)
    assert (log.status, log.failed, log.created) == (Status.SUCCEEDED, 0, 25)
    assert_complete(sim.accounts[0], platform)


@pytest.mark.parametrize("seed", range(6))
def test_it_survives_faults_at_random_in_all_operations(
    start_simulator: StartSimulator, time: Time, seed: int
) -> None:
    sim = start_simulator(orders=25, skus=25, page_size=4, clock=time.stamp)
    platform = platform_of(sim)
    for number, fault in enumerate((Answer(503, "html"), Reset(), Cut(), ExpireTokens(), ExpirePageTokens())):
        sim.rules.add(Rule(probability=0.15, seed=10 * seed + number, fault=fault))
    for kind in (ORDERS, INVENTORY, ORDERS, INVENTORY):
        assert_explained(sync(platform, kind))
        time.wait(minutes=15)
    assert settle(sim, platform, time).status == Status.SUCCEEDED
    assert settle(sim, platform, time, INVENTORY).status == Status.SUCCEEDED
    assert_complete(sim.accounts[0], platform)
    assert_complete_stock(sim.accounts[0], platform)


# Orders that change while their pages are read


def between(sim: Simulator, page: int, change: Callable[[Account, list[str]], object]) -> None:
    """Do something to the account once that page has been made."""

    def hook(site: Site, call: Call) -> None:
        change(site.accounts[0], site.accounts[0].order_ids())

    sim.rules.add(Rule(operation="searchOrders", nth=page, fault=Between(hook)))


@pytest.mark.parametrize("page", [FIRST, MIDDLE])
def test_it_reads_an_order_again_that_moves_to_a_later_page(
    start_simulator: StartSimulator, time: Time, page: int
) -> None:
    sim = start_simulator(orders=25, page_size=10, clock=time.stamp)
    platform, moment = platform_of(sim), time.now() - timedelta(minutes=4)
    between(sim, page, lambda account, ids: account.change_order(ids[3], at=moment))
    log = sync(platform)
    assert (log.status, log.created, log.updated) == (Status.SUCCEEDED, 25, 1)
    assert_complete(sim.accounts[0], platform)
    assert settle(sim, platform, time).status == Status.SUCCEEDED
    assert_complete(sim.accounts[0], platform)


@pytest.mark.parametrize("page", [FIRST, MIDDLE])
@pytest.mark.parametrize("index", [0, 24])
def test_it_finds_an_order_that_leaves_the_window(
    start_simulator: StartSimulator, time: Time, page: int, index: int
) -> None:
    sim = start_simulator(orders=25, page_size=10, clock=time.stamp)
    platform = platform_of(sim)
    between(sim, page, lambda account, ids: account.change_order(ids[index], at=time.now()))
    assert sync(platform).fetched == (25 if index == 0 else 24)
    assert settle(sim, platform, time).status == Status.SUCCEEDED
    assert_complete(sim.accounts[0], platform)


@pytest.mark.parametrize("page", [FIRST, MIDDLE, LAST])
@pytest.mark.parametrize("minutes", [0, 3, 8])
def test_it_finds_an_order_that_appears_even_late(
    start_simulator: StartSimulator, time: Time, page: int, minutes: int
) -> None:
    sim = start_simulator(orders=25, page_size=10, clock=time.stamp)
    platform = platform_of(sim)
    between(sim, page, lambda account, ids: account.add_order(at=time.now() - timedelta(minutes=minutes)))
    assert sync(platform).status == Status.SUCCEEDED
    assert settle(sim, platform, time).status == Status.SUCCEEDED
    assert_complete(sim.accounts[0], platform)
    assert Order.objects.count() == 26


@pytest.mark.parametrize(
    "fault", [None, Answer(503), Revoke(), ExpirePageTokens(), LoopPages(), RepeatPage()]
)
@pytest.mark.parametrize("seed", [1, 2])
def test_it_equals_the_truth_after_a_storm_of_changes(
    start_simulator: StartSimulator, time: Time, seed: int, fault: Fault | None
) -> None:
    sim = start_simulator(orders=40, page_size=7, clock=time.stamp)
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="searchOrders", fault=Mutate(3, seed)))
    if fault is not None:
        misbehave(sim, ORDERS, fault, MIDDLE, times=8)
    for _ in range(2):
        assert_explained(sync(platform))
        time.wait(minutes=5)
    assert settle(sim, platform, time).status == Status.SUCCEEDED
    assert sim.accounts[0].count > 40
    assert_complete(sim.accounts[0], platform)
