"""Secrets and buyers' data, searched in all that leaves a sync: logs, tables, commands, API, admin, error reports.

Every invented secret holds a canary; a test fails with the names of the places where one was found.
"""

import io
import json
import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.views.debug import ExceptionReporter
from rest_framework.test import APIClient

from access.models import Scope
from access.tokens import make_token
from conftest import api_config
from integrations.amazon.client import AmazonClient
from integrations.amazon.config import load
from integrations.amazon.tokens import AccessTokens
from integrations.amazon.transport import new_http
from integrations.models import SyncLog
from integrations.protocol import Window
from integrations.registry import CHANNELS
from integrations.sync.connection import adapter_of
from integrations.sync.run import run_sync
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    UNAVAILABLE,
    open_sync,
    order_page,
    platform_of,
    raw_item,
    raw_order,
    refusal,
    sync,
)
from orders.models import Order, OrderBuyer
from orders.records import BuyerRecord
from platforms.models import Platform
from simulator import CANARY, Account, Canned, Simulator
from simulator.faults.base import Call
from webhooks.models import Delivery, Endpoint
from webhooks.queue import fill

pytestmark = [pytest.mark.django_db, pytest.mark.once]
StartSimulator = Callable[..., Simulator]
Way = Callable[[Simulator], None]
Found = dict[str, str]
SECRET, REFRESH = "CANARY-SECRET-1b7f", "CANARY-REFRESH-9c2e"
OPERATIONS = ("searchOrders", "getOrder", "getInventorySummaries")
TEMPLATES = "django.template"
PII = pytest.mark.parametrize("include_pii", [False, True], ids=["without buyers", "with buyers"])
PERSON: dict[str, Any] = {
    "buyer": {
        "buyerName": f"Ada {CANARY}",
        "buyerEmail": f"{CANARY}@example.invalid",
        "buyerCompanyName": CANARY,
        "buyerPurchaseOrderNumber": CANARY,
    },
    "recipient": {
        "deliveryAddress": {
            "name": CANARY,
            "addressLine1": CANARY,
            "phone": CANARY,
            "extendedFields": {"streetNumber": CANARY},
        },
        "deliveryPreference": {"addressInstruction": CANARY, "dropOffLocation": CANARY},
    },
}


def access_tokens(sim: Simulator) -> list[str]:
    """Those that the simulator has handed out, without the prefix that they share."""
    return [token.removeprefix("Atza|") for token in sim.access_tokens]


def leaks(sim: Simulator, places: Found) -> list[str]:
    """The places that hold a canary, and which."""
    needles = [SECRET, REFRESH, CANARY, *access_tokens(sim)]
    return [f"{place}: {needle}" for place, text in places.items() for needle in needles if needle in text]


class _Records(logging.Handler):
    """Keeps every record as a careless formatter would print it: message, traceback, and all attributes."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter("%(name)s %(levelname)s %(message)s").format(record)
        self.lines.append(f"{text} {record.__dict__!r}")


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What all loggers say at DEBUG, SQL with its parameters included. Templates have a test of their own: their
    many records, each with the whole context, would take most of the time."""
    handler, root = _Records(), logging.getLogger()
    names = ["sp_api", "httpx", "httpcore", "django.db.backends", *root.manager.loggerDict]
    loggers = [root, *(logging.getLogger(name) for name in dict.fromkeys(names) if name != TEMPLATES)]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in loggers]
    templates_level = logging.getLogger(TEMPLATES).level
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    logging.getLogger(TEMPLATES).setLevel(logging.INFO)
    root.addHandler(handler)
    with CaptureQueriesContext(connection):
        yield handler.lines
    root.removeHandler(handler)
    logging.getLogger(TEMPLATES).setLevel(templates_level)
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


@pytest.fixture
def sim(start_simulator: StartSimulator, settings: Any) -> Simulator:
    settings.MOCK_FALLBACK = "never"
    return start_simulator(Account(orders=12, skus=4, client_secret=SECRET, refresh_token=f"Atzr|{REFRESH}"))


# --- how a sync can go


def _always(sim: Simulator, answer: Canned) -> None:
    for operation in OPERATIONS:
        sim.script(operation, *[answer] * ALWAYS)


def good(sim: Simulator) -> None:
    pass


def wrong_secret(sim: Simulator) -> None:
    platform_of(sim, client_secret=f"{SECRET}-wrong")


def login_that_echoes(sim: Simulator) -> None:
    said = {"error": f"invalid {SECRET}", "error_description": f"secret {SECRET}, token Atzr|{REFRESH}"}
    sim.script("token", *[Canned.json(400, said)] * ALWAYS)


def login_without_token(sim: Simulator) -> None:
    said = {"access_token": "", "refresh_token": f"Atzr|{REFRESH}"}
    sim.script("token", *[Canned.json(200, said)] * ALWAYS)


