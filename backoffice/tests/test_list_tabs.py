"""Around the rows of each list: tabs with counts, chips of what is asked for, days by name, in the reader's zone."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from access.confinement import confine
from api.tests.rest import make_order, make_stock
from backoffice.lists import tabs
from backoffice.lists.days import Days, days_of
from platforms.models import Platform

pytestmark = pytest.mark.django_db

ORDERS = "/admin/orders/order/"
WITH_TABS = {
    model._meta.label: page for model, page in admin.site._registry.items() if getattr(page, "tabs", ())
}


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    cache.clear()


def counts(client: Client, address: str = ORDERS) -> dict[str, str]:
    html = client.get(f"{address}counts/").content.decode()
    return dict(re.findall(r'id="oms-tab-count-(\w+)"[^>]*>([^<]*)<', html))


def chips(page: Any) -> list[tuple[str, str, str]]:
    return [(chip.title, chip.value, chip.remove) for chip in page.context["panel"].chips]


@pytest.fixture
def orders(db: None) -> None:
    now = timezone.now()
    several: tuple[dict[str, Any], ...] = (
        {"status": "unshipped", "ship_by": now - timedelta(hours=3), "fulfilled_by": "merchant"},
        {"status": "unshipped", "ship_by": now - timedelta(days=3), "buyer_requested_cancellation": True},
        {"status": "partially_shipped", "ship_by": now + timedelta(days=9), "fulfilled_by": "merchant"},
        {"status": "unshipped", "fulfilled_by": "platform"},
        {"status": "shipped"},
    )
    for number, facts in enumerate(several):
        make_order(f"111-0000001-000000{number}", purchased_at=now, **facts)


def test_each_tab_counts_the_rows_that_its_address_lists(orders: None, admin_client: Client) -> None:
    make_stock(available=0)
    for page in WITH_TABS.values():
        address = f"/admin/{page.opts.app_label}/{page.opts.model_name}/"
        counted = counts(admin_client, address)
        for shown in admin_client.get(address).context["tabs"]:
            listed = admin_client.get(address + shown.address).context
            (current,) = [each for each in listed["tabs"] if each.is_current]
            assert current.tab.name == shown.tab.name
            if shown.tab.is_counted:
                assert counted[shown.tab.name] == str(listed["cl"].result_count), (address, shown.tab.name)
    assert counts(admin_client) == {
        "for_me": "0",
        "to_ship": "3",
        "overdue": "2",
        "today": "0",
        "packed": "0",
        "cancel": "1",
        "unshipped_by_platform": "1",
    }


def test_it_counts_what_its_reader_may_see(orders: None, client: Client) -> None:
    other = Platform.objects.create(name="another")
    make_order("222-0000001-0000001", platform=other, status="unshipped", ship_by=timezone.now())
    user = User.objects.create_user("viewer", is_staff=True)
    user.groups.add(Group.objects.get(name="Viewer"))
    confine(user, [other.pk])
    client.force_login(user)
    assert counts(client)["to_ship"] == "1"
    user.groups.clear()
    assert client.get(f"{ORDERS}counts/").status_code == 403


def test_the_counts_are_bounded_and_kept_for_seconds(
    orders: None,
    admin_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(tabs, "MOST_COUNTED", 2)
    assert counts(admin_client)["to_ship"] == "2+"
    with django_assert_max_num_queries(3):
        page = admin_client.get(f"{ORDERS}counts/")
    assert "2+" in page.content.decode()
    assert not admin_client.get(ORDERS).context["counts_address"]  # they are on the page at once


def test_it_names_what_it_is_filtered_by_and_takes_each_away(orders: None, admin_client: Client) -> None:
    asked = "?to_ship=overdue&status__in=unshipped,partially_shipped&purchased_at_in=today&q=111&o=&p=1"
    asked += "&purchased_at_from=2026-01-31"
    page = admin_client.get(ORDERS + asked)
    named = chips(page)
    assert [chip[:2] for chip in named] == [
        ("Search", "111"), ("To ship", "overdue"), ("Status", "unshipped, partially shipped"),
        ("Purchased", "from 2026-01-31"), ("Purchased", "today"),
    ]  # fmt: skip
    html = unescape(page.content.decode())
    for title, value, remove in named:
        assert f'aria-label="Remove {title}: {value}"' in html
        left = [chip[:2] for chip in chips(admin_client.get(ORDERS + remove))]
        assert left == [chip[:2] for chip in named if chip[:2] != (title, value)]
    assert chips(admin_client.get(ORDERS)) == []
    assert [chip[1] for chip in chips(admin_client.get("/admin/integrations/syncfailure/?state=done"))] == [
        "replayed or dismissed"
    ]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        (Days.TODAY, "2026-03-01", "2026-03-01"),
        (Days.YESTERDAY, "2026-02-28", "2026-02-28"),
        (Days.LAST_7_DAYS, "2026-02-23", "2026-03-01"),
        (Days.LAST_30_DAYS, "2026-01-31", "2026-03-01"),
        (Days.THIS_MONTH, "2026-03-01", "2026-03-31"),
        (Days.LAST_MONTH, "2026-02-01", "2026-02-28"),
    ],
)
def test_days_have_names(
    monkeypatch: pytest.MonkeyPatch, admin_client: Client, name: Days, first: str, last: str
) -> None:
    """23:30 UTC on the last of February is the first of March in Berlin, where the reader is."""
    now = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    with timezone.override("Europe/Berlin"):
        assert [day.isoformat() for day in days_of(name)] == [first, last]
    make_order("111-0000001-0000001", purchased_at=datetime.fromisoformat(f"{last}T20:00:00Z"))
    after = datetime.fromisoformat(f"{last}T20:00:00Z") + timedelta(hours=4)
    make_order("111-0000001-0000002", purchased_at=after)
    admin_client.cookies["oms_timezone"] = "Europe/Berlin"
    page = admin_client.get(ORDERS, {"purchased_at_in": name})
    assert [order.external_id for order in page.context["cl"].result_list] == ["111-0000001-0000001"]
