"""What the list of platforms is exported as. Nothing of the credentials, not even which are set."""

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns

PLATFORM_EXPORTS = (
    Export(
        name="platforms",
        label=_("Platforms"),
        columns=columns(
            "id", "name", "kind", "display_name", "is_active", "include_pii", "orders_interval",
            "inventory_interval", "orders_watermark", "checked_at",
        ),
    ),
)  # fmt: skip
