"""When the next scheduled sync is due, and why not sooner: over the API, in the admin, to the scheduler."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.tests.rest import fetch_all, superuser
from conftest import api_config
from integrations.amazon.answers import judge, judge_token
from integrations.errors import (
    ACCESS_CODES,
    REFUSED_CODES,
    AuthenticationError,
    AuthorizationError,
    PlatformError,
    RateLimited,
    RequestRefused,
    TransientError,
    codes_of,
)
from integrations.models import SyncLog
from integrations.schedule.plan import due_syncs, plan
from integrations.sync.run import run_sync
from integrations.tests.states import change, set_states
from integrations.tests.syncing import UNAVAILABLE, platform_of, refusal, sync
from platforms.models import Platform
from simulator import Account, Simulator

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
ORDERS, INVENTORY = "orders", "inventory"
MANY = 50  # more than any call is repeated


@pytest.fixture
def amazon() -> Platform:
    """Configured; orders every 15 minutes, inventory every hour."""
    platform = Platform.objects.get(name="amazon")
    platform.api_config = api_config(Account())
    platform.save()
    return platform


def past(platform: Platform, minutes: float, status: str = "succeeded", **values: Any) -> SyncLog:
    """A run that was asked for so many minutes ago and took no time; it ran with the platform's credentials."""
    at = timezone.now() - minutes * MINUTE
    values = {"kind": ORDERS, "credentials_digest": platform.credentials_digest, **values}
    times = {"queued_at": at, "finished_at": at}
    return SyncLog.objects.create(platform=platform, trigger="schedule", status=status, **times | values)


def failed(platform: Platform, minutes: float, code: str = "unavailable", **values: Any) -> SyncLog:
    text = "Amazon is having trouble (HTTP 503). Try again later."
    return past(platform, minutes, **{"status": "failed", "error_code": code, "error_message": text} | values)


def next_sync(kind: str = ORDERS, name: str = "amazon") -> dict[str, Any]:
    """As the API says it."""
    (found,) = superuser_api().get("/platforms", {"platform_name": name}).json()["results"]
    due: dict[str, Any] = found["next_syncs"][kind]
    return due


def superuser_api() -> Any:
    from django.contrib.auth.models import User

    User.objects.filter(username="root").delete()
    return superuser()


def minutes_away(due: dict[str, Any]) -> float:
    return (datetime.fromisoformat(due["due_at"]) - timezone.now()) / MINUTE


def started() -> set[tuple[str, str]]:
    """What the schedule opens now; it is closed again."""
    opened = {(each.log.platform.name, each.log.kind) for each in due_syncs()}
    SyncLog.objects.open().delete()
    return opened


# --- by the interval


def test_it_is_due_an_interval_after_the_last_one_and_a_tenth_later_at_most(amazon: Platform) -> None:
    past(amazon, 5)
    due = next_sync()
    assert (due["reason"], due["detail"]) == ("regular", "by its interval")
    assert 9.9 < minutes_away(due) < 11.6
    assert next_sync() == due  # two schedulers, or two looks, agree
    assert started() == {("amazon", INVENTORY)}  # which never ran
    SyncLog.objects.update(queued_at=timezone.now() - 17 * MINUTE)
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


def test_it_parts_platforms_that_started_together(amazon: Platform) -> None:
    at = timezone.now()
    for number in range(20):
        platform = Platform.objects.create(name=f"p{number}", api_config=api_config(Account()))
        past(platform, 0, queued_at=at, finished_at=at)
    dues = {each["next_syncs"][ORDERS]["due_at"] for each in fetch_all(superuser_api(), "/platforms")}
    assert len(dues) == 21


def test_it_counts_from_the_end_of_a_run_that_took_longer_than_its_interval(amazon: Platform) -> None:
    past(amazon, 300, finished_at=timezone.now() - MINUTE / 60)
    assert -0.1 < minutes_away(next_sync()) < 1.6


