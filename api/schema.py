"""What /schema says beyond what drf-spectacular finds by itself. Named in settings, and imported by that.

Every operation gets the errors that can come, by its method, address and view; a new view has them by itself.
"""

import json
from collections.abc import Iterator
from typing import Any

from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.plumbing import build_parameter_type
from rest_framework.serializers import ChoiceField

from access.models import Scope
from api.base import HOW_TO_AUTHENTICATE
from api.filters import MOST_VALUES, SeveralFilter
from api.idempotency import KEY_PATTERN, LONGEST_KEY
from integrations.channel import CredentialField, Input
from integrations.errors import ConfigError
from integrations.registry import CHANNELS

SCOPES = {
    Scope.READ: "every GET but that of buyer data",
    Scope.SYNC: "start, cancel and replay syncs, dismiss failures, check connections",
    Scope.SHIP: "ship orders, correct shipments",
    Scope.MANAGE: "write platforms, webhooks, stock thresholds and legal holds",
    Scope.BUYER_DATA: "read and erase buyer data",
}
Endpoint = tuple[str, str, str, Any]  # address, pattern, method, view
JsonSchema = dict[str, Any]

ERROR: JsonSchema = {
    "type": "object",
    "description": "What went wrong: a stable word for programs, a sentence for people.",
    "properties": {
        "code": {"type": "string", "description": "A stable word, such as `invalid` or `not_found`."},
        "detail": {
            "type": "string",
            "description": "What happened, and what to do next. Its wording may change.",
        },
        "fields": {
            "type": "object",
            "description": "Where single fields or parameters are wrong: their names, and what is wrong with each.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["code", "detail"],
    "example": {
        "code": "not_found",
        "detail": "There is nothing with this id, or you named one that is gone.",
    },
}
RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
}
CHALLENGE = {"WWW-Authenticate": {"description": "Bearer or Token.", "schema": {"type": "string"}}}
# Status: name, what it means, headers.
ANSWERS: dict[int, tuple[str, str, JsonSchema]] = {
    304: ("NotModified", "Nothing has changed since the answer whose ETag was sent as If-None-Match.", {}),
    400: ("Invalid", "A parameter, or something in the body, is wrong. Nothing was changed.", {}),
    401: ("Unauthenticated", f"There is no token, or it is not valid. {HOW_TO_AUTHENTICATE}", CHALLENGE),
    403: ("Forbidden", "The user does not have the permission, or the token not the scope.", {}),
    404: ("NotFound", "There is no such thing, or it is gone.", {}),
    406: ("NotAcceptable", "The header Accept asks for another format than JSON.", {}),
    409: ("Conflict", "It is not possible as things stand. `code` and `detail` say why.", {}),
    410: ("Gone", "What comes after this number is not kept any more. `detail` says how to start again.", {}),
    412: ("PreconditionFailed", "It is not what it was when its ETag was read. Nothing was changed.", {}),
    413: ("TooLarge", "The body is longer than this installation takes. Nothing was changed.", {}),
    415: ("UnsupportedMediaType", "The body is not sent as application/json. Nothing was changed.", {}),
    422: ("KeyReused", "The Idempotency-Key belongs to another request. Nothing was done.", {}),
    429: ("TooManyRequests", "The requests of this minute are used up. Nothing was done.", RETRY_AFTER),
    500: ("InternalError", "OMS made a mistake. Look what was stored before you repeat a change.", {}),
    503: (
        "Unavailable",
        "The database cannot be used now. Look what was stored before you repeat a change.",
        {},
    ),
}
ALWAYS = (400, 401, 403, 406, 429, 500, 503)
WITH_BODY = (413, 415)
BY_METHOD: dict[str, tuple[int, ...]] = {
    "GET": (304,),
    "POST": (*WITH_BODY, 409, 422),
    "PUT": (*WITH_BODY, 412),
    "PATCH": (*WITH_BODY, 412),
    "DELETE": (412,),
}
DO = {
    "list": "List {many}",
    "retrieve": "Get one of the {many}",
    "create": "Add one to the {many}",
    "update": "Change one of the {many}",
    "partial_update": "Change one of the {many}",
    "destroy": "Delete one of the {many}",
}
ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
NO_NUL = r"^[^\u0000]*$"  # which databases do not take
LOCATION = {
    "Location": {"description": "The address of what was made or started.", "schema": {"type": "string"}}
}


class AutoSchema(SpectacularAutoSchema):
    """DEFAULT_SCHEMA_CLASS: adds summaries, and the errors that can come."""

    def get_summary(self) -> str | None:
        """What @extend_schema says, else by the action, else the first sentence of the description."""
        given: str | None = super().get_summary()
        pattern = DO.get(getattr(self.view, "action", None) or "")
        if given or pattern:
            return given or str(pattern).format(many=self._tokenize_path()[0].replace("-", " "))
        first = (self.get_description() or "").partition("\n\n")[0].replace("\n", " ").partition(". ")[0]
        return first.partition(": ")[0].rstrip(".")

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """A field that is only read may be empty where its column may be."""
        model = getattr(getattr(field.parent, "Meta", None), "model", None)
        if field.read_only and isinstance(field, ChoiceField) and model is not None:
            field.allow_blank = model._meta.get_field(field.source).blank
        return super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]

    def get_auth(self) -> list[dict[str, list[str]]]:
        """With the scope that a token needs: https://spec.openapis.org/oas/v3.1.1.html#security-requirement-object"""
        ways: list[dict[str, list[str]]] = super().get_auth()
        scope = str(self.view.scope_of(self.method)) if hasattr(self.view, "scope_of") else ""
        return [{"token": [scope]} if "token" in way and scope else way for way in ways]

    def get_request_serializer(self) -> Any:
        """A PUT of this API keeps what is not given, as a PATCH does."""
        serializer: Any = super().get_request_serializer()
        if self.method == "PUT" and hasattr(serializer, "partial"):
            serializer.partial = True
        return serializer

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answers: dict[str, Any] = super()._get_response_bodies(direction)
        codes = {*ALWAYS, *BY_METHOD.get(self.method, ())}
        more = getattr(self.view, "more_errors", {})  # by method, or by action
        codes |= {*more.get(self.method, ()), *more.get(getattr(self.view, "action", None), ())}
        if "{" in self.path:
            codes.add(404)
        for code in sorted(codes):
            own = answers.get(str(code))
            if own is None:
                answers[str(code)] = {"$ref": f"#/components/responses/{ANSWERS[code][0]}"}
            else:
                _allow_error(own)
        for status in {"201", "202"} & set(answers):
            answers[status]["headers"] = LOCATION
        return dict(sorted(answers.items()))


