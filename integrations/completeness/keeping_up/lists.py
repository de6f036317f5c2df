"""The lists of what has changed: one is asked for, looked after until it is made, and stored; then the next one.

Each begins LAG before the last one ended, since lists are behind by up to that: what one of them did not have yet, a
later one has. A list that is not made, or not believed, is asked for again soon.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.completeness.comparing import LAG
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.history.listing import figures_of, problem_of, store_list
from integrations.completeness.keeping_up.claim import CatchUpClaim
from integrations.completeness.keeping_up.rule import ORDERS, known_of
from integrations.completeness.keeping_up.settling import make_known, settles_at
from integrations.completeness.lists import LONGEST, MARGIN, covering, earlier_lists, seconds_until
from integrations.errors import PlatformError
from integrations.models import CatchUp, StreamState
from integrations.protocol import ListKind, ListsOrders, TellsTime, Window
from integrations.sync.windows import OVERLAP

EVERY = timedelta(
    minutes=20
)  # from asking for one list to asking for the next: the rest of LIMIT is for making it
LOOKS = (15.0, 30.0, 60.0)  # seconds until a list is looked after again; the last one from then on
LOOK_AGAIN = 60.0  # seconds, whether one is needed by now
NEXT_TRY = timedelta(minutes=5)  # after a list that was not made
LONGEST_WAIT = timedelta(hours=2)  # for one list; then another one is asked for
KEPT = 12  # lists that are remembered
Part = dict[str, Any]


def keep_known(claim: CatchUpClaim, adapter: ListsOrders, *, is_behind: bool) -> float:
    """Ask for the next list where one is needed, and store the one that was made. Returns the seconds until there is
    something to do. Raises PlatformError for what is not about one list."""
    part = open_part(claim.job)
    if part is None:
        wait = _wait_for_next(claim.job, is_behind=is_behind)
        if wait:
            return wait
        _ask(claim, adapter, is_behind=is_behind)
    try:
        return _advance(claim, adapter)
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        return _drop(claim, error)


def open_part(catch_up: CatchUp) -> Part | None:
    """The list that is being made."""
    return catch_up.parts[-1] if catch_up.parts and not catch_up.parts[-1]["is_stored"] else None


def _wait_for_next(catch_up: CatchUp, *, is_behind: bool) -> float:
    """Seconds until the next list is asked for, or until it is looked again whether one is needed."""
    now, settles = timezone.now(), settles_at(catch_up)
    if wait := seconds_until(catch_up.place.get("list_at")):
        return wait
    if not is_behind and (settles is None or now < settles):
        return LOOK_AGAIN
    if not catch_up.parts or catch_up.parts[-1]["end"] < _text(
        now - EVERY
    ):  # there is more than one list's span
        return 0.0
    due = datetime.fromisoformat(catch_up.parts[-1]["asked_at"]) + EVERY
    return max(0.0, (due - now).total_seconds())


def _ask(claim: CatchUpClaim, adapter: ListsOrders, *, is_behind: bool) -> None:
    """Or take one that somebody asked for just now, be it a worker that was killed before it could say so."""
    catch_up = claim.job
    offset = adapter.clock_offset() if isinstance(adapter, TellsTime) else timedelta(0)
    asked_at = timezone.now()
    latest = (asked_at + offset - MARGIN).astimezone(UTC).replace(microsecond=0)
    start = ((catch_up.settled_until or catch_up.window_start) - OVERLAP).astimezone(UTC)
    window = Window("updated", min(start, latest - OVERLAP), min(start + LONGEST, latest))
    sites = list(adapter.listed_sites)
    recent = earlier_lists(adapter, [ListKind.UPDATED], asked_at - EVERY)
    reaching = min(window.end, asked_at - EVERY)
    earlier = covering(recent, ListKind.UPDATED, sites, window.start, reaching)
    if earlier is None:
        list_id, end = adapter.request_order_list(window), window.end
    else:
        list_id, end, asked_at = earlier.list_id, min(earlier.end, window.end), earlier.created_at
    part = {
        "start": _text(window.start),
        "end": _text(end),
        "sites": sites,
        "list": list_id,
        "asked_at": _text(asked_at),
        "again_at": "",
        "polls": 0,
        "is_ahead": is_behind,
        "is_stored": False,
        "orders": 0,
    }
    claim.save(parts=[*catch_up.parts[1 - KEPT :], part])


def _advance(claim: CatchUpClaim, adapter: ListsOrders) -> float:
    """Store the list if it is made; otherwise the seconds until it is looked after again."""
    catch_up = claim.job
    part = catch_up.parts[-1]
    if wait := seconds_until(part["again_at"]):
        return wait
    state = adapter.order_list_state(part["list"])
    if not state.is_over and state.error is None:
        if timezone.now() - datetime.fromisoformat(part["asked_at"]) > LONGEST_WAIT:
            raise PlatformError(
                f"The platform did not make list {part['list']} in time.", code="list_not_made"
            )
        wait = LOOKS[min(part["polls"], len(LOOKS) - 1)]
        again = _text(timezone.now() + timedelta(seconds=wait))
        claim.update_part(len(catch_up.parts) - 1, polls=part["polls"] + 1, again_at=again)
        return wait
    if problem := problem_of(catch_up.platform_id, part, state, by="platform_updated_at"):
        raise problem
    _store(claim, adapter, state.document)
    return 0.0


def _drop(claim: CatchUpClaim, problem: PlatformError) -> float:
    """This list is none: the next one covers its span as well."""
    parts = claim.job.parts[:-1]
    note = {"code": problem.code, "message": str(problem), "at": _text(timezone.now())}
    others = [each for each in claim.job.notes if each["code"] == "trouble"]
    place = claim.job.place | {"list_at": _text(timezone.now() + NEXT_TRY)}
    claim.save(parts=parts, place=place, notes=[*others, note])
    return NEXT_TRY.total_seconds()


def _store(claim: CatchUpClaim, adapter: ListsOrders, document: str) -> None:
    """Its orders, then what is known by them. Where it is repeated, nothing changes."""
    found = store_list(claim, adapter, document, updates_full=True)
    catch_up, now = claim.job, timezone.now()
    part = catch_up.parts[-1]
    end, asked_at = (datetime.fromisoformat(part[name]) for name in ("end", "asked_at"))
    until = end if part["is_ahead"] else None
    before = known_of(StreamState.of(catch_up.platform, ORDERS), None) or catch_up.window_start
    settled = max(catch_up.settled_until or catch_up.window_start, min(end, asked_at - LAG))
    unknown = round((now - before).total_seconds())
    last = part | {"is_stored": True, "orders": found.listed}
    with transaction.atomic():
        if until is not None:
            make_known(catch_up, until)
        claim.save(
            **figures_of(catch_up, found),
            **claim.is_well(),
            parts=[*catch_up.parts[:-1], last],
            lists=catch_up.lists + 1,
            changed=catch_up.changed + found.updated,
            known_until=max(catch_up.known_until or end, until or end),
            settled_until=settled,
            longest_unknown=max(catch_up.longest_unknown or 0, unknown),
        )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
