"""Platform: what a row says about itself."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

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
