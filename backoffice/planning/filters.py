"""Filters of the planning: each number by steps, and what is not known on its own."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.confinement import visible_platforms, within
from backoffice.base.model_admin import DropdownFilter
from core.format import Text
from inventory.models import SkuTag

UNKNOWN, LESS, MORE = "unknown", "less-than-", "at-least-"


class NumberFilter(DropdownFilter):
    """By steps of one column: fewer than a step, or at least that many; a column that holds no 0 needs no step of 0."""

    column: str
    steps: Sequence[int]
    may_be_unknown = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        below = [(f"{LESS}{step}", _("fewer than %(n)d") % {"n": step}) for step in self.steps]
        above = [(f"{MORE}{step}", _("%(n)d or more") % {"n": step}) for step in self.steps]
        unknown = [(UNKNOWN, _("not known"))] if self.may_be_unknown else []
        return [*below, *above, *unknown]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = str(self.value() or "")
        if value == UNKNOWN:
            return queryset.filter(**{f"{self.column}__isnull": True})
        for beginning, lookup in ((LESS, "lt"), (MORE, "gte")):
            if value.startswith(beginning):
                return queryset.filter(**{f"{self.column}__{lookup}": int(value.removeprefix(beginning))})
        return queryset


def number_filter(
    name: str, label: Text, steps: Sequence[int], *, may_be_unknown: bool = True
) -> type[NumberFilter]:
    """The filter `?name=…` of the column of that name."""
    facts = {
        "title": label, "parameter_name": name, "column": name, "steps": steps, "may_be_unknown": may_be_unknown,
    }  # fmt: skip
    return type(f"{name.title().replace('_', '')}Filter", (NumberFilter,), facts)


class TagFilter(DropdownFilter):
    """The tags of the platforms that the reader may see."""

    title = gettext_lazy("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        tags = within(SkuTag.objects.order_by("name"), visible_platforms(request), "platform")
        return [(name, name) for name in tags.values_list("name", flat=True).distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(tag=self.value()) if self.value() else queryset


class StateFilter(DropdownFilter):
    """What somebody has to do something about."""

    title = gettext_lazy("to do")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("reorder", _("to reorder")),
            ("late", _("runs out before a delivery")),
            ("dead", _("dead stock")),
            ("unknown", _("proposal not known")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        conditions: dict[str, dict[str, Any]] = {
            "reorder": {"reorder__gt": 0}, "late": {"is_late": True}, "dead": {"is_dead": True},
            "unknown": {"reorder__isnull": True},
        }  # fmt: skip
        return queryset.filter(**conditions.get(str(self.value()), {}))
