"""The data sets that a platform refuses, kept for a day so that no sync asks for them in vain.

Records that were first read meanwhile lack that data. So when the platform returns it again, the watermark's scope
is emptied, and the next incremental sync looks back ORDERS_INITIAL_DAYS (see windows.settle_window).

With other credentials, what was refused is asked for again. Names stay on the list until the platform answers, which
shows that earlier records lack them.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integrations.models import StreamState
from integrations.protocol import DataSets
from platforms.models import Platform

REFUSED_FOR = timedelta(hours=24)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def left_out(platform: Platform, states: Iterable[StreamState]) -> dict[str, datetime]:
    """The data sets that are not asked for, each with the moment when it is tried again."""
    now, since = timezone.now(), credentials_since(platform)
    times = {
        name: datetime.fromisoformat(text)
        for state in states
        for name, text in state.refused_datasets.items()
    }
    return {name: until for name, until in times.items() if until > now and until - REFUSED_FOR >= since}


def credentials_since(platform: Platform) -> datetime:
    """Since when the platform has these credentials: a refusal before says nothing about them."""
    return max(map(datetime.fromisoformat, platform.credentials_set_at.values()), default=LONG_AGO)


def locked_with_same_credentials(platform: Platform) -> Platform | None:
    """Its row, until the transaction ends; None where the credentials changed meanwhile: what was found out is about
    the old ones."""
    row = Platform.objects.select_for_update().get(pk=platform.pk)
    return row if row.credentials_digest == platform.credentials_digest else None


def remember_refused(platform: Platform, stream: str, refused: Collection[str]) -> None:
    """Before records are stored that lack these: a process that is killed over its sync leaves no record that lacks
    something while nothing says so. Does nothing if the credentials changed meanwhile."""
    with transaction.atomic():
        if (row := locked_with_same_credentials(platform)) is not None:
            stored = StreamState.of(row, stream)
            until = (timezone.now() + REFUSED_FOR).isoformat()
            new = dict.fromkeys(sorted(refused), until)
            StreamState.write(row.pk, stream, refused_datasets=stored.refused_datasets | new)


def remember(platform: Platform, state: StreamState, seen: DataSets) -> None:
    """After records were fetched: keep what was refused, forget what was answered.

    Makes no query if nothing changed. Does nothing if the credentials changed meanwhile.
    """
    if not seen.refused and not recovered(state, seen):
        return
    with transaction.atomic():
        if (row := locked_with_same_credentials(platform)) is None:
            return
        stored = StreamState.of(row, state.stream)
        until = (timezone.now() + REFUSED_FOR).isoformat()
        kept = {name: text for name, text in stored.refused_datasets.items() if name not in seen.answered}
        lacks = {"watermark_scope": ""} if recovered(stored, seen) else {}
        refused = kept | dict.fromkeys(sorted(seen.refused), until)
        StreamState.write(row.pk, state.stream, refused_datasets=refused, **lacks)


def recovered(state: StreamState, seen: DataSets) -> set[str]:
    """The data sets that were refused once and are answered now."""
    return (seen.answered - seen.refused) & set(state.refused_datasets)


def ask_again(states: Collection[StreamState], seen: DataSets) -> None:
    """After a check found that these work: let the next sync ask for them again."""
    for state in states:
        if not recovered(state, seen):
            continue
        with transaction.atomic():
            row = Platform.objects.select_for_update().get(pk=state.platform_id)
            stored = StreamState.of(row, state.stream)
            again = dict.fromkeys(recovered(stored, seen), timezone.now().isoformat())
            StreamState.write(row.pk, state.stream, refused_datasets=stored.refused_datasets | again)
