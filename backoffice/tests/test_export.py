"""Exports: what a list shows, all pages of it, as CSV and XLSX; read back by other people's readers."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from openpyxl import load_workbook

from api.tests.rest import amazon, make_order, make_stock
from backoffice.export import Export, views
from backoffice.export.reader import titles
from backoffice.models import ExportRun
from integrations.models import SyncLog
from orders.models import BuyerDataEnd, Order, OrderBuyer, OrderItem
from orders.records import BuyerRecord
from platforms.models import Platform

pytestmark = pytest.mark.django_db
ORDERS = "/admin/orders/order/export/orders"
LINES = "/admin/orders/order/export/order-lines"
STOCK = "/admin/inventory/inventoryitem/export/inventory"


def body(client: Client, address: str, **query: Any) -> bytes:
    response = client.get(address, query)
    assert response.status_code == 200
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def cells_of_csv(client: Client, address: str, **query: Any) -> list[list[str]]:
    text = body(client, f"{address}.csv", **query).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def from_csv(client: Client, address: str, **query: Any) -> list[dict[str, str]]:
    """By the names of the same columns in the CSV for programs."""
    _titles, *rows = cells_of_csv(client, address, **query)
    names = cells_of_csv(client, f"{address.removesuffix('.machine')}.machine", **query)[0]
    return [dict(zip(names, row, strict=True)) for row in rows]


def sheet_of(client: Client, address: str, **query: Any) -> Any:
    return load_workbook(io.BytesIO(body(client, f"{address}.xlsx", **query))).worksheets[0]


def from_xlsx(client: Client, address: str, **query: Any) -> list[dict[str, Any]]:
    """By the names of the same columns in the CSV."""
    text = body(client, f"{address}.machine.csv", **query).decode("utf-8-sig")
    names = next(csv.reader(io.StringIO(text, newline="")))
    _titles, *rows = sheet_of(client, address, **query).iter_rows(values_only=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_it_exports_orders_with_text_numbers_and_times(admin_client: Client) -> None:
    make_order("012-0000001-0000001", total=Decimal("1234.5"), currency="USD", ship_by=None)
    (row,) = from_csv(admin_client, ORDERS)
    assert row["external_id"] == "012-0000001-0000001"
    assert row["total"] == "1234.50"
    assert row["purchased_at"] == "2026-01-31 12:00:00"
    (row,) = from_csv(admin_client, f"{ORDERS}.machine")
    assert row["purchased_at"] == "2026-01-31T12:00:00Z"
    assert row["ship_by"] == ""
    assert row["source"] == "live"
    (cells,) = from_xlsx(admin_client, ORDERS)
    assert cells["external_id"] == "012-0000001-0000001"
    assert cells["total"] == 1234.5
    assert cells["purchased_at"] == datetime(2026, 1, 31, 12)  # noqa: DTZ001  Excel's times have no zone
    assert cells["ship_by"] is None
    assert cells["platform"] == amazon().name


def test_a_person_gets_a_file_in_his_language_and_a_program_the_same_as_ever(admin_client: Client) -> None:
    make_order(
        "012-0000001-0000001", total=Decimal("1234.5"), currency="EUR", tax=Decimal("0.25"), status="partially_shipped",
        buyer_requested_cancellation=True,
    )  # fmt: skip
    english = body(admin_client, f"{ORDERS}.machine.csv")
    admin_client.cookies["django_language"] = "de"
    admin_client.cookies["oms_timezone"] = "Europe/Berlin"
    assert body(admin_client, f"{ORDERS}.machine.csv") == english
    lines = body(admin_client, f"{ORDERS}.csv").decode("utf-8-sig").splitlines()
    (row,) = csv.DictReader(lines, delimiter=";")
    assert (row["Gesamt"], row["Gekauft (Europe/Berlin)"]) == ("1234,50", "2026-01-31 13:00:00")
    assert (row["Status"], row["Käufer möchte stornieren"]) == ("teilweise versandt", "Ja")

    titles, cells = sheet_of(admin_client, ORDERS).iter_rows(values_only=True)
    lines = body(admin_client, f"{ORDERS}.csv", export_times="utc").decode("utf-8-sig").splitlines()
    (row,) = csv.DictReader(lines, delimiter=";")
    assert row["Gekauft (UTC)"] == "2026-01-31 12:00:00"
    named = dict(zip(titles, cells, strict=True))
    assert named["Gekauft (Europe/Berlin)"] == datetime(2026, 1, 31, 13)  # noqa: DTZ001  Excel's times have no zone
    assert (named["Status"], named["Käufer möchte stornieren"]) == ("teilweise versandt", "Ja")
    assert all("Europe/Berlin" in title for title, cell in named.items() if isinstance(cell, datetime))


SAME_IN_GERMAN = {"SKU", "ASIN", "FNSKU", "ID", "Name", "Status"}
EXPORTS = [
    pytest.param(model_admin, export, id=export.name)
    for model_admin in admin.site._registry.values()
    for export in getattr(model_admin, "exports", ())
]


@pytest.mark.parametrize(("model_admin", "export"), EXPORTS)
def test_every_heading_is_in_the_readers_language(model_admin: Any, export: Export) -> None:
    rows = export.annotate((export.lines or model_admin.model)._default_manager.all())
    named = []
    for language in ("en", "de", "es"):
        with override(language):
            named.append(titles(export.columns, rows, UTC))
    untranslated = {english for english, german, _spanish in zip(*named, strict=True) if english == german}
    assert untranslated <= SAME_IN_GERMAN
    for headings in named:
        assert len(set(headings)) == len(headings)
    if export.name == "inventory":
        found = dict(zip(export.columns, named[1], strict=True))
        assert found["reserved_pending_customer_order"] == "Reserviert: für Bestellungen von Kunden"
    if export.name == "packages":
        assert "Bestellung: Herkunft" in named[1]


def test_a_workbook_opens_readable(admin_client: Client) -> None:
    order = make_order("012-0000001-0000001", sku="A-SKU-OF-SOME-LENGTH-0001")
    sheet = sheet_of(admin_client, LINES)
    assert sheet.title == "Order lines"
    assert sheet.auto_filter.ref == sheet.dimensions
    assert sheet.freeze_panes == "A2"
    widths = {cell.value: sheet.column_dimensions[cell.column_letter].width for cell in sheet[1]}
    assert {"Order id", "Order: purchased (UTC)", "SKU", "Left to ship"} <= set(widths)
    assert widths["SKU"] > len("A-SKU-OF-SOME-LENGTH-0001")
    assert widths["Order id"] > len(order.external_id)
    assert widths["Order: purchased (UTC)"] >= len("2026-01-31 12:00:00")


def test_a_reader_chooses_times_in_utc_and_the_columns_of_the_list(admin_client: Client) -> None:
    make_order(total=Decimal("1234.5"), currency="EUR", marketplace_id="A1PA6795UKMFR9", tax=None)
    admin_client.cookies["oms_timezone"] = "Europe/Berlin"
    admin_client.post(
        "/admin/orders/order/columns/", {"column": ["purchased", "marketplace", "number_total"]}
    )
    chosen = {"export_columns": "shown", "export_times": "utc", "status__exact": "shipped"}
    titles, cells = cells_of_csv(admin_client, ORDERS, **chosen)
    assert dict(zip(titles, cells, strict=True)) == {
        "Order id": "111-0000001-0000001", "Purchased (UTC)": "2026-01-31 12:00:00",
        "Country of the marketplace": "DE", "Marketplace": "A1PA6795UKMFR9", "Currency": "EUR", "Total": "1234.50",
    }  # fmt: skip
    sheet = sheet_of(admin_client, ORDERS, **chosen)
    assert [cell.value for cell in sheet[1]] == titles
    assert (sheet["F2"].value, sheet["F2"].number_format) == (1234.5, '#,##0.00\\ "EUR"')
    assert (sheet["B2"].number_format, sheet["F1"].font.b) == ("yyyy\\-mm\\-dd\\ hh:mm:ss", True)
    assert sheet.column_dimensions["F"].width >= len("1,234.50 EUR")
    whole = len(cells_of_csv(admin_client, ORDERS)[0])
    assert len(cells_of_csv(admin_client, ORDERS, export_times="x")[0]) == whole
    refused = admin_client.get(f"{ORDERS}.csv", {"export_columns": "x"})
    assert (refused.status_code, "nothing was exported" in refused.content.decode()) == (400, True)
    page = admin_client.get("/admin/orders/order/").content.decode()
    assert page.count("data-export-option") == 2
    assert page.count("data-takes-options") == 9


def test_order_lines_say_what_reconciles_them_and_when_they_are_due(admin_client: Client) -> None:
    order = make_order(
        ship_by=datetime(2026, 2, 2, tzinfo=UTC), service_level="EXPEDITED", fulfilled_by="merchant",
        ship_to_country="AT", marketplace_id="A1F83G8C2ARO7P",
    )  # fmt: skip
    gross = {
        "unit_price": "11.9",
        "item_subtotal": "23.8",
        "tax": "3.8",
        "total": "23.8",
        "quantity_ordered": 2,
    }
    OrderItem.objects.update(**gross, currency="JPY", quantity_left=1)
    OrderItem.objects.create(order=order, external_id="2", total=5, currency="EUR")
    first, second = from_csv(admin_client, f"{LINES}.machine")
    names = ("ship_by", "service_level", "fulfilled_by", "quantity_left", "ship_to_country", "marketplace")
    assert [first[name] for name in names] == [
        "2026-02-02T00:00:00Z",
        "EXPEDITED",
        "merchant",
        "1",
        "AT",
        "GB",
    ]
    amounts = ("item_subtotal", "amounts_are", "net", "not_explained")
    assert [first[name] for name in amounts] == ["23.8", "gross", "20", "0"]
    assert [second[name] for name in amounts] == ["", "", "", ""]
    admin_client.get(f"{LINES}.csv", {"export_token": "abc"}).getvalue()
    assert admin_client.get("/admin/exports/abc/").json() == {
        "rows": 2, "rows_done": 2, "is_done": True, "failed": False,
    }  # fmt: skip


def test_it_exports_a_line_for_each_item_of_an_order(admin_client: Client) -> None:
    order = make_order("111-0000001-0000001", sku="00123")
    OrderItem.objects.create(order=order, external_id="2", sku="SKU-2", quantity_ordered=3)
    make_order("111-0000002-0000002")
    for rows in (from_csv(admin_client, LINES), from_xlsx(admin_client, LINES)):
        assert [row["order_external_id"][:11] for row in rows].count("111-0000001") == 2
        assert {row["sku"] for row in rows} == {"00123", "SKU-1", "SKU-2"}
        assert all(row["source"] == "live" for row in rows)


def test_it_holds_what_the_list_shows_and_nothing_else(admin_client: Client) -> None:
    make_order("111-0000001-0000001", status="shipped")
    make_order("111-0000002-0000002", status="unshipped", sku="OTHER")
    for query, ids in (
        ({"status__exact": "unshipped"}, ["111-0000002-0000002"]),
        ({"q": "111-0000001"}, ["111-0000001-0000001"]),
        ({"q": "OTHER"}, ["111-0000002-0000002"]),
        ({"to_ship": "any"}, ["111-0000002-0000002"]),
        ({"failures": "open"}, []),
        ({"status__exact": "cancelled"}, []),
    ):
        assert [row["external_id"] for row in from_csv(admin_client, ORDERS, **query)] == ids


def test_it_reads_no_page_of_the_list_before_the_first_row(admin_client: Client) -> None:
    """The ids once, and the rows of the export itself: with a million orders each further read takes seconds."""
    make_order()
    with CaptureQueriesContext(connection) as queries:
        assert len(from_csv(admin_client, ORDERS)) == 1
    reads = 2 * (
        1 if connection.vendor == "mysql" else 2
    )  # on MySQL the ids come over a cursor that is not seen here
    assert len([each for each in queries if 'FROM "orders"' in each["sql"].replace("`", '"')]) == reads


def test_it_keeps_the_order_of_the_list(admin_client: Client) -> None:
    for sku in ("B", "A", "C"):
        make_stock(sku)
    column = list(admin_client.get("/admin/inventory/inventoryitem/").context["cl"].list_display).index("sku")
    for sign, skus in (("", ["A", "B", "C"]), ("-", ["C", "B", "A"])):
        rows = from_csv(admin_client, STOCK, o=f"{sign}{column}")
        assert [row["sku"] for row in rows] == skus


@pytest.mark.parametrize(
    "query", [{"nonsense": "1"}, {"status__exact": "x", "order__id": "7"}, {"o": "1", "id__foo": "2"}]
)
def test_it_exports_nothing_for_filters_that_the_list_does_not_know(
    admin_client: Client, query: dict[str, str]
) -> None:
    make_order()
    response = admin_client.get(f"{ORDERS}.csv", query)
    assert response.status_code == 400
    assert "nothing was exported" in response.content.decode()
    assert not ExportRun.objects.exists()


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\uff1d1", '=HYPERLINK("http://x")']
)
def test_it_leaves_no_formula_for_a_spreadsheet(admin_client: Client, text: str) -> None:
    make_stock("SKU-1", title=text, available=-5)
    (row,) = from_csv(admin_client, STOCK)
    assert row["title"] == f"'{text}"
    assert row["available"] == "-5"  # a number stays one
    (cells,) = from_xlsx(admin_client, STOCK)
    assert cells["title"] == text.replace("\r", "_x000D_")
    assert cells["available"] == -5
    sheet = load_workbook(io.BytesIO(body(admin_client, f"{STOCK}.xlsx"))).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.hyperlink]


@pytest.mark.parametrize(
    "text", ['say "hi", you;', "two\nlines", "  blanks  ", "Größe 日本 🎁", "<b>&amp;</b>", "x" * 40_000]
)
def test_it_brings_any_text_through(admin_client: Client, text: str) -> None:
    make_stock("SKU-1", title=text)
    assert from_csv(admin_client, STOCK)[0]["title"] == text
    expected = text if len(text) < 32_768 else "x" * 32_766 + "…"
    assert from_xlsx(admin_client, STOCK)[0]["title"] == expected


def test_it_replaces_what_a_workbook_cannot_hold(admin_client: Client) -> None:
    make_stock("SKU-1", title="bell\x07 and _x0041_")
    assert from_xlsx(admin_client, STOCK)[0]["title"] == "bell\ufffd and _x005F_x0041_"


def test_it_exports_more_rows_than_a_chunk_in_one_query_a_chunk(admin_client: Client) -> None:
    stock = make_stock("SKU-1")
    stock.pk = None
    copies = [
        type(stock)(**{f.attname: getattr(stock, f.attname) for f in stock._meta.fields}) for _ in range(4200)
    ]
    for number, copy in enumerate(copies):
        copy.sku = f"COPY-{number}"
    type(stock).objects.bulk_create(copies)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        rows = from_csv(admin_client, STOCK)
    assert len({row["sku"] for row in rows}) == 4201
    # Five chunks in each of two files; the page of the list is not read on the way.
    assert (
        len([each for each in queries if "inventory_items" in each["sql"] and " IN (" in each["sql"]]) == 10
    )


def test_it_leaves_out_what_was_deleted_meanwhile_and_what_came(admin_client: Client) -> None:
    gone, kept = make_stock("GONE"), make_stock("KEPT")
    response = admin_client.get(f"{STOCK}.machine.csv")
    gone.delete()
    make_stock("NEW")
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert [row["sku"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [kept.sku]


def test_it_keeps_the_lines_of_an_order_together_in_the_order_of_the_list(admin_client: Client) -> None:
    first, second = make_order("111-0000001-0000001", sku="A"), make_order("111-0000002-0000002", sku="B")
    make_order("111-0000003-0000003").items.all().delete()
    OrderItem.objects.create(order=first, external_id="2", sku="A2")
    OrderItem.objects.create(order=second, external_id="2", sku="B2")
    for sign, skus in (("", ["A", "A2", "B", "B2"]), ("-", ["B", "B2", "A", "A2"])):
        assert [row["sku"] for row in from_csv(admin_client, LINES, o=f"{sign}purchased")] == skus


@pytest.mark.parametrize(
    ("currency", "total", "text"),
    [("JPY", "1980", "1980"), ("KWD", "1.5", "1.500"), ("USD", "0.0001", "0.0001"), ("", "-3", "-3.00")],
)
def test_it_writes_money_with_the_decimals_of_its_currency(
    admin_client: Client, currency: str, total: str, text: str
) -> None:
    order = make_order(total=Decimal(total), currency=currency)
    order.items.update(tax=Decimal(total), currency=currency)
    assert from_csv(admin_client, ORDERS)[0]["total"] == text
    assert from_csv(admin_client, LINES)[0]["tax"] == text
    assert from_xlsx(admin_client, LINES)[0]["tax"] == float(total)


def test_it_needs_the_permission_to_see_the_list(client: Client) -> None:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_inventoryitem"))
    client.force_login(user)
    assert client.get(f"{ORDERS}.csv").status_code == 403
    assert client.get(f"{STOCK}.csv").status_code == 200
    assert client.get("/admin/inventory/inventoryitem/export/other.csv").status_code == 404
    assert client.get("/admin/inventory/inventoryitem/export/inventory.pdf").status_code == 404
    client.logout()
    assert client.get(f"{STOCK}.csv").status_code == 302


def planted_buyer() -> dict[str, Any]:
    """Something to be found in every field that a buyer's data has."""
    texts = {field.name: f"CANARY-{field.name}" for field in fields(BuyerRecord)}
    parts = {name: {"part": f"CANARY-{name}"} for name in ("address", "delivery", "tax")}
    return texts | parts | {"lines": {"01": {"giftMessage": "CANARY-gift"}}}


