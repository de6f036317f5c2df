"""/platforms: credentials go in and never come out."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.utils import timezone
from freezegun import freeze_time
from rest_framework.test import APIClient

from api.tests.rest import SECRETS, amazon, fetch_all, make_order, make_stock, superuser
from integrations.models import ApiUsage, SyncFailure, SyncLog
from integrations.tests.states import minutes_of
from oms.urls import api_patterns
from orders.models import Order
from platforms.models import Platform

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.mark.parametrize("address", ["/platforms/1", "/platforms/1/"])
@pytest.mark.parametrize("method", ["put", "patch"])
def test_it_takes_credentials_alone(api: APIClient, method: str, address: str) -> None:
    answer = getattr(api, method)(address, {"api_config": SECRETS})
    assert answer.status_code == 200
    assert answer.json()["api_config"] == {"fields": sorted(SECRETS), "client_id": "…7f3a", "problem": ""}
    assert answer.json()["name"] == "amazon"
    assert amazon().api_config == SECRETS
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config FROM platforms")
        assert "CANARY" not in cursor.fetchone()[0]


def test_it_replaces_credentials_as_a_whole(api: APIClient) -> None:
    api.put("/platforms/1", {"api_config": SECRETS | {"additional_marketplace_ids": ["A2EUQ1WTGCTBG2"]}})
    api.put("/platforms/1", {"api_config": SECRETS})
    assert amazon().api_config == SECRETS


def test_it_remembers_when_each_value_was_set(api: APIClient) -> None:
    api.put("/platforms/1", {"api_config": SECRETS})
    before = amazon().credentials_set_at
    assert set(before) == set(SECRETS)
    api.put("/platforms/1", {"api_config": SECRETS | {"client_secret": "another-secret"}})
    after = amazon().credentials_set_at
    assert {name for name in after if after[name] != before[name]} == {"client_secret"}
    added = {"name": "amazon-de", "kind": "amazon", "api_config": SECRETS}
    assert api.post("/platforms", added).status_code == 201
    assert set(Platform.objects.get(name="amazon-de").credentials_set_at) == set(SECRETS)


def test_it_keeps_what_is_not_given(api: APIClient) -> None:
    api.put("/platforms/1", {"api_config": SECRETS, "orders_interval": 7})
    answer = api.put("/platforms/1", {"display_name": "Amazon US"})
    assert (answer.json()["display_name"], answer.json()["orders_interval"]) == ("Amazon US", 7)
    assert amazon().api_config == SECRETS


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in SECRETS.items() if name not in names}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "client_id"),
        (without("client_secret"), "client_secret"),
        (SECRETS | {"refresh_token": " "}, "refresh_token"),
        (SECRETS | {"refresh_token": None}, "refresh_token"),
        (SECRETS | {"client_id": 5}, "client_id"),
        (SECRETS | {"client_id": {"a": 1}}, "client_id"),
        (SECRETS | {"clientsecret": "x"}, "clientsecret"),
        (SECRETS | {"marketplace_id": "A000000000000"}, "marketplace_id"),
        (SECRETS | {"marketplace_id": "A1PA6795UKMFR9"}, "marketplace_id"),
        (SECRETS | {"region": "MARS"}, "region"),
        (SECRETS | {"region": ["NA"]}, "region"),
        (SECRETS | {"additional_marketplace_ids": "A2EUQ1WTGCTBG2"}, "additional_marketplace_ids"),
        (SECRETS | {"additional_marketplace_ids": ["A1PA6795UKMFR9"]}, "additional_marketplace_ids"),
        ({"fields": ["client_id"], "client_id": "…7f3a", "problem": ""}, "fields"),
        ([], "api_config"),
        ("text", "api_config"),
        (None, "api_config"),
        (7, "api_config"),
    ],
)
def test_it_names_each_wrong_field_and_changes_nothing(api: APIClient, config: Any, field: str) -> None:
    api.put("/platforms/1", {"api_config": SECRETS})
    answer = api.put("/platforms/1", {"api_config": config, "orders_interval": 77})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["fields"][field]
    assert field in answer.json()["detail"]
    assert (amazon().api_config, minutes_of(amazon())) == (SECRETS, 15)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "ümlaut"}, "name"),
        ({"name": "amazon"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": ["a"]}, "name"),
        ({"name": "a", "kind": "ebay"}, "kind"),
        ({"name": "a", "orders_interval": -1}, "orders_interval"),
        ({"name": "a", "orders_interval": True}, "orders_interval"),
        ({"name": "a", "inventory_interval": "soon"}, "inventory_interval"),
        ({"name": "a", "inventory_interval": 10**12}, "inventory_interval"),
        ({"name": 5}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a", "orders_interval": "5"}, "orders_interval"),
        ({"name": "a", "orders_interval": 5.5}, "orders_interval"),
        ({"name": "a", "is_active": "perhaps"}, "is_active"),
        ({"name": "a", "is_active": "true"}, "is_active"),
        ({"name": "a", "include_pii": "yes"}, "include_pii"),
        ({"name": "a", "include_pii": 1}, "include_pii"),
        ({"name": "a", "kind": True}, "kind"),
        ({"name": "a", "display_name": 5}, "display_name"),
        ({"name": "a", "display_name": "Shop\r\nTwo"}, "display_name"),
        ({"name": "a", "display_name": "Shop\u2028"}, "display_name"),
        ({"name": "a", "display_name": "\u001b[31m"}, "display_name"),
        ({"name": "a", "display_name": "x" * 129}, "display_name"),
        ({"name": "a", "apiconfig": {}}, "apiconfig"),
        ({"name": "a", "api_config": {"client_id": "x"}}, "client_secret"),
    ],
)
def test_it_refuses_a_bad_platform(api: APIClient, values: dict[str, Any], field: str) -> None:
    answer = api.post("/platforms", values)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["fields"][field]
    assert Platform.objects.count() == 1


@pytest.mark.parametrize("body", [[], "text", 5, [{"name": "a"}]])
def test_it_refuses_a_body_that_is_no_object(api: APIClient, body: Any) -> None:
    for call in (api.post, api.put, api.patch):
        answer = call(
            "/platforms/1" if call != api.post else "/platforms",
            json.dumps(body),
            content_type="application/json",
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_it_makes_shows_lists_and_deletes_platforms(api: APIClient) -> None:
    made = api.post("/platforms/", {"name": "amazon-de", "inventory_interval": 0, "include_pii": True})
    assert made.status_code == 201
    assert made.json()["api_config"] == {"fields": [], "client_id": "", "problem": ""}
    address = f"/platforms/{made.json()['id']}"
    assert api.get(address).json() == made.json()
    assert [row["name"] for row in fetch_all(api, "/platforms?page_size=1")] == ["amazon", "amazon-de"]
    assert [row["name"] for row in fetch_all(api, "/platforms?platform_name=amazon-de")] == ["amazon-de"]
    assert [row["name"] for row in fetch_all(api, "/platforms?search=amazon-")] == ["amazon-de"]
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


@pytest.mark.parametrize("make", [make_order, make_stock])
def test_it_keeps_a_platform_with_data(api: APIClient, make: Any) -> None:
    make()
    answer = api.delete("/platforms/1")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "is_active" in answer.json()["detail"]
    assert Platform.objects.count() == 1


def test_it_keeps_a_platform_that_is_being_synced(api: APIClient) -> None:
    SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api", open_key="1:orders")
    assert api.delete("/platforms/1").status_code == 409


def store(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s", [text])


def test_it_encrypts_what_sql_wrote_when_it_saves(api: APIClient) -> None:
    store(json.dumps(SECRETS))
    assert api.get("/platforms/1").json()["api_config"]["client_id"] == "…7f3a"
    api.patch("/platforms/1", {"display_name": "x"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config FROM platforms")
        assert "CANARY" not in cursor.fetchone()[0]
    assert amazon().api_config == SECRETS


def test_it_says_that_credentials_are_unreadable_and_keeps_them(api: APIClient) -> None:
    foreign = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    store(foreign)
    shown = api.patch("/platforms/1", {"display_name": "x"}).json()["api_config"]
    assert (shown["fields"], "FIELD_ENCRYPTION_KEY" in shown["problem"]) == ([], True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config FROM platforms")
        assert cursor.fetchone()[0] == foreign
    assert api.put("/platforms/1", {"api_config": SECRETS}).json()["api_config"]["problem"] == ""


def test_it_shows_no_end_of_a_short_client_id(api: APIClient) -> None:
    assert (
        api.put("/platforms/1", {"api_config": SECRETS | {"client_id": "abcdefgh"}}).json()["api_config"][
            "client_id"
        ]
        == ""
    )


def test_no_answer_holds_a_secret(api: APIClient, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    written = [
        api.put("/platforms/1", {"api_config": SECRETS}),
        api.put("/platforms/1", {"api_config": without("region", "marketplace_id")}),
    ]
    log = SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api", requested_by_id=None)
    SyncFailure.objects.create(log=log, platform=amazon(), kind="orders", error_code="x", error_message="y")
    make_order(), make_stock()
    addresses = ["/" + str(pattern.pattern).replace("<int:pk>", "1") for pattern in api_patterns]
    answers = written + [call(address) for address in addresses for call in (api.get, api.options, api.post)]
    assert {200, 202} <= {answer.status_code for answer in answers}
    for answer in answers:
        assert "CANARY" not in answer.content.decode()
    assert "CANARY-client-secret" not in caplog.text
    assert "CANARY-refresh" not in caplog.text


def test_it_lists_platforms_with_a_fixed_number_of_queries(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        Platform.objects.create(name=f"more-{number}")
    api.get("/platforms")  # notes that the token is used
    for size in (1, 5):
        with django_assert_num_queries(5):
            assert len(api.get(f"/platforms?page_size={size}").json()["results"]) == size


# --- what cannot be read, or is rarely meant


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"client_id": "amzn1.sp.solution.11111111-2222"}, "client_id", "begins with amzn1.application-oa2-client."),
        ({"client_secret": "s3cret\u200b"}, "client_secret", "ZERO WIDTH SPACE (U+200B) at place 7"),
        ({"refresh_token": "Atzr|sim\n-1"}, "refresh_token", "a line break at place 9"),
        ({"refresh_token": "Atza|x"}, "refresh_token", "begins with Atzr|"),
    ],
)  # fmt: skip
def test_it_says_which_credential_is_something_else(
    api: APIClient, changes: dict[str, str], field: str, expected: str
) -> None:
    answer = api.put("/platforms/1", {"api_config": SECRETS | changes})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert expected in answer.json()["fields"][field][0]
    assert changes[field] not in answer.content.decode()
    assert not amazon().api_config


def test_it_warns_of_a_second_platform_with_the_same_account(api: APIClient) -> None:
    assert api.put("/platforms/1", {"api_config": SECRETS}).json()["warnings"] == []
    second = {"name": "amazon-de", "api_config": SECRETS}
    (warning,) = api.post("/platforms", second).json()["warnings"]
    assert "amazon-de has the same account as amazon." in warning
    assert "counted twice" in warning
    assert "share one quota of Amazon" in warning
    assert [len(row["warnings"]) for row in fetch_all(api, "/platforms")] == [1, 1]
    other = SECRETS | {"refresh_token": "Atzr|another"}
    assert api.put("/platforms/1", {"api_config": other}).json()["warnings"] == []


def test_it_refuses_another_value_for_what_oms_sets(api: APIClient) -> None:
    for name in ("id", "created_at", "orders_watermark", "check_outcome"):
        refused = api.patch("/platforms/1", {name: "2020-01-01T00:00:00Z"})
        assert (refused.status_code, list(refused.json()["fields"])) == (400, [name])
    created = api.post("/platforms", {"name": "other", "created_at": "2020-01-01T00:00:00Z"})
    assert (created.status_code, list(created.json()["fields"])) == (400, ["created_at"])


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_a_get_answers_may_be_sent_back(api: APIClient, method: str) -> None:
    api.put("/platforms/1", {"api_config": SECRETS, "orders_interval": 7, "include_pii": True})
    api.post("/platforms", {"name": "twin", "api_config": SECRETS})  # which makes a warning
    shown = api.get("/platforms/1").json()
    set_at = amazon().credentials_set_at
    with freeze_time(timezone.now() + timedelta(hours=3)):
        answer = getattr(api, method)("/platforms/1", shown)
    assert answer.status_code == 200, answer.json()
    assert answer.json() | {"next_syncs": None} == shown | {"next_syncs": None}
    assert (amazon().api_config, amazon().credentials_set_at) == (SECRETS, set_at)
    changed = api.put("/platforms/1", shown | {"display_name": "Shop"}).json()
    assert (changed["display_name"], amazon().api_config) == ("Shop", SECRETS)


def test_a_change_of_nothing_but_what_oms_sets_is_refused(api: APIClient) -> None:
    answer = api.put("/platforms/1", {"id": 1})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["id"])


def test_it_takes_back_what_it_cannot_read_and_keeps_it(api: APIClient) -> None:
    foreign = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    Platform.objects.update(kind="gone")
    store(foreign)
    shown = api.get("/platforms/1").json()
    assert shown["api_config"]["problem"]
    answer = api.put("/platforms/1", shown)
    assert (answer.status_code, answer.json()) == (200, shown)
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config, kind FROM platforms")
        assert cursor.fetchone() == (foreign, "gone")


@pytest.mark.parametrize("name", ["next_syncs", "warnings", "checked_at"])
def test_it_refuses_what_no_get_answers(api: APIClient, name: str) -> None:
    refused = api.put("/platforms/1", api.get("/platforms/1").json() | {name: {"orders": "now"}})
    assert (refused.status_code, list(refused.json()["fields"])) == (400, [name])


def test_whatever_names_a_platform_says_its_id(api: APIClient) -> None:
    """A name may be changed, and is then given to another."""
    make_order(), make_stock()
    log = SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api")
    SyncFailure.objects.create(log=log, platform=amazon(), kind="orders", error_code="x", error_message="y")
    ApiUsage.objects.create(platform=amazon(), operation="x", hour=timezone.now())
    rows = []
    for pattern in api_patterns:
        callback, address = pattern.callback, str(pattern.pattern)
        action = getattr(callback, "actions", {}).get("get")
        if action == "list" and not address.endswith("/"):
            rows += fetch_all(api, f"/{address}")
    rows += api.get("/orders/totals?group_by=platform").json()["results"]
    rows += api.post("/orders/sync").json()["syncs"] + [api.post("/platforms/1/check").json()]
    rows += [api.get(f"/orders/{Order.objects.get().pk}").json()]
    named = [row for row in rows if "platform" in row]
    assert len(named) >= 9
    assert {(row["platform"], row.get("platform_id")) for row in named} == {("amazon", amazon().pk)}


def test_pictures_are_switched_on_and_off(api: APIClient) -> None:
    assert api.get("/platforms/1").json()["show_pictures"] is False
    assert api.patch("/platforms/1", {"show_pictures": True}).json()["show_pictures"] is True
    assert Platform.objects.get(pk=1).show_pictures
    assert api.patch("/platforms/1", {"show_pictures": 1}).status_code == 400
