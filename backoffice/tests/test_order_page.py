"""Orders in the admin: what is to be shipped, whether amounts add up, and the way to the platform's own page."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backoffice.tests.test_orders import LIST, found, make, text
from integrations.models import SyncFailure, SyncLog
from orders.models import Order
from platforms.models import Platform

pytestmark = pytest.mark.django_db

ID = "902-3159896-1390916"


def page(client: Client, order: Order) -> str:
    return " ".join(text(client.get(f"{LIST}{order.pk}/change/")).split())


def priced(*totals: str | None, **values: Any) -> Order:
    order = make(ID, skus=tuple(f"SKU-{number}" for number in range(len(totals))), **values)
    for item, total in zip(order.items.all(), totals, strict=True):
        item.total, item.currency = Decimal(total) if total is not None else None, "EUR"
        item.save()
    return order


@pytest.mark.parametrize(
    ("totals", "total", "verdict"),
    [
        (("10", "2.50"), "12.5", "adds up"),
        (("0",), "0", "adds up"),
        (("10", "2.50"), "12", "The items do not add up to the total."),
        (("10", None), "10", "The platform did not report the total of every line."),
        (("10",), None, "The platform did not report the order&#x27;s total."),
        ((), "10", "The platform did not report the total of every line."),
    ],
)
def test_it_says_whether_amounts_add_up(
    admin_client: Client, totals: tuple[str | None, ...], total: str | None, verdict: str
) -> None:
    order = priced(*totals, total=Decimal(total) if total is not None else None)
    assert verdict in page(admin_client, order)


def test_it_flags_the_difference(admin_client: Client) -> None:
    html = page(admin_client, priced("10", "2.50", total=Decimal(12)))
    assert "does not add up" in html
    assert '<th scope="row">Difference</th><td><span class="oms-number">-0.50 <small>EUR</small>' in html


def test_it_knows_that_a_tip_belongs_to_no_line(admin_client: Client) -> None:
    tip = {"type": "DELIVERY_TIP", "subtotal": {"amount": "5.00", "currencyCode": "EUR"}}
    proceeds = {"grandTotal": {"amount": "15", "currencyCode": "EUR"}, "breakdowns": [tip]}
    html = page(admin_client, priced("10", total=Decimal(15), payload={"proceeds": proceeds}))
    assert "adds up" in html
    assert "5.00 <small>EUR" in html


def test_it_adds_no_currencies_up(admin_client: Client) -> None:
    html = page(admin_client, priced("10", total=Decimal(10), currency="USD"))
    assert "The lines are in another currency than the order." in html


@pytest.mark.parametrize(
    ("marketplace", "host"),
    [
        ("A1PA6795UKMFR9", "sellercentral-europe.amazon.com"),
        ("ATVPDKIKX0DER", "sellercentral.amazon.com"),
        ("A1VC38T7YXB528", "sellercentral.amazon.co.jp"),
    ],
)
def test_it_links_to_the_order_in_seller_central(admin_client: Client, marketplace: str, host: str) -> None:
    html = page(admin_client, make(ID, marketplace_id=marketplace))
    assert f'href="https://{host}/orders-v3/order/{ID}"' in html


@pytest.mark.parametrize(
    ("external_id", "values"),
    [
        (ID, {"source": "mock"}),
        (ID, {"source": "sandbox"}),
        (ID, {"marketplace_id": "NEW"}),
        ("../../evil?", {}),
    ],
)
def test_it_links_nowhere_for_what_seller_central_does_not_know(
    admin_client: Client, external_id: str, values: Any
) -> None:
    assert "orders-v3" not in page(admin_client, make(external_id, **values))


@pytest.mark.parametrize(
    ("when", "ids"),
    [
        ("any", ["late", "soon", "tomorrow", "later", "open"]),
        ("overdue", ["late"]),
        ("today", ["soon"]),
        ("tomorrow", ["tomorrow"]),
        ("later", ["later"]),
        ("unknown", ["open"]),
        ("nonsense", []),
    ],
)
def test_it_lists_what_is_to_be_shipped(admin_client: Client, when: str, ids: list[str]) -> None:
    now = timezone.localtime()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    due: dict[str, Any] = {"status": "unshipped", "fulfilled_by": "merchant"}
    make("late", **due, ship_by=now - timedelta(hours=1))
    make("soon", **due, ship_by=midnight - timedelta(microseconds=1))
    make("tomorrow", **due | {"status": "partially_shipped", "fulfilled_by": ""}, ship_by=midnight)
    make("later", **due, ship_by=midnight + timedelta(days=1))
    make("open", **due, ship_by=None)
    make("fba", **due | {"fulfilled_by": "platform"}, ship_by=now)
    make("done", **due | {"status": "shipped"}, ship_by=now)
    make("unpaid", **due | {"status": "pending"}, ship_by=now)
    assert found(admin_client, f"to_ship={when}") == ids


def test_it_counts_down_to_what_is_due(admin_client: Client) -> None:
    due: dict[str, Any] = {"status": "unshipped", "fulfilled_by": "merchant"}
    make("1", **due, ship_by=timezone.now() + timedelta(hours=5, minutes=30))
    make("2", **due, ship_by=timezone.now() - timedelta(days=2, minutes=5))
    make("3", status="shipped", ship_by=timezone.now() - timedelta(days=9, minutes=5))
    html = text(admin_client.get(f"{LIST}?to_ship=any"))
    assert html.index("2 days late") < html.index("in 5 h")
    assert "9 days late" not in text(admin_client.get(LIST))


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("failures=open", ["broken"]),
        ("status__exact=shipped", ["fine", "broken", "dismissed"]),
        ("source__exact=live", ["fine", "broken", "dismissed"]),
        ("fulfilled_by__exact=platform", ["fine"]),
        ("fulfilled_by__exact=platform&status__exact=shipped&marketplace=A1PA6795UKMFR9", ["fine"]),
        ("status__exact=cancelled", []),
        ("ship_by_from=2026-02-01&ship_by_to=2026-02-01", ["fine"]),
        ("o=-3", ["fine", "broken", "dismissed"]),
    ],
)
def test_it_filters_without_leaving_the_order_of_the_list(
    admin_client: Client, query: str, ids: list[str]
) -> None:
    platform = Platform.objects.get()
    fine = make("fine", fulfilled_by="platform")
    Order.objects.filter(pk=fine.pk).update(ship_by=fine.purchased_at + timedelta(days=1))
    log = SyncLog.objects.create(platform=platform, kind="orders", trigger="command", status="partial")
    for external_id, resolved in (("broken", None), ("dismissed", timezone.now())):
        make(external_id)
        SyncFailure.objects.create(
            log=log, platform=platform, kind="orders", external_id=external_id, error_code="malformed",
            error_message="Bad.", resolved_at=resolved,
        )  # fmt: skip
    assert found(admin_client, query) == ids
    assert found(admin_client, f"{query}&platform__id__exact={platform.pk}") == ids


def test_it_leads_from_the_price_of_a_line_to_its_total(admin_client: Client) -> None:
    order = priced("24.90", total=Decimal("24.90"))
    order.items.update(
        unit_price=10, quantity_ordered=2, shipping=3, tax=Decimal("1.90"), item_tax=Decimal("1.90")
    )
    html = page(admin_client, order)
    steps = html[html.index("How each line comes") :]
    names = ("10.00 × 2", "Shipping", "Tax", "Total", "The amounts are without tax, which comes on top.")
    assert sorted(names, key=steps.index) == list(names)
    order.items.update(tax=None, item_tax=None)
    assert "does not follow from what the platform reports" in page(admin_client, order)
