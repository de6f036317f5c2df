"""Deletes changes that were kept long enough."""

from datetime import datetime

from django.db import transaction

from feed.models import Change, FeedPosition
from feed.reading import number_committed

AT_ONCE = 1000


def prune_changes(before: datetime) -> int:
    """Delete changes from before this time, oldest first. Returns how many. A reader who has not come so far is told
    (reading.TooLate)."""
    number_committed()
    deleted = 0
    while some := _prune_some(before):
        deleted += some
    return deleted


@transaction.atomic
def _prune_some(before: datetime) -> int:
    """The oldest ones up to the first that is young enough: what is kept has no gaps."""
    position = FeedPosition.objects.select_for_update().get(pk=FeedPosition.ONLY)
    oldest = Change.objects.filter(sequence__gt=position.pruned_through).order_by("sequence")[:AT_ONCE]
    doomed: list[int] = []
    for sequence, at in oldest.values_list("sequence", "at"):
        if at >= before:
            break
        doomed.append(sequence or 0)
    if doomed:
        Change.objects.filter(sequence__in=doomed).delete()
        position.pruned_through = doomed[-1]
        position.save(update_fields=["pruned_through"])
    return len(doomed)
