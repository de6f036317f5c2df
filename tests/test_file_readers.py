"""Exports, opened by the programs that users open them with: SheetJS, ExcelJS and its stream reader, LibreOffice."""

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from api.tests.rest import make_order, make_stock

pytestmark = [pytest.mark.django_db, pytest.mark.once]

READERS = Path(__file__).parent / "readers"
INSTALL = "`npm ci` in tests/readers (see CONTRIBUTING.md) installs them"
ADDRESSES = {
    "orders": "/admin/orders/order/export/orders",
    "lines": "/admin/orders/order/export/order-lines",
    "stock": "/admin/inventory/inventoryitem/export/inventory",
}
TITLE = "Mug \U0001f984 _x0041_ <b>& „weiß“\n2nd line \x01 = 1 + 1"
# https://help.libreoffice.org/latest/en-US/text/shared/guide/csv_params.html: separator, quotes, UTF-8, first row, no
# column formats, language (German), no quoted text as text, special numbers such as dates are recognised.
GERMAN_CSV = "CSV:59,34,76,1,,1031,false,true"
CSV_AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true,false"


@pytest.fixture
def exported(admin_client: Client, tmp_path: Path) -> Callable[..., Path]:
    """Exports a list of a German reader in Berlin into a file."""
    moment = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    make_order(
        "012-0000001-0000001",
        title=TITLE,
        sku="00123",
        purchased_at=moment,
        total=Decimal("1234.5"),
        currency="EUR",
    )
    make_order("=1+1", sku="1E5", total=None, currency="", ship_by=None)
    make_stock(sku="000000000000012345", available=2_147_483_647, title="")
    admin_client.cookies["django_language"], admin_client.cookies["oms_timezone"] = "de", "Europe/Berlin"

    def export(name: str, extension: str) -> Path:
        path = tmp_path / f"{name}.{extension}"
        response: Any = admin_client.get(f"{ADDRESSES[name]}.{extension}")
        path.write_bytes(b"".join(response.streaming_content))
        return path

    return export


def cells_of(path: Path) -> dict[str, list[list[Any]]]:
    """Each sheet's rows, as openpyxl reads them, in the form of readers/read.mjs."""
    return {
        sheet.title: [[_shown(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        for sheet in load_workbook(path).worksheets
    }


def _shown(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return {"time": f"{cell:%Y-%m-%dT%H:%M:%S}.000Z"}
    return unescape(cell) if isinstance(cell, str) else cell  # ECMA-376 part 1, 22.9.2.19


@pytest.mark.readers
def test_readers_of_node_find_in_a_workbook_what_openpyxl_finds(exported: Callable[..., Path]) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed (Debian: apt install nodejs npm)")
    if not (READERS / "node_modules").is_dir():
        pytest.skip(f"SheetJS and ExcelJS are not installed: {INSTALL}")
    paths = [exported(name, "xlsx") for name in ADDRESSES]
    command = [node, str(READERS / "read.mjs"), *map(str, paths)]
    # Excel's times have no zone; these readers take them for the machine's.
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"TZ": "UTC"})
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert set(found) == {"sheetjs", "exceljs", "stream"}
    for path in paths:
        expected = cells_of(path)
        assert all(len(rows) > 1 for rows in expected.values())
        for reader, books in found.items():
            for sheet, rows in expected.items():
                found_rows = books[str(path)][sheet]
                padded = [[*row, *[None] * (len(rows[0]) - len(row))] for row in found_rows]
                assert padded == rows, (reader, path.name)
    lines = json.dumps(found["sheetjs"][str(paths[1])], ensure_ascii=False)
    assert "2026-07-02T00:30:00.000Z" in lines
    assert '"00123"' in lines
    assert "_x0041_ <b>& „weiß“" in lines


def convert(path: Path, to: str, *options: str) -> Path:
    """The file as LibreOffice saves it in another format. Skips where it is not installed."""
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice is not installed (Debian: apt install libreoffice-calc-nogui)")
    profile = f"-env:UserInstallation={(path.parent / 'profile').as_uri()}"
    out = path.parent / "converted"
    command = [soffice, "--headless", profile, *options, "--convert-to", to, "--outdir", str(out), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out / f"{path.stem}.{to.partition(':')[0]}"


def test_libreoffice_shows_times_numbers_and_text_of_a_workbook(exported: Callable[..., Path]) -> None:
    shown = convert(exported("orders", "xlsx"), CSV_AS_SHOWN).read_text("utf-8")
    rows = {row["Bestellnummer"]: row for row in csv.DictReader(shown.splitlines())}
    order = rows["012-0000001-0000001"]
    assert order["Gekauft (Europe/Berlin)"] == "2026-07-02 00:30:00"
    assert float(order["Gesamt"]) == 1234.5
    assert rows["=1+1"]["Gesamt"] == rows["=1+1"]["Versand bis (Europe/Berlin)"] == ""


def test_libreoffice_takes_times_and_amounts_of_a_german_csv_for_such(exported: Callable[..., Path]) -> None:
    book = load_workbook(convert(exported("orders", "csv"), "xlsx", f"--infilter={GERMAN_CSV}"))
    names, *rows = book.worksheets[0].iter_rows(values_only=True)
    found = {row[names.index("Bestellnummer")]: dict(zip(names, row, strict=True)) for row in rows}
    order = found["012-0000001-0000001"]
    assert order["Gekauft (Europe/Berlin)"] == datetime(2026, 7, 2, 0, 30)  # noqa: DTZ001  Excel's times have no zone
    assert order["Gesamt"] == 1234.5
    assert "'=1+1" in found
