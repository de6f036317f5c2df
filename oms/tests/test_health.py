"""/healthz and /readyz, /schema and /docs."""

import json
import re
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from api.tests.rest import superuser, user_with


@pytest.mark.parametrize("address", ["/healthz", "/healthz/"])
def test_it_is_up_without_a_database(address: str) -> None:
    # No django_db mark: any query would fail the test.
    answer = Client().get(address)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/readyz", "/readyz/"])
def test_it_is_ready_with_a_migrated_database(address: str) -> None:
    assert Client().get(address).json() == {"status": "ok"}


@pytest.mark.django_db
def test_it_is_not_ready_while_a_migration_is_missing() -> None:
    MigrationRecorder.Migration.objects.filter(app="orders").order_by("-id")[0].delete()
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()) == {"code", "detail"}
    assert "orders" not in answer.content.decode()


@pytest.mark.django_db
def test_it_is_not_ready_without_a_database() -> None:
    def out_of_reach(*args: Any) -> None:
        raise DatabaseError("no route to host CANARY")

    with connection.execute_wrapper(out_of_reach):
        answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
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
    assert not [name for name in files if not name.startswith("/static/")]
    assert all(finders.find(name.removeprefix("/static/")) for name in files)
