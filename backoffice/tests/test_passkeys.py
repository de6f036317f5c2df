"""Passkeys over HTTP, with a device of the tests' own: made, asked for, used once, and what is refused."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from access.second_factor.factors import add_factor
from access.second_factor.models import Factor, Passkey, PasskeyChallenge
from access.tests.authenticator import PRESENT, Device, offered
from audit.models import AuditEntry
from backoffice.tests.test_second_factor import CODE, CONFIRM, LOGIN, OWN, SECRET, actions, code, is_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def jo() -> User:
    return User.objects.create_superuser("jo", password="right")


def browser(host: str = "localhost", **options: Any) -> Client:
    return Client(SERVER_NAME=host, **options)


def after_password(client: Client | None = None) -> tuple[Client, Any]:
    """Somebody who gave the password, and what the next page asks the browser for."""
    client = client or browser()
    assert client.post(LOGIN, {"username": "jo", "password": "right"}).headers["Location"] == CODE
    return client, offered(client.get(CODE).content.decode())


def make(user: User, device: Device, name: str = "") -> Client:
    """Somebody signed in whose `device` has a passkey now."""
    client = browser()
    client.force_login(user)
    answer = device.create(offered(client.get(OWN).content.decode()))
    page = client.post(OWN, {"action": "add-passkey", "passkey": answer, "name": name})
    assert page.status_code == 200
    return client


def sign_in(client: Client, answer: str) -> int:
    """302: signed in."""
    return client.post(CODE, {"passkey": answer}).status_code


def test_it_is_made_and_signs_in(jo: User) -> None:
    device, client = Device(), browser()
    client.force_login(jo)
    options = offered(client.get(OWN).content.decode())
    assert options["rp"] == {"id": "localhost", "name": "OMS"}
    assert options["user"]["name"] == "jo"
    answer = device.create(options)
    page = client.post(
        OWN, {"action": "add-passkey", "passkey": answer, "name": "Work laptop"}
    ).content.decode()
    assert "Work laptop" in page
    assert (
        len(re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", page)) == 10
    )  # recovery codes, with the first factor
    assert is_in(client)
    passkey = Passkey.objects.get()
    assert (passkey.transports, passkey.domain, passkey.factor.has_app) == (["internal"], "localhost", False)

    other, options = after_password()
    assert not is_in(other)
    assert [each["id"] for each in options["allowCredentials"]] == [passkey.credential_id]
    assert sign_in(other, device.sign(options)) == 302
    assert is_in(other)
    passkey.refresh_from_db()
    assert passkey.sign_count == 1
    assert passkey.last_used_at is not None
    assert actions()[-2:] == ["passkey.added", "login.succeeded"]
    assert not PasskeyChallenge.objects.filter(purpose="sign-in").exists()


def test_an_answer_is_good_for_one_challenge(jo: User) -> None:
    """Whatever it is sent again with: the same session, another one, a page that asks something else."""
    device = Device(counts=False)
    signed_in = make(jo, device)
    client, options = after_password()
    other, theirs = after_password()
    answer = device.sign(options)
    assert sign_in(other, answer) == 422
    assert sign_in(client, answer) == 302
    client.post("/admin/logout/")
    client, _options = after_password(client)
    assert sign_in(client, answer) == 422
    assert sign_in(other, device.sign(theirs)) == 422  # its page has asked anew since
    signed_in.get(CONFIRM)
    assert signed_in.post(CONFIRM, {"passkey": answer}).status_code == 422


@pytest.mark.parametrize(
    "instead",
    [
        {"challenge": "AAAA"},
        {"origin": "https://oms.example"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://localhost.evil.example"},
        {"type": "webauthn.create"},
        {"flags": 0},
    ],
    ids=["challenge", "site", "port", "like-it", "kind", "nobody-there"],
)
def test_it_refuses_what_was_signed_for_something_else(jo: User, instead: dict[str, Any]) -> None:
    device = Device()
    make(jo, device)
    client, options = after_password()
    assert sign_in(client, device.sign(options, **instead)) == 422
    assert not is_in(client)
    assert actions()[-1] == "factor.failed"
    assert Passkey.objects.get().sign_count == 0


def test_it_refuses_another_key_another_domain_and_another_user(jo: User) -> None:
    device, eve = Device(), Device()
    make(jo, device)
    make(User.objects.create_superuser("eve", password="right"), eve)
    for answer in ("of another user", "of another key", "of another domain"):
        client, options = after_password()
        signs = Device() if answer == "of another key" else eve
        if answer == "of another key":
            signs.id = device.id
        asked = options | ({"rpId": "evil.example"} if answer == "of another domain" else {})
        signs = device if answer == "of another domain" else signs
        assert sign_in(client, signs.sign(asked)) == 422, answer
        assert not is_in(client)


def test_a_device_that_counts_backwards_is_a_copy(jo: User) -> None:
    device = Device()
    make(jo, device)
    for uses, status in ((5, 302), (5, 422), (3, 422), (6, 302)):
        client, options = after_password()
        device.uses = uses - 1
        assert sign_in(client, device.sign(options)) == status
    assert "sign count" in AuditEntry.objects.filter(action="factor.failed").latest("pk").changes["passkey"]


def test_after_five_refused_ones_nobody_tries_for_a_quarter_of_an_hour(jo: User) -> None:
    device = Device()
    make(jo, device)
    for status in [422] * 5 + [422]:
        client, options = after_password()
        assert sign_in(client, device.sign(options, challenge="AAAA")) == status
    client, options = after_password()
    page = client.post(CODE, {"passkey": device.sign(options)}).content.decode()
    assert "this one was not looked at" in page
    assert actions().count("factor.failed") == 5
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        client, options = after_password()
        assert sign_in(client, device.sign(options)) == 302


def test_a_page_that_was_open_for_too_long_asks_anew(jo: User) -> None:
    device = Device()
    make(jo, device)
    client, options = after_password()
    with freeze_time(timezone.now() + timedelta(minutes=5, seconds=1)):
        page = client.post(CODE, {"passkey": device.sign(options)})
        assert page.status_code == 422
        assert sign_in(client, device.sign(offered(page.content.decode()))) == 302


def test_it_confirms_that_it_is_oneself(jo: User) -> None:
    device = Device(counts=False)
    make(jo, device)
    client, options = after_password()
    assert sign_in(client, device.sign(options)) == 302
    with freeze_time(timezone.now() + timedelta(minutes=11)):
        address = "/admin/access/apitoken/add/"
        asked = client.get(client.get(address).headers["Location"])
        wrong = client.post(CONFIRM, {"passkey": device.sign(options), "next": address})
        assert (wrong.status_code, client.get(address).status_code) == (422, 302)
        right = device.sign(offered(wrong.content.decode()))
        assert offered(asked.content.decode())["challenge"] != offered(wrong.content.decode())["challenge"]
        assert client.post(CONFIRM, {"passkey": right, "next": address}).headers["Location"] == address
        assert client.get(address).status_code == 200


def test_one_has_several_beside_an_app_and_removes_them_one_by_one(jo: User, settings: Any) -> None:
    settings.SECOND_FACTOR = "all"
    phone, key = Device(), Device()
    make(jo, phone, name="Phone")
    with freeze_time(timezone.now() - timedelta(minutes=5)):
        assert add_factor(jo, SECRET, code()) == []  # the recovery codes are there
    client, options = after_password()
    assert sign_in(client, phone.sign(options)) == 302
    options = offered(client.get(OWN).content.decode())
    assert len(options["excludeCredentials"]) == 1
    client.post(OWN, {"action": "add-passkey", "passkey": key.create(options)})
    first, second = Passkey.objects.all()
    page = client.get(OWN).content.decode()
    assert "Phone" in page
    assert second.name
    assert after_password()[0].post(CODE, {"code": code()}).status_code == 302

    eve = make(User.objects.create_superuser("eve", password="right"), Device())
    for pk in (first.pk, "x", "9" * 40, ""):
        eve.post(OWN, {"action": "remove-passkey", "passkey": pk})
    assert Passkey.objects.filter(factor__user=jo).count() == 2
    client.post(OWN, {"action": "remove-passkey", "passkey": first.pk})
    other, options = after_password()
    assert sign_in(other, phone.sign(options)) == 422
    client.post(OWN, {"action": "remove-app"})
    assert after_password()[0].post(CODE, {"code": code(30)}).status_code == 422
    assert is_in(client)
    client.post(OWN, {"action": "remove-passkey", "passkey": second.pk})
    assert not Factor.objects.filter(user=jo).exists()
    assert client.get("/admin/")["Location"] == OWN  # the setting asks for another one
    assert [each for each in actions() if "removed" in each] == [
        "passkey.removed", "factor.app_removed", "passkey.removed", "factor.removed",
    ]  # fmt: skip


def test_a_device_is_taken_once_and_for_one_user(jo: User) -> None:
    device = Device()
    make(jo, device)
    eve = browser()
    eve.force_login(User.objects.create_superuser("eve"))
    answer = device.create(offered(eve.get(OWN).content.decode()))
    page = eve.post(OWN, {"action": "add-passkey", "passkey": answer})
    assert page.status_code == 422
    assert not Factor.objects.filter(user__username="eve").exists()
    assert is_in(eve)


@pytest.mark.parametrize("answer", ["", "x", "[]", "{}", '{"id": 1}', "[" * 50_000, '{"id": "\\ud800"}'])
def test_what_no_browser_sends_is_refused(jo: User, answer: str) -> None:
    make(jo, Device())
    client, _options = after_password()
    assert sign_in(client, answer) == 422
    own = browser()
    own.force_login(User.objects.create_superuser("ann"))
    own.get(OWN)
    assert own.post(OWN, {"action": "add-passkey", "passkey": answer}).status_code == 422


def test_a_key_without_pin_is_taken_beside_the_password(jo: User) -> None:
    device = Device()
    make(jo, device)
    client, options = after_password()
    assert sign_in(client, device.sign(options, flags=PRESENT)) == 302


def test_pages_say_where_browsers_know_no_passkeys(jo: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    def domain(host: str, *, https: bool = False) -> Any:
        client = browser(host)
        client.force_login(jo)
        page = client.get(OWN, secure=https).content.decode()
        return None if "At this address they do not" in page else offered(page)["rp"]["id"]

    assert domain("127.0.0.1") is None
    assert domain("oms.example") is None
    assert domain("192.0.2.1", https=True) is None
    assert domain("oms.example", https=True) == "oms.example"
    settings.PASSKEYS_DOMAIN = "oms.example"
    assert domain("a.oms.example", https=True) == "oms.example"
    assert domain("myoms.example", https=True) is None
    assert domain("localhost") is None
