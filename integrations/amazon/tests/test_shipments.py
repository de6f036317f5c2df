"""What Amazon is told of shipments, over real HTTP: adapter and simulator."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from conftest import api_config
from integrations.amazon import adapter, carriers, sandbox
from integrations.amazon.adapter import AmazonAdapter
from integrations.amazon.answers import judge
from integrations.amazon.mock import MockAmazon
from integrations.amazon.shipment_refusals import REASONS, reason_of
from integrations.amazon.shipments import body_of
from integrations.amazon.tests.recording import Recorder
from integrations.errors import (
    AuthorizationError,
    PlatformError,
    RateLimited,
    ShipmentRefused,
    TransientError,
    codes_of,
)
from integrations.protocol import ConfirmsShipments, Dispatch, DispatchLine, Quota, Unlimited, Window
from integrations.registry import CHANNELS
from integrations.shipping.rules import Refusal
from orders.records import OrderRecord
from simulator import (
    Account,
    Answer,
    ChangeNothing,
    LoseAnswer,
    Quotas,
    Reset,
    Rule,
    Simulator,
    StaticSandbox,
)
from simulator.carriers import CARRIERS
from simulator.model import Order
from simulator.scenes import Scene

MODEL = Path(__file__).resolve().parents[4] / "shared" / "spapi-models" / "ordersV0.json"
SCENES = (Scene.PLAIN_UNSHIPPED, Scene.PARTIAL, Scene.CANCELLED, Scene.PENDING, Scene.PLAIN_SHIPPED)
CONFIRM = "confirmShipment"


@pytest.fixture
def account() -> Account:
    return Account(orders=200, skus=5, scenes=SCENES)


@pytest.fixture
def sim(account: Account, start_simulator: Callable[..., Simulator]) -> Simulator:
    return start_simulator(account)


@pytest.fixture
def amazon(sim: Simulator) -> Iterator[AmazonAdapter]:
    connected = adapter.connect(api_config(sim.accounts[0]), include_pii=False)
    yield connected
    connected.close()


def order_of(account: Account, status: str = "unshipped", by: str = "merchant", units: int = 1) -> Order:
    """One in that state, whose first line has that many units or more."""
    orders = (account.order(index) for index in range(account.count))
    return next(
        order
        for order in orders
        if (order.status, order.fulfilled_by) == (status, by)
        and (units == 1 or order.lines[0].quantity_ordered >= units)
    )


def dispatch_of(order: Order, number: int = 4711, **changes: Any) -> Dispatch:
    """All that is left of the order in one package."""
    left = [(line, line.quantity_ordered - (line.quantity_shipped or 0)) for line in order.lines]
    lines = tuple(DispatchLine(line.external_id, units) for line, units in left if units > 0)
    dispatch = Dispatch(
        order_id=order.external_id,
        marketplace_id=order.marketplace_id,
        package_number=number,
        carrier="UPS",
        carrier_name="",
        service="UPS Ground",
        tracking_number=f"1Z{number:08d}",
        shipped_at=datetime.now(UTC) - timedelta(hours=1),
        lines=lines or (DispatchLine(order.lines[0].external_id, 1),),
    )
    return replace(dispatch, **changes)


def refusal(amazon: AmazonAdapter, dispatch: Dispatch) -> ShipmentRefused:
    with pytest.raises(ShipmentRefused) as refused:
        amazon.confirm_shipment(dispatch)
    return refused.value


def shown(amazon: AmazonAdapter, order_id: str) -> OrderRecord:
    return amazon.order(order_id)


def test_what_was_told_is_read_back(amazon: AmazonAdapter, account: Account, sim: Simulator) -> None:
    order = order_of(account)
    dispatch = dispatch_of(order)
    assert isinstance(amazon, ConfirmsShipments)
    assert amazon.shows_shipments
    request_id = amazon.confirm_shipment(dispatch)
    assert len(request_id) == 36
    record = shown(amazon, order.external_id)
    [package] = record.packages
    assert (record.status, record.platform_updated_at > order.updated) == ("shipped", True)
    assert (package.external_id, package.carrier, package.shipping_service) == ("4711", "UPS", "UPS Ground")
    assert (package.tracking_number, package.shipped_at) == (
        "1Z00004711",
        dispatch.shipped_at.replace(microsecond=dispatch.shipped_at.microsecond // 1000 * 1000),
    )
    assert package.contents == tuple(
        {"item": line.item_id, "quantity": line.quantity} for line in dispatch.lines
    )
    assert all(item.quantity_shipped == item.quantity_ordered for item in record.items)
    assert account.truth_shipments()[order.external_id, 4711]["times"] == 1
    assert (sim.calls[CONFIRM], amazon.usage.calls) == (1, 2)


def test_it_sends_what_the_model_says(
    start_simulator: Callable[..., Simulator], account: Account, settings: Any
) -> None:
    sim = start_simulator(account)
    order = order_of(account)
    with Recorder() as recorder:
        amazon = adapter.connect(api_config(account), include_pii=False)
        settings.AMAZON_SP_API_ENDPOINT = recorder.endpoint
        to_recorder = adapter.connect(api_config(account), include_pii=False)
        with pytest.raises(TransientError) as broken:
            to_recorder.confirm_shipment(
                dispatch_of(
                    order,
                    carrier="Other",
                    carrier_name="Tanja's Kurier",
                    service="",
                    shipped_at=datetime(2026, 6, 1, 14, 0, 0, 987_654, tzinfo=UTC),
                    lines=(DispatchLine(order.lines[0].external_id, 1, ("AZ:1",)),),
                )
            )
        amazon.close()
        to_recorder.close()
    # An object of JSON with 200 is a success elsewhere; here it says nothing, so it may have been heard.
    assert (broken.value.code, broken.value.perhaps_done, len(recorder.seen)) == ("broken_answer", True, 4)
    request = recorder.seen[0]
    assert (request.method, request.path) == (
        "POST",
        f"/orders/v0/orders/{order.external_id}/shipmentConfirmation",
    )
    if MODEL.exists():
        schemas = json.loads(MODEL.read_text())["definitions"]
        schema = {**schemas["ConfirmShipmentRequest"], "definitions": schemas}
        jsonschema.Draft4Validator(schema).validate(json.loads(request.body))
    assert json.loads(request.body) == {
        "marketplaceId": order.marketplace_id,
        "packageDetail": {
            "packageReferenceId": "4711",
            "carrierCode": "Other",
            "carrierName": "Tanja's Kurier",
            "trackingNumber": "1Z00004711",
            "shipDate": "2026-06-01T14:00:00.987Z",
            "orderItems": [
                {"orderItemId": order.lines[0].external_id, "quantity": 1, "transparencyCodes": ["AZ:1"]}
            ],
        },
    }
    assert sim.calls[CONFIRM] == 0


def test_an_order_goes_out_in_parts_and_each_may_be_corrected(
    amazon: AmazonAdapter, account: Account
) -> None:
    order = order_of(account, units=3)
    line, first = order.lines[0], order.lines[0].external_id
    amazon.confirm_shipment(dispatch_of(order, 11, lines=(DispatchLine(first, 1),)))
    record = shown(amazon, order.external_id)
    assert (record.status, record.items[0].quantity_shipped) == ("partially_shipped", 1)
    rest = DispatchLine(first, line.quantity_ordered - 1)
    assert refusal(
        amazon, dispatch_of(order, 12, lines=(replace(rest, quantity=rest.quantity + 1),))
    ).code == ("bad_quantity")
    others = tuple(DispatchLine(each.external_id, each.quantity_ordered) for each in order.lines[1:])
    amazon.confirm_shipment(dispatch_of(order, 12, lines=(rest, *others)))
    amazon.confirm_shipment(
        dispatch_of(order, 11, lines=(DispatchLine(first, 1),), tracking_number="1Z-MENDED")
    )
    record = shown(amazon, order.external_id)
    assert (record.status, {each.external_id: each.tracking_number for each in record.packages}) == (
        "shipped",
        {"11": "1Z-MENDED", "12": "1Z00000012"},
    )
    late = refusal(amazon, dispatch_of(order, 13, lines=(DispatchLine(first, 1),)))
    assert (late.code, late.status, "order already fulfilled" in str(late)) == ("already_shipped", 400, True)
    assert account.shipments.times(order.external_id, 11) == 2
    assert account.shipments.told_twice() == []
    account.shipments.most_edits = 1
    assert refusal(amazon, dispatch_of(order, 11, lines=(DispatchLine(first, 1),))).code == "no_more_edits"


def test_a_lost_answer_is_asked_for_again_under_the_same_number(
    amazon: AmazonAdapter, account: Account, sim: Simulator
) -> None:
    order = order_of(account)
    sim.rules.add(Rule(operation=CONFIRM, nth=1, fault=LoseAnswer()))
    sim.rules.add(Rule(operation=CONFIRM, nth=2, fault=Answer(503, body="html", done=True)))
    assert amazon.confirm_shipment(dispatch_of(order))
    assert account.shipments.times(order.external_id, 4711) == sim.calls[CONFIRM] == 3
    assert len(shown(amazon, order.external_id).packages) == 1


def test_shipped_after_a_lost_answer_is_no_rejection_yet(
    amazon: AmazonAdapter, account: Account, sim: Simulator
) -> None:
    """Where Amazon takes no edit of what is fully shipped, the second call is refused, and the first was taken."""
    account.shipments.seals_shipped = True
    order = order_of(account)
    sim.rules.add(Rule(operation=CONFIRM, nth=1, fault=LoseAnswer()))
    refused = refusal(amazon, dispatch_of(order))
    assert (refused.code, refused.perhaps_done) == ("already_shipped", True)
    assert [each.external_id for each in shown(amazon, order.external_id).packages] == ["4711"]
    assert not refusal(amazon, dispatch_of(order)).perhaps_done  # nothing was lost this time


@pytest.mark.parametrize(
    ("faults", "error", "perhaps_done", "told"),
    [
        ([LoseAnswer()] * 4, TransientError, True, 4),
        ([Answer(500), Answer(502, body="html"), Answer(503), Answer(504)], TransientError, True, 0),
        ([Reset()] * 4, TransientError, True, 0),
        ([Answer(200, body="html")] * 4, TransientError, True, 0),
        ([Answer(429, rate="0.01")], RateLimited, False, 0),
        ([LoseAnswer(), Answer(429, rate="0.01")], RateLimited, True, 1),
        ([Answer(403)], AuthorizationError, False, 0),
        ([LoseAnswer(), Answer(403)], AuthorizationError, True, 1),
        ([Answer(400)], ShipmentRefused, False, 0),
        ([Answer(413)], ShipmentRefused, False, 0),
        ([Answer(415)], ShipmentRefused, False, 0),
    ],
)
def test_it_tells_whether_it_may_have_been_heard(
    amazon: AmazonAdapter,
    account: Account,
    sim: Simulator,
    faults: list[Any],
    error: type[PlatformError],
    perhaps_done: bool,
    told: int,
) -> None:
    order = order_of(account)
    for nth, fault in enumerate(faults, start=1):
        sim.rules.add(Rule(operation=CONFIRM, nth=nth, fault=fault))
    with pytest.raises(error) as raised:
        amazon.confirm_shipment(dispatch_of(order))
    assert (type(raised.value), raised.value.perhaps_done) == (error, perhaps_done)
    assert account.shipments.times(order.external_id, 4711) == told


def test_a_204_is_no_proof(amazon: AmazonAdapter, account: Account, sim: Simulator) -> None:
    order = order_of(account)
    sim.rules.add(Rule(operation=CONFIRM, nth=1, fault=ChangeNothing()))
    assert amazon.confirm_shipment(dispatch_of(order))
    record = shown(amazon, order.external_id)
    assert (record.status, record.packages, account.shipments.taken) == ("unshipped", (), [])


def test_it_shows_later_and_the_regular_sync_sees_it(
    account: Account, start_simulator: Callable[..., Simulator]
) -> None:
    clock = [datetime.now(UTC).timestamp()]
    sim = start_simulator(account, clock=lambda: clock[0])
    amazon = adapter.connect(api_config(account), include_pii=False)
    account.shipments.lag = timedelta(minutes=20)
    order = order_of(account)
    began = datetime.fromtimestamp(clock[0], UTC)
    amazon.confirm_shipment(dispatch_of(order))
    assert shown(amazon, order.external_id).status == "unshipped"
    # What is told before it shows counts all the same.
    assert refusal(amazon, dispatch_of(order, 4712)).code == "already_shipped"
    clock[0] += 30 * 60
    window = Window("updated", began, began + timedelta(minutes=25))
    [record] = [each for page in amazon.order_pages(window, {}) for each in page.records]
    assert (record.external_id, record.status, record.platform_updated_at.replace(microsecond=0)) == (
        order.external_id,
        "shipped",
        (began + account.shipments.lag).replace(microsecond=0),
    )
    assert sim.accounts[0].truth_orders()[order.external_id]["packages"][0]["external_id"] == "4711"
    amazon.close()


def test_a_label_of_amazon_shows_as_a_package_and_takes_no_confirmation(
    amazon: AmazonAdapter, account: Account
) -> None:
    order = order_of(account)
    account.buy_label(order.external_id, is_used=False)
    record = shown(amazon, order.external_id)
    [package] = record.packages
    assert (record.status, package.status, package.detailed_status) == (
        "unshipped", "PENDING", "PENDING_PICK_UP",
    )  # fmt: skip
    assert refusal(amazon, dispatch_of(order)).code == "buy_shipping"
    account.buy_label(order.external_id)
    record = shown(amazon, order.external_id)
    assert (record.status, len(record.packages)) == ("shipped", 1)

    plus = order_of(account)
    account.join_program(plus.external_id, "FBM_SHIP_PLUS")
    assert "FBM_SHIP_PLUS" in shown(amazon, plus.external_id).programs
    assert refusal(amazon, dispatch_of(plus)).code == "buy_shipping"
    assert account.shipments.taken == []


def test_amazon_refuses_what_it_does_not_ship(
    amazon: AmazonAdapter, account: Account, sim: Simulator
) -> None:
    order, now = order_of(account), datetime.now(UTC)
    shipped, bought = order_of(account, "shipped"), order_of(account, "partially_shipped")
    account.buy_label(bought.external_id)
    of_fba, stranger = order_of(account, by="platform"), "111-0000000-0000000"
    found = [
        refusal(amazon, dispatch).code
        for dispatch in (
            dispatch_of(order_of(account, "cancelled")),
            dispatch_of(order_of(account, "pending")),
            dispatch_of(shipped),
            dispatch_of(of_fba),
            dispatch_of(bought),
            dispatch_of(order, order_id=stranger),
            dispatch_of(order, lines=(DispatchLine("00000000000000", 1),)),
            dispatch_of(order, lines=(DispatchLine(order.lines[0].external_id, 99),)),
            dispatch_of(order, shipped_at=now + timedelta(minutes=5)),
            dispatch_of(order, shipped_at=order.created - timedelta(seconds=1)),
            dispatch_of(order, carrier="Jens and his van"),
            dispatch_of(order, carrier="Other"),
            dispatch_of(order, tracking_number=" "),
        )
    ]
    assert found == [
        "cancelled",
        "not_shippable",
        "already_shipped",
        "fulfilled_by_platform",
        "buy_shipping",
        "not_found",
        "unknown_line",
        "bad_quantity",
        "bad_date",
        "bad_date",
        "bad_carrier",
        "bad_carrier",
        "bad_tracking_number",
    ]
    with pytest.raises(AuthorizationError):
        amazon.confirm_shipment(dispatch_of(order, marketplace_id="A1PA6795UKMFR9"))
    assert account.shipments.taken == []
    # A refusal is asked for once: the same question has the same answer.
    assert sim.calls[CONFIRM] == len(found) + 1
    edges = CHANNELS["amazon"].ship_times(order.created, now)
    assert edges == (order.created, now)
    amazon.confirm_shipment(dispatch_of(order, shipped_at=edges[0]))


def odd_bodies(body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Bodies that the adapter never makes, and what of Amazon's answer tells why."""
    package = body["packageDetail"]
    [item, *_more] = package["orderItems"]
    for change, said in (
        ({"packageReferenceId": 4711}, "invalid type [packageDetail.packageReferenceId]"),
        ({"packageReferenceId": "0"}, "must be a positive numeric value"),
        ({"packageReferenceId": "A-1"}, "must be a positive numeric value"),
        ({"trackingNumber": None}, "Missing required field [packageDetail.trackingNumber]"),
        ({"shipDate": "02/21/2022"}, "shipDate is not an ISO 8601 time"),
        ({"shipDate": "2022-02-21T10:00:00"}, "shipDate is not an ISO 8601 time"),
        ({"orderItems": []}, "Missing required field [packageDetail.orderItems]"),
        ({"orderItems": [item, item]}, "more than once"),
        ({"orderItems": [{**item, "quantity": "1"}]}, "invalid type [packageDetail.orderItems.quantity]"),
        ({"orderItems": [{**item, "quantity": True}]}, "invalid type [packageDetail.orderItems.quantity]"),
        ({"orderItems": [{**item, "quantity": 0}]}, "must be a positive number"),
        ({"orderItems": [{**item, "transparencyCodes": [1]}]}, "orderItems.transparencyCodes"),
        ({"note": "by hand"}, "Unknown fields: packageDetail.note"),
    ):
        yield {**body, "packageDetail": {**package, **change}}, said
    yield {**body, "codCollectionMethod": "DirectPayment"}, "only in the JP marketplace"
    yield {**body, "marketplaceId": None}, "Missing required field [marketplaceId]"
    yield {"marketplaceId": body["marketplaceId"]}, "Missing required field [packageDetail]"


