"""What happens to a simulated account shows in its answers, and in nothing but what changed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from simulator import Account

pytestmark = pytest.mark.own_database

END = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = END + timedelta(hours=1)
US = "ATVPDKIKX0DER"


@pytest.fixture
def account() -> Account:
    return Account(orders=60, skus=8, end=END)


def test_it_raises_every_amount_so_that_they_still_add_up(account: Account) -> None:
    for external_id, before in account.truth_orders().items():
        order = account.reprice_order(external_id, at=LATER)
        assert order.updated == LATER
        if order.total is not None:
            assert order.total == sum((line.total or 0 for line in order.lines), order.tip or 0)
            assert any(line.unit_price for line in order.lines)
            assert order.total != before["total"] or not any(line.quantity_ordered for line in order.lines)


def test_it_drops_lines_from_the_end_and_keeps_the_first(account: Account) -> None:
    external_id = max(account.order_ids(), key=lambda each: len(account.truth_orders()[each]["items"]))
    before = account.truth_orders()[external_id]["items"]
    assert len(before) > 2
    account.drop_line(external_id, at=LATER)
    assert account.truth_orders()[external_id]["items"] == before[:-1]
    for second in range(1, 9):
        account.drop_line(external_id, at=LATER + timedelta(seconds=second))
    assert account.truth_orders()[external_id]["items"] == before[:1]


def test_it_withdraws_what_an_order_has_besides(account: Account) -> None:
    had: set[str] = set()
    for external_id, before in account.truth_orders().items():
        order = account.withdraw_extras(external_id, at=LATER)
        if order.total is not None:
            assert order.total == sum((line.total or 0 for line in order.lines), order.tip or 0)
        after = account.truth_orders()[external_id]
        assert (after["programs"], after["replaced_order_id"]) == ([], "")
        assert {line[name] for line in after["items"] for name in ("shipping", "discount")} == {None}
        had |= {name for name in ("programs", "replaced_order_id", "total") if before[name] != after[name]}
    assert had == {"programs", "replaced_order_id", "total"}


def test_it_cancels_for_good(account: Account) -> None:
    external_id = account.order_ids()[0]
    account.cancel_order(external_id, at=LATER)
    order = account.change_order(external_id, at=LATER + timedelta(seconds=1))
    assert (order.status, {line.quantity_ordered for line in order.lines}) == ("cancelled", {0})


def test_it_changes_stock_and_sells_out_every_third_time(account: Account) -> None:
    sku, seen = account.skus()[0], []
    for _ in range(3):
        account.change_stock(US, sku, at=LATER)
        seen += [row["available"] for key, row in account.truth_inventory().items() if key[1] == sku]
    assert len(set(seen)) == 3
    assert seen[2] == 0


def test_it_unlists_a_sku_and_lists_it_again_as_it_was(account: Account) -> None:
    before, sku = account.truth_inventory(), account.skus()[2]
    account.unlist_sku(US, sku)
    assert account.truth_inventory().keys() == {key for key in before if key[1] != sku}
    account.list_sku(US, sku)
    assert account.truth_inventory() == before


def test_it_says_which_sku_it_does_not_sell(account: Account) -> None:
    with pytest.raises(LookupError, match="does not sell NOPE"):
        account.change_stock(US, "NOPE")


def test_it_knows_what_is_kept_of_what_no_database_takes(account: Account) -> None:
    titles, prices = 0, 0
    for external_id in account.order_ids():
        account.use_odd_text(external_id, at=LATER)
        order = account.refine_amounts(external_id, at=LATER + timedelta(seconds=1))
        for line, kept in zip(order.lines, account.truth_orders()[external_id]["items"], strict=True):
            if line.title:
                assert (line.title[-4:], kept["title"][-4:]) == ("\0 \ud83d!", "\ufffd \ufffd!")
                titles += 1
            if line.unit_price is not None and line.total is not None:
                assert (line.unit_price - kept["unit_price"], len(f"{line.unit_price:f}".split(".")[1])) == (
                    Decimal("0.00003333"), 8,
                )  # fmt: skip
                prices += 1
    assert titles > 30
    assert prices > 30


def test_it_says_nothing_of_stock_whose_details_are_empty(account: Account) -> None:
    sku = account.skus()[0]
    account.empty_details(US, sku, at=LATER)
    bare = {
        row["total"]: row["available"] for (_, of, _), row in account.truth_inventory().items() if of == sku
    }
    assert bare == {0: None}
    account.change_stock(US, sku, at=LATER + timedelta(seconds=1))
    after = {row["available"] for (_, of, _), row in account.truth_inventory().items() if of == sku}
    assert None not in after
