"""Writes entries."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models, transaction

from audit import chain
from audit.models import AuditEntry
from audit.origin import Origin, origin
from core.log_context import log_context
from core.text import storable, storable_text

LONGEST_VALUE = 500  # characters of a value before or after

CHANGED = "changed"  # in the place of a secret's two values


def record(
    action: str,
    about: models.Model | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
    by: Origin | None = None,
) -> None:
    """Note that somebody did something, in the transaction of the deed: both are stored, or neither.

    `action` is `noun.verb`, such as `platform.changed`. `about` is the object. `changes` has by field the values before
    and after, `[old, new]`, or facts such as `{"rows": 12}`; of a secret `CHANGED` alone. None of it may be personal
    data of a buyer. `by`: who, where that is not who acts here.
    """
    record_each(action, [(about, changes)], reason=reason, by=by)


def record_each(
    action: str,
    deeds: list[tuple[models.Model | None, Mapping[str, Any] | None]],
    *,
    reason: str = "",
    by: Origin | None = None,
) -> None:
    """The same for several objects, each with its changes. One statement."""
    if not deeds:
        return
    who = by or origin()
    request_id = str(log_context().get("request_id", ""))
    store(
        AuditEntry(
            actor=who.actor[:150],
            actor_id=who.actor_id,
            door=who.door,
            address=who.address,
            action=action,
            changes_json=as_text(changes),
            reason=storable_text(reason)[:500],
            request_id=request_id[:128],
            **named(about),
        )
        for about, changes in deeds
    )


def store(entries: Iterable[AuditEntry]) -> None:
    """For those who fill an entry in themselves. One statement."""
    with transaction.atomic():
        AuditEntry.objects.bulk_create(entries)
        # Not within this transaction: others would wait for its end to link theirs.
        transaction.on_commit(chain.link_committed, robust=True)


def named(about: models.Model | None) -> dict[str, Any]:
    """The columns of an entry that say what it is about."""
    if about is None:
        return {}
    return {
        "object_kind": about._meta.label_lower[:64],
        "object_id": str(about.pk)[:64],
        "object_name": storable_text(str(about))[:255],
        "platform_id": about.pk
        if about._meta.label_lower == "platforms.platform"
        else getattr(about, "platform_id", None),
    }


def as_text(changes: Mapping[str, Any] | None) -> str:
    """The column `changes_json`."""
    if not changes:
        return ""
    short = {name: _shortened(value) for name, value in changes.items()}
    return json.dumps(storable(short), default=str, sort_keys=True)


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    if isinstance(value, list | tuple):
        return [_shortened(each) for each in value]
    return value
