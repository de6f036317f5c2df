"""Exports over a real gunicorn, started as docs/operations.md says: sent piece by piece, at the reader's pace."""

from __future__ import annotations

import csv
import http.client
import io
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from installation import free_port
from test_production import documented

from integrations.tests.processes import Installation, installed, until

pytestmark = pytest.mark.own_database

ORDERS = 20_000
LINES = ORDERS * 5 // 2
# As lines they have 9 MB: more than the network's buffers take, so that whoever does not read keeps the export waiting.
EXPORT = "/admin/orders/order/export/order-lines"
LOG_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.create_superuser("anna"))
print(client.cookies["sessionid"].value)
"""


class Served:
    """An installation with many orders behind gunicorn, and somebody who is logged in."""

    def __init__(self, oms: Installation, orders: int = ORDERS, skus: int = 500) -> None:
        oms.environment |= {"REQUIRE_HTTPS": "off", "ALLOWED_HOSTS": "127.0.0.1"}
        filling = oms.start_command(
            sys.executable, "-m", "bench.million", "--orders", str(orders), "--skus", str(skus)
        )
        assert filling.wait() == 0
        status, out, err = oms.run("shell", "--verbosity", "0", "--command", LOG_IN)
        assert status == 0, err
        self._oms, self._session, self._port = oms, out.strip(), free_port()
        command = [each.replace(":8000", f":{self._port}") for each in documented("oms-web")[1:]]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        oms.start_command(sys.executable, *command, **silent)
        until(self._listens, "the web process")

    @contextmanager
    def get(self, address: str) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.request("GET", address, headers={"Cookie": f"sessionid={self._session}"})
        response = connection.getresponse()
        yield response
        response.close()
        connection.close()

    def progress(self, token: str) -> dict[str, Any]:
        with self.get(f"/admin/exports/{token}/") as response:
            found: dict[str, Any] = json.load(response)
            return found

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with installed(tmp_path_factory.mktemp("served")) as oms:
        yield Served(oms)


def test_it_is_sent_while_it_is_made_and_others_are_served_meanwhile(served: Served) -> None:
    with served.get(f"{EXPORT}.machine.csv?export_token=whole") as response:
        first = response.read(100_000)
        assert first.startswith("\ufeffplatform,".encode())
        begun = served.progress("whole")
        assert (begun["rows"], begun["is_done"], begun["failed"]) == (ORDERS, False, False)
        assert begun["rows_done"] < ORDERS
        for _each in range(20):  # more than one process of gunicorn takes by chance
            with served.get("/admin/orders/order/") as page:
                assert page.status == 200
        assert served.progress("whole")["is_done"] is False
        rows = list(csv.reader(io.StringIO((first + response.read()).decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + LINES
    ids = [rows[0].index(name) for name in ("order_external_id", "external_id")]
    assert len({tuple(row[at] for at in ids) for row in rows}) == 1 + LINES  # each line once
    ended = until(lambda: (run := served.progress("whole"))["is_done"] and run, "the end of the export")
    assert (ended["rows_done"], ended["failed"]) == (LINES, False)


def test_it_ends_as_failed_when_the_reader_hangs_up(served: Served) -> None:
    with served.get(f"{EXPORT}.machine.csv?export_token=left") as response:
        response.read(1_000_000)
    ended = until(lambda: (run := served.progress("left"))["is_done"] and run, "the end of the export")
    assert ended["failed"] is True
    assert 0 < ended["rows_done"] < ORDERS
    with served.get("/readyz") as response:
        assert response.status == 200
