"""The data sets of includedData that OMS asks for: what is in them, and which of them a refusal is about.

https://developer-docs.amazon.com/sp-api/docs/access-orders-pii
"""

from collections.abc import Sequence

from integrations.amazon import normalize
from integrations.errors import AuthorizationError, PlatformError, RequestRefused

ROLE = (
    "Buyer data takes the restricted role Direct-to-Consumer Shipping: in Seller Central under Develop Apps, edit "
    "the app, add the role (Amazon asks why), and authorise the app again."
)
NO_ROLE = "No role of its own is known for it; ask Amazon's support with the request id if it stays refused."
CONTENTS = {
    "FULFILLMENT": "status, shipped quantities, ship-by and deliver-by times",
    "PROCEEDS": "totals, taxes, shipping and discounts",
    "CANCELLATION": "buyers' requests to cancel",
    "PACKAGES": "packages with carrier, tracking number and contents",
    "TAX": "who pays the tax to the authority, and the state of the invoice",
    "BUYER": "the buyer's name and e-mail, company and purchase order",
    "RECIPIENT": "the delivery address and phone, and wishes for the delivery",
}


def how_to_get(name: str) -> str:
    """What a person does about a refused data set."""
    return ROLE if name in normalize.PERSONAL else NO_ROLE


def is_refusal(error: PlatformError | None) -> bool:
    """Whether leaving a data set out could help: not with bad credentials, an outage, or no quota."""
    return isinstance(error, AuthorizationError | RequestRefused)


def named_in(error: PlatformError, asked: Sequence[str]) -> list[str]:
    """The data sets that a refusal names."""
    return [name for name in asked if name in str(error).upper()]
