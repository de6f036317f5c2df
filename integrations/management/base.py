"""What our commands have in common: help with examples, a database that is there, and exit statuses.

0   all succeeded                       2   wrong usage; nothing was changed
1   something failed                    3   a sync ended partial, or with mock data
130 stopped with Ctrl-C                 143 stopped with SIGTERM
"""

import argparse
import os
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from core.database.retry import DATABASE_ERRORS
from platforms.models import Platform

FAILED, WRONG_USAGE, NOT_ALL_GOOD = 1, 2, 3
INTERRUPTED, TERMINATED = 130, 143
OUR_APPS = ("platforms", "orders", "inventory", "webhooks", "integrations", "oms")


class HelpFormatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's, which keeps our line breaks in the description and the examples."""


class OmsCommand(BaseCommand):
    """A command that says what is wrong in a sentence. Subclasses write `run` instead of `handle`."""

    examples = ""
    needs_database = True

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs.setdefault("formatter_class", HelpFormatter)
        kwargs.setdefault("epilog", self.examples)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if self.needs_database:
                check_database()
            self.run(options)
        except DATABASE_ERRORS as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped by Ctrl-C.", returncode=INTERRUPTED) from None
        except BrokenPipeError:
            # `… | head`: nobody reads any more. Python would complain while flushing at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise SystemExit(FAILED) from None

    def run(self, options: dict[str, Any], /) -> None:
        raise NotImplementedError

    def say(self, text: str) -> None:
        """To people, beside the result: on stderr, uncoloured."""
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
