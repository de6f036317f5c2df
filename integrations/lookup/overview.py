"""What a page about platforms shows at a glance, in a fixed number of queries."""

from django.db.models import Exists, Max, OuterRef, Prefetch, QuerySet

from integrations.models import SyncLog
from inventory.models import InventoryItem
from orders.models import Order
from platforms.models import Platform, Source


def with_overview(platforms: QuerySet[Platform]) -> QuerySet[Platform]:
    """The platforms, each with `latest_syncs` (a list with the newest sync of each kind) and the annotations
    `has_mock` and `has_sandbox` (whether such rows are stored)."""
    begun = SyncLog.objects.exclude(status=SyncLog.Status.DEFERRED)  # the one that it waits for says more
    latest = begun.values("platform_id", "kind").annotate(latest=Max("pk")).order_by()
    newest = SyncLog.objects.filter(pk__in=latest.values("latest")).defer("checkpoint", "notes", "skus")
    return platforms.annotate(
        has_mock=has_rows(Source.MOCK), has_sandbox=has_rows(Source.SANDBOX)
    ).prefetch_related(Prefetch("sync_logs", queryset=newest, to_attr="latest_syncs"))


def has_rows(source: str) -> Exists:
    """An annotation of platforms: whether orders or stock of this source are stored."""
    rows = {"platform": OuterRef("pk"), "source": source}
    return Exists(Order.objects.filter(**rows)) | Exists(InventoryItem.objects.filter(**rows))  # type: ignore[return-value]