def forbidden(sim: Simulator) -> None:
    _always(sim, refusal(403, "Unauthorized", "Access to requested resource is denied."))


def outage(sim: Simulator) -> None:
    _always(sim, UNAVAILABLE)


def malformed(sim: Simulator) -> None:
    bad = raw_order(2, createdTime="yesterday", **PERSON)
    unfit = raw_order(3, orderItems=[raw_item(quantityOrdered=10**30)], **PERSON)
    sim.script("searchOrders", order_page(raw_order(1, **PERSON), bad, unfit))


def orders_beside_an_error(sim: Simulator) -> None:
    answer = {
        "orders": [raw_order(1, **PERSON)],
        "errors": [{"code": "InternalFailure", "message": "Half of it."}],
    }
    sim.script("searchOrders", *[Canned.json(200, answer)] * ALWAYS)


class _Echo:
    """A gateway that repeats the request's headers in its message, as AWS's does with those it cannot read."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def before(self, call: Call) -> Canned | None:
        if call.operation == "token":
            return None
        return refusal(
            403, "Forbidden", f"Not a header: 'x-amz-access-token: Atza|{access_tokens(self._sim)[-1]}'"
        )


def refusal_that_echoes(sim: Simulator) -> None:
    sim.faults = _Echo(sim)


WAYS: dict[Way, set[str]] = {  # how orders and stock end
    good: {"succeeded"},
    wrong_secret: {"failed"},
    login_that_echoes: {"failed"},
    login_without_token: {"failed"},
    forbidden: {"failed"},
    refusal_that_echoes: {"failed"},
    outage: {"failed"},
    malformed: {"partial", "succeeded"},
    orders_beside_an_error: {"failed", "succeeded"},
}


# --- where to look


def tables() -> Found:
    """Every value of every table, as it is stored."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  our own tables
            found[f"table {table}"] = "\n".join(map(str, cursor.fetchall()))
    return found


def pages(client: Any, addresses: list[str]) -> Found:
    found = {}
    for address in addresses:
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, address
        found[f"GET {address}"] = answer.content.decode() + str(dict(answer.headers))
    return found


def api_answers(user: User) -> Found:
    client = APIClient()
    client.force_login(user)
    lists = ["platforms", "orders", "inventory", "sync-logs", "sync-failures"]
    details = [
        f"/{name}/{row['id']}" for name in lists for row in client.get(f"/{name}").json()["results"][:3]
    ]
    return pages(client, [*(f"/{name}" for name in lists), *details, "/docs", "/healthz", "/readyz"])


ADMIN = [
    f"/admin/{name}/"
    for name in (
        "platforms/platform", "orders/order", "inventory/inventoryitem", "integrations/synclog",
        "integrations/syncfailure",
    )
]  # fmt: skip


def admin_pages(user: User) -> Found:
    """All lists, two rows of each, and a history; not the page that is there to show a buyer."""
    client = Client()
    client.force_login(user)
    found = pages(client, ["/admin/", *ADMIN])
    for address in ADMIN:
        rows = dict.fromkeys(re.findall(rf"{address}(\d+)/change/", found[f"GET {address}"]))
        found |= pages(client, [f"{address}{pk}/change/" for pk in list(rows)[:2]])
    return found | pages(client, [f"/admin/platforms/platform/{Platform.objects.get().pk}/history/"])


def commands(capfd: pytest.CaptureFixture[str]) -> Found:
    """The output of both sync commands, for people and for programs."""
    found = {}
    for name in ("sync_orders", "sync_inventory"):
        for options in ((), ("--json",)):
            capfd.readouterr()
            with suppress(SystemExit):  # its status is not looked at here
                call_command(name, "amazon", *options)
            out, err = capfd.readouterr()
            assert "amazon" in out
            title = " ".join([name, *options])
            found[f"{title} stdout"], found[f"{title} stderr"] = out, err
    return found


# --- the search


@PII
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_keeps_secrets_to_itself_whatever_happens(
    sim: Simulator, logged: list[str], capfd: pytest.CaptureFixture[str], way: Way, include_pii: bool
) -> None:
    platform_of(sim)
    Platform.objects.update(include_pii=include_pii)
    way(sim)
    platform = Platform.objects.get()
    assert {sync(platform).status, sync(platform, INVENTORY).status} == WAYS[way]
    user = User.objects.create_superuser("root")
    places = commands(capfd) | tables() | api_answers(user) | admin_pages(user)
    places["logs"] = "\n".join(logged)
    assert leaks(sim, places) == []
    assert all(f"{name} " in places["logs"] for name in ("httpx", "httpcore.http11", "django.db.backends"))
    assert OrderBuyer.objects.exists() or not (include_pii and way in (good, malformed))


