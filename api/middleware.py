"""What all answers of the API share, whichever view gives them."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.http import ConditionalGetMiddleware
from django.utils.cache import patch_vary_headers

from api.errors import body_too_large, is_api, refusal
from api.preconditions import CHANGED

GetResponse = Callable[[HttpRequest], HttpResponseBase]
TOO_LARGE = "oms.body_too_large"  # set where a body comes in chunks (oms/chunked.py)


class BodyLimits:
    """413 for a body that is longer than DATA_UPLOAD_MAX_MEMORY_SIZE, before anything of it is read; 411 for one whose
    length this server does not learn, since Django would take it for empty; 415 for a compressed one."""

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
        if is_api(request) and request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
            return refusal(
                415,
                "unsupported_media_type",
                "The body is compressed, which is not read; nothing was changed. Send it as it is.",
            )
        is_long = length.isdecimal() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if request.META.get(TOO_LARGE) or is_long:
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


class CacheHeaders:
    """Answers are for their reader alone, and are asked for again each time (which ETag makes cheap); what changes
    something and what went wrong is not kept at all. A view that says otherwise, such as no-store, is heeded."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if is_api(request):
            is_kept = request.method in ("GET", "HEAD") and response.status_code == HTTPStatus.OK
            response.headers.setdefault("Cache-Control", "private, no-cache" if is_kept else "no-store")
            patch_vary_headers(response, ("Authorization", "Cookie"))
        return response


class ConditionalGet(ConditionalGetMiddleware):
    """Django's ETag and 304, for the API."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not is_api(request):
            return response
        answer = super().process_response(request, response)
        if answer.status_code == HTTPStatus.PRECONDITION_FAILED != response.status_code:
            answer = refusal(412, "precondition_failed", CHANGED)
            answer.headers["Cache-Control"] = "no-store"
        return answer


class GZip(GZipMiddleware):
    """Django's gzip, which hides the length against BREACH (https://www.breachattack.com), for the API. Pages are not
    compressed: exports are sent piece by piece."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if is_api(request) else response
