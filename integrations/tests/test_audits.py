"""Audits against a simulated Amazon: whatever is hidden or spoiled is found and fetched, and nothing else is."""

import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from api.tests.rest import superuser
from feed.models import Change
from integrations.completeness.audits import request_audit, run_audit
from integrations.completeness.closing import prune_audits
from integrations.completeness.queue import continue_audit, due_audits, lost_audits
from integrations.models import AuditedDay, AuditFinding, OrderAudit, SyncFailure, SyncLog
from integrations.schedule.maintenance import prune_old_orders
from integrations.sync.messages import is_ours
from integrations.tests.killing import Killed, killed_now_and_then, left_as_it_was
from integrations.tests.poison import OfOrder
from integrations.tests.syncing import platform_of, requests_of, stored_orders, sync
from orders.models import LegalHold, Order, OrderItem
from orders.retention import months_before
from platforms.models import Platform
from simulator import (
    CANARY,
    Account,
    Answer,
    BreakRows,
    Cut,
    CutShort,
    DoubleRows,
    EndReport,
    Reset,
    Rule,
    Simulator,
    SlowReport,
)

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Kind, Outcome = AuditFinding.Kind, AuditFinding.Outcome
AUDIT_TASK = "integrations.tasks.continue_audit"
US, CA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"


def audit(platform: Platform, *, days: int = 30) -> OrderAudit:
    opened, _ = request_audit(platform, days=days, trigger=SyncLog.Trigger.COMMAND)
    return until_closed(opened)


def until_closed(opened: OrderAudit, stopping: Callable[[], bool] = lambda: False) -> OrderAudit:
    """As if whatever it waits for took no time, and whoever had it was killed."""
    for _ in range(200):
        opened = run_audit(opened.pk, stopping=stopping)
        if not opened.is_open:
            return opened
        OrderAudit.objects.filter(pk=opened.pk).update(resume_at=timezone.now())
    raise AssertionError(f"never closed: {opened.status}, {opened.notes}")


def states(platform: Platform) -> dict[str, int]:
    found = AuditedDay.objects.filter(platform=platform).values_list("state", flat=True)
    return {state: list(found).count(state) for state in AuditedDay.State.values if state in found}


def test_it_proves_each_day_that_is_as_the_platform_lists_it(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=200, skus=40, marketplace_ids=(US, CA))
    platform = platform_of(sim, additional_marketplace_ids=[CA])
    sync(platform)

    closed = audit(platform)

    assert (closed.status, closed.error_message) == (OrderAudit.Status.SUCCEEDED, "")
    assert [found.external_id for found in closed.findings.exclude(kind=Kind.ONLY_HERE)] == []
    assert (closed.missing, closed.stale, closed.different, closed.healed, closed.open) == (0, 0, 0, 0, 0)
    assert sum(day.orders for day in closed.days.all()) == 200
    days = AuditedDay.objects.filter(platform=platform, marketplace_id=US)
    assert days.count() == 30
    today = timezone.now().astimezone(UTC).date()
    assert days.get(day=today).state == AuditedDay.State.NOT_YET
    assert set(days.filter(day__lt=today - timedelta(days=1)).values_list("state", flat=True)) == {"proven"}
    assert sim.calls["createReport"] == sim.calls["getReportDocument"] == 2
    assert sim.calls["getOrder"] == 0
    assert {name: one["calls"] for name, one in closed.calls.items()} == {
        "getReports": 1, "createReport": 2, "getReport": 2, "getReportDocument": 2,
    }  # fmt: skip
    minute, half, looked = 1 / 0.0167, 1 / 2, 1 / 0.0222  # seconds for one call, as Amazon publishes them
    assert closed.calls["createReport"]["seconds"] == pytest.approx(2 * minute, abs=0.1)
    assert closed.api_calls == 7
    assert closed.quota_seconds == pytest.approx(4 * minute + 2 * half + looked, abs=0.1)
    kept = json.dumps(list(closed.findings.values("reported", "differences", "error_message")))
    assert CANARY not in kept


