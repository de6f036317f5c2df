"""Kinds of platforms in the admin: which there are, and which one somebody adds."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from backoffice.base.channels import kinds_in_use
from backoffice.base.model_admin import DropdownFilter
from integrations.registry import CHANNELS, channel_label


class KindFilter(DropdownFilter):
    """The kinds that platforms have; no filter where that is one."""

    title = gettext_lazy("kind")
    parameter_name = "kind__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        kinds = kinds_in_use(request)
        return [(kind, channel_label(kind)) for kind in kinds] if len(kinds) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


def asked_kind(request: HttpRequest) -> str:
    """The kind of the platform that is being added: the only one, or the one that was chosen; "" before that."""
    if len(CHANNELS) == 1:
        return next(iter(CHANNELS))
    kind = request.POST.get("kind") or request.GET.get("kind") or ""
    return kind if kind in CHANNELS else ""


def kinds_to_choose(request: HttpRequest) -> list[tuple[str, str]]:
    """Label and address of each kind's form; other parameters are kept."""
    kinds = []
    for kind, channel in CHANNELS.items():
        query = request.GET.copy()
        query["kind"] = kind
        kinds.append((channel.label, f"?{query.urlencode()}"))
    return kinds
