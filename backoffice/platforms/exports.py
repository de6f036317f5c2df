"""What the list of platforms is exported as. Nothing of the credentials, not even which are set."""

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import interval_name, watermark_name, windowed, with_states

PLATFORM_EXPORTS = (
    Export(
        name="platforms",
        label=_("Platforms"),
        annotate=with_states,
        columns=columns(
            "id", "name", "kind", "display_name", "is_active", "include_pii", *map(interval_name, STREAMS),
            *map(watermark_name, windowed()), "checked_at",
        ),
    ),
)  # fmt: skip
