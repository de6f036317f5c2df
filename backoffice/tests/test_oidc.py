"""Signing in at an OpenID Connect provider: a real one on this machine, over HTTP, with what it may get wrong."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from access.models import LoginFailures, LogoutToken, OidcIdentity, UserSession
from access.oidc.people import connect
from access.oidc.signing_out import prune_logout_tokens
from access.passwords import make_temporary
from access.second_factor.factors import add_factor
from access.tests.oidc_provider import CLIENT, SECRET, Provider
from audit.models import AuditEntry
from backoffice.tests.test_second_factor import CODE, CONFIRM, LOGIN, OWN, code, is_in
from backoffice.tests.test_second_factor import SECRET as FACTOR_SECRET

pytestmark = pytest.mark.django_db
BEGIN = "/admin/login/oidc/"
ADA = {"preferred_username": "ada", "email": "ada@shop.example", "given_name": "Ada", "groups": ["oms-ops"]}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with Provider().running() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider, settings: Any) -> Provider:
    """As it should be, and OMS set up for it."""
    running.claims, running.forge, running.sign, running.is_down = dict(ADA), {}, "RS256", False
    running.methods, running.described = ["client_secret_basic"], {}
    running.asked.clear()
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
        running.issuer,
        CLIENT,
        SECRET,
    )
    settings.OIDC_LABEL = "Keycloak"
    settings.OIDC_GROUPS = [("oms-ops", "Operator"), ("oms-viewers", "Viewer")]
    settings.OIDC_CREATE_USERS = True
    cache.clear()
    return running


def sign_in(provider: Provider, client: Client | None = None, **query: str) -> tuple[Client, str]:
    """The browser after it came back: where it is sent, or what the login page says."""
    client = client or Client()
    away = client.get(BEGIN, query)
    there = away.headers["Location"]
    if there == LOGIN:
        return client, client.get(LOGIN).content.decode()
    answer = client.get(provider.log_in(there))
    assert answer.status_code == 302
    if answer.headers["Location"] == LOGIN:
        return client, client.get(LOGIN).content.decode()
    return client, answer.headers["Location"]


def test_a_first_sign_in_makes_a_user_with_the_groups_of_the_claims(provider: Provider) -> None:
    client = Client()
    page = client.get(f"{LOGIN}?next=/admin/orders/order/").content.decode()
    assert "Log in with Keycloak" in page
    assert f'href="{BEGIN}?next=%2Fadmin%2Forders%2Forder%2F"' in page
    client, where = sign_in(provider, client, next="/admin/orders/order/")
    assert where == "/admin/orders/order/"
    assert client.get(where).status_code == 200
    ada = User.objects.get()
    assert (ada.username, ada.email, ada.first_name) == ("ada", "ada@shop.example", "Ada")
    assert (ada.is_staff, ada.is_superuser, ada.has_usable_password()) == (True, False, False)
    assert [group.name for group in ada.groups.all()] == ["Operator"]
    assert UserSession.objects.filter(user=ada).count() == 1
    done = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert {"user.added", "oidc.connected", "login.succeeded"} <= set(done)
    assert AuditEntry.objects.get(action="login.succeeded").changes == {"by": "oidc"}
    assert SECRET not in str(list(AuditEntry.objects.values()))


def test_what_is_asked_binds_the_answer_to_this_browser(provider: Provider) -> None:
    away = Client().get(BEGIN, {"next": "https://evil.example/"})
    asked = {name: value[0] for name, value in parse_qs(urlsplit(away.headers["Location"]).query).items()}
    assert {name: asked[name] for name in ("response_type", "code_challenge_method", "scope", "client_id")} == {
        "response_type": "code", "code_challenge_method": "S256", "scope": "openid profile email", "client_id": CLIENT,
    }  # fmt: skip
    assert asked["redirect_uri"] == "http://testserver/admin/login/oidc/callback/"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert sign_in(provider, next="https://evil.example/")[1] == "/admin/"


@pytest.mark.parametrize(
    ("sign", "forge"),
    [
        ("RS256", {"nonce": "of another sign-in"}),
        ("RS256", {"nonce": None}),
        ("RS256", {"aud": "another application"}),
        ("RS256", {"aud": None}),
        ("RS256", {"azp": "another application"}),
        ("RS256", {"iss": "https://evil.example"}),
        ("RS256", {"exp": 1_000_000_000}),
        ("RS256", {"exp": None}),
        ("RS256", {"exp": "never"}),
        ("RS256", {"nbf": 9_000_000_000}),
        ("RS256", {"iat": 9_000_000_000}),
        ("RS256", {"sub": None}),
        ("RS256", {"sub": ""}),
        ("RS256", {"sub": "x" * 256}),
        ("none", {}),
        ("HS256", {}),
        ("another key", {}),
    ],
    ids=str,
)
def test_it_trusts_no_other_token(
    provider: Provider, sign: str, forge: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    provider.sign, provider.forge = sign, forge
    with caplog.at_level(logging.DEBUG):
        client, page = sign_in(provider)
    assert "What Keycloak answered cannot be trusted" in page
    assert not is_in(client)
    assert not User.objects.exists()
    assert AuditEntry.objects.get(action="login.failed").changes == {"by": "oidc", "why": "untrusted"}
    assert SECRET not in caplog.text
    assert "eyJ" not in caplog.text  # no token, nor part of one


def test_an_answer_is_good_once_and_in_the_browser_that_asked(provider: Provider) -> None:
    client, other = Client(), Client()
    back = provider.log_in(client.get(BEGIN).headers["Location"])
    provider.asked.clear()
    for browser, address in ((other, back), (client, back.replace("state=", "state=x"))):
        assert browser.get(address).headers["Location"] == LOGIN
        assert "begun in another window" in browser.get(LOGIN).content.decode()
    assert not provider.asked  # nothing was sent
    client, _where = sign_in(provider)
    back = provider.log_in(client.get(BEGIN).headers["Location"])
    with freeze_time(timezone.now() + timedelta(minutes=11)):
        assert client.get(back).headers["Location"] == LOGIN
    client = Client()
    back = provider.log_in(client.get(BEGIN).headers["Location"])
    assert client.get(back).headers["Location"] == "/admin/"
    client.post("/admin/logout/")
    assert client.get(back).headers["Location"] == LOGIN


def test_who_cancels_there_is_told_so(provider: Provider) -> None:
    client = Client()
    asked = parse_qs(urlsplit(client.get(BEGIN).headers["Location"]).query)
    client.get(f"{BEGIN}callback/", {"state": asked["state"][0], "error": "access_denied"})
    assert "Keycloak has signed nobody in" in client.get(LOGIN).content.decode()


@pytest.mark.parametrize("broken", ["down", "nobody listens", "issuer", "endpoint"])
def test_a_provider_that_does_not_answer_costs_a_sentence(
    provider: Provider, settings: Any, broken: str
) -> None:
    provider.is_down = broken == "down"
    if broken == "nobody listens":
        settings.OIDC_ISSUER = "http://127.0.0.1:9"
    provider.described = {
        "issuer": {"issuer": "https://evil.example"},
        "endpoint": {"token_endpoint": "ftp://evil.example"},
    }.get(broken, {})
    _client, page = sign_in(provider)
    assert "Keycloak does not answer as it should" in page
    assert 'name="password"' in page
    provider.is_down, provider.described, settings.OIDC_ISSUER = False, {}, provider.issuer
    assert sign_in(provider)[1] == "/admin/"


def test_it_goes_down_while_somebody_is_there(provider: Provider) -> None:
    client = Client()
    back = provider.log_in(client.get(BEGIN).headers["Location"])
    provider.is_down = True
    client.get(back)
    assert "does not answer as it should" in client.get(LOGIN).content.decode()


def test_its_keys_may_change_and_the_secret_may_be_in_the_form(provider: Provider) -> None:
    assert sign_in(provider)[1] == "/admin/"
    provider.new_key("second")
    assert sign_in(provider)[1] == "/admin/"
    assert provider.asked.count("/keys") == 2
    cache.clear()
    provider.methods = ["client_secret_post"]
    assert sign_in(provider)[1] == "/admin/"


def test_groups_follow_the_claims_at_each_sign_in_and_others_stay(provider: Provider, settings: Any) -> None:
    sign_in(provider)
    ada = User.objects.get()
    ada.groups.add(Group.objects.get(name="Privacy officer"))
    provider.claims["groups"] = ["oms-viewers", "oms-admins", "superuser"]
    sign_in(provider)
    assert {group.name for group in ada.groups.all()} == {"Privacy officer", "Viewer"}
    ada.refresh_from_db()
    assert not ada.is_superuser
    settings.OIDC_SUPERUSERS = frozenset({"oms-admins"})
    sign_in(provider)
    ada.refresh_from_db()
    assert ada.is_superuser
    provider.claims["groups"] = ["oms-viewers"]
    sign_in(provider)
    ada.refresh_from_db()
    assert not ada.is_superuser
    settings.OIDC_GROUPS_CLAIM = "realm_access.roles"
    provider.claims = {"realm_access": {"roles": ["oms-ops"]}}
    sign_in(provider)
    assert {group.name for group in ada.groups.all()} == {"Privacy officer", "Operator"}


def test_who_is_in_no_group_that_is_mapped_stays_out_and_loses_those_he_had(provider: Provider) -> None:
    provider.claims["groups"] = ["of others"]
    assert "is in no group that may use OMS" in sign_in(provider)[1]
    assert not User.objects.exists()
    provider.claims["groups"] = "oms-ops"  # one value is no list
    client, where = sign_in(provider)
    assert where == "/admin/"
    del provider.claims["groups"]
    assert "is in no group" in sign_in(provider)[1]
    assert not User.objects.get().groups.exists()
    assert client.get("/admin/orders/order/").status_code == 403


def test_a_name_connects_nobody_and_a_command_does(provider: Provider, settings: Any) -> None:
    User.objects.create_superuser("Ada", email="ada@shop.example", password="right")
    assert "There is a user of your name here" in sign_in(provider)[1]
    settings.OIDC_CREATE_USERS = False
    assert "has no user here" in sign_in(provider)[1]
    subject = AuditEntry.objects.filter(action="login.failed").latest("pk").changes["subject"]
    call_command("connect_oidc_user", "Ada", subject, stdout=StringIO())
    client, where = sign_in(provider)
    assert (where, is_in(client)) == ("/admin/", True)
    User.objects.create_user("eve")
    for wrong in (("nobody", "2"), ("eve", subject), ("Ada", "2"), ("eve", "x" * 256)):
        with pytest.raises(CommandError) as error:
            call_command("connect_oidc_user", *wrong)
        assert error.value.returncode == 2
    call_command("connect_oidc_user", "Ada", stdout=StringIO())
    assert not is_in(client)
    assert not OidcIdentity.objects.exists()
    assert AuditEntry.objects.filter(action="oidc.disconnected", object_name="Ada").exists()
    assert "has no user here" in sign_in(provider)[1]


def test_who_is_inactive_or_only_uses_the_api_stays_out(provider: Provider) -> None:
    client, _where = sign_in(provider)
    for change in ({"is_active": False}, {"is_active": True, "is_staff": False}):
        User.objects.update(**change)
        assert "Your user here may not sign in" in sign_in(provider)[1]
        assert not is_in(client)


def test_what_a_claim_must_be(provider: Provider, settings: Any) -> None:
    settings.OIDC_REQUIRE = [("hd", "shop.example"), ("hd", "shop.test")]
    assert "may not be used here" in sign_in(provider)[1]
    provider.claims["hd"] = "shop.test"
    assert sign_in(provider)[1] == "/admin/"


def test_ones_own_factor_is_asked_for_unless_the_setting_says_that_it_was(
    provider: Provider, settings: Any
) -> None:
    settings.SECOND_FACTOR = "all"
    client, _where = sign_in(provider)
    assert client.get("/admin/")["Location"] == OWN
    assert client.get("/orders").status_code == 401
    settings.OIDC_SECOND_FACTOR = True
    client, _where = sign_in(provider)
    assert is_in(client)
    assert client.get("/orders").status_code == 200
    with freeze_time(timezone.now() - timedelta(minutes=5)):
        add_factor(User.objects.get(), FACTOR_SECRET, code())
    assert is_in(sign_in(provider)[0])
    settings.OIDC_SECOND_FACTOR = False
    assert not is_in(client)
    client, where = sign_in(provider, next="/admin/orders/order/")
    assert (where, is_in(client)) == (CODE, False)
    assert client.post(CODE, {"code": code()}).headers["Location"] == "/admin/orders/order/"
    assert is_in(client)


def test_it_confirms_that_it_is_oneself_where_the_provider_asked_just_now(provider: Provider) -> None:
    """Somebody who sits at another one's computer is signed in at the provider as well."""
    now = int(timezone.now().timestamp())
    provider.claims["auth_time"] = now - 3600
    client, _where = sign_in(provider)
    User.objects.update(is_superuser=True)
    token = "/admin/access/apitoken/add/"
    page = client.get(client.get(token).headers["Location"]).content.decode()
    assert "Log in with Keycloak" in page
    assert "again=1" in page
    away = client.get(BEGIN, {"again": "1", "next": token}).headers["Location"]
    assert "prompt=login&max_age=0" in away
    client.get(provider.log_in(away))
    assert client.get(token).headers["Location"].startswith(CONFIRM)
    provider.claims["auth_time"] = now
    _client, where = sign_in(provider, client, again="1", next=token)
    assert (where, client.get(token).status_code) == (token, 200)