def test_the_simulator_validates_what_it_is_sent(amazon: AmazonAdapter, account: Account) -> None:
    order = order_of(account)
    body = body_of(dispatch_of(order))
    for odd, said in odd_bodies(body):
        with pytest.raises(ShipmentRefused) as refused:
            amazon._client.confirm_shipment(order.external_id, odd)
        assert said in str(refused.value)
    assert account.shipments.taken == []
    amazon._client.confirm_shipment(order.external_id, body)


def test_it_keeps_to_the_quota(account: Account, sim: Simulator, settings: Any) -> None:
    """The published one, which the budget knows, and which Amazon counts."""
    published: dict[str, Quota] = {}

    def budget_for(_key: str, quotas: Mapping[str, Quota], /) -> Unlimited:
        published.update(quotas)
        return Unlimited()

    settings.AMAZON_QUOTAS = {}
    adapter.connect(api_config(account), include_pii=False, budget_for=budget_for).close()
    assert published[CONFIRM] == Quota(rate=2, burst=10)
    now = [0.0]
    sim.quotas = Quotas(clock=lambda: now[0])
    amazon = adapter.connect(api_config(account), include_pii=False)
    dispatch = dispatch_of(order_of(account))
    for _ in range(10):
        amazon.confirm_shipment(dispatch)
    with pytest.raises(RateLimited) as limited:
        amazon.confirm_shipment(dispatch)
    assert (limited.value.retry_after, limited.value.by_platform) == (0.5, True)
    now[0] = 0.5
    amazon.confirm_shipment(dispatch)
    amazon.close()


