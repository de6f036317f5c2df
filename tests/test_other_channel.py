"""A channel of another kind needs a folder of its own and one line in the registry, and brings its own face.

`channel_example` is one: Corner Shop, with a form of its own, no marketplaces, and a stream that nobody else has. It is
registered beside Amazon as the registry says, and driven through everything that people and programs see. No word of
Amazon's may be there. ASIN and FNSKU are names of OMS's own columns, whatever the channel, and stay.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from channel_example.channel import CORNER_SHOP, KIND
from channel_example.returns import ReturnRecord, ReturnsStream
from channel_example.shop import KEY, Shop, opened
from django.core.management import call_command
from django.test import Client

from api.tests.rest import superuser
from integrations.amazon.marketplaces import MARKETPLACES
from integrations.management.console import report
from integrations.models import ApiQuota, ApiUsage, StreamState, SyncFailure, SyncLog
from integrations.registry import CHANNELS
from integrations.sync.run import run_sync
from integrations.sync.streams import STREAMS
from inventory.models import InventoryItem
from inventory.snapshots import take_snapshots, today
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.django_db, pytest.mark.once]

COUNTRIES = "|".join(re.escape(marketplace.country) for marketplace in MARKETPLACES.values())
IDS = "|".join(MARKETPLACES)
AMAZONS = re.compile(
    rf"amazon|amzn1\.|atzr\||seller.?central|sp-api|sellingpartner|\b(?:LWA|FBA|{COUNTRIES}|{IDS})\b",
    re.IGNORECASE,
)
LIST = "/admin/platforms/platform/"
GENERAL = {
    "name": "tea", "kind": KIND, "display_name": "Tea and more", "is_active": "on",
    "orders_interval": 15, "inventory_interval": 60, "returns_interval": 30,
}  # fmt: skip


@pytest.fixture
def returns() -> ReturnsStream:
    return ReturnsStream()


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, returns: ReturnsStream) -> Iterator[Shop]:
    """An open shop, and its channel and stream registered: a line each. No platform is there yet."""
    monkeypatch.setitem(CHANNELS, KIND, CORNER_SHOP)
    monkeypatch.setitem(STREAMS, ReturnsStream.name, returns)
    Platform.objects.all().delete()
    with opened() as shop:
        yield shop


@pytest.fixture
def tea(shop: Shop) -> Platform:
    """The platform with the credentials of the shop."""
    config = {"shop_url": shop.address, "api_key": KEY}
    return Platform.objects.create(name="tea", kind=KIND, display_name="Tea and more", api_config=config)


def clean(answer: Any, status: int = 200) -> str:
    """The text of an answer, in which no word is Amazon's and no value secret."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = str(content.decode())
    assert answer.status_code == status, text[:2000]
    assert AMAZONS.findall(text) == [], answer.request["PATH_INFO"]
    assert KEY not in text
    return text


def run_open_syncs() -> None:
    """What a worker does with the queue."""
    for pk in SyncLog.objects.open().order_by("pk").values_list("pk", flat=True):
        run_sync(pk)


def sync_all(client: Client, platform: Platform, kind: str = "both") -> list[SyncLog]:
    """What the dialog sends, and a worker."""
    data = {"platform": platform.pk, "kind": kind, "span": "last", "by": "updated"}
    clean(client.post(f"{LIST}sync/", data, follow=True))
    run_open_syncs()
    return list(SyncLog.objects.order_by("pk"))


# --- the form


def test_the_admin_asks_for_the_channel_first(admin_client: Client, shop: Shop) -> None:
    page = admin_client.get(f"{LIST}add/").content.decode()
    assert re.findall(r'<a class="oms-link" href="(\?kind=\w+)">([^<]+)</a>', page) == [
        ("?kind=amazon", "Amazon"),
        (f"?kind={KIND}", "Corner Shop"),
    ]
    assert "id_name" not in page
    assert "Marketplace" in admin_client.get(f"{LIST}add/?kind=amazon").content.decode()