def spoil(account: Account, platform: Platform, chance: random.Random) -> dict[str, str]:
    """Hides or spoils some orders in every way there is; says as what each is to be found."""
    # Of those that stand in a list of the last 30 days, whichever it goes by.
    ids = chance.sample(account.order_ids(), 36)
    expected: dict[str, str] = {}
    for number, external_id in enumerate(ids):
        rows = Order.objects.filter(platform=platform, external_id=external_id)
        how = number % 6
        if how == 0:  # never stored
            rows.delete()
            expected[external_id] = Kind.MISSING
        elif how == 1:  # placed, listed nowhere
            account.hide_order(external_id)
            rows.delete()
            expected[external_id] = Kind.MISSING
        elif how == 2:  # an update was lost
            account.hide_order(external_id)
            account.change_order(external_id, at=datetime.now(UTC) - timedelta(minutes=4))
            expected[external_id] = Kind.STALE
        elif how == 3:  # so were two
            account.hide_order(external_id)
            account.change_order(external_id, at=datetime.now(UTC) - timedelta(minutes=4))
            account.reprice_order(external_id, at=datetime.now(UTC) - timedelta(minutes=3))
            expected[external_id] = Kind.STALE
        elif how == 4:  # somebody wrote into the database
            other = "unshipped" if rows.get().status == "shipped" else "shipped"
            is_known = rows.get().status != "unknown"
            rows.update(status=other)
            expected |= {external_id: Kind.DIFFERENT} if is_known else {}
            if not is_known:
                rows.update(status="unknown")
        else:
            item = OrderItem.objects.filter(order__in=rows, quantity_ordered__gt=0).first()
            if item is not None and rows.get().status != "cancelled" and item.sku:
                OrderItem.objects.filter(pk=item.pk).update(quantity_ordered=999)
                expected[external_id] = Kind.DIFFERENT
    return expected


@pytest.mark.parametrize("seed", [1, 2])
def test_it_finds_and_fetches_whatever_is_hidden_or_spoiled_and_nothing_else(
    start_simulator: StartSimulator, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  no secret
    sim = start_simulator(Account(seed, 300, 60, (US, CA)))
    account = sim.accounts[0]
    platform = platform_of(sim, additional_marketplace_ids=[CA])
    sync(platform)
    sim.reports.charset = ("utf-8", "cp1252", "cp932", "utf-8")[seed]
    sim.reports.zipped, sim.reports.shuffled = seed % 2 == 0, seed
    expected = spoil(account, platform, chance)
    assert len(expected) > 24
    wrong = Rule(every=7, seed=seed, fault=chance.choice([Reset(), Cut(), Answer(503), Answer(429)]))
    sim.rules.add(wrong, Rule(operation="createReport", fault=DoubleRows()))
    opened, _ = request_audit(platform, trigger=SyncLog.Trigger.COMMAND)

    killed = 0
    while opened.is_open:
        try:
            opened = until_closed(opened, killed_now_and_then(chance))
        except Killed:
            killed += 1
            left_as_it_was(opened, chance)

    assert killed
    assert opened.status == OrderAudit.Status.SUCCEEDED, (opened.error_message, opened.notes)
    findings = opened.findings.exclude(kind=Kind.ONLY_HERE)
    assert {found.external_id: found.kind for found in findings} == expected
    assert {found.outcome for found in findings} == {Outcome.HEALED}
    assert (opened.healed, opened.open) == (len(expected), 0)
    assert stored_orders(platform) == account.truth_orders()
    sim.rules.clear()
    again = audit(platform)
    assert (again.missing, again.stale, again.different, again.open) == (0, 0, 0, 0)


def test_it_parks_while_a_list_is_made_and_holds_nobody(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=10)
    platform = platform_of(sim)
    sync(platform)
    sim.rules.add(Rule(operation="createReport", fault=SlowReport(3600)))
    opened, is_new = request_audit(platform, trigger=SyncLog.Trigger.COMMAND)

    parked = run_audit(opened.pk)

    assert is_new
    assert (parked.status, parked.lease_token) == (OrderAudit.Status.WAITING, "")
    assert parked.resume_at is not None
    assert run_audit(opened.pk).status == OrderAudit.Status.WAITING  # not its time yet
    assert (sim.calls["createReport"], sim.calls["getReport"]) == (2, 1)
    assert request_audit(platform, trigger=SyncLog.Trigger.ADMIN) == (parked, False)
    sim.set_clock(7300)
    assert until_closed(parked).status == OrderAudit.Status.SUCCEEDED
    assert sim.calls["createReport"] == 2


def test_it_keeps_what_it_cannot_fetch_with_the_reason(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=40)
    platform = platform_of(sim)
    sync(platform)
    gone = sim.accounts[0].order_ids()[20]
    Order.objects.filter(external_id=gone).delete()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))

    closed = audit(platform)

    [found] = closed.findings.filter(kind=Kind.MISSING)
    assert (closed.status, closed.open, found.outcome) == (OrderAudit.Status.PARTIAL, 1, Outcome.OPEN)
    assert (found.external_id, found.error_code) == (gone, "not_found")
    assert found.error_message
    [day] = closed.days.filter(open=1)
    assert (day.day, day.marketplace_id, day.state) == (found.day, found.marketplace_id, "open")


