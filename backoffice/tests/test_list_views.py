"""Views of lists that people save and share, the columns that they choose, and what a list is sorted by."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from api.tests.rest import make_order, make_stock
from backoffice.models import ListColumns, SavedView

pytestmark = pytest.mark.django_db

ORDERS, STOCK, SYNCS = (
    "/admin/orders/order/",
    "/admin/inventory/inventoryitem/",
    "/admin/integrations/synclog/",
)
BOUGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def member(group: str, name: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def views(client: Client, query: str = "") -> list[tuple[str, str, bool]]:
    shown = client.get(ORDERS + query).context["views"]
    return [(each.view.name, each.view.query, each.is_current) for each in shown]


def test_a_view_is_saved_shared_and_deleted() -> None:
    operator, viewer = member("Operator", "op"), member("Viewer", "vi")
    page = operator.get(f"{ORDERS}?to_ship=overdue&p=1&purchased_at_in=last_7_days&o=-purchased")
    query = page.context["list_query"]
    assert query == "o=-purchased&purchased_at_in=last_7_days&to_ship=overdue"
    saved = operator.post(f"{ORDERS}views/", {"name": " Late <b>week</b> ", "query": query})
    assert saved["Location"] == f"{ORDERS}?{query}"
    assert views(operator, f"?{query}") == [("Late <b>week</b>", query, True)]
    assert views(operator) == [("Late <b>week</b>", query, False)]
    assert "<b>week" not in operator.get(ORDERS).content.decode()
    assert views(viewer) == []

    operator.post(f"{ORDERS}views/", {"name": "Late <b>week</b>", "query": "to_ship=any", "is_shared": "on"})
    assert views(viewer) == [("Late <b>week</b>", "to_ship=any", False)]
    assert viewer.get(STOCK).context["views"] == []  # it is a view of orders
    view = SavedView.objects.get()
    assert viewer.post(f"{ORDERS}views/{view.pk}/delete/").status_code == 403
    assert viewer.post(f"{ORDERS}views/", {"name": "x", "query": "", "is_shared": "on"}).status_code == 403
    assert viewer.post(f"{STOCK}views/{view.pk}/delete/").status_code == 404
    operator.get(f"{ORDERS}views/{view.pk}/delete/")
    assert SavedView.objects.exists()
    operator.post(f"{ORDERS}views/{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_a_view_needs_a_name_and_there_are_not_too_many(admin_client: Client, admin_user: User) -> None:
    for name in ("", "  ", "a\0b"):
        answer = admin_client.post(f"{ORDERS}views/", {"name": name, "query": "q=1"}, follow=True)
        assert "needs a name" in answer.content.decode()
    many = (SavedView(name=str(n), list_name="orders.order", owner=admin_user) for n in range(50))
    SavedView.objects.bulk_create(many)
    answer = admin_client.post(f"{ORDERS}views/", {"name": "one more", "query": "q=1"}, follow=True)
    assert "Delete one first" in answer.content.decode()
    assert SavedView.objects.count() == 50


def shown_columns(client: Client, address: str) -> list[str]:
    return [name for name in client.get(address).context["cl"].list_display if name != "action_checkbox"]


def test_each_reader_chooses_columns_of_a_list(admin_client: Client) -> None:
    make_order(total=5)
    make_stock()
    first = shown_columns(admin_client, ORDERS)
    chosen = {"column": ["purchased", "service_level", "nonsense"], "query": "to_ship=any"}
    assert admin_client.post(f"{ORDERS}columns/", chosen)["Location"] == f"{ORDERS}?to_ship=any"
    assert shown_columns(admin_client, ORDERS) == ["order_id", "purchased", "service_level"]
    assert shown_columns(member("Viewer", "vi"), ORDERS) == first
    admin_client.post(f"{STOCK}columns/", {"column": ["cover"]})
    assert shown_columns(admin_client, STOCK) == ["sku", "threshold", "cover"]  # one types into the threshold
    assert admin_client.get(f"{ORDERS}?o=-purchased").status_code == 200
    admin_client.post(f"{ORDERS}columns/", {"reset": "1"})
    assert shown_columns(admin_client, ORDERS) == first
    assert ListColumns.objects.count() == 1


def marks(client: Client, address: str) -> list[tuple[str, str]]:
    html = client.get(address).content.decode()
    return re.findall(r'column-(\w+) [^>]*aria-sort="(\w+)"', html)


def test_the_mark_is_on_the_column_that_rows_are_sorted_by(admin_client: Client) -> None:
    for number in range(3):
        make_order(
            f"111-0000001-000000{number}", purchased_at=BOUGHT + timedelta(days=number), status="unshipped",
            ship_by=BOUGHT + timedelta(days=9 - number),
        )  # fmt: skip
    make_stock()

    def ids(query: str) -> str:
        found = admin_client.get(ORDERS + query).context["cl"].result_list
        return "".join(order.external_id[-1] for order in found)

    assert (ids(""), marks(admin_client, ORDERS)) == ("210", [("purchased", "descending")])
    overdue = f"{ORDERS}?to_ship=any"
    assert (ids("?to_ship=any"), marks(admin_client, overdue)) == ("210", [("to_ship_by", "ascending")])
    assert ids("?to_ship=any&o=-to_ship_by") == "012"
    for earlier, now in (
        ("3", "purchased"),
        ("-3", "-purchased"),
    ):  # as links had it before columns could be chosen
        assert ids(f"?o={earlier}") == ids(f"?o={now}")
    assert ids("?o=purchased") == "012"
    assert (
        admin_client.get(f"{ORDERS}?o=to_ship_by").status_code == 400
    )  # of all orders, no index has them so
    assert marks(admin_client, STOCK) == [("state", "ascending")]
    assert marks(admin_client, f"{STOCK}?o=-4") == marks(admin_client, f"{STOCK}?o=-number_available")


def test_the_items_say_what_is_left(admin_client: Client) -> None:
    order = make_order(status="partially_shipped", fulfilled_by="merchant", title="Kettle", sku="K-1")
    order.items.update(quantity_ordered=3, quantity_shipped=1, quantity_left=2)
    html: Any = admin_client.get(ORDERS).content.decode()
    for part in ("<b>2 ×</b> Kettle", "K-1", "2 of 3 left", ">FBM</span>"):
        assert part in html
    assert ">live<" not in rows(admin_client)
    type(order).objects.update(source="mock")
    assert ">mock<" in rows(admin_client)


def rows(client: Client) -> str:
    """The rows of the orders, without the blanks between the tags."""
    html = client.get(ORDERS).content.decode()
    return re.sub(r"\s+", "", html.split("<tbody", 1)[1].split("</table>")[0])
