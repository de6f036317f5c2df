"""More of what can go wrong: rows and pages that contradict others, or lack what says which they are."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from simulator.faults.base import Call, Site
from simulator.faults.kinds import Paging, rows

# What stands for no time is older, or younger, than any other.
_OLD, _LONG_AGO, _FAR_AHEAD = "2001-01-01T00:00:00Z", "2002", "2099"


@dataclass(frozen=True)
class OlderTwin(Paging):
    """The first row of the page is the last as well, as it was long ago: with another time and other values."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        for row in rows(document)[:1]:
            if _LONG_AGO < row.get("lastUpdatedTime", "") < _FAR_AHEAD:
                twin = deepcopy(row) | {"lastUpdatedTime": _OLD, "programs": ["OF_LONG_AGO"]}
                rows(document).append(twin | ({"totalQuantity": 987_654} if "sellerSku" in row else {}))


@dataclass(frozen=True)
class NoSku(Paging):
    """The first row of a page of stock does not say which SKU it is about."""

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        for row in rows(document)[:1]:
            row.pop("sellerSku", None)


@dataclass(frozen=True)
class OddPagination(Paging):
    """What says where the next page is, is this text: nobody knows whether there is one."""

    text: str = "soon"

    def change(self, site: Site, call: Call, document: dict[str, Any]) -> None:
        document["pagination"] = self.text
