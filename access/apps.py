from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = _("access")

    def ready(self) -> None:
        from access import ending, passwords, signed_in  # they need models, which are there now
        from access.second_factor import sessions

        ending.connect()
        passwords.connect()
        sessions.connect()
        signed_in.connect()
