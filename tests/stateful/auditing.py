"""The property test of audits: orders and stock are hidden or spoiled in any mix, workers die while they audit, and
what the next audit says and does is compared with what was done, and with the simulated Amazon's truth.

A night is made of the seed: the same seed brings the same mix.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from integrations.completeness.audits import request_audit, run_audit
from integrations.completeness.stock.audits import request_stock_audit, run_stock_audit
from integrations.models import AuditedDay, AuditFinding, Job, OrderAudit, StockAudit, StockFinding, SyncLog
from integrations.tests.comparing import order_differences, stock_differences
from integrations.tests.killing import run_until_closed
from integrations.tests.syncing import INVENTORY, platform_of, sync
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Platform
from simulator import (
    Account,
    Answer,
    Cut,
    DoubleRows,
    EndReport,
    ExpireLinks,
    LoseAnswer,
    Reset,
    Rule,
    Simulator,
)
from simulator.faults.base import Fault

MARKETPLACES = ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2")
CHARSETS = ("utf-8", "utf-8", "cp1252", "cp932")
FAULTS: tuple[Fault, ...] = (Reset(), Cut(), Answer(503), Answer(500, "html"), LoseAnswer())
Kind, Outcome, Stock = AuditFinding.Kind, AuditFinding.Outcome, StockFinding.Kind
Rows = Any  # a queryset of one row


@dataclass
class Found:
    """What was done, and what audits made of it."""

    orders: int = 0
    listings: int = 0
    spoiled: Counter[str] = field(default_factory=Counter)
    found: int = 0
    healed: int = 0
    false_alarms: int = 0
    audits: int = 0
    deaths: int = 0

    def __iadd__(self, other: "Found") -> "Found":
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self

    def __str__(self) -> str:
        ways = ", ".join(f"{way} {count}" for way, count in sorted(self.spoiled.items()))
        return (
            f"{self.orders} orders and {self.listings} listings, {self.spoiled.total()} hidden or spoiled ({ways}): "
            f"{self.found} found, {self.healed} healed, {self.false_alarms} false alarms; {self.audits} audits, "
            f"{self.deaths} deaths"
        )


def lately(minutes: float = 4) -> datetime:
    """Long enough ago to stand in a list that is asked for now."""
    return datetime.now(UTC) - timedelta(minutes=minutes)


# --- what is done to an order; returns as what it is to be found, or None where that cannot be done to this one


def lost(account: Account, order: Order, rows: Rows) -> str | None:
    rows.delete()
    return Kind.MISSING


def never_listed(account: Account, order: Order, rows: Rows) -> str | None:
    account.hide_order(order.external_id)
    return lost(account, order, rows)


def lost_update(account: Account, order: Order, rows: Rows) -> str | None:
    account.hide_order(order.external_id)
    account.change_order(order.external_id, at=lately())
    return Kind.STALE


def two_lost_updates(account: Account, order: Order, rows: Rows) -> str | None:
    lost_update(account, order, rows)
    account.reprice_order(order.external_id, at=lately(3))
    return Kind.STALE


def lost_cancellation(account: Account, order: Order, rows: Rows) -> str | None:
    account.hide_order(order.external_id)
    account.cancel_order(order.external_id, at=lately())
    return Kind.STALE


def lost_removal(account: Account, order: Order, rows: Rows) -> str | None:
    account.hide_order(order.external_id)
    account.drop_line(order.external_id, at=lately())
    return Kind.STALE


def older_copy(account: Account, order: Order, rows: Rows) -> str | None:
    rows.update(platform_updated_at=F("platform_updated_at") - timedelta(days=1))
    return Kind.STALE


def other_status(account: Account, order: Order, rows: Rows) -> str | None:
    if order.status == "unknown":
        return None
    rows.update(status="unshipped" if order.status == "shipped" else "shipped")
    return Kind.DIFFERENT


def other_quantity(account: Account, order: Order, rows: Rows) -> str | None:
    item = _plain_line(order)
    if item is None:
        return None
    OrderItem.objects.filter(pk=item.pk).update(quantity_ordered=999)
    return Kind.DIFFERENT


def other_sku(account: Account, order: Order, rows: Rows) -> str | None:
    item = _plain_line(order)
    if item is None:
        return None
    OrderItem.objects.filter(pk=item.pk).update(sku="NOT-SOLD-HERE")
    return Kind.DIFFERENT


def line_too_many(account: Account, order: Order, rows: Rows) -> str | None:
    if _plain_line(order) is None:
        return None
    OrderItem.objects.create(
        order=order,
        external_id="99999999999999",
        sku="NOT-SOLD-HERE",
        quantity_ordered=2,
        currency=order.currency,
    )
    return Kind.DIFFERENT


def other_price(account: Account, order: Order, rows: Rows) -> str | None:
    if not _is_priced(order):
        return None
    first = order.items.order_by("pk")[:1].get()
    OrderItem.objects.filter(pk=first.pk).update(unit_price=F("unit_price") + 1000)
    return Kind.DIFFERENT


def other_currency(account: Account, order: Order, rows: Rows) -> str | None:
    if not _is_priced(order):
        return None
    rows.update(currency="XTS")
    return Kind.DIFFERENT


def _is_priced(order: Order) -> bool:
    """Whether the list names what all of its units cost."""
    if order.status in ("cancelled", "pending", "unknown") or not order.currency:
        return False
    lines = list(order.items.all())
    return bool(lines) and all(line.unit_price is not None and line.quantity_ordered for line in lines)


def _plain_line(order: Order) -> OrderItem | None:
    """Of which the list names SKU and quantity."""
    lines = list(order.items.all())
    if order.status in ("cancelled", "pending", "unknown") or not all(line.sku for line in lines):
        return None
    return next((line for line in lines if line.quantity_ordered), None)


WAYS = (
    lost, never_listed, lost_update, two_lost_updates, lost_cancellation, lost_removal, older_copy, other_status,
    other_quantity, other_sku, line_too_many, other_price, other_currency,
)  # fmt: skip


class Books:
    """An account, what is stored of it, and nights in which it is audited."""

    def __init__(self, start: Callable[..., Simulator], seed: int, *, orders: int, skus: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  no secret
        for model in (OrderAudit, StockAudit, AuditedDay, SyncLog, Order, InventoryItem, Platform):
            model._default_manager.all().delete()
        sites = MARKETPLACES[: self.chance.choice((1, 2))]
        self.sim = start(Account(seed, orders, skus, sites))
        self.account = self.sim.accounts[0]
        reports = self.sim.reports
        reports.charset = self.chance.choice(CHARSETS)
        reports.zipped, reports.shuffled = self.chance.random() < 0.5, self.chance.choice((None, seed))
        reports.offset_minutes = self.chance.choice((0, 0, -480, 60))
        self.platform = platform_of(self.sim, additional_marketplace_ids=list(sites[1:]))
        self.found = Found(orders=orders)
        self._spoiled: set[str] = set()
        self._sync()

    def night(self) -> None:
        """Some orders change as they do, some are hidden or spoiled; then all that is here is audited."""
        self._move()
        self._sync()
        expected = self._spoil()
        self._audit(expected)
        assert order_differences(self.account, self.platform) == []
        self._audit({}, is_plain=True)
        states = set(AuditedDay.objects.filter(platform=self.platform).values_list("state", flat=True))
        assert states <= {"proven", "not_yet"}, states

    def _move(self) -> None:
        for _ in range(self.chance.randrange(6)):
            self.account.add_order(at=lately())
            self.found.orders += 1
        for external_id in self.chance.sample(self.account.order_ids(), 5):
            if external_id not in self._spoiled:
                self._spoiled.add(external_id)  # not once more within these minutes
                self.account.change_order(external_id, at=lately())

    def _sync(self) -> None:
        self.sim.rules.clear()
        log = sync(self.platform)
        assert log.status == SyncLog.Status.SUCCEEDED, log.error_message

    def _spoil(self) -> dict[str, str]:
        """How many, and which of them how: none, one, a few, half, or all that were left alone so far."""
        left = Order.objects.filter(platform=self.platform).exclude(external_id__in=self._spoiled)
        left = left.filter(platform_updated_at__lt=lately(6)).order_by("external_id")
        orders = list(left.prefetch_related("items"))
        few = min(len(orders), 9)
        count = self.chance.choice(
            (0, min(1, len(orders)), few, len(orders) // 4, len(orders) // 2, len(orders))
        )
        expected = {}
        for order in self.chance.sample(orders, count):
            way = self.chance.choice(WAYS)
            kind = way(self.account, order, Order.objects.filter(pk=order.pk))
            self._spoiled.add(order.external_id)
            if kind is not None:
                expected[order.external_id] = str(kind)
                self.found.spoiled[way.__name__] += 1
        return expected

    def _plant(self) -> None:
        rules = self.sim.rules
        if self.chance.random() < 0.8:
            every, seed = self.chance.randrange(5, 15), self.chance.randrange(99)
            rules.add(Rule(every=every, seed=seed, fault=self.chance.choice(FAULTS)))
        for share, operation, fault in (
            (0.5, "createReport", DoubleRows()),
            (0.2, "createReport", EndReport("FATAL")),
            (0.3, "getReportDocument", ExpireLinks()),
        ):
            if self.chance.random() < share:
                nth = None if isinstance(fault, DoubleRows) else 1
                rules.add(Rule(operation=operation, nth=nth, fault=fault))

    def _audit(self, expected: dict[str, str], *, is_plain: bool = False) -> None:
        """By workers that die and a platform that breaks, unless it is a plain one."""
        self.sim.rules.clear()
        if not is_plain:
            self._plant()
        closed = self._closed(request_audit, run_audit, is_plain=is_plain)
        if closed.status == Job.Status.FAILED:  # its list was not made: the next one
            assert closed.error_code == "report_failed", closed.error_message
            closed = self._closed(request_audit, run_audit, is_plain=is_plain)
        assert closed.status == Job.Status.SUCCEEDED, (closed.error_message, closed.notes)
        findings = closed.findings.exclude(kind=Kind.ONLY_HERE)
        self._compare({each.external_id: each.kind for each in findings}, expected)
        assert {each.outcome for each in findings} <= {Outcome.HEALED}
        self.found.healed += closed.healed

    def _closed(self, request: Any, run: Any, *, is_plain: bool) -> Any:
        # By hand: the nightly ones may use lists of the last hour, in which many nights lie here.
        opened, _ = request(self.platform, trigger=SyncLog.Trigger.COMMAND)
        deaths = 0 if is_plain else self.chance.randrange(12)
        closed, died = run_until_closed(opened, run, self.chance, deaths=deaths, most_queries=400)
        self.found.audits += 1
        self.found.deaths += died
        return closed

    def _compare(self, found: dict[Any, str], expected: dict[Any, str]) -> None:
        alarms = sorted(found.keys() - expected.keys())
        self.found.found += len(found.keys() & expected.keys())
        self.found.false_alarms += len(alarms)
        assert not alarms, [(each, found[each]) for each in alarms]
        assert found == expected, {
            key: (found.get(key), kind) for key, kind in expected.items() if found.get(key) != kind
        }

    def night_of_stock(self) -> None:
        """Some listings are hidden or spoiled; then all stock is audited, and a sweep takes nothing away."""
        self.sim.rules.clear()
        sync(self.platform, INVENTORY)
        long_ago = timezone.now() - timedelta(hours=1)
        SyncLog.objects.filter(kind=INVENTORY).update(started_at=long_ago, finished_at=long_ago)
        expected = self._spoil_stock()
        self.sim.rules.add(
            Rule(operation="createReport", fault=DoubleRows()),
            Rule(every=self.chance.randrange(5, 12), fault=self.chance.choice(FAULTS[:4])),
        )
        closed = self._closed(request_stock_audit, run_stock_audit, is_plain=False)
        assert closed.status == Job.Status.SUCCEEDED, (closed.error_message, closed.notes)
        findings = closed.findings.all()
        self._compare({(each.marketplace_id, each.sku): each.kind for each in findings}, expected)
        self.found.healed += closed.healed
        assert closed.open == 0
        assert stock_differences(self.account, self.platform) == []

    def _spoil_stock(self) -> dict[tuple[str, str], str]:
        rows = list(InventoryItem.objects.filter(platform=self.platform).order_by("pk"))
        self.found.listings += len(rows)
        listed = Counter((row.marketplace_id, row.sku) for row in rows)
        alone = [row for row in rows if row.total and listed[row.marketplace_id, row.sku] == 1]
        # What changed after the sweep began, as far as that is dated, is no finding.
        before = timezone.now() - timedelta(hours=2)
        alone = [row for row in alone if row.platform_updated_at and row.platform_updated_at < before]
        expected: dict[tuple[str, str], str] = {}
        for row in self.chance.sample(alone, self.chance.choice((0, 1, len(alone) // 3, len(alone)))):
            way = self.chance.choice(OF_NAMED if self._is_named(row.sku) else OF_OTHERS)
            expected[row.marketplace_id, row.sku] = way(
                self.account, row, InventoryItem.objects.filter(pk=row.pk)
            )
            self.found.spoiled[way.__name__] += 1
        return expected

    def _is_named(self, sku: str) -> bool:
        """Whether the charset of the list has its characters: one that is neither stored nor named cannot be read."""
        charset = self.sim.reports.charset
        return sku.encode(charset, errors="replace").decode(charset) == sku


# --- what is done to a listing


def lost_listing(account: Account, row: InventoryItem, rows: Rows) -> str:
    rows.delete()
    return str(Stock.MISSING)


def taken_for_gone(account: Account, row: InventoryItem, rows: Rows) -> str:
    rows.update(gone_at=timezone.now(), total=0, available=0)
    return str(Stock.MISSING)


def never_swept(account: Account, row: InventoryItem, rows: Rows) -> str:
    account.hide_sku(row.marketplace_id, row.sku)
    return lost_listing(account, row, rows)


def more_here(account: Account, row: InventoryItem, rows: Rows) -> str:
    rows.update(available=F("available") + 1)
    return str(Stock.DIFFERENT)


def other_total(account: Account, row: InventoryItem, rows: Rows) -> str:
    rows.update(total=F("total") + 1000)
    return str(Stock.DIFFERENT)


OF_OTHERS = (taken_for_gone, more_here, other_total)
OF_NAMED = (lost_listing, never_swept, *OF_OTHERS)
