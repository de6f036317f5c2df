"""Shipping in the admin: an order is shipped, its packages say how far they are, and what to do about those that are
refused."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access.confinement import confine
from audit.models import AuditEntry
from backoffice.alerts.conditions import Kind, evaluate
from backoffice.tests.test_packing import member
from integrations.models import OutboxEntry, SyncLog
from integrations.registry import CHANNELS
from integrations.shipping.making import make_shipment
from integrations.shipping.policy import policy_of, writing_stop
from integrations.shipping.queue import run_here
from integrations.shipping.rules import Package
from integrations.shipping.switching import set_policy, stop_writing
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.depot import Depot, channel
from orders.models import Order, Shipment
from platforms.models import Platform

pytestmark = pytest.mark.django_db
State = Shipment.State
TRACKED = {"carrier": "UPS", "tracking_number": "1Z999", "service": "", "carrier_name": "", "shipped_at": ""}


@pytest.fixture
def platform() -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "somebody"}
    platform.save()
    set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    return platform


@pytest.fixture
def depot(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Depot:
    depot = Depot()
    monkeypatch.setitem(CHANNELS, "amazon", channel(depot))
    return depot


@pytest.fixture
def order(depot: Depot, platform: Platform) -> Order:
    """Two lines, of 2 and 3 units."""
    depot.add("A-1", L1=2, L2=3)
    return synced(platform, "A-1")


@pytest.fixture
def shipper(db: None) -> Client:
    return member("ship", "Shipper")


def synced(platform: Platform, external_id: str) -> Order:
    log = request_sync(platform=platform, kind="orders", trigger=SyncLog.Trigger.COMMAND).log
    assert run_sync(log.pk).status == SyncLog.Status.SUCCEEDED
    return Order.objects.get(external_id=external_id)


def text_of(answer: Any) -> str:
    """What a person reads: messages and the content of the page."""
    html = answer.content.decode()
    html = re.sub(r"<(script|style|select).*?</\1>|<[^>]+>", " ", html[html.index('id="main"') :], flags=re.S)
    return unescape(" ".join(html.split()))


def page_of(row: Order | Shipment) -> str:
    return f"/admin/orders/{row._meta.model_name}/{row.pk}/change/"


def units(order: Order, *amounts: int) -> dict[str, int]:
    return {
        f"units-{item.pk}": amount
        for item, amount in zip(order.items.order_by("external_id"), amounts, strict=True)
    }


def ship(client: Client, order: Order, *amounts: int, **values: Any) -> Any:
    data = {**TRACKED, **units(order, *(amounts or (2, 3))), **values}
    return client.post(f"/admin/orders/order/{order.pk}/ship/", data, follow=True)


def act(client: Client, shipment: Shipment, action: str, **values: Any) -> Any:
    return client.post(
        f"/admin/orders/shipment/{shipment.pk}/act/", {"action": action, **values}, follow=True
    )


def test_an_order_is_shipped_in_parts_and_each_package_says_how_far_it_is(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    form = shipper.get(f"/admin/orders/order/{order.pk}/ship/")
    filled = {f"units-{item.pk}": item.quantity_left for item in order.items.all()}
    assert {name: form.context["form"][name].value() for name in filled} == filled
    assert "Ship" in text_of(shipper.get(page_of(order)))
    page = ship(shipper, order, 2, 0)
    assert page.redirect_chain[-1][0] == page_of(order)
    assert "A-1: shipped as 1Z999, and waits to be sent." in text_of(page)
    assert "2 × SKU-1" in text_of(page)
    run_here(platform.pk)
    assert "Amazon took it" in text_of(shipper.get(page_of(order)))
    synced(platform, "A-1")
    page = text_of(shipper.get(page_of(order)))
    assert "Amazon shows this package. Seen" in page
    assert page.count("UPS 1Z999 Copy") == 1  # though both it and the package that Amazon shows have it
    form = shipper.get(f"/admin/orders/order/{order.pk}/ship/").context["form"]
    assert form.initial["carrier"] == "UPS"
    assert [str(item) for item, _field, _most in form.lines] == ["SKU-2"]
    ship(shipper, order, 0, 3, tracking_number="1Z998", carrier="Other", carrier_name="Bike & Co")
    assert {each.carrier_name for each in Shipment.objects.all()} == {"", "Bike & Co"}
    run_here(platform.pk)
    order = synced(platform, "A-1")
    page = text_of(shipper.get(page_of(order)))
    assert "Bike & Co 1Z998" in page
    assert shipper.get(page_of(order)).context["can_ship"] is False
    depot.add("A-2", L1=1)
    depot.ship_elsewhere("A-2")
    assert "shown by Amazon" in text_of(shipper.get(page_of(synced(platform, "A-2"))))
    where = text_of(shipper.get("/admin/where/?id=A-1"))
    assert where.count("Amazon shows this package.") == 2


@pytest.mark.parametrize(
    ("values", "amounts", "said"),
    [
        ({"tracking_number": ""}, (2, 3), "The tracking number is missing."),
        ({"carrier": ""}, (2, 3), "Say which carrier has the package."),
        ({"carrier": "Other"}, (2, 3), "the carrier's name is needed, too."),
        ({}, (3, 3), "Of SKU-1, 2 are left to ship, and not 3."),
        ({}, (0, 0), "Nothing is in the package."),
        ({"shipped_at": "2024-01-01T10:00"}, (2, 3), "The ship time is before"),
        ({"shipped_at": "next week"}, (2, 3), "Enter a valid date/time."),
    ],
)
def test_a_package_that_cannot_be_sent_is_refused_at_its_field_and_nothing_is_lost(
    shipper: Client, order: Order, values: dict[str, str], amounts: tuple[int, int], said: str
) -> None:
    page = ship(shipper, order, *amounts, service="Ground", **values)
    assert page.status_code == 422
    assert said in text_of(page)
    html = page.content.decode()
    assert 'value="Ground"' in html
    named = " ".join(re.findall(r'aria-describedby="([^"]+)"', html)).split()
    assert set(named) <= set(re.findall(r' id="([^"]+)"', html))  # so that a screen reader says why
    assert not Shipment.objects.exists()


def test_a_buyer_who_asks_to_cancel_needs_an_explicit_yes(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    depot.orders["A-1"].wants_cancelling = True
    depot.orders["A-1"].updated = depot.now()
    order = synced(platform, "A-1")
    assert "The buyer asks to cancel this order." in text_of(ship(shipper, order))
    assert not Shipment.objects.exists()
    ship(shipper, order, ships_despite_cancellation="on")
    assert Shipment.objects.get().despite_cancellation


def test_an_order_that_the_platform_ships_says_so(shipper: Client, platform: Platform, depot: Depot) -> None:
    depot.add("A-9", L1=1).fulfilled_by = "platform"
    order = synced(platform, "A-9")
    why = "Amazon ships this order from its own stock; it takes no shipment from the seller."
    assert why in text_of(shipper.get(page_of(order)))
    assert why in text_of(shipper.get(f"/admin/orders/order/{order.pk}/ship/"))
    assert ship(shipper, order, 1).status_code == 200
    assert not Shipment.objects.exists()


def test_a_draft_is_kept_completed_and_shipped_or_given_up(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    assert "Writing to platform Amazon is off" in text_of(
        shipper.get(f"/admin/orders/order/{order.pk}/ship/")
    )
    assert "Writing to platform Amazon is off" in text_of(ship(shipper, order))  # the button is not there
    page = ship(shipper, order, 1, 0, tracking_number="", carrier="", draft="1")
    assert "is kept, and not sent" in text_of(page)
    draft = Shipment.objects.get()
    assert "Nothing is sent before somebody ships it." in text_of(shipper.get(page_of(draft)))
    set_policy(platform, mode="live", hourly_limit=10, who="manager")
    data = TRACKED | units(order, 2, 1)
    assert "The draft is kept" in text_of(act(shipper, draft, "correct", **data))
    assert act(shipper, draft, "send", **data | {"carrier": ""}).status_code == 422
    assert "The shipment waits to be sent." in text_of(act(shipper, draft, "send", **data))
    run_here(platform.pk)
    assert depot.truth() == {("A-1", "1001"): ("1Z999", {"1": 2, "2": 1})}
    ship(shipper, order, 0, 2, draft="1")
    second = Shipment.objects.latest("pk")
    assert "The draft is deleted." in text_of(act(shipper, second, "cancel"))
    assert [number for _order, number in depot.truth()] == ["1001"]
    refused = act(shipper, Shipment.objects.earliest("pk"), "cancel")
    assert "It can be corrected, not cancelled." in text_of(refused)


def test_what_was_rejected_says_what_to_do_and_can_be_corrected(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    ship(shipper, order)
    depot.cancel("A-1")
    run_here(platform.pk)
    shipment = Shipment.objects.get()
    page = text_of(shipper.get(page_of(shipment)))
    assert "rejected" in page
    assert "The order is cancelled." in page
    assert "Stop the parcel if you still can." in page
    assert "What to do: The order was cancelled." in text_of(shipper.get(page_of(order)))
    assert "Empty: as it is." in page  # of the time, in the form that corrects it
    depot.orders["A-1"].is_cancelled = False
    assert "sent again, under its number" in text_of(act(shipper, shipment, "retry"))
    run_here(platform.pk)
    act(shipper, shipment, "correct", **TRACKED | {"tracking_number": "1Z111"})
    run_here(platform.pk)
    assert depot.truth() == {("A-1", "1001"): ("1Z111", {"1": 2, "2": 3})}
    assert "Nothing is different" in text_of(
        act(shipper, shipment, "correct", **TRACKED | {"tracking_number": "1Z111"})
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("not_shown", "does not show the package. What to do: Look at the order on Amazon."),
        ("not_read", "no sync has read the orders since. What to do: See why the syncs"),
        ("vanished", "Amazon showed this package, and does not any more. What to do: Look at the order"),
        ("shown_otherwise", "Amazon shows this package otherwise: 100%OTHER, units: 2."),
        (
            "timeout",
            "Nobody knows whether Amazon has it. No answer. What to do: Look at the order on Amazon.",
        ),
    ],
)
def test_each_way_of_being_unverified_has_its_sentence(
    shipper: Client, order: Order, code: str, said: str
) -> None:
    shipment = make_shipment(order, Package(carrier="UPS", tracking_number="1Z"), who="ship")
    Shipment.objects.filter(pk=shipment.pk).update(
        state=State.UNVERIFIED, error_code=code, error_message="No answer.", sent_at=timezone.now(),
        shown={"tracking_number": "100%OTHER", "lines": {"1": 2}},
    )  # fmt: skip
    assert said in text_of(shipper.get(page_of(shipment)))
    assert said in text_of(shipper.get(page_of(order)))


def test_a_ship_time_that_nobody_touches_stays_as_it_is(shipper: Client, order: Order) -> None:
    ship(shipper, order)
    shipment = Shipment.objects.get()
    shipped_at = timezone.now().replace(second=42, microsecond=0)
    Shipment.objects.update(shipped_at=shipped_at)
    page = shipper.get(page_of(shipment))
    shown: dict[str, Any] = {field.name: field.value() or "" for field in page.context["form"]}
    shown["shipped_at"] = shown["shipped_at"].strftime("%Y-%m-%dT%H:%M")  # as browsers show it, and send it
    assert "Nothing is different from what the shipment says" in text_of(
        act(shipper, shipment, "correct", **shown)
    )
    act(shipper, shipment, "correct", **shown | {"tracking_number": "1Z888"})
    shipment.refresh_from_db()
    assert (shipment.tracking_number, shipment.shipped_at) == ("1Z888", shipped_at)


def test_what_waits_says_why(shipper: Client, platform: Platform, order: Order) -> None:
    ship(shipper, order)
    assert "It waits to be sent." in text_of(shipper.get(page_of(order)))
    set_policy(platform, mode="off", hourly_limit=5, who="manager")
    assert "It waits: writing to platform Amazon is off." in text_of(shipper.get(page_of(order)))
    stop_writing(who="boss", reason="Wrong numbers.")
    page = text_of(shipper.get(page_of(Shipment.objects.get())))
    assert "All writing to platforms was stopped by boss" in page
    assert "Wrong numbers." in page


def test_a_viewer_sees_how_far_packages_are_and_may_do_nothing(order: Order) -> None:
    shipment = make_shipment(order, Package(carrier="UPS", tracking_number="1Z999"), who="ship")
    viewer = member("vera", "Viewer")
    page = text_of(viewer.get(page_of(order)))
    assert "1Z999" in page
    assert "Ship this draft" not in page
    assert "order/ship" not in viewer.get(page_of(order)).content.decode()
    assert "Correct" not in text_of(viewer.get(page_of(shipment)))
    assert viewer.get(f"/admin/orders/order/{order.pk}/ship/").status_code == 403
    assert ship(viewer, order).status_code == 403
    for action in ("send", "correct", "retry", "cancel"):
        assert act(viewer, shipment, action, **TRACKED).status_code == 403
    assert Shipment.objects.count() == 1
    assert OutboxEntry.objects.count() == 1


def test_the_list_finds_shipments_and_writes_them_into_a_file(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    ship(shipper, order, 1, 0)
    ship(shipper, order, 1, 0, tracking_number="1Z222", carrier="DHL")
    run_here(platform.pk)
    ship(shipper, order, 0, 1, tracking_number="1Z333")
    Shipment.objects.filter(tracking_number="1Z222").update(made_at=timezone.now() - timedelta(days=40))
    address = "/admin/orders/shipment/"

    def listed(query: str = "", client: Client = shipper) -> list[str]:
        page = client.get(f"{address}?{query}")
        assert page.status_code == 200
        return [str(each) for each in page.context["cl"].result_list]

    assert listed() == ["1Z333", "1Z222", "1Z999"]
    assert listed("q=1Z222") == ["1Z222"]
    assert listed("q=A-1") == ["1Z333", "1Z222", "1Z999"]
    assert listed("q=nothing") == []
    assert listed("state__in=queued") == ["1Z333"]
    assert listed("carrier=DHL&state__in=sent") == ["1Z222"]
    assert listed("made_at_in=today") == ["1Z333", "1Z999"]
    assert listed("made_at_to=2020-01-01") == []
    assert listed(f"platform__id__exact={platform.pk}&state__in=sent,queued") == ["1Z333", "1Z222", "1Z999"]
    answer = shipper.get(f"{address}export/shipments.csv?state__in=sent")
    rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(rows) == 3
    assert "1Z222" in rows[1] + rows[2]


def test_a_carrier_with_a_code_is_sent_without_the_name_of_the_one_before(
    shipper: Client, platform: Platform, order: Order
) -> None:
    ship(shipper, order, carrier="Other", carrier_name="Kurier Meier")
    shipment = Shipment.objects.get()
    assert (shipment.carrier, shipment.carrier_name) == ("Other", "Kurier Meier")
    # The field of the name is not shown with UPS, and is sent as it was.
    act(shipper, shipment, "correct", **TRACKED | {"carrier": "UPS", "carrier_name": "Kurier Meier"})
    content = OutboxEntry.objects.latest("pk").content
    assert (content["carrier"], content["carrier_name"]) == ("UPS", "")


def test_carriers_of_packages_that_were_refused_are_not_suggested(
    shipper: Client, platform: Platform, order: Order
) -> None:
    def made(count: int, state: str, carrier: str) -> None:
        first = order.shipments.count() + 2001
        Shipment.objects.bulk_create(
            Shipment(
                order=order, platform=platform, source="live", is_rehearsal=True,
                package_number=first + number, state=state, carrier=carrier,
            )
            for number in range(count)
        )  # fmt: skip

    def suggested() -> tuple[str, list[str]]:
        form = shipper.get(f"/admin/orders/order/{order.pk}/ship/").context["form"]
        last = [codes for name, codes in form.fields["carrier"].widget.choices if name == "Used last"]
        return form["carrier"].value(), [code for codes in last for code, _label in codes]

    made(1, "confirmed", "DHL")
    for state in ("rejected", "cancelled", "draft", "unverified"):
        made(1, state, "UPS")
    assert suggested() == ("DHL", ["DHL"])
    made(100, "rejected", "UPS")  # as many as are looked at first
    assert suggested() == ("DHL", ["DHL"])
    made(1, "queued", "UPS")
    assert suggested() == ("UPS", ["UPS"])


def test_a_number_of_a_platform_that_he_does_not_see_hides_nothing_from_him(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    ship(shipper, order)
    other = Platform.objects.create(name="other", kind="amazon")
    hidden = Order.objects.create(
        platform=other,
        external_id="B-1",
        purchased_at=timezone.now(),
        platform_updated_at=timezone.now(),
        synced_at=timezone.now(),
        source="live",
        status="unshipped",
    )
    Shipment.objects.create(
        order=hidden, platform=other, package_number=1001, source="live", tracking_number="A-1"
    )
    confine(User.objects.get(username="ship"), [platform.pk])
    page = shipper.get("/admin/orders/shipment/?q=A-1")
    assert [str(each) for each in page.context["cl"].result_list] == ["1Z999"]


def switch(client: Client, platform: Platform, mode: str, **values: Any) -> Any:
    data = {"mode": mode, "hourly_limit": "50", **values}
    return client.post(f"/admin/platforms/platform/{platform.pk}/writing/", data, follow=True)


def test_writing_is_off_until_a_manager_has_read_what_it_means(
    shipper: Client, platform: Platform, depot: Depot, order: Order, settings: Any
) -> None:
    settings.CONFIRM_AGAIN_MINUTES = 0
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    manager, viewer = member("mona", "Manager"), member("vera", "Viewer")
    tab = f"/admin/platforms/platform/{platform.pk}/change/?tab=shipping"
    page = text_of(manager.get(tab))
    assert "Amazon then tells the buyer, and charges. What was sent can be corrected, not taken back." in page
    assert "I have read what writing means" in page
    assert "A manager can change it." in text_of(viewer.get(tab))
    for client in (viewer, shipper):
        assert switch(client, platform, "live", understood="1").status_code == 403
    assert "say that you have read what writing means" in text_of(switch(manager, platform, "live"))
    refused = switch(manager, platform, "live", understood="1", hourly_limit="")
    assert "say how many shipments may be sent in an hour" in text_of(refused)
    assert policy_of(platform).mode == "off"
    assert "Writing to platform Amazon: rehearsal." in text_of(switch(manager, platform, "rehearsal"))
    assert "rehearsal of 1Z999. Nothing is sent." in text_of(ship(shipper, order))
    run_here(platform.pk)
    page = text_of(manager.get(tab))
    assert "What would have been sent" in page
    assert "Tracking number 1Z999" in page
    assert "Contents 2 × SKU-1, 3 × SKU-2" in page
    assert "Writing to platform Amazon: on." in text_of(switch(manager, platform, "live", understood="1"))
    run_here(platform.pk)
    assert not depot.told  # what was rehearsed is never sent
    entry = AuditEntry.objects.filter(action="writing.changed").latest("pk")
    assert (entry.actor, entry.changes) == ("mona", {"mode": ["rehearsal", "live"]})


def test_one_switch_stops_all_writing_and_every_page_says_so(
    shipper: Client, platform: Platform, depot: Depot, order: Order, settings: Any
) -> None:
    settings.CONFIRM_AGAIN_MINUTES = 0
    manager, viewer = member("mona", "Manager"), member("vera", "Viewer")
    for client in (viewer, shipper):
        assert client.post("/admin/writing/", {"stop": "1"}).status_code == 403
    confine(User.objects.get(username="mona"), [platform.pk])
    assert (
        manager.post("/admin/writing/", {"stop": "1"}).status_code == 403
    )  # others' platforms would be stopped, too
    confine(User.objects.get(username="mona"), [])
    manager.post("/admin/writing/", {"stop": "1", "reason": "Wrong\0file."})
    assert "\0" not in writing_stop().reason  # PostgreSQL would not store it, and nothing would be stopped
    ship(shipper, order)
    run_here(platform.pk)
    assert not depot.told
    said = "All writing to platforms is stopped: by mona"
    for address in ("/admin/", "/admin/orders/order/", page_of(order), "/admin/writing/", "/admin/shipping/"):
        assert said in text_of(shipper.get(address)), address
    home = text_of(shipper.get("/admin/"))
    assert "Writing stopped while shipments wait" in home
    assert "1 shipment waits to be sent." in home
    assert "Let writing go on" not in text_of(viewer.get("/admin/writing/"))
    manager.post("/admin/writing/", {"resume": "1"})
    run_here(platform.pk)
    assert len(depot.told) == 1
    assert said not in text_of(shipper.get("/admin/"))


def test_home_and_alerts_tell_of_what_came_back_and_of_what_waits(
    shipper: Client, platform: Platform, depot: Depot, order: Order
) -> None:
    told_of = (Kind.REJECTED, Kind.UNVERIFIED, Kind.UNSENT, Kind.WRITING)
    assert not [condition for condition in evaluate() if condition.kind in told_of]
    ship(shipper, order, 1, 0)
    ship(shipper, order, 1, 0, tracking_number="1Z2")
    ship(shipper, order, 0, 1, tracking_number="1Z3")
    first, second, third = Shipment.objects.order_by("pk")
    Shipment.objects.filter(pk=first.pk).update(state=State.REJECTED, error_code="refused")
    Shipment.objects.filter(pk=second.pk).update(state=State.UNVERIFIED, error_code="not_shown")
    Shipment.objects.filter(pk=third.pk).update(queued_at=timezone.now() - timedelta(hours=2))
    home = text_of(shipper.get("/admin/"))
    assert "Shipments rejected: 1 – the platform did not take them" in home
    assert "Shipments unverified: 1" in home
    assert "Shipments not sent" in home
    assert "See whether the workers run." in home
    kinds = [condition.kind.value for condition in evaluate() if condition.kind in told_of]
    assert kinds == ["rejected", "unverified", "unsent"]
