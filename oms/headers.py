"""What browsers are told about every answer: what it may load and run, and who may embed it (docs/security.md)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

SELF, NONE = "'self'", "'none'"


def policy(**directives: str) -> str:
    """A Content-Security-Policy, with _ for the hyphens of its names."""
    return "; ".join(f"{name.replace('_', '-')} {value}" for name, value in directives.items())


# For what is no page: JSON, files, exports. Were one opened as a page after all, it could do nothing.
CLOSED = policy(default_src=NONE, frame_ancestors=NONE, base_uri=NONE, form_action=NONE)
PAGE = {
    "default_src": NONE,
    "script_src": SELF,  # no inline script, none of other hosts
    # unfold writes its colours into a style element, and style attributes where it knows no class.
    "style_src": f"{SELF} 'unsafe-inline'",
    "img_src": f"{SELF} data:",
    "font_src": SELF,
    "connect_src": SELF,
    "form_action": SELF,
    "base_uri": NONE,
    "frame_ancestors": NONE,
}
PAGES = policy(**PAGE)
# unfold's Alpine is the build that makes functions of the expressions in x-data, x-show and the like. Inline scripts
# stay forbidden.
ADMIN = policy(**PAGE | {"script_src": f"{SELF} 'unsafe-eval'"})
ADMIN_ADDRESS = "/admin/"
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
        "microphone", "midi", "payment", "screen-wake-lock", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip


class SecurityHeaders:
    """Middleware, outside of the one that serves static files. What a view says itself is heeded.

    Referrer-Policy, Cross-Origin-Opener-Policy and X-Content-Type-Options are Django's SecurityMiddleware's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_for(request, response))
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def policy_for(request: HttpRequest, response: HttpResponseBase) -> str:
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        return CLOSED
    return ADMIN if request.path_info.startswith(ADMIN_ADDRESS) else PAGES
