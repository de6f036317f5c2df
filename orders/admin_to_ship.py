"""What has to be shipped, as a filter of the list."""

from typing import Any

from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from oms.admin_base import DropdownFilter
from orders.to_ship import Due, due


class ToShipFilter(DropdownFilter):
    title = gettext_lazy("to ship")
    parameter_name = "to_ship"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(each.value, capfirst(each.label)) for each in Due]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted = self.value()
        return queryset.to_ship().filter(due()[Due(wanted)]) if wanted in Due.values else queryset
