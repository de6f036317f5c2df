"""Stock -> rows of Amazon's "manage FBA inventory" report, archived listings included (spapi-facts 2.5): a row for each
listing of a marketplace, whoever ships it."""

from __future__ import annotations

from simulator.catalog import product
from simulator.model import Stock

# https://developer-docs.amazon.com/sp-api/docs/fba-inventory-reports-attributes, and what is seen behind them
COLUMNS = (
    "sku", "fnsku", "asin", "product-name", "condition", "your-price", "mfn-listing-exists",
    "mfn-fulfillable-quantity", "afn-listing-exists", "afn-warehouse-quantity", "afn-fulfillable-quantity",
    "afn-unsellable-quantity", "afn-reserved-quantity", "afn-total-quantity", "per-unit-volume",
    "afn-inbound-working-quantity", "afn-inbound-shipped-quantity", "afn-inbound-receiving-quantity",
    "afn-researching-quantity", "afn-reserved-future-supply", "afn-future-supply-buyable", "simulator-future-column",
)  # fmt: skip
_CONDITIONS = {"NewItem": "New", "UsedLikeNew": "UsedLikeNew", "UsedGood": "UsedGood"}


def render_stock_row(stock: Stock) -> dict[str, str]:
    """A listing that Amazon ships. Its totals do not count what Amazon is looking for."""
    inbound = (stock.inbound_working, stock.inbound_shipped, stock.inbound_receiving)
    warehouse = stock.fulfillable + sum(stock.unfulfillable) + sum(stock.reserved)
    quantities = {
        "afn-warehouse-quantity": warehouse,
        "afn-fulfillable-quantity": stock.fulfillable,
        "afn-unsellable-quantity": sum(stock.unfulfillable),
        "afn-reserved-quantity": sum(stock.reserved),
        "afn-total-quantity": warehouse + sum(inbound),
        "afn-inbound-working-quantity": inbound[0],
        "afn-inbound-shipped-quantity": inbound[1],
        "afn-inbound-receiving-quantity": inbound[2],
        "afn-researching-quantity": sum(stock.researching),
    }
    if stock.bare:
        quantities = dict.fromkeys(quantities, 0)
    return {
        **_listing(stock.sku, stock.fnsku, stock.asin, stock.title, stock.condition),
        "mfn-listing-exists": "No",
        "afn-listing-exists": "Yes",
        **{name: str(count) for name, count in quantities.items()},
    }


def merchants_row(number: int) -> dict[str, str]:
    """A listing that the merchant ships: it has no FNSKU, and the inventory API knows nothing of it."""
    item = product(50_000 + number)
    return {
        **_listing(item.sku, "", item.asin, item.title, "NewItem"),
        "mfn-listing-exists": "Yes",
        "mfn-fulfillable-quantity": str(3 * number),
        "afn-listing-exists": "No" if number % 2 else "",
        **{
            name: "" if number % 3 else "0" for name in COLUMNS if name.startswith("afn-") and "quant" in name
        },
    }


def closed_row(stock: Stock) -> dict[str, str]:
    """A listing that was closed: archived, with nothing in stock."""
    empty = {name: "0" for name in COLUMNS if name.startswith("afn-") and "quant" in name}
    return render_stock_row(stock) | empty


def _listing(sku: str, fnsku: str, asin: str, title: str, condition: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | {
        "sku": _flat(sku),
        "fnsku": fnsku,
        "asin": asin,
        "product-name": _flat(title),
        "condition": _CONDITIONS.get(condition, condition),
        "your-price": "9.99",
        "mfn-fulfillable-quantity": "0",
        "per-unit-volume": "0.02",
        "afn-reserved-future-supply": "0",
        "afn-future-supply-buyable": "0",
        "simulator-future-column": "future",
    }


def _flat(text: str) -> str:
    return text.replace("\t", " ").replace("\r", " ").replace("\n", " ")
