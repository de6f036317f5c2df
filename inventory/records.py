"""What a stock row has to look like when an adapter delivers it. Plain Python: no Django, no HTTP."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryRecord:
    """Units of one SKU in one marketplace. None means that the platform did not report the number.

    The same physical unit may be listed in several marketplaces: never add up over them.
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
    platform_updated_at: datetime | None = None
