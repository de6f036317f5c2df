"""People decide what is written to platforms. Each change is recorded in the audit.

set_policy       whether OMS writes to a platform, rehearses, or only reads
go_on            send what waits for quota, the limit of an hour, or a platform that refused access, now
stop_writing     nothing is sent anywhere from now on; what is queued waits
resume_writing   it is sent after all
"""

from django.db import transaction
from django.utils import timezone

from audit.recording import record
from integrations.errors import BadInput
from integrations.models import SendingTurn, WritingPolicy, WritingStop
from integrations.shipping.policy import policy_of, writing_stop
from integrations.shipping.queue import announce_all
from platforms.models import Platform

Mode = WritingPolicy.Mode
MOST_IN_AN_HOUR = 100_000


def set_policy(platform: Platform, *, mode: str, hourly_limit: int, who: str) -> WritingPolicy:
    """What OMS may write to this platform from now on; `who` decides it, by name. Shipments that are queued wait while
    it is off or rehearsed, and are sent once it is on.

    Raises BadInput: for an unknown mode, and where writing is switched on without a limit of an hour.
    """
    if mode not in Mode.values:
        raise BadInput("mode", f"mode is {mode!r}; it takes {', '.join(Mode.values)}.")
    if not 0 <= hourly_limit <= MOST_IN_AN_HOUR:
        raise BadInput("hourly_limit", f"hourly_limit takes 0 to {MOST_IN_AN_HOUR}.")
    if mode == Mode.LIVE and not hourly_limit:
        raise BadInput("hourly_limit", "Say how many shipments may be sent in an hour at most: above 0.")
    with transaction.atomic():
        before = policy_of(platform)
        values = {"mode": mode, "hourly_limit": hourly_limit, "changed_by": who, "changed_at": timezone.now()}
        policy, _is_new = WritingPolicy.objects.update_or_create(platform=platform, defaults=values)
        changes = {
            name: [getattr(before, name), values[name]]
            for name in ("mode", "hourly_limit")
            if getattr(before, name) != values[name]
        }
        if changes:
            record("writing.changed", platform, changes=changes)
        if mode != Mode.OFF:
            go_on(platform)
    return policy


def go_on(platform: Platform) -> None:
    """Send what waits now: whatever the pause was for, a person has looked into it."""
    turn = SendingTurn.objects.filter(platform=platform)
    turn.update(paused_until=None, pause_code="", pause_message="", announced_at=None)
    announce_all([platform.pk])


def stop_writing(*, who: str, reason: str = "") -> bool:
    """Stop all writing to all platforms: no worker begins with a shipment after this returns; of one that was begun,
    the platform is still told. False where it was stopped already."""
    return _switch(is_stopped=True, who=who, reason=reason, action="writing.stopped")


def resume_writing(*, who: str) -> bool:
    """Let writing go on, where it is on. False where nothing was stopped."""
    with transaction.atomic():
        is_new = _switch(is_stopped=False, who=who, reason="", action="writing.resumed")
        if is_new:
            announce_all()
    return is_new


@transaction.atomic
def _switch(*, is_stopped: bool, who: str, reason: str, action: str) -> bool:
    WritingStop.objects.get_or_create(pk=WritingStop.ONLY)
    now, short = timezone.now(), reason[:500]
    rows = WritingStop.objects.filter(pk=WritingStop.ONLY, is_stopped=not is_stopped)
    changed = rows.update(is_stopped=is_stopped, reason=short, changed_by=who[:150], changed_at=now)
    if changed:
        record(action, writing_stop(), reason=short)
    return bool(changed)
