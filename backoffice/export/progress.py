"""The progress of an export, stored once a second for the page that waits."""

import logging
import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from audit.recording import record
from backoffice.export.chunks import Chunk
from backoffice.models import ExportRun

logger = logging.getLogger(__name__)
EVERY = 1.0  # seconds


class ExportProgress:
    """A context manager around an export; an exception marks the export as failed. A problem with storing this never
    stops the export itself."""

    def __init__(self, run: ExportRun) -> None:
        self._run = run
        self._written_at = time.monotonic()
        self._rows = 0  # of the file

    @classmethod
    def begin(cls, *, user: Any, token: str, file_name: str, query: str, rows: int) -> "ExportProgress":
        """`token` comes from the link on the list's page. A link that is used again takes it from its earlier run.

        Raises IntegrityError where the token is another user's.
        """
        ExportRun.objects.filter(token=token, user=user).update(token=uuid.uuid4().hex)
        with transaction.atomic():
            run = ExportRun.objects.create(
                token=token or uuid.uuid4().hex, user=user, file_name=file_name, query=query[:4000], rows=rows
            )
            record("list.exported", changes={"file": file_name, "filter": query, "rows": rows})
        return cls(run)

    def watch(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The same chunks; a request for the next chunk means that the one before was sent."""
        for chunk in chunks:
            yield chunk
            self._run.rows_done += chunk.listed
            self._rows += len(chunk.cells[0])
            if time.monotonic() - self._written_at >= EVERY:
                self._write("rows_done")

    def __enter__(self) -> "ExportProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.finished_at, self._run.failed = timezone.now(), kind is not None
        if kind is None:  # a row of the list may be several of the file, or none
            self._run.rows = self._run.rows_done = self._rows
        self._write("rows", "rows_done", "finished_at", "failed")
        if kind is not None:
            logger.warning("Export %s broke off (%s).", self._run, kind.__name__)

    def _write(self, *fields: str) -> None:
        self._written_at = time.monotonic()
        try:
            self._run.save(update_fields=fields)
        except DatabaseError as error:
            logger.warning("How far export %s got could not be written down: %s", self._run, error)
