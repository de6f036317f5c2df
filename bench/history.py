"""Two years of orders under Amazon's published quota: by its lists, until all are known, beside searchOrders alone.

Nothing is scaled: rate and burst are Amazon's, in the token bucket and in the simulator. Only the waiting is skipped.
The lists are asked for, looked after and downloaded over HTTP, by the adapter, of a simulator with few orders: how many
rows a list has does not change its calls. The pages are drawn from the bucket and counted by the simulator's quotas,
without HTTP. Amazon's time to make a list is not in it: it names none.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from django.conf import settings

from bench.database import empty
from bench.quota import Clock
from bench.report import Result
from bench.syncs import SimulatorProcess, count, simulator
from integrations.amazon.adapter import PAGE_SIZE, AmazonAdapter, connect
from integrations.amazon.quota import QUOTAS
from integrations.completeness.planner import Facts, Goal, Lane, LaneCode, Lists, plan
from integrations.completeness.token_math import Bucket
from integrations.errors import RateLimited
from integrations.protocol import Window
from integrations.quota.token_bucket import TokenBucket
from simulator.quotas import Quotas

SPAN, LONGEST = timedelta(days=730), timedelta(days=30)
SIMULATED = 500  # orders of the account whose lists are made
DAY = 86_400
Answer = TypeVar("Answer")


def of_two_years(database: str, *, orders: int) -> list[Result]:
    """How many times as long searchOrders takes; what the planner says of both, to what they took; calls refused."""
    empty()
    settings.AMAZON_QUOTAS = {}
    by_lists, refused = _by_lists()
    by_pages = _by_pages(-(-orders // PAGE_SIZE))
    planned = {lane.code: lane for lane in plan(_facts(orders), Goal.LISTED).lanes}
    report, window = planned[LaneCode.REPORT], planned[LaneCode.WINDOW]
    return [
        Result(
            name=f"quota seconds until {orders:,} orders of two years are known: searchOrders, to lists",
            database=database,
            values=(by_pages / by_lists,),
            unit="×",
            note=f"{by_pages / DAY:.1f} days to {by_lists / 60:.1f} min; in full by both: {_days(report)} planned",
            target=500,
        ),
        _planned("lists", database, report, by_lists),
        _planned("searchOrders", database, window, by_pages),
        count("calls for lists that were answered 429", database, refused, 0),
    ]


def _planned(what: str, database: str, lane: Lane, measured: float) -> Result:
    planned = lane.listed or 0.0
    return Result(
        name=f"planned seconds by {what}, to what they took",
        database=database,
        values=(max(planned, measured) / min(planned, measured),),
        unit="×",
        note=f"{planned:,.0f} s to {measured:,.0f} s",
        target=1.05,  # what was measured has the time of the calls in it
        at_most=True,
    )


def _days(lane: Lane) -> str:
    return f"{(lane.complete or 0.0) / DAY:.1f} days"


def _by_lists() -> tuple[float, int]:
    """Seconds until the last of the lists is downloaded, all of them asked for at once; and calls that were refused."""
    clock = Clock()
    with simulator(SIMULATED, quotas=True) as server:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = server.endpoint, server.lwa_endpoint
        adapter = connect(
            server.api_config,
            include_pii=False,
            budget_for=lambda key, published: TokenBucket(key, published, clock=clock),
        )
        try:
            began = clock()
            _fetch_lists(adapter, clock, server)
            return clock() - began, adapter.usage.throttled
        finally:
            adapter.close()


def _fetch_lists(adapter: AmazonAdapter, clock: Clock, server: SimulatorProcess) -> None:
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    first, ids = end - SPAN, []
    while first < end:
        window = Window("created", first, min(first + LONGEST, end))
        ids.append(_made(partial(adapter.request_order_list, window), clock, server))
        first += LONGEST
    for list_id in ids:
        state = _made(partial(adapter.order_list_state, list_id), clock, server)
        if not state.is_over or state.error:
            raise RuntimeError(f"List {list_id} was not made: {state.error}")
        if state.document:
            _made(partial(_read, adapter, state.document), clock, server)


def _read(adapter: AmazonAdapter, document: str) -> None:
    with adapter.order_list(document) as rows:
        for _row in rows:
            pass


def _made(call: Callable[[], Answer], clock: Clock, server: SimulatorProcess) -> Answer:
    """The call's answer, once the quota lets it be made; the waiting is skipped."""
    while True:
        try:
            return call()
        except RateLimited as error:
            wait = error.retry_after or 1.0
            clock.skipped += wait
            server.skip(wait)


def _by_pages(pages: int) -> float:
    """Seconds until the last of so many calls of searchOrders may be made. The simulator's quotas count each."""
    clock = Clock()
    began = clock()
    bucket, amazons = TokenBucket("history", QUOTAS, clock=clock), Quotas(clock=clock)
    for _page in range(pages):
        while wait := bucket.acquire("searchOrders"):
            clock.skipped += wait
        if not amazons.take("history", "searchOrders"):
            raise RuntimeError("A call was made before Amazon would have granted it.")
    return clock() - began


def _facts(orders: int) -> Facts:
    def full(operation: str) -> Bucket:
        quota = QUOTAS[operation]
        return Bucket(operation, quota.rate, quota.burst, float(quota.burst))

    lists = Lists(
        request=full("createReport"),
        state=full("getReport"),
        document=full("getReportDocument"),
        longest=LONGEST,
        takes=0.0,
        looks=(15.0,),
    )
    return Facts(span=SPAN, orders=orders, page=full("searchOrders"), single=full("getOrder"), lists=lists)
