"""Users, managed by superusers and managers: one form, a link to choose a password, and nobody above oneself."""

import re
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from audit.models import AuditEntry
from backoffice.users.inviting import SAME_TIME

pytestmark = pytest.mark.django_db

ADD, LIST = "/admin/auth/user/add/", "/admin/auth/user/"
PASSWORD = "Hard2guess-then"
HASHES = re.compile(r"pbkdf2|md5\$|argon2|bcrypt|Raw passwords")


def member_of(*groups: str, name: str = "", **values: Any) -> User:
    user = User.objects.create_user(
        name or "-".join(groups).lower(), f"{name or 'a'}@shop.example", PASSWORD, **values
    )
    user.groups.set(Group.objects.filter(name__in=groups))
    return User.objects.get(pk=user.pk)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def roles(*names: str) -> list[int]:
    return list(Group.objects.filter(name__in=names).values_list("pk", flat=True))


@pytest.fixture
def boss() -> Client:
    return signed_in(User.objects.create_superuser("boss", "boss@shop.example", PASSWORD))


@pytest.fixture
def manager() -> Client:
    return signed_in(member_of("Manager"))


def page_of(user: User) -> str:
    return f"{LIST}{user.pk}/change/"


def values_of(user: User, **changes: Any) -> dict[str, Any]:
    now = {"name": user.get_full_name(), "email": user.email, "username": user.username, "is_active": "on"}
    return {**now, "groups": [group.pk for group in user.groups.all()], **changes}


def test_a_colleague_is_invited_chooses_a_password_and_signs_in(boss: Client, settings: Any) -> None:
    settings.EMAIL_IS_ON, settings.PUBLIC_URL = True, "https://oms.example"
    form = boss.get(ADD).content.decode()
    assert "sees orders, stock, platforms and syncs; changes nothing" in form
    assert not HASHES.search(form)
    values = {
        "name": "Ada King Lovelace",
        "email": "ada@shop.example",
        "username": "",
        "groups": roles("Viewer"),
    }
    page = boss.post(ADD, values)
    ada = User.objects.get(username="ada@shop.example")
    assert (ada.first_name, ada.last_name, ada.is_staff) == ("Ada King", "Lovelace", True)
    assert (ada.is_superuser, ada.has_usable_password()) == (False, False)
    (link,) = re.findall(r"https://oms\.example(/admin/login/password/[^<\s]+)", page.content.decode())
    (letter,) = mail.outbox
    assert (letter.to, link in letter.body) == (["ada@shop.example"], True)
    assert "no-store" in page["Cache-Control"]
    # It is in no page and no entry of the audit afterwards.
    assert link not in boss.get(page_of(ada)).content.decode()
    entry = AuditEntry.objects.get(action="user.invited")
    assert (entry.actor, entry.object_name, "password/" in entry.changes_json) == ("boss", str(ada), False)

    stranger = Client()
    chosen = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    opened = stranger.get(link, follow=True)
    assert opened.status_code == 200
    weak = stranger.post(opened.request["PATH_INFO"], dict.fromkeys(chosen, "short"))
    assert "This password is too short" in weak.content.decode()
    done = stranger.post(opened.request["PATH_INFO"], chosen, follow=True)
    assert "Your password is set. Sign in as ada@shop.example." in done.content.decode()
    assert stranger.login(username="ada@shop.example", password=PASSWORD)
    # Once.
    again = Client().get(link, follow=True).content.decode()
    assert "This link was used already, or has expired" in again