@pytest.fixture
def static_sandbox(settings: Any) -> Iterator[StaticSandbox]:
    if not MODEL.exists():
        pytest.skip(f"Amazon's model is not here: {MODEL}")
    with StaticSandbox(MODEL) as running:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = running.endpoint, running.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        yield running


def test_a_sandbox_account_confirms_amazons_own_case(static_sandbox: StaticSandbox, account: Account) -> None:
    connected = adapter.connect(api_config(account, region="SANDBOX"), include_pii=False)
    assert not connected.shows_shipments
    assert connected.confirm_shipment(dispatch_of(order_of(account)))
    assert [(each.operation, each.status) for each in static_sandbox.requests][1:] == [(CONFIRM, 204)]
    # The published case of an error, with the body that it is for.
    order_id, body = sandbox.SHIPMENT
    wrong = {**body, "packageDetail": {**body["packageDetail"], "shipDate": "02/21/2022"}}
    with pytest.raises(ShipmentRefused) as refused:
        connected._client.confirm_shipment(order_id, wrong)
    assert (refused.value.code, "Invalid Input" in str(refused.value)) == ("refused", True)
    connected.close()


def test_every_error_of_the_model_is_judged() -> None:
    """Each status that the model lists for the operation, with the body of its sandbox case or one of Amazon's form."""
    if not MODEL.exists():
        pytest.skip(f"Amazon's model is not here: {MODEL}")
    path = json.loads(MODEL.read_text())["paths"]["/orders/v0/orders/{orderId}/shipmentConfirmation"]
    found = {}
    for status, response in path["post"]["responses"].items():
        cases = response.get("x-amzn-api-sandbox", {}).get(
            "static", [{"response": {"errors": [{"code": "X"}]}}]
        )
        body = json.dumps(cases[0]["response"]).encode() if status != "204" else b""
        try:
            found[status] = judge(CONFIRM, int(status), {"x-amzn-RequestId": "id"}, body, None)[
                "x-amzn-RequestId"
            ]
        except PlatformError as error:
            found[status] = (type(error).__name__, error.code, error.request_id)
    assert found == {
        "204": "id",
        "400": ("ShipmentRefused", "refused", "id"),
        "401": ("AccessTokenRefused", "token_rejected", "id"),
        "403": ("AuthorizationError", "forbidden", "id"),
        "404": ("ShipmentRefused", "not_found", "id"),
        "429": ("RateLimited", "rate_limited", "id"),
        "500": ("TransientError", "unavailable", "id"),
        "503": ("TransientError", "unavailable", "id"),
    }


