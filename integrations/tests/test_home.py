"""The home page over HTTP: what it counts, where its numbers lead, and who sees what."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import ApiUsage, SyncFailure, SyncLog
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db

TILE = re.compile(
    r'<a class="oms-tile[^"]*" href="([^"]+)">.*?</span>([^<]+)</span>\s*<strong[^>]*>([\d,.]+)</strong>',
    re.S,
)


@pytest.fixture(autouse=True)
def _no_kept_figures() -> None:
    cache.clear()


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.update_or_create(name="amazon", defaults={"display_name": ""})[0]


@pytest.fixture
def order(platform: Platform) -> Callable[..., Order]:
    """Stores an order: unshipped, live, by the merchant, bought now; `changes` are of the row."""

    def make(**changes: Any) -> Order:
        now = timezone.now()
        row = {
            "platform": platform, "external_id": f"111-{Order.objects.count():07d}", "status": Order.Status.UNSHIPPED,
            "purchased_at": now, "platform_updated_at": now, "synced_at": now, "source": Source.LIVE,
            "fulfilled_by": Order.FulfilledBy.MERCHANT, "ship_by": now + timedelta(days=9), "currency": "USD",
            "total": Decimal("10.00"),
        }  # fmt: skip
        return Order.objects.create(**row | changes)

    return make


@pytest.fixture
def stock(platform: Platform) -> Callable[..., InventoryItem]:
    def make(**changes: Any) -> InventoryItem:
        row = {
            "platform": platform, "marketplace_id": "ATVPDKIKX0DER", "sku": f"SKU-{InventoryItem.objects.count()}",
            "source": Source.LIVE, "synced_at": timezone.now(), "available": 5,
        }  # fmt: skip
        return InventoryItem.objects.create(**row | changes)

    return make


def log_of(platform: Platform, status: str = SyncLog.Status.SUCCEEDED, **changes: Any) -> SyncLog:
    row: dict[str, Any] = {
        "kind": SyncLog.Kind.ORDERS,
        "trigger": SyncLog.Trigger.SCHEDULE,
        "source": Source.LIVE,
    }
    is_open = status in SyncLog.OPEN
    row |= {
        "finished_at": None if is_open else timezone.now(),
        "open_key": f"{platform.pk}:x" if is_open else None,
    }
    return SyncLog.objects.create(platform=platform, status=status, **row | changes)


def home(client: Client) -> str:
    response = client.get("/admin/")
    assert response.status_code == 200
    return unescape(re.sub(r"[ \n]+", " ", response.content.decode()))


def charts(client: Client) -> str:
    response = client.get("/admin/home-charts/")
    assert response.status_code == 200
    return unescape(re.sub(r"[ \n]+", " ", response.content.decode()))


def tiles(client: Client) -> dict[str, tuple[str, int]]:
    """Each tile by its label: where it leads, and its number."""
    found = TILE.findall(client.get("/admin/").content.decode())
    return {label.strip(): (unescape(href), int(re.sub(r"\D", "", count))) for href, label, count in found}


def table(html: str, chart: str) -> dict[str, list[str]]:
    """The chart's table, its cells by the first one."""
    piece = html.split(f'data-chart="{chart}"')[1].split("</figure>")[0]
    rows = re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]+).*?</th>(.*?)</tr>', piece, re.S)
    return {label: re.findall(r"<td>([^<]*)</td>", cells) for label, cells in rows}


def viewer(*codenames: str) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def orders_of_all_ages(order: Callable[..., Order]) -> None:
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    order(ship_by=now - timedelta(hours=1))
    order(ship_by=midnight + timedelta(days=1, seconds=-1))
    order(ship_by=midnight + timedelta(days=1, hours=3), status=Order.Status.PARTIALLY_SHIPPED)
    order(ship_by=midnight + timedelta(days=2))
    order(ship_by=midnight + timedelta(days=5))
    order(ship_by=None)


def nothing_to_ship(order: Callable[..., Order]) -> None:
    late = {"ship_by": timezone.now() - timedelta(days=1), "buyer_requested_cancellation": True}
    order(status=Order.Status.SHIPPED, **late)
    order(status=Order.Status.CANCELLED, **late)
    order(source=Source.MOCK, **late)
    order(source=Source.SANDBOX, **late)


