"""Marketplaces by country, in lists of orders and of stock."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from integrations.amazon.marketplaces import MARKETPLACES
from oms.admin_base import DropdownFilter
from oms.admin_values import DASH


class MarketplaceFilter(DropdownFilter):
    title = gettext_lazy("marketplace")
    parameter_name = "marketplace"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        known = sorted(MARKETPLACES.values(), key=lambda each: each.country)
        return [(each.id, f"{each.country} ({each.code})") for each in known]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(marketplace_id=self.value()) if self.value() else queryset


def country_code(marketplace_id: str) -> SafeString:
    """`DE`, with country and id in a tooltip; an id that nobody knows is shown as it is."""
    known = MARKETPLACES.get(marketplace_id)
    if known is None:
        return format_html("{}", marketplace_id or DASH)
    return format_html('<span title="{} ({})">{}</span>', known.country, known.id, known.code)


def country_name(marketplace_id: str) -> str:
    known = MARKETPLACES.get(marketplace_id)
    return f"{known.country} ({known.id})" if known else marketplace_id or DASH
