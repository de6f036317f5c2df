"""Shipping over REST: one package, corrections, files; and what each refusal answers."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from api.tests.rest import fetch_all, superuser, user_with
from integrations.models import SyncLog
from integrations.registry import CHANNELS
from integrations.shipping.queue import run_here
from integrations.shipping.switching import set_policy
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.depot import Depot, channel
from orders.models import Order, Shipment
from platforms.locks import hold_platform
from platforms.models import Platform

pytestmark = pytest.mark.django_db

UPS = {"carrier": "UPS", "tracking_number": "1Z 1"}


@pytest.fixture
def platform() -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "somebody"}
    platform.save()
    set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    return platform


@pytest.fixture
def depot(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Depot:
    """One order, A-1: two units of its line 1, one of its line 2."""
    depot = Depot()
    monkeypatch.setitem(CHANNELS, "amazon", channel(depot))
    depot.add("A-1", L1=2, L2=1)
    sync(platform)
    return depot


@pytest.fixture
def api(depot: Depot) -> APIClient:
    return superuser()


def sync(platform: Platform) -> None:
    log = request_sync(platform=platform, kind="orders", trigger=SyncLog.Trigger.COMMAND).log
    assert run_sync(log.pk).status == SyncLog.Status.SUCCEEDED


def test_a_package_is_shipped_corrected_and_confirmed(
    api: APIClient, depot: Depot, platform: Platform
) -> None:
    made = api.post("/orders/A-1/shipments", {**UPS, "lines": [{"item_id": "1", "quantity": 2}]})
    body = made.json()
    assert (made.status_code, made["Location"]) == (201, f"http://testserver/shipments/{body['id']}")
    assert (body["state"], body["tracking_number"], body["package_number"]) == ("queued", "1Z1", 1001)
    run_here(platform.pk)
    assert api.get(f"/shipments/{body['id']}").json()["state"] == "sent"
    fixed = api.patch(f"/shipments/{body['id']}", {"tracking_number": "1Z2"})
    assert (fixed.status_code, fixed.json()["state"], fixed.json()["carrier"]) == (200, "queued", "UPS")
    run_here(platform.pk)
    sync(platform)
    listed = api.get("/orders/A-1/shipments").json()
    assert (listed["next"], listed["previous"]) == (None, None)  # as programs walk any list
    assert listed["results"][0]["state"] == "confirmed"
    assert depot.truth() == {("A-1", "1001"): ("1Z2", {"1": 2})}
    rest = api.post("/orders/A-1/shipments", {**UPS, "tracking_number": "1Z3", "draft": True}).json()
    assert (rest["state"], rest["lines"]) == ("draft", [{"item_id": "2", "quantity": 1}])
    assert api.post(f"/shipments/{rest['id']}/send").json()["state"] == "queued"
    listed = api.get("/shipments", {"state": "queued", "external_id": "A-1"}).json()["results"]
    assert [row["id"] for row in listed] == [rest["id"]]


def test_the_shipments_of_an_order_take_what_other_lists_take(api: APIClient, depot: Depot) -> None:
    for number in (1, 2, 3):
        lines = [{"item_id": "1", "quantity": 1}] if number < 3 else None
        sent = {**UPS, "tracking_number": f"1Z{number}", "draft": True} | ({"lines": lines} if lines else {})
        assert api.post("/orders/A-1/shipments", sent).status_code == 201
    address = "/orders/A-1/shipments"
    rows = fetch_all(api, f"{address}?page_size=1&fields=tracking_number")
    assert rows == [{"tracking_number": f"1Z{number}"} for number in (1, 2, 3)]
    page = api.get(address, {"page_size": "2", "count": "true", "ordering": "-id"}).json()
    assert [row["tracking_number"] for row in page["results"]] == ["1Z3", "1Z2"]
    assert (page["count"], page["count_is_exact"]) == (3, True)
    second = api.get(page["next"]).json()
    assert ([row["tracking_number"] for row in second["results"]], second["next"]) == (["1Z1"], None)
    assert [row["tracking_number"] for row in api.get(second["previous"]).json()["results"]] == ["1Z3", "1Z2"]
    for odd in (
        {"page_size": "0"},
        {"ordering": "state"},
        {"fields": "payload"},
        {"cursor": "x"},
        {"state": "draft"},
    ):
        answer = api.get(address, odd)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, list(odd))
    assert api.post(f"{address}?page_size=1", UPS).json()["fields"].keys() == {"page_size"}


@pytest.mark.parametrize(
    ("sent", "status", "code", "fields"),
    [
        ({"carrier": "Pigeon", "tracking_number": "1"}, 400, "invalid", ["carrier"]),
        ({"carrier": "Other", "tracking_number": "1"}, 400, "invalid", ["carrier_name"]),
        ({"carrier": "UPS"}, 400, "invalid", ["tracking_number"]),
        ({**UPS, "shipped_at": "2099-01-01T00:00:00Z"}, 400, "invalid", ["shipped_at"]),
        ({**UPS, "shipped_at": "soon"}, 400, "invalid", ["shipped_at"]),
        ({**UPS, "lines": [{"item_id": "1", "quantity": 3}]}, 400, "invalid", ["lines"]),
        ({**UPS, "lines": [{"item_id": "1", "quantity": 1}] * 2}, 400, "invalid", ["lines"]),
        ({**UPS, "lines": [{"item_id": "1", "quantity": 1.5}]}, 400, "invalid", ["lines.0.quantity"]),
        ({**UPS, "weight": 3}, 400, "invalid", ["weight"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    api: APIClient, sent: dict[str, Any], status: int, code: str, fields: list[str]
) -> None:
    answer = api.post("/orders/A-1/shipments", sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert list(answer.json()["fields"]) == fields
    assert not Shipment.objects.exists()


def test_what_is_not_possible_is_a_conflict_with_its_code(api: APIClient, platform: Platform) -> None:
    first = api.post("/orders/A-1/shipments", {**UPS, "lines": [{"item_id": "1", "quantity": 1}]}).json()
    again = api.post("/orders/A-1/shipments", {**UPS, "lines": [{"item_id": "1", "quantity": 1}]})
    assert (again.status_code, again.json()["code"]) == (409, "made_already")
    assert api.post(f"/shipments/{first['id']}/send").json()["code"] == "not_a_draft"
    assert api.post(f"/shipments/{first['id']}/retry").json()["code"] == "is_closed"
    assert api.post(f"/shipments/{first['id']}/cancel").json()["state"] == "cancelled"
    Order.objects.update(buyer_requested_cancellation=True)
    assert api.post("/orders/A-1/shipments", UPS).json()["code"] == "cancellation_asked"
    assert api.post("/orders/A-1/shipments", {**UPS, "despite_cancellation": True}).status_code == 201
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    assert (
        api.post("/orders/A-1/shipments", {**UPS, "another": True, "despite_cancellation": True}).json()[
            "code"
        ]
        == "writing_off"
    )
    assert Shipment.objects.count() == 2


def test_a_label_that_nobody_uses_is_no_conflict_where_the_caller_says_so(
    api: APIClient, platform: Platform, depot: Depot
) -> None:
    depot.buy_label("A-1", L1=2, L2=3)
    sync(platform)
    refused = api.post("/orders/A-1/shipments", UPS)
    assert (refused.status_code, refused.json()["code"]) == (409, "in_other_packages")
    assert api.post("/orders/A-1/shipments", {**UPS, "despite_packages": True}).status_code == 201


def test_a_channel_that_is_not_there_any_more_is_a_conflict(api: APIClient, platform: Platform) -> None:
    other = UPS | {"tracking_number": "1Z9"}
    made = api.post("/orders/A-1/shipments", UPS | {"draft": True}).json()
    Platform.objects.filter(pk=platform.pk).update(kind="of-long-ago")
    for refused in (
        api.patch(f"/shipments/{made['id']}", {"tracking_number": "1Z2"}),
        api.post(f"/shipments/{made['id']}/send"),
        api.post("/orders/A-1/shipments", other),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "channel_cannot")
    rows = [{"order_id": "A-1", "shipped_at": "2026-01-31", **other}]
    told = api.post("/shipments/import", {"platform_name": "amazon", "rows": rows}).json()
    assert [row["code"] for row in told["rows"]] == ["channel_cannot"]
    assert Shipment.objects.get().state == "draft"


def test_a_file_or_rows_are_shipped_and_again_harmless(api: APIClient) -> None:
    rows = [{"order_id": "A-1", "tracking_number": "P1", "sku": "SKU-1", "quantity": 2}]
    sent = {"platform_name": "amazon", "rows": rows, "carrier": "UPS"}
    preview = api.post("/shipments/import", {**sent, "dry_run": True}).json()
    assert (preview["is_preview"], preview["good"], Shipment.objects.count()) == (True, 1, 0)
    done = api.post("/shipments/import", sent).json()
    assert (done["shipments"], done["rows"][0]["shipment_id"]) == (1, Shipment.objects.get().pk)
    assert api.post("/shipments/import", sent).json()["known"] == 1
    csv = {"platform_name": "amazon", "csv": "Ref;Nr;Carrier\nA-1;P2;DHL\nA-7;P3;DHL\n"}
    refused = api.post("/shipments/import", csv)
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["order_id"])
    taken = api.post("/shipments/import", {**csv, "columns": {"order_id": "Ref", "tracking_number": "Nr"}})
    assert [row["code"] for row in taken.json()["rows"]] == ["", "order_unknown"]
    for odd, field in (
        ({"csv": ""}, "csv"),
        ({"csv": 'a,b\n"'}, "csv"),
        ({"rows": rows, "zone": "Mars"}, "zone"),
    ):
        answer = api.post("/shipments/import", {"platform_name": "amazon", **odd})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert Shipment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_who_corrects_what_he_has_read_waits_for_a_sync_and_neither_for_the_other(
    api: APIClient, platform: Platform
) -> None:
    """A sync holds the platform, and then the shipments that it proves."""
    if not connection.features.has_select_for_update:
        pytest.skip("SQLite has one writer at a time")
    made = api.post("/orders/A-1/shipments", UPS).json()
    address = f"/shipments/{made['id']}"
    tag, waits = api.get(address)["ETag"], Event()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if "platforms" in sql and " FOR " in sql:
            waits.set()
        return execute(sql, *rest)

    def correct() -> Any:
        try:
            with connection.execute_wrapper(watch):
                return api.patch(address, {"tracking_number": "1Z9"}, headers={"If-Match": tag})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold_platform(platform.pk)
            corrected = pool.submit(correct)
            assert waits.wait(30)
            Shipment.objects.select_for_update().get(pk=made["id"])
        assert corrected.result(30).status_code == 200
    assert api.get(address).json()["tracking_number"] == "1Z9"


def test_more_rows_than_somebody_can_wait_for_are_refused(api: APIClient) -> None:
    rows = [{"order_id": f"B-{number}", "tracking_number": f"1Z{number}"} for number in range(2001)]
    lines = [f"{row['order_id']},{row['tracking_number']}" for row in rows]
    text = "\n".join(["order id,tracking number", *lines])
    for name, sent in (("rows", rows), ("csv", text)):
        refused = api.post("/shipments/import", {"platform_name": "amazon", name: sent, "dry_run": True})
        assert (refused.status_code, list(refused.json()["fields"])) == (400, [name])
        assert "2000" in refused.json()["detail"]


def test_who_may_look_may_not_ship(api: APIClient) -> None:
    made = api.post("/orders/A-1/shipments", UPS).json()
    reader = user_with("orders.view_shipment")
    assert reader.get("/shipments").json()["results"][0]["id"] == made["id"]
    for method, address in (
        ("post", "/orders/A-1/shipments"),
        ("patch", f"/shipments/{made['id']}"),
        ("post", f"/shipments/{made['id']}/cancel"),
        ("post", "/shipments/import"),
    ):
        assert getattr(reader, method)(address, {}).status_code == 403, address
    assert user_with("orders.view_order").get("/shipments").status_code == 403
