"""What each way to the orders of a window would take, and which is the cheapest. Pure: no clock, no database.

    incremental  the regular syncs, which come by these orders anyway: no call more
    window       pages that list the window's orders in full
    by_id        each order by its id, where all ids are known
    both         the same orders by pages and by ids side by side: the two quotas are separate
    report       the platform's lists , which make all orders known by id, and then `both`

"Listed": every order of the window is here, if only as a list knows it. "Complete": each in full. Seconds count from
now, and are those that the quotas make it take: answers and storing take little beside them.

    plan(facts)  what plan_facts.facts_of found out -> a Plan, which plan_wording.plan_lines and as_json.plan_as_json
                 show
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from heapq import heappop, heappush

from integrations.completeness.token_math import Bucket, Draws

MINUTE = 60  # seconds; shorter differences are none: the lane with fewer seconds of quota is taken


class LaneCode(StrEnum):
    INCREMENTAL = "incremental"
    WINDOW = "window"
    BY_ID = "by_id"
    BOTH = "both"
    REPORT = "report"


class Goal(StrEnum):
    LISTED = "listed"
    COMPLETE = "complete"


class Obstacle(StrEnum):
    """Why a lane cannot be taken."""

    ALREADY_READ = "already_read"  # regular syncs are past the beginning of the window
    NOT_SCHEDULED = "not_scheduled"  # there are no regular syncs
    IDS_UNKNOWN = "ids_unknown"  # not all orders of the window are known by id
    NO_LISTS = "no_lists"  # the platform makes none
    NO_QUOTA_LEFT = "no_quota_left"  # regular syncs take all of it
    COUNT_UNKNOWN = "count_unknown"  # nobody knows how many orders there are


class Why(StrEnum):
    """Why a lane is the cheapest."""

    NO_CALLS = "no_calls"  # it costs nothing
    ONLY_ONE = "only_one"  # no other can be taken
    SOONEST = "soonest"
    LEAST_QUOTA = "least_quota"  # others are as soon, and take more quota
    NONE = "none"  # no lane can be taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The platform's lists: three operations, each list of a span of `longest`. `takes`: the seconds until one is made;
    `looks`: the seconds from each look after it to the next, the last one from then on."""

    request: Bucket
    state: Bucket
    document: Bucket
    longest: timedelta
    takes: float
    looks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`orders` of the window, None where nobody knows; of these, `known` are stored without their full answer, and
    `full` with it. `is_listed`: these two are all that there are. `page_size` orders are on a page. `next_regular`: the
    seconds until regular syncs read on, None where they do not; `is_ahead`: all of the window lies before them."""

    span: timedelta
    orders: int | None
    page: Bucket
    single: Bucket
    lists: Lists | None
    page_size: int = 100
    known: int = 0
    full: int = 0
    is_listed: bool = False
    next_regular: float | None = None
    is_ahead: bool = False

    def __post_init__(self) -> None:
        if self.page_size < 1 or min(self.known, self.full, self.orders or 0) < 0:
            raise ValueError("counts of orders are not below 0, and a page has one at least")

    @property
    def all_orders(self) -> int | None:
        """What is stored is there, whatever the estimate says."""
        if self.is_listed:
            return self.known + self.full
        return None if self.orders is None else max(self.orders, self.known + self.full)

    @property
    def lacking(self) -> int | None:
        """Orders without their full answer."""
        return None if self.all_orders is None else self.all_orders - self.full


@dataclass(frozen=True, slots=True)
class Split:
    """Orders that are read by pages from one end of the window, and by their ids from the other: how many calls of
    each, how many orders come by them, and when each of both is done."""

    pages: int
    by_pages: int
    by_id: int
    pages_done: float
    by_id_done: float

    @property
    def seconds(self) -> float:
        return max(self.pages_done, self.by_id_done)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What one way would take. `calls` by operation, and `quota`: the seconds of quota of each; `listed` and `complete`
    in seconds from now, None where that is never, or not known. `begins` of these pass before it has its turn."""

    code: LaneCode
    calls: Mapping[str, int] = field(default_factory=dict)
    quota: Mapping[str, float] = field(default_factory=dict)
    listed: float | None = None
    complete: float | None = None
    begins: float = 0.0
    obstacle: Obstacle | None = None
    split: Split | None = None

    @property
    def quota_seconds(self) -> float:
        return sum(self.quota.values())

    def seconds_to(self, goal: Goal) -> float | None:
        return self.listed if goal == Goal.LISTED else self.complete


