"""Reads Amazon's "manage FBA inventory" report, archived listings included, row by row: a listing of one marketplace
each (see flat_file.py).

Why this report, and no other: docs/decisions/0023-stock-is-audited-by-its-listings.md.
https://developer-docs.amazon.com/sp-api/docs/fba-inventory-reports-attributes
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import IO

from integrations.amazon import parse
from integrations.amazon.flat_file import FlatFile, Table
from integrations.errors import MalformedRecord
from integrations.protocol import RecordFailure
from inventory.records import ReportedStock

ALL_LISTINGS = "GET_FBA_MYI_ALL_INVENTORY_DATA"

SKU, AVAILABLE = "sku", "afn-fulfillable-quantity"
_QUANTITIES = (
    AVAILABLE, "afn-unsellable-quantity", "afn-reserved-quantity", "afn-total-quantity", "afn-inbound-working-quantity",
    "afn-inbound-shipped-quantity", "afn-inbound-receiving-quantity",
)  # fmt: skip
_NEWER = ("afn-researching-quantity", "afn-fc-transfer-quantity")  # not in every report
KNOWN = (SKU, "fnsku", "asin", "product-name", "condition", "afn-listing-exists", *_QUANTITIES, *_NEWER)
_COUNT = re.compile(r"\d*")
_CODE = re.compile(r"[A-Z0-9]{10}|")
TABLE = Table(
    known=KNOWN,
    named_by=(SKU, AVAILABLE),
    personal=re.compile(r"(?!)"),  # there is nothing about people in it
    of="stock",
    wanted="a SKU and what is available of it",
    layouts=(
        (
            SKU, "fnsku", "asin", "product-name", "condition", "your-price", "mfn-listing-exists",
            "mfn-fulfillable-quantity", "afn-listing-exists", "afn-warehouse-quantity", AVAILABLE,
            "afn-unsellable-quantity", "afn-reserved-quantity", "afn-total-quantity", "per-unit-volume",
            "afn-inbound-working-quantity", "afn-inbound-shipped-quantity", "afn-inbound-receiving-quantity",
        ),
    ),
    patterns={"fnsku": _CODE, "asin": _CODE, "afn-warehouse-quantity": _COUNT, **dict.fromkeys(_QUANTITIES, _COUNT)},
    shown_id=re.compile(r".{1,255}"),
)  # fmt: skip
# Also as they stand in reports in the languages of Amazon's marketplaces. What is none of these is not known.
YES = frozenset({"yes", "y", "true", "ja", "oui", "sí", "si", "sì", "sim", "tak", "はい", "是"})
NO = frozenset({"no", "n", "false", "nein", "non", "nee", "nej", "não", "nie", "いいえ", "否"})

Row = ReportedStock | RecordFailure


class StockReport(FlatFile):
    """A document, opened. See FlatFile."""

    def __init__(self, document: IO[bytes], *, charset: str = "", in_japan: bool = False) -> None:
        super().__init__(document, TABLE, charset=charset, in_japan=in_japan)

    def rows(self) -> Iterator[Row]:
        """Each row in turn: a listing, or why it could not be read."""
        return self.records(_listing)


def _listing(cells: Sequence[str], _others: Sequence[tuple[str, str]], is_mended: bool) -> ReportedStock:
    """`cells` in the order of KNOWN. Raises MalformedRecord."""
    sku, fnsku, asin, title, condition, ships, *counts = cells
    if not sku.strip():
        raise MalformedRecord("sku is missing.")
    named = zip((*_QUANTITIES, *_NEWER), counts, strict=True)
    available, unsellable, reserved, total, working, shipped, receiving, researching, moved = (
        _count(text, name) for name, text in named
    )
    inbound = [each for each in (working, shipped, receiving) if each is not None]
    return ReportedStock(
        sku=sku,
        fnsku=fnsku.strip(),
        asin=asin.strip(),
        title=title.strip(),
        condition=condition.strip(),
        is_platforms=_said(ships),
        available=available,
        unfulfillable=unsellable,
        reserved=reserved,
        researching=researching,
        inbound=sum(inbound) if inbound else None,
        total=total,
        in_transfer=moved,
        is_mended=is_mended,
    )


@lru_cache(maxsize=4096)
def _count(text: str, name: str) -> int | None:
    return parse.number(text.strip(), name)


@lru_cache(maxsize=64)
def _said(word: str) -> bool | None:
    word = word.strip().casefold()
    return True if word in YES else False if word in NO else None
