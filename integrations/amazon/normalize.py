"""Amazon's JSON in, unified records out. Pure: no Django, no HTTP.

Where each field comes from: Orders API v2026-01-01 and FBA Inventory API v1,
https://github.com/amzn/selling-partner-api-models (orders_2026-01-01.json, fbaInventory.json).

A branch is an object or a list of the answer. What is missing in one that came is not there any more; the fields of one
that did not come are `absent` in the record.
"""

from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from typing import Any, TypeVar

from integrations.amazon import parse
from integrations.amazon.buyer import buyer_of, ship_to_country
from integrations.amazon.packages import invoice_status, packages_of, tax_facts
from integrations.amazon.redact import without_personal_data
from integrations.amazon.stock_details import details_of
from integrations.errors import MalformedRecord
from integrations.protocol import RecordFailure
from inventory.records import InventoryRecord
from orders.records import OrderItemRecord, OrderRecord

ALWAYS_ASKED = ("FULFILLMENT", "PROCEEDS", "CANCELLATION", "PACKAGES", "TAX")
PERSONAL = ("BUYER", "RECIPIENT")

STATUS = {
    "PENDING_AVAILABILITY": "pending",
    "PENDING": "pending",
    "UNSHIPPED": "unshipped",
    "PARTIALLY_SHIPPED": "partially_shipped",
    "SHIPPED": "shipped",
    "CANCELLED": "cancelled",
    "CANCELED": "cancelled",  # v0 and notifications spell it with one L
    "UNFULFILLABLE": "unfulfillable",
}
FULFILLED_BY = {"MERCHANT": "merchant", "AMAZON": "platform"}
ODDLY_NAMED = (
    "The name of an attribute has characters that could not be read, so nobody knows which one it is. What is stored "
    "of the record stays; replay it, or wait until it changes."
)
Record = TypeVar("Record")
Read = tuple[tuple[Record, ...], tuple[RecordFailure, ...]]
NOTHING = Decimal(0)
Listed = dict[str, list[Any]]  # what stands for amounts, by its type
# The fields of each branch. A window that does not come says nothing about the day.
OF_FULFILLMENT = ("status", "platform_status", "fulfilled_by", "service_level")
OF_PRODUCT = ("sku", "asin", "title")
OF_TAX = ("tax_model", "tax_responsible_party", "tax_scheme")
# Of TAX, by their subtypes.
TAX_PARTS = {
    "ITEM": "item_tax",
    "SHIPPING": "shipping_tax",
    "GIFT_WRAP": "gift_wrap_tax",
    "DISCOUNT": "discount_tax",
}
OF_BREAKDOWNS = ("tax", "shipping", "discount", "item_subtotal", "other_charges", *TAX_PARTS.values())
# Types of breakdowns that have a column of their own, or (tips) belong to no line.
OWN_COLUMNS = frozenset({"ITEM", "SHIPPING", "DISCOUNT", "TAX", "DELIVERY_TIP", ""})

OF_DETAILS = ("available", "reserved", "inbound", "unfulfillable", "researching", "details")
REPLACEMENTS = ("REPLACEMENT_ORIGINAL_ID", "EXCHANGE_ORIGINAL_ID")


def orders(raws: Iterable[Any], datasets: Collection[str]) -> Read[OrderRecord]:
    """The records of one page, and its failures: an order that cannot be read costs that order."""
    return _read(raws, lambda raw: order(raw, datasets=datasets), lambda raw: parse.text(raw.get("orderId")))


def inventories(raws: Iterable[Any], marketplace_id: str) -> Read[InventoryRecord]:
    """The records of one page of summaries, and its failures."""
    return _read(raws, lambda raw: inventory(raw, marketplace_id=marketplace_id), _known_sku)


def _known_sku(raw: dict[str, Any]) -> str:
    """The SKU of a row that could not be read; "" where it is not known itself."""
    sku = parse.exact_text(raw.get("sellerSku"))
    return "" if parse.UNREADABLE in sku else sku


def _read(
    raws: Iterable[Any], read: Callable[[Any], Record], id_of: Callable[[dict[str, Any]], str]
) -> Read[Record]:
    records: list[Record] = []
    failures: list[RecordFailure] = []
    for raw in raws:
        try:
            if isinstance(raw, parse.OddlyNamed):
                raise MalformedRecord(ODDLY_NAMED)
            records.append(read(raw))
        except MalformedRecord as error:
            source = parse.mapping(raw)
            failures.append(
                RecordFailure(
                    external_id=id_of(source),
                    code=error.code,
                    message=str(error),
                    payload=without_personal_data(source),
                    mark=parse.text(source.get("fnSku")) or parse.text(source.get("asin")),
                )
            )
    return tuple(records), tuple(failures)


