"""Filters of the list of orders."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import BooleanFieldListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from backoffice.base.model_admin import DropdownFilter, PlatformFilter
from backoffice.base.offered import no_choice
from orders.listing import asked_to_cancel, few_by_id, of_platforms, with_values
from orders.shipping import Deadline, deadline_filters, due_within


class FrequentChoicesFilter(ChoicesDropdownFilter):  # type: ignore[misc]  # unfold has no annotations
    """One of the choices, or in a link (`status__in=pending,unshipped`) one of several."""

    suffixes = ("__exact", "__in")

    def expected_parameters(self) -> list[str]:
        return [f"{self.field_path}{suffix}" for suffix in self.suffixes]

    def value_problem(self, name: str, value: str) -> str:
        values = value.split(",") if name.endswith("__in") else [value]
        unknown = set(values) - {str(choice) for choice, _label in self.field.flatchoices}
        return no_choice(str(self.title), ",".join(sorted(unknown))) if unknown else ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted, name = self.value(), str(self.field.name)
        if several := self.used_parameters.get(f"{self.field_path}__in"):
            queryset = with_values(queryset, name, several[0])
        return with_values(queryset, name, [wanted]) if wanted in dict(self.field.choices) else queryset


class CancellationFilter(BooleanFieldListFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        result = super().queryset(request, queryset)
        if result is None or self.lookup_val != "1":
            return result
        return few_by_id(result, asked_to_cancel())


class OrderPlatformFilter(PlatformFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted, others = self.value(), set(request.GET) - {self.lookup_kwarg, "p"}
        if others and str(wanted or "").isdecimal():
            return of_platforms(queryset, [int(wanted)], is_alone=False)
        result: QuerySet[Any] = super().queryset(request, queryset)
        return result


class ToShipFilter(DropdownFilter):
    """By the day of the ship-by time, in the current time zone, or within ALERTS_DUE_HOURS. These lists begin with what
    is due first.

    `?to_ship=all` works as well as `any`.
    """

    title = _("to ship")
    parameter_name = "to_ship"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        if params.get(self.parameter_name) == ["all"]:
            params[self.parameter_name] = ["any"]
        super().__init__(request, params, model, model_admin)

    def value_problem(self, _name: str, value: str) -> str:
        return (
            "" if value == "all" or value in dict(self.lookup_choices) else no_choice(str(self.title), value)
        )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        hours = settings.ALERTS_DUE_HOURS
        return [
            ("any", _("all that is to be shipped")),
            ("soon", ngettext_lazy("within %(n)d hour", "within %(n)d hours", "n") % {"n": hours}),
            *Deadline.choices,
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted not in dict(self.lookup_choices):
            return queryset
        waiting: QuerySet[Any] = queryset.to_ship()  # type: ignore[attr-defined]  # an OrderQuerySet
        if wanted == "any":
            return waiting
        if wanted == "soon":
            return waiting.filter(due_within(timedelta(hours=settings.ALERTS_DUE_HOURS)))
        return waiting.filter(deadline_filters()[Deadline(wanted)])
