"""/webhooks and /webhook-deliveries: secrets answered once, what is refused, tests and replays over real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from rest_framework.test import APIClient

from api.tests.rest import amazon, fetch_all, superuser, token_client, user_with
from platforms.models import Platform
from webhooks.dispatch import Dispatcher
from webhooks.emitting import emit
from webhooks.events import permissions_to_see
from webhooks.models import Delivery, Endpoint
from webhooks.switching import switch_off
from webhooks.tests.receiver import Receiver
from webhooks.tests.rows import change

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _private(settings: Any) -> None:
    """The receivers are on this machine, and speak plain HTTP."""
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = True, False


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def add(api: APIClient, receiver: Receiver, **values: Any) -> dict[str, Any]:
    answer = api.post("/webhooks", {"name": "shop", "url": receiver.url(), **values})
    assert answer.status_code == 201, answer.json()
    added: dict[str, Any] = answer.json()
    receiver.secret = added["secret"]
    return added


def test_a_webhook_is_told_of_what_changes_and_its_secret_is_answered_once(
    api: APIClient, receiver: Receiver
) -> None:
    added = add(api, receiver, events=["order.created", "stock.changed"], platforms=["amazon"])
    assert (added["events"], added["platforms"], added["is_active"], added["pending"]) == (
        ["order.created", "stock.changed"], ["amazon"], True, 0,
    )  # fmt: skip
    secret = added.pop("secret")
    assert secret.startswith("whsec_")
    assert api.get(f"/webhooks/{added['id']}").json() == added
    assert fetch_all(api, "/webhooks") == [added]
    with connection.cursor() as cursor:
        cursor.execute("SELECT signing_secrets FROM webhook_endpoints")
        assert secret not in cursor.fetchone()[0]
    change("order.created", 7, "111-7")
    Dispatcher().run_once()
    assert [message["data"]["id"] for message in receiver.taken] == [7]
    (row,) = fetch_all(api, f"/webhook-deliveries?webhook={added['id']}&state=delivered&event=order.created")
    assert (row["message_id"], row["status"], row["answer"]) == (receiver.taken[0].id, 200, "thanks")
    assert api.get(f"/webhook-deliveries/{row['id']}").json() == row
    assert fetch_all(api, "/webhook-deliveries?state=failed") == []


def test_what_a_get_answers_can_be_put_back(api: APIClient, receiver: Receiver) -> None:
    added = add(api, receiver)
    assert (added["events"], added["platforms"]) == (None, None)
    shown = api.get(f"/webhooks/{added['id']}").json()
    answer = api.put(f"/webhooks/{added['id']}", shown)
    assert (answer.status_code, answer.json()) == (200, shown)


def test_an_older_answer_put_back_does_not_switch_it_on(api: APIClient, receiver: Receiver) -> None:
    address = f"/webhooks/{add(api, receiver)['id']}"
    shown = api.get(address).json()
    switch_off(Endpoint.objects.get(), Endpoint.Off.FAILING)
    answer = api.put(address, {**shown, "name": "renamed"})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["off_reason", "switched_off_at"])
    assert not Endpoint.objects.get().is_active
    newer = api.get(address).json()
    assert api.put(address, {**newer, "is_active": True}).json()["is_active"] is True


def test_a_token_that_may_not_read_has_nothing_sent(receiver: Receiver) -> None:
    user = User.objects.create_superuser("root")
    blind, reader = token_client(user, scopes=["manage"]), token_client(user, scopes=["manage", "read"])
    values = {"name": "mine", "url": receiver.url()}
    answer = blind.post("/webhooks", values)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert "the scope `read`" in answer.json()["detail"]
    address = f"/webhooks/{reader.post('/webhooks', values).json()['id']}"
    for change_of in (
        {"url": receiver.url("localhost")},
        {"events": ["order.created"]},
        {"platforms": ["amazon"]},
    ):
        assert blind.patch(address, change_of).status_code == 403
    assert blind.patch(address, {"name": "renamed", "is_active": False}).status_code == 200


@pytest.mark.parametrize("values", [{"position": 0}, {"pending": 0, "last_delivered_at": None}])
def test_a_change_of_nothing_but_what_oms_sets_is_refused(
    api: APIClient, receiver: Receiver, values: dict[str, Any]
) -> None:
    added = add(api, receiver)
    answer = api.patch(f"/webhooks/{added['id']}", values)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, list(values))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://user:word@shop.example/"}, "url"),
        ({"url": "nonsense"}, "url"),
        ({"url": None}, "url"),
        ({"url": 5.5}, "url"),
        ({"events": ["order.exploded"]}, "events"),
        ({"events": []}, "events"),
        ({"events": "order.created"}, "events"),
        ({"platforms": ["nowhere"]}, "platforms"),
        ({"platforms": []}, "platforms"),
        ({"platforms": "amazon"}, "platforms"),
        ({"platforms": [1]}, "platforms"),
        ({"platforms": [f"shop {number}" for number in range(100_000)]}, "platforms"),
        ({"url": "https://xn--/"}, "url"),
        ({"name": ""}, "name"),
        ({"secret": "whsec_x"}, "secret"),
        ({"position": 9}, "position"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"is_active": 1}, "is_active"),
        ({"name": "a\tb"}, "name"),
        ({"name": 7}, "name"),
        ({"url": "https://shop.example/\nx"}, "url"),
    ],
)
def test_it_refuses_what_is_wrong_and_stores_nothing(
    api: APIClient, settings: Any, values: dict[str, Any], field: str
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = False, True
    body = json.dumps({"name": "shop", "url": "https://shop.example/hook"} | values)
    answer = api.post("/webhooks", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field]), answer.json()
    assert not Endpoint.objects.exists()


def test_switched_off_it_waits_and_on_again_it_goes_on(api: APIClient, receiver: Receiver) -> None:
    address = f"/webhooks/{add(api, receiver)['id']}"
    off = api.patch(address, {"is_active": False}).json()
    assert (off["is_active"], off["off_reason"]) == (False, "by_hand")
    change("order.created", 1)
    Dispatcher().run_once()
    assert receiver.met == []
    answer = api.post(f"{address}/replay", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "switched_off")
    on = api.patch(address, {"is_active": True}).json()
    assert (on["is_active"], on["off_reason"], on["switched_off_at"]) == (True, "", None)
    Dispatcher().run_once()
    assert len(receiver.taken) == 1


def test_a_test_a_new_secret_and_replays(api: APIClient, receiver: Receiver) -> None:
    address = f"/webhooks/{add(api, receiver)['id']}"
    tested = api.post(f"{address}/test").json()
    assert (tested["state"], tested["event"], tested["status"]) == ("delivered", "webhook.test", 200)
    receiver.answer = lambda _message: (500, {}, b"<script>alert(1)</script>")
    failed = api.post(f"{address}/test").json()
    assert (failed["state"], failed["problem"], failed["answer"]) == (
        "failed", "refused", "<script>alert(1)</script>",
    )  # fmt: skip
    again = api.post(f"/webhook-deliveries/{failed['id']}/replay")
    assert (again.status_code, again.json()["code"]) == (409, "test_not_replayed")
    assert "/test" in again.json()["detail"]
    receiver.secret = api.post(f"{address}/rotate").json()["secret"]
    receiver.answer = lambda _message: (200, {}, b"")
    change("order.created", 1)
    Dispatcher().run_once()
    delivery = Delivery.objects.get(event="order.created")
    answer = api.post(f"/webhook-deliveries/{delivery.pk}/replay")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    Dispatcher().run_once()
    assert api.post(f"{address}/replay", {"state": "failed"}).json() == {"replayed": 0}
    assert api.post(f"{address}/replay", {"state": "all"}).json() == {"replayed": 1}
    assert api.post(f"{address}/replay", {"stat": "all"}).status_code == 400
    unreadable = api.post(f"{address}/replay", {"since": "yesterday"}).json()
    assert (
        unreadable["detail"] == "since: It is not a time. Write it like 2026-01-31 or 2026-01-31T08:00:00Z."
    )
    Dispatcher().run_once()
    assert [message.id for message in receiver.taken[1:]] == [delivery.message_id] * 3
    assert receiver.unsigned == 0
    assert api.delete(address).status_code == 204
    assert not Delivery.objects.exists()


MANAGES = (
    "webhooks.view_endpoint",
    "webhooks.add_endpoint",
    "webhooks.change_endpoint",
    "webhooks.view_delivery",
)
SEES = (
    "feed.view_change",
    "platforms.view_platform",
    "orders.view_order",
    "inventory.view_inventoryitem",
    "integrations.view_syncfailure",
    "integrations.view_synclog",
)


def test_nobody_is_told_of_what_they_may_not_see(api: APIClient, receiver: Receiver) -> None:
    """Who may manage webhooks, and may not read the change feed, gets it by none of them."""
    manager, values = user_with(*MANAGES), {"name": "mine", "url": receiver.url()}
    for events in (None, ["order.created"], ["stock.changed"], ["alert.began"], ["platform.attention"]):
        answer = manager.post("/webhooks", {**values, "events": events})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), events
    assert "feed.view_change" in manager.post("/webhooks", values).json()["detail"]
    own = manager.post("/webhooks", {**values, "events": ["webhook.switched_off"]}).json()
    assert manager.patch(f"/webhooks/{own['id']}", {"events": ["order.created"]}).status_code == 403
    assert manager.patch(f"/webhooks/{own['id']}", {"events": None}).status_code == 403
    assert manager.patch(f"/webhooks/{own['id']}", {"platforms": ["amazon"]}).status_code == 200
    # Nor what another one is told of, by having it sent elsewhere.
    other = f"/webhooks/{add(api, receiver)['id']}"
    for change_of in (
        {"url": f"{receiver.url()}&mine"},
        {"platforms": ["amazon"]},
        {"events": ["order.created"]},
    ):
        assert manager.patch(other, change_of).status_code == 403
    shown = manager.get(other).json()
    assert manager.put(other, {**shown, "name": "renamed", "is_active": False}).status_code == 200
    reader = user_with(*MANAGES, "feed.view_change")
    assert reader.patch(other, {"events": ["order.created"]}).status_code == 200


def test_every_event_asks_for_a_permission_that_there_is() -> None:
    known = {
        f"{app}.{name}" for app, name in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert permissions_to_see(None) == {*SEES, "webhooks.view_endpoint"}
    assert permissions_to_see(None) <= known


def test_deliveries_are_found_by_order_id_and_sku(api: APIClient, receiver: Receiver) -> None:
    add(api, receiver)
    change("order.created", 7, "111-7")
    change("stock.updated", 8, "A, B 8")
    Dispatcher().run_once()
    for external_id in ("111-7", "A, B 8"):
        (row,) = api.get("/webhook-deliveries", {"external_id": external_id}).json()["results"]
        assert row["external_id"] == external_id
    assert len(fetch_all(api, "/webhook-deliveries?external_id=111-7&external_id=A%2C%20B%208")) == 2


def test_who_may_not_see_what_was_told_does_not_see_it_in_the_log(receiver: Receiver) -> None:
    root = superuser()
    add(root, receiver)
    change("order.created", 7)
    emit("alert.began", {"kind": "overdue"})
    Dispatcher().run_once()
    (alert,) = fetch_all(root, "/webhook-deliveries?event=alert.began")
    without = user_with("webhooks.view_delivery", "webhooks.change_endpoint")
    assert without.get("/webhook-deliveries").status_code == 403
    assert without.post(f"/webhook-deliveries/{alert['id']}/replay").status_code == 403
    reader = user_with("webhooks.view_delivery", "webhooks.change_endpoint", "feed.view_change")
    assert [row["event"] for row in fetch_all(reader, "/webhook-deliveries")] == ["order.created"]
    assert reader.get(f"/webhook-deliveries/{alert['id']}").status_code == 404
    assert reader.post(f"/webhook-deliveries/{alert['id']}/replay").status_code == 404


def test_what_is_no_longer_told_is_not_replayed(api: APIClient, receiver: Receiver) -> None:
    left = Platform.objects.create(name="left")
    endpoint = Endpoint.objects.get(pk=add(api, receiver, platforms=["amazon"])["id"])
    delivery = Delivery.objects.create(
        endpoint=endpoint,
        message_id="m",
        event="order.created",
        platform_id=left.pk,
        state="failed",
        body="{}",
    )
    answer = api.post(f"/webhook-deliveries/{delivery.pk}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "platform_not_told")


def test_who_may_what(receiver: Receiver) -> None:
    manager = user_with(*MANAGES, *SEES)
    added = add(manager, receiver)
    viewer = user_with("webhooks.view_endpoint", "webhooks.view_delivery", "feed.view_change")
    stranger = user_with("orders.view_order")
    assert viewer.get("/webhooks").status_code == viewer.get("/webhook-deliveries").status_code == 200
    for client in (viewer, stranger):
        for method, address in (
            ("post", "/webhooks"),
            ("patch", f"/webhooks/{added['id']}"),
            ("delete", f"/webhooks/{added['id']}"),
            ("post", f"/webhooks/{added['id']}/test"),
            ("post", f"/webhooks/{added['id']}/rotate"),
            ("post", f"/webhooks/{added['id']}/replay"),
            ("post", "/webhook-deliveries/1/replay"),
        ):
            assert getattr(client, method)(address).status_code == 403, (method, address)
    assert stranger.get("/webhooks").status_code == stranger.get("/webhook-deliveries").status_code == 403
    assert receiver.met == []
    assert amazon()
