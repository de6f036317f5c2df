"""REST: webhooks, and what was sent to them."""

from collections.abc import Collection
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field, inline_serializer
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from access.confinement import visible_platforms
from access.models import Scope
from api.base import Conflict, ModelPermissions, address_of, require_confirmation, require_scope
from api.bodies import ExactBody
from api.filters import ChoicesFilter, FlagFilter, IdsFilter, TextsFilter, TimeFilter
from api.lists import ListView
from api.preconditions import heeds_if_match
from platforms.models import Platform
from webhooks.addresses import BadUrl, checked_url
from webhooks.endpoints import (
    IsTest,
    NotTold,
    SwitchedOff,
    add_endpoint,
    change_endpoint,
    deliveries_within,
    endpoints_within,
    is_directed,
    missing_permissions,
    replay,
    replay_all,
    rotate_secret,
    send_test,
)
from webhooks.events import SEE_CHANGES, event_names, hidden_events
from webhooks.models import Delivery, Endpoint
from webhooks.queue import number_of

IS_OFF = (
    "The webhook is switched off, and nothing is sent to it. Set is_active to true; what waits is sent then."
)
IS_TEST = "Tests are not sent again, and nothing was done. POST /webhooks/%d/test sends another one."
NOT_SEEN = (
    "It would be told of what you may not see yourself, and nothing was stored. Name other events, or ask an "
    "administrator for: %s."
)
NOT_TOLD = (
    "The webhook is no longer told of the platform that this speaks of, and nothing was sent. Add the platform to the "
    "webhook first."
)
NO_TIME = "It is not a time. Write it like 2026-01-31 or 2026-01-31T08:00:00Z."
CHANGE = "webhooks.change_endpoint"


class SeesDeliveries(ModelPermissions):
    """Who sees what was sent sees changes, so he needs the permission for these as well."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm(SEE_CHANGES)


class MayReplayDelivery(IsAuthenticated):
    """It is answered with what is sent."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = (CHANGE, "webhooks.view_delivery", SEE_CHANGES)
        return super().has_permission(request, view) and request.user.has_perms(needed)


