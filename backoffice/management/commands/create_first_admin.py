"""`manage.py create_first_admin`: the first person who may sign in."""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Create the user admin with a random password, which is printed once; "
        "does nothing where there is any user."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            self.stdout.write(
                "Sign in as before. A new password: .venv/bin/python manage.py changepassword admin"
            )
            return
        password = secrets.token_urlsafe(15)
        User.objects.create_superuser("admin", password=password)
        self.stdout.write(
            f"Sign in as     admin\nwith password  {password}\n"
            "It is not shown again. Another: .venv/bin/python manage.py changepassword admin"
        )
