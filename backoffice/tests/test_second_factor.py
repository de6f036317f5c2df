"""The second factor over HTTP: set up, asked for at sign-in, accepted once, limited, needed by setting, taken away."""

import re
import time
from base64 import b32decode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from freezegun import freeze_time
from rest_framework.test import APIClient

from access.passwords import make_temporary
from access.second_factor.codes import matching_step
from access.second_factor.factors import add_factor
from access.second_factor.models import Factor
from access.tokens import make_token
from api.tests.rest import amazon
from audit.models import AuditEntry
from orders.models import Order, OrderBuyer
from platforms.models import Platform

pytestmark = pytest.mark.django_db
LOGIN, CODE, OWN, CONFIRM = "/admin/login/", "/admin/login/code/", "/admin/second-factor/", "/admin/confirm/"
PASSWORD = "/admin/password_change/"
SECRET, KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", b"12345678901234567890"  # of RFC 6238
CREDENTIALS = {
    "client_id": "amzn1.application-oa2-client.abc",
    "client_secret": "amzn1.oa2-cs.v1.abc",
    "refresh_token": "Atzr|abc",
    "marketplace_id": "A1PA6795UKMFR9",
    "region": "eu",
}
START = "2026-11-27 12:00:00"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with freeze_time(START) as frozen:
        yield frozen


def app(key: bytes) -> TOTP:
    return TOTP(key, 6, SHA1(), 30)  # noqa: S303  as apps do


def code(ahead: int = 0) -> str:
    """What an app shows now, or in so many seconds."""
    return app(KEY).generate(int(time.time()) + ahead).decode()


def user_with_factor(name: str = "jo", **fields: Any) -> tuple[User, list[str]]:
    """Set up a day ago."""
    user = User.objects.create_superuser(name, password="right", **fields)
    with freeze_time("2026-11-26 12:00:00"):
        codes = add_factor(user, SECRET, code())
    assert codes is not None
    return user, codes


def after_password(next_page: str = "/admin/orders/order/") -> Client:
    client = Client()
    answer = client.post(LOGIN, {"username": "jo", "password": "right", "next": next_page})
    assert answer.headers["Location"] == CODE
    return client


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_codes_are_those_of_the_standard() -> None:
    """https://www.rfc-editor.org/rfc/rfc6238#appendix-B, the last six digits."""
    for at, expected in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert matching_step(SECRET, expected, at) == at // 30
    assert matching_step(SECRET, "287082", 59 + 60) is None


