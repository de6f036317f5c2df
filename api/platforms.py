"""REST: platforms and their credentials, which are write-only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import django_filters
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from access.confinement import visible_platforms
from access.models import Scope
from api.base import Conflict, Invalid, MaySync, ModelPermissions, address_of, require_confirmation
from api.bodies import ExactBody
from api.filters import PlatformNameFilter, TextFilter
from api.lists import ListView
from api.preconditions import heeds_if_match
from integrations.as_json import check_as_json, stock_end_as_json
from integrations.errors import ConfigError
from integrations.models import SyncLog
from integrations.quota.same_account import attach_others, same_account_line
from integrations.registry import CHANNELS, channel_label, default_kind, kind_choices
from integrations.schedule.due import Due, attach_dues, dues_of
from integrations.sync.connection_check import check_platform, without_others
from integrations.sync.stock_end import end_stock, stock_end_of
from integrations.sync.streams import STREAMS, delivered_by
from integrations.sync.streams.states import (
    LONGEST_INTERVAL,
    absent_names,
    attach_states,
    interval_name,
    pop_intervals,
    set_intervals,
    watermark_name,
    windowed,
    with_states,
)
from integrations.wording import due_line
from platforms.models import CONFIG_COLUMNS, Platform

LAST = 4  # characters of the client id that are shown


class ApiConfigField(serializers.Field[Any, Any, Any, Any]):
    """Write-only in effect: reading shows which fields are set, and the last characters of the client id."""

    def to_internal_value(self, data: Any) -> Any:
        return data  # judged in validate(), where the kind is known

    def to_representation(self, value: Mapping[str, Any]) -> dict[str, Any]:
        client_id = value.get("client_id")
        # Only of one that is long enough for its end to say nothing about the rest.
        is_long = isinstance(client_id, str) and len(client_id) > 2 * LAST
        return {
            "fields": sorted(str(name) for name, stored in value.items() if stored not in (None, "", [])),
            "client_id": f"…{str(client_id)[-LAST:]}" if is_long else "",
            "problem": getattr(value, "reason", ""),
        }


class DueSerializer(serializers.Serializer[Any]):
    """When the next scheduled sync starts, null where none will; why, as a stable word and as a sentence."""

    due_at = serializers.DateTimeField(source="at", allow_null=True)
    reason = serializers.CharField()
    detail = serializers.SerializerMethodField()

    def get_detail(self, due: Due) -> str:
        return due_line(due)


NEXT_SYNCS = inline_serializer("NextSyncs", {name: DueSerializer(required=False) for name in STREAMS})


class KindField(serializers.ChoiceField):
    """One of the registered channels, at the moment of the request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=kind_choices(), **options)


def _interval() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=LONGEST_INTERVAL, required=False)


def _watermark() -> serializers.DateTimeField:
    return serializers.DateTimeField(read_only=True, allow_null=True)


class FindingSerializer(serializers.Serializer[Any]):
    step = serializers.CharField()
    ok = serializers.BooleanField(allow_null=True, help_text="null: it could not be looked at now")
    message = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()


OUTCOME = inline_serializer(
    "CheckOutcome",
    {
        "ok": serializers.BooleanField(required=False),
        "findings": FindingSerializer(many=True, required=False),
    },
)


@extend_schema_field(OUTCOME)
class OutcomeField(serializers.JSONField):
    """What the last connection check found; {} where there was none."""

    def to_representation(self, value: Any) -> Any:
        value = {name: held for name, held in value.items() if name in ("ok", "findings")}
        request = self.context.get("request")
        if value and request is not None and visible_platforms(request) is not None:
            value = {**value, "findings": without_others(value.get("findings", ()))}
        return super().to_representation(value)


