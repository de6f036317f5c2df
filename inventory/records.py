"""What a stock row has to look like when an adapter delivers it. Plain Python: no Django, no HTTP."""

from dataclasses import dataclass
from datetime import datetime

# The kinds of stock that platforms tell apart, by group. Adapters may deliver others, which are stored as well.
KINDS = {
    "reserved": ("pending_customer_order", "pending_transshipment", "fc_processing"),
    "inbound": ("working", "shipped", "receiving"),
    "unfulfillable": (
        "customer_damaged", "warehouse_damaged", "distributor_damaged", "carrier_damaged", "defective", "expired",
    ),
    "researching": ("short_term", "mid_term", "long_term"),
    "future_supply": ("reserved_future_supply", "future_supply_buyable"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryRecord:
    """Units of one SKU in one marketplace. None means that the number is not known, and replaces a stored one.

    `details` are the units of each kind, by group: {"reserved": {"pending_customer_order": 3}}; see KINDS.
    `absent` names the fields about which the answer says nothing at all, because the part of it that has them did not
    come; of these, what is stored stays. The same physical unit may be listed in several marketplaces: never add up
    over them.
    """

    marketplace_id: str
    sku: str
    fnsku: str = ""
    asin: str = ""
    title: str = ""
    condition: str = ""
    total: int | None = None
    available: int | None = None
    reserved: int | None = None
    inbound: int | None = None
    unfulfillable: int | None = None
    researching: int | None = None
    details: dict[str, dict[str, int]] | None = None
    platform_updated_at: datetime | None = None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedStock:
    """One listing of one marketplace as a platform's list of stock has it. None: the list does not say.

    `is_platforms`: the platform ships it, so it may have units there. `in_transfer`: units between the platform's
    warehouses, where the list counts them apart from what is reserved. `is_mended`: its text has characters that could
    not be read.
    """

    sku: str
    fnsku: str = ""
    asin: str = ""
    title: str = ""
    condition: str = ""
    is_platforms: bool | None = None
    available: int | None = None
    unfulfillable: int | None = None
    reserved: int | None = None
    researching: int | None = None
    inbound: int | None = None
    total: int | None = None
    in_transfer: int | None = None
    is_mended: bool = False
