"""/schema: valid OpenAPI, complete, and true of every row that the API answers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from rest_framework.test import APIClient

from api.tests.rest import NOON, amazon, make_order, make_stock, superuser
from api.tests.test_token_scopes import SCOPES
from integrations.models import (
    ApiUsage,
    AuditedDay,
    AuditedStock,
    Backfill,
    CatchUp,
    OrderAudit,
    StockAudit,
    SyncFailure,
    SyncLog,
)
from orders.models import Order, OrderBuyer, Shipment
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.fixture
def schema(api: APIClient) -> Any:
    return api.get("/schema?format=json").json()


def operations(schema: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for address, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                yield method, address, methods[method]


def resolved(schema: Any, part: Any) -> Any:
    """What a $ref stands for."""
    while "$ref" in part:
        name = part["$ref"].removeprefix("#/").split("/")
        part = schema
        for key in name:
            part = part[key]
    return part


def validator(schema: Any, part: Any) -> Draft202012Validator:
    root = {**part, "components": schema["components"]}
    return Draft202012Validator(root, format_checker=FormatChecker())


def answer_of(schema: Any, address: str, method: str = "get", status: str = "200") -> Any:
    answer = resolved(schema, schema["paths"][address][method]["responses"][status])
    return answer["content"]["application/json"]["schema"]


def test_it_is_valid_openapi(schema: Any) -> None:
    assert schema["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(schema).validate()


def test_every_operation_says_which_scope_it_needs(schema: Any) -> None:
    found = {
        f"{method} {address.strip('/')}": [way["token"] for way in operation["security"] if "token" in way]
        for method, address, operation in operations(schema)
    }
    parts = {"<int:pk>": "{id}", "<str:pk>": "{id}", "<slug:stream>": "{stream}"}
    for route, scope in SCOPES.items():
        if scope is not None:
            for part, name in parts.items():
                route = route.replace(part, name)
            assert found.pop(route) == [[scope]], route
    assert found == {}


def test_every_operation_has_a_summary_and_every_error_one_form(schema: Any) -> None:
    for method, address, operation in operations(schema):
        where = f"{method} {address}"
        assert 3 < len(operation["summary"]) <= 100, where
        assert all(parameter.get("description") for parameter in operation.get("parameters", ())), where
        expected = {"400", "401", "403", "406", "429", "500", "503"}
        if "{" in address:
            expected.add("404")
        if method in ("post", "put", "patch"):
            expected |= {"413", "415"}
        if method == "post":
            expected |= {"409", "422"}
        assert expected <= set(operation["responses"]), where
        for status, reference in operation["responses"].items():
            answer = resolved(schema, reference)
            if int(status) >= 400:
                shape = answer["content"]["application/json"]["schema"]
                assert {"$ref": "#/components/schemas/Error"} in (shape, *shape.get("anyOf", ())), where


def test_every_field_is_described_and_every_example_is_one(schema: Any) -> None:
    undescribed, examples = [], 0
    for component, described in schema["components"]["schemas"].items():
        for name, field in described.get("properties", {}).items():
            target = resolved(schema, field)
            if not field.get("description") and not target.get("description"):
                undescribed.append(f"{component}.{name}")
            if "date-time" in str(field.get("format")) or "decimal" in str(field.get("format")):
                assert field["examples"], f"{component}.{name}"
            for example in field.get("examples", ()):
                validator(schema, field).validate(example)
                examples += 1
    assert undescribed == []
    assert examples > 150


def test_nothing_in_it_is_meant_for_those_who_write_oms(schema: Any) -> None:
    texts = [text.lower() for text in _texts(schema)]
    assert len(texts) > 100
    for word in ("mixin", "subclass", "viewset", "serializer", "select them along", "raises ", "queryset"):
        assert not [text for text in texts if word in text], word


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("description", "summary") and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _texts(value)


@pytest.fixture
def _rows(api: APIClient, settings: Any) -> None:
    """Rows of every list: of mock data, and as empty as they can be."""
    settings.MOCK_FALLBACK = "always"
    assert api.post("/orders/sync?wait=true").status_code == 200
    assert api.post("/inventory/sync?wait=true").status_code == 200
    api.post("/platforms", {"name": "empty"})
    make_order("empty", total=None, currency="", payload={})
    make_stock("empty", total=None, available=None, platform_updated_at=None, title="", asin="")
    log = SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api")
    SyncLog.objects.create(
        platform=amazon(), kind="inventory", trigger="api", skus=["A"], notes=[{"code": "a", "message": "b"}]
    )
    SyncFailure.objects.create(
        log=log, platform=amazon(), kind="orders", external_id="", error_code="malformed"
    )
    ApiUsage.objects.create(platform=amazon(), operation="searchOrders", hour=NOON, calls=1)
    cost = {"getOrder": {"calls": 3, "seconds": 6.0}}
    audit = OrderAudit.objects.create(
        platform=amazon(), trigger="schedule", window_start=NOON, window_end=NOON, calls=cost
    )
    AuditedDay.objects.create(platform=amazon(), day=NOON.date(), state="open", checked_at=NOON, audit=audit)
    shipment = Shipment.objects.create(
        order=Order.objects.get(external_id="empty"), platform=amazon(), package_number=1001, source="live"
    )
    shipment.lines.create(item_external_id="01", quantity=1)
    stock = StockAudit.objects.create(
        platform=amazon(), trigger="schedule", explained={"confirmed": 1}, calls=cost
    )
    AuditedStock.objects.create(
        platform=amazon(), marketplace_id="A", state="open", checked_at=NOON, asked_at=NOON, audit=stock
    )
    Backfill.objects.create(
        platform=amazon(),
        trigger="api",
        window_start=NOON,
        window_end=NOON,
        calls=cost,
        notes=[{"code": "trouble", "message": "No."}],
    )
    CatchUp.objects.create(
        platform=amazon(),
        trigger="schedule",
        window_start=NOON,
        calls=cost,
        notes=[{"code": "trouble", "message": "No."}],
    )
    endpoint = Endpoint.objects.create(name="shop", url="https://example.com/hook")
    Endpoint.objects.create(
        name="some", url="https://example.com/", events=["sync.closed"], platform_ids=[amazon().pk]
    )
    due = timezone.now() + timedelta(days=9)
    OrderBuyer.objects.create(order=Order.objects.get(external_id="empty"), purge_after=due)
    assert api.post("/erasures", {"order": "empty", "reason": "asked for"}).status_code == 201
    assert api.post("/erasures", {"email": "a@b.example", "reason": "asked for"}).status_code == 201
    for order in ({}, {"order": "empty"}):
        hold = {"platform": "amazon", "reason": "lawsuit", "until": "2030-01-01", **order}
        assert api.post("/legal-holds", hold).status_code == 201
    for state in Delivery.State.values:
        Delivery.objects.create(endpoint=endpoint, event="sync.closed", state=state, message_id=state)


@pytest.mark.usefixtures("_rows")
def test_every_row_of_every_list_is_as_it_says(api: APIClient, schema: Any) -> None:
    for method, address, _operation in operations(schema):
        if method != "get" or "{" in address:
            continue
        page = answer_of(schema, address)
        size = {"/changes": "?limit=500", "/orders/totals": "?group_by=day,platform,status"}
        first = api.get(f"{address}{size.get(address, '?page_size=500')}").json()
        assert first["results"], address
        validator(schema, page).validate(first)
        row_schema = resolved(schema, resolved(schema, page)["properties"]["results"]["items"])
        _all_described(schema, row_schema, first["results"], address)
        detail = f"{address}/{{id}}"
        if detail in schema["paths"]:
            one = answer_of(schema, detail)
            for row in first["results"]:
                answer = api.get(f"{address}/{row['id']}").json()
                validator(schema, one).validate(answer)
                _all_described(schema, resolved(schema, one), [answer], detail)


def _all_described(schema: Any, described: Any, rows: list[Any], where: str) -> None:
    """No value of an object, nor of objects in it, is missing in the schema."""
    described = resolved(schema, described)
    properties = described.get("properties")
    for row in rows:
        if not properties or not isinstance(row, dict):
            continue
        assert set(row) <= set(properties), where
        for name, value in row.items():
            inner = properties[name].get("items", properties[name])
            _all_described(schema, inner, value if isinstance(value, list) else [value], f"{where} {name}")


@pytest.mark.usefixtures("_rows")
def test_what_changes_something_answers_as_it_says(api: APIClient, schema: Any) -> None:
    def check(method: str, address: str, body: Any = None, pk: int = 0, status: int = 200) -> Any:
        answer = getattr(api, method)(address.replace("{id}", str(pk)), body)
        assert answer.status_code == status, answer.content
        validator(schema, answer_of(schema, address, method, str(status))).validate(answer.json())
        return answer.json()

    added = check("post", "/platforms", {"name": "another"}, status=201)
    check("put", "/platforms/{id}", {"display_name": "Another"}, added["id"])
    check("patch", "/platforms/{id}", {"is_active": False}, added["id"])
    check("put", "/platforms/{id}", {}, added["id"], 400)
    check("post", "/platforms/{id}/check", None, added["id"])
    check("get", "/platforms/{id}/stock-end", None, added["id"])
    check("post", "/platforms/{id}/stock-end", None, added["id"], 409)
    check("post", "/platforms", {"name": "another"}, status=400)
    check("post", "/orders/sync", {"platform_name": "another", "days": 3}, status=202)
    check("post", "/orders/sync", {"platform_name": "another", "days": 4}, status=409)
    check("post", "/sync-logs/{id}/cancel", None, SyncLog.objects.latest("pk").pk)
    check("post", "/sync-logs/{id}/cancel", None, SyncLog.objects.latest("pk").pk, 409)
    check("get", "/orders/{id}", None, 999_999_999, 404)
    stock = api.get("/inventory").json()["results"][0]
    check("patch", "/inventory/{id}", {"threshold": 3}, stock["id"])
    hook = check("post", "/webhooks", {"name": "new", "url": "https://example.com/"}, status=201)
    check("post", "/webhooks/{id}/rotate", None, hook["id"])
    check("post", "/webhooks/{id}/replay", {}, hook["id"], 202)


def test_who_has_no_token_is_answered_as_it_says(schema: Any) -> None:
    nobody = Client()
    for method, address, _operation in operations(schema):
        answer = nobody.generic(method.upper(), address.replace("{id}", "1").replace("{stream}", "orders"))
        assert answer.status_code == 401, address
        validator(schema, answer_of(schema, address, method, "401")).validate(answer.json())
