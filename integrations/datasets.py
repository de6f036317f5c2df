"""What a platform refuses to tell of its orders, remembered for a day so that no sync in between asks in vain."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from integrations.protocol import DataSets
from platforms.models import Platform

REFUSED_FOR = timedelta(hours=24)


def left_out(platform: Platform) -> dict[str, datetime]:
    """The data sets that are not asked for, each with the moment when it is tried again."""
    now = timezone.now()
    times = {name: datetime.fromisoformat(text) for name, text in platform.refused_datasets.items()}
    return {name: until for name, until in times.items() if until > now}


def remember(platform: Platform, seen: DataSets) -> None:
    """Keep what was refused, and forget what was answered."""
    _change(platform, seen.refused, seen.answered)


def forget(platform: Platform, seen: DataSets) -> None:
    """Forget what was answered; keep nothing new."""
    _change(platform, set(), seen.answered)


def _change(platform: Platform, refused: set[str], answered: set[str]) -> None:
    """No query where there is no news. Nothing where the credentials changed meanwhile: it is about others."""
    if not refused and not answered & platform.refused_datasets.keys():
        return
    with transaction.atomic():
        row = Platform.objects.select_for_update().get(pk=platform.pk)
        if row.credentials_digest != platform.credentials_digest:
            return
        until = (timezone.now() + REFUSED_FOR).replace(microsecond=0).isoformat()
        kept = {name: text for name, text in row.refused_datasets.items() if name not in answered}
        row.refused_datasets = kept | dict.fromkeys(sorted(refused), until)
        row.save(update_fields=["refused_datasets"])
    platform.refused_datasets = row.refused_datasets
