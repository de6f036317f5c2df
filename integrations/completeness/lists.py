"""How lists are asked for and looked after; and those that somebody asked for before: another program of the account,
or a worker that was killed before it could say so. One that serves is used, which saves the quota of another one."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.errors import PlatformError
from integrations.protocol import EarlierList, ListKind, MakesLists

LONGEST = timedelta(days=30)  # of one list of orders
MARGIN = timedelta(minutes=2)  # lists end so long before the platform's time: clocks differ
POLLS = (15, 30, 60, 120, 300)  # seconds until a list is looked after again; the last one from then on
LONGEST_WAIT = timedelta(hours=24)  # for one list


def seconds_until(moment: str | None) -> float:
    """Until this moment, which is kept as text; 0 where it has passed, or there is none."""
    return max((datetime.fromisoformat(moment) - timezone.now()).total_seconds(), 0.0) if moment else 0.0


def moment_in(seconds: float) -> str:
    """The moment in so many seconds, as text that `seconds_until` reads."""
    return (timezone.now() + timedelta(seconds=seconds)).isoformat()


def earlier_lists(adapter: MakesLists, kinds: Sequence[ListKind], since: datetime) -> list[EarlierList]:
    """Those of these kinds that were asked for since then, the newest first. Takes one call. Where
    they cannot be found out, there are none: we ask for our own."""
    with suppress(PlatformError):
        return [each for each in adapter.earlier_lists(kinds, since) if each.created_at >= since]
    return []


def covering(
    lists: Iterable[EarlierList], kind: ListKind, sites: Iterable[str], start: datetime, end: datetime
) -> EarlierList | None:
    """The first one that is about all of this span, in just these marketplaces, and was made when it was over."""
    wanted = frozenset(sites)
    return next(
        (
            each
            for each in lists
            if each.kind == kind
            and each.sites == wanted
            and each.start <= start
            and each.end >= end
            and each.created_at >= end
        ),
        None,
    )
