"""Who is confined to platforms: in the admin, what belongs to others is not there, whatever address is asked.

A route that is added needs a line in ROUTES. The routes of the API are in api/tests/test_token_platforms.py.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver, get_resolver
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from access.confinement import confine, confinement_of
from access.tokens import make_token
from api.tests.rest import SECRETS, make_order, make_stock
from api.tests.test_token_platforms import EMAIL, MINE, OTHER, confined_user, rows_of
from audit.models import AuditEntry
from backoffice.alerts.watch import HOLDS, look
from backoffice.models import AlertMessage, AlertSubscription, ExportRun, ScheduledExport
from integrations.models import (
    ApiQuota,
    ApiUsage,
    OutboxEntry,
    ProductPicture,
    SyncFailure,
    SyncLog,
    WritingPolicy,
    WritingStop,
)
from integrations.quota.usage import sharing
from integrations.shipping.switching import set_policy, stop_writing
from inventory.models import InventoryItem, PlannedSku, PlanningState, SkuSettings, StockDay
from oms.urls import api_patterns
from orders.models import DeskClaim, Erasure, LegalHold, OrderBuyer, OrderPackage, Pick, Shipment
from orders.packing import make_list, mark_packed
from orders.risk import set_collection
from platforms.models import Platform
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db

SHOWN = "rows of platforms: of his own alone"
ABSENT = "a row, by its id: there is none where it is of another platform"
PLAIN = "no platform, or none that he may not see"
A_ROW = "<path:object_id>/"
LIST = {"": SHOWN, "add/": PLAIN}
ROW = dict.fromkeys((A_ROW, f"{A_ROW}history/", f"{A_ROW}delete/", f"{A_ROW}change/"), ABSENT)
OWN = {f"{A_ROW}press/<slug:button>/": ABSENT, "export/<slug:name>.<str:extension>": SHOWN}
OWN |= dict.fromkeys(("counts/", "views/", "views/<int:pk>/delete/", "columns/"), PLAIN)
OF_PLATFORMS = LIST | ROW | OWN
OF_NONE = dict.fromkeys(LIST | ROW, PLAIN)
ADMIN = {
    "audit/auditentry/": OF_PLATFORMS,
    "inventory/inventoryitem/": OF_PLATFORMS,
    "orders/order/": OF_PLATFORMS
    | dict.fromkeys((f"{A_ROW}buyer/", f"{A_ROW}buyer/erase/", f"{A_ROW}team/", f"{A_ROW}ship/"), ABSENT),
    "orders/shipment/": OF_PLATFORMS | {"<int:object_id>/act/": ABSENT},
    "inventory/plannedsku/": OF_PLATFORMS | {"upload/": PLAIN},
    "orders/legalhold/": OF_PLATFORMS,
    "orders/erasure/": OF_PLATFORMS | {"by-email/": PLAIN},
    "orders/picklist/": OF_PLATFORMS
    | dict.fromkeys(("<int:object_id>/mark/", "<int:object_id>/slips/", "<int:object_id>/pdf/"), ABSENT),
    "platforms/platform/": OF_PLATFORMS
    | {"sync/": SHOWN, "sync/estimate/": PLAIN, "authorised/": PLAIN}
    | dict.fromkeys(
        (
            "<int:object_id>/check/",
            "<int:object_id>/connect/",
            "<int:object_id>/connect/begin/",
            "<int:object_id>/erase/",
            "<int:object_id>/writing/",
            "<int:object_id>/collection/",
        ),
        ABSENT,
    ),
    "integrations/syncfailure/": OF_PLATFORMS,
    "integrations/orderaudit/": OF_PLATFORMS,
    "integrations/synclog/": OF_PLATFORMS | {"progress/": PLAIN},
    "integrations/apiusage/": OF_PLATFORMS,
    "integrations/apiquota/": OF_PLATFORMS,
    "webhooks/endpoint/": OF_PLATFORMS | {"<int:pk>/secret/": PLAIN},
    "webhooks/delivery/": OF_PLATFORMS,
    "oms/scheduledexport/": OF_PLATFORMS,
    "django_tasks_database/dbtaskresult/": LIST | {"": PLAIN} | ROW,
    "access/apitoken/": dict.fromkeys(OF_PLATFORMS, PLAIN) | {"<int:pk>/token/": PLAIN},
    "auth/user/": dict.fromkeys(OF_PLATFORMS, PLAIN)
    | {"<id>/password/": PLAIN, "<id>/single-sign-on/": PLAIN, "<id>/link/": PLAIN},
    "auth/group/": OF_NONE,
}
ROUTES = {
    **{f"admin/{model}{page}": line for model, pages in ADMIN.items() for page, line in pages.items()},
    "admin/": SHOWN,
    "admin/home-charts/": SHOWN,
    "admin/health/": SHOWN,
    "admin/where/": PLAIN,
    "admin/pictures/<int:pk>/<int:version>.jpg": ABSENT,
    "admin/completeness/": SHOWN,
    "admin/completeness/day/": PLAIN,
    "admin/completeness/audit/": PLAIN,
    "admin/completeness/audit/stock/": PLAIN,
    "admin/completeness/history/": PLAIN,
    "admin/shipping/": SHOWN,
    "admin/shipping/import/": PLAIN,
    "admin/shipping/orders/": PLAIN,
    "admin/writing/": SHOWN,
    "admin/reports/sales/": PLAIN,  # both have orders of yesterday; see test_sales.py
    "admin/reports/sales/<slug:report>.<str:extension>": PLAIN,
    "admin/alerts/": SHOWN,
    "admin/exports/<str:token>/": ABSENT,
    **dict.fromkeys(
        (
            "", "admin/knox/authtoken/", "admin/search/", "admin/login/", "admin/logout/", "admin/password_change/",
            "admin/password_change/done/", "admin/autocomplete/", "admin/jsi18n/", "i18n/setlang/",
            "admin/second-factor/", "admin/confirm/", "admin/sessions/", "admin/login/code/",
            "admin/login/oidc/", "admin/login/oidc/callback/", "admin/login/oidc/backchannel-logout/",
            "admin/r/<path:content_type_id>/<path:object_id>/", "healthz", "readyz", "metrics",
            "favicon.ico", "admin/login/forgotten/", "admin/login/password/<uidb64>/<token>/",
        ),
        PLAIN,
    ),
}  # fmt: skip
TOKEN = "progress-of-somebody-else"
PICTURED = datetime(2026, 1, 1, tzinfo=UTC)
ADMINS = {
    f"{model._meta.app_label}/{model._meta.model_name}": page for model, page in admin.site._registry.items()
}
QUERIES = {
    "admin/where/": ["id=WANTED-7", "id=TRACKED-7"],
    "admin/shipping/": ["order={order}"],
    "admin/shipping/orders/": ["orders={order}"],
    "admin/search/": ["s=CANARY"],
    "admin/completeness/": ["platform={platform}", "platform={mine}"],
    "admin/completeness/day/": ["platform={platform}&day=2026-01-01", "platform={mine}&day=2026-01-01"],
    "admin/reports/sales/": ["platform={platform}", "platform={mine}", "from=2025-01&to=2026-12"],
    "admin/platforms/platform/sync/": ["platform={platform}", "platform={mine}"],
    "admin/orders/order/": ["q=WANTED-7", "q=SHARED", "q=CUP", "to_ship=any"],
    "admin/orders/shipment/": ["q=WANTED-7", "q=CANARY", "state__in=rejected", "carrier=UPS"],
    "admin/inventory/inventoryitem/": ["q=SHARED", "q=CUP"],
    "admin/inventory/plannedsku/": ["q=SHARED", "q=CUP", "state=unknown"],
    "admin/integrations/synclog/": ["status__exact=queued"],
    "admin/webhooks/delivery/": ["q=CANARY", "q=order.created"],
}


def listed_routes() -> Iterator[str]:
    """Every route but those of the API; each of the API has a twin with a slash, and so have some of these."""
    of_api = {str(pattern.pattern) for pattern in api_patterns}

    def walk(resolver: Any, before: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            route = f"{before}{each.pattern}"
            yield from walk(each, route) if isinstance(each, URLResolver) else [route]

    for route in walk(get_resolver(), ""):
        if route not in of_api and "(?" not in route and not (route.endswith("z/") or route == "metrics/"):
            yield route


def more_rows(platform: Platform, name: str) -> dict[str, int]:
    """Beside rows_of: what pages tell of. Both platforms have the same SKU; only the one has WANTED-7."""
    finding = {"step": "account", "ok": True, "message": OTHER, "code": "same_account"}
    platform.check_outcome = {"ok": True, "findings": [finding]}
    platform.api_config = SECRETS | {"refresh_token": f"Atzr|{name}", "client_id": name}
    platform.show_pictures = True
    platform.save()
    picture = ProductPicture.objects.create(
        platform=platform, asin="SHARED", state="known", image=name.encode(), asked_at=PICTURED
    )
    stock = make_stock("SHARED", platform=platform, fnsku=name, title=f"{name} cup", available=1, threshold=5)
    planned = PlannedSku.objects.create(
        platform=platform, source="live", sku="SHARED", title=f"{name} cup", lead_days=1, target_days=1
    )
    PlanningState.objects.create(platform=platform, counted_at=timezone.now())
    SkuSettings.objects.create(platform=platform, sku="SHARED", bin=name)
    due = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    named = "WANTED-7" if name == OTHER else "1"
    order = make_order(
        named, platform=platform, sku="SHARED", title=f"{name} cup", status="unshipped", ship_by=due,
        purchased_at=due, total=5, currency=name[:3].upper(),
    )  # fmt: skip
    tracked = "TRACKED-7" if name == OTHER else "1"
    OrderPackage.objects.create(order=order, external_id=name, tracking_number=tracked)
    shipment = Shipment.objects.create(
        order=order, platform=platform, package_number=1001, source="live", carrier_name=name, tracking_number=name,
        state="rejected", error_code="refused", error_message=name, made_by=name,
    )  # fmt: skip
    StockDay.objects.create(
        platform=platform, marketplace_id=name, day=due.date(), skus=1, available=7, taken_at=due
    )
    ApiUsage.objects.create(platform=platform, operation=name, hour=due, calls=4711)
    SyncFailure.objects.update(created_at=due - timedelta(days=1))
    (key,) = [key for key, names in sharing().items() if name in names]
    bucket = ApiQuota.objects.create(
        account_key=key, operation=name, rate=1, burst=1, tokens=1, updated_at=timezone.now()
    )
    hold = LegalHold.objects.create(platform=platform, order=order, reason=name, until=timezone.now())
    colleague = User.objects.create_user(f"colleague-{platform.pk}", is_staff=True)
    confine(colleague, [platform.pk])
    scheduled = ScheduledExport.objects.create(
        name=name,
        file="orders",
        destination="folder",
        folder=name,
        file_stem=name,
        owner=colleague,
        failing_since=due,
    )
    picked = make_list([order], name).pick_list
    mark_packed(Pick.objects.filter(order=order), name)
    set_policy(platform, mode="live", hourly_limit=9, who=name)
    set_collection(platform, at=time(17), days="12345", zone="UTC")
    DeskClaim.objects.create(order=order, held_by=f"{name}-shipper", until=timezone.now() + timedelta(days=1))
    assert picked is not None
    return {
        "pictures/<int:pk>": picture.pk,
        "oms/scheduledexport": scheduled.pk,
        "orders/picklist": picked.pk,
        "orders/shipment": shipment.pk,
        "orders/legalhold": hold.pk,
        "orders/erasure": Erasure.objects.get(number=name).pk,
        "inventory/inventoryitem": stock.pk,
        "inventory/plannedsku": planned.pk,
        "integrations/apiquota": bucket.pk,
        "integrations/apiusage": ApiUsage.objects.latest("pk").pk,
    }


def planted() -> tuple[User, dict[str, str]]:
    """Who is confined, and by route the id of a row of the other platform."""
    mine, other = rows_of(MINE), rows_of(OTHER, pk=918273645)
    own, ids = by_route(mine, MINE), by_route(other, OTHER)
    user = confined_user(mine["platforms"])
    User.objects.filter(pk=user.pk).update(is_staff=True, email="ops@shop.example")
    stranger = User.objects.create_superuser("stranger")
    ExportRun.objects.create(token=TOKEN, user=stranger, file_name=OTHER)
    confine(stranger, [other["platforms"]])
    token = make_token(user, name="both", platform_ids=[mine["platforms"], other["platforms"]])
    task = DBTaskResult.objects.create(
        args_kwargs={"args": [OTHER], "kwargs": {}}, task_path=f"{OTHER}.task", backend_name="default",
        run_after=timezone.now(), exception_class_path="", traceback="",
    )  # fmt: skip
    ids |= {"auth/user": stranger.pk, "auth/group": user.groups.get().pk, "access/apitoken": token.details.pk}
    ids |= {"django_tasks_database/dbtaskresult": task.pk, "mine": mine["platforms"]}
    own = {f"own {route}": pk for route, pk in own.items()}
    return user, {key: str(pk) for key, pk in (ids | own).items()}


def by_route(rows: dict[str, int], name: str) -> dict[str, Any]:
    """The rows of rows_of and of more_rows by the beginning of their pages' addresses."""
    platform = Platform.objects.get(pk=rows["platforms"])
    more = more_rows(platform, name)
    return more | {
        "audit/auditentry": AuditEntry.objects.filter(platform_id=platform.pk).latest("pk").pk,
        "orders/order": rows["orders"], "platforms/platform": platform.pk, "webhooks/endpoint": rows["webhooks"],
        "integrations/syncfailure": rows["sync-failures"], "integrations/synclog": rows["sync-logs"],
        "integrations/orderaudit": rows["audits"],
        "webhooks/delivery": rows["webhook-deliveries"], "admin/r": platform.pk,
    }  # fmt: skip


