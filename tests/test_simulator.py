"""The simulator itself, over real HTTP: does it answer as Amazon's models and documentation say?"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import FrameType
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from simulator import AWKWARD_SKUS, CANARY, Account, Canned, RecordedRequest, Simulator, StaticSandbox
from simulator.reports import BY_UPDATE, DOCUMENTS_PATH, REPORTS_PATH
from simulator.scenes import Scene, scene_of

pytestmark = pytest.mark.own_database

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT.parent / "shared" / "spapi-models"
US, JP, DE, GB = "ATVPDKIKX0DER", "A1VC38T7YXB528", "A1PA6795UKMFR9", "A1F83G8C2ARO7P"
ALL_SETS = "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT"
SEARCH = "/orders/2026-01-01/orders"
SUMMARIES = "/fba/inventory/v1/summaries"
PARTICIPATIONS = "/sellers/v1/marketplaceParticipations"
END = datetime(2026, 6, 1, 12, 0, 0, 123000, tzinfo=UTC)
NOW = END + timedelta(minutes=5)
SINCE = "2026-01-01T00:00:00Z"
Json = dict[str, Any]


class Client:
    """A client that knows nothing of the simulator's inside."""

    def __init__(self, simulator: Simulator | StaticSandbox, refresh_token: str = "Atzr|sim") -> None:
        self.simulator = simulator
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        form |= {"client_id": "amzn1.application-oa2-client.sim", "client_secret": "sim-secret"}
        self.token = token_call(simulator, form)[1]["access_token"]

    def get(self, path: str, params: dict[str, str] | None = None, **headers: str) -> tuple[int, Json]:
        status, body, _ = self.raw(path, params, **headers)
        return status, json.loads(body)

    def raw(self, path: str, params: dict[str, str] | None = None, **headers: str) -> tuple[int, bytes, Any]:
        url = self.simulator.endpoint + path + ("?" + urllib.parse.urlencode(params) if params else "")
        method = headers.pop("method", "GET")
        sent = {"x-amz-access-token": self.token, "User-Agent": "tests/1 (Language=Python)"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return fetch(urllib.request.Request(url, headers=sent, method=method))

    def search(self, **params: str) -> tuple[int, Json]:
        return self.get(
            SEARCH, {"lastUpdatedAfter": SINCE} | params if "createdAfter" not in params else params
        )

    def all_pages(self, **params: str) -> list[Json]:
        """The pages of a search."""
        pages = [ok(self.search(**params))]
        while "pagination" in pages[-1]:
            token = pages[-1]["pagination"]["nextToken"]
            pages.append(ok(self.search(**params, paginationToken=token)))
        return pages

    def stock(self, **params: str) -> tuple[int, Json]:
        base = {
            "granularityType": "Marketplace",
            "granularityId": US,
            "marketplaceIds": US,
            "details": "true",
        }
        return self.get(SUMMARIES, base | params)

    def sweep(self, **params: str) -> list[Json]:
        pages = [ok(self.stock(**params))]
        while "pagination" in pages[-1]:
            pages.append(ok(self.stock(**params, nextToken=pages[-1]["pagination"]["nextToken"])))
        return pages


def fetch(request: urllib.request.Request) -> tuple[int, bytes, Any]:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def token_call(simulator: Simulator | StaticSandbox, form: dict[str, str]) -> tuple[int, Json]:
    data = urllib.parse.urlencode(form).encode()
    status, body, _ = fetch(urllib.request.Request(simulator.lwa_endpoint, data=data, method="POST"))
    return status, json.loads(body)


def ok(answer: tuple[int, Json]) -> Json:
    assert answer[0] == 200, answer[1]
    return answer[1]


def error_of(answer: tuple[int, Json]) -> tuple[int, str, str]:
    (error,) = answer[1]["errors"]
    return answer[0], error["code"], error["details"]


class Clock:
    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(orders=230, skus=130, marketplace_ids=(US, JP, DE), end=END)


@pytest.fixture
def sim(account: Account, clock: Clock) -> Iterator[Simulator]:
    with Simulator(account, clock=clock) as running:
        yield running


@pytest.fixture
def client(sim: Simulator) -> Client:
    return Client(sim)


def validator(model_name: str, definition: str, open_enums: bool = False) -> jsonschema.Draft4Validator:
    """A validator for one definition of one of Amazon's swagger models."""
    path = MODELS / model_name
    if not path.exists():
        pytest.skip(f"Amazon's model is not here: {path}")
    model = json.loads(path.read_text(encoding="utf-8"))
    if open_enums:
        del model["definitions"]["FulfillmentStatus"]["enum"]
    return jsonschema.Draft4Validator(
        {**model["definitions"][definition], "definitions": model["definitions"]}
    )


# --- the answers have the shape of Amazon's models


def test_it_answers_searches_in_the_models_shape(client: Client) -> None:
    # One anomaly breaks the model on purpose: the status that the model does not list.
    check = validator("orders_2026-01-01.json", "SearchOrdersResponse", open_enums=True)
    strict = validator("orders_2026-01-01.json", "Order")
    for page in client.all_pages(includedData=ALL_SETS):
        check.validate(page)
        for order in page["orders"]:
            if order["fulfillment"]["fulfillmentStatus"] != "INVOICE_UNCONFIRMED":
                strict.validate(order)


def test_it_answers_single_orders_in_the_models_shape(client: Client, account: Account) -> None:
    check = validator("orders_2026-01-01.json", "GetOrderResponse", open_enums=True)
    for external_id in account.order_ids()[:60]:
        document = ok(client.get(f"{SEARCH}/{external_id}", {"includedData": ALL_SETS}))
        check.validate(document)
        assert document["order"]["orderId"] == external_id


@pytest.mark.parametrize("details", ["true", "false"])
def test_it_answers_stock_in_the_models_shape(client: Client, details: str) -> None:
    check = validator("fbaInventory.json", "GetInventorySummariesResponse")
    for page in client.sweep(details=details):
        check.validate(page)
        for row in page["payload"]["inventorySummaries"]:
            assert ("inventoryDetails" in row) == (details == "true")


def test_it_tells_where_a_seller_takes_part_in_the_models_shape(clock: Clock) -> None:
    account = Account(orders=0, marketplace_ids=(DE,), former=(US,), suspended=(DE,), end=END)
    with Simulator(account, clock=clock) as sim:
        document = ok(Client(sim).get(PARTICIPATIONS))
    validator("sellers.json", "GetMarketplaceParticipationsResponse").validate(document)
    assert [(each["marketplace"]["id"], each["participation"]) for each in document["payload"]] == [
        (DE, {"isParticipating": True, "hasSuspendedListings": True}),
        (US, {"isParticipating": False, "hasSuspendedListings": False}),
    ]


def test_it_makes_reports_in_the_models_shape(clock: Clock) -> None:
    account = Account(orders=40, marketplace_ids=(US, JP), end=END)
    sent = {"reportType": BY_UPDATE, "marketplaceIds": [US], "dataStartTime": END - timedelta(days=30)}
    with Simulator(account, clock=clock) as sim:
        client = Client(sim)

        def create(**changes: Any) -> tuple[int, Json]:
            body = json.dumps({**sent, "dataEndTime": END, **changes}, default=datetime.isoformat).encode()
            headers = {"x-amz-access-token": client.token, "User-Agent": "tests/1"}
            request = urllib.request.Request(f"{sim.endpoint}{REPORTS_PATH}", body, headers, method="POST")
            status, answer, _ = fetch(request)
            return status, json.loads(answer)

        status, created = create()
        assert status == 202
        validator("reports_2021-06-30.json", "CreateReportResponse").validate(created)
        report = ok(client.get(f"{REPORTS_PATH}/{created['reportId']}"))
        validator("reports_2021-06-30.json", "Report").validate(report)
        listed = ok(client.get(REPORTS_PATH, {"reportTypes": BY_UPDATE}))
        validator("reports_2021-06-30.json", "GetReportsResponse").validate(listed)
        assert listed["reports"] == [report]
        document = ok(client.get(f"{DOCUMENTS_PATH}/{report['reportDocumentId']}"))
        validator("reports_2021-06-30.json", "ReportDocument").validate(document)
        assert fetch(urllib.request.Request(document["url"]))[0] == 200
        assert fetch(urllib.request.Request(document["url"], headers={"x-amz-access-token": "t"}))[0] == 400
        clock.now += 360
        assert fetch(urllib.request.Request(document["url"]))[0] == 403

        odd: tuple[Json, ...] = (
            {"reportType": "GET_NOTHING"},
            {"marketplaceIds": []},
            {"marketplaceIds": [US] * 26},
            {"dataEndTime": END + timedelta(days=1)},
            {"dataStartTime": END, "dataEndTime": END - timedelta(days=1)},
            {"dataStartTime": "yesterday"},
            {"colour": "blue"},
        )
        for changes in odd:
            assert error_of(create(**changes))[0] == 400, changes
        assert error_of(create(marketplaceIds=[DE]))[0] == 403
        assert error_of(client.get(REPORTS_PATH))[0] == 400
        assert error_of(client.get(REPORTS_PATH, {"nextToken": "x"}))[0] == 400
        assert error_of(client.get(f"{REPORTS_PATH}/{created['reportId']}", method="POST"))[0] == 405
        assert error_of(client.get(f"{DOCUMENTS_PATH}/unknown"))[0] == 404


def test_it_refuses_a_data_set_that_the_role_does_not_cover(clock: Clock) -> None:
    with Simulator(Account(orders=1, end=END, refused_data=["BUYER"]), clock=clock) as sim:
        client = Client(sim)
        assert error_of(client.search(includedData="PROCEEDS,BUYER"))[0] == 403
        [order] = ok(client.search(includedData="PROCEEDS"))["orders"]
        assert error_of(client.get(f"{SEARCH}/{order['orderId']}", {"includedData": "BUYER"}))[0] == 403


def test_it_refuses_a_data_set_without_naming_it_and_a_marketplace_where_it_sells(clock: Clock) -> None:
    account = Account(orders=1, end=END, marketplace_ids=(US, JP), unnamed_data=["TAX"], denied=[JP])
    with Simulator(account, clock=clock) as sim:
        client = Client(sim)
        refused = client.search(includedData="TAX", marketplaceIds=US)
        assert (error_of(refused)[0], "TAX" in str(refused)) == (400, False)
        assert ok(client.search(includedData="PROCEEDS", marketplaceIds=US))
        assert error_of(client.search(marketplaceIds=f"{US},{JP}"))[0] == 403
        assert error_of(client.stock(marketplaceIds=JP, granularityId=JP))[0] == 403
        account.denied = frozenset()
        assert ok(client.search(marketplaceIds=f"{US},{JP}"))


def test_it_refuses_in_the_models_shape(client: Client) -> None:
    orders = validator("orders_2026-01-01.json", "ErrorList")
    orders.validate(client.search(lastUpdatedAfter="yesterday")[1])
    orders.validate(client.get(f"{SEARCH}/111-0000000-0000000")[1])
    stock = validator("fbaInventory.json", "GetInventorySummariesResponse")
    stock.validate(client.stock(details="maybe")[1])


# --- from page to page


@pytest.mark.parametrize("size", ["100", "7", "1"])
def test_it_gives_every_order_once(client: Client, account: Account, size: str) -> None:
    pages = client.all_pages(maxResultsPerPage=size)
    found = [order["orderId"] for page in pages for order in page["orders"]]
    assert Counter(found) == Counter(account.order_ids())
    assert {len(page["orders"]) for page in pages[:-1]} == {int(size)}


def test_it_orders_oldest_first(client: Client) -> None:
    by_update = [parse(order["lastUpdatedTime"]) for page in client.all_pages() for order in page["orders"]]
    assert by_update == sorted(by_update)
    assert by_update[0] >= END - timedelta(days=20)
    assert by_update[-1] <= END
    by_creation = [
        parse(order["createdTime"])
        for page in client.all_pages(createdAfter=SINCE)
        for order in page["orders"]
    ]
    assert by_creation == sorted(by_creation)
    assert len(by_creation) == 230


def test_it_includes_both_ends_of_the_window(client: Client, account: Account) -> None:
    truth = account.truth_orders()
    times = sorted({order["platform_updated_at"] for order in truth.values()})
    low, high = times[40], times[80]
    page = ok(client.search(lastUpdatedAfter=iso(low), lastUpdatedBefore=iso(high)))
    expected = {key for key, order in truth.items() if low <= order["platform_updated_at"] <= high}
    assert {order["orderId"] for order in page["orders"]} == expected
    assert parse(page["lastUpdatedBefore"]) == high
    above = iso(high + timedelta(milliseconds=1))
    later = client.all_pages(lastUpdatedAfter=above)
    assert not expected & {order["orderId"] for page in later for order in page["orders"]}


def test_it_echoes_the_end_of_the_first_page_on_every_page(client: Client, clock: Clock) -> None:
    first = ok(client.search(maxResultsPerPage="100"))
    clock.now += 3000
    second = ok(client.search(maxResultsPerPage="100", paginationToken=first["pagination"]["nextToken"]))
    assert first["lastUpdatedBefore"] == second["lastUpdatedBefore"] == iso(NOW - timedelta(minutes=2))
    assert "createdBefore" in ok(client.search(createdAfter=SINCE))


def test_it_filters_by_marketplace_but_keeps_orders_from_outside(client: Client, account: Account) -> None:
    found = {o["orderId"] for page in client.all_pages(marketplaceIds=f"{JP},{DE}") for o in page["orders"]}
    truth = account.truth_orders()
    expected = {key for key, order in truth.items() if order["marketplace_id"] != US}
    assert found == expected
    assert any(key.startswith("S01-") for key in found)


def test_it_filters_by_status_and_fulfiller(client: Client, account: Account) -> None:
    found = [
        o
        for page in client.all_pages(fulfillmentStatuses="UNSHIPPED,PENDING", fulfilledBy="MERCHANT")
        for o in page["orders"]
    ]
    truth = account.truth_orders()
    expected = {
        key
        for key, order in truth.items()
        if order["platform_status"] in ("UNSHIPPED", "PENDING") and order["fulfilled_by"] == "merchant"
    }
    assert {order["orderId"] for order in found} == expected


def test_it_makes_small_pages_on_demand(account: Account, clock: Clock) -> None:
    with Simulator(account, clock=clock, page_size=9) as sim:
        client = Client(sim)
        assert len(ok(client.search())["orders"]) == 9
        assert len(ok(client.stock())["payload"]["inventorySummaries"]) == 9


def test_it_sends_only_the_data_sets_that_were_asked_for(client: Client, account: Account) -> None:
    always = {"orderId", "orderAliases", "createdTime", "lastUpdatedTime", "programs", "associatedOrders"}
    always |= {"salesChannel", "orderItems", "simulatorFutureField"}
    item_always = {"orderItemId", "quantityOrdered", "product", "programs", "simulatorFutureField"}
    item_always |= {"associatedOrderItems"}
    for page in client.all_pages():
        for order in page["orders"]:
            assert set(order) <= always
            assert all(set(item) <= item_always for item in order["orderItems"])
    shipped = ok(client.search(includedData="FULFILLMENT,PROCEEDS"))["orders"]
    assert all(
        "fulfillment" in order and "buyer" not in order and "recipient" not in order for order in shipped
    )


# --- the rules for parameters


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lastUpdatedAfter": SINCE, "createdAfter": SINCE},
        {"lastUpdatedAfter": SINCE, "createdBefore": "2026-05-01T00:00:00Z"},
        {"createdAfter": SINCE, "lastUpdatedBefore": "2026-05-01T00:00:00Z"},
        {"lastUpdatedBefore": "2026-05-01T00:00:00Z"},
        {"lastUpdatedAfter": "2026-05-02T00:00:00Z", "lastUpdatedBefore": "2026-05-01T00:00:00Z"},
        {"lastUpdatedAfter": SINCE, "lastUpdatedBefore": "2026-06-01T12:03:01Z"},
        {"lastUpdatedAfter": "2026-01-01 00:00:00+00:00"},
        {"lastUpdatedAfter": "2026-01-01T00:00:00"},
        {"lastUpdatedAfter": "2026-13-01T00:00:00Z"},
        {"lastUpdatedAfter": "1767225600"},
        {"lastUpdatedAfter": ""},
        {"lastUpdatedAfter": SINCE, "maxResultsPerPage": "0"},
        {"lastUpdatedAfter": SINCE, "maxResultsPerPage": "101"},
        {"lastUpdatedAfter": SINCE, "maxResultsPerPage": "ten"},
        {"lastUpdatedAfter": SINCE, "marketplaceIds": ",".join([US] * 51)},
        {"lastUpdatedAfter": SINCE, "marketplaceIds": ""},
        {"lastUpdatedAfter": SINCE, "includedData": "FULFILLMENT,GOSSIP"},
        {"lastUpdatedAfter": SINCE, "includedData": ""},
        {"lastUpdatedAfter": SINCE, "fulfillmentStatuses": "Shipped"},
        {"lastUpdatedAfter": SINCE, "fulfilledBy": "AFN"},
        {"lastUpdatedAfter": SINCE, "MarketplaceIds": US},
        {"lastUpdatedAfter": SINCE, "paginationToken": ""},
        {"lastUpdatedAfter": SINCE, "paginationToken": "2YgYW55IGNhcm5hbCBwbGVhc3VyZS4="},
    ],
)
def test_it_refuses_wrong_searches(client: Client, params: dict[str, str]) -> None:
    status, code, details = error_of(client.get(SEARCH, params))
    assert (status, code) == (400, "InvalidInput")
    assert details


