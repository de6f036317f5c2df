"""What the integrations remember: runs and their failures (sync), how far a stream is (stream), calls (api), who
schedules (scheduler), what audits found (completeness, stock_audits), runs that bring history (backfills) or keep
orders known (catch_ups), what is written to platforms (shipping), pictures of products (pictures). Job is what long
runs have in common, FetchingJob what those have that list orders."""

from integrations.models.api import ApiQuota, ApiUsage
from integrations.models.backfills import Backfill
from integrations.models.catch_ups import CatchUp
from integrations.models.completeness import AuditedDay, AuditFinding, OrderAudit, OrderProof
from integrations.models.fetching import FetchingJob
from integrations.models.jobs import Job
from integrations.models.pictures import PictureTurn, ProductPicture
from integrations.models.scheduler import SchedulerLease
from integrations.models.shipping import (
    OutboxEntry,
    SendingTurn,
    ShipmentColumns,
    WritingPolicy,
    WritingStop,
)
from integrations.models.stock_audits import AuditedStock, StockAudit, StockFinding
from integrations.models.stream import StreamState
from integrations.models.sync import SyncDay, SyncFailure, SyncLog, SyncTotal, stream_choices

__all__ = [
    "ApiQuota",
    "ApiUsage",
    "AuditFinding",
    "AuditedDay",
    "AuditedStock",
    "Backfill",
    "CatchUp",
    "FetchingJob",
    "Job",
    "OrderAudit",
    "OrderProof",
    "OutboxEntry",
    "PictureTurn",
    "ProductPicture",
    "SchedulerLease",
    "SendingTurn",
    "ShipmentColumns",
    "StockAudit",
    "StockFinding",
    "StreamState",
    "SyncDay",
    "SyncFailure",
    "SyncLog",
    "SyncTotal",
    "WritingPolicy",
    "WritingStop",
    "stream_choices",
]
