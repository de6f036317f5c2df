"""REST: orders with their items, and starting their sync."""

from collections.abc import Mapping
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.viewsets import GenericViewSet

from api.filters import KnownChoiceFilter, KnownParameters, PlatformNameFilter, TextFilter, TimeFilter
from api.syncs import COMMON, RESPONSES, SyncRequestSerializer, SyncView
from core.money import amount_text
from integrations.models import SyncLog
from integrations.window_input import read_window
from orders.listing import with_value
from orders.models import Order, OrderItem, OrderPackage
from orders.search import find_orders
from platforms.models import PLATFORM, Source


class AmountsMixin:
    """Writes `amounts` with the decimals of the row's currency, instead of the four of the column."""

    amounts: tuple[str, ...] = ("total",)

    def to_representation(self, instance: Order | OrderItem) -> dict[str, Any]:
        data: dict[str, Any] = super().to_representation(instance)  # type: ignore[misc]
        for name in self.amounts:
            amount = getattr(instance, name)
            data[name] = None if amount is None else amount_text(amount, instance.currency)
        return data


class OrderItemSerializer(AmountsMixin, serializers.ModelSerializer[OrderItem]):
    amounts = ("unit_price", "total", "tax", "shipping", "discount")

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
            "currency",
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


class OrderSerializer(AmountsMixin, serializers.ModelSerializer[Order]):
    """Amounts are strings; an unknown one is null, never 0."""

    amounts = ("total", "tax")
    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    items = OrderItemSerializer(many=True, read_only=True)
    packages = OrderPackageSerializer(many=True, read_only=True)
    programs = serializers.ListField(child=serializers.CharField(), read_only=True)
    quantity_left = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Units of all items that still have to be shipped."
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
            "quantity_left",
            "programs",
            "replaced_order_id",
            "buyer_requested_cancellation",
            "source",
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


class OrderFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    status = KnownChoiceFilter(choices=Order.Status.choices, method="with_value")
    source = KnownChoiceFilter(choices=Source.choices, method="with_value")
    purchased_after = TimeFilter(field_name="purchased_at", lookup_expr="gte")
    purchased_before = TimeFilter(field_name="purchased_at", lookup_expr="lt")
    updated_after = TimeFilter(field_name="platform_updated_at", lookup_expr="gte")
    updated_before = TimeFilter(field_name="platform_updated_at", lookup_expr="lt")
    sku = TextFilter(method="with_sku", label="Orders with an item of exactly this SKU.")
    tracking_number = TextFilter(
        method="with_package", label="Orders with a package of exactly this tracking number."
    )
    search = TextFilter(
        method="find",
        label="The beginning of an order id or SKU, an ASIN, a tracking number, or words of an item's title.",
    )

    def with_value(self, orders: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        return with_value(orders, name, value)

    def with_sku(self, orders: QuerySet[Order], _name: str, sku: str) -> QuerySet[Order]:
        return orders.filter(pk__in=OrderItem.objects.filter(sku=sku).values("order_id"))

    def with_package(self, orders: QuerySet[Order], _name: str, number: str) -> QuerySet[Order]:
        return orders.filter(pk__in=OrderPackage.objects.filter(tracking_number=number).values("order_id"))

    def find(self, orders: QuerySet[Order], _name: str, text: str) -> QuerySet[Order]:
        return find_orders(orders, text).orders


class OrderViewSet(KnownParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Order]):
    """Newest purchase first."""

    queryset = Order.objects.prefetch_related(PLATFORM, "items", "packages")
    filterset_class = OrderFilter
    ordering = ("-purchased_at", "-id")

    def get_queryset(self) -> QuerySet[Order]:
        queryset = super().get_queryset()
        return queryset if self.action == "retrieve" else queryset.defer("payload")

    def get_serializer_class(self) -> type[OrderSerializer]:
        return OrderDetailSerializer if self.action == "retrieve" else OrderSerializer


WINDOW_PARAMETERS = ("since", "until", "days", "by")
WINDOW = (
    OpenApiParameter(
        "since", str, description="Start of the window, ISO 8601; a time without a zone is UTC."
    ),
    OpenApiParameter("until", str, description="End of the window; needs since or days. Now, without it."),
    OpenApiParameter("days", int, description="Start that many days ago, instead of since."),
    OpenApiParameter("by", str, enum=SyncLog.WindowBy.values, description="Which time the window is about."),
)


class WindowSyncSerializer(SyncRequestSerializer):
    """Without since, until and days, a sync goes on where the last one ended."""

    since = serializers.CharField(
        required=False,
        help_text="Start of the window, which is part of it, ISO 8601; without a zone it is UTC.",
    )
    until = serializers.CharField(
        required=False,
        help_text="End of the window, which is not part of it; needs since or days. Now, without it.",
    )
    days = serializers.IntegerField(required=False, min_value=1, help_text="Start that many days ago.")
    by = serializers.ChoiceField(SyncLog.WindowBy.choices, required=False)


class OrderSyncView(SyncView):
    """Sync orders; without a window, from where the last one ended. Parameters may stand in a JSON body instead."""

    kind = SyncLog.Kind.ORDERS
    parameters = WINDOW_PARAMETERS

    def asked_for(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"window": read_window(**{name: values.get(name) for name in self.parameters})}

    @extend_schema(
        operation_id="orders_sync",
        parameters=[*COMMON, *WINDOW],
        request=WindowSyncSerializer,
        responses=RESPONSES,
    )
    def post(self, *args: Any, **kwargs: Any) -> Any:
        return super().post(*args, **kwargs)
