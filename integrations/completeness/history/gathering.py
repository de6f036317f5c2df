"""The rows of a list by order, all that they say."""

from collections.abc import Iterable, Iterator

from integrations.completeness.spool import IN_MEMORY, RowSpool
from integrations.protocol import RecordFailure
from orders.records import ReportedLine

KEPT = tuple(name for name in ReportedLine.__slots__ if name != "order_id")


class Gathering:
    """The orders of a list, each once, with its rows; None in place of rows where one of them could not be read.

    `unread` counts the rows that could not be, `unnamed` those of them that do not even say what they are about; both
    are known once all rows were taken in.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        self.unread = self.unnamed = 0
        self._in_memory = in_memory

    def orders(
        self, rows: Iterable[ReportedLine | RecordFailure]
    ) -> Iterator[tuple[str, list[ReportedLine] | None]]:
        """Takes all rows in before the first order comes out."""
        with RowSpool(ReportedLine, "order_id", KEPT, in_memory=self._in_memory) as spool:
            spool.fill(rows)
            self.unread, self.unnamed = spool.unread, spool.unnamed
            yield from spool.groups()
