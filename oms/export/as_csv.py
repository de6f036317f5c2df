"""CSV: RFC 4180, UTF-8 with the mark by which spreadsheets know it, and no cell that a spreadsheet would compute."""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise

# A cell that begins with one of these (the last four are =+-@ in full width) is a formula to a spreadsheet, unless
# an apostrophe stands before it.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BOM = "\ufeff"


class _Line:
    """A file that keeps the one line that was written last."""

    def write(self, text: str) -> str:
        return text


def csv_stream(headings: Iterable[str], chunks: Iterable[Iterable[list[Any]]]) -> Iterator[bytes]:
    """The file, piece by piece; each chunk of rows becomes one piece."""
    writer = csv.writer(_Line())
    yield (BOM + _written(writer, list(headings))).encode()
    for rows in chunks:
        yield "".join(_written(writer, [text_of(value) for value in row]) for row in rows).encode()


def text_of(value: Any) -> str:
    """A value as CSV has it: numbers plain, times in UTC, unknown empty, text that cannot be taken for a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case str() | Promise():
            text = str(value)
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "replace").decode()
    return f"'{text}" if text.startswith(FORMULA) else text


def _written(writer: Any, cells: list[str]) -> str:
    return str(writer.writerow(cells))
