"""The planning: the stock of each SKU over its marketplaces, what was sold of it, and what to reorder."""

from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache

from access.confinement import visible_platforms, within
from backoffice.base.cells import badge, badges, number, source_badge, title_cell
from backoffice.base.model_admin import OmsAdmin, choices_filter, platform_filter
from backoffice.base.paging import BoundedChangeList
from backoffice.base.pictures import Thumbnails, beside
from backoffice.lists.tabs import ALL, Tab
from backoffice.planning.exports import PLANNING_EXPORTS
from backoffice.planning.filters import StateFilter, TagFilter, number_filter
from backoffice.planning.forms import TAG, DaysForm, SettingsForm
from backoffice.planning.upload import upload_view
from core.format import DASH, grouped
from core.markup import markup
from integrations.lookup.planning import LONGEST
from inventory.models import PlannedSku, PlanningState, SkuTag
from inventory.planning import PACE_DAYS
from inventory.sku_settings import set_sku_settings, set_tag_days
from platforms.models import PLATFORM, Source

SEE, CHANGE = "inventory.view_inventoryitem", "inventory.change_inventoryitem"
UNITS, DAYS = (1, 10, 50, 200), (7, 30, 60, 90)
TABS = (
    ALL,
    Tab(name="reorder", label=gettext_lazy("To reorder"), query={"state": "reorder"}),
    Tab(
        name="late",
        label=gettext_lazy("Runs out before a delivery"),
        query={"state": "late"},
        is_alarming=True,
    ),
    Tab(name="dead", label=gettext_lazy("Dead stock"), query={"state": "dead"}),
    Tab(name="unknown", label=gettext_lazy("Not known"), query={"state": "unknown"}),
)


