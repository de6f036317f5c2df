"""REST: audits of orders, and what is known of each day."""

from collections.abc import Callable
from datetime import date
from types import MappingProxyType
from typing import Any

import django_filters
from django import forms
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access.confinement import visible_platforms, within
from access.models import Scope
from api.base import MaySync, ModelPermissions, address_of
from api.filters import ChoicesFilter, IdsFilter, PlatformNameFilter, TextsFilter, TimeFilter
from api.jobs import AuditWindowSerializer, JobSerializer
from api.lists import ListView
from api.syncs import read_parameters
from integrations.as_json import audit_as_json, listed_audit_as_json
from integrations.channel import Channel
from integrations.completeness.audits import DEFAULT_DAYS, MOST_DAYS, request_audit
from integrations.completeness.queue import announce_audit, run_here
from integrations.models import AuditedDay, OrderAudit, SyncLog
from integrations.registry import CHANNELS
from integrations.window_input import read_days
from platforms.models import PLATFORM, Platform

TAKEN = ("platform_name", "days", "wait")  # by POST /audits


class MaySeeSyncs(ModelPermissions):
    """How complete orders are is what syncs came to."""

    perms_map = {
        **ModelPermissions.perms_map,
        **{method: ["integrations.view_synclog"] for method in ("GET", "HEAD", "OPTIONS")},
    }


class DayField(forms.Field):
    """A day like 2026-01-31."""

    def to_python(self, value: Any) -> date | None:
        if not value:
            return None
        try:
            if len(value) != len("2026-01-31"):
                raise ValueError(value)
            return date.fromisoformat(value)
        except ValueError:
            raise forms.ValidationError(
                "It is not a day. Write it like 2026-01-31.", code="invalid"
            ) from None


class DayFilter(django_filters.DateFilter):  # type: ignore[misc]  # no annotations
    field_class = DayField


class CompletenessFilter(django_filters.FilterSet):  # type: ignore[misc]
    platform_name = PlatformNameFilter()
    since = DayFilter("day", "gte", label="This day or later (included), like 2026-01-31.")
    until = DayFilter("day", "lt", label="Before this day (excluded), like 2026-01-31.")
    state = ChoicesFilter(choices=AuditedDay.State.choices, label="Days in these states.")
    marketplace_id = TextsFilter(commas=True, label="Ids of marketplaces.")


class AuditedDaySerializer(serializers.ModelSerializer[AuditedDay]):
    """The orders that were placed on one day (UTC) in one marketplace, as the last audit found them."""

    platform = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    report = serializers.CharField(source="list_id", read_only=True)

    class Meta:
        model = AuditedDay
        fields = (
            "platform", "platform_id", "day", "marketplace_id", "state", "orders", "missing", "stale", "different",
            "only_here", "healed", "open", "report", "checked_at",
        )  # fmt: skip
        read_only_fields = fields


class CompletenessViewSet(ListView, GenericViewSet[AuditedDay]):
    """What audits found, by platform, day and marketplace, the newest day first; a day that was never audited has no
    row."""

    queryset = AuditedDay.objects.prefetch_related(PLATFORM)
    serializer_class = AuditedDaySerializer
    filterset_class = CompletenessFilter
    permission_classes = (MaySeeSyncs,)
    ordering = ("-day", "-id")


class AuditDaySerializer(serializers.Serializer[Any]):
    """See GET /completeness."""

    day = serializers.DateField()
    marketplace_id = serializers.CharField()
    state = serializers.ChoiceField(AuditedDay.State.choices)
    orders = serializers.IntegerField()
    missing = serializers.IntegerField()
    stale = serializers.IntegerField()
    different = serializers.IntegerField()
    only_here = serializers.IntegerField()
    healed = serializers.IntegerField()
    open = serializers.IntegerField()
    report = serializers.CharField()
    checked_at = serializers.DateTimeField()


class ListedAuditSerializer(JobSerializer):
    """One comparison of a platform's lists of orders with what is stored."""

    window = AuditWindowSerializer()
    compared = serializers.IntegerField()
    missing = serializers.IntegerField()
    stale = serializers.IntegerField()
    different = serializers.IntegerField()
    only_here = serializers.IntegerField()
    unread = serializers.IntegerField()
    healed = serializers.IntegerField()
    open = serializers.IntegerField()

    def to_representation(self, instance: OrderAudit) -> dict[str, Any]:
        return listed_audit_as_json(instance)


