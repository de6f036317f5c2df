"""The reader's language and time zone: in the admin, and nowhere else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from api.tests.rest import superuser
from integrations.models import SyncLog
from platforms.models import Platform

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/synclog/"


@pytest.fixture(autouse=True)
def _as_before() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def log() -> SyncLog:
    """Started half an hour before midnight in UTC, which is the next day in Berlin."""
    moment = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    return SyncLog.objects.create(
        platform=Platform.objects.get(), kind="orders", trigger="admin", status="succeeded",
        queued_at=moment, started_at=moment, finished_at=moment, fetched=1234,
    )  # fmt: skip


def page(client: Client, zone: str = "", language: str = "", url: str = LIST) -> str:
    client.cookies["oms_timezone"] = zone
    client.cookies["django_language"] = language
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_it_shows_times_in_the_zone_of_the_browser(admin_client: Client, log: SyncLog) -> None:
    assert "23:30 UTC" in page(admin_client)
    assert "00:30 CET" in page(admin_client, "Europe/Berlin")
    assert "18:30 EST" in page(admin_client, "America/New_York")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc", "Europe", "\x00", "é"])
def test_it_falls_back_to_utc_where_the_cookie_names_no_zone(
    admin_client: Client, log: SyncLog, zone: str
) -> None:
    assert "23:30 UTC" in page(admin_client, zone)


def test_it_writes_numbers_and_dates_as_the_language_does(admin_client: Client, log: SyncLog) -> None:
    german = page(admin_client, "Europe/Berlin", "de")
    assert "02.03.2026" in german
    assert "1.234" in german
    assert '<html lang="de"' in german
    spanish = page(admin_client, "Europe/Madrid", "es")
    assert "02/03/2026" in spanish
    assert "1.234" in spanish


def test_it_filters_by_days_of_the_readers_zone(admin_client: Client, log: SyncLog) -> None:
    row = f"#{log.pk}"
    for zone, day, is_found in (
        ("UTC", "2026-03-01", True),
        ("UTC", "2026-03-02", False),
        ("Europe/Berlin", "2026-03-01", False),
        ("Europe/Berlin", "2026-03-02", True),
    ):
        url = f"{LIST}?queued_at_from={day}&queued_at_to={day}"
        assert (row in page(admin_client, zone, url=url)) is is_found, (zone, day)


def test_it_leaves_the_api_in_english_and_utc(admin_client: Client, log: SyncLog) -> None:
    page(admin_client, "Europe/Berlin", "de")  # the same thread served it
    admin_client.cookies["oms_timezone"] = "Europe/Berlin"
    answer = admin_client.get("/sync-logs", headers={"accept-language": "de"}).json()
    assert answer["results"][0]["started_at"] == "2026-03-01T23:30:00Z"
    client, query = superuser(), {"page_size": "many"}
    refused = client.get("/sync-logs", query, headers={"accept-language": "de"})
    assert refused.status_code == 400
    assert refused.json() == client.get("/sync-logs", query).json()


def test_it_changes_the_language_from_the_menu(admin_client: Client) -> None:
    assert 'action="/i18n/setlang/"' in page(admin_client)
    admin_client.post("/i18n/setlang/", {"language": "de", "next": LIST})
    assert '<html lang="de"' in admin_client.get(LIST).content.decode()