# Texts that Amazon was seen to send: where is written in shipment_refusals.py.
SEEN = {
    "Failed to create package due to not finding a matching package or order already fulfilled. ErrorMessage("
    "errorCode=GeneralError, errorDescription=Unable to find package to update for order (250-0000000-0000000), "
    "errorMetric=PackageToUpdateNotFound, packageIndex=null)": "already_shipped",
    "OrderItemId  is invalid, please obtain the value through the getOrderItems API": "unknown_line",
    "ErrorCode: NonexistentOrderItem Description: Failed to find order item list by order ID: 250": "cancelled",
    "PackageReferenceId: is invalid, must be a positive numeric value.": "bad_package_number",
    "Please check the fields with invalid type [packageDetail.packageReferenceId].": "bad_package_number",
    "Failed to create/update package due to overfulfillment": "bad_quantity",
    "ErrorCode: InvalidCarrier Description: Selected carrier is not supported": "bad_carrier",
    "ErrorCode: CarrierNameCorrection Description": "bad_carrier",
    "ErrorCode: BlockedTrackingId Description": "bad_tracking_number",
    "Tracking ID: Amazon invalid - Enter a valid tracking ID": "bad_tracking_number",
    "InvalidPackageVersion": "no_more_edits",
    "Please check the fields with invalid type [packageDetail.shipDate].": "bad_date",
    "Please check the fields with invalid type [packageDetail.orderItems.quantity].": "bad_quantity",
    "Transparency codes are invalid for OrderItemId 1": "unit_codes",
    "Something that nobody has seen yet": "refused",
}


