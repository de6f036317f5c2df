"""The lists of what has changed: one is asked for every few minutes, looked after until it is made, and stored.

A list names orders by their last change as that is when the list is made. So an order that changes again meanwhile is
not in it, and the next one is asked for long before: they are made side by side, however long each takes. Most begin
OVERLAP before what lists are known to have. One in a while reaches back by LAG, since lists are behind by up to that:
what one of them did not have yet, a later one has. One that is not made, or not believed, is asked for again soon.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.comparing import LAG
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.history.listing import figures_of, problem_of, store_list
from integrations.completeness.keeping_up.claim import CatchUpClaim
from integrations.completeness.keeping_up.rule import ORDERS, known_of
from integrations.completeness.keeping_up.settling import make_known, settles_at
from integrations.completeness.lists import LONGEST, MARGIN, covering, earlier_lists, moment_in, seconds_until
from integrations.errors import PlatformError, RateLimited, TransientError
from integrations.models import CatchUp, StreamState
from integrations.protocol import ListKind, ListsOrders, TellsTime, Window
from integrations.sync.windows import OVERLAP

EVERY = timedelta(
    minutes=5
)  # from asking for one list to asking for the next: a fifth of what the quota grants
REACH_BACK_EVERY = timedelta(minutes=20)
LOOKS = (15.0, 30.0, 60.0)  # seconds until a list is looked after again; the last one from then on
LOOK_AGAIN = 60.0  # seconds, whether one is needed by now
NEXT_TRY = timedelta(minutes=5)  # after a list that was not made
LONGEST_WAIT = timedelta(hours=2)  # for one list; then it is given up
MOST_OPEN = 12  # lists that are made at the same time
KEPT = 12  # lists that are remembered, beside those that are being made
Part = dict[str, Any]


def keep_known(claim: CatchUpClaim, adapter: ListsOrders, *, is_behind: bool) -> float:
    """Store the lists that were made, and ask for the next one where it is needed. Returns the seconds until there is
    something to do. Raises PlatformError for what is not about one list, nor of the moment: what is listed is fetched
    meanwhile, which is other calls."""
    waits = [_look_after(claim, adapter, part["list"]) for part in open_parts(claim.job)]
    wait = _wait_for_next(claim.job, is_behind=is_behind)
    if not wait:
        try:
            _ask(claim, adapter, is_behind=is_behind)
            wait = _look_after(claim, adapter, claim.job.parts[-1]["list"])
        except TransientError as error:
            wait = _later(claim, error)
            claim.update_place({"list_at": moment_in(wait)})
    return min([wait, *waits])


def open_parts(catch_up: CatchUp) -> list[Part]:
    """The lists that are being made, the oldest first."""
    return [part for part in catch_up.parts if not part["is_stored"]]


def _wait_for_next(catch_up: CatchUp, *, is_behind: bool) -> float:
    """Seconds until the next list is asked for, or until it is looked again whether one is needed."""
    now, settles = timezone.now(), settles_at(catch_up)
    if wait := seconds_until(catch_up.place.get("list_at")):
        return wait
    if not is_behind and (settles is None or now < settles):
        return LOOK_AGAIN
    if not catch_up.parts:
        return 0.0
    last = catch_up.parts[-1]
    asked_at = datetime.fromisoformat(last["asked_at"])
    if asked_at - datetime.fromisoformat(last["end"]) > EVERY + MARGIN:  # there is more than one list's span
        return 0.0 if last["is_stored"] else LOOK_AGAIN
    if len(open_parts(catch_up)) >= MOST_OPEN or (not is_behind and not last["is_stored"]):
        return LOOK_AGAIN
    return max(0.0, (asked_at + EVERY - now).total_seconds())


def _start(catch_up: CatchUp, *, is_behind: bool) -> tuple[datetime, bool]:
    """Where the next list begins, and whether that is where lists are settled: what is before, none lacks any more."""
    settled = catch_up.settled_until or catch_up.window_start
    now = timezone.now()
    reaching = (part["asked_at"] for part in catch_up.parts if part.get("reaches_back", True))
    last = max(map(datetime.fromisoformat, reaching), default=None)
    is_due = last is None or now - last >= REACH_BACK_EVERY
    if is_due or not is_behind or catch_up.known_until is None:
        return settled, True
    return catch_up.known_until, catch_up.known_until <= settled


def _ask(claim: CatchUpClaim, adapter: ListsOrders, *, is_behind: bool) -> None:
    """Or take one that somebody asked for just now, be it a worker that was killed before it could say so."""
    catch_up = claim.job
    offset = adapter.clock_offset() if isinstance(adapter, TellsTime) else timedelta(0)
    asked_at = timezone.now()
    latest = (asked_at + offset - MARGIN).astimezone(UTC).replace(microsecond=0)
    since, reaches_back = _start(catch_up, is_behind=is_behind)
    start = (since - OVERLAP).astimezone(UTC)
    window = Window("updated", min(start, latest - OVERLAP), min(start + LONGEST, latest))
    sites = list(adapter.listed_sites)
    own = {part["list"] for part in catch_up.parts}
    lists = earlier_lists(adapter, [ListKind.UPDATED], asked_at - EVERY)
    others = [each for each in lists if each.list_id not in own]
    reaching = min(window.end, asked_at - EVERY)
    earlier = covering(others, ListKind.UPDATED, sites, window.start, reaching)
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
        "reaches_back": reaches_back,
        "is_stored": False,
        "orders": 0,
    }
    claim.save(parts=[*_remembered(catch_up), part])


def _remembered(catch_up: CatchUp) -> list[Part]:
    stored = [part for part in catch_up.parts if part["is_stored"]]
    forgotten = {part["list"] for part in stored[:-KEPT]}
    return [part for part in catch_up.parts if part["list"] not in forgotten]


def _number(catch_up: CatchUp, list_id: str) -> int:
    return next(number for number, part in enumerate(catch_up.parts) if part["list"] == list_id)


def _look_after(claim: CatchUpClaim, adapter: ListsOrders, list_id: str) -> float:
    """Seconds until there is something to do about it, or without it."""
    try:
        return _advance(claim, adapter, list_id)
    except TransientError as error:
        return _later(claim, error)
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        return _drop(claim, list_id, error)


def _later(claim: CatchUpClaim, error: TransientError) -> float:
    """Seconds until it is tried again. People are told of trouble, and not of waiting for quota."""
    if not isinstance(error, RateLimited):
        _note(claim, error)
    return max(error.retry_after, LOOK_AGAIN)


def _advance(claim: CatchUpClaim, adapter: ListsOrders, list_id: str) -> float:
    """Store the list if it is made; otherwise the seconds until it is looked after again."""
    catch_up = claim.job
    number = _number(catch_up, list_id)
    part = catch_up.parts[number]
    if wait := seconds_until(part["again_at"]):
        return wait
    state = adapter.order_list_state(part["list"])
    if not state.is_over and state.error is None:
        if timezone.now() - datetime.fromisoformat(part["asked_at"]) > LONGEST_WAIT:
            raise PlatformError(
                f"The platform did not make list {part['list']} in time.", code="list_not_made"
            )
        wait = LOOKS[min(part["polls"], len(LOOKS) - 1)]
        claim.update_part(number, polls=part["polls"] + 1, again_at=moment_in(wait))
        return wait
    if problem := problem_of(catch_up.platform_id, part, state, by="platform_updated_at"):
        raise problem
    _store(claim, adapter, number, state.document)
    return LOOK_AGAIN


def _drop(claim: CatchUpClaim, list_id: str, problem: PlatformError) -> float:
    """This list is none: the next one covers its span as well."""
    parts = [part for part in claim.job.parts if part["list"] != list_id]
    place = claim.job.place | {"list_at": moment_in(NEXT_TRY.total_seconds())}
    _note(claim, problem, parts=parts, place=place)
    return NEXT_TRY.total_seconds()


def _note(claim: CatchUpClaim, problem: PlatformError, **more: Any) -> None:
    """Say what is wrong with lists, as long as it is."""
    note = {"code": problem.code, "message": str(problem), "at": _text(timezone.now())}
    others = [each for each in claim.job.notes if each["code"] == "trouble"]
    claim.save(notes=[*others, note], **more)


def _store(claim: CatchUpClaim, adapter: ListsOrders, number: int, document: str) -> None:
    """Its orders, then what is known by them. Where it is repeated, nothing changes."""
    found = store_list(claim, adapter, document, updates_full=True)
    catch_up, now = claim.job, timezone.now()
    part = catch_up.parts[number]
    end = datetime.fromisoformat(part["end"])
    until = end if part["is_ahead"] else None
    before = known_of(StreamState.of(catch_up.platform, ORDERS), None) or catch_up.window_start
    unknown = round((now - before).total_seconds())
    parts = list(catch_up.parts)
    parts[number] = part | {"is_stored": True, "orders": found.listed}
    figures = figures_of(catch_up, found)
    values = figures | claim.is_well()
    values |= {
        "parts": parts,
        "lists": catch_up.lists + 1,
        "changed": catch_up.changed + found.updated,
        "known_until": max(catch_up.known_until or end, end),
        "settled_until": _settled_by(catch_up, part, has_all=figures["unread"] == catch_up.unread),
        "longest_unknown": max(catch_up.longest_unknown or 0, unknown),
    }
    _record(claim, values, until)


@retry_on_db_error
def _record(claim: CatchUpClaim, values: dict[str, Any], until: datetime | None) -> None:
    """What is known by a list, and until when orders are with it."""
    with transaction.atomic():
        if until is not None:
            make_known(claim.job, until)
        claim.save(**values)


def _settled_by(catch_up: CatchUp, part: Part, *, has_all: bool) -> datetime:
    """How far lists have all for certain, with this one: it adds nothing where it does not reach back to there, nor
    where it has rows of which nobody can say which orders they are about."""
    settled = catch_up.settled_until or catch_up.window_start
    if not has_all:
        return settled
    start, end, asked_at = (datetime.fromisoformat(part[name]) for name in ("start", "end", "asked_at"))
    return max(settled, min(end, asked_at - LAG)) if start <= settled else settled


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
