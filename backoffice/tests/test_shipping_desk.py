"""The shipping desk: what is packed waits for its tracking number, the most urgent first, and two people never ship the
same order."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time

from access.confinement import confine
from api.tests.rest import make_order
from backoffice.tests.test_packing import member
from backoffice.tests.test_shipping import depot, order, platform, shipper, synced, text_of
from integrations.shipping.making import make_shipment
from integrations.shipping.queue import run_here
from integrations.shipping.rules import Package
from integrations.shipping.switching import set_policy
from integrations.tests.depot import Depot
from orders.models import DeskClaim, Order, Pick, Shipment
from orders.packing import make_list, mark_packed
from orders.risk import Risk, leaving, of_platform, set_collection
from platforms.models import Platform

__all__ = ["depot", "order", "platform", "shipper"]  # fixtures

pytestmark = pytest.mark.django_db
DESK = "/admin/shipping/"


@pytest.fixture
def packed(platform: Platform, depot: Depot) -> list[Order]:
    """Four packed orders: late, due soon, due later, and without a date; and one that is not packed."""
    now = timezone.now()
    due = {"P-1": timedelta(hours=-2), "P-2": timedelta(hours=5), "P-3": timedelta(days=3), "P-4": None}
    for name in (*due, "P-9"):
        depot.add(name, L1=2)
    synced(platform, "P-1")
    for name, span in due.items():
        Order.objects.filter(external_id=name).update(ship_by=now + span if span is not None else None)
    orders = list(Order.objects.filter(external_id__in=due).order_by("external_id"))
    make_list(orders, "ana")
    mark_packed(Pick.objects.all(), "ana")
    return orders


def at_desk(answer: Any) -> str:
    """The id of the order that is shown; "" where there is none."""
    current = answer.context.get("current")
    return current["waiting"].external_id if current else ""


def press(client: Client, order: Order, **values: Any) -> Any:
    data = {"order": order.pk, "carrier": "UPS", "tracking_number": "", **values}
    for item in order.items.all():
        data.setdefault(f"units-{item.pk}", item.quantity_left or 0)
    return client.post(DESK, data, follow=True)


def test_one_key_ships_and_the_next_one_is_there(shipper: Client, depot: Depot, packed: list[Order]) -> None:
    page = shipper.get(DESK)
    assert at_desk(page) == "P-1"
    assert "2 h late" in text_of(page)
    assert "It should have left already." in text_of(page)
    for number, each in enumerate(packed):
        page = press(shipper, each, tracking_number=f"1Z{number}")
        assert f"{each}: shipped as 1Z{number}, and waits to be sent." in text_of(page)
        assert at_desk(page) == (f"P-{number + 2}" if number < 3 else "")
    assert "Everything that is packed is shipped" in text_of(page)
    assert not DeskClaim.objects.exists()
    run_here(packed[0].platform_id)
    assert {name for name, _number in depot.truth()} == {"P-1", "P-2", "P-3", "P-4"}


def test_a_double_click_is_told_what_the_first_click_did(
    shipper: Client, depot: Depot, packed: list[Order]
) -> None:
    press(shipper, packed[0], tracking_number="1Z1")
    page = press(shipper, packed[0], tracking_number=" 1Z1")
    assert "P-1: shipped as 1Z1, and waits to be sent." in text_of(page)
    assert at_desk(page) == "P-2"
    for number in ("1Z2", ""):  # of another click, which did nothing
        page = press(shipper, packed[0], tracking_number=number)
        assert "This order does not wait at the desk any more. Nothing was shipped." in text_of(page)
    assert Shipment.objects.count() == 1


def test_a_part_keeps_the_order_at_the_desk_until_all_of_it_is_shipped(
    shipper: Client, packed: list[Order]
) -> None:
    (item,) = packed[0].items.all()
    page = press(shipper, packed[0], tracking_number="1Z1", **{f"units-{item.pk}": 1})
    assert at_desk(page) == "P-1"
    assert "1 unit is left to ship." in text_of(page)
    assert page.context["form"][f"units-{item.pk}"].value() == 1
    assert at_desk(press(shipper, packed[0], tracking_number="1Z2", **{f"units-{item.pk}": 1})) == "P-2"


def test_what_has_a_label_of_the_platform_is_not_at_the_desk_and_says_why(
    shipper: Client, platform: Platform, depot: Depot, packed: list[Order]
) -> None:
    depot.buy_label("P-1", L1=2)
    depot.buy_label("P-2", L1=1)
    for name, program in (("P-3", "FBM_SHIP_PLUS"), ("P-4", "AMAZON_EASY_SHIP")):
        depot.orders[name].programs = (program,)
        depot.orders[name].updated = depot.now()
    synced(platform, "P-1")
    page = shipper.get(DESK)
    assert at_desk(page) == "P-2"
    (item,) = packed[1].items.all()
    assert page.context["form"][f"units-{item.pk}"].value() == 1  # the other one has a label
    assert page.context["following"] == []
    for address, said in (
        (f"{packed[0].pk}/change/", "It was not confirmed from here: its label was bought from Amazon"),
        (f"{packed[0].pk}/ship/", "Amazon shows packages that were not made here: UPS TBA7."),
        (f"{packed[2].pk}/ship/", "The order is of Ship+: its label is bought from Amazon"),
        (f"{packed[3].pk}/ship/", "The order is of Easy Ship: a carrier of Amazon collects the parcel"),
    ):
        assert said in text_of(shipper.get(f"/admin/orders/order/{address}"))


def test_a_label_that_nobody_uses_is_set_aside_by_who_ships_and_the_order_is_back_at_the_desk(
    shipper: Client, platform: Platform, depot: Depot, packed: list[Order]
) -> None:
    depot.buy_label("P-1", L1=2)
    synced(platform, "P-1")
    address, button = (
        f"/admin/orders/order/{packed[0].pk}/ship/",
        "Ship it yourself all the same",
    )
    assert button in text_of(shipper.get(address))
    assert at_desk(shipper.get(DESK)) == "P-2"
    viewer = member("view", "Viewer")
    assert viewer.post(address, {"unused": "1"}).status_code == 403
    page = shipper.post(address, {"unused": "1"}, follow=True)
    assert "Nobody uses UPS TBA7: what is in it can be shipped here." in text_of(page)
    assert "Nobody uses UPS TBA7 (ship, " in text_of(page)
    assert button not in text_of(page)
    assert at_desk(shipper.get(f"{DESK}?order={packed[0].pk}", follow=True)) == "P-1"
    shown = text_of(shipper.get(f"/admin/orders/order/{packed[0].pk}/change/"))
    assert "Nobody uses this label: ship said so, " in shown
    page = shipper.post(address, {"used": "1"}, follow=True)
    assert "UPS TBA7 holds its units again." in text_of(page)
    assert "Nothing was changed." in text_of(shipper.post(address, {"used": "1"}, follow=True))
    assert button in text_of(page)


def test_what_a_scanner_reads_of_a_slip_leads_to_that_order(
    shipper: Client, platform: Platform, depot: Depot, packed: list[Order]
) -> None:
    page = press(shipper, packed[0], tracking_number="P-3")
    assert at_desk(page) == "P-3"
    assert not Shipment.objects.exists()
    depot.add("111-0000001-0000001", L1=1)
    depot.add("111-0000002-0000002", L1=1).fulfilled_by = "platform"
    synced(platform, "111-0000001-0000001")
    for code, said in (
        ("111-0000001-0000001", "it is not packed yet. Nothing was shipped."),
        ("111-0000002-0000002", "Amazon ships this order from its own stock"),
        ("111-7777777-7777777", "no such order is stored. Nothing was shipped."),
    ):
        page = press(shipper, packed[0], tracking_number=code)
        assert said in text_of(page)
        assert at_desk(page) == "P-1"
    assert not Shipment.objects.exists()


def test_a_tracking_number_that_another_order_has_needs_a_yes(shipper: Client, packed: list[Order]) -> None:
    press(shipper, packed[0], tracking_number="1Z1")
    page = press(shipper, packed[1], tracking_number=" 1Z1 ")
    assert page.status_code == 422
    assert "Order P-1 has this tracking number already. Was it scanned twice?" in text_of(page)
    assert Shipment.objects.count() == 1
    press(shipper, packed[1], tracking_number="1Z1", same_number="1")
    assert Shipment.objects.count() == 2


def test_two_people_have_different_orders_in_hand(shipper: Client, packed: list[Order]) -> None:
    ben = member("ben", "Shipper")
    assert at_desk(shipper.get(DESK)) == "P-1"
    assert at_desk(ben.get(DESK)) == "P-2"
    assert at_desk(shipper.get(DESK)) == "P-1"  # still
    page = ben.get(f"{DESK}?order={packed[0].pk}")
    assert "ship has this order in hand." in text_of(page)
    page = press(ben, packed[0], tracking_number="1Z1")
    assert "P-1: ship has it in hand. Nothing was shipped." in text_of(page)
    assert not Shipment.objects.exists()
    assert at_desk(press(ben, packed[0], take="1")) == "P-1"
    assert at_desk(shipper.get(DESK)) == "P-3"  # ben has both of the others
    press(ben, packed[0], tracking_number="1Z1")
    page = press(shipper, packed[0], tracking_number="1Z1")
    assert "This order does not wait at the desk any more. Nothing was shipped." in text_of(page)
    assert Shipment.objects.count() == 1
    DeskClaim.objects.update(until=timezone.now())
    assert at_desk(shipper.get(DESK)) == "P-2"


def test_what_is_put_off_comes_last(shipper: Client, packed: list[Order]) -> None:
    for each in packed:
        page = press(shipper, each, later="1")
    assert "Nothing else waits for you" in text_of(page)
    assert "4 orders were put off." in text_of(page)
    assert at_desk(shipper.post(DESK, {"again": "1"}, follow=True)) == "P-1"


def test_drafts_wait_there_too_and_what_came_back_says_what_to_do(
    shipper: Client, platform: Platform, depot: Depot, packed: list[Order]
) -> None:
    unpacked = Order.objects.get(external_id="P-9")
    Order.objects.filter(pk=unpacked.pk).update(ship_by=timezone.now() - timedelta(days=1))
    make_shipment(unpacked, Package(), who="ana", is_draft=True)
    page = shipper.get(DESK)
    assert at_desk(page) == "P-9"
    assert "A draft." in text_of(page)
    depot.cancel("P-9")
    assert at_desk(press(shipper, unpacked, tracking_number="1Z9")) == "P-1"
    assert Shipment.objects.get().state == "queued"
    run_here(platform.pk)
    back = text_of(shipper.get(DESK))
    assert "Came back P-9 · rejected The order is cancelled." in back
    assert "What to do: The order was cancelled. Stop the parcel if you still can." in back
    assert "Rejected 1" in back


def test_a_draft_of_a_packed_order_says_who_packed_it(shipper: Client, packed: list[Order]) -> None:
    make_shipment(packed[0], Package(), who="ben", is_draft=True)
    page = shipper.get(DESK)
    assert at_desk(page) == "P-1"
    assert "Packed by ana. A draft." in text_of(page)


def test_a_draft_of_an_order_that_was_shipped_meanwhile_says_so_and_goes(
    shipper: Client, platform: Platform, packed: list[Order]
) -> None:
    unpacked = Order.objects.get(external_id="P-9")
    Order.objects.filter(pk=unpacked.pk).update(ship_by=timezone.now() - timedelta(days=1))
    draft = make_shipment(unpacked, Package(tracking_number="1Z9"), who="ana", is_draft=True)
    Order.objects.filter(pk=unpacked.pk).update(status="shipped")
    unpacked.items.update(quantity_shipped=2, quantity_left=0)
    for page in (shipper.get(DESK), shipper.get(f"/admin/orders/shipment/{draft.pk}/change/")):
        assert "All of the order is shipped already." in text_of(page)
        assert 'name="tracking_number"' not in page.content.decode()  # there is nothing to enter
    assert at_desk(shipper.get(DESK)) == "P-9"
    assert "It should have left already." not in text_of(shipper.get(DESK))
    assert at_desk(shipper.post(DESK, {"order": unpacked.pk, "later": "1"}, follow=True)) == "P-1"
    act = f"/admin/orders/shipment/{draft.pk}/act/"
    page = shipper.post(act, {"action": "cancel", "next": DESK}, follow=True)
    assert "The draft is deleted." in text_of(page)
    assert at_desk(page) == "P-1"


def test_an_order_that_waits_no_more_leads_to_the_next_one(shipper: Client, packed: list[Order]) -> None:
    """The page of before, to which the button of the browser leads back."""
    press(shipper, packed[0], tracking_number="1Z0")
    page = shipper.get(DESK, {"order": packed[0].pk}, follow=True)
    assert "This order does not wait at the desk any more." in text_of(page)
    assert at_desk(page) == "P-2"
    assert at_desk(shipper.get(DESK, {"order": "nonsense"}, follow=True)) == "P-2"


def test_what_one_has_in_hand_is_not_called_somebodys(shipper: Client, packed: list[Order]) -> None:
    shipper.get(DESK)
    page = shipper.get(DESK, {"order": packed[1].pk})
    assert at_desk(page) == "P-2"
    assert "has it" not in text_of(page)


def test_what_came_back_for_one_reason_is_explained_once(
    shipper: Client, platform: Platform, depot: Depot, packed: list[Order]
) -> None:
    for number, each in enumerate(packed[:3]):
        make_shipment(each, Package(carrier="UPS", tracking_number=f"1Z{number}"), who="ana")
        depot.cancel(each.external_id)
    run_here(platform.pk)
    back = text_of(shipper.get(DESK))
    assert "Came back P-3 , P-2 , P-1 · rejected The order is cancelled." in back
    assert back.count("What to do: The order was cancelled.") == 1


def test_the_desk_is_of_platforms_that_are_written_to_and_of_those_who_ship(
    shipper: Client, platform: Platform, packed: list[Order]
) -> None:
    assert member("vera", "Viewer").get(DESK).status_code == 403
    assert press(member("olga", "Operator"), packed[0], tracking_number="1Z1").status_code == 403
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    page = shipper.get(DESK)
    assert at_desk(page) == ""
    assert "OMS writes to no platform" in text_of(page)
    set_policy(platform, mode="rehearsal", hourly_limit=0, who="manager")
    for number, each in enumerate(packed):
        page = press(shipper, each, tracking_number=f"1Z{number}")
    assert "Everything that is packed is shipped" in text_of(
        page
    )  # once rehearsed, an order does not come again
    assert Shipment.objects.filter(is_rehearsal=True).count() == 4


def test_risk_goes_by_the_collections_of_the_carrier(
    shipper: Client, platform: Platform, packed: list[Order]
) -> None:
    """It is Friday, 10:00 in Berlin; the carrier comes on workdays at 17:00 there."""
    set_collection(platform, at=time(17), days="12345", zone="Europe/Berlin")
    due = {
        "P-1": datetime(2026, 3, 27, 12, tzinfo=UTC),  # 13:00 there
        "P-2": datetime(2026, 3, 27, 22, tzinfo=UTC),
        "P-3": datetime(2026, 3, 30, 12, tzinfo=UTC),  # Monday noon; the clock has changed meanwhile
        "P-4": datetime(2026, 3, 30, 15, 30, tzinfo=UTC),
    }
    for name, ship_by in due.items():
        Order.objects.filter(external_id=name).update(ship_by=ship_by)
    with freeze_time("2026-03-27T09:00:00Z"):
        found = of_platform(leaving(None, timezone.now()), platform.pk)
        assert [found.next, found.following] == [
            datetime(2026, 3, 27, 16, tzinfo=UTC), datetime(2026, 3, 30, 15, tzinfo=UTC),
        ]  # fmt: skip
        assert [found.risk(moment) for moment in due.values()] == [
            Risk.MISSES,
            Risk.DUE,
            Risk.DUE,
            Risk.LATER,
        ]
        client = member("paul", "Shipper")
        page = client.get(DESK)
        assert "It will be late: the carrier comes 27 Mar 16:00, after the time it has to leave." in text_of(
            page
        )
        assert "(27 Mar 05:00, Los Angeles)" in text_of(page)
        assert [each["count"] for each in page.context["risks"]] == [0, 1, 2, 1]
        for risk, names in (
            ("misses", ["P-1"]),
            ("due", ["P-2", "P-3"]),
            ("later", ["P-4"]),
            ("unknown", ["P-9"]),
        ):
            listed = client.get(f"/admin/orders/order/?risk={risk}").context["cl"].result_list
            assert [str(each) for each in listed] == names
        assert len(client.get("/admin/orders/order/?packed=waiting").context["cl"].result_list) == 4


def test_the_desk_asks_as_many_questions_however_much_waits(
    shipper: Client, platform: Platform, depot: Depot, packed: list[Order], django_assert_max_num_queries: Any
) -> None:
    shipper.get(DESK)
    with django_assert_max_num_queries(38):
        shipper.get(DESK)


def test_packed_orders_of_others_take_no_place_in_a_readers_list(
    packed: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.orders.filters.MOST_PACKED", len(packed))
    own = make_order(
        "222-1", platform=Platform.objects.create(name="another"), status="unshipped", fulfilled_by="merchant"
    )
    item = own.items.get()
    item.quantity_ordered = item.quantity_left = 1
    item.save()
    make_list([own], "ben")
    mark_packed(Pick.objects.filter(order=own), "ben")
    viewer = member("vera", "Viewer")
    confine(User.objects.get(username="vera"), [own.platform_id])
    found = viewer.get("/admin/orders/order/", {"packed": "waiting"}).context["cl"].queryset
    assert list(found) == [own]
