"""Time zones by their names."""

from zoneinfo import ZoneInfo

from django.conf import settings

from core.dates import ForgivingZone


def zone_named(name: str) -> ZoneInfo:
    """That of OMS where there is no such zone."""
    try:
        return ForgivingZone(name)
    except (KeyError, ValueError, OSError):  # unknown, no zone at all, a folder of zones
        return ForgivingZone(settings.TIME_ZONE)
