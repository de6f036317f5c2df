"""What an audit could not heal: a failure with its reason, replayed or dismissed as those of syncs; and how far orders
are proven."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from api.tests.rest import superuser
from feed.models import Change
from integrations.completeness.closing import prune_audits
from integrations.completeness.proof import Span, proven_span
from integrations.models import AuditedDay, AuditFinding, OrderAudit, OrderProof, SyncFailure
from integrations.tests.syncing import platform_of, raw_order, stored_orders, sync
from integrations.tests.test_audits import audit
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Answer, Canned, Rule, Simulator

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Outcome, State = AuditFinding.Outcome, AuditedDay.State


def without_one(sim: Simulator, platform: Platform, number: int = 20) -> str:
    """An order that the list has, that is not stored, and that Amazon does not give."""
    gone = sim.accounts[0].order_ids()[number]
    Order.objects.filter(platform=platform, external_id=gone).delete()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    return gone


def changes() -> list[str]:
    of_failures = Change.objects.filter(kind__startswith="failure.").order_by("pk")
    return list(of_failures.values_list("kind", flat=True))


def test_what_stays_open_is_one_failure_until_it_is_here(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    gone = without_one(sim, platform)
    first = audit(platform)
    failure = SyncFailure.objects.get()

    assert (failure.external_id, failure.kind, failure.error_code) == (gone, "orders", "not_found")
    assert (failure.log, failure.audit) == (None, first)
    assert failure.error_message.startswith("The platform lists this order, and it is not stored. Audit #")
    assert (failure.payload["found"], failure.payload["listed"]["order_id"]) == ("missing", gone)
    assert changes() == ["failure.opened"]
    day = AuditedDay.objects.get(platform=platform, state=State.OPEN)
    assert OrderProof.objects.get().open_days == 1
    AuditedDay.objects.filter(pk=day.pk).update(open_since=day.checked_at - timedelta(days=3))

    second = audit(platform)  # still so: the same failure, and the day is open for as long

    failure.refresh_from_db()
    assert (SyncFailure.objects.count(), failure.audit, failure.is_open) == (1, second, True)
    assert changes() == ["failure.opened"]
    again = AuditedDay.objects.get(platform=platform, state=State.OPEN)
    assert (again.day, again.open_since) == (day.day, day.checked_at - timedelta(days=3))
    assert set(failure.findings.values_list("audit", flat=True)) == {first.pk, second.pk}

    api = superuser()
    [row] = api.get(f"/sync-failures?audit={second.pk}").json()["results"]
    assert (row["id"], row["sync"], row["audit"]) == (failure.pk, None, second.pk)
    refused = api.post(f"/sync-failures/{failure.pk}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_found")
    assert AuditedDay.objects.get(pk=again.pk).open == 1

    sim.rules.clear()
    assert api.post(f"/sync-failures/{failure.pk}/replay").json()["resolution"] == "replayed"

    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    again.refresh_from_db()
    assert (again.state, again.open, again.healed, again.open_since) == (State.HEALED, 0, 1, None)
    second.refresh_from_db()
    assert (second.status, second.open, second.healed) == (OrderAudit.Status.SUCCEEDED, 0, 1)
    found = second.findings.get(outcome=Outcome.HEALED)
    assert (found.external_id, found.error_code) == (gone, "")
    proof = OrderProof.objects.get()
    assert (proof.open_days, proof.until) == (0, _last_proven(platform))
    assert changes() == ["failure.opened", "failure.resolved"]
    assert audit(platform).status == OrderAudit.Status.SUCCEEDED


def test_what_is_healed_after_pruning_adds_to_what_was_healed_before(
    start_simulator: StartSimulator, settings: Any
) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    days = Order.objects.order_by().values_list("purchased_at__date")
    day = days.annotate(n=Count("pk")).order_by("-n").values_list("purchased_at__date", flat=True)[0]
    placed = Order.objects.filter(purchased_at__date=day)
    others = placed.count() - 1
    assert others > 0
    placed.delete()
    sim.rules.add(Rule(operation="getOrder", times=1, fault=Answer(404)))
    closed = audit(platform)
    assert (closed.healed, closed.open) == (others, 1)
    OrderAudit.objects.update(finished_at=timezone.now() - timedelta(days=settings.KEEP_SYNC_LOG_DAYS + 1))
    prune_audits()
    assert closed.findings.filter(outcome=Outcome.HEALED).count() == 0

    assert superuser().post(f"/sync-failures/{SyncFailure.objects.get().pk}/replay").status_code == 200

    closed.refresh_from_db()
    assert (closed.healed, closed.open) == (others + 1, 0)
    # Some orders belong to no marketplace, and have a row of their own.
    healed = AuditedDay.objects.filter(platform=platform, day=day, orders__gt=0)
    assert sum(row.healed for row in healed) == others + 1
    assert {(row.open, row.state) for row in healed} == {(0, State.HEALED)}


def _last_proven(platform: Platform) -> date | None:
    good = AuditedDay.objects.filter(platform=platform, state__in=(State.PROVEN, State.HEALED))
    return good.order_by("-day").values_list("day", flat=True).first()


def test_what_differs_from_the_list_stays_open_until_it_agrees(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(3, 60, 20, ("ATVPDKIKX0DER",)))
    platform = platform_of(sim)
    sync(platform)
    order = Order.objects.filter(status="shipped").earliest("pk")
    stored = order.external_id
    Order.objects.filter(pk=order.pk).update(status="unshipped")
    true = sim.accounts[0].truth_orders()[stored]
    other = raw_order(0, orderId=stored, lastUpdatedTime=_iso(true["platform_updated_at"]))
    sim.script("getOrder", *[Canned.json(200, {"order": other})] * 2)

    closed = audit(platform)

    failure = SyncFailure.objects.get()
    assert (closed.open, failure.external_id) == (1, stored)
    assert failure.error_code == "still_different"
    assert "shipped in the list, unshipped stored" in failure.error_message
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("replay_failures", "--json", stdout=out, stderr=io.StringIO())
    assert json.loads(out.getvalue())["why_open"]["code"] == "still_different"
    call_command("replay_failures", stdout=out, stderr=io.StringIO())
    failure.refresh_from_db()
    assert (failure.resolution, stored_orders(platform)) == ("replayed", sim.accounts[0].truth_orders())


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_somebody_dismissed_stays_so_while_the_reason_is_the_same(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    without_one(sim, platform)
    audit(platform)
    failure = SyncFailure.objects.get()
    page = admin_client.get(reverse("admin:integrations_syncfailure_changelist")).content.decode()
    assert f"audit #{failure.audit_id}" in page
    admin_client.post(reverse("admin:integrations_syncfailure_button", args=[failure.pk, "dismiss"]))

    second = audit(platform)

    [kept] = SyncFailure.objects.all()
    assert (kept.resolution, second.findings.get(outcome=Outcome.OPEN).failure) == ("dismissed", kept)
    sim.rules.clear()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(400)))
    third = audit(platform)
    assert third.open == 1
    assert [one.is_open for one in SyncFailure.objects.order_by("pk")] == [False, True]


def test_a_sync_or_a_person_that_brings_the_order_settles_it(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    one, other = without_one(sim, platform, 20), without_one(sim, platform, 25)
    audit(platform)
    assert SyncFailure.objects.open().count() == 2
    sim.rules.clear()

    admin_client.post(reverse("where-is-my-order"), {"id": one, "store": platform.pk})

    assert list(SyncFailure.objects.open().values_list("external_id", flat=True)) == [other]
    call_command("sync_orders", "amazon", "--days", "60", stdout=io.StringIO(), stderr=io.StringIO())
    assert SyncFailure.objects.open().count() == 1
    audit(platform, days=1)
    assert SyncFailure.objects.open().count() == 0


def test_many_that_agree_at_once_cost_one_look_at_the_audited_days(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=60)
    platform = platform_of(sim)
    sync(platform)
    for number in (10, 20, 25):
        without_one(sim, platform, number)
    audit(platform)
    assert OrderProof.objects.get().open_days > 0
    sim.rules.clear()
    call_command("sync_orders", "amazon", "--days", "60", stdout=io.StringIO(), stderr=io.StringIO())
    with CaptureQueriesContext(connection) as asked:
        audit(platform, days=1)
    every_day = AuditedDay.objects.order_by("-day").values_list("day", "marketplace_id", "state")
    start = str(every_day.query).partition(" FROM ")[0]
    looks = [query for query in asked if query["sql"].startswith(start)]
    assert len(looks) == 2  # for those that agree, and for the audit itself
    assert SyncFailure.objects.open().count() == OrderProof.objects.get().open_days == 0


DAY = timedelta(days=1)
D = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("days", "span"),
    [
        ([], None),
        (["p"], (0, 0)),
        (["p", "h", "p"], (0, 2)),
        (["p", "p", "n"], (0, 1)),
        (["p", "o", "p", "n"], (0, 0)),
        (["o", "p", "p"], None),
        (["p", "", "p", "p"], (2, 3)),
        (["p p", "p o", "p p"], (0, 0)),
        (["p", "p p", "p p"], (1, 2)),
        (["p p", "p", "p"], (0, 2)),
        (["n"], None),
    ],
)
def test_orders_are_proven_until_the_first_gap(days: list[str], span: tuple[int, int] | None) -> None:
    states = {"p": State.PROVEN, "h": State.HEALED, "o": State.OPEN, "n": State.NOT_YET}
    rows = [
        (D + number * DAY, f"site-{place}", states[letter])
        for number, text in enumerate(days)
        for place, letter in enumerate(text.split())
    ]
    expected = None if span is None else Span(D + span[0] * DAY, D + span[1] * DAY)
    assert proven_span(sorted(rows, reverse=True)) == expected
