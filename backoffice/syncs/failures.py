"""Records that could not be stored, in the admin: read-only, apart from replaying and dismissing them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.cells import datetime_cell, display_of, link_to, pretty_json, shortened
from backoffice.base.model_admin import (
    Button,
    DayRangeFilter,
    ReadOnlyAdmin,
    ReadOnlyInline,
    choices_filter,
    platform_filter,
)
from backoffice.completeness.wording import completeness_of
from backoffice.lists.tabs import Tab
from backoffice.syncs.exports import FAILURE_EXPORTS
from backoffice.syncs.progress import press_url
from core.format import DASH, grouped
from core.markup import markup
from integrations.completeness.failures import replay_any
from integrations.errors import PlatformError
from integrations.models import OrderAudit, SyncFailure, SyncLog
from integrations.sync.failures import Replayed, dismiss, dismiss_each, replay_each
from platforms.models import PLATFORM, SYNC_PERMISSION

MOST_AT_ONCE = 50  # each is a call to the platform, and the browser waits
MOST_NAMED = 5


FAILURE_TABS = (
    Tab(name="open", label=gettext_lazy("Open"), query={}, is_alarming=True),
    Tab(name="done", label=gettext_lazy("Replayed or dismissed"), query={"state": "done"}),
    Tab(name="all", label=gettext_lazy("All"), query={"state": "all"}, is_counted=False),
)


class ResolvedFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"
    has_default = True  # without a choice it is the first one, not Django's "All"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("open", _("still to be looked at")),
            ("done", _("replayed or dismissed")),
            ("all", _("all")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self._wanted()
        return queryset if wanted == "all" else queryset.filter(resolved_at__isnull=wanted == "open")

    def _wanted(self) -> str:
        value = self.value()
        return value if value in ("done", "all") else "open"


@admin.register(SyncFailure)
class SyncFailureAdmin(ReadOnlyAdmin):
    list_display = (
        "record",
        "platform",
        "kind",
        "error_code",
        "short_error",
        "log_link",
        "created",
        "resolved",
    )
    columns = list_display
    list_filter = (
        ResolvedFilter, platform_filter(), choices_filter("kind"), ("created_at", DayRangeFilter),
    )  # fmt: skip
    list_select_related = ("resolved_by",)
    tabs = FAILURE_TABS
    exports = FAILURE_EXPORTS
    actions = ("replay_selected", "dismiss_selected")
    buttons = ("replay_button", "dismiss_button")
    search_fields = ("external_id__startswith", "error_code__startswith")
    search_help_text = gettext_lazy("Order id or SKU, or an error code")
    empty_text = gettext_lazy("There is no open failure: every other record that was fetched is stored.")
    fields = (
        "platform", "kind", "external_id", "error_message", "error_code", "log_link", "created_at", "resolved",
        "payload_text",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncFailure]:
        queryset: QuerySet[SyncFailure] = super().get_queryset(request)
        queryset = queryset.prefetch_related(PLATFORM)
        return queryset.defer("payload") if self.is_list(request) else queryset

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SYNC_PERMISSION)

    @admin.action(description=gettext_lazy("Replay"), permissions=["sync"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[SyncFailure]) -> HttpResponse | None:
        replay_failures(request, queryset)
        return None

    @admin.action(description=gettext_lazy("Dismiss"), permissions=["sync"])
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[SyncFailure]) -> HttpResponse | None:
        count = sum(1 for _each in dismiss_each(queryset, user=_user(request)))
        text = ngettext("%(count)s failure is dismissed.", "%(count)s failures are dismissed.", count)
        messages.success(request, text % {"count": grouped(count)})
        return None

    def replay_button(self) -> Button:
        return Button(
            name="replay",
            label=gettext_lazy("Replay"),
            icon="replay",
            run=_replay,
            permission=SYNC_PERMISSION,
            is_shown=lambda failure: failure.is_open and bool(failure.external_id),
        )

    def dismiss_button(self) -> Button:
        return Button(
            name="dismiss",
            label=gettext_lazy("Dismiss"),
            icon="close",
            run=_dismiss,
            permission=SYNC_PERMISSION,
            is_shown=lambda failure: failure.is_open,
        )

    @admin.display(description=gettext_lazy("record"), ordering="external_id")
    def record(self, obj: SyncFailure) -> str:
        return obj.external_id or _("without id")

    @admin.display(description=gettext_lazy("error"))
    def short_error(self, obj: SyncFailure) -> SafeString:
        return shortened(obj.error_message, 80)

    @admin.display(description=gettext_lazy("when"), ordering="created_at")
    def created(self, obj: SyncFailure) -> SafeString:
        return datetime_cell(obj.created_at)

    @admin.display(description=gettext_lazy("replayed or dismissed"), ordering="resolved_at")
    def resolved(self, obj: SyncFailure) -> SafeString:
        return resolution_of(obj)

    @admin.display(description=gettext_lazy("met by"), ordering="log_id")
    def log_link(self, obj: SyncFailure) -> SafeString:
        return met_by(obj)

    @admin.display(description=gettext_lazy("payload without personal data"))
    def payload_text(self, obj: SyncFailure) -> SafeString:
        return pretty_json(obj.payload)


class FailureInline(ReadOnlyInline):
    """On the page of the sync that met them."""

    model = SyncFailure
    per_page = 20
    verbose_name_plural = gettext_lazy("records that could not be stored")
    readonly_fields = ("record", "reason", "outcome", "press")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Buttons for those who may press them."""
        shown = ("record", "reason", "created_at", "outcome")
        return (*shown, "press") if request.user.has_perm(SYNC_PERMISSION) else shown

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("payload").select_related("resolved_by")

    @admin.display(description=gettext_lazy("record"))
    def record(self, obj: SyncFailure) -> SafeString:
        return link_to(obj, obj.external_id or _("without id"))

    @admin.display(description=gettext_lazy("error"))
    def reason(self, obj: SyncFailure) -> SafeString:
        return markup(
            '<span class="oms-sentence">{}</span><span class="oms-when">{}</span>',
            obj.error_message,
            obj.error_code,
        )

    @admin.display(description=gettext_lazy("replayed or dismissed"))
    def outcome(self, obj: SyncFailure) -> SafeString:
        return resolution_of(obj)

    @admin.display(description=gettext_lazy("what to do"))
    def press(self, obj: SyncFailure) -> SafeString:
        if not obj.is_open:
            return SafeString(DASH)
        names = [("dismiss", _("Dismiss"))]
        if obj.external_id:
            names.insert(0, ("replay", _("Replay")))
        text = (
            '<button type="submit" form="oms-press" formaction="{}" class="oms-quiet-button" '
            'aria-label="{} {}">{}</button>'
        )
        rows = ((press_url(obj, name), label, obj.external_id, label) for name, label in names)
        return markup('<span class="oms-badges">{}</span>', format_html_join(" ", text, rows))


