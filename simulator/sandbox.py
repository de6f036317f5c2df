"""Amazon's static sandbox, played from model files that the caller has: canned answers to exact parameters, and to an
exact body of JSON where there is one.

The cases are the `x-amzn-api-sandbox.static` entries of the model, see
https://developer-docs.amazon.com/sp-api/docs/sp-api-sandbox.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from simulator.errors import Refused, invalid
from simulator.lwa import INVALID_GRANT, check_form, form_params, grant, lwa_error
from simulator.server import check_request, decode_query
from simulator.tokens import AccessTokens
from simulator.wire import TOKEN_PATH, Canned, HttpServer, Request

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: answers when exactly these parameters are sent, and this body (None: none). The values of a list are
    kept sorted."""

    parameters: dict[str, str | list[str]]
    body: Json | None
    status: int
    response: Json

    def matches(self, params: dict[str, str], body: Json | None) -> bool:
        is_same = params.keys() == self.parameters.keys() and body == self.body
        return is_same and all(
            sorted(params[name].split(",")) == value if isinstance(value, list) else params[name] == value
            for name, value in self.parameters.items()
        )


@dataclass(frozen=True, slots=True)
class Route:
    operation: str
    method: str
    path: re.Pattern[str]
    cases: tuple[Case, ...]


class StaticSandbox(HttpServer):
    """The GET operations of Amazon's model files, and those POST operations whose cases have a body.

    refresh_tokens   the refresh tokens that LWA accepts; None: any, with any client
    """

    def __init__(
        self, *model_paths: str | Path, refresh_tokens: Collection[str] | None = None, port: int = 0
    ) -> None:
        super().__init__(port)
        models = [json.loads(Path(path).read_text(encoding="utf-8")) for path in model_paths]
        self._routes = tuple(route for model in models for route in _routes(model))
        self._refresh_tokens = refresh_tokens
        self._tokens: AccessTokens[str] = AccessTokens(time.time)

    def expire_tokens(self) -> None:
        """All access tokens handed out so far are expired from now on."""
        self._tokens.expire_all()

    def route(self, request: Request) -> tuple[str, dict[str, str]]:
        if request.path == TOKEN_PATH:
            return "token", form_params(request)
        params = decode_query(request.query)
        for route in self._routes:
            match = route.path.fullmatch(request.path)
            if match and request.method == route.method:
                in_path = {name: unquote(value) for name, value in match.groupdict().items()}
                return route.operation, params | in_path
        return "unknown", params

    def respond(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        if operation == "token":
            return self._token(request.method, params)
        try:
            check_request(operation, request)
            self._tokens.owner(request.headers.get("x-amz-access-token", ""))
            return self._case(operation, params, _body(request))
        except Refused as error:
            return error.answer()

    def _case(self, operation: str, params: dict[str, str], body: Json | None) -> Canned:
        for route in self._routes:
            for case in route.cases if route.operation == operation else ():
                if case.matches(params, body):
                    if case.status == 204:
                        return Canned(204)
                    return Canned.json(case.status, case.response)
        raise invalid("The parameters are those of no static sandbox case.")

    def _token(self, method: str, form: dict[str, str]) -> Canned:
        refusal = check_form(method, form)
        if refusal is not None:
            return refusal
        if self._refresh_tokens is not None and form.get("refresh_token", "") not in self._refresh_tokens:
            return lwa_error(400, "invalid_grant", INVALID_GRANT)
        return grant(self._tokens.issue(form.get("refresh_token", "")), form.get("refresh_token", ""))


def _routes(model: Json) -> Iterator[Route]:
    for path, methods in model["paths"].items():
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        for method in {"get", "post"} & methods.keys():
            operation = methods[method]
            cases = tuple(_cases(operation))
            if method == "get" or any(case.body for case in cases):
                yield Route(operation["operationId"], method.upper(), pattern, cases)


def _cases(operation: Json) -> Iterator[Case]:
    for status, response in operation["responses"].items():
        for case in response.get("x-amzn-api-sandbox", {}).get("static", ()):
            values = case["request"].get("parameters", {})
            parameters = {name: _value(given["value"]) for name, given in values.items() if name != "body"}
            body = values["body"]["value"] if "body" in values else None
            yield Case(parameters, body, int(status), case["response"])


def _body(request: Request) -> Json | None:
    try:
        return json.loads(request.body) if request.method == "POST" else None
    except ValueError:
        return None


def _value(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return sorted(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
