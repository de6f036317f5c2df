from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    """The label is older than the folder: migrations and permissions in existing databases carry it."""

    name = "backoffice"
    label = "oms"
    verbose_name = _("Scheduled exports")

    def ready(self) -> None:
        # Packages without translations of their own; the home page lists them.
        apps.get_app_config("knox").verbose_name = _("API tokens")
        apps.get_app_config("django_tasks_database").verbose_name = _("Background tasks")
        from backoffice.users import staff  # it needs models, which are there now

        staff.connect()
