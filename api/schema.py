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
