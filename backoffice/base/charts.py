"""A chart: what is drawn, and the same as a table, for readers who prefer one or cannot see the chart."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

from core.format import DASH, grouped

Amount = int | Decimal


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
    def rows(self) -> Iterable[tuple[str, str, list[str]]]:
        """The same as a table: label, link or "", and a cell for each series."""
        hrefs = self.hrefs or [""] * len(self.labels)
        for label, href, values in zip(
            self.labels, hrefs, zip(*(series.values for series in self.series), strict=True), strict=True
        ):
            yield label, href, [DASH if value is None else self.show(value) for value in values]
