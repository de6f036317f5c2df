"""The API asked whatever its schema allows, and what it does not (schemathesis), in this process through WSGI.

`make soak` asks thousands of cases, with the seed SOAK_SEED.
"""

import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
)

from api.tests.rest import NOON, SECRETS, amazon, make_order, make_stock, make_text, superuser
from integrations.models import (
    ApiUsage,
    AuditedDay,
    AuditedStock,
    Backfill,
    CatchUp,
    OrderAudit,
    StockAudit,
    SyncFailure,
    SyncLog,
)
from oms.wsgi import application
from orders.models import Erasure, LegalHold, Shipment
from platforms.models import Platform
from webhooks.models import Delivery, Endpoint

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.usefixtures("kept_connection")]

# Of each operation and kind of data: over 3,000 in all. `make soak MINUTES=5` asks 50.
CASES = 10 * int(os.environ.get("SOAK_MINUTES", 0)) or 26
SEED = int(os.environ.get("SOAK_SEED", 1))
# What no schema can say: other values are refused where they are not what is stored here.
KNOWN: dict[str, list[Any]] = {
    "platform_name": ["amazon"],
    "id": [1, 2],
    "url": ["https://example.com/hook"],
    "platforms": [None, ["amazon"]],
    "api_config": [SECRETS],
    "after": [0],
    "time_zone": ["UTC"],
    "ids": [[1], [1, 2]],
    "If-Match": ["*", '"other"'],
}
# The same, of bodies alone.
KNOWN_IN_BODIES: dict[str, list[Any]] = KNOWN | {
    "platform": ["amazon"],
    "order": ["1", "2"],
}
# Bodies and addresses of syncs and audits take the same parameters, though not both of them; nor every combination.
COMBINED = (
    "POST /orders/sync",
    "POST /inventory/sync",
    "POST /{stream}/sync",
    "POST /audits",
    "POST /inventory-audits",
    "POST /backfills",
    # Carriers and lines are those that the platform and the order have.
    "POST /orders/{id}/shipments",
    "PATCH /shipments/{id}",
    "POST /shipments/import",
)
# Of valid data: what schemathesis takes by itself; 410 of /changes; 412: another ETag than that of the row; 422: a key
# that another case had.
TAKEN = ["2xx", "3xx", "401", "403", "404", "409", "410", "412", "422"]

# Of other data: what schemathesis takes by itself, and 410 and 412, which may come first.
REFUSED = ["400", "401", "403", "404", "405", "406", "409", "410", "412", "415", "422", "429"]


@pytest.fixture
def schema(settings: Any) -> Any:
    """What /schema says, with names and ids that exist, and rows behind them."""
    settings.MOCK_FALLBACK, settings.API_REQUESTS_PER_MINUTE = "always", 0
    settings.AMAZON_SP_API_ENDPOINT = settings.AMAZON_LWA_ENDPOINT = "http://127.0.0.1:9"
    Platform.objects.create(name="other")
    for number in "12":
        ApiUsage.objects.create(platform=amazon(), operation=number, hour=NOON, calls=1)
        order = make_order(number)
        LegalHold.objects.create(platform=amazon(), order=order, reason="Lawsuit", until=NOON)
        Erasure.objects.create(number=number, scope="order", about=number, started_at=NOON)
        make_stock(number)
        Shipment.objects.create(
            order=order, platform=amazon(), package_number=1001, source="live", tracking_number=number
        )
        audit = OrderAudit.objects.create(
            platform=amazon(), trigger="api", status="failed", window_start=NOON, window_end=NOON
        )
        AuditedDay.objects.create(
            platform=amazon(), day=NOON, marketplace_id=number, state="proven", checked_at=NOON, audit=audit
        )
        stock = StockAudit.objects.create(platform=amazon(), trigger="api", status="failed")
        AuditedStock.objects.create(
            platform=amazon(), marketplace_id=number, state="proven", checked_at=NOON, audit=stock
        )
        Backfill.objects.create(
            platform=amazon(), trigger="api", status="failed", window_start=NOON, window_end=NOON
        )
        CatchUp.objects.create(platform=amazon(), trigger="schedule", status="failed", window_start=NOON)
        log = SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api", status="succeeded")
        SyncFailure.objects.create(log=log, platform=amazon(), kind="orders", external_id=number)
        endpoint = Endpoint.objects.create(name=number, url="https://127.0.0.1/")
        Delivery.objects.create(endpoint=endpoint, event="sync.closed", message_id=number, state="failed")
    api = superuser()
    raw = api.get("/schema?format=json").json()
    for path, operations in raw["paths"].items():
        known = seen_at(api, path)
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            # Where no answer gives one, none is taken.
            parameters[:] = [each for each in parameters if each["name"] != "cursor" or "cursor" in known]
            for parameter in parameters:
                if parameter["name"] in known:
                    parameter["schema"] = {"enum": [known[parameter["name"]]]}
                elif parameter["schema"].get("type") == "array" and parameter["name"] == "platform_name":
                    parameter["schema"] = {"enum": [["amazon"]]}
                elif parameter["name"] in KNOWN:
                    parameter["schema"] = {"enum": KNOWN[parameter["name"]]}
    for name, described in raw["components"]["schemas"].items():
        if name.endswith("Request"):
            for field in KNOWN_IN_BODIES.keys() & described["properties"].keys():
                described["properties"][field] = {"enum": KNOWN_IN_BODIES[field]}
    # Nor can it say which times have passed.
    raw["components"]["schemas"]["NewLegalHoldRequest"]["properties"]["until"] = {
        "enum": ["2999-01-31T08:00:00Z"]
    }
    checks = {
        "positive_data_acceptance": {"expected-statuses": TAKEN},
        "negative_data_rejection": {"expected-statuses": REFUSED},
    }
    loaded = schemathesis.openapi.from_dict(raw, config=schemathesis.Config.from_dict({"checks": checks}))
    loaded.app = application
    return loaded


