"""Where settings.DEMO is on: what every page says of itself."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext


def label(_request: HttpRequest) -> list[str] | None:
    """The badge in the head of each page, and its colour."""
    return [gettext("Demo: invented data"), "warning"] if settings.DEMO else None


def title_prefix(_request: HttpRequest) -> str | None:
    """In front of what the browser's tab says."""
    return f"{gettext('Demo')} |" if settings.DEMO else None
