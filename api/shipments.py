"""REST: what was shipped of an order, what the platform knows of it, and shipping: one package, or a file of them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from access.models import Scope
from api.base import ApiViewMixin, Conflict, Invalid, ModelPermissions, address_of
from api.bodies import ExactBody, ManyLines
from api.filters import (
    LISTING,
    ChoicesFilter,
    FlagFilter,
    IdsFilter,
    PlatformNameFilter,
    TextsFilter,
    TimeFilter,
    refuse_odd_parameters,
)
from api.lists import ListView, chosen_fields, only
from api.orders import KEY, OF_PLATFORM, find_order
from api.pagination import CursorPagination
from api.preconditions import heeds_if_match
from api.privacy import visible_named
from core.spreadsheets import BadTable, Row, Table, read_table
from integrations.as_json import import_as_json, shipment_as_json
from integrations.errors import BadInput
from integrations.shipping.correcting import cancel_draft, correct_tracking, queue_draft, retry_shipment
from integrations.shipping.importing.columns import DATE_ORDERS, FIELDS, Columns, columns_of
from integrations.shipping.importing.run import MOST_AT_ONCE, RowVerdict, import_shipments
from integrations.shipping.making import make_shipment
from integrations.shipping.rules import CannotShip, Package, Refusal
from integrations.wording import bad_table_line
from orders.models import Order, Shipment
from platforms.locks import hold_platform
from platforms.models import Platform, Source

SHIP = "orders.ship_order"
NO_TIME = "It is not a time. Write it like 2026-01-31 or 2026-01-31T08:00:00Z."
LONGEST = 255


class MayShip(ModelPermissions):
    """Shipments for those who may see them, shipping for those who may do it."""

    perms_map = {**ModelPermissions.perms_map, "POST": [SHIP], "PATCH": [SHIP]}


class ShipmentLineSerializer(serializers.Serializer[Any]):
    """Units of a line of the order."""

    item_id = serializers.CharField()
    quantity = serializers.IntegerField()


class ShipmentSerializer(serializers.ModelSerializer[Shipment]):
    """One package, and how far the platform knows of it. Only `confirmed` is proven: the platform shows it."""

    platform = serializers.CharField(source="platform.name", read_only=True)
    platform_id = serializers.IntegerField(read_only=True)
    order_id = serializers.IntegerField(read_only=True)
    external_id = serializers.CharField(source="order.external_id", read_only=True)
    lines = ShipmentLineSerializer(many=True, read_only=True)

    class Meta:
        model = Shipment
        fields = (
            "id", "platform", "platform_id", "order_id", "external_id", "package_number", "state", "is_rehearsal",
            "source", "carrier", "carrier_name", "service", "tracking_number", "shipped_at", "lines", "tries",
            "error_code", "error_message", "request_id", "made_by", "made_at", "queued_at", "attempted_at", "sent_at",
            "confirmed_at", "rejected_at", "unverified_at", "cancelled_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Shipment) -> dict[str, Any]:
        return shipment_as_json(instance)


class OrderShipmentsSerializer(serializers.Serializer[Any]):
    """Shipments of an order: a page of a list."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ShipmentSerializer(many=True)
    count = serializers.IntegerField(required=False)
    count_is_exact = serializers.BooleanField(required=False)


class NewLineSerializer(ExactBody, serializers.Serializer[Any]):
    """Units of a line of the order, by the id that the platform gave the line."""

    item_id = serializers.CharField(max_length=128)
    quantity = serializers.IntegerField(min_value=1, max_value=999_999_999)


class PackageSerializer(ExactBody, serializers.Serializer[Any]):
    """A package that is handed to a carrier."""

    carrier = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST,
        help_text="A code or name that the platform knows, or Other.",
    )
    carrier_name = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST, help_text="The carrier's name, with Other."
    )
    service = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST,
        help_text="The carrier's service, as people call it.",
    )
    tracking_number = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    shipped_at = serializers.DateTimeField(
        required=False, error_messages={"invalid": NO_TIME, "overflow": NO_TIME}, help_text="Without it: now."
    )


