"""The section of the page Completeness about stock: what is known of each marketplace, and the audits."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.base.cells import datetime_cell, display_of
from backoffice.base.channels import site_flag
from backoffice.completeness.presentation import LOOKS, audit_badge, cost_line
from backoffice.completeness.starting import may_audit
from core.format import DASH, grouped
from integrations.completeness.overview import DayState, lists_stock
from integrations.models import AuditedStock, StockAudit, SyncLog
from platforms.models import Platform

MOST_AUDITS = 5


def stock_of(request: HttpRequest, platform: Platform) -> dict[str, Any] | None:
    """What the section shows; None where the platform makes no lists of stock. Two queries."""
    if not lists_stock(platform.kind):
        return None
    sites = AuditedStock.objects.filter(platform=platform).select_related("audit").defer("audit__parts")
    audits = StockAudit.objects.filter(platform=platform).select_related("requested_by")
    rows = [_audit_row(audit) for audit in audits.defer("parts", "notes")[:MOST_AUDITS]]
    failures = {"platform__id__exact": platform.pk, "kind__in": SyncLog.Kind.INVENTORY}
    return {
        "sites": [_site_row(platform, site) for site in sites],
        "audits": rows,
        "is_running": any(row["audit"].is_open for row in rows),
        "may_audit": may_audit(request, platform),
        "failures_href": f"{reverse('admin:integrations_syncfailure_changelist')}?{urlencode(failures)}",
    }


def _site_row(platform: Platform, site: AuditedStock) -> dict[str, Any]:
    return {
        "flag": site_flag(platform, site.marketplace_id),
        "look": LOOKS[DayState(site.state)],
        "row": site,
        "found": _found_line(site),
        "as_of": datetime_cell(site.asked_at) if site.asked_at else DASH,
        "report": site.list_id or DASH,
    }


def _audit_row(audit: StockAudit) -> dict[str, Any]:
    return {
        "audit": audit,
        "state": audit_badge(audit),
        "who": str(audit.requested_by or display_of(audit, "trigger")),
        "found": _found_line(audit) if not audit.is_open else DASH,
        "cost": cost_line(audit),
    }


def _found_line(row: StockAudit | AuditedStock) -> str:
    """ "3 missing, 1 different"; "nothing amiss" where all is as it is listed."""
    parts: Iterator[str] = (
        f"{grouped(count)} {name}"
        for count, name in (
            (row.missing, _("missing")),
            (row.different, _("different")),
            (row.only_here, _("only here")),
        )
        if count
    )
    return ", ".join(parts) or _("nothing amiss")
