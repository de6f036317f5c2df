"""Guessing passwords at the login page: slowed down, locked, unlocked."""

import logging
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.utils import timezone
from freezegun import freeze_time

from access.lockout import Attempt, Refused, prune_failures
from access.models import LoginFailures
from audit.chain import verify
from audit.models import AuditEntry
from audit.summing import write_sums

pytestmark = pytest.mark.django_db

RIGHT = "a long pass phrase"


@pytest.fixture
def ops() -> User:
    return User.objects.create_superuser("ops", password=RIGHT)


def sign_in(name: str = "ops", password: str = "wrong", address: str = "192.0.2.1", **headers: Any) -> str:
    """ "": somebody is signed in. Otherwise what the page says."""
    answer = Client(REMOTE_ADDR=address).post(
        "/admin/login/", {"username": name, "password": password}, headers=headers
    )
    return "" if answer.status_code == 302 else answer.content.decode()


def fail(times: int, name: str = "ops", address: str = "192.0.2.{}") -> Any:
    """So far apart that none is refused; without the page, of which the last one's request is returned."""
    request = None
    with freeze_time(timezone.now() - timedelta(seconds=20 * times)) as clock:
        for number in range(times):
            clock.tick(20)
            request = RequestFactory(REMOTE_ADDR=address.format(number)).post("/admin/login/")
            assert authenticate(request, username=name, password="wrong") is None
    return request


def test_ten_failures_lock_an_account_whoever_tries_and_a_command_unlocks_it(ops: User) -> None:
    fail(9)
    with freeze_time(timezone.now() + timedelta(seconds=20)):
        assert "nobody can sign in for 15 minutes" in sign_in(address="192.0.2.9")
    page = sign_in(password=RIGHT, address="198.51.100.1")
    assert "nobody can sign in for 16 minutes" in page  # a third of a minute more than 15
    assert "manage.py unlock_user" in page
    (entry,) = AuditEntry.objects.filter(action="login.locked")
    assert (entry.object_name, entry.address, entry.changes) == (
        "ops",
        "192.0.2.9",
        {"by": "account", "minutes": 15},
    )
    call_command("unlock_user", "ops", stdout=StringIO())
    assert sign_in(password=RIGHT) == ""
    assert AuditEntry.objects.filter(action="login.unlocked", object_name="ops").count() == 1


def test_what_is_refused_during_a_lock_is_one_entry_with_its_number(ops: User) -> None:
    """Nobody fills the audit: neither by one account from many addresses, nor by many names from one."""
    fail(10)
    before = AuditEntry.objects.count()
    for number in range(6):
        assert "nobody can sign in" in sign_in(address=f"198.51.100.{number}")
    for name in range(10):
        fail(1, name=f"name{name}", address="203.0.113.9")
        LoginFailures.objects.filter(key__startswith="address ").update(last_at=timezone.now())
        if name < 9:
            LoginFailures.objects.filter(count__lt=10).update(last_at=timezone.now() - timedelta(minutes=1))
    for name in range(4):
        assert "nobody can sign in" in sign_in(f"other{name}", address="203.0.113.9")
    assert AuditEntry.objects.count() == before + 11  # ten failures, and a lock
    write_sums()
    assert not AuditEntry.objects.filter(action="login.refused").exists()
    with freeze_time(timezone.now() + timedelta(minutes=15, seconds=1)):
        write_sums()
        write_sums()
    of_account, of_address = AuditEntry.objects.filter(action="login.refused").order_by("pk")
    assert (of_account.object_name, of_account.address, of_account.changes["attempts"]) == ("ops", "", 6)
    assert (of_address.object_name, of_address.address) == ("", "203.0.113.9")
    assert (of_address.changes["by"], of_address.changes["attempts"]) == ("address", 4)
    assert verify().broken is None


def test_a_lock_ends_by_itself_and_trying_on_does_not_prolong_it(ops: User) -> None:
    fail(10)
    with freeze_time(timezone.now() + timedelta(minutes=14)):
        assert "1 minute" in sign_in(password=RIGHT)
    with freeze_time(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert sign_in(password=RIGHT) == ""
        assert not LoginFailures.objects.filter(user=ops).exists()


def test_half_of_the_attempts_are_free_then_each_waits(ops: User) -> None:
    with freeze_time(timezone.now()) as clock:
        fail(5)
        assert "Try again in" in sign_in(password=RIGHT)
        clock.tick(2)
        assert sign_in(password=RIGHT) == ""


def test_an_address_is_locked_whatever_names_it_tries(ops: User, caplog: pytest.LogCaptureFixture) -> None:
    """No name that was typed is written down: it may be a password."""
    with caplog.at_level(logging.DEBUG):
        for number in range(10):
            fail(1, name=f"hunter{number}", address="2001:db8::1")
            LoginFailures.objects.filter(key__startswith="address ").update(
                last_at=timezone.now() - timedelta(minutes=1)
            )
    LoginFailures.objects.filter(key__startswith="address ").update(last_at=timezone.now())
    assert "nobody can sign in" in sign_in(password=RIGHT, address="2001:db8::2")
    assert sign_in(password=RIGHT, address="2001:db8:0:1::1") == ""
    (entry,) = AuditEntry.objects.filter(action="login.locked")
    assert (entry.object_name, entry.changes["by"]) == ("", "address")
    written = caplog.text + str([*LoginFailures.objects.values(), *AuditEntry.objects.values()])
    assert "hunter" not in written
    assert "2001:db8" not in caplog.text + str(list(LoginFailures.objects.values()))


def test_who_is_right_does_not_use_up_what_an_address_may_fail(ops: User) -> None:
    request = RequestFactory(REMOTE_ADDR="192.0.2.1").post("/admin/login/")
    for _each in range(12):
        assert authenticate(request, username="ops", password=RIGHT) == ops
    assert LoginFailures.objects.get(key__startswith="address ").count == 0


def test_a_name_that_nobody_has_is_locked_like_an_account(settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 0
    fail(10, name="nobody")
    assert "nobody can sign in" in sign_in("NOBODY")


def test_attempts_at_the_same_moment_do_not_get_past_the_limit_together(ops: User, settings: Any) -> None:
    """The first has not heard yet whether it was right."""
    settings.LOGIN_FAILURES = 1
    Attempt(None, "ops")
    with pytest.raises(Refused):
        Attempt(None, "ops")


def test_those_who_manage_users_see_who_is_locked_and_unlock_them(ops: User, client: Client) -> None:
    locked = User.objects.create_user("guessed", password=RIGHT, is_staff=True)
    fail(10, name="guessed")
    client.force_login(ops)
    page = client.get("/admin/auth/user/").content.decode()
    assert len(re.findall(r">\s*locked\s*<", page)) == 1
    answer = client.post("/admin/auth/user/", {"action": "unlock", "_selected_action": locked.pk})
    assert answer.status_code == 302
    assert sign_in("guessed", RIGHT) == ""


def test_the_command_names_who_is_not_there() -> None:
    with pytest.raises(CommandError) as error:
        call_command("unlock_user", "nobody")
    assert error.value.returncode == 2


def test_old_counts_are_deleted(ops: User) -> None:
    fail(1)
    LoginFailures.objects.update(last_at=timezone.now() - timedelta(days=2))
    prune_failures()
    assert not LoginFailures.objects.exists()
