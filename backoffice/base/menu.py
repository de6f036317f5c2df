"""The menu of the admin (UNFOLD in oms/settings.py), which says what its pages are called."""

from django.conf import settings


def title_of(address: str) -> str:
    """What the menu calls the page, in the active language; "" where it has no entry for it."""
    sections = settings.UNFOLD["SIDEBAR"]["navigation"]
    entries = (entry for section in sections for entry in section["items"])
    return next((str(entry["title"]) for entry in entries if str(entry["link"]) == address), "")
