"""Buyer data as the admin shows it."""

import re

from django.utils.text import capfirst

from orders.models import OrderBuyer


def buyer_rows(buyer: OrderBuyer) -> list[tuple[str, str]]:
    """Label and value, the address line by line; nothing for what is empty."""
    rows: list[tuple[str, str]] = []
    for name, value in buyer.data.items():
        parts = value.items() if isinstance(value, dict) else [(name, value)]
        rows += [(_label(str(key)), str(text)) for key, text in parts if text]
    return rows


def _label(key: str) -> str:
    """`postalCode` and `postal_code` as "Postal code"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.replace("_", " "))
    return str(capfirst(words.lower()))
