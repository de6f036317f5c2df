"""The ids of requests, and log lines that name them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django_tasks_db.models import DBTaskResult

from api.tests.rest import amazon, superuser
from conftest import api_config
from core.log_context import log_context
from integrations.tests.test_tasks import work
from monitoring.logs import JsonFormatter, TextFormatter
from simulator import Simulator

CANARY = "CANARY-4f1d"
logger = logging.getLogger("oms.tests.logs")


def tells(request: HttpRequest) -> HttpResponse:
    logger.warning("Told %s", "once")
    return HttpResponse("told")


def breaks(request: HttpRequest) -> HttpResponse:
    raise ValueError("broken on purpose")


def streams(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        logger.warning("Streaming")
        yield b"two"

    return StreamingHttpResponse(pieces())


urlpatterns = [path("tells", tells), path("breaks", breaks), path("streams", streams)]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What loggers say, as JSON."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    handler.setFormatter(JsonFormatter())
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)


def test_it_takes_the_id_of_a_request_and_makes_one_where_it_is_absent() -> None:
    given = "01HF-7f3a_9.b:c/d=+"
    assert Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given
    made = [Client().get("/healthz")["X-Request-ID"] for _each in range(2)]
    assert all(len(each) == 32 for each in made)
    assert made[0] != made[1]


@pytest.mark.parametrize(
    "given", ["", " ", "a b", "é", 'x"y', "x\ny", "-x", "a@b.example", "x" * 129, "<script>", "{}"]
)
def test_it_takes_no_id_that_could_break_a_line(given: str) -> None:
    answered = Client().get("/healthz", HTTP_X_REQUEST_ID=given)["X-Request-ID"]
    assert answered != given
    assert len(answered) == 32


@pytest.mark.parametrize("address", ["/healthz", "/no-such-page", "/static/oms/admin.css", "/"])
def test_it_answers_the_id_with_every_page(address: str) -> None:
    answer = Client().get(address, headers={"X-Request-ID": "abc-1"})
    assert answer["X-Request-ID"] == "abc-1"
    b"".join(answer)  # a file is read to its end


@override_settings(ROOT_URLCONF=__name__)
def test_it_names_the_request_in_each_of_its_lines(lines: Callable[[], list[dict[str, Any]]]) -> None:
    client = Client(raise_request_exception=False)
    client.get("/tells", headers={"X-Request-ID": "one"})
    client.get(f"/missing?name={CANARY}", headers={"X-Request-ID": "two"})
    client.get(f"/breaks?name={CANARY}", headers={"X-Request-ID": "three"})
    b"".join(client.get("/streams", headers={"X-Request-ID": "four"}))
    logger.warning("Between requests")
    told = lines()
    assert [(line["message"], line.get("request_id")) for line in told] == [
        ("Told once", "one"),
        ("Not Found: /missing", "two"),
        ("Internal Server Error: /breaks", "three"),
        ("Streaming", "four"),
        ("Between requests", None),
    ]
    assert "ValueError: broken on purpose" in told[2]["exception"]
    assert CANARY not in str(told)
    assert log_context() == {}


def test_it_writes_one_line_of_json_with_known_keys_alone() -> None:
    request = RequestFactory().get(f"/orders?search={CANARY}")
    record = logging.LogRecord("oms", logging.ERROR, "", 0, 'Two\nlines of "%s"', ("text",), None)
    record.request = request  # as Django does
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert set(json.loads(text)) == {"time", "level", "logger", "message", "process"}
    assert json.loads(text)["message"] == 'Two\nlines of "text"'
    assert json.loads(text)["time"].endswith("+00:00")


def test_it_writes_lines_of_text_as_before_where_no_id_is_bound() -> None:
    record = logging.LogRecord("oms", logging.INFO, "", 0, "Told", (), None)
    assert TextFormatter().format(record).endswith(" INFO oms: Told")


@pytest.mark.django_db(transaction=True)
def test_it_passes_the_id_on_to_the_worker_that_does_what_was_asked_for(
    start_simulator: Callable[..., Simulator], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    platform = amazon()
    platform.api_config = api_config(start_simulator(orders=3).accounts[0])
    platform.save()
    client = superuser()
    answer = client.post("/orders/sync?platform_name=amazon", headers={"X-Request-ID": "asked-1"})
    (sync,) = answer.json()["syncs"]
    message = DBTaskResult.objects.get().args_kwargs
    assert message == {"args": [sync["id"]], "kwargs": {"request_id": "asked-1"}}
    logging.getLogger("integrations").setLevel(logging.INFO)
    work()
    closed = [line for line in lines() if line["message"].endswith("closed: succeeded")]
    assert [(line["request_id"], line["sync_id"], line["platform"]) for line in closed] == [
        ("asked-1", sync["id"], "amazon")
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("command", "said"),
    [("run_scheduler", "Nothing was due."), ("run_webhooks", "0 delivered, 0 attempts failed.")],
)
def test_services_write_json_alone_where_that_is_asked_for(
    settings: Any,
    capsys: pytest.CaptureFixture[str],
    lines: Callable[[], list[dict[str, Any]]],
    command: str,
    said: str,
) -> None:
    settings.LOG_FORMAT = "json"
    call_command(command, "--once")
    assert said in [line["message"] for line in lines()]
    assert capsys.readouterr().out == ""
