"""CSV: RFC 4180, UTF-8 with the mark by which spreadsheets know it, and no cell that a spreadsheet would run as a
formula."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from backoffice.export.chunks import Cells
from backoffice.export.conversion import converted

# A cell that begins with one of these (the last four are =+-@ in full width) is a formula to a spreadsheet, unless
# an apostrophe stands before it.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
BOM = "\ufeff"


def csv_stream(headings: Iterable[str], chunks: Iterable[Cells]) -> Iterator[bytes]:
    """The file, piece by piece; each chunk of rows becomes one piece."""
    yield BOM.encode() + _written([list(headings)])
    for cells in chunks:
        yield _written(zip(*(converted(column, TEXTS, _json) for column in cells), strict=True))


def _written(rows: Iterable[Sequence[Any]]) -> bytes:
    piece = io.StringIO(newline="")
    csv.writer(piece).writerows(rows)
    return piece.getvalue().encode("utf-8", "replace")


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in FORMULA else text


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: Any) -> str:
    return _harmless(json.dumps(value, ensure_ascii=False, default=str))


# Numbers plain, times in UTC, unknown empty, text that cannot be taken for a formula.
TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _unknown: "",
    bool: lambda value: "true" if value else "false",
    int: str,
    float: str,
    Decimal: "{:f}".format,
    datetime: _time,
    date: date.isoformat,
    str: _harmless,
}
