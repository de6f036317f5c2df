"""The pages of completeness: days as a calendar, a day with what was found, audits, and the button that starts one."""

import re
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from django_tasks_db.models import DBTaskResult
from freezegun import freeze_time

from api.tests.rest import SECRETS, make_order
from backoffice.tests.home_pages import home, tiles, viewer
from integrations.completeness.overview import MOST_MONTHS, month_before
from integrations.completeness.proof import refresh_proof
from integrations.models import AuditedDay, AuditedStock, AuditFinding, OrderAudit, StockAudit, SyncFailure
from platforms.models import Platform

pytestmark = pytest.mark.django_db

DE, FR = "A1PA6795UKMFR9", "A13V1IB3VIYZZH"
NOW = timezone.now()
TODAY = NOW.astimezone(UTC).date()
DAY = timedelta(days=1)
PAGE, DAY_PAGE, START = "/admin/completeness/", "/admin/completeness/day/", "/admin/completeness/audit/"
START_OF_STOCK = f"{START}stock/"
SEES, STARTS = "view_synclog", "sync_platform"
Kind, Outcome = AuditFinding.Kind, AuditFinding.Outcome


@pytest.fixture(autouse=True)
def _one_moment() -> Iterator[None]:
    """Midnight does not pass between what is stored and the page that shows it."""
    with freeze_time(NOW):
        yield


def platform_of(name: str = "shop") -> Platform:
    return Platform.objects.create(name=name, api_config=SECRETS)


def audit_of(platform: Platform, **values: Any) -> OrderAudit:
    now = timezone.now()
    row = {
        "trigger": "schedule", "status": "partial", "window_start": now - 30 * DAY, "window_end": now,
        "finished_at": now, "api_calls": 9, "calls": {"getOrder": {"calls": 3, "seconds": 6.0}},
    }  # fmt: skip
    return OrderAudit.objects.create(platform=platform, **(row | values))


def stock_audit_of(platform: Platform, **values: Any) -> StockAudit:
    row = {"trigger": "schedule", "status": "partial", "missing": 2, "healed": 1, "open": 1, "api_calls": 3}
    audit = StockAudit.objects.create(platform=platform, finished_at=timezone.now(), **(row | values))
    for site, state, found, error in (
        (DE, "open", {"missing": 2, "healed": 1, "open": 1, "listings": 1200}, ""),
        (FR, "not_yet", {}, "Its list was refused."),
    ):
        AuditedStock.objects.create(
            platform=platform, audit=audit, marketplace_id=site, state=state, checked_at=timezone.now(),
            asked_at=timezone.now(), list_id="50000000031", error_message=error, **found,
        )  # fmt: skip
    return audit


def day_of(
    audit: OrderAudit | None, platform: Platform, day: date, state: str, site: str = DE, **values: Any
) -> None:
    AuditedDay.objects.create(
        platform=platform, audit=audit, day=day, state=state, marketplace_id=site, checked_at=timezone.now(),
        list_id="50000000028", **values,
    )  # fmt: skip


def planted() -> tuple[Platform, OrderAudit]:
    """Of the days before today: 5 proven, one healed, one open in France; today is not over; before that, none."""
    Platform.objects.filter(name="amazon").update(is_active=False)
    platform = platform_of()
    before, audit = audit_of(platform, status="succeeded"), audit_of(platform)
    for back, state, numbers in (
        (7, "proven", {"orders": 12}), (6, "healed", {"orders": 20, "missing": 2, "healed": 2}),
        (5, "proven", {"orders": 3}), (4, "open", {"orders": 9, "different": 1, "open": 1}),
        (3, "proven", {}), (2, "proven", {}), (1, "proven", {}), (0, "not_yet", {}),
    ):  # fmt: skip
        day_of(audit, platform, TODAY - back * DAY, state if state == "not_yet" else "proven", DE)
        day_of(audit, platform, TODAY - back * DAY, state, FR, **numbers)
    make_order("302-0000001-0000001", platform=platform)
    differs = [{"field": "status", "reported": "shipped", "stored": "unshipped"}]
    failure = SyncFailure.objects.create(
        audit=audit,
        platform=platform,
        kind="orders",
        external_id="302-0000001-0000001",
        error_code="still_different",
    )
    for order, kind, outcome, of, more in (
        (
            "302-0000001-0000001",
            Kind.DIFFERENT,
            Outcome.OPEN,
            audit,
            {"failure": failure, "differences": differs},
        ),
        ("302-0000002-0000002", Kind.MISSING, Outcome.HEALED, before, {}),
    ):
        AuditFinding.objects.create(
            audit=of, external_id=order, kind=kind, outcome=outcome, day=TODAY - 4 * DAY, marketplace_id=FR,
            error_code="still_different", error_message="It is not what its list says.", **more,
        )  # fmt: skip
    refresh_proof(platform)
    return platform, audit