@dataclass(frozen=True, slots=True)
class Plan:
    """All lanes, and the cheapest one; None where none can be taken."""

    facts: Facts
    goal: Goal
    lanes: tuple[Lane, ...]
    cheapest: Lane | None
    why: Why

    @property
    def enrichment(self) -> Split | None:
        """How full answers are fetched side by side: on the cheapest lane, or on the others where it does not."""
        lanes = ([self.cheapest] if self.cheapest else []) + list(reversed(self.lanes))
        return next((lane.split for lane in lanes if lane.split is not None), None)


def plan(facts: Facts, goal: Goal = Goal.COMPLETE) -> Plan:
    """The cheapest lane is the one that reaches the goal first once it has begun, by the minute; of those that are as
    soon, the one that takes the fewest seconds of quota."""
    lanes = (_incremental(facts), _window(facts), _by_id(facts), _both(facts), _report(facts))
    cheapest, why = _cheapest(lanes, goal)
    return Plan(facts, goal, lanes, cheapest, why)


def _cheapest(lanes: tuple[Lane, ...], goal: Goal) -> tuple[Lane | None, Why]:
    costs = {
        lane.code: (math.floor((seconds - lane.begins) / MINUTE), lane.quota_seconds, lane)
        for lane in lanes
        if lane.obstacle is None and (seconds := lane.seconds_to(goal)) is not None
    }
    if not costs:
        return None, Why.NONE
    minutes, _quota, lane = min(costs.values(), key=lambda cost: cost[:2])
    others = [cost for cost in costs.values() if cost[2] is not lane]
    if not lane.calls:
        return lane, Why.NO_CALLS
    if not others:
        return lane, Why.ONLY_ONE
    return lane, Why.LEAST_QUOTA if any(other[0] == minutes for other in others) else Why.SOONEST


def _incremental(facts: Facts) -> Lane:
    """No call is made that would not be made without it."""
    obstacle = None
    if not facts.is_ahead:
        obstacle = Obstacle.ALREADY_READ
    elif facts.next_regular is None:
        obstacle = Obstacle.NOT_SCHEDULED
    elif facts.all_orders is None:
        obstacle = Obstacle.COUNT_UNKNOWN
    if obstacle or facts.all_orders is None or facts.next_regular is None:
        return Lane(code=LaneCode.INCREMENTAL, obstacle=obstacle)
    page = facts.page
    plain = Bucket(
        page.operation, page.rate, page.burst, page.tokens
    )  # it is the regular sync: nothing is kept from it
    seconds = facts.next_regular + plain.after(facts.next_regular).seconds_until(
        _pages(facts, facts.all_orders)
    )
    return Lane(code=LaneCode.INCREMENTAL, listed=seconds, complete=seconds, begins=facts.next_regular)


def _window(facts: Facts) -> Lane:
    if facts.all_orders is None:
        return Lane(code=LaneCode.WINDOW, obstacle=Obstacle.COUNT_UNKNOWN)
    is_done = facts.is_listed and not facts.lacking
    pages = 0 if is_done else max(1, _pages(facts, facts.all_orders))  # without orders, it has a page, too
    return _lane(LaneCode.WINDOW, {facts.page: pages}, facts.page.seconds_until(pages))


def _by_id(facts: Facts) -> Lane:
    if not facts.is_listed:
        return Lane(code=LaneCode.BY_ID, obstacle=Obstacle.IDS_UNKNOWN)
    return _lane(
        LaneCode.BY_ID, {facts.single: facts.known}, facts.single.seconds_until(facts.known), listed=0.0
    )


