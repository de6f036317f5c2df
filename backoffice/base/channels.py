"""Texts that come from the channel of a row: the label of its button, and its marketplaces."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from access.confinement import visible_platforms, within
from core.format import DASH
from core.markup import markup
from integrations.channel import Channel
from integrations.registry import CHANNELS, channel_label, site_of
from platforms.models import Platform


def kinds_in_use(request: HttpRequest) -> list[str]:
    """The kinds that platforms have, those without a registered channel too. One query a request, none where only one
    channel is registered, which is taken for all of them."""
    if len(CHANNELS) == 1:
        return list(CHANNELS)
    kinds: list[str] | None = getattr(request, "oms_kinds", None)
    if kinds is None:
        platforms = within(Platform.objects.order_by(), visible_platforms(request), "pk")
        kinds = sorted(platforms.values_list("kind", flat=True).distinct())
        request.oms_kinds = kinds  # type: ignore[attr-defined]
    return kinds


def channels_in_use(request: HttpRequest) -> list[Channel]:
    """The registered channels that platforms have."""
    return [CHANNELS[kind] for kind in kinds_in_use(request) if kind in CHANNELS]


def sync_label(kinds: Iterable[str]) -> str:
    """The label of the button that starts syncs of these platforms."""
    labels = {channel_label(kind) for kind in kinds}
    return _("Sync from %(channel)s") % {"channel": labels.pop()} if len(labels) == 1 else _("Sync now")


def request_id_label(kind: str) -> str:
    return _("%(channel)s's request id:") % {"channel": channel_label(kind)}


def site_code(platform: Platform, site_id: str) -> SafeString:
    """`DE`, with name and id in a tooltip; an unknown id is shown as it is."""
    site = site_of(platform.kind, site_id)
    if site is None:
        return markup("{}", site_id)
    return markup('<span title="{} ({})">{}</span>', site.name, site.id, site.code)


def site_flag(platform: Platform, site_id: str) -> SafeString:
    """A flag and the code, with name and id in a tooltip; an unknown id is shown as it is."""
    site = site_of(platform.kind, site_id)
    if site is None:
        return markup("{}", site_id or DASH)
    return _flag(str(site.name), site.id, site.code)


@lru_cache(maxsize=1024)  # a list has the same few in all of its rows
def _flag(name: str, site_id: str, code: str) -> SafeString:
    flag = f"{static('oms/flags.svg')}#{code.lower()}"
    text = (
        '<span class="oms-site" title="{} ({})">'
        '<svg aria-hidden="true" class="oms-flag"><use href="{}"/></svg>{}</span>'
    )
    return markup(text, name, site_id, flag, code)


def fulfilment_name(platform: Platform, fulfilled_by: str, label: str) -> SafeString:
    """What the channel's sellers call it, such as FBA, with the plain word in a tooltip; otherwise that word."""
    channel = CHANNELS.get(platform.kind)
    name = channel.fulfilment.get(fulfilled_by) if channel else None
    return markup('<span title="{}">{}</span>', label, name) if name else markup("{}", label or DASH)


def site_time(platform: Platform, site_id: str, moment: datetime) -> str:
    """`27 Nov 23:59, Los Angeles`: by the clock of the marketplace; "" where that is not known, or is the reader's."""
    site = site_of(platform.kind, site_id)
    if site is None or not site.zone:
        return ""
    there, here = moment.astimezone(ZoneInfo(site.zone)), timezone.localtime(moment)
    if there.utcoffset() == here.utcoffset():
        return ""
    city = site.zone.rsplit("/", 1)[-1].replace("_", " ")
    return f"{date_format(there, _('j M'))} {there:%H:%M}, {city}"


def site_name(platform: Platform, site_id: str) -> str:
    """The marketplace's name with its id; an unknown id as it is, "" for none."""
    site = site_of(platform.kind, site_id)
    return f"{site.name} ({site.id})" if site else site_id
