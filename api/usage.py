"""REST: how many calls each platform made, hour by hour."""

import django_filters
from rest_framework.viewsets import GenericViewSet

from api.filters import PlatformNameFilter, TextsFilter, TimeFilter
from api.lists import ListView
from api.serializers import ApiUsageSerializer
from integrations.models import ApiUsage
from platforms.models import PLATFORM


class ApiUsageFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    operation = TextsFilter(commas=True, label="Names of operations, such as searchOrders; token for logins.")
    since = TimeFilter("hour", "gte", of="Hours that begin")
    until = TimeFilter("hour", "lt", of="Hours that begin")


class ApiUsageViewSet(ListView, GenericViewSet[ApiUsage]):
    """Calls by platform, operation and hour (UTC), the newest first; hours without a call have no row."""

    queryset = ApiUsage.objects.prefetch_related(PLATFORM)
    serializer_class = ApiUsageSerializer
    filterset_class = ApiUsageFilter
    ordering = ("-hour", "-id")
