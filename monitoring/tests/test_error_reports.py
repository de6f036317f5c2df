"""What a report to Sentry has, received by a server that listens like Sentry."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings

from integrations.tests.processes import PATIENCE, ROOT
from monitoring.error_reports import CONSTANT

CANARY = "CANARY-77aa"
KEY = "0123456789abcdef0123456789abcdef"

# A page that breaks, with personal data wherever a request, a variable or an error can have it.
SCRIPT = f"""
import logging, sys, types
import django
django.setup()
import sentry_sdk
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import path
from core import log_context

def breaks(request, number):
    local = "{CANARY}-local"
    raise ValueError(f"Duplicate entry '{CANARY}-value' in {{local}}")

urls = types.ModuleType("urls")
urls.urlpatterns = [path("orders/<str:number>", breaks)]
sys.modules["urls"] = urls
with override_settings(ROOT_URLCONF="urls", ALLOWED_HOSTS=["testserver"]):
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "{CANARY}-cookie"
    answer = client.post(
        "/orders/{CANARY}-path?search={CANARY}-query", {{"name": "{CANARY}-body"}},
        headers={{"Authorization": "Token {CANARY}-header", "X-Request-ID": "asked-1"}},
    )
    assert answer.status_code == 500
with log_context.bound(sync_id=12, platform="amazon"):
    logger = logging.getLogger("integrations.sync.run")
    logger.error("Sync %s broke", "{CANARY}-parameter", extra={{"x": "{CANARY}-extra"}})
logging.getLogger("somebody.elses").error("A text with {CANARY}-text")
logging.getLogger("integrations").warning("Nothing to report {CANARY}-warning")
sentry_sdk.flush(20)
raise RuntimeError("{CANARY}-at-the-end")
"""


class Sentry(ThreadingHTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.bodies: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def dsn(self) -> str:
        return f"http://{KEY}@127.0.0.1:{self.server_port}/1"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The reports: an envelope has a line of its own, then a line that describes each item, and the item."""
        return [
            json.loads(line)
            for body in self.bodies
            for line in body.splitlines()
            if '"event_id"' in line and '"level"' in line
        ]


class Receiver(BaseHTTPRequestHandler):
    server: Sentry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies.append(body.decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def sentry() -> Iterator[Sentry]:
    with Sentry() as server:
        yield server
        server.shutdown()


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "DATABASE_URL": "sqlite://:memory:", "REDIS_URL": "", "DJANGO_SETTINGS_MODULE": "oms.settings",
        **environment,
    }  # fmt: skip
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_a_report_has_the_code_and_the_ids_and_nothing_of_a_person(sentry: Sentry) -> None:
    ended = run(SCRIPT, SENTRY_DSN=sentry.dsn, SENTRY_ENVIRONMENT="staging")
    assert "CANARY-77aa-at-the-end" in ended.stderr  # it came to its end
    page, sync, foreign, last = sentry.events
    assert (page["logger"], page["environment"]) == ("django.request", "staging")
    assert page["release"].startswith("oms@")
    assert page["tags"] == {"request_id": "asked-1"}
    (error,) = page["exception"]["values"]
    assert error["type"] == "ValueError"
    assert error["stacktrace"]["frames"][-1]["function"] == "breaks"
    assert page["logentry"] == {"message": "%s: %s"}
    assert sync["logentry"] == {"message": "Sync %s broke"}
    assert sync["tags"] == {"sync_id": "12", "platform": "amazon"}
    assert "logentry" not in foreign
    assert last["exception"]["values"][0]["type"] == "RuntimeError"
    assert CANARY not in "\n".join(sentry.bodies)


def test_it_sends_nothing_without_an_address() -> None:
    asked = "import django; django.setup(); import sys; print('sentry_sdk' in sys.modules)"
    assert run(asked, SENTRY_DSN="").stdout.split() == ["False"]


@pytest.mark.parametrize("dsn", ["sentry.example", f"https://{CANARY}", f"ftp://{CANARY}@sentry.example/x"])
def test_it_refuses_an_address_that_means_nothing(dsn: str) -> None:
    ended = run("import django; django.setup()", SENTRY_DSN=dsn)
    assert "SENTRY_DSN is not understood" in ended.stderr
    assert CANARY not in ended.stderr


def test_the_sentences_of_all_apps_are_sent() -> None:
    """An app that logs and is missing there would be reported without the sentence that says what happened."""
    own = {name for name, logger in settings.LOGGING["loggers"].items() if logger["level"] == "INFO"}
    assert own <= CONSTANT
    folders = {path.parent.name for path in settings.BASE_DIR.glob("*/apps.py")}
    assert folders - {"simulator"} <= own
