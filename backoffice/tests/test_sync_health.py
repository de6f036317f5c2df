"""The page "Health": syncs of the last 7 and 30 days by platform and stream; Run again on one that failed."""

import re
from datetime import timedelta
from html import unescape
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries

from api.tests.rest import SECRETS, make_order
from backoffice.tests.home_pages import home, log_of, table, viewer
from integrations.lookup.health import health_of
from integrations.lookup.sync_days import KEPT_DAYS, count_due
from integrations.models import ApiQuota, ApiUsage, StreamState, SyncDay, SyncFailure, SyncLog
from integrations.quota.usage import sharing
from integrations.sync.asked import asked_of
from integrations.sync.start import start_sync
from integrations.sync.transitions import cancel_sync
from integrations.sync.windows import WindowRequest
from orders.models import OrderChange
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db

PAGE = "/admin/health/"


def platform_of(name: str = "amazon", **changes: Any) -> Platform:
    row = {"display_name": "", "api_config": SECRETS} | changes
    platform = Platform.objects.update_or_create(name=name, defaults=row)[0]
    Platform.objects.filter(pk=platform.pk).update(created_at=timezone.now() - timedelta(days=90))
    return platform


def ended(**ago: int) -> str:
    return f"ended {timezone.now() - timedelta(**ago):%Y-%m-%d %H:%M} UTC"


