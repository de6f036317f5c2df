"""The rows of a list, in the place of unfold's `unfold_result_list`, with the same markup.

unfold makes the headings of a list again for each of its rows, and renders a template for each of its boxes: a sixth of
the time of a page of 50 orders. Lists that are edited in place are left to it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django import template
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.templatetags.base import InclusionAdminNode
from django.contrib.admin.utils import lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.template.base import Parser, Token
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.admin import checkbox
from unfold.templatetags.unfold_list import CHECKBOX_CLASSES, LINK_CLASSES, ROW_CLASSES, result_list
from unfold.utils import display_for_field, display_for_value
from unfold.widgets import UnfoldBooleanWidget

from backoffice.lists.columns import CHECKBOX

register = template.Library()
LINK, CELL = " ".join(LINK_CLASSES), " ".join(ROW_CLASSES)
CHECKBOX_CELL = " ".join(CHECKBOX_CLASSES)


@register.tag
def oms_result_list(parser: Parser, token: Token) -> InclusionAdminNode:
    """`{% oms_result_list cl %}`, of a changelist whose admin class is an OmsAdmin."""
    node: Any = InclusionAdminNode  # the stubs describe that of another version
    made: InclusionAdminNode = node(parser, token, func=rows_of, template_name="change_list_results.html")
    return made


def rows_of(context: dict[str, Any], cl: Any) -> dict[str, Any]:
    """What unfold's template needs; each of the `results` is the cells of a row."""
    if cl.formset or cl.is_popup:
        shown: dict[str, Any] = result_list(context, cl)
        return shown
    attributes = {"id": "action-toggle", "class": "action-toggle"}
    toggle = UnfoldBooleanWidget(
        attributes | {"aria-label": _("Select all objects on this page for an action")}
    )
    return {
        "cl": cl,
        "results": [_Row(row, cells) for row, cells in zip(cl.result_list, _rows(cl), strict=True)],
        "result_headers": [{"text": toggle.render("action-toggle", False)}],
        "actions_row": context.get("actions_row"),
        "has_add_permission": cl.model_admin.has_add_permission(context["request"]),
    }


class _Row(list[SafeString]):
    form = None

    def __init__(self, instance: Any, cells: Iterable[SafeString]) -> None:
        super().__init__(cells)
        self.instance = instance


@dataclass(frozen=True, slots=True)
class _Column:
    """What is the same in each row: the cell around the value."""

    column: Any
    opening: SafeString
    closing: SafeString
    is_box: bool
    is_linked: bool


def _columns(cl: Any) -> Iterator[_Column]:
    links = [column for column in cl.list_display if column in (cl.list_display_links or ())][:1]
    for column, heading in zip(cl.list_display, cl.headings, strict=True):
        is_box, is_linked = heading.name == CHECKBOX, column in links
        tag = SafeString("th" if is_linked else "td")
        classes = CHECKBOX_CELL if is_box else f"field-{heading.name} {CELL}"
        label = _("Select record") if is_box else heading.label
        opening = format_html('<{} class="{}" data-label="{}">', tag, classes, label)
        yield _Column(column, opening, format_html("</{}>", tag), is_box, is_linked)


def _rows(cl: Any) -> Iterator[list[SafeString]]:
    columns, filters = list(_columns(cl)), ""
    box = '<input type="checkbox" name="{}" value="{}" class="{}" aria-label="{}">'
    for row in cl.result_list:
        cells = []
        for column in columns:
            if column.is_box:
                shown: Any = format_html(
                    box, ACTION_CHECKBOX_NAME, row.pk, checkbox.attrs["class"], _("Select record")
                )
            else:
                shown = _value(cl, row, column.column)
            if column.is_linked:
                address = cl.url_for_result(row)
                filters = filters or _filters_of(cl, address)  # the same for all rows
                shown = format_html('<a href="{}{}" class="{}">{}</a>', address, filters, LINK, shown)
            cells.append(column.opening + conditional_escape(shown) + column.closing)
        yield cells


def _filters_of(cl: Any, address: str) -> str:
    """What a link to a row takes along, so that its page leads back to the list as it is now."""
    kept = {"preserved_filters": cl.preserved_filters, "opts": cl.opts}
    return str(add_preserved_filters(kept, address))[len(address) :]


def _value(cl: Any, row: Any, column: Any) -> Any:
    empty = cl.model_admin.get_empty_value_display()
    try:
        field, attribute, value = lookup_field(column, row, cl.model_admin)
    except ObjectDoesNotExist:
        return empty
    empty = getattr(attribute, "empty_value_display", empty)
    if field is None or field.auto_created:
        return display_for_value(value, empty, getattr(attribute, "boolean", False))
    return display_for_field(value, field, empty)
