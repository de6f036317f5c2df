"""REST: how many calls each platform made, hour by hour."""

import django_filters
from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from api.filters import KnownParameters, PlatformNameFilter, TextFilter, TimeFilter
from api.serializers import ApiUsageSerializer
from integrations.models import ApiUsage
from platforms.models import PLATFORM


class ApiUsageFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    operation = TextFilter(label="The operation's name, such as searchOrders; token for logins.")
    since = TimeFilter("hour", "gte", label="Hours that begin at this time or later.")
    until = TimeFilter("hour", "lt", label="Hours that begin before this time.")


class ApiUsageViewSet(KnownParameters, mixins.ListModelMixin, GenericViewSet[ApiUsage]):
    """Calls by platform, operation and hour (UTC), the newest first; hours without a call have no row."""

    queryset = ApiUsage.objects.prefetch_related(PLATFORM)
    serializer_class = ApiUsageSerializer
    filterset_class = ApiUsageFilter
    ordering = ("-hour", "-id")
