"""The all-orders report is read as the simulator renders it, and whatever comes, nothing is lost without a word."""

import gzip
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.amazon.order_report import BY_PURCHASE, BY_UPDATE, KNOWN, OrderReport, Row
from integrations.errors import PlatformError, RequestRefused, TransientError
from integrations.protocol import RecordFailure
from orders.records import ReportedLine
from simulator import CANARY, Account
from simulator import reports as simulated
from simulator.truth import order_truth
from simulator.wire import Request

US, JP, DE = "ATVPDKIKX0DER", "A1VC38T7YXB528", "A1PA6795UKMFR9"
END = datetime(2026, 6, 1, 12, 0, 0, 123000, tzinfo=UTC)
HEADER = "\t".join(KNOWN)
ANY_TEXT = st.text(st.characters(exclude_characters="\t\r\n", exclude_categories=["Cs"]), max_size=30)
NUMBERS = st.decimals(0, 99999, places=2)


def simulated_document(account: Account, kind: str, **options: Any) -> tuple[bytes, str]:
    """The file behind the link of a report that the simulator makes, and the charset that it names."""
    now = (END + timedelta(minutes=5)).timestamp()
    reports = simulated.Reports(lambda: now, lambda: "https://storage.invalid")
    for name, value in options.items():
        setattr(reports, name, value)
    params = {"reportType": kind, "marketplaceIds": ",".join(account.marketplace_ids)}
    params |= {"dataStartTime": (END - timedelta(days=30)).isoformat(), "dataEndTime": END.isoformat()}
    report = reports.get(account, reports.create(account, params))
    link = urlsplit(reports.document(account, {"reportDocumentId": report["reportDocumentId"]})["url"])
    answer = reports.file(Request("GET", link.path, link.query, {}, b""))
    charset = answer.headers["Content-Type"].partition("charset=")[2]
    return gzip.decompress(answer.body) if reports.zipped else answer.body, charset


def read(content: bytes, **options: Any) -> list[Row]:
    return list(OrderReport(io.BytesIO(content), **options).rows())


def lines(*texts: str, charset: str = "utf-8") -> bytes:
    return "".join(f"{text}\r\n" for text in (HEADER, *texts)).encode(charset)


def row(**cells: str) -> str:
    values = {"amazon-order-id": "111-1", "order-status": "Shipped"}
    values |= {name.replace("_", "-"): value for name, value in cells.items()}
    return "\t".join(values.get(name, "") for name in KNOWN)


def one(**cells: str) -> ReportedLine:
    [found] = read(lines(row(**cells)))
    assert isinstance(found, ReportedLine)
    return found


def expected(account: Account, charset: str) -> list[tuple[Any, ...]]:
    """What the rows should say, made of the truth about each order."""

    def written(text: str) -> str:
        return text.encode(charset, errors="replace").decode(charset)

    found = []
    for index in range(account.count):
        order = account.order(index)
        truth = order_truth(order)
        for item in truth["items"]:
            taxes = [item[name] for name in ("item_tax", "shipping_tax")]
            found.append(
                (
                    order.external_id,
                    truth["status"],
                    truth["purchased_at"].replace(microsecond=0),
                    truth["platform_updated_at"].replace(microsecond=0),
                    truth["fulfilled_by"],
                    truth["marketplace_id"] if order.channel == "AMAZON" else "",
                    written(item["sku"]),
                    written(item["title"].strip()),
                    item["quantity_ordered"],
                    item["currency"],
                    item["shipping"],
                    item["discount"],
                    *taxes,
                )
            )
    return sorted(found, key=repr)


def said(found: ReportedLine) -> tuple[Any, ...]:
    return (
        found.order_id, found.status, found.purchased_at, found.updated_at, found.fulfilled_by,
        found.marketplace_id, found.sku, found.title, found.quantity, found.currency, found.shipping,
        found.item_discount, found.item_tax, found.shipping_tax,
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    orders=st.integers(1, 60),
    kind=st.sampled_from([BY_UPDATE, BY_PURCHASE]),
    charset=st.sampled_from(["utf-8", "cp1252", "cp932"]),
    options=st.fixed_dictionaries(
        {
            "zipped": st.booleans(),
            "shuffled": st.none() | st.integers(0, 99),
            "offset_minutes": st.sampled_from([0, 540, -480, 330, 60]),
            "says_charset": st.booleans(),
        }
    ),
)
def test_it_reads_what_the_simulator_renders(
    seed: int, orders: int, kind: str, charset: str, options: dict[str, Any]
) -> None:
    account = Account(seed, orders, 60, (US, JP, DE), end=END)
    content, named = simulated_document(account, kind, charset=charset, **options)
    # Where nobody names the charset, that of Windows in Western Europe is taken for what is no UTF-8; Japan is told.
    report = OrderReport(io.BytesIO(content), charset=named, in_japan=charset == "cp932")
    assert {"url", "simulator-future-column"} <= set(report.unknown)
    assert {"ship-city", "ship-postal-code", "purchase-order-number"} <= set(report.left_out)

    found = list(report.rows())

    assert not [each for each in found if isinstance(each, RecordFailure)]
    reported = [each for each in found if isinstance(each, ReportedLine)]
    assert CANARY not in repr(reported)
    assert all(("simulator-future-column", "future") in each.other for each in reported)
    assert sorted(map(said, reported), key=repr) == expected(account, charset)