def test_it_logs_a_mistake_of_its_own_without_secrets(sim: Simulator, logged: list[str]) -> None:
    def stumble(log: SyncLog) -> None:
        raise ValueError("a mistake")

    platform = platform_of(sim)
    Platform.objects.update(include_pii=True)
    log = sync(platform, on_page=stumble)
    assert (log.status, log.error_code) == ("failed", "internal")
    assert any("Traceback" in line and "a mistake" in line for line in logged)
    assert leaks(sim, {"logs": "\n".join(logged)} | tables()) == []


def test_it_renders_pages_without_secrets_in_the_log(sim: Simulator, logged: list[str]) -> None:
    platform = platform_of(sim)
    Platform.objects.update(include_pii=True)
    sync(Platform.objects.get())
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    logging.getLogger(TEMPLATES).setLevel(logging.DEBUG)
    pages(client, [f"/admin/platforms/platform/{platform.pk}/change/"])
    assert any(line.startswith(TEMPLATES) for line in logged)
    assert leaks(sim, {"logs": "\n".join(logged)}) == []


def test_it_finds_what_it_looks_for(sim: Simulator, logged: list[str]) -> None:
    """The search itself: all of the above would pass if it found nothing."""
    sync(platform_of(sim))
    (token,) = access_tokens(sim)
    logging.getLogger("httpx").debug("sent %s", {"token": f"Atza|{token}"})
    User.objects.create(username="x", first_name=SECRET, last_name=f"{REFRESH} {CANARY}")
    found = leaks(sim, {"logs": "\n".join(logged)} | tables())
    wanted = {f"table auth_user: {each}" for each in (SECRET, REFRESH, CANARY)}
    assert wanted | {f"logs: {token}"} <= set(found)


@PII
def test_it_stores_what_is_secret_encrypted_alone(sim: Simulator, include_pii: bool) -> None:
    platform_of(sim)
    Platform.objects.update(include_pii=include_pii)
    sync(Platform.objects.get())
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_config FROM platforms")
        configs = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT data FROM order_buyers")
        buyers = [row[0] for row in cursor.fetchall()]
    assert all(text.startswith("gAAAA") for text in configs + buyers)
    assert (len(configs), bool(buyers)) == (1, include_pii)
    assert all(CANARY in json.dumps(buyer.data) for buyer in OrderBuyer.objects.all())


