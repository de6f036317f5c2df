"""Which anomaly happens where.

Order `index` plays scene `SCENES[index % 50]`, so 200 orders hold each scene four times.
The anomalies are those that sellers met in production.
"""

from __future__ import annotations

from enum import StrEnum


class Scene(StrEnum):
    PLAIN_UNSHIPPED = "plain unshipped"
    PLAIN_SHIPPED = "plain shipped"
    PENDING = "pending: no total, no prices"
    PENDING_AVAILABILITY = "pre-order"
    REPLACEMENT = "replacement at price 0"
    EXCHANGE = "exchange at price 0"
    NON_AMAZON = "from outside Amazon, no marketplace"
    NON_AMAZON_UNKNOWN = "from outside Amazon, unknown marketplace"
    UNFULFILLABLE = "from outside Amazon, cannot be fulfilled"
    CANCELLED = "cancelled, items of quantity 0"
    BUYER_CANCEL = "buyer asks to cancel while unshipped"
    UNKNOWN_STATUS = "a status that the model does not list"
    UNKNOWN_EXTRAS = "unknown program and fields"
    PARTIAL = "partially shipped"
    TWIN_LINES = "the same SKU on two lines"
    FOREIGN_CURRENCY = "currency is not the marketplace's"
    CANCELLED_LINE = "shipped, with one cancelled line"
    TIP = "delivery tip: items do not add up to the total"
    GIFT = "gift message and wrap"
    CUSTOMIZED = "customized product"
    BARE_ITEMS = "items without SKU, ASIN and title"
    BLANKS = "empty strings where values are absent"
    LONG_TITLE = "a title of exactly 500 characters"
    NO_TOTAL = "shipped without any amount"
    BREAKDOWNS = "all breakdowns with details"
    NO_QUANTITIES = "items without shipped quantity"
    NO_WINDOWS = "no windows, no service level, no fulfiller"
    SAME_TIME = "changed in the same millisecond as the order before"
    UNCHANGED = "never changed after it was created"
    BUSINESS = "business order with tax and payment data"


_SPECIAL = tuple(scene for scene in Scene if not scene.name.startswith("PLAIN"))
_PLAIN = (Scene.PLAIN_SHIPPED, Scene.PLAIN_UNSHIPPED, Scene.PLAIN_SHIPPED)

# 28 special scenes, then plain ones up to 50.
SCENES: tuple[Scene, ...] = _SPECIAL + tuple(_PLAIN[n % 3] for n in range(50 - len(_SPECIAL)))

# scene -> (unified status, status as Amazon writes it); all others are shipped
STATUS: dict[Scene, tuple[str, str]] = {
    Scene.PLAIN_UNSHIPPED: ("unshipped", "UNSHIPPED"),
    Scene.PENDING: ("pending", "PENDING"),
    Scene.PENDING_AVAILABILITY: ("pending", "PENDING_AVAILABILITY"),
    Scene.UNFULFILLABLE: ("unfulfillable", "UNFULFILLABLE"),
    Scene.CANCELLED: ("cancelled", "CANCELLED"),
    Scene.BUYER_CANCEL: ("unshipped", "UNSHIPPED"),
    Scene.UNKNOWN_STATUS: ("unknown", "INVOICE_UNCONFIRMED"),
    Scene.PARTIAL: ("partially_shipped", "PARTIALLY_SHIPPED"),
    Scene.BUSINESS: ("unshipped", "UNSHIPPED"),
    Scene.CUSTOMIZED: ("unshipped", "UNSHIPPED"),
}
SHIPPED = ("shipped", "SHIPPED")

OUTSIDE_AMAZON = frozenset({Scene.NON_AMAZON, Scene.NON_AMAZON_UNKNOWN, Scene.UNFULFILLABLE})
WITHOUT_AMOUNTS = frozenset({Scene.PENDING, Scene.PENDING_AVAILABILITY, Scene.NO_TOTAL})
FREE_OF_CHARGE = frozenset({Scene.REPLACEMENT, Scene.EXCHANGE})

ASSOCIATIONS = {Scene.REPLACEMENT: "REPLACEMENT_ORIGINAL_ID", Scene.EXCHANGE: "EXCHANGE_ORIGINAL_ID"}


def scene_of(index: int, scenes: tuple[Scene, ...] = SCENES) -> Scene:
    return scenes[index % len(scenes)]


def status_of(scene: Scene) -> tuple[str, str]:
    """(unified status, Amazon's word) of every order that plays this scene."""
    return STATUS.get(scene, SHIPPED)
