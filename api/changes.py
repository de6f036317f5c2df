"""REST: the change feed."""

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.confinement import visible_platforms
from api.base import ApiViewMixin, ModelPermissions
from api.filters import read_flag, refuse_odd_parameters
from feed.models import Change
from feed.reading import NotYet, TooLate, changes_after, last_sequence
from platforms.models import Platform

MOST = 1000
PARAMETERS = ("after", "limit", "kind", "platform_name", "snapshot")
START_AGAIN = (
    "To start again: take `last` from GET /changes?after=0&snapshot=true, read all lists (GET /orders, "
    "GET /inventory), and then go on with GET /changes?after=<last>."
)


class StartAgain(APIException):
    """410: what comes after this number is no longer there."""

    status_code = status.HTTP_410_GONE
    default_code = "changes_no_longer_kept"


class ChangeSerializer(serializers.Serializer[Any]):
    """One thing that became different. It holds neither values nor personal data: ask for the object itself."""

    sequence = serializers.IntegerField(help_text="Without gaps, across all kinds and platforms.")
    at = serializers.DateTimeField(help_text="When it was written, by the clock of OMS (UTC).")
    kind = serializers.ChoiceField(choices=Change.Kind.choices)
    platform = serializers.CharField(help_text="The platform's name; empty where it was deleted.")
    platform_id = serializers.IntegerField()
    id = serializers.IntegerField(help_text="Of the order, stock row, failure, sync or platform.")
    external_id = serializers.CharField(
        help_text="The order id, SKU, record id or name of the platform; else empty."
    )
    fields = serializers.ListField(  # type: ignore[assignment]  # the stable name of it
        child=serializers.CharField(),
        help_text="What became different; empty where the object is new or gone.",
    )


class ChangesSerializer(serializers.Serializer[Any]):
    """A page of the feed."""

    results = ChangeSerializer(many=True)
    last = serializers.IntegerField(
        help_text="Where to read on: give it as `after`. Also where no change was found."
    )
    more = serializers.BooleanField(
        help_text="true: ask again at once; false: there is nothing more at the moment."
    )


class ChangesView(ApiViewMixin, APIView):
    """What became different, in an order in which no reader can fall behind or jump over a change.

    A transaction that began early and commits late gets a higher number than all that were handed out before.
    """

    permission_classes = (ModelPermissions,)
    queryset = Change.objects.all()
    more_errors = MappingProxyType({"GET": (410,)})
    platform_column = "pk"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "after",
                {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
                description="The `last` of the answer before; 0 at the beginning.",
            ),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MOST},
                description=f"The most changes of one answer, 1 to {MOST}.",
            ),
            OpenApiParameter(
                "kind", str, enum=Change.Kind.values, many=True, description="These kinds alone."
            ),
            OpenApiParameter("platform_name", str, description="Changes of this platform alone."),
            OpenApiParameter(
                "snapshot",
                bool,
                description="With after=0: no changes, only `last`. Read all lists after it, then go on from there.",
            ),
        ],
        responses={200: ChangesSerializer},
    )
    def get(self, request: Request) -> Response:
        """The changes after a number. Read on with `last` as `after`, at once while `more` is true.

        410 `changes_no_longer_kept` where these changes are deleted (KEEP_CHANGES_DAYS), and 410 `changes_not_known`
        where the database was restored from a back-up: start again, as the answer says.
        """
        refuse_odd_parameters(request.query_params, known=PARAMETERS, repeatable=("kind",))
        asked = request.query_params
        after = _whole_number(asked.get("after", "0"), "after", 0, 2**63 - 1)
        platform_ids = self._platform_ids(asked.get("platform_name"))
        kinds = _kinds(asked.getlist("kind"))
        limit = _whole_number(asked.get("limit", str(MOST)), "limit", 1, MOST)
        if read_flag(asked.get("snapshot", "false"), "snapshot"):
            if after:
                raise ValidationError({"snapshot": "It goes with after=0 alone."})
            return Response({"results": [], "last": last_sequence(), "more": False})
        try:
            page = changes_after(
                after,
                kinds=kinds,
                platform_ids=platform_ids,
                limit=limit,
            )
        except TooLate as error:
            raise StartAgain(f"{error} {START_AGAIN}") from None
        except NotYet as error:
            text = f"{error} The database was restored from a back-up, or it is another one. {START_AGAIN}"
            raise StartAgain(text, code="changes_not_known") from None
        return Response({"results": as_json(page.changes), "last": page.last, "more": page.more})

    def _platform_ids(self, name: str | None) -> Collection[int] | None:
        """Of the named platform, or of those that the caller is confined to; None: of all. Those that are deleted have
        changes, too."""
        if name is None:
            return visible_platforms(self.request)
        ids = list(self.confined(Platform.objects.filter(name=name)).values_list("pk", flat=True))
        if not ids:
            raise ValidationError(
                {"platform_name": "There is no platform of that name; GET /platforms lists them."}
            )
        return ids


def as_json(changes: list[Change]) -> list[dict[str, Any]]:
    """Changes as the API gives them. One query for the names of all platforms."""
    ids = {change.platform_id for change in changes}
    names = dict(Platform.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    return [change.as_data(names) for change in changes]


def _whole_number(text: str, name: str, least: int, most: int) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
    if not least <= number <= most:
        raise ValidationError({name: f"It takes a whole number from {least} to {most}."})
    return number


def _kinds(given: list[str]) -> list[str]:
    """Given several times, or joined with commas."""
    kinds = [kind for text in given for kind in text.split(",")]
    if unknown := [kind for kind in kinds if kind not in Change.Kind.values]:
        known = ", ".join(Change.Kind.values)
        raise ValidationError({"kind": f"{unknown[0]!r} is not known. It takes: {known}."})
    return kinds
