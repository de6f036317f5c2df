"""Platforms: credentials, what their last syncs did, and the button that starts new ones."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import BooleanField, Model, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.confinement import visible_platforms
from backoffice.base.cells import badge, badges, stacked
from backoffice.base.channels import kinds_in_use, sync_label
from backoffice.base.model_admin import Button, OmsAdmin
from backoffice.home.health import COLOURS, State
from backoffice.platforms import stock_end
from backoffice.platforms.connect import authorised_view, begin_view, connect_label, connect_view
from backoffice.platforms.exports import PLATFORM_EXPORTS, watermark_title
from backoffice.platforms.forms import PlatformForm, form_for
from backoffice.platforms.kinds import KindFilter, asked_kind, kinds_to_choose
from backoffice.platforms.page_tabs import PageTab, on_same_tab, pane, people_of, tabs_of
from backoffice.platforms.status import check_context, check_view, last_runs, latest_cell, renewal_lines
from backoffice.privacy.erasing import end_storing, may_be_asked
from backoffice.privacy.whole_platform import erase_address, erase_view
from backoffice.shipping.writing import collection_view, tab_of, writing_view
from backoffice.syncs.sync_dialog import estimate_view, start_syncs, sync_view
from backoffice.users.second_factor.confirming import confirmation_link
from core.format import DASH, format_datetime
from integrations.lookup.overview import attach_latest, latest_of, with_overview
from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.pictures.overview import has_pictures, pictures_so_far
from integrations.quota.same_account import same_account_line
from integrations.registry import CHANNELS, channel_label, default_kind
from integrations.schedule.due import attach_dues
from integrations.sync.connection_check import check_platform, is_outdated
from integrations.sync.streams import STREAMS, delivered_by, streams_of
from integrations.sync.streams.states import (
    interval_name,
    interval_of,
    set_intervals,
    watermark_name,
    windowed,
)
from integrations.wording import schedule_lines
from inventory.models import PlannedSku
from platforms.models import CONFIG_COLUMNS, SYNC_PERMISSION, Platform

GENERAL = ("display_name", "name", "kind", "is_active")
SWITCHES = ("include_pii", "show_pictures")
STATE_ID = "oms-platform-state"


@admin.register(Platform)
class PlatformAdmin(OmsAdmin):
    form = PlatformForm
    platform_column = "pk"
    list_display = ("title", "channel", "state", "next_syncs", "is_active")
    list_filter = (KindFilter, "is_active")
    exports = PLATFORM_EXPORTS
    search_fields = ("name", "display_name")
    actions = ("sync_selected",)
    buttons = ("check_button", "stock_end_button")
    change_form_template = "platforms/platform_page.html"
    list_after_template = "oms/page_forms.html"
    empty_text = gettext_lazy("A platform is one selling account. Add one, enter its credentials, and sync.")

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "platforms_platform"
        return [
            path("sync/", wrap(sync_view), name=f"{name}_sync"),
            path("sync/estimate/", wrap(estimate_view), name=f"{name}_sync_estimate"),
            path("authorised/", wrap(authorised_view), name=f"{name}_authorised"),
            path("<int:object_id>/connect/", wrap(connect_view), name=f"{name}_connect"),
            path("<int:object_id>/connect/begin/", wrap(begin_view), name=f"{name}_connect_begin"),
            path("<int:object_id>/check/", wrap(check_view), name=f"{name}_check"),
            path("<int:object_id>/writing/", wrap(partial(writing_view, self)), name=f"{name}_writing"),
            path(
                "<int:object_id>/collection/", wrap(partial(collection_view, self)), name=f"{name}_collection"
            ),
            path("<int:object_id>/erase/", wrap(partial(erase_view, self)), name=f"{name}_erase"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Platform]:
        may_sync = Value(self.has_sync_permission(request), output_field=BooleanField())
        return with_overview(super().get_queryset(request)).annotate(may_sync=may_sync)

    def get_list_display(self, request: HttpRequest) -> Any:
        *shown, due, is_active = super().get_list_display(request)
        shown = [*shown, *map(_last_column, STREAMS), due, is_active]
        return (*shown, "sync_link") if self.has_sync_permission(request) else shown

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        platform = context.get("original")
        if platform is not None:
            may_sync = self.has_sync_permission(request)
            may_see = request.user.has_perm("integrations.view_synclog")
            may_change = self.has_change_permission(request, platform)
            shipping = tab_of(request, platform)
            without = () if shipping else (PageTab.SHIPPING,)
            context |= {
                "shipping": shipping,
                "may_sync": may_sync,
                "sync_label": sync_label([platform.kind]),
                "last_runs": last_runs(platform, may_cancel=may_sync) if may_see else (),
                "check": check_context(request, platform),
                "renewals": renewal_lines(platform),
                "stock_end": stock_end.advice(platform),
                "pictures": pictures_so_far(platform),
                "connect": connect_label(platform) if may_change else "",
                "erase_address": erase_address(request, platform),
                "until_ids": [STATE_ID, *(f"oms-{watermark_name(name)}" for name in windowed(platform))],
                "people": people_of(request, platform),
                **tabs_of(
                    request, platform, context.get("adminform"), may_change=may_change, without=without
                ),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        attach_latest(changelist.result_list)  # of all at once
        attach_dues(changelist.result_list)
        return changelist

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Credentials as fields for those who may change them, as a summary for those who may only look."""
        may_change = obj is None or self.has_change_permission(request, obj)
        kind = kind_of(request, obj)
        credentials: list[str] = ["summary"]
        if may_change:
            removable = obj is not None and obj.is_configured
            fields = form_for(kind).credentials or ("summary",)
            credentials = [*fields, *(["remove_credentials"] if removable else [])]
        title = _("%(channel)s credentials") % {"channel": channel_label(kind)}
        schedule = [*self._intervals(kind, may_change), *_buyers(request, obj)]
        advice = self._advice(request, obj, may_change)
        sets = [
            (None, {"fields": GENERAL, "classes": pane(PageTab.OVERVIEW)}),
            (title, {"fields": credentials, "description": advice, "classes": pane(PageTab.CREDENTIALS)}),
            (_("Schedule and buyer data"), {"fields": schedule, "classes": pane(PageTab.SCHEDULE)}),
        ]
        if has_pictures(kind):
            pictures = {"fields": ("show_pictures",), "classes": pane(PageTab.SCHEDULE)}
            sets.append((_("Pictures of products"), pictures))
        if obj is not None:
            state = ("state_now", *map(_watermark_field, windowed(obj)))
            sets.insert(0, (_("State"), {"fields": state, "classes": pane(PageTab.OVERVIEW)}))
        return sets

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Asks for the kind first, where there is more than one."""
        if asked_kind(request) or not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Add platform"),
            "opts": self.opts,
            "kinds": kinds_to_choose(request),
        }
        return TemplateResponse(request, "platforms/kinds.html", context)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("summary", "intervals", "state_now", *(map(_watermark_field, windowed(obj)) if obj else ()))

    def _intervals(self, kind: str, may_change: bool) -> list[str]:
        """As fields, or in one line for those who may only look."""
        streams = delivered_by(CHANNELS.get(kind))
        return [interval_name(name) for name in streams] if may_change else ["intervals"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # The credentials are no columns: Django must not look for them in the model.
        options = {"form": form_for(kind_of(request, obj)), "fields": [*GENERAL, *SWITCHES]}
        form = super().get_form(request, obj, change, **kwargs | options)
        form.asks_of_buyers = len(_buyers(request, obj)) > 1  # type: ignore[attr-defined]  # of this request's own
        form.confirm_first = confirmation_link(request)  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Platform, form: Any, change: bool) -> None:
        """Write only what was changed: a request that runs meanwhile may change the same row."""
        if not change:
            super().save_model(request, obj, form, change)
            set_intervals(obj, form.new_intervals)
            _warn_of_same_account(request, obj)
            return
        set_intervals(obj, form.new_intervals)
        fields = [name for name in form.changed_data if name in (*GENERAL, *SWITCHES)]
        if getattr(form, "new_config", None) is not None:
            fields += CONFIG_COLUMNS
        if fields:
            obj.save(update_fields=fields)
        obj.encrypt_plain_config()
        if form.new_config:
            _warn_of_same_account(request, obj)
        if "include_pii" in fields and not obj.include_pii:
            end_storing(request, obj, erases=getattr(form, "erases_buyers", False))

    def response_change(self, request: HttpRequest, obj: Platform) -> HttpResponse:
        """Who goes on editing comes back to the same tab."""
        response = super().response_change(request, obj)
        return on_same_tab(request, response) if "_continue" in request.POST else response

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Not who is confined to some platforms: the new one would be none of them."""
        may: bool = super().has_add_permission(request)
        return may and visible_platforms(request) is None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A platform that delivered anything is made inactive instead; its orders must not vanish."""
        may: bool = super().has_delete_permission(request, obj)
        return may and not (obj is not None and any(stream.has_rows(obj) for stream in STREAMS.values()))

    def get_actions(self, request: HttpRequest) -> Any:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # it would not ask whether there are orders
        if "sync_selected" in actions:  # named after the channel, where there is one
            run, name, _description = actions["sync_selected"]
            actions[name] = (run, name, sync_label(kinds_in_use(request)))
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Syncs and planned SKUs cannot be deleted by themselves; those of a platform are deleted with it."""
        found, counts, refused, protected = super().get_deleted_objects(objs, request)
        with_it = {str(model._meta.verbose_name) for model in (SyncLog, SyncFailure, ApiUsage, PlannedSku)}
        return found, counts, {str(name) for name in refused} - with_it, protected

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(SYNC_PERMISSION)

    @admin.action(description=gettext_lazy("Sync now"), permissions=["sync"])
    def sync_selected(self, request: HttpRequest, queryset: QuerySet[Platform]) -> HttpResponse | None:
        start_syncs(request, queryset)
        return None

    def check_button(self) -> Button:
        return Button(
            name="check",
            label=gettext_lazy("Check connection"),
            icon="stethoscope",
            run=report_check,
            permission=SYNC_PERMISSION,
            fragment_url=lambda platform: reverse("admin:platforms_platform_check", args=[platform.pk]),
            fragment_target="#oms-check",
        )

    def stock_end_button(self) -> Button:
        return stock_end.button()

    def _advice(self, request: HttpRequest, obj: Platform | None, may_change: bool) -> str:
        if obj is not None and obj.config_problem:
            fix = _("Put the old key back into FIELD_ENCRYPTION_KEY, or enter all of the values again.")
            return format_html("<strong>{}</strong> {}", obj.config_problem, fix)
        if may_change:
            text = _("All of them or none: without credentials, syncs store clearly marked made-up data.")
            link = confirmation_link(request)
            return format_html("{} {}.", text, link) if link else text
        return ""

    @admin.display(description=gettext_lazy("platform"), ordering="name")
    def title(self, obj: Platform) -> SafeString:
        return stacked(obj.display_name or obj.name, obj.name if obj.display_name else "")

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def channel(self, obj: Platform) -> str:
        return channel_label(obj.kind)

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj: Platform) -> SafeString:
        """What its newest syncs and the last check say, before the credentials, which do not look fine then."""
        problems = list(_problem_badges(obj))
        parts = [*problems, credentials_badge(obj, works=not problems)]
        if getattr(obj, "has_mock", False):
            parts.append(
                badge(_("mock data"), "warning", title=_("Made-up rows are stored; see their badges."))
            )
        if getattr(obj, "has_sandbox", False):
            parts.append(
                badge(_("sandbox data"), "info", title=_("Rows of the platform's sandbox are stored."))
            )
        return badges(*parts)

    @admin.display(description=gettext_lazy("state"))
    def state_now(self, obj: Platform) -> SafeString:
        """The same on the page of the platform, which replaces it once a sync has ended."""
        return format_html('<span id="{}">{}</span>', STATE_ID, self.state(obj))

    @admin.display(description=gettext_lazy("minutes between syncs"))
    def intervals(self, obj: Platform) -> str:
        return ", ".join(
            f"{stream.label}: {interval_of(obj, name)}" for name, stream in streams_of(obj).items()
        )

    @admin.display(description="")
    def sync_link(self, obj: Platform) -> SafeString:
        url = f"{reverse('admin:platforms_platform_sync')}?platform={obj.pk}"
        text = (
            '<a class="oms-quiet-button" href="{}" hx-get="{}" hx-target="#oms-dialog" hx-select="#oms-sync" '
            'aria-haspopup="dialog" aria-label="{}: {}">{}</a>'
        )
        label = sync_label([obj.kind])
        return format_html(text, url, url, label, obj, label)

    @admin.display(description=gettext_lazy("next syncs"))
    def next_syncs(self, obj: Platform) -> SafeString:
        return format_html_join(
            "",
            '<div class="oms-next{}" title="{}">{}</div>',
            ((" oms-alert" if is_loud else "", line, line) for line, is_loud in schedule_lines(obj)),
        )

    @admin.display(description=gettext_lazy("stored"))
    def summary(self, obj: Model) -> str:
        return summary_of(obj) if isinstance(obj, Platform) else DASH


