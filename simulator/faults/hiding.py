"""What a listing of orders does not show although it should: such orders are found by their id, and in reports.

https://github.com/amzn/selling-partner-api-models/issues/3945, https://github.com/jlevers/selling-partner-api/issues/763
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from simulator.faults.base import Call, Site
from simulator.faults.kinds import Paging, rows

Row = dict[str, Any]


class LeaveOut(Paging):
    """Orders that are not on the page; `hides` says which. Pages of stock stay as they are."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        listed = rows(document)
        listed[:] = [row for row in listed if "orderId" not in row or not self.hides(site, call, row)]

    def hides(self, site: Site, call: Call, row: Row) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class HideOrders(LeaveOut):
    """A share of all orders is never listed: always the same ones, which the seed decides."""

    share: float = 0.1
    seed: int = 7

    def hides(self, site: Site, call: Call, row: Row) -> bool:
        return Random(f"{self.seed} {row['orderId']}").random() < self.share


@dataclass(frozen=True)
class LoseUpdates(HideOrders):
    """As HideOrders, of the orders that changed since the account was made: their changes are never listed."""

    def hides(self, site: Site, call: Call, row: Row) -> bool:
        changed = call.account is not None and call.account.has_changed(row["orderId"])
        return changed and super().hides(site, call, row)


@dataclass(frozen=True)
class ListLate(LeaveOut):
    """Orders are listed so many seconds after they changed, with the times that they have."""

    seconds: float

    def hides(self, site: Site, call: Call, row: Row) -> bool:
        updated = datetime.fromisoformat(row["lastUpdatedTime"])
        return updated > site.now() - timedelta(seconds=self.seconds)
