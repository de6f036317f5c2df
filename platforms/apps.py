from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlatformsConfig(AppConfig):
    name = "platforms"
    verbose_name = _("Platforms")

    def ready(self) -> None:
        """Foreign keys to a platform are labelled "platform" in the reader's language, not after their column."""
        from platforms.models import Platform

        for relation in Platform._meta.related_objects:
            relation.field.verbose_name = _("platform")