class AuditSerializer(ListedAuditSerializer):
    """One comparison of a platform's lists of orders with what is stored. `days` has those that no later audit has
    compared since; it is empty until the audit is closed."""

    days = AuditDaySerializer(many=True)

    def to_representation(self, instance: OrderAudit) -> dict[str, Any]:
        return audit_as_json(instance)


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    platform_name = PlatformNameFilter()
    status = ChoicesFilter(choices=OrderAudit.Status.choices, label="Audits in these states.")
    trigger = ChoicesFilter(choices=SyncLog.Trigger.choices, label="What started the audit.")
    ids = IdsFilter("pk", label="Ids of audits.")
    queued_after = TimeFilter("queued_at", "gte", of="Queued")
    queued_before = TimeFilter("queued_at", "lt", of="Queued")


class AuditRequestSerializer(serializers.Serializer[Any]):
    """Here or as parameters of the address."""

    platform_name = serializers.CharField(required=False, help_text="The platform.")
    days = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_DAYS, help_text="The last N days."
    )
    wait = serializers.BooleanField(
        required=False, help_text="Work on it here, and answer once it is done (200)."
    )


class AuditViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[OrderAudit]):
    """Audits of orders, the newest first, without their days."""

    queryset = OrderAudit.objects.select_related("requested_by").prefetch_related(PLATFORM).defer("parts")
    filterset_class = AuditFilter
    ordering = ("-id",)
    more_errors = MappingProxyType({"create": (404,)})
    scopes = MappingProxyType({"create": Scope.SYNC})
    parameters = MappingProxyType({"create": TAKEN})

    def get_permissions(self) -> list[BasePermission]:
        return [MaySync() if self.request.method == "POST" else MaySeeSyncs()]

    def get_serializer_class(self) -> type[ListedAuditSerializer]:
        return ListedAuditSerializer if self.action == "list" else AuditSerializer

    @extend_schema(
        operation_id="orders_audit",
        summary="Audit a platform's orders",
        parameters=[
            OpenApiParameter(
                "platform_name", str, description="The platform. It may stand in the body instead."
            ),
            OpenApiParameter(
                "days",
                {"type": "integer", "minimum": 1, "maximum": MOST_DAYS},
                description=f"The last N days, today included; {DEFAULT_DAYS} without it.",
            ),
            OpenApiParameter(
                "wait", bool, description="Answer once it is done (200) instead of at once (202)."
            ),
        ],
        request=AuditRequestSerializer,
        responses={200: AuditSerializer, 202: AuditSerializer},
    )
    def create(self, request: Request) -> Response:
        """Compare the orders that a platform lists with those that are stored, and fetch what is missing or old: 202
        while it is open, 200 once it is closed. Where an audit is open, that one goes on.

        Also with wait=true it is 202 where the platform has not made its lists yet; the workers go on with it then.
        """
        values = read_parameters(request, known=TAKEN, repeatable=())
        platform = audited_platform(
            request, values.get("platform_name"), "orders", lambda each: each.lists_orders
        )
        days = read_days(values.get("days", DEFAULT_DAYS), most=MOST_DAYS)
        user: Any = request.user  # not anonymous: MaySync
        audit, _is_new = request_audit(platform, days=days, trigger=SyncLog.Trigger.API, user=user)
        if values.get("wait", False):
            audit = run_here(audit.pk)
        elif audit.status == OrderAudit.Status.QUEUED:
            announce_audit(audit)
        code = status.HTTP_202_ACCEPTED if audit.is_open else status.HTTP_200_OK
        where = {"Location": address_of(request, "audit", audit.pk)}
        return Response(audit_as_json(audit), status=code, headers=where)


def audited_platform(
    request: Request, name: str | None, of: str, makes_lists: Callable[[Channel], bool]
) -> Platform:
    """The platform of this name, among those that the user may see. `of` is what is audited, in words. Raises
    ValidationError, and NotFound."""
    if name is None:
        raise ValidationError({"platform_name": "Say which platform is to be audited."})
    visible = within(Platform.objects.all(), visible_platforms(request), "pk")
    platform: Platform | None = visible.filter(name=name).first()
    if platform is None:
        raise NotFound(f"There is no platform {name[:64]!r}; GET /platforms lists them. Nothing was started.")
    channel = CHANNELS.get(platform.kind)
    if channel is None or not makes_lists(channel):
        raise ValidationError({"platform_name": f"{platform.name} makes no lists of {of} to compare with."})
    return platform
