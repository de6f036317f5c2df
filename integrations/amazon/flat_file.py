"""Reads the tables that Amazon's reports are: tabs without quoting, columns by name, whatever the charset.

No Django, no HTTP, and never the whole document in memory. What the columns of a report mean is in order_report.py and
stock_report.py.

Names of columns are English as a rule. Some accounts get them in the language of the marketplace, and then in the order
in which Amazon documents them: https://github.com/jlevers/selling-partner-api/issues/525,
https://github.com/amzn/selling-partner-api-docs/issues/198. Such a table is read by the places of its columns, where
what stands in them is what has to stand there.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, TypeVar

from integrations.amazon.answers import SECRETS
from integrations.errors import MalformedRecord, RequestRefused, TransientError
from integrations.protocol import RecordFailure

MOST_LINE = 64 * 1024  # bytes; longer rows are none of Amazon's
LONGEST_SHOWN = 200
PIECE = 64 * 1024  # bytes
LOOKED_AT = 50  # rows, to find out what the columns of a table are whose names nobody knows

# How the storage names charsets, and what is meant; https://encoding.spec.whatwg.org/#names-and-labels
CHARSETS = {
    **dict.fromkeys(("utf-8", "utf8", "utf-8-sig"), "utf-8"),
    **dict.fromkeys(("cp1252", "windows-1252", "iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii"), "cp1252"),
    **dict.fromkeys(
        ("cp932", "ms932", "windows-31j", "shift_jis", "shift-jis", "sjis", "x-sjis", "csshiftjis"), "cp932"
    ),
}  # fmt: skip

Record = TypeVar("Record")
Others = Sequence[tuple[str, str]]  # columns that nobody knows: name and value
Read = Callable[[Sequence[str], Others, bool], Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a report's table has to look like.

    known     its columns, in the order in which they are read
    named_by  those without which it is none, the first of which names what a row is about
    personal  columns about a person, by name: never kept
    of        what it lists, in words; `wanted` what `named_by` tells
    layouts   the columns of the whole table as Amazon documents them, from the left; there may be more at the end
    patterns  what stands in a column: each of these has to, for a table to be read by places
    shown_id  what names a row's subject in an error, where it is one
    """

    known: Sequence[str]
    named_by: tuple[str, ...]
    personal: re.Pattern[str]
    of: str
    wanted: str
    layouts: Sequence[Sequence[str]]
    patterns: Mapping[str, re.Pattern[str]]
    shown_id: re.Pattern[str]


