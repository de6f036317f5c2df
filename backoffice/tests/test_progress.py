"""How open syncs come along: the answer that pages ask for every two seconds, and what pages show first."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from freezegun import freeze_time
from pytest_django import DjangoAssertNumQueries

from backoffice.syncs.progress import SLOTS
from backoffice.tests.test_syncs import LIST, fail, get, make, text
from integrations.models import SyncLog
from integrations.tests.syncing import platform_of
from platforms.models import Platform

pytestmark = pytest.mark.django_db

PLATFORMS = "/admin/platforms/platform/"
PROGRESS = f"{LIST}progress/"


@pytest.fixture
def as_user(client: Client) -> Callable[..., Client]:
    def log_in(*codenames: str) -> Client:
        user = User.objects.create_user("viewer", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(user)
        return client

    return log_in


def ask(client: Client, *logs: SyncLog, status: str = "", digest: str = "0") -> dict[int, dict[str, str]]:
    """What a page is told that shows some slots of these syncs: {id of the sync: {slot: HTML}}, where it changed."""
    names = ("state", "progress", "error", "cancel", "fetched")
    slots = [f"{log.pk}.{name}.{status or log.status}.{digest}" for log in logs for name in names]
    found: dict[int, dict[str, str]] = {log.pk: {} for log in logs}
    for part in re.split(r'(?=<span class="oms-slot")', text(client.post(PROGRESS, {"slot": slots})))[1:]:
        pk, name = re.search(r"outerHTML:\[data-oms-sync='(\d+)'\]\[data-oms-slot='(\w+)'\]", part).groups()  # type: ignore[union-attr]
        found[int(pk)][name] = unescape(re.sub(r"<input[^>]*>", "", part))
    return found


def sentence(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def running(**values: Any) -> SyncLog:
    """Ten minutes into a run with 12 of about 40 pages."""
    now = timezone.now()
    facts = {
        "status": "running", "started_at": now - timedelta(minutes=10), "lease_token": "x",
        "lease_expires_at": now + timedelta(minutes=5), "pages": 12, "pages_expected": 40, "fetched": 1200,
    }  # fmt: skip
    return make(**facts | values)


def test_it_says_pages_records_rate_and_expected_end(admin_client: Client) -> None:
    log = running(created=7, updated=3, unchanged=1189, failed=1)
    shown = ask(admin_client, log)[log.pk]
    assert sentence(shown["fetched"]) == "1,200"
    end = timezone.now() + timedelta(minutes=10 / 12 * 28)
    near = [f"{end + timedelta(minutes=minutes):%H:%M}" for minutes in (0, 1, 2)]
    text_of_bar = sentence(shown["progress"])
    assert text_of_bar.startswith("12 of about 40 pages, 1,200 orders, 120 a minute, done at about")
    assert any(minute in text_of_bar for minute in near)
    SyncLog.objects.update(fetched=22_030)
    shown = ask(admin_client, log)[log.pk]
    assert re.search(r"22,030 orders, 2,20\d a minute", sentence(shown["progress"]))
    assert 'max="40" value="12"' in shown["progress"]


def test_it_says_until_when_a_sync_waits(admin_client: Client) -> None:
    until = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=30)
    log = running(status="waiting", resume_at=until)
    begins = f"Waiting for Amazon's quota until {until:%H:%M} UTC, 12 of about 40 pages, 1,200 orders"
    assert sentence(ask(admin_client, log)[log.pk]["progress"]).startswith(begins)


def test_it_says_that_a_wait_is_over_and_nobody_has_taken_it_up(admin_client: Client) -> None:
    log = running(status="waiting", resume_at=timezone.now() - timedelta(minutes=1))
    shown = sentence(ask(admin_client, log)[log.pk]["progress"])
    assert shown.startswith("Waiting for a worker, 12 of about 40 pages")


def test_it_counts_pages_where_nobody_knows_how_many_there_are(admin_client: Client) -> None:
    log = running(pages_expected=None)
    shown = ask(admin_client, log)[log.pk]["progress"]
    assert sentence(shown).startswith("12 pages so far, 1,200 orders")
    assert "done at about" not in shown
    assert "value=" not in shown


def test_it_expects_one_more_page_where_there_are_more_than_expected(admin_client: Client) -> None:
    log = running(pages_expected=3)
    shown = sentence(ask(admin_client, log)[log.pk]["progress"])
    assert shown.startswith("12 of about 13 pages, 1,200 orders")


def test_it_says_what_a_sync_without_a_page_is_doing(admin_client: Client) -> None:
    queued = make(status="queued")
    other = Platform.objects.create(name="amazon-de")
    first = running(pages=0, fetched=0, platform=other)
    shown = ask(admin_client, queued, first)
    sentences = {pk: sentence(slots["progress"]) for pk, slots in shown.items()}
    assert sentences == {queued.pk: "Waiting for a worker.", first.pk: "Asking for the first page."}


def test_it_ends_with_the_outcome(admin_client: Client) -> None:
    done = make(fetched=30, created=28, updated=2, finished_at=timezone.now())
    failed = make(status="failed", error_code="forbidden", error_message="A role is missing.")
    shown = ask(admin_client, done, failed, status="running")
    assert sentence(shown[done.pk]["progress"]) == "30 fetched, 28 new, 2 changed."
    assert "succeeded" in shown[done.pk]["state"]
    assert sentence(shown[failed.pk]["progress"]) == "A role is missing."
    assert "it says which role is missing" in shown[failed.pk]["error"]
    # htmx's mark to look there again is gone, and so is the button
    assert not any(f'data-oms-sync="{pk}" data' in html for pk in shown for html in shown[pk].values())
    assert sentence(shown[done.pk]["cancel"]) == ""


def test_it_tells_the_page_to_stop_asking_when_all_are_closed(admin_client: Client) -> None:
    log, other = running(), make(platform=Platform.objects.create(name="amazon-de"))
    both = {"slot": [f"{log.pk}.state.running.0", f"{other.pk}.state.running.0"]}
    assert admin_client.post(PROGRESS, both).status_code == 200
    SyncLog.objects.update(status="succeeded", open_key=None)
    assert admin_client.post(PROGRESS, both).status_code == 286


def test_pages_ask_for_what_follows_from_a_sync_once_it_has_ended(admin_client: Client) -> None:
    first, second = running(), running(kind="inventory")
    slots = [f"{log.pk}.state.running.0" for log in (first, second)]
    assert "HX-Trigger" not in admin_client.post(PROGRESS, {"slot": slots}).headers
    page = text(admin_client.get(f"{PLATFORMS}{first.platform_id}/change/"))
    assert 'hx-trigger="oms-sync-ended from:body"' in page
    for part in ("oms-last-runs", "oms-orders_watermark"):
        assert f'id="{part}"' in page  # what it replaces
    assert 'id="home-live" hx-get' in text(admin_client.get("/admin/"))
    SyncLog.objects.filter(pk=first.pk).update(status="succeeded", open_key=None)
    assert admin_client.post(PROGRESS, {"slot": slots}).headers["HX-Trigger"] == "oms-sync-ended"
    SyncLog.objects.filter(pk=second.pk).update(status="succeeded", open_key=None)
    assert 'id="home-live">' in text(admin_client.get("/admin/"))


def test_it_announces_a_change_of_status_alone(admin_client: Client) -> None:
    log = running()
    same = admin_client.post(PROGRESS, {"slot": f"{log.pk}.state.running.0"})
    assert "oms-announcer" not in text(same)
    other = admin_client.post(PROGRESS, {"slot": f"{log.pk}.state.queued.0"})
    news = f'<div hx-swap-oob="innerHTML:#oms-announcer">Orders sync #{log.pk}: running</div>'
    assert news in text(other)


def test_it_sends_only_what_the_page_does_not_show_yet(admin_client: Client) -> None:
    with freeze_time(timezone.now()):  # how long it took, and its expected end, change with the clock
        log = running()
        slots = re.findall(r'name="slot" value="([^"]+)"', text(admin_client.get(LIST)))
        assert len(slots) > 5
        assert "oms-slot" not in text(admin_client.post(PROGRESS, {"slot": slots}))
        SyncLog.objects.filter(pk=log.pk).update(fetched=1300)
        answer = text(admin_client.post(PROGRESS, {"slot": slots}))
    assert set(re.findall(r'data-oms-slot="(\w+)" hx-swap-oob', answer)) == {"progress", "fetched"}


def test_it_escapes_what_amazon_said(admin_client: Client) -> None:
    log = make(status="failed", error_code="x", error_message="<script>1</script>")
    answer = admin_client.post(PROGRESS, {"slot": [f"{log.pk}.{name}.running.0" for name in SLOTS]})
    assert "&lt;script&gt;" in text(answer)
    assert "<script>" not in text(answer)


def test_it_answers_for_any_number_of_syncs_with_as_many_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    logs = [make() for _number in range(30)]
    with django_assert_max_num_queries(4):
        shown = ask(admin_client, *logs)
    assert all(slots["state"] for slots in shown.values())
    assert len(shown) == 30


@pytest.mark.parametrize(
    "slots",
    [[], ["x"], ["1.state"], ["1.other.running.0"], ["1.state.running.xyz"], ["².state.running.0"],
     ["1" * 19 + ".state.running.0"], ["1.state.running.0", ""], [f"{n}.state.running.0" for n in range(201)]],
    ids=range(9),
)  # fmt: skip
def test_it_refuses_what_are_no_slots(admin_client: Client, slots: list[str]) -> None:
    assert admin_client.post(PROGRESS, {"slot": slots}).status_code == 400


def test_it_tells_nothing_to_those_who_may_not_look(as_user: Callable[..., Client]) -> None:
    log = running()
    viewer = as_user("view_platform")
    assert viewer.post(PROGRESS, {"slot": f"{log.pk}.state.running.0"}).status_code == 403


def test_it_tells_nothing_to_those_who_are_not_logged_in(client: Client) -> None:
    answer = client.post(PROGRESS, {"slot": "1.state.running.0"})
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize("page", [LIST, "{log}", PLATFORMS, PLATFORMS + "{platform}/change/"])
def test_it_shows_the_bar_before_any_script_runs(admin_client: Client, page: str) -> None:
    log = running()
    address = page.format(log=f"{LIST}{log.pk}/change/", platform=log.platform_id)
    html = text(admin_client.get(address))
    assert f'data-oms-sync="{log.pk}" data-oms-slot="progress"' in html
    assert "12 of about 40 pages" in html
    assert f"{LIST}{log.pk}/press/cancel/" in html


def test_it_keeps_closed_syncs_out_of_the_scripts_hands(admin_client: Client) -> None:
    log = make()
    assert 'name="slot"' not in text(admin_client.get(LIST)) + get(admin_client, log)


@pytest.mark.parametrize("page", [LIST, PLATFORMS, PLATFORMS + "{platform}/change/"])
def test_it_offers_no_cancel_to_those_who_may_only_look(as_user: Callable[..., Client], page: str) -> None:
    log = running()
    viewer = as_user("view_synclog", "view_platform", "change_platform")
    html = text(viewer.get(page.format(platform=log.platform_id)))
    assert "12 of about 40 pages" in html
    assert "press/cancel" not in html


def test_it_cancels_from_a_list_and_comes_back_to_it(admin_client: Client) -> None:
    log = make(status="queued")
    answer = admin_client.post(f"{LIST}{log.pk}/press/cancel/", {"next": f"{LIST}?kind__exact=orders"})
    assert answer["Location"] == f"{LIST}?kind__exact=orders"
    log.refresh_from_db()
    assert log.status == "cancelled"


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com/", "javascript:alert(1)"])
def test_it_goes_nowhere_else(admin_client: Client, elsewhere: str) -> None:
    log = make(status="queued")
    answer = admin_client.post(f"{LIST}{log.pk}/press/cancel/", {"next": elsewhere})
    assert answer["Location"] == f"{LIST}{log.pk}/change/"


def test_it_offers_replay_and_dismiss_beside_each_failure(admin_client: Client) -> None:
    log = make(status="partial", failed=2)
    one, other = fail(log, "111-1"), fail(log, "")
    html = get(admin_client, log)
    assert f"/admin/integrations/syncfailure/{one.pk}/press/replay/" in html
    assert f"/admin/integrations/syncfailure/{one.pk}/press/dismiss/" in html
    assert f"/admin/integrations/syncfailure/{other.pk}/press/replay/" not in html  # nobody knows which it is
    back = f"{LIST}{log.pk}/change/"
    answer = admin_client.post(
        f"/admin/integrations/syncfailure/{one.pk}/press/dismiss/", {"next": back}, follow=True
    )
    assert answer.redirect_chain == [(back, 302)]
    assert f"/admin/integrations/syncfailure/{one.pk}/press/" not in text(answer)
    one.refresh_from_db()
    assert one.resolution == "dismissed"


def test_it_offers_no_replay_to_those_who_may_only_look(as_user: Callable[..., Client]) -> None:
    log = make(status="partial", failed=1)
    failure = fail(log, "111-1")
    viewer = as_user("view_synclog", "view_syncfailure")
    html = get(viewer, log)
    assert "It has no purchase date." in html
    assert "press/" not in html
    for button in ("replay", "dismiss"):
        address = f"/admin/integrations/syncfailure/{failure.pk}/press/{button}/"
        assert viewer.post(address).status_code == 403
    assert viewer.post(f"{LIST}{log.pk}/press/replay/").status_code == 403
    failure.refresh_from_db()
    assert failure.is_open


def test_it_replays_all_failures_of_a_sync(admin_client: Client, start_simulator: Any) -> None:
    sim = start_simulator(orders=3)
    log = make(platform=platform_of(sim), status="partial", failed=2)
    for external_id in list(sim.accounts[0].truth_orders())[:2]:
        fail(log, external_id)
    html = text(admin_client.post(f"{LIST}{log.pk}/press/replay/", follow=True))
    assert "2 records are stored now." in html
    assert not log.failures.open().exists()
    assert "Replay all failures" not in html
