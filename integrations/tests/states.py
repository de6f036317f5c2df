"""What tests ask and set of the states of streams."""

from datetime import datetime, timedelta
from typing import Any

from integrations.models import StreamState
from integrations.sync.streams.states import attach_states, interval_of, pop_intervals, set_intervals
from platforms.models import Platform


def watermark_of(platform: Platform | None = None) -> datetime | None:
    """Until when orders are complete; of the only platform, where none is named."""
    return StreamState.of(platform or Platform.objects.get(), "orders").watermark


def set_states(stream: str = "orders", **values: Any) -> None:
    """Set columns of this stream's state, for all platforms."""
    for platform in Platform.objects.all():
        StreamState.write(platform.pk, stream, **values)


def change(platform: Platform, **values: Any) -> None:
    """Set columns of a platform, or intervals of its streams, as `orders_interval`."""
    set_intervals(platform, pop_intervals(values))
    for name, value in values.items():
        setattr(platform, name, value)
    platform.save()


def minutes_of(platform: Platform, stream: str = "orders") -> int:
    """Minutes between scheduled syncs, as stored."""
    attach_states(platform)
    return interval_of(platform, stream)


def time_passes(kind: str = "orders", **span: float) -> None:
    """Moves what is remembered of parts into the past, instead of the clock."""
    refused = {
        part: {
            name: (datetime.fromisoformat(text) - timedelta(**span)).isoformat()
            for name, text in times.items()
        }
        for part, times in StreamState.of(Platform.objects.get(name="amazon"), kind).refused_parts.items()
    }
    set_states(kind, refused_parts=refused)
    Platform.objects.update(credentials_set_at={})
