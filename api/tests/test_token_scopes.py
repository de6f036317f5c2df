"""What a token may be used for. A route that is added needs a line in SCOPES."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from access.models import Scope
from api.tests.rest import make_order, token_client, user_with
from oms.urls import api_patterns

pytestmark = pytest.mark.django_db

READ, SYNC, SHIP, MANAGE, BUYER_DATA = Scope
# What a token needs, by method and address; None: it needs to be one.
SCOPES: dict[str, Scope | None] = {
    "get platforms": READ,
    "post platforms": MANAGE,
    "get platforms/<int:pk>": READ,
    "put platforms/<int:pk>": MANAGE,
    "patch platforms/<int:pk>": MANAGE,
    "delete platforms/<int:pk>": MANAGE,
    "post platforms/<int:pk>/check": SYNC,
    "get platforms/<int:pk>/stock-end": READ,
    "post platforms/<int:pk>/stock-end": MANAGE,
    "get orders": READ,
    "post orders/sync": SYNC,
    "get orders/totals": READ,
    "get orders/<str:pk>": READ,
    "get orders/<str:pk>/buyer": BUYER_DATA,
    "get orders/<str:pk>/shipments": READ,
    "post orders/<str:pk>/shipments": SHIP,
    "get shipments": READ,
    "post shipments/import": SHIP,
    "get shipments/<int:pk>": READ,
    "patch shipments/<int:pk>": SHIP,
    "post shipments/<int:pk>/send": SHIP,
    "post shipments/<int:pk>/retry": SHIP,
    "post shipments/<int:pk>/cancel": SHIP,
    "get inventory": READ,
    "get inventory/<int:pk>": READ,
    "patch inventory/<int:pk>": MANAGE,
    "post inventory/sync": SYNC,
    "post <slug:stream>/sync": SYNC,
    "get sync-logs": READ,
    "get sync-logs/<int:pk>": READ,
    "post sync-logs/<int:pk>/cancel": SYNC,
    "get sync-failures": READ,
    "get sync-failures/<int:pk>": READ,
    "post sync-failures/<int:pk>/replay": SYNC,
    "post sync-failures/<int:pk>/dismiss": SYNC,
    "get changes": READ,
    "get webhooks": READ,
    "post webhooks": MANAGE,
    "get webhooks/<int:pk>": READ,
    "put webhooks/<int:pk>": MANAGE,
    "patch webhooks/<int:pk>": MANAGE,
    "delete webhooks/<int:pk>": MANAGE,
    "post webhooks/<int:pk>/test": MANAGE,
    "post webhooks/<int:pk>/rotate": MANAGE,
    "post webhooks/<int:pk>/replay": MANAGE,
    "get webhook-deliveries": READ,
    "get webhook-deliveries/<int:pk>": READ,
    "post webhook-deliveries/<int:pk>/replay": MANAGE,
    "get erasures": READ,
    "post erasures": BUYER_DATA,
    "get erasures/<int:pk>": READ,
    "get legal-holds": READ,
    "post legal-holds": MANAGE,
    "get legal-holds/<int:pk>": READ,
    "put legal-holds/<int:pk>": MANAGE,
    "patch legal-holds/<int:pk>": MANAGE,
    "delete legal-holds/<int:pk>": MANAGE,
    "get api-usage": READ,
    "get completeness": READ,
    "get audits": READ,
    "post audits": SYNC,
    "get audits/<int:pk>": READ,
    "get backfills": READ,
    "post backfills": SYNC,
    "get backfills/<int:pk>": READ,
    "get catch-ups": READ,
    "get catch-ups/<int:pk>": READ,
    "post backfills/<int:pk>/pause": SYNC,
    "post backfills/<int:pk>/resume": SYNC,
    "post backfills/<int:pk>/cancel": SYNC,
    "get inventory-completeness": READ,
    "get inventory-audits": READ,
    "post inventory-audits": SYNC,
    "get inventory-audits/<int:pk>": READ,
    "get schema": None,
    "get docs": None,
}
METHODS = ("get", "post", "put", "patch", "delete")


def routes() -> set[str]:
    """ "get orders" of everything in the URL configuration; each has a twin with a slash."""
    found = set()
    for pattern in api_patterns:
        callback: Any = pattern.callback
        methods = getattr(callback, "actions", None) or [
            name for name in METHODS if hasattr(callback.cls, name)
        ]
        found |= {f"{method} {str(pattern.pattern).rstrip('/')}" for method in methods if method in METHODS}
    return found


def ask(api: APIClient, route: str) -> Any:
    """With a parameter that is refused once the token has been let in, so that nothing is done."""
    method, address = route.split()
    for part, value in (("<int:pk>", "1"), ("<str:pk>", "1"), ("<slug:stream>", "orders")):
        address = address.replace(part, value)
    return getattr(api, method)(f"/{address}?nonsense=1")


def test_every_route_has_its_scope() -> None:
    assert routes() == set(SCOPES)


def test_a_token_is_let_in_with_its_scope_and_refused_without_it_by_name() -> None:
    root = User.objects.create_superuser("root")
    alone = {scope: token_client(root, scopes=[scope]) for scope in Scope}
    others = {scope: token_client(root, scopes=[each for each in Scope if each != scope]) for scope in Scope}
    for route, scope in SCOPES.items():
        if scope is None:
            continue
        refused = ask(others[scope], route)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing"), route
        assert f"the scope `{scope}`" in refused.json()["detail"]
        let_in = ask(alone[scope], route)
        assert (let_in.status_code, let_in.json()["code"]) == (400, "invalid"), route


def test_a_token_without_any_scope_sees_the_docs_alone() -> None:
    api = token_client(User.objects.create_superuser("root"), scopes=[])
    assert api.get("/docs").status_code == 200
    assert api.get("/orders").status_code == 403


def test_a_scope_gives_nothing_that_the_user_may_not() -> None:
    make_order("1")
    api = user_with("orders.view_order")  # with all scopes
    assert api.get("/orders").status_code == 200
    for answer in (
        api.post("/orders/sync"),
        api.post("/platforms", {"name": "mine"}),
        api.get("/orders/1/buyer?reason=parcel"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_a_session_of_the_admin_has_no_scopes_and_is_not_limited(admin_client: Any) -> None:
    assert admin_client.get("/orders").status_code == 200


def test_an_address_that_does_not_know_the_method_says_so_whatever_the_scopes() -> None:
    api = token_client(User.objects.create_superuser("root"), scopes=[READ])
    assert api.delete("/orders").status_code == 405
    assert api.options("/orders").status_code == 200