def test_it_never_holds_buyer_data_or_credentials(admin_client: Client) -> None:
    order, data = make_order(), planted_buyer()
    OrderBuyer.objects.create(
        order=order, data=data, purge_after=datetime(2027, 1, 1, tzinfo=UTC), email_digest="CANARY-digest"
    )
    BuyerDataEnd.objects.create(order=order, ended_at=datetime(2027, 1, 1, tzinfo=UTC), why="due")
    Platform.objects.update(api_config={"client_secret": "CANARY-secret", "refresh_token": "CANARY-token"})
    addresses = [
        reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_export", args=[export.name, extension]
        )
        for model, page in admin.site._registry.items()
        for export in getattr(page, "exports", ())
        for extension in ("csv", "xlsx")
    ]
    assert {f"{ORDERS}.csv", f"{LINES}.csv", "/admin/platforms/platform/export/platforms.csv"} < set(
        addresses
    )
    with CaptureQueriesContext(connection) as queries:
        for address in addresses:
            assert b"CANARY" not in body(admin_client, address), address
    read = "".join(each["sql"] for each in queries if " IN (" in each["sql"])
    assert "external_id" in read
    assert "order_buyers" not in read
    assert "api_config" not in read
    for address in {address.rpartition(".")[0] for address in addresses}:
        assert "CANARY" not in str(from_xlsx(admin_client, address)), address


