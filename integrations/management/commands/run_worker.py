"""`manage.py run_worker`: works on queued syncs."""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker
from django_tasks_db.management.commands.db_worker import Worker

from audit.origin import OF_SERVICE, acting_as
from core.database.errors import classify
from core.database.retry import DATABASE_ERRORS
from core.garbage import collect_rarely
from integrations.management.base import without_remarks

logger = logging.getLogger(__name__)

TASKS_LOGGER = "django_tasks"  # tells of each message that is taken, and of those that broke
PAUSE = 5.0  # seconds, before a worker that lost the database looks for it again


class Command(BaseCommand):
    help = (
        "Work on queued syncs until stopped: from the database, or from Redis where REDIS_URL is set. "
        "Start as many as you like. SIGTERM finishes the current page and puts the sync back into the queue. "
        "--verbosity 2 tells of each message of the queue in the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is queued now, then stop")

    def handle(self, *args: Any, once: bool, verbosity: int, **options: Any) -> None:
        collect_rarely()
        with without_remarks(quiet=verbosity == 0), acting_as(OF_SERVICE):
            self._work(once=once, verbosity=verbosity)

    def _work(self, *, once: bool, verbosity: int) -> None:
        if settings.REDIS_URL:
            self._work_from_redis(once=once, verbosity=verbosity)
        else:
            DatabaseWorker().configure_logging(verbosity)
            if verbosity == 1:  # syncs tell how they end; that the queue handed one out is for those who ask
                logging.getLogger(TASKS_LOGGER).setLevel(logging.WARNING)
            self._work_from_the_database(once=once)

    def _work_from_the_database(self, *, once: bool) -> None:
        """As `manage.py db_worker`, but that would end with a traceback where the database restarts."""
        worker = Worker(
            queue_names=["default"],
            excluded_queue_names=[],
            backend_name="default",
            interval=1,
            batch=once,
            startup_delay=False,
            max_tasks=None,
            worker_id=get_random_string(32),
        )
        worker.configure_signals()
        while worker.running:
            try:
                worker.run()
                return
            except DATABASE_ERRORS as error:
                happened = classify(error).happened
                if once:
                    raise CommandError(f"{happened} What is queued stays queued.") from None
                logger.warning("%s Trying again in %.0f seconds.", happened, PAUSE)
                if worker.running:
                    time.sleep(PAUSE)  # SIGTERM ends it

    def _work_from_redis(self, *, once: bool, verbosity: int) -> None:
        try:
            call_command(
                "rqworker",
                "default",
                burst=once,
                verbosity=verbosity,
                with_scheduler=True,  # syncs that wait for quota are queued for later
                serializer="rq.serializers.JSONSerializer",  # the classes of settings.RQ take no other
            )
        except SystemExit as stop:
            if stop.code:
                raise CommandError("Redis does not answer at REDIS_URL; see above. Is it running?") from None
