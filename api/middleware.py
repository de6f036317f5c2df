"""What all answers of the API share, whichever view gives them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.errors import body_too_large, is_api, refusal

GetResponse = Callable[[HttpRequest], HttpResponseBase]
TOO_LARGE = "oms.body_too_large"  # set where a body comes in chunks (oms/chunked.py)


class BodyLimits:
    """413 for a body that is longer than DATA_UPLOAD_MAX_MEMORY_SIZE, before anything of it is read; 411 for one whose
    length this server does not learn, since Django would take it for empty."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or ""
        if "HTTP_TRANSFER_ENCODING" in request.META and not length:
            return refusal(
                411,
                "length_required",
                "This server reads no chunked bodies; nothing was changed. Send the body with a Content-Length.",
            )
        is_long = length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if request.META.get(TOO_LARGE) or (is_long and is_api(request)):
            return body_too_large()
        return self._get_response(request)


class RateLimitHeaders:
    """What is left of the caller's limit, on every answer that was counted (throttling.py)."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        standing = getattr(request, "rate_standing", None)
        for name, value in standing.headers.items() if standing else ():
            response[name] = value
        return response
