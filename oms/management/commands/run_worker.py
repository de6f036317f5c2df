"""`manage.py run_worker`: works on queued syncs."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = (
        "Work on queued syncs until stopped: from the database, or from Redis where REDIS_URL is set. "
        "Start as many as you like. SIGTERM finishes the page in hand and puts the sync back into the queue."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is queued now, then stop")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if settings.REDIS_URL:
            self._work_from_redis(once=once)
        else:
            # Never with Django's reloader, whose restart would cut a sync short.
            call_command("db_worker", batch=once, reload=False, startup_delay=False)

    def _work_from_redis(self, *, once: bool) -> None:
        try:
            call_command(
                "rqworker",
                "default",
                burst=once,
                with_scheduler=True,  # syncs that wait for quota are queued for later
                job_class="django_tasks_rq.Job",
                # Jobs in this process: in one of their own, our handler of SIGTERM would hear nothing.
                worker_class="rq.worker.SimpleWorker",
            )
        except SystemExit as stop:
            if stop.code:
                raise CommandError("Redis does not answer at REDIS_URL; see above. Is it running?") from None
