"""API usage and quotas in the admin, both read-only: the calls of each platform, refused calls, and the calls that
are left."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.confinement import visible_platforms, within
from backoffice.base.cells import number, stacked
from backoffice.base.charts import AMBER, RED, Chart, Series
from backoffice.base.model_admin import (
    DayRangeFilter,
    DropdownFilter,
    OmsChangeList,
    ReadOnlyAdmin,
    platform_filter,
)
from core.format import format_datetime, grouped
from integrations.models import ApiQuota, ApiUsage
from integrations.quota.token_bucket import standing
from integrations.quota.usage import Hourly, hourly, sharing
from integrations.registry import CHANNELS
from platforms.models import PLATFORM


class OperationFilter(DropdownFilter):
    """The operations that have a quota, and logins, which have none: far fewer rows than all of the usage."""

    title = gettext_lazy("operation")
    parameter_name = "operation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        buckets = ApiQuota.objects.order_by("operation")
        if (visible := visible_platforms(request)) is not None:
            buckets = buckets.filter(account_key__in=sharing(visible))
        known = buckets.values_list("operation", flat=True).distinct()
        unmetered = [name for channel in CHANNELS.values() for name in channel.unmetered]
        return [(name, name) for name in dict.fromkeys([*known, *unmetered])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(operation=self.value()) if self.value() else queryset


@admin.register(ApiUsage)
class ApiUsageAdmin(ReadOnlyAdmin):
    """The list, below a chart of the last two days that follows its filters by platform and operation."""

    list_display = (
        "hour", "platform", "operation", "number_calls", "number_throttled", "number_errors", "number_seconds",
        "number_per_call",
    )  # fmt: skip
    fields = list_display
    ordering = ("-hour", "-id")
    list_filter = (platform_filter(), OperationFilter, ("hour", DayRangeFilter))
    list_before_template = "integrations/usage_chart.html"
    counted_as = (gettext_lazy("row"), gettext_lazy("rows"))
    list_select_related = ()  # see PLATFORM
    empty_text = gettext_lazy("Every call to a platform is counted here; there was none yet.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiUsage]:
        queryset: QuerySet[ApiUsage] = super().get_queryset(request)
        return queryset.prefetch_related(PLATFORM)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            context |= _chart(_like_the_list(request, context["cl"]))
            context["quotas"] = list(quota_rows(request))
        return response

    @admin.display(description=gettext_lazy("calls"), ordering="calls")
    def number_calls(self, obj: ApiUsage) -> SafeString:
        return number(obj.calls)

    @admin.display(description=gettext_lazy("throttled"), ordering="throttled")
    def number_throttled(self, obj: ApiUsage) -> SafeString:
        return number(obj.throttled)

    @admin.display(description=gettext_lazy("errors"), ordering="errors")
    def number_errors(self, obj: ApiUsage) -> SafeString:
        return number(obj.errors)

    @admin.display(description=gettext_lazy("seconds"), ordering="seconds")
    def number_seconds(self, obj: ApiUsage) -> SafeString:
        return number(f"{obj.seconds:.1f}")

    @admin.display(description=gettext_lazy("seconds per call"))
    def number_per_call(self, obj: ApiUsage) -> SafeString:
        return number(f"{obj.seconds / obj.calls:.2f}" if obj.calls else None)


def _like_the_list(request: HttpRequest, changelist: Any) -> QuerySet[ApiUsage]:
    """What the chart is about: filtered as the list is, but for its days."""
    if changelist.problems:
        return ApiUsage.objects.none()
    usage = within(ApiUsage.objects.all(), visible_platforms(request))
    for spec in changelist.filter_specs:
        if not isinstance(spec, DayRangeFilter):
            usage = spec.queryset(request, usage)
    return usage


def _chart(usage: QuerySet[ApiUsage]) -> dict[str, Any]:
    """What the template shows: the chart, and the figures beside it."""
    hours = hourly(usage)
    labels = [date_format(timezone.localtime(hour), "j M, H:i") for hour in hours.hours]
    calls, throttled, errors = (sum(counts) for counts in (hours.calls, hours.throttled, hours.errors))
    counts = {"calls": grouped(calls), "throttled": grouped(throttled), "errors": grouped(errors)}
    words = _(
        "Calls in the last %(hours)d hours: %(calls)s, of them %(throttled)s throttled, %(errors)s errors."
    )
    per_call = hours.seconds_per_call
    return {
        "chart": Chart(
            name="calls",
            title=_("API calls per hour"),
            kind="bar",
            labels=labels,
            series=_bars(hours),
            first_column=_("Hour"),
            words=words % {**counts, "hours": len(hours.hours)},
        ),
        "chart_zone": timezone.localtime().tzname(),
        "figures": [
            (_("Calls"), grouped(calls), ""),
            (_("Throttled"), grouped(throttled), _share(throttled, calls)),
            (_("Errors"), grouped(errors), _share(errors, calls)),
            (_("Seconds per call"), "–" if per_call is None else number_format(per_call, decimal_pos=2), ""),
        ],
    }


def _share(part: int, whole: int) -> str:
    """ "1.5 %", and nothing where there is no part."""
    return _("%(share)s %% of the calls") % {"share": number_format(100 * part / whole, 1)} if part else ""


def _bars(hours: Hourly) -> list[Series]:
    counted = zip(hours.calls, hours.throttled, hours.errors, strict=True)
    answered = [calls - throttled - errors for calls, throttled, errors in counted]
    return [
        Series(label=_("answered"), values=answered),
        Series(label=_("throttled"), values=hours.throttled, colour=AMBER),
        Series(label=_("errors"), values=hours.errors, colour=RED),
    ]


class QuotaChangeList(OmsChangeList):
    """Reads once for all rows which platforms share a bucket."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shared = sharing(visible_platforms(request))
        for bucket in self.result_list:
            bucket.platform_names = shared.get(bucket.account_key, [])


