"""The first ten minutes with `make demo`, in a browser: from what it prints to an order, at a desk and on a phone."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from browser.navigation import DESK, PHONE, fits, open_page
from integrations.tests.processes import PATIENCE, ROOT, until

pytestmark = [pytest.mark.browser, pytest.mark.own_database]
WELCOME = re.compile(r"The demonstration:  (\S+)/ .*Sign in as     (\S+)\nwith password  (\S+)\n", re.S)


class Shop(NamedTuple):
    """What the last lines of `make demo` say."""

    address: str
    user: str
    password: str


@contextmanager
def demonstration(folder: Path) -> Iterator[Shop]:
    """`make demo` that writes to this folder; at the end somebody presses Ctrl-C."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = folder.with_suffix(".txt")
    command = [sys.executable, "-m", "scripts.demo", "--port", str(port), "--folder", str(folder)]
    with said.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True)
    try:
        until(lambda: WELCOME.search(said.read_text()) or process.poll() is not None, "the last lines")
        found = WELCOME.search(said.read_text())
        assert found, said.read_text()
        yield Shop(*found.groups())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
    assert process.returncode == 0, said.read_text()


def sign_in(page: Page, shop: Shop) -> None:
    """With what was printed, of which the page of the login speaks."""
    page.goto(shop.address)
    expect(page.get_by_text("User and password are the last lines that make demo printed")).to_be_visible()
    page.get_by_label("Username").fill(shop.user)
    page.get_by_label("Password").fill(shop.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def look_at_home(page: Page) -> None:
    """It is marked as invented, and its tiles and charts have something to show."""
    expect(page).to_have_title(re.compile("^Demo "))
    badge = page.get_by_text(re.compile("^Demo(: invented data)?$")).filter(visible=True)
    expect(badge).to_have_count(1)
    counts = [number(text) for text in page.locator(".oms-tile-count").all_inner_texts()]
    to_ship, low_in_stock = counts[:4], counts[6]
    assert sum(to_ship) > 0, counts
    assert low_in_stock > 0, counts
    expect(page.get_by_role("link", name="Demo shop Britain").first).to_be_visible()
    expect(page.get_by_role("link", name="All of them, to replay or dismiss")).to_be_visible()
    for chart in ("orders", "skus", "revenue-EUR", "stock", "calls"):
        expect(page.locator(f"[data-chart={chart}][data-drawn=yes]")).to_be_visible(timeout=PATIENCE * 1000)
    assert number(page.locator("[data-chart=orders] h3 span").inner_text()) > 100
    assert fits(page)


def open_an_order(page: Page) -> None:
    open_page(page, "Orders")
    rows = page.locator("#result_list tbody")
    expect(rows).to_have_count(50)
    assert fits(page)
    order = page.locator("#result_list").get_by_role("link", name=re.compile(r"^\d{3}-\d{7}-\d{7}$")).first
    name = order.inner_text()
    order.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.locator(".oms-order-lines tbody tr").first).to_be_in_viewport()
    assert fits(page)


def its_data_are_marked(page: Page) -> None:
    """Over the API, in files, and in the browser's memory, where a shop that is none must not be taken for one."""
    (order,) = page.request.get("/orders?page_size=1").json()["results"]
    assert order["source"] == "demo"
    sources = page.request.get("/schema?format=json").json()["components"]["schemas"]["SourceEnum"]["enum"]
    assert "live" not in sources
    file = page.request.get("/admin/orders/order/export/orders.machine.csv").text()
    assert ",demo," in file
    assert ",live," not in file
    assert "oms_demo" in {cookie["name"] for cookie in page.context.cookies()}


def test_the_first_ten_minutes(chromium: Any, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    windows: list[ViewportSize] = [DESK, PHONE]
    with demonstration(folder) as shop:
        for window in windows:
            context = chromium.new_context(base_url=shop.address, viewport=window)
            page = context.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            sign_in(page, shop)
            look_at_home(page)
            open_an_order(page)
            if window is PHONE:
                its_data_are_marked(page)
            context.close()
    cleaning = [sys.executable, "-m", "scripts.demo", "--clean", "--folder", str(folder)]
    gone = subprocess.run(cleaning, cwd=ROOT, check=True, capture_output=True, text=True)
    assert gone.stdout == "The demonstration is gone.\n"
    assert not folder.exists()


def test_it_removes_nothing_but_a_demonstration(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    command = [sys.executable, "-m", "scripts.demo", "--clean", "--folder", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "holds something else" in ended.stdout
    assert (tmp_path / "letters").exists()