@pytest.mark.parametrize("status", [503, 403])
def test_an_order_that_the_platform_never_answers_stays_open_and_holds_up_no_other(
    start_simulator: StartSimulator, status: int
) -> None:
    sim = start_simulator(orders=40)
    platform = platform_of(sim)
    sync(platform)
    old = Order.objects.filter(purchased_at__lt=timezone.now() - timedelta(days=3)).order_by("-purchased_at")
    lost = list(old.values_list("external_id", flat=True)[:3])
    Order.objects.filter(external_id__in=lost).delete()
    sim.rules.add(Rule(operation="getOrder", fault=OfOrder(lost[0], status)))
    closed = audit(platform)
    assert (closed.status, closed.missing, closed.healed, closed.open) == (OrderAudit.Status.PARTIAL, 3, 2, 1)
    failure = closed.findings.get(outcome=Outcome.OPEN)
    assert (failure.external_id, failure.error_code) == (
        lost[0],
        "unavailable" if status == 503 else "forbidden",
    )


def test_many_orders_that_the_platform_never_answers_fail_no_audit(start_simulator: StartSimulator) -> None:
    """Each is asked for five times; 20 troubles without an answer between them would end it."""
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    old = Order.objects.filter(purchased_at__lt=timezone.now() - timedelta(days=3)).order_by("-purchased_at")
    lost = list(old.values_list("external_id", flat=True)[:12])
    Order.objects.filter(external_id__in=lost).delete()
    for external_id in lost[2:]:
        sim.rules.add(Rule(operation="getOrder", fault=OfOrder(external_id)))

    closed = audit(platform)

    assert (closed.status, closed.error_message) == (OrderAudit.Status.PARTIAL, "")
    assert (closed.missing, closed.healed, closed.open) == (12, 2, 10)
    failures = SyncFailure.objects.open().values_list("external_id", "error_code")
    assert set(failures) == {(external_id, "unavailable") for external_id in lost[2:]}


def test_an_audit_fails_where_the_platform_answers_for_no_order_for_hours(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    Order.objects.all().delete()
    sim.rules.add(Rule(operation="searchOrders", fault=Answer(400)))
    sim.rules.add(Rule(operation="getOrder", fault=Answer(503)))
    closed = audit(platform)
    assert (closed.status, closed.error_code) == (OrderAudit.Status.FAILED, "unavailable")


def test_it_fetches_some_orders_at_a_time_and_holds_nobody_meanwhile(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=70)
    platform = platform_of(sim)
    sync(platform)
    Order.objects.all().delete()
    sim.rules.add(Rule(operation="searchOrders", fault=Answer(400)))  # pages would be the cheaper way
    opened, _ = request_audit(platform, trigger=SyncLog.Trigger.COMMAND)

    parked = run_audit(opened.pk)

    assert (parked.status, sim.calls["getOrder"]) == (OrderAudit.Status.WAITING, 30)
    assert parked.findings.filter(outcome=Outcome.HEALED).count() == 30
    closed = until_closed(parked)
    assert (closed.missing, closed.healed, sim.calls["getOrder"]) == (70, 70, 70)


def test_it_says_why_orders_are_here_alone(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    sim.reports.lag = timedelta(hours=30)  # so much is missing in the list

    closed = audit(platform)

    alone = closed.findings.filter(kind=Kind.ONLY_HERE)
    assert closed.status == OrderAudit.Status.SUCCEEDED
    assert alone.count() == closed.only_here > 0
    assert {found.outcome for found in alone} == {Outcome.KEPT}
    rules = {each["rule"] for found in alone for each in found.differences}
    assert rules & {"pending", "other_marketplace", "too_young"}
    assert sim.calls["getOrder"] == 0


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (EndReport("FATAL", "Out of order."), "report_failed"),
        (EndReport("FATAL"), "report_failed"),
        (EndReport("CANCELLED"), "list_not_believed"),
        (EndReport("DONE", "Report can be requested only upto 30 days"), "span_too_long"),
    ],
    ids=["fatal", "without a reason", "cancelled", "too long"],
)
def test_it_proves_nothing_by_a_list_that_was_not_made(
    start_simulator: StartSimulator, fault: EndReport, code: str
) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)
    sim.rules.add(Rule(operation="createReport", fault=fault))

    closed = audit(platform)

    assert (closed.status, closed.error_code) == (OrderAudit.Status.FAILED, code)
    assert states(platform) == {}


