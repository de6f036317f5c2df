"""The page "Completeness": the days of a month as a calendar, by platform and marketplace, and the audits."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from access.confinement import visible_platforms, within
from backoffice.base.cells import display_of
from backoffice.base.channels import site_code, site_name
from backoffice.completeness.admin import SEE
from backoffice.completeness.history import history_of
from backoffice.completeness.keeping_up import keeping_up_of
from backoffice.completeness.presentation import (
    LOOKS,
    Look,
    audit_badge,
    cost_line,
    found_line,
    look_of,
    progress_sentence,
    proof_sentence,
    window_line,
)
from backoffice.completeness.starting import DAYS_OFFERED, may_audit
from backoffice.completeness.stock import stock_of
from core.format import grouped
from integrations.completeness.audits import DEFAULT_DAYS
from integrations.completeness.overview import (
    DAY,
    MOST_MONTHS,
    AuditProgress,
    Day,
    DayState,
    Month,
    current_sites,
    days_of,
    listing_platforms,
    month_before,
    months_of,
    progress_of,
    proof_of,
)
from integrations.models import AuditedDay, OrderAudit
from platforms.models import Platform

MOST_PLATFORMS = 25  # that are named on the page; all are offered in the form
MOST_AUDITS = 10
MOST_SITES = 3  # that a day names


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the address asks for. `problem` says what of it cannot be shown."""

    platform: Platform | None
    month: date  # its first day
    site: str
    problem: str = ""

    def address(self, **changes: Any) -> str:
        query = {"platform": self.platform.pk if self.platform else "", "month": f"{self.month:%Y-%m}"}
        query |= {"site": self.site} if self.site else {}
        return f"{reverse('order-completeness')}?{urlencode(query | changes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCell:
    """A day of the calendar. `look` is None for those that are still to come; `amiss` and `details` are short lines,
    the latter for who has room for them."""

    number: int
    look: Look | None = None
    href: str = ""
    amiss: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    sites: tuple[Any, ...] = ()  # what single marketplaces are, where not all are the same
    is_today: bool = False


@never_cache
@require_safe
def completeness_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    today = timezone.now().astimezone(UTC).date()
    platforms = list(within(listing_platforms(Platform.objects.all()), visible_platforms(request), "pk"))
    scope = _scope(request, platforms, today)
    context = {
        **admin.site.each_context(request),
        "title": _("Completeness"),
        "scope": scope,
        "platforms": _platform_rows(platforms, scope),
        "more_platforms": max(len(platforms) - MOST_PLATFORMS, 0),
        "platform_choices": [(platform.pk, str(platform)) for platform in platforms],
        "month_text": f"{scope.month:%Y-%m}",
        "first_month": f"{month_before(today, MOST_MONTHS - 1):%Y-%m}",
        "last_month": f"{today:%Y-%m}",
        "legend": list(LOOKS.values()),
        **(_of_platform(request, scope, today) if scope.platform and not scope.problem else {}),
    }
    return TemplateResponse(request, "completeness/page.html", context, status=400 if scope.problem else 200)


def _scope(request: HttpRequest, platforms: list[Platform], today: date) -> Scope:
    """Without a platform, the first one that a day is open of, or else the first one."""
    this_month, problem = today.replace(day=1), ""
    by_id = {str(platform.pk): platform for platform in platforms}
    asked = request.GET.get("platform", "")
    if asked and asked not in by_id:
        problem = _("There is no such platform, or its orders are not audited.")
    first = next((each for each in platforms if (proof := proof_of(each)) and proof.open_days), None)
    platform = by_id.get(asked) or first or next(iter(platforms), None)
    month = _month(request.GET.get("month", ""), this_month)
    if month is None:
        month = this_month
        problem = problem or _("That is no month that can be shown. Write it like 2026-01.")
    site = request.GET.get("site", "")
    return Scope(platform=platform, month=month, site=site[:32].replace("\0", ""), problem=problem)


