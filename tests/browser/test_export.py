"""Exporting a filtered list in a browser: the file, and what the page says meanwhile."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from openpyxl import load_workbook
from playwright.sync_api import Page, Route, expect

from access.second_factor.sessions import CONFIRMED_AT
from access.sessions import SessionStore
from api.tests.rest import make_order
from integrations.tests.syncing import platform_of, sync
from orders.models import Order
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LogIn = Callable[..., Page]
LIST = "/admin/orders/order/"


def export(page: Page, name: str, path: Path) -> Path:
    """Chooses it in the menu of the list. Returns where the file was saved."""
    menu = page.locator("[data-export]")
    if menu.get_attribute("open") is None:
        menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("link", name=name, exact=True).click()
    path /= download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_it_exports_just_what_the_filters_show(
    log_in: LogIn, start_simulator: Any, platform: Platform, tmp_path: Path
) -> None:
    sync(platform_of(start_simulator(orders=60, skus=5)))
    shipped = Order.objects.filter(status="shipped").order_by("-purchased_at", "-pk")
    ids = [order.external_id for order in shipped]
    assert 0 < len(ids) < Order.objects.count()
    page = log_in("view_order", at=f"{LIST}?status__exact=shipped")

    text = export(page, "Orders CSV", tmp_path).read_text(encoding="utf-8-sig")
    assert [row["Order id"] for row in csv.DictReader(text.splitlines())] == ids
    expect(page.locator("#oms-export-status")).to_have_text(
        f"Exported: {len(ids)} rows. The file is with your downloads."
    )
    book = load_workbook(export(page, "Orders XLSX", tmp_path)).worksheets[0]
    headings, *rows = book.iter_rows(values_only=True)
    assert [row[headings.index("Order id")] for row in rows] == ids


def test_it_says_how_far_it_got(log_in: LogIn, platform: Platform, tmp_path: Path) -> None:
    """The answers are those of backoffice/tests/test_export.py; here the page shows them, a second apart, and asks
    again where one is lost."""
    page = log_in("view_order")
    page.clock.install()
    texts = iter(["", "0 of 1,000,000 rows", "", "250,000 of 1,000,000 rows", "Exported: 1,000,000 rows."])

    def answer(route: Route) -> None:
        text = next(texts)
        if not text:
            route.fulfill(status=503)
            return
        ask = 'hx-get="/admin/exports/x/" hx-trigger="load delay:1s" hx-target="#oms-export-status"'
        body = f'<span {"" if text.startswith("Exported") else ask} data-oms-again="0">{text}</span>'
        route.fulfill(body=body, content_type="text/html")

    page.route("**/admin/exports/*/", answer)
    page.goto(LIST)
    export(page, "Order lines CSV", tmp_path)
    status = page.locator("#oms-export-status")
    for text in ("0 of 1,000,000 rows", "250,000 of 1,000,000 rows", "Exported: 1,000,000 rows."):
        for _fifth_of_a_second in range(100):
            if status.text_content() == text:
                break
            page.clock.run_for(200)
        expect(status).to_have_text(text)
    page.clock.run_for(5000)  # nobody asks any further, for which there would be no answer
    assert next(texts, None) is None


def test_from_a_list_that_was_open_for_long_it_asks_first_and_goes_on(
    log_in: LogIn, platform: Platform, tmp_path: Path
) -> None:
    make_order("777")
    page = log_in(at=LIST)
    row = Session.objects.get()
    an_hour_ago = row.get_decoded() | {CONFIRMED_AT: time.time() - 3600}
    Session.objects.filter(pk=row.pk).update(session_data=SessionStore().encode(an_hour_ago))
    page.locator("[data-export] summary").click()
    page.locator("[data-export]").get_by_role("link", name="Orders CSV", exact=True).click()
    page.get_by_label("Password").fill("a long pass phrase")
    with page.expect_download() as download:
        page.get_by_role("button", name="Confirm").click()
    download.value.save_as(tmp_path / "orders.csv")
    assert "777" in (tmp_path / "orders.csv").read_text(encoding="utf-8-sig")
    assert page.url.endswith(LIST)
    expect(page.get_by_text("Thank you. Go on.")).to_be_visible()
