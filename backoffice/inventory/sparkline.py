"""A small line chart: units over the last days, drawn on the server, and the same in words."""

from collections.abc import Sequence

from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from core.format import DASH, grouped
from core.markup import markup

WIDTH, HEIGHT, MARGIN = 96, 24, 2


def sparkline(units: Sequence[int | None]) -> SafeString:
    """One point a day, today last; a gap where a day is unknown. The scale begins at 0."""
    words = in_words(units)
    if not words:
        return SafeString(DASH)
    return markup(
        '<svg class="oms-spark" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<title>{}</title><path d="{}"/></svg>',
        words, WIDTH, HEIGHT, WIDTH, HEIGHT, words, _path(units),
    )  # fmt: skip


def in_words(units: Sequence[int | None]) -> str:
    """`30 days: 12 → 3, lowest 0`, of the days since the first known one; "" where none is known."""
    known = [value for value in units if value is not None]
    if not known:
        return ""
    first = next(day for day, value in enumerate(units) if value is not None)
    days = len(units) - first
    text = ngettext(
        "%(days)d day: %(first)s → %(last)s, lowest %(lowest)s",
        "%(days)d days: %(first)s → %(last)s, lowest %(lowest)s",
        days,
    )
    first_last_lowest = zip(("first", "last", "lowest"), (known[0], known[-1], min(known)), strict=True)
    shown = {name: grouped(value) for name, value in first_last_lowest}
    return text % {"days": days, **shown}


def _path(units: Sequence[int | None]) -> str:
    highest = max([1, *(value for value in units if value is not None)])
    step = (WIDTH - 2 * MARGIN) / max(len(units) - 1, 1)
    parts, is_drawing = [], False
    for day, value in enumerate(units):
        if value is not None:
            x = MARGIN + day * step
            y = HEIGHT - MARGIN - max(value, 0) / highest * (HEIGHT - 2 * MARGIN)
            # A day between two gaps is a dot: a line of no length with round ends.
            parts.append(f"{'L' if is_drawing else f'M{x:.1f} {y:.1f}L'}{x:.1f} {y:.1f}")
        is_drawing = value is not None
    return "".join(parts)
