"""What a call tries again, how often, and what it gives up at once; and what goes over the wire."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import api_config
from integrations.amazon.adapter import AmazonAdapter, connect
from integrations.amazon.client import AmazonClient
from integrations.amazon.config import load
from integrations.amazon.tests.recording import Recorder
from integrations.errors import (
    AuthenticationError,
    RateLimited,
    RequestRefused,
    ShipmentRefused,
    TransientError,
)
from integrations.protocol import Unlimited, Window
from integrations.tests.syncing import QUOTA_EXCEEDED, UNAVAILABLE, refusal
from oms import __version__
from simulator import Canned, Simulator

StartSimulator = Callable[..., Simulator]
WINDOW = Window("updated", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
FAST = {"x-amzn-RateLimit-Limit": "1000"}


def adapter(sim: Simulator) -> AmazonAdapter:
    return connect(api_config(sim.accounts[0]), include_pii=False)


def client_of(sim: Simulator, slept: list[float], **options: Any) -> AmazonClient:
    """One that sleeps into a list."""
    hosts: dict[str, Any] = {"endpoint": sim.endpoint, "lwa_endpoint": sim.lwa_endpoint}
    return AmazonClient(load(api_config(sim.accounts[0])), **hosts, sleep=slept.append, **options)


def first_order(sim: Simulator, amazon: AmazonAdapter) -> str:
    return amazon.order(sim.accounts[0].order_ids()[0]).external_id


@pytest.mark.parametrize(
    "fault",
    [
        UNAVAILABLE,
        Canned.json(500, {"errors": [{"code": "InternalFailure"}]}),
        Canned(504, b'{"message": "Endpoint request timed out"}'),
        Canned(200, b""),
        Canned(200, b"<html></html>"),
        Canned(200, b'{"order": {"orderId'),
        Canned(200, b'{"order": {}}', cut=4),
        Canned(200, b"no gzip", {"Content-Encoding": "gzip"}),
        Canned(reset=True),
        refusal(429, "QuotaExceeded", x_amzn_RateLimit_Limit="1000"),
    ],
    ids=["html 503", "500", "504", "empty", "html 200", "broken", "cut", "gzip", "reset", "429"],
)
def test_it_asks_again_after_a_passing_fault(start_simulator: StartSimulator, fault: Canned) -> None:
    sim = start_simulator()
    sim.script("getOrder", fault)
    with closing(adapter(sim)) as amazon:
        assert first_order(sim, amazon) == sim.accounts[0].order_ids()[0]
        assert (sim.calls["getOrder"], amazon.usage.calls) == (2, 2)


def test_it_gives_up_after_four_attempts_with_amazons_request_id(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("getOrder", *[UNAVAILABLE] * 9)
    with closing(adapter(sim)) as amazon, pytest.raises(TransientError) as raised:
        first_order(sim, amazon)
    assert (raised.value.request_id, raised.value.status) == ("req-503", 503)
    assert sim.calls["getOrder"] == 4


@pytest.mark.parametrize("status", [301, 302, 400, 404, 413, 415, 418])
def test_it_does_not_repeat_what_amazon_refuses(start_simulator: StartSimulator, status: int) -> None:
    sim = start_simulator()
    calls = 2 if status == 400 else 1  # a data set may be to blame: it asks without them, once
    sim.script("getOrder", *[refusal(status)] * calls)
    with closing(adapter(sim)) as amazon, pytest.raises(RequestRefused):
        first_order(sim, amazon)
    assert sim.calls["getOrder"] == calls


def test_it_leaves_a_long_wait_for_quota_to_the_caller(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", QUOTA_EXCEEDED)
    with closing(adapter(sim)) as amazon, pytest.raises(RateLimited) as raised:
        next(iter(amazon.order_pages(WINDOW, {})))
    assert raised.value.retry_after == pytest.approx(178.6, abs=0.1)
    assert (sim.calls["searchOrders"], amazon.usage.throttled) == (1, 1)


def test_it_does_not_wait_in_place_for_ever(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", *[Canned(429, b"", FAST)] * 9)
    with closing(adapter(sim)) as amazon, pytest.raises(RateLimited):
        next(iter(amazon.order_pages(WINDOW, {})))
    assert (sim.calls["searchOrders"], amazon.usage.throttled) == (4, 4)


class UsedUp(Unlimited):
    """A Budget of which others always take the next call first."""

    def acquire(self, operation: str) -> float:
        return 4.5


def test_it_makes_room_where_others_always_draw_first(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    slept: list[float] = []
    client = client_of(sim, slept, budget=UsedUp())
    with closing(client), pytest.raises(RateLimited) as raised:
        client.search_orders()
    assert (slept, raised.value.retry_after, sim.calls["searchOrders"]) == ([4.5] * 4, 20, 0)
    assert (client.usage.calls, client.usage.throttled) == (0, 0)


class Refilled(Unlimited):
    """A Budget in which each call is so many seconds away."""

    def __init__(self, seconds: float) -> None:
        self._waits = [seconds, 0.0]

    def acquire(self, operation: str) -> float:
        return self._waits.pop(0)


def test_it_waits_for_half_a_second_to_tell_of_a_shipment_and_no_longer(
    start_simulator: StartSimulator,
) -> None:
    sim, slept = start_simulator(), list[float]()
    with closing(client_of(sim, slept, budget=Refilled(0.5))) as client, pytest.raises(ShipmentRefused):
        client.confirm_shipment("111-0000000-0000000", {})
    assert (slept, sim.calls["confirmShipment"]) == ([0.5], 1)
    with closing(client_of(sim, slept, budget=Refilled(1.5))) as client, pytest.raises(RateLimited) as raised:
        client.confirm_shipment("111-0000000-0000000", {})
    assert (slept, raised.value.retry_after, sim.calls["confirmShipment"]) == ([0.5], 1.5, 1)


def test_it_renews_a_token_once_where_amazon_calls_it_revoked(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    revoked = refusal(403, "Unauthorized", "The access token you provided is revoked, malformed or invalid.")
    sim.script("getOrder", *[revoked] * 9)
    with closing(adapter(sim)) as amazon, pytest.raises(AuthenticationError) as raised:
        first_order(sim, amazon)
    assert (raised.value.code, sim.calls["token"], sim.calls["getOrder"]) == ("token_rejected", 2, 2)


def test_it_renews_a_token_once_for_a_call_however_often_that_is_tried(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator()
    expired = refusal(403, "Unauthorized", "The access token you provided has expired.")
    sim.script("getOrder", expired, UNAVAILABLE, expired)
    with closing(adapter(sim)) as amazon, pytest.raises(AuthenticationError) as raised:
        first_order(sim, amazon)
    assert (raised.value.code, sim.calls["token"], sim.calls["getOrder"]) == ("token_expired", 2, 3)


def test_it_logs_in_again_after_a_passing_fault_also_where_only_the_login_is_checked(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator()
    sim.script("token", UNAVAILABLE, Canned.json(429, {"error": "slow_down"}, {"Retry-After": "0"}))
    slept: list[float] = []
    with closing(client_of(sim, slept)) as client:
        client.renew_token()
    assert sim.calls["token"] == 3
    assert slept[1] >= 5  # a login that is asked too often


def test_it_gives_up_a_login_that_stays_away_after_four_attempts(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("token", *[UNAVAILABLE] * 9)
    with closing(adapter(sim)) as amazon, pytest.raises(TransientError):
        first_order(sim, amazon)
    assert (sim.calls["token"], sim.calls["getOrder"]) == (4, 0)


def test_it_does_not_repeat_a_login_that_a_gateway_refuses(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("token", *[Canned(403, b"<html>Forbidden</html>")] * 9)
    with closing(adapter(sim)) as amazon, pytest.raises(TransientError):
        first_order(sim, amazon)
    assert sim.calls["token"] == 1


@pytest.mark.parametrize(("advice", "least"), [("2", 2), ("3600", 20), ("nonsense", 0)])
def test_it_waits_as_long_as_a_gateway_asks_up_to_the_ceiling(
    start_simulator: StartSimulator, advice: str, least: float
) -> None:
    sim = start_simulator()
    sim.script("getOrder", Canned(503, b"", {"Retry-After": advice}))
    slept: list[float] = []
    with closing(client_of(sim, slept)) as client:
        client.get_order(sim.accounts[0].order_ids()[0])
    assert len(slept) == 1
    assert least <= slept[0] <= 20


def test_it_leaves_a_long_retry_after_of_a_refused_call_to_the_caller(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator()
    sim.script("getOrder", Canned(429, b"", FAST | {"Retry-After": "90"}))
    with closing(adapter(sim)) as amazon, pytest.raises(RateLimited) as raised:
        first_order(sim, amazon)
    assert (raised.value.retry_after, sim.calls["getOrder"]) == (90, 1)


# --- over the wire

ORDER = {
    "orderId": "1",
    "createdTime": "2026-01-01T00:00:00Z",
    "lastUpdatedTime": "2026-01-01T00:00:00Z",
    "orderItems": [],
}
ANSWER = {"access_token": "Atza|t", "order": ORDER, "payload": {"inventorySummaries": []}}


@pytest.fixture
def recorder(settings: Any) -> Iterator[Recorder]:
    with Recorder(ANSWER) as running:
        settings.AMAZON_SP_API_ENDPOINT = running.endpoint
        settings.AMAZON_LWA_ENDPOINT = running.lwa_endpoint
        yield running


@pytest.fixture
def amazon(recorder: Recorder) -> Iterator[AmazonAdapter]:
    stored = {"client_id": "i&d", "client_secret": "s+&=", "refresh_token": "Atzr|r"}
    with closing(connect(stored | {"marketplace_id": "ATVPDKIKX0DER"}, include_pii=False)) as connected:
        yield connected


@pytest.mark.parametrize(
    ("order_id", "sent"),
    [
        ("S01/../x y", "S01%2F..%2Fx%20y"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("%2F", "%252F"),
        ("é", "%C3%A9"),
        ("../../tokens", "..%2F..%2Ftokens"),
    ],
)
def test_it_sends_an_odd_order_id_as_one_part_of_the_path(
    recorder: Recorder, amazon: AmazonAdapter, order_id: str, sent: str
) -> None:
    amazon.order(order_id)
    assert recorder.seen[-1].path == f"/orders/2026-01-01/orders/{sent}"


@pytest.mark.parametrize("order_id", ["", ".", ".."])
def test_it_asks_for_no_order_whose_id_would_name_another_operation(
    recorder: Recorder, amazon: AmazonAdapter, order_id: str
) -> None:
    with pytest.raises(RequestRefused) as raised:
        amazon.order(order_id)
    assert (raised.value.code, recorder.seen) == ("not_found", [])


def test_it_sends_blanks_and_plus_signs_of_skus_so_that_they_arrive(
    recorder: Recorder, amazon: AmazonAdapter
) -> None:
    list(amazon.inventory_pages(["A B+C", "x&y=1", "50%", "a,b"], {}))
    together, alone = (request.query for request in recorder.seen[-2:])
    assert together.endswith("&sellerSkus=A%20B%2BC%2Cx%26y%3D1%2C50%25")
    assert alone.endswith("&sellerSku=a%2Cb")


def test_it_identifies_itself_and_sends_the_token_in_its_header(
    recorder: Recorder, amazon: AmazonAdapter
) -> None:
    amazon.order("1")
    login, call = recorder.seen
    assert (login.method, login.path, login.query) == ("POST", "/auth/o2/token", "")
    assert (
        login.body
        == b"grant_type=refresh_token&client_id=i%26d&client_secret=s%2B%26%3D&refresh_token=Atzr%7Cr"
    )
    assert call.headers["x-amz-access-token"] == "Atza|t"
    assert "Atz" not in call.path + call.query
    assert login.headers["user-agent"] == call.headers["user-agent"] == f"oms/{__version__} (Language=Python)"
