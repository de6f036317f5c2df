"""GET /metrics: who may read it, and what it says of the database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.parser import text_string_to_metric_families

from api.tests.rest import SECRETS, amazon, make_order
from conftest import api_config
from core.encryption import SecretDict
from feed.models import Change
from feed.reading import number_committed
from integrations.models import (
    ApiQuota,
    AuditedStock,
    Backfill,
    CatchUp,
    OrderAudit,
    OrderProof,
    StreamState,
    SyncFailure,
    SyncLog,
)
from integrations.quota.usage import sharing
from integrations.schedule.leadership import Leadership
from integrations.shipping.switching import stop_writing
from integrations.sync.cancel import cancel_sync
from integrations.sync.start import start_sync
from integrations.tests.syncing import ALWAYS, UNAVAILABLE, sync
from orders.models import Shipment
from platforms.models import Platform
from simulator import Simulator
from webhooks.emitting import last_event
from webhooks.endpoints import add_endpoint
from webhooks.models import Delivery, Endpoint
from webhooks.switching import switch_off
from webhooks.tests.rows import change

TOKEN = "CANARY-metrics-token-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
StartSimulator = Callable[..., Simulator]
pytestmark = pytest.mark.django_db

Labels = tuple[str, ...]
LABELS = (
    "subject",
    "version",
    "platform",
    "stream",
    "job",
    "operation",
    "status",
    "credential",
    "endpoint",
    "reason",
    "state",
)  # in the order of the tests


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


def scraped() -> dict[str, dict[Labels, float]]:
    """Name of a sample -> its labels' values -> its value."""
    answer = Client().get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[
                tuple(sample.labels[label] for label in LABELS if label in sample.labels)
            ] = sample.value
    return found


def configured(sim: Simulator, name: str = "amazon") -> Platform:
    return Platform.objects.update_or_create(
        name=name, defaults={"api_config": SecretDict(api_config(sim.accounts[0]))}
    )[0]


