"""Reading FBA stock page by page: where it continues, where it stops. What is stored: tests/test_sync_inventory.py."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from conftest import api_config
from integrations.amazon.adapter import AmazonAdapter, connect
from integrations.amazon.client import AmazonClient
from integrations.amazon.config import load
from integrations.amazon.stock import stock_pages
from integrations.amazon.stock_listing import MOST_RESTARTS
from integrations.errors import PlatformError, RateLimited, RequestRefused
from integrations.protocol import Checkpoint, Parts, StockPage
from integrations.tests.syncing import refusal, requests_of
from simulator import Account, Canned, Simulator

US, CA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"
OPERATION = "getInventorySummaries"
Started = tuple[Simulator, AmazonAdapter]


@pytest.fixture
def started(start_simulator: Callable[..., Simulator]) -> Iterator[Started]:
    sim = start_simulator(Account(skus=5, marketplace_ids=(US, CA)))
    with closing(connect(api_config(sim.accounts[0]), include_pii=False)) as amazon:
        yield sim, amazon


def rows(*skus: str, token: str = "") -> Canned:
    document: dict[str, Any] = {"payload": {"inventorySummaries": [{"sellerSku": sku} for sku in skus]}}
    return Canned.json(200, document | ({"pagination": {"nextToken": token}} if token else {}))


def test_it_sweeps_one_marketplace_after_the_other(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("A", token="t1"), rows("B"), rows("C"))
    pages = list(amazon.inventory_pages([], {}))
    assert [page.next for page in pages] == [{"done": 0, "tries": 1}, {"done": 1}, None]
    assert [page.swept for page in pages] == [None, US, CA]
    assert [page.restarted for page in pages] == [True, False, True]
    assert [record.marketplace_id for page in pages for record in page.records] == [US, US, CA]


def test_it_continues_with_the_marketplace_that_is_not_done(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("C"))
    (page,) = amazon.inventory_pages([], {"done": 1})
    assert (page.swept, page.next) == (CA, None)
    assert [asked["marketplaceIds"] for asked in requests_of(sim, OPERATION)] == [CA]


@pytest.mark.parametrize("skus", [[], ["A"]], ids=["sweep", "named"])
def test_it_stops_where_the_pages_go_in_circles(started: Started, skus: list[str]) -> None:
    sim, amazon = started
    sim.script(OPERATION, *[rows("A", token="t1"), rows("A", token="t2")] * 9)
    with pytest.raises(PlatformError) as raised:
        list(amazon.inventory_pages(skus, {}))
    assert (raised.value.code, sim.calls[OPERATION]) == ("page_loop", 3 + 3)  # of both marketplaces


@pytest.mark.parametrize("skus", [[], ["A"]], ids=["sweep", "named"])
def test_it_gives_up_where_the_tokens_always_expire(started: Started, skus: list[str]) -> None:
    sim, amazon = started
    sim.script(OPERATION, *[rows("A", token="t1"), refusal(400, "InvalidInput", "Expired.")] * 9)
    with pytest.raises(PlatformError, match="no SKU was marked as gone") as raised:
        list(amazon.inventory_pages(skus, {}))
    assert (raised.value.code, sim.calls[OPERATION]) == ("page_token_expired", 2 * 2 * (MOST_RESTARTS + 1))


def test_it_asks_for_named_skus_again_when_the_page_token_has_expired(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("A", token="t1"), refusal(400, "InvalidInput", "Expired."))
    sim.script(OPERATION, rows("A", token="t2"), rows("A"), rows("A"))
    first, second = amazon.inventory_pages(["A"], {})
    assert [len(page.records) for page in (first, second)] == [2, 1]
    assert [asked.get("nextToken") for asked in requests_of(sim, OPERATION)[:4]] == [None, "t1", None, "t2"]


class Slow:
    """A budget of `burst` calls that is refilled every `seconds`, on a clock that only `sleep` sets forward."""

    def __init__(self, seconds: float, burst: int = 2) -> None:
        self.seconds, self.burst, self.left = seconds, burst, float(burst)
        self.slept: list[float] = []

    def acquire(self, operation: str) -> float:
        if self.left >= 1 - 1e-6:
            self.left -= 1
            return 0.0
        return (1 - self.left) * self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.left = min(float(self.burst), self.left + seconds / self.seconds)

    def set_rate(self, operation: str, rate: float) -> None: ...

    def drain(self, operation: str) -> None: ...


def sweep(sim: Simulator, budget: Slow, skus: Sequence[str] = ()) -> Iterator[list[StockPage]]:
    """Each run of a sweep of the United States, with the pause after it where it has to be put back."""
    config = load(api_config(sim.accounts[0], additional_marketplace_ids=[]))
    checkpoint: Checkpoint = {}
    while True:
        client = AmazonClient(
            config,
            endpoint=sim.endpoint,
            lwa_endpoint=sim.lwa_endpoint,
            budget=budget,
            sleep=budget.sleep,
        )
        pages: list[StockPage] = []
        with closing(client):
            try:
                for page in stock_pages(
                    client, config.marketplaces, skus, checkpoint, parts=Parts(), left_out={}
                ):
                    pages.append(page)
                    checkpoint = page.next or {}
                yield pages
                return
            except RateLimited as error:
                yield pages
                budget.sleep(error.retry_after)


def test_it_waits_for_the_next_page_as_long_as_its_token_lives(
    start_simulator: Callable[..., Simulator],
) -> None:
    sim, budget = start_simulator(Account(skus=60), page_size=10), Slow(seconds=20)
    [pages] = sweep(sim, budget)
    assert [page.swept for page in pages][-1] == US
    assert len(pages) >= 6
    assert max(budget.slept) <= 20
    assert sum(page.restarted for page in pages) == 1


def test_it_finishes_a_short_list_at_once_when_the_bucket_is_full(
    start_simulator: Callable[..., Simulator],
) -> None:
    sim, budget = start_simulator(Account(skus=15), page_size=10), Slow(seconds=100)
    budget.left = 1
    first, second = sweep(sim, budget)
    assert [(page.swept, page.restarted) for page in first] == [(None, True)]
    assert [(page.swept, page.restarted) for page in second] == [(None, True), (US, False)]


def test_it_says_that_a_quota_is_too_slow_for_the_list(start_simulator: Callable[..., Simulator]) -> None:
    sim, budget = start_simulator(Account(skus=60), page_size=10), Slow(seconds=100)
    runs = sweep(sim, budget)
    pages = [page for _run in range(MOST_RESTARTS) for page in next(runs)]
    with pytest.raises(PlatformError, match="sync the SKUs that matter by name") as raised:
        next(runs)
    assert (raised.value.code, isinstance(raised.value, RateLimited)) == ("quota_too_slow", False)
    assert [page for page in pages if page.swept] == []


def test_it_does_not_go_on_for_ever_with_named_skus(start_simulator: Callable[..., Simulator]) -> None:
    sim, budget = start_simulator(Account(skus=60), page_size=10), Slow(seconds=100)
    with pytest.raises(PlatformError) as raised:
        next(sweep(sim, budget, sim.accounts[0].skus()))
    assert raised.value.code == "quota_too_slow"


def test_it_takes_only_a_400_for_a_seller_without_fba(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, *[refusal(404)] * 2)
    with pytest.raises(RequestRefused) as raised:
        list(amazon.inventory_pages([], {}))
    assert raised.value.status == 404


def test_it_misses_a_sku_only_where_no_marketplace_has_it(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("A"), rows("B"))
    first, last = amazon.inventory_pages(["A", "B", "none"], {})
    assert (first.failures, first.next) == ((), {"done": 1, "found": ["A"]})
    assert [each.external_id for each in last.failures] == ["none"]
    assert (first.swept, last.swept) == (None, None)


def test_it_remembers_what_was_found_before_an_interruption(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("B"))
    (last,) = amazon.inventory_pages(["A", "B"], {"done": 1, "found": ["A"]})
    assert last.failures == ()
