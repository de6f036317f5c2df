"""The planning: a row for each SKU, compared with an independent reckoning over invented orders and stock."""

import csv
import io
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from html import unescape
from math import ceil, floor
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from access.confinement import confine
from api.tests.rest import amazon, make_order, make_stock
from audit.models import AuditEntry
from integrations.lookup.planning import count_due, count_platform
from integrations.models import SyncLog
from inventory.models import InventoryItem, PlannedSku, PlanningState, SkuSettings
from orders.models import Order, OrderItem
from orders.packing import make_list
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/plannedsku/"
UPLOAD = f"{LIST}upload/"
DE, FR, IT, US = "A1PA6795UKMFR9", "A13V1IB3VIYZZH", "APJ6JRA9NG5V4", "ATVPDKIKX0DER"
CANARY = "=CANARY+1"
Plan = dict[str, Any]


def known_since(days: float, platform: Platform | None = None) -> SyncLog:
    """A scheduled sync of orders that read from so many days ago up to now."""
    now = timezone.now()
    return SyncLog.objects.create(
        platform=platform or amazon(), kind="orders", trigger="schedule", status="succeeded", source="live",
        window_start=now - timedelta(days=days), window_end=now, finished_at=now,
    )  # fmt: skip


def sell(number: int, sku: str, units: int | None, days_ago: float, **values: Any) -> Order:
    bought = timezone.now() - timedelta(days=days_ago)
    order = make_order(f"9-{number}", sku=sku, **{"purchased_at": bought, "marketplace_id": DE} | values)
    OrderItem.objects.filter(order=order).update(quantity_ordered=units)
    return order


def lines_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def shown(client: Client, query: str = "") -> list[list[str]]:
    """The cells of the list, row by row, from the SKU to the proposal."""
    html = client.get(f"{LIST}?{query}").content.decode()
    names = ("sku", *(f"number_{name}" for name in (
        "available", "inbound", "sold_7", "sold_30", "sold_90", "cover", "lead", "reorder",
    )))  # fmt: skip
    rows = html.split("<tr", 2)[-1].split("<tr")
    found = []
    for row in rows:
        cells = [re.search(rf'class="field-{name}[^>]*>(.*?)</t[dh]>', row, re.S) for name in names]
        if all(cells):
            found.append([unescape(re.sub(r"<[^>]*>", "", cell[1])).strip() for cell in cells if cell])
    return found


def all_shown(client: Client, query: str, count: int) -> list[list[str]]:
    """The same of all pages of `count` rows."""
    pages = range(1, ceil(count / 25) + 1)
    return [row for page in pages for row in shown(client, f"{query}&p={page}")]


# --- An independent reckoning ------------------------------------------------------------------------


