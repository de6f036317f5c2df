"""How long a session lasts, and who ends it: over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from freezegun import freeze_time

from access.models import UserSession
from access.signed_in import prune_sessions
from audit.models import AuditEntry

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PAGE = "/admin/sessions/"


@pytest.fixture
def ada() -> User:
    """Who may not read buyer data."""
    user = User.objects.create_user("ada", password="A long pass phrase", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    return user


def sign_in(name: str = "ada", **options: Any) -> Client:
    client = Client(headers={"user-agent": FIREFOX}, **options)
    answer = client.post("/admin/login/", {"username": name, "password": "A long pass phrase"})
    assert answer.status_code == 302
    return client


def is_in(client: Client, **options: Any) -> bool:
    return client.get(PAGE, **options).status_code == 200


def later(**span: float) -> Any:
    return freeze_time(timezone.now() + timedelta(**span))


def test_a_session_ends_after_twelve_hours_whatever_is_done(ada: User) -> None:
    client = sign_in()
    for hours in (5, 11.9):
        with later(hours=hours):
            assert is_in(client)
    with later(hours=12.1):
        assert not is_in(client)
    assert not UserSession.objects.exists()


def test_who_may_read_buyer_data_is_signed_out_after_half_an_hour_without_a_page(ada: User) -> None:
    ada.user_permissions.add(Permission.objects.get(codename="view_orderbuyer"))
    client = sign_in()
    with later(minutes=29):
        assert is_in(client)
    with later(minutes=50):
        assert is_in(client, headers={"HX-Request": "true"})  # which a page asks for by itself
    with later(minutes=60):
        assert not is_in(client)


def test_the_page_lists_sessions_and_ends_them(ada: User) -> None:
    here, there, third = sign_in(), sign_in(REMOTE_ADDR="198.51.100.7"), sign_in()
    User.objects.create_user("eve", password="A long pass phrase", is_staff=True)
    eve = sign_in("eve")
    page = here.get(PAGE).content.decode()
    assert page.count("Firefox 140, Linux") == 3
    assert "198.51.100.7" in page
    row = UserSession.objects.get(address="198.51.100.7")
    eve.post(PAGE, {"end": row.pk})
    assert is_in(there)
    assert here.post(PAGE, {"end": row.pk}).status_code == 302
    assert (is_in(there), is_in(third)) == (False, True)
    here.post(PAGE, {"end": "others"})
    assert (is_in(here), is_in(third), is_in(eve)) == (True, False, True)
    assert AuditEntry.objects.filter(action="session.ended", actor="ada").count() == 2
    here.post("/admin/logout/")
    assert UserSession.objects.count() == 1


def test_a_new_password_ends_the_other_sessions(ada: User, settings: Any) -> None:
    settings.PASSWORD_MIN_AGE_DAYS = 0
    here, there = sign_in(), sign_in()
    new = {"new_password1": "Another pass phrase", "new_password2": "Another pass phrase"}
    answer = here.post("/admin/password_change/", {"old_password": "A long pass phrase", **new})
    assert answer.status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)
    assert UserSession.objects.filter(user=ada).count() == 1


def test_a_page_costs_no_query_more_and_a_write_a_minute(ada: User) -> None:
    client = sign_in()
    with CaptureQueriesContext(connection) as asked:
        client.get("/admin/password_change/")
    assert not [each for each in asked if "user_sessions" in each["sql"]]
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    with later(minutes=2):
        client.get("/admin/password_change/")
        assert UserSession.objects.get().last_seen_at == timezone.now()


def test_what_is_over_is_deleted(ada: User) -> None:
    sign_in()
    with later(hours=13):
        prune_sessions()
    assert not UserSession.objects.exists()
