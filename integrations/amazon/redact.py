"""Takes personal data out of an order before it is kept as evidence.

Amazon spreads personal data over several data sets (gift messages ride in FULFILLMENT, free-text reasons in
CANCELLATION), so the filter goes by attribute, at any depth.
https://developer-docs.amazon.com/sp-api/docs/access-orders-pii
"""

import re
from functools import lru_cache
from typing import Any

from integrations.amazon.parse import UNREADABLE

# Whole branches that are about a person or his payment.
BRANCHES = frozenset({"buyer", "recipient", "payment", "taxRegistrations"})
# Attributes, wherever they stand. Fields that Amazon adds later are caught by what their names say.
PERSONAL = re.compile(
    r"name$|email|phone|address|postal|giftmessage|customizedurl|cancelreason|taxregistration|deliverypreference|dropoff"
    r"|instruction|birth|recipient|^buyer(?!invoicepreference)|note$|message$",
    re.IGNORECASE,
)
HARMLESS = frozenset(
    {
        "channelName",
        "marketplaceName",
        "conditionNote",
        "recipientIdentityVerification",  # constraints of the delivery, whose only value is MANDATORY
        "recipientAgeVerification",
    }
)
# Amazon's orders have 8 levels; MariaDB takes no JSON with more than 32.
MOST_LEVELS = 24


def without_personal_data(value: Any, *, levels: int = MOST_LEVELS) -> Any:
    """The JSON value without its personal attributes; `value` itself stays as it is. What lies below `levels` levels
    is left out.

    An object or a list in which nothing is personal is not copied, but part of both: most of the 50
    that an order has. Neither value may be changed afterwards.
    """
    if isinstance(value, dict):
        return _object(value, levels)
    return _list(value, levels) if isinstance(value, list) else value


def _object(value: dict[str, Any], levels: int) -> dict[str, Any] | None:
    if levels == 0:
        return None
    kept = value
    if personal := _personal_among(tuple(value)):
        kept = {name: inner for name, inner in value.items() if name not in personal}
    for name, inner in kept.items():
        if type(inner) is str:  # nearly always
            continue
        if isinstance(inner, dict):
            clean: Any = _object(inner, levels - 1)
        elif isinstance(inner, list):
            clean = _list(inner, levels - 1)
        else:
            continue
        if clean is not inner:
            kept = dict(kept) if kept is value else kept
            kept[name] = clean
    return kept


def _list(values: list[Any], levels: int) -> list[Any] | None:
    if levels == 0:
        return None
    kept = values
    for at, inner in enumerate(values):
        if isinstance(inner, dict):  # nearly always; spares one call for each
            clean: Any = _object(inner, levels - 1)
        else:
            clean = without_personal_data(inner, levels=levels - 1)
        if clean is not inner:
            kept = list(kept) if kept is values else kept
            kept[at] = clean
    return kept


@lru_cache(maxsize=2048)
def _personal_among(names: tuple[str, ...]) -> tuple[str, ...]:
    """Which attributes to drop from objects that have exactly these: a page has hundreds of objects of each shape."""
    return tuple(name for name in names if _is_personal(name))


@lru_cache(maxsize=4096)
def _is_personal(key: str) -> bool:
    # Nobody knows what stands under a name that could not be read.
    return key in BRANCHES or UNREADABLE in key or (key not in HARMLESS and PERSONAL.search(key) is not None)
