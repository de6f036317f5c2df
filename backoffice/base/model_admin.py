"""What the admin pages of every app share: read-only pages, buttons that post, badges, and readable values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import DateField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import get_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.confinement import visible_platforms
from backoffice.base.choices import platform_choices
from backoffice.export import Export
from backoffice.export.views import export_links, export_list, go_on_with_export
from core.format import Text
from platforms.models import Source

if TYPE_CHECKING:  # unfold has no annotations; its classes take the place of Django's
    from django.contrib.admin import FieldListFilter as RangeDateFilter
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin import SimpleListFilter as UnfoldDropdownFilter
else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.contrib.filters.admin import DropdownFilter as UnfoldDropdownFilter
    from unfold.contrib.filters.admin import RangeDateFilter

from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from backoffice.base.cells import page_address
from backoffice.base.offered import OfferedChangeList, OfferedLists, no_choice, short
from backoffice.lists.addresses import in_one_parameter
from backoffice.lists.columns import columns_view, shown_columns
from backoffice.lists.days import Days, days_of
from backoffice.lists.page import tools_of
from backoffice.lists.tabs import ALL, Tab, counts_view
from backoffice.lists.views import delete_view, save_view

__all__ = ["DropdownFilter", "ModelAdmin", "TabularInline"]

FIRST_YEAR, LAST_YEAR = 1900, 9998  # of the days that can be looked for

MADE_UP: dict[str, Text] = {
    Source.MOCK: _("This is made-up data. It stands in until the platform's credentials work, is never totalled, "
                   "and the first successful live sync deletes it."),
    Source.SANDBOX: _("This is test data from the platform's sandbox. It is never totalled, "
                      "and the first successful live sync deletes it."),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button on an object's page that posts. `run` reports by messages; without `permission` it is refused.

    `is_shown` hides it while there is nothing to do, also from users who may press it.
    """

    name: str
    label: Text
    icon: str
    run: Callable[
        [HttpRequest, Any], HttpResponse | None
    ]  # what it returns is the answer; None: the page again
    permission: str
    is_shown: Callable[[Any], bool] = bool
    # Where htmx posts instead, and the element that shows the answer: the page stays as it is.
    fragment_url: Callable[[Any], str] | None = None
    fragment_target: str = ""
    # The hidden field of backoffice/syncs/progress.py, where the button disappears while the page is open.
    slot_field: Callable[[Any], SafeString] | None = None


