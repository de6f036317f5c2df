"""A stream that no other channel has. A real one would store into a model; this one keeps its records in memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from core.outcome import Outcome
from integrations.errors import RequestRefused
from integrations.models import SyncLog
from integrations.protocol import Adapter, Checkpoint, Note, RecordFailure
from integrations.sync.streams import Progress, Stream
from platforms.models import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRecord:
    number: str
    order: str
    article: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPage:
    records: tuple[ReturnRecord, ...]
    failures: tuple[RecordFailure, ...] = ()
    next: Checkpoint | None = None
    notes: tuple[Note, ...] = ()
    unread: tuple[str, ...] = ()


class DeliversReturns(Protocol):
    """What an adapter has beside the methods of Adapter, where its channel lists this stream."""

    def return_pages(self, checkpoint: Checkpoint) -> Iterator[ReturnPage]: ...


class ReturnsProgress(Progress[ReturnPage]):
    def pages(self) -> Iterator[ReturnPage]:
        return _delivers(self.adapter).return_pages(self.start)


class ReturnsStream(Stream[ReturnRecord, ReturnPage]):
    name = "returns"
    label = "returns"
    default_interval = 120

    def __init__(self) -> None:
        self.kept: dict[tuple[int, str, str], ReturnRecord] = {}  # platform, source, number

    def progress(self, log: SyncLog, adapter: Adapter) -> ReturnsProgress:
        return ReturnsProgress(log, adapter)

    def fetch(
        self, adapter: Adapter, external_id: str
    ) -> tuple[Sequence[ReturnRecord], Sequence[RecordFailure]]:
        for page in _delivers(adapter).return_pages({}):
            for record in page.records:
                if record.number == external_id:
                    return [record], []
        raise RequestRefused("The shop does not have it.", code="not_found")

    def store(
        self, platform: Platform, records: Sequence[ReturnRecord], source: str, sync_log_id: int | None
    ) -> Outcome:
        outcome = Outcome()
        for record in records:
            key = (platform.pk, source, record.number)
            before, self.kept[key] = self.kept.get(key), record
            outcome.created += before is None
            outcome.unchanged += before == record
            outcome.updated += before is not None and before != record
        return outcome

    def id_of(self, record: ReturnRecord) -> str:
        return record.number

    def delete(self, platform: Platform, sources: Iterable[str]) -> int:
        unwanted = [key for key in self.kept if key[0] == platform.pk and key[1] in set(sources)]
        for key in unwanted:
            del self.kept[key]
        return len(unwanted)


def _delivers(adapter: Any) -> DeliversReturns:
    return cast(DeliversReturns, adapter)
