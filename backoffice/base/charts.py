"""A chart: what is drawn, and the same as a table, for readers who prefer one or cannot see the chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

from django.utils.safestring import SafeString

from core.format import DASH, grouped
from core.markup import joined, markup

Amount = int | Decimal
ROW, CELL = '<tr><th scope="row">{}</th>{}</tr>', "<td>{}</td>"
LINK = '<a class="oms-link" href="{}">{}</a>'
PART, SUM = '<li data-count="{}"{}><span>{}</span>{}</li>', ' <span class="oms-{}">{}</span>'


# Places in the palette of static/oms/charts.js. The first OTHERS are for series whose colour has no meaning.
OTHERS = 8
AMBER, RED = OTHERS, OTHERS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """`colour` is a place in the palette: a platform has the same one in every chart."""

    label: str
    values: Sequence[Amount | None]
    colour: int = 0
    is_limit: bool = False  # a thin, broken line


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many labels of a chart that belong together, such as the days of a week; the second of `sums` is pointed
    out."""

    count: int
    label: str
    sums: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`kind` is bar, line, steps (a line of values that hold until the next) or rank (bars that lie).

    `headline` sums it up; `words` describe it for readers who see no chart; `hrefs` has a link for each label; `parts`
    are marked off, each with its sums below it.
    """

    name: str
    title: str
    kind: str
    labels: Sequence[str]
    series: Sequence[Series]
    first_column: str
    headline: str = ""
    words: str = ""
    note: str = ""
    hrefs: Sequence[str] = ()
    parts: Sequence[Part] = ()
    show: Callable[[Amount], str] = grouped

    @property
    def drawing(self) -> dict[str, Any]:
        """What charts.js draws."""
        series = [
            {
                "label": series.label,
                "values": [None if value is None else float(value) for value in series.values],
                "colour": series.colour,
                "isLimit": series.is_limit,
            }
            for series in self.series
        ]
        ends = list(accumulate(part.count for part in self.parts))
        return {"kind": self.kind, "labels": list(self.labels), "series": series, "breaks": ends[:-1]}

    @property
    def table_rows(self) -> SafeString:
        """The same as rows of a table, with a cell for each series. By a template, those of the charts of seven
        platforms are a sixth of their page."""
        hrefs = self.hrefs or [""] * len(self.labels)
        columns = zip(*(series.values for series in self.series), strict=True)
        return joined(map(self._row, self.labels, hrefs, columns))

    def _row(self, label: str, href: str, values: Sequence[Amount | None]) -> SafeString:
        cells = (markup(CELL, DASH if value is None else self.show(value)) for value in values)
        return markup(ROW, markup(LINK, href, label) if href else label, joined(cells))

    @property
    def part_items(self) -> SafeString:
        """The parts as items of a list, each with its sums."""
        return joined(map(_part_item, self.parts))


def _part_item(part: Part) -> SafeString:
    sums = (markup(SUM, "part-loud" if at else "part-sum", each) for at, each in enumerate(part.sums) if each)
    narrow = SafeString(' class="oms-part-narrow"') if part.count < 4 else ""
    return markup(PART, part.count, narrow, part.label, joined(sums))
