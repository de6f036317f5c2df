"""Webhooks in the admin: the secret is shown once, tests, replays, what is the matter, and who may do what."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from platforms.models import Platform
from webhooks.dispatch import Dispatcher
from webhooks.emitting import emit
from webhooks.endpoints import change_endpoint
from webhooks.models import Delivery, Endpoint
from webhooks.tests.receiver import Receiver
from webhooks.tests.rows import change, endpoint_at

pytestmark = pytest.mark.django_db

LIST, LOG = "/admin/webhooks/endpoint/", "/admin/webhooks/delivery/"


@pytest.fixture(autouse=True)
def _private(settings: Any) -> None:
    """The receivers are on this machine, and speak plain HTTP."""
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = True, False


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def press(client: Client, endpoint: Endpoint, button: str) -> str:
    answer = client.post(f"{LIST}{endpoint.pk}/press/{button}/", follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def form(receiver: Receiver, **values: Any) -> dict[str, Any]:
    return {"name": "shop", "url": receiver.url(), "is_active": "on"} | values


def test_the_secret_is_shown_once(admin_client: Client, receiver: Receiver) -> None:
    platform = Platform.objects.get()
    values = form(receiver, events=["order.created"], platform_ids=[platform.pk])
    answer = admin_client.post(f"{LIST}add/", values, follow=True)
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    endpoint = Endpoint.objects.get()
    assert (endpoint.events, endpoint.platform_ids) == (["order.created"], [platform.pk])
    receiver.secret = secret
    change("order.created", 1)
    Dispatcher().run_once()
    assert (len(receiver.taken), receiver.unsigned) == (1, 0)
    (newer,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", press(admin_client, endpoint, "rotate"))
    assert newer != secret
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    for address in (LIST, f"{LIST}{endpoint.pk}/change/", f"{LIST}{endpoint.pk}/history/", LOG, "/admin/"):
        assert "whsec_" not in page(admin_client, address)
    assert not any("whsec_" in str(cookie) for cookie in admin_client.cookies.values())


def test_to_load_the_page_of_a_secret_again_makes_no_other(admin_client: Client, receiver: Receiver) -> None:
    """A page that answers the form itself would send the form again, and make a second webhook or another secret."""
    added = admin_client.post(f"{LIST}add/", form(receiver))
    stored = Endpoint.objects.get().signing_secrets
    assert added.status_code == 302
    rotated = admin_client.post(f"{LIST}{Endpoint.objects.get().pk}/press/rotate/")
    assert rotated.status_code == 302
    newer = Endpoint.objects.get().signing_secrets
    assert newer != stored
    session_text = str([session.get_decoded() for session in Session.objects.all()])
    assert "whsec_" not in session_text
    assert "whsec_" in page(admin_client, rotated["Location"])
    again = admin_client.get(rotated["Location"], follow=True)
    assert "is not shown again" in again.content.decode()
    assert "whsec_" not in again.content.decode()
    assert Endpoint.objects.get().signing_secrets == newer


def test_a_change_leaves_alone_what_was_not_changed(admin_client: Client, receiver: Receiver) -> None:
    """The sender writes to the row meanwhile; and platforms that were deleted do not become all of them."""
    endpoint = endpoint_at(receiver, platform_ids=[])
    Endpoint.objects.update(position=99)
    admin_client.post(f"{LIST}{endpoint.pk}/change/", form(receiver, name="other"))
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.platform_ids, endpoint.position, endpoint.is_active) == (
        "other",
        [],
        99,
        True,
    )
    off = hidden(admin_client, endpoint) | {"name": "other", "url": receiver.url()}
    admin_client.post(f"{LIST}{endpoint.pk}/change/", off)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_reason) == (False, "by_hand")
    Endpoint.objects.update(position=0)
    on = hidden(admin_client, endpoint) | form(receiver, name="other")
    admin_client.post(f"{LIST}{endpoint.pk}/change/", on)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_reason) == (True, "")


def hidden(client: Client, endpoint: Endpoint) -> dict[str, Any]:
    """What the open form sends back of what it showed."""
    shown = page(client, f"{LIST}{endpoint.pk}/change/")
    return {
        name: re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)"', shown)
        for name in set(re.findall(r'name="(initial-[a-z_]+)"', shown))
    }


def test_an_open_form_does_not_undo_what_others_did_meanwhile(
    admin_client: Client, receiver: Receiver
) -> None:
    endpoint = endpoint_at(receiver, events=["order.created"])
    kept = hidden(admin_client, endpoint)
    assert kept["initial-is_active"] == ["True"]
    change_endpoint(endpoint, {"is_active": False, "events": ["order.updated"], "name": "by another"})
    posted = form(receiver, events=["order.created"], name="shop", url=receiver.url("localhost"))
    answer = admin_client.post(f"{LIST}{endpoint.pk}/change/", {**posted, **kept}, follow=True)
    assert "It was switched off while the page was open" in unescape(answer.content.decode())
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.events, endpoint.name, endpoint.url) == (
        False, ["order.updated"], "by another", receiver.url("localhost"),
    )  # fmt: skip
    again = form(receiver, events=["order.updated"], name="by another", url=receiver.url("localhost"))
    kept = hidden(admin_client, endpoint)
    admin_client.post(f"{LIST}{endpoint.pk}/change/", {**again, **kept})
    endpoint.refresh_from_db()
    assert endpoint.is_active


def test_nobody_is_told_of_what_they_may_not_see(receiver: Receiver) -> None:
    user = User.objects.create_user("somebody", is_staff=True)
    for codename in ("add_endpoint", "change_endpoint", "view_endpoint"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(user)
    answer = client.post(f"{LIST}add/", form(receiver, events=["order.created"]))
    assert "ask an administrator for: feed.view_change." in unescape(answer.content.decode())
    assert client.post(f"{LIST}add/", form(receiver, events=["webhook.switched_off"])).status_code == 302
    endpoint = Endpoint.objects.get()
    address, kept = f"{LIST}{endpoint.pk}/change/", hidden(client, endpoint)
    client.post(address, {**kept, **form(receiver, events=["order.created"])})
    client.post(address, {**kept, **form(receiver)})
    endpoint.refresh_from_db()
    assert endpoint.events == ["webhook.switched_off"]


def test_deliveries_are_found_by_what_they_are_about_and_say_it(
    admin_client: Client, receiver: Receiver
) -> None:
    endpoint = endpoint_at(receiver)
    change("order.created", 7, "111-7", ("status",))
    change("stock.low", 8, "SKU 8")
    emit("alert.began", {"kind": "overdue"})
    Dispatcher().run_once()
    for term, found in (("111-7", 1), ("SKU 8", 1), ("stock.low", 1), (endpoint.name, 3), ("111", 0)):
        shown = page(admin_client, f"{LOG}?q={term}")
        assert shown.count('name="_selected_action"') == found, term
    about = Delivery.objects.get(external_id="111-7")
    assert page(admin_client, f"{LOG}?q={about.message_id}").count('name="_selected_action"') == 1
    shown = page(admin_client, f"{LOG}{about.pk}/change/")
    assert 'href="/admin/orders/order/7/change/">111-7</a>' in shown
    assert '"external_id": "111-7",\n' in shown  # a line each


def test_the_log_is_for_those_who_may_see_changes(receiver: Receiver) -> None:
    endpoint_at(receiver)
    change("order.created", 7, "111-7")
    emit("alert.began", {"kind": "overdue"})
    Dispatcher().run_once()
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client = Client()
    client.force_login(user)
    assert client.get(LOG).status_code == 403
    assert LOG not in page(client, "/admin/")
    user.user_permissions.add(Permission.objects.get(codename="view_change"))
    assert LOG in page(client, "/admin/")
    shown = page(client, LOG)
    assert "order.created" in shown
    assert "alert.began" not in shown
    alert = Delivery.objects.get(event="alert.began")
    assert client.get(f"{LOG}{alert.pk}/change/").status_code == 302


def test_it_says_what_is_wrong_with_a_url(admin_client: Client, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    answer = admin_client.post(
        f"{LIST}add/", {"name": "shop", "url": "https://127.0.0.1/", "is_active": "on"}
    )
    assert "OMS does not call addresses of private networks" in unescape(answer.content.decode())
    assert not Endpoint.objects.exists()


def test_a_test_says_what_came_of_it_and_escapes_the_answer(admin_client: Client, receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    assert "The receiver took the test (200," in press(admin_client, endpoint, "test")
    receiver.answer = lambda _message: (500, {}, b"<script>alert(1)</script>")
    assert "The test was not delivered: the receiver refused it" in press(admin_client, endpoint, "test")
    delivery = Delivery.objects.get(state="failed")
    shown = admin_client.get(f"{LOG}{delivery.pk}/change/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>alert(1)" not in shown


def test_what_failed_is_replayed_one_or_all(admin_client: Client, receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    for number in range(3):
        change("order.created", number)
    Dispatcher().run_once()
    Delivery.objects.update(state="failed")
    assert "Deliveries given up" in page(admin_client, "/admin/")
    assert "3 messages are sent again." in press(admin_client, endpoint, "replay")
    Dispatcher().run_once()
    one, two, _three = Delivery.objects.order_by("pk")
    admin_client.post(f"{LOG}{one.pk}/press/replay/")
    chosen = {"action": "replay_selected", "_selected_action": [two.pk]}
    assert "1 message is sent again." in unescape(
        admin_client.post(LOG, chosen, follow=True).content.decode()
    )
    Dispatcher().run_once()
    assert len(receiver.taken) == 3 + 3 + 2
    assert len({message.id for message in receiver.taken}) == 3


def test_pages_say_what_is_the_matter(admin_client: Client, receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    address = f"{LIST}{endpoint.pk}/change/"
    assert "Webhooks " not in page(admin_client, "/admin/").split("To look at")[1].split("All pages")[0]
    Endpoint.objects.update(lease_expires_at=timezone.now() - timedelta(minutes=5))
    assert "Start: manage.py run_webhooks" in page(admin_client, address)
    assert "Webhooks without a sender" in page(admin_client, "/admin/")
    receiver.answer = lambda _message: (410, {}, b"")
    change("order.created", 1)
    Dispatcher().run_once()
    assert "the receiver answered 410 Gone" in page(admin_client, address)
    assert "Webhooks switched off" in page(admin_client, "/admin/")


def test_a_webhook_is_deleted_with_its_deliveries(receiver: Receiver) -> None:
    endpoint = endpoint_at(receiver)
    change("order.created", 1)
    Dispatcher().run_once()
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name="Manager"))
    client = Client()
    client.force_login(user)
    assert "Webhook deliveries: 1" in page(client, f"{LIST}{endpoint.pk}/delete/")
    client.post(f"{LIST}{endpoint.pk}/delete/", {"post": "yes"})
    assert not Endpoint.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("group", ["Viewer", "Operator", "Manager", "Privacy officer"])
def test_what_each_group_may(receiver: Receiver, group: str) -> None:
    endpoint = endpoint_at(receiver)
    user = User.objects.create_user("somebody", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    may = group == "Manager"
    shown = page(client, f"{LIST}{endpoint.pk}/change/")
    assert ("Send a test" in shown, "New secret" in shown) == (may, may)
    assert page(client, LOG)
    for button in ("test", "rotate", "replay"):
        assert client.post(f"{LIST}{endpoint.pk}/press/{button}/").status_code == (302 if may else 403)
    assert client.get(f"{LIST}add/").status_code == (200 if may else 403)
    assert len(receiver.met) == may