class PlanningChangeList(BoundedChangeList):
    """Reads the pictures once for all rows of the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        planned = list(self.result_list)
        thumbnails = Thumbnails((each.platform, each.asin) for each in planned)
        for each in planned:
            each.picture = thumbnails.of(each.platform, each.asin)


@admin.register(PlannedSku)
class PlannedSkuAdmin(OmsAdmin):
    """A row for each SKU of a platform. The scheduler counts them; people set days, cost and bin on the page of a SKU
    or by a file. Who may see and change stock may see and change this."""

    list_display = columns = (
        "sku", "short_title", "number_available", "number_inbound", "number_sold_7", "number_sold_30",
        "number_sold_90", "number_cover", "number_lead", "number_target", "number_reorder", "tag", "platform_name",
    )  # fmt: skip
    default_columns = tuple(name for name in columns if name not in ("number_target", "tag", "platform_name"))
    list_filter = (
        StateFilter,
        TagFilter,
        platform_filter(),
        number_filter("reorder", gettext_lazy("reorder"), UNITS),
        number_filter("available", gettext_lazy("available"), UNITS),
        number_filter("inbound", gettext_lazy("inbound"), UNITS),
        number_filter("sold_7", gettext_lazy("sold in 7 days"), UNITS),
        number_filter("sold_30", gettext_lazy("sold in 30 days"), UNITS),
        number_filter("sold_90", gettext_lazy("sold in 90 days"), UNITS),
        number_filter("cover_days", gettext_lazy("days of cover"), DAYS),
        number_filter("lead_days", gettext_lazy("lead time"), DAYS, may_be_unknown=False),
        choices_filter("source"),
    )
    tabs = TABS
    exports = PLANNING_EXPORTS
    list_fullwidth = True
    list_per_page = 25  # of up to thirteen columns, each drawn on its own
    search_fields = ("sku", "title")
    search_help_text = gettext_lazy("SKU, or words of a title")
    empty_text = gettext_lazy(
        "No SKU is planned yet: the scheduler counts them within a minute after a sync."
    )
    list_before_template = "planning/how.html"
    change_list_template = "planning/change_list.html"
    actions = ("set_days",)
    change_form_outer_before_template = "planning/calculation.html"
    form = SettingsForm
    fieldsets = (
        (gettext_lazy("Settings of this SKU, in all marketplaces"), {"fields": (
            ("own_lead_days", "own_target_days"), ("unit_cost", "cost_currency"), "bin", "tag",
        )}),
    )  # fmt: skip

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(SEE) or request.user.has_perm(CHANGE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(CHANGE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlannedSku]:
        queryset: QuerySet[PlannedSku] = super().get_queryset(request)
        return queryset.prefetch_related(PLATFORM)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Most units to reorder first; what is not known last, which PostgreSQL would show first."""
        is_first = connection.vendor == "postgresql"
        return (F("reorder").desc(nulls_last=True) if is_first else "-reorder",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PlanningChangeList

    def get_urls(self) -> list[URLPattern]:
        upload = self.admin_site.admin_view(never_cache(partial(upload_view, self)))
        return [path("upload/", upload, name="inventory_plannedsku_upload"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        visible = visible_platforms(request)
        states = within(PlanningState.objects.prefetch_related("platform"), visible, "platform")
        context = {"may_upload": self.has_change_permission(request), **(extra_context or {})}
        context["states"] = [_told(state) for state in states.order_by("platform__name")]
        return super().changelist_view(request, context)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if planned := context.get("original"):
            context |= {"figures": _figures(planned), "calculation": _calculation(planned)}
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: PlannedSku, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """The settings alone: what is counted is the scheduler's."""
        if isinstance(form, SettingsForm):
            set_sku_settings({(obj.platform_id, obj.sku): form.settings()})

    @admin.action(description=gettext_lazy("Set tag, lead time and target cover…"), permissions=["change"])
    def set_days(self, request: HttpRequest, queryset: QuerySet[PlannedSku]) -> HttpResponse | None:
        """Asks for them, and gives them to all that were selected, or to their tags."""
        tags = set(queryset.order_by().exclude(tag="").values_list("platform_id", "tag").distinct())
        form = DaysForm(request.POST if "set" in request.POST else None, tags=tags)
        if form.is_valid():
            self.message_user(request, _set_days(queryset, form, tags))
            return HttpResponseRedirect(request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": _("Set tag, lead time and target cover"),
            "opts": self.opts,
            "form": form,
            "count": queryset.count(),
            "tags": _days_of_tags(tags),
            "back": request.get_full_path(),
            "kept": [
                (name, value)
                for name in ("action", "select_across", "index", "_selected_action")
                for value in request.POST.getlist(name)
            ],
        }
        return TemplateResponse(request, "planning/set_days.html", context)

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def short_title(self, obj: Any) -> SafeString:
        shown = beside(obj.picture, title_cell(obj.title))
        return shown if obj.source == Source.LIVE else badges(shown, source_badge(obj.source))

    @admin.display(description=gettext_lazy("platform"), ordering="platform_id")
    def platform_name(self, obj: PlannedSku) -> str:
        return str(obj.platform)

    @admin.display(description=gettext_lazy("available"), ordering="available")
    def number_available(self, obj: PlannedSku) -> SafeString:
        return number(obj.available)

    @admin.display(description=gettext_lazy("inbound"), ordering="inbound")
    def number_inbound(self, obj: PlannedSku) -> SafeString:
        return number(obj.inbound)

    @admin.display(description=gettext_lazy("sold in 7 days"), ordering="sold_7")
    def number_sold_7(self, obj: PlannedSku) -> SafeString:
        return number(obj.sold_7)

    @admin.display(description=gettext_lazy("sold in 30 days"), ordering="sold_30")
    def number_sold_30(self, obj: PlannedSku) -> SafeString:
        return number(obj.sold_30)

    @admin.display(description=gettext_lazy("sold in 90 days"), ordering="sold_90")
    def number_sold_90(self, obj: PlannedSku) -> SafeString:
        return number(obj.sold_90)

    @admin.display(description=gettext_lazy("days of cover"), ordering="cover_days")
    def number_cover(self, obj: PlannedSku) -> SafeString:
        if not obj.is_late:
            return number(obj.cover_days)
        days = _units(obj.cover_days)
        return markup(
            '<span class="oms-number">{}</span>',
            badge(days, "danger", title=_("It runs out before a delivery arrives that is ordered today.")),
        )

    @admin.display(description=gettext_lazy("lead time"), ordering="lead_days")
    def number_lead(self, obj: PlannedSku) -> SafeString:
        return number(obj.lead_days)

    @admin.display(description=gettext_lazy("target cover"), ordering="target_days")
    def number_target(self, obj: PlannedSku) -> SafeString:
        return number(obj.target_days)

    @admin.display(description=gettext_lazy("reorder"), ordering="reorder")
    def number_reorder(self, obj: PlannedSku) -> SafeString:
        text = '<span class="oms-number" title="{}"><strong>{}</strong></span>'
        return markup(text, _calculation(obj), _units(obj.reorder))


def _set_days(queryset: QuerySet[PlannedSku], form: DaysForm, tags: set[tuple[int, str]]) -> str:
    """Returns what was done, as a sentence."""
    keys = set(queryset.order_by().values_list("platform_id", "sku"))
    changed = set_sku_settings(dict.fromkeys(keys, form.of_skus())) if form.of_skus() else 0
    sentences = ngettext(
        "Settings of %(count)s SKU were changed.", "Settings of %(count)s SKUs were changed.", changed
    ) % {"count": grouped(changed)}  # fmt: skip
    if form.cleaned_data["scope"] != TAG:
        return sentences
    if name := form.cleaned_data["tag"]:
        tags = {(platform_id, name) for platform_id, _sku in keys}
    changed = set_tag_days(tags, **form.of_tag())
    of_tags = ngettext(
        "Days of %(count)s tag were changed.", "Days of %(count)s tags were changed.", changed
    ) % {"count": grouped(changed)}  # fmt: skip
    return f"{sentences} {of_tags}" if form.of_skus() else of_tags


def _days_of_tags(tags: set[tuple[int, str]]) -> list[SkuTag]:
    rows = SkuTag.objects.filter(name__in={name for _platform, name in tags}).prefetch_related(PLATFORM)
    return [tag for tag in rows if (tag.platform_id, tag.name) in tags]


def _told(state: PlanningState) -> PlanningState:
    """With `is_short`: whether its orders do not reach as far back as sales are counted."""
    start = timezone.now() - timedelta(days=LONGEST)
    state.is_short = state.orders_since is not None and state.orders_since > start  # type: ignore[attr-defined]
    return state


def _calculation(planned: PlannedSku) -> str:
    """`45 sold in 30 days ÷ 30 × (20 + 30) - 12 available - 10 inbound: 53`, with dashes for what is not known."""
    text = _(
        "%(sold)s sold in 30 days ÷ %(pace)d × (%(lead)d days of lead time + %(target)d days of target cover) "
        "− %(available)s available − %(inbound)s inbound, rounded up and never below 0: %(reorder)s"  # noqa: RUF001
    )
    units = {name: _units(getattr(planned, name)) for name in ("available", "inbound", "reorder")}
    days = {"pace": PACE_DAYS, "lead": planned.lead_days, "target": planned.target_days}
    return text % {**units, **days, "sold": _units(planned.sold_30)}


def _figures(planned: PlannedSku) -> list[tuple[str, str, str]]:
    sold = [_units(units) for units in (planned.sold_7, planned.sold_30, planned.sold_90)]
    return [
        (_("Available"), _units(planned.available), ""),
        (_("Inbound"), _units(planned.inbound), ""),
        (_("Sold in 7, 30 and 90 days"), " · ".join(sold), ""),
        (_("Days of cover"), _units(planned.cover_days), ""),
        (_("Reorder"), _units(planned.reorder), ""),
    ]


def _units(value: int | None) -> str:
    return DASH if value is None else grouped(value)
