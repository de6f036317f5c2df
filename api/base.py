"""What all addresses of the REST API share: permissions, parsing, and two exceptions for refusals.

Imports nothing of rest_framework.views, which reads the settings that name the classes here.
"""

import codecs
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.urls import reverse
from rest_framework import exceptions, status
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.parsers import JSONParser as RestJSONParser
from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions, IsAuthenticated
from rest_framework.request import Request
from rest_framework.utils import json

from access.confinement import visible_platforms
from access.models import ApiToken, Scope
from access.second_factor.sessions import is_fresh
from access.tokens import note_use
from api.guesses import find_unless_guessed
from api.idempotency import claim, settle
from api.models import IdempotentAnswer
from api.throttling import remember_valid
from core.addresses import client_address
from platforms.models import SYNC_PERMISSION

if TYPE_CHECKING:
    from rest_framework.views import APIView


class Conflict(exceptions.APIException):
    """409: the request is understood, but not possible as things stand."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Invalid(exceptions.APIException):
    """400 with a sentence of its own. `fields` is {name: text} of what is wrong."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid"

    def __init__(self, detail: str, fields: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.fields = {name: [text] for name, text in fields.items()}


HOW_TO_AUTHENTICATE = (
    "Send one with each request, as the header `Authorization: Bearer …`. `manage.py create_api_token USER` makes it; "
    "ask whoever runs this OMS."
)
WITH_A_BODY = {"PUT", "PATCH"}
MAY_HAVE_A_BODY = {"POST", *WITH_A_BODY}
SCHEMES = (b"bearer", b"token")


class TokenAuthentication(BaseAuthentication):
    """A token of the app `access`, as `Bearer` (RFC 6750) or as `Token`. `request.auth` is its ApiToken. One query."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, ApiToken] | None:
        scheme, *tokens = get_authorization_header(request).split() or [b""]
        if scheme.lower() not in SCHEMES:
            return None
        try:
            (token,) = tokens
            found = find_unless_guessed(request._request, token.decode())
        except ValueError:  # several words, or no UTF-8
            found = None
        if found is None or not found.user.is_active:
            raise exceptions.AuthenticationFailed(
                f"The token is not known here, was revoked, or its user was switched off. {HOW_TO_AUTHENTICATE}"
            )
        if found.is_expired:
            text = f"The token {found.name!r} expired at {found.expires_at:%Y-%m-%d %H:%M} UTC. Nothing was done."
            raise exceptions.AuthenticationFailed(f"{text} {HOW_TO_AUTHENTICATE}", code="token_expired")
        remember_valid(found.token_id)
        note_use(found, client_address(request._request))
        return found.user, found

    def authenticate_header(self, request: Request) -> str:
        """For WWW-Authenticate. https://www.rfc-editor.org/rfc/rfc6750#section-3"""
        sent = get_authorization_header(request).split()[:1]
        error = ', error="invalid_token"' if sent and sent[0].lower() in SCHEMES else ""
        return f'Bearer realm="OMS"{error}, Token realm="OMS"'


class ScopeMissing(exceptions.PermissionDenied):
    """403: the user may do this, and the token may not."""

    default_code = "scope_missing"

    def __init__(self, scope: Scope) -> None:
        super().__init__(
            f"This token does not have the scope `{scope}`, which this needs. Nothing was done. The scopes of a token "
            f"do not change: make another one, in the admin or with `manage.py create_api_token USER --scope {scope}`."
        )


class NotConfirmed(exceptions.PermissionDenied):
    """403: the session of somebody who has not shown of late that it is he."""

    default_code = "not_confirmed"

    def __init__(self) -> None:
        super().__init__(
            "Before buyer data is read, or credentials or secrets are changed, with the admin's session, confirm that "
            "it is you: /admin/confirm/. Nothing was done. A token does not need it."
        )


def require_scope(request: Request, scope: Scope) -> None:
    """Of tokens, beside the scope that the address needs. Raises ScopeMissing."""
    if isinstance(request.auth, ApiToken) and scope not in request.auth.scopes:
        raise ScopeMissing(scope)


def require_confirmation(request: Request) -> None:
    """Of sessions; for a token, its scopes and its end stand in. Raises NotConfirmed."""
    if isinstance(request.successful_authenticator, SessionAuthentication) and not is_fresh(request._request):
        raise NotConfirmed


class ModelPermissions(DjangoModelPermissions):
    """Django's permissions of the view's model; reading needs view_*, which the base class leaves open."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": ["%(app_label)s.view_%(model_name)s"],
    }


def address_of(request: Request, route: str, pk: Any = None) -> str:
    """For the header Location, or a link: the full address of a route, such as "sync-log" with its id."""
    return request.build_absolute_uri(reverse(route, args=None if pk is None else [pk]))


class ApiViewMixin:
    """Mixin of every view of the API, in front of REST framework's class: what holds for any request."""

    # Says of which platform a row is. Rows of platforms that the caller is not for are not there.
    platform_column = "platform"

    # Actions of a viewset that take no body: one that came would look as if it had been heeded.
    actions_without_body: tuple[str, ...] = ()
    # For the schema: what can come beside what any view answers, by method.
    more_errors: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    # What a token needs, by action or method, where it is not `read` for looking and `manage` for changing.
    scopes: Mapping[str, Scope] = MappingProxyType({})
    _claimed: IdempotentAnswer | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises ValidationError for a body that is missing, or that nobody reads, and what `claim` raises."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if not hasattr(self, str(request.method).lower()):
            return  # 405 comes next
        self.refuse_parameters(request)
        if request.method not in MAY_HAVE_A_BODY and request._request.body:
            raise exceptions.ValidationError(
                "A request of this method has no body, and nothing was done. Parameters stand in the address."
            )
        if request.method == "POST":
            self._claimed = claim(request)
        if request.method in WITH_A_BODY and request.data in ({}, None):
            raise exceptions.ValidationError(
                "The body is empty. Send a JSON object with what is to be changed."
            )
        if getattr(self, "action", None) in self.actions_without_body and request.data not in ({}, None):
            raise exceptions.ValidationError("This takes no body, and nothing was done. Leave it out.")

    def check_permissions(self, request: Request) -> None:
        """What the user may do, and then what the token may. What is refused counts against the limit as well: REST
        framework would count behind this. Raises ScopeMissing, NotConfirmed."""
        super().check_throttles(request)  # type: ignore[misc]
        super().check_permissions(request)  # type: ignore[misc]
        method = str(request.method)
        if not hasattr(self, method.lower()):
            return  # 405 comes next
        scope = self.scope_of(method)
        if not isinstance(request.auth, ApiToken):  # a session of the admin
            if scope == Scope.BUYER_DATA:
                require_confirmation(request)
            return
        if scope not in request.auth.scopes:
            raise ScopeMissing(scope)

    def check_throttles(self, request: Request) -> None:
        """Done by check_permissions."""

    def scope_of(self, method: str) -> Scope:
        """The scope that a token needs for this request, or for this operation of the schema."""
        usual = Scope.READ if method in SAFE_METHODS else Scope.MANAGE
        action = getattr(self, "action", None)
        return self.scopes.get(str(action)) or self.scopes.get(method) or usual

    def confined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those that the caller may see. Whatever a view answers, changes or starts goes through here."""
        ids = visible_platforms(self.request)  # type: ignore[attr-defined]
        return rows if ids is None else self.confine(rows, ids)

    def confine(self, rows: QuerySet[Any], ids: Collection[int]) -> QuerySet[Any]:
        """The rows of these platforms."""
        return rows.filter(**{f"{self.platform_column}__in": ids})

    def refuse_parameters(self, request: Request) -> None:
        """For views to say which parameters an address takes. Raises ValidationError."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        if self._claimed is not None:
            response.add_post_render_callback(partial(settle, self._claimed))
        return response


class MaySync(IsAuthenticated):
    """For starting and cancelling syncs."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return super().has_permission(request, view) and request.user.has_perm(SYNC_PERMISSION)


class JSONParser(RestJSONParser):
    """JSON, refusing names that are given twice, since one of the values would get lost, nesting that exhausts the
    stack, and half surrogate pairs, which no database stores."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            value = self._read(stream, (parser_context or {}).get("encoding", settings.DEFAULT_CHARSET))
            storable = all(_is_storable(text) for text in _texts(value))
        except RecursionError:
            raise exceptions.ParseError("JSON parse error - it is nested too deeply.") from None
        if not storable:
            raise exceptions.ParseError(
                "JSON parse error - it holds a NUL or half of a character (\\u0000, \\ud800…)."
            )
        return value

    @staticmethod
    def _read(stream: Any, encoding: str) -> Any:
        """REST framework's, which cannot be given the hook."""
        try:
            text: Any = codecs.getreader(encoding)(stream)
            return json.load(text, object_pairs_hook=_object_of)
        except ValueError as error:
            raise exceptions.ParseError(f"JSON parse error - {error}") from None


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that is given twice."""
    read = dict(pairs)
    if len(read) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _value in pairs).items() if count > 1)
        raise ValueError(f"{twice[:64]!r} is given more than once.")
    return read


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
