"""Tokens and transport over real HTTP, and the library's traps."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import api_config
from integrations.amazon import adapter
from integrations.amazon.tests.recording import Recorder
from integrations.amazon.transport import exchange, new_http
from integrations.errors import AuthenticationError, ConfigError, TransientError
from integrations.registry import CHANNELS
from simulator import Account, Canned, Simulator

StartSimulator = Callable[..., Simulator]
ROOT = Path(__file__).resolve().parents[3]


def connect(sim: Simulator, **changes: Any) -> adapter.AmazonAdapter:
    return adapter.connect(api_config(sim.accounts[0], **changes), include_pii=False)


def ask(sim: Simulator, **changes: Any) -> str:
    amazon = connect(sim, **changes)
    try:
        return amazon.order(sim.accounts[0].order_ids()[0]).external_id
    finally:
        amazon.close()


def test_it_logs_in_once_for_many_adapters(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    for _ in range(3):
        ask(sim)
    assert (sim.calls["token"], sim.calls["getOrder"]) == (1, 3)


def test_it_keeps_tokens_by_account_secret_and_endpoint(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    ask(sim)
    with pytest.raises(AuthenticationError) as refused:
        ask(sim, client_secret="rotated")
    assert refused.value.code == "invalid_client"
    other = start_simulator()
    ask(other)
    assert (sim.calls["token"], other.calls["token"]) == (2, 1)


def test_it_renews_an_expired_token_once(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    ask(sim)
    sim.expire_tokens()
    ask(sim)
    assert (sim.calls["token"], sim.calls["getOrder"]) == (2, 3)


def test_it_does_not_go_on_renewing_a_token_that_amazon_never_takes(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    body = {"errors": [{"code": "Unauthorized", "message": "The access token you provided has expired."}]}
    sim.script("getOrder", *[Canned.json(403, body)] * 9)
    with pytest.raises(AuthenticationError):
        ask(sim)
    assert (sim.calls["token"], sim.calls["getOrder"]) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"client_secret": "wrong"}, "invalid_client"), ({"refresh_token": "Atzr|wrong"}, "invalid_grant")],
)
def test_it_asks_once_with_credentials_that_are_refused(
    start_simulator: StartSimulator, changes: dict[str, str], code: str
) -> None:
    sim = start_simulator()
    with pytest.raises(AuthenticationError) as refused:
        ask(sim, **changes)
    assert (refused.value.code, sim.calls["token"]) == (code, 1)


@pytest.mark.parametrize("fault", [Canned(200, b"<html></html>"), Canned(500), Canned(reset=True)])
def test_it_tries_the_login_again(start_simulator: StartSimulator, fault: Canned) -> None:
    sim = start_simulator()
    sim.script("token", fault)
    ask(sim)
    assert sim.calls["token"] == 2


def test_it_encodes_the_way_amazon_wants_it() -> None:
    with Recorder() as recorder, new_http() as http:
        exchange(http, "GET", recorder.endpoint + "/x", params={"sellerSku": "A B+C/D&é", "token": "a+/="})
    (request,) = recorder.seen
    assert request.query == "sellerSku=A%20B%2BC%2FD%26%C3%A9&token=a%2B%2F%3D"
    assert request.headers["user-agent"].startswith("oms/")


def test_it_follows_no_redirect() -> None:
    with Recorder() as target, Simulator(Account(orders=1)) as sim, new_http() as http:
        sim.script("searchOrders", Canned(302, b"", {"Location": target.endpoint}))
        answer = exchange(
            http, "GET", f"{sim.endpoint}/orders/2026-01-01/orders", headers={"x-amz-access-token": "t"}
        )
    assert (answer.status_code, target.seen) == (302, [])


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Canned(delay=2.0), "timeout"),
        (Canned(reset=True), "connection"),
        (Canned(200, b'{"orders": []}', cut=5), "connection"),
        (Canned(200, b"no gzip", {"Content-Encoding": "gzip"}), "broken_answer"),
    ],
    ids=["timeout", "reset", "cut", "gzip"],
)
def test_it_translates_what_can_happen_on_the_way(fault: Canned, code: str) -> None:
    with Simulator(Account(orders=1)) as sim, httpx.Client(timeout=0.2) as http:
        sim.script("searchOrders", fault)
        with pytest.raises(TransientError) as raised:
            exchange(http, "GET", f"{sim.endpoint}/orders/2026-01-01/orders")
    assert raised.value.code == code
    assert raised.value.__context__ is None  # frames of httpx would hold the request


def test_it_does_not_repeat_a_header_that_cannot_be_sent() -> None:
    with httpx.Client() as http, pytest.raises(TransientError) as raised:
        exchange(http, "GET", "http://127.0.0.1:9/", headers={"x-amz-access-token": "CANARY\n"})
    assert "CANARY" not in str(raised.value)


def test_it_says_how_to_install_the_library(
    monkeypatch: pytest.MonkeyPatch, start_simulator: StartSimulator
) -> None:
    sim = start_simulator()
    monkeypatch.setitem(sys.modules, "sp_api", None)
    monkeypatch.delitem(sys.modules, "sp_api.api", raising=False)
    monkeypatch.delitem(sys.modules, "integrations.amazon.client", raising=False)
    with pytest.raises(ConfigError, match=r"pip install -r requirements\.txt") as raised:
        CHANNELS["amazon"].connect(api_config(sim.accounts[0]), include_pii=False)
    assert raised.value.code == "library_missing"


SCRIPT = """
import sys, django
django.setup()
from django.conf import settings
from integrations.amazon.adapter import connect
settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = sys.argv[1], sys.argv[2]
config = {"client_id": "amzn1.application-oa2-client.sim", "client_secret": "sim-secret",
          "refresh_token": "Atzr|sim", "marketplace_id": "ATVPDKIKX0DER"}
amazon = connect(config, include_pii=False)
print(amazon.order(sys.argv[3]).external_id)
"""


def test_it_does_not_let_the_environment_override_the_platform(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=3))
    wanted = sim.accounts[0].order_ids()[0]
    traps = {
        "AWS_ENV": "SANDBOX",
        "SP_API_DEFAULT_MARKETPLACE": "NOWHERE",
        "LWA_APP_ID": "other",
        "LWA_CLIENT_SECRET": "other",
        "SP_API_REFRESH_TOKEN": "other",
        "DJANGO_SETTINGS_MODULE": "oms.settings",
    }
    command = [sys.executable, "-c", SCRIPT, sim.endpoint, sim.lwa_endpoint, wanted]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | traps, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == wanted, done.stderr
