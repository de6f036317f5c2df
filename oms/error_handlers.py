"""What is answered where no view did: JSON by the API's addresses and to programs, pages to people."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from api import errors
from backoffice.base.error_pages import error_page


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001  Django calls it so
    if errors.is_api(request):
        return errors.permission_denied()
    return error_page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:  # noqa: ARG001  Django calls it so
    return errors.unknown_route(request) if errors.is_api(request) else error_page(request, 404)


@csrf_exempt
def unknown_address(request: HttpRequest) -> HttpResponseBase:
    """For what begins like no route: a page for browsers, JSON for programs."""
    return error_page(request, 404) if errors.is_browser(request) else errors.unknown_route(request)
