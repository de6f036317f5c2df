"""Orders that the platform did not answer for while it answered for others: each is asked for again by itself, later
and later, and given up in the end. It holds up no other one.

`place` of the job has them: "put_off": {id of the order: {"tries", "again_at"}}.
"""

from typing import Any

from integrations.completeness.lists import moment_in, seconds_until
from integrations.errors import TransientError
from integrations.models import FetchingJob

PUT_OFF = "put_off"
MOST_TRIES = 5  # of one order, by whoever asks for it
FIRST_WAIT = 60.0  # seconds; it doubles with each try
Place = dict[str, Any]


def waiting_orders(job: FetchingJob) -> dict[str, float]:
    """Those whose time has not come yet, with the seconds until then."""
    waits = {order_id: seconds_until(tries["again_at"]) for order_id, tries in _known(job).items()}
    return {order_id: wait for order_id, wait in waits.items() if wait}


def is_put_off(job: FetchingJob, order_id: str) -> bool:
    """Whether the platform answered for others before when it did not answer for this one."""
    return order_id in _known(job)


def once_more(job: FetchingJob, order_id: str, error: TransientError) -> Place | None:
    """What the place says of one that was not answered for again; None: it was tried often enough."""
    tries = _known(job).get(order_id, {"tries": 0})["tries"] + 1
    if tries >= MOST_TRIES:
        return None
    again_at = moment_in(max(error.retry_after, FIRST_WAIT * 2 ** (tries - 1)))
    return {PUT_OFF: _known(job) | {order_id: {"tries": tries, "again_at": again_at}}}


def without(job: FetchingJob, order_id: str) -> dict[str, Any]:
    """The columns to store once it was answered for, or given up."""
    if not is_put_off(job, order_id):
        return {}
    left = {each: tries for each, tries in _known(job).items() if each != order_id}
    return {"place": job.place | {PUT_OFF: left}}


def _known(job: FetchingJob) -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = job.place.get(PUT_OFF, {})
    return known
