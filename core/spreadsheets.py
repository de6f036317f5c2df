"""Tables out of files that people make: CSV as spreadsheets and carriers write it, XLSX, XLS, ODS.

Cells come out as text, as the spreadsheet shows whole numbers and times: 12 and not 12.0.
"""

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core import workbook_reader

MOST_BYTES = 10_000_000
MOST_UNPACKED = 100_000_000  # bytes; a workbook is a ZIP archive, which may say that it is anything
MOST_ROWS = 20_000
MOST_LOOKED_AT = MOST_ROWS + 100  # rows of a sheet, empty ones included
MOST_SECONDS = 60  # for a workbook
SEPARATORS = ",;\t|"
NAMES_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?\r?\n', re.IGNORECASE)  # to Excel, in a line of its own
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # XLSX and ODS; XLS


class BadTable(Exception):
    """Nothing of the file can be used. `code` is stable: too_large, too_many_rows, too_many_cells, not_text, broken,
    empty, no_heading, heading_twice. `detail` is what it is about: a heading, the number of a line."""

    def __init__(self, code: str, detail: Any = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is the line of the file in which it begins, or the row of the sheet. As many cells as headings."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The first row that is not empty, and those below that are not."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]

    def column(self, heading: str) -> int:
        """Its place. Raises ValueError where there is none."""
        return self.headings.index(heading)


def read_table(data: bytes, *, most_rows: int = MOST_ROWS) -> Table:
    """The table of a file: the first sheet of a workbook; MOST_ROWS or less. Raises BadTable."""
    if len(data) > MOST_BYTES:
        raise BadTable("too_large", MOST_BYTES)
    is_workbook = data.startswith(WORKBOOKS)
    rows = _of_workbook(data) if is_workbook else _of_text(data)
    filled = ((number, row) for number, row in rows if any(row))
    first = next(filled, None)
    if first is None:
        raise BadTable("empty")
    headings = _headings(first[1])
    return Table(headings, tuple(_rows(filled, len(headings), most_rows, may_have_more=is_workbook)))


def _headings(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells.pop()
    for place, heading in enumerate(cells):
        if not heading:
            raise BadTable("no_heading", place + 1)
        if heading in cells[:place]:
            raise BadTable("heading_twice", heading)
    return tuple(cells)


def _rows(
    rows: Iterable[tuple[int, list[str]]], width: int, most: int, *, may_have_more: bool
) -> Iterator[Row]:
    """`may_have_more`: what stands beside the columns is a remark. In text it is a separator that is not quoted, and
    each cell behind it is in the column of another one."""
    for count, (number, cells) in enumerate(rows, start=1):
        if count > most:
            raise BadTable("too_many_rows", most)
        if any(cells[width:]) and not may_have_more:
            raise BadTable("broken", number)
        yield Row(number, tuple((cells + [""] * width)[:width]))


def _of_text(data: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(data)
    if "\0" in text:
        raise BadTable("not_text")
    first = next((line for line in text.splitlines() if line.strip()), "")
    said = NAMES_SEPARATOR.match(text)
    reader = csv.reader(
        io.StringIO(text[said.end() if said else 0 :], newline=""),
        delimiter=said[1] if said else max(SEPARATORS, key=first.count),
        strict=True,
    )
    before = 1 if said else 0  # rows count from 1, and this one too
    begin = before + 1
    try:
        for row in reader:
            yield begin, [cell.strip() for cell in row]
            begin = before + reader.line_num + 1
    except csv.Error:
        raise BadTable("broken", begin) from None


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise BadTable("not_text") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what Windows programs write


def _of_workbook(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """In a process of its own, with bounds: see workbook_reader.py."""
    try:
        _refuse_bomb(data)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise BadTable("broken", 1) from None
    command = [sys.executable, "-I", workbook_reader.__file__, str(MOST_LOOKED_AT)]
    # None of our secrets; a Python that is linked to its library needs to find that.
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, env=environment, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadTable("too_many_cells") from None
    if done.returncode == workbook_reader.TOO_MANY_ROWS:
        raise BadTable("too_many_rows", MOST_ROWS)
    is_killed = done.returncode < 0  # it had no memory, or no time
    if is_killed or done.returncode == workbook_reader.TOO_MANY_CELLS:
        raise BadTable("too_many_cells")
    if done.returncode:
        raise BadTable("broken", 1)
    for number, line in enumerate(done.stdout.splitlines(), start=1):
        yield number, json.loads(line)


def _refuse_bomb(data: bytes) -> None:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise BadTable("too_large", MOST_BYTES)
