"""Thresholds: who may set them, what is low, and that no sync touches them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from api.tests.rest import NOON, amazon, make_stock, superuser, user_with
from audit.models import AuditEntry
from inventory.models import HIGHEST_THRESHOLD, InventoryItem, Level
from inventory.records import InventoryRecord
from inventory.services import mark_gone, upsert_inventory

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/inventoryitem/"
US = "ATVPDKIKX0DER"
AsGroup = Callable[[str], Client]


@pytest.fixture
def as_group() -> AsGroup:
    def log_in(name: str) -> Client:
        user = User.objects.create_user(name, password="a long pass phrase", is_staff=True)
        user.groups.add(Group.objects.get(name=name))
        client = Client()
        client.force_login(user)
        return client

    return log_in


def page_of(item: InventoryItem) -> str:
    return f"{LIST}{item.pk}/change/"


def in_list(*items: InventoryItem, **thresholds: str) -> dict[str, str]:
    """What the list's form posts."""
    form = {"form-TOTAL_FORMS": str(len(items)), "form-INITIAL_FORMS": str(len(items)), "_save": "Save"}
    for number, item in enumerate(items):
        form |= {f"form-{number}-id": str(item.pk), f"form-{number}-threshold": thresholds.get(item.sku, "")}
    return form


def threshold(item: InventoryItem) -> int | None:
    item.refresh_from_db()
    return item.threshold


def record(**values: Any) -> InventoryRecord:
    facts: dict[str, Any] = {"marketplace_id": US, "sku": "A", "fnsku": "X-A", "available": 9, "total": 9}
    return InventoryRecord(**facts | values)


@pytest.mark.parametrize(
    ("values", "level", "is_low"),
    [
        ({"available": 1}, Level.ENOUGH, False),
        ({"available": 0}, Level.OUT, True),
        ({"available": -1}, Level.OUT, True),
        ({"available": None}, Level.UNKNOWN, False),
        ({"available": None, "threshold": 5}, Level.UNKNOWN, False),
        ({"available": 5, "threshold": 5}, Level.LOW, True),
        ({"available": 6, "threshold": 5}, Level.ENOUGH, False),
        ({"available": 0, "threshold": 0}, Level.OUT, True),
        ({"available": 0, "gone_at": NOON}, Level.GONE, False),
        ({"available": 0, "source": "mock"}, Level.OUT, False),
        ({"available": 0, "source": "sandbox"}, Level.OUT, False),
    ],
)
def test_it_knows_what_is_low(values: dict[str, Any], level: Level, is_low: bool) -> None:
    item = make_stock("A", **values)
    item.refresh_from_db()
    assert item.level == level
    assert InventoryItem.objects.low().exists() is is_low
    assert InventoryItem.objects.out().exists() is (is_low and level == Level.OUT)


def test_it_lists_low_stock_first_and_what_is_gone_last(admin_client: Client) -> None:
    make_stock("gone", available=0, gone_at=NOON)
    make_stock("enough", available=10)
    make_stock("low", available=20, threshold=30)
    make_stock("unknown", available=None)
    make_stock("out", available=0)
    shown = [item.sku for item in admin_client.get(LIST).context["cl"].result_list]
    assert shown == ["out", "low", "enough", "unknown", "gone"]


@pytest.mark.parametrize(("query", "skus"), [("low", ["out", "low"]), ("out", ["out"]), ("gone", ["gone"])])
def test_it_filters_by_level(admin_client: Client, query: str, skus: list[str]) -> None:
    make_stock("gone", available=0, gone_at=NOON)
    make_stock("low", available=20, threshold=30)
    make_stock("out", available=0)
    make_stock("made up", available=0, source="mock")
    assert [item.sku for item in admin_client.get(f"{LIST}?stock={query}").context["cl"].result_list] == skus


def thresholds_recorded() -> dict[str, list[int | None]]:
    """By SKU: the thresholds before and after."""
    entries = AuditEntry.objects.filter(action="threshold.changed")
    return {entry.object_name: entry.changes["threshold"] for entry in entries}


