"""The misbehaving simulator, over real HTTP: does each fault happen as promised, when promised, and only then?"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import tracemalloc
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator import (
    Account,
    Answer,
    Between,
    Canned,
    Cut,
    Delay,
    ExpirePageTokens,
    ExpireTokens,
    HideOrders,
    Limit,
    ListLate,
    LoopPages,
    LoseAnswer,
    LoseUpdates,
    Mutate,
    NextRowToo,
    NoSku,
    NotUtf8,
    OddPagination,
    OlderTwin,
    Quotas,
    RefuseData,
    RefuseSku,
    RepeatPage,
    Reset,
    Revoke,
    Rule,
    SetClock,
    Simulator,
    Slow,
)
from simulator.faults.base import Call, Fault, Site
from simulator.faults.kinds import rows as rows_of
from simulator.faults.parsing import parse_quotas, parse_rule
from simulator.faults.rules import ActiveRules

pytestmark = pytest.mark.own_database

END = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOW = END + timedelta(minutes=5)
WINDOW = {"lastUpdatedAfter": "2026-01-01T00:00:00Z", "marketplaceIds": "ATVPDKIKX0DER"}
STOCK = {
    "granularityType": "Marketplace",
    "granularityId": "ATVPDKIKX0DER",
    "marketplaceIds": "ATVPDKIKX0DER",
}
PATHS = {"searchOrders": "/orders/2026-01-01/orders", "getInventorySummaries": "/fba/inventory/v1/summaries"}
Json = dict[str, Any]


class Seller:
    """A client that knows nothing of the simulator's inside; each call on a connection of its own."""

    def __init__(self, sim: Simulator, account: Account | None = None) -> None:
        self.sim, self.account = sim, account or sim.accounts[0]
        self.token = self.log_in()[1].get("access_token", "")

    def log_in(self) -> tuple[int, Json]:
        account = self.account
        form = {"grant_type": "refresh_token", "refresh_token": account.refresh_token}
        form |= {"client_id": account.client_id, "client_secret": account.client_secret}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode(form)
        status, _, answer = self.raw("POST", "/auth/o2/token", body, headers)
        return status, json.loads(answer)

    def raw(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.sim.endpoint).netloc, timeout=60)
        try:
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def call(self, operation: str = "searchOrders", **params: str) -> tuple[int, Any, bytes]:
        query = (WINDOW if operation == "searchOrders" else STOCK) | params
        headers = {"x-amz-access-token": self.token, "User-Agent": "tests/1 (Language=Python)"}
        return self.raw("GET", f"{PATHS[operation]}?{urllib.parse.urlencode(query)}", headers=headers)

    def statuses(self, calls: int, operation: str = "searchOrders") -> list[int]:
        return [self.call(operation)[0] for _ in range(calls)]

    def page(self, token: str | None = None) -> tuple[list[str], str | None]:
        """The ids of a page of orders, and the token of the next."""
        status, _, body = self.call(**({"paginationToken": token} if token else {}))
        assert status == 200, body
        document = json.loads(body)
        ids = [order["orderId"] for order in document["orders"]]
        return ids, document.get("pagination", {}).get("nextToken")

    def pages(self, most: int = 20) -> list[list[str]]:
        found, token = [], None
        for _ in range(most):
            ids, token = self.page(token)
            found.append(ids)
            if token is None:
                break
        return found


@contextmanager
def seller(*rules: Rule, orders: int = 25, **options: Any) -> Iterator[Seller]:
    options = {"page_size": 10, "clock": NOW.timestamp, **options}
    with Simulator(Account(orders=orders, skus=25, end=END), rules=rules, **options) as sim:
        yield Seller(sim)


def once(fault: Fault | Canned, nth: int = 1) -> Rule:
    return Rule(operation="searchOrders", nth=nth, fault=fault)


# When


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, "xxxxxxxxx"),
        ({"times": 2}, "xx......."),
        ({"nth": 3}, "..x......"),
        ({"nth": 3, "times": 2}, "..xx....."),
        ({"every": 4}, "...x...x."),
        ({"every": 4, "times": 1}, "...x....."),
        ({"probability": 0.0}, "........."),
        ({"probability": 1.0, "times": 3}, "xxx......"),
    ],
    ids=str,
)
def test_it_happens_to_the_calls_that_the_rule_names(when: dict[str, Any], expected: str) -> None:
    with seller(Rule(operation="searchOrders", fault=Answer(503), **when)) as client:
        seen = ["." if status == 200 else "x" for status in client.statuses(9)]
    assert "".join(seen) == expected


