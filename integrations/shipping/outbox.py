"""The outbox: an entry for each try to tell a platform of a shipment.

Entries are written in the transaction that makes or changes the shipment, so neither is there without the other. An
entry is claimed by a compare-and-set that writes a token; of one order, one entry is under way at a time, the oldest
first, whoever sends: that is a constraint of the database (`order_key`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef
from django.utils import timezone

from core.database.retry import retry_on_db_error
from integrations.models import OutboxEntry
from orders.models import Shipment

State = OutboxEntry.State


def content_of(shipment: Shipment, lines: Mapping[str, int]) -> dict[str, Any]:
    """What is sent of a shipment, as OutboxEntry.content keeps it."""
    return {
        "package_number": shipment.package_number,
        "carrier": shipment.carrier,
        "carrier_name": shipment.carrier_name,
        "service": shipment.service,
        "tracking_number": shipment.tracking_number,
        "shipped_at": shipment.shipped_at.isoformat() if shipment.shipped_at else None,
        "lines": dict(lines),
    }


def put_into_outbox(
    shipments: Sequence[tuple[Shipment, Mapping[str, int]]], now: datetime | None = None
) -> None:
    """An entry for the try with the number `shipment.tries` of each of these. Within the transaction that made them."""
    now = now or timezone.now()
    OutboxEntry.objects.bulk_create(
        OutboxEntry(
            platform_id=shipment.platform_id,
            shipment_id=shipment.pk,
            order_id=shipment.order_id,
            number=shipment.tries,
            content=content_of(shipment, lines),
            made_at=now,
            next_at=now,
        )
        for shipment, lines in shipments
    )


def supersede(shipment: Shipment) -> None:
    """Take back the entries of a shipment that nobody is sending in this moment. What is being sent is followed by the
    next entry."""
    waiting = OutboxEntry.objects.filter(shipment=shipment, state=OutboxEntry.State.WAITING)
    waiting.update(state=OutboxEntry.State.SUPERSEDED, finished_at=timezone.now())


class DueEntry(NamedTuple):
    """An entry whose time has come."""

    entry_id: int
    source: str
    is_rehearsal: bool


@retry_on_db_error
def next_entries(platform_id: int, limit: int, *, only_rehearsals: bool) -> list[DueEntry]:
    """Those that may be sent now, one of each order at most, those that wait longest first."""
    earlier = OutboxEntry.objects.open().filter(order_id=OuterRef("order_id"), pk__lt=OuterRef("pk"))
    due = OutboxEntry.objects.due().filter(~Exists(earlier), platform_id=platform_id)
    if only_rehearsals:
        due = due.filter(shipment__is_rehearsal=True)
    columns = due.values_list("pk", "shipment__source", "shipment__is_rehearsal")
    return list(map(DueEntry._make, columns.order_by("next_at", "pk")[:limit]))
