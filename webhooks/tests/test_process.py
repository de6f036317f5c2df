"""`manage.py run_webhooks` as a real process that is killed again and again while changes are made: each message comes
at least once, with one id, and those about one object in their order."""

import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from integrations.tests.processes import Installation, ended, hears, installed, line_with, until
from webhooks.tests.receiver import Answer, Message, Receiver

ENDPOINT = (
    "INSERT INTO webhook_endpoints (name, url, events, platform_ids, is_active, off_reason, position, "
    "event_position, lease_token, lease_holder, lease_expires_at, created_at, signing_secrets) "
    "SELECT ?, ?, NULL, NULL, TRUE, '', last, 0, '', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00', ? "
    "FROM feed_position"
)
PLAIN = {"WEBHOOKS_ALLOW_PRIVATE": "on", "WEBHOOKS_REQUIRE_HTTPS": "off"}  # the receiver is on this machine
# Plain JSON written with SQL is read as well; it is the form that core/encryption.py stores.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRETS = '{"secrets": [{"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "until": null}]}'


@pytest.fixture
def oms(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        installation.environment |= PLAIN
        yield installation


@pytest.fixture
def on_the_suites_database(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Processes on the database that DATABASE_URL names, or on one of their own where that is SQLite."""
    if connection.vendor == "sqlite":
        yield request.getfixturevalue("oms")
        return
    request.getfixturevalue("transactional_db")

    def query(statement: str, *values: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), values)
            names = [each[0] for each in cursor.description or ()]
            return names, cursor.fetchall() if names else []

    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    installation = Installation(f"{server}/{connection.settings_dict['NAME']}", query)
    installation.environment |= PLAIN
    installation.query("DELETE FROM changes")
    yield installation
    installation.end()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(SECRET) as running:
        yield running


def add(oms: Installation, receiver: Receiver, name: str = "shop") -> None:
    oms.query(ENDPOINT, name, receiver.url(), SECRETS)


def write(oms: Installation, *changes: tuple[str, int, int]) -> None:
    """Changes of (kind, object, version), in one transaction."""
    rows = ", ".join(["('2026-11-26 12:00:00', ?, 1, ?, '', ?)"] * len(changes))
    columns = "at, kind, platform_id, object_id, external_id, field_names"
    values = [value for kind, key, version in changes for value in (kind, key, f"v{version}")]
    oms.query(f"INSERT INTO changes ({columns}) VALUES {rows}", *values)  # noqa: S608


def versions(messages: list[Message]) -> dict[int, list[int]]:
    """By object: the versions that were told, each id once."""
    seen: set[str] = set()
    told: dict[int, list[int]] = defaultdict(list)
    for message in messages:
        if message.id not in seen:
            seen.add(message.id)
            told[message["data"]["id"]].append(int(message["data"]["fields"][0][1:]))
    return told


def forget_leases(oms: Installation) -> None:
    """As if the time had passed after which another process may take over."""
    oms.query("UPDATE webhook_endpoints SET lease_expires_at = '2026-01-01 00:00:00'")


def be_impatient(oms: Installation) -> None:
    """As if the pauses after failures had passed."""
    early = "2026-01-01 00:00:00"
    oms.query("UPDATE webhook_endpoints SET paused_until = NULL")
    oms.query("UPDATE webhook_deliveries SET next_at = ? WHERE state = 'pending'", early)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_and_the_order_kept_however_often_it_is_killed(
    on_the_suites_database: Installation, receiver: Receiver
) -> None:
    oms = on_the_suites_database
    lives = 6 if connection.vendor == "sqlite" else 2
    rng, lock = random.Random(7), threading.Lock()  # noqa: S311
    objects, latest = range(1, 9), dict.fromkeys(range(1, 9), 0)

    def moody(_message: Message) -> Answer | None:
        with lock:
            mood = rng.random()
        if mood < 0.1:
            return None  # it hangs up without an answer
        time.sleep(0.002)
        return (200, {}, b"") if mood < 0.8 else (rng.choice([500, 503, 404]), {}, b"")

    receiver.answer = moody
    add(oms, receiver)
    for _life in range(lives):
        process = oms.start("run_webhooks")
        for _burst in range(4):
            some: list[tuple[str, int, int]] = []
            for key in rng.choices(objects, k=12):
                latest[key] += 1
                some.append(("order.updated", key, latest[key]))
            write(oms, *some)
            time.sleep(rng.uniform(0.05, 0.3))
            be_impatient(oms)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        forget_leases(oms)
    receiver.answer = lambda _message: (200, {}, b"")

    def is_done() -> bool:
        be_impatient(oms)
        status, out, err = oms.run("run_webhooks", "--once")
        assert status == 0, out + err
        (row,) = oms.sql("SELECT COUNT(*) AS n FROM webhook_deliveries WHERE state <> 'delivered'")
        return not row["n"] and sum(map(len, versions(receiver.taken).values())) == sum(latest.values())

    until(is_done, "all messages")
    # What the receiver took, without what it knows already: every version of each object, in order.
    assert versions(receiver.taken) == {key: list(range(1, last + 1)) for key, last in latest.items() if last}
    assert receiver.unsigned == 0
    first_ids: dict[tuple[int, str], str] = {}
    for message in receiver.met:
        told = (message["data"]["id"], message["data"]["fields"][0])
        assert first_ids.setdefault(told, message.id) == message.id


@pytest.mark.own_database
def test_it_finishes_what_is_under_way_when_it_is_stopped(oms: Installation, receiver: Receiver) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(_message: Message) -> Answer:
        begun.set()
        go.wait(20)
        return 200, {}, b""

    receiver.answer = slow
    add(oms, receiver)
    write(oms, ("order.created", 1, 1))
    process = oms.start("run_webhooks")
    assert process.stdout is not None
    line_with(process.stdout, "Webhooks: sending what changes.")
    assert begun.wait(30)
    assert hears(process, signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    go.set()
    status, out, _err = ended(process)
    assert (status, out) == (0, "Webhooks stopped: 1 delivered, 0 attempts failed.\n")
    assert oms.sql("SELECT state, attempts FROM webhook_deliveries") == [
        {"state": "delivered", "attempts": 1}
    ]
    (row,) = oms.sql("SELECT lease_holder FROM webhook_endpoints")
    assert row == {"lease_holder": ""}


@pytest.mark.own_database
def test_two_processes_send_each_message_once(oms: Installation, receiver: Receiver) -> None:
    for name in ("one", "other"):
        add(oms, receiver, name)
    processes = [oms.start("run_webhooks") for _number in range(2)]
    for number in range(20):
        write(oms, *[("order.updated", key, number) for key in range(1, 6)])
    until(lambda: len(receiver.taken) >= 200, "all messages")
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [ended(process).status for process in processes] == [0, 0]
    assert len(receiver.taken) == len({message.id for message in receiver.taken}) == 200


@pytest.mark.own_database
def test_it_waits_for_a_database_and_says_what_is_wrong_with_it(tmp_path: Path, oms: Installation) -> None:
    oms.environment["DATABASE_URL"] = f"sqlite:///{tmp_path / 'other.sqlite3'}"
    status, _out, err = oms.run("run_webhooks", "--once")
    assert (status, "manage.py migrate" in err, "Traceback" in err) == (1, True, False)
    process: Any = oms.start("run_webhooks")
    line_with(process.stderr, "The database cannot be used right now")
    process.send_signal(signal.SIGTERM)
    process.communicate()
