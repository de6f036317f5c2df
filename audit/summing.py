"""Attempts that anybody can repeat without end: one entry with their number in place of one for each, so that nobody
fills the table.

What is repeated within LOGIN_LOCK_MINUTES is counted in a row of AuditSum, which becomes an entry once that time is
over: with the next attempt, or within a minute (settings.EVERY_MINUTE, and the scheduler once a day).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from audit.models import AuditEntry, AuditSum
from audit.origin import origin
from audit.recording import as_text, named, record, store

ONE_BY_ONE = 100


def record_sum(
    action: str, about: models.Model | None = None, *, changes: Mapping[str, Any] | None = None, of: str
) -> None:
    """Count this attempt: those with the same action and the same `of` become one entry, with `attempts` in it."""
    _count(action, about, changes, of, shows_first=False)


def record_first(
    action: str, about: models.Model | None = None, *, changes: Mapping[str, Any] | None = None, of: str
) -> None:
    """An entry at once for the first attempt, and one for all that follow it soon."""
    _count(action, about, changes, of, shows_first=True)


def _count(
    action: str,
    about: models.Model | None,
    changes: Mapping[str, Any] | None,
    of: str,
    *,
    shows_first: bool,
) -> None:
    here, now = origin(), timezone.now()
    key = hashlib.sha256(f"{action} {of}".encode("utf-8", "replace")).hexdigest()
    rows = AuditSum.objects.filter(key=key)
    address = Case(When(address=here.address, then=Value(here.address)), default=Value(""))  # from several
    more = {"count": F("count") + 1, "last_at": now, "address": address}
    if rows.filter(until__gt=now).update(**more):
        return
    with transaction.atomic():
        for row in rows.select_for_update():
            _write(row)
        _row, is_new = AuditSum.objects.get_or_create(
            key=key,
            defaults={
                "action": action,
                "door": here.door,
                "address": here.address,
                "count": 0 if shows_first else 1,
                "first_at": now,
                "last_at": now,
                "until": now + timedelta(minutes=settings.LOGIN_LOCK_MINUTES),
                "changes_json": as_text(changes),
                **named(about),
            },
        )
        if not is_new:  # at the same moment
            rows.update(**more)
        elif shows_first:
            record(action, about, changes=changes)


def write_sums() -> None:
    """Make entries of all sums whose time is over. Raises DatabaseError."""
    due = AuditSum.objects.filter(until__lte=timezone.now())
    while keys := list(due.order_by("until").values_list("key", flat=True)[:ONE_BY_ONE]):
        for key in keys:
            with transaction.atomic():
                for row in due.filter(key=key).select_for_update():
                    _write(row)


def _write(row: AuditSum) -> None:
    """The row becomes an entry, or nothing where no attempt followed the first."""
    AuditSum.objects.filter(pk=row.pk).delete()
    if not row.count:
        return
    facts = json.loads(row.changes_json or "{}")
    facts |= {"attempts": row.count, "from": row.first_at.isoformat(), "until": row.last_at.isoformat()}
    store(
        [
            AuditEntry(
                door=row.door,
                address=row.address,
                action=row.action,
                changes_json=as_text(facts),
                object_kind=row.object_kind,
                object_id=row.object_id,
                object_name=row.object_name,
                platform_id=row.platform_id,
            )
        ]
    )
