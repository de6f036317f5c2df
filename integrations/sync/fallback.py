"""When mock data may take the place of a platform that cannot be reached (MOCK_FALLBACK)."""

from django.conf import settings

from core.database.retry import retry_on_db_error
from integrations.models import StreamState, SyncLog
from integrations.sync.streams import STREAMS
from platforms.models import Platform, Source


@retry_on_db_error
def mock_may_stand_in(platform: Platform) -> bool:
    """Whether a sync that fails may store mock data instead.

    auto: as long as the platform has never delivered live data; always; never.
    """
    if settings.MOCK_FALLBACK == "auto":
        return not has_been_live(platform)
    return bool(settings.MOCK_FALLBACK == "always")


def has_been_live(platform: Platform) -> bool:
    """Whether live data was ever stored for this platform, or a live sync found nothing to store."""
    return (
        StreamState.objects.filter(platform=platform, watermark__isnull=False).exists()
        or SyncLog.objects.filter(platform=platform, source=Source.LIVE, status__in=SyncLog.GOOD).exists()
        or any(stream.has_rows(platform, Source.LIVE) for stream in STREAMS.values())
    )
