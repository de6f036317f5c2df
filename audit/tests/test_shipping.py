"""Entries that are shipped elsewhere: to files, and to syslog servers that listen, break off, or are not there."""

import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.utils import timezone
from freezegun import freeze_time

from audit.chain import link_committed
from audit.models import AuditEntry, AuditHead, AuditShipment
from audit.origin import Origin
from audit.recording import record
from audit.shipping import ship, waiting
from backoffice.alerts.conditions import Kind, evaluate
from webhooks.models import Endpoint

pytestmark = pytest.mark.django_db
SECRET = "CANARY-secret-value"
HEADER = re.compile(r"<110>1 (\S+Z) \S+ oms - (\S+) - (\{.*\})", re.S)


class Receiver:
    """A syslog server over TCP or TLS, which takes one connection at a time. `breaks_off`: how many of the next ones it
    resets before it has read anything."""

    def __init__(self, tls: ssl.SSLContext | None = None, breaks_off: int = 0) -> None:
        self.data, self.breaks_off, self._tls = b"", breaks_off, tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            if self.breaks_off:
                self.breaks_off -= 1
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                continue
            with self._tls.wrap_socket(client, server_side=True) if self._tls else client as peer:
                while piece := peer.recv(65536):
                    self.data += piece

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def entries(self) -> list[dict[str, Any]]:
        """By the length before each: RFC 6587, 3.4.1."""
        found, rest = [], self.data
        while rest:
            size, _space, rest = rest.partition(b" ")
            found.append(parsed(rest[: int(size)]))
            rest = rest[int(size) :]
        return found


def parsed(message: bytes) -> dict[str, Any]:
    matched = HEADER.fullmatch(message.decode("ascii"))
    assert matched, message
    entry: dict[str, Any] = json.loads(matched[3])
    assert (entry["at"], entry["action"], entry["log"]) == (matched[1], matched[2], "oms.audit")
    return entry


@pytest.fixture
def tcp() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def three() -> None:
    for number in range(3):
        record("list.exported", changes={"rows": number, "filter": f"q={SECRET}"}, reason=SECRET)


def positions() -> dict[str, int]:
    return dict(AuditShipment.objects.values_list("place", "shipped_through"))


