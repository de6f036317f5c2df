"""What the page of one SKU shows beside its fields: a chart, figures, and the same SKU in other marketplaces."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from access.confinement import Visible, within
from backoffice.base.cells import number
from backoffice.base.charts import AMBER, Chart, Series
from backoffice.inventory.sparkline import in_words
from backoffice.inventory.stock_levels import format_cover, format_sales, level_badge
from core.format import DASH, grouped
from inventory.models import InventoryItem
from inventory.snapshots import histories, today
from platforms.models import PLATFORM

CHART_DAYS = 90
MOST_LISTINGS = 50


def chart_of(item: InventoryItem) -> dict[str, Any]:
    """Units available at the end of each of the last days, as a chart; nothing where none is known."""
    units = histories([item.pk], days=CHART_DAYS).get(item.pk)
    if units is None:
        return {}
    first = next(day for day, value in enumerate(units) if value is not None)
    days = [today() - timedelta(days=back) for back in reversed(range(CHART_DAYS - first))]
    series = [Series(label=_("available"), values=units[first:])]
    if item.threshold is not None:
        limit = [item.threshold] * len(days)
        series.append(Series(label=_("threshold"), values=limit, colour=AMBER, is_limit=True))
    chart = Chart(
        name="stock",
        title=_("Units in stock"),
        kind="steps",
        labels=[date_format(day, "SHORT_DATE_FORMAT") for day in days],
        series=series,
        first_column=_("Day"),
        words=_("Units available at the end of each day (UTC). %(words)s.") % {"words": in_words(units)},
    )
    return {"chart": chart}


def figures_of(item: InventoryItem, cover: Any) -> dict[str, Any]:
    """Label, value, and what it means; of one row."""
    return {
        "figures": [
            (_("Available"), _number(item.available), ""),
            (_("Threshold"), _number(item.threshold), _("low from here on") if item.threshold is not None else ""),
            (_("Days of cover"), format_cover(cover), format_sales(cover)),
        ]
    }  # fmt: skip


def listings_of(item: InventoryItem, visible: Visible) -> QuerySet[InventoryItem]:
    """The rows of this SKU in all marketplaces of these platforms, this one among them; live ones beside live ones
    alone."""
    rows = within(InventoryItem.objects.filter(sku=item.sku, source=item.source), visible)
    return rows.prefetch_related(PLATFORM).order_by("platform_id", "marketplace_id", "fnsku")[:MOST_LISTINGS]


def cells_of(item: InventoryItem) -> list[SafeString]:
    """Level and units, as in the list."""
    units = (item.available, item.reserved, item.inbound, item.total, item.threshold)
    return [level_badge(item), *map(number, units)]


def _number(value: int | None) -> str:
    return DASH if value is None else grouped(value)
