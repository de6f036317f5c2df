"""This machine's clock and Amazon's differ: windows go by Amazon's, with a margin. The watermark never moves back."""

import html
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.amazon.clock import AmazonClock
from integrations.amazon.config import load
from integrations.amazon.order_span import FAR_EAST_SINCE, MEMORY, OrderSpan
from integrations.models import StreamState, SyncLog
from integrations.protocol import Window
from integrations.sync.connection_check import check_platform, is_fine
from integrations.sync.run import run_sync
from integrations.sync.windows import WindowRequest
from integrations.tests.states import set_states, watermark_of
from integrations.tests.syncing import (
    ALWAYS,
    open_sync,
    order_page,
    platform_of,
    raw_order,
    refusal,
    requests_of,
    stored_orders,
    sync,
)
from integrations.window_input import read_window
from platforms.models import Platform
from simulator import Account, CompleteUntil, Rule, SetClock, Simulator

pytestmark = pytest.mark.django_db

StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
HOUR = 3600
A_SECOND = timedelta(seconds=1)
TOO_YOUNG = refusal(400, "InvalidInput", "lastUpdatedBefore must be at least two minutes before now.")


def codes(log: SyncLog) -> list[str]:
    return [note["code"] for note in log.notes]


def scope_of(platform: Platform) -> str:
    return load(platform.api_config).scope


def asked(sim: Simulator, name: str) -> list[datetime]:
    return [datetime.fromisoformat(call[name]) for call in requests_of(sim, "searchOrders")]


# --- windows


@pytest.mark.parametrize("ahead", [-23 * HOUR, -5 * HOUR, -31, -1, 1, 45, 20 * HOUR, 23 * HOUR])
def test_windows_go_by_amazons_clock(start_simulator: StartSimulator, ahead: float) -> None:
    latest = timezone.now() + timedelta(seconds=ahead, minutes=-5)
    sim = start_simulator(Account(orders=20, end=latest), clock_ahead=ahead)
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, codes(log), sim.calls["searchOrders"]) == (Status.SUCCEEDED, [], 1)
    assert stored_orders(platform) == sim.accounts[0].truth_orders()
    assert log.window_end is not None
    assert abs(sim.now() - timedelta(minutes=3) - log.window_end) < timedelta(seconds=4)
    assert watermark_of() == log.window_end


def test_it_follows_a_clock_that_is_set(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=3)
    platform = platform_of(sim)
    sync(platform)
    for ahead in (-HOUR, 2 * HOUR, 0):
        sim.rules.add(Rule(operation="searchOrders", nth=1, fault=SetClock(ahead)))
        sync(platform)  # its answer tells
        log = sync(platform)
        assert (log.status, log.window_end is not None) == (Status.SUCCEEDED, True)
        assert abs(asked(sim, "lastUpdatedBefore")[-1] - sim.now() + timedelta(minutes=3)) < timedelta(
            seconds=4
        )


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"]
)
def test_it_goes_by_this_machines_clock_where_the_date_makes_no_sense(
    start_simulator: StartSimulator, date: str
) -> None:
    sim = start_simulator()
    sim.script("searchOrders", order_page(raw_order(), headers={"Date": date}))
    sync(platform_of(sim))
    log = sync(platform_of(sim))
    assert log.window_end is not None
    assert abs(timezone.now() - timedelta(minutes=3) - log.window_end) < timedelta(seconds=4)


