"""The sync log: read-only, apart from cancelling an open sync."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import integrations.admin_failures
import integrations.admin_usage  # noqa: F401  both register theirs
from integrations.admin_parts import status_badge
from integrations.exports import SYNC_EXPORTS
from integrations.models import SyncFailure, SyncLog
from integrations.services import cancel_sync
from oms.admin_base import (
    Button,
    DayRangeFilter,
    ReadOnlyAdmin,
    ReadOnlyInline,
    choices_filter,
    platform_filter,
)
from oms.admin_values import (
    DASH,
    duration,
    link_to,
    number,
    say,
    source_badge,
    stacked,
    when,
)

SYNC = "platforms.sync_platform"
COUNTS = ("fetched", "created", "updated", "unchanged", "failed")


class FailureInline(ReadOnlyInline):
    model = SyncFailure
    fields = ("record", "error_code", "error_message", "created_at", "resolved_at", "resolution")
    readonly_fields = ("record",)
    per_page = 20
    verbose_name_plural = gettext_lazy("records that could not be stored")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("payload")

    @admin.display(description=gettext_lazy("record"))
    def record(self, obj: SyncFailure) -> SafeString:
        return link_to(obj, obj.external_id or _("without id"))


@admin.register(SyncLog)
class SyncLogAdmin(ReadOnlyAdmin):
    list_display = (
        "number_of", "platform_name", "state", "source_of", "started", "took",
        *(f"number_{name}" for name in COUNTS), "number_api_calls", "window", "requester",
    )  # fmt: skip
    list_filter = (
        platform_filter(), choices_filter("kind"), choices_filter("status"), choices_filter("source"),
        choices_filter("trigger"), ("queued_at", DayRangeFilter),
    )  # fmt: skip
    list_select_related = ("platform", "requested_by")
    exports = SYNC_EXPORTS
    list_fullwidth = True
    ordering = ("-id",)
    actions = ("cancel",)
    buttons = ("cancel_button",)
    empty_text = gettext_lazy('Every sync leaves a row here. Open Platforms and press "Sync from Amazon".')
    fieldsets = (
        (None, {"fields": (("platform", "kind"), ("state", "source_of"), "error", "notes_list")}),
        (
            gettext_lazy("What was asked for"),
            {"fields": (("window", "skus_list"), ("trigger", "requested_by"))},
        ),
        (
            gettext_lazy("Records"),
            {
                "fields": (
                    ("fetched", "failed"),
                    ("created", "updated"),
                    ("unchanged", "pages"),
                    ("api_calls", "throttled"),
                )
            },
        ),
        (
            gettext_lazy("Times"),
            {"fields": (("queued_at", "started_at"), ("finished_at", "took"), ("resume_at", "heartbeat_at"))},
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncLog]:
        queryset: QuerySet[SyncLog] = super().get_queryset(request)
        return queryset.defer("checkpoint", "notes", "skus") if self.is_list(request) else queryset

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> Any:
        """Only where something failed: an empty table would look like an error."""
        return [FailureInline] if isinstance(obj, SyncLog) and obj.failed else []

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SYNC)

    @admin.action(description=gettext_lazy("Cancel"), permissions=["sync"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[SyncLog]) -> HttpResponse | None:
        for log in queryset:
            _cancel(request, log)
        return None

    def cancel_button(self) -> Button:
        return Button(
            name="cancel",
            label=gettext_lazy("Cancel"),
            icon="cancel",
            run=_cancel,
            permission=SYNC,
            is_shown=lambda log: log.is_open and not log.cancel_requested,
        )

    @admin.display(description="#", ordering="id")
    def number_of(self, obj: SyncLog) -> str:
        return f"#{obj.pk}"

    @admin.display(description=gettext_lazy("platform"), ordering="platform__name")
    def platform_name(self, obj: SyncLog) -> SafeString:
        return stacked(obj.platform, obj.get_kind_display())

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def started(self, obj: SyncLog) -> SafeString:
        return when(obj.started_at)

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, obj: SyncLog) -> SafeString:
        return status_badge(obj)

    @admin.display(description=gettext_lazy("source"), ordering="source")
    def source_of(self, obj: SyncLog) -> SafeString:
        return source_badge(obj.source)

    @admin.display(description=gettext_lazy("window"), ordering="window_start")
    def window(self, obj: SyncLog) -> SafeString:
        if obj.kind == SyncLog.Kind.INVENTORY:
            return SafeString(_("stock as of now"))
        if obj.window_start is None:
            return SafeString(_("since the last sync") if obj.is_incremental else DASH)
        by = obj.get_window_by_display() or _("updated")
        text = '<span class="oms-nowrap">{} {}</span><br><span class="oms-nowrap">{} {}</span>'
        return format_html(text, by, say(obj.window_start), DASH, say(obj.window_end))

    @admin.display(description=gettext_lazy("took"))
    def took(self, obj: SyncLog) -> SafeString:
        return format_html('<span class="oms-nowrap">{}</span>', duration(obj.duration))

    @admin.display(description=gettext_lazy("requested by"), ordering="requested_by__username")
    def requester(self, obj: SyncLog) -> str:
        return str(obj.requested_by or obj.get_trigger_display())

    @admin.display(description=gettext_lazy("error"), empty_value=DASH)
    def error(self, obj: SyncLog) -> SafeString | None:
        if not obj.error_code and not obj.request_id:
            return None
        facts = [_("Code: %(code)s") % {"code": obj.error_code}] if obj.error_code else []
        if obj.request_id:
            facts.append(_("Amazon's request id: %(id)s") % {"id": obj.request_id})
        return format_html('{}<span class="oms-when">{}</span>', obj.error_message, " · ".join(facts))

    @admin.display(description=gettext_lazy("notes"), empty_value=DASH)
    def notes_list(self, obj: SyncLog) -> SafeString | None:
        if not obj.notes:
            return None
        lines = format_html_join("", "<li>{}</li>", ((note.get("message", ""),) for note in obj.notes))
        return format_html('<ul class="oms-list">{}</ul>', lines)

    @admin.display(description=gettext_lazy("SKUs"))
    def skus_list(self, obj: SyncLog) -> str:
        return ", ".join(obj.skus) if obj.skus else _("all")

    @admin.display(description=gettext_lazy("fetched"), ordering="fetched")
    def number_fetched(self, obj: SyncLog) -> SafeString:
        return number(obj.fetched)

    @admin.display(description=gettext_lazy("new"), ordering="created")
    def number_created(self, obj: SyncLog) -> SafeString:
        return number(obj.created)

    @admin.display(description=gettext_lazy("changed"), ordering="updated")
    def number_updated(self, obj: SyncLog) -> SafeString:
        return number(obj.updated)

    @admin.display(description=gettext_lazy("unchanged"), ordering="unchanged")
    def number_unchanged(self, obj: SyncLog) -> SafeString:
        return number(obj.unchanged)

    @admin.display(description=gettext_lazy("failed"), ordering="failed")
    def number_failed(self, obj: SyncLog) -> SafeString:
        return number(obj.failed)

    @admin.display(description=gettext_lazy("API calls"), ordering="api_calls")
    def number_api_calls(self, obj: SyncLog) -> SafeString:
        return number(obj.api_calls)


def _cancel(request: HttpRequest, log: SyncLog) -> None:
    link = link_to(log, f"#{log.pk}")
    if not log.is_open:
        messages.info(request, format_html(_("Sync {} had already ended."), link))
        return
    log = cancel_sync(log)
    if log.is_open:
        messages.success(request, format_html(_("Sync {} stops after the page in hand."), link))
    else:
        messages.success(
            request, format_html(_("Sync {} is cancelled; what was read before is stored."), link)
        )
