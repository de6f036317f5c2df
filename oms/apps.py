from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class OmsConfig(AppConfig):
    name = "oms"

    def ready(self) -> None:
        from oms import checks  # noqa: F401  registers the system checks

        # Packages without translations of their own; the home page lists them.
        apps.get_app_config("knox").verbose_name = _("API tokens")
        apps.get_app_config("django_tasks_database").verbose_name = _("Background tasks")
