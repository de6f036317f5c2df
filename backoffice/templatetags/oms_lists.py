"""The rows of a list, in the place of unfold's `unfold_result_list`, with the same markup.

unfold makes the headings of a list again for each of its rows, renders a template for each of its boxes, and asks a
dozen questions of each row that have one answer for all of them: a third of the time of a page of 50 orders. Lists in
a window of its own, from which a row is chosen for a form, are left to it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, repeat
from typing import Any

from django import template
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_list import result_hidden_fields
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import lookup_field
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db.models import Model
from django.forms import ModelForm
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from unfold.admin import checkbox
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES
from unfold.utils import display_for_field, display_for_value
from unfold.widgets import UnfoldBooleanWidget

from backoffice.lists import parts
from backoffice.lists.columns import CHECKBOX
from core.markup import joined, markup

register = template.Library()
register.filter("as_tabs", parts.tabs_html)
register.filter("as_counts", parts.counts_html)
register.filter("as_pages", parts.pages_html)
register.filter("as_boxes", parts.columns_html)
register.filter("as_headings", parts.headings_html)
register.filter("as_fields", parts.facets_html)
LINK, CELL = " ".join(LINK_CLASSES), " ".join(ROW_CLASSES)
CHECKBOX_CELL = " ".join(CHECKBOX_CLASSES)
# As in unfold's templates/admin/change_list_results.html; every second row is tinted.
TINTS = ("", "bg-base-50 dark:bg-white/[.02]")
BODY = '<tbody class="block relative lg:table-row-group {}" x-data="{{rowOpen: false}}">'
ROW = (
    '<tr class="data-row block border border-base-200 mb-3 relative rounded-default lg:table-row lg:border-none '
    'lg:mb-0 lg:rounded-none dark:border-base-800">'
)


@register.inclusion_tag("oms/lists/rows.html", takes_context=True)
def oms_rows(context: dict[str, Any], cl: Any) -> dict[str, Any]:
    """`{% oms_rows cl %}`, of a changelist whose admin class is an OmsAdmin."""
    return {
        "cl": cl,
        "hidden": format_html_join("", "{}", ((field,) for field in result_hidden_fields(cl))),
        "rows": joined(_bodies(cl)),
        "result_headers": [{"text": _toggle(get_language())}],
        "has_add_permission": cl.model_admin.has_add_permission(context["request"]),
    }


@lru_cache(maxsize=64)
def _toggle(_language: str | None) -> SafeString:
    """The box that chooses all rows."""
    attributes = {"id": "action-toggle", "class": "action-toggle"}
    label = _("Select all objects on this page for an action")
    box: SafeString = UnfoldBooleanWidget(attributes | {"aria-label": label}).render("action-toggle", False)
    return box


@dataclass(frozen=True, slots=True)
class _Column:
    """What is the same in each row: the cell around the value, and how to get the value."""

    name: str
    opening: str
    closing: str
    is_linked: bool
    shown: Callable[[Any], str]


def _bodies(cl: Any) -> Iterator[str]:
    columns, address = list(_columns(cl)), _Addresses(cl)
    forms = cl.formset.forms if cl.formset else repeat(None)
    openings = cycle([BODY.format(tint) for tint in TINTS])
    for row, form, opening in zip(cl.result_list, forms, openings, strict=False):
        yield opening
        if form is not None and (errors := form.non_field_errors()):
            yield markup('<tr><td class="text-left" colspan="{}">{}</td></tr>', len(columns), errors)
        yield ROW
        for column in columns:
            if form is not None and column.name in form.fields:
                yield _field_cell(column, form)
                continue
            shown = column.shown(row)
            if column.is_linked:
                shown = f'<a href="{address.of(row)}" class="{LINK}">{shown}</a>'
            yield f"{column.opening}{shown}{column.closing}"
        yield "</tr></tbody>"


def _columns(cl: Any) -> Iterator[_Column]:
    links = [column for column in cl.list_display if column in (cl.list_display_links or ())][:1]
    for column, heading in zip(cl.list_display, cl.headings, strict=True):
        is_box, is_linked = heading.name == CHECKBOX, column in links
        tag = "th" if is_linked else "td"
        classes = CHECKBOX_CELL if is_box else f"field-{heading.name} {CELL}"
        label = _("Select record") if is_box else heading.label
        opening = markup('<{} class="{}" data-label="{}">', tag, classes, label)
        yield _Column(heading.name, opening, f"</{tag}>", is_linked, _box() if is_box else _value(cl, column))


def _field_cell(column: _Column, form: ModelForm[Any]) -> str:
    """A field to type in, which the form's hidden fields say the row of."""
    field = form[column.name]
    errors = render_to_string("unfold/helpers/form_errors.html", {"errors": field.errors})
    opening = column.opening.replace(f"{CELL}", f"{CELL} group errors", 1) if field.errors else column.opening
    return f"{opening}{field}{errors}{column.closing}"


def _box() -> Callable[[Any], str]:
    """unfold renders four templates for it."""
    box = '<input type="checkbox" name="{}" value="\0" class="{}" aria-label="{}">'
    label = _("Select record")
    before, after = markup(box, ACTION_CHECKBOX_NAME, checkbox.attrs["class"], label).split("\0")
    return lambda row: f"{before}{conditional_escape(str(row.pk))}{after}"


def _value(cl: Any, column: Any) -> Callable[[Any], str]:
    """What stands in this column, as HTML. Of the columns of the admin classes, which most are, it is known before the
    first row that they are no fields."""
    empty = cl.model_admin.get_empty_value_display()
    method = column if callable(column) else getattr(cl.model_admin, column, None)
    if method is None or _is_field(cl.lookup_opts, column):
        return lambda row: _looked_up(cl, row, column, empty)
    empty = getattr(method, "empty_value_display", empty)
    is_boolean = getattr(method, "boolean", False)

    def shown(row: Any) -> str:
        try:
            value = method(row)
        except ObjectDoesNotExist:
            return str(conditional_escape(empty))
        if type(value) is SafeString:
            return value
        return str(conditional_escape(display_for_value(value, empty, is_boolean)))

    return shown


def _is_field(opts: Any, column: Any) -> bool:
    try:
        opts.get_field(column)
    except FieldDoesNotExist:
        return False
    return True


def _looked_up(cl: Any, row: Model, column: Any, empty: Any) -> str:
    """As Django finds it: a field, or an attribute of the row."""
    try:
        field, attribute, value = lookup_field(column, row, cl.model_admin)
    except ObjectDoesNotExist:
        return str(conditional_escape(empty))
    empty = getattr(attribute, "empty_value_display", empty)
    if field is None or field.auto_created:
        shown = display_for_value(value, empty, getattr(attribute, "boolean", False))
    else:
        shown = display_for_field(value, field, empty)
    return str(conditional_escape(shown))


class _Addresses:
    """Of the pages of the rows, with what leads back to the list as it is now."""

    def __init__(self, cl: Any) -> None:
        self._cl = cl
        self._filters: str | None = None

    def of(self, row: Model) -> str:
        address = self._cl.url_for_result(row)
        if self._filters is None:  # the same for all rows
            kept = {"preserved_filters": self._cl.preserved_filters, "opts": self._cl.opts}
            self._filters = str(add_preserved_filters(kept, address))[len(address) :]
        return str(conditional_escape(f"{address}{self._filters}"))