def test_no_password_is_asked_to_be_changed(provider: Provider) -> None:
    user = User.objects.create_user("ada", password="right", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_order"))
    make_temporary(user)
    connect(user, "1")
    assert is_in(sign_in(provider)[0])
    client = Client()
    client.post(LOGIN, {"username": "ada", "password": "right"})
    assert client.get("/admin/")["Location"] == "/admin/password_change/"


def test_answers_that_cannot_be_trusted_are_counted_by_address(provider: Provider, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ADDRESS = 1
    assert sign_in(provider)[1] == "/admin/"
    assert LoginFailures.objects.get().count == 0
    provider.sign = "none"
    sign_in(provider)
    provider.sign = "RS256"
    assert "Too many attempts have failed from your address" in sign_in(provider)[1]


# --- connecting in the admin


def connection(user: User) -> str:
    return f"/admin/auth/user/{user.pk}/single-sign-on/"


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root", password="right"))
    return client


def test_who_was_refused_is_connected_in_the_admin_and_disconnected(
    provider: Provider, settings: Any, manager: Client
) -> None:
    ada = User.objects.create_user("Ada", is_staff=True)
    assert "There is a user of your name here" in sign_in(provider)[1]
    page = manager.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
    assert connection(ada) in page
    assert "Connect with Keycloak" in page
    page = manager.get(connection(ada)).content.decode()
    assert "<strong>ada</strong>" in page
    assert 'name="subject" value="1"' in page
    manager.post(connection(ada), {"subject": "1"})
    browser, where = sign_in(provider)
    assert (where, is_in(browser)) == ("/admin/", True)
    assert "Connected with Keycloak" in manager.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
    page = manager.get(connection(ada)).content.decode()
    assert f"Signs in as 1 of {provider.issuer}" in page
    eve = User.objects.create_user("eve")
    assert "<strong>ada</strong>" not in manager.get(connection(eve)).content.decode()
    for user, subject, why in (
        (eve, "1", "another user"),
        (ada, "2", "disconnect first"),
        (eve, "", "required"),
    ):
        answer = manager.post(connection(user), {"subject": subject})
        assert (answer.status_code, why in answer.content.decode()) == (422, True)
    settings.OIDC_ISSUER = ""  # what was connected once can be taken away all the same
    assert manager.post(connection(ada), {"disconnect": "1"}).status_code == 302
    assert not OidcIdentity.objects.exists()
    assert not is_in(browser)
    assert manager.get(connection(ada)).status_code == 404
    done = AuditEntry.objects.filter(action__startswith="oidc.").order_by("pk")
    assert [(entry.action, entry.actor, entry.object_name, entry.door) for entry in done] == [
        ("oidc.connected", "root", "Ada", "admin"),
        ("oidc.disconnected", "root", "Ada", "admin"),
    ]


def test_only_who_may_change_users_connects_them_and_is_asked_whether_it_is_he(
    provider: Provider, client: Client
) -> None:
    ada = User.objects.create_user("Ada")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_user"))
    client.force_login(viewer)
    assert "single-sign-on" not in client.get(f"/admin/auth/user/{ada.pk}/change/").content.decode()
    assert client.post(connection(ada), {"subject": "1"}).status_code == 403
    client.force_login(User.objects.create_superuser("root"))
    with freeze_time(timezone.now() + timedelta(minutes=11)):
        for answer in (client.get(connection(ada)), client.post(connection(ada), {"subject": "1"})):
            assert answer.headers["Location"].startswith(CONFIRM)
    assert not OidcIdentity.objects.exists()
    assert client.get("/admin/auth/user/987654/single-sign-on/").status_code == 404


def test_no_manager_holds_an_account_that_the_provider_may_raise_above_him(
    provider: Provider, settings: Any, client: Client
) -> None:
    """He knows the password of somebody below, whom the provider's claims would then make a superuser."""
    eve = User.objects.create_user("eve", is_staff=True)
    mia = User.objects.create_user("mia", is_staff=True)
    mia.groups.add(Group.objects.get(name="Manager"))
    client.force_login(mia)
    pages = [
        f"/admin/auth/user/{eve.pk}/{each}/" for each in ("single-sign-on", "link", "password", "change")
    ]
    assert [client.get(page).status_code for page in pages] == [200, 302, 200, 200]
    for raising in (
        {"OIDC_SUPERUSERS": frozenset({"admins"})},
        {"OIDC_GROUPS": [("oms", "Privacy officer")]},
    ):
        for name, value in raising.items():
            setattr(settings, name, value)
        assert client.get(pages[0]).status_code == 403
        assert client.post(pages[0], {"subject": "1"}).status_code == 403
        assert "single-sign-on" not in client.get(pages[3]).content.decode()
        assert client.post(pages[1]).status_code == 200  # of those who are not connected, as before
        settings.OIDC_SUPERUSERS, settings.OIDC_GROUPS = frozenset(), [("oms", "Viewer")]
    assert client.post(pages[0], {"subject": "1"}).status_code == 302
    assert client.post(pages[1]).status_code == 200
    settings.OIDC_SUPERUSERS = frozenset({"admins"})
    assert [client.post(page).status_code for page in pages] == [403] * 4


# --- signing out

LOGOUT = {"end_session_endpoint": "https://id.example/logout?realm=shop"}


def test_signing_out_here_signs_out_there_where_the_setting_says_so(
    provider: Provider, settings: Any
) -> None:
    provider.described = LOGOUT
    client, _where = sign_in(provider)
    assert "Refresh" not in client.post("/admin/logout/").headers
    settings.OIDC_LOGOUT = True
    client, _where = sign_in(provider)
    assert client.get("/admin/logout/").status_code == 405
    answer = client.post("/admin/logout/")
    address = answer.headers["Refresh"].removeprefix("0; url=")
    assert parse_qs(urlsplit(address).query) == {
        "realm": ["shop"], "client_id": [CLIENT], "post_logout_redirect_uri": ["http://testserver/admin/login/"],
    }  # fmt: skip
    assert address.startswith("https://id.example/logout?")
    assert "You are signed out of OMS" in answer.content.decode()
    assert not is_in(client)
    User.objects.create_user("eve", password="right", is_staff=True)
    client.post(LOGIN, {"username": "eve", "password": "right"})  # by a password of OMS
    assert "Refresh" not in client.post("/admin/logout/").headers


@pytest.mark.parametrize("described", [{}, {"end_session_endpoint": "javascript:alert(1)"}, None], ids=str)
def test_where_the_provider_has_no_page_to_sign_out_one_signs_out_here(
    provider: Provider, settings: Any, described: dict[str, str] | None
) -> None:
    settings.OIDC_LOGOUT = True
    provider.described = described or {}
    client, _where = sign_in(provider)
    if described is None:
        provider.is_down = True
        cache.clear()
    answer = client.post("/admin/logout/")
    assert (answer.status_code, "Refresh" in answer.headers) == (200, False)
    assert not is_in(client)


BACK = f"{BEGIN}backchannel-logout/"


def tell(token: str) -> int:
    """As a server does, without a cookie."""
    return Client(enforce_csrf_checks=True).post(BACK, {"logout_token": token}).status_code


def test_who_signs_out_there_is_signed_out_here_and_nobody_else(provider: Provider) -> None:
    provider.claims["sid"] = "laptop"
    laptop, _where = sign_in(provider)
    provider.claims["sid"] = "phone"
    phone, _where = sign_in(provider)
    provider.claims |= {"sub": "2", "preferred_username": "eve"}
    eve, _where = sign_in(provider)
    token = provider.logout_token(sid="laptop")
    assert tell(token) == 200
    assert [is_in(each) for each in (laptop, phone, eve)] == [False, True, True]
    (entry,) = AuditEntry.objects.filter(action="session.ended")
    assert (entry.object_name, entry.changes) == ("ada", {"sessions": 1, "by": "oidc"})
    provider.claims |= {"sub": "1", "sid": "laptop", "preferred_username": "ada"}
    laptop, _where = sign_in(provider)
    assert tell(token) == 400  # once
    assert is_in(laptop)
    assert tell(provider.logout_token(sub=None, sid="laptop")) == 200
    assert [is_in(each) for each in (laptop, phone)] == [False, True]
    assert tell(provider.logout_token()) == 200  # without the name of a session: all of them
    assert [is_in(each) for each in (phone, eve)] == [False, True]
    assert tell(provider.logout_token(sub="nobody here")) == 200
    with freeze_time(timezone.now() + timedelta(days=2)):
        prune_logout_tokens()
    assert not LogoutToken.objects.exists()


@pytest.mark.parametrize(
    ("sign", "changes"),
    [
        ("RS256", {"events": None}),
        ("RS256", {"events": {"http://schemas.openid.net/event/other": {}}}),
        ("RS256", {"events": "http://schemas.openid.net/event/backchannel-logout"}),
        ("RS256", {"nonce": "as of an id_token"}),
        ("RS256", {"iss": "https://evil.example"}),
        ("RS256", {"aud": "another application"}),
        ("RS256", {"jti": None}),
        ("RS256", {"jti": ["a", "list"]}),
        ("RS256", {"exp": 1_000_000_000}),
        ("RS256", {"exp": None}),
        ("RS256", {"iat": 1_000_000_000, "exp": 9_000_000_000}),
        ("RS256", {"iat": 9_000_000_000}),
        ("RS256", {"sub": None}),
        ("RS256", {"sub": {"a": 1}}),
        ("RS256", {"sid": ""}),
        ("none", {}),
        ("HS256", {}),
        ("another key", {}),
    ],
    ids=str,
)
def test_no_other_logout_token_is_heeded(
    provider: Provider, sign: str, changes: dict[str, Any], caplog: Any
) -> None:
    client, _where = sign_in(provider)
    provider.sign = sign
    assert tell(provider.logout_token(**changes)) == 400
    assert is_in(client)
    assert "eyJ" not in caplog.text


def test_a_logout_that_cannot_be_checked_now_is_to_be_told_again(provider: Provider) -> None:
    client, _where = sign_in(provider)
    token = provider.logout_token()
    provider.is_down = True
    cache.clear()
    assert tell(token) == 503
    provider.is_down = False
    assert tell(token) == 200
    assert not is_in(client)
    assert [tell(each) for each in ("", "x", "a.b.c")] == [400, 400, 400]
    assert Client().get(BACK).status_code == 405


def test_who_comes_back_without_having_left_does_not_fill_the_audit(provider: Provider) -> None:
    """Anybody can ask for that address, as often as he likes."""
    client = Client()
    for _each in range(5):
        client.get(f"{BEGIN}callback/", {"state": "x", "code": "y"})
    assert AuditEntry.objects.filter(action="login.failed").count() == 1
    with freeze_time(timezone.now() + timedelta(minutes=16)):
        client.get(f"{BEGIN}callback/")
    first, rest, again = AuditEntry.objects.filter(action="login.failed").order_by("pk")
    assert first.changes == again.changes == {"by": "oidc", "why": "expired"}
    assert rest.changes["attempts"] == 4


def test_a_check_names_groups_that_are_not_there(provider: Provider, settings: Any) -> None:
    assert run_checks(databases=["default"]) == []
    settings.OIDC_GROUPS = [("oms-ops", "operators")]
    (warning,) = run_checks(databases=["default"])
    assert (warning.id, "operators" in warning.msg) == ("oms.W014", True)
    assert sign_in(provider)[1] == "/admin/"


def test_without_a_provider_there_is_nothing(client: Client) -> None:
    assert client.get(BEGIN).status_code == 404
    assert client.get(f"{BEGIN}callback/").status_code == 404
    assert client.post(BACK).status_code == 404
    assert "oidc" not in client.get(LOGIN).content.decode()
