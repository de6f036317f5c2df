"""REST: stock, and starting its sync."""

from collections.abc import Mapping
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.viewsets import GenericViewSet

from integrations.api import COMMON, PLATFORM, SYNCS, SyncView
from integrations.errors import BadInput
from integrations.models import SyncLog
from inventory.models import InventoryItem
from oms.filters import KnownChoiceFilter, PlatformFilter, TextFilter, TimeFilter
from platforms.models import Source

LONGEST_SKU = 255  # what the column holds; Amazon's own limit is 40


class InventoryItemSerializer(serializers.ModelSerializer[InventoryItem]):
    """Quantities that the platform did not report are null. `gone_at`: a full sweep no longer listed the SKU."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)

    class Meta:
        model = InventoryItem
        fields = (
            "id",
            "platform",
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
            "source",
            "platform_updated_at",
            "synced_at",
            "gone_at",
        )
        read_only_fields = fields


class InventoryFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformFilter()
    source = KnownChoiceFilter(choices=Source.choices)
    updated_after = TimeFilter(field_name="platform_updated_at", lookup_expr="gte")
    updated_before = TimeFilter(field_name="platform_updated_at", lookup_expr="lt")
    sku = TextFilter(label="Exactly this SKU.")
    search = TextFilter(
        method="find", label="The beginning of a SKU, an ASIN, an FNSKU, or part of the title."
    )

    def find(self, items: QuerySet[InventoryItem], _name: str, text: str) -> QuerySet[InventoryItem]:
        return items.filter(Q(sku__startswith=text) | Q(asin=text) | Q(fnsku=text) | Q(title__icontains=text))


class InventoryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[InventoryItem]):
    """By SKU. The same unit is listed in several marketplaces: do not add them up."""

    queryset = InventoryItem.objects.prefetch_related(PLATFORM)
    serializer_class = InventoryItemSerializer
    filterset_class = InventoryFilter
    ordering = ("sku", "id")


class InventorySyncView(SyncView):
    """Sync all stock, or that of named SKUs. Parameters may stand in a JSON body instead; sku may be a list there."""

    kind = SyncLog.Kind.INVENTORY
    parameters = ("sku",)
    repeatable = ("sku",)

    def asked_for(self, values: Mapping[str, Any]) -> dict[str, Any]:
        given = values.get("sku", [])
        skus = [given] if isinstance(given, str) else list(given)
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
        request=None,
        responses={200: SYNCS, 202: SYNCS},
    )
    def post(self, *args: Any, **kwargs: Any) -> Any:
        return super().post(*args, **kwargs)
