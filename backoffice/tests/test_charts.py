"""backoffice/base/charts.py: a chart as a table, and the parts below it."""

from decimal import Decimal

from backoffice.base.charts import Chart, Part, Series

EVIL = "<script>alert('1')</script>"
ESCAPED = "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;"


def chart(**changed: object) -> Chart:
    series = [Series(label="a", values=[1234, None]), Series(label="b", values=[Decimal("1.5"), 0])]
    given = {"labels": ["1 May", EVIL], "series": series, **changed}
    return Chart(name="c", title="C", kind="bar", first_column="Day", **given)  # type: ignore[arg-type]


def test_its_table_has_a_row_for_each_label_and_a_cell_for_each_series() -> None:
    assert chart().table_rows == (
        '<tr><th scope="row">1 May</th><td>1,234</td><td>1.5</td></tr>'
        f'<tr><th scope="row">{ESCAPED}</th><td>–</td><td>0</td></tr>'
    )


def test_a_label_leads_to_its_rows_where_it_has_a_link() -> None:
    rows = chart(hrefs=["/admin/?a=1&b=2", ""], show=lambda value: f"<{value}>").table_rows

    assert rows.startswith(
        '<tr><th scope="row"><a class="oms-link" href="/admin/?a=1&amp;b=2">1 May</a></th><td>&lt;1234&gt;</td>'
    )
    assert f'<th scope="row">{ESCAPED}</th>' in rows


def test_its_parts_have_their_sums_the_second_pointed_out() -> None:
    parts = [
        Part(count=7, label=EVIL, sums=["9 syncs", "1 failed"]),
        Part(count=2, label="rest", sums=["", ""]),
    ]

    assert chart(parts=parts).part_items == (
        f'<li data-count="7"><span>{ESCAPED}</span> <span class="oms-part-sum">9 syncs</span>'
        ' <span class="oms-part-loud">1 failed</span></li>'
        '<li data-count="2" class="oms-part-narrow"><span>rest</span></li>'
    )
