"""The page of one day: its marketplaces, and the orders that audits found, by kind."""

from datetime import UTC, date
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from access.confinement import visible_platforms, within
from backoffice.base.cells import datetime_cell, link_to
from backoffice.base.channels import site_flag, site_name
from backoffice.completeness.admin import SEE
from backoffice.completeness.presentation import (
    LOOKS,
    differences_cell,
    order_cell,
    outcome_badge,
    reason_cell,
    with_orders,
)
from backoffice.completeness.starting import may_audit
from core.format import DASH, Text
from integrations.completeness.audits import MOST_DAYS
from integrations.completeness.overview import DAY, Day, DayState, current_sites, days_of, listing_platforms
from integrations.models import AuditedDay, AuditFinding, OrderAudit
from platforms.models import SYNC_PERMISSION, Platform

PER_PAGE = 100
Kind, Outcome = AuditFinding.Kind, AuditFinding.Outcome


@never_cache
@require_safe
def day_view(request: HttpRequest) -> HttpResponse:
    """GET `platform` and `day`; `site`: of one marketplace; `kind`: the findings of one kind."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    today = timezone.now().astimezone(UTC).date()
    platform, day = _platform(request), _day(request, today)
    site = request.GET.get("site", "")[:32].replace("\0", "")
    [known] = days_of(platform, day, day, required=current_sites(platform), site=site)
    found = _findings(platform, known, site)
    counts = dict(found.order_by().values_list("kind").annotate(Count("pk")))
    may_press = request.user.has_perm(SYNC_PERMISSION)
    kind = request.GET.get("kind", "")
    kind = kind if kind in counts else ""
    page = Paginator(found.filter(kind=kind) if kind else found, PER_PAGE).get_page(request.GET.get("p"))
    back = f"{reverse('order-completeness')}?{urlencode({'platform': platform.pk, 'month': f'{day:%Y-%m}'})}"

    def address(**changes: Any) -> str:
        query = {"platform": platform.pk, "day": day.isoformat(), "site": site, "kind": kind} | changes
        return f"?{urlencode({name: value for name, value in query.items() if value})}"

    context = {
        **admin.site.each_context(request),
        "title": _("Completeness of %(platform)s") % {"platform": platform},
        "platform": platform,
        "day": day,
        "look": LOOKS[known.state],
        "site_name": site_name(platform, site) if site else "",
        "rows": _rows(platform, known),
        "figure_heads": FIGURES.values(),
        "notes": list(_notes(known)),
        "tabs": _tabs(counts, kind, address),
        "page": page,
        "findings": [_finding(each, may_press=may_press) for each in page.object_list],
        "previous_page": address(p=page.number - 1) if page.has_previous() else "",
        "next_page": address(p=page.number + 1) if page.has_next() else "",
        "back": back,
        "previous": address(day=(day - DAY).isoformat(), kind="") if day > date(2, 1, 1) else "",
        "next": address(day=(day + DAY).isoformat(), kind="") if day < today else "",
        "all_sites": address(site="") if site else "",
        "audit_days": _days_back(day, today) if may_audit(request, platform) else 0,
    }
    return TemplateResponse(request, "completeness/day.html", context)


def _platform(request: HttpRequest) -> Platform:
    asked = request.GET.get("platform", "")
    pk = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0
    return get_object_or_404(
        within(listing_platforms(Platform.objects.all()), visible_platforms(request), "pk"), pk=pk
    )


def _day(request: HttpRequest, today: date) -> date:
    text = request.GET.get("day", "")
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError(text)
        day = date.fromisoformat(text)
    except ValueError:
        raise Http404 from None
    if day > today:
        raise Http404
    return day


def _days_back(day: date, today: date) -> int:
    """How many days an audit needs to reach that day; 0 where none does."""
    days = (today - day).days + 1
    return days if days <= MOST_DAYS else 0


def _findings(platform: Platform, known: Day, site: str) -> QuerySet[AuditFinding]:
    """What stands in the figures of the day, and what earlier audits have healed."""
    audits = {row.audit_id for row in known.rows}
    found = AuditFinding.objects.filter(audit__platform=platform, day=known.day)
    found = found.filter(Q(audit__in=audits) | Q(outcome=Outcome.HEALED))
    found = found.filter(marketplace_id=site) if site else found
    found = found.select_related("failure").defer("reported", "failure__payload")
    return with_orders(found).order_by("-audit", "kind", "pk")


def _rows(platform: Platform, known: Day) -> list[dict[str, Any]]:
    rows = [
        {
            "site": site_flag(platform, row.marketplace_id) if row.marketplace_id else _("without one"),
            "look": LOOKS[DayState(row.state)],
            "figures": [(head, getattr(row, name)) for name, head in FIGURES.items()],
            "report": row.list_id or DASH,
            "audit": DASH
            if row.audit_id is None
            else link_to(OrderAudit(pk=row.audit_id), f"#{row.audit_id}"),
            "checked": datetime_cell(row.checked_at),
        }
        for row in known.rows
    ]
    return rows + [
        {
            "site": site_flag(platform, site),
            "look": LOOKS[DayState.NEVER],
            "figures": [(head, None) for head in FIGURES.values()],
            "report": DASH,
            "audit": DASH,
            "checked": DASH,
        }
        for site in known.unaudited
    ]


FIGURES: dict[str, Text] = {
    "orders": gettext_lazy("Orders"),
    "missing": gettext_lazy("Missing"),
    "stale": gettext_lazy("Stale"),
    "different": gettext_lazy("Different"),
    "healed": gettext_lazy("Healed"),
    "open": gettext_lazy("Open"),
    "only_here": gettext_lazy("Only here"),
}


def _notes(known: Day) -> Any:
    """What the figures alone do not say."""
    if any(row.state == AuditedDay.State.OPEN and not row.open for row in known.rows):
        yield _(
            "Rows of the list could not be read, and do not say of which order they are: of no day of that list is it "
            "known whether all orders are here. The next audit may read them."
        )
    found = ("missing", "stale", "different", "only_here")
    if any(row.audit_id is None and any(getattr(row, name) for name in found) for row in known.rows):
        yield _(
            "The audit that compared this day was deleted for its age (KEEP_SYNC_LOG_DAYS), with the orders that it "
            "found. The figures stay."
        )
    if known.healed_before:
        yield _(
            "Orders that earlier audits have fetched are named below, too; they are not among the figures."
        )


def _tabs(counts: dict[str, int], kind: str, address: Any) -> list[dict[str, Any]]:
    tabs = [
        {"label": _("All"), "count": sum(counts.values()), "href": address(kind=""), "is_shown": not kind}
    ]
    for value, label in Kind.choices:
        if counts.get(value):
            tabs.append(
                {
                    "label": capfirst(str(label)),
                    "count": counts[value],
                    "href": address(kind=value),
                    "is_shown": kind == value,
                }
            )
    return tabs if len(tabs) > 2 else []


def _finding(found: AuditFinding, *, may_press: bool) -> dict[str, Any]:
    return {
        "order": order_cell(found),
        "kind": found.get_kind_display(),
        "outcome": outcome_badge(found),
        "differences": differences_cell(found),
        "reason": reason_cell(found, may_press=may_press),
        "audit": link_to(OrderAudit(pk=found.audit_id), f"#{found.audit_id}"),
    }
