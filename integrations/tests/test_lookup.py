""" "Where is my order?": what is known of an id, what the platform says now, and storing that."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from access.confinement import confine
from integrations.models import AuditFinding, SyncFailure, SyncLog
from integrations.tests.syncing import ALWAYS, ORDERS, UNAVAILABLE, platform_of, stored_orders, sync
from integrations.tests.test_audits import audit
from orders.models import Order, OrderChange
from platforms.models import Platform
from simulator import Answer, Rule, Simulator

pytestmark = pytest.mark.django_db

PAGE = "/admin/where/"
UNKNOWN_ID = "902-0000000-0000000"


@pytest.fixture
def sim(start_simulator: Any) -> Simulator:
    simulator: Simulator = start_simulator(orders=12, skus=3)
    return simulator


def text(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def an_id(sim: Simulator) -> str:
    return str(next(iter(sim.accounts[0].truth_orders())))


def post(client: Client, external_id: str, **button: Any) -> Any:
    return client.post(PAGE, {"id": external_id, **button})


def looker(client: Client, *codenames: str) -> Client:
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def failed_log(platform: Platform, **values: Any) -> SyncLog:
    facts = {"kind": ORDERS, "trigger": "schedule", "status": "failed", "error_message": "Amazon was down."}
    return SyncLog.objects.create(platform=platform, **facts | values)


def test_it_links_to_an_order_that_is_stored(admin_client: Client, sim: Simulator) -> None:
    sync(platform_of(sim))
    order = Order.objects.all()[3]
    html = text(admin_client.get(PAGE, {"id": f"  {order.external_id}\n"}))
    assert f'href="/admin/orders/order/{order.pk}/change/">{order.external_id}</a>' in html


@pytest.mark.parametrize(
    "pasted",
    ["{}", "Where is {}?", "https://sellercentral.amazon.com/orders-v3/order/{}", "#{} (Jo)", "{}\u00a0"],
)
def test_it_reads_the_id_out_of_what_was_pasted(admin_client: Client, sim: Simulator, pasted: str) -> None:
    sync(platform_of(sim))
    order = Order.objects.all()[0]
    assert "We have it:" in text(admin_client.get(PAGE, {"id": pasted.format(order.external_id)}))


@pytest.mark.parametrize("pasted", ["hello", "902-12-1", "x" * 400, "a\0b"])
def test_it_says_kindly_that_this_is_no_order_id(admin_client: Client, pasted: str) -> None:
    html = text(admin_client.get(PAGE, {"id": pasted}))
    assert "order ids look like 902-3159896-1390916" in html
    assert 'role="alert"' in html
    assert "now</button>" not in html


def test_it_says_how_far_orders_are_complete_and_what_went_wrong_since(
    admin_client: Client, sim: Simulator
) -> None:
    platform = platform_of(sim)
    good = sync(platform)
    bad = failed_log(platform)
    SyncFailure.objects.create(
        log=bad, platform=platform, kind=ORDERS, external_id=UNKNOWN_ID, error_code="malformed",
        error_message="It has no createdTime.",
    )  # fmt: skip
    html = text(admin_client.get(PAGE, {"id": UNKNOWN_ID}))
    for part in (
        "Not stored.",
        f"Sync #{good.pk}",
        f"#{bad.pk}",
        "Amazon was down.",
        "It has no createdTime.",
    ):
        assert part in html


def test_failures_of_other_platforms_hide_none_of_ours(client: Client) -> None:
    """A reader of one platform, while another has many newer failures of an order with the same id."""
    mine, other = Platform.objects.create(name="mine"), Platform.objects.create(name="other")
    found = {"kind": ORDERS, "external_id": "901-0000000-0000001", "error_code": "malformed"}
    SyncFailure.objects.create(log=failed_log(mine), platform=mine, error_message="CANARY-mine", **found)
    log = failed_log(other)
    SyncFailure.objects.bulk_create(
        SyncFailure(log=log, platform=other, error_message="CANARY-other", **found) for _number in range(60)
    )
    reader = looker(client, "view_order", "view_syncfailure")
    page = text(reader.get(PAGE, {"id": "901-0000000-0000001"}))
    assert (page.count("CANARY-mine"), page.count("CANARY-other")) == (1, 5)
    confine(User.objects.get(username="looker"), [mine.pk])
    page = text(reader.get(PAGE, {"id": "901-0000000-0000001"}))
    assert (page.count("CANARY-mine"), page.count("CANARY-other")) == (1, 0)


def test_it_says_that_no_sync_was_ever_completed(admin_client: Client) -> None:
    assert "No live orders sync of this platform was ever completed." in text(
        admin_client.get(PAGE, {"id": UNKNOWN_ID})
    )


def test_it_says_what_audits_know_of_an_order_that_is_not_stored(
    admin_client: Client, sim: Simulator
) -> None:
    platform, external_id = platform_of(sim), sim.accounts[0].order_ids()[5]
    sync(platform)
    assert "Orders of this platform were never audited." in text(admin_client.get(PAGE, {"id": UNKNOWN_ID}))
    audit(platform)
    html = text(admin_client.get(PAGE, {"id": UNKNOWN_ID}))
    assert "No audit found it in the lists of Amazon. All orders that Amazon lists of the days from" in html
    Order.objects.filter(external_id=external_id).delete()
    sim.rules.add(Rule(operation="getOrder", fault=Answer(404)))
    audit(platform)

    html = text(admin_client.get(PAGE, {"id": external_id}))

    found = AuditFinding.objects.get(external_id=external_id)
    assert found.day is not None
    day = date_format(found.day, "DATE_FORMAT")
    said = (
        f"Amazon lists it, placed on {day}: audit #{found.audit_id} could not fetch it. {found.error_message}"
    )
    assert said in unescape(html)
    assert "1 day is open." in html
    assert f"/admin/completeness/day/?platform={platform.pk}&amp;day={found.day}" in html
    sim.rules.clear()
    html = text(post(admin_client, external_id, ask=platform.pk))
    assert f"It was placed on {day} (UTC), a day that is open: not all listed orders are here." in html
    client = Client()
    assert "/admin/completeness/" not in text(looker(client, "view_order").get(PAGE, {"id": external_id}))


def test_the_timeline_says_how_the_order_compared_with_the_list(admin_client: Client, sim: Simulator) -> None:
    account, platform = sim.accounts[0], platform_of(sim)
    sync(platform)
    days_ago = timezone.now() - timedelta(days=3)
    old = Order.objects.filter(purchased_at__lt=days_ago, status="shipped").order_by("-purchased_at")
    missing, stale, edited, same = old.values_list("external_id", flat=True)[:4]
    Order.objects.filter(external_id=missing).delete()
    account.hide_order(stale)
    account.change_order(stale, at=datetime.now(UTC) - timedelta(minutes=4))
    Order.objects.filter(external_id=edited).update(currency="XXX")

    closed = audit(platform)

    assert closed.healed == 3
    for external_id, how in (
        (missing, "fetched, because it was missing"),
        (stale, "fetched, because a newer version was listed"),
        (edited, "fetched, because it was stored otherwise"),
        (same, "as listed"),
    ):
        order = Order.objects.get(external_id=external_id)
        html = text(admin_client.get(f"/admin/orders/order/{order.pk}/change/"))
        said = re.findall("Compared with the list of Amazon on [^:]+:[^:]+: ([^<]+)</strong>", html)
        assert said == [how], external_id
        assert f"/admin/integrations/orderaudit/{closed.pk}/change/" in html
        assert "Stored by hand" not in html
    Order.objects.update(synced_at=timezone.now())  # stored after the audit, as far as anybody knows
    html = text(admin_client.get(f"/admin/orders/order/{Order.objects.get(external_id=same).pk}/change/"))
    assert "Compared with" not in html


def test_it_names_the_open_sync_and_not_the_one_that_waits_for_it(admin_client: Client) -> None:
    platform = Platform.objects.get(name="amazon")
    running = failed_log(platform, status="running", open_key="1:orders")
    waiting = failed_log(platform, status="deferred", open_key="1:orders:0123")
    html = text(admin_client.get(PAGE, {"id": UNKNOWN_ID}))
    assert f"/synclog/{running.pk}/change/" in html
    assert f"/synclog/{waiting.pk}/change/" not in html


def test_it_asks_amazon_and_stores_nothing(admin_client: Client, sim: Simulator) -> None:
    platform = platform_of(sim)
    html = text(post(admin_client, an_id(sim), ask=platform.pk))
    assert "We do not have this order." in html
    assert "Store it" in html
    assert not Order.objects.exists()
    assert not SyncLog.objects.exists()


def test_it_stores_the_order_on_request(admin_client: Client, sim: Simulator) -> None:
    platform, external_id = platform_of(sim), an_id(sim)
    response = post(admin_client, external_id, store=platform.pk)
    order = Order.objects.get()
    assert response["Location"] == f"/admin/orders/order/{order.pk}/change/"
    truth = sim.accounts[0].truth_orders()[external_id]
    assert stored_orders(platform)[external_id] == truth
    assert "The order is stored now." in text(admin_client.get(response["Location"]))


def test_it_shows_what_is_different_and_stores_it_with_an_entry_in_the_timeline(
    admin_client: Client, sim: Simulator
) -> None:
    platform = platform_of(sim)
    sync(platform)
    order = Order.objects.exclude(items=None).exclude(status="unfulfillable").first()
    assert order is not None
    item = order.items.first()
    assert item is not None
    Order.objects.filter(pk=order.pk).update(
        status="unfulfillable", content_hash="old", platform_updated_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    order.items.filter(pk=item.pk).update(quantity_ordered=77)
    html = text(post(admin_client, order.external_id, ask=platform.pk))
    assert "<td>unfulfillable</td>" in html
    assert "<td>77</td>" in html
    assert not OrderChange.objects.exists()

    post(admin_client, order.external_id, store=platform.pk)
    order.refresh_from_db()
    assert order.status != "unfulfillable"
    change = OrderChange.objects.get()
    assert change.sync_log_id is None
    assert [each[0] for each in change.changes] == ["status", "quantity_ordered"]
    assert "Stored by hand" in text(admin_client.get(f"/admin/orders/order/{order.pk}/change/"))


def test_it_says_where_nothing_is_different(admin_client: Client, sim: Simulator) -> None:
    platform = platform_of(sim)
    sync(platform)
    external_id = Order.objects.all()[0].external_id
    html = text(post(admin_client, external_id, ask=platform.pk))
    assert "is the same, field by field" in html
    assert "Store it" not in html
    followed = admin_client.post(PAGE, {"id": external_id, "store": platform.pk}, follow=True)
    assert "nothing was changed" in text(followed)
    assert not OrderChange.objects.exists()


def test_it_names_the_sync_that_should_have_brought_it(admin_client: Client, sim: Simulator) -> None:
    platform, external_id = platform_of(sim), an_id(sim)
    updated = sim.accounts[0].truth_orders()[external_id]["platform_updated_at"]
    window = {"window_by": "updated", "window_start": updated, "window_end": updated + timedelta(hours=1)}
    log = failed_log(platform, **window)
    failed_log(platform, **window | {"window_start": updated + timedelta(minutes=1)})
    html = text(post(admin_client, external_id, ask=platform.pk))
    assert f"Sync #{log.pk} should have brought it, and did not end well." in html


def test_it_shows_amazons_refusal_with_its_request_id(admin_client: Client, sim: Simulator) -> None:
    platform = platform_of(sim)
    sim.script("getOrder", *[UNAVAILABLE] * ALWAYS)
    for button in ("ask", "store"):
        html = text(post(admin_client, UNKNOWN_ID, **{button: platform.pk}))
        assert "req-503" in html
        assert "Traceback" not in html


def test_it_says_that_amazon_does_not_know_the_order(admin_client: Client, sim: Simulator) -> None:
    platform = platform_of(sim)
    html = text(post(admin_client, UNKNOWN_ID, ask="all"))
    assert 'role="alert"' in html
    assert "Store it" not in html
    assert 'role="alert"' in text(post(admin_client, UNKNOWN_ID, store=platform.pk))
    assert not Order.objects.exists()


def test_it_says_what_is_missing_where_a_platform_has_no_credentials(admin_client: Client) -> None:
    platform = Platform.objects.get()
    html = text(post(admin_client, UNKNOWN_ID, ask=platform.pk))
    assert "No credentials are stored for this platform." in html


def test_it_resolves_the_failures_of_what_it_stores(admin_client: Client, sim: Simulator) -> None:
    platform, external_id = platform_of(sim), an_id(sim)
    log = failed_log(platform, source="live")
    facts = {"log": log, "platform": platform, "kind": ORDERS, "error_code": "malformed"}
    mine = SyncFailure.objects.create(external_id=external_id, **facts)
    other = SyncFailure.objects.create(external_id="902-1111111-1111111", **facts)
    post(admin_client, external_id, store=platform.pk)
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.resolution, other.is_open) == ("replayed", True)


def test_it_never_puts_test_data_in_the_place_of_live_data(admin_client: Client, sim: Simulator) -> None:
    platform = platform_of(sim)
    sync(platform)
    order = Order.objects.all()[0]
    platform_of(sim, region="SANDBOX")
    Order.objects.filter(pk=order.pk).update(status="unfulfillable")
    post(admin_client, order.external_id, store=platform.pk)
    order.refresh_from_db()
    assert (order.source, order.status) == ("live", "unfulfillable")


def test_it_offers_looking_alone_to_those_who_may_not_sync(client: Client, sim: Simulator) -> None:
    platform, client = platform_of(sim), looker(client, "view_order")
    assert "Not stored." in text(client.get(PAGE, {"id": UNKNOWN_ID}))
    assert "now</button>" not in text(client.get(PAGE, {"id": UNKNOWN_ID}))
    for button in ("ask", "store"):
        assert post(client, an_id(sim), **{button: platform.pk}).status_code == 403
    assert sim.requests == []


def test_it_is_closed_to_those_who_may_not_see_orders(client: Client) -> None:
    assert looker(client, "sync_platform").get(PAGE).status_code == 403


def test_it_stands_in_the_sidebar(client: Client, admin_client: Client) -> None:
    assert f'href="{PAGE}"' in text(admin_client.get("/admin/"))


def test_it_shows_no_personal_data(admin_client: Client, sim: Simulator) -> None:
    platform = platform_of(sim)
    Platform.objects.update(include_pii=True)
    platform.refresh_from_db()
    external_id = an_id(sim)
    html = text(post(admin_client, external_id, ask=platform.pk))
    post(admin_client, external_id, store=platform.pk)
    buyer = getattr(Order.objects.get(), "buyer", None)
    names = [str(value) for value in buyer.data.values() if isinstance(value, str)] if buyer else []
    assert [name for name in names if name and name in html] == []


def test_it_asks_the_database_as_often_for_many_platforms_as_for_one(admin_client: Client) -> None:
    def opened() -> int:
        with CaptureQueriesContext(connection) as queries:
            html = text(admin_client.get(PAGE, {"id": UNKNOWN_ID}))
        assert html.count("Amazon was down.") == 5 * Platform.objects.count()
        return len(queries)

    def broken_since(platform: Platform) -> None:
        failed_log(platform, error_message="Long over.")
        failed_log(platform, status="succeeded", source="live", error_message="")
        for _number in range(7):
            failed_log(platform)

    broken_since(Platform.objects.get())
    once = opened()
    for number in range(4):
        broken_since(Platform.objects.create(name=f"another-{number}"))
    assert opened() == once
