"""What `inventoryDetails` says of each kind of stock. Pure: no Django, no HTTP.

https://github.com/amzn/selling-partner-api-models (fbaInventory.json, InventoryDetails). futureSupplyQuantity is not in
that model, and stands in answers all the same.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from integrations.amazon import parse

GROUPS = {
    "reserved": "reservedQuantity",
    "unfulfillable": "unfulfillableQuantity",
    "future_supply": "futureSupplyQuantity",
}
INBOUND = re.compile(r"inbound[A-Z]\w*Quantity")
Kinds = dict[str, int]


def details_of(details: Any) -> dict[str, Kinds] | None:
    """Units of each kind, by group; names as in `inventory.records.KINDS`, and new ones of Amazon's in the same form.

    Groups that Amazon leaves out are left out, and so are sums. None where there are no details at all. Raises
    MalformedRecord for a quantity that is none.
    """
    if not isinstance(details, dict):
        return None
    groups = {group: _kinds(details.get(name)) for group, name in GROUPS.items()}
    groups["inbound"] = _known((name, details[name]) for name in details if INBOUND.fullmatch(name))
    groups["researching"] = _known(_researching(details.get("researchingQuantity")))
    return {group: kinds for group, kinds in groups.items() if kinds}


def _kinds(group: Any) -> Kinds:
    return _known(
        (name, value)
        for name, value in parse.mapping(group).items()
        if name.endswith("Quantity") and not name.startswith("total")
    )


def _researching(group: Any) -> Iterator[tuple[str, Any]]:
    for entry in parse.objects(parse.mapping(group).get("researchingQuantityBreakdown")):
        yield parse.text(entry.get("name")), entry.get("quantity")


def _known(quantities: Iterator[tuple[str, Any]]) -> Kinds:
    read = ((_kind(name), parse.number(value, name)) for name, value in quantities)
    return {kind: quantity for kind, quantity in read if kind and quantity is not None}


@lru_cache(maxsize=256)
def _kind(name: str) -> str:
    """`pendingCustomerOrderQuantity` as `pending_customer_order`, `inboundShippedQuantity` as `shipped`."""
    bare = name.removesuffix("Quantity").removeprefix("inbound").removeprefix("researchingQuantityIn")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare).lower()
