"""`manage.py create_first_admin`: the first person who may sign in."""

import secrets
from typing import Any

from django.contrib.auth.models import User

from integrations.management.base import OmsCommand


class Command(OmsCommand):
    help = (
        "Create the user admin with a random password, which is printed once; "
        "does nothing where there is any user."
    )

    def run(self, _options: dict[str, Any], /) -> None:
        if User.objects.exists():
            self.stdout.write(
                "Sign in as before. A new password: .venv/bin/python manage.py changepassword admin"
            )
            return
        password = secrets.token_urlsafe(15)
        User.objects.create_superuser("admin", password=password)
        self.result(
            f"Sign in as     admin\nwith password  {password}\n"
            "It is not shown again. Another: .venv/bin/python manage.py changepassword admin"
        )
