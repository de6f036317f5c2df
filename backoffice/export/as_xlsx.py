"""XLSX, written while it is sent.

Libraries hand the first byte out after the last row is known; a million rows take longer than proxies wait. What is
needed here is small: sheets of text, numbers, dates and booleans, never a formula or a link.
Office Open XML, ECMA-376 part 1, chapter 18: https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from itertools import chain, count, islice
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from backoffice.export.chunks import Cells
from backoffice.export.conversion import converted

ROWS_OF_A_PIECE = 500
PIECES_OF_A_SHEET = 2000  # a million rows; Excel takes 1,048,576
ROWS_OF_A_SHEET = ROWS_OF_A_PIECE * PIECES_OF_A_SHEET
NARROWEST, WIDEST = 8, 60  # characters of a column
LOOKED_AT = 200  # rows, for the widths of the columns
TIME_WIDTH = 19
LONGEST_TEXT = 32_767  # characters of a cell
DIGITS = 15  # that a number of Excel's holds
EPOCH = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of Excel's calendar, right from 1 March 1900 on
EARLIEST = EPOCH.replace(year=1901)
# What XML cannot hold, and what Excel would read as an escape (ST_Xstring, 22.9.2.19).
UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
ANY_OF_IT = re.compile(r"[\x00-\x1f&<>\ud800-\udfff\ufffe\uffff]|_x")  # nearly no text has

NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\<>&\"\x00-\x1f]")
NO_AMOUNTS: Mapping[int, int] = MappingProxyType({})
Converters = dict[type, Callable[[Any], str]]

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
FONT = '<sz val="11"/><name val="Calibri"/><family val="2"/>'  # unnamed, LibreOffice takes another one for bold text
CURRENCY = re.compile("[A-Z]{3}")
WITH_CURRENCY = len("1,234,567.00 EUR") - len("1234567.00")  # more than the plain number has
STYLE_OF_TIME, STYLE_OF_HEADING, FIRST_STYLE = 1, 2, 3
# The formats of amounts are between these parts.
STYLES = (
    f'{XML}<styleSheet xmlns="{MAIN}"><numFmts count="{{0}}">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>{1}</numFmts>'
    f'<fonts count="2"><font>{FONT}</font><font><b/>{FONT}</font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="{2}"><xf xfId="0"/><xf xfId="0" numFmtId="164" applyNumberFormat="1"/>'
    '<xf xfId="0" fontId="1" applyFont="1"/>{3}</cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


class _AmountStyles:
    """The styles of amounts, by their currency and decimals: those that a workbook needs, as it meets them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}

    def styled(self, cell: str, currency: Any) -> str:
        """What `_number` made of an amount, in the style of its currency."""
        if not cell.startswith("><v>"):
            return cell
        _whole, _point, decimals = cell.removesuffix("</v></c>").partition(".")
        code = currency if isinstance(currency, str) and CURRENCY.fullmatch(currency) else ""
        number = self._numbers.setdefault((code, len(decimals)), FIRST_STYLE + len(self._numbers))
        return f' s="{number}"{cell}'

    def sheet(self) -> str:
        """styles.xml."""
        formats = [
            f'<numFmt numFmtId="{162 + number}" formatCode="{_amount_format(*key)}"/>'
            for key, number in self._numbers.items()
        ]
        styles = [
            f'<xf xfId="0" numFmtId="{162 + number}" applyNumberFormat="1"/>'
            for number in self._numbers.values()
        ]
        return STYLES.format(len(formats) + 1, "".join(formats), len(styles) + FIRST_STYLE, "".join(styles))


def _amount_format(currency: str, decimals: int) -> str:
    """`#,##0.00 "EUR"`, as XML writes it in an attribute."""
    number = f"#,##0{'.' if decimals else ''}{'0' * decimals}"
    return f"{number}\\ &quot;{currency}&quot;" if currency else number


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


def xlsx_stream(
    headings: Iterable[str],
    chunks: Iterable[Cells],
    *,
    sheet_name: str = "1",
    zone: tzinfo = UTC,
    amounts: Mapping[int, int] = NO_AMOUNTS,
) -> Iterator[bytes]:
    """The workbook, piece by piece, with times in `zone`. A further sheet begins where one is full. `amounts`: which
    columns are money, and in which ones their currency stands."""
    pipe, titles, chunks = _Pipe(), list(headings), iter(chunks)
    beginning = list(islice(chunks, 1))
    opening, styles = _opening(titles, _widths(titles, beginning, amounts)), _AmountStyles()
    numbers = (number % ROWS_OF_A_SHEET + 2 for number in count())
    converters = _converters(zone)
    rows = (
        row
        for cells in chain(beginning, chunks)
        for row in _rows(cells, numbers, converters, amounts, styles)
    )
    pieces = iter(lambda: "".join(islice(rows, ROWS_OF_A_PIECE)).encode(), b"")
    with ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=3) as archive:  # type: ignore[call-overload]  # it writes, and that is all it has to do
        sheets, first = 0, next(pieces, b"")
        while first or not sheets:
            sheets += 1
            with archive.open(_entry(f"xl/worksheets/sheet{sheets}.xml"), "w") as sheet:
                sheet.write(opening)
                last_row = 1
                for piece in chain([first], islice(pieces, PIECES_OF_A_SHEET - 1)):
                    sheet.write(piece)
                    last_row += piece.count(b"<row ")
                    yield pipe.take()
                sheet.write(_closing(len(titles), last_row))
            first = next(pieces, b"")
        for name, text in (_frame(sheets, sheet_name) | {"xl/styles.xml": styles.sheet()}).items():
            archive.writestr(_entry(name), text)
    yield pipe.take()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    return entry