def test_it_encrypts_credentials_that_were_written_with_sql(sim: Simulator, logged: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s", [json.dumps(api_config(sim.accounts[0]))])
    logged.clear()
    assert sync(Platform.objects.get()).status == "succeeded"
    assert leaks(sim, {"logs": "\n".join(logged)} | tables()) == []


MORE_API = ("erasures", "legal-holds", "webhooks", "webhook-deliveries", "changes", "api-usage")
MORE_PAGES = (
    "orders/erasure", "orders/legalhold", "audit/auditentry", "access/apitoken", "auth/user", "webhooks/endpoint",
    "webhooks/delivery", "integrations/apiusage", "django_tasks_database/dbtaskresult",
)  # fmt: skip
EXPORTS = ("orders/order/export/orders", "orders/order/export/order-lines", "audit/auditentry/export/audit")


def files(client: Client) -> Found:
    """Every export of orders and of the audit, in each form; a workbook as the parts of its archive."""
    found = {}
    for address in EXPORTS:
        for form in ("csv", "machine.csv", "xlsx"):
            answer: Any = client.get(f"/admin/{address}.{form}")
            assert answer.status_code == 200, address
            body = b"".join(answer.streaming_content)
            if form == "xlsx":
                archive = zipfile.ZipFile(io.BytesIO(body))
                body = b"".join(map(archive.read, archive.namelist()))
            found[f"{address}.{form}"] = body.decode()
    return found


def test_what_people_do_with_buyer_data_tells_nothing_of_it(sim: Simulator, logged: list[str]) -> None:
    """Reading, looking for an address, holding, erasing: over the API and in the admin, with all that notes it."""
    platform = platform_of(sim)
    Platform.objects.update(include_pii=True)
    sim.script("searchOrders", order_page(*(raw_order(number, **PERSON) for number in range(1, 5))))
    webhook = Endpoint.objects.create(name="shop", url="https://example.com/", lease_token="mine")
    assert sync(Platform.objects.get()).status == "succeeded"
    user = User.objects.create_superuser("root", password="a long pass phrase")
    token = make_token(user, name="privacy", scopes=list(Scope)).text
    client, api = Client(), APIClient()
    client.force_login(user)
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    first, second, *_others = Order.objects.order_by("pk")
    assert CANARY in api.get(f"/orders/{first.pk}/buyer?reason=label").content.decode()
    assert (
        CANARY in client.post(f"/admin/orders/order/{first.pk}/buyer/", {"reason": "label"}).content.decode()
    )
    hold = {
        "platform": platform.name,
        "order": second.external_id,
        "reason": "lawsuit",
        "until": "2999-01-01",
    }
    assert api.post("/legal-holds", hold, format="json").status_code == 201
    person = {"email": f"{CANARY}@example.invalid", "reason": "asked for"}
    assert "of 3 orders" in client.post("/admin/orders/erasure/by-email/", person).content.decode()
    held = api.post("/erasures", {"order": second.external_id, "reason": "asked for"}, format="json")
    assert held.status_code == 409
    key = {"HTTP_IDEMPOTENCY_KEY": "8e03978e"}
    for _time in range(2):
        erased = api.post("/erasures", person, format="json", **key)  # type: ignore[arg-type]
        assert (erased.json()["orders"], erased.json()["held"]) == (3, 1)
    fill(webhook, "mine")
    assert Delivery.objects.filter(event="order.updated").count() == 3
    found: Found = {"held": held.content.decode(), "erased": erased.content.decode()}
    found |= pages(api, [f"/{name}" for name in MORE_API]) | api_answers(user)
    addresses = ["/admin/", "/admin/sessions/", "/admin/alerts/", *(f"/admin/{name}/" for name in MORE_PAGES)]
    found |= pages(client, addresses) | admin_pages(user) | files(client) | tables()
    found["logs"] = "\n".join(logged)
    assert leaks(sim, found) == []
    assert OrderBuyer.objects.get().order == second


# --- Django's report of an error, with the local variables of every frame


class Crash(BaseException):
    """Nobody on the path catches it, so its report shows every frame."""


def report(settings: Any, crash: Callable[[], Any]) -> Found:
    """Django's technical report of what `crash` raises, as a browser and as a mail get it."""
    settings.DEBUG = True
    with pytest.raises(BaseException) as raised:  # noqa: PT011  whatever it is, its report is searched
        crash()
    reporter = ExceptionReporter(RequestFactory().get("/"), raised.type, raised.value, raised.tb)
    return {"html": reporter.get_traceback_html(), "text": reporter.get_traceback_text()}


@pytest.mark.parametrize("kind", ["orders", "inventory"])
def test_it_shows_no_secret_in_a_report_of_the_whole_path(sim: Simulator, settings: Any, kind: str) -> None:
    def crash(log: SyncLog) -> None:
        raise Crash

    platform_of(sim)
    Platform.objects.update(include_pii=True)
    sim.script("searchOrders", order_page(raw_order(**PERSON)))  # few enough to be shown whole
    log = open_sync(Platform.objects.get(), kind)
    shown = report(settings, lambda: run_sync(log.pk, on_page=crash))
    assert all(frame in shown["html"] for frame in ("_walk", "AmazonAdapter", "records", "Crash"))
    assert leaks(sim, shown) == []


@pytest.mark.parametrize(
    "way", [way for way in WAYS if way not in (good, malformed)], ids=lambda way: way.__name__
)
def test_it_shows_no_secret_in_a_report_of_a_refused_call(sim: Simulator, settings: Any, way: Way) -> None:
    def crash() -> None:
        adapter = adapter_of(Platform.objects.get())
        try:
            list(adapter.order_pages(Window("updated", sim.accounts[0].end, sim.accounts[0].end), {}))
        finally:
            adapter.close()

    platform_of(sim)
    Platform.objects.update(include_pii=True)
    way(sim)
    shown = report(settings, crash)
    assert "search_orders" in shown["html"]
    assert leaks(sim, shown) == []


def test_it_shows_nothing_of_what_holds_secrets(sim: Simulator, settings: Any) -> None:
    platform = platform_of(sim)

    def crash() -> None:
        config, checked = load(platform.api_config), CHANNELS["amazon"].credentials.check(platform.api_config)
        hosts: dict[str, Any] = {"endpoint": sim.endpoint, "lwa_endpoint": sim.lwa_endpoint}
        http, client, adapter = new_http(), AmazonClient(config, **hosts), adapter_of(platform)
        tokens = AccessTokens(config, http=http, **hosts)
        stored = platform.api_config
        buyer = BuyerRecord(name=CANARY, email=CANARY, phone=CANARY, address={"city": CANARY})
        assert tokens.get()
        held = (platform, stored, config, checked, http, client, tokens, adapter, buyer)
        assert leaks(sim, {type(each).__name__: f"{each} {each!r}" for each in held}) == []
        for each in (http, client, adapter):
            each.close()
        raise Crash

    shown = report(settings, crash)
    assert all(
        name in shown["html"] for name in ("SecretDict", "AmazonConfig", "AmazonClient", "AccessTokens")
    )
    assert leaks(sim, shown) == []
