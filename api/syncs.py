"""REST: starting syncs, their log, and what they could not store."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import mixins, serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from access.models import Scope
from api.base import ApiViewMixin, Conflict, MaySync, ModelPermissions, address_of
from api.bodies import not_one_line
from api.filters import (
    ChoicesFilter,
    FlagFilter,
    IdsFilter,
    PlatformNameFilter,
    TextFilter,
    TextsFilter,
    TimeFilter,
    read_flag,
    refuse_odd_parameters,
)
from api.lists import ListView
from api.serializers import SyncFailureSerializer, SyncLogSerializer
from integrations.completeness.failures import replay_any
from integrations.errors import BadInput, PlatformError
from integrations.models import SyncFailure, SyncLog, stream_choices
from integrations.sync.cancel import cancel_sync
from integrations.sync.failures import dismiss
from integrations.sync.queue import run_here
from integrations.sync.start import Problem, Started, start_sync
from integrations.sync.streams import streams_of
from integrations.sync.windows import WindowRequest
from integrations.wording import another_open_line, not_delivered_line, queue_down_line
from platforms.models import PLATFORM, Platform, Source

FLAGS = ("wait", "queue", "dry_run")  # parameters that are true or false, of whatever address takes them
OF_ALL = ("platform_name", "wait", "queue")  # what every sync takes
PROBLEM = inline_serializer("Problem", {"code": serializers.CharField(), "detail": serializers.CharField()})


class SyncLogFilter(django_filters.FilterSet):  # type: ignore[misc]  # no annotations
    platform_name = PlatformNameFilter()
    kind = ChoicesFilter(choices=stream_choices, label="Streams that were synced.")
    status = ChoicesFilter(choices=SyncLog.Status.choices, label="Syncs in these states.")
    source = ChoicesFilter(choices=Source.choices, label="Where the data came from.")
    trigger = ChoicesFilter(choices=SyncLog.Trigger.choices, label="What started the sync.")
    error_code = TextsFilter(commas=True, label="Codes of errors.")
    ids = IdsFilter("pk", label="Ids of syncs.")
    queued_after = TimeFilter("queued_at", "gte", of="Queued")
    queued_before = TimeFilter("queued_at", "lt", of="Queued")
    search = TextFilter(method="find", label="The id of the sync, its error code, or part of its error.")

    def find(self, logs: QuerySet[SyncLog], _name: str, text: str) -> QuerySet[SyncLog]:
        return logs.filter(_by_id(text) | Q(error_code=text) | Q(error_message__icontains=text))


class SyncLogViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[SyncLog]):
    """Syncs, the newest first."""

    queryset = SyncLog.objects.select_related("requested_by").prefetch_related(PLATFORM).defer("checkpoint")
    serializer_class = SyncLogSerializer
    filterset_class = SyncLogFilter
    ordering = ("-id",)
    actions_without_body = ("cancel",)
    scopes = MappingProxyType({"cancel": Scope.SYNC})

    def get_permissions(self) -> list[BasePermission]:
        # By the route's actions: for a method that the route does not know, there is no action yet.
        return [MaySync() if "cancel" in self.action_map.values() else ModelPermissions()]

    @extend_schema(request=None, responses={200: SyncLogSerializer, 202: SyncLogSerializer})
    def cancel(self, request: Request, pk: int) -> Response:
        """Stop an open sync: 200 where it is stopped, 202 where it will be after the current page, 409 once closed."""
        log = get_object_or_404(
            self.confined(SyncLog.objects.select_related("platform", "requested_by")), pk=pk
        )
        if not log.is_open:
            raise Conflict(f"Sync {log.pk} is closed already ({log.status}); there is nothing to cancel.")
        log = cancel_sync(log)
        code = status.HTTP_202_ACCEPTED if log.is_open else status.HTTP_200_OK
        where = {"Location": address_of(request, "sync-log", log.pk)} if log.is_open else {}
        return Response(SyncLogSerializer(log).data, status=code, headers=where)


class SyncFailureFilter(django_filters.FilterSet):  # type: ignore[misc]
    platform_name = PlatformNameFilter()
    kind = ChoicesFilter(choices=stream_choices, label="Streams of the records.")
    error_code = TextsFilter(commas=True, label="Codes of errors.")
    external_id = TextsFilter(label="Ids of records, exactly.")
    ids = IdsFilter("pk", label="Ids of failures.")
    sync = IdsFilter("log", label="Ids of the syncs that met the failures.")
    audit = IdsFilter("audit", label="Ids of the audits that could not heal them.")
    created_after = TimeFilter("created_at", "gte", of="Met")
    created_before = TimeFilter("created_at", "lt", of="Met")
    resolved = FlagFilter(
        method="find_resolved",
        label="true: those that were replayed or dismissed; false: those still to be looked at.",
    )
    search = TextFilter(
        method="find", label="The beginning of the record's id, its error code, or part of its error."
    )

    def find_resolved(
        self, failures: QuerySet[SyncFailure], _name: str, value: bool
    ) -> QuerySet[SyncFailure]:
        return failures.filter(resolved_at__isnull=not value)

    def find(self, failures: QuerySet[SyncFailure], _name: str, text: str) -> QuerySet[SyncFailure]:
        return failures.filter(
            Q(external_id__startswith=text) | Q(error_code=text) | Q(error_message__icontains=text)
        )


class SyncFailureViewSet(ListView, mixins.RetrieveModelMixin, GenericViewSet[SyncFailure]):
    """Records that could not be stored, the newest first."""

    queryset = SyncFailure.objects.select_related("resolved_by").prefetch_related(PLATFORM)
    serializer_class = SyncFailureSerializer
    filterset_class = SyncFailureFilter
    ordering = ("-id",)
    actions_without_body = ("replay", "dismiss")
    scopes = MappingProxyType({"replay": Scope.SYNC, "dismiss": Scope.SYNC})

    def get_permissions(self) -> list[BasePermission]:
        # See SyncLogViewSet.
        acts = {"replay", "dismiss"} & set(self.action_map.values())
        return [MaySync() if acts else ModelPermissions()]

    @extend_schema(request=None, responses={200: SyncFailureSerializer, 409: PROBLEM})
    def replay(self, request: Request, pk: int) -> Response:
        """Fetch the record again by its id and store it: 200 once it is stored, also when it was before.

        409 where the failure stays open: `code` and `detail` say why. Repeating it is harmless.
        """
        user: Any = request.user  # not anonymous: MaySync
        failure = get_object_or_404(self.confined(SyncFailure.objects.all()), pk=pk)
        try:
            failure = replay_any(failure, user=user)
        except PlatformError as error:
            raise Conflict(f"The failure stays open, as it was. {error}", code=error.code) from None
        if failure.is_open:
            text = f"The record was fetched again; its failure stays open. {failure.error_message}"
            raise Conflict(text, code=failure.error_code)
        return Response(SyncFailureSerializer(failure).data)

    @extend_schema(request=None, responses=SyncFailureSerializer)
    def dismiss(self, request: Request, pk: int) -> Response:
        """Close a failure without fetching the record. One that is resolved already stays as it is."""
        user: Any = request.user
        failure = get_object_or_404(self.confined(SyncFailure.objects.all()), pk=pk)
        return Response(SyncFailureSerializer(dismiss(failure, user)).data)


def _by_id(text: str) -> Q:
    return Q(pk=int(text)) if text.isascii() and text.isdecimal() and len(text) < 19 else Q()


class OpenedSync(SyncLogSerializer):
    """`queue_problem`: a sentence where the workers could not be told; the sync is stored, and the scheduler tells
    them. Otherwise empty."""

    already_open = serializers.BooleanField(read_only=True)
    queue_problem = serializers.CharField(read_only=True)

    class Meta(SyncLogSerializer.Meta):
        fields = (*SyncLogSerializer.Meta.fields, "already_open", "queue_problem")  # type: ignore[assignment]


class RefusedSync(serializers.Serializer[Any]):
    """Another sync is open (`sync`), which is not what was asked for. Nothing was started for this platform."""

    code = serializers.CharField(help_text=f"`{Problem.ANOTHER_OPEN}`")
    detail = serializers.CharField()
    sync = SyncLogSerializer()


class AnotherSyncIsOpen(RefusedSync):
    """Nothing was started. `refused` lists every platform, where there is more than one."""

    refused = RefusedSync(many=True, required=False)


# `refused`: platforms where another sync is open, if there are any, while others were started.
SYNCS = inline_serializer(
    "Syncs", {"syncs": OpenedSync(many=True), "refused": RefusedSync(many=True, required=False)}
)
COMMON = (
    OpenApiParameter("platform_name", str, description="One platform; without it, all active ones."),
    OpenApiParameter("wait", bool, description="Answer once it is done (200) instead of at once (202)."),
    OpenApiParameter(
        "queue",
        bool,
        description="Where another sync is open that is not what is asked for here: start when that one has ended, "
        "instead of 409. Until then its status is `deferred`, and wait has no effect.",
    ),
)
RESPONSES = {200: SYNCS, 202: SYNCS, 409: AnotherSyncIsOpen}


class SyncRequestSerializer(serializers.Serializer[Any]):
    """What all syncs take, here or as parameters of the address."""

    platform_name = serializers.CharField(
        required=False, help_text="One platform; without it, all active ones."
    )
    wait = serializers.BooleanField(
        required=False, help_text="Answer once it is done (200), not at once (202)."
    )
    queue = serializers.BooleanField(
        required=False, help_text="Where another sync is open: start after it, not 409."
    )


class SyncView(ApiViewMixin, APIView):
    """POST opens a sync per platform: queued, or with wait=true worked on right here.

    A subclass names its `kind`, and its parameters beside those that all have.
    """

    permission_classes = (MaySync,)
    more_errors = MappingProxyType({"POST": (404,)})  # of a platform that is named
    scopes = MappingProxyType({"POST": Scope.SYNC})
    platform_column = "pk"
    kind: str
    parameters: tuple[str, ...] = ()
    repeatable: tuple[str, ...] = ()

    def asked_for(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments for start_sync. Raises BadInput or ValidationError."""
        raise NotImplementedError

    def post(self, request: Request) -> Response:
        known = (*OF_ALL, *self.parameters)
        values = read_parameters(request, known=known, repeatable=self.repeatable)
        asked: dict[str, Any] = {"window": WindowRequest(), "skus": ()} | self.asked_for(values)
        wait, queue = (values.get(name, False) for name in ("wait", "queue"))
        visible = self.confined(Platform.objects.all())
        platforms = _platforms(visible, values.get("platform_name"), self.kind)
        user: Any = request.user  # not anonymous: MaySync
        asked |= {"user": user, "in_place": wait, "after_open": queue}
        syncs, refused = [], []
        for platform in platforms:
            try:
                started = start_sync(platform=platform, kind=self.kind, trigger=SyncLog.Trigger.API, **asked)
            except Platform.DoesNotExist as gone:
                if values.get("platform_name") is not None:
                    raise NotFound(str(gone)) from None
                continue  # it is none of all active ones any more
            if started.is_refused:
                refused.append(_refusal(started))
            else:
                syncs.append(_opened(started, run=wait))
        return _answer(request, syncs, refused, wait=wait)


