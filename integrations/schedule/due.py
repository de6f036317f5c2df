"""When the next scheduled sync of a platform is due, and why not sooner. Reads; starts nothing.

    inactive, no_credentials, manual    none is due: a person decided so, or there is nothing to sync with
    open                                one is queued, waits or runs; the next one is counted from it
    regular                             the interval after the last one began, and a little later for each differently
    backing_off                         the last ones failed: twice the interval, then four times, up to LONGEST_PAUSE
    stopped                             the platform refused the credentials. It goes on when they are others, when a
                                        check of the connection found them working, or when a sync by hand went well

What counts are rows alone, so all schedulers, the admin and the API say the same. These are facts; the sentences are
made of them in `integrations/wording.py`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from integrations.errors import ACCESS_CODES
from integrations.models import SyncLog
from integrations.schedule.history import History, histories
from integrations.sync.streams import streams_of
from platforms.models import Platform

JITTER = 0.1  # of the interval, at most
# Between two tries of what keeps failing; a longer interval stays as it is.
LONGEST_PAUSE = timedelta(hours=6)


class Reason(StrEnum):
    INACTIVE = "inactive"
    NO_CREDENTIALS = "no_credentials"
    OPEN = "open"
    MANUAL = "manual"
    STOPPED = "stopped"
    BACKING_OFF = "backing_off"
    REGULAR = "regular"


@dataclass(frozen=True)
class Due:
    """`at` may be in the past: then the sync is due now. None: none will start until `reason` is gone.

    `failures`: how many regular runs failed in a row. `code` and `message`: what the run says that the schedule backs
    off or stopped for. Of a regular one, `is_first`: there was none before; `is_retry`: the credentials that were
    refused are others, or work again.
    """

    at: datetime | None
    reason: Reason
    failures: int = 0
    code: str = ""
    message: str = ""
    is_first: bool = False
    is_retry: bool = False

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
    refused = _refusal(known, kind)
    if refused is not None and not _is_settled(platform, refused):
        return Due(None, Reason.STOPPED, own.failures, refused.error_code, refused.error_message)
    last = own.last_regular
    if last is None:
        return Due(platform.created_at, Reason.REGULAR, is_first=True)
    if refused is not None and refused.pk >= last.pk:
        return Due(refused.finished_at, Reason.REGULAR, is_retry=True)
    if own.failures and own.last_failure is not None:
        return _backing_off(own.failures, own.last_failure, last, interval)
    return Due(_after(last, interval), Reason.REGULAR)


def _backing_off(failures: int, failed: SyncLog, last: SyncLog, interval: timedelta) -> Due:
    # No more doublings than lead past the longest pause: a year of failures would overflow.
    pause = max(interval, min(interval * 2 ** min(failures, 16), LONGEST_PAUSE))
    at = _after(last, pause)
    return Due(at, Reason.BACKING_OFF, failures, failed.error_code, failed.error_message)


def _after(last: SyncLog, pause: timedelta) -> datetime:
    """The pause after the run was asked for, but not before it ended; later by a share of the pause that is drawn from
    the run, so that platforms part ways, and all schedulers agree."""
    drawn = hashlib.sha256(f"{last.platform_id}:{last.kind}:{last.pk}".encode()).digest()
    share = int.from_bytes(drawn[:4]) / 2**32
    return max(last.queued_at + pause, last.finished_at or last.queued_at) + pause * JITTER * share


def _refusal(known: dict[str, History], kind: str) -> SyncLog | None:
    """The run that shows that the platform refuses us, and that no later success contradicts.

    Refused credentials serve no stream, so they stop all; a missing role stops what it is missing for.
    """
    refusals = [history.refusal for history in known.values() if history.refusal is not None]
    newest_good = max(history.good for history in known.values())
    credentials = [log for log in refusals if log.error_code not in ACCESS_CODES and log.pk > newest_good]
    access = [log for log in refusals if log.error_code in ACCESS_CODES and log.kind == kind]
    return max([*credentials, *access], key=lambda log: log.pk, default=None)


def _is_settled(platform: Platform, refused: SyncLog) -> bool:
    """Whether there is reason to try again: other credentials, or a check since then that found this working."""
    if not platform.has_credentials(refused.credentials_digest):
        return True
    checked_later = platform.checked_at is not None and (
        refused.finished_at is None or platform.checked_at > refused.finished_at
    )
    return checked_later and _was_found_working(platform.check_outcome, refused)


def _was_found_working(outcome: dict[str, Any], refused: SyncLog) -> bool:
    """Whether a check had no problem, or only others than the one that this run met."""
    if outcome.get("ok"):
        return True
    found = {finding["step"]: finding["ok"] for finding in outcome.get("findings", ())}
    if any(found.get(step) is False for step in ("credentials", "token", "environment")):
        return False
    if refused.error_code not in ACCESS_CODES:
        return found.get("token") is True
    # "orders", or "inventory US" for each marketplace
    return True in [ok for step, ok in found.items() if step.split()[0] == refused.kind]