def test_a_run_whose_platform_gives_no_token_says_so(start_simulator: StartSimulator, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    log = sync(platform_of(sim, client_secret="wrong"))
    assert (log.status, log.error_code, log.source) == (Status.FAILED, "invalid_client", "live")
    assert sim.calls == {"token": 1}


def test_an_end_that_was_asked_for_is_cut_to_amazons_clock(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5, clock_ahead=-HOUR)
    now = timezone.now().replace(microsecond=0)
    until = now - timedelta(minutes=10)
    log = sync(platform_of(sim), window=WindowRequest("updated", now - timedelta(days=1), until))
    assert log.status == Status.SUCCEEDED
    assert log.window_end is not None
    assert log.window_end < until - timedelta(minutes=50)
    later = sync(platform_of(sim), window=WindowRequest("updated", now - timedelta(minutes=20)))
    assert (later.status, later.window_start) == (Status.SUCCEEDED, later.window_end)


def test_the_last_days_count_from_the_start_of_the_run(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    log = open_sync(platform_of(sim), window=read_window(days=7))
    SyncLog.objects.update(window_start=timezone.now() - timedelta(days=9))  # asked for two days ago
    run_sync(log.pk)
    assert abs(asked(sim, "lastUpdatedAfter")[0] - timezone.now() + timedelta(days=7)) < timedelta(seconds=4)


# --- one repetition


def test_it_asks_once_more_with_an_earlier_end(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=25, page_size=10)
    sim.script("searchOrders", TOO_YOUNG)
    platform = platform_of(sim)
    log = sync(platform)
    assert (log.status, log.error_code, codes(log)) == (Status.SUCCEEDED, "", ["window_end_moved"])
    first, *more = asked(sim, "lastUpdatedBefore")
    assert more == [first - timedelta(minutes=5)] * 3
    assert watermark_of() == more[0]


def test_it_asks_no_more_than_once_more(start_simulator: StartSimulator, settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    sim.script("searchOrders", *[TOO_YOUNG] * ALWAYS)
    log = sync(platform_of(sim))
    assert (log.status, log.error_code, sim.calls["searchOrders"]) == (Status.FAILED, "bad_request", 2)
    assert "time synchronisation" in log.error_message
    assert watermark_of() is None


def test_it_believes_the_date_of_the_refusal(start_simulator: StartSimulator) -> None:
    """A proxy, say, gave the answers before with a time of its own."""
    sim = start_simulator(orders=5)
    sim.rules.add(Rule(operation="searchOrders", nth=1, fault=SetClock(-2 * HOUR)))
    log = sync(platform_of(sim))
    assert (log.status, codes(log)) == (Status.SUCCEEDED, ["window_end_moved"])
    assert watermark_of() == asked(sim, "lastUpdatedBefore")[-1]
    assert log.window_end is not None
    assert asked(sim, "lastUpdatedBefore")[-1] < log.window_end - timedelta(hours=2)


@pytest.mark.parametrize("kind", ["another name", "another status", "a later page"])
def test_it_repeats_no_other_refusal(start_simulator: StartSimulator, settings: Any, kind: str) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    answers = {
        "another name": [refusal(400, "InvalidInput", "marketplaceIds has an empty value.")],
        "another status": [refusal(404, "NotFound", "lastUpdatedBefore was not found.")],
        "a later page": [order_page(raw_order(), token="more"), TOO_YOUNG],
    }
    sim.script("searchOrders", *answers[kind])
    log = sync(platform_of(sim))
    assert "window_end_moved" not in codes(log)
    assert len(set(asked(sim, "lastUpdatedBefore"))) == 1


# --- until when an answer is complete


ODD = ["0001-01-01T00:00:00Z", "1961-06-09T14:52:24Z", "9999-12-31T23:59:59Z", "soon"]


@pytest.mark.parametrize("said", ODD)
@pytest.mark.parametrize("by", ["updated", "created"])
def test_an_end_that_makes_no_sense_is_noted_and_ignored(
    start_simulator: StartSimulator, settings: Any, said: str, by: str
) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = 0
    sim = start_simulator(orders=25, page_size=10)
    sim.rules.add(Rule(operation="searchOrders", fault=CompleteUntil(said)))
    platform = platform_of(sim)
    log = sync(platform, window=WindowRequest(by))
    assert (log.status, codes(log)) == (Status.SUCCEEDED, ["odd_completeness"])
    assert said in log.notes[0]["message"]
    if by == "updated":
        assert log.window_end is not None
        assert watermark_of() == log.window_end
        following = sync(platform)
        assert following.window_start == log.window_end - timedelta(minutes=10)


def test_an_end_within_the_window_counts(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    until = timezone.now().replace(microsecond=0) - timedelta(hours=3)
    sim.rules.add(Rule(operation="searchOrders", nth=1, fault=CompleteUntil(until.isoformat())))
    assert codes(sync(platform)) == []
    assert watermark_of() == until


def test_the_watermark_never_moves_back(start_simulator: StartSimulator) -> None:
    """Not even to a time within the overlap, which makes sense as an answer."""
    sim = start_simulator()
    platform = platform_of(sim)
    first = sync(platform).window_end
    assert first is not None
    sim.rules.add(
        Rule(operation="searchOrders", fault=CompleteUntil((first - timedelta(minutes=9)).isoformat()))
    )
    assert codes(sync(platform)) == []
    assert watermark_of() == first


@pytest.mark.parametrize("stored", [(1, 1, 1), (1999, 12, 31), (9999, 12, 31, 23, 59, 59), "in 20 minutes"])
def test_a_watermark_that_makes_no_sense_is_survived(
    start_simulator: StartSimulator, stored: tuple[int, int, int] | str
) -> None:
    sim = start_simulator(orders=5)
    platform = platform_of(sim)
    soon = timezone.now() + timedelta(minutes=20)
    watermark = soon if isinstance(stored, str) else datetime(*stored, tzinfo=UTC)
    set_states(watermark=watermark, watermark_scope=scope_of(platform))
    log = sync(platform)
    assert (log.status, codes(log)) == (Status.SUCCEEDED, ["watermark_ignored"])
    assert log.window_end is not None
    assert log.window_start == log.window_end - timedelta(days=30)
    assert watermark_of() == log.window_end
    assert codes(sync(platform)) == []


@pytest.mark.parametrize("stored", ["0001-01-01T00:00:00+00:00", "2098-01-01T00:00:00+00:00"])
def test_a_marketplaces_watermark_that_makes_no_sense_is_survived(
    start_simulator: StartSimulator, stored: str
) -> None:
    main, other = "A1PA6795UKMFR9", "A13V1IB3VIYZZH"
    sim = start_simulator(Account(orders=9, marketplace_ids=(main, other)))
    platform = platform_of(sim)
    account = scope_of(platform).split(",")[-1]
    set_states(
        watermark=timezone.now() - timedelta(hours=1),
        watermark_scope=f"{main},{account}",
        part_watermarks={other: stored},
    )
    log = sync(platform)
    assert (log.status, set(asked(sim, "lastUpdatedAfter"))) == (Status.SUCCEEDED, {log.window_start})
    assert StreamState.of(platform, "orders").part_watermarks == {}


def test_a_watermark_a_little_ahead_is_a_clocks_fault(start_simulator: StartSimulator, settings: Any) -> None:
    settings.ORDERS_LOOK_BACK_HOURS = 0
    sim = start_simulator()
    platform = platform_of(sim)
    ahead = timezone.now() + timedelta(minutes=6)
    set_states(watermark=ahead, watermark_scope=scope_of(platform))
    log = sync(platform)
    assert log.window_end is not None
    assert (codes(log), log.window_start) == ([], log.window_end - timedelta(minutes=10))
    assert watermark_of() == ahead


# --- how far back


def span(start: datetime, *, region: str = "NA", checkpoint: Any = None) -> OrderSpan:
    window = Window("updated", start, timezone.now())
    return OrderSpan(window, checkpoint or {}, region=region, clock=AmazonClock("https://nowhere"))


def test_it_asks_for_two_years_and_no_more() -> None:
    edge = timezone.now() - MEMORY
    within, beyond = edge + 5 * A_SECOND, edge - 5 * A_SECOND
    assert (span(within).start, span(within).take_notes()) == (within, ())
    cut = span(beyond)
    [note] = cut.take_notes()
    assert (note.code, "two years ago" in note.message) == ("window_start_moved", True)
    assert timedelta(0) <= cut.start - edge + A_SECOND < 2 * A_SECOND
    assert span(beyond, checkpoint=cut.checkpoint()).start == cut.start
    assert span(beyond, region="FE").start == beyond
    assert span(FAR_EAST_SINCE - A_SECOND, region="FE").start == FAR_EAST_SINCE
    assert span(datetime(1, 1, 1, tzinfo=UTC)).parameters()["lastUpdatedAfter"][:2] == "20"
    assert span(datetime(999, 1, 1, tzinfo=UTC), checkpoint={"token": "x"}).parameters() | {} != {}


def test_years_have_four_digits(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    since = datetime(998, 12, 31, tzinfo=UTC)
    log = sync(platform_of(sim), window=WindowRequest("updated", since))
    assert (log.status, codes(log)) == (Status.SUCCEEDED, ["window_start_moved"])
    assert "0998-12-31T00:00:00Z" in log.notes[0]["message"]
    assert json.loads(log.asked or "")["since"] == "0998-12-31T00:00:00Z"


def test_it_asks_nothing_where_amazon_remembers_nothing(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    since, until = datetime(2016, 1, 1, tzinfo=UTC), datetime(2017, 1, 1, tzinfo=UTC)
    log = sync(platform_of(sim), window=WindowRequest("updated", since, until))
    assert (log.status, codes(log), sim.calls["searchOrders"]) == (
        Status.SUCCEEDED,
        ["window_start_moved"],
        0,
    )


# --- the connection check


def clock_finding(platform: Platform) -> tuple[bool | None, str, str] | None:
    found = [each for each in check_platform(platform) if each.step == "clock"]
    return (found[0].ok, found[0].code, found[0].message) if found else None


@pytest.mark.parametrize("ahead", [0, 3, -3])
def test_the_check_is_silent_about_a_small_difference(start_simulator: StartSimulator, ahead: float) -> None:
    assert clock_finding(platform_of(start_simulator(clock_ahead=ahead))) is None


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (-30, "clock is 30 seconds ahead of Amazon's"),
        (7, "seconds behind Amazon's"),
        (5 * HOUR, "clock is 5 hours behind Amazon's"),
    ],
)
def test_the_check_says_how_far_this_machines_clock_is_off(
    start_simulator: StartSimulator, ahead: float, said: str
) -> None:
    platform = platform_of(start_simulator(clock_ahead=ahead))
    found = clock_finding(platform)
    assert found is not None
    ok, code, text = found
    assert (ok, code) == (True, "clock_off")
    assert said in text.replace("29 seconds", "30 seconds").replace("31 seconds", "30 seconds")
    assert "OMS corrects this" in text
    assert "time synchronisation" in text
    assert is_fine(check_platform(platform))
    assert sync(platform).status == Status.SUCCEEDED


@pytest.mark.parametrize(
    ("ahead", "said"), [(-30 * 24 * HOUR, "30 days ahead of"), (49 * HOUR, "2 days behind")]
)
def test_a_clock_that_is_days_off_is_refused_everywhere_until_it_is_set(
    start_simulator: StartSimulator, admin_client: Client, settings: Any, ahead: float, said: str
) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator(Account(orders=3), clock_ahead=ahead)
    platform = platform_of(sim)
    found = clock_finding(platform)
    assert found is not None
    assert found[:2] == (False, "clock_wrong")
    log = sync(platform)
    assert (log.status, log.error_code, log.pages, watermark_of()) == (Status.FAILED, "clock_wrong", 0, None)
    assert sim.calls["searchOrders"] == 0
    home = html.unescape(admin_client.get("/admin/").content.decode())
    for text in (found[2], log.error_message, home):
        assert f"This machine's clock is {said}" in text
        assert "timedatectl set-ntp true" in text
    sim.rules.add(Rule(operation="token", nth=1, fault=SetClock(0)))
    check_platform(platform)
    log = sync(platform)
    assert (log.status, log.created) == (Status.SUCCEEDED, 3)


@pytest.mark.parametrize("watermark", [None, timedelta(hours=5), timedelta(days=-3)])
def test_the_check_makes_the_calls_of_a_sync(
    start_simulator: StartSimulator, watermark: timedelta | None
) -> None:
    sim = start_simulator(Account(orders=5, skus=3, marketplace_ids=("A1PA6795UKMFR9", "A13V1IB3VIYZZH")))
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    if watermark is not None:
        set_states(watermark=timezone.now() - watermark, watermark_scope=scope_of(platform))
    found = check_platform(platform)
    checked = {name: requests_of(sim, name) for name in ("searchOrders", "getInventorySummaries")}
    log = sync(platform)
    sync(platform, "inventory")
    assert {each.code for each in found} - {""} == set(codes(log))
    for name, calls in checked.items():
        asked_by_sync = requests_of(sim, name)[len(calls) :]
        assert len(calls) == len(asked_by_sync)
        for one, other in zip(calls, asked_by_sync, strict=True):
            for end in {"lastUpdatedAfter", "lastUpdatedBefore"} & one.keys():  # the sync is a little later
                assert abs(moment_of(one.pop(end)) - moment_of(other.pop(end))) < 20 * A_SECOND
            assert one == other


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_check_asks_once_more_like_a_sync(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", TOO_YOUNG)
    found = {each.step: each for each in check_platform(platform_of(sim))}
    assert (found["orders"].ok, found["window"].code) == (True, "window_end_moved")
    sim.script("searchOrders", *[TOO_YOUNG] * ALWAYS)
    found = {each.step: each for each in check_platform(platform_of(sim))}
    assert (found["orders"].ok, found["orders"].code) == (False, "bad_request")
    assert "time synchronisation" in found["orders"].message
