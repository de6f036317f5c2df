"""How far the orders of a platform are known, and how far they are here in full: what regular syncs go by.

The watermark says until when orders are here in full. Lists do not move it. They move `known_until`, from which regular
syncs read on meanwhile; what lies between the two is work: each order in there says itself that its details are
still to be fetched. The watermark follows as that is done (decision 24).
"""

from datetime import datetime
from typing import Any

from django.db.models import Min

from integrations.completeness.comparing import LAG
from integrations.completeness.history.split import open_ones
from integrations.models import CatchUp, StreamState, SyncLog

ORDERS = SyncLog.Kind.ORDERS
NOTHING_SKIPPED: dict[str, Any] = {"known_until": None, "skipped_until": None}


def make_known(catch_up: CatchUp, until: datetime) -> None:
    """A list has all that changed before. Joins the caller's transaction."""
    state = StreamState.of(catch_up.platform, ORDERS)
    if all(each is None or each < until for each in (state.watermark, state.known_until)):
        StreamState.write(catch_up.platform_id, ORDERS, known_until=until, skipped_until=until)


def settle(catch_up: CatchUp) -> bool:
    """Move the watermark to where orders are here in full. Whether it says all there is to say by now.

    It stops before the first order whose details are still to be fetched, and before what a list made soon after may
    not have had.
    """
    state = StreamState.of(catch_up.platform, ORDERS)
    if state.known_until is None:
        return True
    until = _settled_until(catch_up, state)
    if state.watermark is None or until is None or until <= state.watermark:
        return False
    is_all = until >= state.known_until
    unchanged = StreamState.objects.filter(
        pk=state.pk, watermark=state.watermark, known_until=state.known_until
    )
    values = {"watermark": until} | (NOTHING_SKIPPED if is_all else {})
    return bool(unchanged.update(**values)) and is_all


def settles_at(catch_up: CatchUp) -> datetime | None:
    """From when on a list has for certain what syncs have skipped; None where one has it, or nothing was skipped."""
    skipped = StreamState.of(catch_up.platform, ORDERS).skipped_until
    if skipped is None or _has_settled(catch_up, skipped):
        return None
    return skipped + LAG


def give_up(catch_up: CatchUp) -> None:
    """It ends before all is in full: regular syncs read on from the watermark. Joins the caller's transaction."""
    StreamState.objects.filter(platform=catch_up.platform_id, stream=ORDERS).update(**NOTHING_SKIPPED)


def _settled_until(catch_up: CatchUp, state: StreamState) -> datetime | None:
    """None as long as nobody can say."""
    if catch_up.unlisted or state.known_until is None or catch_up.settled_until is None:
        return None
    first = open_ones(catch_up).order_by().aggregate(first=Min("platform_updated_at"))["first"]
    is_listed = state.skipped_until is None or _has_settled(catch_up, state.skipped_until)
    reached = state.known_until if is_listed else min(catch_up.settled_until, state.known_until)
    return min(reached, first) if first is not None else reached


def _has_settled(catch_up: CatchUp, until: datetime) -> bool:
    return catch_up.settled_until is not None and catch_up.settled_until >= until
