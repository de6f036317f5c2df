"""The menu of the admin (UNFOLD in oms/settings.py), which says what its pages are called."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import get_script_prefix, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from core.markup import escaped

Numbers = frozenset[int]  # of entries of the menu
PLACE = "place-of-the-token"  # of the CSRF token, in what is kept; no letter of it is escaped


def sections() -> list[dict[str, Any]]:
    menu: list[dict[str, Any]] = settings.UNFOLD["SIDEBAR"]["navigation"]
    return menu


def title_of(address: str) -> str:
    """What the menu calls the page, in the active language; "" where it has no entry for it."""
    number = _numbers(get_script_prefix()).get(address)
    return "" if number is None else str(_entries()[number]["title"])


def menu_of(request: HttpRequest) -> SafeString:
    """What this reader may open, and the page marked that is open; rendered once for all readers who have the same."""
    allowed = frozenset(
        number
        for number, entry in enumerate(_entries())
        if "permission" not in entry or entry["permission"](request)
    )
    numbers, home = _numbers(get_script_prefix()), reverse("admin:index")
    is_open = (
        number
        for address, number in numbers.items()
        if (request.path == home if address == home else address in request.path)
    )
    return _rendered(allowed, frozenset(is_open), get_language(), get_script_prefix())


def account_menu_of(user: Any, token: str) -> SafeString:
    """Appearance, language and account, whose forms hold this CSRF token; rendered once for the readers of a
    language."""
    html = _account_menu(user.has_usable_password(), get_language(), get_script_prefix())
    return SafeString(html.replace(PLACE, escaped(token)))


@lru_cache(maxsize=32)
def _account_menu(has_password: bool, _language: str | None, _prefix: str) -> str:
    context = {
        "user": {"has_usable_password": has_password},
        "show_languages": settings.UNFOLD["SHOW_LANGUAGES"],
        "csrf_token": PLACE,
    }
    return render_to_string("oms/account_menu.html", context)


def _entries() -> list[dict[str, Any]]:
    return [entry for section in sections() for entry in section["items"]]


@lru_cache(maxsize=16)
def _numbers(_prefix: str) -> dict[str, int]:
    """The entries by their addresses."""
    return {str(entry["link"]): number for number, entry in enumerate(_entries())}


@lru_cache(maxsize=512)
def _rendered(allowed: Numbers, is_open: Numbers, _language: str | None, _prefix: str) -> SafeString:
    return render_to_string("oms/menu.html", {"sections": list(_sections(allowed, is_open))})


def _sections(allowed: Numbers, is_open: Numbers) -> Iterator[dict[str, Any]]:
    number = 0
    for section in sections():
        shown = []
        for entry in section["items"]:
            if number in allowed:
                shown.append({**entry, "is_open": number in is_open})
            number += 1
        yield {"title": section.get("title"), "is_apart": section.get("separator"), "entries": shown}
