"""Corner Shop as an Adapter, which delivers returns as well."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from channel_example import normalize
from channel_example.client import QUOTAS, ShopClient
from channel_example.config import account_key, check
from channel_example.returns import ReturnPage, ReturnRecord
from integrations.errors import PlatformError
from integrations.protocol import (
    NOTHING,
    BudgetFor,
    Checkpoint,
    DataSets,
    Finding,
    Meter,
    Note,
    OrderPage,
    Parts,
    StockPage,
    Uncounted,
    Unlimited,
    Usage,
    Window,
)
from orders.records import OrderRecord

CHECKED = (("orders", "listOrders"), ("inventory", "listStock"), ("returns", "listReturns"))
PATHS = {"listOrders": "/orders", "listStock": "/stock", "listReturns": "/returns"}


def connect(
    api_config: Mapping[str, Any],
    *,
    include_pii: bool,
    budget_for: BudgetFor | None = None,
    leave_out: Mapping[str, datetime] | None = None,
    meter: Meter | None = None,
) -> "ShopAdapter":
    """See integrations.channel.Connect."""
    config = check(api_config)
    key = account_key(config)
    budget = budget_for(key, QUOTAS) if budget_for else Unlimited()
    client = ShopClient(config["shop_url"], config["api_key"], budget=budget, meter=meter or Uncounted())
    return ShopAdapter(client, f"shop:{key[:16]}", include_pii=include_pii)


class ShopAdapter:
    """See integrations.protocol.Adapter. A checkpoint holds where the next page starts."""

    source = "live"
    notes: tuple[Note, ...] = ()

    def __init__(self, client: ShopClient, scope: str, *, include_pii: bool) -> None:
        self.scope = scope
        self.datasets = DataSets()
        self.parts = Parts()
        self._client = client
        self._include_pii = include_pii

    @property
    def usage(self) -> Usage:
        return self._client.usage

    def order_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[OrderPage]:
        for rows, following in self._pages("listOrders", checkpoint, **_span(window)):
            records, failures = normalize.orders(rows, include_pii=self._include_pii)
            yield OrderPage(records=records, failures=failures, next=following)

    def order(self, external_id: str) -> OrderRecord:
        raw = self._client.get("getOrder", f"/orders/{external_id}")
        return normalize.order(raw, include_pii=self._include_pii)

    def inventory_pages(
        self, skus: Sequence[str], checkpoint: Checkpoint, *, left_out: Mapping[str, datetime] = NOTHING
    ) -> Iterator[StockPage]:
        """The shop has one list of stock and no marketplaces: its last page completes the list of the site ""."""
        for rows, following in self._pages("listStock", checkpoint):
            records = tuple(normalize.stock(row) for row in rows if not skus or row["article"] in skus)
            is_complete = not skus and following is None and not checkpoint
            yield StockPage(records=records, next=following, swept="" if is_complete else None)

    def return_pages(self, checkpoint: Checkpoint) -> Iterator[ReturnPage]:
        for rows, following in self._pages("listReturns", checkpoint):
            yield ReturnPage(records=tuple(ReturnRecord(**row) for row in rows), next=following)

    def check(self, window: Callable[[], Window]) -> Iterator[Finding]:
        for step, operation in CHECKED:
            try:
                self._client.get(operation, PATHS[operation], **(_span(window()) if step == "orders" else {}))
            except PlatformError as error:
                facts = {"code": error.code, "request_id": error.request_id}
                yield Finding(step=step, ok=False, message=str(error), **facts)
            else:
                yield Finding(step=step, ok=True, message="The shop answers.")

    def close(self) -> None:
        self._client.close()

    def _pages(
        self, operation: str, checkpoint: Checkpoint, **parameters: Any
    ) -> Iterator[tuple[list[dict[str, Any]], Checkpoint | None]]:
        start = checkpoint.get("start", 0)
        while start is not None:
            answer = self._client.get(operation, PATHS[operation], start=start, **parameters)
            start = answer["next"]
            yield answer["rows"], None if start is None else {"start": start}


def _span(window: Window) -> dict[str, str]:
    return {"since": _iso(window.start), "until": _iso(window.end)}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
