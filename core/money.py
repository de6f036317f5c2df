"""How many decimals an amount is written with."""

from decimal import Decimal

# Currencies without, or with three, decimals; every other one has two (ISO 4217).
DECIMALS = dict.fromkeys(("JPY", "KRW", "CLP", "VND", "ISK"), 0) | dict.fromkeys(
    ("BHD", "KWD", "OMR", "JOD", "TND"), 3
)
CENT = Decimal("0.01")
SMALLEST = {currency: Decimal(1).scaleb(-decimals) for currency, decimals in DECIMALS.items()}


def decimals_of(amount: Decimal, currency: str) -> int:
    """The decimals of the currency, or more where the amount has more: nothing is rounded."""
    exponent = amount.normalize().as_tuple().exponent
    return max(DECIMALS.get(currency, 2), -exponent if isinstance(exponent, int) else 0)


def amount_text(amount: Decimal, currency: str) -> str:
    """`12.30` for Decimal("12.3000") and USD, `1980` for JPY."""
    return f"{amount:.{decimals_of(amount, currency)}f}"


def in_decimals_of(amount: Decimal, currency: str) -> Decimal:
    """The number that `amount_text` writes; fast where the currency's own decimals are enough, as nearly always."""
    rounded = amount.quantize(SMALLEST.get(currency, CENT))
    return rounded if rounded == amount else Decimal(amount_text(amount, currency))
