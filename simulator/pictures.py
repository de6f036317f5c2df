"""The Catalog Items API v2022-04-01, as far as pictures go, and the pictures themselves, which are drawn here.

Rules and shapes are those of catalogItems_2022-04-01.json, https://github.com/amzn/selling-partner-api-models: one
marketplace, at most 20 identifiers, 10 items a page unless pageSize says otherwise, each picture in several sizes. What
the catalogue does not have is not in `items`; of some products it has no picture.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from simulator.account import Account
from simulator.errors import denied, invalid
from simulator.validation import check_names, known_values
from simulator.wire import Canned, Request

PATH = "/catalog/2022-04-01/items"
PICTURES_PATH = "/images/I/"
MOST, USUAL = 20, 10  # identifiers and items of a page

_PARAMS = frozenset({
    "identifiers", "identifiersType", "marketplaceIds", "includedData", "locale", "sellerId", "keywords", "brandNames",
    "classificationIds", "pageSize", "pageToken", "keywordsLocale",
})  # fmt: skip
_DATA = frozenset({
    "attributes", "classifications", "dimensions", "identifiers", "images", "productTypes", "relationships",
    "salesRanks", "summaries", "vendorDetails",
})  # fmt: skip
_ASIN = re.compile(r"B0([0-9A-F]{8})")  # as catalog.py makes them
_SIZES = ((1500, ""), (500, "._SL500_"), (75, "._SL75_"))
_FILE = re.compile(r"/images/I/(B0[0-9A-F]{8})(?:\._SL(?:500|75)_)?\.png")
_DRAWN = 150  # pixels, whatever size is asked for


def search_catalog_items(account: Account, params: Mapping[str, str], endpoint: str) -> dict[str, Any]:
    """Raises Refused."""
    asins, place, size = _parsed(account, params)
    listed = [asin for asin in asins if is_listed(account, asin)]
    start = _start(params.get("pageToken"))
    shown = listed[start : start + size]
    document: dict[str, Any] = {
        "numberOfResults": len(listed),
        "items": [_item(asin, place, endpoint) for asin in shown],
    }
    if start + size < len(listed):
        document["pagination"] = {"nextToken": f"page-{start + size}"}
    return document


def _parsed(account: Account, params: Mapping[str, str]) -> tuple[list[str], str, int]:
    check_names(params, _PARAMS)
    asins = [each for each in params.get("identifiers", "").split(",") if each]
    if not asins or params.get("identifiersType") != "ASIN":
        raise invalid("This simulator knows identifiers of the identifiersType ASIN alone.")
    if len(asins) > MOST:
        raise invalid(f"identifiers takes at most {MOST}.")
    places = params.get("marketplaceIds", "").split(",")
    if len(places) != 1 or not places[0]:
        raise invalid("marketplaceIds takes one marketplace.")
    if places[0] not in account.open_marketplaces:
        raise denied()
    if "images" not in known_values(params, "includedData", _DATA):
        raise invalid("This simulator has the includedData images alone.")
    size = params.get("pageSize", str(USUAL))
    if not re.fullmatch(r"[0-9]{1,2}", size) or not 1 <= int(size) <= MOST:
        raise invalid(f"pageSize is a number from 1 to {MOST}.")
    return asins, places[0], int(size)


def _start(token: str | None) -> int:
    if token is None:
        return 0
    found = re.fullmatch(r"page-([0-9]{1,2})", token)
    if found is None:
        raise invalid("pageToken is not valid.")
    return int(found[1])


def is_listed(account: Account, asin: str) -> bool:
    """Whether the catalogue has the product: one of the account's, but for one in 23."""
    found = _ASIN.fullmatch(asin)
    return found is not None and int(found[1], 16) < account.book.skus and int(found[1], 16) % 23 != 9


def has_picture(asin: str) -> bool:
    """One in 19 of those that the catalogue has is without."""
    found = _ASIN.fullmatch(asin)
    return found is not None and int(found[1], 16) % 19 != 7


def _item(asin: str, place: str, endpoint: str) -> dict[str, Any]:
    images = [
        {
            "variant": variant,
            "link": f"{endpoint}{PICTURES_PATH}{asin}{name}.png",
            "height": side,
            "width": side,
        }
        for variant in ("PT01", "MAIN")
        for side, name in _SIZES
    ]
    return {
        "asin": asin,
        "images": [{"marketplaceId": place, "images": images}] if has_picture(asin) else [],
    }


def picture(request: Request) -> Canned:
    found = _FILE.fullmatch(request.path)
    if found is None or request.method != "GET":
        return Canned(404, b"Not Found", {"Content-Type": "text/plain"})
    return Canned(200, drawn(int(found[1][2:], 16)), {"Content-Type": "image/png"})


def _is_on_lamp(x: float, y: float) -> bool:
    shade = -0.8 < y < -0.2 and abs(x) < 0.2 + (y + 0.8) * 0.6
    return shade or (abs(x) < 0.05 and -0.2 <= y < 0.7) or (abs(x) < 0.35 and 0.7 <= y < 0.8)


# What each sort of product looks like, by the words of catalog.py: whether a point is on it, from -1 to 1 both ways.
_SHAPES: tuple[Callable[[float, float], bool], ...] = (
    lambda x, y: (abs(x) < 0.22 and -0.55 < y < 0.8) or (abs(x) < 0.1 and -0.8 < y <= -0.55),  # a bottle
    _is_on_lamp,
    lambda x, y: (-0.35 < x < 0.05 and -0.8 < y < 0.6) or (-0.35 < x < 0.6 and 0.25 < y < 0.6),  # a sock
    lambda x, y: abs(x) < 0.5 and abs(y) < 0.7 and not (-0.42 < x < -0.36),  # a notebook
    lambda x, y: -0.6 < y < 0.6 and abs(x) < (y + 0.6) * 0.7 and not (abs(x) < 0.12 and y > 0.1),  # a tent
    lambda x, y: x * x + y * y < 0.3 or (0.3 < x < 0.8 and abs(y + x - 0.35) < 0.1),  # a pot
    lambda x, y: 0.3 < x * x + y * y < 0.5 or 0.1 < x * x + y * y < 0.18,  # a cable
    lambda x, y: (abs(x) < 0.5 and abs(y) < 0.5 and x * x + (y + 0.5) ** 2 > 0.03) or (x - 0.5) ** 2 + y * y < 0.03,
)  # fmt: skip
_COLOURS = (
    (47, 109, 181), (192, 69, 59), (217, 164, 65), (91, 140, 90), (125, 138, 151), (150, 96, 160), (60, 140, 150),
)  # fmt: skip


@lru_cache(maxsize=512)
def drawn(index: int) -> bytes:
    """The picture of product `index` as PNG: always the same."""
    shape, colour = _SHAPES[index % len(_SHAPES)], _COLOURS[index // len(_SHAPES) % len(_COLOURS)]
    rows = bytearray()
    for row in range(_DRAWN):
        rows.append(0)  # no filter
        y = 2 * row / _DRAWN - 1
        for column in range(_DRAWN):
            x = 2 * column / _DRAWN - 1
            light = 1 - 0.25 * (x + y + 2) / 4
            rows += bytes(int(part * light) for part in colour) if shape(x, y) else b"\xff\xff\xff"
    return _png(_DRAWN, bytes(rows))


def _png(side: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
