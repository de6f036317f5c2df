"""Corner Shop without a shop: made-up payloads through the same normalizer, with ids that no shop issues."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from channel_example import normalize
from channel_example.returns import ReturnPage, ReturnRecord
from channel_example.shop import STOCK, orders
from integrations.errors import RequestRefused
from integrations.protocol import (
    NOTHING,
    Checkpoint,
    DataSets,
    Finding,
    Note,
    OrderPage,
    Parts,
    StockPage,
    Usage,
    Window,
)
from orders.records import OrderRecord


class MockShop:
    """See integrations.protocol.Adapter."""

    source = "mock"
    scope = "mock"
    notes = (Note("mock", "This is made-up data. Store the shop's address and key to get the real one."),)

    def __init__(self) -> None:
        self.usage = Usage()
        self.datasets = DataSets()
        self.parts = Parts()
        self._orders = [{**order, "number": f"DEMO-{order['number']}"} for order in orders()]

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        records, failures = normalize.orders(self._orders)
        yield OrderPage(records=records, failures=failures)

    def order(self, external_id: str) -> OrderRecord:
        for raw in self._orders:
            if raw["number"] == external_id:
                return normalize.order(raw)
        raise RequestRefused(f"There is no made-up order {external_id!r}.", code="not_found", status=404)

    def inventory_pages(
        self, skus: Sequence[str], checkpoint: Checkpoint, *, left_out: Mapping[str, datetime] = NOTHING
    ) -> Iterator[StockPage]:
        rows = [normalize.stock(row) for row in STOCK if not skus or row["article"] in skus]
        yield StockPage(records=tuple(rows), swept=None if skus else "")

    def return_pages(self, checkpoint: Checkpoint) -> Iterator[ReturnPage]:
        yield ReturnPage(
            records=(ReturnRecord(number="DEMO-R-1", order="DEMO-CS-1", article="TEA-1", count=1),)
        )

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        yield Finding(step="mock", ok=True, message="Made-up data needs no connection.")

    def close(self) -> None:
        """Nothing to close."""