class Reader:
    """Asks as the confined user, and fails where an answer tells of the other platform."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def ask(self, address: str, data: Any = None) -> tuple[int, str]:
        """GET, or with `data` POST. What the page before left as a message is not told here."""
        self.client.cookies.pop("messages", None)
        ask = self.client.get if data is None else self.client.post
        answer: Any = ask(address, data or {})
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if body.startswith(b"PK"):
            archive = zipfile.ZipFile(io.BytesIO(body))
            body = b"".join(map(archive.read, archive.namelist()))
        text = f"{body.decode()} {dict(answer.headers)} {self.client.cookies.get('messages', '')}"
        assert OTHER not in text, f"{address} tells of {OTHER}"
        return answer.status_code, text


def filled(route: str, ids: dict[str, str]) -> list[str]:
    """The addresses of a route: of the other platform's row, where it names one."""
    model = "/".join(route.split("/")[1:3])
    for part in ("<path:object_id>", "<int:object_id>", "<int:pk>", "<id>"):
        route = route.replace(part, ids.get(model, "1"))
    route = route.replace("<path:content_type_id>", "1").replace("<str:token>", TOKEN)
    route = route.replace("<int:version>", str(int(PICTURED.timestamp())))
    page: Any = ADMINS.get(model)
    if "<slug:button>" in route:
        names = [getattr(page, name)().name for name in page.buttons]
        return [route.replace("<slug:button>", name) for name in names]
    if "<slug:name>" in route:
        files = [f"{each.name}.{kind}" for each in page.exports for kind in ("csv", "machine.csv", "xlsx")]
        return [route.replace("<slug:name>.<str:extension>", file) for file in files]
    return [route]