def shown(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return unescape(re.sub(r"\s+", " ", answer.content.decode()))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


def cells(page: str) -> dict[int, str]:
    """The text of each day of the calendar by its number."""
    table = page.split('class="oms-calendar"')[1].split("</table>")[0].split("<tbody>")[1]
    texts = [text_of(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", table)]
    return {int(text.split()[0]): " ".join(text.split()[1:]) for text in texts if text}


def month_pages(client: Client, platform: Platform) -> dict[date, str]:
    """The text of each of the last 10 days, whichever month it is of."""
    found: dict[date, str] = {}
    for first in {(TODAY - back * DAY).replace(day=1) for back in range(10)}:
        page = shown(client, f"{PAGE}?platform={platform.pk}&month={first:%Y-%m}")
        for number, text in cells(page).items():
            found[first.replace(day=number)] = text
    return found


def test_no_arrow_leads_to_a_month_that_cannot_be_shown(admin_client: Client) -> None:
    platform, _audit = planted()
    first = month_before(TODAY, MOST_MONTHS - 1)
    page = shown(admin_client, f"{PAGE}?platform={platform.pk}&month={first:%Y-%m}")
    assert 'rel="next"' in page
    assert 'rel="prev"' not in page
    shown(admin_client, f"{PAGE}?platform={platform.pk}&month={month_before(first):%Y-%m}", 400)


def test_each_day_is_shown_with_a_sign_a_word_and_figures(admin_client: Client) -> None:
    platform, audit = planted()
    days = month_pages(admin_client, platform)
    assert days[TODAY - 7 * DAY] == "✓ proven 12 orders"
    assert days[TODAY - 6 * DAY] == "✚ healed 2 fetched 20 orders FR : healed"
    assert days[TODAY - 4 * DAY] == "! open 1 open 1 fetched before 9 orders FR : open"
    assert days[TODAY] == "… not yet 0 orders"
    if (TODAY - 8 * DAY).month == TODAY.month:
        assert days[TODAY - 8 * DAY] == "– never audited"

    page = shown(admin_client, PAGE)  # the platform that a day is open of, this month
    assert f"Orders proven complete until {TODAY - 5 * DAY:%Y-%m-%d}. 1 day is open." in page
    assert re.search(rf"#{audit.pk}</a>.*?schedule.*?2 missing, 1 different|#{audit.pk}</a>", page)
    assert "9 calls, 6.0 s of quota" in page
    of_germany = shown(admin_client, f"{PAGE}?platform={platform.pk}&site={DE}")
    assert "! open" not in text_of(of_germany.split('class="oms-calendar"')[1].split("</table>")[0])
    for odd in ("month=2026-13", "month=x", "month=0000-01", "month=1990-01", "platform=9999", "platform=x"):
        assert 'role="alert"' in shown(admin_client, f"{PAGE}?{odd}", 400)


def test_a_day_names_its_orders_with_both_values(admin_client: Client) -> None:
    platform, audit = planted()
    address = f"{DAY_PAGE}?platform={platform.pk}&day={TODAY - 4 * DAY}"
    page = shown(admin_client, address)
    text = text_of(page.split("content-main")[1])
    assert "open : some orders could not be brought in line" in text
    assert "FR ! open 9 0 0 1 0 1 0 50000000028" in text
    assert "Status listed: shipped stored: unshipped It is not what its list says. still_different" in text
    assert 'href="/admin/orders/order/' in page.split("302-0000001-0000001")[0]
    assert "Try again" in page
    assert "302-0000002-0000002 missing healed It was not stored." in text
    assert "All 2 Missing 1 Different 1" in text
    only = text_of(shown(admin_client, f"{address}&kind=missing"))
    assert ("302-0000002-0000002" in only, "302-0000001-0000001" in only) == (True, False)
    OrderAudit.objects.filter(pk=audit.pk).delete()
    pruned = text_of(shown(admin_client, address))
    assert "was deleted for its age (KEEP_SYNC_LOG_DAYS)" in pruned
    never = text_of(shown(admin_client, f"{DAY_PAGE}?platform={platform.pk}&day={TODAY - 9 * DAY}"))
    assert "FR – never audited – – –" in never
    for odd in ("day=x", f"day={TODAY + DAY}", "day=2026-02-30", ""):
        shown(admin_client, f"{DAY_PAGE}?platform={platform.pk}&{odd}", 404)


def test_it_asks_as_much_for_many_days_and_marketplaces_as_for_few(admin_client: Client) -> None:
    platform, audit = planted()
    addresses = (f"{PAGE}?platform={platform.pk}", f"{DAY_PAGE}?platform={platform.pk}&day={TODAY - 4 * DAY}")

    def counted() -> list[int]:
        found = []
        for address in addresses:
            admin_client.get(address)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert admin_client.get(address).status_code == 200
            found.append(len(queries))
        return found

    few = counted()
    AuditedDay.objects.bulk_create(
        AuditedDay(
            platform=platform, audit=audit, day=TODAY - back * DAY, state="proven", marketplace_id=f"SITE-{site}",
            checked_at=timezone.now(),
        )
        for back in range(400)
        for site in range(20)
    )  # fmt: skip
    AuditFinding.objects.bulk_create(
        AuditFinding(
            audit=audit, external_id=str(number), kind="missing", outcome="healed", day=TODAY - 4 * DAY,
            marketplace_id=FR,
        )
        for number in range(90)
    )  # fmt: skip
    for number in range(30):
        other = platform_of(f"other-{number}")
        day_of(None, other, TODAY, "open")
        refresh_proof(other)
    assert counted() == few
    assert max(few) < 25


def queued(task: str = "continue_audit") -> list[Any]:
    return [row.args_kwargs["args"] for row in DBTaskResult.objects.filter(task_path__endswith=task)]


def test_audit_now_starts_one_and_shows_how_far_it_is(
    admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    platform, _ = planted()
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(START, {"platform": platform.pk, "days": "90"}, follow=True)
    audit = OrderAudit.objects.latest("pk")
    assert (audit.status, audit.trigger, str(audit.requested_by)) == ("queued", "admin", "admin")
    assert (audit.window_end - audit.window_start).days == 89
    assert queued() == [[audit.pk]]
    page = unescape(answer.content.decode())
    assert f"Audit #{audit.pk}</a> of shop is queued." in page
    assert "waiting for a worker" in page
    assert 'hx-trigger="every 3s' in page
    assert "Audit now" not in page
    parts = [{"is_compared": True}, {"is_compared": False}]
    OrderAudit.objects.filter(pk=audit.pk).update(
        status="waiting", parts=parts, resume_at=timezone.now() + timedelta(minutes=5)
    )
    assert "the platform makes its lists; 1 of 2 are compared, it goes on at" in shown(admin_client, PAGE)
    again = admin_client.post(START, {"platform": platform.pk, "days": "7"}, follow=True).content.decode()
    assert "is open already" in again
    OrderAudit.objects.filter(pk=audit.pk).update(status="succeeded", open_key=None)
    assert "hx-trigger" not in shown(admin_client, PAGE).split('id="oms-complete"')[1].split(">")[0]
    wrong = admin_client.post(START, {"platform": platform.pk, "days": "731"}, follow=True).content.decode()
    assert "it takes a whole number from 1 to 730" in unescape(wrong)
    assert admin_client.post(START, {"platform": "9999"}).status_code == 404
    assert admin_client.get(START).status_code == 405


def test_the_stock_is_audited_on_demand(
    admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    platform, _ = planted()
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(START_OF_STOCK, {"platform": platform.pk})
    audit = StockAudit.objects.get()
    assert answer["Location"] == f"{PAGE}?platform={platform.pk}#complete-stock"
    assert (audit.status, audit.trigger, str(audit.requested_by)) == ("queued", "admin", "admin")
    assert queued("continue_stock_audit") == [[audit.pk]]

    page = shown(admin_client, answer["Location"])

    assert f"Audit #{audit.pk} of stock of shop is queued." in page
    assert "An audit of the stock is under way." in page
    assert 'hx-trigger="every 3s' in page
    assert "Audit the stock now" not in page
    again = admin_client.post(START_OF_STOCK, {"platform": platform.pk}, follow=True).content.decode()
    assert "is open already" in again
    StockAudit.objects.update(status="succeeded", open_key=None, finished_at=timezone.now())
    assert "Audit the stock now" in shown(admin_client, PAGE)
    assert admin_client.post(START_OF_STOCK, {"platform": "9999"}).status_code == 404
    assert admin_client.get(START_OF_STOCK).status_code == 405


def test_who_may_look_and_who_may_start() -> None:
    platform, _ = planted()
    for permissions, looks, starts in (
        ((), 403, 403), ((SEES,), 200, 403), ((SEES, STARTS), 200, 302),
    ):  # fmt: skip
        User.objects.filter(username="viewer").delete()
        client = viewer(*permissions)
        page = client.get(PAGE)
        assert page.status_code == looks
        assert client.get(f"{DAY_PAGE}?platform={platform.pk}&day={TODAY}").status_code == looks
        assert client.get("/admin/integrations/orderaudit/").status_code == looks
        assert ("Audit now" in page.content.decode()) == (starts == 302)
        assert ("Audit the stock now" in page.content.decode()) == (starts == 302)
        for address in (START, START_OF_STOCK):
            assert client.post(address, {"platform": platform.pk}).status_code == starts
    OrderAudit.objects.all().delete()
    AuditedDay.objects.all().delete()
    refresh_proof(platform)
    page_of_nobody = shown(client, PAGE)
    assert "Orders were never audited." in page_of_nobody
    assert "Audit now" in page_of_nobody


def test_the_home_page_says_until_when_orders_are_proven_complete(admin_client: Client) -> None:
    platform, _audit = planted()
    other = platform_of("other")
    day_of(audit_of(other), other, TODAY - DAY, "proven")
    refresh_proof(other)
    platform_of("never audited")
    with CaptureQueriesContext(connection) as asked:
        html = home(admin_client)

    before_it, last = (date_format(TODAY - back * DAY, "DATE_FORMAT") for back in (5, 1))
    address = f"{PAGE}?platform={{pk}}"
    lines = dict(re.findall(r'class="oms-proven" href="([^"]+)">(.*?)</a>', html))
    assert {href: text_of(line)[2:] for href, line in lines.items()} == {
        address.format(pk=platform.pk): f"Orders proven complete until {before_it}. 1 day is open.",
        address.format(pk=other.pk): f"Orders proven complete until {last}.",
    }
    assert sum("order_proofs" in query["sql"] for query in asked.captured_queries) == 1
    assert tiles(admin_client)["Open days"] == (address.format(pk=platform.pk), 1)
    assert text_of(shown(admin_client, address.format(pk=platform.pk)))  # leads somewhere
    assert "oms-proven" not in home(viewer("view_platform"))
    Platform.objects.filter(pk=platform.pk).update(is_active=False)
    assert "Open days" not in tiles(admin_client)


def test_stock_has_a_section_with_what_is_known_of_each_marketplace(admin_client: Client) -> None:
    platform, _audit = planted()
    address = f"{PAGE}?platform={platform.pk}"
    assert "The stock of this platform was never audited." in shown(admin_client, address)
    audit = stock_audit_of(platform)
    stock_audit_of(platform_of("other"))

    html = shown(admin_client, address).split('id="complete-stock"')[1]

    rows = [text_of(row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    assert re.match(r"DE ! open 1,200 2 missing 1 1 .* 50000000031", rows[2])
    assert re.match(r"FR … not yet Its list was refused. 0 nothing amiss 0 0", rows[1])
    assert re.match(rf"#{audit.pk} .* schedule partly failed 2 missing 1 1 3 calls", rows[4])
    assert len(rows) == 5
    failures = next(link for link in re.findall(r'href="([^"]+)"', html) if "syncfailure" in link)
    assert shown(admin_client, failures)
    assert "syncfailure" not in shown(viewer(SEES), address).split('id="complete-stock"')[1]
