"""What a list's page has of each tab, filter and column, as HTML.

A template asks its whole context for each name in each of the hundred of them, which takes as long as the rows.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.views.main import PAGE_VAR
from django.template.defaultfilters import capfirst
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.lists.columns import CHECKBOX, ColumnChoice, Heading
from backoffice.lists.facets import Facet
from backoffice.lists.tabs import ShownTab
from core.markup import escaped, joined, markup

PAGE = '<a href="{}"{} x-data x-on:click.prevent="window.location.href = $el.href + window.location.hash">{}</a> '
OPEN_PAGE = '<span class="font-medium text-primary-600">{}</span>'
CURRENT = SafeString(' aria-current="page"')
TAB = '<li><a href="{}"{}>{}{}</a></li>'
COUNT = '<span id="oms-tab-count-{}" class="oms-tab-count{}"{}>{}</span>'
TICK = '<label class="oms-tick"><input type="checkbox" name="{}" value="{}"{}{}> {}</label>'
BOX_HEADING = (
    '<th class="align-middle font-semibold py-2 text-left action-checkbox-column lg:px-3 lg:w-10" scope="col">'
    '<label class="flex flex-row items-center gap-2">{}<span class="block font-normal lg:hidden">{}</span></label></th>'
)
HEADING = (
    '<th class="align-middle font-semibold py-2 text-left text-font-important-light dark:text-font-important-dark '
    'whitespace-nowrap column-{} hidden px-3 lg:table-cell{}" scope="col"{}>'
    '<div class="oms-heading-cell">{}{}</div></th>'
)
PLAIN = '<span class="text">{}</span>'
SORTED = '<span class="material-symbols-outlined oms-sorted" aria-hidden="true">{}</span>'
ARROWS = {"ascending": "arrow_upward", "descending": "arrow_downward"}
BOXES = '<fieldset class="oms-facet oms-facet-boxes"><legend>{}</legend>{}</fieldset>'
SELECT = '<div class="oms-facet"><label for="facet-{}">{}</label><select id="facet-{}" name="{}">{}</select>{}</div>'
BETWEEN = (
    '<div class="oms-between">'
    '<label><span>{}</span><input type="date" name="{}" value="{}"><span class="oms-unseen">{}</span></label>'
    '<label><span>{}</span><input type="date" name="{}" value="{}"><span class="oms-unseen">{}</span></label></div>'
)


def tabs_html(tabs: Iterable[ShownTab], has_current_view: bool) -> SafeString:
    """Each with its count. None is marked as open where a saved view is."""
    return joined(
        markup(
            TAB,
            shown.address,
            CURRENT if shown.is_current and not has_current_view else "",
            shown.tab.label,
            count_html(shown, is_late=False) if shown.tab.is_counted else "",
        )
        for shown in tabs
    )


def count_html(shown: ShownTab, *, is_late: bool) -> SafeString:
    """`is_late`: it takes the place of the one that the page has."""
    is_alarm = shown.tab.is_alarming and shown.count and shown.count != "0"
    late = SafeString(' hx-swap-oob="true"') if is_late else ""
    count = "" if shown.count is None else shown.count
    return markup(COUNT, shown.tab.name, " oms-tab-alarm" if is_alarm else "", late, count)


def counts_html(tabs: Iterable[ShownTab]) -> SafeString:
    """What takes the place of the counts that a page has."""
    return joined(count_html(shown, is_late=True) for shown in tabs)


def pages_html(changelist: Any, numbers: Iterable[int | str]) -> SafeString:
    """Links to the pages, as unfold makes them: the one that is open is none."""
    numbers = list(numbers)
    last = len(numbers) - 1
    return joined(
        markup('<div class="{}">{}</div>', "pr-2" if at == last else "pr-4", _page(changelist, number))
        for at, number in enumerate(numbers)
    )


def _page(changelist: Any, number: int | str) -> SafeString:
    if number == changelist.page_num:
        return markup(OPEN_PAGE, number)
    is_last = number == changelist.paginator.num_pages
    address = changelist.get_query_string({PAGE_VAR: number})
    return markup(PAGE, address, SafeString(' class="end"') if is_last else "", number)


def columns_html(choices: Iterable[ColumnChoice]) -> SafeString:
    """Boxes to choose the columns by."""
    return joined(
        _tick("column", choice.name, choice.label, is_on=choice.is_shown, is_fixed=choice.is_fixed)
        for choice in choices
    )


def headings_html(headings: Iterable[Heading], toggle: SafeString) -> SafeString:
    """The cells above the rows; `toggle` is the box that chooses all of them."""
    return joined(
        markup(BOX_HEADING, toggle, _("Select all rows")) if each.name == CHECKBOX else _heading(each)
        for each in headings
    )


def _heading(heading: Heading) -> SafeString:
    label = capfirst(heading.label)
    link = '<a class="text" href="{}">{}</a>'
    shown = markup(link, heading.address, label) if heading.address else markup(PLAIN, label)
    order = heading.order
    return markup(
        HEADING,
        heading.name,
        f" sorted {order}" if order else "",
        markup(' aria-sort="{}"', order) if order else "",
        shown,
        markup(SORTED, ARROWS[order]) if order else "",
    )


def facets_html(facets: Iterable[Facet]) -> SafeString:
    """The fields of the panel of filters."""
    return joined(_boxes(facet) if facet.is_several else _select(facet) for facet in facets)


def _boxes(facet: Facet) -> SafeString:
    ticks = (
        _tick(facet.name, option.value, capfirst(option.label), is_on=option.is_chosen)
        for option in facet.options
    )
    return markup(BOXES, facet.title, joined(ticks))


def _select(facet: Facet) -> SafeString:
    title, name = facet.title, facet.name
    days = ""
    if facet.from_name:
        first = (_("from"), facet.from_name, facet.from_value, title)
        days = markup(BETWEEN, *first, _("to"), facet.to_name, facet.to_value, title)
    return markup(SELECT, name, title, name, name, _options(facet), days)


def _options(facet: Facet) -> SafeString:
    return joined(
        f'<option value="{escaped(each.value)}"{" selected" if each.is_chosen else ""}>{escaped(each.label)}</option>'
        for each in facet.options
    )


def _tick(name: str, value: str, label: str, *, is_on: bool, is_fixed: bool = False) -> SafeString:
    return markup(TICK, name, value, " checked" if is_on else "", " disabled" if is_fixed else "", label)