@pytest.mark.parametrize("ahead", [-3600, 0, 90])
def test_its_date_and_its_two_minutes_go_by_its_clock(sim: Simulator, client: Client, ahead: int) -> None:
    sim.set_clock(ahead)
    youngest = NOW + timedelta(seconds=ahead, minutes=-2)
    within, beyond = (
        {"lastUpdatedAfter": SINCE, "lastUpdatedBefore": iso(youngest + timedelta(seconds=late))}
        for late in (0, 1)
    )
    status, _body, headers = client.raw(SEARCH, within)
    told = parsedate_to_datetime(headers["Date"])
    assert (status, told) == (200, NOW.replace(microsecond=0) + timedelta(seconds=ahead))
    assert client.get(SEARCH, beyond)[0] == 400


def test_it_accepts_a_window_that_ends_exactly_two_minutes_ago(client: Client) -> None:
    ok(client.search(lastUpdatedBefore=iso(NOW - timedelta(minutes=2))))
    ok(client.search(lastUpdatedAfter="2026-05-01T02:00:00+02:00", lastUpdatedBefore="2026-05-01T00:00:00Z"))


@pytest.mark.parametrize(
    "params",
    [
        {"granularityType": "Country"},
        {"granularityId": ""},
        {"marketplaceIds": f"{US},{JP}"},
        {"granularityId": JP},
        {"details": "True"},
        {"sellerSkus": ",".join(f"SKU-{n}" for n in range(51))},
        {"startDateTime": "last week"},
        {"startDateTime": "2024-06-01T00:00:00Z"},
        {"nextToken": "nonsense"},
        {"marketplace_ids": US},
    ],
)
def test_it_refuses_wrong_stock_queries(client: Client, params: dict[str, str]) -> None:
    assert error_of(client.stock(**params))[:2] == (400, "InvalidInput")


