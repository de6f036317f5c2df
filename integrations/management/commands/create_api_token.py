from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser
from knox.models import AuthToken

from integrations.management.base import OmsCommand, wrong_usage


class Command(OmsCommand):
    help = (
        "Make a token for the REST API, and print it alone.\n\n"
        "It is shown this once: the database keeps its hash. It allows what the user may do, until it is\n"
        "deleted in the admin or the user is deactivated. Each call makes another one."
    )
    examples = (
        "examples:\n"
        "  manage.py create_api_token admin\n"
        '  TOKEN=$(manage.py create_api_token admin); curl -H "Authorization: Token $TOKEN" '
        "http://127.0.0.1:8000/platforms\n\n"
        "exit status:\n  0  the token is on stdout\n  2  there is no such user, or it is inactive\n"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user whose rights the token has")

    def run(self, options: dict[str, Any], /) -> None:
        users = get_user_model()
        name = options["user"]
        user = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()
        if user is None:
            wrong_usage(f"USER: there is no user {name!r}. Make one with: python manage.py createsuperuser")
        if not user.is_active:
            wrong_usage(
                f"USER: {name!r} is inactive, so a token would not work. Activate the user in the admin."
            )
        _stored, token = AuthToken.objects.create(user)
        self.result(token)
