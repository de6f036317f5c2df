"""Runs of one platform and stream that are open beside each other, and which of them goes first.

Regular runs bring what is new. A run with a window of its own may read for hours, since all of them draw from one
quota. So it stands aside, between two pages, while a regular run is open: it is `deferred`, keeps its open_key and its
checkpoint, and is queued again when the regular one is closed (`deferred.py`).
"""

from core.database.retry import retry_on_db_error
from integrations.models import SyncLog
from integrations.models.sync import SyncLogQuerySet

LANES = list(SyncLog.Lane)
# Of the burst of each quota.
LEFT_BY_LOOK_BACKS = 0.25


@retry_on_db_error
def must_stand_aside(log: SyncLog) -> bool:
    """Whether a run that goes before this one is open. Costs no query for a regular run."""
    earlier = LANES[: LANES.index(log.lane)]
    return bool(earlier) and _begun(log, earlier).exists()


def in_the_way_of(log: SyncLog) -> SyncLog | None:
    """The run that a deferred one waits for: one that goes before it, or another one of its own lane."""
    found = _begun(log, LANES[: LANES.index(log.lane) + 1]).select_related("platform")
    return min(found, key=lambda other: LANES.index(other.lane), default=None)


def share_left_to_others(log: SyncLog) -> float:
    """Of the burst of each quota, what this run does not take: a look-back makes only calls that nobody else needs."""
    return LEFT_BY_LOOK_BACKS if log.trigger == SyncLog.Trigger.LOOK_BACK else 0.0


def _begun(log: SyncLog, lanes: list[SyncLog.Lane]) -> SyncLogQuerySet:
    """Runs of these lanes that are open and wait for no other, without this one."""
    keys = [SyncLog.open_key_of(log.platform_id, log.kind, lane) for lane in lanes]
    others = SyncLog.objects.filter(open_key__in=keys).exclude(pk=log.pk)
    return others.exclude(status=SyncLog.Status.DEFERRED)
