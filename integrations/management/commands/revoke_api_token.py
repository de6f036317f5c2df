import json
from typing import Any

from django.core.management.base import CommandParser

from access.tokens import all_tokens, as_json, platform_names, revoke
from integrations.management.base import OmsCommand, wrong_usage


class Command(OmsCommand):
    help = "End a token of the REST API at once. Whoever sends it from now on is answered 401."
    examples = (
        "examples:\n"
        "  manage.py list_api_tokens\n"
        "  manage.py revoke_api_token 3\n\n"
        "exit status:\n  0  it is revoked\n  2  there is no token of this number\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="its number in list_api_tokens")
        parser.add_argument("--json", action="store_true", help="print what was known of it as JSON")

    def run(self, options: dict[str, Any], /) -> None:
        text = options["id"]
        is_number = text.isascii() and text.isdecimal() and len(text) < 19
        details = all_tokens().filter(pk=int(text)).first() if is_number else None
        if details is None:
            wrong_usage(
                f"ID: there is no token {text!r}; nothing was changed. See: manage.py list_api_tokens"
            )
        known = as_json(details, platform_names([details]))
        revoke([details])
        if options["json"]:
            self.result(json.dumps(known))
        else:
            self.stdout.write(f"Token {details.pk} ({details.name}) of {known['user']} is revoked.")
