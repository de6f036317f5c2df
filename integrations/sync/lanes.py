"""Runs of one platform and stream that are open beside each other, and which of them goes first.

Regular runs bring what is new. A run with a window of its own may read for hours, since all of them draw from one
quota. So it stands aside, between two pages, while a regular run is open: it is `deferred`, keeps its open_key and its
checkpoint, and is queued again when the regular one is closed (`deferred.py`).

Where regular runs use all of the quota, a look-back would wait for ever. So once it has waited for as long as the
platform takes to grant GRANTED_MEANWHILE calls, it goes first for one page: it runs beside whatever is open, may take
the last call, and the others leave one for it.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.models import SyncLog
from integrations.models.sync import SyncLogQuerySet
from integrations.protocol import Checkpoint
from integrations.sync.forecast import quota_of
from platforms.models import Platform

LANES = list(SyncLog.Lane)
LOOK_BACK, LOOK_BACKS = SyncLog.Trigger.LOOK_BACK, (SyncLog.Lane.RECENT, SyncLog.Lane.FAR)
# Of the burst of each quota.
LEFT_BY_LOOK_BACKS = 0.25
LEFT_TO_LOOK_BACKS = 0.01  # one call: the bucket keeps whole ones
# One call in so many is for each look-back; of a quota of a call in three minutes, one an hour.
GRANTED_MEANWHILE = 20
PAGE_AT = "page_at"  # on the checkpoint of a look-back


@retry_on_db_error
def must_stand_aside(log: SyncLog) -> bool:
    """Whether a run that goes before this one is open. Costs no query for a regular run."""
    earlier = LANES[: LANES.index(log.lane)]
    return bool(earlier) and not goes_first(log) and _begun(log, earlier).exists()


def goes_first(log: SyncLog) -> bool:
    """Whether this is a look-back that has waited for so long that it may read a page before all others."""
    if log.trigger != LOOK_BACK:
        return False
    last = log.checkpoint.get(PAGE_AT)
    return is_starved(log.platform, log.kind, datetime.fromisoformat(last) if last else log.queued_at)


@retry_on_db_error
def is_starved(platform: Platform, kind: str, since: datetime) -> bool:
    """Whether a look-back that has waited since then has waited for long enough. False where no quota is known."""
    waited = timezone.now() - since
    if waited < timedelta(seconds=GRANTED_MEANWHILE):  # no quota grants more than a call a second for lists
        return False
    quota = quota_of(platform, kind)
    return quota is not None and waited >= GRANTED_MEANWHILE * quota.every


def page_read(log: SyncLog) -> Checkpoint:
    """For the checkpoint, with each page of a look-back: when that was."""
    return {PAGE_AT: timezone.now().isoformat()} if log.trigger == LOOK_BACK else {}


def in_the_way_of(log: SyncLog) -> SyncLog | None:
    """The run that a deferred one waits for: one that goes before it, or another one of its own lane."""
    found = _begun(log, LANES[: LANES.index(log.lane) + 1]).select_related("platform")
    return min(found, key=lambda other: LANES.index(other.lane), default=None)


@retry_on_db_error
def share_left_to_others(log: SyncLog) -> float:
    """Of the burst of each quota, what this run does not take. A look-back makes only calls that nobody else needs,
    unless it goes first; then the others leave it one."""
    if log.trigger == LOOK_BACK:
        return 0.0 if goes_first(log) else LEFT_BY_LOOK_BACKS
    keys = [SyncLog.open_key_of(log.platform_id, log.kind, lane) for lane in LOOK_BACKS]
    waiting = SyncLog.objects.filter(open_key__in=keys, trigger=LOOK_BACK).exclude(
        status=SyncLog.Status.RUNNING
    )
    return LEFT_TO_LOOK_BACKS if any(map(goes_first, waiting.select_related("platform"))) else 0.0


def _begun(log: SyncLog, lanes: list[SyncLog.Lane]) -> SyncLogQuerySet:
    """Runs of these lanes that are open and wait for no other, without this one."""
    keys = [SyncLog.open_key_of(log.platform_id, log.kind, lane) for lane in lanes]
    others = SyncLog.objects.filter(open_key__in=keys).exclude(pk=log.pk)
    return others.exclude(status=SyncLog.Status.DEFERRED)
