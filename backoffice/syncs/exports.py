"""What lists of syncs and failures are exported as. Payloads stay behind: they are read on the failure's page."""

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns

SYNC_EXPORTS = (
    Export(
        name="syncs",
        label=_("Syncs"),
        columns=columns("id", platform="platform__name")
        | columns(
            "kind", "trigger", "status", "source", "window_by", "window_start", "window_end", "fetched", "created",
            "updated", "unchanged", "failed", "pages", "api_calls", "throttled", "error_code", "error_message",
            "request_id", "queued_at", "started_at", "finished_at",
        ),
    ),
)  # fmt: skip
FAILURE_EXPORTS = (
    Export(
        name="failures",
        label=_("Sync failures"),
        columns=columns("id", sync="log_id", audit="audit_id", platform="platform__name")
        | columns(
            "kind", "external_id", "error_code", "error_message", "created_at", "resolved_at", "resolution"
        ),
    ),
)
