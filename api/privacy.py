"""REST: erasing buyer data on request, the receipts of that, and legal holds."""

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from access.confinement import visible_platforms
from access.models import Scope
from api.base import Conflict, ModelPermissions, address_of
from api.bodies import ExactBody
from api.filters import ChoicesFilter, FlagFilter, PlatformNameFilter, TimeFilter
from api.lists import ListView
from api.preconditions import heeds_if_match
from integrations.as_json import erasure_as_json
from orders.background_erasing import ask_to_erase_platform
from orders.erasing import OnHold, erase_of_email, erase_of_order, erasures_within
from orders.models import Erasure, LegalHold, Order
from platforms.models import Platform

ERASE = "orders.delete_orderbuyer"
FIRST_YEAR, LAST_YEAR = 1900, 9998  # not every time zone and database has the others
LONGEST_EMAIL = 320
_CHARACTER = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"  # of one line
AN_ADDRESS = f"^{_CHARACTER}*@{_CHARACTER}*$"
A_YEAR = "^(?!9999)(19|[2-9][0-9])"
NO_TIME = "It is not a time. Write it like 2026-01-31 or 2026-01-31T08:00:00Z."
HOW_MANY = (
    "Name one of `order`, `email` and `platform`; `platform` may stand beside `order`. Nothing was erased."
)


@extend_schema_field({"type": "string", "maxLength": LONGEST_EMAIL, "pattern": AN_ADDRESS})
class AddressField(serializers.CharField):
    """Not an EmailField: platforms send addresses that it does not take, such as those with other letters than
    ASCII."""


class MayErase(ModelPermissions):
    """Receipts for those who may see them, erasing for those who may do it."""

    perms_map = {**ModelPermissions.perms_map, "POST": [ERASE]}


def visible_named(name: str, request: Request) -> Platform:
    """The platform of this name. Raises ValidationError where the caller may not see one."""
    platform = Platform.objects.filter(name=name).defer("api_config").first()
    visible = visible_platforms(request)
    if platform is None or (visible is not None and platform.pk not in visible):
        raise serializers.ValidationError(f"There is no platform {name[:64]!r}; GET /platforms lists them.")
    return platform


