"""`make screenshots`: the pictures of README and docs, taken from a simulated shop.

python -m scripts.screenshots [--only NAME]…      writes docs/images/NAME.png

A throw-away database is filled by syncs against the simulator, served, and opened with Debian's chromium. The
installation that it runs in is neither read nor changed.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Page, sync_playwright

from simulator import Account, Simulator

if TYPE_CHECKING:  # Django is set up later
    from platforms.models import Platform

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PASSWORD = secrets.token_urlsafe(24)
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
GERMANY, FRANCE = "A1PA6795UKMFR9", "A13V1IB3VIYZZH"

# name: (address, window, options of the browser); NAME of PRESSED is pressed before its picture is taken
SHOTS: dict[str, tuple[str, dict[str, int], dict[str, Any]]] = {
    "home": ("/admin/", WIDE, {}),
    "home-dark": ("/admin/", WIDE, {"color_scheme": "dark"}),
    "home-narrow": ("/admin/", NARROW, {}),
    "admin-orders": ("/admin/orders/order/", WIDE, {}),
    "order": ("/admin/orders/order/{order}/change/", WIDE, {}),
    "where": ("/admin/where/?id={lost}", WIDE, {}),
    "inventory": ("/admin/inventory/inventoryitem/", WIDE, {}),
    "platform": ("/admin/platforms/platform/{platform}/change/", WIDE, {}),
    "admin-sync-log": ("/admin/integrations/synclog/", WIDE, {}),
    "failures": ("/admin/integrations/synclog/{failed}/change/", WIDE, {}),
    "export": ("/admin/orders/order/?status__exact=unshipped", WIDE, {}),
}
PRESSED = {"where": "button[name=ask]", "export": "[data-export] summary"}
# The part of a long page that the picture is about.
SHOWN = {"failures": "#failures-group"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=SHOTS, help="this picture alone; repeat for several"
    )
    names = parser.parse_args().only or list(SHOTS)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Pictures are taken with chromium, which is not installed (Debian: apt install chromium).")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with shop() as (address, ids), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in names:
            path, window, options = SHOTS[name]
            page = log_in(browser, address, viewport=window, **options)
            page.goto(address + path.format(**ids), wait_until="networkidle")
            if name in PRESSED:
                page.locator(PRESSED[name]).first.click()
                page.wait_for_load_state("networkidle")
            if name in SHOWN:
                page.locator(SHOWN[name]).first.scroll_into_view_if_needed()
            page.screenshot(path=IMAGES / f"{name}.png")
            page.context.close()
            sys.stdout.write(f"docs/images/{name}.png\n")
        browser.close()


@contextmanager
def shop() -> Iterator[tuple[str, dict[str, Any]]]:
    """A served installation with two accounts, one of which has wrong credentials: its address, and ids of rows."""
    account = Account(
        seed=11, orders=900, skus=60, marketplace_ids=(GERMANY, FRANCE),
        client_secret="made-up-client-secret-x7Q2", refresh_token="Atzr|made-up-refresh-token-m4Kd",  # noqa: S106  made up
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Simulator(account) as simulator:
        os.environ.update(
            SECRET_KEY=secrets.token_urlsafe(50),
            FIELD_ENCRYPTION_KEY=Fernet.generate_key().decode(),
            DATABASE_URL=f"sqlite:///{folder}/shop.sqlite3",
            REDIS_URL="",
            DEBUG="on",
            REQUIRE_HTTPS="off",
            ALLOWED_HOSTS="127.0.0.1",
            MOCK_FALLBACK="auto",
            AMAZON_SP_API_ENDPOINT=simulator.endpoint,
            AMAZON_LWA_ENDPOINT=simulator.lwa_endpoint,
            DJANGO_SETTINGS_MODULE="oms.settings",
            DJANGO_ALLOW_ASYNC_UNSAFE="true",  # Playwright's loop runs in this thread
        )
        ids = fill(account)
        address = "http://127.0.0.1:8941"
        command = [sys.executable, "manage.py", "runserver", "--noreload", address.removeprefix("http://")]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(f"{address}/healthz", server)
            yield address, ids
        finally:
            server.terminate()
            server.wait()


def fill(account: Account) -> dict[str, Any]:
    """Migrate, make a user, store credentials, sync, lose an order. Returns the ids that addresses need."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from orders.models import Order
    from platforms.models import Platform

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("anna", password=PASSWORD)
    config = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": GERMANY,
        "additional_marketplace_ids": [FRANCE],
        "region": "EU",
    }
    platform = Platform.objects.get(name="amazon")
    platform.display_name = "Amazon Europe"
    platform.replace_config(config)
    platform.save()
    Platform.objects.create(
        name="amazon-us", display_name="Amazon US", api_config=config | {"refresh_token": "Atzr|revoked"}
    )
    for command in ("sync_orders", "sync_inventory"):
        with suppress(SystemExit):  # of the second account, which fails, as a picture should show
            call_command(command, verbosity=0)
    orders = Order.objects.filter(
        platform=platform, external_id__startswith="11", status=Order.Status.UNSHIPPED
    )
    order, lost = orders.order_by("-purchased_at")[:2]
    lost.delete()
    failed = fail(platform, [order.external_id for order in orders[2:5]])
    return {"platform": platform.pk, "order": order.pk, "lost": lost.external_id, "failed": failed}


def fail(platform: "Platform", external_ids: list[str]) -> int:
    """Records of the last orders sync that could not be stored: the id of that sync."""
    from integrations.models import SyncFailure, SyncLog

    log = SyncLog.objects.filter(platform=platform, kind=SyncLog.Kind.ORDERS).latest("pk")
    for external_id in external_ids:
        SyncFailure.objects.create(
            log=log, platform=platform, kind=log.kind, external_id=external_id, error_code="malformed",
            error_message="It has no purchase date.",
        )  # fmt: skip
    log.failed, log.status = len(external_ids), SyncLog.Status.PARTIAL
    log.save(update_fields=["failed", "status"])
    return log.pk


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _attempt in range(100):
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310  our own server
        except OSError:
            if server.poll() is not None:
                sys.exit("The server ended before it served; try: make run")
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{address} did not answer within 20 seconds.")


def log_in(browser: Browser, address: str, **options: Any) -> Page:
    page = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin", **options).new_page()
    page.goto(f"{address}/admin/login/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return page


if __name__ == "__main__":
    main()
