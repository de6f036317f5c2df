"""The lists that keep orders known: asked for (asking.py), looked after until they are made, and stored.

One that is not made, or not believed, is asked for again soon. Those by order date (sorts.py) hold up none by last
update, and move no mark.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.completeness.comparing import LAG
from integrations.completeness.healing import NOT_OF_ONE
from integrations.completeness.history.listing import figures_of, problem_of, store_list
from integrations.completeness.keeping_up.asking import LOOK_AGAIN, ask, wait_for_next
from integrations.completeness.keeping_up.claim import CatchUpClaim
from integrations.completeness.keeping_up.news import news_of
from integrations.completeness.keeping_up.rule import ORDERS, known_of
from integrations.completeness.keeping_up.settling import make_known
from integrations.completeness.keeping_up.sorts import (
    CHANGED,
    PLACED,
    SORTS,
    Part,
    Sort,
    open_parts,
    sort_of,
    text_of,
)
from integrations.completeness.lists import moment_in, seconds_until
from integrations.errors import PlatformError, RateLimited, TransientError
from integrations.models import CatchUp, StreamState
from integrations.protocol import ListsOrders

LOOKS = (15.0, 30.0, 60.0)  # seconds until a list is looked after again; the last one from then on
NEXT_TRY = timedelta(minutes=5)  # after a list that was not made
LONGEST_WAIT = timedelta(hours=2)  # for one list; then it is given up


def keep_known(claim: CatchUpClaim, adapter: ListsOrders, *, is_behind: bool) -> float:
    """Store the lists that were made, and ask for the next ones where they are needed. Returns the seconds until there
    is something to do. Raises PlatformError for what is not about one list, nor of the moment: what is listed is
    fetched meanwhile, which is other calls."""
    waits = [_look_after(claim, adapter, part["list"]) for part in open_parts(claim.job)]
    waits += [_ask_in_time(claim, adapter, sort, is_behind=is_behind) for sort in SORTS]
    return min(waits)


def _ask_in_time(claim: CatchUpClaim, adapter: ListsOrders, sort: Sort, *, is_behind: bool) -> float:
    """Ask for the next list of this sort where it is time. Returns the seconds until there is something to do."""
    if wait := wait_for_next(claim.job, sort, is_behind=is_behind):
        return wait
    try:
        list_id = ask(claim, adapter, sort, is_behind=is_behind)
    except TransientError as error:
        wait = _later(claim, error)
        claim.update_place({sort.next_at: moment_in(wait)})
        return wait
    except NOT_OF_ONE:
        raise
    except PlatformError as error:
        if sort is CHANGED:  # nothing can be known without it
            raise
        return _put_off(claim, sort, error)
    return _look_after(claim, adapter, list_id)


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
    if problem := problem_of(catch_up.platform_id, part, state, by=sort_of(part).column):
        raise problem
    store = _store_placed if sort_of(part) is PLACED else _store_changed
    store(claim, adapter, number, state.document)
    return LOOK_AGAIN


def _drop(claim: CatchUpClaim, list_id: str, problem: PlatformError) -> float:
    """This list is none: the next one of its sort covers its span as well."""
    sort = sort_of(claim.job.parts[_number(claim.job, list_id)])
    parts = [part for part in claim.job.parts if part["list"] != list_id]
    return _put_off(claim, sort, problem, parts=parts)


def _put_off(claim: CatchUpClaim, sort: Sort, problem: PlatformError, **more: Any) -> float:
    """The next list of this sort is asked for in a while. Returns the seconds until then."""
    wait = NEXT_TRY.total_seconds()
    _note(claim, problem, place=claim.job.place | {sort.next_at: moment_in(wait)}, **more)
    return wait


def _note(claim: CatchUpClaim, problem: PlatformError, **more: Any) -> None:
    """Say what is wrong with lists, as long as it is."""
    note = {"code": problem.code, "message": str(problem), "at": text_of(timezone.now())}
    others = [each for each in claim.job.notes if each["code"] == "trouble"]
    claim.save(notes=[*others, note], **more)


def _store_placed(claim: CatchUpClaim, adapter: ListsOrders, number: int, document: str) -> None:
    """What is newer than what is stored, and nothing else: it moves no mark. What cannot be read or stored is counted
    where lists by last update have it: the same rows are in one such list after the other."""
    picked = partial(news_of, claim.job)
    found = store_list(claim, adapter, document, picked=picked, updates_full=True)
    catch_up = claim.job
    claim.update_part(
        number,
        more={
            "lists": catch_up.lists + 1,
            "listed": catch_up.listed + found.listed,
            "created": catch_up.created + found.created,
            "changed": catch_up.changed + found.updated,
        },
        is_stored=True,
        orders=found.listed,
    )


def _store_changed(claim: CatchUpClaim, adapter: ListsOrders, number: int, document: str) -> None:
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
