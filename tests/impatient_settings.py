"""For processes that tests start: as in production, but trouble with the database is given up on within a second."""

from oms.settings import *  # noqa: F403

DATABASE_RETRY_BACKOFF = 0.005