class Shop:
    """Invented stock and orders, kept as plain values beside the database."""

    def __init__(self, seed: int, skus: int) -> None:
        self.random, self.now = random.Random(seed), timezone.now()  # noqa: S311
        self.stock: list[tuple[str, str, str, int | None, int | None, bool]] = []
        self.sales: list[tuple[str, int | None, float, bool, bool]] = []
        self.days: dict[str, tuple[int | None, int | None]] = {}
        self.skus = [f"S-{number:03d}" for number in range(skus)]
        for number, sku in enumerate(self.skus):
            self._list(sku, number)
            self._sell(sku, number)
            if number % 3 == 0:
                self.days[sku] = (self.random.choice([None, 5, 45]), self.random.choice([None, 0, 60]))
        SkuSettings.objects.bulk_create(
            SkuSettings(platform=amazon(), sku=sku, lead_days=lead, target_days=target)
            for sku, (lead, target) in self.days.items()
        )

    def _list(self, sku: str, number: int) -> None:
        pick = self.random
        if number % 10 == 9:
            return  # sold, and not listed
        pooled, units = pick.random() < 0.5, pick.randrange(0, 300)
        for place in (DE, FR, IT)[: pick.randrange(1, 4)]:
            available = None if number % 11 == 5 and place == DE else units
            if available is not None and not pooled:
                available = pick.randrange(0, 300)
            inbound = pick.choice([0, 40, 40, None if number % 7 == 2 else 10])
            gone = number % 13 == 7
            fnsku = f"X-{sku}" if number % 4 else ""
            self.stock.append((sku, place, fnsku, available, inbound, gone))
            make_stock(
                sku, marketplace_id=place, fnsku=fnsku, title=f"Thing {sku}", available=available, inbound=inbound,
                gone_at=self.now if gone else None,
            )  # fmt: skip

    def _sell(self, sku: str, number: int) -> None:
        pick = self.random
        for _each in range(0 if number % 6 == 0 else pick.randrange(1, 12)):
            units = None if pick.random() < 0.01 else pick.randrange(1, 60)
            days, by_seller, cancelled = pick.uniform(0.1, 120), pick.random() < 0.2, pick.random() < 0.1
            self.sales.append((sku, units, days, by_seller, cancelled))
            sell(
                len(self.sales), sku, units, days, status="cancelled" if cancelled else "shipped",
                fulfilled_by="merchant" if by_seller else "platform", marketplace_id=pick.choice([DE, FR, IT]),
            )  # fmt: skip

    def plan(self, sku: str) -> Plan | None:
        """As a person would reckon it with pencil and paper; None where the SKU is not listed at all."""
        rows = [row for row in self.stock if row[0] == sku]
        listed = [row for row in rows if not row[5]]
        mine = [sale for sale in self.sales if sale[0] == sku and not sale[4]]
        recent = [sale for sale in mine if sale[2] < 90]
        if not listed and (rows or not recent):
            return None
        week, month, quarter = (
            self._sum(sale[1] for sale in mine if sale[2] < days and not (listed and sale[3]))
            for days in (7, 30, 90)
        )
        available, inbound = self._stock_of(listed)
        lead, target = self.days.get(sku, (None, None))
        lead, target = 30 if lead is None else lead, 30 if target is None else target
        cover = floor(Fraction(available) / Fraction(month, 30)) if available is not None and month else None
        wanted = None
        if month is not None and available is not None and inbound is not None:
            wanted = max(0, ceil(Fraction(month, 30) * (lead + target)) - available - inbound)
        return {
            "available": available, "inbound": inbound, "sold_7": week, "sold_30": month,
            "sold_90": quarter, "cover_days": cover, "lead_days": lead, "reorder": wanted,
        }  # fmt: skip

    @staticmethod
    def _sum(units: Iterator[int | None]) -> int | None:
        every = list(units)
        return None if None in every else sum(filter(None, every))

    def _stock_of(self, listed: list[Any]) -> tuple[int | None, int | None]:
        """Rows with one FNSKU that say the same number are the same units."""
        if not listed or any(row[3] is None for row in listed):
            return None, None
        pools: list[list[Any]] = []
        for row in listed:
            same = [pool for pool in pools if row[2] and pool[0][2] == row[2] and pool[0][3] == row[3]]
            same[0].append(row) if same else pools.append([row])
        inbound = [max((row[4] for row in pool if row[4] is not None), default=None) for pool in pools]
        total = None if None in inbound else sum(units for units in inbound if units is not None)
        return sum(pool[0][3] for pool in pools), total


