"""When made-up data may stand in for a platform that cannot be reached (MOCK_FALLBACK)."""

from django.conf import settings

from core.database.retry import retry_on_db_error
from integrations.models import SyncLog
from inventory.models import InventoryItem
from orders.models import Order
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
        platform.orders_watermark is not None
        or SyncLog.objects.filter(platform=platform, source=Source.LIVE, status__in=SyncLog.GOOD).exists()
        or Order.objects.filter(platform=platform, source=Source.LIVE).exists()
        or InventoryItem.objects.filter(platform=platform, source=Source.LIVE).exists()
    )
