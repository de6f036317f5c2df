"""Two platforms with one account: allowed, since their marketplaces may differ, but rarely meant."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from integrations.errors import ConfigError
from integrations.quota.usage import sharing
from integrations.registry import CHANNELS, channel_label
from platforms.models import Platform


def attach_others(platforms: Iterable[Platform]) -> None:
    """Find out for many platforms at once, with one query, for `others_of` of each of them."""
    shared = sharing()
    for platform in platforms:
        names = shared.get(_account_of(platform), [])
        platform._others = [name for name in names if name != platform.name]  # type: ignore[attr-defined]


def others_of(platform: Platform) -> list[str]:
    """The names of the other platforms with this one's account: same application and same seller. Empty where its
    credentials name no account. Asked now, unless `attach_others` did."""
    if not hasattr(platform, "_others"):
        attach_others([platform])
    others: list[str] = platform._others  # type: ignore[attr-defined]
    return others


def same_account_line(platform: Platform) -> str:
    """What it means that other platforms have the same account; "" where none has."""
    others = others_of(platform)
    if not others:
        return ""
    text = _(
        "%(platform)s has the same account as %(others)s. Orders and stock of a marketplace that both have are stored "
        "twice, once for each platform, and counted twice; all of them share one quota of %(channel)s, so each gets "
        "less of it. Unless their marketplaces differ, make one of them inactive."
    )
    return text % {
        "platform": platform.name,
        "others": ", ".join(others),
        "channel": channel_label(platform.kind),
    }


def _account_of(platform: Platform) -> str:
    channel = CHANNELS.get(platform.kind)
    if channel is None or platform.config_problem or not platform.api_config:
        return ""
    try:
        return channel.account_key(platform.api_config)
    except ConfigError:
        return ""
