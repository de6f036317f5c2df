"""Audits of stock against a simulated Amazon: whatever is hidden or spoiled is found and read again, and what moves all
the time is no alarm."""

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

from api.tests.rest import superuser
from integrations.completeness.stock.audits import request_stock_audit, run_stock_audit
from integrations.completeness.stock.closing import prune_stock_audits
from integrations.completeness.stock.queue import due_stock_audits, lost_stock_audits
from integrations.models import AuditedStock, AuditFinding, StockAudit, StockFinding, SyncFailure, SyncLog
from integrations.sync.failures import dismiss
from integrations.tests.killing import run_until_closed
from integrations.tests.syncing import INVENTORY, platform_of, requests_of, stored_stock, sync
from inventory.models import InventoryItem
from platforms.models import Platform
from simulator import Account, Answer, CutShort, DoubleRows, EndReport, Rule, Simulator, SlowReport
from simulator.reports import STOCK

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Kind, Outcome = StockFinding.Kind, AuditFinding.Outcome
US, CA, MX = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1AM78C64UM0Y8"
LONG_AGO = datetime.now(UTC) - timedelta(days=2)


def audit(platform: Platform) -> StockAudit:
    opened, _ = request_stock_audit(platform, trigger=SyncLog.Trigger.COMMAND)
    return until_closed(opened)


def until_closed(opened: StockAudit, sim: Simulator | None = None) -> StockAudit:
    """As if whatever it waits for took no time; at Amazon, too, where `sim` is given."""
    ahead = 0.0
    for _ in range(60):
        opened = run_stock_audit(opened.pk)
        if not opened.is_open:
            return opened
        if sim is not None and opened.resume_at is not None:
            ahead += (opened.resume_at - timezone.now()).total_seconds() + 1
            sim.set_clock(ahead)
        StockAudit.objects.update(resume_at=timezone.now())
        due_now(opened)
    raise AssertionError(f"never closed: {opened.status}, {opened.parts}, {opened.notes}")


def due_now(opened: StockAudit) -> None:
    parts = [part | {"again_at": part["again_at"] and timezone.now().isoformat()} for part in opened.parts]
    StockAudit.objects.filter(pk=opened.pk).update(parts=parts)


def swept(sim: Simulator, **changes: Any) -> Platform:
    """The platform of the simulator, whose stock was read an hour ago, when what is in it had long been so."""
    platform = platform_of(sim, **changes)
    sync(platform, INVENTORY)
    return platform


def findings(closed: StockAudit) -> dict[tuple[str, str], str]:
    return {
        (each.marketplace_id, each.sku): each.kind for each in closed.findings.exclude(kind=Kind.ONLY_HERE)
    }


def states(platform: Platform) -> dict[str, str]:
    return dict(AuditedStock.objects.filter(platform=platform).values_list("marketplace_id", "state"))


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "cp932"])
def test_it_proves_each_marketplace_that_is_as_the_platform_lists_it(
    start_simulator: StartSimulator, charset: str
) -> None:
    sim = start_simulator(orders=0, skus=120, marketplace_ids=(US, CA))
    sim.reports.charset, sim.reports.shuffled = charset, 5
    platform = swept(sim, additional_marketplace_ids=[CA])
    before = stored_stock(platform)

    closed = audit(platform)

    assert (closed.status, closed.error_message) == (StockAudit.Status.SUCCEEDED, "")
    assert [closed.missing, closed.different, closed.only_here, closed.healed, closed.open] == [0] * 5
    assert not closed.findings.exists()
    assert closed.compared == len(before)
    assert states(platform) == {US: "proven", CA: "proven"}
    assert stored_stock(platform) == before
    assert (sim.calls["createReport"], sim.calls["getReports"]) == (2, 1)
    asked = requests_of(sim, "createReport")
    assert [(each["reportType"], each["marketplaceIds"]) for each in asked] == [(STOCK, US), (STOCK, CA)]
    assert (
        closed.api_calls
        == sum(sim.calls[name] for name in ("createReport", "getReports", "getReport", "getReportDocument"))
        + closed.calls.get("getInventorySummaries", {"calls": 0})["calls"]
    )


