"""The sync log: read-only, apart from cancelling an open sync."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, Model, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.cells import display_of, link_to, stacked
from backoffice.base.model_admin import (
    Button,
    DayRangeFilter,
    ReadOnlyAdmin,
    choices_filter,
    platform_filter,
)
from backoffice.lists.tabs import ALL, Tab
from backoffice.syncs.exports import SYNC_EXPORTS
from backoffice.syncs.failures import FailureInline, replay_failures
from backoffice.syncs.presentation import kind_name
from backoffice.syncs.progress import progress_view, slot, slot_field, state_cell
from backoffice.syncs.sync_dialog import run_again
from core.format import DASH
from core.markup import markup
from integrations.models import SyncLog
from integrations.sync.cancel import cancel_sync
from platforms.models import PLATFORM, SYNC_PERMISSION

SYNC_TABS = (
    ALL,
    Tab(name="open", label=gettext_lazy("Open"), query={"status__in": "deferred,queued,running,waiting"}),
    Tab(
        name="problems", label=gettext_lazy("Problems of 7 days"), is_alarming=True,
        query={"status__in": "failed,partial,fallback", "finished_at_in": "last_7_days"},
    ),
    Tab(name="failed", label=gettext_lazy("Failed"), query={"status__exact": "failed"}),
)  # fmt: skip
COUNTS = ("fetched", "created", "updated", "unchanged", "failed")
SYNC_COLUMNS = ("number_of", "state", "started", *(f"number_{name}" for name in COUNTS), "window")
SHOWN_COLUMNS = tuple("ended" if name == "started" else name for name in SYNC_COLUMNS)


def part(name: str, label: Any, *, ordering: str | None = None) -> Callable[[Any, SyncLog], SafeString]:
    """A column, or a field on the page, that is kept current while the sync is open."""

    @admin.display(description=label, ordering=ordering)
    def shown(_admin: Any, log: SyncLog) -> SafeString:
        return slot(log, name)

    return shown


@admin.register(SyncLog)
class SyncLogAdmin(ReadOnlyAdmin):
    list_display = SYNC_COLUMNS
    columns = (*SHOWN_COLUMNS, "started", "number_api_calls", "number_pages", "number_throttled", "source_of")
    default_columns = SHOWN_COLUMNS
    list_filter = (
        platform_filter(), choices_filter("kind"), choices_filter("status", several=True), choices_filter("source"),
        choices_filter("trigger"), ("queued_at", DayRangeFilter), ("finished_at", DayRangeFilter),
    )  # fmt: skip
    list_select_related = ("requested_by",)
    tabs = SYNC_TABS
    exports = SYNC_EXPORTS
    list_fullwidth = True
    list_after_template = "oms/page_forms.html"
    change_form_template = "integrations/sync_page.html"
    ordering = ("-id",)
    search_fields = ("=id", "request_id__startswith", "error_code__startswith")
    search_help_text = gettext_lazy("Number of a sync, a request id of the platform, or an error code")
    actions = ("cancel",)
    buttons = ("cancel_button", "again_button", "replay_button")
    empty_text = gettext_lazy("Every sync leaves a row here. Open Platforms and start one.")
    fieldsets = (
        (None, {"fields": (("platform", "kind"), ("status_now", "source_of"), "error", "notes_list")}),
        (
            gettext_lazy("What was asked for"),
            {"fields": (("window", "skus_list"), ("trigger", "requested_by"))},
        ),
        (
            gettext_lazy("Records"),
            {
                "fields": (
                    ("number_fetched", "number_failed"),
                    ("number_created", "number_updated"),
                    ("number_unchanged", "number_pages"),
                    ("number_api_calls", "number_throttled"),
                )
            },
        ),
        (
            gettext_lazy("Times"),
            {"fields": (("queued_at", "started_at"), ("finished", "took"), ("resume_at", "heartbeat_at"))},
        ),
    )

    status_now = part("state", gettext_lazy("status"))
    took = part("took", gettext_lazy("took"))
    finished = part("finished", gettext_lazy("ended"))
    source_of = part("source", gettext_lazy("source"), ordering="source")
    window = part("window", gettext_lazy("window"), ordering="window_start")
    error = part("error", gettext_lazy("error"))
    number_fetched = part("fetched", gettext_lazy("fetched"), ordering="fetched")
    number_created = part("created", gettext_lazy("new"), ordering="created")
    number_updated = part("updated", gettext_lazy("changed"), ordering="updated")
    number_unchanged = part("unchanged", gettext_lazy("unchanged"), ordering="unchanged")
    number_failed = part("failed", gettext_lazy("failed"), ordering="failed")
    number_api_calls = part("api_calls", gettext_lazy("API calls"), ordering="api_calls")
    number_pages = part("pages", gettext_lazy("pages"), ordering="pages")
    number_throttled = part("throttled", gettext_lazy("throttled calls"), ordering="throttled")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(progress_view)
        return [path("progress/", view, name="integrations_synclog_progress"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncLog]:
        may_sync = Value(request.user.has_perm(SYNC_PERMISSION), output_field=BooleanField())
        queryset: QuerySet[SyncLog] = super().get_queryset(request).annotate(may_sync=may_sync)
        queryset = queryset.prefetch_related(PLATFORM)
        return queryset.defer("checkpoint", "notes", "skus") if self.is_list(request) else queryset

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        log = context.get("original")
        if log is not None and log.is_open:
            context["progress"] = slot(log, "progress")
        return super().render_change_form(request, context, *args, **kwargs)

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> Any:
        """Only where something failed: an empty table would look like an error."""
        return [FailureInline] if isinstance(obj, SyncLog) and obj.failed else []

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SYNC_PERMISSION)

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
            permission=SYNC_PERMISSION,
            is_shown=lambda log: log.is_open and not log.cancel_requested,
            slot_field=lambda log: slot_field(log, "head", "cancel"),
        )

    def again_button(self) -> Button:
        return Button(
            name="again",
            label=gettext_lazy("Run again"),
            icon="restart_alt",
            run=run_again,
            permission=SYNC_PERMISSION,
            is_shown=lambda log: log.may_run_again,
        )

    def replay_button(self) -> Button:
        return Button(
            name="replay",
            label=gettext_lazy("Replay all failures"),
            icon="replay",
            run=lambda request, log: replay_failures(request, log.failures.all()),
            permission=SYNC_PERMISSION,
            is_shown=lambda log: bool(log.failed) and log.failures.open().exists(),
        )

    @admin.display(description=gettext_lazy("sync"), ordering="id")
    def number_of(self, obj: SyncLog) -> SafeString:
        return stacked(f"#{obj.pk} {kind_name(obj.kind)}", obj.platform)

    @admin.display(description=gettext_lazy("ended"), ordering="finished_at")
    def ended(self, obj: SyncLog) -> SafeString:
        who = str(obj.requested_by or display_of(obj, "trigger"))
        took = slot(obj, "took")
        text = '<div class="oms-cell">{}<span class="oms-when">{} · {}</span></div>'
        return markup(text, slot(obj, "ended"), took, who)

    @admin.display(description=gettext_lazy("started"), ordering="started_at")
    def started(self, obj: SyncLog) -> SafeString:
        return slot(obj, "started")

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, obj: SyncLog) -> SafeString:
        return state_cell(obj, may_cancel=getattr(obj, "may_sync", False))

    @admin.display(description=gettext_lazy("notes"), empty_value=DASH)
    def notes_list(self, obj: SyncLog) -> SafeString | None:
        if not obj.notes:
            return None
        lines = format_html_join("", "<li>{}</li>", ((note.get("message", ""),) for note in obj.notes))
        return markup('<ul class="oms-list">{}</ul>', lines)

    @admin.display(description=gettext_lazy("SKUs"))
    def skus_list(self, obj: SyncLog) -> str:
        return ", ".join(obj.skus) if obj.skus else _("all")


def _cancel(request: HttpRequest, log: SyncLog) -> None:
    link = link_to(log, f"#{log.pk}")
    if not log.is_open:
        messages.info(request, format_html(_("Sync {} had already ended."), link))
        return
    log = cancel_sync(log)
    if log.is_open:
        messages.success(request, format_html(_("Sync {} stops after the current page."), link))
    else:
        messages.success(
            request, format_html(_("Sync {} is cancelled; what was read before is stored."), link)
        )