@pytest.mark.parametrize(("text", "code"), SEEN.items())
def test_it_knows_amazons_reasons(text: str, code: str) -> None:
    body = {
        "errors": [{"code": "InvalidInput", "message": "Invalid"}, {"code": "InvalidInput", "details": text}]
    }
    with pytest.raises(ShipmentRefused) as refused:
        judge(CONFIRM, 400, {}, json.dumps(body).encode(), None)
    assert refused.value.code == reason_of(text) == code


def test_every_reason_has_a_code_and_every_code_has_advice() -> None:
    amazon, codes = CHANNELS["amazon"], codes_of(ShipmentRefused)
    assert {code for _pattern, code in REASONS} < codes
    of_platform = {Refusal.CONFIRMS_ITSELF, Refusal.PLATFORM_CARRIES}
    ours = of_platform | {Refusal.IN_OTHER_PACKAGES, Refusal.SHIPPED_ELSEWHERE}
    assert set(amazon.shipment_advice) == codes | ours


def test_its_carriers_are_amazons() -> None:
    amazon = CHANNELS["amazon"]
    codes = [carrier.code for carrier in amazon.carriers]
    assert len(set(codes)) == len(codes)
    assert set(codes) == CARRIERS
    assert amazon.confirms_shipments
    assert (amazon.other_carrier, amazon.other_carrier in codes) == ("Other", False)
    assert {site for carrier in amazon.carriers for site in carrier.sites} <= amazon.sites.keys()
    assert carriers.LABELS.keys() | carriers.ONLY_IN.keys() | carriers.SERVICES.keys() <= set(codes)


