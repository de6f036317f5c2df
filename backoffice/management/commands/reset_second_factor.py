"""`manage.py reset_second_factor`: lets somebody in who has lost his app and his recovery codes."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser

from access.second_factor.factors import remove_factor
from integrations.management.base import OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Take the second factor of a user away, who signs in with the password alone then.\n\n"
        "Make sure beforehand that it is the user who asks. Where SECOND_FACTOR says that the user needs one, the\n"
        "next sign-in leads to setting up another one. It is recorded in the audit."
    )
    examples = (
        "example:\n  manage.py reset_second_factor jo\n\n"
        "exit status:\n  0  the user has no second factor now\n  2  there is no such user\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user")

    def run(self, options: dict[str, Any], /) -> None:
        name, users = options["user"], get_user_model()
        user = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()
        if user is None:
            wrong_usage(f"USER: there is no user {name!r}. Nothing was changed.")
        if remove_factor(user, action="factor.reset"):
            self.stdout.write(f"The second factor of {name} is gone, and so are the recovery codes.")
        else:
            self.stdout.write(f"{name} has no second factor; nothing was changed.")
