"""/orders/{id}/buyer: personal data, for those who may, each reading recorded with its reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from api.tests.rest import NOON, make_order, superuser, user_with
from audit.models import AuditEntry
from orders.models import Order, OrderBuyer

BUYER = {
    "name": "CANARY-name-Müller",
    "email": "canary@example.com",
    "address": {"addressLine1": "CANARY-street 7", "city": "Köln", "countryCode": "DE"},
}
READER = ("orders.view_order", "orders.view_orderbuyer")


@pytest.fixture
def order(db: None) -> Order:
    order = make_order("302-1234567-1234567")
    OrderBuyer.objects.create(order=order, data=BUYER, purge_after=NOON + timedelta(days=30))
    return order


def test_it_answers_the_address_and_records_who_read_it_and_why(order: Order) -> None:
    client = user_with(*READER)
    answer = client.get(f"/orders/{order.pk}/buyer?reason=print+the+label")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer.json() == {
        "id": order.pk,
        "platform": "amazon",
        "external_id": "302-1234567-1234567",
        "purge_after": "2026-03-02T12:00:00Z",
        "buyer": BUYER,
    }
    entry = AuditEntry.objects.get(action="buyer_data.read")
    assert (entry.action, entry.object_id, entry.actor) == ("buyer_data.read", str(order.pk), "user-0")
    assert (entry.reason, entry.door) == ("print the label", "api")
    assert abs(entry.at - timezone.now()) < timedelta(minutes=1)
    by_name = client.get("/orders/302-1234567-1234567/buyer?reason=again&platform_name=amazon")
    assert by_name.json() == answer.json()
    assert AuditEntry.objects.filter(action="buyer_data.read").count() == 2


def test_the_history_of_the_order_shows_the_reason(order: Order, admin_client: Any) -> None:
    superuser().get(f"/orders/{order.pk}/buyer?reason=%3Cb%3Elabel")
    page = admin_client.get(f"/admin/orders/order/{order.pk}/history/").content.decode()
    assert "buyer data read" in page
    assert "&lt;b&gt;label" in page


@pytest.mark.parametrize("permissions", [("orders.view_order",), ("orders.view_orderbuyer",), ()])
def test_it_needs_both_permissions(order: Order, permissions: tuple[str, ...]) -> None:
    answer = user_with(*permissions).get(f"/orders/{order.pk}/buyer?reason=label")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert b"CANARY" not in answer.content
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_no_other_answer_has_buyer_data(order: Order) -> None:
    client = superuser()
    for address in ("/orders", f"/orders/{order.pk}", "/orders/totals", f"/orders/{order.pk}?fields=payload"):
        assert b"CANARY" not in client.get(address).content


@pytest.mark.parametrize(
    "query",
    [
        "",
        "reason=",
        "reason=+",
        "reason=%0A",
        "reason=a%0Ab",
        "reason=" + "x" * 201,
        "reason=%00",
        "reason=a&reason=b",
    ],
)
def test_it_demands_a_reason(order: Order, query: str) -> None:
    answer = superuser().get(f"/orders/{order.pk}/buyer?{query}")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["reason"])
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_there_is_nothing_to_read_of_other_orders(order: Order) -> None:
    make_order("no-buyer")
    client = superuser()
    for key in ("no-buyer", "nowhere"):
        answer = client.get(f"/orders/{key}/buyer?reason=label")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.post(f"/orders/{order.pk}/buyer?reason=label").status_code == 405
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_it_says_that_it_cannot_decrypt(order: Order) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE order_buyers SET data = 'gAAAAABCANARY'")
    answer = superuser().get(f"/orders/{order.pk}/buyer?reason=label")
    assert (answer.status_code, answer.json()["code"]) == (500, "unreadable")
    assert b"CANARY" not in answer.content
