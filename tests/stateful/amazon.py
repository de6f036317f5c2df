"""Amazon's side of the property test: an account that changes, and every version that it ever showed."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator import Account
from simulator.truth import order_truth

Json = dict[str, Any]
StockKey = tuple[str, str, str]  # marketplace id, SKU, FNSKU

ORDER_CHANGES = (
    "an order appears",
    "its status changes",
    "its amounts rise",
    "a line vanishes",
    "it is cancelled",
    "what it has besides is withdrawn",
    "its times stand for none",
    "its titles have odd characters",
    "its amounts are finer than money",
)
STOCK_CHANGES = (
    "stock changes",
    "a SKU goes",
    "a SKU comes",
    "its time stands for none",
    "its details are empty",
)
PLACEHOLDERS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
)
# Windows overlap by ten minutes; what is listed later than that, only a look-back finds.
IN_TIME = timedelta(minutes=6)


@dataclass(frozen=True)
class Change:
    """Something that happens at Amazon: `what` is one of the above, `pick` says to which order or SKU.

    `late`: so many minutes ago by the order's own time, although nobody could see it until now: for some hours.
    """

    what: str
    pick: int = 0
    late: int = 0


class Amazon:
    """An account and its history. `moment` counts the changes; `seen_since` says when an order became what it is."""

    def __init__(self, account: Account, now: Callable[[], datetime]) -> None:
        self.account = account
        self.moment = 0
        self.orders: defaultdict[str, dict[datetime, Json]] = defaultdict(dict)  # by lastUpdatedTime
        self.current: dict[str, Json] = {}
        self.seen_since: dict[str, int] = {}
        self.stock: defaultdict[StockKey, list[Json]] = defaultdict(list)
        self.once_unlisted: set[StockKey] = set()
        self.late: set[str] = set()  # orders that windows have passed; whoever looks back empties it
        self._now = now
        for external_id in account.order_ids():
            self._note_order(external_id)
        self._note_stock()

    def happen(self, change: Change) -> None:
        """Make the change, and remember what it made."""
        self.moment += 1
        if change.what in STOCK_CHANGES:
            self._change_stock(change)
        else:
            self._note_order(self._change_order(change))

    def _change_order(self, change: Change) -> str:
        account, at = self.account, self._now() - timedelta(minutes=change.late)
        if change.what == ORDER_CHANGES[0] or not account.count:
            return self._listed(account.add_order(at=at).external_id, at)
        order = account.order(change.pick % account.count)
        steps = {
            ORDER_CHANGES[1]: account.change_order,
            ORDER_CHANGES[2]: account.reprice_order,
            ORDER_CHANGES[3]: account.drop_line,
            ORDER_CHANGES[4]: account.cancel_order,
            ORDER_CHANGES[5]: account.withdraw_extras,
            ORDER_CHANGES[7]: account.use_odd_text,
            ORDER_CHANGES[8]: account.refine_amounts,
        }
        # An order's time never goes back, not even where two changes come in one moment.
        at = max(at, order.updated + timedelta(milliseconds=1))
        if change.what == ORDER_CHANGES[6]:
            account.use_placeholders(order.external_id, PLACEHOLDERS[change.pick % len(PLACEHOLDERS)], at=at)
        else:
            steps[change.what](order.external_id, at=at)
        return self._listed(order.external_id, at)

    def _listed(self, external_id: str, at: datetime) -> str:
        """The order, which shows `at` as its time from now on."""
        is_late = self._now() - at > IN_TIME
        (self.late.add if is_late else self.late.discard)(external_id)
        return external_id

    def _change_stock(self, change: Change) -> None:
        account, skus = self.account, self.account.skus()
        sku = skus[change.pick % len(skus)]
        marketplace_id = account.marketplace_ids[change.pick // len(skus) % len(account.marketplace_ids)]
        if change.what == STOCK_CHANGES[0]:
            account.change_stock(marketplace_id, sku, at=self._now())
        elif change.what == STOCK_CHANGES[3]:
            account.change_stock(marketplace_id, sku, at=PLACEHOLDERS[change.pick % len(PLACEHOLDERS)])
        elif change.what == STOCK_CHANGES[4]:
            account.empty_details(marketplace_id, sku, at=self._now())
        elif change.what == STOCK_CHANGES[1]:
            account.unlist_sku(marketplace_id, sku)
        else:
            account.list_sku(marketplace_id, sku)
        self._note_stock()

    def hide_stock(self) -> None:
        """What is listed is shown as if it were not, from now on: any row may be marked as gone."""
        self.once_unlisted |= self.stock.keys()

    def _note_order(self, external_id: str) -> None:
        order = self.account.find(external_id)
        assert order is not None
        self.current[external_id] = self.orders[external_id][order.updated] = order_truth(order)
        self.seen_since[external_id] = self.moment

    def _note_stock(self) -> None:
        truth = self.account.truth_inventory()
        for key, row in truth.items():
            if row not in self.stock[key]:
                self.stock[key].append(row)
        self.once_unlisted |= self.stock.keys() - truth.keys()
