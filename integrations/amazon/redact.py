"""Takes personal data out of an order before it is kept as evidence.

Amazon spreads personal data over several data sets (gift messages ride in FULFILLMENT, free-text reasons in
CANCELLATION), so the filter goes by attribute, at any depth.
https://developer-docs.amazon.com/sp-api/docs/access-orders-pii
"""

import re
from functools import lru_cache
from typing import Any

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
    """A copy of the JSON value without its personal attributes. What lies below `levels` levels is left out."""
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return None
    if isinstance(value, list):
        return [without_personal_data(each, levels=levels - 1) for each in value]
    return {
        key: without_personal_data(each, levels=levels - 1)
        for key, each in value.items()
        if not _is_personal(key)
    }


@lru_cache(maxsize=4096)
def _is_personal(key: str) -> bool:
    return key in BRANCHES or (key not in HARMLESS and PERSONAL.search(key) is not None)