class OmsAdmin(OfferedLists, ModelAdmin[Any]):
    """Base of all our admin classes. `empty_text`: what a list without rows tells the reader to do."""

    change_form_template = "oms/change_form.html"
    change_list_template = "oms/change_list.html"
    exports: Sequence[Export] = ()  # what the list can be exported as
    tabs: Sequence[Tab] = (ALL,)  # the first one lists all rows
    # In the order in which they are shown, the first leading to the row. `list_display` keeps the order in which
    # earlier links number them.
    columns: Sequence[str] = ()  # empty: those of `list_display`, and nothing to choose
    default_columns: Sequence[str] = ()  # what is shown to those who chose nothing; all, where empty
    empty_text: Text = ""
    counted_as: tuple[Text, Text] | None = None  # one row, and several, where the model's name does not do
    buttons: Sequence[str] = ()  # names of methods that return a Button
    list_filter_submit = True
    show_full_result_count = False  # counts a growing table twice
    list_per_page = 50

    def tabs_for(self, request: HttpRequest) -> Sequence[Tab]:
        """The tabs that this reader is offered."""
        return self.tabs

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return OmsChangeList

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_button"
        press = self.admin_site.admin_view(self.button_view)
        export = self.admin_site.admin_view(partial(export_list, self))
        counts, columns, save, forget = (
            self.admin_site.admin_view(partial(view, self))
            for view in (counts_view, columns_view, save_view, delete_view)
        )
        export_name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [
            path("<path:object_id>/press/<slug:button>/", press, name=name),
            path("export/<slug:name>.<str:extension>", export, name=export_name),
            path("views/", save, name=f"{self.opts.app_label}_{self.opts.model_name}_views"),
            path(
                "views/<int:pk>/delete/",
                forget,
                name=f"{self.opts.app_label}_{self.opts.model_name}_view_delete",
            ),
            path("columns/", columns, name=f"{self.opts.app_label}_{self.opts.model_name}_columns"),
            path("counts/", counts, name=f"{self.opts.app_label}_{self.opts.model_name}_counts"),
            *super().get_urls(),
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        return shown_columns(self, request) if self.columns else super().get_list_display(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        address = in_one_parameter(request, several_of(self, request))
        if address and request.method == "GET":
            return HttpResponseRedirect(address)
        context = {
            "exports": list(export_links(self, request)),
            "exports_take_columns": any(export.of_list for export in self.exports),
            **(extra_context or {}),
        }
        response = super().changelist_view(request, context)
        go_on_with_export(request, response)
        shown: dict[str, Any] = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            shown.update(tools_of(self, request, shown["cl"]))
        return response

    def button_view(self, request: HttpRequest, object_id: str, button: str) -> HttpResponse:
        """Press a button: POST alone, so that no link can do it, and with Django's CSRF check."""
        pressed = next((candidate for candidate in self._buttons() if candidate.name == button), None)
        obj = self.get_object(request, unquote(object_id))
        if pressed is None or obj is None:
            raise Http404
        if not self.has_view_permission(request, obj) or not request.user.has_perm(pressed.permission):
            raise PermissionDenied
        if request.method == "POST":
            if answer := pressed.run(request, obj):
                return answer
            if back := safe_next(request):
                return HttpResponseRedirect(back)
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[obj.pk]))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = context.get("original")
        shown = [
            {
                "button": button,
                "fragment_url": button.fragment_url(obj) if button.fragment_url else "",
                "slot_field": button.slot_field(obj) if button.slot_field else "",
            }
            for button in self._buttons()
            if obj is not None and request.user.has_perm(button.permission) and button.is_shown(obj)
        ]
        context.update(buttons=shown, made_up=MADE_UP.get(getattr(obj, "source", "")))
        return super().render_change_form(request, context, *args, **kwargs)

    def _buttons(self) -> list[Button]:
        return [getattr(self, name)() for name in self.buttons]

    def is_list(self, request: HttpRequest) -> bool:
        """Whether the page is the list, where heavy columns are left in the database."""
        match = request.resolver_match
        return match is not None and str(match.url_name).endswith("_changelist")


def several_of(model_admin: Any, request: HttpRequest) -> list[str]:
    """The parameters of this list that take several values."""
    entries = [entry for entry in model_admin.get_list_filter(request) if isinstance(entry, tuple)]
    return [f"{path}__in" for path, made in entries if getattr(made, "takes_several", False)]


def is_export(request: HttpRequest) -> bool:
    """Whether the request is for an export: the rows are needed in their order, and no page is shown."""
    match = request.resolver_match
    return match is not None and str(match.url_name).endswith("_export")


def reads_no_rows(request: HttpRequest) -> bool:
    """Whether the list is asked for its query alone: an export, or the number on one of its tabs."""
    return is_export(request) or getattr(request, "oms_counts", False)


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, which shows the answer in a part of the page: https://htmx.org/reference/"""
    return "HX-Request" in request.headers


def go_to(request: HttpRequest, address: str) -> HttpResponse:
    """A redirect that the whole window follows, also where htmx sent the request."""
    if is_htmx(request):
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def safe_next(request: HttpRequest) -> str:
    """The page that a form or link names as the next one, if it is one of ours; "" otherwise.

    Where a dialog asks, that is the page which shows the dialog.
    """
    named = request.POST.get("next") or request.GET.get("next") or request.headers.get("HX-Current-URL", "")
    return ours(request, named)


def ours(request: HttpRequest, address: str) -> str:
    """The address, if it is one of ours; "" otherwise."""
    is_ours = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else ""


class OmsChangeList(OfferedChangeList):
    """Knows that an unfiltered list is whole, without counting it twice; neither counts nor reads where its query is
    enough."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        if reads_no_rows(request):
            self.result_list, self.result_count, self.full_result_count = [], 0, 0
            return
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count

    def url_for_result(self, result: Any) -> str:
        """Django's looks for the pattern of the address anew for each row."""
        return page_address(result)

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        """Kept: unfold asks for those of all headers again for each row."""
        held: dict[str, str] = self.__dict__.setdefault("_query_strings", {})
        key = repr((new_params, remove))
        if key not in held:
            held[key] = super().get_query_string(new_params, remove)
        return held[key]


