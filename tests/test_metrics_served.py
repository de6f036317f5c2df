"""What several processes of gunicorn count, as one answer of /metrics; and their log lines."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from installation import free_port
from prometheus_client.parser import text_string_to_metric_families
from test_production import documented

from integrations.tests.processes import ROOT, Installation, ended, installed, until
from monitoring.directory import VARIABLE, make

pytestmark = pytest.mark.own_database

TOKEN = "metrics-token-0123456789"
CANARY = "CANARY-3e8a"


class Served:
    """The documented gunicorn with two processes, without keep-alive: each request may meet either."""

    def __init__(self, oms: Installation) -> None:
        oms.environment |= {
            "REQUIRE_HTTPS": "off", "ALLOWED_HOSTS": "127.0.0.1", "METRICS_TOKEN": TOKEN, "LOG_FORMAT": "json",
        }  # fmt: skip
        self._port = free_port()
        command = [each.replace(":8000", f":{self._port}") for each in documented("oms-web")[1:]]
        self.process = oms.start_command(sys.executable, *command)
        until(lambda: self._answers(), "the web process")

    @property
    def folder(self) -> Path:
        """Where its processes put their counts."""
        return ROOT / "var" / "metrics" / str(self.process.pid)

    def get(self, address: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, address, headers={"Connection": "close", **headers})
        response = connection.getresponse()
        found = response.status, response.read().decode()
        connection.close()
        return found

    def requests(self) -> dict[tuple[str, str, str], float]:
        """By route, method and status."""
        _status, text = self.get("/metrics", Authorization=f"Bearer {TOKEN}")
        assert CANARY not in text
        return {
            (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "oms_http_requests_total"
        }

    def _answers(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with installed(tmp_path_factory.mktemp("served")) as oms:
        yield Served(oms)


def test_each_process_tells_what_all_of_them_counted(served: Served) -> None:
    healthz = "/healthz", "GET", "200"
    begun, looks = served.requests(), 0
    with ThreadPoolExecutor(8) as together:

        def have_both_answered() -> bool:
            """Which process takes a request is chance, and the second one may not be there yet."""
            nonlocal looks
            looks += 40
            assert {status for status, _text in together.map(served.get, ["/healthz"] * 40)} == {200}
            return len(list(served.folder.glob("counter_*.db"))) == 2

        until(have_both_answered, "an answer of each process")
        before, asked = served.requests(), 40
        addresses = [f"/orders/{number}?name={CANARY}" for number in range(asked)]
        assert {status for status, _text in together.map(served.get, addresses)} == {401}
    assert before[healthz] == begun.get(healthz, 0) + looks
    served.get(f"/{CANARY}")
    served.get("/no-such-page/", method="PURGE")
    served.get("/static/oms/admin.css")
    served.get("/healthz/")
    answers = [served.requests() for _each in range(6)]
    # Each answer has all that was counted before it: itself it counts when it is sent.
    told = before["/metrics", "GET", "200"] + 1
    assert [answer["/metrics", "GET", "200"] for answer in answers] == [told + number for number in range(6)]
    for answer in answers:
        assert answer.get(("/orders/<str:pk>", "GET", "401"), 0) == asked
        assert answer["static", "GET", "200"] == 1
        assert answer[healthz] == before[healthz] + 1
        assert answer["unknown", "GET", "404"] == 1
        assert answer["unknown", "other", "404"] == 1


def test_it_measures_how_long_they_take(served: Served) -> None:
    served.get("/healthz")
    _status, text = served.get("/metrics", Authorization=f"Bearer {TOKEN}")
    (count,) = re.findall(
        r'^oms_http_request_duration_seconds_count\{method="GET",route="/healthz"\} (\S+)', text, re.MULTILINE
    )
    (largest,) = re.findall(
        r'^oms_http_request_duration_seconds_bucket\{le="\+Inf",method="GET",route="/healthz"\} (\S+)',
        text, re.MULTILINE,
    )  # fmt: skip
    assert float(count) == float(largest) >= 1


def test_its_counts_are_for_their_owner_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    with installed(tmp_path) as oms:
        served = Served(oms)
        served.get("/no-such-page", **{"X-Request-ID": "mine-1"})
        assert stat.S_IMODE(served.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(served.folder.parent.stat().st_mode) & 0o077 == 0
        served.process.send_signal(signal.SIGTERM)
        status, _out, err = ended(served.process)
        assert status == 0
        assert not served.folder.exists()
    lines = [json.loads(line) for line in err.splitlines()]  # each of them, those of gunicorn itself as well
    (missing,) = [line for line in lines if line["message"].startswith("Not Found")]
    assert (missing["request_id"], missing["logger"]) == ("mine-1", "django.request")
    assert any(line["logger"] == "gunicorn.error" for line in lines)


def test_it_makes_a_place_anew_and_removes_those_of_processes_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "of an earlier one")
    folder = tmp_path / "metrics"
    gone, alive, other = (folder / name for name in ("4194304", str(os.getppid()), "notes"))
    for path in (gone, alive, other, folder / str(os.getpid())):
        path.mkdir(parents=True)
        (path / "counter_1.db").write_text("old")
    made = make(folder)
    assert (made, os.environ[VARIABLE]) == (folder / str(os.getpid()), str(made))
    assert list(made.iterdir()) == []
    assert not gone.exists()
    assert (alive / "counter_1.db").exists()
    assert (other / "counter_1.db").exists()


def test_it_takes_a_temporary_place_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "var").write_text("a file, so no folder can be made below it")
    made = make(tmp_path / "var" / "metrics")
    assert tmp_path not in made.parents
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.rmdir()
