"""Parts of the stock pages: the filter by level, the threshold's form, and two values."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.base.cells import badge
from backoffice.base.model_admin import DropdownFilter
from backoffice.base.offered import no_choice
from backoffice.base.paging import BoundedPaginator
from backoffice.lists.tabs import ALL, Tab
from core.format import DASH, grouped
from core.markup import markup
from inventory.models import InventoryItem, Level

EARLIER = {"no": "gone", "yes": "listed"}
COLOURS = {Level.OUT: "danger", Level.LOW: "warning", Level.ENOUGH: "success"}


STOCK_TABS = (
    ALL,
    Tab(name="low", label=gettext_lazy("Low or out of stock"), query={"stock": "low"}, is_alarming=True),
    Tab(name="out", label=gettext_lazy("Out of stock"), query={"stock": "out"}, is_alarming=True),
    Tab(name="gone", label=gettext_lazy("Gone"), query={"stock": "gone"}),
)


class StockPaginator(BoundedPaginator):
    """Its pages are querysets, which the thresholds' formset asks for."""

    def rows_of(self, ids: Sequence[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = self._found.filter(pk__in=ids)
        return found


class StockFilter(DropdownFilter):
    """`?stock=low`; `?listed=yes` and `?listed=no` of earlier links work as well."""

    title = gettext_lazy("stock")
    parameter_name = "stock"
    earlier_names = ("listed",)

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        given = (params.pop("listed", None) or [""])[-1]
        if given:
            params.setdefault(self.parameter_name, [EARLIER.get(given, given)])
        super().__init__(request, params, model, model_admin)

    def expected_parameters(self) -> list[str | None]:
        return [*super().expected_parameters(), *self.earlier_names]

    def value_problem(self, name: str, value: str) -> str:
        known = EARLIER if name == "listed" else dict(self.lookup_choices)
        return "" if value in known else no_choice(str(self.title), value)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("low", _("low or out of stock")),
            ("out", _("out of stock")),
            ("gone", _("gone")),
            ("listed", _("listed by the platform")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        choices = {
            "low": queryset.low,
            "out": queryset.out,
            "gone": queryset.gone,
            "listed": lambda: queryset.filter(level__lt=Level.GONE),
        }
        return choices.get(str(self.value()), queryset.all)()  # type: ignore[no-any-return]


class QuickInput(forms.NumberInput):
    """Drawn without a template: a list has one in each row, and templates would take half of its time."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given = {"type": self.input_type, "name": name} | self.attrs | (attrs or {})
        if value not in (None, ""):
            given["value"] = str(value)
        return markup("<input{}>", flatatt(given))


class QuickHiddenInput(QuickInput):
    input_type = "hidden"


class ThresholdFormSet(forms.BaseModelFormSet[InventoryItem, Any]):
    """The thresholds of a list's page."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["id"].widget = QuickHiddenInput()


class ThresholdForm(forms.ModelForm[InventoryItem]):
    """The field has the row's SKU for a name, for those who do not see the row."""

    class Meta:
        model = InventoryItem
        fields = ("threshold",)
        widgets = {"threshold": QuickInput(attrs={"class": "oms-threshold", "min": 0})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            label = _("Threshold of %(sku)s") % {"sku": self.instance.sku}
            self.fields["threshold"].widget.attrs["aria-label"] = label


def level_badge(item: InventoryItem) -> SafeString:
    level = Level(item.level)
    text = str(level.label)
    if item.gone_at is not None:
        text = _("gone %(day)s") % {"day": f"{item.gone_at:%Y-%m-%d}"}
    return badge(text, COLOURS.get(level, ""), title=_explained(item, level))


def _explained(item: InventoryItem, level: Level) -> str:
    texts = {
        Level.LOW: _("No more than the threshold of %(threshold)s is available."),
        Level.UNKNOWN: _("The platform did not report how much is available."),
        Level.GONE: _("A complete sweep no longer listed this SKU."),
    }
    return texts.get(level, "") % {"threshold": item.threshold}


def days_of_cover(cover: Any) -> SafeString:
    """`12` under a heading that says days, with its calculation in a tooltip; rounded down as in `format_cover`."""
    days = DASH if cover.days is None else grouped(int(cover.days))
    return markup('<span class="oms-number" title="{}">{}</span>', format_sales(cover), days)


def format_cover(cover: Any) -> str:
    """Rounded down, so that it never promises more time than there is."""
    if cover.days is None:
        return DASH
    days = int(cover.days)
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": grouped(days)}


def format_sales(cover: Any) -> str:
    if not cover.sold:
        return _("Nothing was sold in the last %(days)d days.") % {"days": cover.of_days}
    text = ngettext(
        "%(sold)s unit sold in the last %(days)d days: %(pace)s a day.",
        "%(sold)s units sold in the last %(days)d days: %(pace)s a day.",
        cover.sold,
    )
    sold = grouped(cover.sold)
    return text % {"sold": sold, "days": cover.of_days, "pace": number_format(cover.pace, 1)}
