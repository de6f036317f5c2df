"""The plan of how to come by many orders: figures by hand, and against buckets that are drawn from step by step."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from integrations.completeness.planner import (
    Facts,
    Goal,
    Lane,
    LaneCode,
    Lists,
    Obstacle,
    Plan,
    Why,
    plan,
    split_enrichment,
)
from integrations.completeness.token_math import Bucket, Regular
from simulator.quotas import PUBLISHED

DAY = 86_400
FEW = settings(
    max_examples=50,
    phases=(Phase.generate,),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def full(operation: str, **values: Any) -> Bucket:
    limit = PUBLISHED[operation]
    return replace(Bucket(operation, limit.rate, limit.burst, float(limit.burst)), **values)


def lists(**values: Any) -> Lists:
    defaults: dict[str, Any] = {
        "request": full("createReport"),
        "state": full("getReport"),
        "document": full("getReportDocument"),
        "longest": timedelta(days=30),
        "takes": 0.0,
        "looks": (15.0, 30.0, 60.0),
    }
    return Lists(**defaults | values)


def facts(**values: Any) -> Facts:
    defaults: dict[str, Any] = {
        "span": timedelta(days=30),
        "orders": 1000,
        "page": full("searchOrders"),
        "single": full("getOrder"),
        "lists": lists(),
    }
    return Facts(**defaults | values)


def lane(code: LaneCode, **values: Any) -> Lane:
    return next(each for each in plan(facts(**values)).lanes if each.code == code)


def chosen(made: Plan) -> tuple[str, str]:
    return (made.cheapest.code if made.cheapest else "", made.why)


# --- one bucket


@pytest.mark.parametrize(
    ("bucket", "calls", "seconds"),
    [
        (full("searchOrders"), 20, 0),
        (full("searchOrders"), 21, 1 / 0.0056),
        (full("searchOrders", kept=5.0), 16, 1 / 0.0056),
        (full("searchOrders", tokens=0.5), 1, 0.5 / 0.0056),
        (full("searchOrders"), 5000, 4980 / 0.0056),  # 10.3 days
        (full("getOrder"), 500_000, 499_970 / 0.5),  # 11.6 days
        (full("createReport"), 15, 0),
        (full("createReport"), 25, 10 / 0.0167),
        # A regular call every 200 s, from now on; 0.1 a second is granted: 20 of each 200 s, of which one is taken.
        (Bucket("x", 0.1, 10, 10.0, 0.0, Regular(1, 200)), 9, 0),
        (Bucket("x", 0.1, 10, 10.0, 0.0, Regular(1, 200)), 10, 10),
        (Bucket("x", 0.1, 10, 10.0, 0.0, Regular(1, 200)), 29, 210),
        (Bucket("x", 0.1, 10, 10.0, 0.0, Regular(20, 200, 100)), 20, math.inf),
        (Bucket("x", 0.1, 10, 10.0, 0.0, Regular(20, 200, 100)), 19, 90),
    ],
)
def test_it_says_when_the_last_call_is_made(bucket: Bucket, calls: int, seconds: float) -> None:
    assert bucket.seconds_until(calls) == pytest.approx(seconds)


def test_it_says_how_a_bucket_stands_later() -> None:
    bucket = Bucket("x", 0.1, 10, 3.0, 0.0, Regular(2, 50, 20))
    later = bucket.after(75)  # 3 + 2 - 2, + 5 - 2, + 0.5
    assert later.tokens == pytest.approx(6.5)
    assert later.regular == Regular(2, 50, 45)
    assert full("searchOrders", tokens=0.0).after(DAY).tokens == 20


# --- the lanes


def test_two_years_of_500_000_orders_are_listed_in_minutes_and_complete_in_half_the_time() -> None:
    made = plan(facts(span=timedelta(days=730), orders=500_000), Goal.LISTED)
    window, report = (next(each for each in made.lanes if each.code == code) for code in ("window", "report"))
    assert window.calls == {"searchOrders": 5000}
    assert window.listed == window.complete == pytest.approx(4980 / 0.0056)  # 889,286 s: 10.3 days
    # 25 lists: 15 at once, 10 more a minute each. The last one's document: of 25, in the same way.
    assert report.listed == pytest.approx(10 / 0.0167)
    assert {name: report.calls[name] for name in ("createReport", "getReport", "getReportDocument")} == {
        "createReport": 25, "getReport": 25, "getReportDocument": 25,
    }  # fmt: skip
    # Both together bring 1.06 orders a second; 20 pages and 30 orders are there at once.
    assert report.complete == pytest.approx(600 + (500_000 - 2000 - 30) / 1.06, rel=1e-3)
    split = report.split
    assert split is not None
    assert split.by_pages + split.by_id == 500_000
    assert split.pages_done == pytest.approx(split.by_id_done, rel=0.001)
    assert chosen(made) == ("report", Why.SOONEST)
    assert chosen(plan(made.facts)) == ("report", Why.SOONEST)  # to have them complete, too


def test_lists_are_looked_after_until_they_are_made() -> None:
    report = lane(LaneCode.REPORT, span=timedelta(days=31), orders=0, lists=lists(takes=20.0))
    # Two lists, looked after at 0, 15 and 45 s.
    assert (report.listed, report.calls["getReport"]) == (45, 6)
    # Seconds of quota: two of each that are granted once a minute, six of those that are granted twice a second.
    assert report.quota_seconds == pytest.approx(4 / 0.0167 + 6 / 2)


CASES: list[tuple[str, dict[str, Any], Goal, tuple[str, str]]] = [
    ("a page is cheaper than a list", {"orders": 80}, Goal.COMPLETE, ("window", Why.SOONEST)),
    ("regular syncs come by it", {"is_ahead": True, "next_regular": 600.0}, Goal.COMPLETE,
     ("incremental", Why.NO_CALLS)),
    ("regular syncs could not keep up", {"is_ahead": True, "next_regular": 600.0, "orders": 150_000}, Goal.LISTED,
     ("report", Why.SOONEST)),
    ("five of a month", {"known": 5, "full": 9_995, "is_listed": True}, Goal.COMPLETE, ("by_id", Why.LEAST_QUOTA)),
    ("all of a month", {"known": 10_000, "is_listed": True}, Goal.COMPLETE, ("both", Why.SOONEST)),
    ("nothing lacks", {"full": 10_000, "is_listed": True}, Goal.COMPLETE, ("window", Why.NO_CALLS)),
    ("nobody knows how many", {"orders": None}, Goal.LISTED, ("report", Why.ONLY_ONE)),
    ("nobody knows how many", {"orders": None}, Goal.COMPLETE, ("", Why.NONE)),
    ("no lists", {"lists": None, "orders": 80}, Goal.COMPLETE, ("window", Why.ONLY_ONE)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "goal", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_it_takes_the_cheapest_lane(values: dict[str, Any], goal: Goal, expected: tuple[str, str]) -> None:
    asked = facts(**{"lists": lists(takes=300.0)} | values)
    assert chosen(plan(asked, goal)) == expected


def test_it_says_why_a_lane_cannot_be_taken() -> None:
    none_left = full("searchOrders", tokens=0.0, regular=Regular(6, 900))  # 5.04 are granted in that time
    made = plan(facts(page=none_left, lists=None))
    assert {each.code: each.obstacle for each in made.lanes} == {
        "incremental": Obstacle.ALREADY_READ,
        "window": Obstacle.NO_QUOTA_LEFT,
        "by_id": Obstacle.IDS_UNKNOWN,
        "both": Obstacle.IDS_UNKNOWN,
        "report": Obstacle.NO_LISTS,
    }
    # What regular syncs take of the pages is left to them; orders come by their ids then.
    split = plan(facts(page=none_left, known=1000, is_listed=True)).enrichment
    assert split is not None
    assert (split.pages, split.by_id) == (0, 1000)


# --- against buckets that are drawn from step by step

rates = st.integers(1, 64).map(lambda number: Fraction(number, 64))
bursts = st.integers(1, 20)


@st.composite
def buckets(draw: Callable[..., Any], *, is_shared: bool = True) -> Bucket:
    rate, burst = draw(rates), draw(bursts)
    tokens = draw(st.integers(0, burst * 4)) / 4
    kept = draw(st.integers(0, burst - 1)) if is_shared else 0
    regular = None
    if is_shared and draw(st.booleans()):
        regular = Regular(draw(st.integers(0, 3)), draw(st.integers(1, 200)), draw(st.integers(0, 50)))
    return Bucket("x", float(rate), burst, tokens, float(kept), regular)


def times_of_calls(bucket: Bucket) -> Iterator[Fraction]:
    """When each call is made by somebody who makes it as soon as the bucket has a token more than is kept and no
    regular call waits; in whole fractions."""
    rate, kept = Fraction(bucket.rate), Fraction(bucket.kept)
    now, tokens, waiting = Fraction(0), Fraction(bucket.tokens), 0
    turn = None if bucket.regular is None else Fraction(bucket.regular.first)
    while True:
        if bucket.regular and turn == now:
            waiting, turn = waiting + int(bucket.regular.calls), turn + Fraction(bucket.regular.every)
        taken = min(waiting, int(tokens))
        waiting, tokens = waiting - taken, tokens - taken
        if not waiting and tokens - kept >= 1:
            tokens -= 1
            yield now
            continue
        lacking = 1 - tokens if waiting else 1 + kept - tokens
        ready = now + lacking / rate
        then = ready if turn is None else min(ready, turn)
        tokens, now = min(Fraction(bucket.burst), tokens + (then - now) * rate), then


def is_as_simulated(planned: float, simulated: float) -> bool:
    """Never below but for rounding, and at most 2 % above."""
    return simulated - 1e-6 <= planned <= 1.02 * simulated + 1e-6


def starves(bucket: Bucket) -> bool:
    return bucket.regular is not None and bucket.rate * bucket.regular.every <= bucket.regular.calls


@FEW
@given(buckets(), st.integers(1, 80))
def test_a_bucket_gives_each_call_when_the_simulated_one_does(bucket: Bucket, calls: int) -> None:
    planned = [bucket.seconds_until(number) for number in range(1, calls + 1)]
    reachable = [seconds for seconds in planned if not math.isinf(seconds)]
    assert len(reachable) == calls or starves(bucket)
    for seconds, simulated in zip(reachable, times_of_calls(bucket), strict=False):
        assert is_as_simulated(seconds, float(simulated))


@FEW
@given(buckets(), buckets(is_shared=False), st.integers(1, 400), st.integers(0, 400), st.integers(1, 20))
def test_both_buckets_side_by_side_are_done_when_the_simulated_ones_are(
    page: Bucket, single: Bucket, known: int, complete: int, size: int
) -> None:
    asked = facts(page=page, single=single, known=known, full=complete, is_listed=True, page_size=size)
    split = split_enrichment(asked, page, single)
    # Pages from the front, ids from the back, each as soon as it can be, until they meet.
    lacking_at = {-(-number * (known + complete) // known) - 1 for number in range(1, known + 1)}
    front, back, now = 0, known + complete, 0.0
    pages, singles = times_of_calls(page), times_of_calls(single)
    next_page, next_single = next(pages) if not starves(page) else Fraction(10**9), next(singles)
    while any(front <= place < back for place in lacking_at):
        if next_page <= next_single:
            front, now, next_page = front + size, float(next_page), next(pages)
        else:
            back = max(place for place in lacking_at if place < back)
            now, next_single = float(next_single), next(singles)
    if not starves(page):
        assert is_as_simulated(split.seconds, now)
    assert split.by_pages + split.by_id == known


class SimulatedBucket:
    """Asked again and again: whether a call may be made now, and when else."""

    def __init__(self, rate: Fraction, burst: int) -> None:
        self.rate, self.burst, self.tokens, self.then = rate, burst, Fraction(burst), Fraction(0)

    def take(self, now: Fraction) -> bool:
        self.tokens, self.then = min(Fraction(self.burst), self.tokens + (now - self.then) * self.rate), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def ready(self) -> Fraction:
        return self.then + max(Fraction(0), 1 - self.tokens) / self.rate


@settings(FEW, max_examples=30)
@given(st.integers(1, 20), st.integers(0, 600), rates, bursts, rates, bursts)
def test_lists_are_here_when_the_simulated_buckets_let_them(
    count: int, takes: int, slow: Fraction, few: int, quick: Fraction, many: int
) -> None:
    limits = {"request": (slow, few), "state": (quick, many), "document": (slow, few)}
    buckets = {name: Bucket(name, float(rate), burst, float(burst)) for name, (rate, burst) in limits.items()}
    asked = lists(takes=float(takes), **buckets)
    report = lane(LaneCode.REPORT, span=timedelta(days=30 * count), orders=0, lists=asked)
    simulated = {name: SimulatedBucket(*limit) for name, limit in limits.items()}
    now = Fraction(0)
    # Each list: from when on which call is wanted next, how often it was looked after, and when it was asked for.
    due = [(now, number, "request", 0, now) for number in range(count)]
    looks = 0
    while due:
        job = next((job for job in sorted(due) if job[0] <= now and simulated[job[2]].take(now)), None)
        if job is None:
            now = min(max(job[0], simulated[job[2]].ready()) for job in due)
            continue
        due.remove(job)
        _when, number, step, before, requested = job
        looks += step == "state"
        if step == "request":
            due.append((now, number, "state", 0, now))
        elif step == "state" and now >= requested + takes:
            due.append((now, number, "document", 0, requested))
        elif step == "state":
            due.append((now + int(asked.looks[min(before, 2)]), number, "state", before + 1, requested))
    assert report.listed is not None
    assert is_as_simulated(report.listed, float(now))
    assert abs(report.calls["state"] - looks) <= 0.02 * looks
