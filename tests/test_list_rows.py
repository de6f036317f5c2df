"""The rows of the admin's lists: made by backoffice/templatetags/oms_lists.py in the place of unfold's tag, and the
same."""

import re
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client

from bench import admin_pages, million
from inventory.models import InventoryItem
from orders.models import Shipment

pytestmark = pytest.mark.django_db
LISTS = (
    "/admin/orders/order/",
    "/admin/orders/order/?q=nothing+has+this",
    "/admin/orders/shipment/",
    "/admin/inventory/inventoryitem/",
    "/admin/inventory/plannedsku/",
    "/admin/integrations/synclog/",
    "/admin/integrations/syncfailure/",
    "/admin/integrations/apiusage/",
    "/admin/platforms/platform/",
    "/admin/auth/user/",
)
UNFOLDS = Template("{% load unfold_list %}{% unfold_result_list cl %}")


@pytest.fixture
def client() -> Client:
    million.fill(orders=400, skus=60)
    return admin_pages.logged_in()


def without_spaces(html: str) -> str:
    """Spaces between tags and in attributes say nothing; nor does unfold's class of dates, which no style sheet has."""
    return re.sub(r"\s+(nowrap\b)?", "", html)


def by_unfold(page: Any) -> str:
    return UNFOLDS.render(Context({**page.context_data, "request": page.wsgi_request}))


def test_it_makes_the_rows_that_unfold_makes(client: Client) -> None:
    for address in LISTS:
        page = client.get(address, secure=True)

        assert page.status_code == 200, address
        assert without_spaces(by_unfold(page)) in without_spaces(page.content.decode()), address


def test_it_makes_the_fields_and_errors_that_unfold_makes(client: Client) -> None:
    address = "/admin/inventory/inventoryitem/"
    forms = client.get(address, secure=True).context["cl"].formset
    sent = {f"{form.prefix}-id": form.instance.pk for form in forms}
    sent |= {f"{form.prefix}-threshold": number or "many" for number, form in enumerate(forms)}
    sent |= {"form-TOTAL_FORMS": len(forms), "form-INITIAL_FORMS": len(forms), "_save": "Save"}

    page = client.post(address, sent, secure=True)

    html = page.content.decode()
    assert without_spaces(by_unfold(page)) in without_spaces(html)
    assert html.count(" group errors") == 1
    assert not InventoryItem.objects.exclude(threshold=None).exists()


def test_it_escapes_what_a_row_holds(client: Client) -> None:
    Shipment.objects.filter(pk=Shipment.objects.latest("pk").pk).update(tracking_number="<b>1&2</b>")

    html = client.get("/admin/orders/shipment/", secure=True).content.decode()

    assert "&lt;b&gt;1&amp;2&lt;/b&gt;" in html
    assert "<b>1&2" not in html
