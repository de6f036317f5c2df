"""What of an answer is kept, compressed, and where what was made is found."""

import gzip

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from api.tests.rest import make_order, make_stock, superuser
from integrations.models import SyncLog
from orders.models import Shipment
from platforms.models import Platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.mark.parametrize("compressed", [False, True])
def test_it_sends_nothing_again_that_is_unchanged(api: APIClient, compressed: bool) -> None:
    order = make_order()
    accepting = {"Accept-Encoding": "gzip"} if compressed else {}
    first = api.get("/orders", headers=accepting)
    assert first["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Accept-Encoding", "Cookie"} <= set(first["Vary"].split(", "))
    again = api.get("/orders", headers=accepting | {"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"].removeprefix("W/") == first["ETag"].removeprefix("W/")
    assert again["RateLimit"]
    order.status = "cancelled"
    order.save()
    changed = api.get("/orders", headers=accepting | {"If-None-Match": first["ETag"]})
    assert (changed.status_code, changed["ETag"] == first["ETag"]) == (200, False)


def test_it_compresses_for_who_takes_it(api: APIClient) -> None:
    for number in range(20):
        make_order(f"111-{number}")
    plain = api.get("/orders")
    packed = api.get("/orders", headers={"Accept-Encoding": "gzip, deflate"})
    assert (plain.has_header("Content-Encoding"), packed["Content-Encoding"]) == (False, "gzip")
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 4


@pytest.mark.parametrize(
    ("method", "address"),
    [("get", "/orders/999"), ("post", "/orders/sync"), ("options", "/orders"), ("get", "/nowhere")],
)
def test_it_keeps_no_other_answer(api: APIClient, method: str, address: str) -> None:
    answer = getattr(api, method)(address)
    assert (answer["Cache-Control"], answer.has_header("ETag")) == ("no-store", False)


def test_it_leaves_pages_as_they_are() -> None:
    browser = Client(headers={"Accept-Encoding": "gzip"})
    browser.force_login(User.objects.create_superuser("root"))
    page = browser.get("/admin/")
    assert (page.has_header("Content-Encoding"), page.has_header("ETag")) == (False, False)


def test_it_says_where_what_was_made_is(api: APIClient) -> None:
    made = api.post("/platforms", {"name": "shop"})
    assert made["Location"] == f"http://testserver/platforms/{made.json()['id']}"
    assert api.get(made["Location"]).json() == made.json()


def test_it_says_where_a_sync_is_followed(api: APIClient) -> None:
    one = api.post("/orders/sync?platform_name=amazon")
    (sync,) = one.json()["syncs"]
    assert (one.status_code, one["Location"]) == (202, f"http://testserver/sync-logs/{sync['id']}")
    assert api.get(one["Location"]).json()["id"] == sync["id"]
    Platform.objects.create(name="shop")
    both = api.post("/orders/sync")
    assert (both.status_code, both["Location"]) == (202, "http://testserver/sync-logs")
    SyncLog.objects.filter(pk=sync["id"]).update(status="running", lease_token="held")
    cancelled = api.post(f"/sync-logs/{sync['id']}/cancel")
    assert (cancelled.status_code, cancelled["Location"]) == (202, one["Location"])


# --- If-Match


def stored() -> str:
    return Platform.objects.get(name="amazon").display_name


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_it_changes_what_the_caller_has_read_and_nothing_else(
    api: APIClient, method: str, compressed: bool
) -> None:
    accepting = {"Accept-Encoding": "gzip"} if compressed else {}
    tag = api.get("/platforms/1", headers=accepting)["ETag"]
    change = getattr(api, method)
    first = change("/platforms/1", {"display_name": "first"}, headers={"If-Match": f'"x", {tag}'})
    assert (first.status_code, stored()) == (200, "first")
    second = change("/platforms/1", {"display_name": "second"}, headers={"If-Match": tag})
    assert (second.status_code, second.json()["code"], stored()) == (412, "precondition_failed", "first")
    whatever = change("/platforms/1", {"display_name": "third"}, headers={"If-Match": "*"})
    assert (whatever.status_code, stored()) == (200, "third")


def test_it_heeds_if_match_wherever_something_is_changed(api: APIClient) -> None:
    stock = make_stock()
    hook = api.post("/webhooks", {"name": "hook", "url": "https://shop.example/"}).json()["id"]
    hold = {"platform": "amazon", "reason": "Lawsuit", "until": "2999-01-31"}
    order = make_order()  # a platform with orders is not deleted: 409 is raised within
    shipment = Shipment.objects.create(
        order=order, platform=order.platform, package_number=1001, source="live", state="draft"
    )
    ids = {"/platforms": 1, "/inventory": stock.pk, "/webhooks": hook, "/shipments": shipment.pk}
    ids["/legal-holds"] = api.post("/legal-holds", hold).json()["id"]
    bodies = {"/platforms": {"is_active": False}, "/inventory": {"threshold": 3}, "/webhooks": {"name": "x"}}
    bodies |= {"/legal-holds": {"reason": "x"}, "/shipments": {"tracking_number": "X1"}}
    heeded = 0
    for address, operations in api.get("/schema?format=json").json()["paths"].items():
        for method in {"put", "patch", "delete"} & set(operations):
            name = address.removesuffix("/{id}")
            body = None if method == "delete" else bodies[name]
            before = api.get(f"{name}/{ids[name]}")
            answer = getattr(api, method)(f"{name}/{ids[name]}", body, headers={"If-Match": '"other"'})
            assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed"), address
            assert api.get(f"{name}/{ids[name]}").json() == before.json()
            missing = getattr(api, method)(f"{name}/999", body, headers={"If-Match": "*"})
            assert missing.status_code == 404
            heeded += 1
    assert heeded == 11
    for name in ("/webhooks", "/platforms"):
        tag = api.get(f"{name}/{ids[name]}")["ETag"]
        if name == "/platforms":
            assert api.delete(f"{name}/1", headers={"If-Match": tag}).status_code == 409
        else:
            assert api.delete(f"{name}/{hook}", headers={"If-Match": tag}).status_code == 204


def test_it_says_so_in_json_where_a_get_asks_for_another_state(api: APIClient) -> None:
    answer = api.get("/orders", headers={"If-Match": '"other"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert answer["Cache-Control"] == "no-store"
