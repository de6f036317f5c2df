"""The report of sales: it agrees with the list of orders, with the exports, and with sums made without the database."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from access.confinement import confine
from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from core.dates import ForgivingZone
from orders.models import Order, OrderItem
from orders.sales import Months, sales_report
from platforms.models import Platform

pytestmark = pytest.mark.django_db
PAGE = "/admin/reports/sales/"
LINES = "/admin/orders/order/export/order-lines.machine.csv"
BERLIN = "Europe/Berlin"
GERMANY, UNITED_KINGDOM = "A1PA6795UKMFR9", "A1F83G8C2ARO7P"
MONTHS = Months(first=date(2026, 9, 1), last=date(2026, 11, 1))
AMOUNTS = ("total", "tax", "shipping", "discount", "item_tax", "shipping_tax")
KEY = ("month", "marketplace_id", "currency", "ship_to_country")
Json = dict[str, Any]


def invented(count: int) -> Iterator[tuple[Json, list[Json]]]:
    """Orders and their lines: some amounts are not known, some orders cancelled, some made up, some out of the months,
    and some at the turn of a month in Berlin."""
    rng = Random(13)  # noqa: S311  no secret
    begin = datetime(2026, 8, 30, tzinfo=UTC)
    turns = [datetime(2026, month, 1, tzinfo=UTC) - timedelta(hours=1) for month in (9, 10, 11, 12)]

    def some(most: int, chance: float) -> Decimal | None:
        return Decimal(rng.randrange(most)) / 100 if rng.random() < chance else None

    for number in range(count):
        at = begin + timedelta(minutes=rng.randrange(95 * 24 * 60))
        site, currency = rng.choice([(GERMANY, "EUR"), (GERMANY, "EUR"), (UNITED_KINGDOM, "GBP")])
        lines = []
        for _line in range(rng.choice((1, 1, 2, 3))):
            tax = some(2000, 0.7)
            lines.append({
                "quantity_ordered": rng.choice((1, 1, 2, 5, 0, None)), "currency": currency, "tax": tax,
                "total": some(20000, 0.9), "shipping": some(900, 0.3), "discount": some(500, 0.2),
                "item_tax": None if tax is None else tax / 2, "shipping_tax": None if tax is None else tax / 4,
                "tax_model": "MARKETPLACE_FACILITATOR" if tax else None,
                "tax_responsible_party": rng.choice(("Amazon Services, Inc.", "AMAZON_EU")) if tax else None,
            })  # fmt: skip
        if number % 50 == 0:
            lines[0]["currency"] = "CHF"
        yield {
            "external_id": f"{number:07}", "purchased_at": rng.choice(turns) if number % 20 == 0 else at,
            "marketplace_id": site, "currency": currency if rng.random() < 0.97 else "",
            "ship_to_country": rng.choice(("DE", "AT", "GB", None)), "total": some(50000, 0.9),
            "status": "cancelled" if rng.random() < 0.1 else "shipped",
            "source": "mock" if rng.random() < 0.05 else "live",
        }, lines  # fmt: skip


@pytest.fixture
def shop() -> list[tuple[Json, list[Json]]]:
    made, now = list(invented(2500)), datetime(2026, 12, 2, tzinfo=UTC)
    same = {"platform": amazon(), "platform_updated_at": now, "synced_at": now}
    orders = Order.objects.bulk_create(Order(**same, **order) for order, _lines in made)
    rows = zip(orders, made, strict=True)
    OrderItem.objects.bulk_create(
        OrderItem(order_id=order.pk, external_id=str(at), sku="SKU-1", **line)
        for order, (_order, lines) in rows
        for at, line in enumerate(lines)
    )
    return made


def summed(shop: list[tuple[Json, list[Json]]]) -> dict[tuple[Any, ...], Json]:
    """The report, made without the database. What was never known is not among the values of a row."""
    found: dict[tuple[Any, ...], Json] = {}

    def add(row: Json, name: str, value: Any) -> None:
        if value is not None:
            row[name] = row.get(name, 0) + value

    for order, lines in shop:
        month = order["purchased_at"].astimezone(ZoneInfo(BERLIN)).strftime("%Y-%m")
        if order["source"] != "live" or month not in ("2026-09", "2026-10", "2026-11"):
            continue
        key = (month, order["marketplace_id"], order["currency"], order["ship_to_country"])
        row = found.setdefault(key, defaultdict(int))
        if order["status"] == "cancelled":
            row["cancelled"] += 1
            add(row, "cancelled_total", order["total"])
            continue
        row["orders"] += 1
        add(row, "order_total", order["total"])
        row["without_order_total"] += order["total"] is None
        for line in lines:
            row["lines"] += 1
            add(row, "units", line["quantity_ordered"])
            row["without_quantity"] += line["quantity_ordered"] is None
            is_ours = line["currency"] == order["currency"]
            row["in_other_currency"] += not is_ours
            known = {name: line[name] for name in AMOUNTS if is_ours and line[name] is not None}
            if "tax" in known:
                known["other_tax"] = known["tax"] - known["item_tax"] - known["shipping_tax"]
                if "total" in known:
                    known["net"] = known["total"] - known["tax"]
            for name, value in known.items():
                add(row, name, value)
            row["with_shipping"] += "shipping" in known
            row["with_discount"] += "discount" in known
            if line["quantity_ordered"] != 0 or line["total"] is not None:
                for name in ("total", "tax", "net"):
                    row[f"without_{name}"] += name not in known
    return found


def rows_of(client: Client, address: str, query: str = "") -> list[dict[str, str]]:
    response: Any = client.get(f"{address}?{query}")
    assert response.status_code == 200, response.content
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def tables(client: Client, query: str = "") -> str:
    """What the page asks for once it is shown."""
    page = client.get(f"{PAGE}{query}").content.decode()
    (address,) = re.findall(r'hx-get="(/admin/reports/[^"]*)" hx-trigger="load"', page)
    return unescape(client.get(unescape(address), headers={"HX-Request": "true"}).content.decode())


def number(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def test_report_list_and_exports_agree_to_the_cent(
    admin_client: Client, shop: list[tuple[Json, list[Json]]]
) -> None:
    admin_client.cookies["oms_timezone"] = BERLIN
    expected, query = summed(shop), "from=2026-09&to=2026-11"
    file = rows_of(admin_client, f"{PAGE}sales.machine.csv", query)
    found = {
        tuple(row[name] or (None if name == "ship_to_country" else "") for name in KEY): row for row in file
    }
    assert set(found) == set(expected)
    assert len(file) == len(found) > 20
    counts = (
        "lines",
        "orders",
        "cancelled",
        "without_total",
        "without_tax",
        "without_net",
        "in_other_currency",
    )
    for key, row in found.items():
        for name in set(row) - {*KEY, "platform", "marketplace"}:
            assert (number(row[name]) or 0) == expected[key].get(name, 0), (key, name)
            is_known = name in expected[key] or name in counts or name.startswith(("with_", "without_"))
            assert is_known or row[name] == "", (key, name)

    taxes = rows_of(admin_client, f"{PAGE}sales-taxes.machine.csv", query)
    for name in ("tax", "item_tax", "other_tax", "lines", "without_tax", "net"):
        assert sum(number(row[name]) or 0 for row in taxes) == sum(number(row[name]) or 0 for row in file), (
            name
        )
    assert {row["tax_responsible_party"] for row in taxes} == {"", "AMAZON_EU", "Amazon Services, Inc."}
    for row in taxes:
        parts = [number(row[name]) for name in ("item_tax", "shipping_tax", "gift_wrap_tax", "other_tax")]
        assert sum(part or 0 for part in parts) == (number(row["tax"]) or 0)

    assert "in the time zone Europe/Berlin" in admin_client.get(f"{PAGE}?{query}").content.decode()
    page = tables(admin_client, f"?{query}")
    assert f"{len(file)} rows, by month" in page
    links = re.findall(r'href="(/admin/orders/order/\?[^"]*)"', page)
    assert len(links) == sum((row["orders"] != "0") + (row["cancelled"] != "0") for row in file)
    for link in links[:: len(links) // 8]:
        listed = admin_client.get(link).context["cl"]
        orders = listed.queryset
        (key,) = {
            (
                f"{order.purchased_at.astimezone(ZoneInfo(BERLIN)):%Y-%m}",
                *(getattr(order, name) for name in KEY[1:]),
            )
            for order in orders
        }
        is_cancelled = "status__exact=cancelled" in link
        assert listed.result_count == int(found[key]["cancelled" if is_cancelled else "orders"])
        if not is_cancelled and key[2]:
            exported = rows_of(admin_client, LINES, link.partition("?")[2])
            ours = [row for row in exported if row["currency"] == key[2]]
            for name in ("total", "tax", "shipping", "discount", "item_tax"):
                assert sum(number(row[name]) or 0 for row in ours) == (number(found[key][name]) or 0), (
                    key,
                    name,
                )

    tables(admin_client)  # notes the time zone, once a day
    asked = list[int]()
    for months in ("from=2026-11&to=2026-11", "from=2025-01&to=2026-12"):
        with CaptureQueriesContext(connection) as queries:
            tables(admin_client, f"?{months}")
        asked.append(len(queries))
    assert asked[0] == asked[1]
    ids = [amazon().pk]
    with CaptureQueriesContext(connection) as queries:
        sales_report(ids, MONTHS, ForgivingZone(BERLIN))
    assert len(queries) == 5  # the zone; which months and days are counted: none


def test_it_shows_and_writes_what_people_read(admin_client: Client) -> None:
    order = make_order(total=Decimal("23.8"), currency="EUR", marketplace_id=GERMANY, ship_to_country="AT")
    OrderItem.objects.update(total=Decimal("23.8"), tax=Decimal("3.8"), currency="EUR", tax_model="<b>MODEL")
    OrderItem.objects.create(order=order, external_id="2", quantity_ordered=1)
    make_order("made-up", source="mock", total=Decimal("99999"), currency="EUR")
    page = tables(admin_client, "?from=2026-01&to=2026-01")
    assert page.count('oms-number">20.00<') == 2  # of the row, and of the sum
    assert page.count("1 line without</span>") == 7  # net, tax and total of both, and the tax of who pays it
    assert "99,999" not in page
    raw = admin_client.get(f"{PAGE}?from=2026-01&to=2026-01", headers={"HX-Request": "true"}).content
    assert b"&lt;b&gt;MODEL" in raw
    assert "No order names its ship-to country" not in page
    assert "No order was purchased in these months" in tables(admin_client)

    response: Any = admin_client.get(f"{PAGE}sales.xlsx?from=2026-01&to=2026-01")
    sheet = load_workbook(io.BytesIO(b"".join(response.streaming_content))).worksheets[0]
    titles, cells = sheet.iter_rows(values_only=True)
    row = dict(zip(titles, cells, strict=True))
    assert (row["Net (total without tax)"], row["Ship-to country"], row["Country of the marketplace"]) == (
        20, "AT", "DE",
    )  # fmt: skip
    assert (row["Shipping"], row["Lines without a total"]) == (None, 1)
    assert AuditEntry.objects.filter(action="list.exported").latest("pk").changes["rows"] == 1


def test_thousands_have_separators_and_a_demonstration_says_so(admin_client: Client, settings: Any) -> None:
    order = make_order(currency="EUR", marketplace_id=GERMANY)
    OrderItem.objects.bulk_create(
        OrderItem(order=order, external_id=f"x{number}", quantity_ordered=1, currency="EUR")
        for number in range(1752)
    )
    query = "?from=2026-01&to=2026-01"
    assert "1,753 lines without" in tables(admin_client, query)
    assert "live data alone" in admin_client.get(PAGE + query).content.decode()
    settings.DEMO = True
    page = admin_client.get(PAGE + query).content.decode()
    assert "invented ones, as all data of this demonstration" in page
    assert "live data" not in page


def test_a_month_is_one_click_away_for_the_platform_that_is_chosen(admin_client: Client) -> None:
    last = timezone.localdate().replace(day=1) - timedelta(days=1)
    page = admin_client.get(f"{PAGE}?platform={amazon().pk}").content.decode()
    links = dict(re.findall(r'href="([?]in=[^"]+)"[^>]*>([^<]+)</a>', page))
    assert {unescape(link): label for link, label in links.items()} == {
        f"?in=this_month&platform={amazon().pk}": "This month",
        f"?in=last_month&platform={amazon().pk}": "Last month",
    }
    page = admin_client.get(f"{PAGE}?in=last_month").content.decode()
    assert re.findall(r'name="(?:from|to)" value="([^"]+)"', page) == [f"{last:%Y-%m}"] * 2
    assert re.findall(r'aria-current="true">([^<]+)<', page) == ["Last month"]


def test_it_refuses_months_that_it_cannot_show(admin_client: Client) -> None:
    for query in (
        "from=2026-11&to=2026-10",
        "from=2020-01&to=2026-01",
        "from=x",
        "to=2026-13",
        "from=9999-12&to=9999-12",
    ):
        for address in (PAGE, f"{PAGE}sales.csv"):
            answer = admin_client.get(f"{address}?{query}")
            assert answer.status_code == 400, query
            assert "Choose a first and a last month" in answer.content.decode()
    assert admin_client.get(f"{PAGE}nothing.csv").status_code == 404
    assert admin_client.get(f"{PAGE}sales.pdf").status_code == 404


def test_it_is_for_those_who_see_orders_and_of_their_platforms(client: Client) -> None:
    mine, other = amazon(), Platform.objects.create(name="CANARY-other")
    make_order(platform=mine, marketplace_id=GERMANY)
    make_order("2", platform=other, marketplace_id="CANARY-site", currency="ZZZ")
    user = User.objects.create_user("reader", is_staff=True)
    client.force_login(user)
    query = "?from=2026-01&to=2026-01"
    for address in (PAGE, f"{PAGE}sales.csv"):
        assert client.get(address + query).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    assert "CANARY-site" in tables(client, query)
    confine(user, [mine.pk])
    for asked in ("", f"&platform={other.pk}"):
        assert "CANARY" not in tables(client, query + asked)
        for name in ("sales", "sales-taxes"):
            rows = rows_of(client, f"{PAGE}{name}.machine.csv", query[1:] + asked)
            assert {row["platform"] for row in rows} == (set() if asked else {mine.name})