def spoil(account: Account, platform: Platform, chance: random.Random) -> dict[tuple[str, str], str]:
    """Hides or spoils some stock in every way there is; says as what each is to be found."""
    rows = [
        row
        for row in InventoryItem.objects.filter(platform=platform, total__gt=0).order_by("pk")
        if InventoryItem.objects.filter(marketplace_id=row.marketplace_id, sku=row.sku).count() == 1
    ]
    expected: dict[tuple[str, str], str] = {}
    for number, row in enumerate(chance.sample(rows, 32)):
        stored, how = InventoryItem.objects.filter(pk=row.pk), number % 8
        kind = Kind.DIFFERENT
        if how == 0:
            stored.delete()
            kind = Kind.MISSING
        elif how == 1:  # taken for gone
            stored.update(gone_at=timezone.now(), **dict.fromkeys(("total", "available"), 0))
            kind = Kind.MISSING
        elif how == 2:  # no sweep ever lists it
            account.hide_sku(row.marketplace_id, row.sku)
            stored.delete()
            kind = Kind.MISSING
        elif how == 3:
            stored.update(available=F("available") + 1)
        elif how == 4:
            stored.update(reserved=F("reserved") + 7, total=F("total") + 7)
        elif how == 5:
            stored.update(total=F("total") + 1000)
        elif how == 6:  # what is not known is not what is there
            stored.update(available=None, reserved=None, unfulfillable=None, researching=None, inbound=None)
            if row.available == row.reserved == row.unfulfillable == 0:
                continue
        else:
            stored.update(unfulfillable=F("unfulfillable") + 3, researching=F("researching") + 2)
        expected[row.marketplace_id, row.sku] = kind
    return expected


