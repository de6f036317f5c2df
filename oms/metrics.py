"""GET /metrics: figures for Prometheus, for whoever has METRICS_TOKEN."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from api.errors import refusal
from monitoring.exposition import exposition
from oms import __version__
from oms.health import only_get

OFF = (
    "Metrics are switched off. To switch them on, set METRICS_TOKEN in the environment of the web process and restart "
    "it; docs/monitoring.md says how."
)
REFUSED = "Metrics are for whoever knows METRICS_TOKEN: send it as Authorization: Bearer …"


@never_cache
@csrf_exempt
def metrics(request: HttpRequest) -> HttpResponse:
    """200 with what can be read, 401 without the token, 404 where no token is set."""
    if not settings.METRICS_TOKEN:
        return refusal(404, "metrics_are_off", OFF)
    if not may_read(request.headers.get("Authorization", "")):
        response = refusal(401, "not_authenticated", REFUSED)
        response["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return response
    if request.method not in ("GET", "HEAD"):
        return only_get()
    return HttpResponse(exposition(__version__), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def may_read(authorization: str) -> bool:
    """Whether the header has the token; takes as long for a token that is nearly right as for any other."""
    scheme, _, token = authorization.partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token.strip(), settings.METRICS_TOKEN)