def test_it_refuses_a_marketplace_without_participation(client: Client) -> None:
    assert error_of(client.search(marketplaceIds=f"{US},{GB}"))[:2] == (403, "Unauthorized")
    assert error_of(client.stock(granularityId=GB, marketplaceIds=GB))[:2] == (403, "Unauthorized")


def test_it_refuses_a_parameter_given_twice(client: Client) -> None:
    assert client.get(f"{SEARCH}?lastUpdatedAfter={SINCE}&includedData=TAX&includedData=BUYER")[0] == 400


def test_it_wants_the_page_token_with_the_same_parameters(client: Client) -> None:
    token = ok(client.search(includedData="TAX", marketplaceIds=US, maxResultsPerPage="5"))["pagination"][
        "nextToken"
    ]
    again = {"includedData": "TAX", "marketplaceIds": US, "paginationToken": token}
    assert len(ok(client.search(**again, maxResultsPerPage="3"))["orders"]) == 3
    assert client.search(**(again | {"includedData": "BUYER"}))[0] == 400
    assert client.search(marketplaceIds=US, paginationToken=token)[0] == 400
    assert client.search(**again, lastUpdatedAfter="2026-01-02T00:00:00Z")[0] == 400


def test_it_lets_order_page_tokens_expire_after_a_day(client: Client, clock: Clock) -> None:
    token = ok(client.search())["pagination"]["nextToken"]
    clock.now += 86399
    client.token = Client(client.simulator).token
    ok(client.search(paginationToken=token))
    clock.now += 1
    assert error_of(client.search(paginationToken=token)) == (
        400,
        "InvalidInput",
        "paginationToken has expired.",
    )


