"""A selling account: credentials, and orders and stock that are computed whenever somebody asks for them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from simulator.catalog import MARKETPLACES, product
from simulator.mutations import Edit, moment_ms, move, revised_order, revised_outline
from simulator.neutral import Order, Stock
from simulator.orders import (
    Book,
    Outline,
    created_ms,
    from_ms,
    make_order,
    order_id,
    order_index,
    outline,
    to_ms,
    updated_ms,
)
from simulator.stock import make_stock, stock_keys
from simulator.truth import order_truth, stock_truth


class Account:
    """One seller's account. Two accounts with equal arguments (and an `end`) hold equal data, to the byte.

    orders            how many orders there are; their lastUpdatedTime fills the 20 days before `end`
    skus              how many SKUs it sells; the same SKUs appear in orders and in stock
    marketplace_ids   where it takes part; any other marketplace is refused with 403
    end               an aware datetime; None means five minutes ago
    fba               False: the inventory API refuses, as Amazon does for a seller without FBA
    former            marketplaces that are listed still, but where it no longer takes part
    suspended         those of its marketplaces where its listings are inactive
    refused_data      data sets of includedData that are refused with a 403; may be changed at any time
    """

    def __init__(
        self,
        seed: int = 7,
        orders: int = 1000,
        skus: int = 500,
        marketplace_ids: tuple[str, ...] = ("ATVPDKIKX0DER",),
        client_id: str = "amzn1.application-oa2-client.sim",
        client_secret: str = "sim-secret",
        refresh_token: str = "Atzr|sim",
        end: datetime | None = None,
        fba: bool = True,
        former: tuple[str, ...] = (),
        suspended: tuple[str, ...] = (),
        refused_data: Collection[str] = (),
    ) -> None:
        named = (*marketplace_ids, *former, *suspended)
        unknown = [marketplace for marketplace in named if marketplace not in MARKETPLACES]
        if unknown or not marketplace_ids:
            raise ValueError(f"marketplace_ids needs at least one, and known ones only; unknown: {unknown}")
        if skus < 1 or orders < 0:
            raise ValueError("an account has at least one SKU, and not less than no orders")
        if end is not None and end.tzinfo is None:
            raise ValueError("end must be an aware datetime")
        moment = from_ms(to_ms(end or datetime.now(UTC) - timedelta(minutes=5)))
        self.book = Book(seed, orders, skus, tuple(marketplace_ids), moment)
        self.client_id = client_id
        self.client_secret = client_secret
        self.refresh_token = refresh_token
        self.fba = fba
        self.former = former
        self.suspended = suspended
        self.refused_data = frozenset(refused_data)
        # Held while a page is read or an order changes, so that a page shows one moment.
        self.lock = threading.RLock()
        self._count = orders
        self._edits: dict[int, Edit] = {}

    @property
    def marketplace_ids(self) -> tuple[str, ...]:
        return self.book.marketplace_ids

    @property
    def end(self) -> datetime:
        return self.book.end

    # Orders

    @property
    def count(self) -> int:
        """How many orders there are at this moment."""
        return self._count

    def order(self, index: int) -> Order:
        order, edit = make_order(self.book, index), self._edits.get(index)
        return order if edit is None else revised_order(order, edit)

    def outline(self, index: int) -> Outline:
        known, edit = outline(self.book, index), self._edits.get(index)
        return known if edit is None else revised_outline(known, edit)

    def find(self, external_id: str) -> Order | None:
        """The order with this id, or None."""
        index = order_index(self.book, external_id, self._count)
        return None if index is None else self.order(index)

    @cached_property
    def by_updated(self) -> list[tuple[int, int]]:
        """(lastUpdatedTime in ms, order index), oldest first: the only thing that is held for all orders."""
        return sorted((self._updated(index), index) for index in range(self._count))

    @cached_property
    def by_created(self) -> list[tuple[int, int]]:
        return sorted((self._created(index), index) for index in range(self._count))

    def change_order(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The order gets another status, shipped quantities and, as lastUpdatedTime, `at` (now). Returns it.

        Raises LookupError for an unknown order, ValueError where it changed later than `at`.
        """
        with self.lock:
            index = order_index(self.book, external_id, self._count)
            if index is None:
                raise LookupError(f"This account has no order {external_id}.")
            before, moment = self._updated(index), moment_ms(at)
            if moment <= before:
                raise ValueError(f"{external_id} changed later than that: at {from_ms(before)}.")
            move(self.by_updated, (before, index), (moment, index))
            edit = self._edits.get(index, Edit(before))
            self._edits[index] = Edit(moment, edit.created, edit.revision + 1)
            return self.order(index)

    def add_order(self, *, at: datetime | None = None) -> Order:
        """One more order, placed and last changed `at` (now). Returns it."""
        with self.lock:
            moment, index = moment_ms(at), self._count
            move(self.by_updated, None, (moment, index))
            move(self.by_created, None, (moment, index))
            self._edits[index] = Edit(moment, moment)
            self._count += 1
            return self.order(index)

    def order_ids(self) -> list[str]:
        """The ids of all orders, in the order of their index."""
        return [order_id(self.book, index) for index in range(self._count)]

    def truth_orders(self) -> dict[str, dict[str, Any]]:
        """order id -> what should be stored of it, in unified fields, as the account is at this moment."""
        with self.lock:
            orders = (self.order(index) for index in range(self._count))
            return {order.external_id: order_truth(order) for order in orders}

    def _updated(self, index: int) -> int:
        edit = self._edits.get(index)
        return updated_ms(self.book, index) if edit is None else edit.updated

    def _created(self, index: int) -> int:
        edit = self._edits.get(index)
        return created_ms(self.book, index) if edit is None or edit.created is None else edit.created

    # Stock

    @cached_property
    def stock_keys(self) -> list[tuple[int, int]]:
        """(SKU index, row) of every stock row of a marketplace, in the order they are listed."""
        return stock_keys(self.book)

    def stock(self, marketplace_id: str, key: tuple[int, int]) -> Stock:
        return make_stock(self.book, marketplace_id, *key)

    def all_stock(self) -> Iterator[Stock]:
        for marketplace_id in self.marketplace_ids:
            for key in self.stock_keys:
                yield self.stock(marketplace_id, key)

    def skus(self) -> list[str]:
        """All SKUs; the awkward ones come first."""
        return [product(index).sku for index in range(self.book.skus)]

    def truth_inventory(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """(marketplace id, SKU, FNSKU) -> what should be stored of it, in unified fields."""
        if not self.fba:
            return {}
        return {(row.marketplace_id, row.sku, row.fnsku): stock_truth(row) for row in self.all_stock()}
