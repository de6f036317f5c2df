"""For processes that tests start: as in production, but a database problem is given up within a second."""

from oms.settings import *  # noqa: F403

DATABASE_RETRY_BACKOFF = 0.005
