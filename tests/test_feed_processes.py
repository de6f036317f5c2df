"""The change feed of real processes: two workers that are killed at any moment, and a reader over HTTP that dies, too.
At the end its copy equals the database. On three databases."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from installation import Installation, a_mariadb, bare_postgresql, free_port, on_sqlite
from stateful.reader import Reader
from test_production import documented

from conftest import api_config
from integrations.tests.processes import migrated, until
from simulator import Account, Simulator

pytestmark = pytest.mark.own_database

SECOND = (
    "from platforms.models import Platform; Platform.objects.create(name='second', display_name='Second')"
)
OPEN = "SELECT COUNT(*) AS n FROM sync_logs WHERE open_key IS NOT NULL"
FINISHED = ("succeeded", "partial")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("mariadb", marks=pytest.mark.mariadb),
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ]
)
def oms(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    if request.param == "sqlite":
        installation = on_sqlite(Path(shutil.copy(migrated(), tmp_path / "oms.sqlite3")))
        yield installation
        installation.end()
    elif request.param == "mariadb":
        server = a_mariadb(tmp_path)
        installation = server.installation()
        yield installation
        installation.end()
        server.kill()
    else:
        with bare_postgresql() as installation:
            status, _, err = installation.run("migrate", "--verbosity", "0")
            assert status == 0, err
            yield installation


class Web:
    """OMS over HTTP, as the guide starts it, and somebody with a token."""

    def __init__(self, oms: Installation) -> None:
        oms.environment |= {
            "REQUIRE_HTTPS": "off",
            "ALLOWED_HOSTS": "127.0.0.1",
            "API_REQUESTS_PER_MINUTE": "0",
        }
        assert oms.run("create_first_admin").status == 0
        status, out, err = oms.run("create_api_token", "admin")
        assert status == 0, err
        self._headers, self._port = {"Authorization": f"Token {out.strip()}"}, free_port()
        command = [each.replace(":8000", f":{self._port}") for each in documented("oms-web")[1:]]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        oms.start_command(sys.executable, *command, **silent)
        until(self._listens, "the web process")

    def get(self, address: str) -> tuple[int, dict[str, Any]]:
        if address.startswith("http"):
            address = "/" + address.split("/", 3)[3]
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            connection.request("GET", address, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, json.load(answer)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def two_accounts(oms: Installation, sim: Simulator) -> None:
    """A second platform, added while the first is there already."""
    oms.meets(sim)
    status, _, err = oms.run("shell", "--verbosity", "0", "--command", SECOND)
    assert status == 0, err
    other = json.dumps(api_config(sim.accounts[1]))
    oms.query("UPDATE platforms SET api_config = ? WHERE name = 'second'", other)
    oms.query("UPDATE stream_states SET interval_minutes = 0")


def happen(sim: Simulator, rng: random.Random) -> None:
    """Some orders and SKUs become different at Amazon."""
    at = datetime.now(UTC) - timedelta(minutes=3)
    for account in sim.accounts:
        for external_id in rng.sample(account.order_ids(), 5):
            account.change_order(external_id, at=at)
        account.add_order(at=at)
        marketplace = account.marketplace_ids[0]
        account.change_stock(marketplace, rng.choice(account.skus()))


def test_a_copy_equals_the_database_whoever_is_killed(oms: Installation) -> None:
    rng = random.Random(11)  # noqa: S311
    accounts = [Account(seed=seed, orders=18, skus=6, refresh_token=f"Atzr|{seed}") for seed in (1, 2)]
    with Simulator(*accounts, page_size=3) as sim:
        two_accounts(oms, sim)
        web = Web(oms)
        reader = Reader(web.get)
        workers = [oms.start("run_worker") for _number in range(2)]
        for _round in range(2):
            for command in ("sync_orders", "sync_inventory"):
                assert oms.run(command, "--background").status == 0
            for _moment in range(3):
                reader.read(limit=rng.randint(1, 7), dies=rng.random() < 0.3)
            victim = rng.randrange(2)
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].communicate()
            reader.read(limit=5)
            workers[victim] = oms.start("run_worker")
            go_on(oms)
            reader.check()
            happen(sim, rng)
        assert {row["status"] for row in oms.logs} <= set(FINISHED)
        assert len(reader.copy) > 2 * (18 + 6)


def go_on(oms: Installation) -> None:
    """Until all syncs are closed: what a killed worker had is given to another one."""

    def all_are_closed() -> bool:
        oms.query(
            "UPDATE sync_logs SET lease_expires_at = ?, heartbeat_at = ? WHERE status = 'running'",
            "2026-01-01 00:00:00",
            "2026-01-01 00:00:00",
        )
        assert oms.run("run_scheduler", "--once").status == 0
        return not oms.sql(OPEN)[0]["n"]

    until(all_are_closed, "the end of all syncs", patience=120)