def test_it_starts_one_sync_however_long_the_scheduler_was_down(amazon: Platform) -> None:
    past(amazon, 60 * 24 * 30)
    assert {(each.log.platform.name, each.log.kind) for each in due_syncs()} == {
        ("amazon", ORDERS),
        ("amazon", INVENTORY),
    }
    assert list(due_syncs()) == []
    assert next_sync() == {"due_at": None, "reason": "open", "detail": "a sync is open already"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_active": False}, "inactive"),
        ({"api_config": {}}, "no_credentials"),
        ({"orders_interval": 0}, "manual"),
    ],
)
def test_it_says_why_none_is_due(amazon: Platform, changes: dict[str, Any], reason: str) -> None:
    change(amazon, **changes)
    due = next_sync()
    assert (due["due_at"], due["reason"]) == (None, reason)
    assert ("amazon", ORDERS) not in started()


# --- backing off


@pytest.mark.parametrize(("failures", "minutes"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 360), (40, 360)])
def test_it_doubles_the_interval_with_each_failure_in_a_row(
    amazon: Platform, failures: int, minutes: int
) -> None:
    past(amazon, 500)
    for _each in range(failures):
        failed(amazon, 0)
    due = next_sync()
    assert due["reason"] == "backing_off"
    assert minutes - 0.1 < minutes_away(due) < minutes * 1.1
    times = "failed 1 time" if failures == 1 else f"failed {failures} times in a row"
    assert due["detail"].startswith(f"{times} (Amazon is having trouble (HTTP 503)); next try 20")


def test_it_keeps_an_interval_that_is_longer_than_the_longest_pause(amazon: Platform) -> None:
    set_states(interval_minutes=1440)
    failed(amazon, 0)
    assert 1439 < minutes_away(next_sync()) < 1440 * 1.1 + 1


def test_it_counts_mock_data_that_stood_in_as_a_failure(amazon: Platform) -> None:
    failed(amazon, 0, status="fallback")
    assert next_sync()["reason"] == "backing_off"


def test_it_does_not_count_what_says_nothing_about_the_platform(amazon: Platform) -> None:
    past(amazon, 1)
    past(amazon, 0.9, "cancelled", error_code="cancelled")
    failed(amazon, 0.8, is_incremental=False)
    failed(amazon, 0.7, kind=INVENTORY, skus=["A-1"])
    past(amazon, 0.6, "fallback")  # MOCK_FALLBACK=always
    assert next_sync()["reason"] == "regular"
    assert next_sync(INVENTORY)["reason"] == "regular"


@pytest.mark.parametrize("status", ["succeeded", "partial"])
def test_it_is_regular_again_after_a_success_of_any_sort(amazon: Platform, status: str) -> None:
    failed(amazon, 9)
    failed(amazon, 8)
    past(amazon, 7, status, is_incremental=False)
    assert next_sync()["reason"] == "regular"


def test_it_backs_off_by_itself_for_each_kind(amazon: Platform) -> None:
    failed(amazon, 0)
    assert [next_sync(ORDERS)["reason"], next_sync(INVENTORY)["reason"]] == ["backing_off", "regular"]


def test_it_tries_stock_once_an_hour_and_all_others_once_that_went_well(amazon: Platform) -> None:
    for _failure in range(9):
        failed(amazon, 0)
        failed(amazon, 0, kind=INVENTORY)
    assert 59 < minutes_away(next_sync(INVENTORY)) < 66.1
    assert minutes_away(next_sync()) > 359
    past(amazon, 0, kind=INVENTORY)
    due = next_sync()
    assert due["detail"] == "the platform answers again, or other credentials are stored"
    assert started() == {("amazon", ORDERS)}
    failed(amazon, 0)
    due = next_sync()  # the first failure since Amazon is back
    assert due["reason"] == "backing_off"
    assert 29 < minutes_away(due) < 33.1


