"""What the planning is exported as: the list itself, and the file in which settings and thresholds are changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.chunks import Cells
from backoffice.export.table import Column, columns
from backoffice.planning.settings_file import COLUMNS, threshold_texts
from core.money import in_decimals_of
from inventory.models import SkuSettings
from inventory.sku_settings import stored_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsExport(Export):
    """The columns of the file, which stand in other tables than the list: read for each piece of it."""

    def cells_of(self, fields: Cells) -> Cells:
        ids, names, skus, titles = fields
        keys = list(zip(ids, skus, strict=True))
        stored, thresholds = stored_settings(set(keys)), threshold_texts(set(keys))
        rows = [stored.get(key, SkuSettings()) for key in keys]
        costs = [
            None if row.unit_cost is None else in_decimals_of(row.unit_cost, row.cost_currency)
            for row in rows
        ]
        cells: list[Sequence[Any]] = [
            names, skus, titles, [thresholds.get(key, "") for key in keys], [row.lead_days for row in rows],
            [row.target_days for row in rows], costs, [row.cost_currency for row in rows], [row.bin for row in rows],
            [row.tag for row in rows],
        ]  # fmt: skip
        return cells

    @property
    def paths(self) -> list[str]:
        return ["platform_id", "platform__name", "sku", "title"]


TITLES = {
    "threshold": _("threshold"), "lead_days": _("lead time"), "target_days": _("target cover"),
    "unit_cost": _("unit cost"), "currency": _("currency of the cost"), "bin": _("bin"), "tag": _("tag"),
}  # fmt: skip
SETTINGS = SettingsExport(
    name="sku-settings",
    is_uploaded=True,
    label=_("SKU settings"),
    columns={
        name: Column(
            path={"platform": "platform__name"}.get(name, name if name == "title" else "sku"),
            title=TITLES.get(name, ""),
        )
        for name in COLUMNS
    },
)
PLANNING_EXPORTS = (
    Export(
        name="planning",
        label=_("Planning"),
        columns=columns(platform="platform__name")
        | columns(
            "sku", "title", "listings", "available", "inbound", "sold_7", "sold_30", "sold_90", "cover_days",
            "lead_days", "target_days", "reorder", "is_late", "is_dead", "source", "tag",
        ),
    ),
    SETTINGS,
)  # fmt: skip
