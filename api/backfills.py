"""REST: backfills of orders, and what one would take."""

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Any

import django_filters
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access.models import Scope
from api.base import Conflict, MaySync, address_of
from api.completeness import MaySeeSyncs, audited_platform
from api.filters import ChoicesFilter, IdsFilter, PlatformNameFilter, TimeFilter
from api.jobs import AuditCostSerializer, AuditWindowSerializer, JobSerializer
from api.lists import ListView
from api.syncs import read_parameters
from integrations.as_json import backfill_as_json, listed_backfill_as_json, plan_as_json
from integrations.completeness.history import backfills
from integrations.completeness.history.backfills import is_same_span, latest_end, request_backfill
from integrations.completeness.history.progress import plan_of
from integrations.completeness.history.queue import announce_backfill
from integrations.completeness.planner import Goal, LaneCode, Obstacle, Why
from integrations.models import Backfill, SyncLog
from integrations.window_input import read_span
from platforms.models import PLATFORM, Platform

TAKEN = ("platform_name", "since", "until", "dry_run")  # by POST /backfills
LANE_CHOICES = [(code.value, code.value) for code in LaneCode]
ACTIONS = frozenset({"pause", "resume", "cancel"})


class BackfillNoteSerializer(serializers.Serializer[Any]):
    """Trouble on the way, as long as it lasts."""

    code = serializers.CharField()
    message = serializers.CharField()


class BackfillListsSerializer(serializers.Serializer[Any]):
    """The platform's lists, of 30 days at most each: how many there are, and how many of them were asked for, made and
    stored."""

    all = serializers.IntegerField()
    asked = serializers.IntegerField()
    made = serializers.IntegerField()
    stored = serializers.IntegerField()


class BackfillOrdersSerializer(serializers.Serializer[Any]):
    """How many orders the stored lists have; and of the orders of the span, how many are here in full, and how many are
    known by report alone (null: not known yet)."""

    listed = serializers.IntegerField()
    full = serializers.IntegerField(allow_null=True)
    by_list = serializers.IntegerField(allow_null=True)


class BackfillProgressSerializer(serializers.Serializer[Any]):
    """How far it is, and when each phase is expected to end. An end is null where nobody knows it, where the phase is
    over, and while nobody works on it."""

    lists = BackfillListsSerializer()
    orders = BackfillOrdersSerializer()
    listing_ends = serializers.DateTimeField(allow_null=True)
    completing_ends = serializers.DateTimeField(allow_null=True)
    is_measured = serializers.BooleanField()


class ListedBackfillSerializer(JobSerializer):
    """One run that brings the orders of a span of time, without how far it is."""

    phase = serializers.ChoiceField(Backfill.Phase.choices)
    window = AuditWindowSerializer()
    listed = serializers.IntegerField()
    created = serializers.IntegerField()
    unread = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    lacking = serializers.IntegerField(allow_null=True)
    listed_at = serializers.DateTimeField(allow_null=True)
    notes = BackfillNoteSerializer(many=True)

    def to_representation(self, instance: Backfill) -> dict[str, Any]:
        return listed_backfill_as_json(instance)


class BackfillSerializer(ListedBackfillSerializer):
    """One run that brings the orders of a span of time: all as the platform's lists know them, then each in full."""

    progress = BackfillProgressSerializer()

    def to_representation(self, instance: Backfill) -> dict[str, Any]:
        return backfill_as_json(instance)


class PlanLaneSerializer(serializers.Serializer[Any]):
    """What one way to the orders would take."""

    lane = serializers.ChoiceField(LANE_CHOICES)
    calls = serializers.DictField(child=AuditCostSerializer())
    api_calls = serializers.IntegerField()
    quota_seconds = serializers.FloatField()
    seconds_until_listed = serializers.IntegerField(allow_null=True)
    seconds_until_complete = serializers.IntegerField(allow_null=True)
    obstacle = serializers.ChoiceField([each.value for each in Obstacle], allow_null=True)


class PlanEnrichmentSerializer(serializers.Serializer[Any]):
    """How full answers are fetched side by side."""

    pages = serializers.IntegerField()
    orders_by_pages = serializers.IntegerField()
    orders_by_id = serializers.IntegerField()
    seconds = serializers.IntegerField(allow_null=True)


class BackfillPlanSerializer(serializers.Serializer[Any]):
    """What a backfill would take. Seconds count from now; null: never, or not known."""

    goal = serializers.ChoiceField([goal.value for goal in Goal])
    span_seconds = serializers.IntegerField()
    orders = serializers.IntegerField(allow_null=True)
    known = serializers.IntegerField()
    full = serializers.IntegerField()
    is_listed = serializers.BooleanField()
    cheapest = serializers.ChoiceField(LANE_CHOICES, allow_null=True)
    why = serializers.ChoiceField([why.value for why in Why])
    reason = serializers.CharField()
    lanes = PlanLaneSerializer(many=True)
    enrichment = PlanEnrichmentSerializer(allow_null=True)


class BackfillFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    status = ChoicesFilter(choices=Backfill.Status.choices, label="Backfills in these states.")
    trigger = ChoicesFilter(choices=SyncLog.Trigger.choices, label="What started the backfill.")
    ids = IdsFilter("pk", label="Ids of backfills.")
    queued_after = TimeFilter("queued_at", "gte", of="Queued")
    queued_before = TimeFilter("queued_at", "lt", of="Queued")


