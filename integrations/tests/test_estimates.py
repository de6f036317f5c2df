"""How many pages a run will be about, and the sentence on where it stands, on every surface."""

import json
import os
import pty
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from api.tests.rest import amazon, make_order, superuser
from conftest import api_config
from integrations.amazon.channel import AMAZON
from integrations.as_json import sync_as_json
from integrations.management.console import Display, display, report
from integrations.models import ApiQuota, SyncLog
from integrations.sync.estimates import pages_expected
from integrations.sync.forecast import forecast
from integrations.sync.start import unopened
from integrations.sync.streams import STREAMS
from integrations.sync.windows import WindowRequest
from integrations.tests.states import set_states
from integrations.tests.syncing import INVENTORY, ORDERS, open_sync, platform_of, refusal, sync
from integrations.window_input import read_window
from integrations.wording import forecast_line, progress_line
from platforms.models import Platform
from simulator import Account, Canned, Simulator
from simulator.faults.base import Call

StartSimulator = Callable[..., Simulator]
pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def run_of(length: timedelta = HOUR, *, end: datetime = NOON, **values: Any) -> SyncLog:
    """A run whose window of this length ended at noon; succeeded and incremental unless told otherwise."""
    defaults: dict[str, Any] = {
        "platform": amazon(),
        "kind": ORDERS,
        "trigger": "schedule",
        "status": SyncLog.Status.SUCCEEDED,
        "source": "live",
        "window_by": "updated",
        "window_start": end - length,
        "window_end": end,
    }
    return SyncLog.objects.create(**defaults | values)


def guess(length: timedelta = HOUR, **values: Any) -> int | None:
    defaults: dict[str, Any] = {"status": "running", "end": NOON + HOUR}
    log = run_of(length, **defaults | values)
    return STREAMS[log.kind].guess_pages(log, "live")


def sweep_of(**values: Any) -> SyncLog:
    return run_of(kind=INVENTORY, window_by="", window_start=None, window_end=None, **values)


# --- the guess


def test_it_knows_nothing_at_first() -> None:
    assert guess() is None


def test_it_goes_by_how_many_records_came_a_second() -> None:
    run_of(HOUR, fetched=1500, pages=15)
    run_of(2 * HOUR, fetched=3000, pages=30)
    assert [guess(HOUR), guess(2 * HOUR), guess(HOUR / 4)] == [15, 30, 4]


def test_it_expects_one_page_at_least() -> None:
    run_of(fetched=0, pages=1)
    assert guess() == 1


def test_it_takes_pages_to_be_as_full_as_they_were() -> None:
    run_of(fetched=95, pages=10)
    assert guess() == 10


@pytest.mark.parametrize(
    "other",
    [
        {"status": "failed"},
        {"status": "cancelled"},
        {"source": "mock"},
        {"source": "sandbox"},
        {"window_by": "created"},
        {"kind": "inventory"},
        {"platform": "another"},
    ],
    ids=str,
)
def test_it_compares_with_nothing_else(other: dict[str, Any]) -> None:
    if "platform" in other:
        other = {"platform": Platform.objects.create(name="another")}
    run_of(fetched=1500, pages=15, **other)
    assert guess() is None


def test_it_counts_what_is_stored_where_no_window_was_as_long() -> None:
    run_of(HOUR / 10, fetched=3, pages=2)  # 1.5 a page
    for number in range(6):
        make_order(str(number), platform_updated_at=NOON - number * DAY, purchased_at=NOON - 40 * DAY)
    make_order("mock", platform_updated_at=NOON, source="mock")
    set_states(watermark=NOON + HOUR)
    assert guess(4 * DAY) == 3  # four orders
    assert guess(30 * DAY) == 4


def test_it_adds_up_what_came_in_while_nobody_looked() -> None:
    run_of(HOUR / 2, fetched=50, pages=1)
    set_states(watermark=NOON)
    assert guess(10 * DAY, end=NOON + 10 * DAY) == 240


def test_it_counts_by_the_time_of_purchase_where_the_window_does() -> None:
    make_order("1", purchased_at=NOON, platform_updated_at=NOON + 9 * DAY)
    assert guess(2 * HOUR, window_by="created") == 1


def test_it_expects_a_sweep_to_be_like_the_last_of_the_same_skus() -> None:
    for skus, pages in (([], 7), ([], 40), (["A"], 1)):
        sweep_of(skus=skus, pages=pages)
    sweep_of(skus=[], pages=3, status="failed")
    stream = STREAMS[INVENTORY]
    found = [stream.guess_pages(sweep_of(skus=skus, status="running"), "live") for skus in ([], ["A"], ["B"])]
    assert found == [40, 1, None]


def test_it_keeps_the_guess_of_a_run_that_goes_on() -> None:
    run_of(fetched=1500, pages=15)
    assert guess(pages=3, pages_expected=99) == 99


# --- what a sync makes of it


