"""Buyer data as the admin shows it."""

import re

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from orders.models import OrderBuyer

# Of what platforms send; a field that is not here appears under its own name.
LABELS: dict[str, Promise] = {
    "name": _("Name"), "email": _("E-mail"), "phone": _("Phone"), "companyName": _("Company"),
    "addressLine1": _("Address line 1"), "addressLine2": _("Address line 2"), "addressLine3": _("Address line 3"),
    "city": _("City"), "districtOrCounty": _("District or county"), "municipality": _("Municipality"),
    "stateOrRegion": _("State or region"), "postalCode": _("Postal code"), "countryCode": _("Country code"),
    "addressType": _("Kind of address"),
}  # fmt: skip


def buyer_rows(buyer: OrderBuyer) -> list[tuple[str, str]]:
    """Label and value, the address line by line; nothing for what is empty."""
    rows: list[tuple[str, str]] = []
    for name, value in buyer.data.items():
        parts = value.items() if isinstance(value, dict) else [(name, value)]
        rows += [(_label(str(key)), str(text)) for key, text in parts if text]
    return rows


def _label(key: str) -> str:
    """`taxNumber` and `tax_number` as "Tax number"."""
    if key in LABELS:
        return str(LABELS[key])
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.replace("_", " "))
    return str(capfirst(words.lower()))
