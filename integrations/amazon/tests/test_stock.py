"""Walking through FBA stock: where it continues, where it stops. What is stored: tests/test_sync_inventory.py."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from conftest import api_config
from integrations.amazon.adapter import AmazonAdapter, connect
from integrations.amazon.stock import MOST_RESTARTS
from integrations.errors import PlatformError, RequestRefused
from integrations.tests.syncing import refusal, requests_of
from simulator import Account, Canned, Simulator

US, CA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"
OPERATION = "getInventorySummaries"
Started = tuple[Simulator, AmazonAdapter]


@pytest.fixture
def started(box: Callable[..., Simulator]) -> Iterator[Started]:
    sim = box(Account(skus=5, marketplace_ids=(US, CA)))
    with closing(connect(api_config(sim.accounts[0]), include_pii=False)) as amazon:
        yield sim, amazon


def rows(*skus: str, token: str = "") -> Canned:
    document: dict[str, Any] = {"payload": {"inventorySummaries": [{"sellerSku": sku} for sku in skus]}}
    return Canned.json(200, document | ({"pagination": {"nextToken": token}} if token else {}))


def test_it_sweeps_one_marketplace_after_the_other(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("A", token="t1"), rows("B"), rows("C"))
    pages = list(amazon.inventory_pages([], {}))
    assert [page.next for page in pages] == [{"done": 0}, {"done": 1}, None]
    assert [page.swept for page in pages] == ["", US, CA]
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
    assert (raised.value.code, sim.calls[OPERATION]) == ("page_loop", 3)


def test_it_gives_up_on_a_sweep_whose_tokens_always_expire(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, *[rows("A", token="t1"), refusal(400, "InvalidInput", "Expired.")] * 9)
    with pytest.raises(RequestRefused):
        list(amazon.inventory_pages([], {}))
    assert sim.calls[OPERATION] == 2 * (MOST_RESTARTS + 1)


def test_it_takes_only_a_400_for_a_seller_without_fba(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, refusal(404))
    with pytest.raises(RequestRefused) as raised:
        list(amazon.inventory_pages([], {}))
    assert raised.value.status == 404


def test_it_misses_a_sku_only_where_no_marketplace_has_it(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("A"), rows("B"))
    first, last = amazon.inventory_pages(["A", "B", "none"], {})
    assert (first.failures, first.next) == ((), {"done": 1, "found": ["A"]})
    assert [each.external_id for each in last.failures] == ["none"]
    assert (first.swept, last.swept) == ("", "")


def test_it_remembers_what_was_found_before_an_interruption(started: Started) -> None:
    sim, amazon = started
    sim.script(OPERATION, rows("B"))
    (last,) = amazon.inventory_pages(["A", "B"], {"done": 1, "found": ["A"]})
    assert last.failures == ()
