"""The adapters that shipments of one platform are sent through, and read back."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from core.database.retry import retry_on_db_error
from integrations.errors import ConfigError
from integrations.models import SyncLog
from integrations.protocol import Adapter, TellsTime
from integrations.registry import CHANNELS
from integrations.sync.connection import connected
from platforms.models import Platform, Source

OTHER_SOURCE = "other_source"


class Connections:
    """The adapters of a platform by the source of what is sent, each connected when it is first needed."""

    def __init__(self, platform: Platform, stack: ExitStack) -> None:
        self.platform = platform
        self._stack = stack
        self._adapters: dict[str, Adapter] = {}
        self.offset = timedelta(0)  # to be added to our time for the platform's

    def adapter(self, source: str) -> Adapter:
        """Raises PlatformError; with the code OTHER_SOURCE where the platform is connected to something else."""
        if source not in self._adapters:
            adapter = self._connect(source)
            if isinstance(adapter, TellsTime):
                self.offset = adapter.clock_offset()
            self._adapters[source] = adapter
        return self._adapters[source]

    def _connect(self, source: str) -> Adapter:
        if source == Source.MOCK and self.platform.kind in CHANNELS:
            return CHANNELS[self.platform.kind].mock()
        retry_on_db_error(self.platform.encrypt_plain_config)()
        adapter = self._stack.enter_context(connected(self.platform, SyncLog.Kind.ORDERS))
        if adapter.source != source:
            text = f"The order is {source} data, and platform {self.platform.name} is set to its {adapter.source}."
            raise ConfigError(text, code=OTHER_SOURCE)
        return adapter


@contextmanager
def connections(platform_id: int) -> Iterator[Connections]:
    with ExitStack() as stack:
        platform = retry_on_db_error(Platform.objects.get)(pk=platform_id)
        yield Connections(platform, stack)
