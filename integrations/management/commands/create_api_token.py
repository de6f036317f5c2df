import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser

from access.models import LONGEST_NAME, Scope
from access.tokens import DEFAULT_DAYS, DEFAULT_SCOPES, MOST_DAYS, as_json, make_token, platform_names
from integrations.management.base import OmsCommand, platform_named, wrong_usage


class Command(OmsCommand):
    help = (
        "Make a token for the REST API, and print it alone.\n\n"
        "It is shown this once: the database keeps its hash. It allows what the user may do, as far as its\n"
        "scopes and platforms go, until it expires or is revoked, or the user's password changes, or the user\n"
        "is deactivated. Each call makes another one."
    )
    examples = (
        "examples:\n"
        "  manage.py create_api_token admin\n"
        '  TOKEN=$(manage.py create_api_token admin); curl -H "Authorization: Token $TOKEN" '
        "http://127.0.0.1:8000/platforms\n"
        '  manage.py create_api_token bi --name "BI, nightly" --scope read --platform amazon-de --expires-days 365\n\n'
        "exit status:\n  0  the token is on stdout\n  2  there is no such user, or it is inactive\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user whose rights the token has")
        parser.add_argument(
            "--name", default="made by command", help="what it is for, for the list of tokens"
        )
        parser.add_argument(
            "--scope",
            action="append",
            metavar="SCOPE",
            help=f"what it may be used for: {', '.join(Scope.values)}. May repeat; "
            f"without it: {', '.join(DEFAULT_SCOPES)}",
        )
        parser.add_argument(
            "--platform",
            action="append",
            metavar="PLATFORM",
            help="the only platform that it is for. May repeat; without it, all",
        )
        parser.add_argument(
            "--expires-days",
            metavar="N",
            default=str(DEFAULT_DAYS),
            help=f"the days after which it ends, up to {MOST_DAYS}; 0: it does not (default: {DEFAULT_DAYS})",
        )
        parser.add_argument(
            "--json", action="store_true", help="print the token with all that is known of it, as JSON"
        )

    def run(self, options: dict[str, Any], /) -> None:
        platforms = options["platform"]
        made = make_token(
            _user(options["user"]),
            name=_name(options["name"]),
            scopes=_scopes(options["scope"]),
            platform_ids=None if platforms is None else [platform_named(name).pk for name in platforms],
            days=_days(options["expires_days"]),
        )
        if not options["json"]:
            self.result(made.text)
            return
        details = as_json(made.details, platform_names([made.details]))
        self.result(json.dumps({**details, "token": made.text}))


def _user(name: str) -> Any:
    users = get_user_model()
    user = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()
    if user is None:
        wrong_usage(f"USER: there is no user {name!r}. Make one with: python manage.py createsuperuser")
    if not user.is_active:
        wrong_usage(f"USER: {name!r} is inactive, so a token would not work. Activate the user in the admin.")
    return user


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        wrong_usage(f"--name: it takes 1 to {LONGEST_NAME} characters in one line.")
    return name


def _scopes(given: list[str] | None) -> list[str]:
    scopes = [scope.value for scope in DEFAULT_SCOPES] if given is None else given
    if unknown := [scope for scope in scopes if scope not in Scope.values]:
        wrong_usage(f"--scope: there is no scope {unknown[0]!r}. It takes: {', '.join(Scope.values)}.")
    return scopes


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= MOST_DAYS):
        wrong_usage(f"--expires-days: it takes a whole number from 0 (it does not end) to {MOST_DAYS}.")
    return int(text)
