"""API usage and quotas in the admin and over REST: figures, filters, permissions, and no secret anywhere."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from api.tests.rest import SECRETS, amazon, fetch_all, superuser, user_with
from backoffice.syncs.usage import format_rate
from integrations.amazon.config import load
from integrations.models import ApiQuota, ApiUsage
from platforms.models import Platform

pytestmark = pytest.mark.django_db
USAGE = "/admin/integrations/apiusage/"
QUOTAS = "/admin/integrations/apiquota/"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def used(hour: datetime, operation: str = "searchOrders", **values: Any) -> ApiUsage:
    values = {"platform": amazon(), "calls": 10} | values
    return ApiUsage.objects.create(hour=hour, operation=operation, **values)


def this_hour() -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


def bucket(**values: Any) -> ApiQuota:
    defaults = {
        "account_key": load(SECRETS).account_key,
        "operation": "searchOrders",
        "rate": 0.0056,
        "burst": 20,
        "tokens": 7.5,
        "updated_at": timezone.now(),
    }
    return ApiQuota.objects.create(**defaults | values)


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def chart(html: str) -> dict[str, list[int]]:
    """Label -> the bars of the last 48 hours."""
    data = re.search(r'<script type="application/json">(.*?)</script>', html, flags=re.DOTALL)
    assert data is not None
    return {each["label"]: each["values"] for each in json.loads(data[1])["series"]}


def cells(html: str, column: str) -> list[str]:
    found = re.findall(rf'<t[dh] class="[^"]*field-{column}[^"]*"[^>]*>(.*?)</t[dh]>', html, flags=re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in found]


# --- the page of the usage


def test_it_draws_the_calls_of_the_last_two_days(admin_client: Client) -> None:
    used(this_hour(), calls=1200, throttled=3, errors=2, seconds=600)
    used(this_hour() - timedelta(hours=47), "token", calls=1)
    used(this_hour() - timedelta(hours=48), calls=999)
    html = page(admin_client, USAGE)
    bars = chart(html)
    assert {label: len(data) for label, data in bars.items()} == dict.fromkeys(
        ("answered", "throttled", "errors"), 48
    )
    assert (bars["answered"][0], bars["answered"][-1], sum(bars["answered"])) == (1, 1195, 1196)
    assert (bars["throttled"][-1], bars["errors"][-1]) == (3, 2)
    assert "Calls in the last 48 hours: 1,201, of them 3 throttled, 2 errors." in html
    for figure in ("1,201", "0.2 % of the calls", "0.50"):
        assert figure in html


def test_it_draws_what_the_list_is_filtered_by_but_for_its_days(admin_client: Client) -> None:
    other = Platform.objects.create(name="amazon-de")
    used(this_hour(), calls=5)
    used(this_hour(), "token", calls=7)
    used(this_hour(), calls=11, platform=other)
    sums = {
        query: sum(chart(page(admin_client, f"{USAGE}?{query}"))["answered"])
        for query in (
            "operation=token",
            f"platform__id__exact={other.pk}",
            "hour_from=2020-01-01&hour_to=2020-01-02",
        )
    }
    assert list(sums.values()) == [7, 11, 23]


def test_it_lists_calls_by_hour_platform_and_operation(admin_client: Client) -> None:
    used(NOON, calls=1200, throttled=3, errors=2, seconds=300.04)
    used(NOON + timedelta(hours=1), "token", calls=1)
    html = page(admin_client, USAGE)
    assert cells(html, "operation") == ["token", "searchOrders"]
    columns = ("hour", "number_calls", "number_throttled", "number_errors", "number_seconds")
    row = [cells(html, column)[1] for column in (*columns, "number_per_call")]
    assert row == ["2026-01-31 12:00 UTC", "1,200", "3", "2", "300.0", "0.25"]


@pytest.mark.parametrize(
    ("query", "operations"),
    [
        ("operation=token", ["token"]),
        ("hour_from=2026-02-01", ["token"]),
        ("hour_to=2026-01-31", ["searchOrders"]),
    ],
)
def test_it_filters_the_list(admin_client: Client, query: str, operations: list[str]) -> None:
    used(NOON)
    used(NOON + timedelta(days=1), "token")
    assert cells(page(admin_client, f"{USAGE}?{query}"), "operation") == operations


def test_it_shows_a_usage_without_any_call(admin_client: Client) -> None:
    html = page(admin_client, USAGE)
    assert "there was none yet" in html
    assert sum(chart(html)["answered"]) == 0


def test_it_lists_usage_with_a_fixed_number_of_queries(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        used(NOON, f"operation{number}", platform=Platform.objects.create(name=f"p{number}"))
    with django_assert_max_num_queries(12):
        page(admin_client, USAGE)


def test_lists_count_and_name_what_they_show(admin_client: Client) -> None:
    used(NOON)
    used(NOON, "getOrder")
    assert re.search(r"2\s+rows\s", page(admin_client, USAGE))  # not "2 API usage"
    for address in ("auth/user", "auth/group", "django_tasks_database/dbtaskresult", "orders/order"):
        title = re.findall(r"<title>(.*?)</title>", page(admin_client, f"/admin/{address}/"), re.DOTALL)[0]
        assert "Select" not in title, address
    user = User.objects.get(username="admin")
    title = re.findall(
        r"<title>(.*?)</title>", page(admin_client, f"/admin/auth/user/{user.pk}/change/"), re.DOTALL
    )[0]
    assert "Change" not in title


def test_it_shows_the_quotas_below_the_usage(admin_client: Client) -> None:
    bucket(operation="getOrder")
    html = page(admin_client, USAGE)
    quotas = html.split('id="quotas-heading"')[1].split("</section>")[0]
    assert "getOrder" in quotas
    menu = admin_client.get("/admin/").content.decode()
    assert f'href="{QUOTAS}"' not in menu.split('id="content-main"')[0]
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_apiusage"))
    client = Client()
    client.force_login(user)
    assert "quotas-heading" not in page(client, USAGE)


# --- the page of the quotas


def test_it_says_what_an_account_has_left(admin_client: Client) -> None:
    Platform.objects.update(api_config=SECRETS)
    Platform.objects.create(name="amazon-ca", api_config=SECRETS | {"marketplace_id": "A2EUQ1WTGCTBG2"})
    Platform.objects.create(name="other", api_config=SECRETS | {"refresh_token": "Atzr|another"})
    Platform.objects.create(name="incomplete", api_config={"client_id": "x"})
    bucket()
    bucket(operation="token-less", account_key="b" * 64, rate=2, burst=2, tokens=0.25)
    html = page(admin_client, QUOTAS)
    assert cells(html, "platforms") == ["amazon, amazon-ca", "none has these credentials now"]
    assert cells(html, "pace") == ["1 call every 3 minutes", "2 calls a second"]
    assert cells(html, "number_at_once") == ["20", "2"]
    assert cells(html, "number_left")[0] == "7"
    assert cells(html, "next_call")[0] == "now"


def test_it_says_when_the_next_call_may_be_made(admin_client: Client) -> None:
    bucket(tokens=0.0)
    html = page(admin_client, QUOTAS)
    assert cells(html, "number_left") == ["0"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC in 3 minutes", cells(html, "next_call")[0])


def test_it_counts_what_was_refilled_until_now_and_stores_nothing(admin_client: Client) -> None:
    row = bucket(tokens=0.0, updated_at=timezone.now() - timedelta(seconds=400))
    assert cells(page(admin_client, QUOTAS), "number_left") == ["2"]
    assert ApiQuota.objects.get(pk=row.pk).tokens == 0.0


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        (0.0056, "1 call every 3 minutes"),
        (0.5, "1 call every 2 seconds"),
        (0.7, "1 call every 1.4 seconds"),
        (0.0167, "1 call every 60 seconds"),
        (1, "1 call a second"),
        (2, "2 calls a second"),
        (2.5, "2.5 calls a second"),
        (0.0001, "1 call every 3 hours"),
        (0, "closed by hand"),
    ],
)
def test_it_says_a_rate_in_words(rate: float, sentence: str) -> None:
    assert format_rate(rate) == sentence


# --- who may see it, and what nobody sees


def test_it_shows_neither_secrets_nor_what_the_accounts_key_is_made_of(admin_client: Client) -> None:
    Platform.objects.update(api_config=SECRETS)
    row, usage = bucket(), used(this_hour())
    for address in (USAGE, QUOTAS, f"{USAGE}{usage.pk}/change/", f"{QUOTAS}{row.pk}/change/"):
        html = page(admin_client, address)
        assert "searchOrders" in html
        assert "mazon" in html
        assert row.account_key[:8] not in html
        assert "CANARY" not in html


@pytest.mark.parametrize(
    ("address", "codename", "title"),
    [(USAGE, "view_apiusage", "API usage"), (QUOTAS, "view_apiquota", "API quotas")],
)
def test_it_is_in_the_sidebar_of_those_who_may_see_it(address: str, codename: str, title: str) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    client = Client()
    client.force_login(user)
    assert client.get(address).status_code == 403
    assert title not in client.get("/admin/").content.decode()
    user.user_permissions.add(Permission.objects.get(codename=codename))
    assert f'href="{address}"' in client.get("/admin/").content.decode()
    assert client.get(address).status_code == 200
    assert client.get(f"{address}add/").status_code == 403


# --- REST


@pytest.fixture
def api() -> APIClient:
    return superuser()


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_lists_usage_over_rest(api: APIClient, slash: str) -> None:
    row = used(NOON, calls=3, throttled=1, errors=1, seconds=0.75)
    assert api.get(f"/api-usage{slash}").json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "id": row.pk,
                "platform": "amazon",
                "platform_id": row.platform_id,
                "operation": "searchOrders",
                "hour": "2026-01-31T12:00:00Z",
                "calls": 3,
                "throttled": 1,
                "errors": 1,
                "seconds": 0.75,
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "cba"),
        ("platform_name=amazon-de", "c"),
        ("operation=token", "b"),
        ("operation=none", ""),
        ("since=2026-01-31T13:00:00Z", "cb"),
        ("until=2026-01-31T13:00:00Z", "a"),
        ("since=2026-01-31T13:00:00Z&until=2026-01-31T14:00:00Z", "b"),
        ("since=2026-01-31T14:00:00%2B01:00", "cb"),
    ],
)
def test_it_filters_usage_over_rest(api: APIClient, query: str, found: str) -> None:
    other = Platform.objects.create(name="amazon-de")
    names = {
        used(NOON).pk: "a",
        used(NOON + timedelta(hours=1), "token").pk: "b",
        used(NOON + timedelta(hours=2), platform=other).pk: "c",
    }
    rows = fetch_all(api, f"/api-usage?page_size=1&{query}")
    assert "".join(names[row["id"]] for row in rows) == found


@pytest.mark.parametrize(
    "query", ["platform_name=nowhere", "hour=1", "since=yesterday", "operation=", "page_size=501"]
)
def test_it_refuses_odd_filters_of_usage(api: APIClient, query: str) -> None:
    assert api.get(f"/api-usage?{query}").status_code == 400


def test_it_lists_usage_over_rest_with_a_fixed_number_of_queries(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        used(NOON, f"operation{number}", platform=Platform.objects.create(name=f"p{number}"))
    api.get("/api-usage")  # of a token's first request, it is asked whether its address guesses tokens
    for size in (2, 8):
        with django_assert_max_num_queries(5):
            assert len(api.get(f"/api-usage?page_size={size}").json()["results"]) == size


def test_it_keeps_usage_from_those_who_may_not_see_it() -> None:
    assert user_with("integrations.view_synclog").get("/api-usage").status_code == 403
    assert user_with("integrations.view_apiusage").get("/api-usage").status_code == 200
    assert superuser().post("/api-usage", {}).status_code == 405


def test_it_documents_usage_in_the_schema(api: APIClient) -> None:
    schema = api.get("/schema", headers={"Accept": "application/json"}).json()
    parameters = {each["name"] for each in schema["paths"]["/api-usage"]["get"]["parameters"]}
    assert parameters == {
        *("cursor", "page_size", "platform_name", "operation", "since", "until"),
        *("ordering", "fields", "count"),
    }
    properties = schema["components"]["schemas"]["SyncLog"]["properties"]
    assert "null" in properties["pages_expected"]["type"]
    assert "progress" in properties
