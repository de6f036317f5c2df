"""`manage.py unlock_user`: somebody may sign in again at once."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from access.lockout import unlock
from integrations.management.base import OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Let a user try to sign in again, at once.\n\n"
        "Failed attempts are forgotten: those with the user's account, and those from any address, since the\n"
        "user's own may be among the locked ones. The password stays as it is."
    )
    examples = (
        "examples:\n"
        "  manage.py unlock_user admin\n\n"
        "exit status:\n  0  the user may try again\n  2  there is no such user, or it is inactive\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user who is locked out")

    def run(self, options: dict[str, Any], /) -> None:
        name = options["user"]
        user = User.objects.filter(username=name).first()
        if user is None:
            wrong_usage(f"USER: there is no user {name!r}.")
        if not user.is_active:
            wrong_usage(
                f"USER: {name!r} is inactive, and cannot sign in. Somebody else can change that in the admin."
            )
        unlock([user], addresses=True)
        self.stdout.write(f"{user} may sign in now. If the password is lost: manage.py changepassword {user}")
