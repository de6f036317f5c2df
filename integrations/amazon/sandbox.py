"""Orders in Amazon's static sandbox, which answers to the exact parameters of its published cases and nothing else.

The cases are the x-amzn-api-sandbox entries of orders_2026-01-01.json, and of ordersV0.json for confirmShipment,
https://github.com/amzn/selling-partner-api-models
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from integrations.amazon import normalize
from integrations.protocol import Checkpoint, Note, OrderPage

if TYPE_CHECKING:
    from integrations.amazon.client import AmazonClient

EIGHT = ["BUYER", "RECIPIENT", "PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES"]

SEARCHES: tuple[dict[str, Any], ...] = (
    {"createdAfter": "2024-12-25T00:00:00Z", "marketplaceIds": ["A1VC38T7YXB528"], "includedData": EIGHT},
    {
        "createdAfter": "2024-12-23T00:00:00Z",
        "marketplaceIds": ["A1F83G8C2ARO7P"],
        "includedData": EIGHT,
        "paginationToken": "9ZhB4RmVyc2lvbiAxLjAgb2YgdGhl",
    },
    {
        "createdAfter": "2024-12-20T00:00:00Z",
        "marketplaceIds": ["A2Q3Y263D00KWC"],
        "includedData": ["BUYER", "RECIPIENT", "PROCEEDS", "FULFILLMENT", "TAX", "PAYMENT"],
    },
)
ORDERS: tuple[tuple[str, list[str]], ...] = (
    ("171-9876543-2109876", EIGHT),
    ("028-1234567-8901234", ["BUYER", "RECIPIENT", "PROCEEDS", "FULFILLMENT", "TAX"]),
    ("114-9876543-1234567", ["RECIPIENT", "PROCEEDS", "FULFILLMENT"]),
)
# The order and the body that confirmShipment answers with 204. It changes none of the orders above.
SHIPMENT: tuple[str, dict[str, Any]] = (
    "902-1106328-1059050",
    {
        "marketplaceId": "ATVPDKIKX0DER",
        "packageDetail": {
            "packageReferenceId": "1",
            "carrierCode": "FedEx",
            "carrierName": "FedEx",
            "shippingMethod": "FedEx Ground",
            "trackingNumber": "112345678",
            "shipDate": "2022-02-11T01:00:00.000Z",
            "shipFromSupplySourceId": "057d3fcc-b750-419f-bbcd-4d340c60c430",
            "orderItems": [
                {
                    "orderItemId": "79039765272157",
                    "quantity": 1,
                    "transparencyCodes": ["09876543211234567890"],
                }
            ],
        },
    },
)
NOTE = Note(
    "sandbox",
    "Amazon's sandbox answers with its six published example orders, whatever the window. They are no business data.",
)


def order_pages(client: "AmazonClient", checkpoint: Checkpoint) -> Iterator[OrderPage]:
    """One page for each published case. The checkpoint is {"case": number of cases done}."""
    cases = [_search(client, parameters) for parameters in SEARCHES]
    cases += [_order(client, order_id, datasets) for order_id, datasets in ORDERS]
    for position in range(checkpoint.get("case", 0), len(cases)):
        raws, datasets = cases[position]()
        records, failures = normalize.orders(raws, datasets)
        last = position + 1 == len(cases)
        yield OrderPage(
            records=records,
            failures=failures,
            next=None if last else {"case": position + 1},
            notes=(NOTE,) if last else (),
        )


Case = Callable[[], tuple[list[Any], list[str]]]


def _search(client: "AmazonClient", parameters: dict[str, Any]) -> Case:
    return lambda: (client.search_orders(**parameters)["orders"], parameters["includedData"])


def _order(client: "AmazonClient", order_id: str, datasets: list[str]) -> Case:
    return lambda: ([client.get_order(order_id, includedData=datasets)["order"]], datasets)
