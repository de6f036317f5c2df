"""What every page of the admin has in common."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.translation import override

from api.tests.rest import make_order, make_stock
from backoffice.base.cells import items_at_a_glance, shortened
from core.format import countdown, duration
from integrations.models import ApiUsage, SyncFailure, SyncLog
from platforms.models import Platform

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize(
    "page",
    [
        "",
        "auth/user/",
        "auth/user/add/",
        "auth/group/",
        "access/apitoken/",
        "django_tasks_database/dbtaskresult/",
    ],
)
def test_it_opens_every_page(admin_client: Client, page: str) -> None:
    assert admin_client.get(f"/admin/{page}").status_code == 200


@pytest.mark.parametrize(
    ("page", "trail"),
    [
        ("orders/order/", ["Orders"]),
        ("platforms/platform/", ["Platforms"]),
        ("platforms/platform/{}/change/", ["Platforms", "Amazon"]),
        ("inventory/inventoryitem/", ["Inventory"]),
        ("integrations/synclog/", ["Sync log"]),
        ("", ["Home"]),
    ],
)
def test_it_says_once_where_a_page_is(admin_client: Client, page: str, trail: list[str]) -> None:
    platform = Platform.objects.get(name="amazon")
    html = text(admin_client.get(f"/admin/{page.format(platform.pk)}"))
    heading = html.partition("<h1")[2].partition("</h1>")[0]
    assert re.findall(r'tracking-tight">\s*([^<]+?)\s*<', heading) == trail


def test_it_has_a_sidebar_with_what_the_user_may_open(client: Client) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(user)
    html = text(client.get("/admin/"))
    assert 'href="/admin/orders/order/"' in html
    assert 'href="/admin/auth/user/"' not in html


def menu_of(client: Client, address: str, language: str) -> str:
    return text(client.get(address, headers={"Accept-Language": language})).partition("nav-sidebar-apps")[2]


def test_it_shows_each_reader_the_menu_in_his_language_with_his_page_marked(
    admin_client: Client, client: Client
) -> None:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(user)
    for _again in range(2):  # the second time, what was rendered for the others is at hand
        for address, title, other in (
            ("/admin/orders/order/", "Bestellungen", "Benutzer"),
            ("/admin/reports/sales/", "Umsätze", "Benutzer"),
        ):
            own, all_of_it = menu_of(client, address, "de"), menu_of(admin_client, address, "de")
            assert re.findall(r' active">.*?<span>([^<]+)<', own, re.DOTALL) == [title]
            assert re.findall(r' active">.*?<span>([^<]+)<', all_of_it, re.DOTALL) == [title]
            assert (f"<span>{other}</span>" in own, f"<span>{other}</span>" in all_of_it) == (False, True)
        assert re.findall(
            r' active">.*?<span>([^<]+)<', menu_of(client, "/admin/orders/order/", "en"), re.DOTALL
        ) == ["Orders"]


def test_it_gives_each_reader_an_account_menu_in_his_language_whose_forms_work() -> None:
    """What is kept of the menu holds no token: each page has its own in all of its forms."""
    User.objects.create_superuser("admin", password="pw")
    password = "Passwort ändern"
    tokens = set[str]()
    for _again in range(2):
        for language, words in (
            ("de", ("Meine Alarme", "Abmelden", password)),
            ("en", ("My alerts", "Log out")),
        ):
            reader = Client(enforce_csrf_checks=True, headers={"Accept-Language": language})
            reader.force_login(User.objects.get(username="admin"))
            menu = (
                text(reader.get("/admin/orders/order/"))
                .partition('id="oms-user-links"')[2]
                .partition("</nav>")[0]
            )
            found = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', menu)
            assert [word for word in words if word not in menu] == []
            assert (len(found), len(set(found))) == (4, 1)
            assert (password in menu) == (language == "de")
            tokens.update(found)
            sent = {"csrfmiddlewaretoken": found[0], "language": "es"}
            assert reader.post("/i18n/setlang/", sent).status_code == 302
    assert len(tokens) == 4


def test_it_offers_no_change_of_a_password_to_those_who_have_none(client: Client) -> None:
    user = User.objects.create_superuser("directory")
    client.force_login(user)

    assert "password_change" not in text(client.get("/admin/orders/order/"))


def test_it_leads_to_the_admin_after_a_login_without_a_goal(client: Client) -> None:
    User.objects.create_superuser("admin", password="pw")
    response = client.post("/admin/login/", {"username": "admin", "password": "pw"})
    assert response["Location"] == "/admin/"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (timedelta(seconds=0.44), "0.4 s"),
        (timedelta(seconds=59.98), "1 min 0 s"),
        (timedelta(seconds=125), "2 min 5 s"),
        (timedelta(hours=26, minutes=3), "26 h 3 min"),
    ],
)
def test_it_writes_durations_readably(value: timedelta | None, shown: str) -> None:
    assert duration(value) == shown


def test_it_writes_durations_as_the_readers_language_does() -> None:
    with override("de"):
        assert duration(timedelta(seconds=0.75)) == "0,8 s"


def test_it_sums_up_items() -> None:
    lists: list[list[tuple[int | None, str]]] = [[], [(1, "A")], [(2, "A"), (1, "B"), (1, "C")], [(None, "")]]
    assert [items_at_a_glance(items) for items in lists] == ["–", "1 × A", "2 × A, +2 more", "–"]


@pytest.mark.parametrize(
    ("ahead", "shown"),
    [
        (timedelta(seconds=59), "in 0 min"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(hours=5, minutes=50), "in 5 h"),
        (timedelta(hours=47, minutes=59), "in 47 h"),
        (timedelta(days=2, hours=3), "in 2 days"),
        (-timedelta(minutes=20), "20 min late"),
        (-timedelta(days=3), "3 days late"),
    ],
)
def test_it_counts_down(ahead: timedelta, shown: str) -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    assert countdown(now + ahead, now) == shown


def test_it_shortens_long_titles_and_escapes_them() -> None:
    assert (
        shortened("<b>" * 30, 10) == f'<span title="{"&lt;b&gt;" * 30}">&lt;b&gt;&lt;b&gt;&lt;b&gt;…</span>'
    )


@pytest.mark.parametrize(
    ("page", "reads"),
    [("orders/order/", 0), ("inventory/inventoryitem/", 0), ("integrations/synclog/", 0),
     ("integrations/syncfailure/", 0), ("integrations/apiusage/", 1)],
)  # fmt: skip
def test_it_leaves_credentials_in_the_database_while_it_lists_what_platforms_have(
    admin_client: Client, page: str, reads: int, django_assert_max_num_queries: Any
) -> None:
    """They would be decrypted for each row, and for each choice of the filter. The quotas below the usage are those of
    accounts, which credentials name: read once."""
    platform, now = Platform.objects.get(name="amazon"), datetime.now(UTC)
    Platform.objects.create(name="another")  # of one alone, there is nothing to choose
    make_order()
    make_stock()
    log = SyncLog.objects.create(platform=platform, kind="orders", status="failed", queued_at=now)
    SyncFailure.objects.create(log=log, platform=platform, kind="orders", created_at=now)
    ApiUsage.objects.create(platform=platform, operation="searchOrders", hour=now, calls=1)
    with django_assert_max_num_queries(15) as queries:
        assert text(admin_client.get(f"/admin/{page}")).count(str(platform)) > 1
    assert sum("api_config" in query["sql"] for query in queries.captured_queries) == reads


# --- signed out while a page is open


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_sends_the_window_to_the_login_page_where_htmx_asks_for_somebody_signed_out(
    client: Client, method: str
) -> None:
    """htmx would follow a plain redirect, and show the login page inside the page. Pages ask by themselves as well:
    nobody who has sent nothing is told to do it again."""
    page = "/admin/orders/order/?q=A-1"
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    answer = getattr(client, method)("/admin/platforms/platform/sync/", headers=headers)
    assert answer.status_code == 200
    assert answer.content == b""
    login = answer.headers["HX-Redirect"]
    assert login == "/admin/login/?next=/admin/orders/order/%3Fq%3DA-1&ended=1"
    told = text(client.get(login))
    assert "You were signed out meanwhile." in told
    assert "do it again" not in told


def test_who_sent_a_form_by_htmx_is_told_that_it_was_not_done(client: Client) -> None:
    headers = {
        "HX-Request": "true", "OMS-Sent": "1", "HX-Current-URL": "http://testserver/admin/orders/order/"
    }  # fmt: skip
    login = client.post("/admin/platforms/platform/sync/", headers=headers).headers["HX-Redirect"]
    assert login == "/admin/login/?next=/admin/orders/order/&unsaved=1"
    assert "You were signed out meanwhile. What you sent last was not done" in text(client.get(login))


def test_it_sends_nobody_who_was_signed_out_to_another_site(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/admin/"}
    answer = client.post("/admin/integrations/synclog/progress/", headers=headers)
    assert answer.headers["HX-Redirect"] == "/admin/login/?next=/admin/&ended=1"


def test_who_was_signed_out_in_the_middle_of_a_form_is_told_and_comes_back_to_the_form(
    admin_user: User, client: Client
) -> None:
    """The address that takes the form shows no page of its own."""
    form = "/admin/shipping/orders/?orders=1,2"
    answer = client.post("/admin/orders/picklist/1/mark/", headers={"Referer": f"http://testserver{form}"})
    login = answer.headers["Location"]
    assert login == "/admin/login/?next=/admin/shipping/orders/%3Forders%3D1%2C2&unsaved=1"
    told = "You were signed out meanwhile. What you sent last was not done: do it again."
    assert told in text(client.get(login))
    back = client.post(login, {"username": admin_user.username, "password": "password"})
    assert back.headers["Location"] == form
    assert told not in text(client.get("/admin/login/"))


@pytest.mark.parametrize("referer", ["https://evil.example/admin/", ""])
def test_a_form_of_nowhere_leads_to_the_home_page(client: Client, referer: str) -> None:
    answer = client.post("/admin/orders/picklist/1/mark/", headers={"Referer": referer} if referer else {})
    assert answer.headers["Location"] == "/admin/login/?next=/admin/&unsaved=1"


def test_it_redirects_a_browser_that_was_signed_out_as_ever(client: Client) -> None:
    answer = client.get("/admin/orders/order/")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/admin/login/?next=/admin/orders/order/",
    )
