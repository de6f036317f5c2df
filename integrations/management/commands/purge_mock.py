from typing import Any

from django.core.management.base import CommandParser

from audit.recording import record
from integrations.management.base import OmsCommand, platform_named
from integrations.sync.streams import STREAMS
from platforms.models import Platform, Source


class Command(OmsCommand):
    help = (
        "Delete the made-up orders and stock (source: mock). Live and sandbox data stay.\n\n"
        "The first successful live sync of a platform does this by itself."
    )
    examples = (
        "examples:\n"
        "  manage.py purge_mock            of all platforms, the inactive ones too\n"
        "  manage.py purge_mock amazon     of one platform\n\n"
        "exit status:\n  0  done\n  2  there is no such platform; nothing was deleted\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "platform", nargs="?", metavar="PLATFORM", help="name of one platform; all without it"
        )

    def run(self, options: dict[str, Any], /) -> None:
        name = options["platform"]
        for platform in Platform.objects.all() if name is None else [platform_named(name)]:
            record("mock_data.purged", platform)  # before: a crash leaves no purge without its entry
            deleted = [
                f"{stream.delete(platform, [Source.MOCK])} mock {stream.model._meta.verbose_name_plural}"
                for stream in STREAMS.values()
                if stream.model is not None
            ]
            self.stdout.write(f"{platform.name}: deleted {' and '.join(deleted)}.")