def test_a_file_has_one_json_object_a_line_and_nothing_that_was_typed_freely(
    settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    settings.AUDIT_LOG = str(file)
    user = User.objects.create_user("anna", f"{SECRET}@shop.example", SECRET, first_name=SECRET)
    Endpoint.objects.create(
        name="hook", url=f"https://hooks.example/{SECRET}", signing_secrets={"new": SECRET}
    )
    three()
    record("passkey.added", user, changes={"name": SECRET})
    typed = {
        "query": [None, f"q={SECRET}"],
        "recipients": [None, [f"{SECRET}@shop.example"]],
        "hour": [None, 6],
    }
    record("export.added", changes=typed)
    record("export.sent", changes={"file": "orders.csv", "to": f"{SECRET}@shop.example", "rows": 5})
    ship()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (lines[6]["changes"]["hour"], lines[7]["changes"]["rows"]) == ([None, 6], 5)
    assert (lines[0]["object_name"], lines[0]["changes"]["username"]) == ("anna", [None, "anna"])
    assert lines[0]["changes"]["email"] == lines[2]["changes"]["filter"] == "(in OMS)"
    assert [line["digest"] for line in lines] == list(
        AuditEntry.objects.order_by("sequence").values_list("digest", flat=True)
    )
    assert SECRET not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    file.rename(tmp_path / "audit.jsonl.1")  # logrotate
    user.delete()
    ship()
    ship()
    assert [json.loads(line)["action"] for line in file.read_text().splitlines()] == ["user.deleted"]


def test_stdout_has_them_too(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.AUDIT_LOG = "stdout"
    record("login.failed", by=Origin("admin", address="192.0.2.1"))
    ship()
    assert json.loads(capsys.readouterr().out)["address"] == "192.0.2.1"


def test_udp(settings: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        settings.AUDIT_SYSLOG = f"udp://127.0.0.1:{server.getsockname()[1]}"
        three()
        record("group.changed", changes={f"permission {number}": "x" * 400 for number in range(40)})
        ship()
        found = [parsed(server.recv(65536)) for _each in range(4)]
    assert [entry["sequence"] for entry in found] == [1, 2, 3, 4]
    assert (found[0]["changes"]["rows"], found[3]["changes"]) == (0, "(in OMS)")


def test_tcp_in_order_once(settings: Any, tcp: Receiver) -> None:
    settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{tcp.port}"
    three()
    ship()
    three()
    ship()
    ship()
    assert [entry["sequence"] for entry in tcp.entries()] == [1, 2, 3, 4, 5, 6]
    assert waiting()[0].entries == 0
    AuditHead.objects.all().delete()
    assert waiting()[0].entries == 0


def test_tls_with_an_authority_of_its_own(settings: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = Receiver(context)
    three()
    settings.AUDIT_SYSLOG = f"tls://127.0.0.1:{server.port}?ca={tmp_path / 'ca.pem'}"
    ship()
    server.close()
    assert [entry["sequence"] for entry in server.entries()] == [1, 2, 3]
    assert positions() == {"syslog": 3}


def test_a_connection_that_breaks_off_loses_nothing(settings: Any, caplog: Any) -> None:
    server = Receiver(breaks_off=1)
    settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{server.port}"
    three()
    ship()
    assert (positions(), waiting()[0].entries) == ({"syslog": 0}, 3)
    assert "cannot be shipped to syslog" in caplog.text
    assert "from entry 1 on" in caplog.text
    ship()
    server.close()
    assert [entry["sequence"] for entry in server.entries()] == [1, 2, 3]
    assert positions() == {"syslog": 3}


def test_a_dead_server_stops_neither_the_work_nor_the_other_place(
    settings: Any, tmp_path: Path, caplog: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings.AUDIT_SYSLOG, settings.AUDIT_LOG = f"tcp://127.0.0.1:{port}", str(tmp_path / "audit.jsonl")
    three()
    ship()
    assert positions() == {"log": 3, "syslog": 0}
    assert [each.entries for each in waiting()] == [0, 3]
    settings.AUDIT_LOG = str(tmp_path / "missing" / "audit.jsonl")
    three()
    ship()
    assert positions() == {"log": 3, "syslog": 0}
    assert AuditEntry.objects.filter(sequence=None).count() == 0


def test_one_process_ships_at_a_time_and_a_killed_one_is_replaced(settings: Any, tcp: Receiver) -> None:
    settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{tcp.port}"
    three()
    claim = AuditShipment.objects.create(place="syslog", claimed_until=timezone.now() + timedelta(minutes=1))
    ship()
    assert tcp.data == b""
    AuditShipment.objects.filter(pk=claim.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    ship()
    assert len(tcp.entries()) == 3


def test_it_is_told_that_entries_wait_and_that_a_place_refuses_them(settings: Any, client: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{port}"  # where nobody listens any more
    client.force_login(User.objects.create_superuser("root"))
    record("login.failed", by=Origin("admin", address="192.0.2.1"))
    link_committed()
    assert "waits to be shipped" not in client.get("/admin/").content.decode()
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        (condition,) = [each for each in evaluate() if each.kind == Kind.SHIPPING]
        assert "See whether manage.py run_webhooks runs" in condition.say()
        assert (condition.facts["place"], condition.platform) == ("syslog", None)
    ship()
    (condition,) = [each for each in evaluate() if each.kind == Kind.SHIPPING]
    assert "It has taken nothing since" in condition.say()
    assert "to be shipped to syslog" in client.get("/admin/").content.decode()
    receiver = Receiver()
    try:
        settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{receiver.port}"
        ship()
    finally:
        receiver.close()
    assert [each for each in evaluate() if each.kind == Kind.SHIPPING] == []


def test_a_check_warns_of_udp(settings: Any) -> None:
    for address, warns in (("udp://127.0.0.1", True), ("tls://127.0.0.1", False), ("", False)):
        settings.AUDIT_SYSLOG = address
        assert any(problem.id == "oms.W015" for problem in run_checks()) is warns
