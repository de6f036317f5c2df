"""What the audit is exported as."""

from django.utils.translation import gettext_lazy as _

from backoffice.export import Export
from backoffice.export.table import columns

AUDIT_EXPORTS = (
    Export(
        name="audit",
        label=_("Audit"),
        columns=columns(
            "sequence", "at", "actor", "door", "address", "action", "object_kind", "object_id", "object_name", "reason",
            "request_id", "digest", changes="changes_json",
        ),
    ),
)  # fmt: skip