def test_a_link_expires_and_ends_with_a_change_of_the_address(boss: Client, settings: Any) -> None:
    user = member_of("Viewer", name="jo")
    page = boss.post(f"{LIST}{user.pk}/link/").content.decode()
    (link,) = re.findall(r"http://testserver(/admin/login/password/[^<\s]+)", page)
    assert "no e-mail is sent" in page
    assert boss.get(f"{LIST}{user.pk}/link/").status_code == 302  # no link can make one
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert "has expired" in Client().get(link, follow=True).content.decode()
    settings.PASSWORD_RESET_TIMEOUT = 86400
    assert "Choose a password" in Client().get(link, follow=True).content.decode()
    User.objects.filter(pk=user.pk).update(email="other@shop.example")
    assert "has expired" in Client().get(link, follow=True).content.decode()


def test_superusers_who_ask_see_all_fields_and_nobody_else(boss: Client, manager: Client) -> None:
    user = member_of("Viewer", name="jo")
    assert "user_permissions" not in boss.get(page_of(user)).content.decode()
    assert "user_permissions" in boss.get(f"{page_of(user)}?all=1").content.decode()
    page = manager.get(f"{page_of(user)}?all=1")
    assert page.status_code == 200
    assert not re.search("user_permissions|is_superuser|is_staff", page.content.decode())
    values = values_of(
        user, is_superuser="on", is_staff="on", user_permissions=[Permission.objects.all()[0].pk]
    )
    assert manager.post(f"{page_of(user)}?all=1", values).status_code == 302
    user.refresh_from_db()
    assert (user.is_superuser, user.user_permissions.exists()) == (False, False)


def test_managers_manage_those_below_them(manager: Client) -> None:
    values = {"name": "Jo", "email": "jo@shop.example", "groups": roles("Viewer", "Operator")}
    assert manager.post(ADD, values).status_code == 200
    jo = User.objects.get(email="jo@shop.example")
    assert manager.post(page_of(jo), values_of(jo, groups=roles("Viewer"))).status_code == 302
    assert [group.name for group in jo.groups.all()] == ["Viewer"]
    assert manager.post(page_of(jo), values_of(jo, is_active="")).status_code == 302
    assert not User.objects.get(pk=jo.pk).is_active


@pytest.mark.parametrize("role", ["Manager", "Privacy officer"])
def test_managers_give_no_role_that_is_not_below_theirs(manager: Client, role: str) -> None:
    jo = member_of("Viewer", name="jo")
    assert f"{role}:" not in manager.get(page_of(jo)).content.decode()
    for address, values in (
        (page_of(jo), values_of(jo, groups=roles(role))),
        (ADD, {"name": "New", "email": "new@shop.example", "groups": roles(role)}),
    ):
        page = manager.post(address, values).content.decode()
        assert "is not one of the available choices" in page
    assert not Group.objects.get(name=role).user_set.exclude(username="manager").exists()


def test_managers_change_nobody_beside_or_above_them(manager: Client, settings: Any) -> None:
    others = [
        member_of("Manager", name="peer"),
        member_of("Privacy officer", name="officer"),
        member_of("Privacy officer", name="away", is_active=False),
        member_of("Viewer", name="raised", is_active=False),
        User.objects.create_superuser("boss"),
        User.objects.create_superuser("gone", is_active=False),
        User.objects.get(username="manager"),
    ]
    others[3].user_permissions.add(Permission.objects.get(codename="view_orderbuyer"))
    for user in others:
        page = manager.get(page_of(user))
        assert (page.status_code, 'name="groups"' in page.content.decode()) == (200, False), user
        assert manager.post(page_of(user), values_of(user, email="mine@shop.example")).status_code == 403, (
            user
        )
        assert manager.post(f"{LIST}{user.pk}/link/").status_code == 403, user
        assert manager.get(f"{LIST}{user.pk}/password/").status_code == 403, user
        assert manager.post(f"{LIST}{user.pk}/delete/", {"post": "yes"}).status_code == 403, user
    assert not User.objects.filter(email="mine@shop.example").exists()
    assert not AuditEntry.objects.filter(action="user.invited").exists()