class NewShipmentSerializer(PackageSerializer):
    """A package of an order. Without `lines`, all that is left to ship is in it."""

    lines = NewLineSerializer(many=True, required=False, help_text="Without it: all that is left.")
    draft = serializers.BooleanField(required=False, help_text="Hold the units, and send nothing yet.")
    despite_cancellation = serializers.BooleanField(
        required=False, help_text="Ship although the buyer asks to cancel."
    )
    despite_packages = serializers.BooleanField(
        required=False,
        help_text="Labels of others that hold units of the order are not used: ship all the same.",
    )
    another = serializers.BooleanField(
        required=False, help_text="A second package with the same tracking number and lines is meant."
    )

    def validate_lines(self, lines: list[dict[str, Any]]) -> dict[str, int]:
        units = {line["item_id"]: line["quantity"] for line in lines}
        if len(units) < len(lines):
            raise serializers.ValidationError("A line stands in it twice.")
        return units


class CorrectionSerializer(PackageSerializer):
    """What the package says otherwise; what is left out stays."""


class ShipmentFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    state = ChoicesFilter(choices=Shipment.State.choices, label="Shipments in these states.")
    source = ChoicesFilter(choices=Source.choices, label="Where the order came from.")
    external_id = TextsFilter("order__external_id", commas=True, label="Ids that platforms gave orders.")
    tracking_number = TextsFilter(commas=True, label="Tracking numbers, exactly.")
    carrier = TextsFilter(commas=True, label="Codes of carriers.")
    is_rehearsal = FlagFilter("is_rehearsal", label="Rehearsals, which are never sent; or the others.")
    ids = IdsFilter("pk", label="Ids of shipments.")
    made_after = TimeFilter("made_at", "gte", of="Made")
    made_before = TimeFilter("made_at", "lt", of="Made")


class ShipmentViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[Shipment]):
    """Shipments, the newest first."""

    queryset = (
        Shipment.objects.select_related("order", "platform")
        .defer("order__payload", "platform__api_config")
        .prefetch_related("lines")
    )
    serializer_class = ShipmentSerializer
    filterset_class = ShipmentFilter
    permission_classes = (MayShip,)
    ordering = ("-id",)
    actions_without_body = ("cancel", "send", "retry")
    more_errors = MappingProxyType(dict.fromkeys(("partial_update", "send", "retry", "cancel"), (404, 409)))
    scopes = MappingProxyType(dict.fromkeys(("partial_update", "send", "retry", "cancel"), Scope.SHIP))

    def hold_before(self, pk: int) -> None:
        """Like whoever makes, corrects or proves shipments: the platform first."""
        for platform_id in Shipment.objects.filter(pk=pk).values_list("platform_id", flat=True):
            hold_platform(platform_id)

    @extend_schema(request=CorrectionSerializer, responses=ShipmentSerializer)
    @heeds_if_match
    def partial_update(self, request: Request, pk: int) -> Response:
        """Correct carrier, service, tracking number or ship time. It is sent again under the number of its package,
        which for the platform is an edit. A draft is changed, and not sent."""
        shipment = self.get_object()
        read = CorrectionSerializer(data=request.data, context=self.get_serializer_context())
        read.is_valid(raise_exception=True)
        kept = {name: getattr(shipment, name) for name in PackageSerializer().fields}
        with_new = Package(**kept | read.validated_data)
        return self._answer(lambda: correct_tracking(shipment, with_new))

    @extend_schema(request=None, responses=ShipmentSerializer)
    def send(self, request: Request, pk: int) -> Response:
        """Send a draft as it is."""
        shipment = self.get_object()
        package = Package(
            **{name: getattr(shipment, name) for name in PackageSerializer().fields},
            ships_despite_cancellation=shipment.despite_cancellation,
        )
        return self._answer(lambda: queue_draft(shipment, package))

    @extend_schema(request=None, responses=ShipmentSerializer)
    def retry(self, request: Request, pk: int) -> Response:
        """Send a rejected or unverified shipment once more, as it is, under its number."""
        shipment = self.get_object()
        return self._answer(lambda: retry_shipment(shipment))

    @extend_schema(request=None, responses=ShipmentSerializer)
    def cancel(self, request: Request, pk: int) -> Response:
        """Give it up: a draft, or what the platform was never told of, or refused. Its units are left again.

        What the platform may know of: 409 `under_way`."""
        shipment = self.get_object()
        return self._answer(lambda: cancel_draft(shipment))

    def _answer(self, change: Any) -> Response:
        changed = refusing(change)
        return Response(self.get_serializer(self.get_queryset().get(pk=changed.pk)).data)


class FirstOneFirst(APIView):
    """In what order shipments of an order come."""

    ordering = ("id",)


