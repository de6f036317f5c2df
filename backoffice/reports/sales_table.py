"""What the files of the report of sales hold: the columns, with a name for programs and one for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from backoffice.export.chunks import CHUNK, Cells, Chunk
from core.format import Text
from core.money import in_decimals_of
from integrations.registry import site_of
from orders.sales import Place, Remitted, Sales
from platforms.models import Platform

Platforms = Mapping[int, Platform]  # those of the report, by their ids
Row = Sales | Remitted
OF_LINES: dict[str, Text] = {
    "lines": _("lines"),
    "units": _("units"),
    "without_quantity": _("lines without a quantity"),
    "net": _("net (total without tax)"),
    "without_net": _("lines without a net amount"),
    "tax": _("tax"),
    "without_tax": _("lines without a tax"),
    "item_tax": _("item tax"),
    "shipping_tax": _("shipping tax"),
    "gift_wrap_tax": _("gift wrap tax"),
    "discount_tax": _("discount tax"),
    "other_tax": _("tax not broken down"),
    "shipping": _("shipping"),
    "with_shipping": _("lines with shipping"),
    "discount": _("discount"),
    "with_discount": _("lines with a discount"),
    "total": _("total of the lines"),
    "without_total": _("lines without a total"),
    "in_other_currency": _("lines in another currency"),
}
OF_ORDERS: dict[str, Text] = {
    "orders": _("orders"),
    "order_total": _("total of the orders"),
    "without_order_total": _("orders without a total"),
    "cancelled": _("cancelled orders"),
    "cancelled_total": _("total of cancelled orders"),
}
AMOUNTS = {
    "order_total", "cancelled_total", "net", "tax", "item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax",
    "other_tax", "shipping", "discount", "total",
}  # fmt: skip
OF_PAYER: dict[str, Text] = {"tax_responsible_party": _("tax is paid by"), "tax_model": _("tax model")}


@dataclass(frozen=True, slots=True)
class ReportColumn:
    title: Text
    value: Callable[[Any, Platforms], Any]  # of a row


def _of_place(read: Callable[[Place, Platforms], Any]) -> Callable[[Row, Platforms], Any]:
    return lambda row, platforms: read(row.place, platforms)


def _attribute(name: str, part: str = "") -> Callable[[Any, Platforms], Any]:
    """An attribute of the row, or of a part of it; amounts with the decimals of their currency."""

    def read(row: Any, _platforms: Platforms) -> Any:
        value = getattr(getattr(row, part) if part else row, name)
        return in_decimals_of(value, row.place.currency) if isinstance(value, Decimal) else value

    return read


def _country_of_site(place: Place, platforms: Platforms) -> str:
    site = site_of(platforms[place.platform_id].kind, place.marketplace_id)
    return site.code if site else ""


PLACE_COLUMNS = {
    "month": ReportColumn(_("month"), _of_place(lambda place, _platforms: f"{place.month:%Y-%m}")),
    "platform": ReportColumn(
        _("platform"), _of_place(lambda place, platforms: platforms[place.platform_id].name)
    ),
    "marketplace": ReportColumn(_("country of the marketplace"), _of_place(_country_of_site)),
    "marketplace_id": ReportColumn(
        _("marketplace"), _of_place(lambda place, _platforms: place.marketplace_id)
    ),
    "currency": ReportColumn(_("currency"), _of_place(lambda place, _platforms: place.currency)),
    "ship_to_country": ReportColumn(
        _("ship-to country"), _of_place(lambda place, _platforms: place.ship_to_country)
    ),
}
LINE_COLUMNS = {name: ReportColumn(title, _attribute(name, "lines")) for name, title in OF_LINES.items()}
SALES_COLUMNS = {
    **PLACE_COLUMNS,
    **{name: ReportColumn(title, _attribute(name, "orders")) for name, title in OF_ORDERS.items()},
    **LINE_COLUMNS,
}
TAX_COLUMNS = {
    **PLACE_COLUMNS,
    **{name: ReportColumn(title, _attribute(name)) for name, title in OF_PAYER.items()},
    **{
        name: LINE_COLUMNS[name]
        for name in (
            "lines", "tax", "without_tax", "item_tax", "shipping_tax", "gift_wrap_tax", "discount_tax", "other_tax",
            "net", "without_net", "in_other_currency",
        )
    },
}  # fmt: skip


def amounts_of(columns: Mapping[str, ReportColumn]) -> dict[int, int]:
    """Which columns are money, and in which one their currency stands, by their places."""
    names = list(columns)
    return {at: names.index("currency") for at, name in enumerate(names) if name in AMOUNTS}


def headings(columns: Mapping[str, ReportColumn]) -> list[str]:
    """For people, in the active language."""
    return [str(capfirst(str(column.title))) for column in columns.values()]


def chunks_of(
    rows: Sequence[Row], columns: Mapping[str, ReportColumn], platforms: Platforms
) -> Iterator[Chunk]:
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        cells: Cells = [[column.value(row, platforms) for row in some] for column in columns.values()]
        yield Chunk(len(some), cells)
