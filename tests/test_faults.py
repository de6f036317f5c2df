"""What goes wrong between us and Amazon: what the sync log says then, and that a later run has everything."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from integrations.amazon import transport
from integrations.models import SyncLog
from integrations.schedule.due import Reason, dues_of
from integrations.tests.states import watermark_of
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    UNAVAILABLE,
    platform_of,
    refusal,
    stored_orders,
    stored_stock,
    sync,
)
from platforms.models import Platform
from simulator import Canned, Rule, Simulator
from simulator.faults.kinds import Deny, Revoke

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status

REQUEST_ID = {"x-amzn-RequestId": "req-1"}
TEMPORARY = {
    "503 in HTML": UNAVAILABLE,
    "500 in JSON": refusal(500, "InternalFailure", "We are sorry."),
    "502 without a body": Canned(502),
    "504 of a gateway": Canned.json(504, {"message": "Endpoint request timed out"}),
    "cut short": Canned(200, b'{"orders": [], "pagination": {}}', cut=12),
    "reset": Canned(reset=True),
    "no JSON": Canned(200, b"<html>maintenance</html>"),
    "empty": Canned(200, b""),
    "a list": Canned.json(200, []),
    "without orders": Canned.json(200, {"pagination": {}}),
    "orders are null": Canned.json(200, {"orders": None}),
    "an error in a success": Canned.json(200, {"errors": [{"code": "InternalFailure"}]}),
    "broken gzip": Canned(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "slow": Canned(200, b'{"orders": []}', delay=2.0),
}
FINAL = {
    "400": (refusal(400, "InvalidInput", "Bad.", **REQUEST_ID), "bad_request"),
    "403 role": (
        refusal(403, "Unauthorized", "Access to requested resource is denied.", **REQUEST_ID),
        "forbidden",
    ),
    "403 gateway": (Canned.json(403, {"message": "Forbidden"}, REQUEST_ID), "forbidden"),
    "403 in HTML": (Canned(403, b"<html>Forbidden</html>", REQUEST_ID), "forbidden"),
    "403 revoked": (
        refusal(
            403,
            "Unauthorized",
            "The access token you provided is revoked, malformed or invalid.",
            **REQUEST_ID,
        ),
        "token_rejected",
    ),
    "403 secret": (
        refusal(403, "Unauthorized", "The client secret has expired.", **REQUEST_ID),
        "secret_expired",
    ),
    "401": (Canned(401, b"", REQUEST_ID), "token_rejected"),
    "404": (refusal(404, "NotFound", "Gone.", **REQUEST_ID), "not_found"),
    "413": (refusal(413, "RequestTooLarge", "Too large.", **REQUEST_ID), "too_large"),
    "415": (refusal(415, "UnsupportedMediaType", "No.", **REQUEST_ID), "unsupported"),
    "301": (Canned(301, b"", {"Location": "http://127.0.0.1:1/", **REQUEST_ID}), "refused"),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(
        transport, "TIMEOUT", httpx.Timeout(0.9)
    )  # also on a busy machine more than an answer takes
    settings.MOCK_FALLBACK = "never"


@pytest.mark.parametrize("fault", TEMPORARY.values(), ids=TEMPORARY.keys())
def test_it_survives_a_fault_in_the_middle_of_the_pages(
    start_simulator: StartSimulator, fault: Canned
) -> None:
    sim = start_simulator(orders=25, page_size=10)
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="searchOrders", nth=2, fault=fault))
    log = sync(platform)
    assert (log.status, log.api_calls, log.created) == (Status.SUCCEEDED, 4, 25)
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_it_never_takes_an_outage_for_an_empty_success(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=25, page_size=10)
    platform = platform_of(sim)
    sim.script("searchOrders", *[UNAVAILABLE] * 4)
    log = sync(platform)
    assert (log.status, log.error_code, log.request_id) == (Status.FAILED, "unavailable", "req-503")
    assert "HTTP 503" in log.error_message
    assert (log.fetched, log.api_calls, watermark_of()) == (0, 4, None)
    assert sync(platform).created == 25
    assert stored_orders(platform) == sim.accounts[0].truth_orders()


def test_it_never_takes_an_outage_for_empty_shelves(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=30)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    sim.script("getInventorySummaries", *[UNAVAILABLE] * ALWAYS)
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code, log.request_id) == (Status.FAILED, "unavailable", "req-503")
    assert stored_stock(platform) == before


@pytest.mark.parametrize(("fault", "code"), FINAL.values(), ids=FINAL.keys())
def test_it_fails_with_a_code_a_sentence_and_amazons_request_id(
    start_simulator: StartSimulator, fault: Canned, code: str
) -> None:
    sim = start_simulator(orders=15)
    platform = platform_of(sim)
    sim.script("searchOrders", fault, fault)
    log = sync(platform)
    assert (log.status, log.error_code, log.request_id) == (Status.FAILED, code, "req-1")
    assert log.error_message.endswith((".", ")"))
    assert log.api_calls <= 2
    sim.faults = None
    platform = platform_of(start_simulator(orders=15))
    assert sync(platform).created == 15


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Canned.json(401, {"error": "invalid_client", "error_description": "no"}), "invalid_client"),
        (Canned.json(400, {"error": "invalid_grant", "error_description": "no"}), "invalid_grant"),
        (Canned.json(400, {"error": "unauthorized_client"}), "unauthorized_client"),
        (Canned.json(500, {"error": "server_error"}), "unavailable"),
        (Canned.json(400, {"error": "server_error"}), "unavailable"),
        (Canned.json(401, {"error": "temporarily_unavailable"}), "unavailable"),
        (Canned.json(400, {"error": "SERVER_ERROR"}), "unavailable"),
        (Canned.json(400, {"error": "slow_down"}), "unavailable"),
        (Canned(503, b"<html></html>"), "unavailable"),
        (Canned(200, b"<html></html>"), "broken_answer"),
        (Canned.json(200, {"token_type": "bearer"}), "broken_answer"),
        (Canned.json(200, {"access_token": "line\r\nbreak"}), "broken_answer"),
        (Canned(reset=True), "connection"),
    ],
)
def test_it_says_what_is_wrong_with_the_login(
    start_simulator: StartSimulator, fault: Canned, code: str
) -> None:
    sim = start_simulator(orders=3)
    sim.script("token", *[fault] * 4)
    log = sync(platform_of(sim))
    assert (log.status, log.error_code) == (Status.FAILED, code)
    assert len(log.error_message) > 30
    assert sim.calls["searchOrders"] == 0


def test_it_asks_again_for_a_login_that_has_trouble_whatever_its_status(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=3)
    sim.script("token", Canned.json(400, {"error": "server_error"}))
    assert sync(platform_of(sim)).created == 3


def test_it_blames_no_credentials_where_amazon_refuses_a_token_that_it_has_just_issued(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=3)
    sim.rules.add(Rule(operation="searchOrders", times=2, fault=Deny("The security token is expired")))
    log = sync(platform_of(sim))
    assert (log.status, log.error_code) == (Status.FAILED, "token_expired")
    assert log.error_message.startswith(
        "Amazon says that the access token has expired (HTTP 403: Unauthorized, "
    )
    assert "usually that is an outage of Amazon's, and the credentials are probably fine" in log.error_message
    assert sync(Platform.objects.get()).created == 3


@pytest.mark.parametrize("text", ["", "The security token included in the request is expired"])
def test_it_takes_a_refusal_after_good_pages_for_an_interruption(
    start_simulator: StartSimulator, text: str
) -> None:
    sim = start_simulator(orders=25, page_size=10)
    platform = platform_of(sim)
    sim.rules.add(Rule(operation="searchOrders", nth=2, times=2 if text else 1, fault=Deny(text)))
    log = sync(platform)
    assert (log.error_code, log.created, sim.calls["token"]) == ("interrupted", 10, 2 if text else 1)
    assert log.error_message.endswith("Nothing has to be done: the next sync asks for the same time again.")
    assert dues_of(platform)["orders"].reason == Reason.BACKING_OFF
    assert sync(platform).created == 15


def test_it_calls_a_login_that_is_refused_after_good_pages_by_its_name(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=25, page_size=10)
    sim.rules.add(Rule(operation="searchOrders", nth=2, fault=Revoke()))
    log = sync(platform_of(sim))
    assert (log.error_code, log.created) == ("invalid_grant", 10)


def test_it_says_that_nobody_answers(start_simulator: StartSimulator, settings: Any) -> None:
    platform = platform_of(start_simulator())
    settings.AMAZON_SP_API_ENDPOINT = settings.AMAZON_LWA_ENDPOINT = "http://127.0.0.1:9/"
    log = sync(platform)
    assert (log.status, log.error_code) == (Status.FAILED, "connection")
    assert "127.0.0.1" in log.error_message


def test_it_does_without_a_data_set_that_amazon_refuses(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    sim.script("searchOrders", refusal(400, "InvalidInput", "includedData does not allow CANCELLATION."))
    log = sync(platform_of(sim))
    assert (log.status, log.created) == (Status.SUCCEEDED, 5)
    assert [note["code"] for note in log.notes] == ["dataset_refused"]
    assert sim.requests[-1].params["includedData"] == "FULFILLMENT,PROCEEDS,PACKAGES,TAX"


def test_it_renews_an_access_token_that_expired_on_the_way(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=25, page_size=10)
    platform = platform_of(sim)
    log = sync(platform, on_page=lambda log: sim.expire_tokens() if log.pages == 1 else None)
    assert (log.status, log.created) == (Status.SUCCEEDED, 25)
    assert sim.calls["token"] == 2
