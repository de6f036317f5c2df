"""Charts that unfold's script draws on the admin's pages; templates/oms/chart.html shows them."""

import json
from collections.abc import Sequence
from typing import Any

INK = "#757b87"  # of the axes: readable on light and on dark
ACCENT, AMBER, RED = "var(--color-primary-600)", "#f59e0b", "#dc2626"


def chart(
    kind: str,
    labels: Sequence[Any],
    datasets: Sequence[dict[str, Any]],
    *,
    words: str,
    is_stacked: bool = False,
) -> dict[str, str]:
    """What the template wants. `kind` and `datasets` are Chart.js's; `words` say the same to those who see no chart."""
    return {
        "kind": kind,
        "data": json.dumps({"labels": labels, "datasets": datasets}),
        "options": json.dumps(_options(is_stacked=is_stacked)),
        "words": words,
    }


def _options(*, is_stacked: bool) -> dict[str, Any]:
    ticks = {"color": INK, "maxRotation": 0, "autoSkipPadding": 24}
    counts = {"color": INK, "precision": 0}
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"align": "end", "labels": {"color": INK, "boxWidth": 10, "boxHeight": 10}}},
        "scales": {
            "x": {"stacked": is_stacked, "grid": {"display": False}, "ticks": ticks},
            # The grid is named because unfold's script colours it when somebody changes the theme.
            "y": {"stacked": is_stacked, "grid": {}, "beginAtZero": True, "suggestedMax": 4, "ticks": counts},
        },
    }
