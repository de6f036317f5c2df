"""A selling account: credentials, and orders and stock that are computed on request."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from simulator.catalog import MARKETPLACES, product
from simulator.model import Order, Stock
from simulator.mutations import (
    Edit,
    StockEdit,
    moment_ms,
    move,
    revised_order,
    revised_outline,
    revised_stock,
)
from simulator.orders import (
    SPREAD,
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
from simulator.packages import with_told
from simulator.scenes import SCENES, SHIPPED, Scene
from simulator.shipments import ShipmentBook, Taken, check_account, marketplace_of
from simulator.stock import make_stock, stock_keys
from simulator.truth import order_truth, shipment_truth, stock_truth

StockKey = tuple[str, tuple[int, int]]  # marketplace id, (SKU index, row)


class Account:
    """One seller's account. Two accounts with equal arguments (and an `end`) hold equal data, to the byte.

    orders            how many orders there are; their lastUpdatedTime fills the `days` before `end`
    skus              how many SKUs it sells; the same SKUs appear in orders and in stock
    marketplace_ids   where it takes part; any other marketplace is refused with 403
    end               an aware datetime; None means five minutes ago
    scenes            what becomes of its orders, one after the other
    fba               False: the inventory API refuses, as Amazon does for a seller without FBA
    former            marketplaces that are still listed, but where it no longer takes part
    suspended         those of its marketplaces where its listings are inactive
    refused_data      data sets of includedData that are refused with a 403 that names them
    unnamed_data      data sets that are refused with a 400 that names none
    late_by           how long after an order changed it is listed (with its own times); may be changed at any time
    denied            marketplaces where it takes part, and that are refused with a 403 all the same

    The last three may be changed at any time.
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
        unnamed_data: Collection[str] = (),
        denied: Collection[str] = (),
        late_by: timedelta = timedelta(0),
        days: int = SPREAD.days,
        scenes: tuple[Scene, ...] = SCENES,
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
        self.book = Book(seed, orders, skus, tuple(marketplace_ids), moment, timedelta(days=days), scenes)
        self.client_id = client_id
        self.client_secret = client_secret
        self.former_secret = ""  # still valid beside it, as for the 7 days after a rotation; "" for none
        self.has_queue = True  # for new secrets; may be changed at any time
        self.refresh_token = self.first_refresh_token = refresh_token
        self.fba = fba
        self.former = former
        self.suspended = suspended
        self.refused_data = frozenset(refused_data)
        self.unnamed_data = frozenset(unnamed_data)
        self.denied = frozenset(denied)
        self.late_by = late_by
        self.shipments = ShipmentBook()  # what it was told by confirmShipment
        self._hidden: set[int] = set()
        # Held while a page is read or an order changes, so that a page shows one moment.
        self.lock = threading.RLock()
        self._count = orders
        self._edits: dict[int, Edit] = {}
        self._stock_edits: dict[StockKey, StockEdit] = {}
        self._unlisted: set[StockKey] = set()
        self._hidden_stock: set[StockKey] = set()

    def rotate_secret(self, secret: str) -> None:
        """A new client secret; the one of before goes on until `former_secret` is emptied."""
        self.former_secret, self.client_secret = self.client_secret, secret

    def authorise_again(self) -> str:
        """Another refresh token, as Amazon gives with each consent. Whether the one of before goes on is not known;
        here it does not."""
        self.refresh_token = f"Atzr|{uuid.uuid4().hex}"
        return self.refresh_token

    @property
    def clients(self) -> list[tuple[str, str]]:
        """Client id and secret, as far as they are valid."""
        secrets = (self.client_secret, self.former_secret)
        return [(self.client_id, secret) for secret in secrets if secret]

    @property
    def marketplace_ids(self) -> tuple[str, ...]:
        return self.book.marketplace_ids

    @property
    def open_marketplaces(self) -> frozenset[str]:
        """Those that calls may ask for."""
        return frozenset(self.marketplace_ids) - self.denied

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

    def is_listed_at(self, index: int, now: datetime) -> bool:
        """Whether a search finds the order yet; it carries the same times before and after."""
        if index in self._hidden:
            return False
        return not self.late_by or from_ms(self._updated(index)) + self.late_by <= now

    def hide_order(self, external_id: str) -> None:
        """No search lists the order from now on, nor what becomes of it; it is found by its id, and in reports.

        https://github.com/amzn/selling-partner-api-models/issues/3945
        """
        index = order_index(self.book, external_id, self._count)
        if index is None:
            raise LookupError(f"This account has no order {external_id}.")
        self._hidden.add(index)

    def show_orders(self) -> None:
        """Searches list all orders again."""
        self._hidden.clear()

    def find(self, external_id: str) -> Order | None:
        """The order with this id, or None."""
        index = order_index(self.book, external_id, self._count)
        return None if index is None else self.order(index)

    def has_changed(self, external_id: str) -> bool:
        """Whether the order is another one than when the account was made, or was not there then."""
        return order_index(self.book, external_id, self._count) in self._edits

    @cached_property
    def by_updated(self) -> list[tuple[int, int]]:
        """(lastUpdatedTime in ms, order index), oldest first: the only data that is kept for all orders."""
        return sorted((self._updated(index), index) for index in range(self._count))

    @cached_property
    def by_created(self) -> list[tuple[int, int]]:
        return sorted((self._created(index), index) for index in range(self._count))

    def change_order(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The order gets another status, shipped quantities and, as lastUpdatedTime, `at` (now). Returns it.

        Raises LookupError for an unknown order, ValueError where it changed later than `at`; so do the next seven, and
        buy_label.
        """
        return self._edit(external_id, at, lambda edit: replace(edit, revision=edit.revision + 1))

    def reprice_order(self, external_id: str, *, at: datetime | None = None) -> Order:
        """Every amount that the order has rises by a little. Returns it."""
        return self._edit(external_id, at, lambda edit: replace(edit, rises=edit.rises + 1))

    def drop_line(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The order loses its last line, unless that is its only one. Returns it."""
        with self.lock:
            known = self.find(external_id)
            more = known is not None and len(known.lines) > 1
            return self._edit(external_id, at, lambda edit: replace(edit, dropped=edit.dropped + more))

    def cancel_order(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The order is cancelled for good, and its quantities are 0. Returns it."""
        return self._edit(external_id, at, lambda edit: replace(edit, cancelled=True))

    def withdraw_extras(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The order loses for good its programs, the order that it replaces, shipping and discounts. Returns it."""
        return self._edit(external_id, at, lambda edit: replace(edit, withdrawn=True))

    def use_placeholders(self, external_id: str, no_time: datetime, *, at: datetime | None = None) -> Order:
        """`no_time` stands for good where the order has times: when it was placed, is to be shipped and delivered."""
        with self.lock:
            index = order_index(self.book, external_id, self._count)
            placed = moment_ms(no_time)
            if index is not None:
                move(self.by_created, (self._created(index), index), (placed, index))
            return self._edit(external_id, at, lambda edit: replace(edit, created=placed, no_time=no_time))

    def use_odd_text(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The titles of the order's lines hold for good what no database takes. Returns it."""
        return self._edit(external_id, at, lambda edit: replace(edit, odd_text=True))

    def refine_amounts(self, external_id: str, *, at: datetime | None = None) -> Order:
        """The order's prices and totals have for good more decimal places than money has. Returns it."""
        return self._edit(external_id, at, lambda edit: replace(edit, finer=True))

    def confirm_shipment(self, params: dict[str, str], now: datetime) -> Taken:
        """What confirmShipment does at `now`; `params` has the path's orderId, and the body as text. Raises Refused."""
        with self.lock:
            marketplace, order_id = marketplace_of(params), params["orderId"]
            order = check_account(self.find(order_id), order_id, marketplace, self.open_marketplaces)
            told = self.shipments.judge(order, params, now)
            self.shipments.take(order, told)
            self.show_shipments(now)
            return told

    def show_shipments(self, now: datetime) -> None:
        """Orders show what they were told by now; their lastUpdatedTime is when they began to."""
        with self.lock:
            due = [entry for entry in self.shipments.due if entry[0] <= now]
            self.shipments.due = [entry for entry in self.shipments.due if entry[0] > now]
            for moment, external_id in sorted(due):
                self._show(external_id, moment)

    def _show(self, external_id: str, moment: datetime) -> None:
        order = self.find(external_id)
        if order is None:
            raise LookupError(f"This account has no order {external_id}.")
        told = tuple(self.shipments.packages(external_id).values())
        is_full = all(line.quantity_shipped == line.quantity_ordered for line in with_told(order, told).lines)
        shipped = SHIPPED if is_full else ("partially_shipped", "PARTIALLY_SHIPPED")
        later = max(moment, order.updated + timedelta(milliseconds=1))
        self._edit(external_id, later, lambda edit: replace(edit, told=told, shipped=shipped))

    def buy_label(self, external_id: str, *, is_used: bool = True, at: datetime | None = None) -> Order:
        """The order is shipped with a label that was bought through Buy Shipping: Amazon knows of it. Unless `is_used`,
        the label is bought alone: the order shows the package, and is unshipped. Returns it."""
        with self.lock:
            order = self._edit(
                external_id,
                at,
                lambda edit: replace(edit, revision=edit.revision + is_used, label=not is_used),
            )
            self.shipments.labels.add(external_id)
            return order

    def join_program(self, external_id: str, program: str, *, at: datetime | None = None) -> Order:
        """The order takes part in one more program, such as FBM_SHIP_PLUS. Returns it."""
        return self._edit(external_id, at, lambda edit: replace(edit, program=program))

    def truth_shipments(self) -> dict[tuple[str, int], dict[str, Any]]:
        """(order id, package number) -> what Amazon was last told of the package, and how often."""
        return shipment_truth(self.shipments.taken)

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
        """order id -> the unified fields that should be stored for it, as the account is at this moment."""
        with self.lock:
            orders = (self.order(index) for index in range(self._count))
            return {order.external_id: order_truth(order) for order in orders}

    def _edit(self, external_id: str, at: datetime | None, change: Callable[[Edit], Edit]) -> Order:
        with self.lock:
            index = order_index(self.book, external_id, self._count)
            if index is None:
                raise LookupError(f"This account has no order {external_id}.")
            before, moment = self._updated(index), moment_ms(at)
            if moment <= before:
                raise ValueError(f"{external_id} changed later than that: at {from_ms(before)}.")
            move(self.by_updated, (before, index), (moment, index))
            self._edits[index] = replace(change(self._edits.get(index, Edit(before))), updated=moment)
            return self.order(index)

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
        row, edit = make_stock(self.book, marketplace_id, *key), self._stock_edits.get((marketplace_id, key))
        return row if edit is None else revised_stock(row, edit)

    def is_listed(self, marketplace_id: str, key: tuple[int, int]) -> bool:
        return (marketplace_id, key) not in self._unlisted

    def all_stock(self) -> Iterator[Stock]:
        for marketplace_id in self.marketplace_ids:
            for key in self.stock_keys:
                if self.is_listed(marketplace_id, key):
                    yield self.stock(marketplace_id, key)

    def change_stock(self, marketplace_id: str, sku: str, *, at: datetime | None = None) -> None:
        """The SKU's rows in this marketplace get other quantities and, as lastUpdatedTime, `at` (now).

        Raises LookupError for a SKU that the account does not sell; so do the next four.
        """
        self._edit_stock(marketplace_id, sku, at, bare=False)

    def empty_details(self, marketplace_id: str, sku: str, *, at: datetime | None = None) -> None:
        """The SKU's rows in this marketplace have a total of 0, and say nothing about each kind of stock."""
        self._edit_stock(marketplace_id, sku, at, bare=True)

    def _edit_stock(self, marketplace_id: str, sku: str, at: datetime | None, *, bare: bool) -> None:
        with self.lock:
            for key in self._keys_of(marketplace_id, sku):
                edit = self._stock_edits.get(key, StockEdit(0, 0))
                self._stock_edits[key] = StockEdit(moment_ms(at), edit.revision + 1, bare)

    def hide_sku(self, marketplace_id: str, sku: str) -> None:
        """No sweep of this marketplace lists the SKU from now on; it is found by its name, and in reports.

        https://github.com/amzn/selling-partner-api-docs/issues/2312
        """
        with self.lock:
            self._hidden_stock.update(self._keys_of(marketplace_id, sku))

    def is_hidden(self, marketplace_id: str, key: tuple[int, int]) -> bool:
        """Whether sweeps leave the row out."""
        return (marketplace_id, key) in self._hidden_stock

    def unlist_sku(self, marketplace_id: str, sku: str) -> None:
        """This marketplace does not list the SKU any more."""
        with self.lock:
            self._unlisted.update(self._keys_of(marketplace_id, sku))

    def list_sku(self, marketplace_id: str, sku: str) -> None:
        """This marketplace lists the SKU again, with the same quantities."""
        with self.lock:
            self._unlisted.difference_update(self._keys_of(marketplace_id, sku))

    def _keys_of(self, marketplace_id: str, sku: str) -> list[StockKey]:
        found = [(marketplace_id, key) for key in self.stock_keys if product(key[0]).sku == sku]
        if not found or marketplace_id not in self.marketplace_ids:
            raise LookupError(f"This account does not sell {sku} in {marketplace_id}.")
        return found

    def skus(self) -> list[str]:
        """All SKUs; the awkward ones come first."""
        return [product(index).sku for index in range(self.book.skus)]

    def truth_inventory(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """(marketplace id, SKU, FNSKU) -> the unified fields that should be stored for it."""
        if not self.fba:
            return {}
        with self.lock:
            return {(row.marketplace_id, row.sku, row.fnsku): stock_truth(row) for row in self.all_stock()}