def test_it_does_not_believe_a_list_that_lacks_most_orders(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=120)
    platform = platform_of(sim)
    sync(platform)
    Order.objects.exclude(status="pending").update(status="shipped", platform_updated_at=F("purchased_at"))
    sim.rules.add(Rule(operation="createReport", fault=CutShort(0.2)))

    closed = audit(platform)

    assert (closed.status, closed.error_code) == (OrderAudit.Status.FAILED, "list_not_believed")
    assert "is not believed to be whole" in closed.error_message
    assert states(platform) == {}


def test_rows_that_cannot_be_read_are_counted_and_their_orders_are_looked_for(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)
    sim.rules.add(Rule(operation="createReport", nth=1, fault=BreakRows(2)))

    closed = audit(platform)

    assert (closed.status, closed.unread) == (OrderAudit.Status.PARTIAL, 2)
    assert (closed.missing, closed.different) == (0, 0)


def test_no_day_is_proven_whose_order_was_not_compared_since_its_rows_cannot_be_read(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)
    old = timezone.now() - timedelta(days=3)
    for order in Order.objects.filter(purchased_at__lt=old):
        order.platform_updated_at -= timedelta(seconds=90)
        order.save()
    sim.rules.add(Rule(operation="createReport", fault=BreakRows(2)))

    closed = audit(platform)

    truth = sim.accounts[0].truth_orders()
    stale = [
        order
        for order in Order.objects.filter(purchased_at__lt=old)
        if order.platform_updated_at != truth[order.external_id]["platform_updated_at"]
    ]
    assert 0 < len(stale) <= 2
    for order in stale:
        place = {"day": order.purchased_at.astimezone(UTC).date(), "marketplace_id": order.marketplace_id}
        assert closed.days.get(**place).state == "open"
    sim.rules.clear()
    assert audit(platform).open == 0
    assert not AuditedDay.objects.filter(state="open").exists()


def test_a_platform_without_orders_is_proven_empty(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(orders=0))
    assert audit(platform, days=3).status == OrderAudit.Status.SUCCEEDED
    assert states(platform) == {"proven": 2, "not_yet": 1} or states(platform)["not_yet"] == 2


def test_it_splits_longer_spans(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=20)
    platform = platform_of(sim)
    sync(platform)

    closed = audit(platform, days=70)

    spans = [
        datetime.fromisoformat(each["dataEndTime"]) - datetime.fromisoformat(each["dataStartTime"])
        for each in requests_of(sim, "createReport")
    ]
    assert (closed.status, len(spans)) == (OrderAudit.Status.SUCCEEDED, 6)
    assert max(spans) <= timedelta(days=30)
    assert closed.days.filter(marketplace_id=US).count() == 70


