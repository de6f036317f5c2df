"""The import of a carrier's file in the admin: each row's verdict first, then all of it at once, and never twice."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backoffice.tests.test_packing import member
from backoffice.tests.test_shipping import depot, platform, shipper, synced, text_of
from integrations.models import ShipmentColumns
from integrations.shipping.queue import run_here
from integrations.shipping.switching import set_policy
from integrations.tests.depot import Depot
from orders.models import Order, Shipment
from platforms.models import Platform

__all__ = ["depot", "platform", "shipper"]  # fixtures

pytestmark = pytest.mark.django_db
IMPORT = "/admin/shipping/import/"
FILE = """Ref 1;Sendungsnummer;Menge
A-1;00341;
A-2;00342;
A-3;3,40434E+11;
A-9;+00344;
"""


@pytest.fixture
def orders(platform: Platform, depot: Depot) -> None:
    for name in ("A-1", "A-2", "A-3"):
        depot.add(name, L1=2)
    synced(platform, "A-1")


def upload(client: Client, platform: Platform, text: str = FILE) -> Any:
    file = SimpleUploadedFile("dhl.csv", text.encode())
    return client.post(IMPORT, {"platform": platform.pk, "file": file})


def said(page: Any, **values: Any) -> dict[str, Any]:
    """What the page's form would send, with these values in it."""
    form = {field.html_name: field.value() or "" for field in page.context["form"]}
    held = {"platform": page.context["platform"].pk, "held": page.context["held"]}
    return {**form, **held, **{name.replace("__", "-"): value for name, value in values.items()}}


def test_a_file_is_mapped_judged_shipped_and_harmless_when_it_comes_again(
    shipper: Client, platform: Platform, depot: Depot, orders: None
) -> None:
    page = upload(shipper, platform)
    assert page.status_code == 422
    assert "Say which column it is." in text_of(page)  # Ref 1 may be anything
    page = shipper.post(IMPORT, said(page, column__order_id="Ref 1", column__quantity="", carrier="UPS"))
    text = text_of(page)
    assert (
        "2 rows can be shipped. 2 rows are refused, and keep no others back. Nothing is shipped yet." in text
    )
    assert "3 A-3 3,40434E+11 refused The spreadsheet has rounded the number" in text.replace(
        "4 A-3", "3 A-3"
    )
    assert "Platform Amazon has no order A-9 here." in text
    assert "A-1 00341 would be shipped" in text
    assert not Shipment.objects.exists()
    assert not ShipmentColumns.objects.exists()

    refused = shipper.post(IMPORT, said(page, refused="1"))
    assert refused["Content-Disposition"] == 'attachment; filename="refused.csv"'
    lines = refused.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "reason,Ref 1,Sendungsnummer,Menge"
    assert [line.rsplit(",A-", 1)[1][:1] for line in lines[1:]] == ["3", "9"]
    assert lines[2].endswith("A-9,'+00344,")  # no spreadsheet runs it

    done = shipper.post(IMPORT, said(page, ship=page.context["seal"]))
    assert "2 packages are shipped, and wait to be sent." in text_of(done)
    assert {(each.order.external_id, each.tracking_number, each.made_by) for each in Shipment.objects.all()} == {
        ("A-1", "00341", "ship"), ("A-2", "00342", "ship"),
    }  # fmt: skip
    twice = shipper.post(IMPORT, said(page, ship=page.context["seal"]))  # a double click
    assert "These packages are known already: nothing is shipped twice." in text_of(twice)
    run_here(platform.pk)
    assert {name for name, _number in depot.truth()} == {"A-1", "A-2"}

    again = upload(shipper, platform, "\n".join(FILE.splitlines()[:3]))  # the columns are remembered
    assert "All of this file is known already: importing it again does nothing." in text_of(again)
    assert again.context["form"]["column-order_id"].value() == "Ref 1"
    assert again.context["form"]["carrier"].value() == "UPS"
    shipper.post(IMPORT, said(again, ship=again.context["seal"]))
    assert Shipment.objects.count() == 2


def test_what_was_not_seen_is_not_shipped(
    shipper: Client, platform: Platform, depot: Depot, orders: None
) -> None:
    page = upload(shipper, platform, "order id,tracking number,carrier\nA-1,00341,UPS\nA-2,00342,DHL\n")
    seal = page.context["seal"]
    other_columns = said(page, ship=seal, column__tracking_number="carrier")
    assert "Nothing is shipped yet: look again." in text_of(shipper.post(IMPORT, other_columns))
    Order.objects.filter(external_id="A-2").update(status="cancelled")
    look = shipper.post(IMPORT, said(page, ship=seal))
    assert "Nothing is shipped yet: look again." in text_of(look)
    assert "The order is cancelled. Do not ship it." in text_of(look)
    assert not Shipment.objects.exists()
    changed = page.context["held"][:-3] + "abc"
    assert "This preview is too old." in text_of(shipper.post(IMPORT, said(page, ship=seal, held=changed)))
    other = member("ben", "Shipper")
    assert "This preview is too old." in text_of(other.post(IMPORT, said(page, ship=seal)))
    shipper.post(IMPORT, said(look, ship=look.context["seal"]))
    assert [each.order.external_id for each in Shipment.objects.all()] == ["A-1"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "The file has no rows."),
        (b"PK\x03\x04 no workbook", "The file cannot be read from line 1 on."),
        (b"a;a\n1;2", "The first row names two columns a."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    shipper: Client, platform: Platform, depot: Depot, data: bytes, why: str
) -> None:
    page = shipper.post(IMPORT, {"platform": platform.pk, "file": SimpleUploadedFile("x", data)})
    assert page.status_code == 422
    assert f"{why}" in text_of(page)
    assert "Nothing was shipped." in text_of(page)


def test_a_file_that_would_take_long_is_for_the_shell(
    shipper: Client, platform: Platform, depot: Depot
) -> None:
    rows = [f"A-{number},1Z{number},UPS" for number in range(2001)]
    text = "\n".join(["order id,tracking number,carrier", *rows])
    page = upload(shipper, platform, text)
    assert page.status_code == 422
    assert (
        "The file has more than 2000 rows. Split it. "
        "Larger ones are taken by manage.py import_shipments." in text_of(page)
    )
    assert len(upload(shipper, platform, text[: -len(rows[-1])].strip()).context["result"].rows) == 2000


def test_it_says_what_writing_is_set_to(
    shipper: Client, platform: Platform, depot: Depot, orders: None
) -> None:
    file = "order id,tracking number,carrier\nA-1,00341,UPS\n"
    set_policy(platform, mode="off", hourly_limit=0, who="manager")
    assert "Writing to platform Amazon is off" in text_of(upload(shipper, platform, file))
    set_policy(platform, mode="rehearsal", hourly_limit=0, who="manager")
    page = upload(shipper, platform, file)
    assert "Rehearse 1 package" in text_of(page)
    assert "1 package is rehearsed." in text_of(shipper.post(IMPORT, said(page, ship=page.context["seal"])))
    run_here(platform.pk)
    assert not depot.told


def test_only_who_ships_imports(shipper: Client, platform: Platform, depot: Depot) -> None:
    viewer = member("eve", "Viewer")
    assert viewer.get(IMPORT).status_code == viewer.post(IMPORT).status_code == 403
    for address, is_linked in (("/admin/shipping/", True), ("/admin/orders/shipment/", True)):
        assert bool(re.search(f'href="{IMPORT}"', shipper.get(address).content.decode())) == is_linked
    assert IMPORT not in viewer.get("/admin/orders/shipment/").content.decode()