class FlatFile:
    """A document, opened: its columns are known, its rows are still to be read.

    `charset` is the one that is read; `is_stated` whether the answer had named it. `unknown`: columns that are kept
    apart, `left_out`: those that are about a person. `is_translated`: read by the places of its columns.
    """

    def __init__(
        self, document: IO[bytes], table: Table, *, charset: str = "", in_japan: bool = False
    ) -> None:
        """`charset`: what the answer said of it. Raises TransientError for an empty document, RequestRefused for one
        that is no such table but says why there is none."""
        stated = _known_charset(charset)
        self.charset = stated or find_charset(document, in_japan=in_japan)
        self.is_stated = bool(stated)
        document.seek(0)
        self._document, self._table = document, table
        head = self._decoded(document.readline(MOST_LINE))[0]
        columns = [_column(name) for name in head.split("\t")]
        self.is_translated = not set(table.named_by) <= set(columns)
        if self.is_translated:
            columns = self._by_place(head, columns)
        self._width = len(columns)
        named = dict.fromkeys(name for name in columns if name and name not in table.known)
        self.left_out = tuple(name for name in named if table.personal.search(name))
        self.unknown = tuple(name for name in named if name not in self.left_out)
        self._places = {name: columns.index(name) for name in table.known if name in columns}
        self._others = [(name, columns.index(name)) for name in self.unknown]

    def records(self, read: Read[Record]) -> Iterator[Record | RecordFailure]:
        """What `read` makes of each row in turn, or why it could not be read. Blank rows are none.

        It is given the cells of the known columns, "" for one that is not there, the others, and whether a character
        could not be read. It may raise MalformedRecord.
        """
        number, others = 1, self._others
        places = [self._places.get(name, -1) for name in self._table.known]
        named_at = self._places[self._table.named_by[0]]
        while raw := self._document.readline(MOST_LINE):
            number += 1
            text, is_mended = self._decoded(raw)
            if len(raw) >= MOST_LINE and not raw.endswith(b"\n"):
                self._skip_line()
                yield self._failure(number, "", f"is longer than {MOST_LINE:,} bytes")
                continue
            if not text.strip():
                continue
            cells = text.split("\t")
            if len(cells) != self._width:
                name = cells[named_at] if named_at < len(cells) else ""
                yield self._failure(number, name, f"has {len(cells)} columns, the header {self._width}")
                continue
            cells.append("")  # at -1: what a column says that is not there
            try:
                yield read(
                    [cells[place] for place in places], [(name, cells[at]) for name, at in others], is_mended
                )
            except MalformedRecord as error:
                # Without the value: where columns moved, it is another's.
                column = str(error).partition(" is ")[0]
                what = f"has something in {column} that cannot stand there"
                yield self._failure(number, cells[named_at], what)

    def _by_place(self, head: str, columns: list[str]) -> list[str]:
        """The columns of a table whose names are in another language. Raises what `_no_table` says where it is none.

        What nobody knows the name of is not kept: it may be about a person.
        """
        start = self._document.tell()
        raw = islice(iter(lambda: self._document.readline(MOST_LINE), b""), LOOKED_AT)
        rows = [text.split("\t") for each in raw if (text := self._decoded(each)[0]).strip()]
        self._document.seek(start)
        fitting = [layout for layout in self._table.layouts if self._fits(layout, len(columns), rows)]
        if len(fitting) != 1:
            raise self._no_table(head)
        return [*fitting[0], *[""] * (len(columns) - len(fitting[0]))]

    def _fits(self, layout: Sequence[str], width: int, rows: Sequence[Sequence[str]]) -> bool:
        """Whether the rows, of which there is at least one, are what this layout says."""
        if not rows or width < len(layout) or any(len(cells) != width for cells in rows):
            return False
        places = [(layout.index(name), pattern) for name, pattern in self._table.patterns.items()]
        return all(pattern.fullmatch(cells[place].strip()) for cells in rows for place, pattern in places)

    def _decoded(self, raw: bytes) -> tuple[str, bool]:
        """The row without its end, and whether something in it could not be read."""
        try:
            return raw.decode(self.charset).removeprefix("\ufeff").rstrip("\r\n"), False
        except UnicodeDecodeError:
            return raw.decode(self.charset, errors="replace").removeprefix("\ufeff").rstrip("\r\n"), True

    def _skip_line(self) -> None:
        while (more := self._document.readline(MOST_LINE)) and not more.endswith(b"\n"):
            pass

    def _failure(self, number: int, name: str, what: str) -> RecordFailure:
        """A row that could not be read. Nothing else of it is repeated: it may hold an address."""
        name = name if self._table.shown_id.fullmatch(name) else ""
        of_which = f" ({name})" if name else ""
        return RecordFailure(
            external_id=name,
            code=MalformedRecord.default_code,
            message=f"Row {number} of the report{of_which} {what}.",
            mark=f"row {number}",
        )

    def _no_table(self, head: str) -> Exception:
        """What a document is that has none of these columns: an empty one, or one that says what went wrong."""
        said, of = SECRETS.sub("(secret)", " ".join(head.split()))[:LONGEST_SHOWN], self._table.of
        if not said:
            return TransientError(
                f"Amazon's report is empty: it has not even a header, so it does not say that there are no {of}.",
                code="broken_answer",
            )
        if "\t" in head:
            return RequestRefused(
                f"Amazon's report has none of the columns that name {self._table.wanted}. Its columns are: {said}. If "
                "the account's language translates them, set it to English in Seller Central (Settings, Account Info, "
                "Language for Feed Processing Reports).",
                code="unknown_columns",
            )
        code = (
            "span_too_long" if re.search(r"\b30\s+days|date range", said, re.IGNORECASE) else "report_refused"
        )
        return RequestRefused(f"Amazon made no list of {of} but a document that says: {said}", code=code)


def find_charset(document: IO[bytes], *, in_japan: bool = False) -> str:
    """The charset of a document that nobody names: UTF-8 where all of it is, else that of Windows in the place."""
    if _is_in(document, "utf-8"):
        return "utf-8"
    return "cp932" if in_japan and _is_in(document, "cp932") else "cp1252"


def _is_in(document: IO[bytes], charset: str) -> bool:
    decoder = codecs.getincrementaldecoder(charset)()
    document.seek(0)
    try:
        while piece := document.read(PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _known_charset(name: str) -> str:
    """The codec that a charset's name means; "" where it is not known, or its tabs and ends of rows are other bytes."""
    name = name.strip().strip("\"'").lower()
    if known := CHARSETS.get(name, ""):
        return known
    try:
        return name if name and "\t\r\n".encode(name) == b"\t\r\n" else ""
    except (LookupError, UnicodeError):
        return ""


def _column(name: str) -> str:
    """The name of a column in the one spelling that is compared."""
    return re.sub(r"[\s_]+", "-", name.strip().strip('"').strip().lower())
