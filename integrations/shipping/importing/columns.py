"""Which column of a file says what."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.spreadsheets import Table
from integrations.errors import BadInput
from integrations.models import ShipmentColumns
from platforms.models import Platform

DATE_ORDERS = ("", "dmy", "mdy")
REQUIRED = ("order_id", "tracking_number")
# Beside them: what headings mean it, in the words of platforms, carriers and shop systems; in small letters,
# without anything else.
FIELDS: dict[str, tuple[str, ...]] = {
    "order_id": (
        "orderid", "ordernumber", "orderno", "ordernr", "order", "externalid", "bestellnummer",
        "auftragsnummer", "reference", "referenz", "customerreference", "kundenreferenz", "reference1", "pedido",
        "numerodepedido", "referencia",
    ),
    "tracking_number": (
        "trackingnumber", "trackingno", "trackingid", "trackingcode", "tracking", "shipmenttrackingnumber",
        "sendungsnummer", "paketnummer", "paketscheinnummer", "identcode", "parcelnumber", "awb", "waybill",
        "numerodeseguimiento", "seguimiento", "localizador",
    ),
    "carrier": ("carriercode", "carrier", "versanddienstleister", "paketdienst", "transportista"),
    "carrier_name": ("carriername",),
    "service": ("shipmethod", "shippingmethod", "service", "shippingservice", "servicio", "versandart"),
    "shipped_at": (
        "shipdate", "shippedat", "shippingdate", "shipped", "dispatchdate", "versanddatum", "versandtdatum",
        "fechadeenvio", "shipmentdate",
    ),
    "sku": ("sku", "sellersku", "merchantsku", "artikelnummer", "itemsku"),
    "item_id": ("orderitemid", "itemid", "orderitemcode"),
    "quantity": ("quantity", "qty", "quantityshipped", "menge", "anzahl", "cantidad", "units"),
}  # fmt: skip
LABELS = {
    "order_id": _("order id"),
    "tracking_number": _("tracking number"),
    "carrier": _("carrier"),
    "carrier_name": _("name of the carrier"),
    "service": _("shipping service"),
    "shipped_at": _("ship time"),
    "sku": _("SKU"),
    "item_id": _("item id"),
    "quantity": _("quantity"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """`headings`: the heading of each field's column. The rest holds for all rows, where they do not say it.

    `zone`: of times that do not say theirs. `date_order`: of 03/04/2026; "": told from the rows, where one of them can
    only be read one way.
    """

    headings: Mapping[str, str] = field(default_factory=dict)
    carrier: str = ""
    carrier_name: str = ""
    service: str = ""
    zone: str = ""
    date_order: str = ""

    def time_zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone or timezone.get_default_timezone_name())


def guessed_columns(platform: Platform, table: Table) -> Columns:
    """What the headings say by themselves, with or without the name of the platform's kind in front; a heading is used
    once."""
    words = ((re.sub(r"[^a-z0-9]", "", heading.casefold()), heading) for heading in reversed(table.headings))
    plain = {word.removeprefix(platform.kind): heading for word, heading in words}
    found: dict[str, str] = {}
    for name, synonyms in FIELDS.items():
        for synonym in synonyms:
            if synonym in plain and plain[synonym] not in found.values():
                found[name] = plain[synonym]
                break
    return Columns(headings=found)


def columns_of(platform: Platform, table: Table) -> Columns:
    """As a person said for a file of this platform with the same headings; otherwise guessed."""
    row = ShipmentColumns.objects.filter(platform=platform, fingerprint=_fingerprint(table)).first()
    if row is None:
        return guessed_columns(platform, table)
    known = {each.name for each in fields(Columns)}
    return Columns(**{name: value for name, value in row.columns.items() if name in known})


def remember_columns(platform: Platform, table: Table, columns: Columns, *, who: str) -> None:
    """For the next file with these headings."""
    values = {"columns": asdict(columns), "saved_by": who[:150], "saved_at": timezone.now()}
    ShipmentColumns.objects.update_or_create(
        platform=platform, fingerprint=_fingerprint(table), defaults=values
    )


def check_columns(table: Table, columns: Columns) -> None:
    """Raises BadInput, whose `field` is that of Columns or the name of a field of a row."""
    for name, heading in columns.headings.items():
        if name not in FIELDS:
            raise BadInput("columns", f"{name!r} is no field. Fields are: {', '.join(FIELDS)}.")
        if heading not in table.headings:
            there = ", ".join(table.headings)[:300]
            raise BadInput(name, f"The file has no column {heading!r}. It has: {there}.")
    for name in REQUIRED:
        if name not in columns.headings:
            there = ", ".join(table.headings)[:300]
            text = f"Say which column has the {LABELS[name]} ({name}). The file has: {there}."
            raise BadInput(name, text)
    if "quantity" in columns.headings and not {"sku", "item_id"} & set(columns.headings):
        raise BadInput("quantity", "A quantity needs a column with the SKU or the item id beside it.")
    if columns.zone and columns.zone not in available_timezones():
        raise BadInput("zone", f"{columns.zone!r} is no time zone. Write it like Europe/Berlin.")
    if columns.date_order not in DATE_ORDERS:
        raise BadInput("date_order", "It takes dmy (day first) or mdy (month first).")


def _fingerprint(table: Table) -> str:
    return hashlib.sha256("\x1f".join(table.headings).encode()).hexdigest()
