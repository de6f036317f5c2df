"""Amazon's marketplaces and hosts, as data.

Ids and regions: https://developer-docs.amazon.com/sp-api/docs/marketplace-ids
Hosts: https://developer-docs.amazon.com/sp-api/docs/sp-api-endpoints

`currency` is the marketplace's usual one; the currency of an amount is always taken from the amount itself.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marketplace:
    id: str
    country: str  # name in English
    code: str  # ISO 3166-1 alpha-2
    region: str  # NA, EU or FE
    currency: str  # ISO 4217
    seller_central: str  # host of the seller's own pages


MARKETPLACES: dict[str, Marketplace] = {
    row[0]: Marketplace(*row)
    for row in (
        ("A2EUQ1WTGCTBG2", "Canada", "CA", "NA", "CAD", "sellercentral.amazon.ca"),
        ("ATVPDKIKX0DER", "United States", "US", "NA", "USD", "sellercentral.amazon.com"),
        ("A1AM78C64UM0Y8", "Mexico", "MX", "NA", "MXN", "sellercentral.amazon.com.mx"),
        ("A2Q3Y263D00KWC", "Brazil", "BR", "NA", "BRL", "sellercentral.amazon.com.br"),
        ("A28R8C7NBKEWEA", "Ireland", "IE", "EU", "EUR", "sellercentral.amazon.ie"),
        ("A1RKKUPIHCS9HS", "Spain", "ES", "EU", "EUR", "sellercentral-europe.amazon.com"),
        ("A1F83G8C2ARO7P", "United Kingdom", "GB", "EU", "GBP", "sellercentral-europe.amazon.com"),
        ("A13V1IB3VIYZZH", "France", "FR", "EU", "EUR", "sellercentral-europe.amazon.com"),
        ("AMEN7PMS3EDWL", "Belgium", "BE", "EU", "EUR", "sellercentral.amazon.com.be"),
        ("A1805IZSGTT6HS", "Netherlands", "NL", "EU", "EUR", "sellercentral.amazon.nl"),
        ("A1PA6795UKMFR9", "Germany", "DE", "EU", "EUR", "sellercentral-europe.amazon.com"),
        ("APJ6JRA9NG5V4", "Italy", "IT", "EU", "EUR", "sellercentral-europe.amazon.com"),
        ("A2NODRKZP88ZB9", "Sweden", "SE", "EU", "SEK", "sellercentral.amazon.se"),
        ("AE08WJ6YKNBMC", "South Africa", "ZA", "EU", "ZAR", "sellercentral.amazon.co.za"),
        ("A1C3SOZRARQ6R3", "Poland", "PL", "EU", "PLN", "sellercentral.amazon.pl"),
        ("ARBP9OOSHTCHU", "Egypt", "EG", "EU", "EGP", "sellercentral.amazon.eg"),
        ("A33AVAJ2PDY3EV", "Türkiye", "TR", "EU", "TRY", "sellercentral.amazon.com.tr"),
        ("A17E79C6D8DWNP", "Saudi Arabia", "SA", "EU", "SAR", "sellercentral.amazon.sa"),
        ("A2VIGQ35RCS4UG", "United Arab Emirates", "AE", "EU", "AED", "sellercentral.amazon.ae"),
        # Some guides give A19VAU5U5O7RUS for India: that is Singapore's, in another region.
        ("A21TJRUUN4KGV", "India", "IN", "EU", "INR", "sellercentral.amazon.in"),
        ("A19VAU5U5O7RUS", "Singapore", "SG", "FE", "SGD", "sellercentral.amazon.sg"),
        ("A39IBJ37TRP1C6", "Australia", "AU", "FE", "AUD", "sellercentral.amazon.com.au"),
        ("A1VC38T7YXB528", "Japan", "JP", "FE", "JPY", "sellercentral.amazon.co.jp"),
    )
}

# The clock that each marketplace goes by, as Amazon's advertising accounts have it, and where these do not say, that
# of the country: https://app.unpkg.com/@scaleleap/amazon-marketplaces@18.0.2 (src/marketplaces). Amazon says all times
# in UTC; these are for people who read by when an order has to be shipped.
ZONES = {
    **dict.fromkeys(("US", "CA", "MX"), "America/Los_Angeles"), "BR": "America/Sao_Paulo",
    "GB": "Europe/London", "IE": "Europe/Dublin", **dict.fromkeys(("DE", "FR", "ES", "IT"), "Europe/Paris"),
    "NL": "Europe/Amsterdam", "BE": "Europe/Brussels", "SE": "Europe/Stockholm", "PL": "Europe/Warsaw",
    "TR": "Europe/Istanbul", "EG": "Africa/Cairo", "ZA": "Africa/Johannesburg", "SA": "Asia/Riyadh",
    "AE": "Asia/Dubai", "IN": "Asia/Kolkata", "SG": "Asia/Singapore", "AU": "Australia/Sydney", "JP": "Asia/Tokyo",
}  # fmt: skip

UNITED_STATES = MARKETPLACES["ATVPDKIKX0DER"]

REGIONS = {
    "NA": "North America",
    "EU": "Europe, Middle East, Africa and India",
    "FE": "Far East",
    "SANDBOX": "Sandbox (Amazon's test data)",
}

LWA_TOKEN_URL = "https://api.amazon.com/auth/o2/token"  # noqa: S105  a URL, not a secret


def endpoint(region: str, *, sandbox: bool) -> str:
    """The SP-API host of a region (NA, EU, FE), without trailing slash."""
    prefix = "sandbox." if sandbox else ""
    return f"https://{prefix}sellingpartnerapi-{region.lower()}.amazon.com"


# Three, seven and seven digits; orders that did not come from Amazon's own shops begin with S and two digits.
ORDER_ID = re.compile(r"(?<![\w-])(?:\d{3}|S\d{2})-\d{7}-\d{7}(?![\w-])", re.IGNORECASE)


def read_order_id(text: str) -> str:
    """The order id in what a person pasted: an id, a sentence of a message, the address of a page. "" without any."""
    found = ORDER_ID.search(text.replace("\N{NON-BREAKING HYPHEN}", "-").replace("\N{EN DASH}", "-"))
    return found.group().upper() if found else ""


def order_page(marketplace_id: str, order_id: str) -> str:
    """The order in Seller Central; "" where the marketplace is not known or the id is none of Amazon's."""
    marketplace = MARKETPLACES.get(marketplace_id)
    if marketplace is None or not ORDER_ID.fullmatch(order_id):
        return ""
    return f"https://{marketplace.seller_central}/orders-v3/order/{order_id}"
