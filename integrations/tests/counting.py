"""Many threads count calls in an hour that has no row yet. For a real database, as in racing.py."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

from django.db import connection

THREADS = 8
CALLS = 25  # of each thread
HOUR = datetime(2026, 1, 31, 12, tzinfo=UTC)


def count() -> dict[str, int]:
    """What stands in the database afterwards: rows, and their sums."""
    from integrations.models import ApiUsage
    from integrations.quota.usage import UsageMeter
    from platforms.models import Platform

    platform, _ = Platform.objects.get_or_create(name="amazon")
    together = Barrier(THREADS)

    def call_often(_number: int) -> None:
        meter = UsageMeter(platform, clock=lambda: HOUR)
        try:
            together.wait()
            for number in range(CALLS):
                meter.count("getOrder", 0.5, throttled=number % 5 == 0, failed=number % 5 == 1)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(call_often, range(THREADS)))
    rows = list(ApiUsage.objects.filter(hour=HOUR))
    names = ("calls", "throttled", "errors", "seconds")
    return {"rows": len(rows)} | {name: int(sum(getattr(row, name) for row in rows)) for name in names}
