"""What the page of one SKU shows beside its fields: a chart, figures, and the same SKU in other marketplaces."""

import json
from datetime import timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.formats import date_format, number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from inventory.admin_parts import level_badge, say_cover, say_sales
from inventory.models import InventoryItem
from inventory.snapshots import histories, today
from inventory.sparkline import in_words
from oms.admin_values import DASH, number
from platforms.models import Platform

CHART_DAYS = 90
MOST_LISTINGS = 50
INK = "#757b87"  # of the chart's axes: readable on light and on dark


def chart_of(item: InventoryItem) -> dict[str, Any]:
    """Units available at the end of each of the last days, as unfold's script draws it; nothing where none is known."""
    units = histories([item.pk], days=CHART_DAYS).get(item.pk)
    if units is None:
        return {}
    first = next(day for day, each in enumerate(units) if each is not None)
    days = [today() - timedelta(days=back) for back in reversed(range(CHART_DAYS - first))]
    line = {
        "label": _("available"), "data": units[first:], "borderColor": "var(--color-primary-600)",
        "backgroundColor": "var(--color-primary-600)", "borderWidth": 2, "pointRadius": 0 if len(days) > 1 else 3,
        "pointHitRadius": 12, "stepped": True,
    }  # fmt: skip
    datasets: list[dict[str, Any]] = [line]
    if item.threshold is not None:
        datasets.append({
            "label": _("threshold"), "data": [item.threshold] * len(days), "borderColor": "#f59e0b",
            "backgroundColor": "#f59e0b", "borderWidth": 1, "borderDash": [4, 4], "pointRadius": 0,
        })  # fmt: skip
    labels = [date_format(day, "SHORT_DATE_FORMAT") for day in days]
    return {
        "chart_data": json.dumps({"labels": labels, "datasets": datasets}),
        "chart_options": json.dumps(_options()),
        "chart_words": in_words(units),
    }


def figures_of(item: InventoryItem, cover: Any) -> dict[str, Any]:
    """Label, value, and what it means; of one row."""
    return {
        "figures": [
            (_("Available"), _number(item.available), ""),
            (_("Threshold"), _number(item.threshold), _("low from here on") if item.threshold is not None else ""),
            (_("Days of cover"), say_cover(cover), say_sales(cover)),
        ]
    }  # fmt: skip


def listings_of(item: InventoryItem) -> QuerySet[InventoryItem]:
    """The rows of this SKU in all marketplaces, this one among them; live ones beside live ones alone."""
    rows = InventoryItem.objects.filter(sku=item.sku, source=item.source)
    platforms = Prefetch("platform", Platform.objects.defer("api_config"))
    return rows.prefetch_related(platforms).order_by("platform_id", "marketplace_id", "fnsku")[:MOST_LISTINGS]


def cells_of(item: InventoryItem) -> list[SafeString]:
    """Level and units, as in the list."""
    units = (item.available, item.reserved, item.inbound, item.total, item.threshold)
    return [level_badge(item), *map(number, units)]


def _number(value: int | None) -> str:
    return DASH if value is None else str(number_format(value, force_grouping=True))


def _options() -> dict[str, Any]:
    ticks = {"color": INK, "maxRotation": 0, "autoSkipPadding": 24}
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"align": "end", "labels": {"color": INK, "boxWidth": 10, "boxHeight": 10}}},
        "scales": {
            "x": {"grid": {"display": False}, "ticks": ticks},
            "y": {"beginAtZero": True, "suggestedMax": 4, "ticks": {"color": INK, "precision": 0}},
        },
    }