def test_it_happens_by_chance_to_the_same_calls_with_the_same_seed() -> None:
    def run(seed: int) -> list[int]:
        with seller(Rule(operation="searchOrders", probability=0.3, seed=seed, fault=Answer(500))) as client:
            return client.statuses(40)

    assert run(1) == run(1) != run(2)
    assert 4 <= run(1).count(500) <= 20


def test_it_happens_to_calls_for_one_marketplace() -> None:
    rule = Rule(fault=Answer(503), marketplace="A13V1IB3VIYZZH", times=1)
    rules = ActiveRules([rule])
    due = [
        bool(rules.due(Call("searchOrders", {"marketplaceIds": ids}, None)))
        for ids in ("A1PA6795UKMFR9", "A1PA6795UKMFR9,A13V1IB3VIYZZH", "A13V1IB3VIYZZH")
    ]
    assert due == [False, True, False]
    assert parse_rule("*:marketplace=A13V1IB3VIYZZH:times=1:status=503") == rule


def test_it_counts_each_operation_apart_and_all_of_them_for_a_star() -> None:
    stock = Rule(operation="getInventorySummaries", nth=1, fault=Answer(500))
    with seller(stock, Rule(nth=4, fault=Answer(502))) as client:  # the login was the first call
        assert client.statuses(1) == [200]
        assert client.statuses(1, "getInventorySummaries") == [500]
        assert client.statuses(2) == [502, 200]


def test_it_goes_together_with_scripted_answers_and_rules_that_come_and_go() -> None:
    with seller(once(Answer(503), nth=2)) as client:
        client.sim.script("searchOrders", Canned(418))
        assert client.statuses(3) == [418, 503, 200]
        client.sim.rules.add(Rule(fault=Canned(500)))
        assert client.statuses(2) == [500, 500]
        client.sim.rules.clear()
        assert client.statuses(1) == [200]


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "getOrders"},
        {"nth": 0},
        {"every": 0},
        {"times": 0},
        {"probability": 1.5},
        {"nth": 1, "every": 2},
    ],
    ids=str,
)
def test_it_refuses_a_rule_that_makes_no_sense(wrong: Json) -> None:
    with pytest.raises(ValueError, match=r"nth|times|probability|none of"):
        Rule(fault=Reset(), **wrong)


# What: answers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 415, 429, 500, 502, 503, 504])
def test_it_answers_every_status_in_every_body(status: int) -> None:
    bodies = ("json", "html", "empty", "non-utf8")
    with seller(*(once(Answer(status, body), n) for n, body in enumerate(bodies, 1))) as client:
        in_json, in_html, empty, broken = (client.call() for _ in bodies)
    assert {answer[0] for answer in (in_json, in_html, empty, broken)} == {status}
    assert json.loads(in_json[2])["errors"][0]["code"]
    assert (in_html[1]["Content-Type"], in_html[2][:6]) == ("text/html", b"<html>")
    assert empty[2] == b""
    with pytest.raises(UnicodeDecodeError):
        broken[2].decode()


@pytest.mark.parametrize("fault", [Answer(500, "cut"), Cut(), Reset(in_body=True)], ids=repr)
def test_it_breaks_off_in_the_middle_of_the_body(fault: Fault) -> None:
    with seller(once(fault)) as client:
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)) as caught:
            client.call()
        assert client.statuses(1) == [200]
    if not isinstance(fault, Reset):
        assert isinstance(caught.value, http.client.IncompleteRead)


def test_it_resets_the_connection_with_half_of_the_body_delivered() -> None:
    with seller(once(Reset(in_body=True))) as client:
        connection = http.client.HTTPConnection(urlsplit(client.sim.endpoint).netloc, timeout=60)
        headers = {"x-amz-access-token": client.token, "User-Agent": "tests"}
        connection.request(
            "GET", f"{PATHS['searchOrders']}?{urllib.parse.urlencode(WINDOW)}", headers=headers
        )
        response = connection.getresponse()
        assert response.read(100).startswith(b'{"orders"')
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()
        connection.close()
    assert client.sim.requests[-1].status == 200


