"""Every page of the admin for everybody: axe finds nothing serious, in light and dark, wide and narrow."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from access.tokens import make_token
from backoffice.models import ScheduledExport
from backoffice.platforms.page_tabs import PageTab
from browser.conftest import OF_COLORS
from integrations.lookup.planning import count_platform
from integrations.models import AuditedDay, AuditFinding, Backfill, OrderAudit, SyncFailure, SyncLog
from integrations.shipping.making import make_shipment
from integrations.shipping.rules import Package
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.sync.streams import STREAMS
from orders.models import Erasure, LegalHold, Order
from orders.packing import make_list
from platforms.models import Platform
from webhooks.models import Delivery, Endpoint

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
Inspect = Callable[..., list[str]]
# Of what was found; not a calendar's icon, which has a title, and not Django's chooser of permissions.
UNTITLED = """found => found.filter(each => !each.querySelector('[title]') && !each.closest('.selector'))
    .map(each => each.outerHTML.slice(0, 160))"""
WIDE: ViewportSize = {"width": 1400, "height": 900}
MIDDLE: ViewportSize = {"width": 1280, "height": 900}  # from here on the menu is beside the page
NARROW: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def filled(platform: Platform, start_simulator: Any) -> None:
    """Live orders and stock, a failure, a sync that is still queued, a webhook and a delivery that was given up."""
    account = start_simulator(orders=6, skus=5).accounts[0]
    from conftest import api_config

    platform.api_config = api_config(account)
    platform.save()
    for kind in STREAMS:
        log = request_sync(platform=platform, kind=kind, trigger=SyncLog.Trigger.ADMIN).log
        run_sync(log.pk)
    SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", external_id="111-0000000-0000000", error_code="malformed"
    )
    request_sync(platform=platform, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.ADMIN)
    order = Order.objects.earliest("pk")
    # Whether any of the simulator's few orders is still to be shipped, depends on the hour.
    Order.objects.filter(pk=order.pk).update(status="unshipped", fulfilled_by="merchant")
    order.items.update(quantity_ordered=1, quantity_shipped=0, quantity_left=1)
    order.packages.all().delete()  # of when it was shipped
    LegalHold.objects.create(platform=platform, order=order, reason="Lawsuit", until=order.purchased_at)
    Erasure.objects.create(
        number="4f7c1a9e2b6d8035", scope="order", about=order.external_id, started_at=order.purchased_at
    )
    audit = OrderAudit.objects.create(
        platform=platform, trigger="schedule", status="partial", window_start=order.purchased_at,
        window_end=order.purchased_at, calls={"getOrder": {"calls": 1, "seconds": 2.0}}, api_calls=1,
    )  # fmt: skip
    Backfill.objects.create(
        platform=platform, trigger="admin", status="partial", phase="completing", listed=9, failed=1,
        window_start=order.purchased_at, window_end=order.purchased_at, listed_at=order.purchased_at,
    )  # fmt: skip
    day = order.purchased_at.date()
    for state in ("healed", "open", "not_yet", "proven"):
        AuditedDay.objects.create(
            platform=platform,
            audit=audit,
            day=day,
            marketplace_id=state,
            state=state,
            checked_at=order.purchased_at,
        )
    differs = [{"field": "status", "reported": "shipped", "stored": "unshipped"}]
    AuditFinding.objects.create(
        audit=audit, external_id=order.external_id, kind="different", outcome="open", day=day,
        marketplace_id="open", differences=differs, failure=SyncFailure.objects.latest("pk"),
    )  # fmt: skip
    make_list(Order.objects.filter(status__in=Order.TO_SHIP), "Ana")
    waiting = Order.objects.to_ship().earliest("pk")
    make_shipment(waiting, Package(), who="Ana", is_draft=True)
    count_platform(platform)
    make_token(User.objects.create_user("program"), name="Nightly")
    ScheduledExport.objects.create(
        name="Orders", file="orders", destination="email", recipients=["ada@shop.example"], file_stem="orders"
    )
    webhook = Endpoint.objects.create(
        name="Warehouse", url="https://warehouse.example", events=["order.created"]
    )
    Delivery.objects.create(
        endpoint=webhook, message_id="msg_1", event="order.created", body="{}",
        state=Delivery.State.FAILED, next_at=None,
    )  # fmt: skip


def pages() -> Iterator[str]:
    """The home page, and each model's list, newest row and empty form, as far as they exist."""
    yield reverse("admin:index")
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        row = model._default_manager.order_by("-pk").first()
        if row is not None:
            yield reverse(f"{name}_change", args=[row.pk])
    yield reverse("admin:platforms_platform_add")
    yield reverse("admin:webhooks_endpoint_add")
    yield reverse("admin:oms_scheduledexport_add")
    yield f"{reverse('admin:oms_scheduledexport_add')}?file=orders"
    yield reverse("admin:orders_legalhold_add")
    yield reverse("admin:orders_erasure_by_email")
    yield reverse("admin:inventory_plannedsku_upload")
    yield reverse("admin:access_apitoken_add")
    yield reverse("sales-report")
    yield reverse("sync-health")
    yield reverse("order-completeness")
    yield f"{reverse('order-completeness')}?since=2026-01-01"  # the plan of a backfill
    for day in AuditedDay.objects.order_by("state")[:1]:
        yield f"{reverse('order-completeness-day')}?platform={day.platform_id}&day={day.day}"
    yield reverse("my-sessions")
    yield reverse("my-alerts")
    yield reverse("admin:platforms_platform_sync") + f"?platform={Platform.objects.earliest('pk').pk}"
    order = Order.objects.earliest("pk")
    month = f"{order.purchased_at:%Y-%m}"
    yield reverse("sales-report") + f"?from={month}&to={month}"
    yield reverse("where-is-my-order") + f"?id={order.external_id}"
    yield reverse("where-is-my-order") + "?id=902-0000000-0000000"
    yield reverse("admin:orders_order_history", args=[order.pk])
    waiting = Order.objects.to_ship().earliest("pk")
    yield reverse("admin:orders_order_ship", args=[waiting.pk])
    yield reverse("shipping-import")
    yield f"{reverse('ship-many')}?orders={waiting.pk}"
    yield reverse("admin:password_change")


