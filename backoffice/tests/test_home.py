"""The home page over HTTP: what it counts, where its numbers lead, and who sees what."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.tests.home_pages import charts, home, log_of, states, tiles, viewer
from integrations.models import ApiUsage, SyncFailure, SyncLog
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db


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
        admin_client.cookies["oms_timezone"] = zone
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
    admin_client: Client,
    order: Callable[..., Order],
    stock: Callable[..., InventoryItem],
    platform: Platform,
    settings: Any,
) -> None:
    settings.ALERTS_DUE_HOURS = 30 * 24
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
        "Due within 720 hours": 4, "Records not stored": 2, "Low or out of stock": 1, "Gone": 1,
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


@pytest.mark.parametrize(
    ("expected", "said"), [(1, "0 of about 1 page is stored."), (2, "0 of about 2 pages are stored.")]
)
def test_it_counts_the_pages_of_a_sync_that_waits(
    admin_client: Client, platform: Platform, expected: int, said: str
) -> None:
    Platform.objects.filter(pk=platform.pk).update(api_config={"client_id": "x"})
    log_of(platform, SyncLog.Status.WAITING, resume_at=timezone.now(), pages=0, pages_expected=expected)
    assert said in home(admin_client)


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
        ({"client_id": "x"}, {"status": "failed", "error_code": "config"}, {}, "needs credentials"),
        ({"client_id": "x"}, {"status": "failed", "error_code": "invalid_grant"}, {}, "failing"),
        ({"client_id": "x"}, {"status": "failed", "error_code": "forbidden"}, {}, "failing"),
        ({"client_id": "x"}, {"status": "failed", "error_code": "unavailable"}, {}, "failing"),
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
    assert ">Enter credentials<" in html
    assert f'href="/admin/platforms/platform/{platform.pk}/change/"' in html

    log_of(platform)
    assert "Three steps to your first orders" not in home(admin_client)


def test_it_asks_for_credentials_only_those_who_may_enter_them(platform: Platform) -> None:
    html = home(viewer("view_platform"))
    assert states(html) == {"amazon": "needs credentials"}
    assert "Three steps to your first orders" not in html
    assert ">Enter credentials<" not in html


def test_it_shows_only_what_the_user_may_open(platform: Platform, order: Callable[..., Order]) -> None:
    order(ship_by=timezone.now() - timedelta(days=1))
    log_of(platform, SyncLog.Status.FAILED, error_message="Amazon did not answer.")

    client = viewer("view_inventoryitem")

    html = home(client)
    assert list(tiles(client)) == ["Low or out of stock", "Gone"]
    assert "Amazon did not answer." not in html
    assert 'id="home-platforms"' not in html
    assert "data-chart" not in charts(client)


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
    assert few[0] <= 25


def test_it_counts_mock_data_while_there_is_nothing_else_and_says_so(
    admin_client: Client, order: Callable[..., Order], stock: Callable[..., InventoryItem]
) -> None:
    late = {"ship_by": timezone.now() - timedelta(days=1)}
    order(source=Source.MOCK, **late)
    stock(source=Source.MOCK, available=0)
    href, overdue = tiles(admin_client)["Overdue"]
    assert (overdue, tiles(admin_client)["Low or out of stock"][1]) == (1, 1)
    assert "source__exact=mock" in href
    assert "MOCK DATA" in admin_client.get("/admin/").content.decode()
    assert "MOCK DATA" in admin_client.get("/admin/home-charts/").content.decode()

    order(status=Order.Status.SHIPPED)
    cache.clear()
    href, overdue = tiles(admin_client)["Overdue"]
    assert (overdue, tiles(admin_client)["Low or out of stock"][1]) == (0, 0)
    assert "source__exact=live" in href
    assert "MOCK DATA" not in admin_client.get("/admin/").content.decode()
