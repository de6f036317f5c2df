"""Erasing buyer data, its receipts, and legal holds over REST."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from api.tests.rest import amazon, make_order, superuser, user_with
from audit.models import AuditEntry
from core.encryption import SecretDict
from integrations.tests.test_commands import Ran
from orders import background_erasing
from orders.background_erasing import erase_in_background
from orders.buyers import email_digest
from orders.models import Erasure, LegalHold, Order, OrderBuyer
from platforms.models import Platform

pytestmark = pytest.mark.django_db
END = datetime(2999, 1, 31, tzinfo=UTC)
EMAIL = "zoë@canary.invalid"  # as Django's own fields would not take it


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.fixture(autouse=True)
def _buyers() -> None:
    """Three orders of one person, the last one of another platform."""
    for number, platform in enumerate((amazon(), amazon(), Platform.objects.create(name="shop"))):
        make_buyer(make_order(f"902-{number}", platform=platform))


def make_buyer(order: Order) -> None:
    data = SecretDict({"name": "Zoë Canary", "email": EMAIL})
    OrderBuyer.objects.create(
        order=order,
        data=data,
        purge_after=timezone.now() + timedelta(days=9),
        email_digest=email_digest(data),
    )


def kept() -> list[str]:
    return list(OrderBuyer.objects.order_by("pk").values_list("order__external_id", flat=True))


@pytest.mark.parametrize(
    ("named", "counted", "left"),
    [
        ({"order": "902-0"}, 1, ["902-1", "902-2"]),
        ({"order": "902-2", "platform": "shop"}, 1, ["902-0", "902-1"]),
        ({"email": " ZOË@CANARY.invalid"}, 3, []),
    ],
)
def test_it_erases_once_and_answers_a_receipt_without_personal_data(
    api: APIClient, named: dict[str, str], counted: int, left: list[str]
) -> None:
    key: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "8e03978e"}
    answer = api.post("/erasures", {**named, "reason": "asked for"}, **key)
    assert (answer.status_code, answer.json()["orders"], kept()) == (201, counted, left)
    again = api.post("/erasures", {**named, "reason": "asked for"}, **key)
    assert (again.json(), again["Idempotent-Replayed"]) == (answer.json(), "true")
    later = api.post("/erasures", {**named, "reason": "asked for"})
    assert (later.status_code, later.json()["orders"]) == (201, 0)
    receipts = api.get("/erasures").json()["results"]
    assert [row["orders"] for row in receipts] == [0, counted]
    assert receipts[1] == answer.json() == api.get(answer["Location"]).json()
    assert receipts[1]["finished_at"] is not None
    entry = AuditEntry.objects.filter(action="buyer_data.erased").earliest("pk")
    assert (entry.changes["receipt"], entry.reason) == (answer.json()["receipt"], "asked for")
    said = [
        answer.content.decode(),
        *map(str, Erasure.objects.values()),
        *map(str, AuditEntry.objects.values()),
    ]
    assert "canary" not in "".join(said).casefold()


def test_the_command_prints_what_the_api_answers_and_names_the_orders(api: APIClient) -> None:
    hold = LegalHold.objects.create(platform=amazon(), reason="case", until=END)
    held = Ran("erase_buyer_data", "--order", "902-0", "--reason", "asked for", "--json")
    refused = api.post("/erasures", {"order": "902-0", "reason": "asked for"}).json()
    assert (held.status, json.loads(held.out)) == (1, refused)
    hold.order = Order.objects.get(external_id="902-0")
    hold.save()
    erased = Ran("erase_buyer_data", "--platform", "amazon", "--yes", "--reason", "asked for", "--json")
    receipt = json.loads(erased.out)
    assert erased.status == 3
    assert receipt.pop("erased_orders") == [{"platform": "amazon", "order": "902-1"}]
    assert receipt.pop("held_orders") == [{"platform": "amazon", "order": "902-0"}]
    assert receipt == api.get(f"/erasures/{receipt['id']}").json()
    assert receipt["platforms"] == ["amazon"]


def test_a_whole_platform_is_erased_outside_of_the_request_and_goes_on_where_it_was_killed(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    LegalHold.objects.create(
        platform=amazon(), order=Order.objects.get(external_id="902-1"), reason="case", until=END
    )
    make_buyer(make_order("902-3", platform=amazon()))
    asked = {"platform": "amazon", "reason": "asked for"}
    answer = api.post("/erasures", asked)
    assert (answer.status_code, answer.json()["finished_at"], len(kept())) == (202, None, 4)
    again = api.post("/erasures", asked)  # without a key: it goes on already
    assert (again.status_code, again.json()) == (202, answer.json())
    monkeypatch.setattr(background_erasing, "AT_ONCE", 1)

    def fails_once(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("DELETE") and "order_buyers" in sql and len(kept()) == 3:
            raise OperationalError("server closed the connection")
        return execute(sql, *args)

    with connection.execute_wrapper(fails_once), pytest.raises(OperationalError):
        erase_in_background()
    assert kept() == ["902-1", "902-2", "902-3"]
    so_far = api.get(answer["Location"]).json()
    assert (so_far["orders"], so_far["held"], so_far["finished_at"]) == (1, 1, None)
    erase_in_background()
    assert kept() == ["902-1", "902-2"]
    done = api.get(answer["Location"]).json()
    assert (done["orders"], done["held"], done["receipt"]) == (2, 1, answer.json()["receipt"])
    assert done["finished_at"] is not None
    erased = AuditEntry.objects.filter(action="buyer_data.erased").values_list("changes_json", flat=True)
    assert sum(json.loads(each)["orders"] for each in erased) == 2
    assert erase_in_background() == []
    assert api.post("/erasures", asked).json()["id"] != done["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "asked for"},
        {"email": EMAIL},
        {"email": EMAIL, "order": "902-0", "reason": "asked for"},
        {"email": EMAIL, "platform": "amazon", "reason": "asked for"},
        {"order": "nobody's", "reason": "asked for"},
        {"email": "canary", "reason": "asked for"},
    ],
)
def test_it_refuses_what_is_not_plain_and_erases_nothing(api: APIClient, body: dict[str, str]) -> None:
    answer = api.post("/erasures", body)
    assert (answer.status_code, len(kept()), Erasure.objects.count()) == (400, 3, 0)
    assert "canary" not in answer.content.decode()


def test_a_hold_is_set_and_obeyed_and_changed_and_released(api: APIClient) -> None:
    hold = {"platform": "amazon", "order": "902-0", "reason": "lawsuit 7", "until": "2999-01-31T12:00:00Z"}
    over = api.post("/legal-holds", {**hold, "until": "2026-01-01"})  # as a typing error has it
    assert (over.status_code, list(over.json()["fields"]), LegalHold.objects.count()) == (400, ["until"], 0)
    made = api.post("/legal-holds", hold)
    assert made.status_code == 201
    assert {**made.json(), **hold, "is_over": False} == made.json()
    held = api.post("/erasures", {"order": "902-0", "reason": "asked for"})
    assert (held.status_code, held.json()["code"], len(kept())) == (409, "on_hold", 3)
    receipt = api.post("/erasures", {"email": EMAIL, "reason": "asked for"}).json()
    assert (receipt["orders"], receipt["held"], kept()) == (2, 1, ["902-0"])
    address = made["Location"]
    assert api.patch(address, {"order": None}).status_code == 400
    assert api.patch(address, {"reason": "lawsuit 8"}).json()["reason"] == "lawsuit 8"
    assert [row["id"] for row in api.get("/legal-holds?is_over=false").json()["results"]] == [
        made.json()["id"]
    ]
    assert api.get("/legal-holds?is_over=true").json()["results"] == []
    assert api.delete(address).status_code == 204
    assert api.post("/erasures", {"order": "902-0", "reason": "asked for"}).json()["orders"] == 1
    actions = AuditEntry.objects.filter(action__startswith="hold.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["hold.added", "hold.changed", "hold.deleted"]


def test_each_needs_its_permission() -> None:
    body = {"order": "902-0", "reason": "asked for"}
    hold = {"platform": "amazon", "reason": "lawsuit 7", "until": "2030-01-01"}
    looks = user_with("orders.view_erasure", "orders.view_legalhold", "orders.view_orderbuyer")
    assert looks.get("/erasures").status_code == looks.get("/legal-holds").status_code == 200
    assert looks.post("/erasures", body).status_code == looks.post("/legal-holds", hold).status_code == 403
    assert len(kept()) == 3
    erases = user_with("orders.delete_orderbuyer", "orders.add_legalhold")
    assert erases.get("/erasures").status_code == erases.get("/legal-holds").status_code == 403
    assert erases.post("/erasures", body).status_code == erases.post("/legal-holds", hold).status_code == 201
    assert erases.delete(f"/legal-holds/{LegalHold.objects.get().pk}").status_code == 403
