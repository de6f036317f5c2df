"""The packages of an order, and who collects its tax. Pure: no Django, no HTTP.

Only orders that the merchant fulfils have packages. What cannot be read of one is left out, and costs no order.
https://github.com/amzn/selling-partner-api-models (orders_2026-01-01.json: OrderPackage, OrderTax, ItemTax)
"""

from collections.abc import Sequence
from typing import Any

from integrations.amazon import parse
from integrations.errors import MalformedRecord
from orders.records import PackageRecord

LONGEST = 255  # characters


def packages_of(order: dict[str, Any]) -> tuple[PackageRecord, ...]:
    """In the order of the answer. A package without an id of its own is named by its tracking number, or its place."""
    found: dict[str, PackageRecord] = {}
    for place, package in enumerate(parse.objects(order.get("packages")), start=1):
        tracking_number = _short(package.get("trackingNumber"))
        external_id = _short(package.get("packageReferenceId")) or tracking_number
        if not external_id or external_id in found:
            external_id = f"{external_id[: LONGEST - 10]}#{place}"
        status = parse.mapping(package.get("packageStatus"))
        found[external_id] = PackageRecord(
            external_id=external_id,
            carrier=_short(package.get("carrier")),
            shipping_service=_short(package.get("shippingService")),
            tracking_number=tracking_number,
            status=_short(status.get("status")),
            detailed_status=_short(status.get("detailedStatus")),
            packed_at=parse.meant_time(package.get("createdTime")),
            shipped_at=parse.meant_time(package.get("shipTime")),
            contents=tuple(
                {"item": parse.text(entry.get("orderItemId")), "quantity": _quantity(entry)}
                for entry in parse.objects(package.get("packageItems"))
            ),
        )
    return tuple(found.values())


def _short(value: Any) -> str:
    """As much of a text as a column holds; the payload has all of it."""
    return parse.text(value)[:LONGEST]


def _quantity(entry: dict[str, Any]) -> int | None:
    try:
        return parse.number(entry.get("quantity"), "quantity")
    except MalformedRecord:
        return None


def invoice_status(order: dict[str, Any]) -> str | None:
    """How far the invoice is (Brazil and Easy Ship); None where that is not said."""
    tax = parse.mapping(order.get("tax"))
    return _short(parse.mapping(tax.get("taxInvoicing")).get("invoiceStatus")) or None


def tax_facts(item: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Of a line: the model under which its tax is collected, who pays it to the authority, and the scheme under which
    it is reported."""
    tax = parse.mapping(item.get("tax"))
    if not tax:  # nearly always
        return None, None, None
    collections = parse.objects(tax.get("taxCollections"))
    return (
        _joined(collections, "model"),
        _joined(collections, "responsibleParty"),
        _joined(parse.objects(tax.get("taxCalculationBreakdowns")), "reportingScheme"),
    )


def _joined(entries: Sequence[dict[str, Any]], name: str) -> str | None:
    """What the entries say under this name, each of it once; None where that is nothing."""
    if len(entries) == 1:  # nearly always
        return _short(entries[0].get(name)) or None
    values = (parse.text(entry.get(name)) for entry in entries)
    return _short(", ".join(dict.fromkeys(filter(None, values)))) or None