def test_it_lets_stock_page_tokens_expire_after_30_seconds(client: Client, clock: Clock) -> None:
    token = ok(client.stock())["pagination"]["nextToken"]
    clock.now += 29
    ok(client.stock(nextToken=token))
    assert client.stock(nextToken=token, details="false")[0] == 400
    clock.now += 1
    assert error_of(client.stock(nextToken=token)) == (400, "InvalidInput", "nextToken has expired.")


def test_it_does_not_know_foreign_orders(client: Client) -> None:
    for external_id in ("111-0000000-0000000", "nonsense", "S01-1234567-1234567"):
        status, body, headers = client.raw(f"{SEARCH}/{external_id}")
        assert (status, json.loads(body)["errors"][0]["code"]) == (404, "NotFound")
        assert headers["x-amzn-RateLimit-Limit"] == "0.5"


# --- stock


def test_it_sweeps_every_row_once_and_truly(client: Client, account: Account) -> None:
    rows = [row for page in client.sweep() for row in page["payload"]["inventorySummaries"]]
    truth = {key: row for key, row in account.truth_inventory().items() if key[0] == US}
    assert {(US, row["sellerSku"], row["fnSku"]) for row in rows} == truth.keys()
    assert len(rows) == len(truth) > 130
    for row in rows:
        expected, details = truth[US, row["sellerSku"], row["fnSku"]], row["inventoryDetails"]
        reserved, lost = details["reservedQuantity"], details["researchingQuantity"]
        inbound = sum(details[f"inbound{step}Quantity"] for step in ("Working", "Shipped", "Receiving"))
        assert expected == {
            "marketplace_id": US,
            "sku": row["sellerSku"],
            "asin": row["asin"],
            "fnsku": row["fnSku"],
            "title": row.get("productName", ""),
            "condition": row["condition"],
            "total": row["totalQuantity"],
            "available": details["fulfillableQuantity"],
            "reserved": reserved["totalReservedQuantity"],
            "inbound": inbound,
            "unfulfillable": details["unfulfillableQuantity"]["totalUnfulfillableQuantity"],
            "researching": lost["totalResearchingQuantity"],
            "details": kinds(details),
            "platform_updated_at": parse(row["lastUpdatedTime"]) if row.get("lastUpdatedTime") else None,
        }


def kinds(details: Json) -> Json:
    reserved, damaged = details["reservedQuantity"], details["unfulfillableQuantity"]
    lost = {
        entry["name"]: entry["quantity"]
        for entry in details["researchingQuantity"]["researchingQuantityBreakdown"]
    }
    return {
        "inbound": {
            step: details[f"inbound{step.title()}Quantity"] for step in ("working", "shipped", "receiving")
        },
        "reserved": {
            "pending_customer_order": reserved["pendingCustomerOrderQuantity"],
            "pending_transshipment": reserved["pendingTransshipmentQuantity"],
            "fc_processing": reserved["fcProcessingQuantity"],
        },
        "researching": {
            f"{term.lower()}_term": lost[f"researchingQuantityIn{term}Term"]
            for term in ("Short", "Mid", "Long")
        },
        "unfulfillable": {
            **{
                f"{who}_damaged": damaged[f"{who}DamagedQuantity"]
                for who in ("customer", "warehouse", "distributor", "carrier")
            },
            "defective": damaged["defectiveQuantity"],
            "expired": damaged["expiredQuantity"],
        },
    }


def test_it_finds_stock_by_sku(client: Client) -> None:
    def skus(**params: str) -> list[str]:
        return sorted(row["sellerSku"] for row in ok(client.stock(**params))["payload"]["inventorySummaries"])

    assert skus(sellerSkus="Case-1,HASH#SKU,no such") == ["Case-1", "HASH#SKU"]
    assert skus(sellerSku="COMMA,SKU") == ["COMMA,SKU"]
    assert skus(sellerSkus="COMMA,SKU") == ["COMMA"]
    for sku in AWKWARD_SKUS:
        assert set(skus(sellerSku=sku)) == {sku}


def test_it_finds_stock_that_changed(client: Client, account: Account) -> None:
    since = END - timedelta(days=30)
    found = [
        r for page in client.sweep(startDateTime=iso(since)) for r in page["payload"]["inventorySummaries"]
    ]
    rows = [row for key, row in account.truth_inventory().items() if key[0] == US]
    changed = [row for row in rows if row["platform_updated_at"] and row["platform_updated_at"] >= since]
    assert len(found) == len(changed) < len(rows)


