"""The list of all streams. A stream is a module of its own and one line here."""

from typing import Any

from integrations.channel import Channel
from integrations.errors import ConfigError
from integrations.registry import CHANNELS
from integrations.sync.streams.base import Progress, Stream
from integrations.sync.streams.inventory import InventoryStream
from integrations.sync.streams.orders import OrdersStream
from platforms.models import Platform

__all__ = [
    "STREAMS",
    "Progress",
    "Stream",
    "counted",
    "delivered_by",
    "label_of",
    "stream_named",
    "streams_of",
]

# By name, in the order in which pages show them. Records and pages are what each stream says they are.
STREAMS: dict[str, Stream[Any, Any]] = {
    OrdersStream.name: OrdersStream(),
    InventoryStream.name: InventoryStream(),
}


def stream_named(name: str) -> Stream[Any, Any]:
    """Raises ConfigError for one that is no more, of which rows are left."""
    if name not in STREAMS:
        known = ", ".join(STREAMS)
        raise ConfigError(
            f"This installation does not know the stream {name} (any more); known are: {known}. Install the version "
            "that has it; what is stored of it stays as it is."
        )
    return STREAMS[name]


def streams_of(platform: Platform) -> dict[str, Stream[Any, Any]]:
    """Those that the platform's channel delivers, by name."""
    return delivered_by(CHANNELS.get(platform.kind))


def delivered_by(channel: Channel | None) -> dict[str, Stream[Any, Any]]:
    """Those that a channel delivers, by name; all of them where the channel is not known."""
    return {name: stream for name, stream in STREAMS.items() if channel is None or name in channel.streams}


def label_of(name: str) -> str:
    """What people call the stream, as within a sentence; the name itself of one that is no more."""
    return str(STREAMS[name].label) if name in STREAMS else name


def counted(name: str, count: int, shown: str) -> str:
    """A number of records of a stream: "12 orders". `shown` is the number as the reader writes it."""
    return STREAMS[name].counted(count, shown) if name in STREAMS else f"{shown} {name}"