def _both(facts: Facts) -> Lane:
    if not facts.is_listed:
        return Lane(code=LaneCode.BOTH, obstacle=Obstacle.IDS_UNKNOWN)
    split = split_enrichment(facts, facts.page, facts.single)
    calls = {facts.page: split.pages, facts.single: split.by_id}
    return _lane(LaneCode.BOTH, calls, split.seconds, listed=0.0, split=split)


def _report(facts: Facts) -> Lane:
    """Full answers are fetched from when all orders are listed. Its calls are those of the lists alone where nobody
    knows how many orders there are."""
    if facts.lists is None:
        return Lane(code=LaneCode.REPORT, obstacle=Obstacle.NO_LISTS)
    count = max(1, math.ceil(facts.span / facts.lists.longest))
    listed, looks = seconds_until_listed(facts.lists, count)
    calls = {facts.lists.request: count, facts.lists.state: looks, facts.lists.document: count}
    if facts.lacking is None:
        return _lane(LaneCode.REPORT, calls, math.inf, listed=listed, can_be_never=True)
    split = split_enrichment(facts, facts.page.after(listed), facts.single.after(listed))
    calls |= {facts.page: split.pages, facts.single: split.by_id}
    return _lane(LaneCode.REPORT, calls, listed + split.seconds, listed=listed, split=split)


def _lane(
    code: LaneCode,
    calls: Mapping[Bucket, int],
    complete: float,
    *,
    listed: float | None = None,
    split: Split | None = None,
    can_be_never: bool = False,
) -> Lane:
    is_never = math.isinf(complete)
    listed = complete if listed is None else listed
    return Lane(
        code=code,
        calls={bucket.operation: count for bucket, count in calls.items() if count},
        quota={bucket.operation: count / bucket.rate for bucket, count in calls.items() if count},
        listed=None if math.isinf(listed) else listed,
        complete=None if is_never else complete,
        obstacle=Obstacle.NO_QUOTA_LEFT if is_never and not can_be_never else None,
        split=split,
    )


def _pages(facts: Facts, orders: int) -> int:
    return -(-orders // facts.page_size)


def seconds_until_listed(lists: Lists, count: int) -> tuple[float, int]:
    """When the last of so many lists is here, and how often they are looked after: step by step, each bucket in the
    order of time. All are asked for as soon as they can be, and the platform makes them side by side."""
    request, state, document = Draws(lists.request), Draws(lists.state), Draws(lists.document)
    # (when, number, looks before, when it was asked for): the number keeps the order of those of one moment.
    due = [(asked := request.next(0.0), number, 0, asked) for number in range(count)]
    made: list[float] = []
    looks = 0
    while due:
        when, number, before, asked = heappop(due)
        seen, looks = state.next(when), looks + 1
        if seen >= asked + lists.takes:
            made.append(seen)
        else:
            wait = lists.looks[min(before, len(lists.looks) - 1)]
            heappush(due, (seen + wait, number, before + 1, asked))
    return max(document.next(seen) for seen in sorted(made)), looks


def split_enrichment(facts: Facts, page: Bucket, single: Bucket) -> Split:
    """Full answers for all orders that lack them, so that both buckets are done at the same time, as nearly as whole
    calls allow. Orders in full lie evenly among those that lack it: a page brings that many less."""
    lacking, orders = facts.lacking or 0, facts.all_orders or 0
    most = _pages(facts, orders) if lacking else 0

    def split(pages: int) -> Split:
        by_pages = min(lacking, pages * facts.page_size * lacking // orders) if lacking else 0
        rest = lacking - by_pages
        return Split(pages, by_pages, rest, page.seconds_until(pages), single.seconds_until(rest))

    low, high = 0, most  # the fewest pages that take as long as the rest does by id
    while low < high:
        middle = (low + high) // 2
        one = split(middle)
        low, high = (low, middle) if one.pages_done >= one.by_id_done else (middle + 1, high)
    found = [split(pages) for pages in {max(0, low - 1), low}]
    return min(found, key=lambda one: (one.seconds, one.pages / page.rate + one.by_id / single.rate))
