"""Who may call what, and how the API says no, for every route that there is."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from api.base import ApiViewMixin
from api.errors import server_error
from api.filters import TimeFilter
from api.tests.rest import amazon, make_stock, make_text, superuser, user_with
from oms.urls import api_patterns

pytestmark = [pytest.mark.django_db, pytest.mark.once]

READ = [
    ("platforms", {"platforms.view_platform"}),
    ("orders", {"orders.view_order"}),
    ("inventory", {"inventory.view_inventoryitem"}),
    ("sync-logs", {"integrations.view_synclog"}),
    ("sync-failures", {"integrations.view_syncfailure"}),
    ("api-usage", {"integrations.view_apiusage"}),
    ("completeness", {"integrations.view_synclog"}),
    ("audits", {"integrations.view_synclog"}),
    ("backfills", {"integrations.view_synclog"}),
    ("catch-ups", {"integrations.view_synclog"}),
    ("inventory-completeness", {"integrations.view_synclog"}),
    ("inventory-audits", {"integrations.view_synclog"}),
    ("changes", {"feed.view_change"}),
    ("webhooks", {"webhooks.view_endpoint"}),
    ("webhook-deliveries", {"webhooks.view_delivery", "feed.view_change"}),  # they show what was sent
    ("erasures", {"orders.view_erasure"}),
    ("legal-holds", {"orders.view_legalhold"}),
]
VIEWS = set[str]().union(*(permissions for _address, permissions in READ))
WRITE = [
    ("post", "platforms", "platforms.add_platform"),
    ("put", "platforms/1", "platforms.change_platform"),
    ("patch", "platforms/1", "platforms.change_platform"),
    ("delete", "platforms/1", "platforms.delete_platform"),
    ("post", "orders/sync", "platforms.sync_platform"),
    ("post", "inventory/sync", "platforms.sync_platform"),
    ("post", "audits", "platforms.sync_platform"),
    ("post", "inventory-audits", "platforms.sync_platform"),
    ("post", "backfills", "platforms.sync_platform"),
    ("post", "backfills/1/pause", "platforms.sync_platform"),
    ("post", "backfills/1/resume", "platforms.sync_platform"),
    ("post", "backfills/1/cancel", "platforms.sync_platform"),
    ("post", "sync-logs/1/cancel", "platforms.sync_platform"),
]


def every_route() -> list[tuple[str, str]]:
    """(method, address) of everything in the URL configuration."""
    routes = []
    for pattern in api_patterns:
        callback: Any = pattern.callback
        methods = getattr(callback, "actions", None) or [
            name for name in ("get", "post") if hasattr(callback.cls, name)
        ]
        address = str(pattern.pattern).replace("<int:pk>", "1").replace("<slug:stream>", "returns")
        routes += [(method, f"/{address}") for method in methods]
    return routes


def test_it_holds_every_view_to_the_same_rules() -> None:
    views = {pattern.callback.cls for pattern in api_patterns}  # type: ignore[attr-defined]
    assert {view.__name__ for view in views if not issubclass(view, ApiViewMixin)} == {
        "DocsView",
        "SpectacularAPIView",
    }


@pytest.mark.parametrize(
    ("method", "address"), [route for route in every_route() if route[1].strip("/") not in ("schema", "docs")]
)
def test_it_refuses_a_parameter_that_it_does_not_know(method: str, address: str) -> None:
    address = address.replace("returns/sync", "orders/sync")
    answer = getattr(superuser(), method)(f"{address}?nonsense=1")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == ["nonsense"]


@pytest.mark.parametrize(
    ("method", "address"), [route for route in every_route() if route[0] in ("put", "patch")]
)
@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_it_refuses_a_change_without_a_body(method: str, address: str, body: bytes) -> None:
    amazon()
    make_stock()
    answer = getattr(superuser(), method)(address, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "The body is empty" in answer.json()["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "platforms/1/check",
        "platforms/1/stock-end",
        "sync-logs/1/cancel",
        "backfills/1/pause",
        "backfills/1/resume",
        "backfills/1/cancel",
        "sync-failures/1/replay",
        "sync-failures/1/dismiss",
    ],
)
def test_it_refuses_a_body_that_nobody_reads(address: str) -> None:
    answer = superuser().post(f"/{address}", {"force": True})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "takes no body" in answer.json()["detail"]


def test_it_refuses_a_body_that_says_not_what_it_is() -> None:
    answer = superuser().generic("POST", "/orders/sync", '{"platform_name": "nowhere"}', content_type="")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("method", "address"), every_route())
def test_it_asks_for_credentials(method: str, address: str) -> None:
    answer = getattr(APIClient(), method)(address)
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert "Authorization: Bearer" in answer.json()["detail"]
    assert "manage.py create_api_token" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == 'Bearer realm="OMS", Token realm="OMS"'


@pytest.mark.parametrize(
    ("method", "address"), [route for route in every_route() if route[1].strip("/") not in ("schema", "docs")]
)
def test_it_refuses_a_user_without_permissions(method: str, address: str) -> None:
    answer = getattr(user_with(), method)(address)
    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"


@pytest.mark.parametrize(("address", "permissions"), READ)
def test_it_lets_read_whoever_has_the_view_permission(address: str, permissions: set[str]) -> None:
    assert user_with(*permissions).get(f"/{address}").status_code == 200


@pytest.mark.parametrize(
    ("address", "permission"),
    [(address, each) for address, permissions in READ for each in sorted(permissions)],
)
def test_it_lets_nobody_read_without_the_view_permission(address: str, permission: str) -> None:
    others = {*VIEWS, "platforms.sync_platform"} - {permission}
    assert user_with(*others).get(f"/{address}").status_code == 403


@pytest.mark.parametrize(("method", "address", "permission"), WRITE)
def test_it_lets_write_whoever_has_that_permission(method: str, address: str, permission: str) -> None:
    others = {other for *_route, other in WRITE if other != permission}
    assert getattr(user_with(*VIEWS, *others), method)(f"/{address}").status_code == 403
    assert getattr(user_with(permission), method)(f"/{address}").status_code not in (401, 403)


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token x",
        "Token a b",
        "Token \xff\xfe",
        "Token \x00",
        "token \xe9",
        "Bearer",
        "bearer x",
        "Bearer a b",
    ],
)
def test_it_answers_a_bad_token_with_401(header: str) -> None:
    answer = APIClient(raise_request_exception=False).get("/orders", HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert set(answer.json()) == {"code", "detail"}
    assert answer.json()["code"] == "authentication_failed"
    assert "manage.py create_api_token" in answer.json()["detail"]
    assert answer["WWW-Authenticate"].startswith('Bearer realm="OMS", error="invalid_token"')


@pytest.mark.parametrize("scheme", ["Token", "token", "Bearer", "bearer", "BEARER"])
def test_it_takes_a_token_by_either_name(scheme: str) -> None:
    token = make_text(User.objects.create_superuser("root"))
    assert APIClient().get("/orders", HTTP_AUTHORIZATION=f"{scheme} {token}").status_code == 200


def test_it_leaves_other_schemes_to_whoever_is_in_front() -> None:
    answer = APIClient().get("/orders", HTTP_AUTHORIZATION="Basic YTpi")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_sends_a_browser_to_the_login_page_and_back_to_the_docs(slash: str) -> None:
    browser = Client(headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    answer = browser.get(f"/docs{slash}")
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next=/docs{slash}")
    assert Client().get(f"/docs{slash}").status_code == 401
    browser.force_login(User.objects.create_superuser("root"))
    shown = browser.get(f"/docs{slash}")
    assert (shown.status_code, b"swagger-ui" in shown.content) == (200, True)


def test_it_refuses_the_token_of_a_user_who_was_switched_off() -> None:
    client = superuser()
    User.objects.update(is_active=False)
    assert client.get("/orders").status_code == 401


def test_it_takes_the_session_of_the_admin_with_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/orders").status_code == 200
    refused = client.post("/orders/sync?platform_name=nowhere")
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    client.cookies["csrftoken"] = "c" * 32
    address, as_json = "/orders/sync?platform_name=nowhere", "application/json"
    accepted = client.post(address, content_type=as_json, headers={"X-CSRFToken": "c" * 32})
    assert accepted.status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/orders/999",
        "/orders/99999999999999999999999999",
        "/orders/abc",
        "/orders/1/items",
        "/orders/-1",
        "/platforms/1/nothing/",
        "/sync-failures/7",
        "/healthz/deeper",
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_it_answers_404_as_json(address: str, debug: bool, settings: Any) -> None:
    settings.DEBUG = debug
    answer = superuser().get(address)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize(
    "address", ["/orders/abc/def", "/platforms/1/nothing/", "/nowhere", "/healthz/deeper"]
)
def test_it_says_of_any_method_that_an_address_does_not_exist(method: str, address: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("address", "is_page"), [("/nowhere", True), ("/admin/x", True), ("/orders/abc", False)]
)
def test_it_shows_browsers_a_page_where_no_program_would_ask(address: str, is_page: bool) -> None:
    client = Client(headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    client.force_login(User.objects.create_superuser("root"))
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html") is is_page


def test_it_refuses_a_body_whose_length_it_cannot_know() -> None:
    """As behind runserver, which does not decode chunks."""
    answer = superuser().put("/platforms/1", headers={"Transfer-Encoding": "chunked"})
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_it_refuses_a_body_over_the_limit(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = superuser().put("/platforms/1", {"display_name": "x" * 100})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "100 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("delete", "/orders"),
        ("put", "/orders/1"),
        ("get", "/orders/sync"),
        ("delete", "/inventory/sync/"),
        ("get", "/sync-logs/1/cancel"),
        ("post", "/healthz"),
    ],
)
def test_it_answers_405_with_what_is_allowed(method: str, address: str) -> None:
    answer = getattr(superuser(), method)(address)
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert answer["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "a", "name": "b"}',
        b'{"api_config": {"client_id": "a", "client_id": "b"}}',
        b"1" * 5000,
    ],
)
def test_it_answers_what_is_no_json_with_400(body: bytes) -> None:
    for address in ("/platforms", "/orders/sync"):
        answer = superuser_once().post(address, body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["code"] == "parse_error"


def superuser_once() -> APIClient:
    User.objects.filter(username="root").delete()
    return superuser()


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"]
)
def test_it_answers_another_content_type_with_415(content_type: str) -> None:
    answer = superuser().post("/orders/sync", b"platform_name=amazon", content_type=content_type)
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"


def test_it_answers_406_as_json() -> None:
    answer = superuser().get("/orders", headers={"Accept": "text/csv"})
    assert answer.status_code == 406
    assert answer.json()["code"] == "not_acceptable"


@pytest.mark.parametrize("debug", [False, True])
def test_it_answers_its_own_mistakes_with_a_bare_500(debug: bool, settings: Any, caplog: Any) -> None:
    def break_down(execute: Any, sql: str, *args: Any) -> Any:
        if 'FROM "orders"' in sql.replace("`", '"'):
            raise RuntimeError("CANARY")
        return execute(sql, *args)

    settings.DEBUG = debug
    client = superuser()
    with connection.execute_wrapper(break_down):
        answer = client.get("/orders")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "CANARY" not in answer.content.decode()
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError(2013, "CANARY"), 503, "database_unavailable"),
        (OperationalError(1213, "CANARY"), 503, "database_busy"),
        (OperationalError(1114, "CANARY"), 503, "disk_full"),
        (ProgrammingError(1146, "CANARY"), 500, "internal"),
    ],
)
def test_it_says_that_the_database_has_a_problem(error: Exception, status: int, code: str) -> None:
    def fail(execute: Any, sql: str, *args: Any) -> Any:
        if 'FROM "orders"' in sql.replace("`", '"'):
            raise error
        return execute(sql, *args)

    client = superuser()
    with connection.execute_wrapper(fail):
        answer = client.get("/orders")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "look before you repeat it" in answer.json()["detail"]
    assert "CANARY" not in answer.content.decode()


@pytest.mark.parametrize(("address", "is_json"), [("/orders", True), ("/admin/", False)])
def test_it_answers_mistakes_outside_of_the_api_by_address(address: str, is_json: bool) -> None:
    answer = server_error(RequestFactory().get(address))
    assert answer.status_code == 500
    assert answer["Content-Type"].startswith("application/json") is is_json


def test_it_answers_a_host_it_does_not_serve_with_json() -> None:
    answer = Client().get("/orders", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def every_time() -> list[str]:
    """Every parameter of an address that is a time."""
    found = ["/orders/sync?until=2026-01-31&since=", "/orders/sync?since=2026-01-01&until="]
    for pattern in api_patterns:
        address, view = str(pattern.pattern), pattern.callback.cls  # type: ignore[attr-defined]
        filters = getattr(getattr(view, "filterset_class", None), "base_filters", {})
        if "<" not in address and not address.endswith("/"):
            found += [f"/{address}?{name}=" for name, each in filters.items() if isinstance(each, TimeFilter)]
    assert len(found) > 8
    return found


@pytest.mark.parametrize("address", every_time())
def test_it_reads_iso_dates_alone(address: str) -> None:
    """Whatever language the reader has."""
    api, name = superuser(), address.split("=")[-2].split("&")[-1].split("?")[-1]
    call = api.post if "/sync?" in address else api.get
    for text in (
        "26.11.2025",
        "26/11/2025",
        "11/26/2025",
        "26. November 2025",
        "2025-11-26x08:00",
        "today",
        "5",
    ):
        answer = call(address + text, headers={"Accept-Language": "de"})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [name]), text
    for text in ("2025-11-26", "2025-11-26T08:00Z", "2025-11-26t08:00:00.5%2B01:00", "20251126T080000Z"):
        answer = call(address + text)
        assert answer.status_code in (200, 202, 409) or "must be before" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "address"), [("get", "/orders"), ("delete", "/platforms/1")])
def test_it_refuses_a_body_where_none_is_read(method: str, address: str) -> None:
    api = superuser()
    answer = api.generic(method.upper(), address, '{"status": "shipped"}', "application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert api.get("/platforms/1").status_code == 200


def test_it_refuses_a_compressed_body() -> None:
    answer = superuser().put("/platforms/1", {"display_name": "x"}, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