def _allow_error(answer: JsonSchema) -> None:
    """A status that a view describes itself may come with the plain error as well."""
    content = answer["content"]["application/json"]
    content["schema"] = {"anyOf": [content["schema"], {"$ref": "#/components/schemas/Error"}]}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.base.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        scopes = " ".join(f"`{scope}`: {SCOPES[scope]}." for scope in Scope)
        text = f"{HOW_TO_AUTHENTICATE} What an operation needs is listed with it, as its `security`. Scopes: {scopes}"
        return {"type": "http", "scheme": "bearer", "description": text}


class ApiConfigSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The credentials: by channel where they are written, a summary where they are read."""

    target_class = "api.platforms.ApiConfigField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> JsonSchema:
        if direction == "response":
            return STORED_CREDENTIALS
        channels = [_credentials_of(channel) for channel in CHANNELS.values()]
        return {
            "description": "All credentials, in place of the stored ones. They are never shown again. What GET "
            "answers here leaves the stored ones as they are.",
            **(channels[0] if len(channels) == 1 else {"anyOf": channels}),
        }


STORED_CREDENTIALS: JsonSchema = {
    "type": "object",
    "description": "What is stored of the credentials, without them.",
    "properties": {
        "fields": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The names of the values that are stored.",
        },
        "client_id": {
            "type": "string",
            "description": "The last four characters of the client id, after …; empty where there is none.",
        },
        "problem": {
            "type": "string",
            "description": "Why what is stored cannot be read; empty where it can.",
        },
    },
    "required": ["client_id", "fields", "problem"],
}


def _credentials_of(channel: Any) -> JsonSchema:
    """By the channel's form. What has to be given is what the channel misses where nothing is."""
    fields = {entry.name: _value_of(entry) for entry in channel.credentials.fields}
    given = {name: value for name, value in fields.items() if value}
    given |= {name: {"type": "string"} for name in channel.credentials.shown_at}
    try:
        channel.credentials.check({})
        required: set[str] = set()
    except ConfigError as error:
        required = set(error.fields) & set(given)
    return {
        "type": "object",
        "properties": given,
        "additionalProperties": False,
        **({"required": sorted(required)} if required else {}),
    }


def _value_of(entry: CredentialField) -> JsonSchema:
    """{} for a switch: it stands for other values, which a program writes itself."""
    if entry.input is Input.SWITCH:
        return {}
    text: JsonSchema = {"type": "string"}
    if entry.choices is not None:
        text["enum"] = sorted(choice.value for choice in entry.choices())
    if entry.input is Input.CHOICES:
        return {"type": "array", "items": text}
    if entry.input is Input.SECRET:
        text["format"] = "password"
    return text


class ErasureRequestSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """One of those that may be named, as ErasureRequestSerializer.validate takes them."""

    target_class = "api.privacy.ErasureRequestSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> JsonSchema:
        schema: JsonSchema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        of_orders = {"anyOf": [{"required": ["order"]}, {"required": ["platform"]}]}
        return {**schema, "oneOf": [{"required": ["email"]}, of_orders]}


class FilterExtension(DjangoFilterExtension):  # type: ignore[no-untyped-call]
    """Knows filters that take several values."""

    target_class = "api.filters.FilterBackend"
    priority = 1

    def resolve_filter_field(
        self, auto_schema: Any, model: Any, filterset_class: Any, field_name: str, filter_field: Any
    ) -> list[dict[str, Any]]:
        if not isinstance(filter_field, SeveralFilter):
            found: list[dict[str, Any]] = super().resolve_filter_field(  # type: ignore[no-untyped-call]
                auto_schema, model, filterset_class, field_name, filter_field
            )
            return found
        parameter = build_parameter_type(
            name=field_name,
            location="query",
            description=filter_field.label,
            schema={"type": "array", "items": dict(filter_field.item), "maxItems": MOST_VALUES},
            style="form",
            explode=not filter_field.commas,
        )
        return [parameter]


def without_slash(endpoints: list[Endpoint]) -> list[Endpoint]:
    """A hook: each route is listed once, though it answers with a trailing slash too."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text, such as a UUID. The same request with the same key is done once in 24 hours; "
    "repeated, it is answered as the first time.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": KEY_PATTERN},
}


IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag that a GET of this address answered: 412, and nothing is changed, where it would answer "
    "something else now.",
    "schema": {"type": "string"},
}


HEADERS = {"post": IDEMPOTENCY_KEY, "put": IF_MATCH, "patch": IF_MATCH, "delete": IF_MATCH}


def with_headers(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """A hook: what any request may have beside the parameters of its address."""
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if header := HEADERS.get(method):
                operation.setdefault("parameters", []).append(header)
    return result


def with_errors(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """A hook: the components that AutoSchema refers to."""
    as_json = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    components = result["components"]
    components["schemas"]["Error"] = ERROR
    components["responses"] = {
        name: {
            "description": text,
            **({"headers": headers} if headers else {}),
            **({} if code < 400 else {"content": as_json}),
        }
        for code, (name, text, headers) in ANSWERS.items()
    }
    return result


def exact(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """A hook: bodies take no other field than those described, empty parameters are none, and labels of the admin
    and components that nothing refers to are left out."""
    schemas = result["components"]["schemas"]
    while unused := _unused(result):
        for name in unused:
            del schemas[name]
    for name, schema in result["components"]["schemas"].items():
        if schema.get("type") == "object" and name.endswith("Request"):
            schema["additionalProperties"] = False
            for field in schema.get("properties", {}).values():
                _one_line(field)
            if name.startswith("Patched"):
                schema["minProperties"] = 1
    for schema in _properties(result["components"]["schemas"]):
        schema.pop("title", None)
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if method in ("put", "patch"):
                operation["requestBody"]["required"] = True
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    parameter["schema"] = _query(parameter["schema"], parameter.get("explode", True))
    return result


def _one_line(field: JsonSchema) -> None:
    """Text of a body has neither line breaks nor control characters (bodies.py)."""
    if field.get("type") == "array":
        _one_line(field["items"])
    elif field.get("type") == "string" and not {"enum", "format", "pattern"} & set(field):
        field["pattern"] = ONE_LINE


def _query(schema: JsonSchema, is_repeated: bool) -> JsonSchema:
    """A parameter of the address: an empty one is refused, and so is an empty value of several."""
    if schema.get("type") == "array":
        items = _query(schema["items"], True)
        if not is_repeated and items.get("type") == "string" and "enum" not in items:
            items = {**items, "pattern": r"^[^,\u0000]+$"}
        if items.get("type") == "integer":
            items = {"minimum": 0, "maximum": 10**18 - 1, **items}  # ids
        return {"minItems": 1, **schema, "items": items}
    if schema.get("format") == "date-time":
        return {"anyOf": [schema, {"type": "string", "format": "date"}]}  # a date alone is its first moment
    if schema.get("type") == "string" and not {"enum", "format"} & set(schema):
        return {"minLength": 1, "pattern": NO_NUL, **schema}
    return schema


def _unused(result: dict[str, Any]) -> list[str]:
    """Names of schemas that nothing refers to."""
    text = json.dumps(result, default=str)  # texts may wait to be translated
    return [name for name in result["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]


def _properties(schemas: dict[str, JsonSchema]) -> Iterator[JsonSchema]:
    for schema in schemas.values():
        yield from schema.get("properties", {}).values()