def test_the_page_and_the_file_agree_with_an_independent_reckoning(admin_client: Client) -> None:
    known_since(200)
    shop = Shop(seed=13, skus=80)
    count_platform(amazon())
    plans = {sku: plan for sku in shop.skus if (plan := shop.plan(sku)) is not None}
    by_sku = sorted(plans)
    assert 55 < len(plans) < 80
    expected = [
        [sku, *("–" if value is None else f"{value:,}" for value in plans[sku].values())] for sku in by_sku
    ]
    assert all_shown(admin_client, "o=sku", len(plans)) == expected
    file = lines_of(admin_client.get(f"{LIST}export/planning.machine.csv?o=sku"))
    assert [line["sku"] for line in file] == by_sku
    for line in file:
        plan = plans[line["sku"]]
        assert {name: line[name] for name in plan} == {
            name: "" if value is None else str(value) for name, value in plan.items()
        }, line["sku"]
    states = {
        "reorder": [sku for sku in by_sku if (plans[sku]["reorder"] or 0) > 0],
        "dead": [sku for sku in by_sku if plans[sku]["sold_90"] == 0 and (plans[sku]["available"] or 0) > 0],
        "late": [
            sku for sku in by_sku
            if plans[sku]["cover_days"] is not None and plans[sku]["cover_days"] < plans[sku]["lead_days"]
        ],
        "unknown": [sku for sku in by_sku if plans[sku]["reorder"] is None],
    }  # fmt: skip
    for state, skus in states.items():
        assert skus, state
        listed = all_shown(admin_client, f"o=sku&state={state}", len(skus))
        assert [row[0] for row in listed] == skus, state
    counts = unescape(admin_client.get(f"{LIST}counts/").content.decode())
    assert all(f">{len(skus)}<" in counts.replace(" ", "") for skus in states.values())


@pytest.mark.parametrize(
    ("column", "name"),
    [("available", "available"), ("inbound", "inbound"), ("sold_7", "sold_7"), ("sold_30", "sold_30"),
     ("sold_90", "sold_90"), ("cover", "cover_days"), ("lead", "lead_days"), ("reorder", "reorder")],
)  # fmt: skip
def test_it_sorts_and_filters_by_each_column(admin_client: Client, column: str, name: str) -> None:
    values: list[int | None] = [3, 300, 40, None] if name != "lead_days" else [3, 300, 40, 75]
    for number, value in enumerate(values):
        facts = {"lead_days": 20, "target_days": 20, name: value}
        PlannedSku.objects.create(platform=amazon(), source="live", sku=f"S-{number}", **facts)
    ascending = [row[0] for row in shown(admin_client, f"o=number_{column}") if row[0] != "S-3"]
    descending = [row[0] for row in shown(admin_client, f"o=-number_{column}") if row[0] != "S-3"]
    assert (ascending, descending) == (["S-0", "S-2", "S-1"], ["S-1", "S-2", "S-0"])
    step = 30 if name in ("cover_days", "lead_days") else 10
    assert [row[0] for row in shown(admin_client, f"{name}=less-than-{step}")] == ["S-0"]
    more = {row[0] for row in shown(admin_client, f"{name}=at-least-{step}")} - {"S-3"}
    assert more == {"S-1", "S-2"}
    if name != "lead_days":
        assert [row[0] for row in shown(admin_client, f"{name}=unknown")] == ["S-3"]


# --- What is not known -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "sold"), [(None, ("–", "–", "–")), (10, ("4", "–", "–")), (60, ("4", "4", "–")), (91, ("4",) * 3)]
)  # fmt: skip
def test_it_does_not_know_what_was_sold_before_orders_are_stored(
    admin_client: Client, days: int | None, sold: tuple[str, ...]
) -> None:
    """No order within 90 days is no dead stock where orders are known for 60."""
    make_stock("A", available=20, inbound=0)
    make_stock("B", available=20, inbound=0)
    if days:
        known_since(days)
        sell(1, "A", 4, 2)
    count_platform(amazon())
    rows = {row[0]: row for row in shown(admin_client)}
    assert tuple(rows["A"][3:6]) == sold
    assert PlannedSku.objects.get(sku="B").is_dead == (days == 91)
    page = text_of(admin_client.get(LIST))
    assert ("what was sold in a longer time is not known" in page) == (days in (10, 60))
    assert ("No orders are stored yet" in page) == (days is None)


