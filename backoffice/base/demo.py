"""Where settings.DEMO is on: what every page says of itself."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext


def label(_request: HttpRequest) -> list[str] | None:
    """The badge in the head of each page, and its colour. On a phone it leaves the room to the title."""
    if not settings.DEMO:
        return None
    both = '<span class="oms-label-whole">{}</span><span class="oms-label-short" title="{}">{}</span>'
    whole = gettext("Demo: invented data")
    return [format_html(both, whole, whole, gettext("Demo")), "warning"]


def title_prefix(_request: HttpRequest) -> str | None:
    """In front of what the browser's tab says."""
    return f"{gettext('Demo')} |" if settings.DEMO else None