def test_orders_that_are_scheduled_alone_find_out_for_themselves_that_amazon_is_back(
    amazon: Platform,
) -> None:
    set_states(INVENTORY, interval_minutes=0)
    for _failure in range(9):
        failed(amazon, 0)
    assert 59 < minutes_away(next_sync()) < 66.1


def test_it_is_not_tried_at_once_again_and_again_because_another_kind_goes_well(amazon: Platform) -> None:
    past(amazon, 1, kind=INVENTORY)
    failed(amazon, 1)
    past(amazon, 1, kind=INVENTORY)
    assert started() == {("amazon", ORDERS)}  # once: it may have been all of Amazon
    for failures in (1, 2, 3):
        failed(amazon, 0)
        past(amazon, 0, kind=INVENTORY)
        due = next_sync()
        assert due["reason"] == "backing_off"
        assert 15 * 2**failures - 0.1 < minutes_away(due)
    assert due["detail"].startswith("failed 4 times in a row")


# --- suspected: what is refused now may be answered in five minutes


@pytest.mark.parametrize(
    ("refusals", "minutes"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 360), (20, 360)],
)
def test_it_tries_what_was_refused_after_minutes_and_then_after_hours(
    amazon: Platform, refusals: int, minutes: int
) -> None:
    for number in range(refusals):
        refused(amazon, 0, ("forbidden", "invalid_grant", "token_expired")[number % 3])
    due = next_sync()
    assert due["reason"] == "suspected"
    assert minutes - 0.1 < minutes_away(due) < minutes * 1.1
    times = "refused 1 time" if refusals == 1 else f"refused {refusals} times"
    assert due["detail"].startswith(f"{times} since 20")
    assert "(Amazon denied access (HTTP 403)), which may pass by itself; next try 20" in due["detail"]


def refused(platform: Platform, minutes: float, code: str = "forbidden", **values: Any) -> SyncLog:
    text = "Amazon denied access (HTTP 403). It may pass."
    return failed(platform, minutes, code, error_message=text, **values)


DAY = 24 * 60  # minutes


def test_it_rests_at_one_try_a_day_once_it_was_refused_for_more_than_a_day(
    amazon: Platform, admin_client: Client
) -> None:
    for kind in (ORDERS, INVENTORY):
        for hours in (25, 24, 18, 12, 6, 1.5):
            refused(amazon, hours * 60, kind=kind)
    assert next_sync()["reason"] == "suspected"
    refused(amazon, 0)
    due = next_sync()
    assert (due["reason"], next_sync(INVENTORY)["reason"]) == ("resting", "suspected")
    assert DAY - 1 < minutes_away(due) < DAY * 1.1
    assert due["detail"].startswith("refused for more than a day, since 20")
    assert "tried once a day until it is accepted" in due["detail"]
    assert "refused for over a day" in admin_client.get("/admin/").content.decode()
    for address in ("", f"{amazon.pk}/change/"):
        page = admin_client.get(f"/admin/platforms/platform/{address}").content.decode()
        assert "oms-alert" in page
        assert "refused for more than a day, since 20" in page
    past(amazon, 0, kind=INVENTORY)
    assert started() == {("amazon", ORDERS)}  # Amazon is back
    past(amazon, 0)
    assert next_sync()["reason"] == "regular"


def test_it_rests_as_well_where_it_was_refused_many_times_a_day(amazon: Platform) -> None:
    for hours in range(24, 0, -1):
        refused(amazon, hours * 60 + 30, kind=INVENTORY)
    due = next_sync(INVENTORY)
    assert due["reason"] == "suspected"
    assert -31 < minutes_away(due) < -23  # an hour after the last one
    refused(amazon, 0, kind=INVENTORY)
    assert next_sync(INVENTORY)["reason"] == "resting"


def test_it_does_not_take_one_refusal_of_days_ago_for_a_lasting_one(amazon: Platform) -> None:
    refused(amazon, 3 * DAY)  # and then no scheduler ran
    assert next_sync()["reason"] == "suspected"
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


