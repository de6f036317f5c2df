"""Exporting a filtered list in a browser: the file, and what the page says meanwhile."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, Route, expect

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
    log_in: LogIn, box: Any, platform: Platform, tmp_path: Path
) -> None:
    sync(platform_of(box(orders=60, skus=5)))
    shipped = Order.objects.filter(status="shipped").order_by("-purchased_at", "-pk")
    ids = [order.external_id for order in shipped]
    assert 0 < len(ids) < Order.objects.count()
    page = log_in("view_order")
    page.goto(f"{LIST}?status__exact=shipped")

    text = export(page, "Orders CSV", tmp_path).read_text(encoding="utf-8-sig")
    assert [row["external_id"] for row in csv.DictReader(text.splitlines())] == ids
    expect(page.get_by_role("status")).to_have_text(
        f"Exported: {len(ids)} rows. The file is with your downloads."
    )
    book = load_workbook(export(page, "Orders XLSX", tmp_path)).worksheets[0]
    headings, *rows = book.iter_rows(values_only=True)
    assert [row[headings.index("external_id")] for row in rows] == ids


@pytest.mark.parametrize(
    ("answers", "texts"),
    [
        (
            [None, (0, False, False), (250_000, False, False), (1_000_000, True, False)],
            ["Preparing the export…", "0 of 1,000,000 rows", "250,000 of 1,000,000 rows",
             "Exported: 1,000,000 rows. The file is with your downloads."],
        ),
        (
            [(900, False, False), (1800, True, True)],
            ["900 of 1,000,000 rows", "The export broke off after 1,800 of 1,000,000 rows; the file is not complete. "
             "Please export again."],
        ),
        (
            [(900, False, False)] * 60,
            ["900 of 1,000,000 rows"] * 59 + ["The export stands still at 900 of 1,000,000 rows. Please see your "
                                              "downloads: if it broke off there, export again."],
        ),
    ],
    ids=["done", "failed", "still"],
)  # fmt: skip
def test_it_says_how_far_it_got(
    log_in: LogIn,
    platform: Platform,
    tmp_path: Path,
    answers: Sequence[tuple[int, bool, bool] | None],
    texts: Sequence[str],
) -> None:
    left = iter(answers)

    def answer(route: Route) -> None:
        if (found := next(left)) is None:
            return route.fulfill(status=404)
        done, is_done, failed = found
        run = {"rows": 1_000_000, "rows_done": done, "is_done": is_done, "failed": failed}
        return route.fulfill(json=run)

    page = log_in("view_order")
    page.clock.install()
    page.route("**/admin/exports/*/", answer)
    page.goto(LIST)
    export(page, "Order lines CSV", tmp_path)
    for text in texts:
        with page.expect_response("**/admin/exports/*/"):
            page.clock.run_for(1000)
        expect(page.get_by_role("status")).to_have_text(text)
    page.clock.run_for(5000)  # nobody asks any further, for which there would be no answer
    assert next(left, None) is None
