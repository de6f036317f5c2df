"""What the integrations remember: runs and their failures (sync), how far a stream is (stream), calls (api), who
schedules (scheduler), what audits of orders found (completeness)."""

from integrations.models.api import ApiQuota, ApiUsage
from integrations.models.completeness import AuditedDay, AuditFinding, OrderAudit
from integrations.models.scheduler import SchedulerLease
from integrations.models.stream import StreamState
from integrations.models.sync import SyncFailure, SyncLog, SyncTotal, stream_choices

__all__ = [
    "ApiQuota",
    "ApiUsage",
    "AuditFinding",
    "AuditedDay",
    "OrderAudit",
    "SchedulerLease",
    "StreamState",
    "SyncFailure",
    "SyncLog",
    "SyncTotal",
    "stream_choices",
]
