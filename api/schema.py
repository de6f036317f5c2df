"""What /schema says beyond what drf-spectacular finds by itself. Named in settings, and imported by that."""

from typing import Any

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme

Endpoint = tuple[str, str, str, Any]  # address, pattern, method, view


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    target_class = "api.base.TokenAuthentication"


def without_slash(endpoints: list[Endpoint]) -> list[Endpoint]:
    """A hook: each route is listed once, though it answers with a trailing slash too."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]