def order_named(external_id: str, platform: Platform | None, request: Request) -> Order:
    """The order to which a platform gave this id. Raises ValidationError where there is none, or are several."""
    orders = Order.objects.filter(external_id=external_id).select_related("platform")
    visible = visible_platforms(request)
    if visible is not None:
        orders = orders.filter(platform__in=visible)
    if platform is not None:
        orders = orders.filter(platform=platform)
    found = list(orders.defer("payload", "platform__api_config")[:2])
    if not found:
        raise serializers.ValidationError({"order": f"There is no order {external_id[:128]!r}."})
    if len(found) > 1:
        text = f"Several platforms gave an order the id {external_id[:128]!r}. Say which with `platform`."
        raise serializers.ValidationError({"order": text})
    return found[0]


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    """The receipt of an erasure. It names neither the address that was searched for nor the orders that were found."""

    receipt = serializers.CharField(source="number", read_only=True)
    by = serializers.ChoiceField(source="scope", choices=Erasure.Scope.choices, read_only=True)
    platforms = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        allow_null=True,
        help_text="Those that were searched; null: all.",
    )

    class Meta:
        model = Erasure
        fields = (
            "id", "receipt", "by", "about", "platforms", "orders", "held", "not_searched", "reason", "made_by",
            "started_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Erasure) -> dict[str, Any]:
        return erasure_as_json(instance)


class ErasureRequestSerializer(ExactBody, serializers.Serializer[Any]):
    """What to erase, and why."""

    order = serializers.CharField(
        required=False, max_length=128, help_text="Of one order, by the id that its platform gave it."
    )
    email = AddressField(
        required=False,
        max_length=LONGEST_EMAIL,
        help_text="Of all orders with this e-mail address, in whatever letters. It is kept nowhere.",
    )
    platform = serializers.CharField(
        required=False, help_text="The name of a platform: of all its orders, or where the order is."
    )
    reason = serializers.CharField(
        max_length=500, help_text="Why, for the audit and the receipt, without names or addresses of buyers."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = {"order", "email", "platform"} & set(attrs)
        if len(named) != 1 and named != {"order", "platform"}:
            raise serializers.ValidationError(HOW_MANY)
        return attrs

    def validate_email(self, address: str) -> str:
        if "@" not in address:
            raise serializers.ValidationError("This is no e-mail address. Nothing was erased.")
        return address

    def validate_platform(self, name: str) -> Platform:
        return visible_named(name, self.context["request"])


class ErasureFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    receipt = django_filters.CharFilter(field_name="number", label="The receipt with this number.")
    by = ChoicesFilter("scope", choices=Erasure.Scope.choices, label="What was named.")
    started_after = TimeFilter("started_at", "gte", of="Begun")
    started_before = TimeFilter("started_at", "lt", of="Begun")


class ErasureViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[Erasure]):
    """Receipts of erasures, the newest first."""

    serializer_class = ErasureSerializer
    queryset = Erasure.objects.all()
    filterset_class = ErasureFilter
    ordering = ("-id",)
    scopes = MappingProxyType({"create": Scope.BUYER_DATA})
    permission_classes = (MayErase,)

    def confine(self, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return rows.filter(pk__in=erasures_within(ids))

    @extend_schema(
        request=ErasureRequestSerializer, responses={201: ErasureSerializer, 202: ErasureSerializer}
    )
    def create(self, request: Request) -> Response:
        """Erase what is stored of the buyer of an order, of all orders with an e-mail address, or of a platform.

        For good: no later answer of the platform brings it back. Needs the permission orders.delete_orderbuyer. The
        answer is the receipt, also where there was nothing to erase, so a request may be repeated. What a legal hold
        keeps is counted as `held`; of an order that is held, nothing is done: 409. A whole platform is erased in the
        background: 202 with the receipt, whose `finished_at` is null until it is done.
        """
        asked = ErasureRequestSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        try:
            stored = self._erase(asked.validated_data)
        except OnHold as held:
            raise Conflict(str(held), code="on_hold") from None
        body = ErasureSerializer(stored).data
        where = {"Location": address_of(self.request, "erasure", stored.pk)}
        code = status.HTTP_202_ACCEPTED if stored.in_background else status.HTTP_201_CREATED
        return Response(body, status=code, headers=where)

    def _erase(self, values: dict[str, Any]) -> Erasure:
        reason, platform = values["reason"], values.get("platform")
        if "email" in values:
            within = visible_platforms(self.request)
            return erase_of_email(values["email"], reason=reason, within=within).stored
        if "order" in values:
            return erase_of_order(order_named(values["order"], platform, self.request), reason=reason).stored
        return ask_to_erase_platform(platform, reason=reason)  # type: ignore[arg-type]  # validate() has seen to it


@extend_schema_field({"type": "string", "format": "date-time", "pattern": A_YEAR})
class EndField(serializers.DateTimeField):
    """A time that every database and time zone can show."""


class LegalHoldSerializer(ExactBody, serializers.ModelSerializer[LegalHold]):
    """What must not be deleted until its end. Once made, only `reason` and `until` change."""

    platform = serializers.CharField(source="platform.name", read_only=True)
    order = serializers.CharField(
        source="order.external_id",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The id that the platform gave the order; null: all orders of the platform.",
    )
    is_over = serializers.SerializerMethodField(help_text="Whether it has ended, and holds nothing any more.")
    until = EndField(error_messages={"invalid": NO_TIME, "overflow": NO_TIME}, help_text="When it ends.")

    class Meta:
        model = LegalHold
        fields = ("id", "platform", "order", "reason", "until", "is_over", "made_by", "made_at")
        read_only_fields = ("made_by", "made_at")

    def get_is_over(self, hold: LegalHold) -> bool:
        return hold.until <= timezone.now()

    def validate_until(self, until: Any) -> Any:
        if not FIRST_YEAR <= until.year <= LAST_YEAR:
            raise serializers.ValidationError(NO_TIME)
        return until


class NewLegalHoldSerializer(LegalHoldSerializer):
    """What to hold, why, and until when."""

    platform = serializers.CharField(help_text="The name of the platform.")
    order = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=128,
        help_text="The id that the platform gave the order; null: all orders of the platform.",
    )

    class Meta(LegalHoldSerializer.Meta):
        fields = ("platform", "order", "reason", "until")  # type: ignore[assignment]

    def validate_platform(self, name: str) -> Platform:
        return visible_named(name, self.context["request"])

    def validate_until(self, until: Any) -> Any:
        if super().validate_until(until) <= timezone.now():
            raise serializers.ValidationError(
                "It is over already, so nothing would be held. Nothing was stored."
            )
        return until

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("order") is not None:
            attrs["order"] = order_named(attrs["order"], attrs["platform"], self.context["request"])
        return attrs


class LegalHoldFilter(django_filters.FilterSet):  # type: ignore[misc]
    platform_name = PlatformNameFilter()
    is_over = FlagFilter(method="of_state", label="false: those that still hold something.")

    def of_state(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:
        over = Q(until__lte=timezone.now())
        return rows.filter(over if value else ~over)


class LegalHoldViewSet(ListView, ModelViewSet[LegalHold]):
    """Legal holds, the newest first. PUT and PATCH both change what is given and keep the rest."""

    serializer_class = LegalHoldSerializer
    queryset = LegalHold.objects.select_related("platform", "order").defer(
        "order__payload", "platform__api_config"
    )
    filterset_class = LegalHoldFilter
    ordering = ("-id",)

    def get_permissions(self) -> list[BasePermission]:
        return [ModelPermissions()]

    @extend_schema(request=NewLegalHoldSerializer, responses={201: LegalHoldSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hold an order, or all orders of a platform: nothing of it is deleted until then, nor its buyer's data."""
        asked = NewLegalHoldSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        hold = LegalHold.objects.create(**asked.validated_data, made_by=request.user.get_username())
        where = {"Location": address_of(request, "legal-hold", hold.pk)}
        return Response(self.get_serializer(hold).data, status=status.HTTP_201_CREATED, headers=where)

    @heeds_if_match
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the reason or the end."""
        kwargs["partial"] = True
        return super().update(request, *args, **kwargs)

    @heeds_if_match
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Release it: what is past its day is deleted at the next daily turn."""
        return super().destroy(request, *args, **kwargs)
