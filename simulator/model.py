"""The facts of an order or of stock, before they become Amazon's JSON.

`render/` makes Amazon's documents of these and `truth.py` the unified expectation; neither reads the other,
so a test that compares the two never checks a parser against itself. Absent text is "", absent numbers and
times are None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

# Part of every invented personal value, so that a test can search logs, tables and pages for leaks.
CANARY = "PII-CANARY"


@dataclass(frozen=True, slots=True)
class Window:
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One item of an order. `discount` is positive and lowers the total (the sign in v2026 is UNVERIFIED)."""

    external_id: str
    sku: str
    asin: str
    title: str
    quantity_ordered: int
    quantity_shipped: int | None
    currency: str = ""
    unit_price: Decimal | None = None
    item_amount: Decimal | None = None
    shipping: Decimal | None = None
    gift_wrap: Decimal | None = None
    tax: Decimal | None = None
    discount: Decimal | None = None
    total: Decimal | None = None
    gift_message: str = ""
    customized_url: str = ""
    cancel_requester: str = ""
    cancelled_by: str = ""
    cancel_reason: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of an order; `contents` are item ids with units."""

    external_id: str
    carrier: str
    service: str
    tracking_number: str
    status: str
    detailed_status: str
    packed: datetime
    shipped: datetime
    contents: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Person:
    """The buyer and the address, invented; every personal value contains the canary."""

    number: int
    name: str
    email: str
    phone: str
    company: str
    street: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Order:
    """One order. The flags at the end only decide how it is written, not what its facts are."""

    index: int
    external_id: str
    created: datetime
    updated: datetime
    status: str
    platform_status: str
    channel: str
    marketplace_id: str
    marketplace_name: str
    fulfilled_by: str
    service_level: str
    ship_by: Window | None
    deliver_by: Window | None
    currency: str
    total: Decimal | None
    tip: Decimal | None
    programs: tuple[str, ...]
    replaced_order_id: str
    association: str
    lines: tuple[Line, ...]
    person: Person
    business: bool = False
    blanks: bool = False
    extras: bool = False
    withdrawn: bool = False  # empty lists are written where something was withdrawn
    packages: tuple[Package, ...] = ()  # as told; (): those that follow from its lines


@dataclass(frozen=True, slots=True)
class Stock:
    """One row of FBA inventory. `total` is Amazon's own figure; it need not be the sum of the others."""

    marketplace_id: str
    sku: str
    asin: str
    fnsku: str
    title: str
    condition: str
    total: int
    fulfillable: int
    inbound_working: int
    inbound_shipped: int
    inbound_receiving: int
    reserved: tuple[int, int, int]
    researching: tuple[int, int, int]
    unfulfillable: tuple[int, ...]
    updated: datetime | None
    blanks: bool = False
    bare: bool = False  # the details are there, and empty
