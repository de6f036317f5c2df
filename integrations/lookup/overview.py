"""What a page about platforms shows at a glance, in a fixed number of queries."""

from functools import reduce
from operator import or_

from django.db.models import Exists, Max, OuterRef, Prefetch, QuerySet

from integrations.models import SyncLog
from integrations.sync.streams import STREAMS
from integrations.sync.streams.states import with_states
from platforms.models import Platform, Source


def with_overview(platforms: QuerySet[Platform]) -> QuerySet[Platform]:
    """The platforms, each with `latest_syncs` (a list with the newest sync of each stream) and `open_windows` (open
    syncs with a window of their own), what `with_states` tells, and the annotations `has_mock` and `has_sandbox`
    (whether such rows are stored)."""
    # What a deferred one waits for says more; look-backs come and go.
    begun = SyncLog.objects.exclude(status=SyncLog.Status.DEFERRED).exclude(trigger=SyncLog.Trigger.LOOK_BACK)
    latest = begun.values("platform_id", "kind").annotate(latest=Max("pk")).order_by()
    newest = SyncLog.objects.filter(pk__in=latest.values("latest")).defer("checkpoint", "notes", "skus")
    windows = SyncLog.objects.filter(status__in=SyncLog.OPEN, is_incremental=False)
    windows = windows.exclude(trigger=SyncLog.Trigger.LOOK_BACK).defer("checkpoint", "notes", "skus")
    return (
        with_states(platforms)
        .annotate(has_mock=has_rows(Source.MOCK), has_sandbox=has_rows(Source.SANDBOX))
        .prefetch_related(
            Prefetch("sync_logs", queryset=newest, to_attr="latest_syncs"),
            Prefetch("sync_logs", queryset=windows, to_attr="open_windows"),
        )
    )


def has_rows(source: str) -> Exists:
    """An annotation of platforms: whether records of this source are stored."""
    rows = {"platform": OuterRef("pk"), "source": source}
    models = [stream.model for stream in STREAMS.values() if stream.model is not None]
    return reduce(or_, [Exists(model._default_manager.filter(**rows)) for model in models])
