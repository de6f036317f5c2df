"""Parts of an account (marketplaces) that a platform refuses, or breaks on, while it answers for the others.

The others are read without them. A part that was left out is asked for again by itself: after 15 minutes at first, then
at growing distances of up to 6 hours, and once a day when it was refused for more than a day. Of a stream with a window
it is then read from where it was complete: `StreamState.part_watermarks` says until when each part is that the stream's
own watermark is not valid for. With other credentials, all are asked for again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.models import StreamState, SyncLog
from integrations.protocol import Parts
from integrations.registry import site_of
from integrations.sync.datasets import credentials_since, locked_with_same_credentials
from platforms.models import Platform

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=6)
# A refusal that lasts longer is none that passes by itself. Outages that look like refusals lasted up to some hours.
SUSPECTED_FOR = timedelta(days=1)
RESTING_WAIT = timedelta(days=1)
LASTED = timedelta(days=7)  # what has been absent for longer is not an outage of the platform's


def refused(platform: Platform, state: StreamState) -> dict[str, datetime]:
    """The parts that were refused when they were last asked for, each with the moment when it is asked for again."""
    since = credentials_since(platform)
    return {
        part: datetime.fromisoformat(times["again"])
        for part, times in state.refused_parts.items()
        if datetime.fromisoformat(times["since"]) >= since
    }


def absent_since(platform: Platform, state: StreamState) -> dict[str, datetime]:
    """The refused parts in which the platform says that the account has nothing, each with since when."""
    times = {part: state.refused_parts[part].get("absent") for part in refused(platform, state)}
    return {part: datetime.fromisoformat(since) for part, since in times.items() if since}


def rests_until(platform: Platform, state: StreamState, scope: str) -> datetime | None:
    """When the first marketplace of this scope is asked for again, where all of them rest, and the platform says of one
    that the account has nothing there. None where a run would read one, or ask for one for the first time."""
    waits = left_out(platform, state)
    if not waits or not absent_since(platform, state):
        return None
    places = [part for part in scope.split(",") if site_of(platform.kind, part)]
    return min((waits[part] for part in places), default=None) if waits.keys() >= set(places) else None


def left_out(platform: Platform, state: StreamState) -> dict[str, datetime]:
    """The parts that are not asked for now, each with the moment when it is."""
    now = timezone.now()
    return {part: again for part, again in refused(platform, state).items() if again > now}


def behind(state: StreamState) -> dict[str, datetime]:
    """The parts that the watermark is not valid for, each with the time up to which it is complete."""
    return {part: datetime.fromisoformat(text) for part, text in state.part_watermarks.items()}


def is_covered(log: SyncLog, state: StreamState, scope: str) -> bool:
    """Whether the watermark is valid for this scope, but for the parts that are behind or left out."""
    apart = state.part_watermarks.keys() | refused(log.platform, state).keys()
    main = {part for part in scope.split(",") if part not in apart}
    return main <= set(state.watermark_scope.split(","))


def watermarks(log: SyncLog, state: StreamState, scope: str, unread: Collection[str]) -> dict[str, str]:
    """`StreamState.part_watermarks` after a run that covered `scope`, but for the parts that it did not read.

    `state` is as it was before. A part that was never read is complete up to where a first sync begins.
    """
    if log.window_start is None or log.window_end is None:
        raise ValueError(f"A sync of {log.kind} needs a settled window.")
    first = min(log.window_start, log.window_end - timedelta(days=settings.ORDERS_INITIAL_DAYS))
    known, main = behind(state), set(state.watermark_scope.split(","))
    found = {}
    for part in sorted(unread):
        before = known.get(part) or (state.watermark if part in main else None) or first
        # Without a scope, the next sync looks back as a first one does.
        found[part] = (before if scope else min(before, first)).isoformat()
    return found


def remember(platform: Platform, state: StreamState, seen: Parts) -> None:
    """After records were fetched: keep what was refused, forget what was answered.

    Makes no query if nothing changed. Does nothing if the credentials changed meanwhile.
    """
    if not seen.refused and not seen.answered & state.refused_parts.keys():
        return
    with transaction.atomic():
        if (row := locked_with_same_credentials(platform)) is None:
            return
        valid = refused(row, stored := StreamState.of(row, state.stream))
        kept = {part: stored.refused_parts[part] for part in valid if part not in seen.answered}
        now = timezone.now()
        for part in seen.refused:
            since = datetime.fromisoformat(kept[part]["since"]) if part in kept else now
            longest = LONGEST_WAIT if now - since < SUSPECTED_FOR else RESTING_WAIT
            wait = min(max(now - since, FIRST_WAIT), longest)
            absent = kept.get(part, {}).get("absent", now.isoformat())
            kept[part] = {"since": since.isoformat(), "again": (now + wait).isoformat()}
            kept[part] |= {"absent": absent} if part in seen.absent else {}
        StreamState.write(row.pk, state.stream, refused_parts=kept)


def ask_again(states: Collection[StreamState], seen: Parts) -> None:
    """After a check found that these work: let the next sync ask for them again."""
    for state in states:
        if not seen.answered & state.refused_parts.keys():
            continue
        with transaction.atomic():
            Platform.objects.select_for_update().get(pk=state.platform_id)
            stored, now = (
                StreamState.of(state.platform, state.stream).refused_parts,
                timezone.now().isoformat(),
            )
            again = {
                part: times | ({"again": now} if part in seen.answered else {})
                for part, times in stored.items()
            }
            StreamState.write(state.platform_id, state.stream, refused_parts=again)