def test_every_route_has_a_line() -> None:
    assert set(listed_routes()) == set(ROUTES)


def test_no_page_shows_or_changes_anything_of_another_platform() -> None:
    user, ids = planted()
    reader, pk = Reader(user), ids["platforms/platform"]
    for route, line in ROUTES.items():
        for address in filled(route, ids):
            code, text = reader.ask(f"/{address}")
            if line == SHOWN:
                assert code == 200, address
                assert MINE in text or address.startswith("admin/platforms/platform/sync"), address
                assert pk not in text, f"{address} has the id of {OTHER}"
            elif line == ABSENT:
                refused = {"delete": (302, 403, 404), "check": (404, 405)}.get(
                    route.split("/")[-2], (302, 404)
                )
                assert code in refused, f"{address}: {code}"
                assert reader.ask(f"/{address}", {"post": "yes"})[0] in (302, 403, 404, 405), address
                own = ids.get("own " + "/".join(route.split("/")[1:3]))
                if own is not None and route.endswith(("change/", "history/")):
                    assert reader.ask(f"/{route.replace('<path:object_id>', own)}")[0] == 200, route
            else:
                assert code in (200, 302, 400, 403, 404, 405), f"{address}: {code}"
        for query in QUERIES.get(route, ()):
            reader.ask(f"/{route}?{query.format(platform=pk, mine=ids['mine'], order=ids['orders/order'])}")
        if line == SHOWN and route.count("/") == 4 - ("export" in route):
            reader.ask(f"/{route}?platform__id__exact={pk}")


