"""The sync log in the admin: what a row says, that nobody edits it, and cancelling."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations.errors import AuthenticationError, codes_of
from integrations.models import SyncFailure, SyncLog
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/integrations/synclog/"
FAILURES = "/admin/integrations/syncfailure/"
STARTED = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def make(**values: Any) -> SyncLog:
    log = SyncLog(
        platform=Platform.objects.get(name="amazon"),
        kind="orders",
        trigger="admin",
        source="live",
        status="succeeded",
    )
    for name, value in values.items():
        setattr(log, name, value)
    if log.is_open:
        log.open_key = SyncLog.open_key_for(log.platform, log.kind)
    log.save()
    return log


def fail(log: SyncLog, external_id: str) -> SyncFailure:
    return SyncFailure.objects.create(
        log=log, platform=log.platform, kind=log.kind, external_id=external_id,
        error_code="malformed", error_message="It has no purchase date.", payload={"orderId": external_id},
    )  # fmt: skip


def text(response: Any) -> str:
    return str(response.content.decode())


def get(client: Client, log: SyncLog) -> str:
    return text(client.get(f"{LIST}{log.pk}/change/"))


def cancel(client: Client, log: SyncLog) -> Any:
    return client.post(f"{LIST}{log.pk}/press/cancel/", follow=True)


@pytest.mark.parametrize(
    ("status", "label", "colour"),
    [
        ("succeeded", "succeeded", "bg-green-100"),
        ("partial", "partly failed", "bg-orange-100"),
        ("fallback", "mock data instead", "bg-orange-100"),
        ("failed", "failed", "bg-red-100"),
        ("running", "running", "bg-blue-100"),
        ("queued", "queued", "bg-blue-100"),
    ],
)
def test_it_shows_the_status_in_its_colour(
    admin_client: Client, status: str, label: str, colour: str
) -> None:
    badge = get(admin_client, make(status=status)).split(f"\n{label}\n")[0].rsplit("<span", 1)[1]
    assert colour in badge


def test_it_shows_counts_window_and_duration(admin_client: Client) -> None:
    make(
        fetched=1240, created=7, started_at=STARTED, finished_at=STARTED + timedelta(seconds=125),
        window_by="updated", window_start=STARTED - timedelta(days=30), window_end=STARTED,
    )  # fmt: skip
    html = text(admin_client.get(LIST))
    for part in ("1,240", "2 min 5 s", "updated 2026-01-01 08:00 UTC", "2026-01-31 08:00 UTC"):
        assert part in html


def test_it_says_when_a_waiting_sync_resumes(admin_client: Client) -> None:
    until = timezone.now().replace(second=0, microsecond=0) + timedelta(days=2)
    make(status="waiting", resume_at=until)
    sentence = f"Waiting for Amazon&#x27;s quota until {until:%Y-%m-%d %H:%M} UTC, no page yet."
    assert sentence in text(admin_client.get(LIST))


def test_it_explains_a_failure_with_code_and_request_id(admin_client: Client) -> None:
    note = {"code": "pii_refused", "message": "Amazon refused <buyer> data."}
    html = get(
        admin_client,
        make(
            status="failed",
            error_code="forbidden",
            error_message="A role is missing.",
            request_id="a-1",
            notes=[note],
        ),
    )
    for part in (
        "A role is missing.",
        "press Check connection: it says which role is missing.",
        "Code: forbidden",
        'data-oms-copy="a-1"',
        "Amazon refused &lt;buyer&gt; data.",
    ):
        assert part in html


@pytest.mark.parametrize("code", sorted(codes_of(AuthenticationError)))
def test_it_says_what_to_do_about_refused_credentials(admin_client: Client, code: str) -> None:
    html = get(admin_client, make(status="failed", error_code=code))
    assert "correct its credentials, and press Check connection" in html


def test_it_lists_the_records_that_failed_with_a_link(admin_client: Client) -> None:
    log = make(status="partial", failed=1)
    failure = fail(log, "111-1")
    html = get(admin_client, log)
    assert f'href="{FAILURES}{failure.pk}/change/">111-1</a>' in html
    assert "It has no purchase date." in html


@pytest.mark.parametrize(("count", "words"), [(0, "0 syncs"), (1, "1 sync"), (2, "2 syncs")])
def test_it_says_how_many_syncs_there_are(admin_client: Client, count: int, words: str) -> None:
    for _number in range(count):
        make(status="failed")
    html = text(admin_client.get(LIST))
    assert words in [" ".join(line.split()) for line in re.findall(r'<div class="py-4">([^<]*)</div>', html)]
    assert "Sync log" in html  # in the menu


def test_it_lists_any_number_of_syncs_with_as_many_queries(
    admin_client: Client, admin_user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _number in range(30):
        make(requested_by=admin_user)
    with django_assert_max_num_queries(9):
        assert text(admin_client.get(LIST)).count("field-number_of") == 30


@pytest.mark.parametrize("address", ["add/", "{}/delete/"])
def test_it_lets_nobody_add_or_delete_a_sync(admin_client: Client, address: str) -> None:
    assert admin_client.post(LIST + address.format(make().pk), {"post": "yes"}).status_code == 403


def test_it_lets_nobody_change_a_sync(admin_client: Client) -> None:
    log = make(status="failed")
    assert admin_client.post(f"{LIST}{log.pk}/change/", {"status": "succeeded"}).status_code == 403
    log.refresh_from_db()
    assert log.status == "failed"


def test_it_cancels_a_sync_that_waits_in_the_queue(admin_client: Client) -> None:
    log = make(status="queued")
    assert "is cancelled" in text(cancel(admin_client, log))
    log.refresh_from_db()
    assert (log.status, log.open_key) == ("cancelled", None)


def test_it_shows_and_cancels_a_sync_that_waits_for_another_one(admin_client: Client) -> None:
    running = make(status="running", lease_token="x", lease_expires_at=timezone.now() + timedelta(minutes=5))
    log = make(status="succeeded")
    SyncLog.objects.filter(pk=log.pk).update(status="deferred", open_key=f"{running.open_key}:0123")
    sentence = "Starts when the sync that is open now has ended."
    assert sentence in get(admin_client, log)
    assert sentence in text(admin_client.get(LIST))
    # Pages about the platform say what is being done.
    overview = text(admin_client.get("/admin/platforms/platform/"))
    assert f"{LIST}{running.pk}/change/" in overview
    assert f"{LIST}{log.pk}/change/" not in overview
    assert "is cancelled" in text(cancel(admin_client, log))
    log.refresh_from_db()
    assert (log.status, log.open_key) == ("cancelled", None)


def test_it_asks_a_running_sync_to_stop(admin_client: Client) -> None:
    log = make(status="running", lease_token="x", lease_expires_at=timezone.now() + timedelta(minutes=5))
    html = text(cancel(admin_client, log))
    assert "stops after the current page" in html
    assert "press/cancel" not in html


def test_it_cancels_the_selected_syncs(admin_client: Client) -> None:
    log, ended = make(status="queued"), make()
    data = {"action": "cancel", "_selected_action": [log.pk, ended.pk]}
    html = text(admin_client.post(LIST, data, follow=True))
    assert "is cancelled" in html
    assert "had already ended" in html


def test_it_offers_no_cancel_for_a_sync_that_has_ended(admin_client: Client) -> None:
    assert "press/cancel" not in get(admin_client, make())


def test_it_cancels_nothing_without_the_permission(client: Client) -> None:
    log = make(status="queued")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_synclog"))
    client.force_login(viewer)
    assert "press/cancel" not in get(client, log)
    assert cancel(client, log).status_code == 403
    log.refresh_from_db()
    assert log.status == "queued"


@pytest.mark.parametrize(
    ("query", "shown"), [("?q=111-", ["111-1"]), ("?state=open", ["111-1"]), ("?state=done", ["222-2"])]
)
def test_it_finds_failures(admin_client: Client, query: str, shown: list[str]) -> None:
    log = make(status="partial", failed=2)
    fail(log, "111-1")
    SyncFailure.objects.filter(pk=fail(log, "222-2").pk).update(resolved_at=timezone.now())
    html = text(admin_client.get(FAILURES + query))
    assert [each for each in ("111-1", "222-2") if each in html] == shown


def test_it_shows_the_payload_of_a_failure_and_lets_nobody_edit_it(admin_client: Client) -> None:
    failure = fail(make(status="partial", failed=1), "111-1")
    address = f"{FAILURES}{failure.pk}/change/"
    assert "&quot;orderId&quot;: &quot;111-1&quot;" in text(admin_client.get(address))
    assert admin_client.post(address, {"external_id": "x"}).status_code == 403


def test_it_says_what_to_do_where_nothing_was_synced(admin_client: Client) -> None:
    assert "Every sync leaves a row here." in text(admin_client.get(LIST))


def test_it_filters_by_day_in_utc(admin_client: Client) -> None:
    make(queued_at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    made = LIST + "?queued_at_from={}&queued_at_to={}"
    assert "field-number_of" in text(admin_client.get(made.format("2026-01-31", "2026-01-31")))
    assert "Nothing matches" in text(admin_client.get(made.format("2026-02-01", "2026-02-02")))
    refused = admin_client.get(made.format("2026-02-31", "nonsense"))
    assert (refused.status_code, "field-number_of" in text(refused)) == (400, False)
