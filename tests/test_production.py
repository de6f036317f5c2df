"""The production set-up of docs/operations.md, started with exactly the commands that stand there: gunicorn, two
workers, two schedulers, one database, and somebody who speaks HTTP."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import api_config
from integrations.tests.processes import (
    PATIENCE,
    ROOT,
    Installation,
    ended,
    hears,
    installed,
    line_with,
    redis_url,
    until,
)
from simulator import Account, Simulator

pytestmark = pytest.mark.own_database

HOST = "oms.example"


def documented(unit: str) -> list[str]:
    """The command of a systemd unit in the guide."""
    guide = (ROOT / "docs" / "operations.md").read_text()
    (command,) = re.findall(rf"system/{unit}\.service.*?^ExecStart=(.*?)$", guide, re.DOTALL | re.MULTILINE)[
        :1
    ]
    return shlex.split(command)


def documented_environment() -> dict[str, str]:
    """The lines of .env that the guide asks for, but for the database."""
    guide = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"^```bash\n(DATABASE_URL=.*?)^```", guide, re.DOTALL | re.MULTILINE)
    lines = dict(line.split("=", 1) for line in block.splitlines())
    del lines["DATABASE_URL"]
    return lines


class Production:
    """The processes of one installation, and a client behind a TLS proxy."""

    def __init__(self, oms: Installation) -> None:
        self._oms = oms
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        assert oms.run("create_first_admin")[0] == 0
        status, out, err = oms.run("create_api_token", "admin")
        assert status == 0, err
        self._token = out.strip()
        self._running: list[subprocess.Popen[str]] = []

    def start(self, unit: str) -> None:
        command = documented(unit)
        assert command[0] == "/srv/oms/.venv/bin/python"
        command = [each.replace("127.0.0.1:8000", f"127.0.0.1:{self._port}") for each in command]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._running.append(self._oms.start_command(sys.executable, *command[1:], **silent))

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and parsed body; 0 while nobody listens."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Token {self._token}",
                "Content-Type": "application/json",
                "Host": HOST,
                "X-Forwarded-Proto": "https",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    def syncs(self, kind: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ask("GET", f"/sync-logs?kind={kind}")[1]["results"]
        return rows

    def stop(self) -> list[int]:
        """SIGTERM to all at once; their exit statuses. One that still starts has not yet said what SIGTERM means."""
        until(lambda: all(hears(process, signal.SIGTERM) for process in self._running), "all to have started")
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        return [ended(process)[0] for process in self._running]


@pytest.fixture
def oms(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        installation.environment |= documented_environment()
        yield installation


def serve(oms: Installation) -> None:
    """Everything a person does with it: credentials, a sync over HTTP, a schedule, and the end of the day."""
    account = Account(orders=12, skus=5)
    with Simulator(account, page_size=5) as sim:
        oms.environment |= {
            "AMAZON_SP_API_ENDPOINT": sim.endpoint,
            "AMAZON_LWA_ENDPOINT": sim.lwa_endpoint,
        }
        production = Production(oms)
        production.start("oms-web")
        until(lambda: production.ask("GET", "/readyz")[0] == 200, "the web process")
        values = {"api_config": api_config(account), "orders_interval": 0, "inventory_interval": 60}
        assert production.ask("PUT", "/platforms/1", values)[0] == 200
        status, answer = production.ask("POST", "/orders/sync?platform_name=amazon")
        assert (status, [each["status"] for each in answer["syncs"]]) == (202, ["queued"])

        for unit in ("oms-worker@", "oms-worker@", "oms-scheduler", "oms-scheduler"):
            production.start(unit)
        until(lambda: production.syncs("orders")[0]["status"] == "succeeded", "the orders")
        assert production.syncs("orders")[0]["created"] == 12
        # Two schedulers, and one sync.
        until(lambda: [row["status"] for row in production.syncs("inventory")] == ["succeeded"], "the stock")
        (stock,) = production.syncs("inventory")
        assert (stock["trigger"], stock["created"]) == ("schedule", 5)
        due = production.ask("GET", "/platforms/1")[1]["next_syncs"]
        assert (due["orders"]["reason"], due["inventory"]["reason"]) == ("manual", "regular")

        assert production.stop() == [0] * 5
    assert oms.sql("SELECT holder FROM scheduler_leases") == [{"holder": ""}]
    assert oms.sql("SELECT id FROM sync_logs WHERE lease_token <> ''") == []


def test_it_serves_from_the_database(oms: Installation) -> None:
    # Otherwise the schedule asks for tonight's audits as well, where the machine takes long enough.
    oms.environment |= {"AUDIT_ORDERS": "off", "AUDIT_INVENTORY": "off"}
    serve(oms)
    assert len(oms.sql("SELECT id FROM django_tasks_database_dbtaskresult")) == 2


@pytest.mark.redis
def test_it_serves_from_redis(oms: Installation) -> None:
    oms.environment["REDIS_URL"] = redis_url()
    serve(oms)
    assert oms.sql("SELECT id FROM django_tasks_database_dbtaskresult") == []


def test_it_has_one_scheduler_at_work_however_many_are_started(oms: Installation) -> None:
    command = documented("oms-scheduler")[1:]
    active, *others = [oms.start_command(sys.executable, *command) for _each in range(3)]
    until(lambda: oms.sql("SELECT holder FROM scheduler_leases WHERE holder <> ''"), "one of them")
    pid = int(oms.sql("SELECT holder FROM scheduler_leases")[0]["holder"].rpartition(" ")[2])
    schedulers = {process.pid: process for process in (active, *others)}
    active = schedulers.pop(pid)
    for process in schedulers.values():
        assert process.stdout is not None
        assert f"process {pid}); standing by." in line_with(process.stdout, "Another scheduler is active (")
    active.send_signal(signal.SIGTERM)
    assert ended(active)[0] == 0
    until(
        lambda: oms.sql("SELECT holder FROM scheduler_leases")[0]["holder"].endswith(
            tuple(map(str, schedulers))
        ),
        "another one",
    )
    for process in schedulers.values():
        process.send_signal(signal.SIGTERM)
        assert ended(process)[0] == 0
