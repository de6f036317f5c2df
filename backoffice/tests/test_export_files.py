"""What the files of an export hold, whatever the database gave."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest

from backoffice.export.as_csv import csv_stream
from backoffice.export.as_xlsx import xlsx_stream


@pytest.mark.parametrize(
    ("value", "text", "cell"),
    [
        (10**15, "1000000000000000", '<t xml:space="preserve">1000000000000000</t>'),
        (Decimal("-99999999999.9999"), "-99999999999.9999", "<v>-99999999999.9999</v>"),
        (1.5, "1.5", "<v>1.5</v>"),
        (True, "true", '<c t="b"><v>1</v></c>'),
        (datetime(1850, 1, 1, tzinfo=UTC), "1850-01-01T00:00:00Z", "1850-01-01 00:00:00+00:00</t>"),
        (date(2026, 1, 31), "2026-01-31", "2026-01-31</t>"),
        ("a\ud800b", "a?b", "a\ufffdb</t>"),
        (["=1", None], '"[""=1"", null]"', '["=1", null]</t>'),
    ],
)
def test_it_writes_any_value(value: Any, text: str, cell: str) -> None:
    """Alone in its column, and among others that are unknown."""
    for column in ([value], [None, value]):
        lines = b"".join(csv_stream(["heading"], [[column]])).decode().splitlines()
        assert lines[-1] == text
        with ZipFile(io.BytesIO(b"".join(xlsx_stream(["heading"], [[column]])))) as archive:
            assert cell in archive.read("xl/worksheets/sheet1.xml").decode()


def test_it_begins_a_further_sheet_where_one_is_full() -> None:
    book = b"".join(xlsx_stream(["number"], [[range(250_000)]] * 4 + [[range(7, 8)]]))
    with ZipFile(io.BytesIO(book)) as archive:
        sheets = [archive.read(f"xl/worksheets/sheet{number}.xml") for number in (1, 2)]
        assert b'sheetId="3"' not in archive.read("xl/workbook.xml")
    assert [sheet.count(b"<row>") for sheet in sheets] == [1_000_001, 2]  # with their headings
    assert sheets[1].endswith(b"<row><c><v>7</v></c></row></sheetData></worksheet>")