class MayChangeWebhooks(IsAuthenticated):
    """For tests, new secrets, and replays of all."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.has_perm(CHANGE)


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "description": "Names of platforms; null: all of them, also those that are added later.",
    }
)
class PlatformNamesField(serializers.Field[Any, Any, Any, Any]):
    """The ids of platforms as names."""

    def to_internal_value(self, data: Any) -> list[int]:
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            raise serializers.ValidationError("It takes a list of names of platforms, or null for all.")
        # None of `data` goes into the query: it may hold any number of names.
        platforms = Platform.objects.all()
        visible = visible_platforms(self.context["request"])
        if visible is not None:
            platforms = platforms.filter(pk__in=visible)
        known = dict(platforms.values_list("name", "pk"))
        ids = {name: known[name] for name in data if name in known}
        if unknown := [name for name in data if name not in ids]:
            raise serializers.ValidationError(
                f"There is no platform {unknown[0][:64]!r}; GET /platforms lists them."
            )
        if not data:
            raise serializers.ValidationError(
                "It is empty: nothing would be sent. Write null for all platforms."
            )
        return sorted(set(ids.values()))

    def to_representation(self, value: Any) -> list[str]:
        return list(Platform.objects.filter(pk__in=value).order_by("name").values_list("name", flat=True))


@extend_schema_field(
    {
        "type": "array",
        "items": {"type": "string", "enum": list(event_names())},
        "minItems": 1,
        "description": "null: all of them, also those of later versions.",
    }
)
class EventsField(serializers.ListField):
    """Names of events; the refusal lists those that there are."""

    child = serializers.CharField()

    def to_internal_value(self, data: Any) -> list[str]:
        names = super().to_internal_value(data)
        if unknown := [name for name in names if name not in event_names()]:
            known = ", ".join(event_names())
            raise serializers.ValidationError(f"{unknown[0][:64]!r} is no event. It takes: {known}.")
        if not names:
            raise serializers.ValidationError(
                "It is empty: nothing would be sent. Write null for all events."
            )
        return list(dict.fromkeys(names))


class WebhookSerializer(ExactBody, serializers.ModelSerializer[Endpoint]):
    """Where events are sent. The secret is answered when it is made, and never again."""

    url = serializers.CharField(
        max_length=2048,
        help_text="HTTPS, and reached over the public internet, unless settings of the installation allow more.",
    )
    events = EventsField(
        allow_null=True,
        required=False,
        help_text="Names of events; null: all of them, also those of later versions.",
    )
    platforms = PlatformNamesField(source="platform_ids", allow_null=True, required=False)
    off_reason = serializers.CharField(
        read_only=True,
        help_text="Why it is switched off: by_hand, failing (nothing was delivered for three days), gone (410), "
        "too_late (what it missed is no longer kept); empty while it is on.",
    )
    pending = serializers.IntegerField(
        read_only=True, help_text="Messages that wait to be delivered; further changes wait in the feed."
    )
    position = serializers.IntegerField(
        read_only=True,
        help_text="The `sequence` of the last change that became a message or was passed over.",
    )
    next_attempt_at = serializers.DateTimeField(
        source="paused_until",
        read_only=True,
        allow_null=True,
        help_text="Where it fails: nothing is sent before this time.",
    )

    class Meta:
        model = Endpoint
        fields = (
            "id", "name", "url", "events", "platforms", "is_active", "off_reason", "switched_off_at", "failing_since",
            "next_attempt_at", "last_delivered_at", "pending", "position", "created_at",
        )  # fmt: skip
        read_only_fields = ("switched_off_at", "failing_since", "last_delivered_at", "created_at")

    EXACT_ECHOES = ("id", "created_at", "off_reason", "switched_off_at")

    def is_echo(self, name: str, sent: Any, shown: Any) -> bool:
        """What the clock and the sender change meanwhile is passed over. Not whether it was switched off: a body that
        was read before that says `is_active` too, and would switch it on."""
        return name not in self.EXACT_ECHOES or super().is_echo(name, sent, shown)

    def to_representation(self, instance: Endpoint) -> dict[str, Any]:
        if not hasattr(instance, "pending"):
            waiting = number_of(Delivery.State.PENDING, visible_platforms(self.context["request"]))
            counted = Endpoint.objects.filter(pk=instance.pk).annotate(pending=waiting)
            instance.pending = counted.values_list("pending", flat=True).first()  # type: ignore[attr-defined]
        return super().to_representation(instance)

    def validate_url(self, url: str) -> str:
        try:
            return checked_url(url)
        except BadUrl as error:
            raise serializers.ValidationError(str(error)) from None

    def _refuse_all_platforms(self, attrs: dict[str, Any]) -> None:
        """Who is confined to some platforms has nobody told of all. Raises ValidationError."""
        stored = self.instance.platform_ids if isinstance(self.instance, Endpoint) else None
        told = attrs.get("platform_ids", stored)
        if told is None and visible_platforms(self.context["request"]) is not None:
            text = "This token, or its user, is for some platforms alone: name those that the webhook is to be told of."
            raise serializers.ValidationError({"platforms": text})

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self._refuse_all_platforms(attrs)
        request = self.context["request"]
        if is_directed(attrs, self.instance):
            require_scope(request, Scope.READ)
        if missing := missing_permissions(request.user, attrs, self.instance):
            raise PermissionDenied(NOT_SEEN % ", ".join(missing))
        return attrs

    def update(self, instance: Endpoint, validated_data: dict[str, Any]) -> Endpoint:
        try:
            change_endpoint(instance, validated_data)
        except Endpoint.DoesNotExist:
            raise NotFound from None
        instance.refresh_from_db()
        del instance.pending  # type: ignore[attr-defined]  # it may be less now
        return instance


class NewWebhookSerializer(WebhookSerializer):
    secret = serializers.CharField(
        read_only=True,
        help_text="Checks the signatures, as https://www.standardwebhooks.com says. It is never shown again.",
    )

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One event for one webhook. `status`, `problem`, `seconds` and `answer` are those of the last attempt."""

    webhook = serializers.IntegerField(source="endpoint_id", read_only=True)
    external_id = serializers.SerializerMethodField(
        help_text="Of its change: the order id, SKU, record id or name of the platform; else empty."
    )
    answer = serializers.CharField(
        read_only=True,
        help_text="At most 500 characters of the receiver's answer, as it came: not to be trusted.",
    )

    class Meta:
        model = Delivery
        fields = (
            "id", "webhook", "message_id", "event", "sequence", "external_id", "state", "attempts", "created_at",
            "attempted_at",
            "next_at", "delivered_at", "status", "problem", "seconds", "answer", "body",
        )  # fmt: skip
        read_only_fields = fields

    def get_external_id(self, delivery: Delivery) -> str:
        return delivery.external_id or ""


SECRET = inline_serializer("WebhookSecret", {"secret": serializers.CharField()})
REPLAYED = inline_serializer("Replayed", {"replayed": serializers.IntegerField()})


class ReplaySerializer(ExactBody, serializers.Serializer[Any]):
    """What to send again."""

    state = serializers.ChoiceField(
        choices=("failed", "all"),
        default="failed",
        help_text="failed: what was given up; all: whatever is kept.",
    )
    since = serializers.DateTimeField(
        required=False,
        error_messages={"invalid": NO_TIME, "overflow": NO_TIME},
        help_text="Messages that were made at this time or later.",
    )


class WebhookFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    is_active = FlagFilter(label="false: those switched off.")


