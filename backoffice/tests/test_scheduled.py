"""Scheduled exports: from the menu of a list to the file where it should be, who may have which, and what is told of
those that went wrong."""

import csv
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from access.confinement import confine
from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from backoffice.alerts.conditions import evaluate
from backoffice.models import ExportRun, ScheduledExport, ScheduledExportRun
from backoffice.scheduled import s3
from backoffice.scheduled.calendar import Plan
from backoffice.scheduled.problems import Problem
from backoffice.scheduled.queue import due_runs, lost_runs, prune_runs, queue_due, run_here
from backoffice.scheduled.runs import ATTEMPTS, LEASE, Trigger, request_run
from backoffice.tasks import make_export
from backoffice.tests.object_store import BUCKET, KEY_ID, REGION, SECRET, ObjectStore, object_store
from integrations import tasks
from integrations.sync.messages import TASKS, is_ours
from orders.models import Order
from platforms.models import Platform

Status = ScheduledExportRun.Status
BERLIN = ZoneInfo("Europe/Berlin")
LIST, ADD = "admin:oms_scheduledexport_changelist", "admin:oms_scheduledexport_add"


# --- the calendar


def local(plan: Plan, after: str, count: int = 3) -> list[str]:
    """The next times, by the clock of the plan's zone, with their offset."""
    moment, found = datetime.fromisoformat(after).replace(tzinfo=UTC), []
    for _each in range(count):
        moment = plan.after(moment)
        found.append(f"{moment.astimezone(plan.zone):%m-%d %H:%M%z}")
    return found


@pytest.mark.parametrize(
    ("plan", "after", "expected"),
    [
        # 2 o'clock does not exist on 29 March, and comes twice on 25 October.
        (
            Plan(every="daily", hour=2, zone=BERLIN),
            "2026-03-27T12:00",
            ["03-28 02:00+0100", "03-29 03:00+0200", "03-30 02:00+0200"],
        ),
        (
            Plan(every="daily", hour=2, zone=BERLIN),
            "2026-10-24T12:00",
            ["10-25 02:00+0200", "10-26 02:00+0100", "10-27 02:00+0100"],
        ),
        (
            Plan(every="weekly", weekday=0, hour=6, zone=BERLIN),
            "2026-11-27T12:00",
            ["11-30 06:00+0100", "12-07 06:00+0100", "12-14 06:00+0100"],
        ),
        (
            Plan(every="monthly", month_day=31, hour=0, zone=UTC),
            "2026-01-31T00:00",
            ["02-28 00:00+0000", "03-31 00:00+0000", "04-30 00:00+0000"],
        ),
        # A day that Samoa left out: its time is the moment at which the clock goes on, once.
        (
            Plan(every="daily", hour=6, zone=ZoneInfo("Pacific/Apia")),
            "2011-12-29T12:00",
            ["12-29 06:00-1000", "12-31 06:00+1400", "01-01 06:00+1400"],
        ),
    ],
)
def test_a_day_has_one_time_whatever_the_clock_does(plan: Plan, after: str, expected: list[str]) -> None:
    assert local(plan, after) == expected


def test_after_a_pause_the_last_time_is_due_and_the_others_are_counted() -> None:
    plan = Plan(every="daily", hour=6, zone=UTC)
    since, now = datetime(2026, 11, 20, 6, tzinfo=UTC), datetime(2026, 11, 23, 7, tzinfo=UTC)
    assert plan.due(since, now) == (datetime(2026, 11, 23, 6, tzinfo=UTC), 3)
    assert plan.due(since, since) == (since, 0)


# --- rows


@pytest.fixture
def ada(db: None, kept_connection: None) -> User:
    """An operator who sees one platform of two."""
    user = person("ada", "Operator")
    confine(user, [amazon().pk])
    yesterday = timezone.now() - timedelta(days=1)
    make_order("MINE-1", status="shipped", purchased_at=yesterday, currency="EUR", total=5)
    make_order("MINE-2", status="shipped", purchased_at=yesterday - timedelta(days=9))
    make_order("CANARY-other", platform=Platform.objects.create(name="CANARY"), purchased_at=yesterday)
    return user


