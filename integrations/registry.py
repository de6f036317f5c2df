"""The list of all channels: one entry for each."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils.translation import gettext_lazy

from core.format import Text
from integrations.amazon.channel import AMAZON
from integrations.channel import Channel, Site
from integrations.errors import ConfigError

CHANNELS: dict[str, Channel] = {
    "amazon": AMAZON,
}

# For a platform whose kind is none of these: no credentials would help it.
UNKNOWN_KIND = gettext_lazy(
    "Its credentials are not the reason. Install the release of OMS that brings this channel, correct the platform's "
    "kind, or make the platform inactive."
)


def default_kind() -> str:
    """The kind of a new platform, unless another one is chosen."""
    return next(iter(CHANNELS))


def kind_choices() -> list[tuple[str, str]]:
    """Every kind with its label, for forms and the API."""
    return [(kind, channel.label) for kind, channel in CHANNELS.items()]


def channel_label(kind: str) -> str:
    """The channel's name. Of a kind that is not registered (any more), the kind as it is stored."""
    channel = CHANNELS.get(kind)
    return channel.label if channel else kind


def site_of(kind: str, site_id: str) -> Site | None:
    """The marketplace that a row of this kind of platform names, None where that is not known."""
    channel = CHANNELS.get(kind)
    return channel.sites.get(site_id) if channel else None


def order_lag(kinds: Iterable[str] | None = None) -> timedelta:
    """How long before now a window of orders has to end, for platforms of these kinds; None: of any."""
    concerned = CHANNELS if kinds is None else [kind for kind in kinds if kind in CHANNELS]
    return max((CHANNELS[kind].order_lag for kind in concerned), default=timedelta(0))


def advice_of(kind: str, error_code: str) -> Text:
    """What a person does about this error of a platform of this kind, "" where the channel says nothing of its own."""
    channel = CHANNELS.get(kind)
    if channel is None and error_code == ConfigError.default_code:
        return UNKNOWN_KIND
    return channel.advice.get(error_code, "") if channel else ""


def sites_of(kind: str, ids: Iterable[str]) -> list[Site]:
    """Those of these ids that are sites of the channel, in their order."""
    return [site for each in ids if (site := site_of(kind, each)) is not None]
