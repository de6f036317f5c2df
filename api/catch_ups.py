"""REST: catch-ups of orders, which keep them known while syncs are behind."""

from types import MappingProxyType
from typing import Any

import django_filters
from rest_framework import mixins, serializers
from rest_framework.viewsets import GenericViewSet

from api.completeness import MaySeeSyncs
from api.filters import ChoicesFilter, IdsFilter, PlatformNameFilter, TimeFilter
from api.jobs import JobSerializer
from api.lists import ListView
from integrations.as_json import catch_up_as_json, listed_catch_up_as_json
from integrations.models import CatchUp
from platforms.models import PLATFORM


class CatchUpNoteSerializer(serializers.Serializer[Any]):
    """Trouble on the way, as long as it lasts."""

    code = serializers.CharField()
    message = serializers.CharField()


class KnownByReportSerializer(serializers.Serializer[Any]):
    """How many orders of the platform are known by report, now; GET /orders?completeness=report,outdated has them."""

    alone = serializers.IntegerField()
    outdated = serializers.IntegerField()
    to_ship = serializers.IntegerField()


class ListedCatchUpSerializer(JobSerializer):
    """One run that keeps a platform's orders known by its lists while regular syncs are behind."""

    since = serializers.DateTimeField()
    known_until = serializers.DateTimeField(allow_null=True)
    longest_unknown_seconds = serializers.IntegerField(allow_null=True)
    lists = serializers.IntegerField()
    listed = serializers.IntegerField()
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unread = serializers.IntegerField()
    completed = serializers.IntegerField()
    failed = serializers.IntegerField()
    lacking = serializers.IntegerField(allow_null=True)
    notes = CatchUpNoteSerializer(many=True)

    def to_representation(self, instance: CatchUp) -> dict[str, Any]:
        return listed_catch_up_as_json(instance)


class CatchUpSerializer(ListedCatchUpSerializer):
    """One run that keeps a platform's orders known by its lists while regular syncs are behind; and which orders are
    known by report alone."""

    known_by_report = KnownByReportSerializer()

    def to_representation(self, instance: CatchUp) -> dict[str, Any]:
        return catch_up_as_json(instance)


class CatchUpFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    status = ChoicesFilter(choices=CatchUp.Status.choices, label="Catch-ups in these states.")
    ids = IdsFilter("pk", label="Ids of catch-ups.")
    queued_after = TimeFilter("queued_at", "gte", of="Queued")
    queued_before = TimeFilter("queued_at", "lt", of="Queued")


class CatchUpViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[CatchUp]):
    """Catch-ups of orders, the newest first. They are opened by themselves, where syncs are too slow."""

    queryset = (
        CatchUp.objects.select_related("requested_by")
        .prefetch_related(PLATFORM)
        .defer("parts", "place", "measured", "unlisted")
    )
    filterset_class = CatchUpFilter
    permission_classes = (MaySeeSyncs,)
    ordering = ("-id",)
    more_errors = MappingProxyType[str, tuple[int, ...]]({})

    def get_serializer_class(self) -> type[ListedCatchUpSerializer]:
        return ListedCatchUpSerializer if self.action == "list" else CatchUpSerializer
