"""The names of events, which of them an endpoint is told of, and what is sent."""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from feed.models import Change

# Several kinds of changes under one name, for those who do not care which.
GROUPS: dict[str, tuple[str, ...]] = {
    "stock.changed": (
        Change.Kind.STOCK_CREATED,
        Change.Kind.STOCK_UPDATED,
        Change.Kind.STOCK_GONE,
        Change.Kind.STOCK_DELETED,
    ),
}
SWITCHED_OFF = "webhook.switched_off"
# Events that are no change of the feed: webhooks/emitting.py.
EMITTED = (
    "platform.attention",
    "platform.recovered",
    "alert.began",
    "alert.grew",
    "alert.ended",
    SWITCHED_OFF,
)
TEST = "webhook.test"

# Of no platform, these are about several of them, or all: a name in them may be none of a narrowed endpoint's business.
OF_SEVERAL = (SWITCHED_OFF,)

# Whoever has an endpoint told of events has to be allowed to see what they say. Changes: as for GET /changes.
SEE_CHANGES = "feed.view_change"
_PLATFORMS = ("platforms.view_platform",)
_ALERTS = (
    "integrations.view_syncfailure",
    "integrations.view_synclog",
    "inventory.view_inventoryitem",
    "orders.view_order",
)
TO_SEE: Mapping[str, tuple[str, ...]] = {
    "platform.attention": _PLATFORMS,
    "platform.recovered": _PLATFORMS,
    "alert.began": _ALERTS,
    "alert.grew": _ALERTS,
    "alert.ended": _ALERTS,
    SWITCHED_OFF: ("webhooks.view_endpoint",),
}


def permissions_to_see(events: Iterable[str] | None) -> set[str]:
    """Those that somebody needs to see what these events say; of all of them, where `events` is None."""
    names = event_names() if events is None else events
    return {permission for name in names for permission in TO_SEE.get(name, (SEE_CHANGES,))}


def hidden_events(user: Any) -> list[str]:
    """Events of TO_SEE that this user may not see, beside all changes where he may not read the feed."""
    return [event for event, needed in TO_SEE.items() if not user.has_perms(needed)]


def new_message_id() -> str:
    return f"msg_{uuid.uuid4().hex}"


def event_names() -> list[str]:
    """All that an endpoint can be told of."""
    return [*Change.Kind.values, *GROUPS, *EMITTED]


def kinds_of(events: Iterable[str] | None) -> tuple[str, ...]:
    """The kinds of changes that these events are about; () stands for all of them, where `events` is None.

    Where the events are about no change, a kind that there is not.
    """
    if events is None:
        return ()
    kinds = [kind for event in events for kind in GROUPS.get(event, (event,)) if kind in Change.Kind.values]
    return tuple(dict.fromkeys(kinds)) or ("none",)


def event_of(kind: str, events: Iterable[str] | None) -> str:
    """The name under which an endpoint is told of a change: its kind, unless it asked only for the group."""
    if events is None or kind in events:
        return kind
    return next((group for group in events if kind in GROUPS.get(group, ())), kind)


def may_be_told(platform_ids: Collection[int] | None, event: str, platform_id: int | None) -> bool:
    """Whether an event of this platform, or of none, is for an endpoint that wants these platforms (None: all)."""
    if platform_ids is None:
        return True
    return event not in OF_SEVERAL if platform_id is None else platform_id in platform_ids


def change_data(change: Change, platform_names: Mapping[int, str]) -> dict[str, Any]:
    """A change as GET /changes answers it, its time as in all messages."""
    return change.as_data(platform_names) | {"at": _timestamp(change.at)}


def object_key(change: Change) -> str:
    """What is told in order: `order:12`."""
    return f"{change.kind.partition('.')[0]}:{change.object_id}"


def body_of(event: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The payload as the specification recommends it, in ASCII."""
    return json.dumps(
        {"type": event, "timestamp": _timestamp(at), "data": data}, separators=(",", ":"), default=str
    )


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