def test_windows_lengthen_each_other_where_they_meet(settings: Any) -> None:
    amazon_platform, now = amazon(), timezone.now()
    known_since(30)
    for start, end, status in ((100, 29, "succeeded"), (300, 200, "succeeded"), (150, 90, "failed")):
        SyncLog.objects.create(
            platform=amazon_platform, kind="orders", trigger="command", status=status, source="live",
            is_incremental=False, window_start=now - timedelta(days=start), window_end=now - timedelta(days=end),
        )  # fmt: skip
    make_stock("A", available=1)
    count_platform(amazon_platform)
    state = PlanningState.objects.get()
    assert state.orders_since is not None
    assert (now - state.orders_since).days == 100
    assert PlannedSku.objects.get().sold_90 == 0
    settings.KEEP_ORDERS_MONTHS = 2  # older ones may be deleted
    count_platform(amazon_platform)
    assert PlannedSku.objects.get().sold_90 is None


def test_made_up_data_is_planned_on_its_own(admin_client: Client) -> None:
    known_since(91)
    make_stock("A", available=20)
    make_stock("A", available=7, source="mock", marketplace_id=FR)
    sell(1, "A", 3, 5)
    sell(2, "A", 100, 5, source="mock")
    count_platform(amazon())
    plans = PlannedSku.objects.order_by("source").values_list("source", "available", "sold_30")
    assert list(plans) == [("live", 20, 3), ("mock", 7, 100)]


def test_it_counts_anew_after_a_sync_and_once_an_hour_and_writes_what_changed_alone() -> None:
    known_since(91)
    make_stock("A", available=20)
    make_stock("B", available=20)
    assert count_due() == 1
    assert count_due() == 0
    PlanningState.objects.update(counted_at=timezone.now() - timedelta(minutes=59))
    SyncLog.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert count_due() == 0
    InventoryItem.objects.filter(sku="A").update(available=19)
    SyncLog.objects.update(finished_at=timezone.now())
    with CaptureQueriesContext(connection) as captured:
        assert count_due() == 1
    written = [
        query["sql"] for query in captured if "INTO" in query["sql"] and "planned_skus" in query["sql"]
    ]
    assert len(written) == 1
    assert "'B'" not in written[0]
    assert PlannedSku.objects.get(sku="A").available == 19
    InventoryItem.objects.update(gone_at=timezone.now())
    assert count_platform(amazon()) == 2
    assert not PlannedSku.objects.exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="another database plans by what it counted")
def test_sqlite_reads_the_orders_of_90_days_alone() -> None:
    known_since(91)
    make_stock("A")
    with CaptureQueriesContext(connection) as captured:
        count_platform(amazon())
    (sales,) = [query["sql"] for query in captured if "order_items" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sales}")
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert "SEARCH orders USING COVERING INDEX order_newest (purchased_at>?)" in plan
    assert "SEARCH order_items USING INDEX sqlite_autoindex_order_items_1 (order_id=?)" in plan


