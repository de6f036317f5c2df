"""/inventory: lists, filters, one row, and its sync."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from api.tests.rest import NOON, amazon, fetch_all, make_stock, superuser
from conftest import api_config
from integrations.models import SyncLog
from platforms.models import Platform
from simulator import AWKWARD_SKUS


@pytest.fixture
def api(db: None) -> APIClient:
    return superuser()


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_lists_and_shows_stock(api: APIClient, slash: str) -> None:
    item = make_stock("SKU-1", gone_at=NOON, reserved=None)
    [row] = api.get(f"/inventory{slash}").json()["results"]
    assert (row["platform"], row["available"], row["reserved"]) == ("amazon", 2, None)
    assert row["gone_at"] == "2026-01-31T12:00:00Z"
    assert api.get(f"/inventory/{item.pk}{slash}").json() == row


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("platform_name=amazon-de", ["b c/+"]),
        ("source=mock", ["A-1"]),
        ("sku=b+c%2F%2B", ["b c/+"]),
        ("sku=A", []),
        ("search=A-", ["A-1"]),
        ("search=X-A-1", ["A-1"]),
        ("search=B000000001", ["A-1", "b c/+"]),
        ("search=teaPOT", ["b c/+"]),
        ("updated_after=2026-02-01", []),
        ("updated_before=2026-02-01", ["A-1", "b c/+"]),
    ],
)
def test_it_filters(api: APIClient, query: str, found: list[str]) -> None:
    make_stock("A-1", source="mock")
    make_stock("b c/+", platform=Platform.objects.create(name="amazon-de"), title="Big Teapot")
    assert [row["sku"] for row in fetch_all(api, f"/inventory?{query}")] == found


@pytest.mark.parametrize(
    "query", ["status=shipped", "skus=A", "sku=A&sku=", "sku=", "purchased_after=2026-01-01"]
)
def test_it_refuses_odd_filters(api: APIClient, query: str) -> None:
    answer = api.get(f"/inventory?{query}")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [query.split("=")[0]])


def test_it_walks_over_each_row_once_in_the_order_of_skus(api: APIClient) -> None:
    for number in range(9):
        make_stock(f"S-{number % 3}", marketplace_id=f"M-{number}")
    rows = fetch_all(api, "/inventory?page_size=2")
    assert len({row["id"] for row in rows}) == len(rows) == 9
    assert [row["sku"] for row in rows] == sorted(row["sku"] for row in rows)


def test_it_lists_stock_with_a_fixed_number_of_queries(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        make_stock(f"S-{number}")
    api.get("/inventory")  # notes that the token is used
    for size in (2, 12):
        with django_assert_num_queries(4):
            assert len(api.get(f"/inventory?page_size={size}").json()["results"]) == size


@pytest.mark.parametrize(
    ("query", "body", "skus"),
    [
        ("", None, []),
        ("?sku=A&sku=b+c%2F%2B&sku=A", None, ["A", "b c/+"]),
        ("?sku=A%2CB", None, ["A,B"]),
        ("", {"sku": ["A"]}, ["A"]),
        ("/", {"sku": ["A", "ü"]}, ["A", "ü"]),
    ],
)
def test_it_opens_a_sync_of_named_skus(api: APIClient, query: str, body: Any, skus: list[str]) -> None:
    answer = api.post(f"/inventory/sync{query}", body)
    [sync] = answer.json()["syncs"]
    assert (answer.status_code, sync["kind"], sync["skus"], sync["window"]) == (202, "inventory", skus, None)


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [
        ("?since=2026-01-01", None, "since"),
        ("?sku=", None, "sku"),
        ("?sku=A&sku=", None, "sku"),
        ("?sku=+", None, "sku"),
        ("?sku=" + "x" * 256, None, "sku"),
        ("?sku=a%00", None, "sku"),
        ("", {"sku": []}, "sku"),
        ("", {"sku": [1]}, "sku"),
        ("", {"sku": ["A", ""]}, "sku"),
        ("", {"sku": {"A": 1}}, "sku"),
        ("?sku=A", {"sku": "B"}, "sku"),
        ("", {"skus": ["A"]}, "skus"),
        ("", {"sku": "A"}, "sku"),
        ("", {"sku": [5]}, "sku"),
        ("", {"sku": ["A\nB"]}, "sku"),
        ("?sku=A%0AB", None, "sku"),
        ("", {"wait": "true"}, "wait"),
        ("", {"queue": 1}, "queue"),
        ("?wait=1", None, "wait"),
        ("?wait=True", None, "wait"),
    ],
)
def test_it_refuses_odd_parameters_and_starts_nothing(
    api: APIClient, query: str, body: Any, field: str
) -> None:
    answer = api.post(f"/inventory/sync{query}", body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert not SyncLog.objects.exists()


def test_it_brings_in_the_stock_of_an_account(api: APIClient, start_simulator: Any) -> None:
    account = start_simulator(skus=len(AWKWARD_SKUS)).accounts[0]
    api.put(f"/platforms/{amazon().pk}", {"api_config": api_config(account)})
    answer = api.post("/inventory/sync?platform_name=amazon&wait=true")
    assert (answer.status_code, answer.json()["syncs"][0]["status"]) == (200, "succeeded")
    rows = {
        (row["marketplace_id"], row["sku"], row["fnsku"]): row
        for row in fetch_all(api, "/inventory?page_size=3")
    }
    truth = account.truth_inventory()
    assert set(rows) == set(truth)
    for key, fields in truth.items():
        assert {name: rows[key][name] for name in fields if name != "platform_updated_at"} == {
            name: value for name, value in fields.items() if name != "platform_updated_at"
        }


def test_it_reports_a_sku_that_nobody_knows(api: APIClient, start_simulator: Any) -> None:
    account = start_simulator(skus=3).accounts[0]
    api.put(f"/platforms/{amazon().pk}", {"api_config": api_config(account)})
    [sync] = api.post("/inventory/sync", {"sku": ["no-such-sku", account.skus()[0]], "wait": True}).json()[
        "syncs"
    ]
    assert (sync["status"], sync["failed"]) == ("partial", 1)
    [failure] = api.get("/sync-failures?search=no-such").json()["results"]
    assert (failure["error_code"], failure["sync"]) == ("sku_not_found", sync["id"])
    assert api.get(f"/sync-failures/{failure['id']}").json() == failure


def test_it_says_that_a_quantity_cannot_be_set(api: APIClient) -> None:
    answer = api.patch(f"/inventory/{make_stock().pk}", {"available": 4})
    assert answer.status_code == 400
    assert "Only threshold can be changed here" in answer.json()["fields"]["available"][0]


# --- several values, orders of the list, fields


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("level=low,out", "ab"),
        ("level=in_stock", "c"),
        ("level=unknown&level=gone", "de"),
        ("gone=true", "e"),
        ("gone=false", "abcd"),
        ("marketplace_id=M1,M2", "ab"),
        ("sku=a&sku=x%2Cy", "ac"),
        ("sku=a%2Cb", ""),
        ("asin=B1,B2", "ab"),
        ("source=mock,sandbox", "d"),
        ("synced_after=2026-01-31T13:00:00Z&synced_before=2026-01-31T15:00:00Z", "bc"),
        ("condition=NewItem", "b"),
        ("ordering=synced_at", "abcde"),
        ("ordering=-synced_at", "edcba"),
        ("ordering=available", "aebcd"),
        ("ordering=-available", "cbead"),
        ("ordering=-sku", "cedba"),
    ],
)
def test_it_finds_what_a_warehouse_asks_for(api: APIClient, query: str, found: str) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"sku": "a", "available": 0, "asin": "B1", "marketplace_id": "M1"},
        "b": {
            "sku": "b",
            "available": 2,
            "threshold": 2,
            "asin": "B2",
            "marketplace_id": "M2",
            "condition": "NewItem",
        },
        "c": {"sku": "x,y", "available": 9},
        "d": {"sku": "d", "available": None, "source": "mock"},
        "e": {"sku": "e", "available": 0, "gone_at": NOON},
    }
    names = {}
    for hour, (name, values) in enumerate(rows.items()):
        usual: dict[str, Any] = {"marketplace_id": "M3", "synced_at": NOON + timedelta(hours=hour)}
        names[make_stock(**usual | values).pk] = name
    answer = fetch_all(api, f"/inventory?{query}&page_size=2")
    shown = "".join(names[row["id"]] for row in answer)
    assert (shown if "ordering" in query else "".join(sorted(shown))) == found


def test_it_says_the_level_in_words(api: APIClient) -> None:
    item = make_stock(available=3)
    assert api.get(f"/inventory/{item.pk}").json()["level"] == "in_stock"
    assert api.patch(f"/inventory/{item.pk}", {"threshold": 3}).json()["level"] == "low"
    assert api.get("/inventory?fields=sku,level&count=true").json() == {
        "next": None,
        "previous": None,
        "results": [{"sku": "SKU-1", "level": "low"}],
        "count": 1,
        "count_is_exact": True,
    }


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("level=0", "level", "out, low, in_stock, unknown, gone"),
        ("gone=yes", "gone", "true or false"),
        ("ordering=title", "ordering", "sku, -sku, synced_at"),
        ("fields=payload", "fields", "'payload' is not known"),
        ("fulfilled_by=merchant", "fulfilled_by", "not known here"),
    ],
)
def test_it_names_what_it_cannot_read(api: APIClient, query: str, field: str, said: str) -> None:
    answer = api.get(f"/inventory?{query}")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert said in answer.json()["detail"]
