"""Sessions: what the database has of them signs nobody in."""

import json

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_table_of_sessions_signs_nobody_in(admin_user: User) -> None:
    client = Client()
    client.force_login(admin_user)
    assert client.get("/admin/").status_code == 200
    cookie = client.cookies["sessionid"].value
    (session,) = Session.objects.all()
    assert cookie not in json.dumps([session.session_key, session.session_data])
    thief = Client()
    thief.cookies["sessionid"] = session.session_key
    assert thief.get("/admin/").status_code == 302
    assert client.post("/admin/logout/").status_code in (200, 302)
    assert not Session.objects.exists()


def test_a_new_password_gives_the_session_another_key_and_leaves_no_old_row(admin_user: User) -> None:
    client = Client()
    client.force_login(admin_user)
    before = client.session
    before.cycle_key()
    assert Session.objects.count() == 1
    assert client.session.load() == {}  # the key that the cookie had is gone
    client.cookies["sessionid"] = str(before.session_key)
    assert client.get("/admin/").status_code == 200