@pytest.mark.parametrize("rows", [1, 25])
def test_the_list_takes_as_many_queries_for_any_number_of_skus(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for number in range(rows):
        make_stock(f"S-{number}", available=number)
    count_platform(amazon())
    admin_client.get(LIST)
    with django_assert_num_queries(13):
        assert len(shown(admin_client)) == rows


def test_days_of_a_tag_are_those_of_its_skus_that_have_none_of_their_own(admin_client: Client) -> None:
    known_since(91)
    for sku in ("A", "B", "C", "D"):
        make_stock(sku, available=1, inbound=0)
        sell(ord(sku), sku, 30, 5)
    SkuSettings.objects.create(platform=amazon(), sku="B", target_days=7)
    count_platform(amazon())
    chosen = list(PlannedSku.objects.filter(sku__in=["A", "B"]).values_list("pk", flat=True))
    form: dict[str, Any] = {"action": "set_days", "_selected_action": chosen, "set": "1", "scope": "tag"}
    assert "None of these SKUs has a tag. Enter one." in text_of(admin_client.post(LIST, form))
    said = admin_client.post(LIST, form | {"tag": "Smith & Co", "lead_days": "60"}, follow=True)
    assert "Settings of 2 SKUs were changed. Days of 1 tag were changed." in text_of(said)

    def days() -> list[tuple[Any, ...]]:
        rows = PlannedSku.objects.order_by("sku")
        return list(rows.values_list("sku", "tag", "lead_days", "target_days", "reorder"))

    tagged = [("A", "Smith & Co", 60, 30, 89), ("B", "Smith & Co", 60, 7, 66)]
    assert days() == [*tagged, ("C", "", 30, 30, 59), ("D", "", 30, 30, 59)]
    entry = AuditEntry.objects.get(action="sku_tag.changed")
    assert (entry.changes, entry.platform_id) == ({"lead_days": [None, 60]}, amazon().pk)
    # A SKU that gets the tag later, on its page, and whoever counts, plan with them, too.
    page = f"{LIST}{PlannedSku.objects.get(sku='C').pk}/change/"
    admin_client.post(page, {"tag": "Smith & Co"})
    assert days()[2] == ("C", "Smith & Co", 60, 30, 89)
    assert "can be sold. Empty: 60." in text_of(admin_client.get(page))
    count_platform(amazon())
    assert [row[2] for row in days()] == [60, 60, 60, 30]
    assert [row[0] for row in shown(admin_client, "tag=Smith+%26+Co&o=sku")] == ["A", "B", "C"]
    # What of a tag is left empty, it does not have any more.
    asked = text_of(admin_client.post(LIST, {"action": "set_days", "_selected_action": chosen}))
    assert "Tag Smith & Co of Amazon: lead time 60, target cover –" in asked
    admin_client.post(LIST, form | {"target_days": "14"})
    assert [row[2:4] for row in days()] == [(30, 14), (30, 7), (30, 14), (30, 30)]


# --- Settings: on the page of a SKU, and by a file ---------------------------------------------------


def test_settings_of_a_page_are_planned_with_at_once_and_recorded(admin_client: Client) -> None:
    known_since(91)
    make_stock("A", available=10, inbound=5)
    sell(1, "A", 30, 5)
    count_platform(amazon())
    planned = PlannedSku.objects.get()
    address = f"{LIST}{planned.pk}/change/"
    page = text_of(admin_client.get(address))
    assert "30 sold in 30 days ÷ 30 × (30 days of lead time + 30 days of target cover)" in page
    assert "10 available" in page
    assert "5 inbound, rounded up and never below 0: 45" in page
    form = {
        "own_lead_days": "5",
        "own_target_days": "",
        "unit_cost": "1.25",
        "cost_currency": "",
        "bin": "A-1",
    }
    refused = admin_client.post(address, form)
    assert "A cost needs a currency." in text_of(refused)
    assert not SkuSettings.objects.exists()
    assert admin_client.post(address, form | {"cost_currency": "EUR"}).status_code == 302
    stored = SkuSettings.objects.get()
    assert (stored.lead_days, stored.target_days, stored.unit_cost) == (5, None, Decimal("1.25"))
    planned.refresh_from_db()
    assert (planned.lead_days, planned.reorder) == (5, 20)
    entry = AuditEntry.objects.get(action="sku_settings.changed")
    assert entry.changes["lead_days"] == [None, 5]
    assert entry.platform_id == amazon().pk


@pytest.fixture
def planner(client: Client) -> Client:
    user = User.objects.create_user("planner", is_staff=True)
    for codename in ("view_inventoryitem", "change_inventoryitem"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(user)
    return client


@pytest.fixture
def shelf() -> None:
    """A in Germany and France with one threshold, B with one for Germany, a SKU that is a formula to a spreadsheet."""
    known_since(91)
    for place in (DE, FR):
        make_stock("A", marketplace_id=place, available=20, threshold=5)
    make_stock("B", marketplace_id=DE, available=2, threshold=3)
    make_stock("B", marketplace_id=FR, available=9)
    make_stock(CANARY, marketplace_id=DE, available=1)
    sell(1, "M", 2, 5, fulfilled_by="merchant")
    SkuSettings.objects.create(
        platform=amazon(), sku="B", unit_cost="1.5000", cost_currency="EUR", bin="-9,=1"
    )
    count_platform(amazon())


def upload(client: Client, text: str | bytes) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post(UPLOAD, {"file": SimpleUploadedFile("settings.csv", data)})


def confirmed(client: Client, preview: Any) -> Any:
    html = text_of(preview)
    file, seal = (re.search(rf'name="{name}" value="([^"]*)"', html) for name in ("confirm", "seal"))
    assert file
    assert seal
    return client.post(UPLOAD, {"confirm": file[1], "seal": seal[1]}, follow=True)


def stored_values() -> list[Any]:
    settings = SkuSettings.objects.order_by("sku").values_list(
        "sku", "lead_days", "target_days", "unit_cost", "bin"
    )
    return [
        *settings,
        *InventoryItem.objects.order_by("sku", "marketplace_id").values_list("sku", "threshold"),
    ]


def export(client: Client, language: str = "en") -> bytes:
    address = f"{LIST}export/sku-settings.csv?o=sku"
    response: Any = client.get(address, headers={"accept-language": language})
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("language", ["en", "de"])
def test_an_exported_file_changes_nothing_and_what_is_written_into_it_is_stored(
    planner: Client, shelf: None, language: str
) -> None:
    file = export(planner, language)
    preview = upload(planner, file)
    assert preview.status_code == 200
    assert "Nothing: all values are stored already." in text_of(preview) or language == "de"
    assert preview.context["reading"].differences == []
    comma = ";" if language == "de" else ","
    reader = csv.DictReader(io.StringIO(file.decode("utf-8-sig")), delimiter=comma)
    rows = {row["sku"]: row for row in reader}
    assert list(rows) == ["'=CANARY+1", "A", "B", "M"]
    assert (rows["A"]["threshold"], rows["B"]["threshold"], rows["M"]["threshold"]) == ("5", "DE=3", "")
    assert rows["B"]["unit_cost"] == ("1,50" if language == "de" else "1.50")
    rows["A"] |= {
        "threshold": "DE=7",
        "lead_days": "12",
        "unit_cost": rows["B"]["unit_cost"],
        "currency": "EUR",
    }
    rows["B"] |= {"threshold": "4", "unit_cost": "", "bin": "B-2"}
    rows["M"] |= {"bin": "A-10"}
    rows["'=CANARY+1"] |= {"target_days": "0"}
    changed = io.StringIO()
    writer = csv.DictWriter(changed, list(reader.fieldnames or ()), delimiter=comma)
    writer.writeheader()
    writer.writerows(rows.values())
    before = stored_values()
    preview = upload(planner, "\ufeff" + changed.getvalue())
    told = {
        (each.sku, each.column, each.before, each.after) for each in preview.context["reading"].differences
    }
    assert told == {
        (CANARY, "target_days", "", "0"), ("A", "threshold", "5", "DE=7"), ("A", "lead_days", "", "12"),
        ("A", "unit_cost", "", "1.50"), ("A", "currency", "", "EUR"), ("B", "threshold", "DE=3", "4"),
        ("B", "unit_cost", "1.50", ""), ("B", "currency", "EUR", ""), ("B", "bin", "-9,=1", "B-2"),
        ("M", "bin", "", "A-10"),
    }  # fmt: skip
    assert stored_values() == before
    assert confirmed(planner, preview).status_code == 200
    assert stored_values() == [
        (CANARY, None, 0, None, ""), ("A", 12, None, Decimal("1.5"), ""), ("B", None, None, None, "B-2"),
        ("M", None, None, None, "A-10"), (CANARY, None), ("A", None), ("A", 7), ("B", 4), ("B", 4),
    ]  # fmt: skip
    assert AuditEntry.objects.filter(action="sku_settings.changed", actor="planner").count() == 4
    assert AuditEntry.objects.filter(action="threshold.changed", actor="planner").count() == 4
    assert PlannedSku.objects.get(sku="A").lead_days == 12
    assert upload(planner, export(planner)).context["reading"].differences == []


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "The first line has to name the columns"),
        (b"\xff\xfes\0k\0u\0", "The file is no UTF-8 text."),
        ("sku,price\nA,1", "It says: sku, price."),
        ("sku,bin,bin\nA,1,2", "The first line has to name the columns"),
        ("sku,bin\nA,1\n\nB", "Line 4: It has 1 values, and the first line names 2 columns."),
        ("sku,bin\nA,1\nA,2", "Line 3: SKU A stands in line 2 already."),
        ("sku,bin\nA,1\n,2", "Line 3: It has no SKU."),
        ("sku,bin\nA,1\nתה-12,2", "Line 3: SKU \u2068תה-12\u2069 is not known of platform amazon."),
        ("sku,bin\nA,1\nTYPO,2", "Line 3: SKU TYPO is not known of platform amazon."),
        ("platform,sku\nebay,A", "Line 2: There is no platform “ebay”."),
        ('sku,bin\nA,1\nB,"2', "Line 3: It cannot be read"),
        ("sku,lead_days\nA,5\nB,soon", "Line 3: lead_days is “soon”; it takes whole days from 0 to 1095."),
        ("sku,target_days\nA,1096", "Line 2: target_days is “1096”"),
        ("sku,lead_days\nA,-1", "Line 2: lead_days is “-1”"),
        ("sku,lead_days\nA,٣", "Line 2: lead_days is “٣”"),
        ("sku,unit_cost\nA,1.5", "Line 2: currency is “”; a cost needs one"),
        ('sku,unit_cost,currency\nA,"1.234,50",EUR', "Line 2: unit_cost is “1.234,50”"),
        ("sku,unit_cost,currency\nA,1.23456,EUR", "Line 2: unit_cost is “1.23456”"),
        ("sku,unit_cost,currency\nA,1,eur", "Line 2: currency is “eur”"),
        ("sku,threshold\nA,UK=3", "Line 2: threshold names UK; the SKU is listed in DE, FR."),
        ("sku,threshold\nA,DE=3 DE=4", "Line 2: threshold names a marketplace twice."),
        ("sku,threshold\nA,few", "Line 2: threshold is “few”"),
        ("sku,threshold\nM,3", "Line 2: No stock is stored of SKU M, so it has no threshold."),
        (f"sku,bin\nA,{'x' * 65}", "Line 2: bin takes a line of 64 characters at the most."),
        ("sku,bin\n" + "A,1\n" * 10_001, "The file has more than 10,000 lines."),
        ("sku,lead_days\nA,soon\nTYPO,2\nB", "Line 2: lead_days is “soon”"),
        ("sku,lead_days\nA,soon\nTYPO,2\nB", "Line 3: SKU TYPO is not known"),
        ("sku,lead_days\nA,soon\nTYPO,2\nB", "Line 4: It has 1 values"),
        (b"x" * 1_000_001, "The file has more than 1 MB."),
    ],
)  # fmt: skip
def test_a_bad_line_refuses_the_file(planner: Client, shelf: None, file: str | bytes, problem: str) -> None:
    before = stored_values()
    answer = upload(planner, file)
    assert answer.status_code == 400
    assert problem in text_of(answer)
    assert 'name="confirm"' not in text_of(answer)
    assert stored_values() == before


