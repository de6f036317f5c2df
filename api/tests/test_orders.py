"""/orders: lists, filters, one order, and its sync."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from api.tests.rest import NOON, amazon, fetch_all, make_order, make_stock, make_text, superuser
from conftest import api_config
from integrations.models import SyncLog
from platforms.models import Platform


@pytest.fixture
def api(db: None) -> APIClient:
    return superuser()


def ids(api: APIClient, query: str) -> list[str]:
    return [row["external_id"] for row in fetch_all(api, f"/orders?{query}")]


def test_it_lists_orders_with_items_and_without_payload(api: APIClient) -> None:
    make_order(total=Decimal("12.5"), currency="USD", ship_by=NOON)
    [row] = api.get("/orders/").json()["results"]
    assert (row["platform"], row["total"], row["purchased_at"]) == (
        "amazon",
        "12.50",
        "2026-01-31T12:00:00Z",
    )
    assert (row["items"][0]["sku"], row["items"][0]["unit_price"]) == ("SKU-1", None)
    assert "payload" not in row


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_shows_one_order_with_its_payload(api: APIClient, slash: str) -> None:
    order = make_order()
    shown = api.get(f"/orders/{order.pk}{slash}").json()
    assert shown.pop("payload") == {"orderId": order.external_id}
    assert shown == api.get("/orders").json()["results"][0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("platform_name=amazon-de", "b"),
        ("status=pending", "b"),
        ("source=mock", "a"),
        ("purchased_after=2026-01-31T12:00:01Z", "b"),
        ("purchased_after=2026-01-31T12:00:00", "ab"),
        ("purchased_before=2026-01-31T13:00:01%2B01:00", "a"),
        ("purchased_before=2026-01-31T12:00:00Z", ""),
        ("purchased_after=2026-02-01", "b"),
        ("updated_after=2026-03-01", "b"),
        ("updated_before=2026-03-01", "a"),
        ("sku=SKU+1%2F", "b"),
        ("sku=SKU", ""),
        ("search=111-", "a"),
        ("search=SKU+1", "b"),
        ("search=B000000001", "ab"),
        ("search=tEApot", "b"),
        ("search=%25", ""),
        ("source=live&status=pending", "b"),
        ("status=cancelled", ""),
    ],
)
def test_it_filters(api: APIClient, query: str, found: str) -> None:
    other = Platform.objects.create(name="amazon-de")
    later = {"purchased_at": NOON + timedelta(days=1), "platform_updated_at": NOON + timedelta(days=60)}
    names = {make_order("111-1", source="mock").external_id: "a"}
    names[
        make_order(
            "S01-2", platform=other, status="pending", sku="SKU 1/", title="Big Teapot", **later
        ).external_id
    ] = "b"
    assert "".join(sorted(names[each] for each in ids(api, query))) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("statsu=shipped", "statsu"),
        ("status=Shipped", "status"),
        ("status=", "status"),
        ("status=shipped,", "status"),
        ("source=real", "source"),
        ("platform_name=nowhere", "platform_name"),
        ("platform_name=%00", "platform_name"),
        ("purchased_after=yesterday", "purchased_after"),
        ("purchased_after=2026-01-31T12:00:00+01:00", "purchased_after"),
        ("updated_before=0001-01-01T00:00:00%2B23:00", "updated_before"),
        ("updated_after=2026-13-01", "updated_after"),
        ("search=a%00", "search"),
        ("format=csv", "format"),
        ("page=2", "page"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=many", "page_size"),
        ("page_size=%C2%B2", "page_size"),
        ("page_size=", "page_size"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("cursor=WzAsbnVsbCwxXQ", "cursor"),
        ("cursor=WzAsIjAwMDEtMDEtMDFUMDA6MDA6MDArMjM6MDAiLDFd", "cursor"),
        ("cursor=WzAsIjIwMjYtMDEtMDEiLDFlOTldXQ", "cursor"),
        ("cursor=" + "W1tb" * 5000, "cursor"),
    ],
)
def test_it_refuses_odd_filters(api: APIClient, query: str, field: str) -> None:
    answer = api.get(f"/orders?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]


def test_it_refuses_parameters_of_addresses_that_take_none(api: APIClient) -> None:
    order, item = make_order(), make_stock()
    log = SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api")
    asked = {
        f"/orders/{order.pk}": "get", f"/inventory/{item.pk}": "patch", "/platforms/1": "put", "/platforms": "post",
        "/platforms/1/check": "post", f"/sync-logs/{log.pk}/cancel": "post",
    }  # fmt: skip
    for address, method in asked.items():
        answer = getattr(api, method)(f"{address}?page_size=5", {})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["page_size"]), address
    log.refresh_from_db()
    assert not log.cancel_requested


def test_it_walks_over_each_order_once_while_orders_are_added(api: APIClient) -> None:
    before = {make_order(f"o-{number}").external_id for number in range(25)}  # all bought in the same second
    rows, address = [], "/orders?page_size=4&source=live"
    while address:
        page = api.get(address).json()
        rows += [row["external_id"] for row in page["results"]]
        make_order(f"new-{len(rows)}")
        make_order(f"newer-{len(rows)}", purchased_at=NOON + timedelta(days=1))
        address = page["next"]
    assert len(rows) == len(set(rows))
    assert set(rows) == before


def test_it_walks_back_the_way_it_came(api: APIClient) -> None:
    for number in range(7):
        make_order(f"o-{number}", purchased_at=NOON + timedelta(hours=number // 3))
    pages = [api.get("/orders?page_size=3").json()]
    while pages[-1]["next"]:
        pages.append(api.get(pages[-1]["next"]).json())
    assert [len(page["results"]) for page in pages] == [3, 3, 1]
    second = api.get(pages[2]["previous"]).json()
    first = api.get(second["previous"]).json()
    assert [first["results"], second["results"]] == [pages[0]["results"], pages[1]["results"]]
    assert (pages[0]["previous"], first["previous"]) == (None, None)
    assert api.get(first["next"]).json()["results"] == pages[1]["results"]


def test_it_lists_orders_with_a_fixed_number_of_queries(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        make_order(f"o-{number}")
    api.get("/orders")  # notes that the token is used
    for size in (2, 12):
        with django_assert_num_queries(6):
            assert len(api.get(f"/orders?page_size={size}").json()["results"]) == size


# --- POST /orders/sync


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slash", ["", "/"])
def test_it_queues_a_sync(slash: str) -> None:
    amazon()
    answer = superuser().post(f"/orders/sync{slash}?platform_name=amazon")
    [sync] = answer.json()["syncs"]
    assert (answer.status_code, sync["status"], sync["trigger"]) == (202, "queued", "api")
    assert (sync["platform"], sync["requested_by"], sync["already_open"]) == ("amazon", "root", False)
    assert sync["window"] == {"by": "updated", "since": None, "until": None}
    assert DBTaskResult.objects.get().args_kwargs["args"] == [sync["id"]]


@pytest.mark.parametrize("query", ["since=2026-01-01&until=2026-01-02T00:00:00&by=created", None])
def test_it_takes_a_window_in_the_query_and_in_the_body(api: APIClient, query: str | None) -> None:
    body = {"since": "2026-01-01", "until": "2026-01-02T00:00:00", "by": "created", "platform_name": "amazon"}
    answer = (
        api.post(f"/orders/sync?platform_name=amazon&{query}") if query else api.post("/orders/sync", body)
    )
    [sync] = answer.json()["syncs"]
    assert sync["window"] == {
        "by": "created",
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-02T00:00:00Z",
    }
    assert "read_as_utc" in {note["code"] for note in sync["notes"]}


@pytest.mark.parametrize(("query", "body"), [("?days=3", None), ("", {"days": 3})])
def test_it_takes_days(api: APIClient, query: str, body: Any) -> None:
    [sync] = api.post(f"/orders/sync{query}", body).json()["syncs"]
    since = parse_datetime(sync["window"]["since"])
    assert since is not None
    assert abs(timezone.now() - timedelta(days=3) - since) < timedelta(minutes=1)
    assert api.post("/orders/sync", {"days": "3"}).status_code == 400  # a text


def test_it_syncs_all_active_platforms_without_a_name(api: APIClient) -> None:
    Platform.objects.create(name="asleep", is_active=False)
    Platform.objects.create(name="awake")
    syncs = api.post("/orders/sync").json()["syncs"]
    assert [sync["platform"] for sync in syncs] == ["amazon", "awake"]
    assert [sync["platform"] for sync in api.post("/orders/sync?platform_name=asleep").json()["syncs"]] == [
        "asleep"
    ]


def test_it_returns_the_sync_that_is_open(api: APIClient) -> None:
    [first] = api.post("/orders/sync").json()["syncs"]
    [second] = api.post("/orders/sync").json()["syncs"]
    assert second == first | {"already_open": True}
    assert SyncLog.objects.count() == 1


def test_it_does_not_know_other_platforms(api: APIClient) -> None:
    answer = api.post("/orders/sync?platform_name=amazn")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "amazn" in answer.json()["detail"]
    assert not SyncLog.objects.exists()


TOMORROW = (timezone.now() + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("platform=amazon", "platform"),
        ("sku=A", "sku"),
        ("platform_name=", "platform_name"),
        ("platform_name=amazon&platform_name=b", "platform_name"),
        ("since=2026-01-02&until=2026-01-01", "since"),
        ("since=soon", "since"),
        ("since=", "since"),
        pytest.param(f"since={TOMORROW.replace('+', '%2B')}", "since", id="since=tomorrow-since"),
        ("since=2026-01-01T00:00:00+01:00", "since"),
        ("since=0001-01-01T00:00:00%2B23:00", "since"),
        ("until=2026-01-01", "until"),
        ("since=2026-01-01&until=2026-99-01", "until"),
        ("since=2026-01-01&days=3", "days"),
        ("days=0", "days"),
        ("days=-1", "days"),
        ("days=1.5", "days"),
        ("days=99999", "days"),
        ("days=" + "9" * 5000, "days"),
        ("by=shipped", "by"),
        ("wait=maybe", "wait"),
        ("since=%00", "since"),
    ],
)
def test_it_refuses_odd_parameters_and_starts_nothing(api: APIClient, query: str, field: str) -> None:
    answer = api.post(f"/orders/sync?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert field in answer.json()["detail"] or answer.json()["detail"]
    assert not SyncLog.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platfrom_name": "amazon"}, "platfrom_name"),
        ({"platform_name": None}, "platform_name"),
        ({"platform_name": ["amazon"]}, "platform_name"),
        ({"since": 20260101}, "since"),
        ({"since": {"gte": 1}}, "since"),
        ({"days": True}, "days"),
        ({"days": 1.5}, "days"),
        ({"days": 10**5000 // 10**4990}, "days"),
        ({"by": ["created"]}, "by"),
        ({"wait": 1}, "wait"),
        ({"wait": "ja"}, "wait"),
    ],
)
def test_it_refuses_odd_bodies_and_starts_nothing(api: APIClient, body: Any, field: str) -> None:
    answer = api.post("/orders/sync", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["fields"]) == [field]
    assert not SyncLog.objects.exists()


@pytest.mark.parametrize("body", [[], False, 0, "", None, "amazon", ["amazon"]])
def test_it_takes_only_an_object_as_a_body(api: APIClient, body: Any) -> None:
    answer = api.post("/orders/sync", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not SyncLog.objects.exists()


def test_it_refuses_a_parameter_in_both_places(api: APIClient) -> None:
    answer = api.post("/orders/sync?platform_name=amazon", {"platform_name": "amazon"})
    assert list(answer.json()["fields"]) == ["platform_name"]


# --- the whole way


def equal(stored: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether what the API says of a record is what is true of it."""
    for name, value in truth.items():
        said = stored[name]
        if name in ("items", "packages"):
            if not all(equal(*pair) for pair in zip(said, value, strict=True)):
                return False
            continue
        if isinstance(value, Decimal):
            said = Decimal(said)
        elif hasattr(value, "tzinfo") and said:
            said = parse_datetime(said)
        if said != value:
            return False
    return True


