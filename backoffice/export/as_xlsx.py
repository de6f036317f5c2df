"""XLSX, written while it is sent.

Libraries hand the first byte out after the last row is known; a million rows take longer than proxies wait. What is
needed here is small: sheets of text, numbers, dates and booleans, never a formula or a link.
Office Open XML, ECMA-376 part 1, chapter 18: https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from backoffice.export.chunks import Cells
from backoffice.export.conversion import converted

ROWS_OF_A_PIECE = 500
PIECES_OF_A_SHEET = 2000  # a million rows; Excel takes 1,048,576
LONGEST_TEXT = 32_767  # characters of a cell
DIGITS = 15  # that a number of Excel's holds
EPOCH = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of Excel's calendar, right from 1 March 1900 on
EARLIEST = EPOCH.replace(year=1901)
# What XML cannot hold, and what Excel would read as an escape (ST_Xstring, 22.9.2.19).
UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
ANY_OF_IT = re.compile(r"[\x00-\x1f&<>\ud800-\udfff\ufffe\uffff]|_x")  # nearly no text has

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Style 1 is a time, style 2 a heading.
STYLES = (
    f'{XML}<styleSheet xmlns="{MAIN}"><numFmts count="1">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf xfId="0"/><xf xfId="0" numFmtId="164" applyNumberFormat="1"/>'
    '<xf xfId="0" fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class _Pipe:
    """A write-only file; `take` returns what was written since the last call."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        data, self._pieces = b"".join(self._pieces), []
        return data


def xlsx_stream(headings: Iterable[str], chunks: Iterable[Cells]) -> Iterator[bytes]:
    """The workbook, piece by piece. A further sheet begins where one is full."""
    pipe = _Pipe()
    titles = [f"{heading} (UTC)" if heading.endswith("_at") else heading for heading in headings]
    rows = (row for cells in chunks for row in _rows(cells))
    pieces = iter(lambda: "".join(islice(rows, ROWS_OF_A_PIECE)).encode(), b"")
    with ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=3) as archive:  # type: ignore[call-overload]  # it writes, and that is all it has to do
        sheets, first = 0, next(pieces, b"")
        while first or not sheets:
            sheets += 1
            with archive.open(_entry(f"xl/worksheets/sheet{sheets}.xml"), "w") as sheet:
                sheet.write(_opening(titles))
                for piece in chain([first], islice(pieces, PIECES_OF_A_SHEET - 1)):
                    sheet.write(piece)
                    yield pipe.take()
                sheet.write(b"</sheetData></worksheet>")
            first = next(pieces, b"")
        for name, text in _frame(sheets).items():
            archive.writestr(_entry(name), text)
    yield pipe.take()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    return entry


def _opening(titles: list[str]) -> bytes:
    cells = "".join(f'<c s="2" t="inlineStr"><is><t>{_escaped(title)}</t></is></c>' for title in titles)
    pane = '<pane ySplit="1" topLeftCell="A2" state="frozen"/>'
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    return f'{XML}<worksheet xmlns="{MAIN}">{view}<sheetData><row>{cells}</row>'.encode()


def _rows(cells: Cells) -> Iterator[str]:
    columns = [converted(column, CELLS, _json) for column in cells]
    return (f"<row>{''.join(row)}</row>" for row in zip(*columns, strict=True))


def _text(text: str) -> str:
    if not text:
        return "<c/>"
    if len(text) > LONGEST_TEXT or ANY_OF_IT.search(text):
        text = _escaped(text)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _number(number: int | Decimal) -> str:
    """As a number where Excel keeps each digit; a longer one is text there."""
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    fits = len(text) <= DIGITS or len(text.strip("-").replace(".", "").lstrip("0")) <= DIGITS
    return f"<c><v>{text}</v></c>" if fits else _text(str(number))


def _time(value: datetime) -> str:
    if value <= EARLIEST:
        return _text(str(value))
    return f'<c s="1"><v>{(value - EPOCH).total_seconds() / 86400:.10f}</v></c>'


def _json(value: Any) -> str:
    return _text(json.dumps(value, ensure_ascii=False, default=str))


CELLS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _unknown: "<c/>",
    bool: lambda value: f'<c t="b"><v>{int(value)}</v></c>',
    int: _number,
    float: lambda value: f"<c><v>{value!r}</v></c>",
    Decimal: _number,
    datetime: _time,
    date: lambda value: _text(value.isoformat()),
    str: _text,
}


def _escaped(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT - 1]}…"
    text = UNWRITABLE.sub("\ufffd", ESCAPE_LIKE.sub("_x005F_", text))
    return escape(text).replace("\r", "_x000D_")


def _frame(sheets: int) -> dict[str, str]:
    """The parts around the sheets, which name them all: written last, when their number is known."""
    numbers = range(1, sheets + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{TYPES}.worksheet+xml"/>'
        for n in numbers
    )
    names = "".join(f'<sheet name="{n}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    return {
        "xl/workbook.xml": f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{links}'
        f'<Relationship Id="rId{sheets + 1}" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": STYLES,
        "_rels/.rels": f'{XML}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "[Content_Types].xml": f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/>{overrides}</Types>',
    }
