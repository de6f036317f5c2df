"""Exports by `manage.py export_file`: as a user gets them in the admin, into a folder or by e-mail."""

import csv
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from access.confinement import confine
from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from backoffice.export import unattended
from platforms.models import Platform

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept_connection")]


@pytest.fixture
def ada() -> User:
    """She sees orders of one platform."""
    user = User.objects.create_user("ada", is_staff=True, email="ada@shop.example")
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    confine(user, [amazon().pk])
    make_order("111-0000001-0000001", status="shipped", currency="EUR", total=5)
    make_order("111-0000002-0000002", status="pending")
    make_order("CANARY-other", platform=Platform.objects.create(name="CANARY"), status="shipped")
    return user


def export(*arguments: str) -> None:
    call_command("export_file", *arguments, verbosity=0)


def test_it_writes_what_the_user_may_see_into_a_folder(ada: User, tmp_path: Path) -> None:
    to = ("--user", "ada", "--folder", str(tmp_path), "--time-zone", "Europe/Berlin", "--language", "de")
    export("orders.csv", "--filters", "status__exact=shipped", *to)
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (row,) = csv.DictReader(path.read_text("utf-8-sig").splitlines(), delimiter=";")
    assert (row["Bestellnummer"], row["Gekauft (Europe/Berlin)"]) == (
        "111-0000001-0000001",
        "2026-01-31 13:00:00",
    )
    assert AuditEntry.objects.filter(action="list.exported").latest("pk").changes["rows"] == 1
    export("sales.machine.csv", "--filters", "from=2026-01&to=2026-01", *to)
    (path,) = tmp_path.glob("sales-*")
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert {(row["month"], row["platform"]) for row in rows} == {("2026-01", "amazon")}
    export("sales.machine.csv", "--filters", "in=last_month", *to)


def test_it_sends_the_file_to_the_user(ada: User, settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_IS_ON = True
    export("orders.xlsx", "--user", "ada", "--email")
    (sent,) = mail.outbox
    ((name, content, _kind),) = sent.attachments
    (tmp_path / name).write_bytes(content)
    assert load_workbook(tmp_path / name).worksheets[0].max_row == 3
    assert sent.to == ["ada@shop.example"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["orders.csv", "--user", "nobody", "--folder", "."], "no user 'nobody'"),
        (["orders.csv", "--user", "ada"], "either --folder or --email"),
        (["orders.csv", "--user", "ada", "--email"], "EMAIL_URL is not set"),
        (["orders.csv", "--user", "ada", "--folder", "/no/such"], "no folder /no/such"),
        (["orders.csv", "--user", "ada", "--folder", ".", "--time-zone", "Mars"], "no 'Mars'"),
        (["buyers.csv", "--user", "ada", "--folder", "."], "There are: audit"),
        (["inventory.csv", "--user", "ada", "--folder", "."], "ada may not see what inventory.csv holds"),
        (["orders.pdf", "--user", "ada", "--folder", "."], "There is no orders.pdf"),
        (["orders.csv", "--user", "ada", "--folder", ".", "--filters", "x=1"], "no filter"),
        (
            ["sales.csv", "--user", "ada", "--folder", ".", "--filters", "from=x"],
            "sales.csv was refused. Choose a first",
        ),
    ],
)
def test_it_says_why_it_writes_nothing(
    ada: User, arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=r"Nothing was (written|sent)\.$") as refused:
        export(*arguments)
    assert reason in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_breaks_off_is_none(
    ada: User, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_IS_ON = True
    monkeypatch.setattr(unattended, "MOST_MAILED", 10)
    with pytest.raises(CommandError, match=r"Take --folder\."):
        export("orders.csv", "--user", "ada", "--email")
    assert mail.outbox == []

    def breaks() -> Any:
        yield b"x"
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        unattended.write_into(tmp_path, "orders.csv", breaks())
    assert list(tmp_path.iterdir()) == []
