"""What an order has to look like when an adapter delivers it. Plain Python: no Django, no HTTP.

A value that is not known is None ("" for text, () for lists), never 0 or a guess. It replaces what is stored: where a
platform says no more of a discount, there is none. `absent` names the fields about which the answer says nothing at
all, because the part of it that has them did not come; of these, what is stored stays.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItemRecord:
    """One line of an order. Amounts are for the whole line, except `unit_price`, in `currency` (ISO 4217).

    `quantity_left` is what still has to be shipped, as the platform says: neither shipped nor cancelled. Of the line's
    tax, `tax_responsible_party` pays it to the authority, under `tax_model`; `tax_scheme` is how it is reported; all
    three in the platform's own words. `item_tax`, `shipping_tax`, `gift_wrap_tax` and `discount_tax` are parts of
    `tax`, as the platform lists them. `item_subtotal` is what it lists as the amount of the goods, `other_charges` what
    it lists beside goods, shipping, discount and tax (gift wrap, cash on delivery). `currency` need not be among the
    `absent`: it goes with the amounts.
    """

    external_id: str
    sku: str = ""
    asin: str = ""
    title: str = ""
    quantity_ordered: int | None = None
    quantity_shipped: int | None = None
    quantity_left: int | None = None
    unit_price: Decimal | None = None
    total: Decimal | None = None
    tax: Decimal | None = None
    shipping: Decimal | None = None
    discount: Decimal | None = None
    item_subtotal: Decimal | None = None
    other_charges: Decimal | None = None
    item_tax: Decimal | None = None
    shipping_tax: Decimal | None = None
    gift_wrap_tax: Decimal | None = None
    discount_tax: Decimal | None = None
    currency: str = ""
    tax_model: str | None = None
    tax_responsible_party: str | None = None
    tax_scheme: str | None = None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecord:
    """One package of an order. `external_id` is unique within the order; `status` and `detailed_status` are the
    platform's own words. `contents`: {"item": id of the line, "quantity": units or None} for each line in it."""

    external_id: str
    carrier: str = ""
    shipping_service: str = ""
    tracking_number: str = ""
    status: str = ""
    detailed_status: str = ""
    packed_at: datetime | None = None
    shipped_at: datetime | None = None
    contents: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerRecord:
    """Personal data of an order: stored in a table of its own, encrypted, and deleted in time. Its repr shows none
    of it.

    `address`, `delivery` (wishes for the delivery) and `tax` (a registration) hold texts under the platform's own
    names. `lines`: what is personal about an item, such as a gift message, by the item's id.
    """

    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    company: str = field(default="", repr=False)
    purchase_order: str = field(default="", repr=False)
    address: dict[str, str] = field(default_factory=dict, repr=False)
    delivery: dict[str, str] = field(default_factory=dict, repr=False)
    tax: dict[str, str] = field(default_factory=dict, repr=False)
    lines: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """One order as the platform last reported it.

    `status` is one of ours (see orders.models.Order.Status) and "" where the platform did not report any;
    `platform_status` is the platform's own word. Times are aware. `payload` is the platform's answer without personal
    data. `ship_to_country` is a code of two letters (ISO 3166-1). `items` are all lines; where the answer says nothing
    about them, they are among the `absent`. `completeness` is "report" where all that is known comes from a list of
    orders (ReportedLine), and the lines have ids of ours; "outdated" where such a list has a newer version of an order
    that is stored in full, and the record is what is news in it.
    """

    external_id: str
    purchased_at: datetime
    platform_updated_at: datetime
    items: tuple[OrderItemRecord, ...]
    status: str = ""
    platform_status: str = ""
    marketplace_id: str = ""
    fulfilled_by: str = ""
    service_level: str = ""
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    currency: str = ""
    total: Decimal | None = None
    tax: Decimal | None = None
    invoice_status: str | None = None
    ship_to_country: str | None = None
    programs: tuple[str, ...] = ()
    replaced_order_id: str = ""
    buyer_requested_cancellation: bool | None = None
    completeness: str = "full"
    payload: dict[str, Any] = field(default_factory=dict)
    buyer: BuyerRecord | None = None
    packages: tuple[PackageRecord, ...] = ()
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLine:
    """One row of a list of orders that a platform makes on request: an order, and one of its lines, which has no id.

    `status` and `item_status` are ours (see orders.models.Order.Status), `platform_status` is the platform's own word.
    Amounts are for the whole line, in `currency`; discounts are above zero and lower the total. What a column does not
    say, or the list has no column for, is None or "". `channel` is where it was sold, as the list names it;
    `marketplace_id` is "" where that is none of the platform's marketplaces. `ship_to_country` is a code of two
    letters. `other`: columns that nobody knows here.
    `is_mended`: U+FFFD stands for characters that could not be read.
    """

    order_id: str
    status: str
    platform_status: str
    purchased_at: datetime | None = None
    updated_at: datetime | None = None
    channel: str = ""
    marketplace_id: str = ""
    fulfilled_by: str = ""
    service_level: str = ""
    sku: str = ""
    asin: str = ""
    title: str = ""
    item_status: str = ""
    quantity: int | None = None
    currency: str = ""
    item_price: Decimal | None = None
    item_tax: Decimal | None = None
    shipping: Decimal | None = None
    shipping_tax: Decimal | None = None
    gift_wrap: Decimal | None = None
    gift_wrap_tax: Decimal | None = None
    item_discount: Decimal | None = None
    shipping_discount: Decimal | None = None
    promotion_ids: tuple[str, ...] = ()
    is_business: bool | None = None
    ship_to_country: str | None = None
    other: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # nobody knows what is in it
    is_mended: bool = False
