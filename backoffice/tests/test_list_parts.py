"""backoffice/lists/parts.py: what is the same on the page of each list, made without a template."""

from django.core.paginator import Paginator
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy, override

from backoffice.lists.columns import ColumnChoice, Heading
from backoffice.lists.facets import Facet, Option
from backoffice.lists.parts import (
    columns_html,
    counts_html,
    facets_html,
    headings_html,
    pages_html,
    tabs_html,
)
from backoffice.lists.tabs import ShownTab, Tab

EVIL = "\"><script>alert('1')</script>&"
ESCAPED = "&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;"


def shown(count: str | None = None, *, is_current: bool = False, is_alarming: bool = False) -> ShownTab:
    tab = Tab(name="late", label=EVIL, query={}, is_alarming=is_alarming)
    return ShownTab(tab, "?a=1&b=2", is_current, count)


def test_a_tab_has_its_count_and_leads_to_its_rows() -> None:
    html = tabs_html([shown("12", is_current=True, is_alarming=True)], has_current_view=False)

    assert html == (
        f'<li><a href="?a=1&amp;b=2" aria-current="page">{ESCAPED}'
        '<span id="oms-tab-count-late" class="oms-tab-count oms-tab-alarm">12</span></a></li>'
    )
    assert isinstance(html, SafeString)


def test_no_tab_is_open_where_a_saved_view_is() -> None:
    assert "aria-current" not in tabs_html([shown(is_current=True)], has_current_view=True)


def test_a_count_of_nothing_is_no_alarm_and_an_unknown_one_is_left_out() -> None:
    nothing, unknown = (
        counts_html([shown("0", is_alarming=True)]),
        counts_html([shown(None, is_alarming=True)]),
    )

    assert nothing == '<span id="oms-tab-count-late" class="oms-tab-count" hx-swap-oob="true">0</span>'
    assert unknown == '<span id="oms-tab-count-late" class="oms-tab-count" hx-swap-oob="true"></span>'


def test_a_tab_that_is_not_counted_has_no_place_for_a_number() -> None:
    tab = Tab(name="all", label="All", query={}, is_counted=False)

    html = tabs_html([ShownTab(tab, "?", False, None)], has_current_view=False)

    assert html == '<li><a href="?">All</a></li>'


class Pages:
    """A list of 12 pages, the second of which is open."""

    page_num = 2
    paginator = Paginator(range(120), 10)

    @staticmethod
    def get_query_string(parameters: dict[str, int]) -> str:
        return f"?q=a&p={parameters['p']}"


def test_pages_are_links_but_for_the_open_one() -> None:
    html = pages_html(Pages(), [1, 2, "…", 12])

    assert html.startswith('<div class="pr-4"><a href="?q=a&amp;p=1" x-data ')
    assert '<div class="pr-4"><span class="font-medium text-primary-600">2</span></div>' in html
    assert '<div class="pr-2"><a href="?q=a&amp;p=12" class="end" x-data ' in html


def test_columns_are_boxes_and_the_first_one_stays() -> None:
    html = columns_html([ColumnChoice("id", "Id", True, True), ColumnChoice("state", EVIL, False, False)])

    assert html == (
        '<label class="oms-tick"><input type="checkbox" name="column" value="id" checked disabled> Id</label>'
        f'<label class="oms-tick"><input type="checkbox" name="column" value="state"> {ESCAPED}</label>'
    )


def test_a_heading_sorts_where_the_list_can_and_says_how_it_is_sorted() -> None:
    plain, descending = (
        headings_html([Heading("state", gettext_lazy("status"))], SafeString("")),
        headings_html([Heading("made", EVIL, "?o=-made&p=2", "descending")], SafeString("")),
    )

    assert '<span class="text">Status</span>' in plain
    assert "aria-sort" not in plain
    assert f'<a class="text" href="?o=-made&amp;p=2">{ESCAPED}</a>' in descending
    assert 'lg:table-cell sorted descending" scope="col" aria-sort="descending">' in descending
    assert ">arrow_downward<" in descending


def test_the_box_that_chooses_all_rows_stands_in_its_heading() -> None:
    html = headings_html([Heading("action_checkbox", "")], SafeString("<input>"))

    assert '<input><span class="block font-normal lg:hidden">Select all rows</span></label></th>' in html


def test_a_filter_is_a_choice() -> None:
    options = [Option("", "all", False), Option(EVIL, EVIL, True)]

    html = facets_html([Facet(title=EVIL, name="kind", options=options)])

    assert html == (
        f'<div class="oms-facet"><label for="facet-kind">{ESCAPED}</label><select id="facet-kind" name="kind">'
        f'<option value="">all</option><option value="{ESCAPED}" selected>{ESCAPED}</option></select></div>'
    )


def test_a_filter_of_several_values_has_boxes() -> None:
    options = [Option("a", "first", True), Option("b", "second", False)]

    html = facets_html([Facet(title="Kinds", name="kind__in", options=options, is_several=True)])

    assert html == (
        '<fieldset class="oms-facet oms-facet-boxes"><legend>Kinds</legend>'
        '<label class="oms-tick"><input type="checkbox" name="kind__in" value="a" checked> First</label>'
        '<label class="oms-tick"><input type="checkbox" name="kind__in" value="b"> Second</label></fieldset>'
    )


def test_a_filter_of_days_has_fields_for_the_first_and_the_last_one() -> None:
    facet = Facet(
        title="Made", name="made_days", options=[], from_name="made_from", to_name="made_to", to_value="2026-01-02"
    )  # fmt: skip

    with override("de"):
        html = facets_html([facet])

    assert (
        '<span>von</span><input type="date" name="made_from" value=""><span class="oms-unseen">Made<' in html
    )
    assert '<span>bis</span><input type="date" name="made_to" value="2026-01-02">' in html
