"""Many threads draw from one bucket that none of them has seen. For a real database, as in racing.py."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

THREADS = 8
BURST = 20


def drain() -> dict[str, int]:
    """How many calls were granted in all, while next to nothing is refilled, and how many rows that left."""
    from integrations.models import ApiQuota
    from integrations.protocol import Quota
    from integrations.quota.token_bucket import TokenBucket

    together = Barrier(THREADS)

    def draw_until_empty(_number: int) -> int:
        bucket, granted = TokenBucket("drained", {"searchOrders": Quota(rate=0.0001, burst=BURST)}), 0
        try:
            together.wait()
            while not bucket.acquire("searchOrders"):
                granted += 1
            return granted
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        granted = sum(pool.map(draw_until_empty, range(THREADS)))
    return {"granted": granted, "rows": ApiQuota.objects.filter(account_key="drained").count()}
