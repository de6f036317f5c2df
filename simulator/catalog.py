"""What an account sells, and where: marketplaces, SKUs, products. All of it is computed from an index."""

from __future__ import annotations

from dataclasses import dataclass

JAPAN = "A1VC38T7YXB528"

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Marketplace:
    id: str
    country: str
    region: str
    currency: str
    name: str


# https://developer-docs.amazon.com/sp-api/docs/marketplace-ids
MARKETPLACES: dict[str, Marketplace] = {
    row[0]: Marketplace(*row)
    for row in (
        ("A2EUQ1WTGCTBG2", "CA", "NA", "CAD", "Amazon.ca"),
        ("ATVPDKIKX0DER", "US", "NA", "USD", "Amazon.com"),
        ("A1AM78C64UM0Y8", "MX", "NA", "MXN", "Amazon.com.mx"),
        ("A2Q3Y263D00KWC", "BR", "NA", "BRL", "Amazon.com.br"),
        ("A28R8C7NBKEWEA", "IE", "EU", "EUR", "Amazon.ie"),
        ("A1RKKUPIHCS9HS", "ES", "EU", "EUR", "Amazon.es"),
        ("A1F83G8C2ARO7P", "GB", "EU", "GBP", "Amazon.co.uk"),
        ("A13V1IB3VIYZZH", "FR", "EU", "EUR", "Amazon.fr"),
        ("AMEN7PMS3EDWL", "BE", "EU", "EUR", "Amazon.com.be"),
        ("A1805IZSGTT6HS", "NL", "EU", "EUR", "Amazon.nl"),
        ("A1PA6795UKMFR9", "DE", "EU", "EUR", "Amazon.de"),
        ("APJ6JRA9NG5V4", "IT", "EU", "EUR", "Amazon.it"),
        ("A2NODRKZP88ZB9", "SE", "EU", "SEK", "Amazon.se"),
        ("AE08WJ6YKNBMC", "ZA", "EU", "ZAR", "Amazon.co.za"),
        ("A1C3SOZRARQ6R3", "PL", "EU", "PLN", "Amazon.pl"),
        ("ARBP9OOSHTCHU", "EG", "EU", "EGP", "Amazon.eg"),
        ("A33AVAJ2PDY3EV", "TR", "EU", "TRY", "Amazon.com.tr"),
        ("A17E79C6D8DWNP", "SA", "EU", "SAR", "Amazon.sa"),
        ("A2VIGQ35RCS4UG", "AE", "EU", "AED", "Amazon.ae"),
        ("A21TJRUUN4KGV", "IN", "EU", "INR", "Amazon.in"),
        ("A19VAU5U5O7RUS", "SG", "FE", "SGD", "Amazon.sg"),
        ("A39IBJ37TRP1C6", "AU", "FE", "AUD", "Amazon.com.au"),
        (JAPAN, "JP", "FE", "JPY", "Amazon.co.jp"),
    )
}

# Ids that Amazon uses for orders from outside its shops, and one that nobody knows.
UNKNOWN_MARKETPLACES = ("A38D8NSA03LJTC", "AFQLKURYRPEL8", "A0SIMULATORNEW")

# SKUs are opaque, case-sensitive text. "COMMA" is in the list because splitting "COMMA,SKU" would find the wrong one.
AWKWARD_SKUS = (
    "Case-1", "CASE-1", "case-1", "CAFE-1", "CAFÉ-1", "SPACE IN SKU", "PLUS+SKU", "SLASH/SKU", "BACK\\SLASH",
    'QUOTE"SKU', "APOSTROPHE'SKU", "COMMA,SKU", "COMMA", "AMP&SKU", "PERCENT%SKU", "PERCENT%2FSKU",
    "HASH#SKU", "QUESTION?SKU", "EQUALS=SKU", "SEMI;SKU", "<b>SKU</b>", "=1+1", "00012345", "12345",
    "Ü-ß-1", "日本-1", "BOX-📦", "L" * 40,
)  # fmt: skip

_WORDS = (
    "Steel Bottle",
    "Desk Lamp",
    "Wool Socks",
    "Notebook A5",
    "Trail Tent",
    "Tea Pot",
    "Cable 2 m",
    "Puzzle",
)
_UNICODE_WORDS = (
    "Kaffeemühle „Größe L“",
    "折りたたみ傘 ☂",
    "Crème brûlée — set de 4",
    "Чайник 1,7 л",
    "شاي أخضر",
    "Bag 🎒 XL",
)


@dataclass(frozen=True, slots=True)
class Product:
    """One thing the account sells."""

    index: int
    sku: str
    asin: str
    title: str


def scatter(seed: int, index: int, salt: int = 0) -> int:
    """A 64-bit number that looks random and depends only on the arguments (splitmix64, stateless)."""
    z = seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9 + salt * 0xD6E8FEB86659FD93
    z = (z + 0x2545F4914F6CDD1D) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def product(index: int) -> Product:
    """Product number `index`: the awkward SKUs come first, then SKU-00028 and so on."""
    sku = AWKWARD_SKUS[index] if index < len(AWKWARD_SKUS) else f"SKU-{index:05d}"
    words = _WORDS[index % len(_WORDS)]
    if index % 5 == 3:
        words = _UNICODE_WORDS[index // 5 % len(_UNICODE_WORDS)]
    return Product(index, sku, f"B0{index:08X}", f"{words}, no. {index}")