class ReadOnlyAdmin(OmsAdmin):
    """For rows that only a sync writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(TabularInline[Any, Any]):
    extra = 0
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DropdownFilter(UnfoldDropdownFilter):
    """A filter without choices is hidden, but not while the address asks for one of them."""

    def has_output(self) -> bool:
        return bool(self.used_parameters) or super().has_output()


class DayRangeFilter(RangeDateFilter):
    """Days in the reader's time zone, the last one included: `_from` and `_to` as the reader's language writes them, or
    as 2026-01-31; `_in` by name, such as `last_7_days`."""

    suffixes = ("_from", "_to", "_in")

    @property
    def preset_name(self) -> str:
        return f"{self.field_path}_in"

    def expected_parameters(self) -> list[str | None]:
        return [*super().expected_parameters(), self.preset_name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if names := self.used_parameters.get(self.preset_name):
            first, last = days_of(list(names)[-1])  # type: ignore[call-overload]  # a list, as Django keeps it
            after = _begin_of((last + timedelta(days=1)).isoformat())
            limits = {"gte": _begin_of(first.isoformat()), "lt": after}
            queryset = queryset.filter(
                **{f"{self.field_path}__{end}": limit for end, limit in limits.items()}
            )
        for end, lookup, days in (("from", "gte", 0), ("to", "lt", 1)):
            text = self.used_parameters.get(f"{self.field_path}_{end}")
            if text:
                day = _begin_of(str(text)) + timedelta(days=days)
                queryset = queryset.filter(**{f"{self.field_path}__{lookup}": day})
        return queryset

    def value_problem(self, name: str, value: str) -> str:
        """Why these are no days to look for, "" where they are."""
        if name == self.preset_name:
            return "" if value in Days.values else no_choice(str(self.title), value)
        try:
            _begin_of(value)
        except ValidationError:
            text = gettext(
                "%(filter)s: “%(value)s” is not a day that can be looked for. Write it like %(day)s or %(iso)s."
            )
            today = timezone.localdate()
            words = {"filter": capfirst(self.title), "value": short(value), "iso": today.isoformat()}
            return text % {**words, "day": today.strftime(get_format("DATE_INPUT_FORMATS")[0])}
        return ""


def _begin_of(text: str) -> datetime:
    """The first moment of the day that a person wrote. Raises ValidationError.

    Years outside of the range are refused: their first and last days do not exist in every time zone and database.
    """
    day: date = DateField().clean(text)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValidationError("out of range")
    return timezone.make_aware(datetime.combine(day, time.min))


class ChoicesFilter(ChoicesDropdownFilter):  # type: ignore[misc]  # unfold has no annotations
    """One of the choices, or in a link (`status__in=pending,unshipped`) one of several."""

    suffixes = ("__exact", "__in")

    def expected_parameters(self) -> list[str]:
        return [f"{self.field_path}{suffix}" for suffix in self.suffixes]

    def value_problem(self, name: str, value: str) -> str:
        values = value.split(",") if name.endswith("__in") else [value]
        unknown = set(values) - {str(choice) for choice, _label in self.field.flatchoices}
        return no_choice(str(self.title), ",".join(sorted(unknown))) if unknown else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if several := self.used_parameters.get(f"{self.field_path}__in"):
            queryset = self.with_values(queryset, several[0])
        return self.with_values(queryset, [wanted]) if wanted in dict(self.field.choices) else queryset

    def with_values(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.field_path}__in": values})


class SeveralChoicesFilter(ChoicesFilter):
    """Several of the choices: the panel has a box for each, and an address names them in one parameter."""

    takes_several = True


def choices_filter(field: str, *, several: bool = False) -> tuple[str, Any]:
    return (field, SeveralChoicesFilter if several else ChoicesFilter)


class PlatformFilter(RelatedDropdownFilter):  # type: ignore[misc]
    def has_output(self) -> bool:
        """Not where there is one platform, unless the address asks for one."""
        return bool(self.used_parameters) or bool(super().has_output())

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        """Without the credentials, which the field's own choices would decrypt for their names."""
        return platform_choices(visible_platforms(request))


def platform_filter() -> tuple[str, Any]:
    return ("platform", PlatformFilter)
