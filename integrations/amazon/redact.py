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
    r"name$|email|phone|address|postal|giftmessage|customizedurl|cancelreason|taxregistration|deliverypreference"
    r"|instruction|birth|recipient|^buyer(?!invoicepreference)|note$|message$",
    re.IGNORECASE,
)
HARMLESS = frozenset({"channelName", "marketplaceName", "conditionNote"})


def without_personal_data(value: Any) -> Any:
    """A copy of the JSON value without its personal attributes."""
    if isinstance(value, dict):
        return {key: without_personal_data(each) for key, each in value.items() if not _is_personal(key)}
    if isinstance(value, list):
        return [without_personal_data(each) for each in value]
    return value


@lru_cache(maxsize=4096)
def _is_personal(key: str) -> bool:
    return key in BRANCHES or (key not in HARMLESS and PERSONAL.search(key) is not None)