def test_it_sets_thresholds_in_the_list(as_group: AsGroup) -> None:
    one, other, untouched = make_stock("A"), make_stock("B", threshold=3), make_stock("C", threshold=7)
    client = as_group("Operator")
    answer = client.post(LIST, in_list(one, other, untouched, A="5", B="", C="7"))
    assert answer.status_code == 302
    assert [threshold(each) for each in (one, other, untouched)] == [5, None, 7]
    assert thresholds_recorded() == {f"A ({US})": [None, 5], f"B ({US})": [3, None]}


def test_it_sets_a_threshold_on_the_page_and_shows_it_in_the_history(as_group: AsGroup) -> None:
    item = make_stock("A")
    client = as_group("Operator")
    assert client.post(page_of(item), {"threshold": "12"}).status_code == 302
    assert threshold(item) == 12
    assert "threshold: – → 12" in client.get(f"{LIST}{item.pk}/history/").content.decode()


@pytest.mark.parametrize("text", ["-1", "many", "1.5", str(HIGHEST_THRESHOLD + 1)])
def test_it_refuses_what_is_no_threshold(admin_client: Client, text: str) -> None:
    item = make_stock("A", threshold=4)
    for address, form in ((page_of(item), {"threshold": text}), (LIST, in_list(item, A=text))):
        answer = admin_client.post(address, form)
        assert answer.status_code == 200
        assert re.search(r"class=\"[^\"]*error", answer.content.decode())
    assert threshold(item) == 4


def test_it_writes_the_threshold_alone_whatever_is_posted(as_group: AsGroup) -> None:
    item = make_stock("A")
    before = InventoryItem.objects.filter(pk=item.pk).values().get()
    crafted = {
        "sku": "Z", "available": "999", "total": "999", "source": "mock", "platform": "77", "level": "4",
        "gone_at_0": "2026-01-01", "gone_at_1": "00:00", "title": "x", "synced_at": "2020-01-01",
    }  # fmt: skip
    client = as_group("Operator")
    client.post(page_of(item), crafted | {"threshold": "1"})
    client.post(LIST, in_list(item, A="1") | {f"form-0-{name}": value for name, value in crafted.items()})
    assert InventoryItem.objects.filter(pk=item.pk).values().get() == before | {"threshold": 1}


@pytest.mark.parametrize("group", ["Viewer", "Privacy officer"])
def test_it_shows_viewers_no_field_and_refuses_them(as_group: AsGroup, group: str) -> None:
    item = make_stock("A", threshold=4)
    client = as_group(group)
    for address in (LIST, page_of(item)):
        page = client.get(address).content.decode()
        assert ">4<" in page
        assert 'type="number"' not in page
        assert 'name="_save"' not in page
    assert client.post(page_of(item), {"threshold": "5"}).status_code == 403
    assert client.post(LIST, in_list(item, A="5")).status_code == 403
    assert threshold(item) == 4


def test_it_keeps_the_threshold_through_syncs(admin_client: Client) -> None:
    platform = amazon()
    upsert_inventory(platform=platform, records=[record()], source="live")
    item = InventoryItem.objects.get()
    admin_client.post(page_of(item), {"threshold": "5"})
    upsert_inventory(platform=platform, records=[record(available=4)], source="live")
    assert (threshold(item), item.level, item.available) == (5, Level.LOW, 4)
    mark_gone(platform=platform, marketplace_id=US, source="live", seen=())
    assert (threshold(item), item.level) == (5, Level.GONE)
    upsert_inventory(platform=platform, records=[record(available=6)], source="live")
    assert (threshold(item), item.level, item.gone_at) == (5, Level.ENOUGH, None)


def test_it_stores_no_quantity_of_a_page_that_was_opened_before_a_sync(admin_client: Client) -> None:
    platform = amazon()
    upsert_inventory(platform=platform, records=[record()], source="live")
    item = InventoryItem.objects.get()
    form = in_list(item, A="5")
    upsert_inventory(platform=platform, records=[record(available=3)], source="live")
    admin_client.post(LIST, form)
    assert (threshold(item), item.available) == (5, 3)


