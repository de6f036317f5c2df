"""Orders as the API answers them: the classes that the schema reads, and `order_rows`, which makes the values.

A page may have 500 orders with all their items. Values therefore go from the database's rows into dicts, without
instances of models and serializers in between, which take five times as long (`python -m bench --only lists`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

from django.db import models
from django.db.models import QuerySet
from rest_framework import serializers

from core.money import amount_text
from integrations.as_json import as_text
from orders.models import Order, OrderItem, OrderPackage, units_left
from platforms.models import Platform

Row = dict[str, Any]


class OrderItemSerializer(serializers.ModelSerializer[OrderItem]):
    class Meta:
        model = OrderItem
        fields = (
            "external_id",
            "sku",
            "asin",
            "title",
            "quantity_ordered",
            "quantity_shipped",
            "quantity_left",
            "unit_price",
            "total",
            "tax",
            "shipping",
            "discount",
            "item_subtotal",
            "other_charges",
            "currency",
            "item_tax",
            "shipping_tax",
            "gift_wrap_tax",
            "discount_tax",
            "tax_model",
            "tax_responsible_party",
            "tax_scheme",
        )
        read_only_fields = fields


class ContentsSerializer(serializers.Serializer[Any]):
    item = serializers.CharField(help_text="external_id of the item.")
    quantity = serializers.IntegerField(allow_null=True)


class OrderPackageSerializer(serializers.ModelSerializer[OrderPackage]):
    contents = ContentsSerializer(many=True, read_only=True)

    class Meta:
        model = OrderPackage
        fields = (
            "external_id",
            "carrier",
            "shipping_service",
            "tracking_number",
            "status",
            "detailed_status",
            "packed_at",
            "shipped_at",
            "contents",
        )
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[Order]):
    """Amounts are strings; an unknown one is null, never 0."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    items = OrderItemSerializer(many=True, read_only=True)
    packages = OrderPackageSerializer(many=True, read_only=True)
    programs = serializers.ListField(child=serializers.CharField(), read_only=True)
    quantity_left = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Units of all items that still have to be shipped."
    )
    synced_at = serializers.DateTimeField(
        read_only=True, help_text="When OMS last stored something new of the order."
    )
    completeness = serializers.ChoiceField(choices=Order.Completeness.choices, read_only=True)
    content_hash = serializers.CharField(
        read_only=True,
        help_text="OMS's own mark of what it has read. It may change where nothing else does, which is no change.",
    )

    class Meta:
        model = Order
        fields: tuple[str, ...] = (
            "id",
            "platform",
            "platform_id",
            "external_id",
            "status",
            "platform_status",
            "purchased_at",
            "platform_updated_at",
            "marketplace_id",
            "fulfilled_by",
            "service_level",
            "ship_by",
            "deliver_by",
            "currency",
            "total",
            "tax",
            "invoice_status",
            "ship_to_country",
            "quantity_left",
            "programs",
            "replaced_order_id",
            "buyer_requested_cancellation",
            "source",
            "completeness",
            "content_hash",
            "synced_at",
            "items",
            "packages",
        )
        read_only_fields = fields


class OrderDetailSerializer(OrderSerializer):
    """One order, with what the platform sent (without personal data)."""

    payload = serializers.DictField(read_only=True)

    class Meta(OrderSerializer.Meta):
        fields = (*OrderSerializer.Meta.fields, "payload")
        read_only_fields = fields


ROW: tuple[str, ...] = OrderSerializer.Meta.fields
DETAIL: tuple[str, ...] = OrderDetailSerializer.Meta.fields
# What is no column of the order's row.
DERIVED = ("platform", "quantity_left", "items", "packages")


def order_rows(ids: Sequence[int], names: Sequence[str] = ROW) -> list[Row]:
    """These orders in this order, without those that are gone. `names` are the fields; what is not asked for is not
    read."""
    columns = [name for name in names if name not in DERIVED]
    rows = _rows(Order.objects.filter(pk__in=ids).order_by(), ("id", "platform_id", *columns))
    by_id = {row["id"]: row for row in rows}
    if "platform" in names:
        platforms = dict(Platform.objects.values_list("pk", "name"))
        for row in by_id.values():
            row["platform"] = platforms.get(row["platform_id"])
    if "items" in names or "quantity_left" in names:
        _add_items(by_id)
    if "packages" in names:
        _add_parts(by_id, "packages", OrderPackage.objects, OrderPackageSerializer.Meta.fields)
    return [{name: by_id[pk][name] for name in names} for pk in ids if pk in by_id]


def _add_items(orders: dict[int, Row]) -> None:
    _add_parts(orders, "items", OrderItem.objects, OrderItemSerializer.Meta.fields)
    for row in orders.values():
        row["quantity_left"] = units_left(map(itemgetter("quantity_left"), row["items"]))


def _add_parts(
    orders: dict[int, Row], name: str, parts: models.Manager[Any], columns: tuple[str, ...]
) -> None:
    """What belongs to these orders, by id as a list under `name`."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(parts.filter(order__in=list(orders)).order_by("id"), ("order_id", *columns)):
        found[row.pop("order_id")].append(row)
    for pk, order in orders.items():
        order[name] = found[pk]


def _rows(queryset: QuerySet[Any], columns: Iterable[str]) -> Iterator[Row]:
    """Rows with values that JSON takes: times in UTC, amounts with the decimals of the row's currency, instead of the
    four of the column."""
    fields: dict[str, Any] = {name: queryset.model._meta.get_field(name) for name in columns}
    times = [name for name, field in fields.items() if isinstance(field, models.DateTimeField)]
    amounts = [name for name, field in fields.items() if isinstance(field, models.DecimalField)]
    names = list(dict.fromkeys((*fields, *(["currency"] if amounts else []))))
    for values in queryset.values_list(*names):
        row = dict(zip(names, values, strict=True))
        for name in times:
            row[name] = as_text(row[name])
        for name in amounts:
            amount: Decimal | None = row[name]
            row[name] = None if amount is None else amount_text(amount, row["currency"])
        yield row
