"""Scheduled exports with real processes: schedulers that look at the same time, workers, and one that is killed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.tests.object_store import BUCKET, KEY_ID, REGION, SECRET, ObjectStore, object_store
from integrations.tests.processes import PATIENCE, Installation, ended, installed

pytestmark = pytest.mark.own_database

MAKE = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from api.tests.rest import make_order
from backoffice.models import ScheduledExport

ada = User.objects.create_user("ada", is_staff=True, is_superuser=True)
for number in range(3):
    make_order(f"ORDER-{number}")
for name, destination in (("One", "folder"), ("Two", "folder"), ("Three", "store")):
    ScheduledExport.objects.create(
        name=name, file="orders", format="machine.csv", destination=destination, file_stem=name, owner=ada,
        next_run_at=timezone.now() - timedelta(hours=1), is_stamped=False,
    )
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running
        running.gate.set()


@pytest.fixture
def oms(tmp_path: Path, store: ObjectStore) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        for name, value in (("key", KEY_ID), ("secret", SECRET), ("files", "")):
            (tmp_path / name).write_text(value) if value else (tmp_path / name).mkdir()
        installation.environment |= {
            "EXPORTS_FOLDER": str(tmp_path / "files"),
            "EXPORTS_STORE_ENDPOINT": store.endpoint,
            "EXPORTS_STORE_BUCKET": BUCKET,
            "EXPORTS_STORE_REGION": REGION,
            "EXPORTS_STORE_ACCESS_KEY_FILE": str(tmp_path / "key"),
            "EXPORTS_STORE_SECRET_KEY_FILE": str(tmp_path / "secret"),
        }
        assert installation.run("shell", "--verbosity", "0", "--command", MAKE).status == 0
        yield installation


def runs_of(oms: Installation) -> list[tuple[str, str, int, int]]:
    rows = oms.sql(
        "SELECT * FROM scheduled_export_runs r JOIN scheduled_exports e ON e.id = r.export_id ORDER BY e.name"
    )
    return [(row["name"], row["status"], row["attempts"], row["rows"]) for row in rows]


def test_each_file_is_made_once_whoever_looks_works_and_dies(
    oms: Installation, store: ObjectStore, tmp_path: Path
) -> None:
    oms.sql("UPDATE scheduled_exports SET is_active = 0 WHERE name = 'Three'")
    schedulers = [oms.start("run_scheduler", "--once") for _each in range(2)]
    assert "".join(ended(process).out for process in schedulers).count("Queued the scheduled export ") == 2
    # Whoever makes what is due by hand meanwhile makes none again.
    workers = [oms.start("run_worker", "--once"), oms.start("run_worker", "--once"), oms.start("run_exports")]
    assert [ended(process).status for process in workers] == [0, 0, 0]
    assert runs_of(oms) == [("One", "succeeded", 1, 3), ("Two", "succeeded", 1, 3)]
    files = sorted((tmp_path / "files").iterdir())
    assert [path.name for path in files] == ["One.csv", "Two.csv"]
    for path in files:
        rows = csv.DictReader(path.read_text("utf-8-sig").splitlines())
        assert sorted(row["external_id"] for row in rows) == ["ORDER-0", "ORDER-1", "ORDER-2"]
    sent = oms.sql("SELECT * FROM audit_entries WHERE action = 'export.sent'")
    assert [(entry["actor"], entry["door"]) for entry in sent] == [("ada", "service")] * 2

    # A worker is killed while the store has not answered; when its lease has expired, another one goes on.
    oms.sql("UPDATE scheduled_exports SET is_active = 1 WHERE name = 'Three'")
    assert "Queued the scheduled export Three.\n" in oms.run("run_scheduler", "--once").out
    store.gate.clear()
    worker = oms.start("run_worker")
    assert store.is_waiting.wait(PATIENCE)
    worker.kill()
    worker.communicate()
    store.gate.set()
    assert "Three" not in oms.run("run_scheduler", "--once").out
    oms.sql("UPDATE scheduled_export_runs SET lease_expires_at = '2026-01-01' WHERE status = 'running'")
    assert "Queued the scheduled export Three again.\n" in oms.run("run_scheduler", "--once").out
    _status, out, err = oms.run("run_worker", "--once")
    assert runs_of(oms)[1] == ("Three", "succeeded", 2, 3), err
    assert b"ORDER-2" in store.objects["Three.csv"]
    assert not [secret for secret in (KEY_ID, SECRET) if secret in out + err]