def _opened(started: Started, *, run: bool) -> dict[str, Any]:
    log = run_here(started.log.pk) if run else started.log
    problem = queue_down_line(log) if started.problem == Problem.QUEUE_DOWN else ""
    return {**SyncLogSerializer(log).data, "already_open": not started.is_new, "queue_problem": problem}


def _refusal(started: Started) -> dict[str, Any]:
    hint = "Ask again when it has ended, or ask with queue=true to start then."
    return {
        "code": Problem.ANOTHER_OPEN.value,
        "detail": f"{another_open_line(started.log)} {hint}",
        "sync": SyncLogSerializer(started.log).data,
    }


def _answer(
    request: Request, syncs: list[dict[str, Any]], refused: list[dict[str, Any]], *, wait: bool
) -> Response:
    """409 where nothing was started since every platform has another sync open; what was started answers otherwise.

    Location of a 202 is the sync where there is one, else the list of syncs.
    """
    if refused and not syncs:
        more = {"refused": refused} if len(refused) > 1 else {}
        return Response({**refused[0], **more}, status=status.HTTP_409_CONFLICT)
    is_done = wait and not any(sync["status"] in SyncLog.OPEN for sync in syncs)
    body = {"syncs": syncs, **({"refused": refused} if refused else {})}
    if is_done:
        return Response(body)
    route = ("sync-log", syncs[0]["id"]) if len(syncs) == 1 else ("sync-logs",)
    where = {"Location": address_of(request, *route)}
    return Response(body, status=status.HTTP_202_ACCEPTED, headers=where)


