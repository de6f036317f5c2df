"""Reads Amazon's all-orders report, row by row: a line of an order each (see flat_file.py).

Both types, by last update and by order date, have the same columns.

https://developer-docs.amazon.com/sp-api/docs/order-tracking-reports-attributes
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import IO

from integrations.amazon import parse
from integrations.amazon.buyer import COUNTRY
from integrations.amazon.flat_file import FlatFile, Table
from integrations.amazon.marketplaces import MARKETPLACES
from integrations.protocol import RecordFailure
from orders.records import ReportedLine

BY_UPDATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
BY_PURCHASE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"

ID, STATUS = "amazon-order-id", "order-status"
KNOWN = (
    ID, STATUS, "purchase-date", "last-updated-date", "sales-channel", "fulfillment-channel", "ship-service-level",
    "sku", "asin", "product-name", "item-status", "quantity", "currency", "item-price", "item-tax",
    "shipping-price", "shipping-tax", "gift-wrap-price", "gift-wrap-tax", "item-promotion-discount",
    "ship-promotion-discount", "promotion-ids", "is-business-order",
    "ship-country",
)  # fmt: skip
_FIRST = (
    ID, "merchant-order-id", "purchase-date", "last-updated-date", STATUS, "fulfillment-channel", "sales-channel",
    "order-channel",
)  # fmt: skip
_LAST = (
    "ship-service-level", "product-name", "sku", "asin", "item-status", "quantity", "currency", "item-price",
    "item-tax", "shipping-price", "shipping-tax", "gift-wrap-price", "gift-wrap-tax", "item-promotion-discount",
    "ship-promotion-discount", "ship-city", "ship-state", "ship-postal-code", "ship-country", "promotion-ids",
)  # fmt: skip
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*")
_AMOUNT = re.compile(r"(-?\d+(\.\d+)?)?")
TABLE = Table(
    known=KNOWN,
    named_by=(ID, STATUS),
    # Of those that Amazon documents, and of those that it may add.
    personal=re.compile(
        r"^ship-|buyer|recipient|customer|name$|mail|phone|address|postal|zip|city|state$|county|cpf|vat|tax-?id"
        r"|purchase-order|gift-message|customi[sz]|instruction|note|birth"
    ),
    of="orders",
    wanted="an order and its status",
    layouts=(_FIRST + _LAST, (*_FIRST, "url", *_LAST)),  # older reports have that column, which is empty
    patterns={
        ID: re.compile(r"[A-Z0-9]{3}-\d{7}-\d{7}"),
        "purchase-date": _MOMENT,
        "last-updated-date": _MOMENT,
        "asin": re.compile(r"[A-Z0-9]{10}|"),
        "quantity": re.compile(r"\d+"),
        "currency": re.compile(r"[A-Z]{3}|"),
        "item-price": _AMOUNT,
        "shipping-price": _AMOUNT,
    },
    shown_id=re.compile(r"[\w-]{1,128}", re.ASCII),
)

# Spelt as in v0, and not always alike. Parts behind " - " say more: "Shipped - Delivered to Buyer".
STATUSES = {
    "pending": "pending",
    "pendingavailability": "pending",
    "unshipped": "unshipped",
    "partiallyshipped": "partially_shipped",
    "shipped": "shipped",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "unfulfillable": "unfulfillable",
}
FULFILLERS = {
    **dict.fromkeys(("afn", "amazon"), "platform"),
    **dict.fromkeys(("mfn", "merchant", "seller"), "merchant"),
}

# Sales channels are domains: those of Seller Central without its own name, and Europe's, which share one.
_OWN_DOMAINS = {
    "ES": "amazon.es",
    "GB": "amazon.co.uk",
    "FR": "amazon.fr",
    "DE": "amazon.de",
    "IT": "amazon.it",
}
DOMAINS = {
    _OWN_DOMAINS.get(each.code, each.seller_central.removeprefix("sellercentral.")): each.id
    for each in MARKETPLACES.values()
}

Row = ReportedLine | RecordFailure


class OrderReport(FlatFile):
    """A document, opened. See FlatFile."""

    def __init__(self, document: IO[bytes], *, charset: str = "", in_japan: bool = False) -> None:
        super().__init__(document, TABLE, charset=charset, in_japan=in_japan)

    def rows(self) -> Iterator[Row]:
        """Each row in turn: a line of an order, or why it could not be read."""
        return self.records(_line)


def _line(cells: Sequence[str], others: Sequence[tuple[str, str]], is_mended: bool) -> ReportedLine:
    """`cells` in the order of KNOWN. Raises MalformedRecord."""
    (
        order_id, status, purchased, updated, channel, fulfiller, service, sku, asin, title, item_status, quantity,
        currency, price, tax, shipping, shipping_tax, wrap, wrap_tax, discount, shipping_discount, promotions,
        business, country,
    ) = cells  # fmt: skip
    return ReportedLine(
        order_id=parse.required_id(order_id.strip(), ID),
        status=_status(status),
        platform_status=status.strip(),
        purchased_at=_time(purchased, "purchase-date"),
        updated_at=_time(updated, "last-updated-date"),
        channel=channel.strip(),
        marketplace_id=DOMAINS.get(channel.strip().lower().removeprefix("www."), ""),
        fulfilled_by=FULFILLERS.get(fulfiller.strip().lower(), ""),
        service_level=service.strip(),
        sku=sku if sku.strip() else "",
        asin=asin.strip(),
        title=title.strip(),
        item_status=_status(item_status) if item_status else "",
        quantity=_quantity(quantity),
        currency=currency.strip().upper(),
        item_price=_amount(price, "item-price"),
        item_tax=_amount(tax, "item-tax"),
        shipping=_amount(shipping, "shipping-price"),
        shipping_tax=_amount(shipping_tax, "shipping-tax"),
        gift_wrap=_amount(wrap, "gift-wrap-price"),
        gift_wrap_tax=_amount(wrap_tax, "gift-wrap-tax"),
        item_discount=_discount(discount, "item-promotion-discount"),
        shipping_discount=_discount(shipping_discount, "ship-promotion-discount"),
        promotion_ids=tuple(filter(None, map(str.strip, promotions.split(",")))) if promotions else (),
        is_business={"true": True, "false": False}.get(business.strip().lower()),
        ship_to_country=_country(country),
        other=tuple((name, value) for name, value in others if value),
        is_mended=is_mended,
    )


@lru_cache(maxsize=256)
def _status(word: str) -> str:
    return STATUSES.get(re.sub(r"[\s_-]+", "", word.partition(" - ")[0].lower()), "unknown")


@lru_cache(maxsize=256)
def _country(text: str) -> str | None:
    """By itself, it is about nobody. None where it is not a code of two letters."""
    code = text.strip().upper()
    return code if COUNTRY.fullmatch(code) else None


@lru_cache(maxsize=4096)
def _time(text: str, name: str) -> datetime | None:
    """None where there is none, or one that stands for none. Raises MalformedRecord for what is no time."""
    if text.strip():
        parse.required_time(text, name)
    return parse.meant_time(text)


@lru_cache(maxsize=256)
def _quantity(text: str) -> int | None:
    return parse.number(text.strip(), "quantity")


@lru_cache(maxsize=8192)
def _amount(text: str, name: str) -> Decimal | None:
    return parse.money({"amount": text.strip()}, name)[0]


def _discount(text: str, name: str) -> Decimal | None:
    """Reports write discounts below zero; here they are above, as on lines of orders."""
    amount = _amount(text, name)
    return None if amount is None else abs(amount)