@pytest.mark.parametrize("seed", range(2))
def test_it_finds_and_reads_again_whatever_is_hidden_or_spoiled_and_nothing_else(
    start_simulator: StartSimulator, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  no secret
    sim = start_simulator(Account(seed, 0, 150, (US, CA)))
    sim.reports.charset = ("utf-8", "cp1252")[seed]
    platform = swept(sim, additional_marketplace_ids=[CA])
    expected = spoil(sim.accounts[0], platform, chance)
    sim.rules.add(Rule(operation="createReport", fault=DoubleRows()), Rule(every=5, fault=Answer(503)))
    opened, _ = request_stock_audit(platform, trigger=SyncLog.Trigger.COMMAND)

    opened, died = run_until_closed(opened, run_stock_audit, chance)

    assert died
    assert opened.status == StockAudit.Status.SUCCEEDED, (opened.error_message, opened.notes)
    assert findings(opened) == expected
    assert (opened.healed, opened.open) == (len(expected), 0)
    truth = sim.accounts[0].truth_inventory()
    assert stored_stock(platform) == truth
    assert set(states(platform).values()) == {"healed"}
    both = opened.findings.filter(kind=Kind.DIFFERENT, differences__0__field="available").first()
    assert both is not None
    assert both.differences[0]["reported"] != both.differences[0]["stored"]

    sim.rules.clear()
    sync(platform, INVENTORY)  # it lists not all of it, and takes away nothing that was found by its name
    assert stored_stock(platform) == truth


@pytest.mark.parametrize("when", ["between list and sweep", "after the list"])
def test_what_moves_all_the_time_is_no_alarm(start_simulator: StartSimulator, when: str) -> None:
    sim = start_simulator(orders=0, skus=80)
    platform, account = swept(sim), sim.accounts[0]
    opened, _ = request_stock_audit(platform, trigger=SyncLog.Trigger.COMMAND)
    if when == "after the list":
        sim.rules.add(Rule(operation="createReport", fault=SlowReport(60)))
        assert run_stock_audit(opened.pk).status == StockAudit.Status.WAITING
    moved = {row.sku for row in account.all_stock()}
    for sku in sorted(moved)[::2]:
        account.change_stock(US, sku)
    if when == "after the list":
        sync(platform, INVENTORY)
    sim.set_clock(70)

    closed = until_closed(opened)

    assert (closed.status, closed.missing, closed.different, closed.healed) == ("succeeded", 0, 0, 0)
    assert set(closed.explained) <= {
        "changed_since",
        "confirmed",
        "inbound_is_undated",
        "total_of_other_kinds",
    }
    assert sum(closed.explained.values()) > 20
    assert states(platform) == {US: "proven"}
    assert stored_stock(platform) == account.truth_inventory()  # refreshed on the way


def test_closed_listings_and_those_that_merchants_ship_are_no_alarm(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0, skus=60)
    account = sim.accounts[0]
    never, later = "SKU-00030", "SKU-00031"
    account.unlist_sku(US, never)
    platform = swept(sim)
    account.unlist_sku(US, later)

    closed = audit(platform)

    assert (closed.status, closed.missing, closed.different, closed.only_here) == ("succeeded", 0, 0, 0)
    assert closed.explained == {"closed_listing": 2, "total_of_other_kinds": 24}
    gone = InventoryItem.objects.get(sku=later)
    assert (gone.gone_at is not None, gone.total) == (True, 0)
    assert not InventoryItem.objects.filter(sku=never).exists()


def test_it_uses_a_list_of_another_program_rather_than_to_ask_too_often(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=0, skus=30, marketplace_ids=(US, CA, MX))
    platform = swept(sim, additional_marketplace_ids=[CA])
    account = sim.accounts[0]
    of_another = sim.reports.create(account, {"reportType": STOCK, "marketplaceIds": US})["reportId"]
    sim.reports.create(
        account, {"reportType": STOCK, "marketplaceIds": f"{CA},{MX}"}
    )  # of which one, nobody knows

    closed = until_closed(request_stock_audit(platform, trigger=SyncLog.Trigger.API)[0], sim)

    assert closed.status == StockAudit.Status.SUCCEEDED
    lists = {part["site"]: part["list"] for part in closed.parts}
    assert lists[US] == of_another
    row = AuditedStock.objects.get(marketplace_id=US)
    assert (row.list_id, row.asked_at is not None) == (of_another, True)
    # That for CA was refused at first, since it was asked for within half an hour of one that has CA in it.
    assert [each["marketplaceIds"] for each in requests_of(sim, "createReport")] == [CA, CA]
    assert states(platform) == {US: "proven", CA: "proven"}


@pytest.mark.parametrize("ending", ["FATAL", "CANCELLED"])
def test_a_marketplace_whose_list_is_refused_for_good_does_not_hold_up_the_others(
    start_simulator: StartSimulator, ending: str
) -> None:
    sim = start_simulator(orders=0, skus=30, marketplace_ids=(US, CA))
    platform = swept(sim, additional_marketplace_ids=[CA])
    sim.rules.add(Rule(operation="createReport", marketplace=CA, fault=EndReport(ending)))

    closed = until_closed(request_stock_audit(platform, trigger=SyncLog.Trigger.API)[0], sim)

    code = {"FATAL": "report_failed", "CANCELLED": "list_not_believed"}[ending]
    assert (closed.status, closed.error_code) == (StockAudit.Status.PARTIAL, code)
    assert states(platform) == {US: "proven", CA: "not_yet"}
    assert len(requests_of(sim, "createReport")) == 1 + 3
    assert AuditedStock.objects.get(marketplace_id=CA).error_message


def test_it_does_not_believe_a_list_that_lacks_most_listings(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0, skus=120)
    platform = swept(sim)
    before = stored_stock(platform)
    sim.rules.add(Rule(operation="createReport", fault=CutShort(0.3)))

    closed = audit(platform)

    assert (closed.status, closed.error_code) == (StockAudit.Status.FAILED, "list_not_believed")
    assert states(platform) == {US: "not_yet"}
    assert stored_stock(platform) == before


def test_it_keeps_open_what_the_platform_lists_and_does_not_know_by_name(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=0, skus=40)
    platform, account = swept(sim), sim.accounts[0]
    InventoryItem.objects.filter(sku="SKU-00031").delete()
    opened, _ = request_stock_audit(platform, trigger=SyncLog.Trigger.COMMAND)
    sim.rules.add(Rule(operation="createReport", fault=SlowReport(10)))
    run_stock_audit(opened.pk)
    account.unlist_sku(US, "SKU-00031")
    sim.set_clock(20)

    closed = until_closed(opened)

    [found] = closed.findings.all()
    assert (found.sku, found.kind, found.outcome) == ("SKU-00031", Kind.MISSING, Outcome.OPEN)
    assert (found.error_code, closed.status) == ("not_known_by_name", StockAudit.Status.PARTIAL)
    assert states(platform) == {US: "open"}
    failure = SyncFailure.objects.get()
    assert (failure.kind, failure.external_id, failure.error_code) == (
        "inventory",
        "SKU-00031",
        "not_known_by_name",
    )
    assert failure.log is not None
    assert audit(platform).open == 1  # it is in the list of before, and found again
    assert SyncFailure.objects.count() == 1
    account.list_sku(US, "SKU-00031")
    healed = audit(platform)
    assert (healed.open, healed.healed) == (0, 1)
    failure.refresh_from_db()
    assert not failure.is_open


def test_what_somebody_has_dismissed_stays_so_as_long_as_the_reason_is_the_same(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=0, skus=40)
    platform, account = swept(sim), sim.accounts[0]
    InventoryItem.objects.filter(sku="SKU-00031").delete()
    sim.reports.create(
        account, {"reportType": STOCK, "marketplaceIds": US}
    )  # its list has it for half an hour
    account.unlist_sku(US, "SKU-00031")
    assert audit(platform).open == 1
    [failure] = SyncFailure.objects.all()
    dismiss(failure)

    again = audit(platform)

    assert (again.open, states(platform)) == (1, {US: "open"})
    assert SyncFailure.objects.count() == 1
    failure.refresh_from_db()
    assert (failure.is_open, failure.resolution) == (False, "dismissed")
    SyncFailure.objects.update(error_code="still_different")  # another reason
    audit(platform)
    assert SyncFailure.objects.open().get().error_code == "not_known_by_name"


@pytest.mark.parametrize("charset", ["cp1252", "cp932"])
def test_a_sku_that_the_charset_of_the_list_cannot_write_is_no_alarm(
    start_simulator: StartSimulator, charset: str
) -> None:
    """It is not stored, so that not even its FNSKU tells which one it is: a sweep brings it."""
    sim = start_simulator(orders=0, skus=120)
    sim.reports.charset = charset
    platform = swept(sim)
    skus = InventoryItem.objects.filter(total__gt=0).values_list("sku", flat=True)
    odd = next(sku for sku in skus if sku.encode(charset, errors="replace").decode(charset) != sku)
    InventoryItem.objects.filter(sku=odd).delete()

    closed = audit(platform)

    assert (closed.status, closed.missing, closed.open) == (StockAudit.Status.SUCCEEDED, 0, 0)
    assert closed.explained["unwritable_sku"] == 1
    assert not SyncFailure.objects.exists()
    sync(platform, INVENTORY)
    assert stored_stock(platform) == sim.accounts[0].truth_inventory()


def test_a_seller_without_stock_is_proven_and_one_whose_stock_was_never_read_is_not(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(Account(orders=0, skus=20, fba=False))
    platform = platform_of(sim)

    never_read = audit(platform)
    sync(platform, INVENTORY)
    without = audit(platform)

    assert (never_read.status, never_read.error_code) == (StockAudit.Status.SUCCEEDED, "never_read")
    assert (without.status, without.error_code) == (StockAudit.Status.SUCCEEDED, "")
    assert states(platform) == {US: "proven"}
    assert sim.calls["createReport"] == 1
    Platform.objects.update(api_config={})
    assert audit(Platform.objects.get()).error_code == "config"


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("audit_inventory", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def test_the_command_and_the_api_say_what_they_found(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=0, skus=40)
    platform = swept(sim)
    InventoryItem.objects.filter(sku="SKU-00031").delete()

    status, out = command("amazon", "--json")

    answer = json.loads(out)
    [place] = answer["marketplaces"]
    assert (status, answer["missing"], answer["healed"], answer["open"]) == (0, 1, 1, 0)
    assert (place["marketplace_id"], place["state"], place["report"] != "") == (US, "healed", True)
    assert "ATVPDKIKX0DER: proven, 43 listings" in command()[1]
    assert command("nobody")[0] == 2

    api = superuser()
    InventoryItem.objects.filter(sku="SKU-00032").update(available=9999)
    done = api.post("/inventory-audits?platform_name=amazon&wait=true")
    assert (done.status_code, done.json()["different"], done.json()["healed"]) == (200, 1, 1)
    one = api.get(done["Location"]).json()
    assert (one["marketplaces"][0]["state"], one["platform"]) == ("healed", "amazon")
    assert len(api.get("/inventory-audits").json()["results"]) == 3
    [known] = api.get("/inventory-completeness?state=healed").json()["results"]
    assert (known["platform"], known["healed"], known["report"]) == ("amazon", 1, place["report"])
    assert api.post("/inventory-audits", {"platform_name": "amazon"}, format="json").status_code == 202
    for odd in ("", "platform_name=amazon&days=3", "platform_name=amazon&wait=1"):
        assert api.post(f"/inventory-audits?{odd}").status_code == 400, odd
    sim.revoke(*sim.accounts)
    assert command("amazon")[0] == 1
    Platform.objects.update(is_active=False)
    assert command() == (0, "")
    assert platform.audited_stock.count() == 1


def test_the_scheduler_has_stock_audited_once_a_night(start_simulator: StartSimulator, settings: Any) -> None:
    platform = platform_of(start_simulator(orders=0, skus=5))
    settings.AUDIT_INVENTORY = "nightly"
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert list(due_stock_audits(midnight + timedelta(hours=6))) == []  # without stock
    sync(platform, INVENTORY)

    opened = []
    for hour in (3, 6, 7, 27, 30):
        opened.append([each.platform for each in due_stock_audits(midnight + timedelta(hours=hour))])
        StockAudit.objects.update(
            open_key=None, status=StockAudit.Status.SUCCEEDED, finished_at=timezone.now()
        )
    assert opened == [[], [platform], [], [], [platform]]
    settings.AUDIT_INVENTORY = "off"
    assert list(due_stock_audits(midnight + timedelta(days=9, hours=6))) == []

    lost, _ = request_stock_audit(platform, trigger=SyncLog.Trigger.API)
    StockAudit.objects.filter(pk=lost.pk).update(queued_at=timezone.now() - timedelta(minutes=6))
    assert [each.pk for each in lost_stock_audits()] == [lost.pk]
    StockAudit.objects.exclude(pk=lost.pk).update(finished_at=timezone.now() - timedelta(days=500))
    assert prune_stock_audits() == 2