def test_it_resets_the_connection_before_an_answer() -> None:
    with seller(once(Reset())) as client:
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            client.call()
        assert client.statuses(1) == [200]


def test_it_spoils_the_real_answer_so_that_it_looks_whole() -> None:
    with seller(once(Cut(declared=True)), once(NotUtf8(), 2)) as client:
        short, broken = client.call(), client.call()
    assert (short[0], broken[0]) == (200, 200)
    with pytest.raises(json.JSONDecodeError):
        json.loads(short[2])
    with pytest.raises(UnicodeDecodeError):
        broken[2].decode()


def test_it_puts_errors_into_a_success() -> None:
    with seller(once(Answer(200))) as client:
        status, _, body = client.call()
    assert (status, list(json.loads(body))) == (200, ["errors"])


@pytest.mark.parametrize("fault", [Delay(0.3), Slow(0.3)], ids=repr)
def test_it_takes_its_time_and_still_answers(fault: Fault) -> None:
    with seller(once(fault)) as client:
        before = time.monotonic()
        first = client.call()
        seconds = time.monotonic() - before
        assert first[2]
        assert len(first[2]) == len(client.call()[2])
    assert seconds >= 0.29


def test_it_sends_a_slow_body_in_pieces() -> None:
    with seller(once(Slow(3))) as client:
        connection = http.client.HTTPConnection(urlsplit(client.sim.endpoint).netloc, timeout=1.5)
        headers = {"x-amz-access-token": client.token, "User-Agent": "tests"}
        connection.request(
            "GET", f"{PATHS['searchOrders']}?{urllib.parse.urlencode(WINDOW)}", headers=headers
        )
        # No single read waits as long as the time-out, although the whole takes twice as long.
        assert json.loads(connection.getresponse().read())["orders"]
        connection.close()


def test_it_throttles_with_and_without_the_rate() -> None:
    with seller(once(Answer(429)), once(Answer(429, rate="0.5"), 2)) as client:
        without, with_rate = client.call(), client.call()
    assert (without[0], without[1]["x-amzn-RateLimit-Limit"]) == (429, None)
    assert (with_rate[0], with_rate[1]["x-amzn-RateLimit-Limit"]) == (429, "0.5")


# What: credentials and pages


def test_it_lets_access_tokens_expire_in_the_middle_of_a_run() -> None:
    with seller(once(ExpireTokens(), 2)) as client:
        assert client.statuses(3) == [200, 403, 403]
        assert "expired" in client.call()[2].decode()
        client.token = client.log_in()[1]["access_token"]
        assert client.statuses(2) == [200, 200]


def test_it_revokes_one_sellers_refresh_token_until_it_is_restored() -> None:
    other = Account(seed=8, orders=3, refresh_token="Atzr|other", end=END)
    with Simulator(Account(orders=3, end=END), other, clock=NOW.timestamp) as sim:
        client, neighbour = Seller(sim), Seller(sim, other)
        sim.rules.add(once(Revoke()))
        assert client.statuses(1) == [403]
        assert [client.log_in()[1]["error"] for _ in range(2)] == ["invalid_grant"] * 2
        assert (neighbour.log_in()[0], neighbour.statuses(1)) == (200, [200])
        sim.restore()
        client.token = client.log_in()[1]["access_token"]
        assert client.statuses(1) == [200]


def test_it_lets_page_tokens_expire_but_not_later_ones() -> None:
    with seller(once(ExpirePageTokens(), 2)) as client:
        _, token = client.page()
        status, _, body = client.call(paginationToken=token or "")
        assert (status, "paginationToken has expired" in body.decode()) == (400, True)
        assert [len(ids) for ids in client.pages()] == [10, 10, 5]


@pytest.mark.parametrize(("nth", "expected"), [(1, "AABC"), (2, "ABBC"), (3, "ABCC")])
def test_it_repeats_a_page_behind_another_token(nth: int, expected: str) -> None:
    with seller() as client:
        letters = dict(zip("ABC", client.pages(), strict=True))
        client.sim.rules.add(once(RepeatPage(), nth))
        assert client.pages() == [letters[letter] for letter in expected]


