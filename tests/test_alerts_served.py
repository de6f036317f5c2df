"""Alerts as an installation has them: `manage.py run_webhooks` as a process of its own, and a real mail server."""

import email
import signal
import socketserver
import threading
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import Any

import pytest

from integrations.tests.processes import ended, installed, until

pytestmark = pytest.mark.own_database

USER = (
    "INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_superuser, is_staff, is_active, "
    "date_joined) VALUES (7, 'ops', 'ops@shop.example', '!', '', '', 1, 1, 1, '2026-01-01 00:00:00')"
)
SUBSCRIPTION = (
    "INSERT INTO alert_subscriptions (user_id, by_email, kinds, platform_ids, digest, digest_hour, language, "
    "time_zone) VALUES (7, 1, '[\"scheduler\"]', '[]', 0, 8, 'en', 'UTC')"
)
# As if a silent scheduler had been seen for long; nothing else runs, so it is.
SEEN = (
    "INSERT INTO alert_states (key, kind, level, spells, seen_at) "
    "VALUES ('scheduler', 'scheduler', 0, 0, '2026-01-01 00:00:00')"
)


class Talk(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as smtplib needs to hand over a message."""

    server: "MailServer"

    def handle(self) -> None:
        self._say("220 mail.example")
        for line in self.rfile:
            verb = line.strip().upper()
            if verb == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.taken.append(b"".join(lines))
            self._say("221 bye" if verb == b"QUIT" else "250 fine")
            if verb == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.taken: list[bytes] = []

    def __enter__(self) -> "MailServer":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


def test_a_process_tells_once_that_no_scheduler_works(tmp_path: Path, mail_server: MailServer) -> None:
    with installed(tmp_path) as oms:
        oms.environment |= {
            "EMAIL_URL": mail_server.url,
            "DEFAULT_FROM_EMAIL": "OMS <oms@shop.example>",
            "PUBLIC_URL": "https://oms.example/",
        }
        for statement in (USER, SUBSCRIPTION, SEEN):
            oms.query(statement)
        process = oms.start("run_webhooks")
        until(lambda: oms.sql("SELECT sent_at FROM alert_messages WHERE sent_at IS NOT NULL"), "the e-mail")
        process.send_signal(signal.SIGTERM)
        assert ended(process).status == 0
        status, out, err = oms.run("run_webhooks", "--once")  # a second look tells nothing again
        assert status == 0, out + err

    (taken,) = mail_server.taken
    message = email.message_from_bytes(taken, policy=policy.default)
    assert (message["Subject"], message["To"]) == ("OMS: Scheduler silent", "ops@shop.example")
    assert message["From"] == "OMS <oms@shop.example>"
    assert message["Message-ID"].endswith("@shop.example>")
    text = message.get_content()
    assert "No scheduler has ever run. Nothing is synced by schedule." in text
    assert "https://oms.example/admin/alerts/" in text


def test_a_mail_server_that_is_down_costs_webhooks_nothing(tmp_path: Path) -> None:
    with MailServer() as gone:
        url = gone.url
    with installed(tmp_path) as oms:
        oms.environment |= {"EMAIL_URL": url}
        for statement in (USER, SUBSCRIPTION, SEEN):
            oms.query(statement)
        status, out, err = oms.run("run_webhooks", "--once")
        assert status == 0
        assert "0 delivered" in out
        assert "could not be sent: ConnectionRefusedError" in err
        assert "ops@" not in err
        (row,) = oms.sql("SELECT attempts, problem, sent_at FROM alert_messages")
    assert row == {"attempts": 1, "problem": "ConnectionRefusedError", "sent_at": None}
