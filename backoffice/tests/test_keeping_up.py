"""What pages, the API and alerts say of orders that are known by report alone, and of catch-ups."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from api.tests.rest import make_order, superuser
from backoffice.alerts.conditions import Kind, evaluate
from integrations.models import CatchUp, StreamState
from platforms.models import Platform

pytestmark = pytest.mark.django_db
PAGE = "/admin/completeness/"


@pytest.fixture
def platform() -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "x"}
    platform.save()
    return platform


def caught_up(platform: Platform, now: datetime, **values: Any) -> CatchUp:
    known = {
        "trigger": "schedule",
        "status": "waiting",
        "open_key": str(platform.pk),
        "window_start": now - timedelta(hours=3),
        "known_until": now - timedelta(minutes=15),
        "lists": 7,
        "longest_unknown": 2460,
        "completed": 1234,
        "lacking": 55,
    }
    return CatchUp.objects.create(platform=platform, **known | values)


def section(client: Client) -> str:
    html = client.get(PAGE).content.decode().partition('id="keeping-up"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", html)))


def test_the_page_says_which_orders_are_known_by_report_alone(
    admin_client: Client, platform: Platform
) -> None:
    assert "No order is known by report alone." in section(admin_client)
    make_order("902-1", completeness="report", status="unshipped", fulfilled_by="merchant")
    make_order("902-2", completeness="report")
    make_order("902-3", completeness="outdated")
    make_order("902-4")
    said = "2 orders are known by report alone, 1 is here in full and newer by report. 1 of them has to be shipped."
    assert said in section(admin_client)
    page = unescape(admin_client.get(PAGE).content.decode())
    [address] = re.findall(r'href="([^"]+)">Show them<', page)
    listed = admin_client.get(address).content.decode()
    assert [f"902-{number}<" in listed for number in (1, 2, 3, 4)] == [True, True, True, False]


def test_the_page_says_how_far_a_catch_up_is(admin_client: Client, platform: Platform) -> None:
    now = timezone.now()
    catch_up = caught_up(platform, now, notes=[{"code": "list_not_made", "message": "Amazon made no list."}])
    shown = section(admin_client)
    assert f"Catch-up #{catch_up.pk}" in shown
    assert "7 lists, the longest took 41 min 0 s." in shown
    assert "1,234 orders were fetched in full by it, 55 are left." in shown
    assert "Amazon made no list." in shown
    assert "not known yet: the platform makes no list" in shown  # nothing says that they are known
    StreamState.write(platform.pk, "orders", watermark=now, known_until=now)
    assert "not known yet" not in section(admin_client)
    CatchUp.objects.update(open_key=None, status="succeeded", finished_at=now)
    assert f"Catch-up #{catch_up.pk}" in section(admin_client)
    CatchUp.objects.update(finished_at=now - timedelta(days=8))
    assert "Catch-up" not in section(admin_client)


def test_people_are_told_where_orders_are_not_known_within_an_hour(
    admin_client: Client, platform: Platform
) -> None:
    now = timezone.now()
    StreamState.write(platform.pk, "orders", watermark=now - timedelta(hours=5))
    assert told(now) == {}  # syncs are behind, and a list is about to be asked for
    caught_up(platform, now)
    key = f"incomplete:{platform.pk}:changes"
    assert "no list was made for over an hour" in told(now)[key]
    assert told(now)[key] in unescape(admin_client.get("/admin/").content.decode())
    StreamState.write(platform.pk, "orders", known_until=now - timedelta(minutes=59))
    assert told(now) == {}
    assert key in told(now + timedelta(minutes=2))


def told(moment: datetime) -> dict[str, str]:
    return {each.key: each.say() for each in evaluate(moment) if each.kind == Kind.INCOMPLETE}


def test_the_api_says_the_same(platform: Platform) -> None:
    now = timezone.now()
    catch_up = caught_up(platform, now)
    make_order("902-1", completeness="outdated", status="unshipped")
    api = superuser()
    [listed] = api.get("/catch-ups?status=waiting&platform_name=amazon").json()["results"]
    assert (listed["id"], listed["lists"], listed["longest_unknown_seconds"]) == (catch_up.pk, 7, 2460)
    shown = api.get(f"/catch-ups/{catch_up.pk}").json()
    assert shown["known_by_report"] == {"alone": 0, "outdated": 1, "to_ship": 1}
    assert shown["known_until"].startswith(f"{catch_up.known_until:%Y-%m-%dT%H:%M}")
    assert [
        each["external_id"] for each in api.get("/orders?completeness=report,outdated").json()["results"]
    ] == ["902-1"]
