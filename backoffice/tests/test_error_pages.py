"""What people see in the place of a page that is not there, or not theirs, and what pages are called."""

import re
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from monitoring.logs import TextFormatter

pytestmark = pytest.mark.django_db

HTML: dict[str, Any] = {"headers": {"accept": "text/html"}}


@pytest.fixture
def viewer() -> Client:
    user = User.objects.create_user("jo")
    user.groups.add(Group.objects.get(name="Viewer"))
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(pk=user.pk))
    return client


@pytest.mark.parametrize(
    ("address", "status", "title"),
    [
        ("/admin/nothing/", 404, "There is no such page"),
        ("/nothing", 404, "There is no such page"),
        ("/admin/auth/user/", 403, "This page is not open to you"),
    ],
)
def test_it_stays_in_the_admin_with_a_way_back(viewer: Client, address: str, status: int, title: str) -> None:
    answer = viewer.get(address, **HTML)
    page = answer.content.decode()
    assert (answer.status_code, title in page) == (status, True)
    assert "Nothing was changed." in page
    assert '<a href="/admin/" class="oms-button">' in page
    assert "/admin/orders/order/" in page  # the menu


def test_a_form_from_elsewhere_is_refused_on_such_a_page(viewer: Client) -> None:
    answer = viewer.post("/admin/alerts/")
    assert (answer.status_code, "This page is not open to you" in answer.content.decode()) == (403, True)


def test_strangers_are_led_to_the_login_and_programs_get_json(client: Client) -> None:
    page = client.get("/nothing", **HTML)
    assert (page.status_code, 'href="/admin/login/"' in page.content.decode()) == (404, True)
    assert "/admin/orders/order/" not in page.content.decode()
    answer = client.get("/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_browser_finds_the_icon_by_itself(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"].startswith("/static/oms/favicon")) == (302, True)


def test_a_page_is_called_what_the_menu_calls_it(admin_client: Client) -> None:
    """In its head and in the browser's tab."""
    entries = [entry for section in settings.UNFOLD["SIDEBAR"]["navigation"] for entry in section["items"]]
    assert len(entries) > 15
    for entry in entries:
        page = " ".join(unescape(admin_client.get(str(entry["link"])).content.decode()).split())
        title = page.partition("<title>")[2].partition("</title>")[0].strip()
        heads = [re.sub("<[^>]+>", "", head).strip() for head in re.findall(r"<h1[^>]*>(.*?)</h1>", page)]
        assert (title, heads) == (f"{entry['title']} | OMS", [entry["title"]])


def test_a_refusal_is_one_line_of_the_log(viewer: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Who, which address, why; where nothing broke, the way through the code tells nothing."""
    jo = User.objects.get(username="jo").pk
    refused = {
        "/admin/auth/user/": "GET by user {jo}; refused in ",
        "/admin/orders/order/add/": "GET by user {jo}; refused in ",
    }
    for address, told in refused.items():
        caplog.clear()
        assert viewer.get(f"{address}?search=canary", **HTML).status_code == 403
        (record,) = [record for record in caplog.records if getattr(record, "status_code", 0) == 403]
        line = TextFormatter().format(record)
        assert address in line
        assert told.format(jo=jo) in line
        assert not {"\n", "Traceback", "canary"} & {
            part for part in ("\n", "Traceback", "canary") if part in line
        }
    caplog.clear()
    assert viewer.post("/admin/alerts/").status_code == 403
    (record,) = [record for record in caplog.records if getattr(record, "status_code", 0) == 403]
    assert "CSRF" in record.getMessage()
    assert f"/admin/alerts/, POST by user {jo}" in record.getMessage()
