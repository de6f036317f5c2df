"""API tokens in the admin: one's own for those who may, all for those who look after them."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from rest_framework.test import APIClient

from access.models import ApiToken
from access.tokens import make_token
from api.tests.rest import amazon

pytestmark = pytest.mark.django_db
LIST = "/admin/access/apitoken/"
FORM = {"name": "BI", "scopes": ["read"], "platform_ids": [], "days": "30"}


def member(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def made(client: Client, **fields: Any) -> str:
    """The token that the page behind the form shows."""
    page = client.post(f"{LIST}add/", FORM | fields, follow=True)
    found = re.search(r"<code>([0-9a-f]{64})</code>", page.content.decode())
    assert found is not None, page.content.decode()[:2000]
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    return found[1]


def ask(text: str, address: str = "/orders") -> int:
    return int(APIClient().get(address, HTTP_AUTHORIZATION=f"Bearer {text}").status_code)


def test_it_makes_a_token_and_shows_it_once(admin_client: Client, admin_user: User) -> None:
    bi = User.objects.create_superuser("bi")
    text = made(admin_client, user=bi.pk, platform_ids=[amazon().pk])
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.scopes, token.platform_ids) == (bi, "BI", ["read"], [amazon().pk])
    assert ask(text) == 200
    again = admin_client.get(f"{LIST}{token.pk}/token/", follow=True).content.decode()
    assert "The token is not shown again" in again
    for page in (again, admin_client.get(f"{LIST}{token.pk}/change/").content.decode()):
        assert "127.0.0.1" in page
        assert text not in page


def test_it_revokes_tokens(admin_client: Client, admin_user: User) -> None:
    one, two = (make_token(admin_user, name=name) for name in "12")
    admin_client.post(f"{LIST}{one.details.pk}/delete/", {"post": "yes"})
    assert (ask(one.text), ask(two.text)) == (401, 200)
    data = {"action": "delete_selected", "_selected_action": [two.details.pk], "post": "yes"}
    admin_client.post(LIST, data)
    assert ask(two.text) == 401


def test_who_may_have_tokens_sees_his_own_and_makes_none_for_others(admin_user: User) -> None:
    jo = member("jo", "own_tokens", "view_order")
    others = make_token(admin_user, name="of the boss")
    client = browser(jo)
    assert 'name="user"' not in client.get(f"{LIST}add/").content.decode()
    text = made(client, user=admin_user.pk)
    own = ApiToken.objects.get(name="BI")
    assert (own.user, ask(text), ask(text, "/platforms")) == (jo, 200, 403)
    page = client.get(LIST).content.decode()
    assert "BI" in page
    assert "of the boss" not in page
    client.post(f"{LIST}{others.details.pk}/delete/", {"post": "yes"})
    client.post(LIST, {"action": "delete_selected", "_selected_action": [others.details.pk], "post": "yes"})
    assert ask(others.text) == 200
    client.post(f"{LIST}{own.pk}/delete/", {"post": "yes"})
    assert ask(text) == 401


def test_who_may_see_all_revokes_none_without_the_permission(admin_user: User) -> None:
    token = make_token(admin_user, name="of the boss")
    client = browser(member("auditor", "view_authtoken", "own_tokens"))
    assert "of the boss" in client.get(LIST).content.decode()
    data = {"action": "delete_selected", "_selected_action": [token.details.pk], "post": "yes"}
    client.post(LIST, data)
    assert client.post(f"{LIST}{token.details.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ask(token.text) == 200


def test_nobody_else_sees_any(admin_user: User) -> None:
    client = browser(member("viewer", "view_order"))
    assert [client.get(f"{LIST}{page}").status_code for page in ("", "add/")] == [403, 403]
    assert LIST not in client.get("/admin/").content.decode()


def test_the_address_that_it_had_before_leads_to_it(admin_client: Client) -> None:
    assert admin_client.get("/admin/knox/authtoken/")["Location"] == LIST