def test_it_offers_the_export_beside_each_list_with_its_filters(admin_client: Client) -> None:
    page = admin_client.get("/admin/orders/order/?status__exact=shipped&p=1").content.decode()
    assert f'href="{ORDERS}.csv?status__exact=shipped&amp;export_token=' in page
    assert f'href="{LINES}.xlsx?status__exact=shipped&amp;export_token=' in page
    for name in (
        "inventory/inventoryitem",
        "integrations/synclog",
        "integrations/syncfailure",
        "platforms/platform",
    ):
        assert "/export/" in admin_client.get(f"/admin/{name}/").content.decode(), name


def test_it_says_how_far_an_export_got_to_whoever_asked_for_it(admin_client: Client, client: Client) -> None:
    make_order()
    assert admin_client.get("/admin/exports/abc/").status_code == 404
    response = admin_client.get(f"{ORDERS}.csv", {"export_token": "abc"})
    assert admin_client.get("/admin/exports/abc/").json() == {
        "rows": 1, "rows_done": 0, "is_done": False, "failed": False,
    }  # fmt: skip
    b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert admin_client.get("/admin/exports/abc/").json() == {
        "rows": 1, "rows_done": 1, "is_done": True, "failed": False,
    }  # fmt: skip
    again = admin_client.get(f"{ORDERS}.csv", {"export_token": "abc"})  # the link is pressed once more
    assert again.status_code == 200
    assert admin_client.get("/admin/exports/abc/").json()["is_done"] is False
    assert ExportRun.objects.count() == 2
    client.force_login(User.objects.create_superuser("other"))
    assert client.get("/admin/exports/abc/").status_code == 404
    assert client.get(f"{ORDERS}.csv", {"export_token": "abc"}).status_code == 400


