"""REST: audits of stock, and what is known of each marketplace."""

from types import MappingProxyType
from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access.models import Scope
from api.base import MaySync, address_of
from api.completeness import MaySeeSyncs, audited_platform
from api.filters import ChoicesFilter, IdsFilter, PlatformNameFilter, TextsFilter, TimeFilter
from api.jobs import JobSerializer
from api.lists import ListView
from api.syncs import read_parameters
from integrations.as_json import listed_stock_audit_as_json, stock_audit_as_json
from integrations.completeness.stock.audits import request_stock_audit
from integrations.completeness.stock.queue import announce_stock_audit, run_here
from integrations.models import AuditedDay, AuditedStock, StockAudit, SyncLog
from platforms.models import PLATFORM

TAKEN = ("platform_name", "wait")  # by POST /inventory-audits


class AuditedStockFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    state = ChoicesFilter(choices=AuditedDay.State.choices, label="Marketplaces in these states.")
    marketplace_id = TextsFilter(commas=True, label="Ids of marketplaces.")


class AuditedStockSerializer(serializers.ModelSerializer[AuditedStock]):
    """The stock of one marketplace, as the last audit found it."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    report = serializers.CharField(source="list_id", read_only=True)

    class Meta:
        model = AuditedStock
        fields = (
            "platform", "platform_id", "marketplace_id", "state", "listings", "missing", "different", "only_here",
            "healed", "open", "report", "asked_at", "error_code", "error_message", "checked_at",
        )  # fmt: skip
        read_only_fields = fields


class InventoryCompletenessViewSet(ListView, GenericViewSet[AuditedStock]):
    """What audits of stock found, by platform and marketplace; one that was never audited has no row."""

    queryset = AuditedStock.objects.prefetch_related(PLATFORM)
    serializer_class = AuditedStockSerializer
    filterset_class = AuditedStockFilter
    permission_classes = (MaySeeSyncs,)
    ordering = ("id",)


class AuditedMarketplaceSerializer(serializers.Serializer[Any]):
    """See GET /inventory-completeness."""

    marketplace_id = serializers.CharField()
    state = serializers.ChoiceField(AuditedDay.State.choices)
    listings = serializers.IntegerField()
    missing = serializers.IntegerField()
    different = serializers.IntegerField()
    only_here = serializers.IntegerField()
    healed = serializers.IntegerField()
    open = serializers.IntegerField()
    report = serializers.CharField()
    asked_at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField()
    error_message = serializers.CharField()
    checked_at = serializers.DateTimeField()


class ListedInventoryAuditSerializer(JobSerializer):
    """One comparison of a platform's lists of stock with what is stored."""

    compared = serializers.IntegerField()
    missing = serializers.IntegerField()
    different = serializers.IntegerField()
    only_here = serializers.IntegerField()
    unread = serializers.IntegerField()
    healed = serializers.IntegerField()
    open = serializers.IntegerField()
    explained = serializers.DictField(child=serializers.IntegerField())

    def to_representation(self, instance: StockAudit) -> dict[str, Any]:
        return listed_stock_audit_as_json(instance)


class InventoryAuditSerializer(ListedInventoryAuditSerializer):
    """One comparison of a platform's lists of stock with what is stored. `marketplaces` has those that no later audit
    has compared since; it is empty until the audit is closed."""

    marketplaces = AuditedMarketplaceSerializer(many=True)

    def to_representation(self, instance: StockAudit) -> dict[str, Any]:
        return stock_audit_as_json(instance)


class InventoryAuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    platform_name = PlatformNameFilter()
    status = ChoicesFilter(choices=StockAudit.Status.choices, label="Audits in these states.")
    trigger = ChoicesFilter(choices=SyncLog.Trigger.choices, label="What started the audit.")
    ids = IdsFilter("pk", label="Ids of audits.")
    queued_after = TimeFilter("queued_at", "gte", of="Queued")
    queued_before = TimeFilter("queued_at", "lt", of="Queued")


class InventoryAuditRequestSerializer(serializers.Serializer[Any]):
    """Here or as parameters of the address."""

    platform_name = serializers.CharField(required=False, help_text="The platform.")
    wait = serializers.BooleanField(
        required=False, help_text="Work on it here, and answer once it is done (200)."
    )


class InventoryAuditViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[StockAudit]):
    """Audits of stock, the newest first, without their marketplaces."""

    queryset = StockAudit.objects.select_related("requested_by").prefetch_related(PLATFORM).defer("parts")
    filterset_class = InventoryAuditFilter
    ordering = ("-id",)
    more_errors = MappingProxyType({"create": (404,)})
    scopes = MappingProxyType({"create": Scope.SYNC})
    parameters = MappingProxyType({"create": TAKEN})

    def get_permissions(self) -> list[BasePermission]:
        return [MaySync() if self.request.method == "POST" else MaySeeSyncs()]

    def get_serializer_class(self) -> type[ListedInventoryAuditSerializer]:
        return ListedInventoryAuditSerializer if self.action == "list" else InventoryAuditSerializer

    @extend_schema(
        operation_id="inventory_audit",
        summary="Audit a platform's stock",
        parameters=[
            OpenApiParameter(
                "platform_name", str, description="The platform. It may stand in the body instead."
            ),
            OpenApiParameter(
                "wait", bool, description="Answer once it is done (200) instead of at once (202)."
            ),
        ],
        request=InventoryAuditRequestSerializer,
        responses={200: InventoryAuditSerializer, 202: InventoryAuditSerializer},
    )
    def create(self, request: Request) -> Response:
        """Compare the stock that a platform lists with what is stored, and read again what is missing or different: 202
        while it is open, 200 once it is closed. Where an audit is open, that one goes on.

        Also with wait=true it is 202 where the platform has not made its lists yet; the workers go on with it then.
        """
        values = read_parameters(request, known=TAKEN, repeatable=())
        platform = audited_platform(
            request, values.get("platform_name"), "stock", lambda each: each.lists_stock
        )
        user: Any = request.user  # not anonymous: MaySync
        audit, _is_new = request_stock_audit(platform, trigger=SyncLog.Trigger.API, user=user)
        if values.get("wait", False):
            audit = run_here(audit.pk)
        elif audit.status == StockAudit.Status.QUEUED:
            announce_stock_audit(audit)
        code = status.HTTP_202_ACCEPTED if audit.is_open else status.HTTP_200_OK
        where = {"Location": address_of(request, "inventory-audit", audit.pk)}
        return Response(stock_audit_as_json(audit), status=code, headers=where)
