"""Filters for templates of our own."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from core.format import platform_time

register = template.Library()
register.filter(platform_time)


@register.filter
def ago(moment: datetime) -> str:
    """`34 minutes ago`, in one unit: exact times stand in the tooltip."""
    if timezone.now() - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}
