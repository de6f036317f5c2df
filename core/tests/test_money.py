from decimal import Decimal

import pytest

from core.money import amount_text, in_decimals_of


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("12.3000", "USD", "12.30"),
        ("19940.0000", "JPY", "19940"),
        ("0.0000", "EUR", "0.00"),
        ("1.2345", "EUR", "1.2345"),
        ("-4.5", "GBP", "-4.50"),
        ("1E+3", "USD", "1000.00"),
        ("1.5000", "KWD", "1.500"),
    ],
)
def test_it_writes_an_amount_with_its_currencys_decimals_and_rounds_nothing(
    amount: str, currency: str, text: str
) -> None:
    assert amount_text(Decimal(amount), currency) == text
    assert str(in_decimals_of(Decimal(amount), currency)) == text
