"""Tables out of files that people make."""

import io
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from core.spreadsheets import BadTable, read_table


@pytest.mark.parametrize(
    "data",
    [
        b"Order,Tracking\n1,A\n\n2,B\n",
        b"\xef\xbb\xbfOrder;Tracking\r\n1;A\r\n;\r\n2;B",
        "Order\tTracking\n1\tA\n\n2\tB\n".encode("utf-16"),
    ],
)
def test_it_reads_text_as_programs_write_it(data: bytes) -> None:
    table = read_table(data)
    assert table.headings == ("Order", "Tracking")
    assert [(row.number, row.cells) for row in table.rows] == [(2, ("1", "A")), (4, ("2", "B"))]


def test_it_takes_no_row_for_the_one_that_names_the_separator_to_a_spreadsheet() -> None:
    for first in ("sep=;", '"sep=;"', "SEP=;"):
        table = read_table(f"\ufeff{first}\r\nOrder;Tracking, number\r\n1;A\r\n".encode())
        assert table.headings == ("Order", "Tracking, number")
        assert [(row.number, row.cells) for row in table.rows] == [(3, ("1", "A"))]
    assert read_table(b"sep=|\na,b,c|d\n1|2\n").headings == ("a,b,c", "d")


def test_it_reads_letters_of_windows_and_lines_within_quotes() -> None:
    table = read_table('Gr\u00f6\u00dfe,Text\n"a\nb",\u20ac\nc,d\n'.encode("cp1252"))
    assert table.headings == ("Gr\u00f6\u00dfe", "Text")
    assert [(row.number, row.cells) for row in table.rows] == [(2, ("a\nb", "\u20ac")), (4, ("c", "d"))]


def test_it_reads_a_workbook_as_it_is_shown() -> None:
    rows: list[list[Any]] = [
        ["Order", "Tracking", "Day", "Qty"],
        ["1", 340434161094, datetime(2026, 1, 31, 14, 5), 2],  # noqa: DTZ001  workbooks know no zone
        [],
        ["2", 3.4043416109404e19, "", 1.5],
    ]
    table = read_table(workbook(rows))
    assert [(row.number, row.cells) for row in table.rows] == [
        (2, ("1", "340434161094", "2026-01-31 14:05:00", "2")),
        (4, ("2", "3.4043416109404e+19", "", "1.5")),
    ]


@pytest.mark.parametrize("number", [9007199254740993, 1234567890123450, 1e15, 12345678901234567])
def test_a_number_of_more_digits_than_a_spreadsheet_keeps_is_shown_as_rounded(number: float) -> None:
    """Excel keeps 15: of a longer one, the rest is made up."""
    (row,) = read_table(workbook([["Order", "Tracking"], ["1", number]])).rows
    assert "e+" in row.cells[1]
    for exact in (999999999999999, 1234567890123456):
        (row,) = read_table(workbook([["Order", "Tracking"], ["1", exact]])).rows
        assert row.cells[1] == str(exact)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,,b\n", "no_heading"),
        (b"a,a\n", "heading_twice"),
        (b'a,b\n"c,d\n', "broken"),
        (b"Order,Carrier,Tracking\nA-1,DHL, Paket,1Z999\n", "broken"),  # the number would be "Paket"
        (b"a\0b\n", "not_text"),
        (b"PK\x03\x04 and nothing else", "broken"),
        (b"x" * 10_000_001, "too_large"),
        (b"a\n" + b"1\n" * 20_001, "too_many_rows"),
    ],
)
def test_it_says_why_a_file_cannot_be_used(data: bytes, code: str) -> None:
    with pytest.raises(BadTable) as caught:
        read_table(data)
    assert caught.value.code == code


def test_it_leaves_out_no_row_of_a_long_workbook_in_silence() -> None:
    rows = [["Order"], *([] for _ in range(102)), *([str(number)] for number in range(19_998))]
    with pytest.raises(BadTable) as caught:
        read_table(workbook(rows))
    assert caught.value.code == "too_many_rows"
    assert len(read_table(workbook(rows[:-1])).rows) == 19_997


@pytest.mark.parametrize(
    ("cell", "code"),
    [("A1048576", "too_many_rows"), ("XFD1048576", "too_many_cells")],
)
def test_a_cell_far_away_costs_neither_the_process_nor_the_rows_before_it(cell: str, code: str) -> None:
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["A2"], sheet[cell] = "Order", "1", "2"
    book.save(out)
    with pytest.raises(BadTable) as caught:
        read_table(out.getvalue())
    assert caught.value.code == code


def workbook(rows: list[list[Any]]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(out)
    return out.getvalue()