def seen_at(api: Any, path: str) -> dict[str, str]:
    """Of a list or of one row: a cursor that an answer gave, and fields that its rows have."""
    answer = api.get(path.replace("{id}", "1"), {"page_size": 1} if "{" not in path else {})
    page = answer.json() if answer.status_code == 200 else {}
    rows = page.get("results", [page])
    known = {"fields": ",".join(list(rows[0])[:2])} if isinstance(rows, list) and rows else {}
    if page.get("next"):
        (known["cursor"],) = parse_qs(urlsplit(page["next"]).query)["cursor"]
    return known


def left_out(case: Any) -> list[Any]:
    """Checks that do not hold for this case."""
    asked = case.query or {}
    without: list[Any] = []
    if case.operation.label in COMBINED or {"cursor", "ordering"} <= set(asked):
        without.append(positive_data_acceptance)  # a cursor is for the order in which it was given
    if any(value in (None, [], {}) for value in asked.values()):
        without.append(negative_data_rejection)  # what is nothing is not sent
    if "fields" in asked:
        without.append(response_schema_conformance)  # it leaves out what is promised otherwise
    return without


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("with_token", [True, False])
def test_it_answers_as_its_schema_says(schema: Any, mode: GenerationMode, with_token: bool) -> None:
    headers, problems = {"Accept-Encoding": "identity"}, dict[str, str]()
    if with_token:
        user = User.objects.get(username="root")
        headers["Authorization"] = f"Bearer {make_text(user)}"
    most = CASES if with_token else max(1, CASES // 4)
    number = 0
    probed: set[int] = set()  # statuses of the current operation

    def ask(case: Any) -> None:
        nonlocal number
        number += 1
        with transaction.atomic():  # no case meets a name that another took, or a platform that it renamed
            try:
                response = case.call(headers=headers)
                without = left_out(case)
                if response.status_code in probed:
                    without.append(ignored_auth)  # it asks twice more, and depends on no data
                probed.add(response.status_code)
                case.validate_response(response, headers=headers, excluded_checks=without)
            except BaseExceptionGroup as failures:
                problems.setdefault(repr(failures.exceptions), case.as_curl_command())
            transaction.set_rollback(True)

    for found in schema.get_all_operations():
        probed.clear()
        each = given(case=found.ok().as_strategy(generation_mode=mode))(ask)
        plain = settings(
            max_examples=most,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(SEED)(plain(each))()
    found_with = f"SOAK_SEED={SEED}, {CASES} cases\n\n"
    assert not problems, found_with + "\n\n".join(f"{what}\n{how}" for what, how in problems.items())
    # A few operations have fewer different cases than that. Of the four tests together: over 3,000.
    assert number > 20 * most, number
