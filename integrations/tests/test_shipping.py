"""Shipments: what may be shipped, what is sent, and what is taken for confirmed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from freezegun import freeze_time

from audit.models import AuditEntry
from feed.models import Change
from integrations.models import OutboxEntry, SendingTurn, SyncLog
from integrations.registry import CHANNELS
from integrations.schedule.maintenance import run_maintenance
from integrations.shipping.correcting import cancel_draft, correct_tracking, queue_draft, retry_shipment
from integrations.shipping.desk import take
from integrations.shipping.labels import say_unused, say_used
from integrations.shipping.making import Wanted, make_shipment, make_shipments
from integrations.shipping.queue import announce_shipping, run_here
from integrations.shipping.rules import CannotShip, Package, Refusal
from integrations.shipping.sending import ship_due
from integrations.shipping.switching import resume_writing, set_policy, stop_writing
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.depot import Depot, Killed, channel
from orders.models import DeskClaim, Order, Shipment
from platforms.models import Platform

pytestmark = pytest.mark.django_db

UPS = Package(carrier="UPS", tracking_number="1Z1")
State = Shipment.State


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
    depot.add("A-1", L1=2, L2=3)
    return synced(platform, "A-1")


def synced(platform: Platform, external_id: str) -> Order:
    """The order as a sync has stored it."""
    log = request_sync(platform=platform, kind="orders", trigger=SyncLog.Trigger.COMMAND).log
    log = run_sync(log.pk)
    assert log.status == SyncLog.Status.SUCCEEDED, log.error_message
    return Order.objects.get(external_id=external_id)


def pass_time(**span: int) -> None:
    """As if all that is stored of shipments had happened so much earlier."""
    back = timedelta(**span)
    for model, names in (
        (OutboxEntry, ("next_at", "lease_expires_at", "attempted_at", "first_attempt_at")),
        (Shipment, ("attempted_at", "sent_at", "queued_at", "proof_after")),
        (SendingTurn, ("lease_expires_at", "paused_until", "announced_at")),
    ):
        for row in model.objects.all():
            for name in names:
                if getattr(row, name) is not None:
                    setattr(row, name, getattr(row, name) - back)
            row.save()


def work(platform: Platform) -> None:
    run_here(platform.pk)


def state(shipment: Shipment) -> str:
    shipment.refresh_from_db()
    return shipment.state


def shipment_of(order: Order) -> Shipment:
    return order.shipments.get()


def refusal(order: Order, package: Package = UPS, **options: Any) -> str:
    with pytest.raises(CannotShip) as caught:
        make_shipment(order, package, who="shipper", **options)
    assert str(caught.value)
    assert "%" not in str(caught.value)
    return caught.value.code


def test_it_is_confirmed_once_a_sync_has_shown_it(platform: Platform, depot: Depot, order: Order) -> None:
    shipment = make_shipment(order, UPS, who="shipper")
    assert (shipment.state, shipment.package_number) == (State.QUEUED, 1001)
    work(platform)
    assert state(shipment) == State.SENT
    assert shipment.request_id == "request-1"
    assert depot.truth() == {("A-1", "1001"): ("1Z1", {"1": 2, "2": 3})}
    synced(platform, "A-1")
    assert state(shipment) == State.CONFIRMED
    assert refusal(order, Package(carrier="UPS", tracking_number="1Z2")) == Refusal.SHIPPED
    assert Change.objects.filter(kind="shipment.changed", external_id="A-1").count() == 3


def test_it_ships_in_parts_and_never_more_than_is_left(
    depot: Depot, platform: Platform, order: Order
) -> None:
    first = make_shipment(order, Package(carrier="ups", tracking_number=" 1Z 1 ", lines={"1": 1}), who="s")
    assert (first.carrier, first.tracking_number) == ("UPS", "1Z1")
    too_many = Package(carrier="UPS", tracking_number="1Z2", lines={"1": 2})
    assert refusal(order, too_many) == Refusal.TOO_MANY
    work(platform)
    assert refusal(order, too_many) == Refusal.TOO_MANY  # sent, and not shown yet
    synced(platform, "A-1")
    assert refusal(order, too_many) == Refusal.TOO_MANY
    rest = make_shipment(order, Package(carrier="UPS", tracking_number="1Z2"), who="s")
    assert rest.package_number == 1002
    work(platform)
    assert depot.truth()["A-1", "1002"] == ("1Z2", {"1": 1, "2": 3})
    synced(platform, "A-1")
    assert [state(first), state(rest)] == [State.CONFIRMED] * 2


@pytest.mark.parametrize(
    ("package", "code"),
    [
        (Package(tracking_number="1"), Refusal.CARRIER_MISSING),
        (Package(carrier="Nobody", tracking_number="1"), Refusal.CARRIER_UNKNOWN),
        (Package(carrier="USPS", tracking_number="1"), Refusal.CARRIER_UNKNOWN),  # of another marketplace
        (Package(carrier="other", tracking_number="1"), Refusal.CARRIER_NAME_MISSING),
        (Package(carrier="UPS", tracking_number=" "), Refusal.TRACKING_MISSING),
        (Package(carrier="UPS", tracking_number="1\x00"), Refusal.BAD_TEXT),
        (Package(carrier="UPS", tracking_number="1" * 256), Refusal.BAD_TEXT),
        (Package(carrier="UPS", tracking_number="1", lines={}), Refusal.NO_LINES),
        (Package(carrier="UPS", tracking_number="1", lines={"9": 1}), Refusal.UNKNOWN_LINE),
        (Package(carrier="UPS", tracking_number="1", lines={"1": 0}), Refusal.BAD_QUANTITY),
        (Package(carrier="UPS", tracking_number="1", lines={"1": 3}), Refusal.TOO_MANY),
    ],
)
def test_it_refuses_a_package_that_cannot_be_sent(order: Order, package: Package, code: str) -> None:
    assert refusal(order, package) == code
    assert not Shipment.objects.exists()


def test_it_refuses_ship_times_out_of_bounds(order: Order) -> None:
    now = timezone.now()
    early = Package(carrier="UPS", tracking_number="1", shipped_at=now - timedelta(days=3))
    late = Package(carrier="UPS", tracking_number="1", shipped_at=now + timedelta(hours=1))
    assert (refusal(order, early), refusal(order, late)) == (Refusal.TOO_EARLY, Refusal.IN_THE_FUTURE)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"fulfilled_by": "platform"}, Refusal.PLATFORM_SHIPS),
        ({"status": "cancelled"}, Refusal.CANCELLED),
        ({"status": "pending"}, Refusal.NOT_PAID),
        ({"status": "unfulfillable"}, Refusal.UNFULFILLABLE),
        ({"buyer_requested_cancellation": True}, Refusal.CANCELLATION_ASKED),
    ],
)
def test_it_refuses_orders_that_are_not_to_be_shipped(
    order: Order, values: dict[str, Any], code: str
) -> None:
    Order.objects.update(**values)
    assert refusal(order) == code


def test_it_ships_despite_a_wish_to_cancel_where_somebody_says_so(platform: Platform, order: Order) -> None:
    Order.objects.update(buyer_requested_cancellation=True)
    said = Package(carrier="UPS", tracking_number="1", ships_despite_cancellation=True)
    shipment = make_shipment(order, said, who="s")
    work(platform)
    assert state(shipment) == State.SENT


def test_it_writes_nothing_while_writing_is_off_or_the_platform_inactive(
    platform: Platform, order: Order
) -> None:
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    assert refusal(order) == Refusal.WRITING_OFF
    set_policy(platform, mode="live", hourly_limit=5, who="manager")
    Platform.objects.update(is_active=False)
    assert refusal(order) == Refusal.PLATFORM_INACTIVE


def test_the_same_package_twice_is_one(order: Order) -> None:
    made = make_shipment(order, UPS, who="s")
    with pytest.raises(CannotShip) as caught:
        make_shipment(order, UPS, who="s")
    assert (caught.value.code, caught.value.shipment) == (Refusal.MADE_ALREADY, made)


def test_a_rehearsal_shows_what_it_would_send_and_sends_nothing(
    platform: Platform, depot: Depot, order: Order
) -> None:
    set_policy(platform, mode="rehearsal", hourly_limit=0, who="manager")
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    assert (state(shipment), shipment.is_rehearsal) == (State.REHEARSED, True)
    entry = OutboxEntry.objects.get()
    assert (entry.state, entry.content["lines"]) == ("rehearsed", {"1": 2, "2": 3})
    assert depot.told == []
    set_policy(platform, mode="live", hourly_limit=5, who="manager")
    work(platform)
    assert depot.told == []
    make_shipment(order, UPS, who="s")  # the rehearsal holds no units


def test_one_switch_stops_all_writing(platform: Platform, depot: Depot, order: Order) -> None:
    shipment = make_shipment(order, UPS, who="s")
    assert stop_writing(who="manager", reason="wrong file")
    assert not stop_writing(who="manager")
    work(platform)
    assert (state(shipment), depot.told) == (State.QUEUED, [])
    assert resume_writing(who="manager")
    work(platform)
    assert state(shipment) == State.SENT


@pytest.mark.parametrize("how", ["stop", "off", "rehearsal"])
def test_what_is_stopped_between_the_claim_and_the_call_is_not_told(
    platform: Platform, depot: Depot, order: Order, how: str
) -> None:
    shipment = make_shipment(order, UPS, who="shipper")

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if sql.startswith("UPDATE") and "told_at" in sql and how not in done:  # the claim is noted
            done.append(how)
            if how == "stop":
                stop_writing(who="manager")
            else:
                set_policy(platform, mode=how, hourly_limit=1000, who="manager")
        return result

    done: list[str] = []
    with connection.execute_wrapper(meanwhile):
        work(platform)
    assert (done, depot.told, state(shipment)) == ([how], [], State.QUEUED)
    assert (shipment.told_at, shipment.attempted_at) == (None, None)
    if how == "stop":
        resume_writing(who="manager")
    else:
        set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    work(platform)
    assert (len(depot.told), state(shipment)) == (1, State.SENT)


def test_it_sends_no_more_in_an_hour_than_a_person_allows(
    platform: Platform, depot: Depot, order: Order
) -> None:
    set_policy(platform, mode="live", hourly_limit=2, who="manager")
    for number in (1, 2, 3):
        make_shipment(order, Package(carrier="UPS", tracking_number=f"T{number}", lines={"2": 1}), who="s")
    work(platform)
    assert len(depot.told) == 2
    assert SendingTurn.objects.get().pause_code == "hourly_limit"
    pass_time(minutes=61)
    work(platform)
    assert len(depot.told) == 3


@pytest.mark.parametrize("fault", ["unheard", "answer_lost", "killed_before", "killed_after", "throttled"])
def test_whatever_happens_to_a_call_the_package_is_told_under_one_number(
    platform: Platform, depot: Depot, order: Order, fault: str
) -> None:
    faults = [fault]
    depot.fault = lambda: faults.pop() if faults else ""
    shipment = make_shipment(order, UPS, who="s")
    if fault.startswith("killed"):
        with pytest.raises(Killed):
            work(platform)
    else:
        work(platform)
    assert state(shipment) == State.QUEUED
    pass_time(minutes=20)
    work(platform)
    assert state(shipment) == State.SENT
    assert depot.truth() == {("A-1", "1001"): ("1Z1", {"1": 2, "2": 3})}


def test_a_package_that_is_seen_before_its_answer_came_is_not_sent_again(
    platform: Platform, depot: Depot, order: Order
) -> None:
    faults = ["answer_lost"]
    depot.fault = lambda: faults.pop() if faults else ""
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    synced(platform, "A-1")
    assert state(shipment) == State.CONFIRMED
    pass_time(minutes=20)
    work(platform)
    assert (len(depot.told), OutboxEntry.objects.get().state) == (1, "seen")


def test_a_corrected_tracking_number_edits_the_package(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    synced(platform, "A-1")
    corrected = correct_tracking(shipment, Package(carrier="UPS", tracking_number="1Z9"))
    assert (corrected.state, corrected.confirmed_at) == (State.QUEUED, None)
    work(platform)
    assert state(shipment) == State.SENT
    assert depot.truth() == {("A-1", "1001"): ("1Z9", {"1": 2, "2": 3})}
    synced(platform, "A-1")
    assert state(shipment) == State.CONFIRMED


def test_what_the_platform_showed_before_proves_nothing_of_a_correction_that_goes_back(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    synced(platform, "A-1")
    faults = ["ignored", "ignored"]
    depot.fault = lambda: faults.pop() if faults else ""
    correct_tracking(shipment, Package(carrier="UPS", tracking_number="1Z9"))
    work(platform)
    correct_tracking(shipment, UPS)
    work(platform)
    synced(platform, "A-1")
    assert state(shipment) == State.SENT
    pass_time(hours=7)
    synced(platform, "A-1")
    work(platform)  # asks for the order by itself: so much later, what it shows is what it has
    assert (state(shipment), depot.calls["getOrder"]) == (State.CONFIRMED, 1)


def test_an_order_that_was_cancelled_or_shipped_meanwhile_is_not_told_of(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    depot.cancel("A-1")
    synced(platform, "A-1")
    work(platform)
    assert (state(shipment), shipment.error_code, depot.told) == (State.REJECTED, Refusal.CANCELLED, [])


def test_a_stored_reason_keeps_a_sku_that_is_read_from_right_to_left_apart(
    platform: Platform, order: Order
) -> None:
    """Or the numbers behind it would stand before it."""
    shipment = make_shipment(order, UPS, who="s")
    order.items.filter(external_id="1").update(sku="תה-12", quantity_left=1)
    work(platform)
    assert (state(shipment), shipment.error_code) == (State.REJECTED, Refusal.TOO_MANY)
    assert shipment.error_message == "Of \u2068תה-12\u2069, 1 are left to ship, and not 2."
    assert OutboxEntry.objects.get().error_message == shipment.error_message


def test_what_was_shipped_elsewhere_meanwhile_is_read_back_and_rejected(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    depot.ship_elsewhere("A-1")
    work(platform)
    assert (state(shipment), shipment.error_code) == (State.REJECTED, "already_shipped")
    assert "getOrder" not in depot.calls  # it was never told of before


def test_a_turn_ends_after_a_while_and_the_rest_is_asked_for_at_once(
    platform: Platform, depot: Depot
) -> None:
    for number in range(30):
        depot.add(f"B-{number:02}", L1=1)
    synced(platform, "B-00")
    for number, order in enumerate(Order.objects.order_by("pk")):
        make_shipment(order, Package(carrier="UPS", tracking_number=f"1Z{number}"), who="s")
    with freeze_time(timezone.now(), tz_offset=0) as frozen:
        depot.fault = lambda: str(frozen.tick(timedelta(seconds=1)) and "")  # each call takes a second
        later = ship_due(platform.pk, stopping=lambda: False)
        assert (later, len(depot.told)) == (timezone.now(), 20)
        assert ship_due(platform.pk, stopping=lambda: False) is None
    assert len(depot.told) == 30


def test_a_label_bought_from_the_platform_holds_its_units(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.buy_label("A-1", L1=2)
    order = synced(platform, "A-1")
    assert order.status == Order.Status.UNSHIPPED  # the platform counts nothing of it as shipped yet
    assert refusal(order, replace(UPS, lines={"1": 1})) == Refusal.TOO_MANY
    rest = make_shipment(order, UPS, who="s", is_draft=True)
    assert {line.item_external_id: line.quantity for line in rest.lines.all()} == {"2": 3}
    cancel_draft(rest)
    depot.buy_label("A-1", L1=2, L2=3)
    order = synced(platform, "A-1")
    for package in (UPS, replace(UPS, lines={"2": 1})):
        assert refusal(order, package) == Refusal.IN_OTHER_PACKAGES
    with pytest.raises(CannotShip, match=r"Amazon shows packages that were not made here: UPS TBA7\."):
        make_shipment(order, UPS, who="s")
    depot.buy_label("A-1", "CANCELLED", L1=2, L2=3)
    assert make_shipment(synced(platform, "A-1"), UPS, who="s").state == State.QUEUED


def test_a_label_bought_meanwhile_is_seen_before_the_call_or_by_what_the_platform_says(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    depot.buy_label("A-1", L1=2, L2=3)
    synced(platform, "A-1")
    work(platform)
    assert (state(shipment), shipment.error_code, depot.told) == (
        State.REJECTED, Refusal.IN_OTHER_PACKAGES, [],
    )  # fmt: skip
    depot.buy_label("A-1", "CANCELLED", L1=2, L2=3)
    retry_shipment(shipment_of(synced(platform, "A-1")))
    depot.buy_label("A-1", L1=2, L2=3)
    work(platform)  # no sync has shown that one
    assert (state(shipment), shipment.error_code) == (State.REJECTED, "buy_shipping")
    depot.buy_label("A-1", "SHIPPED", L1=2, L2=3)
    assert refusal(synced(platform, "A-1"), Package(carrier="UPS", tracking_number="1Z2")) == (
        Refusal.SHIPPED_ELSEWHERE
    )


def test_a_label_that_nobody_uses_holds_nothing_once_somebody_says_so(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.buy_label("A-1", L1=2, L2=3)
    order = synced(platform, "A-1")
    assert refusal(order) == Refusal.IN_OTHER_PACKAGES
    (package,) = say_unused(order, who="shipper")
    assert (package.unused_by, str(package)) == ("shipper", "TBA7")
    assert say_unused(order, who="another") == []
    assert AuditEntry.objects.get(action="labels.unused").changes == {"packages": ["TBA7"]}
    depot.orders["A-1"].updated = depot.now()
    shipment = make_shipment(synced(platform, "A-1"), UPS, who="s")  # a sync forgets nothing of it
    work(platform)
    assert (state(shipment), shipment.error_code) == (
        State.REJECTED,
        "buy_shipping",
    )  # the platform may say no
    del depot.orders["A-1"].packages["7"]
    retry_shipment(shipment)
    work(platform)
    assert state(shipment) == State.SENT


def test_a_label_that_is_used_after_all_holds_its_units_again(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.buy_label("A-1", L1=2, L2=3)
    order = synced(platform, "A-1")
    say_unused(order, who="shipper")
    assert say_used(order)
    assert say_used(order) == []
    assert refusal(order) == Refusal.IN_OTHER_PACKAGES
    shipment = make_shipment(order, replace(UPS, ships_despite_packages=True), who="s")
    depot.buy_label("A-1", "SHIPPED", L1=2, L2=3)
    synced(platform, "A-1")
    work(platform)
    assert (state(shipment), shipment.error_code, depot.told) == (
        State.REJECTED, Refusal.SHIPPED_ELSEWHERE, [],
    )  # fmt: skip


def test_nothing_is_said_of_a_label_where_the_package_is_refused(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.buy_label("A-1", L1=2, L2=3)
    order = synced(platform, "A-1")
    no_carrier = replace(UPS, carrier="Nobody", ships_despite_packages=True)
    assert refusal(order, no_carrier) == Refusal.CARRIER_UNKNOWN
    assert not order.packages.get().is_unused


def test_what_was_begun_elsewhere_and_is_on_its_way_from_here_is_not_called_a_label(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.buy_label("A-1", "SHIPPED", L1=2)
    order = synced(platform, "A-1")
    shipment = make_shipment(order, UPS, who="s")
    assert {line.item_external_id: line.quantity for line in shipment.lines.all()} == {"2": 3}
    assert refusal(order, replace(UPS, tracking_number="1Z2")) == Refusal.NOTHING_LEFT
    assert refusal(order, Package(carrier="UPS", tracking_number="1Z3", lines={"2": 1})) == Refusal.TOO_MANY


def test_an_order_whose_label_the_platform_sells_is_not_confirmed(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.orders["A-1"].programs = ("PRIME", "FBM_SHIP_PLUS")
    depot.orders["A-1"].updated = depot.now()
    order = synced(platform, "A-1")
    assert refusal(order) == Refusal.CONFIRMS_ITSELF
    assert refusal(order, is_draft=True) == Refusal.CONFIRMS_ITSELF


def test_an_order_that_a_carrier_of_the_platform_collects_is_not_confirmed(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    depot.orders["A-1"].programs = ("AMAZON_EASY_SHIP",)
    depot.orders["A-1"].updated = depot.now()
    order = synced(platform, "A-1")
    assert refusal(order, replace(UPS, tracking_number="1Z2")) == Refusal.PLATFORM_CARRIES
    with pytest.raises(CannotShip, match=r"of Easy Ship: a carrier of Amazon collects the parcel"):
        make_shipment(order, replace(UPS, tracking_number="1Z2"), who="s", is_draft=True)
    work(platform)
    assert (state(shipment), shipment.error_code, depot.told) == (
        State.REJECTED, Refusal.PLATFORM_CARRIES, [],
    )  # fmt: skip


def test_what_is_refused_after_an_answer_was_lost_is_read_back(
    platform: Platform, depot: Depot, order: Order
) -> None:
    faults = ["unheard"]
    depot.fault = lambda: faults.pop() if faults else ""
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    depot.ship_elsewhere("A-1")
    pass_time(minutes=5)
    work(platform)
    assert (state(shipment), shipment.error_code, depot.calls["getOrder"]) == (
        State.REJECTED,
        "already_shipped",
        1,
    )


def test_what_no_sync_shows_is_asked_for_once_and_then_unverified(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.fault = lambda: "ignored"
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    pass_time(hours=7)
    synced(platform, "A-1")
    work(platform)
    work(platform)
    assert (state(shipment), shipment.error_code) == (State.UNVERIFIED, "not_shown")
    assert depot.calls["getOrder"] == 1
    depot.fault = lambda: ""
    pass_time(hours=8)
    retry_shipment(shipment)
    work(platform)
    synced(platform, "A-1")
    assert state(shipment) == State.CONFIRMED


def test_an_order_that_the_platform_does_not_let_read_holds_up_no_other(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.fault = lambda: "ignored"
    depot.add("A-2", L1=1)
    other = synced(platform, "A-2")
    shipments = [make_shipment(each, UPS, who="s") for each in (order, other)]
    work(platform)
    pass_time(hours=7)
    synced(platform, "A-2")
    depot.closed.add("A-1")
    work(platform)
    work(platform)
    assert [(state(each), each.error_code) for each in shipments] == [
        (State.UNVERIFIED, "forbidden"), (State.UNVERIFIED, "not_shown"),
    ]  # fmt: skip
    assert shipments[0].error_message == "This order is not yours to read."
    assert depot.calls["getOrder"] == 2


def test_a_refusal_of_access_is_suspected_and_settles_nothing_by_itself(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.fault = lambda: "ignored"
    for number in range(5):
        depot.add(f"B-{number}", L1=1)
    synced(platform, "B-0")
    shipments = [make_shipment(each, UPS, who="s") for each in Order.objects.order_by("pk")]
    work(platform)
    pass_time(hours=7)
    synced(platform, "B-0")
    depot.closed.update(depot.orders)
    work(platform)
    assert {state(each) for each in shipments} == {State.SENT}
    assert depot.calls["getOrder"] == 3
    depot.closed.clear()
    work(platform)
    assert {state(each) for each in shipments} == {State.UNVERIFIED}


def test_a_message_that_comes_a_moment_too_early_is_followed_by_another_one(
    platform: Platform, depot: Depot, order: Order
) -> None:
    make_shipment(order, UPS, who="s")
    for seconds, is_followed in ((5, True), (600, False)):
        until = timezone.now() + timedelta(seconds=seconds)
        SendingTurn.objects.update_or_create(platform=platform, defaults={"paused_until": until})
        assert run_here(platform.pk) == (until if is_followed else None)
    assert depot.told == []


def test_somebody_who_changes_a_confirmed_package_on_the_platform_is_noticed(
    platform: Platform, depot: Depot, order: Order
) -> None:
    shipment = make_shipment(order, UPS, who="s")
    work(platform)
    synced(platform, "A-1")
    held = depot.orders["A-1"]
    held.packages["1001"].tracking_number, held.updated = "OTHER", depot.now()
    synced(platform, "A-1")
    assert (state(shipment), shipment.error_code) == (State.UNVERIFIED, "shown_otherwise")
    assert shipment.shown["tracking_number"] == "OTHER"


def test_drafts_hold_their_units_until_they_are_sent_or_cancelled(
    platform: Platform, depot: Depot, order: Order
) -> None:
    draft = make_shipment(order, Package(), who="s", is_draft=True)
    assert refusal(order) == Refusal.NOTHING_LEFT
    cancel_draft(draft)
    draft = make_shipment(order, Package(lines={"1": 2}), who="s", is_draft=True)
    queue_draft(draft, UPS)
    work(platform)
    assert depot.truth() == {("A-1", "1002"): ("1Z1", {"1": 2})}
    with pytest.raises(CannotShip):
        cancel_draft(draft)


def test_many_are_judged_one_after_the_other_and_made_together(
    platform: Platform, depot: Depot, order: Order, django_assert_max_num_queries: Any
) -> None:
    for number in range(2, 32):
        depot.add(f"A-{number}", L1=1)
    synced(platform, "A-2")
    ids = list(Order.objects.order_by("pk").values_list("pk", flat=True))
    wanted = [Wanted(pk, Package(carrier="UPS", tracking_number=f"T{pk}")) for pk in (*ids, ids[0], 0)]
    with django_assert_max_num_queries(30):
        preview = make_shipments(wanted, who="s", is_preview=True)
    assert not Shipment.objects.exists()
    assert not any(each.is_good for each in make_shipments(wanted, who="s", all_or_none=True)[-2:])
    assert not Shipment.objects.exists()
    with django_assert_max_num_queries(40):
        verdicts = make_shipments(wanted, who="s")
    codes = [each.refusal and each.refusal.code for each in verdicts]
    assert codes == [None] * 31 + [Refusal.MADE_ALREADY, Refusal.NO_ORDER]
    assert codes == [each.refusal and each.refusal.code for each in preview]
    again = make_shipments(wanted, who="s")
    assert {each.refusal.code for each in again if each.refusal} == {Refusal.MADE_ALREADY, Refusal.NO_ORDER}
    assert Shipment.objects.count() == 31
    work(platform)
    assert Shipment.objects.filter(state=State.SENT).count() == 31


def test_a_package_that_is_given_twice_is_told_the_number_of_the_first(
    platform: Platform, depot: Depot
) -> None:
    depot.add("B-1", L1=9)
    pk = synced(platform, "B-1").pk
    numbers = ("1Z1", "1Z2", "1Z1")
    wanted = [
        Wanted(pk, Package(carrier="UPS", tracking_number=number, lines={"1": 1})) for number in numbers
    ]
    first, second, third = make_shipments(wanted, who="s")
    assert (first.is_good, second.is_good, third.refusal and third.refusal.code) == (
        True, True, Refusal.MADE_ALREADY,
    )  # fmt: skip
    assert f"shipment {first.shipment and first.shipment.package_number} " in str(third.refusal)


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_down_makes_nobody_believe_that_nothing_was_made(
    platform: Platform, depot: Depot, order: Order, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TASKS = {"default": {"BACKEND": "integrations.tests.test_start.Down"}}
    assert state(make_shipment(order, UPS, who="shipper")) == State.QUEUED
    assert "could not be handed to the workers" in caplog.text
    assert not announce_shipping(platform.pk)


def test_who_had_an_order_in_hand_is_forgotten_after_a_day(
    platform: Platform, depot: Depot, order: Order
) -> None:
    depot.add("A-2", L1=1)
    other, now = synced(platform, "A-2"), timezone.now()
    assert take(order.pk, "one", now=now - timedelta(days=2))
    assert take(other.pk, "two", now=now)
    run_maintenance()
    assert list(DeskClaim.objects.values_list("order", flat=True)) == [other.pk]


def test_groups_ship_as_their_roles_say(db: None) -> None:
    allowed = {}
    for name in ("Viewer", "Operator", "Shipper", "Manager", "Privacy officer"):
        user = User.objects.create_user(name)
        user.groups.add(*user.groups.model.objects.filter(name=name))
        perms = ("orders.view_shipment", "orders.ship_order", "integrations.change_writingpolicy")
        allowed[name] = [user.has_perm(perm) for perm in perms]
    look = [True, False, False]
    assert allowed == {
        "Viewer": look,
        "Operator": look,
        "Privacy officer": look,
        "Shipper": [True, True, False],
        "Manager": [True, True, True],
    }
