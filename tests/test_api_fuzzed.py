"""The API asked whatever its schema allows, and what it does not (schemathesis), in this process through WSGI.

`make soak` asks thousands of cases, with the seed SOAK_SEED.
"""

import os
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.tests.rest import SECRETS, amazon, make_order, make_stock, make_text, superuser
from integrations.models import SyncFailure, SyncLog
from oms.wsgi import application
from webhooks.models import Delivery, Endpoint

pytestmark = [pytest.mark.django_db, pytest.mark.once]

CASES = 10 * int(os.environ.get("SOAK_MINUTES", 0)) or 4  # of each operation and kind of data
SEEDED = seed(int(os.environ.get("SOAK_SEED", 1)))
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
# Bodies and addresses of syncs take the same parameters, though not both of them; nor every combination.
COMBINED = ("/orders/sync", "/inventory/sync", "/{stream}/sync")
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
    for number in "12":
        make_order(number)
        make_stock(number)
        log = SyncLog.objects.create(platform=amazon(), kind="orders", trigger="api", status="succeeded")
        SyncFailure.objects.create(log=log, platform=amazon(), kind="orders", external_id=number)
        endpoint = Endpoint.objects.create(name=number, url="https://127.0.0.1/")
        Delivery.objects.create(endpoint=endpoint, event="sync.closed", message_id=number, state="failed")
    raw = superuser().get("/schema?format=json").json()
    for operations in raw["paths"].values():
        for operation in operations.values():
            parameters = operation.get("parameters", [])
            # A cursor is taken that an answer gave; `fields` leaves out what the schema promises otherwise.
            parameters[:] = [each for each in parameters if each["name"] not in ("cursor", "fields")]
            for parameter in parameters:
                if parameter["schema"].get("type") == "array" and parameter["name"] == "platform_name":
                    parameter["schema"] = {"enum": [["amazon"]]}
                elif parameter["name"] in KNOWN:
                    parameter["schema"] = {"enum": KNOWN[parameter["name"]]}
    for name, described in raw["components"]["schemas"].items():
        if name.endswith("Request"):
            for field in KNOWN.keys() & described["properties"].keys():
                described["properties"][field] = {"enum": KNOWN[field]}
    checks = {
        "positive_data_acceptance": {"expected-statuses": TAKEN},
        "negative_data_rejection": {"expected-statuses": REFUSED},
    }
    loaded = schemathesis.openapi.from_dict(raw, config=schemathesis.Config.from_dict({"checks": checks}))
    loaded.app = application
    return loaded


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("with_token", [True, False])
def test_it_answers_as_its_schema_says(schema: Any, mode: GenerationMode, with_token: bool) -> None:
    headers, problems = {"Accept-Encoding": "identity"}, []
    if with_token:
        user = User.objects.get(username="root")
        headers["Authorization"] = f"Bearer {make_text(user)}"
    most = CASES if with_token else max(1, CASES // 4)
    number = 0

    def ask(case: Any) -> None:
        nonlocal number
        number += 1
        left_out = [positive_data_acceptance] if case.operation.path in COMBINED else []
        try:
            case.call_and_validate(headers=headers, excluded_checks=left_out)
        except BaseExceptionGroup as failures:
            problems.append(f"{failures.exceptions!r}\n{case.as_curl_command()}")

    for found in schema.get_all_operations():
        each = given(case=found.ok().as_strategy(generation_mode=mode))(ask)
        plain = settings(
            max_examples=most,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        SEEDED(plain(each))()
    assert not problems, "\n\n".join(problems[:5])
    assert number > 10 * most  # a few operations have fewer different cases than that
