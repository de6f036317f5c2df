"""What is recorded, by whom, and that an entry that was changed or taken away shows."""

import json
from datetime import timedelta
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.tests.rest import SECRETS
from audit.chain import Broken, holds, link_committed, verify, verify_newest
from audit.models import AppendOnly, AuditEntry, AuditHead
from audit.recording import record
from audit.retention import prune_entries
from platforms.models import Platform

pytestmark = pytest.mark.django_db
CANARY = "CANARY-secret-value"


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def newest(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


@pytest.fixture
def ten() -> None:
    for number in range(10):
        record("list.exported", changes={"rows": number})
    link_committed()


def write(sql: str, *values: Any) -> None:
    """As somebody who holds the database would."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_it_records_who_signs_in_and_who_fails_to(client: Client) -> None:
    User.objects.create_superuser("anna", password=CANARY)
    for name, password in (("anna", "wrong"), (CANARY, "wrong"), ("anna", CANARY)):
        client.post("/admin/login/?next=/admin/", {"username": name, "password": password})
    client.post("/admin/logout/")
    entries = AuditEntry.objects.filter(action__startswith="login.").order_by("pk")
    assert [(entry.action, entry.actor, entry.object_name) for entry in entries] == [
        ("login.failed", "", "anna"),
        ("login.failed", "", ""),
        ("login.succeeded", "anna", "anna"),
        ("login.ended", "anna", "anna"),
    ]
    assert {(entry.door, entry.address) for entry in entries} == {("admin", "127.0.0.1")}
    assert CANARY not in json.dumps(list(AuditEntry.objects.values()), default=str)


def test_it_records_what_becomes_of_users_and_groups(admin_client: Client) -> None:
    user = User.objects.create_user("otto", password=CANARY, first_name="Otto")
    group = Group.objects.get(name="Viewer")
    user.groups.add(group)
    group.user_set.remove(user)
    user.is_active = False
    user.set_password("another")
    user.save()
    user.delete()
    found = [
        (entry.action, entry.object_name, entry.changes)
        for entry in AuditEntry.objects.filter(object_name="otto").order_by("pk")
    ]
    assert [action for action, *_ in found] == [
        "user.added",
        *["user.changed"] * (len(found) - 2),
        "user.deleted",
    ]
    changes = [change for _action, _name, change in found]
    assert changes[0]["password"] == "changed"
    assert {"group added": ["Viewer"]} in changes
    assert {"group removed": ["Viewer"]} in changes
    assert {"is_active": [True, False], "password": "changed"} in changes
    assert CANARY not in json.dumps(list(AuditEntry.objects.values()), default=str)


def test_it_records_changes_over_the_api_without_secrets(admin_client: Client) -> None:
    answer = admin_client.post(
        "/platforms",
        {"name": "shop", "kind": "amazon", "api_config": SECRETS, "orders_interval": 60},
        content_type="application/json",
    )
    assert answer.status_code == 201
    entry = newest("platform.added")
    assert (entry.actor, entry.door, entry.changes["api_config.client_secret"]) == ("admin", "api", "changed")
    assert entry.request_id == answer["X-Request-ID"]
    assert newest("platform.changed").changes == {"orders_interval": [15, 60]}
    admin_client.patch(
        f"/platforms/{answer.json()['id']}", {"include_pii": True}, content_type="application/json"
    )
    entry = newest("platform.changed")
    assert (entry.changes, entry.platform_id) == ({"include_pii": [False, True]}, answer.json()["id"])
    assert "CANARY" not in json.dumps(list(AuditEntry.objects.values()), default=str)


def test_a_sync_records_nothing_of_its_platform() -> None:
    platform = Platform.objects.get()
    before = len(actions())
    platform.checked_at = timezone.now()
    platform.save(update_fields=["checked_at"])
    assert len(actions()) == before


def test_it_records_who_acts_at_the_command_line() -> None:
    call_command("purge_mock", stdout=StringIO())
    entry = newest("mock_data.purged")
    assert (entry.door, bool(entry.actor), entry.actor_id) == ("command", True, None)


def test_what_is_rolled_back_was_not_done() -> None:
    with transaction.atomic():
        record("list.exported")
        transaction.set_rollback(True)
    assert actions() == []


def test_it_outlives_the_user_it_is_about() -> None:
    user = User.objects.create_user("otto")
    user.delete()
    assert actions() == ["user.added", "user.deleted"]


def test_nobody_changes_or_deletes_an_entry(ten: None) -> None:
    entry = AuditEntry.objects.latest("pk")
    entry.action = "nothing"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="nothing"),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert verify().broken is None


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE audit_entries SET actor = 'nobody' WHERE sequence = 4", "Entry 4 is not as it was written."),
        ("DELETE FROM audit_entries WHERE sequence = 4", "Entry 4 is missing."),
        ("DELETE FROM audit_entries WHERE sequence < 4", "Entries 1 to 3 are missing."),
        ("DELETE FROM audit_entries WHERE sequence > 7", "Entries 8 to 10 are missing."),
        ("DELETE FROM audit_entries", "Entries 1 to 10 are missing."),
        ("DELETE FROM audit_head", "The row of audit_head is missing: nobody can say where the audit ends."),
    ],
)
def test_what_was_changed_or_taken_away_shows(ten: None, sql: str, why: str) -> None:
    assert verify().broken is None
    write(sql)
    broken = verify().broken
    assert broken is not None
    assert broken.why == why
    errors = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("verify_audit", stdout=StringIO(), stderr=errors)
    assert stop.value.code == 1
    assert why in errors.getvalue()


def test_retention_leaves_a_chain_that_holds(ten: None) -> None:
    write("UPDATE audit_entries SET at = %s WHERE sequence = 4", timezone.now() - timedelta(days=800))
    noted = verify()
    assert noted.broken is not None  # of the test's own making, and pruned below
    write("UPDATE audit_entries SET at = %s WHERE sequence < 4", timezone.now() - timedelta(days=800))
    assert prune_entries(timezone.now() - timedelta(days=730)) == 4
    verdict = verify()
    assert (verdict.broken, verdict.first, verdict.last) == (None, 5, 11)
    assert {**newest("audit.pruned").changes, "entries": 4, "through": 4} == newest("audit.pruned").changes
    assert verify_newest(3).broken is None
    assert prune_entries(timezone.now() - timedelta(days=730)) == 0


def test_a_retention_that_never_was_shows(ten: None) -> None:
    digest = AuditEntry.objects.values_list("digest", flat=True).get(sequence=3)
    write("UPDATE audit_head SET pruned_through = 3, pruned_digest = %s", digest)
    write("DELETE FROM audit_entries WHERE sequence <= 3")
    why = "Entries up to 3 are gone, and no entry says that retention deleted them."
    assert verify().broken == verify_newest(4).broken == Broken(1, why)


def test_the_newest_are_read_and_the_others_counted(ten: None) -> None:
    """So a report needs no more time for a million entries than for a few."""
    with CaptureQueriesContext(connection) as queries:
        verdict = verify_newest(4)
    assert (verdict.broken, verdict.first, verdict.last) == (None, 7, 10)
    assert len(queries) <= 6
    write("UPDATE audit_entries SET reason = 'other' WHERE sequence = 2")
    assert verify_newest(4).broken is None  # which verify finds
    assert verify_newest(40).broken == verify().broken == Broken(2, "Entry 2 is not as it was written.")
    write("UPDATE audit_entries SET reason = 'other' WHERE sequence = 8")
    assert verify_newest(4).broken == Broken(8, "Entry 8 is not as it was written.")
    write("UPDATE audit_entries SET reason = '' WHERE sequence IN (2, 8)")
    assert verify().broken is None
    assert AuditHead.objects.get().verified_through == 10
    write("DELETE FROM audit_entries WHERE sequence = 3")
    assert verify_newest(4).broken == Broken(1, "1 entries are missing: 9 of 10 are there.")


def test_the_noted_digest_shows_a_chain_that_was_made_anew(ten: None) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    noted = out.getvalue().split("Note this: ")[1].strip()
    call_command("verify_audit", holds=noted, stdout=StringIO())
    write(
        "UPDATE audit_entries SET sequence = NULL, digest = '', reason = 'other' WHERE sequence IS NOT NULL"
    )
    write("UPDATE audit_head SET last = 0, last_digest = ''")
    assert verify().broken is None
    number, digest = noted.split(":")
    assert not holds(int(number), digest)
    with pytest.raises(SystemExit):
        call_command("verify_audit", holds=noted, stdout=StringIO(), stderr=StringIO())


def test_an_entry_that_commits_later_is_linked_later() -> None:
    record("list.exported")
    assert link_committed() == 1
    record("list.exported")
    record("list.exported")
    assert link_committed() == 2
    assert list(AuditEntry.objects.order_by("pk").values_list("sequence", flat=True)) == [1, 2, 3]
    assert link_committed() == 0


def test_what_the_admin_recorded_before_is_kept() -> None:
    user = User.objects.create_user("otto")
    kind = ContentType.objects.get_for_model(Platform)
    for message in ("Read buyer data. Reason: label", "Threshold: none → 5.", '[{"changed": {}}]'):
        LogEntry.objects.create(
            user=user,
            content_type=kind,
            object_id="1",
            object_repr="x",
            action_flag=CHANGE,
            change_message=message,
        )
    import_module("audit.migrations.0002_earlier_entries").copy_entries(apps, None)
    copied = list(AuditEntry.objects.filter(actor="otto", object_name="x").order_by("pk"))
    assert [(each.action, each.reason) for each in copied] == [
        ("buyer_data.read", "label"),
        ("threshold.changed", ""),
        ("platform.changed", ""),
    ]
    assert copied[1].changes == {"threshold": [None, 5]}


@pytest.fixture
def pages(admin_client: Client) -> Client:
    record(
        "list.exported",
        changes={"file": "orders.csv", "rows": 12, "filter": "<script>"},
        reason="audit of 2026",
    )
    return admin_client


def test_the_list_finds_filters_and_exports(pages: Client) -> None:
    html = pages.get("/admin/audit/auditentry/").content.decode()
    assert "list exported" in html
    assert "rows: 12" in html
    assert "filter: &lt;script&gt;" in html
    assert "list exported" not in rows_of(pages.get("/admin/audit/auditentry/?action=login.succeeded"))
    exported = pages.get("/admin/audit/auditentry/export/audit.machine.csv").getvalue().decode()
    assert "list.exported" in exported
    entry = AuditEntry.objects.get(reason="audit of 2026")
    assert "audit of 2026" in pages.get(f"/admin/audit/auditentry/{entry.pk}/change/").content.decode()
    assert pages.post(f"/admin/audit/auditentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def rows_of(answer: Any) -> str:
    return str([(entry.action, str(entry)) for entry in answer.context["cl"].result_list])


def test_only_those_see_it_who_may(client: Client) -> None:
    for group, status in (("Viewer", 403), ("Operator", 403), ("Manager", 200), ("Privacy officer", 200)):
        user = User.objects.create_user(group, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client.force_login(user)
        assert client.get("/admin/audit/auditentry/").status_code == status