@pytest.mark.parametrize("charset", ["utf-8", "cp932"])
def test_it_reads_columns_by_their_places_where_their_names_are_translated(charset: str) -> None:
    account = Account(5, 60, 60, (US, JP, DE), end=END)
    content, named = simulated_document(account, BY_UPDATE, charset=charset, translated=True)
    report = OrderReport(io.BytesIO(content), charset=named)
    assert (report.is_translated, report.unknown) == (True, ("merchant-order-id", "order-channel", "url"))

    found = [each for each in report.rows() if isinstance(each, ReportedLine)]

    assert sorted(map(said, found), key=repr) == expected(account, charset)
    assert CANARY not in repr(found)
    older = content.decode(charset).replace("\t列 8\t", "\t").replace("\tAmazon.de\t\t\t", "\tAmazon.de\t\t")
    only_german = [line for line in older.split("\r\n") if "列" in line or "Amazon.de" in line]
    assert only_german[1:]
    [*without_url] = read("".join(f"{line}\r\n" for line in only_german).encode(), charset="utf-8")
    assert {found.marketplace_id for found in without_url if isinstance(found, ReportedLine)} == {DE}


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows[:1],  # no row that would show what the columns are
        lambda rows: [rows[0], *("\t".join(reversed(row.split("\t"))) for row in rows[1:])],
        lambda rows: [row.rpartition("\t列 20")[0] if "列" in row else row for row in rows],
    ],
    ids=["empty", "another order", "fewer names"],
)
def test_it_does_not_guess_what_translated_columns_are(change: Any) -> None:
    content, _ = simulated_document(Account(5, 9, 9, (DE,), end=END), BY_UPDATE, translated=True)
    rows = change(content.decode().removesuffix("\r\n").split("\r\n"))
    with pytest.raises(RequestRefused) as refused:
        read("".join(f"{row}\r\n" for row in rows).encode())
    assert refused.value.code == "unknown_columns"


@settings(max_examples=60, deadline=None)
@given(sku=ANY_TEXT, title=ANY_TEXT, price=NUMBERS, quantity=st.integers(0, 999))
def test_it_takes_text_as_it_is(sku: str, title: str, price: Decimal, quantity: int) -> None:
    """Quotes, commas and whatever else a standard reader of CSV would make something of."""
    found = one(sku=sku, product_name=f'"{title}', item_price=str(price), quantity=str(quantity))
    assert (found.sku, found.title) == (sku if sku.strip() else "", f'"{title}'.strip())
    assert (found.item_price, found.quantity) == (price, quantity)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_it_loses_no_row_of_a_damaged_document_without_a_word(data: st.DataObject) -> None:
    account = Account(data.draw(st.integers(0, 99)), 8, 20, (US,), end=END)
    content, charset = simulated_document(account, BY_UPDATE)
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        found = read(bytes(damaged), charset=charset)
    except PlatformError:
        return
    _head, *rest = bytes(damaged).split(b"\n")
    assert len(found) == len([each for each in rest if each.decode("utf-8", "replace").strip()])
    assert CANARY not in repr([each for each in found if isinstance(each, RecordFailure)])


@pytest.mark.parametrize(
    ("content", "charset", "in_japan", "used", "title"),
    [
        ("Größe", "", False, "utf-8", "Größe"),
        ("Größe", "Cp1252", False, "cp1252", "Größe"),
        ("Größe", "iso-8859-1", False, "cp1252", "Größe"),
        ("大容量ソ", "Shift_JIS", False, "cp932", "大容量ソ"),
        ("大容量ソ", "windows-31j", True, "cp932", "大容量ソ"),
        ("大容量ソ", "", True, "cp932", "大容量ソ"),
        ("Größe", "x-nobody-knows", False, "utf-8", "Größe"),
        ("Größe", "utf-16", False, "utf-8", "Größe"),
    ],
)
def test_it_knows_the_charset(content: str, charset: str, in_japan: bool, used: str, title: str) -> None:
    document = lines(row(product_name=content), charset=used)
    report = OrderReport(io.BytesIO(document), charset=charset, in_japan=in_japan)
    [found] = report.rows()
    assert isinstance(found, ReportedLine)
    assert (report.charset, found.title, found.is_mended) == (used, title, False)


def test_it_finds_western_text_that_nobody_names() -> None:
    report = OrderReport(io.BytesIO(lines(row(product_name="Größe – 5 €"), charset="cp1252")))
    [found] = report.rows()
    assert (report.charset, report.is_stated) == ("cp1252", False)
    assert isinstance(found, ReportedLine)
    assert found.title == "Größe – 5 €"