@pytest.mark.parametrize("nth", [2, 3])
def test_it_names_the_page_itself_as_the_next(nth: int) -> None:
    with seller(Rule(operation="searchOrders", nth=nth, times=99, fault=LoopPages())) as client:
        token: str | None = None
        for _ in range(nth):
            before = token
            ids, token = client.page(before)
        assert token == before
        assert client.page(token) == (ids, token)


def test_it_loops_from_the_first_page_on() -> None:
    with seller(Rule(operation="searchOrders", fault=LoopPages())) as client:
        ids, token = client.page()
        assert [client.page(token) for _ in range(3)] == [(ids, token)] * 3


@pytest.mark.parametrize("nth", [1, 2])
def test_it_delivers_the_same_order_on_two_pages(nth: int) -> None:
    with seller(once(NextRowToo(), nth)) as client:
        pages = client.pages()
    assert pages[nth - 1][-1] == pages[nth][0]
    assert len({each for ids in pages for each in ids}) == sum(map(len, pages)) - 1 == 25


@pytest.mark.parametrize("operation", PATHS)
def test_it_shows_the_same_row_as_it_was_long_ago(operation: str) -> None:
    with seller(Rule(operation=operation, fault=OlderTwin())) as client:
        rows = rows_of(json.loads(client.call(operation)[2]))
    first, last = rows[0], rows[-1]
    key = "orderId" if operation == "searchOrders" else "fnSku"
    assert (first[key], len(rows)) == (last[key], 11)
    assert last["lastUpdatedTime"] < first["lastUpdatedTime"]
    assert last | {"lastUpdatedTime": first["lastUpdatedTime"]} != first


def test_it_hides_which_sku_a_row_is_about_and_where_the_next_page_is() -> None:
    with seller(Rule(fault=NoSku()), Rule(fault=OddPagination())) as client:
        document = json.loads(client.call("getInventorySummaries")[2])
    assert [row.get("sellerSku", "") == "" for row in rows_of(document)] == [True] + [False] * 9
    assert document["pagination"] == "soon"


def test_it_never_lists_some_orders_loses_updates_and_lists_late() -> None:
    with seller(orders=100, page_size=100) as client:
        [all_of_them] = client.pages()
        shown = {}
        for fault in (HideOrders(0.3, seed=3), LoseUpdates(0.5), ListLate(86400), ListLate(0)):
            client.sim.rules.add(Rule(fault=fault))
            shown[fault] = [client.page()[0] for _ in range(2)]
            client.sim.rules.clear()
        client.sim.rules.add(Rule(fault=LoseUpdates(0.5)))
        changed = all_of_them[:40]
        for order_id in changed:
            client.sim.accounts[0].change_order(order_id, at=END)
        lost = set(all_of_them) - set(client.page()[0])
    hidden, nothing_lost, late, all_shown = shown.values()
    assert hidden[0] == hidden[1]
    assert 50 < len(hidden[0]) < 90
    assert nothing_lost == all_shown == [all_of_them] * 2
    assert late[0] == [each for each in all_of_them if each in late[0]]
    assert 0 < len(late[0]) < 100
    assert lost < set(changed)
    assert 10 < len(lost) < 30


def test_it_refuses_a_data_set_with_and_without_its_name_and_a_list_for_one_sku() -> None:
    rules = [
        Rule(fault=RefuseData("TAX")),
        Rule(fault=RefuseData("BUYER", unnamed=True)),
        Rule(fault=RefuseSku("A")),
    ]
    with seller(*rules) as client:
        named, _, text = client.call(includedData="PACKAGES,TAX")
        unnamed, _, silent = client.call(includedData="BUYER")
        assert (named, b"TAX" in text, unnamed, b"BUYER" in silent) == (403, True, 400, False)
        assert client.call(includedData="PACKAGES")[0] == 200
        assert [client.call("getInventorySummaries", sellerSkus=skus)[0] for skus in ("B,A", "B")] == [
            400,
            200,
        ]


