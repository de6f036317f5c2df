"""What lists of stock are exported as."""

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns, insides
from backoffice.inventory.kinds import kind_title
from backoffice.orders.exports import MARKETPLACE
from inventory.records import KINDS

STOCK_EXPORTS = (
    Export(
        name="inventory",
        label=_("Inventory"),
        columns=columns(platform="platform__name")
        | {"marketplace": MARKETPLACE}
        | columns(
            "marketplace_id", "sku", "asin", "fnsku", "title", "condition", "total", "available", "reserved",
            "inbound", "unfulfillable", "researching", "threshold", "source",
            "platform_updated_at", "synced_at", "gone_at",
        )
        | insides("details", KINDS, kind_title),
        of_list={
            "sku": ("sku", "fnsku", "asin"),
            "short_title": ("title",),
            "number_available": ("available",),
            "number_reserved": ("reserved",),
            "number_inbound": ("inbound",),
            "number_total": ("total",),
            "threshold": ("threshold",),
            "marketplace": ("marketplace", "marketplace_id"),
            "platform_name": ("platform",),
            "source_of": ("source",),
        },
    ),
)  # fmt: skip
