"""What people see in the place of a page that is not there, or not theirs, and what pages are called."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

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


@pytest.mark.parametrize(
    ("address", "title"),
    [("orders/order", "Orders"), ("integrations/apiusage", "API usage"), ("integrations/synclog", "Syncs")],
)
def test_a_list_is_called_what_it_lists(admin_client: Client, address: str, title: str) -> None:
    page = " ".join(admin_client.get(f"/admin/{address}/").content.decode().split())
    assert page.partition("<title>")[2].partition("</title>")[0].strip() == f"{title} | OMS"
    assert "Select " not in page.partition("</title>")[0]
