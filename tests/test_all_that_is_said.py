"""What Amazon says of orders and stock, from its answer over HTTP to the pages, the REST API and the exports."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from api.tests.rest import superuser
from integrations.tests.syncing import Json, order_page, platform_of, raw_item, raw_order, sync
from orders.models import Order, OrderChange
from simulator import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

StartSimulator = Callable[..., Simulator]
ORDERS = "/admin/orders/order/"


def read(start_simulator: StartSimulator, *orders: Json, include_pii: bool = False) -> None:
    """Sync what Amazon answers, so often as there are orders: each is a later answer about the same order."""
    sim = start_simulator(orders=0)
    platform = platform_of(sim)
    platform.include_pii = include_pii
    platform.save()
    for order in orders:
        sim.script("searchOrders", order_page(order))
        assert sync(platform).status == "succeeded"


def exported(client: Client, name: str, address: str = ORDERS) -> list[dict[str, str]]:
    answer: Any = client.get(f"{address}export/{name}.csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"), newline="")))


def test_what_is_left_to_ship(start_simulator: StartSimulator, admin_client: Client) -> None:
    def lines(*half: int) -> list[Json]:
        """One line is shipped, of one `half` as (shipped, left), and one is gone."""
        units = {"SKU-DONE": (1, 0), "SKU-HALF": half, "SKU-GONE": (0, 0)}
        return [
            raw_item(
                number, quantityOrdered=sum(of), product={"sellerSku": sku},
                fulfillment={"quantityFulfilled": of[0], "quantityUnfulfilled": of[1]},
            )
            for number, (sku, of) in enumerate(units.items(), start=1)
        ]  # fmt: skip

    def answer(hour: int, status: str, *half: int) -> Json:
        said = {"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"}
        return raw_order(updated=f"2026-11-01T{hour}:00:00Z", fulfillment=said, orderItems=lines(*half))

    read(start_simulator, answer(10, "UNSHIPPED", 0, 3), answer(11, "PARTIALLY_SHIPPED", 1, 2))
    order = Order.objects.get()
    assert list(order.items.values_list("quantity_left", flat=True)) == [0, 2, 0]
    page = admin_client.get(f"{ORDERS}?to_ship=any").content.decode()
    assert "2 × SKU-HALF" in page
    assert "SKU-DONE" not in page
    assert "Left to ship" in admin_client.get(f"{ORDERS}{order.pk}/change/").content.decode()
    shown = superuser().get(f"/orders/{order.pk}").json()
    assert (shown["quantity_left"], [line["quantity_left"] for line in shown["items"]]) == (2, [0, 2, 0])
    assert [row["quantity_left"] for row in exported(admin_client, "orders")] == ["2"]
    assert [row["quantity_left"] for row in exported(admin_client, "order-lines")] == ["0", "2", "0"]
    of_lines = [change for change in OrderChange.objects.get().changes if len(change) > 3]
    assert of_lines == [["quantity_shipped", 0, 1, "SKU-HALF"]]  # what is left follows