def order(raw: Any, *, datasets: Collection[str] = ALWAYS_ASKED) -> OrderRecord:
    """The record of one order. `datasets` are those that were asked for: without CANCELLATION, the absence of a
    cancellation request says nothing. Raises MalformedRecord."""
    source = parse.mapping(raw)
    order_id = parse.required_id(parse.text(source.get("orderId")), "orderId")
    if not isinstance(source.get("orderItems"), list):
        raise MalformedRecord("The order has no list of items (orderItems).")
    fulfillment = parse.mapping(source.get("fulfillment"))
    platform_status = parse.text(parse.read_whole(fulfillment.get("fulfillmentStatus"), "fulfillmentStatus"))
    proceeds = parse.mapping(source.get("proceeds"))
    total, currency = parse.money(proceeds.get("grandTotal"), "grandTotal")
    subtotals, _tax_parts = _breakdowns(proceeds)
    tax, tax_currency = _added_up(subtotals, "TAX")
    asked_to_cancel = _buyer_requested_cancellation(source, datasets)
    country = ship_to_country(source)
    return OrderRecord(
        external_id=order_id,
        purchased_at=parse.required_time(source.get("createdTime"), "createdTime"),
        platform_updated_at=parse.required_time(source.get("lastUpdatedTime"), "lastUpdatedTime"),
        items=_items(source, is_cancelled=STATUS.get(platform_status.upper()) == "cancelled"),
        status=STATUS.get(platform_status.upper(), "unknown") if platform_status else "",
        platform_status=platform_status,
        marketplace_id=parse.text(parse.mapping(source.get("salesChannel")).get("marketplaceId")),
        fulfilled_by=FULFILLED_BY.get(parse.text(fulfillment.get("fulfilledBy")).upper(), ""),
        service_level=parse.text(fulfillment.get("fulfillmentServiceLevel")),
        ship_by=parse.meant_time(parse.mapping(fulfillment.get("shipByWindow")).get("latestDateTime")),
        deliver_by=parse.meant_time(parse.mapping(fulfillment.get("deliverByWindow")).get("latestDateTime")),
        currency=currency if total is not None else tax_currency,
        total=total,
        # In another currency than the total it could not be told apart from it; the payload holds it.
        tax=None if total is not None and tax_currency != currency else tax,
        invoice_status=invoice_status(source),
        ship_to_country=country,
        programs=_texts(source.get("programs")),
        replaced_order_id=_replaced_order_id(source),
        buyer_requested_cancellation=asked_to_cancel,
        payload=without_personal_data(source),
        buyer=buyer_of(source),
        packages=packages_of(source),
        absent=_absent_of_order(source, asked_to_cancel, country),
    )


def _absent_of_order(
    source: dict[str, Any], asked_to_cancel: bool | None, country: str | None
) -> tuple[str, ...]:
    fulfillment = parse.mapping(source.get("fulfillment"))
    return _absent(
        (_is_object(source, "fulfillment"), OF_FULFILLMENT),
        (_is_object(fulfillment, "shipByWindow"), ("ship_by",)),
        (_is_object(fulfillment, "deliverByWindow"), ("deliver_by",)),
        (_is_object(source, "proceeds"), ("total",)),
        (_has_breakdowns(source), ("tax",)),
        (_is_object(source, "tax"), ("invoice_status",)),
        # Amazon says less of an address after a while; what it said before stays.
        (country is not None, ("ship_to_country",)),
        (_is_list(source, "packages"), ("packages",)),
        (_is_object(source, "salesChannel"), ("marketplace_id",)),
        (_is_list(source, "programs"), ("programs",)),
        (_is_list(source, "associatedOrders"), ("replaced_order_id",)),
        (asked_to_cancel is not None, ("buyer_requested_cancellation",)),
        # Every order has a line: the answer is not complete.
        (bool(source["orderItems"]), ("items", "completeness")),
    )


def _absent(*branches: tuple[bool, tuple[str, ...]]) -> tuple[str, ...]:
    """The fields of the branches that did not come; given are, for each, whether it came, and its fields."""
    absent: tuple[str, ...] = ()
    for has_come, names in branches:
        if not has_come:
            absent += names
    return absent


def _is_object(source: dict[str, Any], name: str) -> bool:
    return isinstance(source.get(name), dict)


def _is_list(source: dict[str, Any], name: str) -> bool:
    return isinstance(source.get(name), list)


def _items(order: dict[str, Any], *, is_cancelled: bool) -> tuple[OrderItemRecord, ...]:
    raw_items = order["orderItems"]
    has_proceeds = _is_object(order, "proceeds") or any(
        _is_object(raw, "proceeds") for raw in parse.objects(raw_items)
    )
    items = tuple(_item(raw, is_cancelled, has_proceeds) for raw in raw_items)
    if len({item.external_id for item in items}) != len(items):
        raise MalformedRecord("Two items of the order have the same orderItemId.")
    return items


