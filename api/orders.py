"""REST: orders with their items, their totals, their buyers, and starting their sync."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from access.confinement import visible_platforms
from access.models import Scope
from api.base import Conflict, ModelPermissions
from api.bodies import not_one_line
from api.filters import LISTING
from api.lists import ListView, chosen_fields
from api.order_filters import OrderFilter, by_platform_alone
from api.order_rows import DETAIL, ROW, OrderDetailSerializer, OrderSerializer, Row, order_rows
from api.order_totals import (
    DESCRIBED,
    PARAMETERS,
    OrderTotalsSerializer,
    read_grouping,
    too_many_days,
    total_rows,
)
from api.syncs import COMMON, RESPONSES, SyncRequestSerializer, SyncView
from core.encryption import Unreadable
from integrations.as_json import as_text
from integrations.models import SyncLog
from integrations.window_input import read_window
from orders.buyer_reading import read_buyer
from orders.listing import of_platforms, with_values
from orders.models import Order
from orders.search import orders_named
from orders.totals import TooManyDays, totals
from platforms.models import Platform, Source

LONGEST_REASON = 200  # characters
NO_CONTROLS = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"  # as not_one_line has it
SOMETHING_IN_ONE_LINE = rf"^{NO_CONTROLS}*[^\s\u0000-\u001f\u007f-\u009f]{NO_CONTROLS}*$"
KEY = OpenApiParameter(
    "id",
    str,
    OpenApiParameter.PATH,
    description="The id of OMS, or the id that the platform gave the order. A number is taken for the id of OMS where "
    "there is an order of that id. Two platforms may give the same id: 409 then names the orders.",
)
OF_PLATFORM = OpenApiParameter(
    "platform_name",
    str,
    description="The address has the id that this platform gave the order, whatever it looks like.",
)
FIELDS = OpenApiParameter(
    "fields",
    {"type": "array", "items": {"type": "string"}},
    style="form",
    explode=False,
    description="The fields to answer, separated by commas; without it, all.",
)


class MayReadBuyers(ModelPermissions):
    """For orders and what is stored of their buyers."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and request.user.has_perm("orders.view_orderbuyer")


class BuyerSerializer(serializers.Serializer[Any]):
    """What the platform said of the buyer; what it did not say is left out. Addresses have the platform's own names."""

    name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    phone = serializers.CharField(required=False)
    company = serializers.CharField(required=False)
    purchase_order = serializers.CharField(required=False)
    address = serializers.DictField(required=False, help_text="Where the order is shipped to.")
    delivery = serializers.DictField(required=False, help_text="Wishes for the delivery.")
    tax = serializers.DictField(required=False, help_text="A registration for taxes.")
    lines = serializers.DictField(
        required=False, help_text="What is personal about an item, by its external_id."
    )


class OrderBuyerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="Of the order.")
    platform = serializers.CharField()
    external_id = serializers.CharField()
    purge_after = serializers.DateTimeField(help_text="When OMS deletes the buyer data.")
    buyer = BuyerSerializer()


class UnreadableBuyer(APIException):
    """500: what is stored cannot be decrypted."""

    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "unreadable"