def command(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("audit_orders", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue()


def test_the_command_says_what_it_found(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=40)
    platform = platform_of(sim)
    sync(platform)
    gone = sim.accounts[0].order_ids()[20]
    Order.objects.filter(external_id=gone).delete()

    status, out, _ = command("amazon", "--json", "--days", "30")

    answer: dict[str, Any] = json.loads(out)
    assert status == 0
    assert [answer[name] for name in ("platform", "missing", "stale", "different", "healed", "open")] == [
        "amazon", 1, 0, 0, 1, 0,
    ]  # fmt: skip
    assert {"day", "marketplace_id", "state"} <= answer["days"][0].keys()
    assert [day["missing"] for day in answer["days"] if day["state"] == "healed"] == [1]

    Order.objects.filter(external_id=gone).delete()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    status, out, _ = command("amazon")
    assert status == 3
    assert f"open: {gone} (not_found)" in out
    sim.revoke(*sim.accounts)
    assert command("amazon")[0] == 1
    for arguments in (["nobody"], ["amazon", "--days", "0"], ["amazon", "--days", "x"]):
        assert command(*arguments)[0] == 2
    Platform.objects.update(api_config={})
    status, out, _ = command("amazon")
    assert (status, "config" in out) == (1, True)


def test_the_command_audits_all_active_platforms_that_make_lists(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=40)
    one, other = platform_of(sim, "one"), platform_of(sim, "other")
    Platform.objects.create(name="asleep", is_active=False, api_config=one.api_config)
    Platform.objects.create(name="new")
    for platform in (one, other):
        sync(platform)
    Order.objects.filter(platform=one).first().delete()  # type: ignore[union-attr]

    status, out, err = command("--json", "--days", "3")

    answers = {answer["platform"]: answer for answer in map(json.loads, out.splitlines())}
    assert status == 0
    assert {name: answer["status"] for name, answer in answers.items()} == dict.fromkeys(
        ("one", "other"), "succeeded"
    )
    assert answers["one"]["calls"]["createReport"]["calls"] == 2
    assert "new: no credentials are stored, so it is not audited." in err
    assert "asleep" not in out + err
    platform_of(sim, "other", refresh_token="Atzr|of-nobody")
    status, out, _ = command("--days", "3")
    assert (status, "other orders: failed" in out, "one orders: succeeded" in out) == (1, True, True)
    assert "2 createReport (120 s)" in out


def test_old_audits_go_and_what_is_still_said_of_days_stays(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    sim.reports.lag = timedelta(hours=30)
    first = audit(platform)
    sim.reports.lag = timedelta(0)
    alone = dict(first.findings.filter(outcome=Outcome.KEPT).values_list("external_id", "day"))
    audit(platform, days=1)  # the other days are as the first one says
    today = timezone.now().astimezone(UTC).date()
    kept = first.findings.filter(outcome=Outcome.KEPT).values_list("external_id", "day")
    assert dict(kept) == {external_id: day for external_id, day in alone.items() if day != today}
    assert kept
    gone = sim.accounts[0].order_ids()[20]
    Order.objects.filter(external_id=gone).delete()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    third = audit(platform)
    assert third.status == OrderAudit.Status.PARTIAL
    OrderAudit.objects.update(finished_at=timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS + 1))
    days = AuditedDay.objects.count()

    assert prune_audits() == 2

    assert list(OrderAudit.objects.all()) == [third]
    assert third.findings.filter(outcome=Outcome.OPEN).count() == 1
    assert AuditedDay.objects.count() == days


# --- orders that are kept for so many months


def of_80_days(start_simulator: StartSimulator, settings: Any) -> tuple[Simulator, Platform]:
    """All orders of an account that is older than what is kept."""
    sim = start_simulator(Account(orders=300, days=80))
    settings.ORDERS_INITIAL_DAYS = 89
    platform = platform_of(sim)
    sync(platform)
    return sim, platform


def test_what_was_deleted_for_its_age_is_neither_fetched_nor_said_to_be_here(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim, platform = of_80_days(start_simulator, settings)
    settings.KEEP_ORDERS_MONTHS = 1
    cutoff = months_before(timezone.now(), 1)
    assert prune_old_orders() > 50
    kept = set(stored_orders(platform))
    assert len(kept) > 50

    closed = audit(platform, days=80)

    assert (closed.status, closed.missing, closed.healed) == (OrderAudit.Status.SUCCEEDED, 0, 0)
    assert sim.calls["getOrder"] == 0
    assert set(stored_orders(platform)) == kept
    first = AuditedDay.objects.filter(platform=platform).earliest("day")
    assert first.day == cutoff.astimezone(UTC).date()  # of the days before, nothing is said
    days = AuditedDay.objects.filter(platform=platform)
    placed = Order.objects.filter(purchased_at__date__gte=first.day, source="live").count()
    assert sum(day.orders for day in days) == placed


def test_what_could_not_be_had_of_an_order_ends_with_it(
    start_simulator: StartSimulator, settings: Any
) -> None:
    """Asking once more would bring back what was deleted for its age."""
    sim, platform = of_80_days(start_simulator, settings)
    settings.KEEP_ORDERS_MONTHS = 1
    old, young = (Order.objects.order_by(by)[0].external_id for by in ("purchased_at", "-purchased_at"))
    failures = {
        external_id: SyncFailure.objects.create(
            platform=platform, kind="orders", external_id=external_id, error_code="not_in_full"
        )
        for external_id in (old, young, "never-stored")
    }

    prune_old_orders()

    for failure in failures.values():
        failure.refresh_from_db()
    assert not Order.objects.filter(external_id=old).exists()
    assert (failures[old].resolution, failures[old].resolved_by) == ("dismissed", None)
    assert Change.objects.get(kind="failure.resolved").object_id == failures[old].pk
    assert failures[young].is_open
    assert failures["never-stored"].is_open
    audit(platform)
    assert not Order.objects.filter(external_id=old).exists()
    assert old not in " ".join(each.path for each in sim.requests)


def test_what_a_legal_hold_on_everything_keeps_is_missed_and_what_was_deleted_before_is_not(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim, platform = of_80_days(start_simulator, settings)
    settings.KEEP_ORDERS_MONTHS = 2
    prune_old_orders()
    deleted = set(sim.accounts[0].order_ids()) - set(stored_orders(platform))
    hold = LegalHold.objects.create(
        platform=platform, reason="A dispute", until=timezone.now() + timedelta(days=9)
    )
    settings.KEEP_ORDERS_MONTHS = 1  # as if a month had passed since
    LegalHold.objects.update(made_at=timezone.now() - timedelta(days=31))
    assert prune_old_orders() == 0
    held = Order.objects.filter(platform_updated_at__lt=months_before(timezone.now(), 1) - timedelta(days=2))
    lost = set(held.order_by("-purchased_at").values_list("external_id", flat=True)[:2])
    Order.objects.filter(external_id__in=lost).delete()

    closed = audit(platform, days=80)

    assert (closed.missing, closed.healed, closed.open) == (2, 2, 0)
    assert lost <= set(stored_orders(platform))
    assert deleted - set(stored_orders(platform)) == deleted
    hold.delete()
    assert audit(platform, days=80).missing == 0
    assert prune_old_orders() > 0


def test_an_old_order_that_changed_lately_is_kept_and_so_it_is_missed(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim, platform = of_80_days(start_simulator, settings)
    settings.KEEP_ORDERS_MONTHS = 1
    prune_old_orders()
    account, stored = sim.accounts[0], set(stored_orders(platform))
    back = next(each for each in account.order_ids() if each not in stored)
    account.change_order(back, at=datetime.now(UTC) - timedelta(hours=1))

    closed = audit(platform)

    assert (closed.missing, closed.healed, closed.open) == (1, 1, 0)
    assert Order.objects.get(external_id=back).is_full
    assert prune_old_orders() == 0


# --- in the background


def queued() -> list[list[int]]:
    return [row.args_kwargs["args"] for row in DBTaskResult.objects.filter(task_path=AUDIT_TASK)]


def test_a_worker_parks_an_audit_and_queues_it_for_later(
    start_simulator: StartSimulator, django_capture_on_commit_callbacks: Any
) -> None:
    sim = start_simulator(orders=10)
    platform = platform_of(sim)
    sync(platform)
    sim.rules.add(Rule(operation="createReport", fault=SlowReport(3600)))
    opened, _ = request_audit(platform, trigger=SyncLog.Trigger.API)

    with django_capture_on_commit_callbacks(execute=True):
        assert continue_audit.func(opened.pk) == OrderAudit.Status.WAITING
        assert continue_audit.func(opened.pk) == OrderAudit.Status.WAITING  # a doubled message, too early

    [row] = DBTaskResult.objects.filter(task_path=AUDIT_TASK)
    opened.refresh_from_db()
    assert (row.args_kwargs["args"], row.run_after) == ([opened.pk], opened.resume_at)
    assert is_ours(AUDIT_TASK, None, [opened.pk], {})  # where Redis carries it
    sim.set_clock(3700)
    OrderAudit.objects.update(resume_at=timezone.now())
    assert continue_audit.func(opened.pk) == OrderAudit.Status.SUCCEEDED


def test_the_scheduler_has_each_platform_audited_once_a_night(
    start_simulator: StartSimulator, settings: Any
) -> None:
    platform = platform_of(start_simulator(orders=10))
    platform_of(start_simulator(orders=10), name="never-read")
    sync(platform)
    settings.AUDIT_ORDERS = "nightly"
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    nights = [midnight + timedelta(hours=hour) for hour in (2, 5, 6, 26, 29)]

    opened = []
    for night in nights:
        opened.append([audit.platform for audit in due_audits(night)])
        OrderAudit.objects.update(open_key=None, status=OrderAudit.Status.SUCCEEDED)
    assert opened == [[], [platform], [], [], [platform]]
    settings.AUDIT_ORDERS = "off"
    assert list(due_audits(midnight + timedelta(days=9, hours=5))) == []


def test_the_scheduler_queues_again_what_nobody_works_on(
    start_simulator: StartSimulator, django_capture_on_commit_callbacks: Any
) -> None:
    platform = platform_of(start_simulator(orders=10))
    opened, _ = request_audit(platform, trigger=SyncLog.Trigger.API)
    assert list(lost_audits()) == []
    long_ago = timezone.now() - timedelta(minutes=6)
    for lost in (
        {"queued_at": long_ago},
        {"status": "waiting", "resume_at": long_ago},
        {"status": "running", "resume_at": None, "lease_token": "dead", "lease_expires_at": long_ago},
    ):
        OrderAudit.objects.update(**lost)
        assert [found.pk for found in lost_audits()] == [opened.pk]
        assert list(lost_audits()) == []
    OrderAudit.objects.update(status="waiting", resume_at=long_ago)
    with django_capture_on_commit_callbacks(execute=True):
        call_command("run_scheduler", "--once", stdout=io.StringIO())
        call_command("run_scheduler", "--once", stdout=io.StringIO())
    assert queued() == [[opened.pk]]


# --- over REST


def test_the_api_audits_and_tells_what_is_known_of_each_day(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=40)
    platform = platform_of(sim)
    sync(platform)
    gone = sim.accounts[0].order_ids()[20]
    Order.objects.filter(external_id=gone).delete()
    api = superuser()

    done = api.post("/audits?platform_name=amazon&days=30&wait=true")
    again = api.post("/audits/", {"platform_name": "amazon"}, format="json")

    answer = done.json()
    assert (done.status_code, again.status_code) == (200, 202)
    assert done["Location"].endswith(f"/audits/{answer['id']}")
    assert api.get(done["Location"]).json() == answer
    opened = api.get(again["Location"]).json()
    assert (opened["status"], opened["days"], opened["trigger"], opened["requested_by"]) == (
        "queued", [], "api", "root",
    )  # fmt: skip
    audits = api.get("/audits").json()["results"]
    assert [row["id"] for row in audits] == [opened["id"], answer["id"]]
    assert audits[1] == {name: value for name, value in answer.items() if name != "days"}
    [row] = api.get("/audits?status=succeeded&trigger=api&platform_name=amazon&fields=id").json()["results"]
    assert row == {"id": answer["id"]}
    assert [answer[name] for name in ("platform", "missing", "healed", "open")] == ["amazon", 1, 1, 0]
    assert again.json()["status"] == "queued"
    listed = api.get("/completeness?platform_name=amazon&page_size=500").json()["results"]
    assert len(listed) == len(answer["days"]) >= 30
    assert {row["state"] for row in listed} <= set(AuditedDay.State.values)
    paged, address = list[Any](), "/completeness?page_size=1"
    while address:
        answer = api.get(address).json()
        paged, address = paged + answer["results"], answer["next"]
    assert paged == listed
    [healed] = api.get("/completeness?state=healed").json()["results"]
    assert (healed["missing"], healed["healed"], healed["report"] != "") == (1, 1, True)
    day = healed["day"]
    assert {row["day"] for row in api.get(f"/completeness?since={day}").json()["results"]} >= {day}
    assert api.get(f"/completeness?until={day}&state=healed").json()["results"] == []
    for odd in ("since=yesterday", "state=good", "until=2026-1-1", "colour=blue"):
        assert api.get(f"/completeness?{odd}").status_code == 400, odd
    for odd in (
        "",
        "platform_name=amazon&days=0",
        "platform_name=amazon&days=x",
        "platform_name=amazon&wait=1",
    ):
        assert api.post(f"/audits?{odd}").status_code == 400, odd
    wrong = api.post("/audits?platform_name=amazon&days=731").json()
    assert wrong["fields"] == {"days": ["days is '731'; it takes a whole number from 1 to 730."]}
    assert api.post("/audits?platform_name=nobody").status_code == 404