def test_it_is_set_up_with_a_code_and_asked_for_at_the_next_sign_in(
    admin_client: Client, admin_user: User, clock: Any
) -> None:
    page = admin_client.get(OWN)
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    text = page.content.decode()
    assert "<svg" in text
    shown = re.search(r"<code>([A-Z2-7 ]{39})</code>", text)
    assert shown is not None
    secret = shown[1].replace(" ", "")
    assert (
        "This code is wrong" in admin_client.post(OWN, {"action": "add", "code": "000000"}).content.decode()
    )
    right = app(b32decode(secret)).generate(int(time.time())).decode()
    done = admin_client.post(OWN, {"action": "add", "code": f"{right[:3]} {right[3:]}"}).content.decode()
    codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", done)
    assert len(set(codes)) == 10
    assert is_in(admin_client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM second_factors")
        stored = str(cursor.fetchall())
    assert secret not in stored
    for page_text in (admin_client.get(OWN).content.decode(), str(AuditEntry.objects.values())):
        assert secret not in page_text.replace(" ", "")
        assert codes[0] not in page_text
    assert "factor.added" in actions()
    other = Client()
    other.post(LOGIN, {"username": "admin", "password": "password"})
    assert not is_in(other)


def test_nobody_is_signed_in_before_the_code() -> None:
    user_with_factor()
    client = after_password()
    assert not is_in(client)
    assert client.get("/orders").status_code == 401
    assert client.get("/docs/").status_code == 401
    assert "login.succeeded" not in actions()
    assert client.post(CODE, {"code": "000000"}).status_code == 422
    assert not is_in(client)
    answer = client.post(CODE, {"code": code()})
    assert answer.headers["Location"] == "/admin/orders/order/"
    assert is_in(client)
    assert client.get("/orders").status_code == 200
    assert actions()[-2:] == ["factor.failed", "login.succeeded"]
    assert Client().get(CODE).headers["Location"] == LOGIN


def test_a_code_is_never_accepted_twice(clock: Any) -> None:
    user_with_factor()
    one, two = after_password(), after_password()
    assert one.post(CODE, {"code": code()}).status_code == 302
    assert two.post(CODE, {"code": code()}).status_code == 422
    assert two.post(CODE, {"code": code(-30)}).status_code == 422  # an earlier one, which nobody used
    clock.tick(timedelta(seconds=30))
    assert two.post(CODE, {"code": code()}).status_code == 302


def test_a_recovery_code_works_once() -> None:
    _user, codes = user_with_factor()
    assert after_password().post(CODE, {"code": codes[0].lower()}).status_code == 302
    assert after_password().post(CODE, {"code": codes[0]}).status_code == 422
    used = AuditEntry.objects.get(action="factor.code_used")
    assert used.changes == {"left": 9}


def test_after_five_wrong_codes_a_right_one_waits(clock: Any) -> None:
    _user, codes = user_with_factor()
    client = after_password()
    for _attempt in range(5):
        client.post(CODE, {"code": "000000"})
    for right in (code(), codes[0]):
        assert "this one was not looked at" in client.post(CODE, {"code": right}).content.decode()
    clock.tick(timedelta(minutes=15, seconds=1))
    client = after_password()
    assert client.post(CODE, {"code": code()}).status_code == 302
    assert actions().count("factor.failed") == 5


def test_the_password_is_remembered_for_ten_minutes_and_while_it_is_the_password(clock: Any) -> None:
    user, _codes = user_with_factor()
    client = after_password()
    clock.tick(timedelta(minutes=10))
    assert client.post(CODE, {"code": code()}).headers["Location"] == LOGIN
    client = after_password()
    user.set_password("another")
    user.save()
    assert client.post(CODE, {"code": code()}).headers["Location"] == LOGIN
    assert not is_in(client)


def test_sessions_that_have_not_passed_it_end(client: Client) -> None:
    """Also where something else signed somebody in, and where the factor was set up elsewhere meanwhile."""
    user = User.objects.create_superuser("jo", password="right")
    client.force_login(user)
    assert is_in(client)
    add_factor(user, SECRET, code())
    assert not is_in(client)
    assert (
        APIClient().get("/orders", HTTP_COOKIE=f"sessionid={client.cookies['sessionid'].value}").status_code
        == 401
    )
    token = make_token(user, name="t").text
    assert APIClient().get("/orders", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200


def test_a_request_costs_no_query_more() -> None:
    user_with_factor()
    client = after_password()
    client.post(CODE, {"code": code()})
    with CaptureQueriesContext(connection) as asked:
        client.get("/healthz")
        client.get("/admin/second-factor/")
    tables = [
        each["sql"]
        for each in asked
        if '"second_factors"' in each["sql"] or "`second_factors`" in each["sql"]
    ]
    assert len([sql for sql in tables if "auth_user" in sql]) == 1
    assert not [sql for sql in tables if "auth_user" not in sql]


@pytest.mark.parametrize(
    ("mode", "permission", "is_asked"),
    [
        ("privileged", "view_order", False),
        ("privileged", "view_orderbuyer", True),
        ("all", "view_order", True),
    ],
)
def test_who_needs_one_sets_it_up_first(
    client: Client, settings: Any, mode: str, permission: str, is_asked: bool
) -> None:
    user = User.objects.create_user("jo", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[permission, "view_order"]))
    settings.SECOND_FACTOR = mode
    client.force_login(user)
    page = client.get("/admin/orders/order/")
    assert (page.status_code, page.headers.get("Location")) == ((302, OWN) if is_asked else (200, None))
    assert client.get("/orders").status_code == (401 if is_asked else 200)
    if is_asked:
        assert client.get(OWN).status_code == 200
        add_factor(user, SECRET, code())
        assert not is_in(client)  # not set up in this session


def test_first_the_factor_then_the_password_then_all_else(settings: Any) -> None:
    """Each of the two pages opens while the other one is due too: nobody is sent from one to the other and back."""
    settings.SECOND_FACTOR = "all"
    user = User.objects.create_superuser("jo", password="The first pass phrase")
    make_temporary(user)
    client = Client()
    client.post(LOGIN, {"username": "jo", "password": "The first pass phrase"})
    assert client.get("/admin/")["Location"] == OWN
    assert [client.get(page).status_code for page in (OWN, PASSWORD, CONFIRM)] == [200, 200, 200]
    shown = re.search(r"<code>([A-Z2-7 ]{39})</code>", client.get(OWN).content.decode())
    assert shown is not None
    right = app(b32decode(shown[1].replace(" ", ""))).generate(int(time.time())).decode()
    assert client.post(OWN, {"action": "add", "code": right}).status_code == 200
    assert client.get("/admin/")["Location"] == PASSWORD
    new = {"new_password1": "Another pass phrase", "new_password2": "Another pass phrase"}
    assert client.post(PASSWORD, {"old_password": "The first pass phrase", **new}).status_code == 302
    assert is_in(client)


def test_it_is_renewed_and_removed(clock: Any) -> None:
    _user, codes = user_with_factor()
    client = after_password()
    client.post(CODE, {"code": code()})
    page = client.post(OWN, {"action": "codes"}).content.decode()
    assert codes[0] not in page
    assert after_password().post(CODE, {"code": codes[0]}).status_code == 422
    clock.tick(timedelta(minutes=11))
    for action in ("remove", "codes"):
        assert client.post(OWN, {"action": action}).headers["Location"].startswith(CONFIRM)
    assert Factor.objects.count() == 1
    client.post(CONFIRM, {"code": code()})
    client.post(OWN, {"action": "remove"})
    assert not Factor.objects.exists()
    assert is_in(client)
    assert actions()[-1] == "factor.removed"


def test_a_command_takes_it_away(capsys: Any) -> None:
    user_with_factor()
    call_command("reset_second_factor", "jo")
    client = Client()
    client.post(LOGIN, {"username": "jo", "password": "right"})
    assert is_in(client)
    entry = AuditEntry.objects.get(action="factor.reset")
    assert (entry.door, entry.object_name) == ("command", "jo")
    call_command("reset_second_factor", "jo")
    assert "has no second factor" in capsys.readouterr().out
    with pytest.raises((CommandError, SystemExit)):
        call_command("reset_second_factor", "nobody")


@pytest.mark.parametrize("with_factor", [True, False])
def test_after_ten_minutes_it_asks_again(clock: Any, with_factor: bool) -> None:
    """Before buyer data is read, credentials, users, groups and webhooks are changed, tokens are made and lists are
    exported: over pages, and with the session."""
    if with_factor:
        user_with_factor()
        client = after_password()
        client.post(CODE, {"code": code()})
    else:
        User.objects.create_superuser("jo", password="right")
        client = Client()
        client.post(LOGIN, {"username": "jo", "password": "right"})
    platform = amazon()
    order = Order.objects.create(
        platform=platform,
        external_id="1",
        purchased_at=timezone.now(),
        platform_updated_at=timezone.now(),
        synced_at=timezone.now(),
        source="live",
    )
    OrderBuyer.objects.create(
        order=order, data={"name": "Ada"}, purge_after=timezone.now() + timedelta(days=9)
    )
    jo = User.objects.get(username="jo")
    pages = (
        f"/admin/orders/order/{order.pk}/buyer/", "/admin/access/apitoken/add/", "/admin/auth/user/add/",
        f"/admin/auth/user/{jo.pk}/change/", f"/admin/auth/user/{jo.pk}/password/",
        f"/admin/auth/user/{jo.pk}/delete/", "/admin/auth/group/add/", "/admin/webhooks/endpoint/add/",
    )  # fmt: skip
    export = "/admin/orders/order/export/orders.csv"
    buyer, change = f"/orders/{order.pk}/buyer?reason=return", f"/platforms/{platform.pk}"
    form = f"/admin/platforms/platform/{platform.pk}/change/"
    entered = {
        "name": platform.name,
        "kind": "amazon",
        "orders_interval": 9,
        "inventory_interval": 9,
        **CREDENTIALS,
    }

    def stored() -> bool:
        return Platform.objects.get(pk=platform.pk).is_configured

    assert {client.get(page).status_code for page in (*pages, buyer, export)} == {200}
    clock.tick(timedelta(minutes=10))
    for page in pages:
        assert client.get(page).headers["Location"] == f"{CONFIRM}?next={quote(page, safe='')}"
    for page in (*pages[1:], "/admin/auth/user/"):
        assert client.post(page, {"name": "t", "action": "unlock"}).headers["Location"].startswith(CONFIRM)
    back = "/admin/orders/order/?status__exact=shipped"
    asked = client.get(f"{export}?status__exact=shipped&export_token=7").headers["Location"]
    assert asked == f"{CONFIRM}?next={quote(back, safe='')}"
    assert "Refresh" not in client.get(back).headers
    assert (
        f'href="{CONFIRM}?next=%2Fadmin%2Forders%2Forder%2F"'
        in client.get("/admin/orders/order/").content.decode()
    )
    assert (
        client.post("/webhooks", {"name": "x"}, content_type="application/json").json()["code"]
        == "not_confirmed"
    )
    body = {"api_config": CREDENTIALS}
    answers = [client.get(buyer), client.patch(change, body, content_type="application/json")]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(403, "not_confirmed")] * 2
    assert client.patch(change, {"display_name": "x"}, content_type="application/json").status_code == 200
    assert "Confirm first that it is you" in client.post(form, entered).content.decode()
    assert not stored()

    right = {"code": code()} if with_factor else {"password": "right"}
    wrong = {"code": "000000"} if with_factor else {"password": "wrong"}
    assert client.post(CONFIRM, wrong).status_code == 422
    assert client.get(pages[0]).status_code == 302
    assert client.post(CONFIRM, right | {"next": pages[0]}).headers["Location"] == pages[0]
    assert {client.get(page).status_code for page in (*pages, buyer, export)} == {200}
    assert "Refresh" not in client.get("/admin/inventory/inventoryitem/").headers
    goes_on = f"0; url={export}?status__exact=shipped&export_token=7"  # the list shows, and the file comes
    assert [client.get(back).headers.get("Refresh") for _each in range(2)] == [goes_on, None]
    assert client.post(form, entered).status_code == 302
    assert stored()


def test_nobody_is_asked_again_where_it_is_switched_off(client: Client, settings: Any, clock: Any) -> None:
    settings.CONFIRM_AGAIN_MINUTES = 0
    client.force_login(User.objects.create_superuser("jo"))
    clock.tick(timedelta(minutes=20))
    assert client.get("/admin/access/apitoken/add/").status_code == 200
