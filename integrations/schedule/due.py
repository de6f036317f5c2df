"""When the next scheduled sync of a platform is due, and why not sooner. Reads; starts nothing.

    inactive, no_credentials, manual    none is due: a person decided so, or there is nothing to sync with
    open                                one is queued, waits or runs; the next one is counted from it
    regular                             the interval after the last one began, and a little later for each differently
    backing_off                         the last ones failed: twice the interval, then four times, up to the longest
                                        pause of the stream
    suspected                           the platform refused access. That may be an outage of theirs, so it is asked
                                        again: after FIRST_PAUSE, twice that, and so on, up to the longest pause
    resting                             it has refused for longer than SUSPECTED_FOR: one try a day
    stopped                             the stored credentials cannot be used at all, which no answer of the platform
                                        changes. It goes on when they are others
    absent                              the platform says that the account has nothing of this stream (sync/parts.py):
                                        asked again at growing distances, up to a day, though the syncs went well. Where
                                        they failed, since something is stored, it is backing_off at these distances

What failed is due at once when the credentials are others, when a check of the connection found it working, and when
another stream of the platform goes well after a time in which nothing of it did: then the platform is back.

What counts are rows alone, so all schedulers, the admin and the API say the same. These are facts; the sentences are
made of them in `integrations/wording.py`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from integrations.errors import ACCESS_CODES, CONFIG_CODES, REFUSED_CODES
from integrations.models import SyncLog
from integrations.registry import CHANNELS
from integrations.schedule.history import History, histories
from integrations.sync.parts import RESTING_WAIT, SUSPECTED_FOR
from integrations.sync.streams import STREAMS, streams_of
from platforms.models import Platform

JITTER = 0.1  # of the interval, at most
FIRST_PAUSE = timedelta(minutes=5)  # after a first refusal
# So often one stream of a platform that is down is tried at least: nothing else tells that it is back.
PROBE_PAUSE = timedelta(hours=1)


class Reason(StrEnum):
    INACTIVE = "inactive"
    NO_CREDENTIALS = "no_credentials"
    OPEN = "open"
    MANUAL = "manual"
    STOPPED = "stopped"
    ABSENT = "absent"
    SUSPECTED = "suspected"
    RESTING = "resting"
    BACKING_OFF = "backing_off"
    REGULAR = "regular"


@dataclass(frozen=True)
class Due:
    """`at` may be in the past: then the sync is due now. None: none will start until `reason` is gone.

    `failures`: how many regular runs failed in a row. `code` and `message`: what the newest of them says. `since`: of
    what is suspected or rests, when the first refusal of these came. Of a regular one, `is_first`: there was none
    before; `is_retry`: the last one failed, and there is reason to try again at once. `is_of_unknown_kind`: it stopped
    because no channel is registered for the platform.
    """

    at: datetime | None
    reason: Reason
    failures: int = 0
    code: str = ""
    message: str = ""
    since: datetime | None = None
    is_first: bool = False
    is_retry: bool = False
    is_of_unknown_kind: bool = False

    def is_now(self, now: datetime) -> bool:
        return self.at is not None and self.at <= now


def next_dues(platforms: Iterable[Platform]) -> dict[tuple[int, str], Due]:
    """When the next scheduled sync of each stream is due, by (id of the platform, stream). The number of queries does
    not grow with the platforms."""
    platforms = list(platforms)
    known = histories(platforms)
    return {
        (platform.pk, name): _due(
            platform, name, {stream: known[platform.pk, stream] for stream in streams_of(platform)}
        )
        for platform in platforms
        for name in streams_of(platform)
    }


def attach_dues(platforms: Iterable[Platform]) -> None:
    """Compute the dues of many platforms at once, for `dues_of` of each of them."""
    platforms = list(platforms)
    dues = next_dues(platforms)
    for platform in platforms:
        platform._dues = {name: dues[platform.pk, name] for name in streams_of(platform)}  # type: ignore[attr-defined]


def dues_of(platform: Platform) -> dict[str, Due]:
    """stream -> Due, computed now unless `attach_dues` did."""
    if not hasattr(platform, "_dues"):
        attach_dues([platform])
    dues: dict[str, Due] = platform._dues  # type: ignore[attr-defined]
    return dues


def _due(platform: Platform, kind: str, known: dict[str, History]) -> Due:
    own = known[kind]
    interval = timedelta(minutes=own.interval)
    if not platform.is_active:
        return Due(None, Reason.INACTIVE)
    if not platform.is_configured:
        return Due(None, Reason.NO_CREDENTIALS)
    if own.is_open:
        return Due(None, Reason.OPEN)
    if not interval:
        return Due(None, Reason.MANUAL)
    last = own.last_regular
    if last is None:
        return Due(platform.created_at, Reason.REGULAR, is_first=True)
    if not own.newest_failures:
        return _when_well(last, interval, own.rests_until)
    failed = own.newest_failures[0].log
    if (
        _has_other_credentials(platform, failed)
        or _is_found_working(platform, failed)
        or _is_back(known, kind)
    ):
        at = _end(failed) if failed.pk >= last.pk else _after(last, interval)
        return Due(at, Reason.REGULAR, is_retry=True)
    facts: dict[str, Any] = {
        "failures": own.failures, "code": failed.error_code, "message": failed.error_message,
    }  # fmt: skip
    if failed.error_code in CONFIG_CODES:
        return Due(None, Reason.STOPPED, is_of_unknown_kind=platform.kind not in CHANNELS, **facts)
    spell = _spell(platform, own)
    longest = _longest_pause(known, kind)
    if failed.error_code in REFUSED_CODES:
        since = _refused_since(platform, own, spell)
        if _end(failed) - since > SUSPECTED_FOR:
            return Due(_after(last, max(interval, RESTING_WAIT)), Reason.RESTING, since=since, **facts)
        pause = min(_doubled(FIRST_PAUSE, len(spell) - 1), longest)
        return Due(_after(last, pause), Reason.SUSPECTED, since=since, **facts)
    pause = max(interval, min(_doubled(interval, len(spell)), longest))
    at = _after(last, pause)
    if own.rests_until and own.newest_failures[0].is_alone:  # otherwise all of the platform may be down
        at = max(at, own.rests_until)
    return Due(at, Reason.BACKING_OFF, **facts)


def _when_well(last: SyncLog, interval: timedelta, rests_until: datetime | None) -> Due:
    at = _after(last, interval)
    if rests_until is not None and rests_until > at:
        return Due(rests_until, Reason.ABSENT)
    return Due(at, Reason.REGULAR)


def _longest_pause(known: dict[str, History], kind: str) -> timedelta:
    """Of what fails: that of the stream, unless no other stream of the platform finds out sooner that it is back."""
    own = STREAMS[kind].longest_pause
    others = [
        STREAMS[name].longest_pause
        for name, other in known.items()
        if name != kind and other.interval and other.rests_until is None
    ]
    return own if any(pause <= PROBE_PAUSE for pause in others) else min(own, PROBE_PAUSE)


def _doubled(pause: timedelta, times: int) -> timedelta:
    return pause * (1 << times)  # at most LOOKED_AT times: a year of failures would overflow


def _after(last: SyncLog, pause: timedelta) -> datetime:
    """The pause after the run was asked for, but not before it ended; later by a share of the pause that is drawn from
    the run, so that platforms part ways, and all schedulers agree."""
    drawn = hashlib.sha256(f"{last.platform_id}:{last.kind}:{last.pk}".encode()).digest()
    share = int.from_bytes(drawn[:4]) / 2**32
    return max(last.queued_at + pause, _end(last)) + pause * JITTER * share


def _end(log: SyncLog) -> datetime:
    return log.finished_at or log.queued_at


def _spell(platform: Platform, own: History) -> list[SyncLog]:
    """The newest failures that count together, newest first: pauses grow with their number.

    A new spell begins with other credentials, with a check that found this working, and where the trouble of the
    whole platform has ended or begun. So what fails for the first time after a long outage is tried again soon.
    """
    first, *earlier = own.newest_failures
    spell = [first.log]
    for failure in earlier:
        is_of_others = _has_other_credentials(platform, failure.log)
        if failure.is_alone != first.is_alone or is_of_others or _is_found_working(platform, failure.log):
            break
        spell.append(failure.log)
    return spell


def _refused_since(platform: Platform, own: History, spell: list[SyncLog]) -> datetime:
    """When the first refusal of the spell came; of one that is longer than what is looked at, of all that failed."""
    refusals = [log for log in spell if log.error_code in REFUSED_CODES]
    first = own.first_refusal
    is_longer = len(spell) == len(own.newest_failures) < own.failures
    if (
        is_longer
        and first
        and not (_has_other_credentials(platform, first) or _is_found_working(platform, first))
    ):
        refusals.append(first)
    return min(map(_end, refusals))


def _is_back(known: dict[str, History], kind: str) -> bool:
    """Whether another stream went well after this one failed, and nothing of the platform did when it failed."""
    failure = known[kind].newest_failures[0]
    newest_good = max((history.good for name, history in known.items() if name != kind), default=0)
    return newest_good > failure.log.pk and not failure.is_alone


def _has_other_credentials(platform: Platform, failed: SyncLog) -> bool:
    """Whether the credentials that were refused are no longer the stored ones."""
    return failed.error_code in REFUSED_CODES and not platform.has_credentials(failed.credentials_digest)


def _is_found_working(platform: Platform, failed: SyncLog) -> bool:
    """Whether a check after this run had no problem, or only others than the one that this run met."""
    if platform.checked_at is None or platform.checked_at <= _end(failed):
        return False
    outcome = platform.check_outcome
    if outcome.get("ok"):
        return True
    found = {finding["step"]: finding["ok"] for finding in outcome.get("findings", ())}
    if any(found.get(step) is False for step in ("credentials", "token", "environment")):
        return False
    if failed.error_code in REFUSED_CODES - ACCESS_CODES:
        return found.get("token") is True
    # "orders", or "inventory US" for each marketplace
    return True in [ok for step, ok in found.items() if step.split()[0] == failed.kind]
