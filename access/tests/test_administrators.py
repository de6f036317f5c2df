"""Who is new among those who may give rights to anybody."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from audit.models import AuditEntry
from backoffice.alerts.conditions import Kind, evaluate
from backoffice.alerts.watch import look, watch
from backoffice.models import AlertSubscription

pytestmark = pytest.mark.django_db


def appeared() -> list[str]:
    entries = AuditEntry.objects.filter(action="administrator.appeared").order_by("pk")
    return [entry.object_name for entry in entries]


def test_a_new_one_is_recorded_and_told_whoever_made_him_one(settings: object) -> None:
    settings.EMAIL_IS_ON = True  # type: ignore[attr-defined]
    root = User.objects.create_superuser("root", email="root@shop.example")
    AlertSubscription.objects.create(user=root, by_email=True)
    users = {name: User.objects.create_user(name) for name in ("sql", "direct", "member", "viewer", "gone")}
    look()
    assert appeared() == []  # who set OMS up
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET is_superuser = %s WHERE username = %s", [True, "sql"])
    users["direct"].user_permissions.set(Permission.objects.filter(codename="change_user"))
    users["viewer"].user_permissions.set(Permission.objects.filter(codename="view_user"))
    group = Group.objects.create(name="helpdesk")
    group.permissions.set(Permission.objects.filter(codename="add_user"))
    users["member"].groups.add(group)
    User.objects.filter(username="gone").update(is_superuser=True, is_active=False)
    for minutes in (0, 6):
        with freeze_time(timezone.now() + timedelta(minutes=minutes)):
            watch()
    assert appeared() == ["sql", "direct", "member"]
    (letter,) = mail.outbox
    assert "3 users have become administrators" in str(letter.body)
    client = Client()
    client.force_login(root)
    assert "3 users have become administrators" in client.get("/admin/").content.decode()
    with freeze_time(timezone.now() + timedelta(days=2)):
        assert not [each for each in evaluate() if each.kind == Kind.ADMINISTRATOR]
        User.objects.filter(username="sql").update(is_superuser=False)
        look()
        User.objects.filter(username="sql").update(is_superuser=True)
        look()
    assert appeared()[3:] == ["sql"]
