"""Tags and filters for templates of our own."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from backoffice.base.menu import account_menu_of, menu_of, title_of
from backoffice.syncs.presentation import ended_line
from core.format import grouped, platform_time

register = template.Library()
register.filter(platform_time)
register.filter(ended_line)
register.filter(grouped)


@register.filter
def or_as_in_menu(title: str, address: object) -> str:
    """What the menu calls the page with this address; the title, where it has no entry for it."""
    return title_of(str(address)) or title


@register.filter
def ago(moment: datetime) -> str:
    """`34 minutes ago`, in one unit: exact times stand in the tooltip."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


@register.simple_tag(takes_context=True)
def account_menu(context: Any) -> SafeString:
    """`{% account_menu %}`: appearance, language and account of the reader."""
    return account_menu_of(context["user"], str(context.get("csrf_token", "")))


@register.simple_tag(takes_context=True)
def menu(context: Any) -> SafeString:
    """`{% menu %}`: what the reader may open, as the sidebar shows it."""
    return menu_of(context["request"])
