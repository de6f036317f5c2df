"""For tests of the API: who calls it, and rows to be found."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from access.models import Scope
from access.tokens import make_token
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from orders.products import remember_products
from platforms.models import Platform

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRETS = {
    "client_id": "amzn1.application-oa2-client.CANARY-client-7f3a",
    "client_secret": "CANARY-client-secret-b1c2",
    "refresh_token": "Atzr|CANARY-refresh-token-d4e5",
    "marketplace_id": "ATVPDKIKX0DER",
    "region": "NA",
}


def make_text(user: User, **options: Any) -> str:
    """A real token, for all that the user may do where `options` of make_token do not say otherwise."""
    return make_token(user, **{"name": "a test", "scopes": Scope.values} | options).text


def token_client(user: User, **options: Any) -> APIClient:
    """Calls with a real token of `user`."""
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {make_text(user, **options)}")
    return client


def superuser() -> APIClient:
    return token_client(User.objects.create_superuser("root"))


def user_with(*permissions: str) -> APIClient:
    """A user who has these permissions ("app.codename") and no other."""
    user = User.objects.create_user(f"user-{User.objects.count()}")
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return token_client(user)


def amazon() -> Platform:
    """The platform that migrating creates; made again where a test with real transactions emptied the tables."""
    return Platform.objects.get_or_create(name="amazon")[0]


def make_order(external_id: str = "111-0000001-0000001", **values: Any) -> Order:
    """An order with one item; `sku` and `title` are the item's."""
    item = {"sku": values.pop("sku", "SKU-1"), "title": values.pop("title", "A cup")}
    defaults: dict[str, Any] = {
        "status": Order.Status.SHIPPED,
        "purchased_at": NOON,
        "platform_updated_at": NOON + timedelta(hours=1),
        "synced_at": NOON + timedelta(days=1),
        "source": "live",
        "payload": {"orderId": external_id},
    }
    platform = values.pop("platform", None) or amazon()
    order = Order.objects.create(platform=platform, external_id=external_id, **defaults | values)
    OrderItem.objects.create(order=order, external_id="01", asin="B000000001", quantity_ordered=1, **item)
    remember_products([(item["sku"], item["title"])])
    return order


def make_stock(sku: str = "SKU-1", **values: Any) -> InventoryItem:
    defaults: dict[str, Any] = {
        "marketplace_id": "ATVPDKIKX0DER",
        "asin": "B000000001",
        "fnsku": f"X-{sku}"[:64],
        "title": "A cup",
        "total": 3,
        "available": 2,
        "source": "live",
        "platform_updated_at": NOON,
        "synced_at": NOON,
    }
    return InventoryItem.objects.create(
        platform=values.pop("platform", None) or amazon(), sku=sku, **defaults | values
    )


def fetch_all(client: Any, address: str) -> list[dict[str, Any]]:
    """Every row of a list, page after page."""
    rows: list[dict[str, Any]] = []
    next_page: str | None = address
    while next_page:
        page = client.get(next_page).json()
        rows += page["results"]
        next_page = page["next"]
    return rows