def tabs_of_a_platform() -> list[str]:
    """With findings of a check: one is to be done, one could not be checked."""
    platform = Platform.objects.earliest("pk")
    platform.checked_at = timezone.now()
    findings = [
        {"step": "orders", "ok": False, "code": "forbidden", "message": "No role.", "request_id": "r-1"},
        {
            "step": "inventory DE",
            "ok": False,
            "code": "stock_refused",
            "message": "Refused.",
            "request_id": "",
        },
        {"step": "marketplaces", "ok": None, "code": "not_checked", "message": "Later.", "request_id": ""},
    ]
    platform.check_outcome = {"ok": False, "findings": findings, "sites": [], "credentials": ""}
    platform.save(update_fields=["checked_at", "check_outcome"])
    address = reverse("admin:platforms_platform_change", args=[platform.pk])
    return [f"{address}?tab={tab}" for tab in PageTab.values]


def barriers(page: Page, inspect: Inspect, rules: Sequence[str] = ()) -> list[str]:
    """With the width of the window and the colors in which it was found."""
    look = page.evaluate(
        "`${innerWidth} ${document.documentElement.classList.contains('dark') ? 'dark' : 'light'}`"
    )
    return [f"{page.url} {look}: {problem}" for problem in inspect(page, rules)]


def nameless(page: Page) -> list[str]:
    """Links and buttons that are named with the word of an icon, which to the font is one such as "storefront"."""
    expect(page.get_by_role("link", name="Platforms", exact=True).first).to_be_visible()
    spoken = page.locator(".material-symbols-outlined:visible:not([aria-hidden=true], [aria-label])")
    expect(spoken).to_have_count(0)
    found: list[str] = []
    for role in ("link", "button"):
        unnamed = page.get_by_role(role, name=re.compile(r"^\s*$|[a-z]_[a-z]"))
        found += [f"{page.url}: no name: {html}" for html in unnamed.evaluate_all(UNTITLED)]
    return found


def pushed_sideways(page: Page, code: str) -> list[str]:
    """What is beyond the right edge of the window, or of the list in it."""
    expect(page.locator("html")).to_have_attribute("lang", code)
    beyond = page.evaluate("""() => {
        const boxes = [document.documentElement, document.querySelector("#result_list")?.parentElement];
        return Math.max(...boxes.map(element => element ? element.scrollWidth - element.clientWidth : 0));
    }""")
    return [f"{page.url}: {beyond} pixels too wide"] if beyond > 0 else []


# Each page is loaded once for all that is looked at in the same window: loading it costs half a second.