def shown(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return unescape(re.sub(r"[ \n]+", " ", response.content.decode()))


def rows_of(page: str) -> dict[str, dict[str, list[str]]]:
    """The facts of the first platform, by what they are of: the text of each cell."""
    found: dict[str, dict[str, list[str]]] = {}
    for group in page.split('class="oms-health-facts"')[1].split("</table>")[0].split("<tbody>")[1:]:
        title, rows = group.split("</tr>", 1)
        cells = {
            label: [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
            for label, row in re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', rows)
        }
        found[re.findall(r'rowgroup">(.*?)<', title)[0]] = cells
    return found


def plant(platform: Platform) -> None:
    """Orders: complete 20 minutes ago; for 40 hours nothing succeeded, which lies between 3 and 6 days ago; one failed
    20 days ago. Stock: read once, 10 days ago. What is cancelled or open counts as no failure, mock data as no
    reading."""
    now = timezone.now()
    for hours in (
        1,
        30,
        55,
        80,
        120,
        140,
        170,
        200,
        300,
        500,
        680,
    ):  # the seventh day begins 144 hours ago at most
        log_of(platform, finished_at=now - timedelta(hours=hours))
    log_of(platform, "failed", finished_at=now - timedelta(hours=100))
    log_of(platform, "failed", finished_at=now - timedelta(days=20))
    log_of(platform, "failed", finished_at=now - timedelta(days=40))
    log_of(platform, "cancelled", finished_at=now - timedelta(hours=2))
    log_of(platform, "running")
    partial = log_of(platform, "partial", failed=1, finished_at=now - timedelta(minutes=20))
    # A window of somebody, and a few SKUs, do not make a stream current.
    log_of(platform, finished_at=now - timedelta(hours=100), is_incremental=False)
    log_of(platform, finished_at=now - timedelta(days=2), kind="inventory", skus=["A"])
    began = now - timedelta(days=10, minutes=4)
    ended = began + timedelta(minutes=3)
    log_of(platform, finished_at=ended, kind="inventory", started_at=began)
    log_of(platform, finished_at=now, kind="inventory", started_at=now, source=Source.MOCK)
    StreamState.write(platform.pk, "orders", watermark=now - timedelta(minutes=25))
    for resolved in (None, None, now):
        SyncFailure.objects.create(
            log=partial, platform=platform, kind="orders", external_id="1", error_code="malformed",
            error_message="It has no purchase date.", resolved_at=resolved,
        )  # fmt: skip
    (key,) = [key for key, names in sharing().items() if platform.name in names]
    for operation, rate in (("searchOrders", 0.01), ("getOrder", 1.0)):
        ApiQuota.objects.create(
            account_key=key, operation=operation, rate=rate, burst=20, tokens=1, updated_at=now
        )
    hour = (now - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    for operation in ("searchOrders", "getOrder"):
        ApiUsage.objects.create(
            platform=platform, operation=operation, hour=hour, calls=3024, throttled=12, errors=0
        )


def test_it_says_how_syncs_went_in_7_and_30_days(admin_client: Client) -> None:
    plant(platform_of())
    page, now = shown(admin_client), timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = {span: midnight - timedelta(days=span - 1) for span in (7, 30)}
    quota = round(100 * 3024 / (0.01 * (now - begins[7]).total_seconds()))
    read = now - timedelta(days=10)
    assert rows_of(page) == {
        "Orders": {
            "Syncs": ["10", "16"],
            "Failed": ["1", "2"],
            "Longest gap": ["40 h", "8 days"],
            "Last good sync": [ended(minutes=20)],
            "Behind now": ["25 min"],
            "Open failures": ["2"],
        },
        "Inventory": {
            "Syncs": ["2", "3"],
            "Failed": ["0", "0"],
            "Longest gap": ["6 days", f"{(read - begins[30] - timedelta(minutes=1)).days} days"],
            "Last good sync": [ended(days=2)],
            "Behind now": ["10 days"],
            "Open failures": ["0"],
        },
        "API calls": {
            "Calls": ["6,048", "6,048"],
            "Throttled": ["24", "24"],
            "Quota used": [f"{quota} % searchOrders", "12 % searchOrders"],
        },
    }
    (failed, _older) = re.findall(r'<a class="oms-link" href="(/admin/integrations/synclog/[^"]+)">', page)
    listed = admin_client.get(failed)
    assert [log.status for log in listed.context["cl"].result_list] == ["failed"]
    (failures,) = re.findall(r'<a class="oms-link" href="(/admin/integrations/syncfailure/[^"]+)">', page)
    assert len(admin_client.get(failures).context["cl"].result_list) == 2
    days = table(page, f"health-{Platform.objects.get().pk}")
    assert len(days) == 30
    assert [sum(int(cells[place]) for cells in days.values()) for place in range(3)] == [15, 1, 2]


def test_the_picture_is_read_by_weeks_whose_sums_are_those_of_the_table(admin_client: Client) -> None:
    """Weeks of seven days, of which the last one ends today: it is the column of 7 days, and all are that of 30."""
    plant(platform_of())
    page = admin_client.get("/admin/health/")
    (panel,) = page.context["panels"]
    weeks, today = panel["chart"].parts, timezone.localdate()
    assert [week.count for week in weeks] == [2, 7, 7, 7, 7]
    ended = SyncLog.objects.filter(finished_at__isnull=False)
    for back, week in zip((28, 21, 14, 7, 0), weeks, strict=True):
        days = [today - timedelta(days=back + day) for day in range(week.count)]
        those = [log for log in ended if timezone.localdate(log.finished_at) in days]
        failed = sum(log.status == "failed" for log in those)
        syncs = f"{len(those)} sync" if len(those) == 1 else f"{len(those)} syncs"
        assert (week.label, list(week.sums)) == (
            f"{date_format(days[-1], 'j M')} – {date_format(days[0], 'j M')}",
            [syncs, f"{failed} failed" if failed else ""],
        )
    of_table = [
        cells["Syncs"][0] for title, cells in rows_of(shown(admin_client)).items() if title != "API calls"
    ]
    assert list(weeks[-1].sums) == [f"{sum(map(int, of_table))} syncs", "1 failed"]
    assert panel["chart"].drawing["breaks"] == [2, 9, 16, 23]
    shown_weeks = re.findall(r'<ol class="oms-parts".*?</ol>', page.content.decode(), re.S)[0]
    assert "12 syncs" in shown_weeks


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
def test_what_failed_is_what_the_list_has(admin_client: Client, zone: str) -> None:
    """To the minute, in the days of the reader, whenever they were asked for."""
    admin_client.cookies["oms_timezone"] = zone
    platform = platform_of()
    with timezone.override(zone):
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    for span in (7, 30):
        begin = midnight - timedelta(days=span - 1)
        for minutes in (-1, 0, 1):
            ended = begin + timedelta(minutes=minutes)
            log_of(platform, "failed", finished_at=ended, queued_at=ended - timedelta(hours=3))
    page = shown(admin_client)
    figures = [int(cell) for cell in rows_of(page)["Orders"]["Failed"]]
    links = re.findall(r'<a class="oms-link" href="(/admin/integrations/synclog/[^"]+)">', page)
    assert figures == [2, 5] == [admin_client.get(link).context["cl"].result_count for link in links]


ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/St_Johns")


def figures_in(zone: str) -> list[Any]:
    """What syncs came to, as of now: the moment of the question moves on."""
    with timezone.override(zone):
        found = health_of()
    spans = [
        (item.stream, span, spell.runs, spell.failed, spell.longest_gap)
        for health in found
        for item in health.streams
        for span, spell in item.spells.items()
    ]
    return [spans, [health.days for health in found]]


def test_kept_days_are_the_same_as_their_syncs_in_every_zone() -> None:
    rng, now = Random(5), timezone.now()  # noqa: S311  no secret
    for name in ("shop-a", "shop-b"):
        platform = platform_of(name)
        log_of(platform, finished_at=now)  # nothing since: no gap goes on
        log_of(platform, finished_at=now, kind="inventory")
        for _sync in range(150):
            ended = now - timedelta(
                seconds=rng.randrange(34 * 86_400), microseconds=rng.choice((1, 400_000, 600_000))
            )
            if rng.random() < 0.1:  # to the second where a day begins
                begin = ended.replace(hour=rng.choice((0, 10, 11)), minute=0, second=0, microsecond=0)
                ended = min(begin, now)
            status = rng.choice(("succeeded", "succeeded", "partial", "failed", "cancelled", "fallback"))
            log_of(
                platform, status, finished_at=ended, kind=rng.choice(("orders", "orders", "inventory")),
                is_incremental=rng.random() < 0.9, skus=rng.choice(([], [], ["A"])),
                source=rng.choice((Source.LIVE, Source.LIVE, Source.MOCK)),
            )  # fmt: skip
    expected = {zone: figures_in(zone) for zone in ZONES}
    assert count_due(seconds=60) == KEPT_DAYS * Platform.objects.count()
    assert count_due(seconds=60) == 0
    # Nothing but what is kept is read of days that were over an hour ago.
    last = SyncDay.objects.latest("day").day
    SyncLog.objects.filter(finished_at__date__lte=last).update(status="failed")
    found = {zone: figures_in(zone) for zone in ZONES}
    for zone in ZONES:
        assert found[zone][1] == expected[zone][1], zone
        assert [row[:4] for row in found[zone][0]] == [row[:4] for row in expected[zone][0]], zone
        for (*_same, after), (*_before, before) in zip(found[zone][0], expected[zone][0], strict=True):
            assert after == before or abs(after - before) < timedelta(minutes=1), zone


def test_a_sync_that_is_closed_on_a_kept_day_counts() -> None:
    platform, now = platform_of(), timezone.now()
    log_of(platform, "failed", finished_at=now)
    log = start_sync(platform=platform, kind="orders", trigger="api").log
    count_due(seconds=60, now=now + timedelta(days=2))  # today is kept, as by a clock that is ahead
    assert figures_in("UTC")[0][0][2:4] == (1, 1)
    cancel_sync(log)
    assert SyncDay.objects.filter(is_counted=False).count() == 1
    assert figures_in("UTC")[0][0][2:4] == (2, 1)
    assert count_due(seconds=60, now=now + timedelta(days=2)) == 1
    assert figures_in("UTC")[0][0][2:4] == (2, 1)


def test_pages_tell_the_same_time_of_the_same_sync(admin_client: Client) -> None:
    platform, now = platform_of(), timezone.now()
    began, stored, end = (now - timedelta(minutes=minutes) for minutes in (50, 40, 30))
    log = log_of(platform, queued_at=began, started_at=began, finished_at=end)
    order = make_order(platform=platform)
    OrderChange.objects.create(
        order=order,
        platform_updated_at=stored,
        changed_at=stored,
        sync_log_id=log.pk,
        changes=[["status", "pending", "shipped"]],
    )
    said = f"ended {end:%Y-%m-%d %H:%M} UTC"
    assert f'title="{said}"' in home(admin_client)
    assert rows_of(shown(admin_client))["Orders"]["Last good sync"] == [said]
    for address in ("", f"{platform.pk}/change/"):
        assert f">{said}</a>" in admin_client.get(f"/admin/platforms/platform/{address}").content.decode()
    listed = admin_client.get("/admin/integrations/synclog/").content.decode()
    assert f'title="{end:%Y-%m-%d %H:%M} UTC"' in listed
    assert ">Ended<" in re.sub(r"\s*\n\s*", "", listed)
    of_log = admin_client.get(f"/admin/integrations/synclog/{log.pk}/change/").content.decode()
    assert f"{end:%Y-%m-%d %H:%M} UTC" in of_log
    # When a change was stored is another moment, and is called so.
    of_order = admin_client.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert f">stored {stored:%Y-%m-%d %H:%M} UTC</time>" in of_order


def test_it_reads_any_number_of_platforms_with_as_many_queries(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        log_of(platform_of(f"shop-{number}", api_config=SECRETS | {"refresh_token": f"Atzr|{number}"}))
    platform_of("empty", api_config={}, is_active=False)
    health_of()  # loads what is loaded once
    with django_assert_max_num_queries(7):
        found = health_of()
    assert len(found) == Platform.objects.count()
    page = shown(admin_client)
    assert page.count('class="oms-health-facts"') == Platform.objects.count()
    assert "Atzr|" not in page
    assert "Nothing was synced in these days." in page
    assert "never complete" in page


def test_it_is_for_those_who_see_syncs_and_links_only_what_they_may_open() -> None:
    log_of(platform_of())
    reader = viewer("view_synclog")
    page = shown(reader)
    assert "monitor_heart" in page
    assert "/admin/platforms/platform/" not in page


def again(client: Client, log: SyncLog) -> str:
    response = client.post(f"/admin/integrations/synclog/{log.pk}/press/again/", follow=True)
    return re.sub("<[^>]+>", "", " ".join(map(str, response.context["messages"])))


def test_it_runs_a_failed_sync_again_with_the_same_question(admin_client: Client) -> None:
    platform, now = platform_of(), timezone.now().replace(microsecond=0)
    since, until = now - timedelta(days=9), now - timedelta(days=8)
    asked: list[tuple[str, Any, list[str]]] = [
        ("orders", WindowRequest(), []),
        ("orders", WindowRequest(by="created", since=since, until=until), []),
        ("orders", WindowRequest(since=now - timedelta(days=3), days=3), []),
        ("inventory", None, ["B 2", "A-1"]),
    ]
    for kind, window, skus in asked:
        first = start_sync(platform=platform, kind=kind, trigger="api", window=window, skus=skus).log
        page = f"/admin/integrations/synclog/{first.pk}/change/"
        assert "press/again/" not in admin_client.get(page).content.decode()  # it is open
        SyncLog.objects.filter(pk=first.pk).update(
            status="failed", open_key=None, finished_at=now, error_message="Down.", error_code="unavailable"
        )
        assert "press/again/" in admin_client.get(page).content.decode()
        assert "press/again/" in admin_client.get("/admin/integrations/synclog/").content.decode()
        assert "is queued" in again(admin_client, first)
        second = SyncLog.objects.latest("pk")
        assert second.pk != first.pk
        assert asked_of(second) == asked_of(SyncLog.objects.get(pk=first.pk))
        assert (second.kind, second.skus, second.trigger) == (kind, skus, "admin")
        assert "already queued" in again(admin_client, first)  # the same one
        SyncLog.objects.filter(pk=second.pk).update(asked='{"skus": ["other"]}')
        assert "Start yours again when it has ended" in again(admin_client, first)  # another is open
        SyncLog.objects.filter(pk=second.pk).update(status="succeeded", open_key=None, finished_at=now)
        assert "it did not fail" in again(admin_client, SyncLog.objects.get(pk=second.pk))
        SyncLog.objects.all().delete()


def test_run_again_is_for_those_who_may_sync(admin_client: Client) -> None:
    failed = log_of(platform_of(), "failed")
    look_back = log_of(platform_of(), "failed", trigger="look_back", is_incremental=False)
    reader = viewer("view_synclog", "view_platform")
    page = f"/admin/integrations/synclog/{failed.pk}/change/"
    assert "press/again/" not in reader.get(page).content.decode()
    assert reader.post(f"/admin/integrations/synclog/{failed.pk}/press/again/").status_code == 403
    assert "it did not fail" in again(admin_client, look_back)
    assert SyncLog.objects.count() == 2


def test_it_filters_by_several_statuses(admin_client: Client) -> None:
    for status in ("failed", "partial", "succeeded"):
        log_of(platform_of(), status)
    address = "/admin/integrations/synclog/"
    sent = admin_client.get(f"{address}?status__in=failed&status__in=partial&kind__exact=orders")
    assert sent.headers["Location"] == "?status__in=failed,partial&kind__exact=orders"
    page = admin_client.get(f"{address}{sent.headers['Location']}")
    assert sorted(log.status for log in page.context["cl"].result_list) == ["failed", "partial"]
    boxes = re.findall(r'name="status__in" value="(\w+)" checked', page.content.decode())
    assert boxes == ["partial", "failed"]
    # A link with one status is shown as that box, and no longer asked for once others are chosen.
    page = admin_client.get(f"{address}?status__exact=failed")
    assert re.findall(r'name="status__in" value="(\w+)" checked', page.content.decode()) == ["failed"]
    panel = page.content.decode().split('id="filter-form"')[1].split("</form>")[0]
    assert 'name="status__exact"' not in panel
    assert admin_client.get(f"{address}?status__in=failed&status__in=odd", follow=True).status_code == 400
