"""Lists of orders beside what is stored: each known difference is a rule, and no alarm; all others are found."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.amazon.order_report import BY_UPDATE, OrderReport
from integrations.amazon.tests.test_order_report import END, simulated_document
from integrations.completeness.comparison import Kind, compare, explain
from integrations.completeness.records import KnownOrder, Line, gathered
from integrations.completeness.rules import EXPLANATIONS, OF_UNITS, RULES, Scope, older_than_kept
from orders.records import ReportedLine
from simulator import Account
from simulator.truth import order_truth

US, JP, DE = "ATVPDKIKX0DER", "A1VC38T7YXB528", "A1PA6795UKMFR9"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def order(*lines: Line, **changes: Any) -> KnownOrder:
    values: dict[str, Any] = {"order_id": "111-1", "status": "shipped", "currency": "EUR", "updated_at": NOW}
    return KnownOrder(**values | changes, lines=lines)


def line(sku: str = "A", quantity: int | None = 1, **changes: Any) -> Line:
    return Line(sku=sku, quantity=quantity, **changes)


def reported_by(account: Account, **options: Any) -> dict[str, KnownOrder]:
    content, charset = simulated_document(account, BY_UPDATE, **options)
    rows = [
        row
        for row in OrderReport(io.BytesIO(content), charset=charset).rows()
        if isinstance(row, ReportedLine)
    ]
    by_order = groupby(sorted(rows, key=lambda row: row.order_id), key=lambda row: row.order_id)
    return {order_id: gathered(group) for order_id, group in by_order}


def stored_of(account: Account) -> dict[str, KnownOrder]:
    """What a sync would have stored, made of the truth about each order."""
    found = {}
    for index in range(account.count):
        truth = order_truth(account.order(index))
        lines = tuple(
            Line(
                sku=item["sku"],
                quantity=item["quantity_ordered"],
                price=None
                if item["unit_price"] is None
                else item["unit_price"] * (item["quantity_ordered"] or 0),
                tax=item["item_tax"],
            )
            for item in truth["items"]
        )
        found[truth["external_id"]] = KnownOrder(
            order_id=truth["external_id"],
            status=truth["status"],
            purchased_at=truth["purchased_at"],
            updated_at=truth["platform_updated_at"],
            marketplace_id=truth["marketplace_id"],
            currency=truth["currency"],
            lines=lines,
        )
    return found


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 999),
    charset=st.sampled_from(["utf-8", "cp1252", "cp932"]),
    stated=st.sampled_from(["", "", "utf-8", "Cp1252", "Shift_JIS"]),
    orders=st.integers(50, 120),
)
def test_it_raises_no_alarm_where_nothing_is_wrong_and_finds_all_that_is(
    seed: int, charset: str, stated: str, orders: int
) -> None:
    account = Account(seed, orders, 60, (US, JP, DE), end=END - timedelta(hours=1))
    stored = stored_of(account)
    reported = reported_by(account, charset=charset, says_another=stated)
    assert reported.keys() == stored.keys()
    verdicts = {name: compare(reported[name], stored[name]) for name in reported}
    assert [each for each in verdicts.items() if each[1].kind != Kind.SAME] == []

    changed = account.order_ids()[seed % 7 :: 7]
    for external_id in changed:
        account.change_order(external_id, at=END - timedelta(minutes=1))
    lost = set(account.order_ids()[::11]) - set(changed)
    after = reported_by(account, charset=charset, says_another=stated)
    found = {name: compare(after[name], None if name in lost else stored[name]).kind for name in after}
    assert {name for name, kind in found.items() if kind == Kind.STALE} == set(changed)
    assert {name for name, kind in found.items() if kind == Kind.MISSING} == lost


CENTS = Decimal("9.99")
# name of the rule -> the order as it is reported, as it is stored
KNOWN: dict[str, tuple[KnownOrder, KnownOrder]] = {
    "unknown_status": (order(line(), status="unknown"), order(line())),
    "no_currency": (order(line(), currency=""), order(line())),
    "pending_without_price": (
        order(line(price=CENTS), status="pending"),
        order(line(price=CENTS * 2), status="pending"),
    ),
    "cancelled_quantity": (
        order(line(), line("B", 3, is_cancelled=True)),
        order(line(), line("B", 0)),
    ),
    "unreadable_characters": (order(line("CAF?-1"), line("?-1")), order(line("CAFÉ-1"), line("日本-1"))),
    "misread_characters": (order(line("CAFÃ‰-1"), line("B")), order(line("B"), line("CAFÉ-1"))),
    "doubled_row": (order(line()), order(line(), line())),
    "line_without_sku": (order(line("", 2)), order(line("A", 2))),
    "unknown_quantity": (order(line("A", None)), order(line("A", 2))),
    "tax_in_the_price": (
        order(line(price=Decimal("11.90"), tax=Decimal("1.90"))),
        order(line(price=Decimal(10))),
    ),
}


@pytest.mark.parametrize("rule", [*RULES, *OF_UNITS], ids=lambda rule: rule.__name__)
def test_it_knows_differences_that_are_none(rule: Any) -> None:
    reported, stored = KNOWN[rule.__name__]
    verdict = compare(reported, stored)
    assert (verdict.kind, verdict.known) == (Kind.SAME, (rule.__name__,))
    assert verdict.is_good


def test_it_knows_several_of_them_in_one_order() -> None:
    twins = line("B"), line("B")
    reported = order(line("?-1"), line("B"), line("C", 3, is_cancelled=True))
    verdict = compare(reported, order(line("Ü-1"), *twins))
    assert (verdict.kind, verdict.known) == (
        Kind.SAME,
        ("unreadable_characters", "cancelled_quantity", "doubled_row"),
    )
    doubled = [line("B", price=Decimal(5), tax=Decimal(1))] * 2
    verdict = compare(order(line("B", price=Decimal(6))), order(*doubled))
    assert (verdict.kind, verdict.known) == (Kind.SAME, ("doubled_row", "tax_in_the_price"))
    verdict = compare(reported, order(line("Ü-1", 2), *twins))
    assert [each.field for each in verdict.differences] == ["lines"]


@pytest.mark.parametrize(
    ("reported", "stored", "field", "values"),
    [
        (order(line()), order(line(), status="unshipped"), "status", ("shipped", "unshipped")),
        (order(line()), order(line(), currency="USD"), "currency", ("EUR", "USD")),
        (order(line(quantity=2)), order(line()), "lines", ("2 × A", "1 × A")),
        (order(line(), line("B")), order(line()), "lines", ("1 × A, 1 × B", "1 × A")),
        (order(line("?B")), order(line("ÄC")), "lines", ("1 × ?B", "1 × ÄC")),
        (order(line("CAFÃ‰-1")), order(line("CAFÈ-1")), "lines", ("1 × CAFÃ‰-1", "1 × CAFÈ-1")),
        (order(line(price=CENTS)), order(line(price=CENTS * 2)), "amount", ("9.99", "19.98")),
    ],
)
def test_it_shows_both_values_of_any_other(
    reported: KnownOrder, stored: KnownOrder, field: str, values: tuple[str, str]
) -> None:
    verdict = compare(reported, stored)
    [difference] = verdict.differences
    assert (verdict.kind, difference.field) == (Kind.DIFFERENT, field)
    assert (difference.reported, difference.stored) == values
    assert not verdict.is_good


@pytest.mark.parametrize(
    ("seconds", "kind"),
    [(0, Kind.SAME), (0.999, Kind.SAME), (-5, Kind.STALE), (5, Kind.SAME)],
)
def test_it_compares_versions_to_the_second(seconds: float, kind: Kind) -> None:
    stored = order(
        line(), updated_at=NOW + timedelta(seconds=seconds), status="unshipped" if seconds > 1 else "shipped"
    )
    assert compare(order(line()), stored).kind == kind


def test_rounded_amounts_and_other_lines_of_the_same_units_are_the_same() -> None:
    reported = order(line(quantity=3, price=Decimal("10.00")), line("A", 1, price=Decimal("3.33")))
    stored = order(line(quantity=4, price=Decimal("13.3333")))
    assert compare(reported, stored) == compare(stored, stored)


@pytest.mark.parametrize(
    ("purchased", "updated", "is_older"),
    [
        (-2, -1, True),
        (-2, 1, False),  # it changed since, so it is kept
        (1, 1, False),
        (-2, None, False),  # nobody can tell
        (None, -1, False),
    ],
)
def test_a_listed_order_is_not_missed_where_it_is_older_than_what_is_kept(
    purchased: int | None, updated: int | None, is_older: bool
) -> None:
    bought, changed = (None if days is None else NOW + timedelta(days=days) for days in (purchased, updated))
    old = replace(order(line()), purchased_at=bought, updated_at=changed)
    assert older_than_kept(old, NOW) == is_older
    assert not older_than_kept(old, None)  # all are kept


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "pending"}, ("pending",)),
        ({"marketplace_id": DE}, ("other_marketplace",)),
        ({"marketplace_id": ""}, ("other_marketplace",)),
        ({"updated_at": NOW - timedelta(hours=1)}, ("too_young",)),
        ({}, ()),
    ],
)
def test_it_explains_why_an_order_is_here_alone(changes: dict[str, Any], why: tuple[str, ...]) -> None:
    scope = Scope(marketplace_ids=frozenset({US}), asked_at=NOW, lag=timedelta(hours=3))
    old = order(
        line(), marketplace_id=US, updated_at=NOW - timedelta(days=2), purchased_at=NOW - timedelta(days=3)
    )
    verdict = explain(replace(old, **changes), scope)
    assert (verdict.kind, verdict.known, verdict.is_good) == (Kind.ONLY_HERE, why, True)
    assert set(why) <= {each.__name__ for each in EXPLANATIONS}


def test_a_row_that_comes_twice_is_one() -> None:
    row = ReportedLine(
        order_id="1", status="shipped", platform_status="Shipped", sku="A", quantity=2, updated_at=NOW
    )
    older = replace(row, status="pending", updated_at=NOW - timedelta(days=1))
    found = gathered([older, row, row])
    assert (found.status, len(found.lines)) == ("shipped", 2)