def test_it_stores_nothing_but_what_was_shown(planner: Client, shelf: None) -> None:
    preview = upload(planner, "sku,bin\nA,A-1")
    SkuSettings.objects.create(platform=amazon(), sku="A", bin="B-7")
    again = confirmed(planner, preview)
    assert "Something else was changed meanwhile." in text_of(again)
    assert SkuSettings.objects.get(sku="A").bin == "B-7"
    confirmed(planner, again)
    assert SkuSettings.objects.get(sku="A").bin == "A-1"
    for posted in ({"confirm": "forged:x:y", "seal": "x"}, {"confirm": "", "seal": ""}, {}):
        assert planner.post(UPLOAD, posted).status_code == 400


def test_only_those_who_may_change_stock_upload_and_only_of_their_platforms(
    planner: Client, shelf: None
) -> None:
    other = Platform.objects.create(name="hidden-shop")
    make_stock("SECRET", platform=other, available=1)
    count_platform(other)
    user = User.objects.get(username="planner")
    confine(user, [amazon().pk])
    page = text_of(planner.get(LIST))
    assert "SECRET" not in page
    assert "hidden-shop" not in page
    for file in ("platform,sku,bin\nhidden-shop,SECRET,1", "sku,bin\nSECRET,1"):
        assert upload(planner, file).status_code == 400
    assert b"SECRET" not in export(planner)
    assert upload(planner, "sku,bin\nA,1").status_code == 200  # he sees one platform
    user.user_permissions.remove(Permission.objects.get(codename="change_inventoryitem"))
    assert planner.get(LIST).status_code == 200
    assert UPLOAD not in text_of(planner.get(LIST))
    assert planner.get(UPLOAD).status_code == 403
    assert upload(planner, "sku,bin\nA,1").status_code == 403
    user.user_permissions.clear()
    assert planner.get(LIST).status_code == 403


