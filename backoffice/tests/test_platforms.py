"""Platforms in the admin: the list, the form's page, and starting a sync."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone
from django_tasks_db import DatabaseBackend
from django_tasks_db.models import DBTaskResult
from pytest_django import DjangoAssertNumQueries

from access.confinement import confine
from audit.models import AuditEntry
from backoffice.tests.home_pages import log_of
from backoffice.tests.test_platform_forms import (
    COMPLETE,
    GENERAL,
    GERMANY,
    SECRET,
    TOKEN,
    platform,
    with_an_unknown_key,
)
from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.schedule.due import dues_of
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.states import change, minutes_of, set_states, watermark_of
from integrations.tests.syncing import platform_of
from inventory.models import PlannedSku
from platforms.models import Platform

pytestmark = pytest.mark.django_db

LIST = "/admin/platforms/platform/"


@pytest.fixture
def as_user(client: Client) -> Callable[..., Client]:
    """A client of somebody with exactly these permissions."""

    def log_in(*permissions: str) -> Client:
        user = User.objects.create_user("viewer", password="pw", is_staff=True)
        for name in permissions:
            app, codename = name.split(".")
            user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
        client.force_login(user)
        return client

    return log_in


def page(platform: Platform, *parts: str) -> str:
    return "/".join([f"{LIST}{platform.pk}", *(parts or ["change"]), ""])


def text(response: Any) -> str:
    return str(response.content.decode())


def press(client: Client, platform: Platform) -> Any:
    """What the dialog sends as it comes: orders and inventory since the last sync."""
    return start(client, platform)


def start(client: Client, *platforms: Platform, **values: Any) -> Any:
    data = {"platform": [each.pk for each in platforms], "kind": "both", "span": "last", "by": "updated"}
    return client.post(f"{LIST}sync/", data | values, follow=True)


def select(client: Client, *platforms: Platform) -> Any:
    data = {"action": "sync_selected", "_selected_action": [each.pk for each in platforms]}
    return client.post(LIST, data, follow=True)


def test_it_shows_the_state_of_each_platform(admin_client: Client) -> None:
    log = request_sync(platform=platform(), kind="orders", trigger="admin").log
    run_sync(log.pk)
    html = text(admin_client.get(LIST))
    assert "credentials missing" in html
    assert "mock data" in html
    assert f"/admin/integrations/synclog/{log.pk}/change/" in html


def test_it_calls_a_platform_failing_where_the_home_page_does(admin_client: Client) -> None:
    shop = platform(**COMPLETE)
    badge = re.compile(r">\s*failing\s*<")
    pages = ("/admin/", LIST, page(shop))
    log_of(shop, "failed", error_code="invalid_grant", error_message="The token is not accepted.")
    assert [bool(badge.search(text(admin_client.get(each)))) for each in pages] == [True] * 3
    log_of(shop, "succeeded")
    assert [bool(badge.search(text(admin_client.get(each)))) for each in pages] == [False] * 3


def test_credentials_do_not_look_fine_beside_a_failure(admin_client: Client) -> None:
    shop = platform(**COMPLETE)

    def is_green() -> bool:
        (badge,) = re.findall(
            r"<span class=\"([^\"]*)\"[^>]*>\s*credentials set", text(admin_client.get(LIST))
        )
        return "green" in badge

    assert is_green()
    log_of(shop, "failed", error_code="invalid_grant", error_message="The token is not accepted.")
    assert not is_green()
    log_of(shop, "succeeded")
    assert is_green()
    Platform.objects.update(check_outcome={"ok": False, "findings": []}, checked_at=timezone.now())
    assert not is_green()
    assert "check found problems" in text(admin_client.get(LIST))


def test_it_lists_any_number_of_platforms_with_as_many_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        added = Platform.objects.create(name=f"amazon-{number}")
        for kind in ("orders", "inventory"):
            request_sync(platform=added, kind=kind, trigger="admin")
    with django_assert_max_num_queries(9):
        assert text(admin_client.get(LIST)).count("queued") >= 40


def test_it_saves_credentials_without_showing_or_logging_them(admin_client: Client) -> None:
    response = admin_client.post(page(platform()), {**GENERAL, **COMPLETE}, follow=True)
    assert platform().api_config == COMPLETE
    html = (
        text(response)
        + text(admin_client.get(page(platform())))
        + text(admin_client.get(page(platform(), "history")))
    )
    entry = AuditEntry.objects.filter(action="platform.changed").latest("pk")
    assert entry.changes["api_config.client_secret"] == "changed"
    assert not [secret for secret in (SECRET, TOKEN) if secret in html + entry.changes_json]


def test_it_shows_a_refusal_at_the_field_and_keeps_what_is_stored(admin_client: Client) -> None:
    platform(**COMPLETE)
    response = admin_client.post(
        page(platform()),
        {**GENERAL, **COMPLETE, "client_secret": "typed", "additional_marketplace_ids": [GERMANY]},
    )
    assert "Germany belongs to region EU, not NA." in text(response)
    assert 'value="typed"' not in text(response)
    assert platform().api_config == COMPLETE


def test_it_does_not_write_over_what_a_sync_wrote_meanwhile(admin_client: Client) -> None:
    before = platform(**COMPLETE)
    set_states(watermark="2026-01-31T08:00:00Z")
    admin_client.post(
        page(before), {**GENERAL, **COMPLETE, "client_secret": "", "refresh_token": "", "orders_interval": 30}
    )
    after = platform()
    assert minutes_of(after) == 30
    assert watermark_of(after) is not None
    assert after.api_config == COMPLETE


def test_it_says_that_credentials_cannot_be_read(admin_client: Client) -> None:
    html = text(admin_client.get(page(with_an_unknown_key())))
    assert "cannot be read: it was encrypted with a key that is not in FIELD_ENCRYPTION_KEY" in html


def test_it_adds_a_platform_with_its_credentials(admin_client: Client) -> None:
    admin_client.post(f"{LIST}add/", {**GENERAL, **COMPLETE, "name": "amazon-de"})
    assert Platform.objects.get(name="amazon-de").api_config == COMPLETE


def test_it_warns_of_an_account_that_another_platform_has(admin_client: Client) -> None:
    platform(**COMPLETE)
    html = text(admin_client.post(f"{LIST}add/", {**GENERAL, **COMPLETE, "name": "amazon-de"}, follow=True))
    assert "amazon-de has the same account as amazon." in html


def test_it_shows_a_summary_to_those_who_may_only_look(as_user: Callable[..., Client]) -> None:
    platform(**COMPLETE)
    html = text(as_user("platforms.view_platform").get(page(platform())))
    assert "client id ….abc, client secret stored, refresh token stored, North America, United States" in html
    assert not [value for value in (SECRET, TOKEN, COMPLETE["client_id"]) if value in html]


def test_it_tells_nothing_of_a_secret_to_those_who_may_only_look(as_user: Callable[..., Client]) -> None:
    platform(**COMPLETE | {"client_secret": "amzn1.oa2-cs.v1.a-long-one-x7Q2"})
    viewer = as_user("platforms.view_platform", "platforms.sync_platform")
    assert "x7Q2" not in text(viewer.get(page(platform()))) + text(viewer.get(LIST))


def test_it_starts_orders_and_inventory_with_a_link_to_each_log(admin_client: Client) -> None:
    html = text(press(admin_client, platform()))
    logs = SyncLog.objects.order_by("pk")
    assert [(log.kind, log.trigger, log.requested_by.username) for log in logs if log.requested_by] == [
        ("orders", "admin", "admin"),
        ("inventory", "admin", "admin"),
    ]
    for log in logs:
        link = f'<a class="oms-link" href="/admin/integrations/synclog/{log.pk}/change/">'
        assert f"{link}{log.kind.title()} sync #{log.pk}</a> of Amazon is queued." in html


def test_it_hands_new_syncs_to_the_workers(
    admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        press(admin_client, platform())
        press(admin_client, platform())
    # Once more while they are still queued: the first message may be lost, and a doubled one is harmless.
    told = [each.args_kwargs["args"][0] for each in DBTaskResult.objects.all()]
    assert sorted(told) == sorted([*SyncLog.objects.values_list("pk", flat=True)] * 2)


def test_it_says_that_a_sync_is_already_open(admin_client: Client) -> None:
    press(admin_client, platform())
    assert "of Amazon is already queued." in text(press(admin_client, platform()))
    assert SyncLog.objects.count() == 2


def test_it_syncs_the_selected_platforms(admin_client: Client) -> None:
    second = Platform.objects.create(name="amazon-de")
    Platform.objects.create(name="amazon-fr")
    select(admin_client, platform(), second)
    assert set(SyncLog.objects.values_list("platform__name", "kind")) == {
        ("amazon", "orders"), ("amazon", "inventory"), ("amazon-de", "orders"), ("amazon-de", "inventory"),
    }  # fmt: skip


class OutAtFirst(DatabaseBackend):
    """A queue whose first message is refused, as Redis does while it restarts."""

    refused = 0

    def enqueue(self, *args: Any, **kwargs: Any) -> Any:
        self.refused += 1
        if self.refused == 1:
            raise ConnectionError("the broker is gone")
        return super().enqueue(*args, **kwargs)


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_where_one_platform_cannot_be_started(admin_client: Client, settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": f"{__name__}.OutAtFirst"}}
    first, _ = Platform.objects.get_or_create(name="amazon", display_name="Amazon")
    html = text(select(admin_client, first, Platform.objects.create(name="amazon-de")))
    assert "(orders of amazon) is stored, but could not be handed to the workers: the queue cannot be" in html
    assert html.count("is queued.") == 3


def test_it_starts_nothing_on_get(admin_client: Client) -> None:
    admin_client.get(f"{LIST}sync/?platform={platform().pk}")
    assert not SyncLog.objects.exists()


def test_it_checks_where_the_post_comes_from(admin_user: User) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(admin_user)
    assert press(careful, platform()).status_code == 403
    assert not SyncLog.objects.exists()


def test_it_hides_the_sync_from_those_who_may_not(as_user: Callable[..., Client]) -> None:
    viewer = as_user("platforms.view_platform")
    assert "Sync from Amazon" not in text(viewer.get(page(platform()))) + text(viewer.get(LIST))


def test_it_refuses_the_sync_to_those_who_may_not(as_user: Callable[..., Client]) -> None:
    viewer = as_user("platforms.view_platform", "platforms.change_platform")
    assert press(viewer, platform()).status_code == 403
    select(viewer, platform())
    assert not SyncLog.objects.exists()


def test_it_lets_those_sync_who_may_only_look_otherwise(as_user: Callable[..., Client]) -> None:
    viewer = as_user("platforms.view_platform", "platforms.sync_platform")
    assert "Sync from Amazon" in text(viewer.get(page(platform())))
    press(viewer, platform())
    assert SyncLog.objects.count() == 2


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_it_deletes_a_platform_with_all_that_belongs_to_it(admin_client: Client, language: str) -> None:
    admin_client.cookies["django_language"] = language
    mistake = Platform.objects.create(name="mistake")
    log = request_sync(platform=mistake, kind="orders", trigger="admin").log
    SyncFailure.objects.create(log=log, platform=mistake, kind="orders", error_code="malformed")
    ApiUsage.objects.create(platform=mistake, operation="token", hour=timezone.now())
    PlannedSku.objects.create(platform=mistake, source="mock", sku="A", lead_days=1, target_days=1)
    change(mistake, orders_interval=30)
    assert admin_client.post(page(mistake, "delete"), {"post": "yes"}).status_code == 302
    assert not Platform.objects.filter(name="mistake").exists()
    assert [model.objects.count() for model in (SyncLog, SyncFailure, ApiUsage, PlannedSku)] == [0] * 4


def test_it_deletes_a_platform_with_its_syncs_but_not_one_with_orders(admin_client: Client) -> None:
    empty = Platform.objects.create(name="mistake")
    request_sync(platform=empty, kind="orders", trigger="admin")
    log = request_sync(platform=platform(), kind="orders", trigger="admin").log
    run_sync(log.pk)
    admin_client.post(page(empty, "delete"), {"post": "yes"})
    assert admin_client.post(page(platform(), "delete"), {"post": "yes"}).status_code == 403
    assert list(Platform.objects.values_list("name", flat=True)) == ["amazon"]


def test_it_asks_what_to_sync_on_a_page_that_needs_no_script(admin_client: Client) -> None:
    html = text(admin_client.get(f"{LIST}sync/?platform={platform().pk}&next={page(platform())}"))
    for label in ("Orders and inventory", "Since the last sync", "From (UTC)", "created in that time"):
        assert label in html
    assert f'name="platform" value="{platform().pk}"' in html
    assert f'href="{page(platform())}"' in html  # Close leads back


def test_it_offers_the_dialog_on_the_list_and_on_the_page(admin_client: Client) -> None:
    address = f"{LIST}sync/?platform={platform().pk}"
    assert f'href="{address}" hx-get="{address}" hx-target="#oms-dialog"' in text(admin_client.get(LIST))
    form = f'action="{LIST}sync/" hx-get="{LIST}sync/" hx-target="#oms-dialog"'
    assert form in text(admin_client.get(page(platform())))


def test_it_starts_only_what_was_asked_for(admin_client: Client) -> None:
    start(admin_client, platform(), kind="inventory", span="days", days="x")  # stock has no window
    log = SyncLog.objects.get()
    assert (log.kind, log.window_by, log.window_start) == ("inventory", "", None)


def test_it_starts_orders_of_the_last_days_by_creation(admin_client: Client) -> None:
    start(admin_client, platform(), span="days", days="7", by="created")
    orders = SyncLog.objects.get(kind="orders")
    assert (orders.window_by, orders.is_incremental) == ("created", False)
    assert orders.window_start is not None
    assert timezone.now() - orders.window_start == pytest.approx(timedelta(days=7), abs=timedelta(minutes=1))
    assert SyncLog.objects.filter(kind="inventory").exists()


def test_it_reads_a_time_span_in_the_zone_that_it_shows(admin_client: Client) -> None:
    values = {"kind": "orders", "span": "between", "since": "2026-01-31T08:00", "until": "2026-01-31T20:30"}
    admin_client.cookies["oms_timezone"] = "Europe/Berlin"
    start(admin_client, platform(), **values)
    log = SyncLog.objects.get()
    assert log.window_start == datetime(2026, 1, 31, 7, tzinfo=UTC)
    assert log.window_end == datetime(2026, 1, 31, 19, 30, tzinfo=UTC)
    assert log.notes == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"span": "days", "days": "0"}, "it takes a whole number from 1 to 3650"),
        ({"span": "days", "days": ""}, "it takes a whole number from 1 to 3650"),
        ({"span": "between"}, "Say where to start."),
        ({"span": "between", "since": "2030-01-31T08:00"}, "is in the future"),
        (
            {"span": "between", "since": "2026-01-31T08:00", "until": "2026-01-30T08:00"},
            "must be before until",
        ),
        ({"span": "between", "since": "yesterday"}, "Enter a valid date/time."),
        ({"span": "last", "by": "created"}, "works by update time"),
        ({"kind": "returns"}, "returns is not one of the available choices"),
        ({"platform": []}, "Choose a platform first."),
    ],
)
def test_it_starts_nothing_where_anything_is_wrong(
    admin_client: Client, values: dict[str, Any], problem: str
) -> None:
    html = text(start(admin_client, platform(), **values))
    assert "Nothing was started." in html
    assert problem in html
    assert not SyncLog.objects.exists()


def test_it_refuses_another_window_and_links_the_sync_that_is_open(admin_client: Client) -> None:
    start(admin_client, platform(), kind="orders", span="days", days="8")
    (log,) = SyncLog.objects.all()
    html = text(start(admin_client, platform(), kind="orders", span="days", days="7"))
    assert re.search(
        rf'<a [^>]*href="/admin/integrations/synclog/{log.pk}/change/"[^>]*>Orders sync #{log.pk}</a>', html
    )
    assert f"sync #{log.pk} is open (orders updated in the last 8 days; queued; started by: admin)" in html
    assert "is already queued." not in html
    assert SyncLog.objects.get() == log


def test_it_comes_back_to_where_the_dialog_was_opened(admin_client: Client) -> None:
    response = start(admin_client, platform(), next=page(platform()))
    assert response.redirect_chain == [(page(platform()), 302)]
    elsewhere = start(admin_client, platform(), next="https://example.com/")
    assert elsewhere.redirect_chain == [(LIST, 302)]


def test_it_asks_nobody_who_may_not_sync(as_user: Callable[..., Client]) -> None:
    viewer = as_user("platforms.view_platform", "platforms.change_platform")
    assert viewer.get(f"{LIST}sync/?platform={platform().pk}").status_code == 403
    assert start(viewer, platform()).status_code == 403
    assert viewer.post(page(platform(), "check")).status_code == 403
    assert "data-oms-check" not in text(viewer.get(page(platform())))
    assert not SyncLog.objects.exists()


def test_it_answers_a_check_with_the_findings_alone(admin_client: Client, start_simulator: Any) -> None:
    platform_of(start_simulator())
    html = text(admin_client.post(page(platform(), "check")))
    assert "The connection works" in html
    assert "<strong>Token:</strong>" in html
    assert "<html" not in html
    assert platform().checked_at is not None
    assert "<strong>Token:</strong>" in text(admin_client.get(page(platform())))


def test_it_checks_by_the_plain_button_as_well(admin_client: Client, start_simulator: Any) -> None:
    platform_of(start_simulator())
    html = text(admin_client.post(page(platform(), "press", "check"), follow=True))
    assert "The connection works; see the findings below." in html
    assert "<strong>Token:</strong>" in html


def test_it_names_each_problem_of_the_connection_in_words(admin_client: Client, start_simulator: Any) -> None:
    platform_of(start_simulator(), client_secret="wrong")
    html = text(admin_client.post(page(platform(), "check")))
    assert "The connection does not work fully" in html
    assert "invalid_client" in html
    assert '<span class="oms-verdict">problem.</span>' in html


def test_it_checks_nothing_on_get(admin_client: Client) -> None:
    assert admin_client.get(page(platform(), "check")).status_code == 405
    assert admin_client.post(f"{LIST}999999/check/").status_code == 404
    assert platform().checked_at is None


def test_it_shows_the_last_runs_of_each_kind_and_when_the_next_is_due(admin_client: Client) -> None:
    instance = platform(**COMPLETE)
    queued = timezone.now() - timedelta(minutes=5)
    for _number in range(7):
        SyncLog.objects.create(
            platform=instance,
            kind="orders",
            trigger="schedule",
            status="succeeded",
            queued_at=queued,
            fetched=3,
        )
    html = text(admin_client.get(page(instance)))
    assert html.count("3 fetched.") == 5
    due = dues_of(instance)["orders"].at
    assert due is not None
    assert f"{due:%Y-%m-%d %H:%M} UTC · by its interval" in html
    assert "now; the scheduler takes it up within a minute" in html  # inventory has never been synced


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"is_active": False}, "the platform is inactive"),
        ({"orders_interval": 0}, "only by hand: the interval is 0"),
        ({"api_config": {}}, "no credentials are stored"),
    ],
)
def test_it_says_why_nothing_is_due(admin_client: Client, changes: dict[str, Any], why: str) -> None:
    instance = platform(**COMPLETE)
    change(instance, **changes)
    assert why in text(admin_client.get(page(instance)))


def test_it_shows_no_runs_to_those_who_may_not_see_them(as_user: Callable[..., Client]) -> None:
    press(as_user("platforms.view_platform", "platforms.sync_platform"), platform())
    viewer = Client()
    viewer.force_login(User.objects.get())
    assert "Last runs" not in text(viewer.get(page(platform())))


def shown_tab(html: str) -> str:
    return str(re.findall(r'data-oms-shown="(\w+)"', html)[0])


def test_its_tabs_have_addresses_and_errors_open_theirs(admin_client: Client) -> None:
    address, fields = page(platform()), {**GENERAL, **COMPLETE}
    assert shown_tab(text(admin_client.get(address))) == "credentials"  # nothing is stored yet
    admin_client.post(address, fields)
    assert shown_tab(text(admin_client.get(address))) == "overview"
    assert shown_tab(text(admin_client.get(f"{address}?tab=access"))) == "access"
    assert shown_tab(text(admin_client.get(f"{address}?tab=no-such-tab"))) == "overview"
    odd = text(admin_client.post(f"{address}?tab=access", {**fields, "orders_interval": "x"}))
    assert shown_tab(odd) == "schedule"
    odd = text(admin_client.post(f"{address}?tab=schedule", {**fields, "orders_interval": "x", "name": ""}))
    assert shown_tab(odd) == "schedule"
    assert odd.count("has an error") == 2
    saved = admin_client.post(f"{address}?tab=schedule", {**fields, "_continue": "1"})
    assert saved.headers["Location"] == f"{address}?tab=schedule"


def test_it_says_who_may_see_it(admin_client: Client, as_user: Callable[..., Client]) -> None:
    other = Platform.objects.create(name="other")
    mine = User.objects.create_user("mine", is_staff=True)
    mine.groups.add(Group.objects.get(name="Operator"))
    elsewhere = User.objects.create_user("elsewhere", is_staff=True)
    confine(mine, [platform().pk])
    confine(elsewhere, [other.pk])
    User.objects.create_user("program", is_staff=False)
    part = text(admin_client.get(page(platform()))).split('id="oms-access-title"')[1].split("</section>")[0]
    people = re.findall(r'<th scope="row"><a[^>]*>([^<]+)</a></th><td>([^<]*)</td>', part)
    assert dict(people) == {"admin": "superuser", "mine": "Operator"}
    reader = text(as_user("platforms.view_platform").get(page(platform())))
    assert "mine" not in reader.split('id="oms-access-title"')[1].split("</section>")[0]


@pytest.mark.parametrize(
    ("step", "code", "place"),
    [
        ("orders", "forbidden", "Open Develop Apps in Seller Central"),
        ("data set PACKAGES", "forbidden", "Authorise again"),
        ("inventory DE", "forbidden", "sellercentral-europe.amazon.com/sellingpartner/developerconsole"),
        ("inventory DE", "stock_refused", "Check again"),
        ("orders DE", "unavailable", "Check again"),
        ("clock", "clock_wrong", "Check again"),
        ("marketplace DE", "not_participating", "Choose marketplaces"),
        ("environment", "wrong_environment", "Correct the credentials"),
    ],
)
def test_each_to_do_leads_to_where_it_is_done(
    admin_client: Client,
    as_user: Callable[..., Client],
    start_simulator: Any,
    step: str,
    code: str,
    place: str,
) -> None:
    shop = platform_of(start_simulator(), marketplace_id="A1PA6795UKMFR9", region="EU")
    shop.checked_at = timezone.now()
    shop.check_outcome = {
        "ok": False,
        "findings": [{"step": step, "ok": False, "code": code, "message": "No.", "request_id": ""}],
        "credentials": shop.credentials_digest,
    }
    shop.save()
    todo = text(admin_client.get(page(shop))).split("oms-todo-word")[1].split("</li>")[0]
    assert place in todo
    assert "oms-todo-button" in todo
    reader = text(as_user("platforms.view_platform").get(page(shop)))
    assert "Check again" not in reader
    assert "Authorise again" not in reader


def test_a_finding_to_do_has_a_button_and_is_marked_once_credentials_are_others(
    admin_client: Client, start_simulator: Any
) -> None:
    sim = start_simulator()
    platform_of(sim, client_secret="wrong")
    html = text(admin_client.post(page(platform(), "check")))
    assert "Checked just now." in html
    assert html.count("To do") == 1
    assert 'href="?tab=credentials"' in html
    assert "Check again" not in html
    changed = platform()
    changed.replace_config({**changed.api_config, "client_secret": "other"})
    changed.save()
    html = text(admin_client.get(page(changed)))
    assert "were changed since then" in html
    assert "Check again" in html
    platform_of(sim)
    html = text(admin_client.post(page(platform(), "check")))
    assert "To do" not in html
    assert "were changed since then" not in html
    form = text(admin_client.get(page(platform())))
    (own,) = re.findall(
        r'<optgroup label="The account takes part in">(.*?)</optgroup>',
        form.split('name="additional')[0],
        re.S,
    )
    assert sorted(re.findall(r'value="(\w+)"', own)) == sorted(platform().check_outcome["sites"])
    assert platform().check_outcome["sites"]
    # All others are offered on request.
    (select,) = re.findall(r'<select[^>]*"id_marketplace_id".*?</select>', form, re.S)
    assert 'data-oms-show-all="Show all marketplaces"' in select
    others = set(re.findall(r'value="(\w+)"[^>]* data-oms-other', select))
    assert others == set(re.findall(r'value="(\w+)"', select)) - set(platform().check_outcome["sites"])
    # Another refresh token may be another account's.
    changed = platform()
    changed.replace_config({**changed.api_config, "refresh_token": "Atzr|other"})
    changed.save()
    assert "The account takes part in" not in text(admin_client.get(page(changed)))
