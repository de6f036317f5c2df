"""What a platform refuses to tell of its orders, remembered for a day so that no sync in between asks in vain.

Orders that were first read meanwhile lack that part. So when it is answered again, the watermark's scope is emptied,
and the next incremental sync looks back ORDERS_INITIAL_DAYS (see windows.settle_window).
"""

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
    """After records were fetched: keep what was refused, forget what was answered.

    No query where there is no news. Nothing where the credentials changed meanwhile: it is about others.
    """
    if not seen.refused and not recovered(platform, seen):
        return
    with transaction.atomic():
        row = Platform.objects.select_for_update().get(pk=platform.pk)
        if row.credentials_digest != platform.credentials_digest:
            return
        if recovered(row, seen):
            row.orders_watermark_scope = ""
        until = (timezone.now() + REFUSED_FOR).replace(microsecond=0).isoformat()
        kept = {name: text for name, text in row.refused_datasets.items() if name not in seen.answered}
        row.refused_datasets = kept | dict.fromkeys(sorted(seen.refused), until)
        row.save(update_fields=["refused_datasets", "orders_watermark_scope"])
    platform.refused_datasets = row.refused_datasets


def recovered(platform: Platform, seen: DataSets) -> set[str]:
    """The data sets that were refused once and are answered now."""
    return (seen.answered - seen.refused) & set(platform.refused_datasets)


def ask_again(platform: Platform, seen: DataSets) -> None:
    """A check found that these work: the next sync asks for them, and finds that they are back."""
    if recovered(platform, seen):
        with transaction.atomic():
            row = Platform.objects.select_for_update().get(pk=platform.pk)
            row.ask_for_refused_datasets(recovered(row, seen))
            row.save(update_fields=["refused_datasets"])
        platform.refused_datasets = row.refused_datasets
