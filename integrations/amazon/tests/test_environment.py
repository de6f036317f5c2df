"""The process around the adapter: neither the environment nor a missing library may surprise anybody.

Each test needs a process that has not imported the library, which reads the environment meanwhile.
"""

import json
from typing import Any

import pytest

from integrations.tests.processes import python

TRAPS = {
    "SP_API_DEFAULT_MARKETPLACE": "XX",
    "SP_API_REFRESH_TOKEN": "Atzr|environment",
    "LWA_APP_ID": "environment-id",
    "LWA_CLIENT_SECRET": "environment-secret",
}
PREPARE = """
import json, sys, django
django.setup()
from integrations.errors import PlatformError
"""
CONNECT = """
from integrations.amazon.adapter import connect
outcome = {}
for name, stored in json.loads(sys.argv[1]).items():
    try:
        adapter = connect(stored, include_pii=False)
    except PlatformError as error:
        outcome[name] = [error.code, str(error)]
    else:
        outcome[name] = ["connected", repr(adapter._config)]
print(json.dumps(outcome))
"""
WITHOUT_LIBRARY = "sys.modules.update({'sp_api': None, 'sp_api.api': None, 'sp_api.base': None})\n"
COMPLETE = {
    "client_id": "platform-id",
    "client_secret": "platform-secret",
    "refresh_token": "Atzr|platform",
    "marketplace_id": "A1PA6795UKMFR9",
    "region": "EU",
}


def run(script: str, argument: Any = None, **environment: str) -> Any:
    """What the script printed, as JSON."""
    done = python(["-c", PREPARE + script, json.dumps(argument)], environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("aws_env", ["GARBAGE", "SANDBOX", "PRODUCTION"])
def test_it_is_imported_whatever_the_environment_says(aws_env: str) -> None:
    script = "import integrations.amazon.client as client\nprint(json.dumps(client.__name__))"
    assert run(script, AWS_ENV=aws_env, **TRAPS) == "integrations.amazon.client"


def test_it_never_completes_credentials_from_the_environment() -> None:
    required = [name for name in COMPLETE if name != "region"]
    incomplete = {name: {**COMPLETE, name: ""} for name in required}
    outcome = run(CONNECT, {"complete": COMPLETE, "nothing": {}, **incomplete}, AWS_ENV="GARBAGE", **TRAPS)
    assert outcome["complete"][0] == "connected"
    assert "platform-id" in outcome["complete"][1]
    assert outcome["nothing"][0] == "config"
    for name in required:
        assert (outcome[name][0], f"{name}: empty" in outcome[name][1]) == ("config", True)
    assert "environment" not in json.dumps(outcome)


def test_it_says_how_to_install_a_library_that_is_missing() -> None:
    code, message = run(WITHOUT_LIBRARY + CONNECT, {"complete": COMPLETE})["complete"]
    assert code == "library_missing"
    assert "pip install -r requirements.txt" in message
    assert "platform-secret" not in message


def test_it_names_wrong_credentials_before_a_missing_library() -> None:
    assert run(WITHOUT_LIBRARY + CONNECT, {"nothing": {}})["nothing"][0] == "config"


def test_it_makes_mock_data_without_the_library() -> None:
    script = """
from integrations.amazon.mock import MockAmazon
(page,) = MockAmazon().inventory_pages([], {})
print(json.dumps(len(page.records)))
"""
    assert run(WITHOUT_LIBRARY + script) == 6
