"""Buyer data as the admin shows it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
    "addressType": _("Kind of address"), "streetName": _("Street"), "streetNumber": _("House number"),
    "complement": _("Floor or unit"), "neighborhood": _("Neighbourhood"), "company": _("Company"),
    "purchase_order": _("Purchase order"), "dropOffLocation": _("Where to leave the parcel"),
    "addressInstruction": _("Delivery instructions"), "businessHours": _("Business hours"),
    "exceptionDates": _("Other hours on"), "deliveryCapabilities": _("Delivery options"),
    "legalName": _("Legal name"), "taxRegistrationType": _("Kind of tax number"),
    "taxRegistrationNumber": _("Tax number"), "giftMessage": _("Gift message"),
    "customizedUrl": _("Customisation"), "cancelReason": _("Why the buyer asks to cancel"),
}  # fmt: skip


# As an envelope has them, whatever the platform calls them; the rest of an address follows by its own names.
ADDRESS = (
    "companyName", "addressLine1", "addressLine2", "addressLine3", "streetName", "streetNumber", "complement",
    "neighborhood", "districtOrCounty", "municipality",
)  # fmt: skip
PLACE = ("postalCode", "city", "stateOrRegion", "countryCode")
# Parts about which the registration of a tax number says nothing new.
HIDDEN = {"entityType"}


def buyer_rows(buyer: OrderBuyer, skus: Mapping[str, str]) -> list[tuple[str, str]]:
    """Label and value, the address line by line; nothing for what is empty. `skus` has the SKU of each item id."""
    rows: list[tuple[str, str]] = []
    for name, value in buyer.data.items():
        if name == "lines" and isinstance(value, dict):
            rows += _line_rows(value, skus)
        else:
            rows += _rows(value if isinstance(value, dict) else {name: value})
    return rows


def _rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(_label(str(key)), str(text)) for key, text in values.items() if text and key not in HIDDEN]


def _line_rows(lines: Mapping[str, Any], skus: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for item_id, values in lines.items():
        for label, text in _rows(values if isinstance(values, dict) else {"line": values}):
            yield f"{label} ({skus.get(item_id) or item_id})", text


def _label(key: str) -> str:
    """`taxNumber` and `tax_number` as "Tax number"."""
    if key in LABELS:
        return str(LABELS[key])
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.replace("_", " "))
    return str(capfirst(words.lower()))


def address_lines(buyer: OrderBuyer) -> list[str]:
    """As on an envelope, line by line; [] where no address is stored."""
    data: Mapping[str, Any] = buyer.data
    found: Mapping[str, Any] = data.get("address") or {}
    place = " ".join(str(found[name]) for name in PLACE if found.get(name))
    name = found.get("name") or data.get("name")
    company = data.get("company") if not found.get("companyName") else ""
    lines = [name, company, *(found.get(part) for part in ADDRESS), place]
    return [str(line) for line in lines if line]
