"""`manage.py connect_oidc_user`: says who somebody is at the OpenID Connect provider."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandParser
from django.db import IntegrityError

from access.oidc.people import connect, disconnect
from access.oidc.tokens import LONGEST_SUBJECT
from integrations.management.base import OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Connect a user to an account at the OpenID Connect provider (OIDC_ISSUER), to sign in there.\n\n"
        "SUBJECT is what the provider calls the account for good (`sub`), not a name. After somebody was refused, the\n"
        "audit has it in the entry of the failed sign-in. Without SUBJECT, the user is disconnected,\n"
        "and all sessions of the user end."
    )
    examples = (
        "examples:\n  manage.py connect_oidc_user ada 248289761001\n  manage.py connect_oidc_user ada\n\n"
        "exit status:\n  0  done\n  2  nothing was changed\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user")
        parser.add_argument("subject", metavar="SUBJECT", nargs="?", default="", help="`sub` at the provider")

    def run(self, options: dict[str, Any], /) -> None:
        name, subject = options["user"], options["subject"]
        user = User.objects.filter(username=name).first()
        if user is None:
            wrong_usage(f"USER: there is no user {name!r}. Nothing was changed.")
        if not subject:
            self._disconnect(user)
            return
        if not settings.OIDC_ISSUER:
            wrong_usage("OIDC_ISSUER is not set: there is no provider to connect to. Nothing was changed.")
        if len(subject) > LONGEST_SUBJECT:
            wrong_usage(f"SUBJECT: it has at most {LONGEST_SUBJECT} characters. Nothing was changed.")
        try:
            connect(user, subject)
        except IntegrityError:
            wrong_usage(
                f"{name} is connected to an account, or {subject!r} is another user. Disconnect first: "
                f"manage.py connect_oidc_user {name}. Nothing was changed."
            )
        self.stdout.write(f"{name} signs in as {subject} of {settings.OIDC_ISSUER} now.")

    def _disconnect(self, user: User) -> None:
        done = " now, and signed in nowhere" if disconnect(user) else "; nothing was changed"
        self.stdout.write(f"{user} is connected to no account{done}.")
