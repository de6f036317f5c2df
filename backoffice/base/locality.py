"""The admin speaks its reader's language and shows times in their zone; everything else is English and UTC.

Scripts compare what the REST API says, so neither Accept-Language nor a cookie changes it.
"""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation

from core.zones import zone_named

# The browser writes its zone there (static/oms/zone.js), such as "Europe/Berlin".
ZONE_COOKIE = "oms_timezone"


class AdminLocality(LocaleMiddleware):
    """Django's rules for the language: the cookie of the language menu, then the browser's own."""

    def process_request(self, request: HttpRequest) -> None:
        if _is_admin(request):
            super().process_request(request)
            timezone.activate(zone_of(request))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Resets language and zone, so that the next request of this thread does not get them."""
        if _is_admin(request):
            response = super().process_response(request, response)
            timezone.deactivate()
            translation.deactivate()
        return response


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The zone of the reader's browser; UTC where it is unknown or invalid."""
    return zone_named(request.COOKIES.get(ZONE_COOKIE) or settings.TIME_ZONE)


def _is_admin(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/admin/", "/i18n/"))
