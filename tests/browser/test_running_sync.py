"""A sync while it runs: the test is the worker, and looks at the browser after each page that it stored."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from api.tests.rest import make_order
from integrations.models import SyncFailure, SyncLog
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.syncing import open_sync, platform_of
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
Inspect = Callable[[Page], list[str]]
PLATFORMS = "/admin/platforms/platform/"
LOGS = "/admin/integrations/synclog/"
PLACES = {
    "sync log": LOGS,
    "sync": LOGS + "{log}/change/",
    "platforms": PLATFORMS,
    "platform": PLATFORMS + "{platform}/change/",
}


@pytest.fixture
def open_log(start_simulator: Any, platform: Platform) -> SyncLog:
    """Thirty orders in three pages, where an earlier sync of a month had four: so many are expected."""
    platform, now = platform_of(start_simulator(orders=30, page_size=10)), timezone.now()
    SyncLog.objects.create(
        platform=platform, kind="orders", trigger="scheduler", status="succeeded", source="live", window_by="updated",
        window_start=now - timedelta(days=30), window_end=now, fetched=40, pages=4,
    )  # fmt: skip
    log = open_sync(platform)
    SyncLog.objects.filter(pk=log.pk).update(pages_expected=4)  # the start of the run finds the same
    return log


def address(place: str, log: SyncLog) -> str:
    return PLACES[place].format(log=log.pk, platform=log.platform_id)


def part(page: Page, log: SyncLog, slot: str) -> Locator:
    return page.locator(f'[data-oms-slot="{slot}"]').first


@pytest.mark.parametrize("place", ["sync log", "platform"])
def test_it_moves_the_bar_without_reloading(log_in: LogIn, open_log: SyncLog, place: str) -> None:
    page = log_in(at=address(place, open_log))
    page.evaluate("window.sameDocument = true")
    expect(part(page, open_log, "state")).to_have_text(re.compile("queued"))
    seen: list[str | None] = []

    def look(log: SyncLog) -> None:
        bar = part(page, log, "progress")
        expect(bar).to_contain_text(f"{log.pages} of about 4 pages, {log.fetched} orders")
        expect(part(page, log, "state")).to_have_text(re.compile("running"))
        seen.append(bar.get_by_role("progressbar").get_attribute("value"))

    run_sync(open_log.pk, on_page=look)
    assert seen == ["1", "2", "3"]
    if place == "platform":  # asks anew for all that follows from the sync
        expect(page.locator("#oms-last-runs")).to_contain_text("30 fetched, 30 new.")
        expect(page.locator("#oms-orders_watermark")).to_contain_text("UTC")
    else:
        expect(part(page, open_log, "state")).to_have_text(re.compile("succeeded"))
        expect(part(page, open_log, "progress")).to_contain_text("30 fetched, 30 new.")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_role("status").last).to_have_text(f"Orders sync #{open_log.pk}: succeeded")
    if place in ("sync log", "sync"):
        expect(part(page, open_log, "fetched")).to_have_text("30")
    assert page.evaluate("window.sameDocument") is True


@pytest.mark.parametrize("place", ["sync", "platforms"])
def test_it_is_cancelled_after_the_current_page(log_in: LogIn, open_log: SyncLog, place: str) -> None:
    page = log_in(at=address(place, open_log))

    def cancel(log: SyncLog) -> None:
        if log.pages == 1:
            expect(part(page, log, "state")).to_have_text(re.compile("running"))
            page.get_by_role("button", name="Cancel").click()
            expect(page.get_by_text(re.compile(r"Sync #\d+ stops after the current page\."))).to_be_visible()
            expect(page).to_have_url(re.compile(re.escape(address(place, log)) + "$"))
            expect(page.get_by_role("button", name="Cancel")).to_have_count(0)

    log = run_sync(open_log.pk, on_page=cancel)
    assert (log.status, log.pages) == ("cancelled", 1)
    assert Order.objects.count() == 10
    expect(part(page, log, "state")).to_have_text(re.compile("cancelled"))


def test_it_says_until_when_amazons_quota_is_waited_for(
    log_in: LogIn, open_log: SyncLog, settings: Any
) -> None:
    settings.AMAZON_QUOTAS = settings.AMAZON_QUOTAS | {"searchOrders": (0.001, 2)}
    page = log_in(at=address("sync log", open_log))
    log = run_sync(open_log.pk)
    assert log.resume_at is not None
    sentence = f"Waiting for Amazon's quota until {log.resume_at + timedelta(minutes=1):%H:%M} UTC, 2 of about 4 pages"
    expect(part(page, log, "progress")).to_contain_text(sentence)
    expect(part(page, log, "state")).to_have_text(re.compile("waiting"))


def test_it_says_what_went_wrong_and_what_to_do(log_in: LogIn, open_log: SyncLog) -> None:
    platform = open_log.platform
    platform.api_config = {**platform.api_config, "client_secret": "wrong"}
    platform.save()
    make_order(platform=platform)  # so that no mock data stands in
    page = log_in(at=address("sync", open_log))
    run_sync(open_log.pk)
    expect(part(page, open_log, "state")).to_have_text(re.compile("failed"))
    expect(part(page, open_log, "error")).to_contain_text("invalid_client")
    expect(part(page, open_log, "error")).to_contain_text("press Check connection")


def test_it_copies_amazons_request_id(log_in: LogIn, platform: Platform) -> None:
    log = request_sync(platform=platform, kind="orders", trigger="admin").log
    SyncLog.objects.filter(pk=log.pk).update(
        status="failed", open_key=None, error_code="unavailable", request_id="f1b2-c3d4"
    )
    page = log_in(permissions=["clipboard-read", "clipboard-write"])
    page.goto(address("sync", log))
    page.get_by_role("button", name="Copy").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "f1b2-c3d4"


def test_it_replays_and_dismisses_failures_beside_them(
    log_in: LogIn, platform: Platform, open_log: SyncLog
) -> None:
    log = run_sync(open_log.pk)
    first, second = Order.objects.order_by("external_id").values_list("external_id", flat=True)[:2]
    for external_id in (first, second):
        SyncFailure.objects.create(
            log=log, platform=log.platform, kind="orders", external_id=external_id,
            error_code="malformed", error_message="It has no purchase date.",
        )  # fmt: skip
    SyncLog.objects.filter(pk=log.pk).update(failed=2, status="partial")
    page = log_in(at=address("sync", log))
    page.get_by_role("button", name=f"Replay {first}").click()
    expect(page.get_by_text("1 record is stored now.")).to_be_visible()
    expect(page.get_by_role("button", name=f"Replay {first}")).to_have_count(0)
    page.get_by_role("button", name=f"Dismiss {second}").click()
    expect(page.get_by_text("is dismissed.")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/synclog/{log.pk}/change/$"))
    expect(page.get_by_role("button", name="Replay all failures")).to_have_count(0)
    assert set(SyncFailure.objects.values_list("resolution", flat=True)) == {"replayed", "dismissed"}


@pytest.mark.parametrize("width", [1400, 390])
def test_it_fits_the_window(log_in: LogIn, open_log: SyncLog, width: int) -> None:
    SyncLog.objects.filter(pk=open_log.pk).update(
        pages=2, fetched=1_234_567, created=123_456, updated=123_456, unchanged=1_234_567, failed=1234,
        started_at=open_log.queued_at, window_start=open_log.queued_at, window_end=open_log.queued_at,
    )  # fmt: skip
    page = log_in(viewport={"width": width, "height": 844})
    for place in PLACES:
        page.goto(address(place, open_log))
        expect(page.get_by_text("1,234,567 orders").first).to_be_visible()
        for element in ("document.documentElement", "document.querySelector('#result_list')?.parentElement"):
            wide = page.evaluate(
                f"(() => {{ const e = {element}; return e ? e.scrollWidth - e.clientWidth : 0 }})()"
            )
            assert wide <= 0, (place, element)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_shuts_nobody_out(log_in: LogIn, grave_problems: Inspect, open_log: SyncLog, scheme: str) -> None:
    SyncLog.objects.filter(pk=open_log.pk).update(
        pages=2, fetched=20, started_at=open_log.queued_at, error_code="unavailable", request_id="f1b2-c3d4",
        error_message="Amazon is having trouble (HTTP 503).", failed=1,
    )  # fmt: skip
    SyncFailure.objects.create(
        log=open_log, platform=open_log.platform, kind="orders", external_id="111-1", error_code="malformed",
        error_message="It has no purchase date.",
    )  # fmt: skip
    page = log_in(color_scheme=scheme)
    for place in PLACES:
        page.goto(address(place, open_log))
        expect(page.get_by_role("progressbar").first).to_be_visible()
        assert grave_problems(page) == []