def _item(raw: Any, order_is_cancelled: bool, order_has_proceeds: bool) -> OrderItemRecord:
    source = parse.mapping(raw)
    item_id = parse.required_id(parse.text(source.get("orderItemId")), "orderItemId")
    product = parse.mapping(source.get("product"))
    proceeds = parse.mapping(source.get("proceeds"))
    subtotals, taxes = _breakdowns(proceeds)
    others = [value for kind, values in subtotals.items() if kind not in OWN_COLUMNS for value in values]
    amounts = (
        parse.money(parse.mapping(product.get("price")).get("unitPrice"), "unitPrice"),
        parse.money(proceeds.get("proceedsTotal"), "proceedsTotal"),
        _added_up(subtotals, "TAX"),
        _added_up(subtotals, "SHIPPING"),
        _added_up(subtotals, "DISCOUNT"),
        _added_up(subtotals, "ITEM"),
        _added_up({"OTHER": others}, "OTHER") if others else (None, ""),
    )
    tax_parts = {TAX_PARTS[part]: _added_up(taxes, part) for part in taxes if part in TAX_PARTS}
    ordered = parse.number(source.get("quantityOrdered"), "quantityOrdered")
    shipped, left = _shipped_and_left(source, ordered)
    tax_model, responsible_party, scheme = tax_facts(source)
    has_fulfillment, is_cancelled = _is_object(source, "fulfillment"), order_is_cancelled or ordered == 0
    # Amazon leaves out the proceeds of a cancelled line, while the others have theirs.
    has_no_proceeds = ordered == 0 and order_has_proceeds
    unit_price, total, tax, shipping, discount, item_subtotal, other_charges = (
        amount for amount, _ in amounts
    )
    return OrderItemRecord(
        external_id=item_id,
        sku=parse.exact_text(product.get("sellerSku")),
        asin=parse.text(product.get("asin")),
        title=parse.text(product.get("title")),
        quantity_ordered=ordered,
        quantity_shipped=shipped,
        quantity_left=0 if is_cancelled else left,
        unit_price=unit_price,
        total=total,
        tax=tax,
        shipping=shipping,
        discount=discount,
        item_subtotal=item_subtotal,
        other_charges=other_charges,
        **{name: amount for name, (amount, _) in tax_parts.items()},
        currency=_one_currency((*amounts, *tax_parts.values())),
        absent=_absent(
            (_is_object(source, "product"), OF_PRODUCT),
            (_is_object(product, "price"), ("unit_price",)),
            (has_fulfillment, ("quantity_shipped",)),
            (has_fulfillment or is_cancelled, ("quantity_left",)),
            (has_no_proceeds or _is_object(source, "proceeds"), ("total",)),
            (has_no_proceeds or _has_breakdowns(source), OF_BREAKDOWNS),
            (_is_object(source, "tax"), OF_TAX),
        ),
        tax_model=tax_model,
        tax_responsible_party=responsible_party,
        tax_scheme=scheme,
    )


def _shipped_and_left(source: dict[str, Any], ordered: int | None) -> tuple[int | None, int | None]:
    """How many units of a line are shipped, and how many are left to ship.

    quantityUnfulfilled decides where Amazon gives it. Otherwise what was ordered and is not shipped is left, and
    nothing of a line that was cancelled; without a shipped quantity that is not known.
    """
    fulfillment = parse.mapping(source.get("fulfillment"))
    shipped = parse.number(fulfillment.get("quantityFulfilled"), "quantityFulfilled")
    left = parse.number(fulfillment.get("quantityUnfulfilled"), "quantityUnfulfilled")
    if left is None and ordered is not None and shipped is not None:
        is_cancelled = bool(
            parse.mapping(parse.mapping(source.get("cancellation")).get("cancellationExecution"))
        )
        left = 0 if is_cancelled else max(ordered - shipped, 0)
    return shipped, left


def _has_breakdowns(source: dict[str, Any]) -> bool:
    """Of an order or an item. Proceeds without a total and without breakdowns say that there are none."""
    proceeds = parse.mapping(source.get("proceeds"))
    return _is_list(proceeds, "breakdowns") or (
        _is_object(source, "proceeds") and not {"breakdowns", "proceedsTotal", "grandTotal"} & proceeds.keys()
    )


def _one_currency(amounts: Iterable[parse.Money]) -> str:
    """The currency of a line. Raises MalformedRecord where its amounts are in several: they could not be told apart."""
    currencies = {currency for amount, currency in amounts if amount is not None}
    if len(currencies) > 1:
        raise MalformedRecord(
            f"The amounts of an item are in several currencies: {', '.join(sorted(currencies))}."
        )
    return currencies.pop() if currencies else ""