LIST_PARAMETERS = [
    OpenApiParameter(
        each["name"], each["schema"], description=each["description"], explode=each.get("explode")
    )
    for each in CursorPagination().get_schema_operation_parameters(FirstOneFirst())
]


class OrderShipmentsView(ApiViewMixin, FirstOneFirst):
    """What was shipped of an order by us."""

    queryset = Shipment.objects.all()
    permission_classes = (MayShip,)
    more_errors = MappingProxyType({"GET": (404, 409), "POST": (404,)})
    scopes = MappingProxyType({"POST": Scope.SHIP})

    def refuse_parameters(self, request: Request) -> None:
        known = ("platform_name", *LISTING) if request.method in SAFE_METHODS else ("platform_name",)
        refuse_odd_parameters(request.query_params, known=known)

    @extend_schema(
        operation_id="order_shipments_list",
        parameters=[KEY, OF_PLATFORM, *LIST_PARAMETERS],
        responses=OrderShipmentsSerializer,
    )
    def get(self, request: Request, pk: str) -> Response:
        """The shipments of an order, the first one first."""
        chosen = chosen_fields(request, list(ShipmentSerializer().fields))
        pages = CursorPagination()
        page = pages.paginate_queryset(self._shipments(find_order(request, pk)), request, self)
        return pages.get_paginated_response(only([shipment_as_json(each) for each in page], chosen))

    def rows_of(self, ids: Sequence[int]) -> list[Shipment]:
        found = ShipmentViewSet.queryset.in_bulk(list(ids))
        return [found[pk] for pk in ids if pk in found]

    @extend_schema(
        operation_id="order_shipments_create",
        parameters=[KEY, OF_PLATFORM],
        request=NewShipmentSerializer,
        responses={201: ShipmentSerializer},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Ship a package of an order: queued, and told to the platform by a worker within moments. Whether the
        platform knows it shows in `state`. A package that is known already: 409 `made_already`, and nothing is done."""
        order = Order.objects.get(pk=find_order(request, pk))
        read = NewShipmentSerializer(data=request.data)
        read.is_valid(raise_exception=True)
        values = dict(read.validated_data)
        package = Package(
            lines=values.pop("lines", None),
            ships_despite_cancellation=values.pop("despite_cancellation", False),
            ships_despite_packages=values.pop("despite_packages", False),
            is_another=values.pop("another", False),
            **{name: value for name, value in values.items() if name != "draft"},
        )
        is_draft, who = values.get("draft", False), request.user.get_username()
        made = refusing(lambda: make_shipment(order, package, who=who, is_draft=is_draft))
        (stored,) = self._shipments(order.pk).filter(pk=made.pk)
        where = {"Location": address_of(request, "shipment", made.pk)}
        return Response(shipment_as_json(stored), status=status.HTTP_201_CREATED, headers=where)

    def _shipments(self, order_id: int) -> QuerySet[Shipment]:
        return ShipmentViewSet.queryset.filter(order=order_id).order_by("pk")


def refusing(change: Any) -> Any:
    """What the service returns. Raises what its refusal is as an answer: Invalid where an input is wrong, Conflict
    otherwise."""
    try:
        return change()
    except CannotShip as refusal:
        text = f"{refusal} Nothing was sent."
        if refusal.field and refusal.code != Refusal.CANCELLATION_ASKED:
            raise Invalid(text, {refusal.field: str(refusal)}) from None
        raise Conflict(text, code=str(refusal.code)) from None


class ImportRowSerializer(ExactBody, serializers.Serializer[Any]):
    """A row. Without `sku` and `item_id`, all that is left of the order is in the package."""

    order_id = serializers.CharField(max_length=LONGEST, help_text="The id that the platform gave the order.")
    tracking_number = serializers.CharField(max_length=LONGEST)
    carrier = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    carrier_name = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    service = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    shipped_at = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="A time or a day, like 2026-01-31 14:05."
    )
    sku = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    item_id = serializers.CharField(required=False, allow_blank=True, max_length=128)
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=999_999_999)


class ImportSerializer(ExactBody, serializers.Serializer[Any]):
    """`rows`, or `csv`: a file as a carrier writes it, in whose first line the columns are named."""

    platform_name = serializers.CharField(help_text="The platform.")
    rows = ImportRowSerializer(many=True, required=False)
    csv = ManyLines(required=False, help_text="The text of the file, as it is.")
    columns = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="With `csv`: the headings of fields of a row, where they do not tell by themselves.",
    )
    carrier = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST, help_text="Of rows that do not name one."
    )
    carrier_name = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    service = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST)
    zone = serializers.CharField(
        required=False, max_length=64, help_text="Of times that do not say theirs, like Europe/Berlin."
    )
    date_order = serializers.ChoiceField(
        [each for each in DATE_ORDERS if each], required=False, help_text="How to read 03/04/2026."
    )
    dry_run = serializers.BooleanField(required=False, help_text="Judge each row, and do nothing.")

    def validate_platform_name(self, name: str) -> Platform:
        return visible_named(name, self.context["request"])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("rows" in attrs) == ("csv" in attrs):
            raise serializers.ValidationError("Send `rows` or `csv`. Nothing was done.")
        if "columns" in attrs and "csv" not in attrs:
            raise serializers.ValidationError({"columns": "It goes with `csv`."})
        return attrs


class ImportedRowSerializer(serializers.Serializer[Any]):
    """What became of a row."""

    row = serializers.IntegerField(help_text="The line of the file; of `rows`, its place from 1.")
    external_id = serializers.CharField()
    tracking_number = serializers.CharField()
    verdict = serializers.ChoiceField(RowVerdict.choices)
    code = serializers.CharField()
    message = serializers.CharField()
    shipment_id = serializers.IntegerField(allow_null=True)


class ImportedSerializer(serializers.Serializer[Any]):
    """What became of all rows. Each package is judged by itself: one that is refused keeps no other back."""

    platform = serializers.CharField()
    platform_id = serializers.IntegerField()
    is_preview = serializers.BooleanField()
    shipments = serializers.IntegerField()
    good = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = serializers.IntegerField()
    rows = ImportedRowSerializer(many=True)


class ImportsShipments(MayShip):
    """Who sends a file ships."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.has_perm(SHIP))


class ShipmentImportView(ApiViewMixin, APIView):
    """Ship what a file says."""

    scopes = MappingProxyType({"POST": Scope.SHIP})

    def get_permissions(self) -> list[BasePermission]:
        return [ImportsShipments()]

    def refuse_parameters(self, request: Request) -> None:
        refuse_odd_parameters(request.query_params, known=())

    @extend_schema(operation_id="shipments_import", request=ImportSerializer, responses=ImportedSerializer)
    def post(self, request: Request) -> Response:
        """Ship what the rows say. Rows of one order with one tracking number are one package. Sending the same rows
        again is harmless: they are `known` then. With dry_run, the verdicts alone."""
        read = ImportSerializer(data=request.data, context={"request": request})
        read.is_valid(raise_exception=True)
        values, platform = read.validated_data, read.validated_data["platform_name"]
        table, columns = _table(values, platform)
        who, is_preview = request.user.get_username(), values.get("dry_run", False)
        try:
            result = import_shipments(platform, table, columns, who=who, is_preview=is_preview)
        except BadInput as error:
            raise Invalid(f"{error} Nothing was done.", {error.field: str(error)}) from None
        return Response(import_as_json(platform, result))


def _table(values: Mapping[str, Any], platform: Platform) -> tuple[Table, Columns]:
    """Raises Invalid."""
    rest = {
        name: values[name]
        for name in ("carrier", "carrier_name", "service", "zone", "date_order")
        if name in values
    }
    if "rows" in values:
        if len(values["rows"]) > MOST_AT_ONCE:
            raise Invalid(
                f"rows takes {MOST_AT_ONCE} at most. Nothing was done.", {"rows": "These are too many."}
            )
        names = tuple(FIELDS)
        rows = [
            Row(number, tuple(str(row.get(name, "")) for name in names))
            for number, row in enumerate(values["rows"], start=1)
        ]
        return Table(names, tuple(rows)), Columns(headings={name: name for name in names}, **rest)
    try:
        table = read_table(values["csv"].encode(), most_rows=MOST_AT_ONCE)
    except BadTable as error:
        raise Invalid(
            f"csv: {bad_table_line(error)} Nothing was done.", {"csv": bad_table_line(error)}
        ) from None
    said = values.get("columns", {})
    known = columns_of(platform, table)
    headings = {name: heading for name, heading in known.headings.items() if heading not in said.values()}
    kept = {
        name: getattr(known, name) for name in ("carrier", "carrier_name", "service", "zone", "date_order")
    }
    return table, Columns(headings=headings | said, **kept | rest)
