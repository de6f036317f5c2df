"""What the files of an export hold, whatever the database gave."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from backoffice.export.as_csv import csv_stream
from backoffice.export.as_xlsx import xlsx_stream
from backoffice.export.reader import MACHINE, Reader


@pytest.mark.parametrize(
    ("value", "text", "cell"),
    [
        (10**15, "1000000000000000", '<t xml:space="preserve">1000000000000000</t>'),
        (Decimal("-99999999999.9999"), "-99999999999.9999", "<v>-99999999999.9999</v>"),
        (1.5, "1.5", "<v>1.5</v>"),
        (True, "true", ' t="b"><v>1</v></c>'),
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
    assert [sheet.count(b"<row ") for sheet in sheets] == [1_000_001, 2]  # with their headings
    assert b'<row r="1000001"><c r="A1000001">' in sheets[0]
    assert sheets[1].endswith(
        b'<row r="2"><c r="A2"><v>7</v></c></row></sheetData><autoFilter ref="A1:A2"/></worksheet>'
    )


TRICKS = (
    "=1+1",
    "\x00=1+1",
    "a;=1+1",
    "a\t=1+1",
    "a\n=1+1",
    "a\r\n@SUM(1)",
    'a;"=1+1',
    "a,+1",
    "\uff1d1+1",
    "a;\x00-1",
)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("reader", [MACHINE, Reader(separator=";", decimal=",")], ids=["machine", "person"])
def test_no_cell_is_a_formula_whatever_separates_cells(reader: Reader, separator: str) -> None:
    file = b"".join(csv_stream(["heading", "other"], [[TRICKS, TRICKS]], reader)).decode("utf-8-sig")
    # As spreadsheets do that know no quotes in the middle of a cell, and drop characters that cannot be shown.
    cells = [cell for line in file.splitlines() for cell in line.split(separator)]
    shown = [re.sub(r"^[\x00-\x1f\"\ufeff]+", "", cell) for cell in cells]
    assert [cell for cell in shown if cell[:1] in tuple("=+-@\uff1d")] == []


def test_it_leaves_harmless_text_alone() -> None:
    texts = ["Mug, blue - 350 ml", "a; b = c", "A-1", "x@y.example", "1+1", 'say "=1"', ""]
    file = b"".join(csv_stream(["heading"], [[texts]])).decode("utf-8-sig")
    assert [row[0] if row else "" for row in csv.reader(io.StringIO(file))][1:] == texts


def test_it_names_a_sheet_and_its_columns_for_people() -> None:
    names = [f"column {at}" for at in range(30)]
    book = b"".join(xlsx_stream(names, [[["x" * 30]] * 30], sheet_name="Orders: [all] of a very long name"))
    with ZipFile(io.BytesIO(book)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert 'sheet name="Orders   all  of a very l"' in archive.read("xl/workbook.xml").decode()
    assert 'r="AD2"' in sheet
    assert '<autoFilter ref="A1:AD2"/>' in sheet
    assert sheet.count('width="31"') == 30


def test_times_are_those_of_the_readers_zone() -> None:
    summer = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    book = b"".join(xlsx_stream(["time"], [[[summer]]], zone=ZoneInfo("Europe/Berlin")))
    (cell,) = load_workbook(io.BytesIO(book)).active["A2":"A2"][0]
    assert cell.value == datetime(2026, 7, 2, 0, 30)  # noqa: DTZ001  Excel's times have no zone
