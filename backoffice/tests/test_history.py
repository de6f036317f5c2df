"""The section History of the page Completeness: a plan before a backfill begins, how far it is, and its buttons."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from api.tests.rest import make_order
from integrations.completeness.history.backfills import run_backfill
from integrations.models import Backfill, SyncFailure
from integrations.tests.syncing import platform_of
from platforms.models import Platform
from simulator import Account, Simulator

pytestmark = pytest.mark.django_db
PAGE, DO = "/admin/completeness/", "/admin/completeness/history/"


@pytest.fixture
def platform(start_simulator: Callable[..., Simulator]) -> Platform:
    end = datetime.now(UTC) - timedelta(days=2)
    return platform_of(start_simulator(Account(orders=10, skus=5, days=20, end=end)))


def section(client: Client, address: str = PAGE) -> str:
    """The words of the section, in one line."""
    page = client.get(address)
    assert page.status_code == 200
    html = page.content.decode().partition('id="history"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", html)))


def told() -> list[Any]:
    rows = DBTaskResult.objects.filter(task_path__endswith="continue_backfill")
    return [row.args_kwargs["args"] for row in rows]


def test_it_shows_the_plan_before_anything_begins(admin_client: Client, platform: Platform) -> None:
    shown = section(admin_client, f"{PAGE}?platform={platform.pk}&since=2026-09-01")
    assert "Cheapest: lists, then pages and ids side by side." in shown
    assert "createReport" in shown
    assert "Begin" in shown
    assert not Backfill.objects.exists()
    assert "Begin" not in section(admin_client)
    assert "which is not a time" in section(admin_client, f"{PAGE}?since=soon")


def test_it_begins_and_says_how_far_it_is_and_stops(
    admin_client: Client, platform: Platform, django_capture_on_commit_callbacks: Any
) -> None:
    do = {"platform": platform.pk}
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(DO, do | {"do": "begin", "since": "2026-09-01"}, follow=True)
    backfill = Backfill.objects.get()
    assert (backfill.status, backfill.trigger, str(backfill.requested_by)) == ("queued", "admin", "admin")
    assert told() == [[backfill.pk]]
    assert f"Backfill #{backfill.pk} of {platform} is queued." in answer.content.decode()
    assert 'hx-trigger="every 10s' in answer.content.decode()
    assert "All listed about" in section(admin_client)
    assert "All in full not known yet" in section(admin_client)

    admin_client.post(DO, do | {"do": "pause"})
    paused = section(admin_client)
    assert "paused" in paused
    assert "Resume" in paused
    assert "All listed" not in paused
    admin_client.post(DO, do | {"do": "resume"})
    while Backfill.objects.get().phase == "listing":
        run_backfill(backfill.pk)
        Backfill.objects.update(resume_at=timezone.now())
    done = section(admin_client)
    assert "10 orders are in them." in done
    assert "10 orders are here in full, 0 are known by report alone; 10 were fetched." in done
    assert "Show the plan" in done  # of another one
    late = admin_client.post(DO, do | {"do": "cancel"}, follow=True).content.decode()
    assert "in another state by now" in late


def test_who_may_look_and_who_may_begin(platform: Platform) -> None:
    see, start = "integrations.view_synclog", "platforms.sync_platform"
    for permissions, looks, does in (((), 403, 403), ((see,), 200, 403), ((see, start), 200, 302)):
        User.objects.filter(username="viewer").delete()
        user = User.objects.create_user("viewer", is_staff=True)
        codes = [name.partition(".")[2] for name in permissions]
        user.user_permissions.set(Permission.objects.filter(codename__in=codes))
        client = Client()
        client.force_login(user)
        page = client.get(PAGE)
        assert page.status_code == looks
        assert ("Show the plan" in page.content.decode()) == (does == 302)
        began = client.post(DO, {"platform": platform.pk, "do": "begin", "since": "2026-09-01"})
        assert began.status_code == does
    assert Backfill.objects.count() == 1
    assert client.get(DO).status_code == 405
    assert client.post(DO, {"platform": "9999", "do": "pause"}).status_code == 404


def test_what_it_could_not_have_and_what_a_list_alone_knows_say_so(admin_client: Client) -> None:
    platform = Platform.objects.get(name="amazon")
    failure = SyncFailure.objects.create(
        platform=platform, kind="orders", external_id="902-1", error_code="not_found", error_message="Gone."
    )
    for address in (
        "/admin/integrations/syncfailure/",
        f"/admin/integrations/syncfailure/{failure.pk}/change/",
    ):
        page = admin_client.get(address).content.decode()
        assert f'href="{PAGE}?platform={platform.pk}#history">a backfill</a>' in page
    order = make_order("902-2", completeness="report")
    page = unescape(admin_client.get(f"/admin/orders/order/{order.pk}/change/").content.decode())
    assert "a report of the platform alone" in page
