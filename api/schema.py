"""What /schema says beyond what drf-spectacular finds by itself. Named in settings, and imported by that."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from api.base import HOW_TO_AUTHENTICATE

Endpoint = tuple[str, str, str, Any]  # address, pattern, method, view


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "api.base.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": HOW_TO_AUTHENTICATE}


def without_slash(endpoints: list[Endpoint]) -> list[Endpoint]:
    """A hook: each route is listed once, though it answers with a trailing slash too."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text, such as a UUID. The same request with the same key is done once in 24 hours; "
    "repeated, it is answered as the first time.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def with_headers(result: dict[str, Any], **_options: Any) -> dict[str, Any]:
    """A hook: what any request may have beside the parameters of its address."""
    for operations in result["paths"].values():
        if "post" in operations:
            operations["post"].setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result
