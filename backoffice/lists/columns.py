"""Which columns a list shows, as each reader has chosen, and by which of them it is sorted.

An address names a column that it is sorted by: `o=-purchased`. Numbers, as earlier links have them, count the columns
of the admin class, whatever a reader shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ORDER_VAR
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from access.confinement import visible_platforms, within
from backoffice.lists.addresses import query_without
from backoffice.lists.returning import list_address
from backoffice.models import ListColumns
from platforms.models import Platform

CHECKBOX, PLATFORM_COLUMN = "action_checkbox", "platform_name"


@dataclass(frozen=True, slots=True)
class Heading:
    name: str
    label: Any
    address: str = ""  # sorts by it; "" where the list cannot
    order: str = ""  # "ascending" or "descending", where the list is sorted by it now


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    name: str
    label: str
    is_shown: bool
    is_fixed: bool


def shown_columns(model_admin: Any, request: HttpRequest) -> list[str]:
    """The columns of this reader, in the list's own order; read once for a request."""
    held: list[str] | None = getattr(request, "oms_columns", None)
    if held is None:
        chosen = ListColumns.objects.filter(user=request.user.pk, list_name=model_admin.opts.label_lower)
        names = chosen.values_list("columns", flat=True).first()
        fixed = fixed_columns(model_admin)
        wanted = _at_first(model_admin, request) if names is None else [*fixed, *names]
        held = [name for name in model_admin.columns if name in wanted]
        request.oms_columns = held  # type: ignore[attr-defined]
    return held


def _at_first(model_admin: Any, request: HttpRequest) -> list[str]:
    """What the list shows to those who chose nothing: the platform only where they see several."""
    shown = list(model_admin.default_columns or model_admin.columns)
    if PLATFORM_COLUMN in model_admin.columns and PLATFORM_COLUMN not in shown:
        platforms = within(Platform.objects.order_by(), visible_platforms(request), "pk")
        if len(platforms.values_list("pk", flat=True)[:2]) > 1:
            shown.append(PLATFORM_COLUMN)
    return shown


def fixed_columns(model_admin: Any) -> list[str]:
    """The one that leads to the row, and those in which something is typed."""
    return [model_admin.columns[0], *model_admin.list_editable]


def column_choices(model_admin: Any, request: HttpRequest) -> list[ColumnChoice]:
    if not model_admin.columns:
        return []
    shown, fixed = shown_columns(model_admin, request), fixed_columns(model_admin)
    return [
        ColumnChoice(name, str(capfirst(_label(model_admin, name))), name in shown, name in fixed)
        for name in model_admin.columns
    ]


def columns_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Keeps the columns that somebody chose, or forgets them with `reset`."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if not model_admin.columns:
        raise Http404
    if request.method == "POST":
        of_reader = {"user_id": request.user.pk, "list_name": model_admin.opts.label_lower}
        if "reset" in request.POST:
            ListColumns.objects.filter(**of_reader).delete()
        else:
            chosen = [name for name in model_admin.columns if name in request.POST.getlist("column")]
            ListColumns.objects.update_or_create(**of_reader, defaults={"columns": chosen})
    return HttpResponseRedirect(list_address(model_admin, request))


def headings(changelist: Any, request: HttpRequest) -> Iterator[Heading]:
    """Of the columns that are shown. The mark is on the one that the rows are sorted by first."""
    sorted_by, is_descending = changelist.first_sorted_by(request)
    for column in changelist.list_display:
        name, label = _name(column), _label(changelist.model_admin, column)
        if name == CHECKBOX:
            yield Heading(name, label)
            continue
        is_first = bool(sorted_by) and _order_field(changelist, column) == sorted_by
        order = ("descending" if is_descending else "ascending") if is_first else ""
        address = ""
        if changelist.can_sort_by(column):
            sign = "-" if order == "ascending" else ""
            query = query_without(request, [ORDER_VAR])
            address = f"{query}{'&' if len(query) > 1 else ''}{ORDER_VAR}={sign}{name}"
        yield Heading(name, label, address, order)


def _name(column: Any) -> str:
    """Of a column that is a function, the function's."""
    return str(getattr(column, "__name__", column))


def _order_field(changelist: Any, column: Any) -> str:
    return str(changelist.get_ordering_field(column) or "")


def _label(model_admin: Any, column: Any) -> Any:
    return label_for_field(column, model_admin.model, model_admin=model_admin)


class NamedSorting:
    """Mixin of change lists, in front of Django's: sorts by names of columns, and by the numbers of earlier links."""

    def names_by_number(self) -> Sequence[Any]:
        """The columns as they were numbered before a reader could choose them."""
        changelist: Any = self
        model_admin = changelist.model_admin
        if not getattr(model_admin, "columns", ()):
            return list(changelist.list_display)
        boxes = [CHECKBOX] if CHECKBOX in changelist.list_display and model_admin.numbers_boxes else []
        return [*boxes, *type(model_admin).list_display]

    def can_sort_by(self, column: Any) -> bool:
        changelist: Any = self
        known = [*changelist.list_display, *getattr(changelist.model_admin, "columns", ())]
        sortable = changelist.sortable_by
        if column not in known or column == CHECKBOX or (sortable is not None and column not in sortable):
            return False
        return bool(_order_field(changelist, column))

    def name_of(self, text: str) -> Any:
        """The column that a part of `o=…` names, or its number; "" for none."""
        if not text.isdecimal():
            return next((column for column in self.names_by_number() if _name(column) == text), text)
        names = self.names_by_number()
        return names[int(text)] if len(text) < 4 and int(text) < len(names) else ""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        """Django's, which finds the columns by their numbers among those that are shown."""
        changelist: Any = self
        given, shown = changelist.params.get(ORDER_VAR), changelist.list_display
        if given:
            parts = [part for part in given.split(".") if part]
            changelist.list_display = [self.name_of(part.removeprefix("-")) for part in parts]
            numbers = [f"{'-' if part.startswith('-') else ''}{at}" for at, part in enumerate(parts)]
            changelist.params[ORDER_VAR] = ".".join(numbers)
        try:
            return super().get_ordering(request, queryset)  # type: ignore[misc]  # of Django's change list
        finally:
            changelist.list_display = shown
            if given:
                changelist.params[ORDER_VAR] = given

    def get_ordering_field_columns(self) -> dict[int, str]:
        """Nothing, for unfold's headings, which are not shown: see `headings`."""
        return {}

    def first_sorted_by(self, request: HttpRequest) -> tuple[str, bool]:
        """The field that rows are sorted by first, and whether the highest come first."""
        changelist: Any = self
        if changelist.problems:  # it lists nothing
            return "", False
        first = next(iter(self.get_ordering(request, changelist.root_queryset)), "")
        if isinstance(first, str):
            return first.removeprefix("-"), first.startswith("-")
        return str(getattr(first.expression, "name", "")), bool(first.descending)
