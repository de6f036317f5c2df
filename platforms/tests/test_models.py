"""Platform: what a row says about itself."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from feed.models import Change
from platforms.models import Platform

pytestmark = pytest.mark.django_db


def test_it_starts_with_an_unconfigured_amazon() -> None:
    platform = Platform.objects.get(pk=1)
    assert (platform.name, platform.kind, platform.is_active) == ("amazon", "amazon", True)
    assert (platform.is_configured, platform.config_problem, platform.include_pii) == (False, "", False)


def test_it_encrypts_plain_credentials_once() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s", ['{"client_id": "x"}'])
    platform = Platform.objects.get()
    assert (platform.encrypt_plain_config(), platform.encrypt_plain_config()) == (True, False)
    assert Platform.objects.get().api_config == {"client_id": "x"}


def test_it_leaves_other_columns_alone_when_it_encrypts() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s", ['{"client_id": "x"}'])
    with CaptureQueriesContext(connection) as captured:
        Platform.objects.get().encrypt_plain_config()
    (update,) = (query["sql"] for query in captured if query["sql"].startswith("UPDATE"))
    assert "api_config" in update
    assert "check_outcome" not in update


def test_it_is_called_by_its_display_name() -> None:
    platform = Platform(name="amazon-de", display_name="Germany")
    assert (str(platform), str(Platform(name="amazon-de"))) == ("Germany", "amazon-de")


@pytest.mark.django_db(transaction=True)
def test_the_feed_tells_of_a_value_that_is_written_over_another_one_of_the_same_moment() -> None:
    if not connection.features.has_select_for_update:
        pytest.skip("SQLite has one writer: a second one reads once the first has committed.")
    platform, stale = Platform.objects.get(), Platform.objects.get()
    waits = Event()

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if "platforms" in sql and (sql.startswith("UPDATE") or " FOR " in sql):
            waits.set()
        return execute(sql, *rest)

    def save_all_columns() -> None:
        try:
            with connection.execute_wrapper(watch):
                stale.save()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            platform.display_name = "Germany"
            platform.save()
            other = pool.submit(save_all_columns)
            assert waits.wait(30)
        other.result(30)
    assert Platform.objects.get().display_name == "Amazon"
    assert [change.fields for change in Change.objects.order_by("pk")] == [["display_name"], ["display_name"]]