def test_nothing_that_he_posts_reaches_another_platform() -> None:
    user, ids = planted()
    reader, pk = Reader(user), ids["platforms/platform"]
    Platform.objects.filter(pk=ids["mine"]).update(is_active=False)  # so that nobody is asked
    before = stored()
    for model, page in ADMINS.items():
        for action in (*(page.actions or ()), "delete_selected"):
            chosen = {"action": action, "_selected_action": ids.get(model, "1"), "post": "yes", "set": "1"}
            reader.ask(f"/admin/{model}/", {**chosen, "threshold": "77"})
    other_stock = InventoryItem.objects.exclude(platform__name=MINE).latest("pk").pk
    rows = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": other_stock, "form-0-threshold": 77}
    reader.ask("/admin/inventory/inventoryitem/", {**rows, "_save": "Save"})
    sync = {"platform": pk, "kind": "both", "span": "days", "days": "7", "by": "updated"}
    reader.ask("/admin/platforms/platform/sync/", sync)
    reader.ask("/admin/platforms/platform/sync/estimate/", sync)
    assert reader.ask("/admin/completeness/audit/", {"platform": pk})[0] == 404
    assert reader.ask("/admin/completeness/audit/stock/", {"platform": pk})[0] == 404
    begin = {"platform": pk, "do": "begin", "since": "2026-01-01"}
    assert reader.ask("/admin/completeness/history/", begin)[0] == 404
    log = ids["integrations/synclog"]
    assert reader.ask("/admin/integrations/synclog/progress/", {"slot": f"{log}.state.queued.5f3a"})[0] == 286
    assert reader.ask("/admin/where/", {"id": "WANTED-7", "ask": pk})[0] == 404
    assert reader.ask("/admin/where/", {"id": "WANTED-7", "store": pk})[0] == 404
    reader.ask("/admin/where/", {"id": "WANTED-7", "ask": "all"})
    alerts = {"platforms": pk, "digest_hour": 8, "language": "en"}
    assert reader.ask("/admin/alerts/", alerts)[0] == 422
    hook = {"name": "new", "url": "https://example.com/", "is_active": "on"}
    for told in ({}, {"platform_ids": pk}):
        assert reader.ask("/admin/webhooks/endpoint/add/", {**hook, **told})[0] == 200
    token = {"name": "new", "scopes": "read", "platform_ids": pk, "days": 1}
    assert reader.ask("/admin/access/apitoken/add/", token)[0] == 200
    hold = {"platform": pk, "reason": "lawsuit", "until_0": "2027-01-01", "until_1": "00:00"}
    assert reader.ask("/admin/orders/legalhold/add/", hold)[0] == 200
    person = {"email": EMAIL, "reason": "asked for"}
    seen = re.search(r'name="seen" value="(\w+)"', reader.ask("/admin/orders/erasure/by-email/", person)[1])
    assert seen is not None
    assert "The buyer data of 1 order with this address." in seen.string
    reader.ask("/admin/orders/erasure/by-email/", {**person, "seen": seen[1]})
    sent = {"carrier": "UPS", "tracking_number": "1Z", "draft": "1"}
    assert reader.ask(f"/admin/orders/order/{ids['orders/order']}/ship/", sent)[0] == 404
    for action in ("send", "correct", "retry", "cancel"):
        shipment = f"/admin/orders/shipment/{ids['orders/shipment']}/act/"
        assert reader.ask(shipment, {**sent, "action": action})[0] == 404
    assert reader.ask(f"/admin/platforms/platform/{pk}/writing/", {"mode": "rehearsal"})[0] == 404
    assert reader.ask(f"/admin/platforms/platform/{pk}/collection/", {"at": "10:00", "days": "1"})[0] == 404
    assert reader.ask("/admin/writing/", {"stop": "1"})[0] == 403
    for pressed in ("take", "later", "ship"):
        at_desk = {**sent, "order": ids["orders/order"], pressed: "1"}
        assert reader.ask("/admin/shipping/", at_desk)[0] == 302
    many = {"orders": ids["orders/order"], f"tracking_number-{ids['orders/order']}": "1Z", "carrier": "UPS"}
    assert reader.ask("/admin/shipping/orders/", {**many, "ship": "1"})[0] == 200
    file = SimpleUploadedFile("dhl.csv", b"order id,tracking number,carrier\nWANTED-7,1Z,UPS\n")
    assert reader.ask("/admin/shipping/import/", {"platform": pk, "file": file})[0] == 422
    free = {"name": "free", "username": "free", "is_superuser": "on"}
    lists = f"/admin/orders/picklist/{ids['orders/picklist']}"
    for each in ("mark", "slips"):
        assert reader.ask(f"{lists}/{each}/", {"all": "1", "size": "a4"})[0] == 404
    for form in ("platforms/platform/add", f"auth/user/{user.pk}/change", "auth/user/add", "auth/group/add"):
        assert reader.ask(f"/admin/{form}/", free)[0] == 403, form
    assert stored() == before


