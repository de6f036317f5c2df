from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class PlatformsConfig(AppConfig):
    name = "platforms"
    verbose_name = _("Platforms")

    def ready(self) -> None:
        """Foreign keys to a platform are labelled "platform" in the reader's language, not after their column."""
        from platforms.models import Platform

        # However it is deleted, the change feed says so.
        post_delete.connect(_tell_of_deletion, sender=Platform, dispatch_uid="platform_deleted")
        for relation in Platform._meta.related_objects:
            relation.field.verbose_name = _("platform")


def _tell_of_deletion(instance: Any, **_signal: Any) -> None:
    from platforms.models import add_platform_change

    add_platform_change(instance, ("deleted",))
