"""Secrets that somebody wrote with SQL: who is told, and who encrypts them."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from platforms.models import Platform
from webhooks.models import Endpoint

pytestmark = pytest.mark.django_db
SECRET = "amzn1.oa2-cs.v1.aaaa"


def check(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("check", database=["default"])
    return capsys.readouterr().err


def stored() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT api_config FROM platforms UNION ALL SELECT signing_secrets FROM webhook_endpoints"
        )
        return [text for (text,) in cursor.fetchall() if text]


def test_the_scheduler_encrypts_what_is_plain_and_until_then_people_are_told(
    admin_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    Platform.objects.create(name="resting", is_active=False)
    Endpoint.objects.create(name="shop", url="https://shop.example/")
    Platform.objects.create(name="broken", api_config={"client_id": "x"}, is_active=False)
    with connection.cursor() as cursor:
        plain = f'{{"client_secret": "{SECRET}"}}'
        cursor.execute("UPDATE platforms SET api_config = %s WHERE name = 'resting'", [plain])
        cursor.execute("UPDATE platforms SET api_config = %s WHERE name = 'broken'", [plain[:-1]])
        cursor.execute("UPDATE webhook_endpoints SET signing_secrets = %s", ['{"secrets": []}'])
    warned, page = check(capsys), admin_client.get("/admin/").content.decode()
    assert "Credentials of platforms are unencrypted in the database: broken, resting." in warned
    assert "Signing secrets of webhooks are unencrypted in the database: shop." in warned
    assert ("resting: credentials are stored unencrypted" in page, SECRET in warned + page) == (True, False)

    call_command("run_scheduler", "--once")

    out = capsys.readouterr().out
    assert "Encrypted the credentials of platform resting, which had been written in plain." in out
    assert "Encrypted the signing secrets of webhook shop" in out
    assert [text for text in stored() if not text.startswith("gAAAA")] == [plain[:-1]]
    assert Platform.objects.get(name="resting").api_config == {"client_secret": SECRET}
    warned, page = check(capsys), admin_client.get("/admin/").content.decode()
    assert "unencrypted in the database: broken." in warned
    assert "resting: credentials" not in page
    assert "broken: credentials are stored unencrypted" in page
