import getpass
import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from integrations.as_json import about
from integrations.errors import ConfigError, PlatformError
from integrations.lookup.secret_rotation import ask_for_secret, rotation_of, take_secret
from integrations.management.base import FAILED, OmsCommand, platform_named, wrong_usage
from platforms.models import Platform


class Command(OmsCommand):
    help = (
        "Replace the client secret of a platform's application by a new one, in two steps.\n\n"
        "First the platform is asked to make one; it sends it to a queue of yours, which OMS does not read. Then,\n"
        "with --take, OMS tries what arrived there, and stores it for all platforms of the same application. Until\n"
        "then, nothing changes: the old secret stays stored, and goes on at the platform for a while."
    )
    examples = (
        "examples:\n"
        "  manage.py rotate_client_secret amazon                          ask for a new secret\n"
        "  manage.py rotate_client_secret amazon --take                   type or paste it; it is not shown\n"
        "  manage.py rotate_client_secret amazon --take < message.json    the message of the queue, or the secret\n"
        "  manage.py rotate_client_secret amazon --take --from-file /run/secrets/new\n\n"
        "exit status:\n"
        "  0  it was asked for, or stored for all platforms of the application\n"
        "  1  it was refused, or not stored for all of them\n"
        "  2  wrong usage; nothing was changed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("platform", metavar="PLATFORM", help="name of a platform of the application")
        parser.add_argument("--take", action="store_true", help="try the new secret, and store it")
        parser.add_argument("--from-file", metavar="FILE", help="where the new secret or the message is")
        parser.add_argument(
            "--json",
            action="store_true",
            help="one JSON object on stdout: what comes next; with --take one a line for each platform",
        )

    def run(self, options: dict[str, Any], /) -> None:
        platform = platform_named(options["platform"])
        if options["from_file"] and not options["take"]:
            wrong_usage("--from-file goes with --take; nothing was changed.")
        try:
            if options["take"]:
                self._take(platform, options)
            else:
                self._ask(platform, options)
        except ConfigError as error:
            wrong_usage(f"{error} Nothing was changed.")
        except PlatformError as error:
            self.warn(f"{error} The stored secret stays as it is.")
            sys.exit(FAILED)

    def _ask(self, platform: Platform, options: dict[str, Any]) -> None:
        rotation = rotation_of(platform)
        ask_for_secret(platform)
        if options["json"]:
            self.result(json.dumps({**about(platform), "next_step": str(rotation.next_step)}))
            return
        self.stdout.write(f"{platform.name}: a new client secret was asked for. {rotation.next_step}")
        self.say(f"Then: manage.py rotate_client_secret {platform.name} --take")

    def _take(self, platform: Platform, options: dict[str, Any]) -> None:
        taken = take_secret(platform, _pasted(options["from_file"]))
        for each in taken:
            if options["json"]:
                outcome = {"stored": each.problem is None, "problem": each.problem or ""}
                self.result(json.dumps({**about(each.platform), **outcome}))
            if each.problem is not None:
                self.warn(f"{each.platform.name} keeps the secret it had. {each.problem}")
            elif not options["json"]:
                self.stdout.write(f"{each.platform.name}: the new secret works, and is stored.")
        if any(each.problem is not None for each in taken):
            sys.exit(FAILED)


def _pasted(file: str | None) -> str:
    if file:
        try:
            return Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            wrong_usage(f"--from-file: {file} cannot be read; nothing was changed.")
    if sys.stdin.isatty():
        return getpass.getpass("New client secret (not shown): ")
    return sys.stdin.read()
