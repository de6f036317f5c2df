"""From a row to the message: what people are told, in which words, how often, and what they are not told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.formats import date_format

from access.models import LoginFailures
from audit.origin import Origin
from audit.recording import record
from backoffice.alerts import outbox
from backoffice.alerts.conditions import Kind, evaluate
from backoffice.alerts.growth import since_told
from backoffice.alerts.watch import GONE, HOLDS, look
from backoffice.models import AlertMessage, AlertState, AlertSubscription
from backoffice.tests.home_pages import home, log_of, tiles, viewer
from integrations.management.every_minute import call_all, stand_in
from integrations.models import (
    AuditedDay,
    AuditedStock,
    AuditFinding,
    Backfill,
    OrderAudit,
    SchedulerLease,
    StockAudit,
    SyncFailure,
    SyncLog,
)
from integrations.schedule.looks import note_look
from inventory.models import InventoryItem
from inventory.thresholds import set_threshold
from orders.models import Order
from platforms.models import Platform
from webhooks.models import Endpoint, Event

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _environment(settings: Any) -> Any:
    """E-mail is on, a scheduler works, and links have an address."""
    settings.EMAIL_IS_ON, settings.PUBLIC_URL = True, "https://oms.example"
    SchedulerLease.objects.update_or_create(name="scheduler", defaults={"seen_at": timezone.now()})
    note_look()
    with translation.override("en"):
        yield


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def subscriber(name: str = "ops", permissions: tuple[str, ...] | None = None, **changes: Any) -> User:
    """`permissions`: None for a superuser."""
    user = User.objects.create_user(
        name, f"{name}@shop.example", is_staff=True, is_superuser=permissions is None
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions or ()))
    AlertSubscription.objects.create(user=user, **{"by_email": True, "digest": False} | changes)
    return user


def kinds() -> dict[str, str]:
    """What is so now: sentences by key."""
    return {condition.key: condition.say() for condition in evaluate()}


def told(moment: datetime) -> list[str]:
    """Look at this time and send; the subjects of what was sent by it."""
    before = len(mail.outbox)
    SchedulerLease.objects.update(seen_at=moment)
    look(moment)
    outbox.send_due(moment)
    return [str(message.subject) for message in mail.outbox[before:]]


def set_thresholds(ids: list[int], threshold: int | None) -> None:
    set_threshold(items=InventoryItem.objects.filter(pk__in=ids), threshold=threshold)


def over_the_time(begin: datetime, end: datetime, step: timedelta = MINUTE) -> list[str]:
    found = []
    while begin <= end:
        found += told(begin)
        begin += step
    return found


def late_order(order: Callable[..., Order], **changes: Any) -> Order:
    return order(**{"ship_by": timezone.now() - timedelta(hours=1)} | changes)


# --- what is so


def test_it_sees_nothing_where_all_is_well(platform: Platform, order: Callable[..., Order]) -> None:
    order()
    assert kinds() == {}


def test_it_sees_what_needs_somebody_in_the_words_of_the_home_page(
    admin_client: Client,
    platform: Platform,
    order: Callable[..., Order],
    stock: Callable[..., InventoryItem],
    now: datetime,
) -> None:
    late_order(order)
    order(ship_by=now + timedelta(hours=3))
    order(ship_by=now + timedelta(hours=5))
    stock(available=0)
    stock(available=5)
    platform.api_config = {"client_id": "x", "client_secret": "y"}
    platform.save()
    aged = {"client_secret": (now - timedelta(days=171)).isoformat()}
    Platform.objects.update(credentials_set_at=aged)
    log = log_of(platform, finished_at=now - timedelta(hours=9))
    SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", created_at=now - timedelta(hours=25)
    )
    SyncFailure.objects.create(log=log, platform=platform, kind="orders")
    SchedulerLease.objects.update(seen_at=now - timedelta(minutes=9))

    found = kinds()

    pk = platform.pk
    assert set(found) == {
        f"lagging:{pk}:orders", f"credentials:{pk}:client_secret", f"failures:{pk}",
        f"overdue:{pk}", f"due:{pk}", f"stock:{pk}", "scheduler",
    }  # fmt: skip
    assert found[f"overdue:{pk}"] == "Overdue: 1 – should have left already"
    assert found[f"due:{pk}"] == "Due within 4 hours: 1 – have to leave by then"
    assert found[f"stock:{pk}"] == "Low or out of stock: 1 – SKUs that are listed"
    assert found[f"failures:{pk}"] == "Records not stored: 2 – to be replayed or dismissed"
    assert found[f"credentials:{pk}:client_secret"].startswith(
        "The client secret is 171 days old. 9 days are left. Amazon wants"
    )
    assert found[f"lagging:{pk}:orders"].startswith("The last good orders sync ended 20")
    assert found[f"lagging:{pk}:orders"].endswith("though one is due every 15 min.")
    assert "Start run_scheduler" in found["scheduler"]
    shown = tiles(admin_client)
    assert [shown[label][1] for label in ("Overdue", "Low or out of stock", "Records not stored")] == [
        1,
        1,
        2,
    ]
    html = home(admin_client)
    for key in (f"lagging:{pk}:orders", f"credentials:{pk}:client_secret", "scheduler"):
        assert found[key] in html
    only_syncs = home(viewer("view_synclog"))
    assert found["scheduler"] in only_syncs
    assert found[f"lagging:{pk}:orders"] not in only_syncs
    for condition in evaluate():
        page = admin_client.get(condition.href)
        assert page.status_code == 200, condition.href
        if condition.kind == Kind.CREDENTIALS:  # a countdown, which the platform's page has in the same words
            assert condition.say() in page.content.decode()
        if condition.kind in (Kind.OVERDUE, Kind.DUE, Kind.STOCK, Kind.FAILURES):
            assert page.context["cl"].result_count == condition.facts["count"]


def test_it_sees_a_platform_that_stopped(admin_client: Client, platform: Platform) -> None:
    Platform.objects.update(api_config={"client_id": "x"})
    log_of(platform, "failed", error_code="config", error_message="The marketplace is missing.")
    sentence = kinds()[f"stopped:{platform.pk}"]
    assert sentence == "needs credentials: The marketplace is missing."
    assert "The marketplace is missing." in home(admin_client)


def test_it_says_nothing_of_a_platform_that_nobody_has_set_up_or_that_is_inactive(
    platform: Platform, order: Callable[..., Order]
) -> None:
    assert kinds() == {}
    late_order(order)
    Platform.objects.update(api_config={"client_id": "x"}, is_active=False)
    assert kinds() == {}


def test_it_tells_of_days_that_stay_open_over_a_night(admin_client: Client, now: datetime) -> None:
    platform = live_platform(now)
    audit = closed_audit(OrderAudit, platform, now, status="partial", open=2)
    for back, hours in ((3, 31), (2, 29)):  # the younger one, the next night may heal
        found = open_day(audit, now - timedelta(days=back), now - timedelta(hours=hours))
    AuditedStock.objects.create(
        platform=platform,
        marketplace_id="B",
        state="open",
        checked_at=now,
        open_since=now - timedelta(hours=40),
    )
    day = (now - timedelta(days=3)).astimezone(UTC).date()
    subscriber(kinds=["incomplete"])

    sentences = kinds_at(now)

    pk = platform.pk
    assert sentences == {
        f"incomplete:{pk}:orders": f"1 day of orders stays open for over a night: {date_format(day)}. Open it: try its "
        "orders again, or dismiss what is not needed.",
        f"incomplete:{pk}:inventory": "The stock of 1 marketplace is not as the platform lists it, for over a night. "
        "Replay its SKUs among the sync failures.",
    }
    assert told(now) + told(now + HOLDS) == ["OMS: 2 problems began"]
    assert all(sentence in mail.outbox[0].body for sentence in sentences.values())
    assert f"https://oms.example/admin/completeness/day/?platform={pk}&day={day}" in mail.outbox[0].body
    html = home(admin_client)
    assert all(sentence in html for sentence in sentences.values())
    assert sentences[f"incomplete:{pk}:orders"] not in home(viewer("view_platform"))
    assert "2 days of orders stay open" in kinds_at(now + timedelta(hours=2))[f"incomplete:{pk}:orders"]
    SyncFailure.objects.all().update(resolved_at=now, resolution="dismissed")
    assert found.failure is not None
    assert set(kinds_at(now)) == {f"incomplete:{pk}:inventory"}


def test_it_tells_of_audits_that_failed_or_do_not_come(
    admin_client: Client, now: datetime, settings: Any
) -> None:
    settings.AUDIT_ORDERS = settings.AUDIT_INVENTORY = "nightly"
    platform = live_platform(now)
    orders, stock = f"audits:{platform.pk}:orders", f"audits:{platform.pk}:inventory"
    closed_audit(OrderAudit, platform, now)
    closed_audit(StockAudit, platform, now - timedelta(hours=35))
    assert kinds_at(now) == {}

    log_of(platform, kind="orders")  # syncs go on
    later = kinds_at(now + timedelta(hours=2))
    assert list(later) == [stock]
    assert "“Audit the stock now” on the page Completeness starts one." in later[stock]
    failed = closed_audit(OrderAudit, platform, now, status="failed", error_message="Amazon made no list.")
    assert "failed: Amazon made no list. The next one comes by night." in kinds_at(now)[orders]
    assert "Amazon made no list." in home(admin_client)
    page = next(condition for condition in evaluate() if condition.key == orders).href
    assert page == f"/admin/integrations/orderaudit/{failed.pk}/change/"
    assert admin_client.get(page).status_code == 200
    closed_audit(OrderAudit, platform, now, status="partial", open=1)  # one that somebody started
    assert kinds_at(now) == {}
    OrderAudit.objects.all().delete()
    assert kinds_at(now) == {}  # the first sync was an hour ago: the first audit has time
    SyncLog.objects.update(finished_at=now - timedelta(hours=37))
    assert kinds_at(now)[orders].startswith(
        "No audit of orders has ended yet. One is due each night: see whether"
    )
    settings.AUDIT_ORDERS = "off"
    assert orders not in kinds_at(now)


def test_stock_that_somebody_has_dismissed_is_not_waited_for(platform: Platform, now: datetime) -> None:
    platform = live_platform(now)
    audit = closed_audit(StockAudit, platform, now, status="partial", open=1)
    since = {"checked_at": now, "open_since": now - timedelta(hours=40)}
    AuditedStock.objects.create(
        platform=platform, audit=audit, marketplace_id="B", state="open", open=1, **since
    )
    audit.findings.create(marketplace_id="B", sku="S-1", kind="missing", outcome="open")
    failure = SyncFailure.objects.create(
        platform=platform, kind="inventory", external_id="S-1", error_code="not_known_by_name"
    )
    assert set(kinds_at(now)) == {f"incomplete:{platform.pk}:inventory"}

    SyncFailure.objects.filter(pk=failure.pk).update(resolved_at=now, resolution="dismissed")

    assert kinds_at(now) == {}


def test_it_tells_of_a_backfill_that_failed_until_another_one_is_begun(
    admin_client: Client, now: datetime
) -> None:
    platform = live_platform(now)
    span = {"window_start": now - timedelta(days=90), "window_end": now, "trigger": "admin"}
    failed = Backfill.objects.create(
        platform=platform, status="failed", finished_at=now, error_message="Amazon made no list.", **span
    )
    key = f"backfill:{platform.pk}:{failed.pk}"

    assert "failed: Amazon made no list. What it brought is stored. Begin it again" in kinds_at(now)[key]

    assert "Amazon made no list." in home(admin_client)
    assert "Amazon made no list." not in home(viewer("view_platform"))
    [condition] = [each for each in evaluate() if each.key == key]
    assert condition.href == f"/admin/completeness/?platform={platform.pk}#history"
    assert admin_client.get(condition.href).status_code == 200
    assert kinds_at(now + timedelta(days=8)).keys().isdisjoint({key})
    Backfill.objects.create(platform=platform, open_key=str(platform.pk), **span)
    assert key not in kinds_at(now)


def live_platform(now: datetime) -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "x", "client_secret": "y"}
    platform.save()
    for kind in ("orders", "inventory"):
        log_of(platform, kind=kind, finished_at=now - timedelta(hours=1))
    return platform


def closed_audit(model: Any, platform: Platform, at: datetime, **values: Any) -> Any:
    row = {"trigger": "schedule", "status": "succeeded", "queued_at": at, "finished_at": at} | values
    if model is OrderAudit:
        row |= {"window_start": at - timedelta(days=30), "window_end": at}
    return model.objects.create(platform=platform, **row)


def open_day(audit: OrderAudit, of: datetime, since: datetime) -> AuditFinding:
    place = {"day": of.astimezone(UTC).date(), "marketplace_id": "A"}
    AuditedDay.objects.create(
        platform=audit.platform,
        audit=audit,
        state="open",
        open=1,
        checked_at=since,
        open_since=since,
        **place,
    )
    failure = SyncFailure.objects.create(
        audit=audit, platform=audit.platform, kind="orders", external_id=str(of)
    )
    return AuditFinding.objects.create(
        audit=audit, external_id=str(of), kind="missing", outcome="open", failure=failure, **place
    )


def kinds_at(moment: datetime) -> dict[str, str]:
    of = (Kind.INCOMPLETE, Kind.AUDITS, Kind.BACKFILL)
    return {each.key: each.say() for each in evaluate(moment) if each.kind in of}


def test_it_tells_who_manages_users_that_somebody_tries_to_get_in(
    client: Client, settings: Any, now: datetime
) -> None:
    """Counts alone: which accounts and from where stands in the audit."""
    settings.ALERTS_FAILED_SIGN_INS, settings.LOGIN_FAILURES = 4, 4
    subscriber("ops"), subscriber("viewer", ("view_order",))
    User.objects.create_user("guessed", password="right", is_staff=True)
    for name in ("guessed", "guessed", "nobody", "guessed", "guessed"):
        LoginFailures.objects.update(last_at=timezone.now() - timedelta(seconds=30))
        client.post("/admin/login/", {"username": name, "password": "wrong"})
    record("token.locked", by=Origin("api", address="192.0.2.7"))
    assert kinds() == {
        "locked": "In the last hour, an account or address was locked 1 time after too many failed sign-ins. "
        "1 user is concerned.",
        "guessing": "In the last hour, 5 attempts to sign in have failed. The audit says whose and from where.",
        "tokens": "In the last hour, the API refused 1 address after too many requests without a valid token. Somebody "
        "guesses tokens, or a program uses one that has ended.",
    }
    told(now)
    (subject,) = told(now + HOLDS)
    (message,) = mail.outbox
    assert (message.to, "3" in subject) == (["ops@shop.example"], True)
    assert "guessed" not in message.body + subject
    assert "192.0.2.7" not in message.body
    record("login.locked", by=Origin("admin"))
    assert len(told(now + HOLDS + MINUTE)) == 1  # twice as many
    assert told(now + HOLDS + 2 * MINUTE) == []
    client.force_login(User.objects.get(username="ops"))
    assert "locked 2 times after too many failed sign-ins. 1 user is concerned." in home(client)
    client.force_login(User.objects.get(username="viewer"))
    assert "sign-ins" not in home(client)
    manager = User.objects.create_user("manager", is_staff=True)
    manager.user_permissions.add(Permission.objects.get(codename="change_user"))
    client.force_login(manager)
    assert "locked 2 times" in home(client)


def test_it_asks_as_often_for_many_rows_as_for_few(order: Callable[..., Order]) -> None:
    def fill(platforms: int) -> int:
        for number in range(platforms):
            each = Platform.objects.create(name=f"p{number}-{platforms}", api_config={"client_id": "x"})
            log = log_of(each, "failed", error_message="No.")
            SyncFailure.objects.create(log=log, platform=each, kind="orders")
            late_order(order, platform=each)
        look()  # what is new is written once
        with CaptureQueriesContext(connection) as looked:
            look()
        return len(looked)

    few = fill(1)
    assert fill(12) == few
    assert few <= 22


# --- when it is told


def test_it_tells_once_when_it_begins_and_once_when_it_is_over(
    order: Callable[..., Order], stock: Callable[..., InventoryItem], now: datetime
) -> None:
    subscriber()
    late = late_order(order)
    stock(available=0)
    assert over_the_time(now, now + HOLDS - MINUTE) == []
    assert told(now + HOLDS) == ["OMS: 2 problems began"]
    (began,) = mail.outbox
    assert began.to == ["ops@shop.example"]
    assert "- amazon: Overdue: 1 – should have left already" in began.body
    assert "https://oms.example/admin/orders/order/?to_ship=overdue" in began.body
    begin = now + HOLDS + MINUTE
    assert over_the_time(begin, begin + timedelta(hours=2), timedelta(minutes=30)) == []
    Order.objects.update(status=Order.Status.SHIPPED)
    begin += timedelta(hours=3)
    assert over_the_time(begin, begin + GONE - MINUTE, timedelta(minutes=7)) == []
    assert told(begin + GONE) == ["OMS: over: amazon: Orders overdue"]
    assert told(begin + GONE + MINUTE) == []
    assert late.external_id not in "".join(str(message.body) for message in mail.outbox)


def test_it_tells_what_is_new_once_an_hour_in_one_letter(
    order: Callable[..., Order], stock: Callable[..., InventoryItem], platform: Platform, now: datetime
) -> None:
    """While something lasts: more orders that are late or due, and the SKUs that have become low since."""
    subscriber(kinds=["stock", "overdue", "due", "failures"])
    Endpoint.objects.create(url="https://example.com", events=["alert.grew"])
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    old, *rows = [stock(available=5) for _number in range(15)]
    set_thresholds([old.pk], 5)
    late_order(order)
    order(ship_by=noon + timedelta(minutes=59))
    log = log_of(platform)
    for minutes in (-60, 30, 90):
        waiting_since = noon + timedelta(minutes=minutes) - timedelta(days=1)
        SyncFailure.objects.create(log=log, platform=platform, kind="orders", created_at=waiting_since)
    told(noon)
    assert told(noon + HOLDS) == ["OMS: 4 problems began"]

    set_thresholds([rows[0].pk], 5)
    late_order(order)  # stored only now
    assert over_the_time(noon + HOLDS + MINUTE, noon + timedelta(minutes=58), 6 * MINUTE) == []
    order(ship_by=noon + timedelta(hours=4, minutes=30))
    assert told(noon + timedelta(minutes=60)) == ["OMS: 4 have grown"]
    lines = mail.outbox[-1].body.splitlines()
    assert lines[0] == "New:"
    assert [line for line in lines if line.startswith("- ")] == [
        "- amazon: 1 record more has waited for a day. Records not stored: 3 – to be replayed or dismissed",
        "- amazon: 2 orders have become overdue. Overdue: 3 – should have left already",
        "- amazon: 1 order has become due. Due within 4 hours: 1 – have to leave by then",
        f"- amazon: 1 SKU has become low or run out: {rows[0].sku}. Low or out of stock: 2 – SKUs that are listed",
    ]
    grew = [
        json.loads(event.body)["data"] for event in Event.objects.filter(event="alert.grew").order_by("pk")
    ]
    assert {each["kind"]: (each["more"], each["count"]) for each in grew} == {
        "failures": (1, 3), "overdue": (2, 3), "due": (1, 1), "stock": (1, 2),
    }  # fmt: skip
    assert {(each["key"], each["platform"]) for each in grew} >= {(f"stock:{platform.pk}", "amazon")}

    set_thresholds([rows[0].pk], None)
    set_thresholds([row.pk for row in rows[:13]], 5)  # the first one again, which is not named twice a day
    set_thresholds([rows[12].pk], None)  # and the last one only for a moment
    sent = over_the_time(noon + timedelta(minutes=61), noon + timedelta(hours=3), 7 * MINUTE)
    assert sent == ["OMS: 2 have grown"]
    named = ", ".join(sorted(row.sku for row in rows[1:12])[:10])
    text = f"11 SKUs have become low or run out: {named} and 1 more. Low or out of stock: 13 – SKUs that are listed"
    assert text in mail.outbox[-1].body

    set_thresholds([row.pk for row in rows[12:]], 5)
    mail.outbox.clear()
    assert over_the_time(noon + timedelta(hours=4), noon + timedelta(minutes=260)) == [
        "OMS: amazon: Low or out of stock: 2 new"
    ]


def test_it_is_not_moved_by_what_comes_and_goes(order: Callable[..., Order], now: datetime) -> None:
    subscriber()
    late = late_order(order)
    sent = []
    for minute in range(0, 60, 4):
        status = Order.Status.UNSHIPPED if minute % 8 else Order.Status.SHIPPED
        Order.objects.filter(pk=late.pk).update(status=status)
        sent += told(now + minute * MINUTE)
    assert sent == []
    for half_hour in range(16):  # and rarely by what stays for half an hour each time
        status = Order.Status.SHIPPED if half_hour % 2 else Order.Status.UNSHIPPED
        Order.objects.filter(pk=late.pk).update(status=status)
        begin = now + timedelta(days=2, minutes=30 * half_hour)
        sent += over_the_time(begin, begin + 29 * MINUTE, 7 * MINUTE)
    assert 2 <= len(sent) <= 5


def test_it_tells_again_when_a_secret_grows_older(platform: Platform, now: datetime) -> None:
    subscriber(kinds=["credentials"])
    platform.api_config = {"client_secret": "y"}
    platform.save()
    sent: dict[int, list[str]] = {}
    for days in (149, 150, 151, 170, 180, 181):
        aged = {"client_secret": (now - timedelta(days=days)).isoformat()}
        Platform.objects.update(credentials_set_at=aged)
        for moment in (now, now + HOLDS):
            sent[days] = [*sent.get(days, []), *told(moment)]
    subject = "OMS: amazon: Credentials to be renewed"
    assert sent == {149: [], 150: [subject], 151: [], 170: [subject], 180: [subject], 181: []}


def test_it_tells_only_what_a_user_asked_for_and_may_see(order: Callable[..., Order], now: datetime) -> None:
    other = Platform.objects.create(name="amazon-de")
    for platform in (Platform.objects.get(name="amazon"), other):
        late_order(order, platform=platform)
    subscriber("all", ("view_order",))
    subscriber("blind", ("view_platform",))
    subscriber("german", ("view_order",), platform_ids=[other.pk])
    subscriber("stock", None, kinds=["stock"])
    subscriber("silent", None, by_email=False)
    User.objects.filter(pk=subscriber("gone").pk).update(is_active=False)
    told(now)
    told(now + HOLDS)
    assert {message.to[0]: message.subject for message in mail.outbox} == {
        "all@shop.example": "OMS: 2 problems began",
        "german@shop.example": "OMS: amazon-de: Orders overdue",
    }


def test_it_writes_in_the_language_and_the_zone_of_its_reader(
    order: Callable[..., Order], now: datetime
) -> None:
    subscriber("berta", language="de", time_zone="Europe/Berlin")
    subscriber("elsa", language="es", time_zone="no/zone")
    subscriber("odd", language="xx")
    late_order(order)
    order(ship_by=now + timedelta(hours=2))
    told(now)
    told(now + HOLDS)
    bodies = {message.to[0].partition("@")[0]: message.body for message in mail.outbox}
    assert "Überfällig: 1" in bodies["berta"]
    assert "Fällig binnen 4 Stunden: 1" in bodies["berta"]
    assert "Overdue: 1" in bodies["odd"]
    assert bodies["elsa"] != bodies["odd"]
    assert "should have left already" not in bodies["elsa"]


def test_it_sums_up_once_a_day_what_is_still_so(order: Callable[..., Order], now: datetime) -> None:
    subscriber(digest=True, digest_hour=8, time_zone="Europe/Berlin", kinds=["overdue"])
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    late_order(order)
    AlertSubscription.objects.update(digest_on=midnight.date() - timedelta(days=1))
    told(now)
    told(now + HOLDS)
    mail.outbox.clear()
    sent = over_the_time(midnight, midnight + timedelta(hours=23), timedelta(hours=1))
    assert sent == ["OMS: 1 problem today"]
    assert "Still so:" in mail.outbox[0].body
    Order.objects.update(status=Order.Status.SHIPPED)
    over_the_time(midnight + timedelta(hours=24), midnight + timedelta(hours=25), timedelta(minutes=30))
    mail.outbox.clear()
    begin = midnight + timedelta(hours=26)
    assert over_the_time(begin, begin + timedelta(hours=20), timedelta(hours=2)) == []


# --- how it is sent


def test_it_tells_once_however_many_look(order: Callable[..., Order], now: datetime) -> None:
    """A second process that read the rows before the first one claimed them claims nothing."""
    from backoffice.alerts import watch

    subscriber()
    late_order(order)
    look(now)
    at = now + HOLDS
    found = {condition.key: condition for condition in evaluate(at)}
    states = list(AlertState.objects.all())
    assert [len(watch._tell(found, states, {}, 0, at).began) for _process in range(2)] == [1, 0]
    late_order(order)
    at += timedelta(hours=1)
    found = {condition.key: condition for condition in evaluate(at)}
    states = list(AlertState.objects.all())
    grown = since_told(found, states, at)
    assert [len(watch._tell(found, states, grown, 0, at).grown) for _process in range(2)] == [1, 0]
    AlertMessage.objects.last().delete()  # type: ignore[union-attr]
    assert AlertMessage.objects.count() == 1
    (message,) = AlertMessage.objects.all()
    assert [outbox._claim(message, at + MINUTE) for _process in range(2)] == [True, False]


def test_it_tries_again_later_when_the_mail_server_is_down(
    admin_client: Client, order: Callable[..., Order], now: datetime, settings: Any
) -> None:
    for name in ("one", "two"):
        subscriber(name)
    late_order(order)
    look(now)
    look(now + HOLDS)
    settings.EMAIL_BACKEND = "backoffice.tests.test_alerts.Down"
    Down.asked = 0
    at = now + HOLDS
    for minute in range(60):
        outbox.send_due(at + minute * MINUTE)
    assert 3 <= Down.asked <= 5
    assert tiles(admin_client)["Alert e-mails not sent"][1] >= 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert outbox.send_due(at + timedelta(hours=3)) == 2
    assert "Alert e-mails not sent" not in tiles(admin_client)
    assert all(message["Message-ID"] for message in (sent.message() for sent in mail.outbox))


class Down:
    """A mail server that hangs up."""

    asked = 0

    def __init__(self, **_options: Any) -> None:
        pass

    def send_messages(self, _messages: Any) -> int:
        Down.asked += 1
        raise SMTPServerDisconnected("gone, said ops@shop.example")


def test_it_gives_an_email_up_after_three_days(
    order: Callable[..., Order], now: datetime, settings: Any
) -> None:
    subscriber()
    late_order(order)
    look(now)
    look(now + HOLDS)
    settings.EMAIL_BACKEND = "backoffice.tests.test_alerts.Down"
    for hours in range(0, 80, 2):
        outbox.send_due(now + HOLDS + timedelta(hours=hours))
    message = AlertMessage.objects.get()
    assert (message.next_at, message.sent_at, message.problem) == (None, None, "SMTPServerDisconnected")


def test_it_tells_webhooks_of_begin_and_end(platform: Platform, now: datetime) -> None:
    Endpoint.objects.create(url="https://example.com", events=["platform.attention", "platform.recovered"])
    Platform.objects.update(api_config={"client_id": "x"})
    log_of(platform, "failed", error_code="config", error_message="The marketplace is missing.")
    look(now)
    look(now + HOLDS)
    Platform.objects.update(is_active=False)
    look(now + HOLDS + MINUTE)
    look(now + HOLDS + MINUTE + GONE)
    sent = list(
        Event.objects.filter(event__startswith="platform.").order_by("pk").values_list("event", "body")
    )
    assert [event for event, _body in sent] == ["platform.attention", "platform.recovered"]
    for _event, body in sent:
        assert json.loads(body)["data"] == {
            "kind": "stopped", "key": f"stopped:{platform.pk}", "platform": "amazon", "platform_id": platform.pk,
        }  # fmt: skip


# --- the doors


def test_it_lets_each_user_choose(client: Client, platform: Platform, order: Callable[..., Order]) -> None:
    user = subscriber("viewer", ("view_order",))
    client.force_login(user)
    client.cookies["oms_timezone"] = "Europe/Berlin"
    late_order(order)
    page = client.get("/admin/alerts/").content.decode()
    assert "Overdue: 1" in page
    assert 'value="overdue"' in page
    assert 'value="stock"' not in page
    chosen = {"by_email": "on", "kinds": ["overdue"], "platforms": [platform.pk], "digest": "on"}
    stored = client.post("/admin/alerts/", chosen | {"digest_hour": 7, "language": "de"})
    assert stored.status_code == 302
    subscription = AlertSubscription.objects.get()
    assert (
        subscription.kinds, subscription.platform_ids, subscription.digest_hour, subscription.language,
        subscription.time_zone,
    ) == (["overdue"], [platform.pk], 7, "de", "Europe/Berlin")  # fmt: skip
    for odd in ({"kinds": ["stock"]}, {"digest_hour": 24}, {"platforms": [999]}, {"language": "xx"}):
        refused = client.post("/admin/alerts/", {"digest_hour": 7, "language": "de"} | odd)
        assert refused.status_code == 422
    assert AlertSubscription.objects.get().kinds == ["overdue"]


def test_it_says_that_email_is_off(admin_client: Client, settings: Any) -> None:
    settings.EMAIL_IS_ON = False
    assert "EMAIL_URL" in admin_client.get("/admin/alerts/").content.decode()


def test_the_command_prints_what_is_so_and_sends_on_request(
    capsys: pytest.CaptureFixture[str], platform: Platform, order: Callable[..., Order]
) -> None:
    call_command("check_alerts")
    assert capsys.readouterr().out == "Nothing needs anybody.\n"
    late_order(order)
    with pytest.raises(SystemExit) as ended:
        call_command("check_alerts", "--json", "--send")
    assert ended.value.code == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "key": f"overdue:{platform.pk}", "kind": "overdue", "platform": "amazon", "platform_id": platform.pk,
        "since": None, "sentence": "Overdue: 1 – should have left already", "count": 1,
    }  # fmt: skip
    assert AlertState.objects.get().began_at is None
    for options, lines in (
        (("--json",), (1, 0)),
        ((), (0, 1)),
    ):  # cron gets what was asked for, and what is wrong
        with pytest.raises(SystemExit):
            call_command("check_alerts", *options, verbosity=0)
        written = capsys.readouterr()
        assert (len(written.out.splitlines()), len(written.err.splitlines())) == lines


def test_a_function_that_fails_costs_the_others_nothing(
    settings: Any, order: Callable[..., Order], caplog: pytest.LogCaptureFixture
) -> None:
    settings.EVERY_MINUTE = ["backoffice.tests.test_alerts.fail", "backoffice.alerts.watch.watch"]
    late_order(order)
    call_all()
    assert AlertState.objects.get().kind == "overdue"
    assert "backoffice.tests.test_alerts.fail failed" in caplog.text


def fail() -> None:
    raise RuntimeError("no")


def test_the_scheduler_tells_that_nobody_looks_for_alerts(admin_client: Client, now: datetime) -> None:
    """It looks in the place of run_webhooks, and no more once that is back."""
    subscriber()
    stand_in()
    assert not AlertState.objects.exists()
    SchedulerLease.objects.filter(name="every_minute").update(seen_at=now - timedelta(minutes=6))
    assert "Start run_webhooks." in kinds()["sender"]
    assert kinds()["sender"] in home(admin_client)
    stand_in()
    AlertState.objects.update(seen_at=now - timedelta(minutes=5))
    stand_in()
    (letter,) = mail.outbox
    assert "Sender of webhooks and alerts silent" in letter.subject
    call_all()
    assert "sender" not in kinds()
    AlertState.objects.all().delete()
    stand_in()
    assert not AlertState.objects.exists()