@pytest.fixture
def revoked(start_simulator: Any, settings: Any) -> Simulator:
    """The seller withdrew the consent, and both kinds have been told so."""
    settings.MOCK_FALLBACK = "never"
    sim: Simulator = start_simulator()
    platform = platform_of(sim)
    sim.revoke(*sim.accounts)
    for kind in (ORDERS, INVENTORY):
        log = sync(platform, kind)
        assert (log.status, log.error_code) == ("failed", "invalid_grant")
    return sim


def test_it_suspects_that_the_credentials_are_refused(revoked: Simulator) -> None:
    for kind in (ORDERS, INVENTORY):
        due = next_sync(kind)
        assert due["reason"] == "suspected"
        assert 4 < minutes_away(due) < 5.6
        assert "(Login with Amazon does not accept the refresh token (invalid_grant))" in due["detail"]
    assert started() == set()


def test_it_goes_on_when_the_credentials_are_others(revoked: Simulator) -> None:
    other = api_config(revoked.accounts[0], client_secret="another-one")
    superuser_api().put("/platforms/1", {"api_config": other})
    assert next_sync()["reason"] == "regular"
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


def test_it_counts_refusals_of_the_stored_credentials_alone(amazon: Platform) -> None:
    for hours in (30, 20, 10, 1):
        refused(amazon, hours * 60, credentials_digest="others")
    refused(amazon, 0)
    assert 4 < minutes_away(next_sync()) < 5.6


def test_it_goes_on_when_the_credentials_were_changed_with_sql(revoked: Simulator) -> None:
    with connection.cursor() as cursor:
        config = api_config(revoked.accounts[0])
        write = "UPDATE platforms SET api_config = %s"
        same = json.dumps(config)
        cursor.execute(write, [same])
        assert started() == set()  # the same ones, written again
        cursor.execute(write, [same.replace("sim-secret", "new-secret")])
        assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


def test_it_takes_the_credentials_for_the_same_when_a_key_is_rotated(
    revoked: Simulator, settings: Any
) -> None:
    settings.SECRET_KEY = "another one, as after a restore on another machine 0123456789"
    assert started() == set()
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]
    assert started() == set()
    assert next_sync()["reason"] == "suspected"


def test_it_goes_on_after_a_check_that_found_nothing_wrong(revoked: Simulator) -> None:
    api = superuser_api()
    assert api.post("/platforms/1/check").json()["ok"] is False
    assert started() == set()
    revoked.restore()
    assert api.post("/platforms/1/check").json()["ok"] is True
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


def test_it_goes_on_after_a_check_that_found_only_something_else_missing(revoked: Simulator) -> None:
    revoked.restore()
    revoked.accounts[0].refused_data = frozenset({"PROCEEDS"})
    assert (
        superuser_api().post("/platforms/1/check").json()["ok"] is False
    )  # a data set is no reason to stand still
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


def test_a_check_ends_the_pause_after_an_outage_as_well(start_simulator: Any) -> None:
    platform = platform_of(start_simulator())
    failed(platform, 1)
    failed(platform, 1, kind=INVENTORY)
    assert started() == set()
    assert superuser_api().post("/platforms/1/check").json()["ok"] is True
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


def test_it_goes_on_after_a_sync_by_hand_went_well(revoked: Simulator) -> None:
    revoked.restore()
    assert sync(Platform.objects.get(), INVENTORY).status == "succeeded"
    assert next_sync(INVENTORY)["reason"] == "regular"
    assert started() == {("amazon", ORDERS)}


def test_it_suspects_where_mock_data_hid_the_refusal(start_simulator: Any, settings: Any) -> None:
    settings.MOCK_FALLBACK = "auto"
    sim = start_simulator()
    platform = platform_of(sim)
    sim.revoke(*sim.accounts)
    assert sync(platform).status == "fallback"
    assert next_sync()["reason"] == "suspected"


