"""Many threads at once write different columns of a stream's state that is not there yet. For a real database, as in
racing.py."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection, transaction

THREADS = 12


def race_for_states() -> dict[str, int]:
    """How many rows there are then, and how many of the three columns hold what was written."""
    from integrations.models import StreamState
    from platforms.models import Platform

    platform, _ = Platform.objects.get_or_create(name="raced")
    together = Barrier(THREADS)
    values: list[dict[str, Any]] = [
        {"interval_minutes": 7}, {"watermark_scope": "NA:X"}, {"refused_datasets": {"BUYER": "2999-01-01"}},
    ]  # fmt: skip

    def write(number: int) -> None:
        try:
            together.wait()
            with transaction.atomic():  # as where a sync is closed
                StreamState.write(platform.pk, "orders", **values[number % len(values)])
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, range(THREADS)))
    rows = list(StreamState.objects.filter(platform=platform))
    kept = [name for each in values for name, value in each.items() if getattr(rows[0], name) == value]
    return {"rows": len(rows), "kept": len(kept)}