def _opening(titles: list[str], widths: list[int]) -> bytes:
    cells = "".join(
        f'<c r="{_letters(at)}1" s="{STYLE_OF_HEADING}" t="inlineStr"><is><t>{_escaped(title)}</t></is></c>'
        for at, title in enumerate(titles)
    )
    cols = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, 1)
    )
    pane = '<pane ySplit="1" topLeftCell="A2" state="frozen"/>'
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    opening = f'{XML}<worksheet xmlns="{MAIN}">{view}<cols>{cols}</cols><sheetData>'
    return f'{opening}<row r="1">{cells}</row>'.encode()


def _closing(columns: int, last_row: int) -> bytes:
    """With a filter over all columns."""
    return f'</sheetData><autoFilter ref="A1:{_letters(columns - 1)}{last_row}"/></worksheet>'.encode()


def _letters(at: int) -> str:
    """The name of a column, from 0: A to Z, AA, AB and so on."""
    letters = ""
    at += 1
    while at:
        at, letter = divmod(at - 1, 26)
        letters = f"{chr(ord('A') + letter)}{letters}"
    return letters


def _widths(titles: list[str], beginning: list[Cells], amounts: Mapping[int, int]) -> list[int]:
    """In characters, by the heading (with room for the arrow of the filter) and the first rows."""
    widths = [len(title) + 3 for title in titles]
    for cells in beginning:
        for at, column in enumerate(cells):
            lengths = [
                TIME_WIDTH if isinstance(cell, datetime) else len(str(cell))
                for cell in islice(column, LOOKED_AT)
                if cell is not None
            ]
            longest = max(lengths, default=0) + (WITH_CURRENCY if at in amounts else 0)
            widths[at] = max(widths[at], longest + 1)
    return [min(max(width, NARROWEST), WIDEST) for width in widths]


def _rows(
    cells: Cells,
    numbers: Iterator[int],
    converters: Converters,
    amounts: Mapping[int, int],
    styles: _AmountStyles,
) -> Iterator[str]:
    """What follows `<c` of each cell is made column by column, its address row by row."""
    columns = [converted(column, converters, _json) for column in cells]
    for at, currency_at in amounts.items():
        columns[at] = list(map(styles.styled, columns[at], cells[currency_at]))
    row = "".join(f'<c r="{_letters(at)}{{0}}"{{1[{at}]}}' for at in range(len(columns)))
    written = f'<row r="{{0}}">{row}</row>'.format
    return (written(number, each) for each, number in zip(zip(*columns, strict=True), numbers, strict=False))


def _text(text: str) -> str:
    if not text:
        return "/>"
    if len(text) > LONGEST_TEXT or ANY_OF_IT.search(text):
        text = _escaped(text)
    return f' t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _number(number: int | Decimal) -> str:
    """As a number where Excel keeps each digit; a longer one is text there."""
    text = f"{number:f}" if isinstance(number, Decimal) else str(number)
    fits = len(text) <= DIGITS or len(text.strip("-").replace(".", "").lstrip("0")) <= DIGITS
    return f"><v>{text}</v></c>" if fits else _text(str(number))


def _time(value: datetime, zone: tzinfo) -> str:
    if value <= EARLIEST:
        return _text(str(value))
    try:
        local = value if zone is UTC else value.astimezone(zone).replace(tzinfo=UTC)
    except OverflowError:  # in the last hours of the year 9999
        local = value
    return f' s="{STYLE_OF_TIME}"><v>{(local - EPOCH).total_seconds() / 86400:.10f}</v></c>'


def _json(value: Any) -> str:
    return _text(json.dumps(value, ensure_ascii=False, default=str))


def _converters(zone: tzinfo) -> Converters:
    """By type, what follows `<c` and the address of a cell."""
    return {
        type(None): lambda _unknown: "/>",
        bool: lambda value: f' t="b"><v>{int(value)}</v></c>',
        int: _number,
        float: lambda value: f"><v>{value!r}</v></c>",
        Decimal: _number,
        datetime: partial(_time, zone=zone),
        date: lambda value: _text(value.isoformat()),
        str: _text,
    }


def _escaped(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        text = f"{text[: LONGEST_TEXT - 1]}…"
    text = UNWRITABLE.sub("\ufffd", ESCAPE_LIKE.sub("_x005F_", text))
    return escape(text).replace("\r", "_x000D_")


def _sheet_names(sheets: int, name: str) -> list[str]:
    """Excel takes 31 characters, and none of those that addresses of cells are made of."""
    plain = NOT_IN_A_NAME.sub(" ", name)[:25].strip(" '") or "1"
    return [plain, *(f"{plain} ({number})" for number in range(2, sheets + 1))]


def _frame(sheets: int, sheet_name: str) -> dict[str, str]:
    """The parts around the sheets, which name them all: written last, when their number is known."""
    numbers = range(1, sheets + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{TYPES}.worksheet+xml"/>'
        for n in numbers
    )
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(_sheet_names(sheets, sheet_name), 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    return {
        "xl/workbook.xml": f'{XML}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{links}'
        f'<Relationship Id="rId{sheets + 1}" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "_rels/.rels": f'{XML}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "[Content_Types].xml": f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/>{overrides}</Types>',
    }