def person(name: str, group: str) -> User:
    user = User.objects.create_user(name, f"{name}@shop.example", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.EXPORTS_FOLDER = str(tmp_path / "root")
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def scheduled(owner: User | None, **values: Any) -> ScheduledExport:
    """Of orders into the folder, daily at 6 in Berlin, and due."""
    name = values.pop("name", "Orders")
    defaults: dict[str, Any] = {
        "name": name, "file": "orders", "format": "machine.csv", "time_zone": "Europe/Berlin", "destination": "folder",
        "file_stem": name.lower(), "owner": owner, "next_run_at": timezone.now() - timedelta(minutes=1),
    }  # fmt: skip
    return ScheduledExport.objects.create(**defaults | values)


def made(export: ScheduledExport) -> ScheduledExportRun:
    """Its run, after a worker of this process."""
    run, _is_new = request_run(export, trigger=Trigger.BUTTON)
    return run_here(run.pk)


def rows_of(path: Path) -> list[str]:
    return [row["external_id"] for row in csv.DictReader(path.read_text("utf-8-sig").splitlines())]


def later(run: ScheduledExportRun) -> ScheduledExportRun:
    """Tried again, once its pause is over."""
    ScheduledExportRun.objects.filter(pk=run.pk).update(resume_at=timezone.now() - timedelta(seconds=1))
    return run_here(run.pk)


# --- from the list to the file


@pytest.mark.django_db(transaction=True)  # a worker closes old connections
def test_from_the_menu_of_a_list_to_the_file(
    ada: User, client: Client, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(ada)
    client.cookies["oms_timezone"] = "Europe/Berlin"
    now = timezone.now().astimezone(BERLIN)
    hour = (now.hour + 6) % 24  # is not planned within the hours that this test is late
    orders = reverse("admin:orders_order_changelist")
    page = client.get(f"{orders}?status__exact=shipped&purchased_at_in=yesterday&p=1")
    (address,) = [each["address"] for each in page.context["schedules"] if str(each["label"]) == "Orders"]
    form = client.get(address)
    assert form.context["filters"] == ["Status: shipped", "Purchased: yesterday"]
    values = form.context["adminform"].form.initial
    assert (values["days"], values["query"]) == ("purchased_at_in=yesterday", "status__exact=shipped")
    assert (values["time_zone"], values["destination"]) == ("Europe/Berlin", "folder")
    entered = {
        "name": "Orders of yesterday", "query": "status__exact=shipped&p=3", "days": "purchased_at_in=yesterday",
        "columns": ["external_id", "total"], "format": "machine.csv", "language": "en", "every": "daily",
        "hour": str(hour),
        "time_zone": "Europe/Berlin", "destination": "folder", "folder": "shop/orders", "is_stamped": "on",
        "is_active": "on",
    }  # fmt: skip
    wrong = entered | {"query": "no_such=1", "folder": "../out", "recipients": "nobody", "file_stem": "a/b"}
    refused = client.post(address, wrong)
    assert set(refused.context["adminform"].form.errors) == {"folder", "recipients", "file_stem"}
    assert set(client.post(address, entered | {"query": "no_such=1"}).context["adminform"].form.errors) == {
        "query"
    }
    assert not ScheduledExport.objects.exists()

    client.post(address, entered)
    export = ScheduledExport.objects.get()
    assert (export.query, export.owner, export.file_stem) == (
        "purchased_at_in=yesterday&status__exact=shipped", ada, "orders-of-yesterday",
    )  # fmt: skip
    assert export.next_run_at is not None
    assert export.next_run_at.astimezone(BERLIN).hour == hour
    assert export.next_run_at > timezone.now()
    assert list(due_runs()) == []

    # The scheduler, three hours late, twice; then a worker. Yesterday is the day before the one that was planned.
    planned = timezone.now() - timedelta(hours=3)
    ScheduledExport.objects.update(next_run_at=planned)
    for _twice in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            call_command("run_scheduler", "--once", verbosity=0)
    assert ScheduledExportRun.objects.count() == 1
    Order.objects.filter(external_id="MINE-1").update(
        purchased_at=(planned.astimezone(BERLIN) - timedelta(days=1)).replace(hour=23)
    )
    call_command("run_worker", "--once", verbosity=0)
    (path,) = folder.rglob("*.csv")
    assert path == folder / f"shop/orders/orders-of-yesterday-{planned.astimezone(BERLIN):%Y%m%d-%H%M}.csv"
    assert path.read_text("utf-8-sig").splitlines() == ["external_id,currency,total", "MINE-1,EUR,5.00"]
    assert path.stat().st_mode & 0o777 == 0o640
    run = ScheduledExportRun.objects.get()
    assert (run.status, run.rows, run.size, run.attempts) == ("succeeded", 1, path.stat().st_size, 1)
    sent = AuditEntry.objects.get(action="export.sent")
    assert (sent.actor, sent.door, sent.changes["rows"]) == ("ada", "service", 1)
    assert AuditEntry.objects.filter(action="export.added", actor="ada").exists()
    shown = client.get(reverse("admin:oms_scheduledexport_change", args=[export.pk])).content.decode()
    assert f"1 row, {run.size} B: {path}" in shown
    assert "succeeded" in client.get(reverse(LIST)).content.decode()


def test_each_kind_of_file_can_be_scheduled(ada: User, client: Client, folder: Path) -> None:
    """As the menus offer them; without a filter, with days that move, and with columns that need a currency."""
    boss = User.objects.create_superuser("boss", "boss@shop.example")
    client.force_login(boss)
    page = client.get(reverse(ADD))
    names = [item.name for item in page.context["items"]]
    assert {"orders", "order-lines", "inventory", "sales", "sales-taxes", "audit", "sku-settings"} <= set(
        names
    )
    for name in names:
        form = client.get(f"{reverse(ADD)}?file={name}").context["adminform"].form
        fields = {key: form.initial.get(key) or "" for key in form.fields}
        days = [value for _group, choices in form.fields["days"].choices[1:] for value, _label in choices]
        entered = fields | {"name": name, "days": (days or [""])[-1], "format": "csv", "every": "monthly"}
        entered = {key: value for key, value in entered.items() if value not in ("", [])}
        answer = client.post(f"{reverse(ADD)}?file={name}", entered)
        assert answer.status_code == 302, answer.context["adminform"].form.errors
    for export in ScheduledExport.objects.all():
        run = made(export)
        assert (run.status, run.problem, run.detail) == ("succeeded", "", ""), export
        assert (folder / f"{run.file_name}").exists()
    assert "CANARY-buyer" not in "".join(path.read_text() for path in folder.iterdir())


def test_the_filters_of_a_report_are_said_in_words(ada: User, client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss", "boss@shop.example"))
    shop = Platform.objects.create(name="shop", display_name="My Shop")
    page = client.get(reverse(ADD), {"file": "sales", "query": f"in=last_month&platform={shop.pk}"})
    assert page.context["filters"] == ["Months: last month", "Platform: My Shop"]
    page = client.get(reverse(ADD), {"file": "sales", "query": "from=2026-01&to=2026-03"})
    assert page.context["filters"] == ["From: 2026-01", "To: 2026-03"]


# --- where it goes


def test_an_e_mail_to_each_and_no_second_one(
    ada: User, settings: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_IS_ON, settings.EXPORTS_EMAIL_DOMAINS = True, ["shop.example"]
    to = ["a@shop.example", "b@shop.example", "c@shop.example"]
    export = scheduled(ada, destination="email", recipients=to, format="xlsx")
    answers: list[Exception | None] = [
        None,
        SMTPServerDisconnected("CANARY"),
        None,
        SMTPRecipientsRefused({}),
    ]
    really_send = mail.EmailMessage.send

    def send(message: mail.EmailMessage, *args: Any) -> int:
        if answer := answers.pop(0):
            raise answer
        return really_send(message, *args)

    monkeypatch.setattr(mail.EmailMessage, "send", send)  # the mail server, as Django sees it
    with django_capture_on_commit_callbacks(execute=True):
        run = made(export)
    assert (run.status, run.problem, run.detail) == ("waiting", "mail", "SMTPServerDisconnected")
    assert run.resume_at is not None
    assert DBTaskResult.objects.filter(run_after=run.resume_at).count() == 1
    run = later(run)
    assert (run.status, run.problem, run.detail) == ("failed", "address_refused", "c@shop.example")
    assert [message.to for message in mail.outbox] == [["a@shop.example"], ["b@shop.example"]]
    assert mail.outbox[0].attachments[0][0].endswith(".xlsx")
    settings.EXPORTS_EMAIL_DOMAINS = ["else.example"]
    assert made(export).problem == "address_not_allowed"
    ScheduledExport.objects.update(recipients=["a@else.example"], query="q=nothing-like-it", skips_empty=True)
    run = made(ScheduledExport.objects.get())
    assert (run.status, run.place, run.rows, len(mail.outbox)) == ("succeeded", "", 0, 2)


@pytest.fixture
def store(settings: Any) -> Iterator[ObjectStore]:
    with object_store() as running:
        settings.EXPORTS_STORE_ENDPOINT, settings.EXPORTS_STORE_BUCKET = running.endpoint, BUCKET
        settings.EXPORTS_STORE_REGION, settings.EXPORTS_STORE_PREFIX = REGION, "oms"
        settings.EXPORTS_STORE_PATH_STYLE = True
        settings.EXPORTS_STORE_ACCESS_KEY, settings.EXPORTS_STORE_SECRET_KEY = KEY_ID, SECRET
        yield running


def test_a_store_has_it_whole_or_not_at_all_and_keys_stay_secret(
    ada: User, store: ObjectStore, settings: Any, client: Client, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    export = scheduled(ada, destination="store", folder="de", is_stamped=False)
    run = made(export)
    assert (run.status, run.place) == ("succeeded", f"s3://{BUCKET}/oms/de/orders.csv"), run.detail
    assert b"MINE-1" in store.objects["oms/de/orders.csv"]

    monkeypatch.setattr(s3, "WHOLE", 1)  # in parts, which become an object with the last one
    assert made(export).status == "succeeded"
    assert store.requests[-1].endswith("orders.csv?uploadId=1")
    store.objects.clear()
    store.refusals += [(503, "SlowDown")] * 3
    run = made(export)
    assert (run.status, run.problem, store.objects, store.parts) == ("waiting", "store", {}, {})
    assert later(run).status == "succeeded"

    monkeypatch.setattr(s3, "WHOLE", 2**20)
    store.objects.clear()
    settings.EXPORTS_STORE_SECRET_KEY = "CANARY-wrong-3c4d"
    run = made(export)
    assert (run.status, run.problem, store.objects) == ("failed", "store_refused", {})
    assert run.detail == "SignatureDoesNotMatch, HTTP 403, request REQUEST-7"
    settings.EXPORTS_STORE_ENDPOINT = "http://127.0.0.1:9"
    run = made(export)
    assert (run.status, run.detail) == ("waiting", "EndpointConnectionError")

    client.force_login(ada)
    said = client.get(reverse("admin:oms_scheduledexport_change", args=[export.pk])).content.decode()
    said += client.get(reverse("admin:index")).content.decode()
    said += "".join(map(str, AuditEntry.objects.values_list("changes_json", flat=True)))
    said += "".join(map(str, ScheduledExportRun.objects.values_list("detail", "place")))
    said += caplog.text
    assert "The store did not take the file (EndpointConnectionError)." in said
    assert not [secret for secret in ("CANARY-key", "CANARY-secret", "CANARY-wrong") if secret in said]


@pytest.mark.parametrize("destination", ["folder", "store"])
def test_what_breaks_off_leaves_nothing(
    ada: User, folder: Path, store: ObjectStore, destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails in the middle, the worker is told to stop, or another one has the run meanwhile."""
    export = scheduled(ada, destination=destination)
    run, _is_new = request_run(export, trigger=Trigger.BUTTON)
    stop = StopAt(run)
    monkeypatch.setattr("backoffice.scheduled.queue.StopSignal", lambda: stop)
    run = run_here(run.pk)
    assert (run.status, run.attempts, run.open_key) == ("queued", 0, str(export.pk))
    stop.steals = True
    monkeypatch.setattr("backoffice.scheduled.runs.RENEWED_EVERY", 0)
    run = run_here(run.pk)
    assert (run.status, run.lease_token) == ("running", "another")
    assert ([*folder.iterdir()], store.objects) == ([], {})
    assert not ExportRun.objects.filter(finished_at=None).exists()

    # The other one dies; its part of a file goes when the next one begins.
    left = folder / f".oms-{run.pk}-another.part"
    left.touch()
    ScheduledExportRun.objects.update(lease_expires_at=timezone.now() - LEASE)
    assert [found.pk for found in lost_runs()] == [run.pk]
    assert list(lost_runs()) == []
    monkeypatch.undo()
    if destination == "folder":
        assert run_here(run.pk).status == "succeeded"
        assert not left.exists()


class StopAt:
    """A signal to stop that comes while the file is made; or in its place, another worker that takes the run."""

    steals = False

    def __init__(self, run: ScheduledExportRun) -> None:
        self.run = run

    def __enter__(self) -> "StopAt":
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def received(self) -> bool:
        if self.steals:
            ScheduledExportRun.objects.filter(pk=self.run.pk).update(lease_token="another")
        return not self.steals


# --- what goes wrong


@pytest.mark.parametrize(
    ("spoil", "problem", "status"),
    [
        (lambda user: User.objects.update(is_active=False), Problem.OWNER_INACTIVE, Status.REFUSED),
        (lambda user: user.groups.clear(), Problem.OWNER_MAY_NOT, Status.REFUSED),
        (
            lambda user: user.groups.set(Group.objects.filter(name="Viewer")),
            Problem.OWNER_MAY_NOT,
            Status.REFUSED,
        ),
        (lambda user: user.delete(), Problem.NO_OWNER, Status.REFUSED),
        (lambda user: ScheduledExport.objects.update(query="no_such=1"), Problem.REFUSED, Status.REFUSED),
        (lambda user: ScheduledExport.objects.update(columns=["no_such"]), Problem.REFUSED, Status.REFUSED),
        (lambda user: ScheduledExport.objects.update(folder="link"), Problem.FOLDER_OUTSIDE, Status.REFUSED),
        (lambda user: ScheduledExport.objects.update(folder="file"), Problem.DISK, Status.FAILED),
        (lambda user: ScheduledExport.objects.update(destination="store"), Problem.STORE_OFF, Status.REFUSED),
        (lambda user: ScheduledExport.objects.update(destination="email"), Problem.EMAIL_OFF, Status.REFUSED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_sent_is_told_and_tried_again_with_bounds(
    ada: User, folder: Path, client: Client, spoil: Any, problem: str, status: str
) -> None:
    (folder / "link").symlink_to(folder.parent)
    (folder / "file").touch()
    export = scheduled(ada)
    spoil(ada)
    assert [str(run.export) for run in due_runs()] == ["Orders"]
    run = run_here(ScheduledExportRun.objects.get().pk)
    tries = 1
    while run.status == Status.WAITING:
        assert run.problem == problem
        run, tries = later(run), tries + 1
    assert (run.problem, run.status, run.open_key) == (problem, status, None)
    assert tries == (ATTEMPTS if problem == Problem.DISK else 1)
    assert [path.name for path in folder.parent.rglob("*") if path.is_file()] == ["file"]
    (condition,) = [each for each in evaluate() if each.kind == "exports"]
    assert condition.key == f"exports:{export.pk}"
    client.force_login(User.objects.create_superuser("boss"))
    shown = client.get(reverse("admin:index")).context["conditions"]
    assert condition.say() in [line["sentence"] for line in shown]
    assert condition.say().startswith("“Orders” has not been sent since ")
    # Switched off by hand, nobody is told any more; and the next one that goes well ends it too.
    ScheduledExport.objects.update(is_active=False)
    assert [each for each in evaluate() if each.kind == "exports"] == []


def test_one_is_open_at_a_time_and_the_next_one_ends_what_is_tried_again(ada: User, folder: Path) -> None:
    export = scheduled(ada, next_run_at=timezone.now() - timedelta(days=3, minutes=1))
    (run,) = due_runs()
    assert (run.missed, run.trigger) == (3, "schedule")
    assert request_run(export, trigger=Trigger.BUTTON) == (run, False)
    ScheduledExport.objects.update(next_run_at=timezone.now())
    assert list(due_runs()) == []  # it waits for a worker
    ScheduledExportRun.objects.update(status=Status.WAITING, resume_at=timezone.now() + timedelta(hours=1))
    (following,) = due_runs()
    run.refresh_from_db()
    assert (run.status, run.problem, following.status) == ("failed", "overtaken", "queued")
    assert queue_due() == []
    assert run_here(following.pk).status == "succeeded"
    assert run_here(following.pk).attempts == 1  # a message that came twice
    export.refresh_from_db()
    assert export.failing_since is None
    ScheduledExportRun.objects.update(finished_at=timezone.now() - timedelta(days=500))
    assert prune_runs() == 1
    assert ScheduledExportRun.objects.get() == following


def test_its_messages_are_taken_from_redis_too() -> None:
    """Where a message may say nothing but what is known: integrations/sync/messages.py."""
    others = {f"integrations.tasks.{name}" for name in tasks.__all__}
    assert others | {make_export.module_path} == set(TASKS)
    assert is_ours(make_export.module_path, None, [1], {})


# --- the command


def test_the_command_makes_what_is_due_and_makes_up_for_a_day(
    ada: User, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduled(ada, name="Yesterday", query="purchased_at_in=yesterday")
    call_command("run_exports")
    assert capsys.readouterr().out.startswith("Yesterday: succeeded. 1 row, ")
    call_command("run_exports")
    assert capsys.readouterr().out == "Nothing was due.\n"
    day = (timezone.now().astimezone(BERLIN) - timedelta(days=9)).date()
    call_command("run_exports", "--name", "Yesterday", "--as-of", day.isoformat())
    assert rows_of(folder / f"yesterday-{day:%Y%m%d}-0600.csv") == ["MINE-2"]
    for arguments in (("--as-of", "2026-01-01"), ("--name", "nothing")):
        with pytest.raises(CommandError, match=r"Nothing was made\.$"):
            call_command("run_exports", *arguments)
    ada.groups.clear()
    with pytest.raises(SystemExit) as ended:
        call_command("run_exports", "--name", "Yesterday", verbosity=0)
    assert ended.value.code == 1
    assert "may not see this list" in capsys.readouterr().err


# --- whose it is


def test_an_owner_has_his_own_and_managers_have_those_that_they_see_as_much_of(
    ada: User, client: Client, folder: Path
) -> None:
    hers, boss = scheduled(ada, name="Hers"), User.objects.create_superuser("boss")
    wide = scheduled(boss, name="Wide", file="audit")
    people = {"ben": "Operator", "mia": "Manager", "eve": "Manager", "vic": "Viewer"}
    users = {name: person(name, group) for name, group in people.items()}
    confine(users["eve"], [amazon().pk])

    def seen(name: str) -> Any:
        client.force_login(User.objects.get(username=name))
        answer = client.get(reverse(LIST))
        return (
            answer.status_code
            if answer.status_code != 200
            else {each.name for each in answer.context["cl"].queryset}
        )

    assert {name: seen(name) for name in ("ada", *users)} == {
        "ada": {"Hers"}, "ben": set(), "mia": {"Hers", "Wide"}, "eve": {"Hers"}, "vic": 403,
    }  # fmt: skip
    page = reverse("admin:oms_scheduledexport_change", args=[hers.pk])
    press = "admin:oms_scheduledexport_button"
    client.force_login(users["ben"])
    assert client.get(page).status_code == 302
    assert client.post(reverse(press, args=[hers.pk, "run"])).status_code == 404
    assert not ScheduledExportRun.objects.exists()

    # A manager who does not see the audit cannot have it sent elsewhere; he may switch it off, or have it as his own.
    users["mia"].user_permissions.clear()
    Group.objects.get(name="Manager").permissions.remove(
        *Permission.objects.filter(codename="view_auditentry")
    )
    client.force_login(users["mia"])
    assert client.get(page).context["has_change_permission"] is True
    of_wide = reverse("admin:oms_scheduledexport_change", args=[wide.pk])
    assert client.get(of_wide).context["has_change_permission"] is False
    assert client.post(of_wide, {"name": "x", "folder": "mine"}).status_code == 403
    client.post(reverse(press, args=[wide.pk, "pause"]))
    client.post(reverse(press, args=[wide.pk, "take"]))
    wide.refresh_from_db()
    assert (wide.folder, wide.is_active, wide.owner) == ("", False, users["mia"])
    assert made(wide).problem == "owner_may_not"
    actions = AuditEntry.objects.filter(object_kind="oms.scheduledexport", actor="mia")
    assert [sorted(entry.changes) for entry in actions.order_by("pk")] == [["is_active"], ["owner_id"]]

    client.force_login(ada)
    gone = scheduled(ada, name="Gone", file="gone")
    assert client.get(reverse("admin:oms_scheduledexport_change", args=[gone.pk])).status_code == 200
    assert client.post(reverse(press, args=[hers.pk, "take"])).status_code == 403
    client.post(reverse(press, args=[hers.pk, "run"]))
    assert ScheduledExportRun.objects.get(export=hers).status == Status.QUEUED
    query = urlencode({"file": "audit", "query": ""})
    assert "items" in client.get(f"{reverse(ADD)}?{query}").context  # she may not see it: what else?
