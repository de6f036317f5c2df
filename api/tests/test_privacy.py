"""Erasing buyer data, its receipts, and legal holds over REST."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from api.tests.rest import amazon, make_order, superuser, user_with
from audit.models import AuditEntry
from core.encryption import SecretDict
from orders.buyers import email_digest
from orders.models import Erasure, LegalHold, OrderBuyer
from platforms.models import Platform

pytestmark = pytest.mark.django_db
EMAIL = "zoë@canary.invalid"  # as Django's own fields would not take it


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.fixture(autouse=True)
def _buyers() -> None:
    """Three orders of one person, the last one of another platform."""
    for number, platform in enumerate((amazon(), amazon(), Platform.objects.create(name="shop"))):
        data = SecretDict({"name": "Zoë Canary", "email": EMAIL})
        OrderBuyer.objects.create(
            order=make_order(f"902-{number}", platform=platform),
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
        ({"platform": "amazon"}, 2, ["902-2"]),
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