def _breakdowns(proceeds: dict[str, Any]) -> tuple[Listed, Listed]:
    """The subtotals of an order or an item by their types, and what its tax is made of by the subtypes. No rule of
    Amazon's says that a type is listed once."""
    subtotals: Listed = {}
    tax_parts: Listed = {}
    for entry in parse.objects(proceeds.get("breakdowns")):
        kind = parse.text(entry.get("type")).upper()
        subtotals.setdefault(kind, []).append(entry.get("subtotal"))
        if kind == "TAX" and "detailedBreakdowns" in entry:
            for detail in parse.objects(entry["detailedBreakdowns"]):
                subtype = parse.text(detail.get("subtype")).upper()
                tax_parts.setdefault(subtype, []).append(detail.get("value"))
    return subtotals, tax_parts


def _added_up(listed: Listed, name: str) -> parse.Money:
    """The sum of a type, None where none of it is known: Amazon leaves out what is zero as well as what it does not
    know. Raises MalformedRecord."""
    values = listed.get(name)
    if values is None:
        return None, ""
    if len(values) == 1:  # nearly always
        amount, currency = parse.money(values[0], name)
        return (None, "") if amount is None else (NOTHING + amount, currency)
    amounts = [parse.money(value, name) for value in values]
    known = [amount for amount, _ in amounts if amount is not None]
    return (sum(known, NOTHING), _one_currency(amounts)) if known else (None, "")


def beside_lines(payload: Any) -> Decimal:
    """What of an order's total belongs to none of its lines: tips. In the currency of the total.

    Amounts that cannot be read, or are in another currency, count as nothing.
    """
    proceeds = parse.mapping(parse.mapping(payload).get("proceeds"))
    try:
        _total, currency = parse.money(proceeds.get("grandTotal"), "grandTotal")
        amounts = [
            parse.money(entry.get("subtotal"), "DELIVERY_TIP")
            for entry in parse.objects(proceeds.get("breakdowns"))
            if parse.text(entry.get("type")).upper() == "DELIVERY_TIP"
        ]
    except MalformedRecord:
        return Decimal(0)
    return sum((amount for amount, unit in amounts if amount is not None and unit == currency), Decimal(0))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(parse.text(item) for item in value if parse.text(item)) if isinstance(value, list) else ()


def _replaced_order_id(source: dict[str, Any]) -> str:
    for item in parse.objects(source.get("associatedOrders")):
        if parse.text(item.get("associationType")).upper() in REPLACEMENTS:
            return parse.text(item.get("orderId"))
    return ""


def _buyer_requested_cancellation(source: dict[str, Any], datasets: Collection[str]) -> bool | None:
    """True where the buyer asked to cancel any item; None where that was not asked for."""
    for item in parse.objects(source.get("orderItems")):
        request = parse.mapping(parse.mapping(item.get("cancellation")).get("cancellationRequest"))
        if parse.text(request.get("requester")).upper() == "BUYER":
            return True
    return False if "CANCELLATION" in datasets else None


def inventory(raw: Any, *, marketplace_id: str) -> InventoryRecord:
    """The record of one inventory summary. Raises MalformedRecord."""
    source = parse.mapping(raw)
    sku = parse.required_id(parse.exact_text(source.get("sellerSku")), "sellerSku")
    details = parse.mapping(source.get("inventoryDetails"))
    inbound = [
        parse.number(details.get(name), name)
        for name in ("inboundWorkingQuantity", "inboundShippedQuantity", "inboundReceivingQuantity")
    ]
    known = [quantity for quantity in inbound if quantity is not None]
    total = parse.number(source.get("totalQuantity"), "totalQuantity")
    return InventoryRecord(
        marketplace_id=marketplace_id,
        sku=sku,
        fnsku=parse.text(source.get("fnSku")),
        asin=parse.text(source.get("asin")),
        title=parse.text(source.get("productName")),
        condition=parse.text(source.get("condition")),
        total=total,
        available=parse.number(details.get("fulfillableQuantity"), "fulfillableQuantity"),
        reserved=_sub_total(details, "reservedQuantity", "totalReservedQuantity"),
        inbound=sum(known) if known else None,
        unfulfillable=_sub_total(details, "unfulfillableQuantity", "totalUnfulfillableQuantity"),
        researching=_sub_total(details, "researchingQuantity", "totalResearchingQuantity"),
        details=details_of(source.get("inventoryDetails")),
        platform_updated_at=parse.meant_time(source.get("lastUpdatedTime")),
        # Nothing is available of nothing: a total of 0 leaves no details of what was there before.
        absent=_absent((_is_object(source, "inventoryDetails") or total == 0, OF_DETAILS)),
    )


def _sub_total(details: dict[str, Any], group: str, name: str) -> int | None:
    return parse.number(parse.mapping(details.get(group)).get(name), name)
