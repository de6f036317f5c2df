from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from integrations.sync.streams import Stream


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Synchronisation")

    @property
    def streams(self) -> "dict[str, Stream[Any, Any]]":
        """What the choices of SyncLog.kind are made of; imported late, since streams need the models."""
        from integrations.sync.streams import STREAMS

        return STREAMS
