from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Synchronisation")

    def ready(self) -> None:
        """A label alone, which no migration has to know of."""
        from integrations.models import ApiQuota

        ApiQuota._meta.get_field("operation").verbose_name = _("operation")
