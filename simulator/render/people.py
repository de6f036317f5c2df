"""The data sets that hold personal data: BUYER, RECIPIENT, TAX, PAYMENT. All of it is invented."""

from __future__ import annotations

from typing import Any

from simulator.model import CANARY, Order
from simulator.render.lines import render_money

Json = dict[str, Any]


def render_buyer(order: Order) -> Json:
    # buyerEmail is for merchant-fulfilled orders only, buyerName comes and goes (spapi-facts 1.5).
    buyer: Json = {}
    if order.fulfilled_by == "merchant":
        buyer["buyerEmail"] = order.person.email
    if order.index % 7:
        buyer["buyerName"] = order.person.name
    if order.business:
        buyer["buyerCompanyName"] = order.person.company
        buyer["buyerPurchaseOrderNumber"] = f"PO-{CANARY}-{order.person.number}"
    return {"buyer": buyer} if buyer else {}


def render_recipient(order: Order) -> Json:
    person = order.person
    address: Json = {
        "addressLine3": "",
        "city": person.city,
        "stateOrRegion": "ST",
        "postalCode": person.postal_code,
        "countryCode": person.country,
        "addressType": "COMMERCIAL" if order.business else "RESIDENTIAL",
    }
    if order.fulfilled_by != "merchant":
        return {"recipient": {"deliveryAddress": address}}
    address |= {"name": person.name, "addressLine1": person.street, "phone": person.phone}
    address["addressLine2"] = f"c/o {CANARY}-{person.number}" if order.index % 2 else ""
    if person.country == "BR":
        address["extendedFields"] = {
            "streetName": person.street,
            "streetNumber": f"{person.number} {CANARY}",
            "complement": "",
            "neighborhood": f"Bela Vista {CANARY}",
        }
    preference: Json = {"addressInstruction": f"Ring twice {CANARY}-{person.number}"}
    if order.business:
        preference |= {
            "dropOffLocation": f"LOADING_DOCK {CANARY}",
            "deliveryTime": {"businessHours": [_open_on("MON"), _open_on("TUE")]},
            "deliveryCapabilities": ["PALLET_ENABLED", "HAS_LOADING_DOCK"],
        }
    return {"recipient": {"deliveryAddress": address, "deliveryPreference": preference}}


def _open_on(day: str) -> Json:
    window = {"startTime": {"hour": 8, "minute": 0}, "endTime": {"hour": 17, "minute": 30}}
    return {"dayOfWeek": day, "timeWindows": [window]}


def render_payment(order: Order) -> Json:
    if not order.business or order.total is None:
        return {}
    execution = {"paymentMethod": "CreditCard", "paymentAmount": render_money(order.total, order.currency)}
    return {"payment": {"paymentExecutions": [execution]}}


def render_tax(order: Order) -> Json:
    if not order.business:
        return {}
    registration = {
        "entityType": "BUYER",
        "legalName": order.person.company,
        "taxRegistrationType": "VAT",
        "taxRegistrationNumber": f"TAX-{CANARY}-{order.person.number}",
    }
    return {"tax": {"taxRegistrations": [registration], "taxInvoicing": {"invoiceStatus": "PROCESSING"}}}
