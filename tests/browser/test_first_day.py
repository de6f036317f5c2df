"""The first ten minutes, and a colleague who joins: in one walk, at a desk and on a phone."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from api.tests.rest import make_order
from browser.navigation import open_page
from platforms.models import Platform

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "A long pass phrase, 7"


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")


@pytest.mark.parametrize("width", [1400, 390])
def test_from_the_login_to_an_order_and_a_colleague(
    log_in: Callable[..., Page], platform: Platform, width: int
) -> None:
    late = {"status": "unshipped", "ship_by": timezone.now() - timedelta(hours=30)}
    make_order("902-1", platform=platform, title="A red bottle", **late)
    make_order("902-2", platform=Platform.objects.create(name="elsewhere"))
    User.objects.create_superuser("ada", "ada@shop.example", PASSWORD)
    page = log_in(at=None, viewport={"width": width, "height": 850})
    page.context.clear_cookies()
    page.goto("/")
    sign_in(page, "ada")
    page.get_by_role("link", name=re.compile("Overdue")).first.click()
    page.get_by_role("link", name="902-1").first.click()
    expect(page.get_by_text("A red bottle").first).to_be_in_viewport()
    expect(page.get_by_text("30 h late").first).to_be_in_viewport()
    # A colleague who is to pick for one of the two shops.
    open_page(page, "Users")
    page.goto("/admin/auth/user/add/")
    page.get_by_label("Name", exact=True).fill("Bo Berg")
    page.get_by_label("Email address").fill("bo@shop.example")
    page.get_by_label("Operator: also").check()
    page.locator(".select2-selection").click()
    page.get_by_role("option", name="Amazon", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.locator("pre code").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    expect(page.get_by_role("button", name="Set the password")).to_be_visible()
    for field in page.get_by_label("New password").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    sign_in(page, "bo@shop.example")
    open_page(page, "Platforms")
    expect(page.get_by_role("link", name="Amazon amazon")).to_be_visible()
    expect(page.get_by_text("elsewhere")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