# Quotas


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_enforces_the_published_quota() -> None:
    clock = FakeClock()
    with seller(quotas=Quotas(clock=clock)) as client:
        assert client.statuses(21) == [200] * 20 + [429]
        clock.now += 178  # one refill of 0.0056 a second takes 178.57
        refused = client.call()
        assert (refused[0], refused[1]["x-amzn-RateLimit-Limit"]) == (429, None)
        assert "QuotaExceeded" in refused[2].decode()
        clock.now += 0.6
        assert client.statuses(2) == [200, 429]
        assert client.statuses(3, "getInventorySummaries") == [200, 200, 429]


def test_it_runs_the_clock_of_the_quotas_faster_and_says_so() -> None:
    clock = FakeClock()
    with seller(quotas=Quotas({"searchOrders": Limit(0.5, 1)}, speed=60, clock=clock)) as client:
        good, refused = client.call(), client.call()
        assert (good[0], good[1]["x-amzn-RateLimit-Limit"]) == (200, "30")
        assert (refused[0], refused[1]["x-amzn-RateLimit-Limit"]) == (429, "30")
        clock.now += 1 / 30
        assert client.statuses(2) == [200, 429]
        assert client.statuses(5, "getInventorySummaries") == [200] * 5


def test_it_keeps_the_quotas_of_two_sellers_apart_and_never_above_the_burst() -> None:
    clock = FakeClock()
    other = Account(seed=8, orders=3, refresh_token="Atzr|other", end=END)
    quotas = Quotas({"searchOrders": Limit(1, 2)}, clock=clock)
    with Simulator(Account(orders=3, end=END), other, clock=NOW.timestamp, quotas=quotas) as sim:
        client, neighbour = Seller(sim), Seller(sim, other)
        assert client.statuses(3) == [200, 200, 429]
        assert neighbour.statuses(3) == [200, 200, 429]
        clock.now += 1000
        assert client.statuses(3) == [200, 200, 429]


# Mutations


def test_it_changes_an_order_and_the_truth_follows() -> None:
    account = Account(orders=25, end=END)
    first = account.order_ids()[0]
    before = account.truth_orders()
    changed = account.change_order(first, at=END - timedelta(minutes=1))
    after = account.truth_orders()
    assert [key for key in before if before[key] != after[key]] == [first]
    assert after[first]["platform_updated_at"] == END - timedelta(minutes=1) == changed.updated
    assert after[first]["status"] != before[first]["status"]
    with Simulator(account, clock=NOW.timestamp) as sim:
        assert Seller(sim).pages()[0][-2:] == [account.order_ids()[-1], first]


def test_it_adds_an_order_that_is_found_everywhere() -> None:
    account = Account(orders=25, end=END)
    new = account.add_order(at=END).external_id
    assert len(account.truth_orders()) == len(account.order_ids()) == 26
    assert account.truth_orders()[new]["purchased_at"] == END
    assert account.find(new) == account.order(25)
    assert account.by_created[-1][1] == account.by_updated[-1][1] == 25


def test_it_refuses_changes_that_could_not_be() -> None:
    account = Account(orders=5, end=END)
    with pytest.raises(LookupError, match="no order"):
        account.change_order("111-0000000-0000000", at=END)
    with pytest.raises(ValueError, match="changed later"):
        account.change_order(account.order_ids()[0], at=END - timedelta(days=30))
    with pytest.raises(ValueError, match="aware"):
        account.add_order(at=datetime(2026, 6, 1))  # noqa: DTZ001


def test_it_shows_what_changes_between_two_pages_on_the_next_one() -> None:
    late = END + timedelta(minutes=1)

    def hook(site: Site, call: Call) -> None:
        assert call.account is not None
        ids = call.account.order_ids()
        call.account.change_order(ids[0], at=late)  # was on page 1, comes again on the last
        call.account.change_order(ids[24], at=NOW)  # would have come on page 3, leaves the window
        call.account.add_order(at=late)

    with seller(once(Between(hook))) as client:
        pages = client.pages()
        ids = client.account.order_ids()
    assert [ids[0] in page for page in pages] == [True, False, True]
    assert [ids[24] in page for page in pages] == [False, False, False]
    assert [ids[25] in page for page in pages] == [False, False, True]


