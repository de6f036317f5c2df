"""`manage.py create_first_admin`: the first person who may sign in."""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.db import transaction

from access.passwords import make_temporary
from integrations.management.base import OmsCommand, wrong_usage

NAME = "admin"


class Command(OmsCommand):
    help = (
        "Create the first user, who may do everything, with a random password. It is printed once, and must\n"
        "be changed at the first sign-in. Does nothing where there is any user."
    )
    examples = "examples:\n  manage.py create_first_admin\n  manage.py create_first_admin ada\n"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "name", metavar="NAME", nargs="?", default=NAME, help=f"the user's name (default: {NAME})"
        )

    def run(self, options: dict[str, Any], /) -> None:
        if User.objects.exists():
            self.stdout.write(
                "Sign in as before. A new password: .venv/bin/python manage.py changepassword USER; "
                "locked out: .venv/bin/python manage.py unlock_user USER"
            )
            return
        name, password = _checked(options["name"]), secrets.token_urlsafe(15)
        with transaction.atomic():
            make_temporary(User.objects.create_superuser(name, password=password))
        self.result(
            f"Sign in as     {name}\nwith password  {password}\n"
            "You choose another one then; this one is not shown again. "
            f"Lost: .venv/bin/python manage.py changepassword {name}"
        )


def _checked(name: str) -> str:
    try:
        User._meta.get_field("username").clean(name, None)
    except ValidationError as error:
        wrong_usage(f"NAME: {' '.join(error.messages)}")
    return name
