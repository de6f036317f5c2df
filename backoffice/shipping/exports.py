"""What the list of shipments is exported as: a row for each package."""

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns

SHIPMENTS = Export(
    name="shipments",
    label=_("Shipments"),
    columns=columns(platform="platform__name", order_id="order__external_id")
    | columns(
        "package_number", "state", "is_rehearsal", "carrier", "carrier_name", "service", "tracking_number",
        "shipped_at", "source", "error_code", "error_message", "request_id", "made_by", "made_at", "queued_at",
        "sent_at", "confirmed_at", "rejected_at", "unverified_at",
    ),
)  # fmt: skip
SHIPMENT_EXPORTS = (SHIPMENTS,)
