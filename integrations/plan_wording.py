"""Sentences about plans of how to come by many orders (completeness/planner.py). Facts go in, plain text comes out.

plan_lines  a plan for a terminal, line by line: what is wanted, the cheapest lane and why, each lane, the enrichment
why_line    "Cheapest: lists, then pages and ids side by side. All orders are complete soonest that way."
lane_name   "pages of the window"; lane_cells: what a table shows of one; orders_line: how many orders there are
"""

import math
from collections.abc import Iterator
from datetime import timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.format import DAY, duration, grouped
from integrations.completeness.planner import Facts, Goal, Lane, LaneCode, Obstacle, Plan, Split, Why

LANES = {
    LaneCode.INCREMENTAL: gettext_lazy("regular syncs"),
    LaneCode.WINDOW: gettext_lazy("pages of the window"),
    LaneCode.BY_ID: gettext_lazy("each order by its id"),
    LaneCode.BOTH: gettext_lazy("pages and ids side by side"),
    LaneCode.REPORT: gettext_lazy("lists, then pages and ids side by side"),
}
OBSTACLES = {
    Obstacle.ALREADY_READ: gettext_lazy("regular syncs are past the beginning of the window"),
    Obstacle.NOT_SCHEDULED: gettext_lazy("no regular sync is due"),
    Obstacle.IDS_UNKNOWN: gettext_lazy("not all orders of the window are known by id"),
    Obstacle.NO_LISTS: gettext_lazy("the platform makes no lists of orders"),
    Obstacle.NO_QUOTA_LEFT: gettext_lazy("regular syncs take all of the quota"),
    Obstacle.COUNT_UNKNOWN: gettext_lazy("how many orders there are is not known"),
}
REASONS = {
    Why.NO_CALLS: gettext_lazy("It makes no call that is not made anyway."),
    Why.ONLY_ONE: gettext_lazy("There is no other way."),
    Why.LEAST_QUOTA: gettext_lazy("Others are as soon, and take more quota."),
}
SOONEST = {
    Goal.LISTED: gettext_lazy("All orders are listed soonest that way."),
    Goal.COMPLETE: gettext_lazy("All orders are complete soonest that way."),
}
WIDTH = max(map(len, LaneCode))


def plan_lines(plan: Plan) -> Iterator[str]:
    yield orders_line(plan.facts)
    yield why_line(plan)
    for lane in plan.lanes:
        yield f"  {lane.code:{WIDTH}}  {_lane_line(lane)}"
    if plan.enrichment is not None and plan.enrichment.pages and plan.enrichment.by_id:
        yield _split_line(plan.enrichment)


def why_line(plan: Plan) -> str:
    """The cheapest lane and why; or that there is none."""
    if plan.cheapest is None:
        return _("No way can be planned for these orders.")
    reason = SOONEST[plan.goal] if plan.why == Why.SOONEST else REASONS[plan.why]
    return _("Cheapest: %(lane)s. %(reason)s") % {"lane": lane_name(plan.cheapest.code), "reason": reason}


def lane_name(code: LaneCode) -> str:
    return str(LANES[code])


def orders_line(facts: Facts) -> str:
    if facts.all_orders is None:
        return _("How many orders the window has is not known: nothing like it was read before.")
    text = _("About %(orders)s orders: %(full)s are here in full, %(known)s are known by report alone.")
    if facts.is_listed:
        text = _("%(orders)s orders: %(full)s are here in full, %(known)s are known by report alone.")
    return text % {
        "orders": grouped(facts.all_orders),
        "full": grouped(facts.full),
        "known": grouped(facts.known),
    }


def lane_cells(lane: Lane) -> dict[str, str]:
    """What a table shows of a lane: why it is not possible, or when it is done, its calls and their quota."""
    return {
        "obstacle": str(OBSTACLES[lane.obstacle]) if lane.obstacle is not None else "",
        "listed": _span(lane.listed),
        "complete": _span(lane.complete),
        "calls": ", ".join(f"{grouped(count)} {name}" for name, count in lane.calls.items()),
        "quota": _span(lane.quota_seconds) if lane.calls else "",
    }


def _lane_line(lane: Lane) -> str:
    cells = lane_cells(lane)
    if lane.obstacle is not None:
        return _("not possible: %(why)s") % {"why": cells["obstacle"]}
    text = _("listed in %(listed)s, complete in %(complete)s; %(calls)s; %(quota)s of quota")
    if not lane.calls:
        text = _("listed in %(listed)s, complete in %(complete)s; no call more")
    return text % cells


def _split_line(split: Split) -> str:
    text = _(
        "Full answers side by side: %(pages)s pages bring %(by_pages)s orders, %(by_id)s come by their ids; both are "
        "done in %(time)s."
    )
    return text % {
        "pages": grouped(split.pages),
        "by_pages": grouped(split.by_pages),
        "by_id": grouped(split.by_id),
        "time": _span(split.seconds),
    }


def _span(seconds: float | None) -> str:
    """`10 min 0 s`, `10.3 days`; a dash where it is not known."""
    if seconds is None or math.isinf(seconds):
        return duration(None)
    if seconds < 2 * DAY:
        return duration(timedelta(seconds=seconds))
    return _("%(n)s days") % {"n": number_format(seconds / DAY, 1)}
