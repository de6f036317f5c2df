"""Rows of a sweep that could not be read: which SKUs they may be, and what may be decided all the same."""

from collections.abc import Iterable

from django.utils.translation import override

from integrations.models import StreamState, SyncLog
from integrations.protocol import Note, RecordFailure
from integrations.registry import site_of


class UnreadableRows:
    """Those of one marketplace, so far. A row whose SKU is known was listed. One without may be any SKU, so that no SKU
    is marked as gone, until two complete sweeps in a row could not read the same rows."""

    def __init__(self) -> None:
        self.skus: set[str] = set()
        self._marks: list[str] = []  # of rows without a SKU
        self._note: Note | None = None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.skus or self._marks)

    def add(self, failures: Iterable[RecordFailure]) -> None:
        for failure in failures:
            if failure.external_id:
                self.skus.add(failure.external_id)
            else:
                self._marks.append(failure.mark)

    def let_decide(self, log: SyncLog, place: str) -> bool:
        """Whether SKUs that this complete sweep of one marketplace did not list may be marked as gone. Remembers what
        could not be read; belongs into the transaction of the sweep's last page, which may be repeated."""
        stored = StreamState.of(log.platform, log.kind).unreadable_records
        marks, before = sorted(self._marks), stored.get(place)
        is_known = before is not None and not set(marks) - set(before) and len(marks) <= len(before)
        self._note = self._note_of(log, place, is_decided=is_known) if marks else None
        if marks != (before or []):
            others = {name: rows for name, rows in stored.items() if name != place}
            kept = others | ({place: marks} if marks else {})
            StreamState.write(log.platform_id, log.kind, unreadable_records=kept)
        return is_known or not marks

    def take_notes(self) -> tuple[Note, ...]:
        note, self._note = self._note, None
        return (note,) if note else ()

    def _note_of(self, log: SyncLog, place: str, *, is_decided: bool) -> Note:
        with override("en"):
            where = _name(log, place)
        count = len(self._marks)
        rows = f"{count} rows" if count > 1 else "1 row"
        text = f"{rows} of the stock list{where} could not be read and named no SKU, so that it may stand for any SKU. "
        if is_decided:
            text += (
                "The complete sync before found the same, so SKUs that are no longer listed were marked as gone this "
                "time."
            )
            return Note("unreadable_rows_known", text)
        text += (
            "SKUs that are no longer listed there keep their stock for now. The next complete sync that finds the same "
            "marks them as gone. The sync failures have the rows."
        )
        return Note("unreadable_rows", text)


def _name(log: SyncLog, place: str) -> str:
    site = site_of(log.platform.kind, place)
    return f" of {site.name} ({place})" if site else ""
