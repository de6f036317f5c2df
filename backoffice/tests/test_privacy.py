"""Erasing buyer data in the admin, the question on a platform's form, and legal holds."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from core.encryption import SecretDict
from orders.background_erasing import erase_in_background
from orders.buyers import email_digest
from orders.models import Erasure, LegalHold, Order, OrderBuyer
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
    over = form | {"until_0": "2026-01-31"}  # as a typing error has it
    assert "This is over already, so nothing would be held." in client.post(address, over).content.decode()
    client.post(address, form | {"order_number": order.external_id})
    hold = LegalHold.objects.get()
    assert (hold.order, hold.made_by) == (order, "ann")
    erase = f"/admin/orders/order/{order.pk}/buyer/erase/"
    assert "This field is required" in client.post(erase, {"reason": " "}).content.decode()
    answer = client.post(erase, {"reason": "asked by letter"}, follow=True).content.decode()
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
    still_on = client.post(address, form | {"stored_buyers": "erase", "include_pii": "on"}).content.decode()
    assert "Nothing was erased: “Store buyer data” is still on." in still_on
    assert (amazon().include_pii, OrderBuyer.objects.exists()) == (True, True)
    answer = client.post(address, form | {"stored_buyers": choice}, follow=True).content.decode()
    assert len(erase_in_background()) == (choice == "erase")
    assert (amazon().include_pii, OrderBuyer.objects.exists()) == (False, choice == "keep")
    assert ("Receipt: " in answer) is (choice == "erase")
    assert ("The buyer data of 1 order stays until its time has come: " in answer) is (choice == "keep")
    assert "stored_buyers" not in client.get(address).content.decode()


def test_a_whole_platform_is_erased_in_the_background_by_who_writes_its_name(order: Order) -> None:
    address = f"/admin/platforms/platform/{amazon().pk}/erase/"
    client = signed_in("Privacy officer", "Manager")
    page = client.get(f"/admin/platforms/platform/{amazon().pk}/change/").content.decode()
    assert f'href="{address}"' in page
    assert "1 order of this platform has buyer data" in client.get(address).content.decode()
    for wrong in ({"name": "shop", "reason": "asked"}, {"name": "amazon", "reason": ""}):
        assert client.post(address, wrong).status_code == 422
    assert not Erasure.objects.exists()
    asked = {"name": "amazon", "reason": "contract ended"}
    answer = client.post(address, asked, follow=True).content.decode()
    assert "is being erased in the background" in answer
    assert "in progress" in answer
    client.post(address, asked)
    receipt = Erasure.objects.get()  # it goes on already
    assert (OrderBuyer.objects.count(), receipt.finished_at, receipt.made_by) == (1, None, "ann")
    call_command("run_scheduler", "--once", stdout=StringIO())
    receipt.refresh_from_db()
    assert (OrderBuyer.objects.count(), receipt.orders) == (0, 1)
    assert receipt.finished_at is not None
    entries = AuditEntry.objects.filter(action__startswith="buyer_data.era").order_by("pk")
    assert [(entry.action, entry.actor, entry.reason) for entry in entries] == [
        ("buyer_data.erasure_asked", "ann", "contract ended"),
        ("buyer_data.erased", "ann", "contract ended"),
    ]
    assert address not in client.get(f"/admin/platforms/platform/{amazon().pk}/change/").content.decode()
    looks = Client()
    looks.force_login(User.objects.create_user("bob", is_staff=True))
    Group.objects.get(name="Manager").user_set.add(User.objects.get(username="bob"))
    assert looks.get(address).status_code == 403


def test_a_person_is_erased_by_address_after_a_look_and_a_receipt_is_shown(order: Order) -> None:
    data = SecretDict({"name": "Zoë Canary", "email": "zoë@canary.invalid"})
    OrderBuyer.objects.update(data=data, email_digest=email_digest(data))
    assert signed_in("Manager", "Viewer").get("/admin/orders/erasure/by-email/").status_code == 403
    User.objects.all().delete()
    client, address = signed_in("Privacy officer"), "/admin/orders/erasure/by-email/"
    asked = {"email": " ZOË@Canary.invalid", "reason": "asked by letter"}
    assert "This field is required" in client.post(address, {**asked, "reason": ""}).content.decode()
    assert "This is no e-mail address." in client.post(address, {**asked, "email": "zoe"}).content.decode()
    shown = client.post(address, asked).content.decode()
    assert "The buyer data of 1 order with this address." in shown
    assert "Zoë" not in shown
    seen = re.findall(r'name="seen" value="(\w+)"', shown)[0]
    other = client.post(address, {**asked, "email": "x@canary.invalid", "seen": seen}).content.decode()
    assert "Nothing: no buyer data with this address is stored" in other
    assert OrderBuyer.objects.count() == 1
    answer = client.post(address, {**asked, "seen": seen}, follow=True).content.decode()
    assert OrderBuyer.objects.count() == 0
    receipt = Erasure.objects.get()
    assert (receipt.orders, receipt.reason, receipt.made_by) == (1, "asked by letter", "ann")
    assert "The buyer data of 1 order was erased." in answer
    assert receipt.number in client.get("/admin/orders/erasure/").content.decode()
    said = [answer, *map(str, AuditEntry.objects.values()), *map(str, Erasure.objects.values())]
    assert "canary" not in "".join(said).casefold()
    actions = AuditEntry.objects.filter(action__startswith="buyer_data").order_by("pk")
    assert list(actions.values_list("action", "reason"))[-1] == ("buyer_data.erased", "asked by letter")
    assert actions[0].action == "buyer_data.searched"
