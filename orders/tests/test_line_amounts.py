"""What the amount of a line is made of, by the sums that the platform names."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from orders.amounts import Basis, LineAmounts, line_amounts
from orders.models import OrderItem


def of(quantity: int | None = None, **amounts: Any) -> LineAmounts:
    values = {name: Decimal(amount) for name, amount in amounts.items()}
    return line_amounts(OrderItem(quantity_ordered=quantity, currency="EUR", **values))


# Two of Amazon's own examples, and what other marketplaces do.
CASES: dict[str, tuple[LineAmounts, Basis, str | None, list[tuple[str, str]]]] = {
    "net": (
        of(
            1, unit_price="89.97", item_subtotal="89.97", shipping="10", total="103.97",
            tax="4", item_tax="3", shipping_tax="1",
        ),
        Basis.NET, "0", [("units", "89.97"), ("shipping", "10"), ("tax", "4")],
    ),
    "no tax named": (
        of(1, unit_price="34.99", item_subtotal="34.99", total="34.99"),
        Basis.UNKNOWN, "0", [("units", "34.99")],
    ),
    "gross": (
        of(2, unit_price="11.90", item_subtotal="23.80", tax="3.80", item_tax="3.80", total="23.80"),
        Basis.GROSS, "0", [("units", "23.80")],
    ),
    "discount taken off": (
        of(
            3, unit_price="10", item_subtotal="30", shipping="3", other_charges="1.5", discount="3.5", tax="2.5",
            total="33.5",
        ),
        Basis.NET, "0", [("units", "30"), ("shipping", "3"), ("other", "1.5"), ("discount", "-3.5"), ("tax", "2.5")],
    ),
    "discount negative": (
        of(3, unit_price="10", item_subtotal="30", discount="-2", tax="2.5", total="30.5"),
        Basis.NET, "0", [("units", "30"), ("discount", "-2"), ("tax", "2.5")],
    ),
    "price × quantity is another amount": (
        of(2, unit_price="10", item_subtotal="19", tax="1", total="20"),
        Basis.NET, "0", [("units", "20"), ("item", "-1"), ("tax", "1")],
    ),
    "stored before goods were": (
        of(2, unit_price="10", tax="1", total="21"),
        Basis.NET, "0", [("units", "20"), ("tax", "1")],
    ),
    "not explained": (
        of(1, unit_price="10", item_subtotal="10", tax="1", discount="2", total="12"),
        Basis.UNKNOWN, "3", [("units", "10"), ("discount", "-2"), ("tax", "1"), ("remainder", "3")],
    ),
    "without a total": (of(1, unit_price="10", item_subtotal="10", tax="1"), Basis.UNKNOWN, None, []),
    "nothing": (of(), Basis.UNKNOWN, None, []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_explains_a_line(name: str) -> None:
    amounts, basis, remainder, steps = CASES[name]
    assert amounts.basis == basis
    assert amounts.remainder == (None if remainder is None else Decimal(remainder))
    assert list(amounts.steps) == [(step, Decimal(amount)) for step, amount in steps]
    assert not steps or sum(amount for _step, amount in amounts.steps) == amounts.total


def told(*amounts: Decimal | None) -> list[str]:
    return ["-" if amount is None else f"{amount:.2f}" for amount in amounts]


def test_each_part_has_its_tax_and_says_what_is_known_of_it() -> None:
    net, gross, bare = (CASES[name][0] for name in ("net", "gross", "no tax named"))
    assert told(net.item.net, net.item.gross, net.shipping.net, net.shipping.gross) == [
        "89.97",
        "92.97",
        "10.00",
        "11.00",
    ]
    assert told(net.net, net.other_tax, net.discount.net, net.other.gross) == ["99.97", "0.00", "-", "-"]
    assert told(gross.item.net, gross.item.gross, gross.net) == ["20.00", "23.80", "20.00"]
    assert told(bare.item.amount, bare.item.net, bare.item.gross, bare.net) == ["34.99", "-", "-", "-"]
    assert (CASES["stored before goods were"][0].is_item_computed, net.is_item_computed) == (True, False)
    split = of(
        1, item_subtotal="10", discount="2", tax="1.5", item_tax="1.9", discount_tax="0.4", total="9.5"
    )
    assert told(split.discount.tax, split.discount.gross, split.other_tax) == ["-0.40", "-2.40", "0.00"]
    odd = of(1, item_subtotal="10", discount="2", tax="1.5", item_tax="1", discount_tax="0.1", total="9.5")
    assert told(odd.discount.tax, odd.discount.gross, odd.other_tax) == ["-", "-", "0.50"]


def test_whatever_is_named_the_parts_and_the_remainder_are_the_total() -> None:
    rng = Random(7)  # noqa: S311  no secret
    names = (
        "unit_price",
        "item_subtotal",
        "shipping",
        "other_charges",
        "discount",
        "tax",
        "item_tax",
        "total",
    )
    for _number in range(2000):
        named = {name: str(rng.randrange(-300, 3000) / 100) for name in names if rng.random() < 0.7}
        amounts = of(rng.choice((None, 0, 1, 3)), **named)
        if amounts.remainder is None:
            assert amounts.total is None or amounts.item.amount is None
            continue
        on_top = amounts.tax if amounts.basis != Basis.GROSS else None
        parts = [part.amount for part in amounts.parts] + [on_top, amounts.remainder]
        assert sum(part for part in parts if part is not None) == amounts.total
        assert amounts.remainder == 0 or amounts.basis == Basis.UNKNOWN
