"""Secrets and personal data: planted, then searched for wherever they could come out."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.views.debug import ExceptionReporter

from conftest import GENEROUS
from integrations.amazon.config import load
from integrations.errors import ConfigError, PlatformError
from integrations.models import SyncFailure, SyncLog
from integrations.sync.connection import adapter_of
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    UNAVAILABLE,
    Json,
    order_page,
    platform_of,
    raw_order,
    refusal,
    sync,
)
from orders.models import Order, OrderBuyer
from platforms.models import Platform
from simulator import CANARY, Account, Canned, Simulator
from simulator.faults.base import Call
from simulator.wire import Request

pytestmark = pytest.mark.django_db
SECRETS = ["CANARY-CLIENT-SECRET", "Atzr|CANARY-REFRESH-TOKEN"]


class Talkative(Simulator):
    """Remembers the access tokens that it gave out."""

    issued: list[str]

    def respond(self, operation: str, params: dict[str, str], request: Request) -> Canned:
        answer = super().respond(operation, params, request)
        if operation == "token" and answer.status == 200:
            self.issued.append(json.loads(answer.body)["access_token"])
        return answer


@pytest.fixture
def sim(settings: Any) -> Iterator[Talkative]:
    account = Account(orders=60, skus=30, client_secret=SECRETS[0], refresh_token=SECRETS[1])
    with Talkative(account, page_size=25) as running:
        running.issued = []
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = running.endpoint, running.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        settings.AMAZON_QUOTAS = GENEROUS
        settings.MOCK_FALLBACK = "never"
        yield running


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in (
        "sp_api",
        "httpx",
        "httpcore",
        "django.db.backends",
        "integrations",
        *logging.root.manager.loggerDict,
    ):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


class Always:
    """The same answer to every search."""

    def __init__(self, answer: Canned) -> None:
        self._answer = answer

    def before(self, call: Call) -> Canned | None:
        return self._answer if call.operation == "searchOrders" else None


def run_into_everything(sim: Talkative, platform: Platform) -> None:
    """Success, bad records, and every kind of problem."""
    sync(platform)
    sync(platform, INVENTORY)
    person: Json = {"buyer": {"buyerName": CANARY, "buyerEmail": CANARY}}
    sim.script("searchOrders", order_page(raw_order(createdTime=None, **person), raw_order(2, **person)))
    sync(platform)
    sim.expire_tokens()
    denied = refusal(403, "Unauthorized", "Access to requested resource is denied.")
    sync(platform)
    for problem in (UNAVAILABLE, denied, Canned(reset=True), Canned(200, b"\xff"), Canned(401)):
        sim.faults = Always(problem)
        sync(platform)
    sim.faults = None
    platform_of(sim, client_secret=SECRETS[0] + "-wrong")
    sync(Platform.objects.get())
    platform_of(sim, refresh_token=SECRETS[1] + "-wrong")
    sync(Platform.objects.get())
    platform_of(sim, typo=SECRETS[0])
    sync(Platform.objects.get())


def database() -> str:
    """Every row of every table, as text."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            texts += [f"{table}: {row}" for row in cursor.fetchall()]
    return "\n".join(texts)


def leaks(text: str, secrets: list[str]) -> list[str]:
    assert len(secrets) >= 1
    return [
        f"{secret} in …{text[max(text.find(secret) - 200, 0) :][:400]}"
        for secret in secrets
        if secret in text
    ]


@pytest.mark.parametrize("include_pii", [False, True])
def test_it_keeps_secrets_out_of_logs_and_tables(
    sim: Talkative, everything_logged: pytest.LogCaptureFixture, include_pii: bool
) -> None:
    Platform.objects.update(include_pii=include_pii)
    run_into_everything(sim, platform_of(sim))
    statuses = set(SyncLog.objects.values_list("status", flat=True))
    assert statuses == {"succeeded", "partial", "failed"}
    assert SyncFailure.objects.exists()
    assert len(sim.issued) >= 2
    assert OrderBuyer.objects.exists() == include_pii
    # django.db.backends logs the statements with their values: they are the database's own.
    logs = "\n".join(
        everything_logged.handler.format(record)
        for record in everything_logged.records
        if record.name != "django.db.backends"
    )
    assert "httpcore" in {record.name.split(".")[0] for record in everything_logged.records}
    assert leaks(logs, [*SECRETS, *sim.issued, CANARY]) == []
    assert leaks(database(), [*SECRETS, *sim.issued, CANARY]) == []


def test_it_stores_buyers_readable_with_the_key_alone(sim: Talkative) -> None:
    Platform.objects.update(include_pii=True)
    sync(platform_of(sim))
    assert CANARY in json.dumps([dict(buyer.data) for buyer in OrderBuyer.objects.all()])
    assert CANARY not in database()


def test_it_asks_for_personal_data_only_where_the_platform_says_so(sim: Talkative) -> None:
    sync(platform_of(sim))
    Platform.objects.update(include_pii=True)
    sync(Platform.objects.get())
    asked = [
        request.params["includedData"] for request in sim.requests if request.operation == "searchOrders"
    ]
    assert "BUYER" not in asked[0]
    assert "BUYER,RECIPIENT" in asked[-1]
    assert Order.objects.count() == 60


def test_it_hides_secrets_in_every_repr(sim: Talkative) -> None:
    platform = platform_of(sim)
    config = load(platform.api_config)
    shown = " ".join(
        map(
            repr,
            [platform, platform.api_config, config, adapter_of(platform), Platform.objects.get().__dict__],
        )
    )
    assert leaks(shown + str(config) + str(platform.api_config), SECRETS) == []


def page_of(error: BaseException) -> str:
    """Django's page for a programmer: the traceback with the variables of each frame, of all chained exceptions."""
    reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
    return reporter.get_traceback_html() + reporter.get_traceback_text() + repr(error) + str(error)


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        ("token", Canned(reset=True)),
        ("token", Canned(503)),
        ("token", Canned.json(401, {"error": "invalid_client"})),
        ("searchOrders", Canned(reset=True)),
        ("searchOrders", Canned(200, b"{}")),
        ("searchOrders", refusal(403, "Unauthorized", "The access token you provided has expired.")),
        ("searchOrders", refusal(400, "InvalidInput", "No.")),
    ],
)
def test_it_keeps_secrets_out_of_tracebacks_with_variables(
    sim: Talkative, settings: Any, operation: str, problem: Canned
) -> None:
    settings.DEBUG = True
    sim.script(operation, *[problem] * ALWAYS)
    amazon: Any = adapter_of(platform_of(sim))
    with pytest.raises(PlatformError) as raised:
        amazon._client.search_orders(lastUpdatedAfter="2026-01-01T00:00:00Z")
    amazon.close()
    shown = page_of(raised.value)
    assert "search_orders" in shown
    assert leaks(shown, [*SECRETS, *sim.issued]) == []


def test_it_keeps_secrets_out_of_the_refusal_of_a_configuration(sim: Talkative, settings: Any) -> None:
    settings.DEBUG = True
    platform = platform_of(sim, typo=SECRETS[0], marketplace_id="X", region="EU")
    with pytest.raises(ConfigError) as raised:
        adapter_of(platform)
    assert leaks(page_of(raised.value), SECRETS) == []