def test_it_marks_what_cannot_be_read_and_costs_only_that() -> None:
    document = lines(row(product_name="A?B"), row(amazon_order_id="1?1-2")).replace(b"?", b"\xff")
    mended, failure = read(document, charset="utf-8")
    assert isinstance(mended, ReportedLine)
    assert (mended.title, mended.is_mended) == ("A\ufffdB", True)
    assert isinstance(failure, RecordFailure)
    assert (failure.external_id, failure.mark) == ("", "row 3")


def test_it_finds_columns_by_name() -> None:
    names = [" Amazon Order ID", "ORDER_STATUS", '"quantity"', "ship-city", "colour", "sku"]
    content = "\ufeff" + "\t".join(names) + "\n111-1\tpending\t3\tBonn\tblue\t A,1 \n\n"
    report = OrderReport(io.BytesIO(content.encode()))
    [found] = report.rows()
    assert isinstance(found, ReportedLine)
    assert (found.order_id, found.status, found.quantity, found.sku) == ("111-1", "pending", 3, " A,1 ")
    assert (found.other, report.left_out, found.item_price) == ((("colour", "blue"),), ("ship-city",), None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Shipped", "shipped"),
        ("Cancelled", "cancelled"),
        ("CANCELED", "cancelled"),
        ("Partially Shipped", "partially_shipped"),
        ("PartiallyShipped", "partially_shipped"),
        ("PENDING_AVAILABILITY", "pending"),
        ("Shipped - Delivered to Buyer", "shipped"),
        ("Verschickt", "unknown"),
    ],
)
def test_it_reads_statuses_however_they_are_spelt(word: str, status: str) -> None:
    found = one(order_status=word, item_status=word)
    assert (found.status, found.item_status, found.platform_status) == (status, status, word)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-31T23:30:00+00:00", datetime(2026, 5, 31, 23, 30, tzinfo=UTC)),
        ("2026-06-01T08:30:00+09:00", datetime(2026, 5, 31, 23, 30, tzinfo=UTC)),
        ("2026-05-31T16:30:00-0700", datetime(2026, 5, 31, 23, 30, tzinfo=UTC)),
        ("2026-05-31T23:30:00.500Z", datetime(2026, 5, 31, 23, 30, 0, 500000, tzinfo=UTC)),
        ("", None),
        ("9999-12-31T00:00:00Z", None),
    ],
)
def test_it_reads_times_at_any_offset(text: str, moment: datetime | None) -> None:
    assert one(purchase_date=text).purchased_at == moment


def test_it_reads_amounts_and_fulfilment() -> None:
    found = one(
        fulfillment_channel="AFN", sales_channel="www.Amazon.co.uk", currency="gbp", item_price="10.50",
        item_promotion_discount="-1.00", promotion_ids="A, B,", is_business_order="true",
    )  # fmt: skip
    assert (found.fulfilled_by, found.marketplace_id, found.currency) == ("platform", "A1F83G8C2ARO7P", "GBP")
    assert (found.item_price, found.item_discount, found.item_tax) == (
        Decimal("10.50"),
        Decimal("1.00"),
        None,
    )
    assert (found.promotion_ids, found.is_business) == (("A", "B"), True)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"quantity": "two"}, "has something in quantity that cannot stand there"),
        ({"purchase_date": "yesterday"}, "has something in purchase-date that cannot stand there"),
        ({"item_price": "1,5"}, "has something in item-price that cannot stand there"),
        ({"amazon_order_id": " "}, "has something in amazon-order-id that cannot stand there"),
        ({"product_name": "a\tb"}, "has 25 columns, the header 24"),
        ({"product_name": "x" * 70_000}, "is longer than 65,536 bytes"),
    ],
)
def test_it_says_why_a_row_cannot_be_read_and_reads_the_next(cells: dict[str, str], reason: str) -> None:
    failure, after = read(lines(row(**cells), row(amazon_order_id="111-2")))
    assert isinstance(failure, RecordFailure)
    assert (failure.code, failure.mark) == ("malformed", "row 2")
    assert reason in failure.message
    assert isinstance(after, ReportedLine)
    assert after.order_id == "111-2"


def test_it_takes_a_document_that_ends_in_the_middle_of_a_row_for_no_shorter_one() -> None:
    whole = lines(row(), row(amazon_order_id="111-2"))
    *_, failure = read(whole[:-20])
    assert isinstance(failure, RecordFailure)
    assert "has 5 columns" in failure.message or "columns, the header" in failure.message


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", TransientError, "broken_answer"),
        (b"\r\n", TransientError, "broken_answer"),
        (b"Report can be requested only upto 30 days\r\n", RequestRefused, "span_too_long"),
        (b"Internal failure. Please try again.\r\n", RequestRefused, "report_refused"),
        ("注文番号\t注文状態\r\n1\t2\r\n".encode(), RequestRefused, "unknown_columns"),
        (b"<html><body>Forbidden</body></html>", RequestRefused, "report_refused"),
    ],
)
def test_it_never_takes_another_document_for_a_list_without_orders(
    content: bytes, kind: type[PlatformError], code: str
) -> None:
    with pytest.raises(kind) as refused:
        read(content)
    assert refused.value.code == code


def test_a_list_without_orders_has_a_header() -> None:
    assert read(lines()) == []