def stored() -> dict[str, Any]:
    """What is stored of all platforms, and who may what."""
    return {
        "platforms": list(Platform.objects.order_by("pk").values_list("name", "display_name", "checked_at")),
        "syncs": list(
            SyncLog.objects.exclude(platform__name=MINE).values_list("pk", "status", "cancel_requested")
        ),
        "failures": list(SyncFailure.objects.exclude(platform__name=MINE).values_list("pk", "resolved_at")),
        "stock": list(InventoryItem.objects.exclude(platform__name=MINE).values_list("pk", "threshold")),
        "webhooks": list(Endpoint.objects.values_list("pk", "name", "platform_ids")),
        "deliveries": list(Delivery.objects.values_list("pk", "state", "attempts")),
        "buyers": list(OrderBuyer.objects.exclude(order__platform__name=MINE).values_list("pk")),
        "picks": list(Pick.objects.values_list("pk", "packed_at", "open_key")),
        "shipments": list(Shipment.objects.order_by("pk").values_list("pk", "state", "tracking_number")),
        "writing": (WritingStop.objects.count(), WritingPolicy.objects.filter(mode="live").count()),
        "claims": list(DeskClaim.objects.values_list("order", "held_by")),
        "holds": list(LegalHold.objects.values_list("pk", "until")),
        "users": list(User.objects.values_list("username", "is_superuser").order_by("pk")),
        "subscriptions": AlertSubscription.objects.count(),
    }


