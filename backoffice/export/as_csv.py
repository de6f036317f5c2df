"""CSV: RFC 4180, UTF-8 with the mark by which spreadsheets know it, and no cell that a spreadsheet would run as a
formula, whatever it takes for the end of a cell."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from backoffice.export.chunks import Cells
from backoffice.export.conversion import converted
from backoffice.export.reader import MACHINE, Reader

# A cell that begins with one of these (the last four are =+-@ in full width) is a formula to a spreadsheet, unless
# an apostrophe stands before it; characters that it drops may come first. Whoever opens the file may tell a
# spreadsheet that cells end at commas, semicolons or tabs, and some end them at any line break.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(
    r"""(^|[,;\t\r\n])(?=[\x00-\x1f"\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])"""
)
MAY_BE_ONE = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # few texts have any of it
BOM = "\ufeff"


def csv_stream(headings: Iterable[str], chunks: Iterable[Cells], reader: Reader = MACHINE) -> Iterator[bytes]:
    """The file, piece by piece; each chunk of rows becomes one piece."""
    texts = _texts(reader)
    yield BOM.encode() + _written([list(headings)], reader)
    for cells in chunks:
        yield _written(zip(*(converted(column, texts, _json) for column in cells), strict=True), reader)


def _written(rows: Iterable[Sequence[Any]], reader: Reader) -> bytes:
    piece = io.StringIO(newline="")
    csv.writer(piece, delimiter=reader.separator).writerows(rows)
    return piece.getvalue().encode("utf-8", "replace")


def _harmless(text: str) -> str:
    return FORMULA.sub(r"\1'", text) if MAY_BE_ONE.search(text) else text


def _json(value: Any) -> str:
    return _harmless(json.dumps(value, ensure_ascii=False, default=str))


def _texts(reader: Reader) -> dict[type, Callable[[Any], str]]:
    """Numbers plain, unknown empty, text that cannot be taken for a formula."""
    texts: dict[type, Callable[[Any], str]] = {
        type(None): lambda _unknown: "",
        bool: lambda value: "true" if value else "false",
        int: str,
        float: str,
        Decimal: "{:f}".format,
        datetime: reader.time,
        date: date.isoformat,
        str: _harmless,
    }
    if reader.decimal != ".":
        texts |= {
            float: lambda value: str(value).replace(".", reader.decimal),
            Decimal: lambda value: f"{value:f}".replace(".", reader.decimal),
        }
    return texts
