"""The section "Keeping up" of the page Completeness: which orders are known by report alone, and how far a catch-up
is."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.base.cells import badge, display_of
from backoffice.completeness.presentation import cost_line
from core.format import duration, format_datetime, grouped
from integrations.completeness.keeping_up.standing import (
    KnownByReport,
    known_by_report,
    shown_catch_up,
    unknown_for_long,
)
from integrations.models import CatchUp
from platforms.models import Platform

Status = CatchUp.Status
COLOURS: dict[str, str] = {
    Status.SUCCEEDED: "success",
    Status.PARTIAL: "warning",
    Status.FAILED: "danger",
}


def keeping_up_of(platform: Platform) -> dict[str, Any]:
    """What the section shows."""
    known = known_by_report(platform)
    catch_up = shown_catch_up(platform, timezone.now())
    return {
        "known_line": _known_line(known),
        "by_report_href": by_report_href(platform),
        "is_any": bool(known.all),
        "catch_up": None if catch_up is None else _shown(catch_up),
    }


def by_report_href(platform: Platform) -> str:
    """The list of the orders that are known by report alone, in their newest version at least."""
    query = {"platform__id__exact": platform.pk, "completeness__in": "outdated,report"}
    return f"{reverse('admin:orders_order_changelist')}?{urlencode(query)}"


def _known_line(known: KnownByReport) -> str:
    if not known.all:
        return _("No order is known by report alone.")
    alone = ngettext(
        "%(n)s order is known by report alone", "%(n)s orders are known by report alone", known.alone
    )
    outdated = ngettext(
        "%(n)s is here in full and newer by report",
        "%(n)s are here in full and newer by report",
        known.outdated,
    )
    to_ship = ngettext("%(n)s of them has to be shipped.", "%(n)s of them have to be shipped.", known.to_ship)
    parts = ((alone, known.alone), (outdated, known.outdated))
    said = ", ".join(text % {"n": grouped(count)} for text, count in parts if count)
    return f"{said}. {to_ship % {'n': grouped(known.to_ship)}}"


def _shown(catch_up: CatchUp) -> dict[str, Any]:
    behind = {catch_up.platform_id: catch_up.window_start} if catch_up.is_open else {}
    unknown = unknown_for_long(behind, timezone.now())
    return {
        "row": catch_up,
        "badge": badge(display_of(catch_up, "status"), COLOURS.get(catch_up.status, "info")),
        "since": _("syncs fell behind at %(time)s") % {"time": format_datetime(catch_up.window_start)},
        "lines": list(_lines(catch_up)),
        "is_alarming": bool(unknown),
        "notes": [note["message"] for note in catch_up.notes],
        "cost": cost_line(catch_up),
    }


def _lines(catch_up: CatchUp) -> Iterator[str]:
    if catch_up.known_until is None:
        yield _("The first list is not here yet.")
        return
    known = _("All orders that changed until %(time)s are known: %(lists)s, the longest took %(longest)s.")
    lists = ngettext("%(n)s list", "%(n)s lists", catch_up.lists) % {"n": grouped(catch_up.lists)}
    yield known % {
        "time": format_datetime(catch_up.known_until),
        "lists": lists,
        "longest": duration(timedelta(seconds=catch_up.longest_unknown or 0)),
    }
    fetched = _("%(fetched)s orders were fetched in full by it, %(left)s are left.")
    yield fetched % {"fetched": grouped(catch_up.completed), "left": grouped(catch_up.lacking or 0)}
    if catch_up.failed:
        yield _("Could not be fetched: %(n)s; they are among the sync failures.") % {
            "n": grouped(catch_up.failed)
        }