def test_figures_that_are_kept_for_others_are_not_his() -> None:
    user, _ids = planted()
    cache.clear()
    root = Client()
    root.force_login(User.objects.get(username="stranger"))
    assert OTHER in root.get("/admin/home-charts/").content.decode()
    html = Reader(user).ask("/admin/home-charts/")[1]
    assert "4,711" in html
    assert "9,422" not in html
    assert "9,422" in root.get("/admin/home-charts/").content.decode()


def test_letters_are_of_his_platforms() -> None:
    user, _ids = planted()
    user.refresh_from_db()
    AlertSubscription.objects.create(user=user, by_email=True, digest=True, digest_hour=0)
    now = timezone.now()
    look(now)
    look(now + HOLDS)
    bodies = [f"{letter.subject} {letter.body}" for letter in AlertMessage.objects.filter(user=user)]
    assert len(bodies) >= 1
    assert all(MINE in body and OTHER not in body for body in bodies)


def test_stopped_writing_is_told_him_with_the_shipments_of_his_platforms_alone() -> None:
    user, ids = planted()
    Platform.objects.update(is_active=True)
    shipments = Shipment.objects.filter(pk__in=(ids["orders/shipment"], ids["own orders/shipment"]))
    shipments.update(state=Shipment.State.QUEUED, queued_at=timezone.now())
    for shipment in shipments:
        for number in range(1, 5 if shipment.platform.name == OTHER else 2):
            OutboxEntry.objects.create(
                shipment=shipment, order=shipment.order, platform=shipment.platform, number=number, content={}
            )
    stop_writing(who="root")
    now = timezone.now()
    AlertSubscription.objects.create(user=user, by_email=True, digest_on=now.date())  # no summary on top
    look(now)
    look(now + HOLDS)
    told = [*AlertMessage.objects.values_list("body", flat=True), Reader(user).ask("/admin/alerts/")[1]]
    assert len(told) == 2
    for text in told:
        assert re.findall(r"(\d+) shipments? waits? to be sent", text) == ["1"]