def asked_by_htmx(client: Client, address: str) -> tuple[str, str]:
    """The sentence, and the address where the page asks next; "" where it does not."""
    html = unescape(client.get(address, headers={"HX-Request": "true"}).content.decode())
    again = re.search(r'hx-get="([^"]*)"', html)
    return " ".join(re.sub(r"<[^>]*>", "", html).split()), again[1] if again else ""


def test_it_asks_on_until_the_export_ends(admin_client: Client) -> None:
    run = {"user": User.objects.get(), "file_name": "orders.csv", "rows": 1_000_000}
    text, again = asked_by_htmx(admin_client, "/admin/exports/abc/")
    assert text == "Preparing the export…"
    row = ExportRun.objects.create(token="abc", **run)
    for done in (0, 250_000):
        ExportRun.objects.update(rows_done=done)
        text, again = asked_by_htmx(admin_client, again)
        assert text == f"{done:,} of 1,000,000 rows"
    row.rows_done, row.finished_at = 1_000_000, timezone.now()
    row.save()
    last = "Exported: 1,000,000 rows. The file is with your downloads."
    assert asked_by_htmx(admin_client, again) == (last, "")


def test_it_says_that_an_export_broke_off(admin_client: Client) -> None:
    ExportRun.objects.create(
        token="abc", user=User.objects.get(), file_name="orders.csv", rows=1_000_000, rows_done=1800, failed=True,
        finished_at=timezone.now(),
    )  # fmt: skip
    text, again = asked_by_htmx(admin_client, "/admin/exports/abc/")
    assert text.startswith("The export broke off after 1,800 of 1,000,000 rows; the file is not complete.")
    assert again == ""