def read_parameters(
    request: Request, *, known: tuple[str, ...], repeatable: tuple[str, ...]
) -> dict[str, Any]:
    """Parameters of the query string and of a JSON body as one dict; a repeatable one is a list, a flag a bool.

    Raises ValidationError naming everything that is unknown, empty, of a wrong type, or given twice.
    """
    refuse_odd_parameters(request.query_params, known=known, repeatable=repeatable)
    query: dict[str, Any] = {}
    for name, values in request.query_params.lists():
        query[name] = values if name in repeatable else values[0]
        if name in FLAGS:
            query[name] = read_flag(values[0], name)
    body = request.data
    if not isinstance(body, Mapping):
        raise ValidationError("The body must be a JSON object ({…}), or be left out.")
    problems = {}
    for name, value in body.items():
        if name not in known:
            problems[name] = f"It is not known here. Known are: {', '.join(sorted(known))}."
        elif name in query:
            problems[name] = "It is given both in the query string and in the body."
        elif value in (None, "", []):
            problems[name] = "It is empty; leave it out instead."
        elif problem := _wrong_type(name, value, repeatable):
            problems[name] = problem
    for name, value in (query | body).items():
        texts = value if isinstance(value, list) else [value]
        if odd := next(filter(None, (not_one_line(text) for text in texts if isinstance(text, str))), ""):
            problems.setdefault(name, odd)
    if problems:
        raise ValidationError(problems)
    return query | body


def _wrong_type(name: str, value: Any, repeatable: tuple[str, ...]) -> str:
    """Why a value of a body is none for this parameter; empty where it is."""
    if name in FLAGS:
        return "" if isinstance(value, bool) else "It takes true or false, without quotes."
    if name == "days":
        return "" if type(value) is int else "It takes a whole number, without quotes."
    if name in repeatable:
        is_list = isinstance(value, list) and all(isinstance(text, str) and text for text in value)
        return "" if is_list else "It takes a list of texts."
    return "" if isinstance(value, str) else "It takes text, in quotes."


def _platforms(visible: QuerySet[Platform], name: str | None, stream: str) -> list[Platform]:
    """The named one, active or not, or all active ones that deliver the stream. Raises NotFound or BadInput."""
    if name is None:
        active = visible.filter(is_active=True)
        return [platform for platform in active if stream in streams_of(platform)]
    platform = visible.filter(name=name).first()
    if platform is None:
        raise NotFound(f"There is no platform {name[:64]!r}; GET /platforms lists them. Nothing was started.")
    if stream not in streams_of(platform):
        raise BadInput("platform_name", f"{not_delivered_line(platform, stream)} Nothing was started.")
    return [platform]
