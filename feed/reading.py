"""The feed as a reader gets it: in an order in which nobody can fall behind or jump over a change.

Ids of rows are no such order: a transaction takes its ids when it writes, and may commit long after another one that
took later ids. A reader who has seen those would never come back. So changes get a `sequence` once they are committed:

1. Whoever reads locks the one row of FeedPosition. Nobody else numbers meanwhile, in any process.
2. It gives the next numbers to the changes that it sees without one, in the order of their ids. It sees what is
   committed, and nothing else.
3. It commits, and only then hands them out.

A change that commits later is seen by a later turn, and gets a higher number than all that were handed out. Two changes
of one object cannot swap: the second is written while the row of the object is locked, after the first has committed,
and so has a higher id; both are numbered in the order of ids. A reader who dies between 2 and 3 has numbered
nothing; one who dies after 3 reads again from where he was. A writer never waits for a reader: it does not touch the
row of FeedPosition.

That lock is held for the time of the numbering alone: whoever has rows of their own to change does it in a transaction
of its own, after this one. So nobody waits for it while holding something that a reader waits for.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from django.db import connection, transaction
from django.db.models import F

from core.database.retry import retry_on_db_error
from feed.models import Change, FeedPosition

AT_ONCE = 1000  # changes in an answer
# Changes that are numbered in one transaction. After a first sync nobody may have read for 300,000 of them.
NUMBERED_AT_ONCE = 10_000
EXAMINED = 50_000  # changes that one answer looks through for those of the kinds and the platform asked for


class TooLate(Exception):
    """Changes after the one asked for are deleted already. `pruned_through` is the last of these."""

    def __init__(self, pruned_through: int) -> None:
        super().__init__(f"Changes up to {pruned_through} are no longer kept.")
        self.pruned_through = pruned_through


class NotYet(Exception):
    """The reader has seen a change that this database has not: it was restored from a backup, or is another one."""

    def __init__(self, last: int) -> None:
        super().__init__(f"The last change has the number {last}.")
        self.last = last


@dataclass(frozen=True, slots=True)
class Page:
    """`last`: where to read on; also where no change was found. `more`: whether to do so at once."""

    changes: list[Change]
    last: int
    more: bool


def changes_after(
    after: int,
    *,
    kinds: Collection[str] = (),
    platform_ids: Collection[int] | None = None,
    limit: int = AT_ONCE,
) -> Page:
    """At most `limit` changes with a sequence above `after`, of these kinds and platforms, or all.

    Raises TooLate or NotYet where `after` is not among those that are kept.
    """
    last = number_committed()
    if after > last:
        raise NotYet(last)
    until = min(last, after + EXAMINED)
    rows = Change.objects.filter(sequence__gt=after, sequence__lte=until).order_by("sequence")
    if kinds:
        rows = rows.filter(kind__in=kinds)
    if platform_ids is not None:
        rows = rows.filter(platform_id__in=platform_ids)
    changes = list(rows[: limit + 1])
    # After the rows were read: what is deleted meanwhile would be missing among them.
    pruned_through = FeedPosition.objects.values_list("pruned_through", flat=True).get(pk=FeedPosition.ONLY)
    if after < pruned_through:
        raise TooLate(pruned_through)
    if len(changes) > limit:
        return Page(changes[:limit], changes[limit - 1].sequence or after, True)
    return Page(changes, until, until < last)


def last_sequence() -> int:
    """The number of the newest change that is committed now; 0 where there never was one."""
    return number_committed()


def last_numbered() -> int:
    """The highest number that was given so far. Gives none itself, and so takes no lock."""
    return FeedPosition.objects.values_list("last", flat=True).get(pk=FeedPosition.ONLY)


def is_kept(after: int) -> bool:
    """Whether a reader who has come to this number can go on. Gives no number, and so takes no lock."""
    position = FeedPosition.objects.get(pk=FeedPosition.ONLY)
    return position.pruned_through <= after <= position.last


def number_committed() -> int:
    """Give a sequence to all changes that are committed and have none. Returns the highest there is."""
    while True:
        numbered, last = _number_some()
        if numbered < NUMBERED_AT_ONCE:
            return last


@retry_on_db_error
def _number_some() -> tuple[int, int]:
    """The number of changes that were numbered, at most NUMBERED_AT_ONCE, and the highest sequence."""
    if not _has_unnumbered():  # nearly always: no lock, and no write
        return 0, last_numbered()
    with transaction.atomic():
        position = FeedPosition.objects.select_for_update().get(pk=FeedPosition.ONLY)
        # Not in the statement that writes: that would wait for rows which others have not committed yet.
        unnumbered = Change.objects.filter(sequence__isnull=True).order_by("pk")
        ids = list(unnumbered.values_list("pk", flat=True)[:NUMBERED_AT_ONCE])
        for first, last in _runs(ids):
            run = Change.objects.filter(pk__gte=first, pk__lte=last)
            run.update(sequence=F("pk") + (position.last + 1 - first))
            position.last += last + 1 - first
        position.save(update_fields=["last"])
    return len(ids), position.last


def _has_unnumbered() -> bool:
    """Asks the index of the sequence what comes at its end where NULLs are, and not for a row with NULL: PostgreSQL
    would look through the table for one, since it may have counted the rows when most of them had no number."""
    at_the_end = "-sequence" if connection.features.nulls_order_largest else "sequence"
    found = Change.objects.order_by(at_the_end).values_list("sequence", flat=True)[:1]
    return list(found) == [None]


def _runs(ids: list[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of ids without a gap: within a run, id and sequence go up together."""
    cuts = [at for at, (one, other) in enumerate(pairwise(ids), start=1) if other != one + 1]
    return [
        (ids[start], ids[end - 1]) for start, end in zip([0, *cuts], [*cuts, len(ids)], strict=True) if ids
    ]
