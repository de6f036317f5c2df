"""Erasing buyer data in the admin, the question on a platform's form, and legal holds."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from core.encryption import SecretDict
from orders.models import LegalHold, Order, OrderBuyer
from platforms.models import Platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    order: Order = make_order()
    due = timezone.now() + timedelta(days=9)
    OrderBuyer.objects.create(order=order, data=SecretDict({"name": "Zoë Canary"}), purge_after=due)
    return order


def signed_in(*groups: str) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("group", ["Viewer", "Operator", "Manager", "Privacy officer"])
def test_privacy_officers_alone_erase_the_buyer_of_an_order(order: Order, group: str) -> None:
    client, may = signed_in(group), group == "Privacy officer"
    page = f"/admin/orders/order/{order.pk}/"
    assert ("Erase buyer data" in client.get(f"{page}change/").content.decode()) is may
    assert client.get(f"{page}buyer/erase/").status_code == (200 if may else 403)
    assert OrderBuyer.objects.exists()
    answer = client.post(f"{page}buyer/erase/", {"reason": "asked by letter"}, follow=True)
    assert OrderBuyer.objects.exists() is not may
    if may:
        entry = AuditEntry.objects.get(action="buyer_data.erased")
        assert (entry.actor, entry.reason) == ("ann", "asked by letter")
        assert f"Receipt: {entry.changes['receipt']}." in answer.content.decode()


def test_a_legal_hold_is_made_and_obeyed_and_recorded(order: Order) -> None:
    client = signed_in("Privacy officer")
    form = {"platform": amazon().pk, "reason": "case 7", "until_0": "2999-01-31", "until_1": "12:00"}
    address = "/admin/orders/legalhold/add/"
    assert (
        "No order of this platform has this id"
        in client.post(address, form | {"order_number": "nobody's"}).content.decode()
    )
    client.post(address, form | {"order_number": order.external_id})
    hold = LegalHold.objects.get()
    assert (hold.order, hold.made_by) == (order, "ann")
    answer = client.post(f"/admin/orders/order/{order.pk}/buyer/erase/", follow=True).content.decode()
    assert "Nothing was erased: a legal hold keeps it until" in answer
    assert OrderBuyer.objects.exists()
    page = f"/admin/orders/legalhold/{hold.pk}/change/"
    assert order.external_id in client.get(page).content.decode()
    client.post(page, form)
    hold.refresh_from_db()
    assert hold.order is None
    actions = AuditEntry.objects.filter(action__startswith="hold.").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["hold.added", "hold.changed"]
    looks = Client()
    looks.force_login(User.objects.create_user("bob", is_staff=True))
    Group.objects.get(name="Manager").user_set.add(User.objects.get(username="bob"))
    assert "case 7" in looks.get(page).content.decode()


@pytest.mark.parametrize("choice", ["keep", "erase"])
def test_whoever_switches_storing_off_says_what_happens_to_what_is_stored(order: Order, choice: str) -> None:
    Platform.objects.update(include_pii=True)
    client = signed_in("Privacy officer", "Manager")
    address = f"/admin/platforms/platform/{amazon().pk}/change/"
    form = {"display_name": "", "name": "amazon", "kind": "amazon", "is_active": "on"}
    form |= {"orders_interval": "15", "inventory_interval": "60"}
    asked = client.post(address, form).content.decode()
    assert "Say whether it is kept until its time has come" in asked
    assert (amazon().include_pii, OrderBuyer.objects.exists()) == (True, True)
    answer = client.post(address, form | {"stored_buyers": choice}, follow=True).content.decode()
    assert (amazon().include_pii, OrderBuyer.objects.exists()) == (False, choice == "keep")
    assert ("Receipt: " in answer) is (choice == "erase")
    assert "stored_buyers" not in client.get(address).content.decode()