def _month(text: str, this_month: date) -> date | None:
    """None for what is no month, or none of the last MOST_MONTHS."""
    if not text:
        return this_month
    year, dash, month = text.partition("-")
    if not (dash and len(text) == len("2026-01") and (year + month).isascii() and (year + month).isdecimal()):
        return None
    if not (1 <= int(month) <= 12 and int(year)):
        return None
    first = date(int(year), int(month), 1)
    return first if month_before(this_month, MOST_MONTHS - 1) <= first <= this_month else None


def _platform_rows(platforms: list[Platform], scope: Scope) -> list[dict[str, Any]]:
    """Those that a day is open of first. Nothing where there is one alone."""
    if len(platforms) < 2:
        return []

    def urgency(platform: Platform) -> tuple[bool, bool]:
        proof = proof_of(platform)
        return not (proof and proof.open_days), proof is not None

    shown = sorted(platforms, key=urgency)[:MOST_PLATFORMS]
    return [
        {
            "platform": platform,
            "sentence": proof_sentence(proof_of(platform)),
            "href": scope.address(platform=platform.pk, site=""),
            "is_shown": platform == scope.platform,
            "look": look_of(proof_of(platform)),
        }
        for platform in shown
    ]


def _of_platform(request: HttpRequest, scope: Scope, today: date) -> dict[str, Any]:
    """All about the platform that is shown, in eleven queries."""
    platform = scope.platform
    assert platform is not None  # noqa: S101  for the type checker
    required = current_sites(platform)
    last = min(_next_month(scope.month) - DAY, today)
    before, first_month = month_before(scope.month), month_before(today, MOST_MONTHS - 1)
    days = days_of(platform, scope.month, last, required=required, site=scope.site)
    months = months_of(platform, today, required=required, site=scope.site)
    audits = list(
        OrderAudit.objects.filter(platform=platform)
        .select_related("requested_by")
        .defer("notes")[:MOST_AUDITS]
    )
    running = next((audit for audit in audits if audit.is_open), None)
    return {
        "platform": platform,
        "proof_sentence": proof_sentence(proof_of(platform)),
        "proof_look": look_of(proof_of(platform)),
        "weekdays": _weekdays(),
        "weeks": _weeks(scope, days, required, today),
        "month_first": scope.month,
        "previous": scope.address(month=f"{before:%Y-%m}") if before >= first_month else "",
        "next": scope.address(month=f"{_next_month(scope.month):%Y-%m}") if last < today else "",
        "figures": _figures(days),
        "months": [_month_row(scope, month) for month in months],
        "site_choices": [(site, site_name(platform, site)) for site in _sites(platform, required)],
        "audits": [_audit_row(audit) for audit in audits],
        "audits_href": f"{reverse('admin:integrations_orderaudit_changelist')}?platform__id__exact={platform.pk}",
        "running": running,
        "progress": _progress(running) if running else None,
        "may_audit": may_audit(request, platform),
        "days_offered": DAYS_OFFERED,
        "default_days": DEFAULT_DAYS,
        "is_audited": bool(months),
        "stock": stock_of(request, platform),
        "history": history_of(request, platform),
        "keeping_up": keeping_up_of(platform),
    }  # fmt: skip


