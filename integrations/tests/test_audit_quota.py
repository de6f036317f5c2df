"""What audits of orders do to save quota: changes are read since the last one, lists of others are used, and where much
is missing of a time, pages bring it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from integrations.completeness.audits import request_audit, run_audit
from integrations.models import AuditFinding, OrderAudit, SyncLog
from integrations.protocol import ListsOrders, Window
from integrations.sync.connection import connected
from integrations.tests.syncing import ORDERS, platform_of, requests_of, stored_orders, sync
from integrations.tests.test_audits import audit, until_closed
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Answer, EndReport, Rule, Simulator, SlowReport

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Kind, Outcome, Trigger = AuditFinding.Kind, AuditFinding.Outcome, SyncLog.Trigger
BY_UPDATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
LAG = timedelta(hours=3)


def midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def changes_asked_for(sim: Simulator) -> list[datetime]:
    """When the spans of the lists by last update begin."""
    asked = [each for each in requests_of(sim, "createReport") if each["reportType"] == BY_UPDATE]
    return [datetime.fromisoformat(each["dataStartTime"]) for each in asked]


def opened(platform: Platform, *, days: int = 30, trigger: str = Trigger.COMMAND) -> OrderAudit:
    return request_audit(platform, days=days, trigger=trigger)[0]


def another_program_asks(platform: Platform, by: str, start: datetime) -> str:
    with connected(platform, ORDERS) as adapter:
        assert isinstance(adapter, ListsOrders)
        end = timezone.now().astimezone(UTC).replace(microsecond=0) - timedelta(minutes=3)
        return adapter.request_order_list(Window(by, start, end))


# --- changes since the last one


def test_changes_are_read_since_the_last_audit_that_left_nothing_open(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=40)
    platform = platform_of(sim)
    sync(platform)
    gone = sim.accounts[0].order_ids()[20]

    first = audit(platform)
    Order.objects.filter(external_id=gone).delete()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    partial = audit(platform)
    sim.rules.clear()
    last = audit(platform)

    assert [each.status for each in (first, partial, last)] == ["succeeded", "partial", "succeeded"]
    since_first = midnight(first.window_end - LAG)
    assert changes_asked_for(sim) == [midnight(first.window_start), since_first, since_first]
    assert (
        len({day.day for day in last.days.all()}) == 30
    )  # all that were placed in 30 days are compared all the same


def test_a_change_of_an_older_order_that_syncs_lost_is_found(start_simulator: StartSimulator) -> None:
    account = Account(orders=30, skus=10, days=20, end=datetime.now(UTC) - timedelta(days=40))
    sim = start_simulator(account)
    platform = platform_of(sim)
    sync(platform)
    audit(platform)
    lost = account.order_ids()[3]
    account.hide_order(lost)
    account.change_order(lost, at=datetime.now(UTC) - timedelta(minutes=4))
    Order.objects.filter(external_id=lost).update(platform_updated_at=timezone.now() - timedelta(days=41))

    closed = audit(platform, days=3)

    assert [(found.external_id, found.outcome) for found in closed.findings.exclude(kind=Kind.ONLY_HERE)] == [
        (lost, Outcome.HEALED)
    ]


# --- lists of others


def test_the_nightly_audit_uses_a_list_that_another_program_asked_for(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    theirs = another_program_asks(platform, "created", midnight(timezone.now()) - timedelta(days=20))

    closed = until_closed(opened(platform, days=5, trigger=Trigger.SCHEDULE))

    assert closed.status == OrderAudit.Status.SUCCEEDED
    assert [part["list"] == theirs for part in closed.parts] == [True, False]
    assert sim.calls["createReport"] == 2  # theirs, and one of ours by last update
    assert sim.calls["getReports"] == 1
    assert {day.day for day in closed.days.all()} == {
        closed.window_start.date() + timedelta(days=number) for number in range(5)
    }
    of_days = Order.objects.filter(purchased_at__gte=closed.window_start).count()
    assert sum(day.orders for day in closed.days.all()) == of_days < 60
    again = until_closed(opened(platform, days=5, trigger=Trigger.SCHEDULE))  # it would prove nothing new
    assert theirs not in {part["list"] for part in again.parts}


def test_an_audit_on_demand_asks_how_it_is_now(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)
    theirs = another_program_asks(platform, "created", midnight(timezone.now()) - timedelta(days=20))

    later = timezone.now() + timedelta(seconds=2)
    closed = until_closed(request_audit(platform, days=5, trigger=Trigger.COMMAND, now=later)[0])

    assert theirs not in {part["list"] for part in closed.parts}
    assert sim.calls["createReport"] == 3


def test_a_list_that_a_killed_worker_asked_for_is_not_asked_for_again(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)
    sim.rules.add(Rule(operation="createReport", fault=SlowReport(60)))
    parked = run_audit(opened(platform).pk)
    forgotten = [part | {"list": ""} for part in parked.parts]  # before it could say so
    OrderAudit.objects.filter(pk=parked.pk).update(parts=forgotten)

    sim.set_clock(3600)
    assert until_closed(parked).status == OrderAudit.Status.SUCCEEDED

    assert sim.calls["createReport"] == 2


def test_a_list_of_others_that_is_not_made_is_replaced_by_ours(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)
    for fault in (SlowReport(60), EndReport("CANCELLED")):
        sim.rules.add(Rule(operation="createReport", nth=1, fault=fault))
    theirs = another_program_asks(platform, "created", midnight(timezone.now()) - timedelta(days=20))
    parked = run_audit(opened(platform, days=5, trigger=Trigger.SCHEDULE).pk)
    assert (parked.status, parked.parts[0]["list"]) == ("waiting", theirs)
    sim.set_clock(3600)
    closed = until_closed(parked)

    assert closed.status == OrderAudit.Status.SUCCEEDED
    assert theirs not in {part["list"] for part in closed.parts}


# --- by pages where that is cheaper


def test_a_lost_day_is_healed_by_pages(start_simulator: StartSimulator) -> None:
    account = Account(orders=180, skus=20, days=1, end=midnight(timezone.now()) - timedelta(hours=1))
    sim = start_simulator(account)
    platform = platform_of(sim)
    sync(platform)
    pages = sim.calls["searchOrders"]
    Order.objects.all().delete()

    closed = audit(platform)

    assert (closed.status, closed.missing, closed.healed) == (OrderAudit.Status.SUCCEEDED, 180, 180)
    assert stored_orders(platform) == account.truth_orders()
    assert sim.calls["searchOrders"] - pages == 2
    assert sim.calls["getOrder"] == 0
    assert closed.calls["searchOrders"]["calls"] == 2


def test_what_pages_do_not_bring_comes_by_its_id(start_simulator: StartSimulator) -> None:
    account = Account(orders=100, skus=20, days=1, end=midnight(timezone.now()) - timedelta(hours=1))
    sim = start_simulator(account)
    platform = platform_of(sim)
    sync(platform)
    pages = sim.calls["searchOrders"]
    hidden = account.order_ids()[:40]
    for external_id in hidden:
        account.hide_order(external_id)
    Order.objects.all().delete()

    closed = audit(platform)

    assert (closed.missing, closed.healed, closed.open) == (100, 100, 0)
    assert stored_orders(platform) == account.truth_orders()
    assert sim.calls["getOrder"] == len(hidden)
    assert sim.calls["searchOrders"] - pages == 1  # and not once more for those that it did not bring


def test_pages_that_are_refused_leave_all_to_ids(start_simulator: StartSimulator) -> None:
    account = Account(orders=60, skus=20, days=1, end=midnight(timezone.now()) - timedelta(hours=1))
    sim = start_simulator(account)
    platform = platform_of(sim)
    sync(platform)
    Order.objects.all().delete()
    sim.rules.add(Rule(operation="searchOrders", fault=Answer(400)))

    closed = audit(platform)

    assert (closed.status, closed.healed) == (OrderAudit.Status.SUCCEEDED, 60)
    assert sim.calls["getOrder"] == 60


def test_what_lies_far_apart_comes_by_ids(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=600, skus=20, days=25))
    platform = platform_of(sim)
    sync(platform)
    pages = sim.calls["searchOrders"]
    for external_id in sim.accounts[0].order_ids()[::18]:
        Order.objects.filter(external_id=external_id).delete()

    closed = audit(platform)

    assert closed.missing == closed.healed > 30
    assert (sim.calls["searchOrders"], sim.calls["getOrder"]) == (pages, closed.missing)