def test_it_refuses_stock_of_a_seller_without_fba(clock: Clock) -> None:
    account = Account(orders=1, skus=1, end=END, fba=False)
    with Simulator(account, clock=clock) as sim:
        assert error_of(Client(sim).stock())[:2] == (400, "InvalidInput")
    assert account.truth_inventory() == {}


def test_its_stock_holds_the_anomalies(client: Client, account: Account) -> None:
    rows = [row for page in client.sweep() for row in page["payload"]["inventorySummaries"]]
    assert any("lastUpdatedTime" not in row for row in rows)
    assert any(row.get("lastUpdatedTime") == "" for row in rows)
    assert any(row["totalQuantity"] == 0 and row.get("lastUpdatedTime") for row in rows)
    twice = [sku for sku, count in Counter(row["sellerSku"] for row in rows).items() if count == 2]
    assert twice
    assert set(AWKWARD_SKUS) <= {row["sellerSku"] for row in rows}
    assert len({row["condition"] for row in rows}) > 1


# --- Login with Amazon, access tokens, headers


FORM = {
    "grant_type": "refresh_token",
    "refresh_token": "Atzr|sim",
    "client_id": "amzn1.application-oa2-client.sim",
    "client_secret": "sim-secret",
}


def test_it_grants_access_tokens(sim: Simulator) -> None:
    status, answer = token_call(sim, FORM)
    assert status == 200
    assert answer.pop("access_token").startswith("Atza|")
    assert answer == {"token_type": "bearer", "expires_in": 3600, "refresh_token": "Atzr|sim"}


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "other"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"refresh_token": "Atzr|other"}, 400, "invalid_grant"),
        ({"refresh_token": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
def test_it_refuses_wrong_credentials(
    sim: Simulator, change: dict[str, str], status: int, error: str
) -> None:
    answer = token_call(sim, FORM | change)
    assert (answer[0], answer[1]["error"]) == (status, error)


def test_it_wants_a_form_by_post(sim: Simulator) -> None:
    assert fetch(urllib.request.Request(sim.lwa_endpoint))[0] == 405
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(sim.lwa_endpoint, data=json.dumps(FORM).encode(), headers=headers)
    assert fetch(request)[0] == 400


def test_it_tells_expired_tokens_from_wrong_ones(sim: Simulator, client: Client, clock: Clock) -> None:
    expired = (403, "Unauthorized", "The access token you provided has expired.")
    wrong = (403, "Unauthorized", "The access token you provided is revoked, malformed or invalid.")
    sim.expire_tokens()
    assert error_of(client.search()) == expired
    client.token = "Atza|other"
    assert error_of(client.search()) == wrong
    client.token = ""
    assert error_of(client.stock()) == wrong
    client = Client(sim)
    ok(client.search())
    clock.now += 3600
    assert error_of(client.search()) == expired


def test_it_serves_several_accounts(clock: Clock) -> None:
    one = Account(seed=1, orders=3, skus=2, end=END)
    two = Account(seed=2, orders=4, skus=2, end=END, marketplace_ids=(DE,), refresh_token="Atzr|two")
    with Simulator(one, two, clock=clock) as sim:
        for account in (one, two):
            page = ok(Client(sim, account.refresh_token).search())
            assert [order["orderId"] for order in page["orders"]] == account.order_ids()
    with pytest.raises(ValueError, match="refresh tokens"):
        Simulator(one, one)


def test_it_sends_amazons_headers(sim: Simulator, client: Client) -> None:
    seen = set()
    for path, params, limit in (
        (SEARCH, {"lastUpdatedAfter": SINCE}, "0.0056"),
        (SEARCH, {}, "0.0056"),
        (SUMMARIES, {}, "2.0"),
    ):
        _, _, headers = client.raw(path, params)
        assert headers["x-amzn-RateLimit-Limit"] == limit
        assert headers["Content-Type"] == "application/json"
        seen.add(headers["x-amzn-RequestId"])
    sim.expire_tokens()
    status, _, headers = client.raw(SEARCH)
    assert (status, headers["x-amzn-RateLimit-Limit"]) == (403, None)
    assert headers["x-amzn-RequestId"]
    assert len(seen) == 3


def test_it_wants_a_user_agent_and_get(client: Client) -> None:
    for agent in (" ", "x" * 501):
        assert error_of(client.get(SEARCH, {"lastUpdatedAfter": SINCE}, User_Agent=agent))[0] == 400
    assert client.raw(SEARCH, method="POST")[0] == 405
    assert client.raw(SEARCH, method="DELETE")[0] == 405
    assert error_of(client.get("/orders/v0/orders"))[:2] == (403, "MissingAuthenticationToken")


def test_it_keeps_connections_alive(sim: Simulator, client: Client) -> None:
    host = sim.endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60)
    sockets = set()
    for _ in range(3):
        connection.request("GET", SEARCH, headers={"x-amz-access-token": client.token, "User-Agent": "t"})
        connection.getresponse().read()
        sockets.add(connection.sock)
    assert len(sockets) == 1
    connection.close()


def test_it_records_what_was_asked(sim: Simulator, client: Client, account: Account) -> None:
    client.stock(sellerSku="SPACE IN SKU")
    client.get(f"{SEARCH}/{account.order_ids()[0]}", {"includedData": "TAX"})
    client.search(includedData="NO")
    params = {"granularityType": "Marketplace", "granularityId": US, "marketplaceIds": US, "details": "true"}
    assert sim.requests[1] == RecordedRequest(
        "getInventorySummaries", SUMMARIES, params | {"sellerSku": "SPACE IN SKU"}, 200
    )
    assert [(r.operation, r.status) for r in sim.requests[2:]] == [("getOrder", 200), ("searchOrders", 400)]
    assert sim.calls == {"token": 1, "getInventorySummaries": 1, "getOrder": 1, "searchOrders": 1}


# --- canned answers


def test_it_gives_canned_answers_first(sim: Simulator, client: Client) -> None:
    sim.script("searchOrders", Canned(status=503, body=b"<html>Busy</html>"), Canned(status=429, body=b"{}"))
    sim.script("token", Canned(status=500, body=b"oops"))
    status, body, headers = client.raw(SEARCH, {"lastUpdatedAfter": SINCE})
    assert (status, body, headers["Content-Type"]) == (503, b"<html>Busy</html>", "text/html")
    assert headers["x-amzn-RequestId"]
    assert headers["x-amzn-RateLimit-Limit"] is None
    assert client.raw(SEARCH, {"lastUpdatedAfter": SINCE})[0] == 429
    assert client.search()[0] == 200
    assert fetch(urllib.request.Request(sim.lwa_endpoint, data=b""))[0] == 500
    with pytest.raises(ValueError, match="getOrders"):
        sim.script("getOrders", Canned())


def test_it_cuts_bodies_short(sim: Simulator, client: Client) -> None:
    sim.script("searchOrders", Canned(status=200, body=b'{"orders": []}', cut=5))
    with pytest.raises(http.client.IncompleteRead) as caught:
        client.search()
    assert caught.value.partial == b'{"ord'


def test_it_resets_connections(sim: Simulator, client: Client) -> None:
    sim.script("searchOrders", Canned(reset=True))
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        client.search()
    assert sim.requests[-1].status == 0
    assert client.search()[0] == 200


def test_it_delays_answers_but_not_its_own_end(account: Account, clock: Clock) -> None:
    with Simulator(account, clock=clock) as sim:
        client = Client(sim)
        sim.script("searchOrders", Canned(status=200, body=b"{}", delay=0.2), Canned(delay=600))
        started = time.monotonic()
        client.raw(SEARCH)
        assert time.monotonic() - started >= 0.2
        connection = http.client.HTTPConnection(sim.endpoint.removeprefix("http://"))
        connection.request("GET", SEARCH)
        while sim.calls["searchOrders"] < 2:
            time.sleep(0.01)
        started = time.monotonic()
    assert time.monotonic() - started < 60
    connection.close()


# --- the data: truth, determinism, anomalies


def parse(text: str) -> datetime:
    """Amazon's two forms of time, by hand."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", text), text
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def money(node: Json | None) -> Decimal | None:
    return None if node is None else Decimal(node["amount"])


def latest(window: Json | None) -> datetime | None:
    return parse(window["latestDateTime"]) if window and window["latestDateTime"] else None


STATUSES = {
    "PENDING": "pending",
    "PENDING_AVAILABILITY": "pending",
    "UNSHIPPED": "unshipped",
    "PARTIALLY_SHIPPED": "partially_shipped",
    "SHIPPED": "shipped",
    "CANCELLED": "cancelled",
    "UNFULFILLABLE": "unfulfillable",
}


def unify(order: Json) -> Json:
    """An order as it should be understood, written without looking at simulator/truth.py."""
    fulfillment = order["fulfillment"]
    total = order.get("proceeds", {}).get("grandTotal")
    replaced = [link["orderId"] for link in order.get("associatedOrders", [])]
    requests = [item.get("cancellation", {}).get("cancellationRequest", {}) for item in order["orderItems"]]
    taxes = {part["type"]: part["subtotal"] for part in order.get("proceeds", {}).get("breakdowns", [])}
    return {
        "external_id": order["orderId"],
        "status": STATUSES.get(fulfillment["fulfillmentStatus"], "unknown"),
        "platform_status": fulfillment["fulfillmentStatus"],
        "purchased_at": parse(order["createdTime"]),
        "platform_updated_at": parse(order["lastUpdatedTime"]),
        "marketplace_id": order["salesChannel"].get("marketplaceId", ""),
        "fulfilled_by": {"MERCHANT": "merchant", "AMAZON": "platform"}.get(
            fulfillment.get("fulfilledBy"), ""
        ),
        "service_level": fulfillment.get("fulfillmentServiceLevel", ""),
        "ship_by": latest(fulfillment.get("shipByWindow")),
        "deliver_by": latest(fulfillment.get("deliverByWindow")),
        "currency": total["currencyCode"] if total else "",
        "total": money(total),
        "tax": money(taxes.get("TAX")),
        "invoice_status": order.get("tax", {}).get("taxInvoicing", {}).get("invoiceStatus"),
        "packages": [unify_package(package) for package in order.get("packages", [])],
        "programs": order.get("programs", []),
        "replaced_order_id": replaced[0] if replaced else "",
        "buyer_requested_cancellation": any(r.get("requester") == "BUYER" for r in requests),
        "items": [unify_item(item, fulfillment["fulfillmentStatus"]) for item in order["orderItems"]],
    }


def unify_package(package: Json) -> Json:
    return {
        "external_id": package["packageReferenceId"],
        "carrier": package["carrier"],
        "shipping_service": package["shippingService"],
        "tracking_number": package["trackingNumber"],
        "status": package["packageStatus"]["status"],
        "detailed_status": package["packageStatus"].get("detailedStatus", ""),
        "packed_at": parse(package["createdTime"]),
        "shipped_at": parse(package["shipTime"]),
        "contents": [
            {"item": entry["orderItemId"], "quantity": entry["quantity"]} for entry in package["packageItems"]
        ],
    }


def unify_item(item: Json, status: str) -> Json:
    product, proceeds = item["product"], item.get("proceeds", {})
    parts = {part["type"]: part["subtotal"] for part in proceeds.get("breakdowns", [])}
    unit = product.get("price", {}).get("unitPrice")
    collections = item.get("tax", {}).get("taxCollections", [])
    amounts = [node for node in (unit, proceeds.get("proceedsTotal")) if node]
    details = {
        detail["subtype"]: detail["value"]
        for part in proceeds.get("breakdowns", [])
        if part["type"] == "TAX"
        for detail in part.get("detailedBreakdowns", [])
    }
    return {
        "external_id": item["orderItemId"],
        "sku": product.get("sellerSku", ""),
        "asin": product.get("asin", ""),
        "title": product.get("title", ""),
        "quantity_ordered": item["quantityOrdered"],
        "quantity_shipped": item["fulfillment"].get("quantityFulfilled"),
        "quantity_left": 0 if status == "CANCELLED" else item["fulfillment"].get("quantityUnfulfilled"),
        "unit_price": money(unit),
        "total": money(proceeds.get("proceedsTotal")),
        "tax": money(parts.get("TAX")),
        "shipping": money(parts.get("SHIPPING")),
        "discount": money(parts.get("DISCOUNT")),
        "item_subtotal": money(parts.get("ITEM")),
        "other_charges": money(parts.get("GIFT_WRAP")),
        "item_tax": money(details.get("ITEM")),
        "shipping_tax": money(details.get("SHIPPING")),
        "gift_wrap_tax": money(details.get("GIFT_WRAP")),
        "discount_tax": money(details.get("DISCOUNT")),
        "currency": amounts[0]["currencyCode"] if amounts else "",
        "tax_model": collections[0]["model"] if collections else None,
        "tax_responsible_party": collections[0]["responsibleParty"] if collections else None,
        "tax_scheme": None,
    }


def test_the_truth_is_what_it_sends(client: Client, account: Account) -> None:
    sent = {
        o["orderId"]: unify(o) for page in client.all_pages(includedData=ALL_SETS) for o in page["orders"]
    }
    assert sent == account.truth_orders()


def test_it_is_deterministic(clock: Clock) -> None:
    def everything(seed: int) -> bytes:
        account = Account(seed=seed, orders=120, skus=60, end=END)
        with Simulator(account, clock=clock) as sim:
            client = Client(sim)
            first = client.raw(SEARCH, {"lastUpdatedAfter": SINCE, "includedData": ALL_SETS})[1]
            return first + json.dumps(client.sweep()).encode()

    assert everything(7) == everything(7)
    assert everything(7) != everything(8)


def test_it_makes_any_order_alone(account: Account) -> None:
    assert [account.order(n).external_id for n in (5, 229, 0)] == [
        account.order_ids()[n] for n in (5, 229, 0)
    ]
    assert len(set(Account(orders=20000).order_ids())) == 20000


def test_200_orders_hold_every_anomaly(clock: Clock) -> None:
    account = Account(orders=200, marketplace_ids=(US, JP), end=END)
    with Simulator(account, clock=clock) as sim:
        orders = [o for page in Client(sim).all_pages(includedData=ALL_SETS) for o in page["orders"]]
    truth = account.truth_orders().values()
    items = [item for order in truth for item in order["items"]]
    assert {scene_of(index) for index in range(200)} == set(Scene)
    assert {order["status"] for order in truth} == {*STATUSES.values(), "unknown"}
    assert any(order["status"] == "pending" and order["total"] is None for order in truth)
    assert any(order["status"] == "shipped" and order["total"] is None for order in truth)
    assert all(i["unit_price"] is None for o in truth if o["status"] == "pending" for i in o["items"])
    assert any(None not in (item["tax"], item["shipping"], item["discount"]) for item in items)
    assert any(item["tax"] is None and item["total"] for item in items)
    assert any(order["replaced_order_id"] and order["total"] == 0 for order in truth)
    assert any(order["external_id"].startswith("S01-") and not order["marketplace_id"] for order in truth)
    assert any(order["marketplace_id"] not in (US, JP, "") for order in truth)
    assert any(order["buyer_requested_cancellation"] and order["status"] == "unshipped" for order in truth)
    assert any(
        order["status"] == "cancelled" and not order["items"][0]["quantity_ordered"] for order in truth
    )
    assert any(
        order["status"] == "shipped" and order["items"][-1]["quantity_ordered"] == 0 for order in truth
    )
    assert any(order["currency"] not in ("USD", "JPY", "") for order in truth)
    assert {"EUR", "USD", "JPY"} <= {item["currency"] for item in items}
    assert all(item["total"] == int(item["total"]) for item in items if item["currency"] == "JPY")
    assert any(len(item["title"]) == 500 for item in items)
    assert any(item["external_id"].startswith("0") for item in items)
    assert any(not item["sku"] and not item["asin"] and not item["title"] for item in items)
    assert any(item["quantity_shipped"] is None for item in items)
    assert set(AWKWARD_SKUS) <= {item["sku"] for item in items}
    assert any(len({i["sku"] for i in order["items"]}) < len(order["items"]) for order in truth)
    assert len({item["external_id"] for item in items}) == len(items)
    assert 1.8 < len(items) / 200 < 2.5
    assert max(len(order["items"]) for order in truth) == 5
    assert any(order["purchased_at"] == order["platform_updated_at"] for order in truth)
    assert all(order["purchased_at"] <= order["platform_updated_at"] <= END for order in truth)
    times = Counter(order["platform_updated_at"] for order in truth)
    assert max(times.values()) > 1
    text = json.dumps(orders)
    for word in ("giftMessage", "customizedUrl", "cancelReason", "DELIVERY_TIP", "detailedBreakdowns"):
        assert f'"{word}"' in text
    for word in ("INVOICE_UNCONFIRMED", "HOLOGRAM_DELIVERY", "simulatorFutureField", "NON_AMAZON"):
        assert f'"{word}"' in text
    forms = {"." in order["lastUpdatedTime"] for order in orders}
    assert forms == {True, False}
    assert any("." in order["createdTime"] != "." in order["lastUpdatedTime"] for order in orders)


def test_personal_data_carries_the_canary(client: Client) -> None:
    named = {"buyerName", "buyerEmail", "giftMessage", "customizedUrl", "cancelReason", "phone", "postalCode"}
    named |= {"name", "addressLine1", "buyerCompanyName", "legalName", "taxRegistrationNumber"}
    seen: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in named:
                    assert CANARY in value, (key, value)
                    seen.add(key)
                visit(value)
        elif isinstance(node, list):
            for each in node:
                visit(each)

    visit(client.all_pages(includedData=ALL_SETS))
    assert seen == named
    plain = json.dumps(client.all_pages(includedData="PROCEEDS,PROMOTION,EXPENSE,PACKAGES"))
    assert set(re.findall(rf"{CANARY}-[A-Z]+", plain)) == {f"{CANARY}-CUSTOM"}


def test_sums_add_up_except_for_the_tip(account: Account) -> None:
    for order in account.truth_orders().values():
        if order["total"] is not None:
            difference = order["total"] - sum(item["total"] for item in order["items"])
            assert difference in (0, 5)


def test_items_add_up_in_what_it_sends(client: Client) -> None:
    kinds: set[str] = set()
    for page in client.all_pages(includedData="PROCEEDS"):
        for item in (item for order in page["orders"] for item in order["orderItems"]):
            parts = {part["type"]: Decimal(part["subtotal"]["amount"]) for part in breakdowns(item)}
            if parts:
                total = money(item["proceeds"]["proceedsTotal"])
                assert total == sum(parts.values()) - 2 * parts.get("DISCOUNT", 0)
                assert parts["ITEM"] == item["quantityOrdered"] * Decimal(
                    item["product"]["price"]["unitPrice"]["amount"]
                )
            for part in breakdowns(item):
                details = [
                    Decimal(detail["value"]["amount"]) for detail in part.get("detailedBreakdowns", [])
                ]
                assert not details or sum(details) == parts[part["type"]]
            kinds |= parts.keys()
    assert kinds == {"ITEM", "SHIPPING", "GIFT_WRAP", "TAX", "DISCOUNT"}


def breakdowns(item: Json) -> list[Json]:
    found: list[Json] = item.get("proceeds", {}).get("breakdowns", [])
    return found


def test_it_refuses_senseless_accounts() -> None:
    for arguments in ({"marketplace_ids": ("NOWHERE",)}, {"marketplace_ids": ()}, {"skus": 0}):
        with pytest.raises(ValueError, match=r"marketplace_ids|SKU"):
            Account(**arguments)
    with pytest.raises(ValueError, match="aware"):
        Account(end=datetime(2026, 1, 1))  # noqa: DTZ001


# --- the static sandbox


EIGHT = "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES"


@pytest.fixture
def sandbox() -> Iterator[StaticSandbox]:
    path = MODELS / "orders_2026-01-01.json"
    if not path.exists():
        pytest.skip(f"Amazon's model is not here: {path}")
    with StaticSandbox(path) as running:
        yield running


@pytest.mark.parametrize(
    ("path", "params", "external_id"),
    [
        (
            SEARCH,
            {"createdAfter": "2024-12-25T00:00:00Z", "marketplaceIds": JP, "includedData": EIGHT},
            "250-1234567-8901234",
        ),
        (
            SEARCH,
            {
                "createdAfter": "2024-12-23T00:00:00Z",
                "marketplaceIds": GB,
                "includedData": EIGHT,
                "paginationToken": "9ZhB4RmVyc2lvbiAxLjAgb2YgdGhl",
            },
            "202-7654321-1098765",
        ),
        (
            SEARCH,
            {
                "createdAfter": "2024-12-20T00:00:00Z",
                "marketplaceIds": "A2Q3Y263D00KWC",
                "includedData": "PAYMENT,TAX,FULFILLMENT,PROCEEDS,RECIPIENT,BUYER",
            },
            "171-2345678-9012345",
        ),
        (f"{SEARCH}/171-9876543-2109876", {"includedData": EIGHT}, "171-9876543-2109876"),
        (
            f"{SEARCH}/028-1234567-8901234",
            {"includedData": "BUYER,RECIPIENT,PROCEEDS,FULFILLMENT,TAX"},
            "028-1234567-8901234",
        ),
        (
            f"{SEARCH}/114-9876543-1234567",
            {"includedData": "RECIPIENT,PROCEEDS,FULFILLMENT"},
            "114-9876543-1234567",
        ),
    ],
)
def test_the_sandbox_plays_every_good_case(
    sandbox: StaticSandbox, path: str, params: dict[str, str], external_id: str
) -> None:
    answer = ok(Client(sandbox, "Atzr|any").get(path, params))
    order = answer["order"] if "order" in answer else answer["orders"][0]
    assert order["orderId"] == external_id


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (SEARCH, {"createdAfter": "TEST_CASE_400"}),
        (f"{SEARCH}/TEST_CASE_400", {}),
        (SEARCH, {"createdAfter": "2024-12-25T00:00:00Z", "marketplaceIds": JP}),
        (
            SEARCH,
            {
                "createdAfter": "2024-12-25T00:00:00Z",
                "marketplaceIds": JP,
                "includedData": EIGHT,
                "maxResultsPerPage": "100",
            },
        ),
        (SEARCH, {"lastUpdatedAfter": "2024-12-25T00:00:00Z"}),
    ],
)
def test_the_sandbox_refuses_all_else(sandbox: StaticSandbox, path: str, params: dict[str, str]) -> None:
    client = Client(sandbox, "Atzr|any")
    status, answer = client.get(path, params)
    assert (status, answer["errors"][0]["code"]) == (400, "InvalidInput")
    assert sandbox.requests[-1].status == 400
    assert sum(sandbox.calls.values()) == 2


def test_the_sandbox_wants_a_token(sandbox: StaticSandbox) -> None:
    client = Client(sandbox)
    client.token = "Atza|other"
    assert error_of(client.get(SEARCH, {"createdAfter": "TEST_CASE_400"}))[0] == 403


def test_the_sandbox_takes_given_refresh_tokens_only() -> None:
    path = MODELS / "orders_2026-01-01.json"
    if not path.exists():
        pytest.skip(f"Amazon's model is not here: {path}")
    with StaticSandbox(path, refresh_tokens=["Atzr|mine"]) as simulator:
        assert token_call(simulator, FORM)[1]["error"] == "invalid_grant"
        assert token_call(simulator, FORM | {"refresh_token": "Atzr|mine"})[0] == 200


# --- as a program, and fast enough


def test_it_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "simulator", "--orders", "20", "--port", "0", "--marketplace", DE]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        endpoint = next(line for line in lines if line.startswith("AMAZON_SP_API_ENDPOINT=")).split("=")[1]
        lwa = next(line for line in lines if line.startswith("AMAZON_LWA_ENDPOINT=")).split("=")[1].strip()
        assert lwa == endpoint.strip() + "/auth/o2/token"
        next(line for line in lines if line.startswith("{"))
        config = json.loads("{" + "".join(iter(lambda: next(lines), "}\n")) + "}")
        assert config["marketplace_id"] == DE
        assert config["region"] == "EU"
        data = urllib.parse.urlencode(FORM).encode()
        assert fetch(urllib.request.Request(lwa, data=data))[0] == 200
        process.terminate()
        assert "Stopped after 1 calls" in "".join(lines)
    assert process.returncode == 0


def calls_of_a_page(orders: int, clock: Clock) -> int:
    """How many functions the simulator calls to answer one page, once its index is built."""
    calls = Counter[str]()

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        calls[event] += 1

    with Simulator(Account(orders=orders, end=END), clock=clock) as sim:
        client = Client(sim)
        after = iso(END - timedelta(days=5))
        client.search(lastUpdatedAfter=after)  # builds the index
        threading.setprofile(count)  # of threads that begin from here on, such as the next request's
        try:
            client.raw(SEARCH, {"lastUpdatedAfter": after, "includedData": ALL_SETS})
        finally:
            threading.setprofile(None)
    return calls["call"]


def test_a_page_costs_as_much_work_whatever_the_number_of_orders(clock: Clock) -> None:
    few, many = calls_of_a_page(5_000, clock), calls_of_a_page(50_000, clock)
    assert few > 1000  # it was counted
    assert many < few * 1.3