@pytest.mark.parametrize("address", ["/metrics", "/metrics/"])
def test_it_is_not_there_without_a_token_and_says_how_to_switch_it_on(settings: Any, address: str) -> None:
    settings.METRICS_TOKEN = ""
    for headers in ({}, BEARER, {"Authorization": "Bearer "}):
        answer = Client().get(address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "metrics_are_off")
        assert "set METRICS_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", TOKEN, f"Token {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer é"],
)  # fmt: skip
def test_it_is_for_whoever_knows_the_token(authorization: str) -> None:
    answer = Client().get("/metrics", headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in answer.content.decode()


def test_it_is_read_and_nothing_else() -> None:
    answer = Client().get("/metrics", headers={"Authorization": f"bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert Client().post("/metrics", headers=BEARER).status_code == 405


def test_it_tells_how_syncs_end_and_how_long_they_take(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3, skus=2)
    platform = configured(sim)
    sync(platform, "orders")
    sync(platform, "inventory")
    sim.script("searchOrders", *[UNAVAILABLE] * ALWAYS)
    failed = sync(platform, "orders")
    waiting = start_sync(platform=platform, kind="inventory", trigger="api").log
    open_before = scraped()["oms_syncs_open"]
    cancel_sync(waiting)
    found = scraped()
    assert failed.status == "failed"
    assert failed.duration is not None
    assert found["oms_sync_duration_seconds_count"] == {
        ("amazon", "inventory", "cancelled"): 1,
        ("amazon", "inventory", "succeeded"): 1,
        ("amazon", "orders", "failed"): 1,
        ("amazon", "orders", "succeeded"): 1,
    }
    durations = found["oms_sync_duration_seconds_sum"]
    assert durations["amazon", "orders", "failed"] == pytest.approx(failed.duration.total_seconds())
    assert durations["amazon", "inventory", "cancelled"] == 0
    assert open_before == {("amazon", "inventory", "queued"): 1}
    assert "oms_syncs_open" not in found


def test_its_counts_of_syncs_only_grow(start_simulator: StartSimulator) -> None:
    platform = configured(start_simulator(orders=3))
    for _each in range(3):
        sync(platform, "orders")
    SyncLog.objects.all().delete()
    sync(platform, "orders")
    assert scraped()["oms_sync_duration_seconds_count"]["amazon", "orders", "succeeded"] == 4


def test_it_tells_how_far_each_stream_is_behind(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3, skus=2)
    platform = configured(sim)
    never = scraped()
    assert "oms_stream_lag_seconds" not in never
    assert never["oms_stream_schedule"][("amazon", "orders", "regular")] == 1
    sync(platform, "orders")
    sync(platform, "inventory")
    two_hours = timezone.now() - timedelta(hours=2)
    StreamState.write(platform.pk, "orders", watermark=two_hours, interval_minutes=5)
    SyncLog.objects.filter(kind="inventory").update(
        started_at=two_hours - timedelta(hours=1), finished_at=two_hours
    )
    found = scraped()
    assert found["oms_stream_lag_seconds"]["amazon", "orders"] == pytest.approx(7200, abs=60)
    assert found["oms_stream_lag_seconds"]["amazon", "inventory"] == pytest.approx(10_800, abs=60)
    assert found["oms_stream_last_good_timestamp_seconds"]["amazon", "inventory"] == pytest.approx(
        two_hours.timestamp()
    )
    assert found["oms_stream_interval_seconds"]["amazon", "orders"] == 300
    assert found["oms_stream_failures_in_a_row"]["amazon", "orders"] == 0
    sim.script("searchOrders", *[UNAVAILABLE] * ALWAYS)
    sync(platform, "orders")
    found = scraped()
    assert found["oms_stream_failures_in_a_row"]["amazon", "orders"] == 1
    assert found["oms_stream_schedule"]["amazon", "orders", "backing_off"] == 1
    Platform.objects.update(is_active=False)
    assert "oms_stream_lag_seconds" not in scraped()


def test_it_tells_what_waits_in_the_queue_and_since_when(django_capture_on_commit_callbacks: Any) -> None:
    empty = scraped()
    assert (empty["oms_queue_messages"], empty["oms_queue_oldest_message_seconds"]) == ({(): 0}, {(): 0})
    with django_capture_on_commit_callbacks(execute=True):
        start_sync(platform=amazon(), kind="orders", trigger="api")
        start_sync(platform=amazon(), kind="inventory", trigger="api")
    now = timezone.now()
    DBTaskResult.objects.update(run_after=now - timedelta(minutes=10))
    later = DBTaskResult.objects.first()
    assert later is not None
    DBTaskResult.objects.filter(pk=later.pk).update(run_after=now + timedelta(hours=1))
    found = scraped()
    assert found["oms_queue_messages"] == {(): 1}
    assert found["oms_queue_oldest_message_seconds"][()] == pytest.approx(600, abs=60)


def test_it_tells_when_a_scheduler_worked_last() -> None:
    assert scraped()["oms_scheduler_seen_timestamp_seconds"] == {(): 0}
    leadership = Leadership()
    assert leadership.hold()
    leadership.release()  # as one from cron does
    seen = scraped()["oms_scheduler_seen_timestamp_seconds"][()]
    assert seen == pytest.approx(timezone.now().timestamp(), abs=60)


def test_it_tells_what_is_left_of_the_quota_of_each_platform(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=1)
    configured(sim)
    configured(sim, "amazon-twin")  # of the same account
    (key,) = sharing()
    now = timezone.now()
    ApiQuota.objects.create(
        account_key=key, operation="searchOrders", rate=0.0056, burst=20, tokens=3.4, updated_at=now
    )
    ApiQuota.objects.create(
        account_key="gone", operation="searchOrders", rate=1, burst=1, tokens=1, updated_at=now
    )
    found = scraped()
    names = {("amazon", "searchOrders"), ("amazon-twin", "searchOrders")}
    assert found["oms_quota_calls_left"] == dict.fromkeys(names, 3)
    assert found["oms_quota_calls_limit"] == dict.fromkeys(names, 20)
    assert found["oms_quota_calls_per_second"] == dict.fromkeys(names, 0.0056)


def test_it_tells_which_records_are_not_stored(platform: Platform) -> None:
    log = SyncLog.objects.create(platform=platform, kind="orders", trigger="api", status="partial")
    day_ago, now = timezone.now() - timedelta(days=1), timezone.now()
    for external_id, resolved_at in (("A", None), ("B", None), ("C", now)):
        SyncFailure.objects.create(
            log=log, platform=platform, kind="orders", external_id=external_id, error_code="malformed",
            error_message="…", created_at=day_ago, resolved_at=resolved_at,
        )  # fmt: skip
    found = scraped()
    assert found["oms_failures_open"] == {("amazon", "orders"): 2, ("amazon", "inventory"): 0}
    assert found["oms_failures_oldest_seconds"]["amazon", "orders"] == pytest.approx(86_400, abs=60)
    assert found["oms_failures_oldest_seconds"]["amazon", "inventory"] == 0


def test_it_tells_how_far_orders_are_proven_and_what_stays_open(platform: Platform, settings: Any) -> None:
    settings.AUDIT_ORDERS = settings.AUDIT_INVENTORY = "nightly"
    now = timezone.now()
    hour = timedelta(hours=1)
    SyncLog.objects.create(
        platform=platform,
        kind="orders",
        trigger="api",
        status="succeeded",
        source="live",
        finished_at=now - 9 * hour,
    )
    audit: dict[str, Any] = {
        "platform": platform,
        "trigger": "schedule",
        "window_start": now,
        "window_end": now,
    }
    OrderAudit.objects.create(status="partial", finished_at=now - 5 * hour, **audit)
    OrderAudit.objects.create(status="failed", finished_at=now - 4 * hour, **audit)
    AuditedStock.objects.create(
        platform=platform, marketplace_id="A", state="open", checked_at=now, open_since=now - 3 * hour
    )
    OrderProof.objects.create(platform=platform, since="2026-01-01", until="2026-01-31", audited_at=now)

    found = scraped()

    assert found["oms_orders_proven_until_timestamp_seconds"] == {
        ("amazon",): datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    }
    assert found["oms_audit_open"] == {("amazon", "inventory"): 1}
    assert found["oms_audit_open_oldest_seconds"]["amazon", "inventory"] == pytest.approx(3 * 3600, abs=60)
    assert found["oms_audit_failed"] == {("amazon", "orders"): 1}  # stock was never read
    assert found["oms_audit_behind_seconds"]["amazon", "orders"] == pytest.approx(5 * 3600, abs=60)


def test_it_tells_of_backfills_and_catch_ups_that_wait_or_failed(platform: Platform) -> None:
    now = timezone.now()
    hour = timedelta(hours=1)
    assert "oms_fetching_job" not in scraped()  # nothing was ever begun
    span: dict[str, Any] = {"platform": platform, "trigger": "api", "window_start": now - 9 * hour}
    Backfill.objects.create(**span, window_end=now, status="succeeded", finished_at=now - 3 * hour)
    failed = Backfill.objects.create(**span, window_end=now, status="failed", finished_at=now - hour)
    StreamState.write(platform.pk, "orders", watermark=now - 2 * hour)
    CatchUp.objects.create(
        **span, status="waiting", open_key=str(platform.pk), resume_at=now - hour / 2, lacking=55
    )

    found = scraped()

    assert found["oms_fetching_job"] == {
        ("amazon", "backfill", "failed"): 1,
        ("amazon", "catch_up", "waiting"): 1,
    }
    assert found["oms_fetching_job_orders_left"] == {("amazon", "catch_up"): 55}
    assert found["oms_fetching_job_overdue_seconds"]["amazon", "catch_up"] == pytest.approx(1800, abs=60)
    assert found["oms_orders_unknown_seconds"]["amazon",] == pytest.approx(7200, abs=60)

    long_ago = now - timedelta(days=8)
    Backfill.objects.filter(pk=failed.pk).update(finished_at=long_ago)
    CatchUp.objects.update(status="succeeded", open_key=None, finished_at=long_ago)
    assert [name for name in scraped() if "fetching" in name or "unknown" in name] == []
    Platform.objects.update(is_active=False)
    Backfill.objects.update(finished_at=now)
    assert "oms_fetching_job" not in scraped()


def test_it_tells_which_shipments_are_not_proven_and_since_when(platform: Platform) -> None:
    order, now = make_order(platform=platform), timezone.now()
    of_states = {
        "queued": {"queued_at": now - timedelta(hours=2)},
        "unverified": {"unverified_at": now - timedelta(hours=7)},
        "confirmed": {"confirmed_at": now},
    }
    for number, (state, at) in enumerate(of_states.items(), start=1001):
        for is_rehearsal in (False, True):
            Shipment.objects.create(
                order=order, platform=platform, package_number=number + 500 * is_rehearsal, source="live",
                state=state, is_rehearsal=is_rehearsal, **at,
            )  # fmt: skip
    found = scraped()
    assert found["oms_shipments"] == {
        ("amazon", "draft"): 0, ("amazon", "queued"): 1, ("amazon", "sent"): 0, ("amazon", "rejected"): 0,
        ("amazon", "unverified"): 1,
    }  # fmt: skip
    ages = found["oms_shipments_oldest_seconds"]
    assert ages["amazon", "queued"] == pytest.approx(2 * 3600, abs=60)
    assert ages["amazon", "unverified"] == pytest.approx(7 * 3600, abs=60)
    assert ages["amazon", "rejected"] == 0
    assert set(found["oms_writing_stopped"].values()) == {0}
    stop_writing(who="manager")
    assert set(scraped()["oms_writing_stopped"].values()) == {1}


def test_it_tells_how_long_credentials_last(start_simulator: StartSimulator) -> None:
    platform = configured(start_simulator(orders=1))
    day, now = timedelta(days=1), timezone.now()
    dates = {"client_id": 400, "client_secret": 171, "refresh_token": 366}
    Platform.objects.update(
        credentials_set_at={name: (now - days * day).isoformat() for name, days in dates.items()}
    )
    found = scraped()
    secret, token = ("amazon", "client_secret"), ("amazon", "refresh_token")
    assert set(found["oms_credential_age_seconds"]) == {secret, token}
    assert found["oms_credential_age_seconds"][secret] == pytest.approx(171 * 86_400, abs=60)
    assert found["oms_credential_left_seconds"][secret] == pytest.approx(9 * 86_400, abs=60)
    assert found["oms_credential_left_seconds"][token] == pytest.approx(-86_400, abs=60)
    Platform.objects.filter(pk=platform.pk).update(is_active=False)
    assert "oms_credential_age_seconds" not in scraped()


def test_it_tells_of_changes_that_nobody_has_read(platform: Platform) -> None:
    number_committed()
    empty = scraped()
    assert empty["oms_feed_unnumbered_changes"] == {(): 0}
    assert empty["oms_feed_oldest_unnumbered_seconds"] == {(): 0}
    for number in range(3):
        change(Change.Kind.ORDER_UPDATED, number)
    Change.objects.filter(object_id=0).update(at=timezone.now() - timedelta(hours=1))
    found = scraped()
    assert found["oms_feed_unnumbered_changes"] == {(): 3}
    assert found["oms_feed_oldest_unnumbered_seconds"][()] == pytest.approx(3600, abs=60)
    number_committed()
    assert scraped()["oms_feed_unnumbered_changes"] == {(): 0}


def test_it_tells_how_far_each_webhook_is_behind(platform: Platform) -> None:
    endpoints = {
        name: Endpoint(name=name, url="https://example.com/", events=["order.updated"])
        for name in ("current", "slow", "off", "failing")
    }
    for endpoint in endpoints.values():
        add_endpoint(endpoint)
    current, slow, _off, failing = (str(endpoint.pk) for endpoint in endpoints.values())
    switch_off(endpoints["off"], Endpoint.Off.BY_HAND)
    switch_off(endpoints["failing"], Endpoint.Off.FAILING)
    for number in range(5):
        change(Change.Kind.ORDER_UPDATED, number)
    now = timezone.now()
    Change.objects.filter(object_id=0).update(at=now - timedelta(hours=2))
    # Nobody sends, and nobody has read: what has no number yet is missing to all.
    found = scraped()
    assert found["oms_webhook_changes_behind"] == {(current,): 5, (slow,): 5}
    assert found["oms_webhook_lag_seconds"][current,] == pytest.approx(7200, abs=60)
    assert found["oms_webhook_switched_off"] == {(failing, "failing"): 1}
    last = number_committed()
    Endpoint.objects.filter(pk=current).update(position=last, event_position=last_event())
    Delivery.objects.create(
        endpoint_id=int(current), message_id="msg_1", event="order.updated", body="{}", state="delivered",
        created_at=now - timedelta(days=1),
    )  # fmt: skip
    Delivery.objects.create(
        endpoint_id=int(slow),
        message_id="msg_2",
        event="order.updated",
        body="{}",
        created_at=now - timedelta(hours=3),
    )
    found = scraped()
    assert found["oms_webhook_changes_behind"] == {(current,): 0, (slow,): 5}
    assert found["oms_webhook_pending_messages"] == {(current,): 0, (slow,): 1}
    assert found["oms_webhook_oldest_pending_seconds"][slow,] == pytest.approx(3 * 3600, abs=60)
    assert found["oms_webhook_lag_seconds"][slow,] == pytest.approx(3 * 3600, abs=60)
    assert found["oms_webhook_lag_seconds"][current,] == 0
    Delivery.objects.filter(message_id="msg_2").update(state="delivered")
    assert scraped()["oms_webhook_lag_seconds"][slow,] == pytest.approx(7200, abs=60)


def test_it_makes_as_many_queries_for_twenty_platforms_as_for_two() -> None:
    def queries(platforms: int) -> list[str]:
        Platform.objects.all().delete()
        ApiQuota.objects.all().delete()
        Endpoint.objects.all().delete()
        for number in range(platforms):
            _busy_platform(number)
        with CaptureQueriesContext(connection) as captured:
            found = scraped()
        assert len(found["oms_failures_open"]) == 2 * platforms
        return [query["sql"] for query in captured.captured_queries]

    few, many = queries(2), queries(20)
    assert len(few) == len(many)
    assert len(many) <= 25
    # Tables that grow with the orders and the stock.
    assert not [sql for sql in many if '"orders"' in sql or "order_items" in sql or "inventory_items" in sql]


def _busy_platform(number: int) -> None:
    platform = Platform.objects.create(
        name=f"shop-{number}", api_config=SecretDict(SECRETS | {"client_id": f"client-{number}"})
    )
    add_endpoint(Endpoint(name=platform.name, url="https://example.com/"))
    now = timezone.now()
    for model, more in ((Backfill, {"window_end": now}), (CatchUp, {})):
        model.objects.create(
            platform=platform,
            trigger="api",
            status="waiting",
            open_key=str(platform.pk),
            window_start=now,
            **more,
        )
    for status in ("succeeded", "failed", "failed"):
        log = SyncLog.objects.create(
            platform=platform, kind="orders", trigger="schedule", status=status, source="live",
            error_code="" if status == "succeeded" else "unavailable", started_at=now, finished_at=now,
        )  # fmt: skip
    SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", error_code="malformed", error_message="…"
    )
    key = next(key for key, names in sharing().items() if platform.name in names)
    ApiQuota.objects.create(
        account_key=key, operation="searchOrders", rate=1, burst=20, tokens=1, updated_at=now
    )


def test_it_leaves_out_what_cannot_be_read_and_says_so() -> None:
    def refuse(execute: Any, sql: str, *arguments: Any) -> Any:
        raise OperationalError("no route to host CANARY")

    with connection.execute_wrapper(refuse):
        found = scraped()
    assert set(found["oms_subject_up"].values()) == {0}
    assert set(found) == {"oms_subject_up", "oms_build_info"}
    assert set(scraped()["oms_subject_up"].values()) == {1}


def test_it_has_nothing_of_credentials_and_buyers(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3)
    sync(configured(sim), "orders")
    text = Client().get("/metrics", headers=BEARER).content.decode()
    assert "CANARY" not in text
    assert not [value for value in api_config(sim.accounts[0]).values() if str(value) in text]
    assert not [number for number in sim.accounts[0].truth_orders() if number in text]