@cache  # Django compares the columns and fields of a page by identity
def _last_column(name: str) -> Callable[[Platform], SafeString]:
    """The column `last_orders` of the stream of orders."""

    @admin.display(description=format_lazy(gettext_lazy("last sync of {stream}"), stream=STREAMS[name].label))
    def shown(platform: Platform) -> SafeString:
        if name not in streams_of(platform):
            return SafeString(DASH)
        return latest_cell(platform, name, may_cancel=getattr(platform, "may_sync", False))

    shown.__name__ = f"last_{name}"
    return shown


@cache
def _watermark_field(name: str) -> Callable[[Platform], SafeString]:
    """The field `orders_watermark`, read-only; its id is what the page replaces once a sync has ended."""

    @admin.display(description=watermark_title(name))
    def shown(platform: Platform) -> SafeString:
        until = format_datetime(getattr(platform, watermark_name(name)))
        return format_html('<span id="oms-{}">{}</span>', watermark_name(name), until)

    shown.__name__ = watermark_name(name)
    return shown


def _buyers(request: HttpRequest, platform: Platform | None) -> list[str]:
    """The fields about buyer data: with the question what happens to what is stored, for those who may erase it."""
    return ["include_pii", "stored_buyers"] if may_be_asked(request, platform) else ["include_pii"]


