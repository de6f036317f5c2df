"""REST: stock, and starting its sync."""

from collections.abc import Collection, Mapping
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api.bodies import ExactBody
from api.filters import (
    ChoicesFilter,
    FlagFilter,
    IdsFilter,
    PlatformNameFilter,
    TextFilter,
    TextsFilter,
    TimeFilter,
)
from api.lists import ListView
from api.order_filters import LATE_COMMIT
from api.preconditions import heeds_if_match
from api.syncs import COMMON, RESPONSES, SyncRequestSerializer, SyncView
from integrations.errors import BadInput
from integrations.models import SyncLog
from inventory.listing import of_platforms
from inventory.models import HIGHEST_THRESHOLD, InventoryItem, Level
from inventory.search import matching
from inventory.thresholds import set_threshold
from platforms.models import PLATFORM, Source

LONGEST_SKU = 255  # what the column holds
LEVELS = {
    Level.OUT: "out",
    Level.LOW: "low",
    Level.ENOUGH: "in_stock",
    Level.UNKNOWN: "unknown",
    Level.GONE: "gone",
}
LEVEL_NAMES = [(name, name) for name in LEVELS.values()]


class LevelField(serializers.ChoiceField):
    """The level by its name."""

    def to_representation(self, value: Any) -> str:
        return LEVELS[Level(value)]


class InventoryItemSerializer(serializers.ModelSerializer[InventoryItem]):
    """Quantities that the platform did not report are null. `gone_at`: a full sweep no longer listed the SKU.
    `threshold` is set by people: the SKU counts as low when no more than this is available; null: when nothing is."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    level = LevelField(choices=LEVEL_NAMES, read_only=True)
    details = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        read_only=True,
        allow_null=True,
        help_text='Units of each kind, by group: {"reserved": {"pending_customer_order": 3}}.',
    )

    class Meta:
        model = InventoryItem
        fields = (
            "id",
            "platform",
            "platform_id",
            "marketplace_id",
            "sku",
            "asin",
            "fnsku",
            "title",
            "condition",
            "total",
            "available",
            "reserved",
            "inbound",
            "unfulfillable",
            "researching",
            "details",
            "source",
            "platform_updated_at",
            "synced_at",
            "gone_at",
            "threshold",
            "level",
        )
        read_only_fields = fields


class ThresholdSerializer(ExactBody, serializers.Serializer[Any]):
    """What people set of a row of stock."""

    threshold = serializers.IntegerField(min_value=0, max_value=HIGHEST_THRESHOLD, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for any other field, so that nobody believes that a sent quantity was stored."""
        if others := sorted(set(data) - set(self.fields)):
            text = "Only threshold can be changed here; the platform's sync writes everything else."
            raise serializers.ValidationError(dict.fromkeys(others, text))
        return super().to_internal_value(data)


class InventoryFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    marketplace_id = TextsFilter(commas=True, label="Ids of marketplaces, as the platform has them.")
    source = ChoicesFilter(
        choices=Source.choices, label="Where the row came from. Only live rows are business."
    )
    level = ChoicesFilter(
        choices=LEVEL_NAMES,
        stored={name: level for level, name in LEVELS.items()},
        label="How much is left: `out` nothing, `low` no more than the threshold, `unknown` the platform does not say, "
        "`gone` no longer listed.",
    )
    gone = FlagFilter(
        method="find_gone",
        label="true: rows that the platform no longer lists; false: rows that it lists.",
    )
    condition = TextsFilter(commas=True, label="Conditions, in the platform's words.")
    updated_after = TimeFilter("platform_updated_at", "gte", of="Changed on the platform")
    updated_before = TimeFilter("platform_updated_at", "lt", of="Changed on the platform")
    synced_after = TimeFilter("synced_at", "gte", of="Last stored by OMS", note=LATE_COMMIT)
    synced_before = TimeFilter("synced_at", "lt", of="Last stored by OMS")
    ids = IdsFilter("pk", label="Ids of OMS.")
    sku = TextsFilter(label="Exactly this SKU.")
    asin = TextsFilter(commas=True, label="Exactly this ASIN.")
    fnsku = TextsFilter(label="Exactly this FNSKU.")
    search = TextFilter(
        method="find", label="The beginning of a SKU, an ASIN, an FNSKU, or part of the title."
    )

    def find_gone(self, items: QuerySet[InventoryItem], _name: str, value: bool) -> QuerySet[InventoryItem]:
        return items.filter(level=Level.GONE) if value else items.exclude(level=Level.GONE)

    def find(self, items: QuerySet[InventoryItem], _name: str, text: str) -> QuerySet[InventoryItem]:
        return items.filter(matching(text))


class InventoryViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[InventoryItem]):
    """By SKU. The same unit is listed in several marketplaces: do not add them up."""

    queryset = InventoryItem.objects.prefetch_related(PLATFORM)
    serializer_class = InventoryItemSerializer
    filterset_class = InventoryFilter
    ordering = ("sku", "id")
    orderings = ("synced_at", "available")

    def confine(self, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return of_platforms(rows, ids) if self.action == "list" else super().confine(rows, ids)

    @extend_schema(request=ThresholdSerializer, responses=InventoryItemSerializer)
    @heeds_if_match
    def partial_update(self, request: Request, pk: int) -> Response:
        """Set the threshold, or with null none. Nothing else of a row can be changed; a sync writes the rest."""
        item = get_object_or_404(self.confined(self.get_queryset()), pk=pk)
        if not isinstance(request.data, Mapping):
            raise serializers.ValidationError("A JSON object is expected.")
        given = ThresholdSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        set_threshold(
            items=InventoryItem.objects.filter(pk=item.pk),
            threshold=given.validated_data["threshold"],
        )
        item.refresh_from_db(fields=["threshold", "level"])
        return Response(InventoryItemSerializer(item).data)


class InventorySyncSerializer(SyncRequestSerializer):
    """Without sku, all stock."""

    sku = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_SKU), required=False, min_length=1
    )


class InventorySyncView(SyncView):
    """Sync all stock, or that of named SKUs. Parameters may stand in a JSON body instead; sku may be a list there."""

    kind = SyncLog.Kind.INVENTORY
    parameters = ("sku",)
    repeatable = ("sku",)

    def asked_for(self, values: Mapping[str, Any]) -> dict[str, Any]:
        skus: list[str] = values.get("sku", [])
        for sku in skus:
            if not sku.strip() or len(sku) > LONGEST_SKU:
                raise BadInput("sku", f"{sku[:40]!r} is not a SKU: it is blank or too long.")
        return {"skus": list(dict.fromkeys(skus))}

    @extend_schema(
        operation_id="inventory_sync",
        parameters=[
            *COMMON,
            OpenApiParameter("sku", str, many=True, description="One or more SKUs; may repeat."),
        ],
        request=InventorySyncSerializer,
        responses=RESPONSES,
    )
    def post(self, *args: Any, **kwargs: Any) -> Any:
        return super().post(*args, **kwargs)