@pytest.mark.parametrize("exists", [True, False])
def test_it_gives_up_asking_after_a_minute_without_news(admin_client: Client, exists: bool) -> None:
    if exists:
        ExportRun.objects.create(
            token="abc", user=User.objects.get(), file_name="x", rows=1000, rows_done=900
        )
    answers, address = 0, "/admin/exports/abc/"
    while address:
        text, address = asked_by_htmx(admin_client, address)
        answers += 1
    assert 59 <= answers <= 61
    assert text.startswith("The export stands still at 900 of 1,000 rows." if exists else "")
    assert exists or text == ""


@pytest.mark.django_db(transaction=True)
def test_it_breaks_off_loudly_when_the_database_does(admin_client: Client) -> None:
    """The reader must not take a part for the whole: the transfer ends without its end mark, and the page says so."""
    for number in range(3):
        make_stock(f"SKU-{number}")
    response = admin_client.get(f"{STOCK}.csv", {"export_token": "abc"})
    pieces = iter(response.streaming_content)  # type: ignore[attr-defined]
    next(pieces)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE inventory_items RENAME TO inventory_items_away")
    try:
        with pytest.raises(Exception, match="inventory_items"):
            next(pieces)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE inventory_items_away RENAME TO inventory_items")
    assert admin_client.get("/admin/exports/abc/").json()["failed"] is True