class OrderViewSet(ListView, GenericViewSet[Order]):
    """Newest purchase first."""

    queryset = Order.objects.all()
    serializer_class = OrderSerializer
    filterset_class = OrderFilter
    ordering = ("-purchased_at", "-id")
    orderings = ("platform_updated_at", "synced_at", "ship_by")
    list_parameters = {"list": LISTING, "totals": PARAMETERS}
    more_errors = MappingProxyType({"retrieve": (409,), "buyer": (409,)})
    scopes = MappingProxyType({"buyer": Scope.BUYER_DATA})
    parameters = {
        "retrieve": ("platform_name", "fields"),
        "buyer": ("platform_name", "reason"),
    }

    def get_permissions(self) -> list[BasePermission]:
        return [MayReadBuyers() if "buyer" in self.action_map.values() else ModelPermissions()]

    def confine(self, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return of_platforms(rows, sorted(ids), is_alone=by_platform_alone(self.request.query_params))

    def list(self, request: Request) -> Response:
        self._chosen = chosen_fields(request, ROW) or ROW
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(page)

    def rows_of(self, ids: Sequence[int]) -> Sequence[Row]:
        """For the paginator."""
        return order_rows(ids, self._chosen)

    @extend_schema(
        parameters=[KEY, OF_PLATFORM, FIELDS],
        responses=OrderDetailSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """One order, with what the platform sent (without personal data)."""
        chosen = chosen_fields(request, DETAIL) or DETAIL
        rows = order_rows([find_order(self.request, pk)], chosen)
        if not rows:
            raise NotFound
        return Response(rows[0])

    @extend_schema(parameters=[*DESCRIBED], responses=OrderTotalsSerializer, filters=True)
    def totals(self, request: Request) -> Response:
        """How many orders there are, their units and amounts: exactly of the orders that the list has with the same
        filters, cancelled ones included. Without `source`, live orders alone, which are the only business."""
        orders: QuerySet[Order] = self.filter_queryset(self.get_queryset())
        group_by, zone = read_grouping(request.query_params)
        if "source" not in request.query_params:
            orders = with_values(orders, "source", [Source.LIVE])
        try:
            found = totals(orders, group_by, zone)
        except TooManyDays as error:
            raise too_many_days(error.days) from None
        rows = total_rows(found)
        shown = ["platform" if name == "platform_id" else name for name in group_by]
        body = {"day_of": "purchased_at", "time_zone": zone.key, "group_by": [*shown, "currency", "source"]}
        return Response(body | {"results": rows})

    @extend_schema(
        parameters=[
            KEY,
            OF_PLATFORM,
            OpenApiParameter(
                "reason",
                {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": LONGEST_REASON,
                    "pattern": SOMETHING_IN_ONE_LINE,
                },
                required=True,
                description=f"Why it is read, for the record: up to {LONGEST_REASON} characters, in one line.",
            ),
        ],
        responses=OrderBuyerSerializer,
    )
    def buyer(self, request: Request, pk: str) -> Response:
        """Name and address of the buyer, for users with the permission orders.view_orderbuyer. Who read it, when and
        why is recorded in the history of the order. No cache may keep the answer."""
        reason = _reason(request.query_params.get("reason"))
        order = Order.objects.defer("payload").get(pk=find_order(self.request, pk))
        buyer = read_buyer(order, reason=reason)
        if buyer is None:
            raise NotFound(
                "No buyer data is stored of this order: it was never sent, or it has been deleted in time."
            )
        if isinstance(buyer.data, Unreadable):
            raise UnreadableBuyer(f"The buyer data that is stored cannot be read: {buyer.data.reason}.")
        name = Platform.objects.values_list("name", flat=True).get(pk=order.platform_id)
        body = {
            "id": order.pk,
            "platform": name,
            "external_id": order.external_id,
            "purge_after": as_text(buyer.purge_after),
            "buyer": dict(buyer.data),
        }
        return Response(body, headers={"Cache-Control": "no-store"})


def find_order(request: Request, key: str) -> int:
    """The id of the order that an address names. Raises NotFound, or Conflict where several platforms gave this id."""
    name = request.query_params.get("platform_name")
    visible = visible_platforms(request)
    platform_id = None if name is None else _platform_id(name, visible)
    found = [] if "\0" in key else orders_named(key, platform_id, within=visible)
    if not found:
        raise NotFound(
            f"There is no order {key[:128]!r}. GET /orders?search=… finds orders by a part of an id."
        )
    if len(found) > 1:
        raise Conflict(_several(key, found), code="ambiguous")
    return found[0][0]


def _platform_id(name: str, visible: Collection[int] | None) -> int:
    """Raises ValidationError naming `platform_name`."""
    found = Platform.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None or (visible is not None and found not in visible):
        text = f"There is no platform {name[:64]!r}; GET /platforms lists them."
        raise ValidationError({"platform_name": text})
    return int(found)


def _several(key: str, found: Sequence[tuple[int, int]]) -> str:
    names = dict(
        Platform.objects.filter(pk__in=[platform for _pk, platform in found]).values_list("pk", "name")
    )
    orders = ", ".join(f"{pk} of {names.get(platform)}" for pk, platform in found)
    return (
        f"Several platforms gave an order the id {key[:128]!r}: {orders}. Ask for one of these ids of OMS, or add "
        "platform_name."
    )


def _reason(text: str | None) -> str:
    """Raises ValidationError naming `reason`."""
    reason = (text or "").strip()
    if not reason:
        raise ValidationError(
            {"reason": "Say why the buyer data is read; the reading is recorded with the reason."}
        )
    if len(reason) > LONGEST_REASON or not_one_line(text or ""):
        raise ValidationError({"reason": f"It takes up to {LONGEST_REASON} characters in one line."})
    return reason


WINDOW_PARAMETERS = ("since", "until", "days", "by")
WINDOW = (
    OpenApiParameter(
        "since",
        datetime,
        description="Start of the window, which is part of it, ISO 8601; a time without a zone is UTC.",
    ),
    OpenApiParameter(
        "until",
        datetime,
        description="End of the window, which is not part of it; needs since or days. Now, without it.",
    ),
    OpenApiParameter("days", int, description="Start that many days ago, instead of since."),
    OpenApiParameter("by", str, enum=SyncLog.WindowBy.values, description="Which time the window is about."),
)


class WindowSyncSerializer(SyncRequestSerializer):
    """Without since, until and days, a sync goes on where the last one ended."""

    since = serializers.DateTimeField(
        required=False,
        help_text="Start of the window, which is part of it, ISO 8601; without a zone it is UTC.",
    )
    until = serializers.DateTimeField(
        required=False,
        help_text="End of the window, which is not part of it; needs since or days. Now, without it.",
    )
    days = serializers.IntegerField(required=False, min_value=1, help_text="Start that many days ago.")
    by = serializers.ChoiceField(SyncLog.WindowBy.choices, required=False)


class OrderSyncView(SyncView):
    """Sync orders; without a window, from where the last one ended. Parameters may stand in a JSON body instead."""

    kind = SyncLog.Kind.ORDERS
    parameters = WINDOW_PARAMETERS

    def asked_for(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"window": read_window(**{name: values.get(name) for name in self.parameters})}

    @extend_schema(
        operation_id="orders_sync",
        parameters=[*COMMON, *WINDOW],
        request=WindowSyncSerializer,
        responses=RESPONSES,
    )
    def post(self, *args: Any, **kwargs: Any) -> Any:
        return super().post(*args, **kwargs)