def test_lists_ask_one_query_more_of_the_confined_and_none_of_a_superuser() -> None:
    user, _ids = planted()

    def asked(who: User) -> int:
        client = Client()
        client.force_login(who)
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/integrations/synclog/").status_code == 200
        return sum("confinements" in query["sql"] for query in queries)

    assert [asked(user), asked(User.objects.get(username="stranger"))] == [1, 0]


def test_an_administrator_chooses_the_platforms_of_a_user_and_of_a_group(admin_client: Client) -> None:
    mine, gone = Platform.objects.create(name=MINE), Platform.objects.create(name="gone")
    user = User.objects.create_user("shop")
    group = Group.objects.create(name="Shops")
    address = f"/admin/auth/user/{user.pk}/change/"
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00", "username": "shop"}
    admin_client.post(address, {**joined, "platforms": [mine.pk, gone.pk]})
    admin_client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Shops", "platforms": [mine.pk]})
    deleted = gone.pk
    gone.delete()
    assert [confinement_of(user), confinement_of(group)] == [[mine.pk, deleted], [mine.pk]]
    assert f'<option value="{deleted}" selected>' in admin_client.get(address).content.decode()
    entry = AuditEntry.objects.filter(action="user.changed", changes_json__contains=MINE).get()
    assert (entry.actor, entry.changes) == ("admin", {"platforms": ["all", [MINE, "gone"]]})
    admin_client.post(address, joined)
    assert confinement_of(user) == []
