"""Idempotency-Key: what is sent twice is done once."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from api.idempotency import KEPT, LOCKED, prune_answers
from api.models import IdempotentAnswer
from api.tests.rest import superuser, user_with
from integrations.models import SyncLog
from platforms.models import Platform

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
SHOP = {"name": "shop"}


@pytest.fixture
def api() -> APIClient:
    return superuser()


def test_it_answers_the_second_time_as_the_first(api: APIClient) -> None:
    first = api.post("/platforms", SHOP, headers=KEY)
    Platform.objects.filter(name="shop").update(display_name="changed meanwhile")
    again = api.post("/platforms/", SHOP, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Content-Type"] == first["Content-Type"]
    assert (first.has_header("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (False, "true")
    assert Platform.objects.filter(name="shop").count() == 1


def test_it_starts_one_sync(api: APIClient) -> None:
    first = api.post("/orders/sync?platform_name=amazon", headers=KEY)
    SyncLog.objects.update(status=SyncLog.Status.SUCCEEDED, open_key=None)
    again = api.post("/orders/sync?platform_name=amazon", headers=KEY)
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert SyncLog.objects.count() == 1
    assert api.post("/orders/sync", headers=KEY).status_code == 422  # of all platforms
    api.post("/orders/sync?platform_name=amazon", headers={"Idempotency-Key": "another"})
    assert SyncLog.objects.count() == 2


def test_a_key_in_quotes_is_the_same_key(api: APIClient) -> None:
    quoted = {"Idempotency-Key": f'"{KEY["Idempotency-Key"]}"'}
    assert api.post("/platforms", SHOP, headers=KEY).status_code == 201
    assert api.post("/platforms", SHOP, headers=quoted)["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("/platforms", {"name": "other"}),
        ("/orders/sync", SHOP),
        ("/platforms", None),
    ],
)
def test_it_refuses_the_key_for_another_request(api: APIClient, address: str, body: Any) -> None:
    api.post("/platforms", SHOP, headers=KEY)
    answer = api.post(address, body, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert (Platform.objects.count(), SyncLog.objects.count()) == (2, 0)


def test_each_user_has_keys_of_their_own(api: APIClient) -> None:
    other = user_with("platforms.add_platform")
    assert api.post("/platforms", SHOP, headers=KEY).status_code == 201
    assert other.post("/platforms", {"name": "theirs"}, headers=KEY).status_code == 201
    assert user_with().post("/platforms", SHOP, headers=KEY).status_code == 403


def test_an_error_is_not_kept(api: APIClient) -> None:
    assert api.post("/platforms", {"name": "two words"}, headers=KEY).status_code == 400
    assert api.post("/platforms", SHOP, headers=KEY).status_code == 201
    assert IdempotentAnswer.objects.count() == 1


@pytest.mark.parametrize(
    "key", ["", '""', '" "', '"' + "x" * 254 + '"', "x" * 256, "ä", "a\tb", "\ta", "a\x1f"]
)
def test_it_refuses_what_is_no_key(api: APIClient, key: str) -> None:
    answer = api.post("/platforms", SHOP, HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["Idempotency-Key"])
    assert Platform.objects.count() == 1


def test_it_asks_to_wait_while_the_first_is_at_work(api: APIClient) -> None:
    api.post("/platforms", SHOP, headers=KEY)
    IdempotentAnswer.objects.update(answer="", locked_until=timezone.now() + LOCKED)
    answer = api.post("/platforms", SHOP, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert answer["Retry-After"] == "1"


def test_it_goes_on_where_a_process_was_killed(api: APIClient) -> None:
    api.post("/platforms", SHOP, headers=KEY)
    Platform.objects.filter(name="shop").delete()
    IdempotentAnswer.objects.update(answer="", locked_until=timezone.now() - timedelta(seconds=1))
    assert api.post("/platforms", SHOP, headers=KEY).status_code == 201
    assert api.post("/platforms", SHOP, headers=KEY)["Idempotent-Replayed"] == "true"


def test_it_keeps_an_answer_for_a_day(api: APIClient) -> None:
    api.post("/platforms", SHOP, headers=KEY)
    prune_answers()
    assert IdempotentAnswer.objects.count() == 1
    IdempotentAnswer.objects.update(created_at=timezone.now() - KEPT)
    assert api.post("/platforms", SHOP, headers=KEY).status_code == 400  # the name is taken
    api.post("/orders/sync", headers=KEY)
    IdempotentAnswer.objects.update(created_at=timezone.now() - KEPT - timedelta(seconds=1))
    prune_answers()
    assert IdempotentAnswer.objects.count() == 0


def test_what_is_kept_is_encrypted(api: APIClient) -> None:
    api.post("/platforms", {"name": "CANARY", "display_name": "CANARY"}, headers=KEY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM api_idempotent_answers")
        (row,) = cursor.fetchall()
    assert not any("CANARY" in str(value) or KEY["Idempotency-Key"] in str(value) for value in row)


def test_it_does_nothing_again_where_the_answer_cannot_be_read(api: APIClient, settings: Any) -> None:
    api.post("/platforms", SHOP, headers=KEY)
    IdempotentAnswer.objects.update(answer=Fernet(Fernet.generate_key()).encrypt(b"{}").decode())
    answer = api.post("/platforms", SHOP, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotent_answer_unreadable")


def test_it_knows_the_request_after_a_new_encryption_key(api: APIClient, settings: Any) -> None:
    api.post("/platforms", SHOP, headers=KEY)
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEY]
    assert api.post("/platforms", SHOP, headers=KEY)["Idempotent-Replayed"] == "true"