def test_it_has_no_serious_barrier_names_all_and_is_whole(
    log_in: LogIn, grave_problems: Inspect, filled: None
) -> None:
    """Wide and narrow, light and dark. In each width once by all rules; in its other colors by those of colors."""
    page = log_in(color_scheme="light", viewport=WIDE, at=None)
    found = []
    for address in [*pages(), *tabs_of_a_platform()]:
        page.set_viewport_size(WIDE)
        page.goto(address)
        found += nameless(page) + pushed_sideways(page, "en") + barriers(page, grave_problems)
        set_dark(page, True)
        found += barriers(page, grave_problems, OF_COLORS)
        page.set_viewport_size(NARROW)
        found += barriers(page, grave_problems)
        set_dark(page, False)
        found += barriers(page, grave_problems, OF_COLORS)
    page.set_viewport_size(NARROW)
    page.goto(reverse("admin:orders_order_changelist"))
    page.get_by_role("button", name="Menu", exact=True).click()
    open_menu_of_the_user(page)
    found += in_both_colors(page, grave_problems)
    page.set_viewport_size(WIDE)
    page.locator("summary", has_text="Export").click()
    expect(page.get_by_role("link", name="CSV").first).to_be_visible()
    found += in_both_colors(page, grave_problems)
    assert not found, "\n" + "\n".join(found)


def in_both_colors(page: Page, inspect: Inspect) -> list[str]:
    found = barriers(page, inspect)
    set_dark(page, True)
    found += barriers(page, inspect, OF_COLORS)
    set_dark(page, False)
    return found


def set_dark(page: Page, is_dark: bool) -> None:
    """As the menu of the user does, without a page that is loaded anew."""
    page.locator("html").evaluate("(html, isDark) => html.classList.toggle('dark', isDark)", is_dark)


def open_menu_of_the_user(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^user0")).click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


@pytest.mark.parametrize(
    ("code", "windows"), [("de", [NARROW, MIDDLE, WIDE]), ("es", [MIDDLE, WIDE])], ids=["de", "es"]
)
def test_it_shows_pages_whole_where_words_are_long(
    log_in: LogIn, filled: None, live_server: Any, code: str, windows: list[Any]
) -> None:
    """Neither the page nor a list in it has to be pushed sideways."""
    page = log_in(viewport=windows[0], at=None)
    page.context.add_cookies([{"name": "django_language", "value": code, "url": live_server.url}])
    found = []
    for address in pages():
        page.set_viewport_size(windows[0])
        page.goto(address)
        for window in windows:
            page.set_viewport_size(window)
            found += pushed_sideways(page, code)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "name",
    ["index", "orders_order_changelist", "integrations_synclog_changelist", "platforms_platform_changelist"],
)
def test_it_is_usable_by_keyboard_alone(log_in: LogIn, filled: None, name: str) -> None:
    """Each stop of the tabulator shows where it is."""
    page = log_in(at=None)
    page.goto(reverse(f"admin:{name}"), wait_until="networkidle")
    unseen = []
    for _stop in range(40):
        page.keyboard.press("Tab")
        unseen += page.evaluate(
            """() => {
                const e = document.activeElement, s = getComputedStyle(e);
                const seen = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none';
                return e === document.body || seen ? [] : [e.outerHTML.slice(0, 120)];
            }"""
        )
    assert not unseen, "\n".join(unseen)


def test_it_closes_the_menu_of_the_user_by_keyboard(log_in: LogIn, platform: Platform) -> None:
    page = log_in()
    opener = page.get_by_role("button", name=re.compile("^user0"))
    opener.focus()
    expect(opener).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Space")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()
    expect(opener).to_be_focused()


def test_it_darkens_the_pages_by_keyboard(log_in: LogIn, platform: Platform) -> None:
    page = log_in(color_scheme="light")
    page.get_by_role("button", name=re.compile("^user0")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Dark").focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))


def test_it_opens_the_pages_of_a_phone_by_keyboard(log_in: LogIn, platform: Platform) -> None:
    page = log_in(viewport={"width": 390, "height": 844})
    menu = page.get_by_role("button", name="Menu", exact=True)
    expect(page.get_by_role("link", name="Sync log")).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sync log").click()
    page.wait_for_url("**/synclog/")


def test_it_opens_the_filters_by_keyboard(log_in: LogIn, platform: Platform) -> None:
    page = log_in(at=reverse("admin:integrations_synclog_changelist"))
    status = page.get_by_label("Filters").get_by_label("Failed", exact=True)
    expect(status).to_be_hidden()
    page.get_by_role("button", name="Filters").focus()
    page.keyboard.press("Enter")
    expect(status).to_be_visible()
    page.keyboard.press("Escape")
    expect(status).to_be_hidden()