def test_mock_shipments_are_judged_and_change_nothing() -> None:
    mock = MockAmazon(datetime(2027, 3, 14, 15, 9, tzinfo=UTC))
    assert isinstance(mock, ConfirmsShipments)
    assert not mock.shows_shipments
    window = Window("updated", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    records = [record for page in mock.order_pages(window, {}) for record in page.records]
    verdicts: dict[tuple[str, str], set[str]] = {}
    for record in records:
        dispatch = Dispatch(
            order_id=record.external_id,
            marketplace_id=record.marketplace_id,
            package_number=7,
            carrier="UPS",
            carrier_name="",
            service="",
            tracking_number="1Z",
            shipped_at=datetime.now(UTC),
            lines=(DispatchLine(record.items[0].external_id, 1),),
        )
        try:
            verdict = mock.confirm_shipment(dispatch)
            assert verdict == mock.confirm_shipment(dispatch) == f"mock-{record.external_id}-7"
            verdict = "taken"
        except ShipmentRefused as error:
            verdict = error.code
        verdicts.setdefault((record.fulfilled_by, record.status), set()).add(verdict)
    assert {key: value for key, value in verdicts.items() if key[0] == "merchant"} == {
        ("merchant", "unshipped"): {"taken"},
        ("merchant", "partially_shipped"): {"taken"},
        ("merchant", "shipped"): {"already_shipped"},
        ("merchant", "cancelled"): {"cancelled"},
    }
    assert {code for key, value in verdicts.items() if key[0] == "platform" for code in value} == {
        "fulfilled_by_platform"
    }
    with pytest.raises(ShipmentRefused) as unknown:
        mock.confirm_shipment(replace(dispatch, order_id="902-1106328-1059050"))
    assert unknown.value.code == "not_found"


@pytest.mark.parametrize(
    "change",
    [
        {"package_number": 0},
        {"lines": ()},
        {"lines": (DispatchLine("1", 0),)},
        {"lines": (DispatchLine("1", 1), DispatchLine("1", 2))},
        {"shipped_at": datetime(2026, 1, 1)},  # noqa: DTZ001  that is the case
    ],
)
def test_a_dispatch_is_never_half_of_one(change: dict[str, Any], account: Account) -> None:
    with pytest.raises(ValueError, match=r"package|aware"):
        dispatch_of(order_of(account), **change)
