"""A real Chromium, a real server, and a simulated Amazon."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.core.management import call_command
from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:  # this file is read before Django is set up
    from integrations.tests.depot import Depot
    from platforms.models import Platform

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PASSWORD = "a long pass phrase"


@pytest.fixture(scope="session", autouse=True)
def async_unsafe() -> Iterator[None]:
    """Playwright's loop runs in the thread of the tests, where Django would refuse the database."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    if before is not None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    # The shell has the same engine and no window around it, which takes a third of the processor's time.
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        reason = "chromium is not installed (Debian: apt install chromium-headless-shell)"
        if os.environ.get("OMS_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}, and OMS_REQUIRE_BROWSER=1 asks for it")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def platform(transactional_db: None) -> "Platform":
    from platforms.models import Platform

    # Other transactional tests empty the table that the migration filled.
    return Platform.objects.get_or_create(name="amazon", defaults={"display_name": "Amazon"})[0]


def wait_for_server(seconds: float = 30) -> None:
    """Until the live server has answered all it was asked: a page that asks again and again was just closed.

    An answer in the middle of its rows would lock their table, and the test could not clear it.
    """
    until = time.monotonic() + seconds
    while busy := [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]:
        assert time.monotonic() < until, f"{len(busy)} connections of the live server stay open"
        time.sleep(0.01)


@pytest.fixture
def log_in(chromium: Any, live_server: Any, platform: "Platform") -> Iterator[Callable[..., Page]]:
    """A page of somebody who is logged in, with these permissions or as superuser; fails on errors in the browser.

    It shows the home page, or what `at` says; with None nothing yet. The session is the server's own, made without
    the form (test_admin.py logs in with it), since each page that is loaded costs half a second.
    """
    from django.conf import settings
    from django.contrib.auth.models import Permission, User
    from django.test import Client

    problems: list[str] = []
    contexts: list[Any] = []

    def tell_of_policy(message: Any) -> None:
        """What the Content-Security-Policy of a page has refused."""
        if "Content Security Policy" in message.text:
            problems.append(message.text)

    def start(*codenames: str, at: str | None = "/admin/", **options: Any) -> Page:
        user = User.objects.create_user(f"user{len(contexts)}", password=PASSWORD, is_staff=True)
        user.is_superuser = not codenames
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        contexts.append(chromium.new_context(base_url=live_server.url, **options))
        client = Client()
        client.force_login(user)
        session = {
            "name": settings.SESSION_COOKIE_NAME,
            "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        }
        contexts[-1].add_cookies([session | {"url": live_server.url}])
        page: Page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error.stack or error}"))
        page.on("console", tell_of_policy)
        if at is not None:
            page.goto(at)
        return page

    yield start
    for context in contexts:
        context.close()
    wait_for_server()
    assert not problems


@pytest.fixture
def member(log_in: Callable[..., Page]) -> Callable[..., Page]:
    """Somebody of these groups, logged in, on the home page or at `at`: `member("Operator")`."""
    from django.contrib.auth.models import Group, User

    def start(*names: str, at: str | None = "/admin/", **options: Any) -> Page:
        page = log_in("view_order", at=None, **options)
        user = User.objects.latest("pk")
        user.user_permissions.clear()
        user.groups.set([Group.objects.get(name=name) for name in names])
        if at is not None:
            page.goto(at)
        return page

    return start


# Rules of axe-core whose result may change with the colors alone.
OF_COLORS = ["color-contrast", "link-in-text-block"]


@pytest.fixture
def grave_problems() -> Callable[..., list[str]]:
    """What axe-core finds on a page that would shut somebody out: each as its rule, the element, and why. By all rules,
    or by these alone."""

    def find(page: Page, rules: Sequence[str] = ()) -> list[str]:
        if not page.evaluate("'axe' in window"):  # looked at before, in another width perhaps
            page.evaluate(AXE_SCRIPT)
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = list(rules)
        return [
            f"{problem['id']}: {node['html'][:160]} {node['failureSummary']}"
            for problem in page.evaluate(
                "options => axe.run(options).then(found => found.violations)", options
            )
            if problem["impact"] in ("serious", "critical")
            for node in problem["nodes"]
        ]

    return find


@pytest.fixture
def depot(platform: "Platform", monkeypatch: pytest.MonkeyPatch) -> "Depot":
    """A platform that is told of shipments, with orders S-1 to S-7, of which the first three are packed here."""
    from integrations.registry import CHANNELS
    from integrations.shipping.switching import set_policy
    from integrations.tests.depot import Depot, channel
    from orders.models import Order, Pick
    from orders.packing import make_list, mark_packed

    depot = Depot()
    monkeypatch.setitem(CHANNELS, "amazon", channel(depot))
    platform.api_config = {"client_id": "somebody"}
    platform.save()
    set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    for number in range(1, 8):
        depot.add(f"S-{number}", L1=1)
    synced(platform)
    make_list(list(Order.objects.filter(external_id__lte="S-3")), "ana")
    mark_packed(Pick.objects.all(), "ana")
    return depot


def synced(platform: "Platform") -> None:
    from integrations.models import SyncLog
    from integrations.sync.run import run_sync
    from integrations.sync.start import request_sync

    log = request_sync(platform=platform, kind="orders", trigger=SyncLog.Trigger.COMMAND).log
    assert run_sync(log.pk).status == SyncLog.Status.SUCCEEDED


@pytest.fixture
def work() -> Callable[[], None]:
    """Runs all queued tasks that are due, as `manage.py db_worker` does."""

    def run() -> None:
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
        before = [signal.getsignal(number) for number in signals]
        try:
            call_command("db_worker", "--batch", "--no-startup-delay", "--no-reload", "--interval", "0")
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)

    return run