def test_the_admin_builds_the_form_that_the_channel_describes(admin_client: Client, shop: Shop) -> None:
    form = clean(admin_client.get(f"{LIST}add/?kind={KIND}"))
    for words in (
        "Corner Shop credentials",
        "Address of the shop",
        "In the shop&#x27;s back room, under Keys.",
    ):
        assert words in form
    assert "arketplace" not in form
    assert form.count('type="password"') == 1
    wrong = {"shop_url": "corner.example", "api_key": ""}
    answer = clean(admin_client.post(f"{LIST}add/?kind={KIND}", {**GENERAL, **wrong}))
    assert "Is no address; it begins with https://" in answer
    assert "Needed as well" in answer
    assert not Platform.objects.exists()


def test_the_admin_stores_the_credentials_and_masks_the_key(admin_client: Client, shop: Shop) -> None:
    entered = {"shop_url": f" {shop.address} ", "api_key": KEY}
    admin_client.post(f"{LIST}add/?kind={KIND}", {**GENERAL, **entered})
    platform = Platform.objects.get()
    assert (platform.kind, platform.api_config) == (KIND, {"shop_url": shop.address, "api_key": KEY})
    page = clean(admin_client.get(f"{LIST}{platform.pk}/change/"))
    assert "Ends in <code>…0815</code>" in page
    assert StreamState.objects.get(platform=platform, stream="returns").interval_minutes == 30
    assert f'value="{shop.address}"' in page
    assert "Sync from Corner Shop" in page
    renamed = {**GENERAL, "display_name": "Only tea", "shop_url": shop.address, "api_key": ""}
    admin_client.post(f"{LIST}{platform.pk}/change/", renamed)
    platform.refresh_from_db()
    assert (platform.display_name, platform.api_config["api_key"]) == ("Only tea", KEY)


def test_a_stored_platform_keeps_its_kind(admin_client: Client, tea: Platform) -> None:
    admin_client.post(f"{LIST}{tea.pk}/change/", {**GENERAL, "kind": "amazon", "shop_url": "", "api_key": ""})
    assert superuser().patch(f"/platforms/{tea.pk}", {"kind": "amazon"}).status_code == 400
    tea.refresh_from_db()
    assert tea.kind == KIND


def test_those_who_may_only_look_see_a_summary(client: Client, tea: Platform, django_user_model: Any) -> None:
    user = django_user_model.objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(*_permissions("platforms.view_platform"))
    client.force_login(user)
    page = clean(client.get(f"{LIST}{tea.pk}/change/"))
    assert f"{tea.api_config['shop_url']}, key stored" in page


def _permissions(*names: str) -> list[Any]:
    from django.contrib.auth.models import Permission

    return [
        Permission.objects.get(content_type__app_label=app, codename=codename)
        for app, codename in (name.split(".") for name in names)
    ]


# --- check and sync


def test_the_check_says_what_works_and_what_does_not(admin_client: Client, shop: Shop, tea: Platform) -> None:
    found = clean(admin_client.post(f"{LIST}{tea.pk}/check/"))
    assert found.count("The shop answers.") == 3
    tea.api_config = {**tea.api_config, "api_key": "wrong"}
    tea.save()
    found = clean(admin_client.post(f"{LIST}{tea.pk}/check/"))
    assert found.count("The shop does not take this key.") == 3
    assert "Corner Shop&#x27;s request id:" in found


def test_it_syncs_orders_stock_and_a_stream_of_its_own(
    admin_client: Client, shop: Shop, tea: Platform, returns: ReturnsStream
) -> None:
    logs = sync_all(admin_client, tea)
    assert [(log.kind, log.status, log.source) for log in logs] == [
        ("orders", "succeeded", "live"),
        ("inventory", "succeeded", "live"),
        ("returns", "succeeded", "live"),
    ]
    stored = Order.objects.order_by("external_id").values_list("external_id", "status", "marketplace_id")
    assert list(stored) == [("CS-1", "shipped", ""), ("CS-2", "unshipped", ""), ("CS-3", "unshipped", "")]
    assert set(InventoryItem.objects.values_list("sku", "available", "gone_at")) == {
        ("TEA-1", 10, None),
        ("POT-1", 0, None),
    }
    number = shop.returns[0]["number"]
    assert returns.kept == {(tea.pk, "live", number): ReturnRecord(**shop.returns[0])}
    assert {usage.operation for usage in ApiUsage.objects.all()} == {"listOrders", "listStock", "listReturns"}
    assert ApiQuota.objects.get(operation="listOrders").burst == 40


