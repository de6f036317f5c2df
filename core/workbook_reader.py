"""Run by spreadsheets.py as a process of its own: reads a workbook from stdin, and writes its first sheet to stdout as
JSON, a list of texts for each row.

The reader reserves room for each cell between the first one and the last, wherever a small file puts that: without the
memory, it ends its process. It imports nothing of OMS, and has none of its secrets.
"""

import io
import json
import resource
import sys
from datetime import date, datetime
from typing import Any

from python_calamine import load_workbook

MOST_MEMORY = 768 * 2**20  # bytes
MOST_SECONDS = 30  # of CPU
MOST_TEXT = 100_000_000  # bytes that are written
# Above it, a number is not exact. Excel keeps 15 digits: of a longer one, it has made the rest 0.
EXACT, KEPT = 2**53, 10**15
TOO_MANY_ROWS, TOO_MANY_CELLS = 3, 4  # exit statuses


def main(most_rows: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _write(sys.stdin.buffer.read(), most_rows)
    except MemoryError:
        sys.exit(TOO_MANY_CELLS)


def _write(data: bytes, most_rows: int) -> None:
    workbook = load_workbook(io.BytesIO(data))
    if not workbook.sheet_names:
        return
    sheet = workbook.get_sheet_by_index(0)
    if sheet.end is not None and sheet.end[0] >= most_rows:  # places count from 0
        sys.exit(TOO_MANY_ROWS)
    written = 0
    for row in sheet.to_python(skip_empty_area=False):
        line = json.dumps([_text(cell) for cell in row]).encode() + b"\n"
        written += len(line)
        if written > MOST_TEXT:
            sys.exit(TOO_MANY_CELLS)
        sys.stdout.buffer.write(line)


def _text(value: Any) -> str:
    """As the spreadsheet shows it."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        if not float(value).is_integer():
            return repr(value)
        is_exact = abs(value) < KEPT or (abs(value) < EXACT and value % 10 != 0)
        shortest = repr(float(value))
        return f"{value:.0f}" if is_exact else shortest if "e" in shortest else f"{value:.15e}"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


if __name__ == "__main__":
    main(int(sys.argv[1]))
