"""The stream of orders: read by a window of time, with a watermark up to which they are complete."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.outcome import Outcome
from integrations.errors import MalformedRecord, RequestRefused, TransientError
from integrations.models import SyncLog
from integrations.protocol import Adapter, Checkpoint, OrderPage, RecordFailure
from integrations.sync.doubts import doubted_from
from integrations.sync.estimates import guess_by_window
from integrations.sync.streams.base import Progress, Stream, window_of
from integrations.sync.windows import by_part
from orders.models import Order
from orders.records import OrderRecord
from orders.services import delete_orders, upsert_orders
from platforms.models import Platform, Source

IS_NOT_IN_FULL = "not_in_full"
NOT_IN_FULL = "The platform answers with an older version than its list has, or without lines."


class OrdersProgress(Progress[OrderPage]):
    """Knows until when the orders are complete, where the platform answered for less time than was asked."""

    def __init__(self, log: SyncLog, adapter: Adapter) -> None:
        super().__init__(log, adapter)
        self.complete_until: str = log.checkpoint.get("complete_until", "")

    def pages(self) -> Iterator[OrderPage]:
        scope = self.adapter.scope
        window = by_part(self.log, self._state, scope, window_of(self.log))
        together = {*scope.split(",")} - window.behind.keys() - window.left_out.keys()
        if self.source == Source.LIVE and len(together) > 2:  # the account is a part of the scope, too
            window = replace(window, doubted_from=doubted_from(self.log, together))
        return self.adapter.order_pages(window, self.start)

    def take(self, page: OrderPage) -> None:
        until, window = page.complete_until, window_of(self.log)
        if until and window.start <= until < window.end:
            self.complete_until = min(filter(None, (self.complete_until, until.isoformat())))

    def remembered(self) -> Checkpoint:
        return {"complete_until": self.complete_until}


class OrdersStream(Stream[OrderRecord, OrderPage]):
    name = "orders"
    label = _("orders")
    default_interval = 15
    has_window = True
    model = Order

    def counted(self, count: int, shown: str) -> str:
        return ngettext("%(count)s order", "%(count)s orders", count) % {"count": shown}

    def progress(self, log: SyncLog, adapter: Adapter) -> OrdersProgress:
        return OrdersProgress(log, adapter)

    def fetch(
        self, adapter: Adapter, external_id: str
    ) -> tuple[Sequence[OrderRecord], Sequence[RecordFailure]]:
        try:
            record = adapter.order(external_id)
        except MalformedRecord as error:
            code, message, payload = error.code, str(error), error.payload
        except RequestRefused as error:
            if error.code != "not_found":
                raise
            code, payload = error.code, {}
            message = f"The platform does not know this order any more; dismiss the failure. {error}"
        else:
            if record.external_id != external_id:
                raise TransientError("The platform answered with another order.", code="broken_answer")
            return [record], []
        return [], [RecordFailure(external_id=external_id, code=code, message=message, payload=payload)]

    def store(
        self, platform: Platform, records: Sequence[OrderRecord], source: str, sync_log_id: int | None
    ) -> Outcome:
        return upsert_orders(platform=platform, records=records, source=source, sync_log_id=sync_log_id)

    def still_lacking(self, platform: Platform, records: Sequence[OrderRecord]) -> RecordFailure | None:
        ids = [record.external_id for record in records]
        stored = Order.objects.filter(platform=platform, external_id__in=ids)
        first = stored.filter(completeness__in=Order.WITHOUT_DETAILS).first()
        if first is None:
            return None
        return RecordFailure(external_id=first.external_id, code=IS_NOT_IN_FULL, message=NOT_IN_FULL)

    def id_of(self, record: OrderRecord) -> str:
        return record.external_id

    def evidence_of(self, record: OrderRecord) -> dict[str, Any]:
        return record.payload

    def first_guess(self, log: SyncLog, source: str) -> int | None:
        return guess_by_window(log, source)

    def delete(self, platform: Platform, sources: Iterable[str]) -> int:
        return delete_orders(platform=platform, sources=sources)