class PlatformSerializer(ExactBody, serializers.ModelSerializer[Platform]):
    """One selling account on one channel."""

    kind = KindField(required=False)
    api_config = ApiConfigField(required=False)
    check_outcome = OutcomeField(read_only=True)
    next_syncs = serializers.SerializerMethodField()
    warnings = serializers.SerializerMethodField()

    class Meta:
        model = Platform
        fields = (
            "id",
            "name",
            "kind",
            "display_name",
            "is_active",
            "api_config",
            "include_pii",
            "show_pictures",
            "checked_at",
            "check_outcome",
            "next_syncs",
            "warnings",
            "created_at",
        )
        read_only_fields = ("checked_at", "check_outcome", "created_at")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With what each stream has: `orders_interval`, `orders_watermark`."""
        fields: dict[str, Any] = {}
        for name, field in super().get_fields().items():
            fields[name] = field
            if name == "include_pii":
                fields |= {interval_name(stream): _interval() for stream in STREAMS}
                fields |= {watermark_name(stream): _watermark() for stream in windowed()}
        return fields

    def to_representation(self, instance: Platform) -> dict[str, Any]:
        if not hasattr(instance, interval_name(next(iter(STREAMS)))):
            attach_states(instance)
        absent = absent_names(instance)
        shown = super().to_representation(instance)
        return {name: value for name, value in shown.items() if name not in absent}

    @extend_schema_field(NEXT_SYNCS)
    def get_next_syncs(self, platform: Platform) -> dict[str, Any]:
        return {str(kind): DueSerializer(due).data for kind, due in dues_of(platform).items()}

    def get_warnings(self, platform: Platform) -> list[str]:
        """Sentences about what is stored although it is rarely meant, such as an account that two platforms have."""
        request = self.context.get("request")
        if request is not None and visible_platforms(request) is not None:
            return []  # they name other platforms
        line = same_account_line(platform)
        return [line] if line else []

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(self._without_echoes(data))

    def is_echo(self, name: str, sent: Any, shown: Any) -> bool:
        """What a GET reads off the clock and other rows differs each time."""
        if name == "next_syncs":
            return isinstance(sent, Mapping) and set(sent) == set(shown)
        return isinstance(sent, list) if name == "warnings" else super().is_echo(name, sent, shown)

    def _without_echoes(self, data: Any) -> Any:
        """Less what a GET shows in place of what is stored, or would be refused: sent back, it leaves them alone."""
        if self.instance is None or not isinstance(data, Mapping):
            return data
        config = self.fields["api_config"].to_representation(self.instance.api_config)
        echoes = {"api_config": config, "kind": self.instance.kind}
        return {name: value for name, value in data.items() if name not in echoes or value != echoes[name]}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            attrs.setdefault("kind", default_kind())
        kind = self.instance.kind if self.instance else attrs["kind"]
        if attrs.get("kind", kind) != kind:
            text = f"The platform's orders and stock came from {channel_label(kind)}; add another platform instead."
            raise Invalid("The kind of a platform cannot be changed.", {"kind": text})
        delivered = map(interval_name, delivered_by(CHANNELS.get(kind)))
        if absent := {interval_name(name) for name in STREAMS} & set(attrs) - set(delivered):
            text = f"{channel_label(kind)} does not deliver this."
            raise Invalid(text, dict.fromkeys(sorted(absent), text))
        if "api_config" in attrs:
            attrs["api_config"] = _checked(kind, attrs["api_config"])
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Platform:
        config, intervals = validated_data.pop("api_config", {}), pop_intervals(validated_data)
        platform = Platform(**validated_data)
        platform.replace_config(config)
        platform.save()
        set_intervals(platform, intervals)
        return platform

    def update(self, instance: Platform, validated_data: dict[str, Any]) -> Platform:
        """Write the given columns alone: another request may change others meanwhile."""
        intervals = pop_intervals(validated_data)
        columns = {*validated_data}
        if "api_config" in validated_data:
            instance.replace_config(validated_data.pop("api_config"))
            columns.update(CONFIG_COLUMNS)
        for name, value in validated_data.items():
            setattr(instance, name, value)
        with transaction.atomic():
            instance.save(update_fields=columns)
            instance.encrypt_plain_config()  # what was written with SQL, at the next save
            set_intervals(instance, intervals)
        attach_states(instance)
        return instance


def _checked(kind: str, api_config: Any) -> dict[str, Any]:
    """What to store of the credentials. Raises Invalid with each wrong field."""
    if kind not in CHANNELS:
        text = f"This installation does not know the channel {kind!r}, and cannot check its credentials."
        raise Invalid(text, {"api_config": text})
    try:
        return CHANNELS[kind].credentials.check(api_config)
    except ConfigError as error:
        raise Invalid(str(error), error.fields) from None


class PlatformFilterSet(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter(field_name="pk")
    search = TextFilter(method="find", label="The beginning of the name, or part of the display name.")

    def find(self, platforms: QuerySet[Platform], _name: str, text: str) -> QuerySet[Platform]:
        return platforms.filter(Q(name__startswith=text) | Q(display_name__icontains=text))


CHECK = inline_serializer(
    "Check",
    {
        "platform": serializers.CharField(),
        "platform_id": serializers.IntegerField(),
        "ok": serializers.BooleanField(),
        "checked_at": serializers.DateTimeField(),
        "findings": FindingSerializer(many=True),
    },
)


STOCK_END = inline_serializer(
    "StockEndAnswer",
    {
        "platform": serializers.CharField(),
        "platform_id": serializers.IntegerField(),
        "stock_end": inline_serializer(
            "StockEnd",
            {
                "marketplaces": serializers.ListField(child=serializers.CharField()),
                "rows": serializers.IntegerField(),
                "is_all": serializers.BooleanField(),
                "since": serializers.DateTimeField(allow_null=True),
            },
            allow_null=True,
        ),
    },
)


class MayChange(ModelPermissions):
    """For a POST that changes what is there."""

    perms_map = {**ModelPermissions.perms_map, "POST": ["%(app_label)s.change_%(model_name)s"]}


class PlatformViewSet(ListView, ModelViewSet[Platform]):
    """Selling accounts. PUT and PATCH both change what is given and keep the rest, so {"api_config": {…}} alone
    will do; api_config itself is replaced as a whole."""

    serializer_class = PlatformSerializer
    filterset_class = PlatformFilterSet
    ordering = ("name", "id")
    actions_without_body = ("check", "end_stock")
    platform_column = "pk"
    scopes = MappingProxyType({"check": Scope.SYNC})
    more_errors = MappingProxyType({"PUT": (409,), "PATCH": (409,), "DELETE": (409,), "POST": (409,)})

    def get_queryset(self) -> QuerySet[Platform]:
        return with_states(Platform.objects.all())

    def paginate_queryset(self, queryset: Any) -> Any:
        """A page of platforms, with their dues and their twins computed at once."""
        page = super().paginate_queryset(queryset)
        attach_dues(page or ())
        attach_others(page or ())
        return page

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": address_of(self.request, "platform", data["id"])}

    @heeds_if_match
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().update(request, *args, **kwargs | {"partial": True})

    @heeds_if_match
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    @extend_schema(request=None, responses=CHECK)
    def check(self, _request: Request, pk: int) -> Response:
        """Try what a sync needs, and say what works and what is missing. Changes no order and no stock."""
        platform = get_object_or_404(self.confined(Platform.objects.all()), pk=pk)
        check = check_as_json(platform, check_platform(platform))
        if visible_platforms(self.request) is not None:
            check["findings"] = without_others(check["findings"])
        return Response(check)

    @extend_schema(responses=STOCK_END)
    def stock_end(self, _request: Request, pk: int) -> Response:
        """Whether it may be said that the account keeps no stock any more, and what POST would do. `stock_end` is null
        where there is nothing to decide: it may be said once the list of stock of a marketplace has been refused for a
        week, or all stock is gone."""
        platform = get_object_or_404(self.confined(Platform.objects.all()), pk=pk)
        return Response(stock_end_as_json(platform, stock_end_of(platform)))

    @extend_schema(request=None, responses=STOCK_END)
    def end_stock(self, _request: Request, pk: int) -> Response:
        """Say that the account keeps no stock there any more, such as FBA that it has left. The stock of these
        marketplaces is marked as gone, and where that is all, syncs of stock are switched off. 409 where there is
        nothing to decide."""
        platform = get_object_or_404(self.confined(Platform.objects.all()), pk=pk)
        end = end_stock(platform)
        if end is None:
            raise Conflict(
                f"Nothing was changed: the stock of {platform.name} is listed, was not refused for a week yet, or its "
                "syncs of stock are off already."
            )
        return Response(stock_end_as_json(platform, end))

    def get_permissions(self) -> list[BasePermission]:
        # By the route's actions: for a method that the route does not know, there is no action yet.
        actions = self.action_map.values()
        if "check" in actions:
            return [MaySync()]
        return [MayChange() if "end_stock" in actions else ModelPermissions()]

    def perform_create(self, serializer: serializers.BaseSerializer[Platform]) -> None:
        """403 for who is confined to some platforms: the new one would be none of them."""
        if visible_platforms(self.request) is not None:
            raise PermissionDenied(
                "This token, or its user, is for some platforms alone, and adds none. Nothing was stored."
            )
        self._save(serializer)

    def perform_update(self, serializer: serializers.BaseSerializer[Platform]) -> None:
        self._save(serializer)

    def _save(self, serializer: serializers.BaseSerializer[Platform]) -> None:
        if "api_config" in serializer.validated_data:
            require_confirmation(self.request)
        _save(serializer)

    def perform_destroy(self, instance: Platform) -> None:
        """409 while the platform has orders or stock, or a sync is open."""
        if SyncLog.objects.open().filter(platform=instance).exists():
            raise Conflict(
                f"A sync of {instance.name} is open. Cancel it, or wait until it is done, and delete again."
            )
        try:
            instance.delete()
        except ProtectedError:
            raise Conflict(
                f"{instance.name} has orders or stock, which would lose their origin; nothing was deleted. "
                "To stop its syncs, set is_active to false."
            ) from None


def _save(serializer: serializers.BaseSerializer[Platform]) -> None:
    try:
        with transaction.atomic():
            serializer.save()
    except IntegrityError:  # two requests at once; the serializer found the name free for both
        raise Conflict(
            "Another platform was given this name at the same moment. Nothing was stored."
        ) from None
