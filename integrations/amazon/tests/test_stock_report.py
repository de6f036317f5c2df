"""The report of stock is read as the simulator renders it; see test_order_report.py for what holds for all reports."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.amazon.stock_report import KNOWN, Row, StockReport
from integrations.errors import RequestRefused
from integrations.protocol import RecordFailure
from inventory.records import ReportedStock
from simulator import Account
from simulator import reports as simulated
from simulator.render.stock_report import COLUMNS
from simulator.truth import stock_truth
from simulator.wire import Request

US = "ATVPDKIKX0DER"
END = datetime(2026, 6, 1, 12, tzinfo=UTC)
COMPARED = ("available", "reserved", "unfulfillable", "researching", "inbound")


def simulated_document(account: Account, **options: Any) -> tuple[bytes, str]:
    reports = simulated.Reports(lambda: (END + timedelta(minutes=5)).timestamp(), lambda: "")
    reports.zipped = False
    for name, value in options.items():
        setattr(reports, name, value)
    asked = {"reportType": simulated.STOCK, "marketplaceIds": US}
    report = reports.get(account, reports.create(account, asked))
    link = reports.document(account, {"reportDocumentId": report["reportDocumentId"]})["url"]
    answer = reports.file(Request("GET", simulated.FILES_PATH, link.partition("?")[2], {}, b""))
    return answer.body, answer.headers["Content-Type"].partition("charset=")[2]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 99),
    charset=st.sampled_from(["utf-8", "cp1252", "cp932"]),
    options=st.sampled_from([{}, {"shuffled": 3}, {"translated": True}, {"says_charset": False}]),
)
def test_it_reads_what_the_simulator_renders(seed: int, charset: str, options: dict[str, Any]) -> None:
    account = Account(seed, 1, 60, (US,), end=END)
    content, named = simulated_document(account, charset=charset, **options)
    report = StockReport(io.BytesIO(content), charset=named, in_japan=charset == "cp932")

    found = [each for each in report.rows() if isinstance(each, ReportedStock)]

    assert report.is_translated == ("translated" in options)
    by_fnsku = {each.fnsku: each for each in found if each.fnsku}
    for row in account.all_stock():
        truth, read = stock_truth(row), by_fnsku.pop(row.fnsku)
        assert read.sku == row.sku.encode(charset, errors="replace").decode(charset)
        told = [name for name in COMPARED if name != "researching" or not report.is_translated]
        assert [getattr(read, name) for name in told] == [truth[name] for name in told]
        assert read.is_platforms
    assert by_fnsku == {}
    others = [each for each in found if not each.fnsku]
    assert {each.is_platforms for each in others} <= {False, None}
    assert all(not getattr(each, name) for each in others for name in COMPARED)


def one(**cells: str) -> Row:
    values = {"sku": "A", "afn-fulfillable-quantity": "1"} | {
        name.replace("_", "-"): value for name, value in cells.items()
    }
    head = "\t".join(KNOWN)
    row = "\t".join(values.get(name, "") for name in KNOWN)
    [found] = StockReport(io.BytesIO(f"{head}\n{row}\n".encode())).rows()
    return found


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("Yes", True), ("JA", True), ("是", True), ("no", False), ("Nein", False), ("?", None)],
)
def test_it_reads_who_ships_in_the_languages_of_marketplaces(word: str, meaning: bool | None) -> None:
    found = one(afn_listing_exists=word)
    assert isinstance(found, ReportedStock)
    assert found.is_platforms is meaning


def test_what_the_report_does_not_say_is_not_known_and_what_cannot_be_read_is_said() -> None:
    found = one(afn_inbound_shipped_quantity="2", afn_fc_transfer_quantity="4")
    assert found == ReportedStock(sku="A", available=1, inbound=2, in_transfer=4)
    for cells in ({"afn_reserved_quantity": "many"}, {"sku": " "}):
        failure = one(**cells)
        assert isinstance(failure, RecordFailure)
        assert "cannot stand there" in failure.message


def test_it_never_takes_another_document_for_a_list_without_stock() -> None:
    for content, code in (
        (b"Try again later.\r\n", "report_refused"),
        (b"sku\tprice\r\n", "unknown_columns"),
    ):
        with pytest.raises(RequestRefused) as refused:
            StockReport(io.BytesIO(content))
        assert refused.value.code == code
    assert list(StockReport(io.BytesIO("\t".join(COLUMNS).encode())).rows()) == []
