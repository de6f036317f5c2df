"""A token for some platforms, or of a user who is confined to them: what belongs to others is not there, whatever
address is asked."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone
from rest_framework.test import APIClient

from access.confinement import confine
from api.tests.rest import NOON, make_order, make_stock, token_client
from api.tests.test_token_scopes import routes
from audit.models import AuditEntry
from feed.models import Change
from feed.recording import Changed, add_changes
from integrations.models import (
    ApiUsage,
    AuditedDay,
    AuditedStock,
    Backfill,
    CatchUp,
    OrderAudit,
    StockAudit,
    SyncFailure,
    SyncLog,
)
from orders.buyers import email_digests
from orders.models import Erasure, LegalHold, OrderBuyer, Shipment
from platforms.models import Platform
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db

MINE, OTHER = "mine", "canary"
EMAIL = "both@shops.example"  # of a buyer of each
NO_ROWS = {"schema", "docs"}
BODIES = {
    "put platforms/<int:pk>": {"display_name": "changed"},
    "patch platforms/<int:pk>": {"display_name": "changed"},
    "patch inventory/<int:pk>": {"threshold": 9},
    "patch shipments/<int:pk>": {"tracking_number": "changed"},
    "put webhooks/<int:pk>": {"name": "changed"},
    "patch webhooks/<int:pk>": {"name": "changed"},
    "put legal-holds/<int:pk>": {"reason": "changed"},
    "patch legal-holds/<int:pk>": {"reason": "changed"},
    "post legal-holds": {"reason": "lawsuit"},
    "post erasures": {"email": EMAIL, "reason": "asked for"},
    "post platforms": {"name": "new"},
    "post webhooks": {"name": "new", "url": "https://example.com/", "platforms": None},
}
HELD = {"reason": "lawsuit", "until": "2030-01-01"}
QUERIES = {"get orders/<str:pk>/buyer": "?reason=parcel", "get orders/totals": "?group_by=platform"}
# Answers to what has no row of its own in the address, where they are not 200 or 202.
REFUSED = {
    "post audits": 400,
    "post inventory-audits": 400,
    "post backfills": 400,
    "post platforms": 403,
    "post shipments/import": 400,
    "post webhooks": 400,
    "post legal-holds": 400,
}


def rows_of(name: str, pk: int | None = None) -> dict[str, int]:
    """A row of each kind, all of which say the name. Returns their ids by the beginning of their addresses."""
    platform = Platform.objects.create(pk=pk, name=name)
    (digest, *_others) = email_digests(EMAIL)
    order = make_order(f"{name}-1", platform=platform, sku=name)
    due = timezone.now() + timedelta(days=9)
    OrderBuyer.objects.create(order=order, data={"name": name}, purge_after=due, email_digest=digest)
    hold = LegalHold.objects.create(platform=platform, reason=name, until=NOON)
    erasure = Erasure.objects.create(
        number=name, scope="platform", about=name, platform_ids=[platform.pk], started_at=NOON
    )
    log = SyncLog.objects.create(
        platform=platform, kind="orders", trigger="api", status="partial", error_message=name
    )
    failure = SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", external_id=name, error_code="malformed"
    )
    ApiUsage.objects.create(platform=platform, operation=name, hour=NOON, calls=1)
    audit = OrderAudit.objects.create(
        platform=platform, trigger="api", window_start=NOON, window_end=NOON, error_message=name
    )
    AuditedDay.objects.create(
        platform=platform, day=NOON.date(), state="proven", list_id=name, checked_at=NOON, audit=audit
    )
    stock_audit = StockAudit.objects.create(platform=platform, trigger="api", error_message=name)
    AuditedStock.objects.create(
        platform=platform, marketplace_id=name, state="proven", checked_at=NOON, audit=stock_audit
    )
    backfill = Backfill.objects.create(
        platform=platform, trigger="api", window_start=NOON, window_end=NOON, error_message=name
    )
    catch_up = CatchUp.objects.create(
        platform=platform, trigger="schedule", window_start=NOON, error_message=name
    )
    add_changes(Change.Kind.ORDER_UPDATED, platform.pk, [Changed(order.pk, f"{name}-1", ["status"])])
    endpoint = Endpoint.objects.create(name=name, url="https://example.com/", platform_ids=[platform.pk])
    delivery = Delivery.objects.create(endpoint=endpoint, message_id=name, event="order.created", body="{}")
    shipment = Shipment.objects.create(
        order=order, platform=platform, package_number=1001, source="live", tracking_number=name
    )
    return {
        "platforms": platform.pk,
        "orders": order.pk,
        "shipments": shipment.pk,
        "inventory": make_stock(name, platform=platform).pk,
        "sync-logs": log.pk,
        "sync-failures": failure.pk,
        "audits": audit.pk,
        "inventory-audits": stock_audit.pk,
        "backfills": backfill.pk,
        "catch-ups": catch_up.pk,
        "webhooks": endpoint.pk,
        "webhook-deliveries": delivery.pk,
        "legal-holds": hold.pk,
        "erasures": erasure.pk,
    }


def _told_before(endpoint: Endpoint, name: str) -> None:
    """It was told of all platforms once."""
    for platform in Platform.objects.exclude(name=name):
        body = json.dumps({"data": {"platform": platform.name}})
        Delivery.objects.create(
            endpoint=endpoint,
            message_id=f"{name} of {platform.name}",
            event="order.created",
            platform_id=platform.pk,
            state="failed",
            body=body,
        )


@pytest.fixture
def mine() -> dict[str, int]:
    return rows_of(MINE)


@pytest.fixture
def other() -> dict[str, int]:
    """And what is told of all platforms."""
    Endpoint.objects.create(name=OTHER, url="https://example.com/")
    rows = rows_of(OTHER)
    for endpoint in Endpoint.objects.filter(name=MINE):
        _told_before(endpoint, MINE)
    return rows


def confined_user(platform_id: int) -> User:
    """May do anything, as a member of a group, of this platform alone."""
    group = Group.objects.create(name="Shop")
    group.permissions.set(Permission.objects.all())
    user = User.objects.create_user("confined")
    user.groups.add(group)
    confine(group, [platform_id])
    return user


@pytest.fixture(params=["token", "user"])
def api(request: pytest.FixtureRequest, mine: dict[str, int]) -> APIClient:
    pk = mine["platforms"]
    if request.param == "user":
        return token_client(confined_user(pk))
    return token_client(User.objects.create_superuser("root"), platform_ids=[pk])


def ask(api: APIClient, route: str, ids: dict[str, int]) -> Any:
    method, address = route.split()
    pk = str(ids.get(address.split("/")[0], ""))
    for part, value in (("<int:pk>", pk), ("<str:pk>", pk), ("<slug:stream>", "inventory")):
        address = address.replace(part, value)
    return getattr(api, method)(f"/{address}{QUERIES.get(route, '')}", BODIES.get(route))


def test_no_address_shows_or_changes_anything_of_another_platform(
    api: APIClient, mine: dict[str, int], other: dict[str, int]
) -> None:
    for route in sorted(routes()):
        if route.split()[1] in NO_ROWS:
            continue
        answer = ask(api, route, other)
        assert OTHER not in answer.content.decode(), route
        if "pk>" in route:
            assert answer.status_code == 404, route
        elif route in REFUSED:
            assert answer.status_code == REFUSED[route], route
        else:
            assert answer.status_code in (200, 201, 202), route
            assert MINE in answer.content.decode(), route
    assert (
        api.post("/shipments/import", {"platform_name": OTHER, "csv": "order,tracking\n"}).status_code == 400
    )
    assert Shipment.objects.count() == 2
    assert api.post(f"/audits?platform_name={OTHER}").status_code == 404
    assert api.post(f"/inventory-audits?platform_name={OTHER}").status_code == 404
    assert api.post(f"/backfills?platform_name={OTHER}&since=2026-01-01").status_code == 404
    assert api.post(f"/audits?platform_name={MINE}").status_code == 202
    assert not SyncLog.objects.filter(platform=other["platforms"], status="queued").exists()
    assert SyncLog.objects.filter(platform=mine["platforms"], status="queued").count() == 2
    assert Endpoint.objects.filter(name=OTHER).count() == 2
    assert [row.order.platform.name for row in OrderBuyer.objects.all()] == [OTHER]
    assert LegalHold.objects.count() == 2


def test_what_belongs_to_its_platform_is_there(api: APIClient, mine: dict[str, int]) -> None:
    for address, pk in mine.items():
        assert api.get(f"/{address}/{pk}").status_code == 200, address
    assert api.get(f"/orders/{mine['orders']}/buyer?reason=parcel").json()["buyer"] == {"name": MINE}


def test_counts_totals_searches_and_names_know_its_platform_alone(
    api: APIClient, mine: dict[str, int], other: dict[str, int]
) -> None:
    for address in (
        "orders",
        "orders?search=A",
        "orders?status=shipped",
        "orders?platform_name=mine",
        "inventory",
    ):
        page = api.get(f"/{address}{'&' if '?' in address else '?'}count=true").json()
        assert [row["platform"] for row in page["results"]] == [MINE], address
        assert page["count"] == 1
    (total,) = api.get("/orders/totals").json()["results"]
    assert total["orders"] == 1
    for address in (
        "orders",
        "inventory",
        "sync-logs",
        "changes",
        "orders/totals",
        f"orders/{mine['orders']}",
    ):
        answer = api.get(f"/{address}?platform_name={OTHER}")
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["platform_name"]), address
    assert api.post(f"/orders/sync?platform_name={OTHER}").status_code == 404
    told = {"name": "new", "url": "https://example.com/"}
    assert api.post("/webhooks", {**told, "platforms": [OTHER]}).status_code == 400
    assert api.post("/webhooks", told).status_code == 400
    assert api.post("/legal-holds", {**HELD, "platform": OTHER}).json()["fields"].keys() == {"platform"}
    assert api.post("/legal-holds", {**HELD, "platform": MINE, "order": f"{OTHER}-1"}).status_code == 400
    assert api.post("/legal-holds", {**HELD, "platform": MINE, "order": f"{MINE}-1"}).status_code == 201
    for named in ({"order": f"{OTHER}-1"}, {"platform": OTHER}):
        assert api.post("/erasures", {**named, "reason": "asked for"}).status_code == 400
    assert api.post("/webhooks", {**told, "platforms": [MINE]}).json()["platforms"] == [MINE]
    assert api.patch(f"/webhooks/{mine['webhooks']}", {"platforms": None}).status_code == 400


def test_an_id_that_two_platforms_gave_is_its_own(api: APIClient, mine: dict[str, int]) -> None:
    order = make_order("mine-1", platform=Platform.objects.create(name="twin"))
    assert api.get("/orders/mine-1").json()["id"] == mine["orders"]
    assert api.get(f"/orders/{order.pk}").status_code == 404


def test_it_is_not_answered_what_a_token_for_all_platforms_was(
    mine: dict[str, int], other: dict[str, int]
) -> None:
    user = User.objects.create_superuser("root")
    root, api = token_client(user), token_client(user, platform_ids=[mine["platforms"]])
    key: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "8e03978e"}
    assert OTHER in root.post("/inventory/sync", **key).content.decode()
    answer = api.post("/inventory/sync", **key)
    assert (answer.status_code, OTHER in answer.content.decode()) == (422, False)


def test_a_token_whose_platforms_are_all_deleted_sees_nothing(other: dict[str, int]) -> None:
    api = token_client(User.objects.create_superuser("root"), platform_ids=[])
    for address in ("platforms", "orders", "inventory", "sync-logs", "webhooks", "changes"):
        assert api.get(f"/{address}").json()["results"] == [], address


def test_a_user_sees_what_is_named_for_him_and_his_groups_as_far_as_the_token_goes(
    mine: dict[str, int], other: dict[str, int]
) -> None:
    user = confined_user(mine["platforms"])
    confine(user, [other["platforms"]])

    def seen(**options: Any) -> list[str]:
        rows = token_client(User.objects.get(), **options).get("/platforms").json()["results"]
        return [row["name"] for row in rows]

    assert seen() == [OTHER, MINE]
    assert seen(platform_ids=[other["platforms"]]) == [OTHER]
    confine(user, [])
    assert seen(platform_ids=[other["platforms"]]) == []
    confine(Group.objects.get(name="Shop"), [])
    assert {MINE, OTHER} < {*seen()}
    confine(user, [mine["platforms"]])
    User.objects.update(is_superuser=True)
    assert OTHER in seen()


def test_who_is_confined_to_what_is_in_the_audit_by_name(mine: dict[str, int]) -> None:
    user = confined_user(mine["platforms"])
    confine(user, [mine["platforms"]])
    confine(user, [mine["platforms"]])
    confine(user, [])
    entries = AuditEntry.objects.filter(action__in=("group.changed", "user.changed")).order_by("pk")
    changes = [
        (entry.object_name, entry.changes["platforms"]) for entry in entries if "platforms" in entry.changes
    ]
    assert changes == [
        ("Shop", ["all", [MINE]]),
        ("confined", ["all", [MINE]]),
        ("confined", [[MINE], "all"]),
    ]


def test_a_platform_that_is_deleted_gives_nobody_more(mine: dict[str, int]) -> None:
    other = Platform.objects.create(name=OTHER)
    user = confined_user(other.pk)
    other.delete()
    assert token_client(user).get("/platforms").json()["results"] == []
