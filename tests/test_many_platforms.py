"""A hundred accounts that wait for quota, two workers: all are served, in turn."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import pytest

from conftest import api_config
from integrations.amazon.config import load
from integrations.tests.processes import Installation, ended, installed, redis_url, until
from simulator import Account, Limit, Quotas, Simulator
from simulator.faults.base import Call

pytestmark = pytest.mark.own_database

PLATFORMS, PAGES, WORKERS = 100, 2, 2
PATIENCE = 240  # seconds; a fifth of that where nothing else runs
# One call at once, then one every six seconds: longer than a worker waits in place.
QUOTA = Limit(rate=1 / 6, burst=1)


class CallLog:
    """Writes down whose call came when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: list[str] = []

    def before(self, call: Call) -> None:
        if call.operation == "searchOrders" and call.account is not None:
            with self._lock:
                self.calls.append(call.account.refresh_token)

    def places(self, nth: int) -> list[int]:
        """For each account, how many calls of all accounts came before its nth."""
        seen: dict[str, list[int]] = defaultdict(list)
        for place, who in enumerate(self.calls):
            seen[who].append(place)
        return [places[nth - 1] for places in seen.values()]


@pytest.fixture
def oms(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        yield installation


def insert(oms: Installation, table: str, row: dict[str, Any]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    oms.sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *row.values())  # noqa: S608  names of ours


def settle(oms: Installation, accounts: list[Account]) -> None:
    """A platform for each account, and its bucket at the pace of the simulator."""
    (pattern,) = oms.sql("SELECT * FROM platforms")
    oms.sql("DELETE FROM platforms")
    for number, account in enumerate(accounts):
        config = api_config(account)
        own = {"id": 100 + number, "name": f"shop-{number:03}", "api_config": json.dumps(config)}
        insert(oms, "platforms", pattern | own)
        bucket = {
            "rate": QUOTA.rate,
            "burst": QUOTA.burst,
            "tokens": 1.0,
            "updated_at": "2026-01-01 00:00:00",
        }
        insert(
            oms,
            "api_quotas",
            {"account_key": load(config).account_key, "operation": "searchOrders", **bucket},
        )


def serve_the_crowd(oms: Installation) -> CallLog:
    accounts = [
        Account(seed=number, orders=PAGES, skus=1, refresh_token=f"Atzr|platform-{number}")
        for number in range(PLATFORMS)
    ]
    book = CallLog()
    quotas = Quotas({"searchOrders": QUOTA}, tell=True)
    with Simulator(*accounts, page_size=1, faults=book, quotas=quotas) as sim:
        oms.environment |= {
            "AMAZON_SP_API_ENDPOINT": sim.endpoint,
            "AMAZON_LWA_ENDPOINT": sim.lwa_endpoint,
            "MOCK_FALLBACK": "never",
        }
        settle(oms, accounts)
        status, _, err = oms.run("sync_orders", "--background")
        assert status == 0, err
        workers = [oms.start("run_worker", stdout=DEVNULL, stderr=DEVNULL) for _each in range(WORKERS)]
        done = "SELECT id FROM sync_logs WHERE open_key IS NULL"
        until(lambda: len(oms.sql(done)) == PLATFORMS, "the last platform", PATIENCE)
        for worker in workers:
            worker.terminate()
            assert ended(worker)[0] == 0
    assert {(log["status"], log["fetched"], log["throttled"]) for log in oms.logs} == {
        ("succeeded", PAGES, 0)
    }
    assert oms.order_count == PLATFORMS * PAGES
    return book


def assert_nobody_starved(book: CallLog) -> None:
    """Nobody got a second page while somebody still waited for the first, except for calls that were running."""
    assert len(book.calls) == PLATFORMS * PAGES
    assert max(book.places(1)) < min(book.places(2)) + WORKERS


def test_it_serves_a_hundred_waiting_accounts_in_turn(oms: Installation) -> None:
    assert_nobody_starved(serve_the_crowd(oms))
    messages = oms.sql(
        "SELECT run_after AS due, started_at AS begun FROM django_tasks_database_dbtaskresult ORDER BY due"
    )
    assert len(messages) >= PLATFORMS * PAGES
    # The queue is served in the order in which its messages came due, except for those that were running.
    overtaken = [
        sum(later["begun"] < message["begun"] for later in messages[place + 1 :])
        for place, message in enumerate(messages)
    ]
    assert max(overtaken) <= WORKERS


@pytest.mark.redis
def test_it_serves_a_hundred_waiting_accounts_in_turn_on_redis(oms: Installation) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    assert_nobody_starved(serve_the_crowd(oms))
