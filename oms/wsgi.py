"""The WSGI entry point: `gunicorn oms.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from oms.charsets import RefusesOddCharsets
from oms.chunked import ReadsChunkedBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms.settings")

application = RefusesOddCharsets(ReadsChunkedBodies(get_wsgi_application()))
