"""What hypothesis may choose from."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from simulator import (
    AWKWARD_SKUS,
    Answer,
    Cut,
    ExpirePageTokens,
    ExpireTokens,
    LoopPages,
    NextRowToo,
    NotUtf8,
    RepeatPage,
    Reset,
    Revoke,
    SpoilRow,
)
from simulator.faults import Fault
from stateful.amazon import CHANGES, Change
from stateful.troubles import Calm, Cancelled, Dies, Outrun, Refuses, Stops, Trouble

BODIES = ("json", "html", "empty", "cut", "non-utf8")
STATUSES = (400, 401, 403, 404, 408, 413, 415, 500, 502, 503, 504)
# 403 and 400 have meanings of their own; a gateway's 429 tells no rate.
ANSWERS = st.builds(Answer, st.sampled_from(STATUSES), st.sampled_from(BODIES)) | st.sampled_from(
    (Answer(200), Answer(200, "html"), Answer(200, "empty"), Answer(429, rate="0.01"), Answer(429, "html"))
)
NETWORK = st.sampled_from((Reset(), Reset(in_body=True), Cut(), Cut(declared=True), NotUtf8()))
PAGING = st.sampled_from(
    (ExpirePageTokens(), RepeatPage(), LoopPages(), NextRowToo(), SpoilRow(), ExpireTokens(), Revoke())
)
# (operation, "" for the one that the sync asks; fault; from which call on; how often)
Faults = Sequence[tuple[str, Fault, int, int]]
WhileRead = Sequence[tuple[int, Change]]  # after which page; what happens


def faults_of(kind: str) -> SearchStrategy[Faults]:
    """None, or one or two, at the listing, the token, or the single order that a replay asks for."""
    position, times = st.integers(1, 4), st.sampled_from((1, 2, 30))
    elsewhere = st.sampled_from(("token", "getOrder") if kind == "orders" else ("token",))
    fault = st.one_of(
        st.tuples(st.just(""), PAGING, position, times),
        st.tuples(st.just(""), ANSWERS | NETWORK, position, times),
        st.tuples(elsewhere, ANSWERS | NETWORK, st.just(1), times),
    )
    return st.lists(fault, max_size=2)


def changes() -> SearchStrategy[Change]:
    return st.builds(
        Change, st.sampled_from(CHANGES), pick=st.integers(0, 20), late=st.sampled_from((0, 3, 5))
    )


def changes_while_read() -> SearchStrategy[WhileRead]:
    return st.lists(st.tuples(st.integers(1, 4), changes()), max_size=3)


def troubles_of_ours() -> SearchStrategy[Trouble]:
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
