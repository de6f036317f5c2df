"""The rows of a list of stock, by SKU."""

from collections.abc import Collection, Iterable

from integrations.completeness.spool import RowSpool
from inventory.records import ReportedStock

KEPT = (
    "fnsku", "is_platforms", "available", "unfulfillable", "reserved", "researching", "inbound", "total", "in_transfer",
)  # fmt: skip


class StockSpool(RowSpool[ReportedStock]):
    def __init__(self) -> None:
        super().__init__(ReportedStock, "sku", KEPT)
        self._renamed: set[str] = set()

    def also_has(self, skus: Iterable[str]) -> None:
        """The list has these as well, under names that it could not write."""
        self._renamed.update(skus)

    def has(self, keys: Collection[str]) -> set[str]:
        return super().has(keys) | (self._renamed & set(keys))