def test_it_counts_orders_by_when_they_have_to_leave(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    orders_of_all_ages(order)
    nothing_to_ship(order)
    order(ship_by=timezone.now() - timedelta(days=1), fulfilled_by=Order.FulfilledBy.PLATFORM)

    counts = {label: count for label, (_href, count) in tiles(admin_client).items()}

    wanted = {"Overdue": 1, "Today": 1, "Tomorrow": 1, "Later": 2, "Without a date": 1}
    assert {label: counts[label] for label in wanted} == wanted
    assert counts["Buyers ask to cancel"] == 0


def test_it_ends_the_day_in_the_zone_of_the_user(admin_client: Client, order: Callable[..., Order]) -> None:
    order(ship_by=timezone.now() + timedelta(hours=14))
    labels = set()
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart: one of them has another day
        with timezone.override(zone):
            labels |= {f"{zone} {label}" for label, (_href, count) in tiles(admin_client).items() if count}
    midnights = {
        zone: "Today" if (_local(zone) + timedelta(hours=14)).date() == _local(zone).date() else "Tomorrow"
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago")
    }
    assert labels == {f"{zone} {label}" for zone, label in midnights.items()}


def _local(zone: str) -> datetime:
    with timezone.override(zone):
        return timezone.localtime()


def test_it_leads_to_the_rows_that_it_counted(
    admin_client: Client, order: Callable[..., Order], stock: Callable[..., InventoryItem], platform: Platform
) -> None:
    orders_of_all_ages(order)
    nothing_to_ship(order)
    order(buyer_requested_cancellation=True, status=Order.Status.PENDING)
    order(buyer_requested_cancellation=True, status=Order.Status.SHIPPED)
    for changes in ({"available": 0}, {"available": None}, {"available": 0, "source": Source.MOCK}):
        stock(**changes)
    stock(available=0, gone_at=timezone.now())
    stock(available=0, gone_at=timezone.now(), source=Source.SANDBOX)
    log = log_of(platform, SyncLog.Status.PARTIAL)
    for resolved_at in (None, None, timezone.now()):
        SyncFailure.objects.create(log=log, platform=platform, kind="orders", resolved_at=resolved_at)

    found = tiles(admin_client)

    assert {label: count for label, (_href, count) in found.items() if count} == {
        "Overdue": 1, "Today": 1, "Tomorrow": 1, "Later": 2, "Without a date": 1, "Buyers ask to cancel": 1,
        "Records not stored": 2, "Low or out of stock": 1, "Gone": 1,
    }  # fmt: skip
    for label, (href, count) in found.items():
        listed = admin_client.get(href).context["cl"].result_count
        assert (label, listed) == (label, count)


def test_it_says_what_failed_what_waits_and_until_when(admin_client: Client, platform: Platform) -> None:
    other = Platform.objects.create(name="amazon-de", api_config={"client_id": "x"})
    Platform.objects.filter(pk=platform.pk).update(api_config={"client_id": "x"})
    log_of(platform, SyncLog.Status.FAILED, error_code="unavailable", error_message="Amazon did not answer.")
    until = timezone.now().replace(microsecond=0) + timedelta(hours=2)
    log_of(other, SyncLog.Status.WAITING, resume_at=until, pages=12, pages_expected=40)

    html = home(admin_client)

    assert "Amazon did not answer." in html
    assert f"until {until:%Y-%m-%d %H:%M} UTC" in html
    assert "12 of about 40 pages" in html
    assert states(html) == {"amazon": "failing", "amazon-de": "waiting"}


def states(html: str) -> dict[str, str]:
    piece = html.split('id="home-platforms"')[1].split("</section>")[0]
    rows = re.findall(
        r'<a class="oms-link"[^>]*>([^<]+)</a>.*?class="oms-row-state">.*?<span[^>]*>\s*([^<]+?)\s*<', piece
    )
    return dict(rows)


def test_it_forgets_a_failure_that_a_later_sync_made_good(admin_client: Client, platform: Platform) -> None:
    Platform.objects.filter(pk=platform.pk).update(api_config={"client_id": "x"})
    log_of(platform, SyncLog.Status.FAILED, error_code="unavailable", error_message="Amazon did not answer.")
    log_of(platform)

    html = home(admin_client)

    assert "Amazon did not answer." not in html
    assert states(html) == {"amazon": "ok"}


@pytest.mark.parametrize(
    ("config", "log", "changes", "state"),
    [
        (None, None, {}, "needs credentials"),
        ({"client_id": "x"}, None, {}, "not synced yet"),
        ({"client_id": "x"}, {"status": "failed", "error_code": "authentication"}, {}, "needs credentials"),
        ({"client_id": "x"}, {"status": "fallback", "source": "mock"}, {}, "mock data"),
        ({"client_id": "x"}, {"status": "succeeded", "source": "sandbox"}, {}, "sandbox data"),
        ({"client_id": "x"}, {"status": "succeeded"}, {}, "ok"),
        ({"client_id": "x"}, {"status": "partial"}, {}, "ok"),
        ({"client_id": "x"}, {"status": "failed"}, {"is_active": False}, "inactive"),
    ],
)
def test_it_names_the_state_of_a_platform(
    admin_client: Client,
    platform: Platform,
    config: Any,
    log: dict[str, Any] | None,
    changes: Any,
    state: str,
) -> None:
    platform.api_config = config
    for name, value in changes.items():
        setattr(platform, name, value)
    platform.save()
    if log:
        log_of(platform, **log)

    assert states(home(admin_client)) == {"amazon": state}


def test_it_says_mock_data_where_nothing_else_is_there(
    admin_client: Client, platform: Platform, order: Callable[..., Order]
) -> None:
    order(source=Source.MOCK)
    log_of(platform, SyncLog.Status.FALLBACK, source=Source.MOCK)

    html = home(admin_client)

    assert states(html) == {"amazon": "mock data"}
    assert "So far there is made-up data" in html


def test_it_tells_a_newcomer_what_to_do_first(admin_client: Client, platform: Platform) -> None:
    html = home(admin_client)
    assert "Three steps to your first orders" in html
    assert f'href="/admin/platforms/platform/{platform.pk}/change/"' in html

    log_of(platform)
    assert "Three steps to your first orders" not in home(admin_client)


def test_it_shows_only_what_the_user_may_open(platform: Platform, order: Callable[..., Order]) -> None:
    order(ship_by=timezone.now() - timedelta(days=1))
    log_of(platform, SyncLog.Status.FAILED, error_message="Amazon did not answer.")

    client = viewer("view_inventoryitem")

    html = home(client)
    assert list(tiles(client)) == ["Low or out of stock", "Gone"]
    assert "Amazon did not answer." not in html
    assert 'id="home-platforms"' not in html
    assert "data-chart" not in charts(client)


def test_it_shows_charts_to_nobody_who_is_not_logged_in(client: Client) -> None:
    response = client.get("/admin/home-charts/")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


def test_it_adds_up_revenue_by_currency_and_counts_live_orders_alone(
    admin_client: Client, platform: Platform, order: Callable[..., Order]
) -> None:
    other = Platform.objects.create(name="amazon-de")
    order(total=Decimal("10.50"))
    order(total=Decimal("4.50"))
    order(platform=other, total=Decimal("100.00"), currency="EUR")
    order(platform=other, total=None, currency="")
    order(total=Decimal("1000.00"), status=Order.Status.CANCELLED)
    order(total=Decimal("1000.00"), source=Source.MOCK)
    order(total=Decimal("1000.00"), source=Source.SANDBOX)
    order(total=Decimal("1000.00"), purchased_at=timezone.now() - timedelta(days=31))
    yesterday = order(total=Decimal("7.00"), purchased_at=timezone.now() - timedelta(days=1))

    html = charts(admin_client)

    before = f"{yesterday.purchased_at.day} {yesterday.purchased_at:%b}"
    assert table(html, "orders")["today"] == ["2", "2"]
    assert table(html, "orders")[before] == ["1", "0"]
    assert table(html, "revenue-USD")["today"] == ["15.00"]
    assert table(html, "revenue-USD")[before] == ["7.00"]
    assert table(html, "revenue-EUR")["today"] == ["100.00"]
    assert "22.00 USD" in html
    assert "1 order has no known total and is in no amount." in html
    assert len(table(html, "orders")) == 30


def test_it_ranks_skus_by_units(admin_client: Client, order: Callable[..., Order]) -> None:
    for number, (sku, quantity, source) in enumerate(
        [("A", 2, "live"), ("B", 5, "live"), ("A", 1, "live"), ("C", 50, "mock"), ("D", None, "live")]
    ):
        OrderItem.objects.create(
            order=order(source=source), external_id=str(number), sku=sku, quantity_ordered=quantity
        )

    assert table(charts(admin_client), "skus") == {"B": ["5"], "A": ["3"]}


def test_it_shows_calls_and_throttling_by_hour(admin_client: Client, platform: Platform) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    ApiUsage.objects.create(platform=platform, operation="searchOrders", hour=hour, calls=7, throttled=2)
    ApiUsage.objects.create(platform=platform, operation="getOrder", hour=hour, calls=3)
    ApiUsage.objects.create(
        platform=platform, operation="searchOrders", hour=hour - timedelta(days=3), calls=99
    )

    hours = table(charts(admin_client), "calls")

    assert len(hours) == 48
    assert [cells for cells in hours.values() if cells != ["0", "0"]] == [["8", "2"]]


def test_it_draws_nothing_where_there_is_nothing(admin_client: Client, platform: Platform) -> None:
    assert "data-chart" not in charts(admin_client)


def test_it_asks_the_database_as_often_for_many_rows_as_for_few(
    admin_client: Client, platform: Platform, order: Callable[..., Order]
) -> None:
    def fill(platforms: int, orders: int) -> tuple[int, int]:
        for number in range(platforms):
            each = Platform.objects.create(name=f"p{number}-{orders}", api_config={"client_id": "x"})
            log = log_of(each, SyncLog.Status.FAILED, error_message="No.")
            log_of(each, kind=SyncLog.Kind.INVENTORY)
            SyncFailure.objects.create(log=log, platform=each, kind="orders", external_id="1")
            ApiUsage.objects.create(platform=each, operation="getOrder", hour=timezone.now(), calls=1)
            for _number in range(orders // platforms):
                one = order(platform=each, ship_by=timezone.now())
                OrderItem.objects.create(order=one, external_id="1", sku="A", quantity_ordered=1)
        cache.clear()
        with CaptureQueriesContext(connection) as page:
            admin_client.get("/admin/")
        with CaptureQueriesContext(connection) as figures:
            admin_client.get("/admin/home-charts/")
        return len(page), len(figures)

    few = fill(platforms=1, orders=10)

    assert fill(platforms=19, orders=990) == few
    assert few[0] <= 12


def test_it_counts_for_charts_once_in_five_minutes_and_says_when(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    order()
    first = charts(admin_client)
    order()

    assert re.search(r"orders as of \d\d:\d\d UTC", first)
    assert [cells for cells in table(charts(admin_client), "orders").values() if cells != ["0"]] == [["1"]]


def test_it_tells_apart_platforms_that_are_shown_by_the_same_name(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    for number, name in enumerate(("amazon-de", "amazon-fr"), start=1):
        platform = Platform.objects.create(name=name, display_name="Shop")
        for _number in range(number):
            order(platform=platform)

    html = charts(admin_client)

    assert table(html, "orders")["today"] == ["2", "1"]
    assert "Shop (amazon-fr)" in html


def test_it_joins_the_platforms_behind_the_first_seven(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    for number in range(9, 0, -1):
        platform = Platform.objects.create(name=f"p{number}")
        for _number in range(number):
            order(platform=platform)

    html = charts(admin_client)

    assert table(html, "orders")["today"] == ["9", "8", "7", "6", "5", "4", "3", "3"]
    assert '<th scope="col">others</th>' in html


def test_it_shows_figures_of_a_platform_that_was_deleted_since_they_were_counted(
    admin_client: Client, order: Callable[..., Order]
) -> None:
    gone = Platform.objects.create(name="gone")
    order(platform=gone)
    charts(admin_client)
    Order.objects.all().delete()
    gone.delete()

    assert table(charts(admin_client), "orders")["today"] == ["1"]


def test_it_rounds_amounts_and_cuts_nothing_off(admin_client: Client, order: Callable[..., Order]) -> None:
    for total in ("0.07", "0.06", "0.1566"):
        order(total=Decimal(total))

    assert table(charts(admin_client), "revenue-USD")["today"] == ["0.29"]