def _sites(platform: Platform, required: list[str]) -> list[str]:
    """All that were ever audited, those of today first. None where there is one."""
    known = AuditedDay.objects.filter(platform=platform).exclude(marketplace_id="").order_by()
    found = set(known.values_list("marketplace_id", flat=True).distinct())
    sites = [*required, *sorted(found - set(required))]
    return sites if len(sites) > 1 else []


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _weekdays() -> list[tuple[Any, Any]]:
    """Short and long, from the first day of the reader's week."""
    begins = (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7
    order = [(begins + number) % 7 for number in range(7)]
    return [(WEEKDAYS_ABBR[number], WEEKDAYS[number]) for number in order]


def _weeks(scope: Scope, days: list[Day], required: list[str], today: date) -> list[list[DayCell | None]]:
    """The weeks of the month; None where a day of the week is of another month."""
    begins = (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7
    by_day = {day.day: day for day in days}
    weeks = calendar.Calendar(begins).monthdatescalendar(scope.month.year, scope.month.month)
    return [
        [
            _cell(scope, each, by_day.get(each), required, today) if each.month == scope.month.month else None
            for each in week
        ]
        for week in weeks
    ]


def _cell(scope: Scope, each: date, day: Day | None, required: list[str], today: date) -> DayCell:
    if day is None:
        return DayCell(number=each.day)
    assert scope.platform is not None  # noqa: S101  for the type checker
    query = {"platform": scope.platform.pk, "day": each.isoformat()} | (
        {"site": scope.site} if scope.site else {}
    )
    return DayCell(
        number=each.day,
        look=LOOKS[day.state],
        href=f"{reverse('order-completeness-day')}?{urlencode(query)}",
        amiss=tuple(_amiss(day)),
        details=tuple(_details(day)),
        sites=_site_details(scope.platform, day) if not scope.site and len(required) > 1 else (),
        is_today=each == today,
    )


def _amiss(day: Day) -> Iterator[str]:
    """ "1 open", "2 fetched", as far as there is something to say."""
    if still_open := day.total("open"):
        yield _("%(n)s open") % {"n": grouped(still_open)}
    if healed := day.total("healed"):
        yield _("%(n)s fetched") % {"n": grouped(healed)}


def _details(day: Day) -> Iterator[str]:
    if day.healed_before:
        yield _("%(n)s fetched before") % {"n": grouped(day.healed_before)}
    if day.rows:
        count = day.total("orders")
        yield ngettext("%(n)s order", "%(n)s orders", count) % {"n": grouped(count)}


def _site_details(platform: Platform, day: Day) -> tuple[Any, ...]:
    """Which marketplaces are otherwise than proven, where not all of them are."""
    others = [(row.marketplace_id, LOOKS[DayState(row.state)]) for row in day.rows if row.state != day.state]
    worst = [(row.marketplace_id, LOOKS[day.state]) for row in day.rows if row.state == day.state]
    worst += [(site, LOOKS[DayState.NEVER]) for site in day.unaudited]
    if not others or day.state == DayState.PROVEN or not day.rows:
        return ()
    named = [(site_code(platform, site), look) for site, look in worst]
    more = len(named) - MOST_SITES
    return (*named[:MOST_SITES], *([("", more)] if more > 0 else []))


def _figures(days: list[Day]) -> list[tuple[Look, int]]:
    """How many of the shown days are in which state; those that none is in are left out."""
    states = [day.state for day in days]
    return [(LOOKS[state], states.count(state)) for state in reversed(DayState) if state in states]


def _month_row(scope: Scope, month: Month) -> dict[str, Any]:
    return {
        "first": month.first,
        "href": scope.address(month=f"{month.first:%Y-%m}"),
        "is_shown": month.first == scope.month,
        "counts": [(LOOKS[state], month.days[state]) for state in reversed(DayState) if month.days[state]],
    }


def _audit_row(audit: OrderAudit) -> dict[str, Any]:
    return {
        "audit": audit,
        "href": reverse("admin:integrations_orderaudit_change", args=[audit.pk]),
        "state": audit_badge(audit),
        "who": str(audit.requested_by or display_of(audit, "trigger")),
        "window": window_line(audit),
        "found": found_line(audit),
        "cost": cost_line(audit),
    }


def _progress(audit: OrderAudit) -> dict[str, Any]:
    found: AuditProgress = progress_of(audit)
    steps, done = found.of_lists + found.of_orders, found.lists + found.settled
    return {"sentence": progress_sentence(audit, found), "max": steps, "value": done}