def test_a_forgotten_password_is_replaced_by_e_mail(client: Client, settings: Any) -> None:
    page, jo = "/admin/login/forgotten/", member_of("Viewer", name="jo")
    away = member_of("Viewer", name="away", is_active=False)
    invited = member_of("Viewer", name="invited")
    invited.set_unusable_password()
    invited.save()
    assert client.get(page).status_code == 404
    assert "Forgotten your password?" not in client.get("/admin/login/").content.decode()
    settings.EMAIL_IS_ON, settings.PUBLIC_URL = True, "https://oms.example"
    assert "Forgotten your password?" in client.get("/admin/login/").content.decode()
    assert "Enter a valid email address" in client.post(page, {"email": "jo"}).content.decode()
    addresses = [jo.email.upper(), jo.email, away.email, invited.email, "nobody@shop.example"]
    answers = {asked(client, page, address) for address in addresses}
    assert len(answers) == 1  # the same, whoever it is
    (letter,) = mail.outbox
    assert letter.to == [jo.email]
    assert AuditEntry.objects.filter(action="user.reset_asked").count() == 1
    (link,) = re.findall(r"https://oms\.example(/\S+)", str(letter.body))
    opened = client.get(link, follow=True)
    client.post(
        opened.request["PATH_INFO"], dict.fromkeys(("new_password1", "new_password2"), f"{PASSWORD}2")
    )
    assert Client().login(username="jo", password=f"{PASSWORD}2")


def test_nobody_fills_anothers_mailbox(client: Client, settings: Any) -> None:
    settings.EMAIL_IS_ON, settings.PUBLIC_URL = True, "https://oms.example"
    jo = member_of("Viewer", name="jo")
    now = timezone.now()
    for number in range(12):
        with freeze_time(now + number * timedelta(minutes=6), tick=True):
            asked(client, "/admin/login/forgotten/", jo.email)
    assert len(mail.outbox) == 10
    with freeze_time(now + timedelta(days=1, minutes=1), tick=True):
        asked(client, "/admin/login/forgotten/", jo.email)
    assert len(mail.outbox) == 11


def asked(client: Client, page: str, address: str) -> str:
    """Nobody learns from the answer who has an account, nor from how long it took."""
    began = time.monotonic()
    answer = client.post(page, {"email": address}).content.decode()
    assert time.monotonic() - began >= SAME_TIME
    for thread in threading.enumerate():
        if thread.name == "password e-mail":
            thread.join()
    return re.sub(r'(csrf\w+" value|nonce)="[^"]+"', "", answer)


def test_the_login_page_says_where_the_first_password_is_until_somebody_has_signed_in(client: Client) -> None:
    def hint() -> bool:
        return "make setup printed" in client.get("/admin/login/").content.decode()

    assert not hint()
    admin = User.objects.create_superuser("admin", password=PASSWORD)
    assert hint()
    signed_in(admin)
    assert not hint()


def test_the_list_is_filtered_as_others_are(boss: Client) -> None:
    """By fields beside the rows, with chips of what is asked for, and days by name."""
    member_of("Viewer", name="ada", is_active=False)
    member_of("Operator", name="bo", last_login=timezone.now() - timedelta(days=1))
    page = boss.get(LIST).content.decode()
    assert 'aria-controls="oms-filters"' in page
    assert all(
        f'name="{name}"' in page for name in ("is_active__exact", "groups__id__exact", "last_login_in")
    )
    page = boss.get(f"{LIST}?is_active__exact=0&groups__id__exact={roles('Viewer')[0]}").content.decode()
    assert [chip.strip() for chip in re.findall(r"<li class=\"oms-chip\"><span>(.*?)</span>", page)] == [
        "Active: <b>no</b>",
        "Groups: <b>Viewer</b>",
    ]
    assert "ada@shop.example" in page
    assert "bo@shop.example" not in page
    yesterday = boss.get(f"{LIST}?last_login_in=yesterday").content.decode()
    assert "bo@shop.example" in yesterday
    assert "ada@shop.example" not in yesterday
