"""XLSX, written while it is sent.

Libraries hand the first byte out after the last row is known; a million rows take longer than proxies wait. What is
needed here is small: sheets of text, numbers, dates and booleans, never a formula or a link.
Office Open XML, ECMA-376 part 1, chapter 18: https://ecma-international.org/publications-and-standards/standards/ecma-376/
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.utils.functional import Promise

ROWS_OF_A_SHEET = 1_000_000  # Excel takes 1,048,576
LONGEST_TEXT = 32_767  # characters of a cell
DIGITS = 15  # that a number of Excel's holds
EPOCH = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of Excel's calendar, right from 1 March 1900 on
# What XML cannot hold, and what Excel would read as an escape (ST_Xstring, 22.9.2.19).
UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")

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
    """A file that cannot be rewound; `take` hands out what was written since."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        data, self._pieces = b"".join(self._pieces), []
        return data


def xlsx_stream(headings: Iterable[str], chunks: Iterable[Iterable[list[Any]]]) -> Iterator[bytes]:
    """The workbook, piece by piece. A further sheet begins where one is full."""
    pipe = _Pipe()
    titles = [f"{each} (UTC)" if each.endswith("_at") else each for each in headings]
    rows = (row for chunk in chunks for row in chunk)
    with ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=3) as archive:  # type: ignore[call-overload]  # it writes, and that is all it has to do
        sheets, first = 0, next(rows, None)
        while first is not None or not sheets:
            sheets += 1
            with archive.open(_entry(f"xl/worksheets/sheet{sheets}.xml"), "w") as sheet:
                sheet.write(_opening(titles))
                for count in range(ROWS_OF_A_SHEET):
                    if first is None:
                        break
                    sheet.write(_row(first))
                    first = next(rows, None)
                    if count % 500 == 0:
                        yield pipe.take()
                sheet.write(b"</sheetData></worksheet>")
        for name, text in _frame(sheets).items():
            archive.writestr(_entry(name), text)
    yield pipe.take()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    return entry


def _opening(titles: list[str]) -> bytes:
    cells = "".join(f'<c s="2" t="inlineStr"><is><t>{_escaped(each)}</t></is></c>' for each in titles)
    pane = '<pane ySplit="1" topLeftCell="A2" state="frozen"/>'
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    return f'{XML}<worksheet xmlns="{MAIN}">{view}<sheetData><row>{cells}</row>'.encode()


def _row(values: list[Any]) -> bytes:
    return f"<row>{''.join(map(_cell, values))}</row>".encode()


def _cell(value: Any) -> str:
    match value:
        case None | "":
            return "<c/>"
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case int() | Decimal() if _fits(value):
            return f"<c><v>{value:f}</v></c>" if isinstance(value, Decimal) else f"<c><v>{value}</v></c>"
        case float():
            return f"<c><v>{value!r}</v></c>"
        case datetime() if value > EPOCH.replace(year=1901):
            return f'<c s="1"><v>{(value - EPOCH).total_seconds() / 86400:.10f}</v></c>'
        case str() | Promise() | int() | Decimal() | datetime():
            text = str(value)
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{_escaped(text)}</t></is></c>'


def _fits(number: int | Decimal) -> bool:
    """Whether Excel keeps each digit; a longer number is text there."""
    return len(str(number).strip("-").replace(".", "").lstrip("0")) <= DIGITS


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