def test_it_expects_as_many_pages_as_the_last_time(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(orders=30, page_size=10))
    window = WindowRequest(since=datetime.now(UTC) - 30 * DAY)
    first, second = sync(platform, window=window), sync(platform, window=window)
    assert (first.pages, first.pages_expected, second.pages, second.pages_expected) == (3, None, 3, 3)


def test_it_says_how_far_a_sync_is_while_it_waits(
    start_simulator: StartSimulator, capsys: Any, admin_client: Client
) -> None:
    sim = start_simulator(orders=30, page_size=10)
    platform = platform_of(sim)
    window = WindowRequest(since=datetime.now(UTC) - 30 * DAY)
    sync(platform, window=window)

    class RunsDry:
        """At the second page; which is asked for while the first is stored."""

        calls = 0

        def before(self, call: Call) -> Canned | None:
            self.calls += call.operation == "searchOrders"
            return refusal(429, "QuotaExceeded") if self.calls == 2 else None

    sim.faults = RunsDry()
    log = sync(platform, window=window)
    assert (log.status, log.pages, log.pages_expected) == (SyncLog.Status.WAITING, 1, 3)
    sentence = progress_line(log)
    assert sentence.startswith("waiting for Amazon's quota until ")
    assert sentence.endswith(" UTC, 1 of about 3 pages")
    shown = superuser().get(f"/sync-logs/{log.pk}").json()
    assert (shown["progress"], shown["pages"], shown["pages_expected"]) == (sentence, 1, 3)
    assert sync_as_json(log)["progress"] == sentence
    Display().waiting(log)
    assert f"amazon orders: {sentence}; 10 orders" in capsys.readouterr().err
    assert next(report(log)) == f"amazon orders: {sentence} (sync #{log.pk})"
    for address in ("", f"{log.pk}/change/"):
        page = admin_client.get(f"/admin/integrations/synclog/{address}").content.decode()
        assert sentence[1:].replace("'", "&#x27;") in page


def everything_on(terminal: int) -> str:
    """What was written to a terminal whose other end is closed."""
    written = b""
    with suppress(OSError):  # Linux says EIO at the end
        while chunk := os.read(terminal, 4096):
            written += chunk
    os.close(terminal)
    return written.decode()


@pytest.mark.parametrize("columns", [120, 60])
def test_it_draws_a_bar_and_the_whole_sentence_on_a_terminal(monkeypatch: Any, columns: int) -> None:
    log = run_of(status="waiting", pages=12, pages_expected=40, resume_at=NOON, fetched=1200)
    terminal, end = pty.openpty()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(end, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with display() as shown:
            shown.begin(log)
            shown.waiting(log)
    drawn = everything_on(terminal)
    text = " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[━╸╺\u2800-\u28ff]|\d:\d\d:\d\d", "", drawn).split())
    assert f"amazon orders: {progress_line(log)}; 1200 orders" in text
    assert "━" in drawn


def test_it_forgets_what_it_expected_of_live_data_when_mock_data_stands_in(
    start_simulator: StartSimulator, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "always"
    sim = start_simulator()
    run_of(fetched=1500, pages=15)
    sim.script("searchOrders", *[refusal(404)] * 9)
    log = sync(platform_of(sim))
    assert (log.status, log.pages_expected) == (SyncLog.Status.FALLBACK, None)


# --- the sentence


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"status": "queued"}, "queued"),
        ({"status": "queued", "pages": 2}, "queued, 2 pages so far"),
        ({"status": "running"}, "no page yet"),
        ({"status": "running", "pages": 1}, "1 page so far"),
        ({"status": "running", "pages": 12, "pages_expected": 40}, "12 of about 40 pages"),
        ({"status": "running", "pages": 40, "pages_expected": 40}, "40 of about 41 pages"),
        ({"status": "running", "pages": 99, "pages_expected": 40}, "99 of about 100 pages"),
        ({"status": "running", "pages_expected": 1}, "no page yet of about 1"),
        ({"status": "succeeded", "pages": 41, "pages_expected": 40}, "41 pages"),
        ({"status": "failed", "pages": 1}, "1 page"),
    ],
)
def test_it_says_how_far_a_run_is(values: dict[str, Any], sentence: str) -> None:
    assert progress_line(SyncLog(**values)) == sentence


@pytest.mark.parametrize(
    ("zone", "seconds", "moment"),
    [
        ("UTC", 0, "14:32 UTC"),
        ("UTC", 1, "14:33 UTC"),  # never too early
        ("UTC", 8 * 3600, "22:32 UTC"),
        ("Asia/Tokyo", 8 * 3600, "07:32 JST"),
        ("UTC", 10 * 3600, "2026-02-01 00:32 UTC"),
        ("Europe/Berlin", 0, "15:32 CET"),
        ("Asia/Tokyo", 0, "23:32 JST"),
    ],
)
def test_it_says_until_when_a_run_waits_in_the_zone_that_is_active(
    zone: str, seconds: int, moment: str
) -> None:
    resume_at = NOON + timedelta(hours=2, minutes=32, seconds=seconds)
    log = SyncLog(
        platform=Platform(kind="amazon"), status="waiting", pages=12, pages_expected=40, resume_at=resume_at
    )
    with timezone.override(zone):
        sentence = progress_line(log, now=NOON)
    assert sentence == f"waiting for Amazon's quota until {moment}, 12 of about 40 pages"


