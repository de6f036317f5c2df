"""The personal data of an order: name, address, wishes for the delivery, and what a buyer wrote about an item.

Pure: no Django, no HTTP. Which of it Amazon sends depends on the app's roles; what is absent is left out.
https://github.com/amzn/selling-partner-api-models (orders_2026-01-01.json: Buyer, Recipient, GiftOption)
"""

import re
from collections.abc import Iterator
from typing import Any

from integrations.amazon import parse
from orders.records import BuyerRecord

Texts = dict[str, str]
COUNTRY = re.compile("[A-Z]{2}")


def buyer_of(order: dict[str, Any]) -> BuyerRecord | None:
    """None where the answer has nothing of it."""
    buyer, recipient = parse.mapping(order.get("buyer")), parse.mapping(order.get("recipient"))
    tax, lines = _tax(parse.mapping(order.get("tax"))), dict(_lines(order))
    if not (buyer or recipient or tax or lines):  # nearly always
        return None
    address = _texts(recipient.get("deliveryAddress"))
    found = BuyerRecord(
        name=parse.text(buyer.get("buyerName")),
        email=parse.text(buyer.get("buyerEmail")),
        phone=address.pop("phone", ""),
        company=parse.text(buyer.get("buyerCompanyName")),
        purchase_order=parse.text(buyer.get("buyerPurchaseOrderNumber")),
        address=address,
        delivery=_delivery(parse.mapping(recipient.get("deliveryPreference"))),
        tax=tax,
        lines=lines,
    )
    return None if found == BuyerRecord() else found


def ship_to_country(order: dict[str, Any]) -> str | None:
    """The country that the order goes to, as a code of two letters (ISO 3166-1); None where it is not said. By itself,
    it is about nobody."""
    address = parse.mapping(parse.mapping(order.get("recipient")).get("deliveryAddress"))
    code = parse.text(address.get("countryCode")).upper()
    return code if COUNTRY.fullmatch(code) else None


def _texts(value: Any) -> Texts:
    """The texts of an object, and of the objects inside it: Brazil's addresses have their parts in extendedFields."""
    found: Texts = {}
    for key, inner in parse.mapping(value).items():
        if isinstance(inner, dict):
            found |= {name: text for name, part in inner.items() if (text := parse.text(part))}
        elif text := parse.text(inner):
            found[key] = text
    return found


def _delivery(preference: dict[str, Any]) -> Texts:
    """Where to leave the parcel, how to find the door, and when somebody is there."""
    times = parse.mapping(preference.get("deliveryTime"))
    capabilities = preference.get("deliveryCapabilities")
    more = {
        "deliveryCapabilities": ", ".join(map(parse.text, capabilities))
        if isinstance(capabilities, list)
        else "",
        "businessHours": "; ".join(map(_hours, parse.objects(times.get("businessHours")))),
        "exceptionDates": "; ".join(map(_hours, parse.objects(times.get("exceptionDates")))),
    }
    plain = {name: value for name, value in preference.items() if name != "deliveryTime"}
    return _texts(plain) | {name: text for name, text in more.items() if text}


def _hours(day: dict[str, Any]) -> str:
    """`MON 09:00-12:30, 14:00-18:00`, or `2026-12-24 CLOSED`."""
    words = (parse.text(day.get(name)) for name in ("dayOfWeek", "exceptionDate", "exceptionDateType"))
    windows = (
        f"{_clock(window.get('startTime'))}-{_clock(window.get('endTime'))}"
        for window in parse.objects(day.get("timeWindows"))
    )
    return " ".join(filter(None, [*words, ", ".join(windows)]))


def _clock(moment: Any) -> str:
    hour, minute = (parse.text(parse.mapping(moment).get(name)).zfill(2) for name in ("hour", "minute"))
    return f"{hour}:{minute}"


def _tax(tax: dict[str, Any]) -> Texts:
    """The buyer's own tax registration, which an invoice to a business has to name."""
    for registration in parse.objects(tax.get("taxRegistrations")):
        if parse.text(registration.get("entityType")).upper() == "BUYER":
            return _texts(registration)
    return {}


def _lines(order: dict[str, Any]) -> Iterator[tuple[str, Texts]]:
    """What is personal about each item, by its id."""
    for item in parse.objects(order.get("orderItems")):
        packing = parse.mapping(parse.mapping(item.get("fulfillment")).get("packing"))
        request = parse.mapping(parse.mapping(item.get("cancellation")).get("cancellationRequest"))
        customization = parse.mapping(parse.mapping(item.get("product")).get("customization"))
        if not (packing or request or customization):  # nearly always
            continue
        texts = {
            "giftMessage": parse.text(parse.mapping(packing.get("giftOption")).get("giftMessage")),
            "customizedUrl": parse.text(customization.get("customizedUrl")),
            "cancelReason": parse.text(request.get("cancelReason")),
        }
        if present := {name: text for name, text in texts.items() if text}:
            yield parse.text(item.get("orderItemId")), present
