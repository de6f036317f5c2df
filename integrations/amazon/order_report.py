"""Reads Amazon's all-orders report, row by row: tabs without quoting, columns by name, whatever the charset.

Both types, by last update and by order date, have the same columns. No Django, no HTTP, and never the whole document
in memory.

https://developer-docs.amazon.com/sp-api/docs/order-tracking-reports-attributes
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import IO

from integrations.amazon import parse
from integrations.amazon.answers import SECRETS
from integrations.amazon.marketplaces import MARKETPLACES
from integrations.errors import MalformedRecord, RequestRefused, TransientError
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
)  # fmt: skip
# Columns about a person, by name: of those that Amazon documents, and of those that it may add. Never kept.
PERSONAL = re.compile(
    r"^ship-|buyer|recipient|customer|name$|mail|phone|address|postal|zip|city|state$|county|cpf|vat|tax-?id"
    r"|purchase-order|gift-message|customi[sz]|instruction|note|birth"
)

MOST_LINE = 64 * 1024  # bytes; longer rows are none of this report's
LONGEST_SHOWN = 200
PIECE = 64 * 1024  # bytes
_ORDER_ID = re.compile(r"[\w-]{1,128}", re.ASCII)

# How the storage names charsets, and what is meant; https://encoding.spec.whatwg.org/#names-and-labels
CHARSETS = {
    **dict.fromkeys(("utf-8", "utf8", "utf-8-sig"), "utf-8"),
    **dict.fromkeys(("cp1252", "windows-1252", "iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(
        ("cp932", "ms932", "windows-31j", "shift_jis", "shift-jis", "sjis", "x-sjis", "csshiftjis"), "cp932"
    ),
}  # fmt: skip

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


class OrderReport:
    """A document, opened: its columns are known, its rows are still to be read.

    `charset` is the one that is read; `is_stated` whether the answer had named it. `unknown`: columns that are kept
    apart, `left_out`: those that are about a person.
    """

    def __init__(self, document: IO[bytes], *, charset: str = "", in_japan: bool = False) -> None:
        """`charset`: what the answer said of it. Raises TransientError for an empty document, RequestRefused for one
        that is no list of orders but says why there is none."""
        stated = _known_charset(charset)
        self.charset = stated or find_charset(document, in_japan=in_japan)
        self.is_stated = bool(stated)
        document.seek(0)
        self._document = document
        head = self._decoded(document.readline(MOST_LINE))[0]
        self._columns = [_column(name) for name in head.split("\t")]
        if ID not in self._columns or STATUS not in self._columns:
            raise _no_list(head)
        named = dict.fromkeys(name for name in self._columns if name and name not in KNOWN)
        self.left_out = tuple(name for name in named if PERSONAL.search(name))
        self.unknown = tuple(name for name in named if name not in self.left_out)
        self._places = {name: self._columns.index(name) for name in KNOWN if name in self._columns}
        self._others = [(name, self._columns.index(name)) for name in self.unknown]

    def rows(self) -> Iterator[Row]:
        """Each row in turn: a line of an order, or why it could not be read. Blank rows are none."""
        number, places, others = 1, [self._places.get(name, -1) for name in KNOWN], self._others
        width = len(self._columns)
        while raw := self._document.readline(MOST_LINE):
            number += 1
            text, is_mended = self._decoded(raw)
            if len(raw) >= MOST_LINE and not raw.endswith(b"\n"):
                self._skip_line()
                yield _failure(number, "", f"is longer than {MOST_LINE:,} bytes")
                continue
            if not text.strip():
                continue
            cells = text.split("\t")
            if len(cells) != width:
                id_ = cells[self._places[ID]] if self._places[ID] < len(cells) else ""
                yield _failure(number, id_, f"has {len(cells)} columns, the header {width}")
                continue
            cells.append("")  # at -1: what a column says that is not there
            try:
                yield _line(
                    [cells[place] for place in places], [(n, cells[at]) for n, at in others], is_mended
                )
            except MalformedRecord as error:
                column = str(error).partition(" is ")[
                    0
                ]  # without the value: where columns moved, it is another's
                yield _failure(
                    number, cells[self._places[ID]], f"has something in {column} that cannot stand there"
                )

    def _decoded(self, raw: bytes) -> tuple[str, bool]:
        """The row without its end, and whether something in it could not be read."""
        try:
            return raw.decode(self.charset).removeprefix("\ufeff").rstrip("\r\n"), False
        except UnicodeDecodeError:
            return raw.decode(self.charset, errors="replace").removeprefix("\ufeff").rstrip("\r\n"), True

    def _skip_line(self) -> None:
        while (more := self._document.readline(MOST_LINE)) and not more.endswith(b"\n"):
            pass


def find_charset(document: IO[bytes], *, in_japan: bool = False) -> str:
    """The charset of a document that nobody names: UTF-8 where all of it is, else that of Windows in the place."""
    if _is_in(document, "utf-8"):
        return "utf-8"
    return "cp932" if in_japan and _is_in(document, "cp932") else "cp1252"


def _is_in(document: IO[bytes], charset: str) -> bool:
    decoder = codecs.getincrementaldecoder(charset)()
    document.seek(0)
    try:
        while piece := document.read(PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _known_charset(name: str) -> str:
    """The codec that a charset's name means; "" where it is not known, or its tabs and ends of rows are other bytes."""
    name = name.strip().strip("\"'").lower()
    if known := CHARSETS.get(name, ""):
        return known
    try:
        return name if name and "\t\r\n".encode(name) == b"\t\r\n" else ""
    except (LookupError, UnicodeError):
        return ""