def test_it_suspects_the_kind_alone_that_is_denied(start_simulator: Any, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    sim.script("getInventorySummaries", *[refusal(403, "Unauthorized", "Access is denied.")] * MANY)
    platform = platform_of(sim)
    assert sync(platform, INVENTORY).error_code == "forbidden"
    assert [next_sync(ORDERS)["reason"], next_sync(INVENTORY)["reason"]] == ["regular", "suspected"]


def test_it_only_backs_off_while_amazon_is_down(start_simulator: Any, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    sim.script("searchOrders", *[UNAVAILABLE] * MANY)
    sync(platform_of(sim))
    assert next_sync()["reason"] == "backing_off"
    assert next_sync()["detail"].startswith("failed 1 time (Amazon is having trouble (HTTP 503)); next try ")


def test_it_stops_where_the_credentials_cannot_be_read(amazon: Platform, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    keys = settings.FIELD_ENCRYPTION_KEY
    settings.FIELD_ENCRYPTION_KEY = ["b3RoZXItb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="]
    for each in list(due_syncs()):
        assert run_sync(each.log.pk).error_code == "unreadable_credentials"
    assert started() == set()
    settings.FIELD_ENCRYPTION_KEY = keys
    assert started() == {("amazon", ORDERS), ("amazon", INVENTORY)}


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("word", ["invalid_client", "invalid_grant", "access_denied", "a_new_word", "", None])
def test_it_takes_every_refused_login_for_one(status: int, word: str | None) -> None:
    with pytest.raises(AuthenticationError) as raised:
        judge_token(status, {}, json.dumps({"error": word}).encode())
    assert raised.value.code in REFUSED_CODES - ACCESS_CODES


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("text", ["client secret expired", "token expired", "revoked", "denied", ""])
def test_it_takes_every_refused_call_for_one(status: int, text: str) -> None:
    body = json.dumps({"errors": [{"message": text}]}).encode()
    with pytest.raises(PlatformError) as raised:
        judge("searchOrders", status, {}, body, ("orders", list))
    assert raised.value.code in REFUSED_CODES
    assert (raised.value.code in ACCESS_CODES) == isinstance(raised.value, AuthorizationError)


def test_it_takes_no_outage_of_amazons_for_a_refusal() -> None:
    assert not codes_of(TransientError, RateLimited, RequestRefused) & REFUSED_CODES


# --- cheap, and visible


def queries_for(count: int, look: Any) -> int:
    Platform.objects.exclude(name="amazon").delete()
    for number in range(count):
        platform = Platform.objects.create(name=f"p{number:03}", api_config=api_config(Account()))
        past(platform, 20)
        for _failure in range(number % 3):
            failed(platform, 9)
        failed(platform, 9, "invalid_grant", kind=INVENTORY)
    with CaptureQueriesContext(connection) as captured:
        look()
    return len(captured)


def test_it_costs_as_many_queries_for_a_hundred_platforms_as_for_three(amazon: Platform) -> None:
    Platform.objects.update(is_active=False)

    def look() -> None:
        assert plan()

    assert queries_for(3, look) == queries_for(100, look) < 7


def test_it_costs_the_admins_list_as_many_queries_for_forty_platforms_as_for_three(
    amazon: Platform, admin_client: Client
) -> None:
    def look() -> None:
        assert admin_client.get("/admin/platforms/platform/").status_code == 200

    look()
    assert queries_for(3, look) == queries_for(40, look)


def test_it_stands_on_the_admins_pages(amazon: Platform, admin_client: Client) -> None:
    failed(amazon, 0)
    failed(amazon, 0, "invalid_grant", kind=INVENTORY)
    past(amazon, 0, kind=ORDERS)
    failed(amazon, 0, kind=ORDERS)
    Platform.objects.create(name="other", api_config=api_config(Account()))
    for address in ("", f"{amazon.pk}/change/"):
        page = admin_client.get(f"/admin/platforms/platform/{address}").content.decode()
        assert "failed 1 time (Amazon is having trouble (HTTP 503)); next try 20" in page
