"""Many orders are shipped at once: a verdict for each, one button for all, and what cannot be shipped says why."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from backoffice.shipping import many
from backoffice.tests.test_packing import member
from backoffice.tests.test_shipping import depot, platform, shipper, synced, text_of
from integrations.shipping.queue import run_here
from integrations.shipping.switching import set_policy
from integrations.tests.depot import Depot
from orders.models import Order, Shipment
from platforms.models import Platform

__all__ = ["depot", "platform", "shipper"]  # fixtures

pytestmark = pytest.mark.django_db
MANY, LIST = "/admin/shipping/orders/", "/admin/orders/order/"


@pytest.fixture
def orders(platform: Platform, depot: Depot) -> dict[str, Order]:
    """Four to ship, and four that cannot be shipped, each for another reason."""
    for name in ("M-1", "M-2", "M-3", "M-4", "FBA", "GONE", "DONE", "ASKED"):
        depot.add(name, L1=2, L2=1)
    depot.orders["FBA"].fulfilled_by = "platform"
    depot.orders["ASKED"].wants_cancelling = True
    depot.cancel("GONE")
    depot.ship_elsewhere("DONE")
    synced(platform, "M-1")
    return {order.external_id: order for order in Order.objects.order_by("pk")}


def choose(client: Client, orders: list[Order], **values: Any) -> Any:
    data = {"action": "ship_orders", "_selected_action": [order.pk for order in orders], **values}
    return client.post(LIST, data, follow=True)


def enter(client: Client, orders: dict[str, Order], numbers: dict[str, str], **values: Any) -> Any:
    data = {"orders": ",".join(str(order.pk) for order in orders.values()), "carrier": "UPS", **values}
    return client.post(
        MANY, data | {f"tracking_number-{orders[name].pk}": at for name, at in numbers.items()}
    )


def on_page(page: Any) -> list[tuple[str, str]]:
    return [(line.order.external_id, line.problem) for line in page.context["lines"]]


def test_a_selection_is_shipped_and_what_cannot_be_says_why(
    shipper: Client, platform: Platform, depot: Depot, orders: dict[str, Order]
) -> None:
    page = choose(shipper, list(orders.values()))
    assert page.redirect_chain[-1][0].startswith(f"{MANY}?orders=")
    assert {name for name, _problem in on_page(page)} == {"M-1", "M-2", "M-3", "M-4"}
    reasons = {order.external_id: each.text for each in page.context["left_out"] for order in each.orders}
    assert reasons == {
        "FBA": "Amazon ships this order from its own stock; it takes no shipment from the seller.",
        "GONE": "The order is cancelled. Do not ship it.",
        "DONE": "All of the order is shipped already, and not from here: UPS OTHER. The label was bought from Amazon, "
        "or somebody confirmed the package elsewhere; Amazon does not say which.",
        "ASKED": "The buyer asks to cancel this order. Cancel it on Amazon, or say that it is shipped all the same.",
    }
    assert all(reason in text_of(page) for reason in reasons.values())
    assert {line.contents for line in page.context["lines"]} == {"2 × SKU-1, 1 × SKU-2"}

    numbers = {"M-1": "1Z1", "M-2": " 1Z2\t", "M-3": "1Z3"}
    wrong = {f"carrier-{orders['M-3'].pk}": "Pigeon"}
    page = enter(shipper, orders, numbers, check="1", **wrong)
    assert not Shipment.objects.exists()
    good = {line.order.external_id for line in page.context["lines"] if line.is_good}
    assert good == {"M-1", "M-2"}
    page = enter(shipper, orders, {**numbers, "FBA": "1Z9"}, ship="1", service="Ground", **wrong)
    assert "2 orders were shipped." in text_of(page)
    assert dict(on_page(page)).keys() == {"M-3", "M-4"}
    assert "Amazon knows no carrier Pigeon." in dict(on_page(page))["M-3"]
    assert {(each.order.external_id, each.tracking_number, each.service, each.made_by)
            for each in Shipment.objects.all()} == {
        ("M-1", "1Z1", "Ground", "ship"), ("M-2", "1Z2", "Ground", "ship"),
    }  # fmt: skip
    again = enter(shipper, orders, numbers, ship="1", **wrong)  # the button was pressed twice
    assert Shipment.objects.count() == 2
    assert [(line.order.external_id, line.is_known) for line in again.context["made"]] == [
        ("M-1", True), ("M-2", True),
    ]  # fmt: skip
    run_here(platform.pk)
    assert {name for name, _number in depot.truth()} == {"M-1", "M-2", "DONE"}


def test_a_part_of_an_order_is_shipped_and_pressed_twice_only_once(
    shipper: Client, platform: Platform, depot: Depot, orders: dict[str, Order]
) -> None:
    first, second = orders["M-1"].items.order_by("sku")
    part = {f"units-{first.pk}": "1", f"units-{second.pk}": "0"}
    for _press in range(2):
        page = enter(shipper, orders, {"M-1": "1Z1", "M-2": "1Z2"}, ship="1", **part)
    assert {
        shipment.order.external_id: {line.item_external_id: line.quantity for line in shipment.lines.all()}
        for shipment in Shipment.objects.all()
    } == {"M-1": {"1": 1}, "M-2": {"1": 2, "2": 1}}
    page = enter(
        shipper, orders, {"M-1": "1Z9"}, ship="1", **{f"units-{first.pk}": "1", f"units-{second.pk}": "1"}
    )
    assert Shipment.objects.get(tracking_number="1Z9").lines.count() == 2
    assert page.context["made"][0].rest == 0

    both = [f"units-{item.pk}" for item in orders["M-3"].items.order_by("sku")]
    for entered, said in (
        (("3", "1"), "Of SKU-1, 2 are left to ship, and not 3."),
        (("1.5", "1"), "Of SKU-1, the quantity must be a whole number above 0."),
        (("-1", "0"), "Of SKU-1, the quantity must be a whole number above 0."),
        (("0", ""), "Nothing is in the package."),
    ):
        page = enter(shipper, orders, {"M-3": "1Z3"}, ship="1", **dict(zip(both, entered, strict=True)))
        assert dict(on_page(page))["M-3"] == said
        [line] = [line for line in page.context["lines"] if line.order.external_id == "M-3"]
        assert [units.entered for units in line.units] == list(entered)
    page = enter(shipper, orders, {"M-3": "1Z3"}, ship="1", **dict(zip(both, ("1", "0"), strict=True)))
    assert "2 units are left to ship." in text_of(page)
    run_here(platform.pk)
    assert depot.truth()["M-3", "1001"] == ("1Z3", {"1": 1})


def test_one_number_for_two_orders_needs_a_yes(
    shipper: Client, platform: Platform, orders: dict[str, Order]
) -> None:
    numbers = {"M-1": "1Z1", "M-2": "1Z1", "M-3": "1Z3"}
    page = enter(shipper, orders, numbers, ship="1")
    problems = dict(on_page(page))
    assert problems["M-1"] == "Order M-2 has this tracking number already. Was it scanned twice?"
    assert problems["M-2"] == "Order M-1 has this tracking number already. Was it scanned twice?"
    assert [each.order.external_id for each in Shipment.objects.all()] == ["M-3"]
    meant = {f"same-{orders[name].pk}": "1" for name in ("M-1", "M-2")}
    enter(shipper, orders, {"M-1": "1Z1", "M-2": "1Z1"}, ship="1", **meant)
    assert Shipment.objects.filter(tracking_number="1Z1").count() == 2
    page = enter(shipper, orders, {"M-4": "1Z3"}, ship="1")  # of one that is stored
    assert "Order M-3 has this tracking number already." in dict(on_page(page))["M-4"]
    assert Shipment.objects.count() == 3


def test_all_of_a_filter_is_taken_up_to_a_bound_that_is_said(
    shipper: Client, orders: dict[str, Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "MOST", 3)
    page = choose(shipper, [orders["M-1"]], select_across="1")
    assert "No more than 3 orders are shipped at once: these are the first of the selection." in text_of(page)
    assert len(page.context["lines"]) + sum(len(each.orders) for each in page.context["left_out"]) == 3


def test_a_reason_of_many_orders_is_said_once(shipper: Client, orders: dict[str, Order]) -> None:
    Order.objects.filter(external_id__in=("M-1", "M-2", "M-3")).update(status="cancelled")
    page = choose(shipper, list(orders.values()))
    most = page.context["left_out"][0]
    assert {str(order) for order in most.orders} == {"M-1", "M-2", "M-3", "GONE"}
    shown = text_of(page)
    assert shown.count("The order is cancelled. Do not ship it.") == 1
    assert "7 orders cannot be shipped here" in shown
    assert f"4 orders: {', '.join(map(str, most.orders))}" in " ".join(shown.replace(" ,", ",").split())


def test_what_was_shipped_elsewhere_is_one_reason_with_its_packages(
    shipper: Client, platform: Platform, depot: Depot, orders: dict[str, Order]
) -> None:
    for number, name in enumerate(("M-1", "M-2", "M-3", "M-4")):
        depot.ship_elsewhere(name)
        depot.orders[name].packages["1"] = replace(
            depot.orders[name].packages["1"], tracking_number=f"1Z{number}"
        )
    synced(platform, "M-1")
    page = choose(shipper, list(orders.values()))
    most = page.context["left_out"][0]
    assert {str(order) for order in most.orders} == {"M-1", "M-2", "M-3", "M-4", "DONE"}
    assert most.text.count("UPS") == 3
    assert "…. The label was bought from Amazon" in most.text
    assert text_of(page).count("All of the order is shipped already") == 1


def test_it_says_what_writing_is_set_to_and_asks_for_the_permission(
    shipper: Client, platform: Platform, depot: Depot, orders: dict[str, Order]
) -> None:
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    page = choose(shipper, [orders["M-1"]])
    assert page.context["lines"] == []
    assert "Writing to platform Amazon is off: OMS only reads from it." in text_of(page)
    set_policy(platform, mode="rehearsal", hourly_limit=0, who="manager")
    assert "rehearsed" in text_of(enter(shipper, orders, {"M-1": "1Z1"}, ship="1"))
    run_here(platform.pk)
    assert not depot.told
    viewer = member("eve", "Viewer")
    assert viewer.get(MANY).status_code == 403
    assert viewer.post(MANY, {"orders": orders["M-2"].pk, "ship": "1"}).status_code == 403
    assert "ship_orders" not in viewer.get(LIST).content.decode()
    assert "ship_orders" in shipper.get(LIST).content.decode()