def test_it_mutates_the_same_way_with_the_same_seed() -> None:
    def run(seed: int) -> tuple[list[list[str]], Json]:
        with seller(Rule(operation="searchOrders", fault=Mutate(3, seed)), orders=40) as client:
            return client.pages(), client.account.truth_orders()

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_it_keeps_next_to_nothing_of_a_large_account_that_changes() -> None:
    account = Account(orders=20_000, end=END)
    assert len(account.by_updated) == len(account.by_created) == 20_000
    tracemalloc.start()
    for index in range(200):
        account.change_order(account.order(index).external_id, at=END + timedelta(seconds=index))
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 500_000


# The command line


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            "searchOrders:nth=3:status=503:body=html",
            Rule(operation="searchOrders", nth=3, fault=Answer(503, "html")),
        ),
        ("confirmShipment:nth=1:lost", Rule(operation="confirmShipment", nth=1, fault=LoseAnswer())),
        ("*:nth=2:status=503:done", Rule(nth=2, fault=Answer(503, done=True))),
        ("*:every=5:reset-in-body", Rule(every=5, fault=Reset(in_body=True))),
        ("searchOrders:nth=2:clock=-90.5", Rule(operation="searchOrders", nth=2, fault=SetClock(-90.5))),
        ("*:refuse-unnamed=TAX", Rule(fault=RefuseData("TAX", unnamed=True))),
        ("*:nth=2:no-sku", Rule(nth=2, fault=NoSku())),
        ("*:hide=0.2", Rule(fault=HideOrders(0.2))),
        ("*:lose-updates=0.2", Rule(fault=LoseUpdates(0.2))),
        ("*:list-late=60", Rule(fault=ListLate(60))),
        ("token:times=2:delay=40", Rule(operation="token", times=2, fault=Delay(40))),
        ("*:probability=0.1:seed=3:status=429:rate=0.5", Rule(
            probability=0.1, seed=3, fault=Answer(429, rate="0.5")
        )),
    ],
)  # fmt: skip
def test_it_reads_a_rule_from_the_command_line(text: str, rule: Rule) -> None:
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    "text",
    ["", "searchOrders", "orders:reset", "*:nth=x:reset", "*:reset:cut", "*:status=503:cut", "*:status=99",
     "*:delay", "*:reset=1", "*:status=503:done=1", "*:nth=1:nth=2:reset", "*:explode"],
)  # fmt: skip
def test_it_says_which_rule_it_cannot_read(text: str) -> None:
    with pytest.raises(ValueError, match="--fault"):
        parse_rule(text)


def test_it_reads_quotas_from_the_command_line() -> None:
    limits = parse_quotas(["published", "searchOrders=0.5/2"])
    assert (limits["searchOrders"], limits["getOrder"]) == (Limit(0.5, 2), Limit(0.5, 30))
    for wrong in ("searchOrders", "orders=1/1", "searchOrders=0/1", "getOrder=1/x"):
        with pytest.raises(ValueError, match="--quota"):
            parse_quotas([wrong])


@pytest.fixture
def program() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "simulator", "--port", "0", *arguments],
                cwd=Path(__file__).resolve().parent.parent,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=60)


def test_it_misbehaves_as_a_program(program: Callable[..., subprocess.Popen[str]]) -> None:
    process = program("--fault", "token:nth=1:status=503:body=html", "--quota", "published", "--mutate", "2")
    assert process.stdout is not None
    address = process.stdout.readline().split(" at ")[1].split(";")[0]
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("POST", "/auth/o2/token", "")
    response = connection.getresponse()
    assert (response.status, response.read()[:6]) == (503, b"<html>")
    connection.request("POST", "/auth/o2/token", "")
    assert connection.getresponse().status == 400
    connection.close()


def test_it_stops_with_a_reason_where_an_option_makes_no_sense(
    program: Callable[..., subprocess.Popen[str]],
) -> None:
    for arguments in (("--fault", "*:explode"), ("--quota", "all"), ("--quota", "published", "--speed", "0")):
        process = program(*arguments)
        said = process.communicate(timeout=60)[0]
        assert process.returncode == 1
        assert said.startswith("simulator: ")
        assert "Traceback" not in said