def kind_of(request: HttpRequest, platform: Platform | None) -> str:
    """Of a stored platform its own, of one that is being added the one that was chosen."""
    return platform.kind if platform else asked_kind(request) or default_kind()


def _warn_of_same_account(request: HttpRequest, platform: Platform) -> None:
    if visible_platforms(request) is not None:
        return  # it names other platforms
    if line := same_account_line(platform):
        messages.warning(request, line)


def report_check(request: HttpRequest, platform: Platform) -> None:
    """Check the connection; the findings are on the page that follows."""
    problems = [finding for finding in check_platform(platform) if finding.ok is False]
    if problems:
        listed = "; ".join(f"{finding.step}: {finding.message}" for finding in problems)
        messages.error(request, _("The connection does not work fully. %(problems)s") % {"problems": listed})
    else:
        messages.success(request, _("The connection works; see the findings below."))


def _is_failing(platform: Platform) -> bool:
    """Whether the newest sync of a stream failed, of a platform that is synced."""
    if not platform.is_active or not platform.is_configured:
        return False
    return any(log.status == SyncLog.Status.FAILED for log in latest_of(platform).values())


def _problem_badges(platform: Platform) -> Iterator[SafeString]:
    if _is_failing(platform):  # in the words of the home page
        yield badge(State.FAILING.label, COLOURS[State.FAILING])
    if platform.check_outcome.get("ok") is False and platform.is_configured and not is_outdated(platform):
        yield badge(
            _("check found problems"), "warning", title=_("Open the platform: its page has the findings.")
        )


def credentials_badge(platform: Platform, *, works: bool) -> SafeString:
    """Whether there are some; green only where they work, as far as is known."""
    if platform.config_problem:
        return badge(_("credentials cannot be read"), "danger", title=platform.config_problem)
    if platform.is_configured:
        return badge(_("credentials set"), "success" if works else "")
    return badge(_("credentials missing"), "warning", title=_("Open the platform and enter them."))


def summary_of(platform: Platform) -> str:
    """Which values are stored, without secrets; of a kind that is not registered, that there are some."""
    config, channel = platform.api_config, CHANNELS.get(platform.kind)
    if not config:
        return platform.config_problem or _("No credentials are stored.")
    if channel is None:
        text = _("Credentials are stored, but this installation does not know the channel %(kind)s.")
        return text % {"kind": platform.kind}
    return ", ".join(str(part) for part in channel.credentials.summary(config))
