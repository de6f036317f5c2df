"""/healthz and /readyz, /schema and /docs."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from api.tests.rest import amazon, superuser, user_with
from backoffice.models import AlertSubscription
from integrations.models import SchedulerLease
from integrations.schedule.leadership import Leadership
from integrations.schedule.looks import note_look
from integrations.sync.start import start_sync
from webhooks.endpoints import add_endpoint
from webhooks.models import Endpoint

PARTS = dict.fromkeys(("database", "queue", "workers", "scheduler", "webhooks"), "ok")


@pytest.mark.parametrize("address", ["/healthz", "/healthz/"])
def test_it_is_up_without_a_database(address: str) -> None:
    # No django_db mark: any query would fail the test.
    answer = Client().get(address)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/readyz", "/readyz/"])
def test_it_is_ready_with_a_migrated_database(address: str) -> None:
    assert Leadership().hold()
    answer = Client().get(address)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", **PARTS})


@pytest.mark.django_db
def test_it_serves_on_where_the_scheduler_is_silent_and_says_so() -> None:
    silent = {"status": "degraded", **PARTS, "scheduler": "silent"}
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, silent)
    leadership = Leadership()
    assert leadership.hold()
    leadership.release()  # one from cron comes again in a minute
    assert Client().get("/readyz").json()["status"] == "ok"
    SchedulerLease.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert Client().get("/readyz").json() == silent


@pytest.mark.django_db
def test_it_serves_on_where_no_worker_takes_what_waits(django_capture_on_commit_callbacks: Any) -> None:
    assert Leadership().hold()
    with django_capture_on_commit_callbacks(execute=True):
        start_sync(platform=amazon(), kind="orders", trigger="api")
    assert Client().get("/readyz").json()["status"] == "ok"
    DBTaskResult.objects.update(run_after=timezone.now() - timedelta(minutes=6))
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "degraded", **PARTS, "workers": "silent"})


@pytest.mark.django_db
def test_it_serves_on_where_nobody_sends_webhooks_or_alerts_and_says_so() -> None:
    """Where there is something to send, and to somebody."""
    assert Leadership().hold()
    silent = {"status": "degraded", **PARTS, "webhooks": "silent"}
    add_endpoint(Endpoint(name="shop", url="https://shop.example/"))
    assert Client().get("/readyz").json()["webhooks"] == "ok"
    Endpoint.objects.update(lease_expires_at=timezone.now() - timedelta(minutes=2))
    assert Client().get("/readyz").json() == silent
    Endpoint.objects.update(is_active=False)
    assert Client().get("/readyz").json()["status"] == "ok"
    AlertSubscription.objects.create(user=User.objects.create_user("ops"), by_email=True)
    assert Client().get("/readyz").json() == silent
    note_look()
    assert Client().get("/readyz").json()["status"] == "ok"


@pytest.mark.django_db
def test_it_serves_on_where_redis_is_down(settings: Any) -> None:
    assert Leadership().hold()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.RQ_QUEUES = {"default": {"URL": settings.REDIS_URL}}
    settings.TASKS = {
        "default": {"BACKEND": "integrations.sync.messages.RedisBackend", "QUEUES": ["default"]}
    }
    answer = Client().get("/readyz")
    down = {"status": "degraded", **PARTS, "queue": "down", "workers": "unknown"}
    assert (answer.status_code, answer.json()) == (200, down)


@pytest.mark.django_db
def test_it_is_not_ready_while_a_migration_is_missing() -> None:
    MigrationRecorder.Migration.objects.filter(app="orders").order_by("-id")[0].delete()
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "not_migrated"
    assert set(answer.json()) == {"code", "detail", *PARTS}
    assert "orders" not in answer.content.decode()


@pytest.mark.django_db
def test_it_is_not_ready_without_a_database() -> None:
    def out_of_reach(*args: Any) -> None:
        raise DatabaseError("no route to host CANARY")

    with connection.execute_wrapper(out_of_reach):
        answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    unknown = dict.fromkeys(("queue", "workers", "scheduler", "webhooks"), "unknown")
    assert {name: answer.json()[name] for name in PARTS} == {"database": "down", **unknown}
    assert "CANARY" not in answer.content.decode()


@pytest.mark.django_db
def test_it_describes_every_route_once(tmp_path: Any) -> None:
    call_command(
        "spectacular",
        "--validate",
        "--fail-on-warn",
        "--format",
        "openapi-json",
        "--file",
        tmp_path / "schema",
    )
    described = json.loads((tmp_path / "schema").read_text())["paths"]
    answered = user_with().get("/schema").json()["paths"]
    assert {"/orders", "/platforms/{id}", "/sync-logs/{id}/cancel"} < set(described)
    assert not [address for address in answered if address.endswith("/")]


@pytest.mark.django_db
def test_its_documentation_loads_nothing_from_elsewhere() -> None:
    page = superuser().get("/docs/").content.decode()
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) >= 3
    own = "/docs/?script="
    assert own in files
    files.remove(own)
    assert not [name for name in files if not name.startswith("/static/")]
    assert all(finders.find(name.removeprefix("/static/")) for name in files)
