"""What our commands have in common: help with examples, a database that is there, output, and exit statuses.

0   all succeeded                       2   wrong usage; nothing was changed
1   something failed                    3   a sync ended partial, or with mock data
130 stopped with Ctrl-C                 143 stopped with SIGTERM

With `-v 0` nothing is written where all went well, for cron: on stdout only what was asked for (--json, a token, a
list), on stderr what went wrong. A pipe that nobody reads any more is no failure: core/closed_pipes.py.
"""

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO, cast

from django.conf import settings
from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
    OutputWrapper,
)
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from audit.origin import OF_SERVICE, acting_as, of_system_user
from core.database.retry import DATABASE_ERRORS
from platforms.models import Platform

FAILED, WRONG_USAGE, NOT_ALL_GOOD = 1, 2, 3
INTERRUPTED, TERMINATED = 130, 143
OUR_APPS = ("audit", "feed", "platforms", "orders", "inventory", "webhooks", "access", "integrations", "oms")


class HelpFormatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's, which keeps our line breaks in the description and the examples."""


class Nowhere:
    """A stream that nobody reads."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


@contextmanager
def without_remarks(*, quiet: bool) -> Iterator[None]:
    """Where it is quiet, nothing below a warning is logged."""
    before = logging.root.manager.disable
    if quiet:
        logging.disable(max(before, logging.INFO))
    try:
        yield
    finally:
        logging.disable(before)


class OmsCommand(BaseCommand):
    """A command that says what is wrong in a sentence. Subclasses write `run` instead of `handle`.

    They write to `self.stdout` how it went, which `-v 0` leaves out; with `result` what was asked for; with `say` and
    `warn` to people, on stderr; with `report` how something went that may have gone wrong; services with `tell`.
    """

    examples = ""
    needs_database = True
    is_service = False  # runs by itself, and for nobody at the command line

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", HelpFormatter)
        kwargs.setdefault("epilog", self.examples)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def handle(self, *_args: Any, **options: Any) -> None:
        self.is_quiet = options["verbosity"] == 0
        self._output = self.stdout
        if self.is_quiet:
            self.stdout = OutputWrapper(cast(TextIO, Nowhere()))
        try:
            with (
                without_remarks(quiet=self.is_quiet),
                acting_as(OF_SERVICE if self.is_service else of_system_user()),
            ):
                if self.needs_database:
                    check_database()
                self.run(options)
        except DATABASE_ERRORS as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped by Ctrl-C.", returncode=INTERRUPTED) from None

    def run(self, options: dict[str, Any], /) -> None:
        raise NotImplementedError

    def result(self, text: str) -> None:
        """What was asked for, such as JSON: on stdout, at once, with `-v 0` too."""
        self._output.write(text)
        self._output.flush()

    def report(self, text: str, *, good: bool) -> None:
        """How something went: on stdout; with `-v 0` on stderr, and only what did not go well."""
        if self.is_quiet and not good:
            self.warn(text)
        else:
            self.stdout.write(text)

    def tell(self, text: str) -> None:
        """What a service says as it works: on stdout. In the log where that is JSON: a line of text would break what
        reads the others."""
        if settings.LOG_FORMAT == "json":
            logging.getLogger(type(self).__module__).info("%s", text)
        else:
            self.stdout.write(text)
            self.stdout.flush()

    def say(self, text: str) -> None:
        """To people, beside the result: on stderr, uncoloured. Not with `-v 0`."""
        if not self.is_quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """What went wrong, to people: on stderr, uncoloured."""
        self.stderr.write(text, style_func=str)


def check_database() -> None:
    """Raises CommandError where there is no database, or one that a migration of ours is missing in."""
    try:
        executor = MigrationExecutor(connection)
        leaves = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] in OUR_APPS]
        missing = executor.migration_plan(leaves)
    except DatabaseError as error:
        raise CommandError(f"The database cannot be reached; nothing was done. It says: {error}") from error
    if missing:
        raise CommandError(
            "The database is not set up for this version of OMS; nothing was done. "
            "Run: python manage.py migrate"
        )


def wrong_usage(message: str) -> NoReturn:
    raise CommandError(message, returncode=WRONG_USAGE)


def platform_named(name: str) -> Platform:
    """Raises CommandError (exit status 2) naming the platforms there are."""
    platform = Platform.objects.filter(name=name).first()
    if platform is None:
        known = ", ".join(Platform.objects.values_list("name", flat=True)) or "none yet"
        wrong_usage(f"PLATFORM: there is no platform {name!r}; nothing was changed. Known: {known}.")
    return platform