def test_it_marks_as_gone_what_a_whole_list_without_marketplaces_lacks(
    admin_client: Client, shop: Shop, tea: Platform
) -> None:
    sync_all(admin_client, tea, "inventory")
    del shop.stock[1]
    sync_all(admin_client, tea, "inventory")
    assert [row.sku for row in InventoryItem.objects.filter(gone_at__isnull=False)] == ["POT-1"]


def test_it_is_synced_by_the_schedule_with_each_of_its_streams(tea: Platform) -> None:
    call_command("run_scheduler", "--once", stdout=StringIO(), stderr=StringIO())
    assert {log.kind for log in SyncLog.objects.open()} == {"orders", "inventory", "returns"}


def test_it_stores_made_up_data_without_credentials(
    admin_client: Client, shop: Shop, returns: ReturnsStream
) -> None:
    platform = Platform.objects.create(name="tea", kind=KIND)
    logs = sync_all(admin_client, platform)
    assert {(log.status, log.source) for log in logs} == {("fallback", "mock")}
    assert {order.external_id for order in Order.objects.all()} == {"DEMO-CS-1", "DEMO-CS-2", "DEMO-CS-3"}
    assert [source for _platform, source, _number in returns.kept] == ["mock"]


def test_it_gives_the_channels_advice_on_an_error(
    admin_client: Client, shop: Shop, tea: Platform, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "never"
    shop.is_closed = True
    log = sync_all(admin_client, tea, "orders")[0]
    assert (log.status, log.error_code) == ("failed", "unavailable")
    page = clean(admin_client.get(f"/admin/integrations/synclog/{log.pk}/change/"))
    assert "Wait until the shop opens" in page
    assert "Corner Shop&#x27;s request id:" in page


def test_it_keeps_a_record_that_it_cannot_read(admin_client: Client, shop: Shop, tea: Platform) -> None:
    shop.orders[0]["sum"] = "a lot"
    sync_all(admin_client, tea, "orders")
    failure = SyncFailure.objects.get()
    assert (failure.external_id, failure.error_code) == ("CS-1", "malformed")
    assert "Muster" not in json.dumps(failure.payload)
    shop.orders[0]["sum"] = "4.50"
    call_command("replay_failures", "tea", stdout=StringIO(), stderr=StringIO())
    assert Order.objects.filter(external_id="CS-1").exists()


# --- what people see


PAGES: dict[str, Callable[[Platform], str]] = {
    "home": lambda tea: "/admin/",
    "charts of the home page": lambda tea: "/admin/home-charts/",
    "platforms": lambda tea: LIST,
    "the platform": lambda tea: f"{LIST}{tea.pk}/change/",
    "the dialog": lambda tea: f"{LIST}sync/?platform={tea.pk}",
    "orders": lambda tea: "/admin/orders/order/",
    "orders, filtered": lambda tea: f"/admin/orders/order/?platform__id__exact={tea.pk}&status__exact=unshipped",
    "orders, searched": lambda tea: "/admin/orders/order/?q=tea",
    "an order": lambda tea: f"/admin/orders/order/{Order.objects.get(external_id='CS-1').pk}/change/",
    "stock": lambda tea: "/admin/inventory/inventoryitem/",
    "a SKU": lambda tea: f"/admin/inventory/inventoryitem/{InventoryItem.objects.get(sku='TEA-1').pk}/change/",
    "syncs": lambda tea: "/admin/integrations/synclog/",
    "a sync": lambda tea: f"/admin/integrations/synclog/{SyncLog.objects.get(kind='orders').pk}/change/",
    "a sync of returns": lambda tea: f"/admin/integrations/synclog/{SyncLog.objects.get(kind='returns').pk}/change/",
    "failures": lambda tea: "/admin/integrations/syncfailure/",
    "usage": lambda tea: "/admin/integrations/apiusage/",
    "quotas": lambda tea: "/admin/integrations/apiquota/",
    "where is my order": lambda tea: "/admin/where/?id=CS-1",
    "orders as CSV": lambda tea: "/admin/orders/order/export/orders.csv",
    "lines as CSV": lambda tea: "/admin/orders/order/export/order-lines.csv",
    "stock as CSV": lambda tea: "/admin/inventory/inventoryitem/export/inventory.csv",
    "platforms as CSV": lambda tea: f"{LIST}export/platforms.csv",
    "syncs as CSV": lambda tea: "/admin/integrations/synclog/export/syncs.csv",
}  # fmt: skip


def test_no_page_has_a_word_of_another_channel(admin_client: Client, shop: Shop, tea: Platform) -> None:
    sync_all(admin_client, tea)
    take_snapshots(today())
    pages = {name: clean(admin_client.get(address(tea))) for name, address in PAGES.items()}
    for name in ("orders", "stock"):
        assert "marketplace=" not in pages[name]  # no such filter
    assert "https://corner.example/back-room/CS-1" in pages["an order"]
    assert "Open in the back room" in pages["an order"]
    assert "Sync from Corner Shop" in pages["platforms"]
    assert "Returns" in pages["the dialog"]
    assert "Tea and more" in pages["charts of the home page"]
    assert "Ask Corner Shop now" in pages["where is my order"]
    assert pages["orders as CSV"].count("\ntea,CS-") == 3


@pytest.mark.parametrize("language", ["de", "es"])
def test_no_page_has_one_in_another_language(
    admin_client: Client, shop: Shop, tea: Platform, language: str
) -> None:
    sync_all(admin_client, tea)
    admin_client.cookies["django_language"] = language
    for address in PAGES.values():
        clean(admin_client.get(address(tea)))


def test_the_platform_is_asked_for_one_order(admin_client: Client, shop: Shop, tea: Platform) -> None:
    odd = clean(admin_client.get("/admin/where/?id=12"))
    assert "Order numbers of a corner shop look like CS-12." in odd
    asked = clean(admin_client.post("/admin/where/", {"id": "is CS-2 on its way?", "ask": str(tea.pk)}))
    assert "Corner Shop says" in asked
    clean(admin_client.post("/admin/where/", {"id": "CS-2", "store": str(tea.pk)}, follow=True))
    assert Order.objects.get().external_id == "CS-2"


def test_beside_another_channel_each_has_its_own_words(
    admin_client: Client, shop: Shop, tea: Platform
) -> None:
    sync_all(admin_client, tea)
    Platform.objects.create(name="amazon", display_name="Amazon")
    platforms = admin_client.get(LIST).content.decode()
    assert "Sync from Corner Shop: Tea and more" in platforms
    assert "Sync from Amazon: Amazon" in platforms
    assert "Sync now" in platforms  # the action, which may be about both
    assert "Germany (DE)" in admin_client.get("/admin/orders/order/").content.decode()
    clean(admin_client.get(PAGES["an order"](tea)))


# --- what programs see


def test_rest_takes_credentials_and_gives_back_none(shop: Shop) -> None:
    api = superuser()
    config = {"shop_url": shop.address, "api_key": KEY}
    made = api.post("/platforms", {"name": "tea", "kind": KIND, "api_config": config})
    text = clean(made, 201)
    assert json.loads(text)["api_config"]["fields"] == ["api_key", "shop_url"]
    refused = api.put(f"/platforms/{made.json()['id']}", {"api_config": {"shop_url": "corner"}})
    assert set(json.loads(clean(refused, 400))["fields"]) == {"shop_url", "api_key"}
    assert json.loads(clean(api.post(f"/platforms/{made.json()['id']}/check")))["ok"] is True


def test_rest_has_the_interval_of_each_stream_that_the_channel_delivers(shop: Shop, tea: Platform) -> None:
    api = superuser()
    changed = json.loads(clean(api.patch(f"/platforms/{tea.pk}", {"returns_interval": 45})))
    assert (changed["returns_interval"], set(changed["next_syncs"])) == (
        45,
        {"orders", "inventory", "returns"},
    )
    other = Platform.objects.create(name="amazon")
    assert set(api.get(f"/platforms/{other.pk}").json()["next_syncs"]) == {"orders", "inventory"}
    assert api.patch(f"/platforms/{other.pk}", {"returns_interval": 45}).status_code == 400


def test_rest_syncs_and_lists(shop: Shop, tea: Platform) -> None:
    api = superuser()
    for address in ("/orders/sync?wait=true&platform_name=tea", "/inventory/sync?wait=true"):
        assert json.loads(clean(api.post(address)))["syncs"][0]["status"] == "succeeded"
    for address, count in (("/orders?platform_name=tea&status=unshipped", 2), ("/inventory?search=Tea", 2),
                           ("/platforms", 1), ("/sync-logs", 2), ("/api-usage", 2), ("/sync-failures", 0)):  # fmt: skip
        assert len(json.loads(clean(api.get(address)))["results"]) == count, address
    order = json.loads(clean(api.get(f"/orders/{Order.objects.get(external_id='CS-3').pk}")))
    assert (order["total"], order["currency"], order["items"][0]["sku"]) == ("13.50", "EUR", "TEA-1")
    assert order["marketplace_id"] == ""


def test_the_commands_sync_and_check(shop: Shop, tea: Platform) -> None:
    for arguments in (("check_platform", "tea"), ("sync_orders", "tea"), ("sync_inventory", "tea")):
        out, err = StringIO(), StringIO()
        call_command(*arguments, stdout=out, stderr=err)
        assert AMAZONS.findall(out.getvalue() + err.getvalue()) == []
        assert KEY not in out.getvalue() + err.getvalue()
    assert (Order.objects.count(), InventoryItem.objects.count()) == (3, 2)


def test_the_commands_give_the_channels_advice(shop: Shop, tea: Platform, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    shop.is_closed = True
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("sync_orders", "tea", stdout=out, stderr=StringIO())
    assert stop.value.code == 1
    assert "what to do: Wait until the shop opens" in out.getvalue()
    assert "Corner Shop's request id: cs-request-" in out.getvalue()


# --- a channel that is gone


def test_a_platform_whose_channel_is_gone_is_shown_and_fails_with_a_reason(
    admin_client: Client, shop: Shop, tea: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_all(admin_client, tea)
    monkeypatch.delitem(CHANNELS, KIND)
    monkeypatch.delitem(STREAMS, ReturnsStream.name)
    for name, address in PAGES.items():
        answer = admin_client.get(address(tea))
        assert answer.status_code == 200, name
    page = admin_client.get(f"{LIST}{tea.pk}/change/").content.decode()
    assert "this installation does not know the channel corner_shop" in page
    log = sync_all_without_words(admin_client, tea)
    assert (log.status, log.error_code) == ("failed", "config")
    page = admin_client.get(f"/admin/integrations/synclog/{log.pk}/change/").content.decode()
    said = "\n".join(report(log))
    for text in (page, said):
        assert "credentials are not the reason" in text
        assert "Store the platform" not in text
        assert "correct its credentials" not in text
    api = superuser()
    shown = api.get(f"/platforms/{tea.pk}").json()
    assert shown["kind"] == KIND
    assert "credentials are not the reason" in shown["next_syncs"]["orders"]["detail"]
    refused = api.put(f"/platforms/{tea.pk}", {"api_config": {"shop_url": "https://corner.example"}})
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["api_config"])


def test_what_is_left_of_a_stream_that_is_gone_ends_with_a_reason(
    admin_client: Client, shop: Shop, tea: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = superuser()
    started = client.post("/returns/sync?platform_name=tea").json()["syncs"][0]
    log = SyncLog.objects.get(pk=started["id"])
    failure = SyncFailure.objects.create(log=log, platform=tea, kind="returns", external_id="R-1")
    monkeypatch.setitem(CHANNELS, KIND, replace(CORNER_SHOP, streams=("orders", "inventory")))
    monkeypatch.delitem(STREAMS, ReturnsStream.name)
    run_open_syncs()
    log.refresh_from_db()
    assert (log.status, log.error_code) == ("failed", "config")
    assert "does not know the stream returns" in log.error_message
    answer = client.post(f"/sync-failures/{failure.pk}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "config")
    assert "does not know the stream returns" in answer.json()["detail"]
    page = f"/admin/integrations/syncfailure/{failure.pk}"
    assert "stays open" in clean(admin_client.post(f"{page}/press/replay/", follow=True))


def sync_all_without_words(client: Client, platform: Platform) -> SyncLog:
    data = {"platform": platform.pk, "kind": "orders", "span": "last", "by": "updated"}
    client.post(f"{LIST}sync/", data, follow=True)
    run_open_syncs()
    return SyncLog.objects.order_by("-pk")[0]