def _column(name: str) -> str:
    """The name of a column in the one spelling that is compared."""
    return re.sub(r"[\s_]+", "-", name.strip().strip('"').strip().lower())


def _no_list(head: str) -> Exception:
    """What a document is that has no columns of orders: an empty one, or one that says what went wrong."""
    said = SECRETS.sub("(secret)", " ".join(head.split()))[:LONGEST_SHOWN]
    if not said:
        return TransientError(
            "Amazon's report is empty: it has not even a header, so it does not say that there are no orders.",
            code="broken_answer",
        )
    if "\t" in head:
        return RequestRefused(
            "Amazon's report has none of the columns that name an order and its status. Its columns are: "
            f"{said}. If the account's language translates them, set it to English in Seller Central.",
            code="unknown_columns",
        )
    code = "span_too_long" if re.search(r"\b30\s+days|date range", said, re.IGNORECASE) else "report_refused"
    return RequestRefused(f"Amazon made no list of orders but a document that says: {said}", code=code)


def _failure(number: int, order_id: str, what: str) -> RecordFailure:
    """A row that could not be read. Nothing else of it is repeated: it may hold an address."""
    order_id = order_id if _ORDER_ID.fullmatch(order_id) else ""
    of_order = f" (order {order_id})" if order_id else ""
    return RecordFailure(
        external_id=order_id,
        code=MalformedRecord.default_code,
        message=f"Row {number} of the report{of_order} {what}.",
        mark=f"row {number}",
    )


def _line(cells: Sequence[str], others: Sequence[tuple[str, str]], is_mended: bool) -> ReportedLine:
    """`cells` in the order of KNOWN. Raises MalformedRecord."""
    (
        order_id, status, purchased, updated, channel, fulfiller, service, sku, asin, title, item_status, quantity,
        currency, price, tax, shipping, shipping_tax, wrap, wrap_tax, discount, shipping_discount, promotions,
        business,
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
        other=tuple((name, value) for name, value in others if value),
        is_mended=is_mended,
    )


@lru_cache(maxsize=256)
def _status(word: str) -> str:
    return STATUSES.get(re.sub(r"[\s_-]+", "", word.partition(" - ")[0].lower()), "unknown")


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
