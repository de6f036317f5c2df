"""Behind a real PgBouncer in transaction mode: whoever asks next may get another server process, without what the last
one left there. Exports, pages and both syncs go through it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from installation import PAGE_SIZE, Installation, bare_postgresql, free_port
from test_export_served import Served

from integrations.tests.processes import until
from simulator import Account, Simulator

pytestmark = [pytest.mark.own_database, pytest.mark.postgresql]

ORDERS, SKUS = 3_000, 2_500  # several reads of one cursor
EXPORTS = {
    "/admin/orders/order/export/orders.csv": ORDERS,
    "/admin/inventory/inventoryitem/export/inventory.csv": SKUS,
}
PAGES = (
    "/admin/",
    "/admin/orders/order/",
    "/admin/orders/order/?q=1",
    "/admin/platforms/platform/add/",
    "/admin/auth/group/add/",
)
CONFIGURATION = """
[databases]
{database} = host={host} port={port} user={user} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
"""


@contextmanager
def pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """The same database's address behind a pooler of the tests' own; skips where the program is missing."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no PgBouncer is installed here (pgbouncer)")
    parts, listen = urlsplit(url), free_port()
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            database=parts.path[1:],
            host=parts.hostname,
            port=parts.port or 5432,
            user=parts.username,
            password=f"password='{unquote(parts.password)}'" if parts.password else "",
            listen=listen,
        )
    )
    command = [program, str(configuration)]
    if os.geteuid() == 0:  # as which it does not run
        command += ["--user", "nobody"]
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or listens(listen), "PgBouncer")
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        yield f"postgres://{parts.username}@127.0.0.1:{listen}{parts.path}"
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def oms(tmp_path: Path) -> Iterator[Installation]:
    """An installation that speaks to its database through PgBouncer."""
    with (
        bare_postgresql() as installation,
        pgbouncer(installation.environment["DATABASE_URL"], tmp_path) as behind,
    ):
        installation.environment["DATABASE_URL"] = behind
        installation.environment["EXPORTS_AT_ONCE"] = "8"  # as many as are asked for at once
        status, _, err = installation.run("migrate", "--verbosity", "0")
        assert status == 0, err
        yield installation
        installation.end()


def test_it_exports_all_rows_to_many_at_once_beside_other_pages(oms: Installation) -> None:
    served = Served(oms, ORDERS, SKUS)

    def export(number: int) -> tuple[str, int, int]:
        address = list(EXPORTS)[number % len(EXPORTS)]
        with served.get(address) as response:
            text = response.read().decode("utf-8-sig")
        rows = {tuple(row) for row in csv.reader(io.StringIO(text, newline=""))}
        return address, response.status, len(rows) - 1

    def page(number: int) -> tuple[str, int]:
        address = PAGES[number % len(PAGES)]
        with served.get(address) as response:
            response.read()
        return address, response.status

    with ThreadPoolExecutor(8) as exporters, ThreadPoolExecutor(2) as readers:
        pages = readers.map(page, range(3 * len(PAGES)))
        exported = list(exporters.map(export, range(30)))
    assert {(address, rows) for address, _, rows in exported} == set(EXPORTS.items())
    assert {status for _, status, _ in exported} == {200}
    assert [address for address, status in pages if status != 200] == []


def test_it_syncs_orders_and_stock(oms: Installation) -> None:
    with Simulator(Account(orders=12, skus=8), page_size=PAGE_SIZE) as sim:
        oms.meets(sim)
        for command in ("sync_orders", "sync_inventory"):
            status, _, err = oms.run(command, "amazon")
            assert status == 0, err
        oms.assert_nothing_is_lost_or_doubled()
        assert oms.query("SELECT COUNT(*) FROM inventory_items") == [
            (len(sim.accounts[0].truth_inventory()),)
        ]
