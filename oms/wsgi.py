"""The WSGI entry point: `gunicorn oms.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from oms.charsets import RefusesOddCharsets
from oms.chunked import ReadsChunkedBodies
from oms.heads import SendsHeadsAlone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms.settings")

application = SendsHeadsAlone(RefusesOddCharsets(ReadsChunkedBodies(get_wsgi_application())))
