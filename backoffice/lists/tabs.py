"""Tabs of a list: what most readers look for in it, each with the number of its rows.

A count is what the tab's own address would list, up to a bound. The page does not wait for the counts: it asks for them
once it is shown, and they are kept for a few seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from access.confinement import visible_platforms
from backoffice.lists.addresses import asked_for, query_of
from core.database.counting import count_up_to
from core.format import Text, grouped

MOST_COUNTED = 999
KEPT = 15  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """`query`: the parameters of the list's address. Without `is_counted` it has no number, as the tab of all rows."""

    name: str
    label: Text
    query: Mapping[str, str]
    is_counted: bool = True
    is_alarming: bool = False  # its number stands out, unless it is 0


ALL = Tab(name="all", label=_("All"), query={}, is_counted=False)


@dataclass(frozen=True, slots=True)
class ShownTab:
    tab: Tab
    address: str
    is_current: bool
    count: str | None  # "12", or "999+"; None where it is not known yet


def shown_tabs(model_admin: Any, request: HttpRequest) -> list[ShownTab]:
    """The tabs; the current one is the one that asks for the most of what the address asks for."""
    tabs = model_admin.tabs_for(request)
    asked = asked_for(request).items()
    fitting = [tab for tab in tabs if tab.query.items() <= asked]
    current = max(fitting, key=lambda tab: len(tab.query), default=None)
    counts: dict[str, str] = cache.get(_key(model_admin, request)) or {}
    return [ShownTab(tab, query_of(tab.query), tab is current, counts.get(tab.name)) for tab in tabs]


def counts_address(model_admin: Any, tabs: Sequence[ShownTab]) -> str:
    """Where the page asks for the counts; "" where it has all of them."""
    if all(shown.count is not None for shown in tabs if shown.tab.is_counted):
        return ""
    return reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_counts")


def counts_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """The numbers of all tabs, for htmx to put into them."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    key = _key(model_admin, request)
    counts: dict[str, str] | None = cache.get(key)
    if counts is None:
        counts = dict(_counts(model_admin, request))
        cache.set(key, counts, KEPT)
    shown = [
        ShownTab(tab, "", False, counts.get(tab.name))
        for tab in model_admin.tabs_for(request)
        if tab.is_counted
    ]
    return render(request, "oms/lists/counts.html", {"tabs": shown})


def _counts(model_admin: Any, request: HttpRequest) -> Iterator[tuple[str, str]]:
    for tab in model_admin.tabs_for(request):
        if tab.is_counted:
            changelist = model_admin.get_changelist_instance(_request_of(model_admin, request, tab))
            number, is_all = count_up_to(changelist.queryset, MOST_COUNTED)
            yield tab.name, f"{grouped(number)}{'' if is_all else '+'}"


def _request_of(model_admin: Any, request: HttpRequest, tab: Tab) -> HttpRequest:
    """As if somebody had opened the tab; its rows are not read (see reads_no_rows)."""
    opened = copy(request)
    opened.GET = QueryDict(query_of(tab.query)[1:])
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist"
    opened.resolver_match = resolve(reverse(name))
    opened.oms_columns = list(model_admin.columns)  # type: ignore[attr-defined]  # as no column is shown
    opened.oms_counts = True  # type: ignore[attr-defined]
    return opened


def _key(model_admin: Any, request: HttpRequest) -> str:
    """Counts differ by the reader and what he may see, by their day, and by how numbers are written."""
    visible = visible_platforms(request)
    seen = "all" if visible is None else "-".join(map(str, sorted(visible)))
    language, zone = get_language(), timezone.get_current_timezone_name()
    of_reader = f"{model_admin.opts.label_lower} {request.user.pk} {seen} {zone} {language}"
    return f"oms-tabs:{blake2b(of_reader.encode(), digest_size=16).hexdigest()}"