def met_by(failure: SyncFailure) -> SafeString:
    """The sync that met it, or the audit that could not heal it; else a backfill could not have it."""
    if failure.log_id is not None:
        return link_to(SyncLog(pk=failure.log_id), f"#{failure.log_id}")
    if failure.audit_id is None:
        address = completeness_of(failure.platform_id, "history")
        return markup('<a class="oms-link" href="{}">{}</a>', address, _("a backfill"))
    text = _("audit #%(id)s") % {"id": failure.audit_id}
    return link_to(OrderAudit(pk=failure.audit_id), text)


def resolution_of(failure: SyncFailure) -> SafeString:
    """When and how a failure was resolved, and by whom."""
    if failure.is_open:
        return datetime_cell(None)
    who = [display_of(failure, "resolution"), *([str(failure.resolved_by)] if failure.resolved_by else [])]
    return markup('{}<span class="oms-when">{}</span>', datetime_cell(failure.resolved_at), ", ".join(who))


def replay_failures(request: HttpRequest, failures: QuerySet[SyncFailure]) -> None:
    """Replay the open ones among them while the browser waits, and report each that stays open."""
    if failures.filter(resolved_at__isnull=True).count() > MOST_AT_ONCE:
        text = _("Nothing was replayed: here it takes up to %(most)s at once. For more, run: %(command)s")
        command = "manage.py replay_failures"
        messages.error(request, text % {"most": MOST_AT_ONCE, "command": command})
        return
    _report(request, list(replay_each(failures, user=_user(request), by=replay_any)))


def _replay(request: HttpRequest, failure: SyncFailure) -> None:
    try:
        _report(request, [Replayed(replay_any(failure, user=_user(request)), None)])
    except PlatformError as error:
        _report(request, [Replayed(failure, error)])


def _report(request: HttpRequest, replayed: list[Replayed]) -> None:
    """One message for all that is stored now, and one for each of the first that stay open."""
    still_open = [result for result in replayed if result.why_open[0]]
    if stored := len(replayed) - len(still_open):
        text = ngettext("%(count)s record is stored now.", "%(count)s records are stored now.", stored)
        messages.success(request, text % {"count": grouped(stored)})
    for result in still_open[:MOST_NAMED]:
        name = link_to(result.failure, result.failure.external_id or _("without id"))
        messages.error(request, format_html(_("{} stays open: {}"), name, result.why_open[1]))
    if len(still_open) > MOST_NAMED:
        text = _("%(count)s more stay open.") % {"count": grouped(len(still_open) - MOST_NAMED)}
        messages.error(request, text)
    if not replayed:
        messages.info(request, _("There was nothing to replay."))


def _dismiss(request: HttpRequest, failure: SyncFailure) -> None:
    failure = dismiss(failure, _user(request))
    name = link_to(failure, failure.external_id or _("without id"))
    messages.success(request, format_html(_("{} is {}."), name, failure.get_resolution_display()))


def _user(request: HttpRequest) -> Any:
    return request.user  # not anonymous: it has the permission
