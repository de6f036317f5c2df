"""Ships the entries of the audit elsewhere, where whoever holds the database cannot change them: as JSON lines to a
file or to stdout (AUDIT_LOG), and to a syslog server (AUDIT_SYSLOG).

Entries are shipped once they are committed and linked, in their order, each at least once: a place is noted after it
has taken them. `manage.py run_webhooks` does it once a minute (settings.EVERY_MINUTE); nothing else waits for a server
that is slow or dead, and each place has a position of its own.

What leaves the house has no secret, and nothing that somebody typed freely: values of HIDDEN are left out. The digest
goes with each entry, so a chain that was made anew in the database does not agree with what was shipped.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from audit import chain
from audit.models import AuditEntry, AuditHead, AuditShipment
from audit.syslog import Message, server_at

logger = logging.getLogger(__name__)

AT_ONCE = 200
SECONDS = 15.0  # at one turn, for each place
CLAIM = timedelta(minutes=2)
FIELDS = (
    "sequence", "digest", "actor", "actor_id", "door", "address", "action", "object_kind", "object_id", "object_name",
    "platform_id", "request_id",
)  # fmt: skip
# Names of staff, e-mail addresses, what was searched for, reasons, and addresses of webhooks, which may hold a secret
# of the receiver.
HIDDEN = frozenset(
    {"", "email", "first_name", "last_name", "recipients", "filter", "query", "reason", "url", "off_reason"}
)
HIDDEN_OF = {
    "passkey.added": frozenset({"name"}),  # "Jo's telephone"
    "passkey.removed": frozenset({"name"}),
    "export.sent": frozenset({"to"}),  # addresses, where it went by e-mail
}
NOT_SHIPPED = "(in OMS)"

Send = Callable[[Sequence[AuditEntry]], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere that entries are shipped to. `send` raises OSError where not all of them have arrived."""

    name: str
    send: Send


def places() -> Iterator[Place]:
    if settings.AUDIT_LOG:
        yield Place("log", _write_lines)
    if settings.AUDIT_SYSLOG:
        server = server_at(settings.AUDIT_SYSLOG)
        yield Place("syslog", lambda entries: server.send(map(_message, entries)))


def ship() -> None:
    """Send what no place has yet, to each that is set. Raises DatabaseError; a place that takes nothing is logged."""
    for place in places():
        chain.link_committed()
        _ship_to(place)


def _ship_to(place: Place) -> None:
    """One process at a time: what another one sends meanwhile would arrive twice."""
    AuditShipment.objects.get_or_create(place=place.name)
    row, until = AuditShipment.objects.filter(place=place.name), timezone.now() + CLAIM
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=timezone.now())
    if not row.filter(is_free).update(claimed_until=until):
        return
    mine = row.filter(claimed_until=until)
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and _send_some(place, mine):
            pass
    finally:
        mine.update(claimed_until=None)


def _send_some(place: Place, mine: Any) -> bool:
    """Whether there may be more."""
    shipment = mine.first()
    if shipment is None:  # the claim ran out
        return False
    entries = list(
        AuditEntry.objects.filter(sequence__gt=shipment.shipped_through).order_by("sequence")[:AT_ONCE]
    )
    if not entries:
        return False
    try:
        place.send(entries)
    except OSError as error:
        logger.warning(
            "The audit cannot be shipped to %s: %s. It waits in the database from entry %s on, and is tried again in a "
            "minute.",
            place.name,
            error,
            entries[0].sequence,
        )
        mine.filter(refused_at=None).update(refused_at=timezone.now())
        return False
    mine.update(shipped_through=entries[-1].sequence, refused_at=None)
    return len(entries) == AT_ONCE


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a place does not have yet. `since`: the time of the oldest entry of it, None for nothing; `refused_at`:
    since when it takes nothing, None where it does."""

    place: str
    entries: int
    since: datetime | None
    refused_at: datetime | None

    def is_stuck(self, now: datetime) -> bool:
        """It takes nothing, or nobody has shipped for AUDIT_SHIPPED_MINUTES what was there to be shipped."""
        late = timedelta(minutes=settings.AUDIT_SHIPPED_MINUTES)
        return self.refused_at is not None or (self.since is not None and now - self.since > late)


def waiting() -> list[Waiting]:
    """Of each place that is set. Three queries a place."""
    found = []
    for place in places():
        shipment = AuditShipment.objects.filter(place=place.name).first()
        through = shipment.shipped_through if shipment else 0
        head = (
            AuditHead.objects.filter(pk=AuditHead.ONLY).first() or AuditHead()
        )  # verify_audit says that it is lost
        oldest = AuditEntry.objects.filter(sequence__gt=through).order_by("sequence").first()
        count = head.last - max(through, head.pruned_through)
        refused_at = shipment.refused_at if shipment else None
        found.append(Waiting(place.name, max(0, count), oldest.at if oldest else None, refused_at))
    return found


# --- As text


def as_json(entry: AuditEntry, *, with_changes: bool = True) -> str:
    """One line of ASCII."""
    line: dict[str, Any] = {"log": "oms.audit", "at": _time(entry)}
    line |= {name: getattr(entry, name) for name in FIELDS}
    line["changes"] = (
        {name: _shown(entry.action, name, value) for name, value in entry.changes.items()}
        if with_changes
        else NOT_SHIPPED
    )
    return json.dumps(line)


def _shown(action: str, name: str, value: Any) -> Any:
    return NOT_SHIPPED if name in HIDDEN or name in HIDDEN_OF.get(action, ()) else value


def _time(entry: AuditEntry) -> str:
    return entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(entry: AuditEntry) -> Message:
    short = as_json(entry, with_changes=False)
    return Message(at=_time(entry), kind=entry.action, body=as_json(entry), short=short)


def _write_lines(entries: Sequence[AuditEntry]) -> None:
    text = "".join(f"{as_json(entry)}\n" for entry in entries)
    if settings.AUDIT_LOG == "stdout":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # Opened anew each time: logrotate may have moved it.
    descriptor = os.open(settings.AUDIT_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