def over_http(live_server: Any, user: User) -> httpx.Client:
    headers = {"Authorization": f"Token {make_text(user)}"}
    return httpx.Client(base_url=live_server.url, headers=headers, timeout=60, trust_env=False)


@pytest.mark.django_db(transaction=True)
def test_it_goes_from_credentials_to_orders_over_http(start_simulator: Any, live_server: Any) -> None:
    account = start_simulator(orders=30).accounts[0]
    platform = amazon()
    with over_http(live_server, User.objects.create_superuser("root")) as client:
        assert (
            client.put(f"/platforms/{platform.pk}", json={"api_config": api_config(account)}).status_code
            == 200
        )
        answer = client.post("/orders/sync?platform_name=amazon&days=60&wait=true")
        [sync] = answer.json()["syncs"]
        assert (answer.status_code, sync["status"], sync["source"]) == (200, "succeeded", "live")
        assert sync["created"] == sync["fetched"] == 30
        rows = {row["external_id"]: row for row in fetch_all(client, "/orders?page_size=7&source=live")}
    truth = account.truth_orders()
    assert set(rows) == set(truth)
    assert [name for name in truth if not equal(rows[name], truth[name])] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("header", [b"Token \xff\xfe\x80", b"Token " + b"a" * 5000, b"\xc3\x28"])
def test_it_answers_garbage_in_the_header_with_401_over_http(live_server: Any, header: bytes) -> None:
    answer = httpx.get(f"{live_server.url}/orders", headers={b"Authorization": header}, trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json")
