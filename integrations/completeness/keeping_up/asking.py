"""When the next list is asked for, and from when until when it is.

A list by last update names orders by their last change as that is when the list is made. So an order that changes again
meanwhile is not in it, and the next one is asked for long before: they are made side by side, however long each takes.
Most begin OVERLAP before what lists are known to have. One in a while reaches back by LAG, since lists are behind by up
to that: what one of them did not have yet, a later one has.

One by order date has what never rests. It is asked for beside them, as long as syncs are behind.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from integrations.completeness.keeping_up.claim import CatchUpClaim
from integrations.completeness.keeping_up.settling import settles_at
from integrations.completeness.keeping_up.sorts import (
    CHANGED,
    PLACED,
    PLACED_SPAN,
    Sort,
    parts_of,
    remembered,
    text_of,
)
from integrations.completeness.lists import LONGEST, MARGIN, covering, earlier_lists, seconds_until
from integrations.models import CatchUp
from integrations.protocol import EarlierList, ListsOrders, TellsTime, Window
from integrations.sync.windows import OVERLAP

REACH_BACK_EVERY = timedelta(minutes=20)
LOOK_AGAIN = 60.0  # seconds, whether one is needed by now
MOST_OPEN = 12  # lists of a sort that are made at the same time
FRESH = timedelta(minutes=5)  # what somebody else asked for no longer ago is taken


def wait_for_next(catch_up: CatchUp, sort: Sort, *, is_behind: bool) -> float:
    """Seconds until the next list of this sort is asked for, or until it is looked again whether one is needed."""
    if wait := seconds_until(catch_up.place.get(sort.next_at)):
        return wait
    if sort is PLACED:
        return _wait_for_placed(catch_up) if is_behind else LOOK_AGAIN
    return _wait_for_changed(catch_up, is_behind=is_behind)


def _wait_for_changed(catch_up: CatchUp, *, is_behind: bool) -> float:
    now, settles = timezone.now(), settles_at(catch_up)
    if not is_behind and (settles is None or now < settles):
        return LOOK_AGAIN
    parts = parts_of(catch_up, CHANGED)
    if not parts:
        return 0.0
    last = parts[-1]
    asked_at = datetime.fromisoformat(last["asked_at"])
    every = CHANGED.every
    if asked_at - datetime.fromisoformat(last["end"]) > every + MARGIN:  # there is more than one list's span
        return 0.0 if last["is_stored"] else LOOK_AGAIN
    if _are_many_open(parts) or (not is_behind and not last["is_stored"]):
        return LOOK_AGAIN
    return max(0.0, (asked_at + every - now).total_seconds())


def _wait_for_placed(catch_up: CatchUp) -> float:
    parts = parts_of(catch_up, PLACED)
    if _are_many_open(parts):
        return LOOK_AGAIN
    last = datetime.fromisoformat(parts[-1]["asked_at"]) if parts else None
    return max(0.0, (last + PLACED.every - timezone.now()).total_seconds()) if last else 0.0


def _are_many_open(parts: Sequence[dict[str, Any]]) -> bool:
    return sum(not part["is_stored"] for part in parts) >= MOST_OPEN


def ask(claim: CatchUpClaim, adapter: ListsOrders, sort: Sort, *, is_behind: bool) -> str:
    """Or take one that somebody asked for just now, be it a worker that was killed before it could say so. Returns the
    id of the list, which is remembered."""
    catch_up = claim.job
    offset = adapter.clock_offset() if isinstance(adapter, TellsTime) else timedelta(0)
    asked_at = timezone.now()
    latest = (asked_at + offset - MARGIN).astimezone(UTC).replace(microsecond=0)
    if sort is PLACED:
        window, about = (
            Window(sort.by, latest - PLACED_SPAN, latest),
            {"is_ahead": False, "reaches_back": False},
        )
    else:
        window, about = _of_changes(catch_up, latest, is_behind=is_behind)
    earlier = _asked_before(catch_up, adapter, sort, window, asked_at)
    if earlier is None:
        list_id, end = adapter.request_order_list(window), window.end
    else:
        list_id, end, asked_at = earlier.list_id, min(earlier.end, window.end), earlier.created_at
    part = {
        "by": sort.by,
        "start": text_of(window.start),
        "end": text_of(end),
        "sites": list(adapter.listed_sites),
        "list": list_id,
        "asked_at": text_of(asked_at),
        "again_at": "",
        "polls": 0,
        **about,
        "is_stored": False,
        "orders": 0,
    }
    claim.save(parts=[*remembered(catch_up), part])
    return list_id


def _of_changes(catch_up: CatchUp, latest: datetime, *, is_behind: bool) -> tuple[Window, dict[str, bool]]:
    """The span of the next list by last update, and what is remembered about it."""
    since, reaches_back = _start(catch_up, is_behind=is_behind)
    start = (since - OVERLAP).astimezone(UTC)
    window = Window(CHANGED.by, min(start, latest - OVERLAP), min(start + LONGEST, latest))
    return window, {"is_ahead": is_behind, "reaches_back": reaches_back}


def _start(catch_up: CatchUp, *, is_behind: bool) -> tuple[datetime, bool]:
    """Where the next list begins, and whether that is where lists are settled: what is before, none lacks any more."""
    settled = catch_up.settled_until or catch_up.window_start
    now = timezone.now()
    parts = parts_of(catch_up, CHANGED)
    reaching = (part["asked_at"] for part in parts if part.get("reaches_back", True))
    last = max(map(datetime.fromisoformat, reaching), default=None)
    is_due = last is None or now - last >= REACH_BACK_EVERY
    if is_due or not is_behind or catch_up.known_until is None:
        return settled, True
    return catch_up.known_until, catch_up.known_until <= settled


def _asked_before(
    catch_up: CatchUp, adapter: ListsOrders, sort: Sort, window: Window, asked_at: datetime
) -> EarlierList | None:
    """One that serves as well, and is none of ours. None that is much longer than a list by order date: to read all
    orders of a month takes minutes."""
    own = {part["list"] for part in catch_up.parts}
    found = earlier_lists(adapter, [sort.kind], asked_at - FRESH)
    others = [each for each in found if each.list_id not in own]
    if sort is PLACED:
        others = [each for each in others if each.end - each.start <= PLACED_SPAN + OVERLAP]
    return covering(others, sort.kind, adapter.listed_sites, window.start, min(window.end, asked_at - FRESH))