def test_it_reads_and_sets_thresholds_over_the_api() -> None:
    api, item = superuser(), make_stock("A")
    assert api.get(f"/inventory/{item.pk}").json()["threshold"] is None
    answer = api.patch(f"/inventory/{item.pk}", {"threshold": 5}, format="json")
    assert (answer.status_code, answer.json()["threshold"]) == (200, 5)
    assert api.patch(f"/inventory/{item.pk}/", {"threshold": None}, format="json").json()["threshold"] is None
    entries = AuditEntry.objects.filter(action="threshold.changed").order_by("pk")
    assert [entry.changes["threshold"] for entry in entries] == [[None, 5], [5, None]]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"threshold": -1}, ["threshold"]),
        ({"threshold": "many"}, ["threshold"]),
        ({"threshold": HIGHEST_THRESHOLD + 1}, ["threshold"]),
        ({"available": 9}, ["available"]),
        ({"threshold": 5, "available": 9}, ["available"]),
        ({"threshold": 5, "level": 1, "sku": "B"}, ["level", "sku"]),
    ],
)
def test_it_refuses_everything_else_over_the_api(body: dict[str, Any], fields: list[str]) -> None:
    api, item = superuser(), make_stock("A", threshold=4)
    answer = api.patch(f"/inventory/{item.pk}", body, format="json")
    assert (answer.status_code, sorted(answer.json()["fields"])) == (400, fields)
    assert threshold(item) == 4
    assert api.patch(f"/inventory/{item.pk}", {}, format="json").status_code == 400
    assert api.patch(f"/inventory/{item.pk}", [1], format="json").status_code == 400
    assert api.put(f"/inventory/{item.pk}", {"threshold": 5}, format="json").status_code == 405
    assert api.patch("/inventory/99999", {"threshold": 5}, format="json").status_code == 404


def test_it_lets_only_those_set_thresholds_over_the_api_who_may_change_stock() -> None:
    item = make_stock("A")
    looks, changes = user_with("inventory.view_inventoryitem"), user_with("inventory.change_inventoryitem")
    assert looks.patch(f"/inventory/{item.pk}", {"threshold": 5}, format="json").status_code == 403
    assert changes.patch(f"/inventory/{item.pk}", {"threshold": 6}, format="json").status_code == 200
    assert threshold(item) == 6


def test_it_sets_the_threshold_of_all_that_were_selected(as_group: AsGroup) -> None:
    one, other, left = make_stock("A"), make_stock("B", threshold=3), make_stock("C", threshold=7)
    form: dict[str, Any] = {"action": "set_threshold", "index": "0", "_selected_action": [one.pk, other.pk]}
    client = as_group("Operator")
    page = client.post(LIST, form).content.decode()
    assert "2 rows were selected, each a SKU in a marketplace." in page
    assert f'name="_selected_action" value="{one.pk}"' in page
    assert client.post(LIST, form | {"set": "1", "threshold": "-1"}).status_code == 200
    assert [threshold(each) for each in (one, other, left)] == [None, 3, 7]
    client.post(LIST, form | {"set": "1", "threshold": "5"})
    assert [threshold(each) for each in (one, other, left)] == [5, 5, 7]
    assert set(thresholds_recorded()) == {f"A ({US})", f"B ({US})"}


def test_it_sets_the_threshold_of_all_that_the_list_found(as_group: AsGroup) -> None:
    items = [make_stock(f"S-{number}") for number in range(40)]
    other = make_stock("other", asin="B0", title="Kettle")
    form = {"action": "set_threshold", "index": "0", "_selected_action": [items[0].pk], "select_across": "1"}
    as_group("Operator").post(f"{LIST}?q=S-", form | {"set": "1", "threshold": "9"})
    assert {threshold(each) for each in items} == {9}
    assert threshold(other) is None


def test_it_offers_viewers_no_action_and_runs_none_for_them(as_group: AsGroup) -> None:
    item = make_stock("A")
    client = as_group("Viewer")
    assert "set_threshold" not in client.get(LIST).content.decode()
    form = {
        "action": "set_threshold",
        "_selected_action": [item.pk],
        "set": "1",
        "threshold": "9",
        "index": "0",
    }
    client.post(LIST, form)
    assert threshold(item) is None
