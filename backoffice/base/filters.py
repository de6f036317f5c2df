"""Filters that the lists of orders and of stock share: marketplaces by name, and open failures."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from backoffice.base.channels import channels_in_use
from backoffice.base.model_admin import DropdownFilter
from integrations.models import SyncFailure, SyncLog

MOST_FAILURES = 2000


class MarketplaceFilter(DropdownFilter):
    title = gettext_lazy("marketplace")
    parameter_name = "marketplace"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """The marketplaces of the channels that platforms have; no filter where these have none."""
        sites = [site for channel in channels_in_use(request) for site in channel.sites.values()]
        return [
            (site.id, f"{site.name} ({site.code})") for site in sorted(sites, key=lambda site: str(site.name))
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(marketplace_id=self.value()) if self.value() else queryset


class HasFailuresFilter(DropdownFilter):
    """Orders with an open failure: a newer copy could not be stored, and nobody has replayed or dismissed it."""

    title = gettext_lazy("failures")
    parameter_name = "failures"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("open", gettext_lazy("a newer copy could not be stored"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(with_open_failures()) if self.value() == "open" else queryset


def with_open_failures() -> Q:
    """Orders with open failures, by the newest of these; platform and id together are what an index answers."""
    failures = SyncFailure.objects.open().filter(kind=SyncLog.Kind.ORDERS).exclude(external_id="")
    ids: dict[int, list[str]] = {}
    for platform_id, external_id in failures.values_list("platform_id", "external_id")[:MOST_FAILURES]:
        ids.setdefault(platform_id, []).append(external_id)
    alternatives = (Q(platform=platform, external_id__in=names) for platform, names in ids.items())
    return reduce(or_, alternatives, Q(pk__in=[]))
