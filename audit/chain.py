"""Links the entries of the audit, each to the one before by a digest, and verifies that none was changed or taken away.

An entry is written in the transaction of what it is about, and linked once that has committed: to link it earlier,
every transaction that records something would have to wait for the end of every other. Whoever links holds the one row
of AuditHead. An entry that a process left unlinked, because it died, is linked by the next one, and by the
scheduler.

Whoever may write to the database can make a new chain of all entries. So note the number and the digest that
`manage.py verify_audit` prints, away from the database: a new chain does not hold them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db import models, transaction
from django.utils import timezone

from audit.models import AuditEntry, AuditHead
from core.database.retry import retry_on_db_error

AT_ONCE = 500
PRUNED = "audit.pruned"  # the entry of each retention: it names the last entry that was deleted
HEADLESS = "The row of audit_head is missing: nobody can say where the audit ends."
# What the digest is made of, in this order. Never changed: entries that are linked would not agree any more.
FIELDS = (
    "sequence", "at", "actor", "actor_id", "door", "address", "action", "object_kind", "object_id", "object_name",
    "platform_id", "changes_json", "reason", "request_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which the chain does not hold, as a sentence."""

    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`first`, `last`: the numbers of the entries that were looked at; 0 for none. `digest` is that of the last."""

    first: int
    last: int
    digest: str
    broken: Broken | None


def digest_of(entry: AuditEntry, before: str) -> str:
    """The digest of an entry that has its sequence, linked to the digest `before`."""
    values = [getattr(entry, name) for name in FIELDS]
    values[FIELDS.index("at")] = entry.at.isoformat(timespec="microseconds")
    return hashlib.sha256(json.dumps([before, *values]).encode()).hexdigest()


def link_committed() -> int:
    """Link all entries that are committed and are not yet. Returns how many."""
    linked = 0
    while True:
        some = _link_some()
        linked += some
        if some < AT_ONCE:
            return linked


@retry_on_db_error
def _link_some() -> int:
    if not AuditEntry.objects.filter(sequence__isnull=True).exists():
        return 0
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().get(pk=AuditHead.ONLY)
        entries = list(AuditEntry.objects.filter(sequence__isnull=True).order_by("pk")[:AT_ONCE])
        for entry in entries:
            head.last += 1
            entry.sequence = head.last
            entry.digest = head.last_digest = digest_of(entry, head.last_digest)
        plain_rows().bulk_update(entries, ["sequence", "digest"])
        head.save(update_fields=["last", "last_digest"])
    return len(entries)


def plain_rows() -> models.QuerySet[AuditEntry]:
    """The entries for those who link and prune them: the only ones who may write to what is stored."""
    return models.QuerySet(AuditEntry)


def verify() -> Verdict:
    """Whether every entry is as it was written, and none is missing between, before or after the others. Where all is
    well, AuditHead notes it.

    Holds no lock: what is written meanwhile is not looked at, and where retention deletes meanwhile it begins anew.
    """
    while True:
        head = _head()
        if head is None:
            return Verdict(0, 0, "", Broken(1, HEADLESS))
        verdict = _verify_through(head, head.pruned_through, head.pruned_digest, after=-1)
        rows = AuditHead.objects.filter(pk=AuditHead.ONLY, pruned_through=head.pruned_through)
        if rows.exists():
            if not verdict.broken:
                rows.update(verified_through=verdict.last, verified_at=timezone.now())
            return verdict


def verify_newest(count: int) -> Verdict:
    """Whether the newest entries, so many of them, are as they were written, and whether none of all is missing: those
    before are counted, and not read. As long as there are no more, this is the same as `verify`."""
    head = _head()
    if head is None:
        return verify()
    base = AuditEntry.objects.filter(sequence=head.last - count, sequence__gt=head.pruned_through).first()
    if base is None:
        return verify()
    there = AuditEntry.objects.filter(sequence__lte=head.last).count()
    verdict = _verify_through(head, base.sequence or 0, base.digest, after=base.sequence or 0)
    kept = head.last - head.pruned_through
    if not verdict.broken and there != kept and not _was_pruned(head):
        missing = Broken(
            head.pruned_through + 1, f"{kept - there} entries are missing: {there} of {kept} are there."
        )
        return replace(verdict, broken=missing)
    return verdict


def _head() -> AuditHead | None:
    """Once all that is committed is linked."""
    if AuditHead.objects.filter(pk=AuditHead.ONLY).exists():
        link_committed()
    return AuditHead.objects.filter(pk=AuditHead.ONLY).first()


def _false_retention(head: AuditHead) -> Broken | None:
    """Who writes to the database can say of any entries that retention deleted them; an entry has to say so, too."""
    if not head.pruned_through:
        return None
    said = AuditEntry.objects.filter(action=PRUNED).order_by("-pk").first()
    # An entry of an earlier version does not name the last one.
    if said is not None and said.changes.get("through", head.pruned_through) == head.pruned_through:
        return None
    gone = f"Entries up to {head.pruned_through} are gone, and no entry says that retention deleted them."
    return Broken(1, gone)


def _was_pruned(head: AuditHead) -> bool:
    return not AuditHead.objects.filter(pk=AuditHead.ONLY, pruned_through=head.pruned_through).exists()


def _verify_through(head: AuditHead, last: int, digest: str, *, after: int) -> Verdict:
    """Of the entries behind `after`; the one before the first of them should be `last`, with this digest."""
    broken = None
    first = last + 1
    for entry in linked_between(after, head.last):
        broken = _problem(entry, last, digest)
        if broken:
            break
        last, digest = entry.sequence or 0, entry.digest
    broken = broken or _false_retention(head)
    if not broken and (last, digest) != (head.last, head.last_digest):
        broken = Broken(last + 1, f"Entries {last + 1} to {head.last} are missing.")
    return Verdict(first if last >= first else 0, last, digest, broken)


def linked_between(after: int, last: int) -> Iterator[AuditEntry]:
    """The entries with a number above `after`, up to `last`, in order. By pages, since a slow reader would hold what
    the database keeps for a cursor."""
    while True:
        rows = AuditEntry.objects.filter(sequence__gt=after, sequence__lte=last).order_by("sequence")[
            :AT_ONCE
        ]
        page = list(rows)
        yield from page
        if len(page) < AT_ONCE:
            return
        after = page[-1].sequence or 0


def _problem(entry: AuditEntry, last: int, before: str) -> Broken | None:
    number = entry.sequence or 0
    if number <= last:
        return Broken(
            number, f"Entry {number} should have been deleted by retention, or was written by hand."
        )
    if number == last + 2:
        return Broken(last + 1, f"Entry {last + 1} is missing.")
    if number > last + 1:
        return Broken(last + 1, f"Entries {last + 1} to {number - 1} are missing.")
    if entry.digest != digest_of(entry, before):
        return Broken(number, f"Entry {number} is not as it was written.")
    return None


def holds(sequence: int, digest: str) -> bool:
    """Whether the entry of this number has this digest still, as it was noted elsewhere earlier. Where retention has
    deleted it, only of the last one that it deleted."""
    head = AuditHead.objects.get(pk=AuditHead.ONLY)
    if sequence == head.pruned_through:
        return digest == head.pruned_digest
    return AuditEntry.objects.filter(sequence=sequence, digest=digest).exists()