def quota_rows(request: HttpRequest) -> Iterator[tuple[ApiQuota, list[Any]]]:
    """The buckets for the page of the usage, each with what its columns show; for those who may see them. Two
    queries."""
    page = admin.site._registry[ApiQuota]
    if not page.has_view_permission(request):
        return
    shared = sharing(visible_platforms(request))
    for bucket in page.get_queryset(request).order_by("operation", "pk"):
        bucket.platform_names = shared.get(bucket.account_key, [])
        yield bucket, [getattr(page, name)(bucket) for name in QUOTA_COLUMNS]


QUOTA_COLUMNS = ("platforms", "pace", "number_at_once", "number_left", "next_call")


@admin.register(ApiQuota)
class ApiQuotaAdmin(ReadOnlyAdmin):
    """The buckets as they are now. What tells accounts apart is not shown, the platforms that draw from each are."""

    list_display = ("operation", *QUOTA_COLUMNS)
    fields = list_display
    ordering = ("operation", "id")
    empty_text = gettext_lazy("A bucket appears with the first call of each operation.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return QuotaChangeList

    def confine(self, request: HttpRequest, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        """The buckets that any of these platforms draws from."""
        return rows.filter(account_key__in=sharing(ids))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.platform_names = sharing(visible_platforms(request)).get(found.account_key, [])
        return found

    @admin.display(description=gettext_lazy("platforms"))
    def platforms(self, obj: Any) -> str:
        return ", ".join(obj.platform_names) or _("none has these credentials now")

    @admin.display(description=gettext_lazy("rate"), ordering="rate")
    def pace(self, obj: ApiQuota) -> str:
        return format_rate(obj.rate)

    @admin.display(description=gettext_lazy("calls at once"), ordering="burst")
    def number_at_once(self, obj: ApiQuota) -> SafeString:
        return number(obj.burst)

    @admin.display(description=gettext_lazy("calls left"))
    def number_left(self, obj: ApiQuota) -> SafeString:
        return number(standing(obj, timezone.now())[0])

    @admin.display(description=gettext_lazy("next call"))
    def next_call(self, obj: ApiQuota) -> SafeString | str:
        now = timezone.now()
        wait = standing(obj, now)[1]
        if not wait:
            return _("now")
        return stacked(
            format_datetime(now + timedelta(seconds=wait)), _("in %(wait)s") % {"wait": _seconds(wait)}
        )


def format_rate(rate: float) -> str:
    """ "1 call every 3 minutes", "2 calls a second"."""
    if rate <= 0:
        return _("closed by hand")
    if rate >= 1:
        text = ngettext("%(rate)s call a second", "%(rate)s calls a second", round(rate))
        return text % {"rate": number_format(f"{round(rate, 2):g}")}
    return _("1 call every %(time)s") % {"time": _seconds(1 / rate)}


def _seconds(seconds: float) -> str:
    """In words, rounded for people: `1.5 seconds`, `45 seconds`, `3 minutes`, `2 hours`."""
    if seconds < 10:
        exact = max(0.1, round(seconds, 1))
        text = ngettext("%(count)s second", "%(count)s seconds", 1 if exact == 1 else 2)
        return text % {"count": number_format(f"{exact:g}")}
    if seconds < 90:
        count = round(seconds)
        return ngettext("%(count)s second", "%(count)s seconds", count) % {"count": count}
    if seconds < 90 * 60:
        count = round(seconds / 60)
        return ngettext("%(count)s minute", "%(count)s minutes", count) % {"count": count}
    count = round(seconds / 3600)
    return ngettext("%(count)s hour", "%(count)s hours", count) % {"count": count}
