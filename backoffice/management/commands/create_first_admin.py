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
            self.stdout.write("There is a user already; no other was created.")
            return
        password = secrets.token_urlsafe(15)
        User.objects.create_superuser("admin", password=password)
        self.stdout.write(
            f"Created the user   admin\nwith the password  {password}\n"
            "It is not shown again. Another: manage.py changepassword admin"
        )
