"""REST: totals of orders. The classes that the schema reads; `read_grouping` and `total_rows` do the work."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from core.dates import ForgivingZone
from core.money import amount_text
from orders.totals import ALWAYS, GROUPS, MOST_DAYS, Total
from platforms.models import Platform

PLATFORM_ID = "platform_id"
# The names of GROUPS in the API.
NAMES = {name: "platform" if name == PLATFORM_ID else name for name in GROUPS}
DEFAULT = ("day", "marketplace_id")
MOST_ROWS = 20_000
PARAMETERS = ("group_by", "time_zone")
DESCRIBED = (
    OpenApiParameter(
        "group_by",
        {"type": "array", "items": {"type": "string", "enum": [*NAMES.values(), *ALWAYS]}},
        style="form",
        explode=False,
        default=[*DEFAULT, *ALWAYS],
        description="What is told apart, separated by commas. Currency and source always are.",
    ),
    OpenApiParameter(
        "time_zone",
        str,
        default="UTC",
        description="Whose days they are: a name of the IANA database, such as Europe/Berlin.",
    ),
)


class OrderTotalSerializer(serializers.Serializer[Any]):
    """Amounts add up what is known, as strings in the row's currency; null where nothing is. Of the keys that are not
    asked for, there is none."""

    day = serializers.DateField(required=False, help_text="Of the purchase, in `time_zone`.")
    platform = serializers.CharField(required=False)
    platform_id = serializers.IntegerField(required=False)
    marketplace_id = serializers.CharField(required=False)
    status = serializers.CharField(required=False)
    fulfilled_by = serializers.CharField(required=False)
    currency = serializers.CharField(help_text='"" for orders whose currency is not known yet.')
    source = serializers.CharField()  # type: ignore[assignment]  # the name that the list has
    orders = serializers.IntegerField()
    units = serializers.IntegerField(allow_null=True, help_text="quantity_ordered of all items.")
    items_without_quantity = serializers.IntegerField()
    total = serializers.CharField(allow_null=True)
    orders_without_total = serializers.IntegerField()
    tax = serializers.CharField(allow_null=True)
    orders_without_tax = serializers.IntegerField()


class OrderTotalsSerializer(serializers.Serializer[Any]):
    day_of = serializers.CharField(help_text="`purchased_at`, which decides the day.")
    time_zone = serializers.CharField()
    group_by = serializers.ListField(child=serializers.CharField())
    results = OrderTotalSerializer(many=True)


def read_grouping(parameters: QueryDict) -> tuple[list[str], ForgivingZone]:
    """What `group_by` asks for, as names of GROUPS, and the time zone. Raises ValidationError naming what is odd."""
    text, zone = parameters.get("group_by"), parameters.get("time_zone", "UTC")
    asked = DEFAULT if text is None else tuple(text.split(","))
    problems, known = {}, (*NAMES.values(), *ALWAYS)
    if unknown := [name for name in asked if name not in known]:
        problems["group_by"] = f"{unknown[0][:64]!r} is not known. It takes some of: {', '.join(known)}."
    if zone not in _time_zones():
        problems["time_zone"] = "It takes a name of the IANA database, such as UTC or Europe/Berlin."
    if problems:
        raise ValidationError(problems)
    return [name for name, shown in NAMES.items() if shown in asked], ForgivingZone(zone)


def too_many_days(days: int) -> ValidationError:
    text = (
        f"These orders were purchased on {days:,} days, and totals by day take {MOST_DAYS}. Narrow them with "
        "purchased_after and purchased_before, or leave day out of group_by."
    )
    return ValidationError({"group_by": text})


def total_rows(found: Iterable[Total]) -> list[dict[str, Any]]:
    """The rows as JSON takes them. Raises ValidationError where they are too many for an answer."""
    found = list(found)
    if len(found) > MOST_ROWS:
        raise ValidationError(
            {"group_by": f"That makes {len(found):,} rows, and an answer takes {MOST_ROWS:,}."}
        )
    platforms = dict(Platform.objects.values_list("pk", "name"))
    return [_row(total, platforms) for total in found]


def _row(total: Total, platforms: dict[int, str]) -> dict[str, Any]:
    key: dict[str, Any] = {}
    for name, value in total.key.items():
        key |= (
            {"platform": platforms.get(value), PLATFORM_ID: value} if name == PLATFORM_ID else {name: value}
        )
    currency = total.key["currency"]
    return {
        **key,
        "orders": total.orders,
        "units": total.units,
        "items_without_quantity": total.without_quantity,
        "total": None if total.total is None else amount_text(total.total, currency),
        "orders_without_total": total.without_total,
        "tax": None if total.tax is None else amount_text(total.tax, currency),
        "orders_without_tax": total.without_tax,
    }


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