class WebhookViewSet(ListView, ModelViewSet[Endpoint]):
    """Where events are sent. PUT and PATCH both change what is given and keep the rest."""

    serializer_class = WebhookSerializer
    queryset = Endpoint.objects.defer("signing_secrets")
    filterset_class = WebhookFilter
    ordering = ("id",)
    actions_without_body = ("test", "rotate")

    def confine(self, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return rows.filter(pk__in=endpoints_within(ids))

    def get_queryset(self) -> QuerySet[Endpoint]:
        waiting = number_of(Delivery.State.PENDING, visible_platforms(self.request))
        return super().get_queryset().annotate(pending=waiting)

    def get_permissions(self) -> list[BasePermission]:
        # By the route's actions: for a method that the route does not know, there is no action yet.
        acts = {"test", "rotate", "replay"} & set(self.action_map.values())
        return [MayChangeWebhooks() if acts else ModelPermissions()]

    def _endpoint(self, pk: int) -> Endpoint:
        """Raises Http404."""
        endpoint: Endpoint = get_object_or_404(self.confined(Endpoint.objects.all()), pk=pk)
        return endpoint

    @extend_schema(responses={201: NewWebhookSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Add one, which is told of what changes from now on. Its secret is in this answer, and in no other.

        Since it is told of what a GET answers, a token needs the scope `read` as well, and so it does to change `url`,
        `events` or `platforms`.
        """
        require_confirmation(request)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        endpoint = Endpoint(**serializer.validated_data)
        secret = add_endpoint(endpoint)
        body = {**WebhookSerializer(endpoint, context=self.get_serializer_context()).data, "secret": secret}
        where = {"Location": address_of(request, "webhook", endpoint.pk)}
        return Response(body, status=status.HTTP_201_CREATED, headers=where)

    @heeds_if_match
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what is given. Switched on again, it goes on where it stopped, with what waits at once. Narrowed to
        fewer platforms, what waits of the others is not sent.

        A body that was read before OMS switched it off is refused: `off_reason` is not what it was.
        """
        kwargs["partial"] = True
        return super().update(request, *args, **kwargs)

    @heeds_if_match
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)

    @extend_schema(request=None, responses={200: DeliverySerializer})
    def test(self, _request: Request, pk: int) -> Response:
        """Send the event `webhook.test` here and now, also to one that is switched off. It is not tried again.

        200 in any case; `state` says whether it was delivered. It waits 5 seconds for the receiver, and other messages
        20.
        """
        try:
            return Response(DeliverySerializer(send_test(self._endpoint(pk))).data)
        except Endpoint.DoesNotExist:  # meanwhile
            raise NotFound from None

    @extend_schema(request=None, responses={200: SECRET})
    def rotate(self, request: Request, pk: int) -> Response:
        """Give it another secret, which is answered once. For a day, messages are signed with the earlier ones, too."""
        require_confirmation(request)
        try:
            return Response({"secret": rotate_secret(self._endpoint(pk))})
        except Endpoint.DoesNotExist:
            raise NotFound from None

    @extend_schema(request=ReplaySerializer, responses={202: REPLAYED})
    def replay(self, request: Request, pk: int) -> Response:
        """Send what has failed again, or everything that is kept. Each message has the id that it had. 409 while it is
        switched off."""
        asked = ReplaySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        try:
            count = replay_all(
                self._endpoint(pk),
                failed_only=values["state"] == "failed",
                since=values.get("since"),
            )
        except SwitchedOff:
            raise Conflict(IS_OFF, code="switched_off") from None
        return Response({"replayed": count}, status=status.HTTP_202_ACCEPTED)


class DeliveryFilter(django_filters.FilterSet):  # type: ignore[misc]
    webhook = IdsFilter("endpoint_id", label="Ids of webhooks.")
    state = ChoicesFilter(choices=Delivery.State.choices, label="Messages in these states.")
    event = TextsFilter(commas=True, label="Names of events.")
    message_id = TextsFilter(commas=True, label="As in the header webhook-id.")
    external_id = TextsFilter(label="Order ids, SKUs, or what else GET /changes gives as external_id.")
    created_after = TimeFilter("created_at", "gte", of="Made")
    created_before = TimeFilter("created_at", "lt", of="Made")


class DeliveryViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[Delivery]):
    """What was sent, and what waits to be sent, the newest first. Settled ones are kept for
    KEEP_WEBHOOK_DELIVERIES_DAYS."""

    serializer_class = DeliverySerializer
    queryset = Delivery.objects.all()
    filterset_class = DeliveryFilter
    ordering = ("-id",)
    actions_without_body = ("replay",)

    def confine(self, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        return deliveries_within(rows, ids)

    def get_queryset(self) -> QuerySet[Delivery]:
        return super().get_queryset().exclude(event__in=hidden_events(self.request.user))

    def get_permissions(self) -> list[BasePermission]:
        return [MayReplayDelivery() if "replay" in self.action_map.values() else SeesDeliveries()]

    @extend_schema(request=None, responses={202: DeliverySerializer})
    def replay(self, _request: Request, pk: int) -> Response:
        """Send it again, with the same message_id; one that waits is tried at once. 409 for a test,
        while its webhook is off, and where the webhook is no longer told of its platform."""
        rows = self.confined(self.get_queryset()).select_related("endpoint")
        delivery = get_object_or_404(rows, pk=pk)
        try:
            delivery = replay(delivery)
        except SwitchedOff:
            raise Conflict(IS_OFF, code="switched_off") from None
        except IsTest:
            raise Conflict(IS_TEST % delivery.endpoint_id, code="test_not_replayed") from None
        except NotTold:
            raise Conflict(NOT_TOLD, code="platform_not_told") from None
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)
