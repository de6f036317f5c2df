"""GET /changes, and what each way to change something leaves there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from api.tests.rest import make_order, make_stock, superuser, token_client, user_with
from core.encryption import SecretDict
from feed.models import Change
from feed.retention import prune_changes
from integrations.sync.streams.states import set_intervals
from inventory.models import InventoryItem
from inventory.services import delete_inventory, mark_gone, upsert_inventory
from inventory.tests.test_services import US, row
from inventory.thresholds import set_threshold
from orders.erasing import purge_buyers
from orders.models import Order, OrderBuyer
from orders.services import delete_orders, upsert_orders
from orders.tests.test_services import BUYER, item, order
from platforms.models import Platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> Platform:
    return Platform.objects.get(name="amazon")


@pytest.fixture
def client() -> APIClient:
    return user_with("feed.view_change")


class Reader:
    """Reads what is new each time it is asked."""

    def __init__(self, client: APIClient) -> None:
        self.client, self.last = client, client.get("/changes?snapshot=true").json()["last"]

    def __call__(self) -> list[tuple[str, str, list[str]]]:
        page = self.client.get(f"/changes?after={self.last}").json()
        self.last = page["last"]
        return [(each["kind"], each["external_id"], each["fields"]) for each in page["results"]]


def test_it_gives_what_became_different(client: APIClient, platform: Platform) -> None:
    before = timezone.now()
    upsert_orders(platform=platform, records=[order(1)], source="live")
    page = client.get("/changes?after=0&kind=order.created").json()
    (change,) = page["results"]
    at = datetime.fromisoformat(change.pop("at"))
    assert before <= at <= timezone.now()
    assert change == {
        "sequence": page["last"],
        "kind": "order.created",
        "platform": "amazon",
        "platform_id": platform.pk,
        "id": Order.objects.get().pk,
        "external_id": "902-0000001-0000001",
        "fields": [],
    }
    assert page["more"] is False


def test_it_names_the_fields_of_an_order_that_changed(client: APIClient, platform: Platform) -> None:
    platform.include_pii = True
    kept: dict[str, Any] = {"buyer": BUYER, "deliver_by": timezone.now()}
    first = order(1, **kept)
    upsert_orders(platform=platform, records=[first], source="live")
    new = Reader(client)
    upsert_orders(platform=platform, records=[first], source="live")
    assert new() == []
    later: dict[str, Any] = {"platform_updated_at": datetime(2026, 3, 2, tzinfo=UTC)}
    upsert_orders(platform=platform, records=[order(1, status="shipped", **kept, **later)], source="live")
    upsert_orders(
        platform=platform,
        records=[order(1, status="shipped", items=(item(1),), **kept, **later)],
        source="live",
    )
    assert new() == [
        ("order.updated", first.external_id, ["platform_updated_at", "status"]),
        ("order.updated", first.external_id, ["items"]),
    ]
    OrderBuyer.objects.update(purge_after=timezone.now())
    assert purge_buyers() == 1
    assert new() == [("order.updated", first.external_id, ["buyer"])]


def test_it_tells_of_orders_that_are_deleted_or_replaced(client: APIClient, platform: Platform) -> None:
    upsert_orders(platform=platform, records=[order(1), order(2)], source="mock")
    new = Reader(client)
    upsert_orders(platform=platform, records=[order(1)], source="live")
    assert [kind for kind, *_ in new()] == ["order.deleted", "order.created"]
    assert delete_orders(platform=platform, sources=["mock"]) == 1
    assert new() == [("order.deleted", order(2).external_id, [])]


def test_it_tells_of_stock(client: APIClient, platform: Platform) -> None:
    new = Reader(client)
    upsert_inventory(platform=platform, records=[row(1), row(2)], source="live")
    assert new() == [("stock.created", "SKU-1", []), ("stock.created", "SKU-2", [])]
    upsert_inventory(platform=platform, records=[row(1, available=0)], source="live")
    assert new() == [("stock.updated", "SKU-1", ["available"]), ("stock.low", "SKU-1", ["level"])]
    mark_gone(platform=platform, marketplace_id=US, source="live", seen={(US, "SKU-1", "X001")})
    ((kind, sku, fields),) = new()
    assert (kind, sku, fields[0]) == ("stock.gone", "SKU-2", "gone_at")
    upsert_inventory(platform=platform, records=[row(2)], source="live")
    ((kind, sku, fields),) = new()
    assert (kind, sku, fields[-1]) == ("stock.updated", "SKU-2", "gone_at")
    assert delete_inventory(platform=platform, sources=["live"]) == 2
    assert [kind for kind, *_ in new()] == ["stock.deleted", "stock.deleted"]


def test_stock_that_takes_the_place_of_made_up_stock_keeps_its_row(
    client: APIClient, platform: Platform
) -> None:
    upsert_inventory(platform=platform, records=[row(1)], source="mock")
    new = Reader(client)
    upsert_inventory(platform=platform, records=[row(1)], source="live")
    ((kind, sku, fields),) = new()
    assert (kind, sku, fields[0]) == ("stock.updated", "SKU-1", "source")


def test_a_threshold_that_is_crossed_by_a_person_is_told(client: APIClient, platform: Platform) -> None:
    upsert_inventory(platform=platform, records=[row(1)], source="live")  # 6 available
    new = Reader(client)
    for threshold, told in ((5, False), (6, True), (7, False)):
        set_threshold(items=InventoryItem.objects.all(), threshold=threshold)
        low = [("stock.low", "SKU-1", ["level"])] if told else []
        assert new() == [("stock.updated", "SKU-1", ["threshold"]), *low]


def test_it_tells_of_platforms_without_their_secrets(client: APIClient) -> None:
    new = Reader(client)
    made = Platform.objects.create(name="shop-de", api_config=SecretDict({"client_secret": "CANARY-1"}))
    made.checked_at = timezone.now()
    made.save(update_fields=["checked_at"])
    assert [(kind, name) for kind, name, _ in new()] == [("platform.changed", "shop-de")]
    made.replace_config({"client_secret": "CANARY-2"})
    made.is_active = False
    made.save()
    set_intervals(made, {"orders": 20, "inventory": 45})
    set_intervals(made, {"orders": 20, "inventory": 45})
    answer = client.get(f"/changes?after={new.last}").content.decode()
    assert new() == [
        ("platform.changed", "shop-de", ["is_active", "api_config"]),
        ("platform.changed", "shop-de", ["orders_interval", "inventory_interval"]),
    ]
    Platform.objects.filter(name="shop-de").delete()
    assert new() == [("platform.changed", "shop-de", ["deleted"])]
    assert "CANARY" not in answer


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("kind=order", "kind"),
        ("kind=order.created,nothing", "kind"),
        ("platform_name=nobody", "platform_name"),
        ("snapshot=yes", "snapshot"),
        ("after=3&snapshot=true", "snapshot"),
        ("snapshot=true&kind=order", "kind"),
        ("snapshot=true&limit=0", "limit"),
        ("snapshot=true&platform_name=nobody", "platform_name"),
        ("since=2026-01-01", "since"),
    ],
)
def test_it_refuses_what_it_cannot_read(client: APIClient, query: str, field: str) -> None:
    answer = client.get(f"/changes?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_it_tells_a_late_reader_how_to_start_again(client: APIClient, platform: Platform) -> None:
    upsert_orders(platform=platform, records=[order(1), order(2)], source="live")
    client.get("/changes")
    Change.objects.update(at=timezone.now() - timedelta(days=91))
    prune_changes(timezone.now() - timedelta(days=90))
    answer = client.get("/changes?after=1")
    assert (answer.status_code, answer.json()["code"]) == (410, "changes_no_longer_kept")
    assert "snapshot=true" in answer.json()["detail"]
    answer = client.get("/changes?after=99")
    assert (answer.status_code, answer.json()["code"]) == (410, "changes_not_known")


def test_a_copy_can_be_begun_at_any_time(client: APIClient, platform: Platform) -> None:
    upsert_orders(platform=platform, records=[order(1), order(2)], source="live")
    start = client.get("/changes?after=0&snapshot=true").json()
    assert start == {"results": [], "last": start["last"], "more": False}
    assert client.get(f"/changes?after={start['last']}").json()["results"] == []


def test_it_is_for_those_who_may_see_it() -> None:
    assert APIClient().get("/changes").status_code == 401
    assert user_with("orders.view_order").get("/changes").status_code == 403


def test_it_needs_the_same_few_queries_for_any_page(
    platform: Platform, django_assert_num_queries: Any
) -> None:
    client = token_client(User.objects.create_superuser("root"))
    upsert_orders(platform=platform, records=[order(number) for number in range(60)], source="live")
    client.get("/changes?snapshot=true")
    for limit in (1, 50):
        with django_assert_num_queries(6):
            assert len(client.get(f"/changes?limit={limit}").json()["results"]) == limit


def test_rows_that_were_made_for_tests_are_no_changes() -> None:
    make_order()
    make_stock()
    assert superuser().get("/changes").json()["results"] == []
