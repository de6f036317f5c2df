"""Endpoints and changes, for tests."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from feed.models import Change
from feed.recording import Changed, add_changes
from platforms.models import Platform
from webhooks.endpoints import add_endpoint
from webhooks.models import Endpoint
from webhooks.tests.receiver import Receiver

Kind = Change.Kind


def endpoint_at(receiver: Receiver, **values: Any) -> Endpoint:
    """An endpoint with the receiver's URL; the receiver learns its secret."""
    endpoint = Endpoint(**{"name": "shop", "url": receiver.url(), **values})
    receiver.secret = add_endpoint(endpoint)
    return endpoint


def change(
    kind: str,
    object_id: int,
    external_id: str = "",
    fields: tuple[str, ...] = (),
    platform_id: int | None = None,
) -> None:
    """Something became different."""
    platform_id = platform_id or Platform.objects.values_list("pk", flat=True)[0]
    with transaction.atomic():
        add_changes(
            Change.Kind(kind), platform_id, [Changed(object_id, external_id or f"E-{object_id}", fields)]
        )


def pass_time(endpoint: Endpoint, **span: Any) -> None:
    """All that is stored of the endpoint and its deliveries was so much earlier."""
    from datetime import timedelta

    earlier = timedelta(**span)
    endpoint.refresh_from_db()
    for row, names in [
        (endpoint, ("failing_since", "paused_until", "last_delivered_at")),
        *(
            (delivery, ("first_attempt_at", "attempted_at", "next_at", "delivered_at", "created_at"))
            for delivery in endpoint.deliveries.all()
        ),
    ]:
        for name in names:
            if getattr(row, name) is not None:
                setattr(row, name, getattr(row, name) - earlier)
        row.save()
    assert timezone.now()
