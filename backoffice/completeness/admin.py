"""Audits of orders: read-only. They are started on the page Completeness."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import badges, datetime_cell, display_of, number, shortened, stacked
from backoffice.base.model_admin import (
    DayRangeFilter,
    ReadOnlyAdmin,
    ReadOnlyInline,
    choices_filter,
    platform_filter,
)
from backoffice.completeness.presentation import (
    audit_badge,
    cost_line,
    cost_table,
    differences_cell,
    found_line,
    order_cell,
    outcome_badge,
    reason_cell,
    window_line,
    with_orders,
)
from backoffice.lists.tabs import ALL, Tab
from core.format import DASH, duration
from integrations.models import AuditFinding, OrderAudit
from platforms.models import PLATFORM

SEE = "integrations.view_synclog"  # how complete orders are is what syncs came to
AUDIT_TABS = (
    ALL,
    Tab(name="open", label=gettext_lazy("Running"), query={"status__in": "queued,running,waiting"}),
    Tab(
        name="problems", label=gettext_lazy("Problems of 7 days"), is_alarming=True,
        query={"status__in": "failed,partial", "queued_at_in": "last_7_days"},
    ),
)  # fmt: skip
COLUMNS = ("number_of", "state", "started", "days", "found", "number_healed", "number_open", "cost")


class FindingInline(ReadOnlyInline):
    """What the audit found, on its page."""

    model = AuditFinding
    per_page = 50
    verbose_name_plural = gettext_lazy("orders that were not as they are listed")
    fields = ("order", "kind", "outcome_now", "day", "what_differed", "reason")
    readonly_fields = ("order", "outcome_now", "what_differed", "reason")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(SEE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request).select_related("failure")
        return with_orders(found).defer("reported", "failure__payload")

    @admin.display(description=gettext_lazy("order"))
    def order(self, obj: AuditFinding) -> SafeString:
        return order_cell(obj)

    @admin.display(description=gettext_lazy("outcome"))
    def outcome_now(self, obj: AuditFinding) -> SafeString:
        return outcome_badge(obj)

    @admin.display(description=gettext_lazy("in the list, and stored"))
    def what_differed(self, obj: AuditFinding) -> SafeString:
        return differences_cell(obj)

    @admin.display(description=gettext_lazy("why it stays open"))
    def reason(self, obj: AuditFinding) -> SafeString:
        return reason_cell(obj)


@admin.register(OrderAudit)
class OrderAuditAdmin(ReadOnlyAdmin):
    list_display = COLUMNS
    columns = COLUMNS
    list_filter = (
        platform_filter(),
        choices_filter("status", several=True),
        choices_filter("trigger"),
        ("queued_at", DayRangeFilter),
    )
    list_select_related = ("requested_by",)
    tabs = AUDIT_TABS
    ordering = ("-id",)
    search_fields = ("=id", "error_code__startswith")
    search_help_text = gettext_lazy("Number of an audit, or an error code")
    empty_text = gettext_lazy("Every audit leaves a row here. Open Completeness and start one.")
    inlines = (FindingInline,)
    fieldsets = (
        (None, {"fields": (("platform", "state"), ("days", "who"), "error")}),
        (
            gettext_lazy("Orders"),
            {
                "fields": (
                    ("number_compared", "number_unread"),
                    ("number_missing", "number_stale"),
                    ("number_different", "number_only_here"),
                    ("number_healed", "number_open"),
                )
            },
        ),
        (gettext_lazy("Times and cost"), {"fields": (("queued_at", "finished_at"), "took", "cost_each")}),
    )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(SEE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SEE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderAudit]:
        queryset: QuerySet[OrderAudit] = super().get_queryset(request)
        return queryset.prefetch_related(PLATFORM).defer("parts", "notes")

    @admin.display(description=gettext_lazy("audit"), ordering="id")
    def number_of(self, obj: OrderAudit) -> SafeString:
        return stacked(f"#{obj.pk}", obj.platform)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, obj: OrderAudit) -> SafeString:
        if not obj.error_message:
            return badges(audit_badge(obj))
        text = '<div class="oms-cell">{}<span class="oms-sentence">{}</span></div>'
        return format_html(text, audit_badge(obj), shortened(obj.error_message, 90))

    @admin.display(description=gettext_lazy("started"), ordering="queued_at")
    def started(self, obj: OrderAudit) -> SafeString:
        text = '<div class="oms-cell">{}<span class="oms-when">{} · {}</span></div>'
        return format_html(text, datetime_cell(obj.queued_at), self.took(obj), self.who(obj))

    @admin.display(description=gettext_lazy("days (UTC)"), ordering="window_start")
    def days(self, obj: OrderAudit) -> str:
        return window_line(obj)

    @admin.display(description=gettext_lazy("found"))
    def found(self, obj: OrderAudit) -> str:
        return found_line(obj)

    @admin.display(description=gettext_lazy("cost"), ordering="api_calls")
    def cost(self, obj: OrderAudit) -> str:
        return cost_line(obj)

    @admin.display(description=gettext_lazy("calls and quota"))
    def cost_each(self, obj: OrderAudit) -> SafeString:
        return cost_table(obj)

    @admin.display(description=gettext_lazy("took"))
    def took(self, obj: OrderAudit) -> str:
        if obj.started_at is None or obj.finished_at is None:
            return DASH
        return duration(obj.finished_at - obj.started_at)

    @admin.display(description=gettext_lazy("started by"))
    def who(self, obj: OrderAudit) -> str:
        return str(obj.requested_by or display_of(obj, "trigger"))

    @admin.display(description=gettext_lazy("error"), empty_value=DASH)
    def error(self, obj: OrderAudit) -> SafeString | None:
        if not obj.error_code:
            return None
        text = '<span class="oms-sentence">{}</span><span class="oms-when">{} {}</span>'
        return format_html(text, obj.error_message, _("Code:"), obj.error_code)

    @admin.display(description=gettext_lazy("compared"), ordering="compared")
    def number_compared(self, obj: OrderAudit) -> SafeString:
        return number(obj.compared)

    @admin.display(description=gettext_lazy("rows not read"), ordering="unread")
    def number_unread(self, obj: OrderAudit) -> SafeString:
        return number(obj.unread)

    @admin.display(description=gettext_lazy("missing"), ordering="missing")
    def number_missing(self, obj: OrderAudit) -> SafeString:
        return number(obj.missing)

    @admin.display(description=gettext_lazy("stale"), ordering="stale")
    def number_stale(self, obj: OrderAudit) -> SafeString:
        return number(obj.stale)

    @admin.display(description=gettext_lazy("different"), ordering="different")
    def number_different(self, obj: OrderAudit) -> SafeString:
        return number(obj.different)

    @admin.display(description=gettext_lazy("only here"), ordering="only_here")
    def number_only_here(self, obj: OrderAudit) -> SafeString:
        return number(obj.only_here)

    @admin.display(description=gettext_lazy("healed"), ordering="healed")
    def number_healed(self, obj: OrderAudit) -> SafeString:
        return number(obj.healed)

    @admin.display(description=gettext_lazy("open"), ordering="open")
    def number_open(self, obj: OrderAudit) -> SafeString:
        return number(obj.open)