def test_pick_lists_go_by_bins(admin_client: Client) -> None:
    orders = [
        make_order(f"1-{number}", sku=sku, status="unshipped", fulfilled_by="merchant")
        for number, sku in enumerate(("A", "B", "C", "D"))
    ]
    pick_list = make_list(orders, "Ana").pick_list
    assert pick_list is not None
    address = f"/admin/orders/picklist/{pick_list.pk}/change/"
    assert ">Bin<" not in text_of(admin_client.get(address))
    other = Platform.objects.create(name="other")
    for platform, sku, where in ((amazon(), "A", "R10"), (amazon(), "C", "R2"), (other, "D", "R1")):
        SkuSettings.objects.create(platform=platform, sku=sku, bin=where)
    page = text_of(admin_client.get(address))
    assert ">Bin<" in page
    lines = re.findall(
        r"data-label=\"Bin\"><strong>([^<]*)</strong></td>.*?oms-card-head\"><bdi>([^<]*)</bdi>",
        page,
    )
    assert lines == [("R2", "C"), ("R10", "A"), ("–", "B"), ("–", "D")]


def test_low_or_out_counts_skus_and_says_in_how_many_listings(admin_client: Client) -> None:
    for place in (DE, FR, IT):
        make_stock("A", marketplace_id=place, available=0)
    make_stock("B", marketplace_id=DE, available=2, threshold=3)
    home = text_of(admin_client.get("/admin/"))
    tile = re.search(r"Low or out of stock</span>\s*<strong[^>]*>(\d+)</strong>\s*<span[^>]*>([^<]*)<", home)
    assert tile is not None
    assert tile.groups() == ("2", "SKUs, in 4 listings of marketplaces")
    stock = text_of(admin_client.get("/admin/inventory/inventoryitem/"))
    assert "the numbers on the tabs count rows" in stock


def test_days_are_set_for_all_that_are_selected(admin_client: Client) -> None:
    known_since(91)
    for sku in ("A", "B", "C"):
        make_stock(sku, available=1, inbound=0)
        sell(ord(sku), sku, 30, 5)
    count_platform(amazon())
    chosen = [planned.pk for planned in PlannedSku.objects.exclude(sku="C")]
    form = {"action": "set_days", "_selected_action": chosen}
    asked = text_of(admin_client.post(LIST, form))
    assert "2 SKUs were selected." in asked
    form |= {"set": "1", "scope": "skus"}
    assert "Enter a tag, or at least one number of days." in text_of(admin_client.post(LIST, form))
    admin_client.post(LIST, form | {"lead_days": "10"})
    days = PlannedSku.objects.order_by("sku").values_list("sku", "lead_days", "target_days", "reorder")
    assert list(days) == [("A", 10, 30, 39), ("B", 10, 30, 39), ("C", 30, 30, 59)]
