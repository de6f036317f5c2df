"""The operations: a valid request and an account in, Amazon's document out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from simulator.account import Account
from simulator.errors import invalid, not_found
from simulator.model import Stock
from simulator.orders import from_ms
from simulator.render.orders import render_order, render_time
from simulator.render.stock import render_stock
from simulator.tokens import Clock, PageState, PageTokens
from simulator.validation import (
    Search,
    StockQuery,
    check_names,
    parse_included,
    parse_search,
    parse_stock_query,
    refuse_data,
)

Json = dict[str, Any]

# Not in the model; 50 rows were observed (spapi-facts, section 3).
INVENTORY_PAGE = 50


@dataclass(frozen=True, slots=True)
class Operations:
    """What the operations share: page tokens, clock, and a page size below Amazon's if one was set."""

    order_tokens: PageTokens
    inventory_tokens: PageTokens
    clock: Clock
    page_size: int | None

    def now(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self.clock())

    def search_orders(self, account: Account, params: dict[str, str]) -> Json:
        search = parse_search(params, account.open_marketplaces, self.now())
        refuse_data(search.include, account.refused_data, account.unnamed_data)
        token = params.get("paginationToken")
        same = _without(params, "paginationToken", "maxResultsPerPage")
        scope = f"searchOrders {account.refresh_token}"
        state = PageState((search.after, -1), search.before)
        if token is not None:
            state = self.order_tokens.read("paginationToken", token, scope, same)
        limit = min(search.limit, self.page_size or search.limit)
        # One more than fits tells whether there is another page.
        with account.lock:
            found = list(islice(_matches(account, search, state, self.now()), limit + 1))
            orders = [render_order(account.order(index), search.include) for _, index in found[:limit]]
        document: Json = {
            "orders": orders,
            f"{search.axis}Before": render_time(from_ms(state.bound)),
        }
        if len(found) > limit:
            next_state = PageState(found[limit - 1], state.bound)
            document["pagination"] = {"nextToken": self.order_tokens.make(scope, same, next_state)}
        return document

    def get_order(self, account: Account, params: dict[str, str]) -> Json:
        """`params` holds the path's orderId among the query's."""
        include = parse_included(_without(params, "orderId"))
        refuse_data(include, account.refused_data, account.unnamed_data)
        order = account.find(params["orderId"])
        if order is None:
            raise not_found(f"Order {params['orderId']} was not found.")
        return {"order": render_order(order, include)}

    def confirm_shipment(self, account: Account, params: dict[str, str]) -> Json:
        """`params` holds the path's orderId, and the body as text. Nothing is answered to it."""
        check_names(params, frozenset({"orderId", "body"}))
        account.confirm_shipment(params, self.now())
        return {}

    def get_inventory_summaries(self, account: Account, params: dict[str, str]) -> Json:
        query = parse_stock_query(params, account.open_marketplaces, self.now())
        if not account.fba:
            raise invalid("The seller is not registered for Fulfillment by Amazon.")
        token = params.get("nextToken")
        same = _without(params, "nextToken")
        scope = f"getInventorySummaries {account.refresh_token}"
        state = PageState((-1, -1), 0)
        if token is not None:
            state = self.inventory_tokens.read("nextToken", token, scope, same)
        limit = self.page_size or INVENTORY_PAGE
        with account.lock:
            found = list(islice(_stock_matches(account, query, state), limit + 1))
        document: Json = {
            "payload": {
                "granularity": {"granularityType": "Marketplace", "granularityId": query.marketplace_id},
                "inventorySummaries": [render_stock(row, details=query.details) for _, row in found[:limit]],
            }
        }
        if len(found) > limit:
            next_state = PageState(found[limit - 1][0], 0)
            document["pagination"] = {"nextToken": self.inventory_tokens.make(scope, same, next_state)}
        return document


def _without(params: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if name not in names}


def _matches(account: Account, search: Search, state: PageState, now: datetime) -> Iterator[tuple[int, int]]:
    """(ms, index) of the orders that a search finds `now` after the position, oldest first."""
    timeline = account.by_created if search.axis == "created" else account.by_updated
    start = bisect_right(timeline, state.position)
    stop = bisect_left(timeline, (state.bound + 1, -1))
    narrow = search.marketplaces or search.statuses or search.fulfillers
    for entry in islice(timeline, start, max(start, stop)):
        if account.is_listed_at(entry[1], now) and (not narrow or _fits(account, search, entry[1])):
            yield entry


def _fits(account: Account, search: Search, index: int) -> bool:
    known = account.outline(index)
    # Orders from outside Amazon belong to the account, not to one of its marketplaces: they always match.
    if search.marketplaces and not known.outside_amazon and known.marketplace_id not in search.marketplaces:
        return False
    if search.statuses and known.platform_status not in search.statuses:
        return False
    return not search.fulfillers or known.fulfilled_by in search.fulfillers


def _stock_matches(
    account: Account, query: StockQuery, state: PageState
) -> Iterator[tuple[tuple[int, int], Stock]]:
    """(key, row) of the stock that a query finds after the position, in the order of the catalogue."""
    keys = account.stock_keys
    for key in islice(keys, bisect_right(keys, state.position), None):
        if not account.is_listed(query.marketplace_id, key):
            continue
        row = account.stock(query.marketplace_id, key)
        if row.sku not in query.skus if query.skus else account.is_hidden(query.marketplace_id, key):
            continue
        if query.since is None or (row.updated is not None and row.updated >= query.since):
            yield key, row
