"""Filters of the list of orders."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import BooleanFieldListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from access.confinement import visible_platforms
from backoffice.base.channels import channels_in_use
from backoffice.base.model_admin import ChoicesFilter, DropdownFilter, PlatformFilter
from backoffice.base.offered import no_choice
from backoffice.lists.tabs import ALL, Tab
from integrations.shipping.desk import packed_orders
from orders.listing import any_by_report, asked_to_cancel, few_by_id, of_platforms, with_values
from orders.risk import Risk, leaving, risk_filter
from orders.shipping import Deadline, deadline_filters, due_within
from orders.teamwork import known_tags, waiting_for, with_tag

NOT_KNOWN = "none"
MOST_PACKED = 4000
OPEN_ORDERS = "pending,unshipped,partially_shipped"
ORDER_TABS = (
    ALL,
    Tab(name="for_me", label=_("For me"), query={"for_me": "1"}),
    Tab(name="to_ship", label=_("To ship"), query={"to_ship": "any"}),
    Tab(name="overdue", label=_("Overdue"), query={"to_ship": "overdue"}, is_alarming=True),
    Tab(name="today", label=_("Ship today"), query={"to_ship": "today"}),
    Tab(name="packed", label=_("Packed"), query={"packed": "waiting"}),
    Tab(
        name="cancel", label=_("Cancel requests"), is_alarming=True,
        query={"buyer_requested_cancellation__exact": "1", "status__in": OPEN_ORDERS},
    ),
)  # fmt: skip
BY_REPORT = Tab(
    name="by_report", label=_("Known by report alone"), query={"completeness__in": "outdated,report"}
)


def order_tabs(request: HttpRequest) -> list[Tab]:
    """With a tab of what the platforms have to ship themselves, by the name that their sellers know, such as FBA;
    without it where none of the reader's platforms does that. And with one of orders that are known by report alone,
    while there are any."""
    of_channels = [channel.fulfilment for channel in channels_in_use(request)]
    names = {str(each["platform"]) for each in of_channels if "platform" in each}
    query = {"fulfilled_by__exact": "platform", "status__in": "unshipped,partially_shipped"}
    label = gettext("Unshipped %(name)s") % {"name": " / ".join(sorted(names))}
    found = [*ORDER_TABS, *([Tab(name="unshipped_by_platform", label=label, query=query)] if names else [])]
    return [*found, BY_REPORT] if any_by_report(visible_platforms(request)) else found


class FrequentChoicesFilter(ChoicesFilter):
    """Of values that most orders may have."""

    def with_values(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return with_values(queryset, str(self.field.name), values)


class OrderStatusFilter(FrequentChoicesFilter):
    takes_several = True


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


class RiskFilter(DropdownFilter):
    """By whether an order that is to be shipped will be late, as the carriers' collections are known."""

    title = _("risk")
    parameter_name = "risk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return Risk.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted not in Risk.values:
            return queryset
        waiting: QuerySet[Any] = queryset.to_ship()  # type: ignore[attr-defined]  # an OrderQuerySet
        return waiting.filter(risk_filter(Risk(str(wanted)), leaving(None, timezone.now())))


class PackedFilter(DropdownFilter):
    """Orders that are packed and wait for their tracking number."""

    title = _("packed")
    parameter_name = "packed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("waiting", _("packed, and not shipped"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "waiting":
            return queryset
        packed = packed_orders(visible_platforms(request)).values_list("pk", flat=True)
        return queryset.filter(pk__in=list(packed[:MOST_PACKED]))


class ForMeFilter(DropdownFilter):
    """Orders that the reader takes care of, and those in a note of which he is named and has not opened since."""

    title = _("for me")
    parameter_name = "for_me"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("1", _("assigned to me, or mentions me"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "1":
            return queryset
        return queryset.filter(pk__in=waiting_for(request.user))  # type: ignore[arg-type]  # nobody is anonymous here


class CodeFilter(DropdownFilter):
    """By a code, such as a currency, or `none` for orders where it is not known. The report of sales links to it; the
    panel shows it only where the address asks for it: no index finds a rare code without a period."""

    length = 0  # letters of a code

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        if not (wanted := self.value()):
            return []
        return [(wanted, _("not known") if wanted == NOT_KNOWN else wanted)]

    def value_problem(self, _name: str, value: str) -> str:
        is_code = value.isascii() and value.isalpha() and value.isupper() and len(value) == self.length
        return "" if is_code or value == NOT_KNOWN else no_choice(str(self.title), value)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (wanted := self.value()):
            return queryset
        name = str(self.parameter_name)
        unknown = Q(**{f"{name}__isnull": True}) | Q(**{name: ""})
        return queryset.filter(unknown if wanted == NOT_KNOWN else Q(**{name: wanted}))


class CurrencyFilter(CodeFilter):
    title, parameter_name, length = _("currency"), "currency", 3


class ShipToFilter(CodeFilter):
    title, parameter_name, length = _("ship-to country"), "ship_to_country", 2


class TagFilter(DropdownFilter):
    """Offers the tags of the orders that the reader may see; an address may ask for one more than are offered."""

    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        visible, wanted = visible_platforms(request), self.value()
        names = known_tags(visible)
        if wanted and wanted not in names and with_tag(wanted, visible, most=1):
            names.append(wanted)
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (wanted := self.value()):
            return queryset
        return queryset.filter(pk__in=with_tag(wanted, visible_platforms(request)))