class BackfillRequestSerializer(serializers.Serializer[Any]):
    """Here or as parameters of the address."""

    platform_name = serializers.CharField(required=False, help_text="The platform.")
    since = serializers.CharField(
        required=False, help_text="Orders placed from then on: a day or a time, such as 2024-11-26."
    )
    until = serializers.CharField(
        required=False, help_text="Orders placed before then; without it, until now."
    )
    dry_run = serializers.BooleanField(
        required=False, help_text="Only say what it would take (200). No call is made, and nothing changes."
    )


class BackfillViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[Backfill]):
    """Backfills of orders, the newest first, without how far they are."""

    queryset = (
        Backfill.objects.select_related("requested_by")
        .prefetch_related(PLATFORM)
        .defer("parts", "place", "measured", "unlisted")
    )
    filterset_class = BackfillFilter
    ordering = ("-id",)
    more_errors = MappingProxyType({"create": (404, 409)})
    scopes = MappingProxyType(dict.fromkeys(("create", *sorted(ACTIONS)), Scope.SYNC))
    parameters = MappingProxyType({"create": TAKEN})
    actions_without_body = tuple(sorted(ACTIONS))

    def get_permissions(self) -> list[BasePermission]:
        # By the route's actions: for a method that the route does not know, there is no action yet.
        is_action = bool(ACTIONS & set(self.action_map.values()))
        return [MaySync() if is_action or self.request.method == "POST" else MaySeeSyncs()]

    def get_serializer_class(self) -> type[ListedBackfillSerializer]:
        return ListedBackfillSerializer if self.action == "list" else BackfillSerializer

    @extend_schema(
        operation_id="orders_backfill",
        summary="Fetch the history of a platform's orders",
        parameters=[
            OpenApiParameter(
                "platform_name", str, description="The platform. It may stand in the body instead."
            ),
            OpenApiParameter("since", str, description="Orders placed from then on, such as 2024-11-26."),
            OpenApiParameter("until", str, description="Orders placed before then; without it, until now."),
            OpenApiParameter(
                "dry_run", bool, description="Only say what it would take (200); no call is made."
            ),
        ],
        request=BackfillRequestSerializer,
        responses={
            200: PolymorphicProxySerializer(
                component_name="BackfillOrPlan",
                serializers=[BackfillSerializer, BackfillPlanSerializer],
                resource_type_field_name=None,
            ),
            202: BackfillSerializer,
        },
    )
    def create(self, request: Request) -> Response:
        """Bring the orders that were placed in a span of time: all as the platform's lists know them, then each in
        full, with the quota that regular syncs leave: 202. Where one of the same span is open, that one is answered;
        where it is one of another span, 409.

        With dry_run=true the answer is the plan (200): calls, quota and time of each way.
        """
        values = read_parameters(request, known=TAKEN, repeatable=())
        platform = audited_platform(
            request, values.get("platform_name"), "orders", lambda each: each.lists_orders
        )
        since, until = read_span(
            since=values.get("since", ""), until=values.get("until"), latest=latest_end()
        )
        if values.get("dry_run", False):
            return Response(_plan(platform, since, until))
        user: Any = request.user  # not anonymous: MaySync
        backfill, _is_new = request_backfill(
            platform, since=since, until=until, trigger=SyncLog.Trigger.API, user=user
        )
        if not is_same_span(backfill, since, until):
            raise Conflict(
                f"Backfill {backfill.pk} of another span of time is open: cancel it, or wait until it has ended."
            )
        if backfill.status == Backfill.Status.QUEUED:
            announce_backfill(backfill)
        where = {"Location": address_of(request, "backfill", backfill.pk)}
        return Response(backfill_as_json(backfill), status=status.HTTP_202_ACCEPTED, headers=where)

    @extend_schema(request=None, responses={200: BackfillSerializer})
    def pause(self, request: Request, pk: int) -> Response:
        """Leave it as it is until it is resumed; 409 where there is nothing to pause."""
        return self._switch(pk, backfills.pause, "paused")

    @extend_schema(request=None, responses={200: BackfillSerializer})
    def resume(self, request: Request, pk: int) -> Response:
        """Go on with it; 409 where it is not paused."""
        return self._switch(pk, backfills.resume, "resumed")

    @extend_schema(request=None, responses={200: BackfillSerializer})
    def cancel(self, request: Request, pk: int) -> Response:
        """End it; what it fetched stays. 409 once it is closed."""
        return self._switch(pk, backfills.cancel, "cancelled")

    def _switch(self, pk: int, switch: Callable[[Backfill], bool], done: str) -> Response:
        rows = Backfill.objects.select_related("platform", "requested_by")
        backfill = get_object_or_404(self.confined(rows), pk=pk)
        if not switch(backfill):
            raise Conflict(f"Backfill {backfill.pk} is {backfill.status}; it cannot be {done}.")
        if backfill.status == Backfill.Status.QUEUED:
            announce_backfill(backfill)
        return Response(backfill_as_json(backfill))


def _plan(platform: Platform, since: datetime, until: datetime | None) -> dict[str, Any]:
    plan = plan_of(platform, since, until or latest_end())
    if plan is None:
        raise Conflict(f"{platform.name} has no credentials that name an account; nothing can be planned.")
    return plan_as_json(plan)
