import json
from typing import Any

from django.core.management.base import CommandParser

from access.tokens import all_tokens, as_json, platform_names
from integrations.management.base import OmsCommand


class Command(OmsCommand):
    help = (
        "List the tokens of the REST API, the newest first: whose they are, what they may do, when they end,\n"
        "and when and from where they were last used. The tokens themselves are not stored."
    )
    examples = (
        "examples:\n"
        "  manage.py list_api_tokens\n"
        "  manage.py list_api_tokens --user bi --json\n\n"
        "exit status:\n  0  always, also where there are none\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", help="those of this user alone")
        parser.add_argument("--json", action="store_true", help="print one JSON object for each token")

    def run(self, options: dict[str, Any], /) -> None:
        tokens = all_tokens().order_by("-pk")
        if options["user"] is not None:
            tokens = tokens.filter(token__user__username=options["user"])
        names = platform_names(tokens)
        for details in tokens:
            token = as_json(details, names)
            self.result(json.dumps(token) if options["json"] else line_of(token))
        if not tokens:
            self.say("There is no token. Make one with: manage.py create_api_token USER")


def line_of(token: dict[str, Any]) -> str:
    """One token in a line, for people. Times are UTC."""
    platforms = (
        "all platforms" if token["platforms"] is None else ", ".join(token["platforms"]) or "no platform"
    )
    if token["expires_at"] is None:
        ends = "does not expire"
    else:
        ends = f"{'expired' if token['is_expired'] else 'expires'} {token['expires_at'][:10]}"
    used = "never used"
    if token["last_used_at"]:
        origin = f" from {token['last_used_from']}" if token["last_used_from"] else ""
        used = f"last used {token['last_used_at'][:16]}Z{origin}"
    scopes = ", ".join(token["scopes"]) or "no scope"
    return f"{token['id']}  {token['name']}  ({token['user']}): {scopes}; {platforms}; {ends}; {used}"
