"""What hypothesis may choose from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from simulator import (
    AWKWARD_SKUS,
    Answer,
    CompleteUntil,
    Cut,
    Deny,
    Empty,
    ExpirePageTokens,
    ExpireTokens,
    LoopPages,
    NextRowToo,
    NoSku,
    NotUtf8,
    OddName,
    OddPagination,
    OlderTwin,
    OnlyOf,
    RefuseData,
    RefuseSku,
    RepeatPage,
    Reset,
    Revoke,
    SpoilRow,
)
from simulator.faults.base import Fault
from stateful.amazon import ORDER_CHANGES, STOCK_CHANGES, Change
from stateful.events import Calm, Cancelled, Dies, Event, Outrun, Refuses, Stops
from stateful.world import MARKETPLACES

BODIES = ("json", "html", "empty", "cut", "non-utf8")
STATUSES = (400, 401, 403, 404, 408, 413, 415, 500, 502, 503, 504)
ANSWERS = st.builds(Answer, st.sampled_from(STATUSES), st.sampled_from(BODIES)) | st.sampled_from(
    (Answer(200), Answer(200, "html"), Answer(200, "empty"), Answer(429, rate="0.01"))
)
NETWORK = st.sampled_from((Reset(), Reset(in_body=True), Cut(), Cut(declared=True), NotUtf8()))
PAGING = st.sampled_from(
    (
        SpoilRow(),
        ExpirePageTokens(),
        RepeatPage(),
        LoopPages(),
        NextRowToo(),
        ExpireTokens(),
        Revoke(),
        Deny(),
        OddName("pagination"),
        OddName("fulfillmentStatus"),
        OddName("totalQuantity"),
        OddPagination(),
        OlderTwin(),
        NoSku(),
        RefuseSku(AWKWARD_SKUS[3]),
    )
)
# Whoever asks for one of these, in a list or for one order, is refused until all is well again.
DATA_SETS = st.builds(
    RefuseData, st.sampled_from(("FULFILLMENT", "PROCEEDS", "CANCELLATION", "PACKAGES", "TAX")), st.booleans()
)
# What a 429 may say of the rate besides.
ODD_RATES = st.sampled_from(("0", "-1", "nan", "1e9", "fast"))
# Where the account has one marketplace alone, the second of these happens to nobody.
APART = st.builds(
    OnlyOf,
    st.sampled_from(MARKETPLACES),
    st.sampled_from((Answer(403), Answer(400), Answer(503), Answer(200, "cut"), Cut(declared=True))),
)
# Until when an answer says it is complete.
ODD_TIMES = st.sampled_from(("0001-01-01T00:00:00Z", "1961-06-09T14:52:24Z", "9999-12-31T23:59:59Z", "soon"))
LATE = (0, 0, 3, 3, 5, 5, 4 * 60, 12 * 60)  # minutes
CLOCKS = (0, 0, 45, -45, 3 * 3600, -20 * 3600)  # seconds that this machine's clock is ahead of Amazon's


@dataclass(frozen=True)
class Turn:
    """One try at a sync.

    before      what happens at Amazon ahead of it; then so many `minutes` pass, and Amazon may be `well_again`
    person      "replays" what failed or "cancels" what is open, ahead of it
    faults      (operation, "" for the listing; fault; from which call on; how often); they stay until all is well again
    while_read  (after which page; what happens at Amazon)
    event     what happens to the worker
    """

    before: Sequence[Change] = ()
    minutes: int = 0
    well_again: bool = False
    person: str = ""
    faults: Sequence[tuple[str, Fault, int, int]] = ()
    while_read: Sequence[tuple[int, Change]] = ()
    event: Event = Calm()  # noqa: RUF009  frozen


def turns(kind: str) -> SearchStrategy[Turn]:
    position, times = st.integers(1, 4), st.sampled_from((1, 2, 30))
    # A replay asks for single orders.
    elsewhere = st.sampled_from(("token", "getOrder") if kind == "orders" else ("token",))
    first = st.just(1)
    fault = st.one_of(
        st.tuples(st.just(""), PAGING, position, times),
        st.tuples(st.just(""), ANSWERS | NETWORK, position, times),
        st.tuples(st.just(""), APART, first, st.just(30)),
        st.tuples(elsewhere, ANSWERS | NETWORK | st.just(Deny()), first, times),
    )
    if kind == "orders":  # without a rate: for other operations that is a second or two, waited for in place
        fault |= st.tuples(st.just(""), st.just(Answer(429, "html")), position, times)
        fault |= st.tuples(st.just(""), st.builds(Answer, st.just(429), rate=ODD_RATES), position, times)
        fault |= st.tuples(st.just(""), st.builds(CompleteUntil, ODD_TIMES), position, times)
        fault |= st.tuples(st.just("*"), DATA_SETS, first, st.just(1000))
    else:
        fault |= st.tuples(st.just(""), st.just(Empty()), first, st.sampled_from((1, 30)))
    change = changes(kind)
    return st.builds(
        Turn,
        before=st.lists(change, max_size=5),
        minutes=st.sampled_from((6, 3, 0, 90)),
        well_again=st.booleans(),
        person=st.sampled_from(("", "", "", "replays", "cancels")),
        faults=st.lists(fault, max_size=2),
        while_read=st.lists(st.tuples(position, change), max_size=3),
        event=own_events(),
    )


def changes(kind: str) -> SearchStrategy[Change]:
    what = st.sampled_from(ORDER_CHANGES if kind == "orders" else STOCK_CHANGES)
    return st.builds(Change, what, pick=st.integers(0, 30), late=st.sampled_from(LATE))


def own_events() -> SearchStrategy[Event]:
    page = st.integers(1, 3)
    return st.one_of(
        st.just(Calm()),
        st.builds(Dies, st.integers(1, 70)),
        st.builds(Refuses, st.integers(1, 70), st.sampled_from((1, 3, 1000))),
        st.builds(Stops, page),
        st.builds(Cancelled, page),
        st.builds(Outrun, page, st.integers(1, 4)),
    )


def windows() -> SearchStrategy[dict[str, Any]]:
    """What a person asks for; nothing, most of the time: the sync goes on from the watermark."""
    asked = st.fixed_dictionaries(
        {"days": st.sampled_from((1, 10, 40)), "by": st.sampled_from(("updated", "created"))}
    )
    return st.just({}) | st.just({}) | asked


def some_skus() -> SearchStrategy[list[str]]:
    """All SKUs, or a few by name; one of them is unknown."""
    return st.just([]) | st.lists(
        st.sampled_from((*AWKWARD_SKUS[:7], "NO-SUCH-SKU")), max_size=3, unique=True
    )
