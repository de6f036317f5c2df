"""Deletes entries that were kept long enough."""

from datetime import datetime

from django.db import transaction

from audit.chain import PRUNED, link_committed, plain_rows
from audit.models import AuditEntry, AuditHead
from audit.recording import record

AT_ONCE = 1000


def prune_entries(before: datetime) -> int:
    """Delete entries from before this time, oldest first. Returns how many."""
    link_committed()
    deleted = 0
    while some := _prune_some(before):
        deleted += some
    return deleted


@transaction.atomic
def _prune_some(before: datetime) -> int:
    """The oldest ones up to the first that is young enough: what is kept has no gaps. One batch with its own entry: no
    crash parts them."""
    head = AuditHead.objects.select_for_update().get(pk=AuditHead.ONLY)
    oldest = AuditEntry.objects.filter(sequence__gt=head.pruned_through).order_by("sequence")[:AT_ONCE]
    doomed: list[int] = []
    for sequence, at, digest in oldest.values_list("sequence", "at", "digest"):
        if at >= before:
            break
        doomed.append(sequence or 0)
        head.pruned_through, head.pruned_digest = sequence or 0, digest
    if doomed:
        plain_rows().filter(sequence__in=doomed).delete()
        head.save(update_fields=["pruned_through", "pruned_digest"])
        facts = {"entries": len(doomed), "before": before.isoformat(), "through": head.pruned_through}
        record(PRUNED, changes=facts)
    return len(doomed)