def test_it_exports_the_sync_log(admin_client: Client) -> None:
    SyncLog.objects.create(
        platform=amazon(), kind="orders", trigger="admin", status="failed", error_code="timeout"
    )
    (row,) = from_csv(admin_client, "/admin/integrations/synclog/export/syncs")
    assert (row["status"], row["error_code"]) == ("failed", "timeout")
    assert Order.objects.count() == 0


@pytest.fixture
def one_at_once(settings: Any) -> Iterator[None]:
    settings.EXPORTS_AT_ONCE = 1
    views._slots.cache_clear()
    yield
    views._slots.cache_clear()


@pytest.mark.usefixtures("one_at_once")
def test_slow_readers_hold_no_more_threads_than_the_setting_says(admin_client: Client) -> None:
    make_order()
    slow = admin_client.get(f"{ORDERS}.csv")
    refused = admin_client.get(f"{ORDERS}.csv?status__exact=shipped")
    assert refused.headers["Location"] == "/admin/orders/order/?status__exact=shipped"
    page = admin_client.get(refused.headers["Location"]).content.decode()
    assert "Other exports are being made just now, so nothing was exported." in page
    request_finished.disconnect(close_old_connections)  # which would close the connection of the test
    slow.close()  # as a server does, whatever became of the reader
    request_finished.connect(close_old_connections)
    assert admin_client.get(f"{ORDERS}.csv?sku=a&sku=b").status_code == 400  # none begins
    for _again in range(2):
        assert len(cells_of_csv(admin_client, ORDERS)) == 2
    assert ExportRun.objects.count() == 3
