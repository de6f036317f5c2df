"""The kinds of stock of a SKU on its page: which units are reserved, on their way, damaged, or being looked for."""

from collections.abc import Iterator

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext_lazy as _

from backoffice.base.cells import number
from core.format import Text
from inventory.models import InventoryItem
from inventory.records import KINDS

GROUPS: dict[str, Promise] = {
    "reserved": _("reserved"), "inbound": _("inbound"), "unfulfillable": _("unfulfillable"),
    "researching": _("researching"), "future_supply": _("future supply"),
}  # fmt: skip
# A kind that is not here appears under its own name.
LABELS: dict[str, Promise] = {
    "pending_customer_order": _("for orders of customers"), "pending_transshipment": _("moved between warehouses"),
    "fc_processing": _("processed in a warehouse"), "working": _("announced"), "shipped": _("shipped"),
    "receiving": _("being received"), "customer_damaged": _("damaged by customers"),
    "warehouse_damaged": _("damaged in a warehouse"), "distributor_damaged": _("damaged by the distributor"),
    "carrier_damaged": _("damaged by the carrier"), "defective": _("defective"), "expired": _("expired"),
    "short_term": _("for 1 to 10 days"), "mid_term": _("for 11 to 20 days"), "long_term": _("for 21 days or more"),
    "reserved_future_supply": _("reserved"), "future_supply_buyable": _("can be ordered"),
}  # fmt: skip


def kinds_of(item: InventoryItem) -> list[tuple[str, str, SafeString]]:
    """Group, kind and units, of what the platform reported."""
    return [
        (str(GROUPS.get(group, _words(group))), str(LABELS.get(kind, _words(kind))), number(units))
        for group, kind, units in _reported(item)
    ]


def kind_title(group: str, kind: str) -> Text:
    """`reserved: for orders of customers`."""
    title: Text = format_lazy("{}: {}", GROUPS[group], LABELS[kind])
    return title


def _reported(item: InventoryItem) -> Iterator[tuple[str, str, int]]:
    """In the order of KINDS, unknown ones last."""
    details = item.details or {}
    for group in [*KINDS, *(group for group in details if group not in KINDS)]:
        kinds, known = details.get(group, {}), KINDS.get(group, ())
        for kind in [*known, *(kind for kind in kinds if kind not in known)]:
            if kind in kinds:
                yield group, kind, kinds[kind]


def _words(name: str) -> str:
    return str(capfirst(name.replace("_", " ")))
