"""What a plan goes by, of a platform with its wallet, its syncs and its orders; and how the plan is shown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.tests.rest import amazon, make_order
from conftest import api_config
from integrations.as_json import plan_as_json
from integrations.completeness.plan_facts import ASSUMED, facts_of
from integrations.completeness.planner import Facts, Goal, plan
from integrations.models import ApiQuota, OrderAudit, StreamState, SyncLog
from integrations.plan_wording import plan_lines
from integrations.protocol import Window
from integrations.registry import CHANNELS
from integrations.tests.syncing import ORDERS
from platforms.models import Platform
from simulator import Account

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
YEARS = Window("created", NOW - timedelta(days=730), NOW)


@pytest.fixture
def platform() -> Platform:
    found = amazon()
    found.api_config = api_config(Account())
    found.is_active = True
    found.save()
    return found


def facts(platform: Platform, **values: Any) -> Facts:
    found = facts_of(platform, YEARS, now=NOW, **values)
    assert found is not None
    return found


def test_it_goes_by_the_published_quotas_at_first(platform: Platform) -> None:
    found = facts(platform)
    assert (found.page.operation, found.page.rate, found.page.tokens, found.page.kept) == (
        "searchOrders",
        0.0056,
        20,
        5,
    )
    assert (found.orders, found.full, found.page_size, found.is_ahead) == (None, 0, 100, False)
    assert found.lists is not None
    assert (found.lists.request.tokens, found.lists.request.kept, found.lists.takes) == (15, 0, ASSUMED)


def test_it_goes_by_what_the_wallet_syncs_and_audits_say(platform: Platform) -> None:
    account = CHANNELS[platform.kind].account_key(platform.api_config)
    # Four were left 500 s ago: 500 × 0.008 are 4 more.
    ApiQuota.objects.create(
        account_key=account, operation="searchOrders", rate=0.008, burst=20, tokens=4.0,
        updated_at=NOW - timedelta(seconds=500),
    )  # fmt: skip
    StreamState.write(platform.pk, ORDERS, interval_minutes=20, watermark=NOW - timedelta(days=1))
    for pages in (1, 2, 3):
        SyncLog.objects.create(
            platform=platform, kind=ORDERS, trigger="schedule", status="succeeded", source="live", pages=pages,
            fetched=90 * pages, window_by="updated", window_start=NOW - timedelta(hours=1), window_end=NOW,
        )  # fmt: skip
    OrderAudit.objects.create(
        platform=platform, trigger="command", status="succeeded", window_start=NOW, window_end=NOW,
        parts=[{"polls": 2}, {"polls": 3}],
    )  # fmt: skip
    make_order(platform=platform, purchased_at=NOW - timedelta(days=40))
    found = facts(platform, orders=500_000)
    assert found.page.tokens == pytest.approx(8)
    assert found.page.regular is not None
    assert (found.page.regular.calls, found.page.regular.every) == (2, 1200)
    assert found.lists is not None
    assert found.lists.takes == 15 + 30 + 60
    assert found.full == 1
    ahead = facts_of(platform, Window("updated", NOW - timedelta(hours=2), NOW), now=NOW)
    assert ahead is not None
    assert ahead.is_ahead
    assert ahead.orders == 540 / 3 * 2  # 180 an hour


def test_there_are_none_without_credentials() -> None:
    assert facts_of(Platform(name="new", kind="amazon"), YEARS) is None


def test_a_plan_is_shown_in_lines_and_as_json(platform: Platform) -> None:
    StreamState.write(platform.pk, ORDERS, interval_minutes=0)
    made = plan(facts(platform, orders=500_000), Goal.LISTED)
    lines = list(plan_lines(made))
    assert lines[:2] == [
        "About 500,000 orders: 0 are here in full, 0 are known by report alone.",
        "Cheapest: lists, then pages and ids side by side. All orders are listed soonest that way.",
    ]
    # (5000 - 15) / 0.0056 s: a quarter of the 20 calls at once is left to others.
    assert lines[3] == (
        "  window       listed in 10.3 days, complete in 10.3 days; 5,000 searchOrders; 10.3 days of quota"
    )
    assert lines[4] == "  by_id        not possible: not all orders of the window are known by id"
    # The last list is asked for after 10 / 0.0167 s, takes 300 s as assumed, and is looked after 15, 30, 60, 120 and
    # 300 s later each: here at 525 s. Six looks at each of 25.
    assert lines[6].startswith(
        "  report       listed in 18 min 43 s, complete in 5.4 days; 25 createReport, 150 getReport"
    )
    assert lines[7].startswith("Full answers side by side: 2,6")
    shown = json.loads(json.dumps(plan_as_json(made)))
    assert (shown["cheapest"], shown["why"], shown["goal"], shown["orders"]) == (
        "report",
        "soonest",
        "listed",
        500_000,
    )
    assert shown["reason"] == lines[1]
    report = shown["lanes"][-1]
    assert report["calls"]["createReport"] == {"calls": 25, "seconds": 1497.0}
    assert report["seconds_until_listed"] == 1124
    assert shown["enrichment"]["orders_by_pages"] + shown["enrichment"]["orders_by_id"] == 500_000
    assert shown["lanes"][0]["obstacle"] == "already_read"