def test_it_never_expects_less_than_was_read() -> None:
    log = open_sync(amazon())
    log.pages, log.pages_expected = 7, 5
    assert pages_expected(log) == 8
    log.status = SyncLog.Status.SUCCEEDED
    assert pages_expected(log) == 5


# --- how long a window will take in all, before it begins


def of_a_month(days: int = 30) -> SyncLog:
    """As a request for the last days would be stored, of an account that sells 5,000 orders a day."""
    window = read_window(days=days)
    return unopened(Platform.objects.get(name="amazon"), ORDERS, window, "admin")


@pytest.fixture
def big() -> Platform:
    platform = amazon()
    platform.api_config = api_config(Account())
    platform.save()
    run_of(HOUR, end=timezone.now(), fetched=208, pages=3)
    set_states(watermark=timezone.now() - 30 * DAY)
    return platform


def test_it_says_how_long_a_window_takes_by_the_quota_that_is_there(big: Platform) -> None:
    found = forecast(of_a_month())
    assert found is not None
    assert found.pages is not None
    assert (found.at_once, round(found.every.total_seconds())) == (20, 179)
    assert found.takes == (found.pages - 20) * found.every
    assert found.pages == pytest.approx(30 * 24 * 208 / (208 / 3), abs=40)
    assert re.fullmatch(
        r"about 2\d\d\d pages, which take about 10\d h \d+ min in all: Amazon grants one call every 2 min 58 s, and "
        r"regular syncs go first",
        forecast_line(of_a_month()),
    )
    account = AMAZON.account_key(big.api_config)
    bucket = {"rate": 1.0, "burst": 20, "tokens": 5.0, "updated_at": timezone.now()}
    ApiQuota.objects.create(account_key=account, operation="searchOrders", **bucket)
    found = forecast(of_a_month())
    assert found is not None
    assert found.pages is not None
    assert (found.at_once, found.every) == (5, timedelta(seconds=1))


def test_it_says_that_a_short_window_has_its_quota(big: Platform) -> None:
    run_of(DAY, end=timezone.now(), fetched=150, pages=2)
    SyncLog.objects.filter(fetched=208).delete()
    assert forecast_line(of_a_month(1)) == "about 2 pages, for which there is quota now"


def test_it_takes_what_was_never_read_to_be_as_full_as_what_was(big: Platform) -> None:
    SyncLog.objects.all().delete()
    now = timezone.now()
    for number in range(100):
        at = now - number * DAY / 10
        make_order(str(number), platform_updated_at=at, purchased_at=at)
    nine, hundred = forecast(of_a_month(9)), forecast(of_a_month(100))
    assert nine is not None
    assert hundred is not None
    assert (nine.pages, hundred.pages) == (1, 10)


def test_it_does_not_judge_what_nobody_knows(big: Platform) -> None:
    SyncLog.objects.all().delete()
    assert forecast_line(of_a_month()).startswith("how long it takes is not known before it was read once")
    log = open_sync(big)  # no window of its own
    assert (forecast(log), forecast_line(log)) == (None, "")
    big.api_config = {}
    big.save()
    assert forecast_line(of_a_month()) == ""


def test_it_is_said_before_the_window_is_started(big: Platform, admin_client: Client, capsys: Any) -> None:
    form = {"platform": big.pk, "kind": "orders", "span": "days", "days": "30", "by": "updated"}
    estimate = "/admin/platforms/platform/sync/estimate/"
    shown = admin_client.post(estimate, form).content.decode()
    line = forecast_line(of_a_month())
    assert f"Orders · Amazon: A{line[1:]}." in shown
    for nothing in ({"span": "last"}, {"days": "x"}, {"kind": "inventory"}, {"platform": ""}):
        assert admin_client.post(estimate, form | nothing).content == b""
    assert 'hx-post="/admin/platforms/platform/sync/estimate/"' in page_at(
        admin_client, "platforms/platform/sync/"
    )
    assert not SyncLog.objects.open().exists()
    log = open_sync(big, window=read_window(days=30))
    assert f"Waiting for a worker; {line}." in page_at(admin_client, f"integrations/synclog/{log.pk}/change/")
    with suppress(SystemExit):
        call_command("sync_orders", "amazon", "--days", "30", "--background", "--json")
    written = capsys.readouterr()
    assert f"amazon orders: {line}.\n" in written.err
    assert json.loads(written.out)["id"] == log.pk


def page_at(client: Client, address: str) -> str:
    return client.get(f"/admin/{address}").content.decode()
