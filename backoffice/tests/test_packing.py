"""Picking and packing: from a selection of orders to slips that go into the parcels."""

import re
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from freezegun import freeze_time

from access.confinement import confine
from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from backoffice.packing.words import WORDS
from core.encryption import SecretDict
from orders.models import Order, OrderBuyer, OrderItem, Pick, PickList
from orders.packing import make_list
from platforms.models import Platform

pytestmark = pytest.mark.django_db
LIST = "/admin/orders/order/"
LISTS = "/admin/orders/picklist/"


@pytest.fixture
def orders() -> list[Order]:
    """Two to ship, with a SKU in common, one that is shipped, one that the platform ships."""
    made = [
        make_order("902-1", status="unshipped", sku="CUP", title="Red cup"),
        make_order("902-2", status="partially_shipped", sku="CUP", title="Red cup"),
        make_order("902-3", status="shipped", sku="CUP"),
        make_order("902-4", status="unshipped", sku="CUP", fulfilled_by="platform"),
    ]
    OrderItem.objects.filter(order=made[0]).update(quantity_ordered=2, quantity_left=2)
    OrderItem.objects.filter(order=made[1]).update(quantity_ordered=5, quantity_left=3)
    OrderItem.objects.create(
        order=made[1], external_id="x", sku="BOX", title="A box", quantity_ordered=1, quantity_left=1
    )
    OrderItem.objects.create(
        order=made[1], external_id="y", sku="GONE", title="Sent", quantity_ordered=1, quantity_left=0
    )
    return made


def pick(client: Client, orders: list[Order]) -> Any:
    data = {"action": "make_pick_list", "_selected_action": [order.pk for order in orders]}
    return client.post(LIST, data, follow=True)


def member(name: str, group: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


def rows(page: str) -> list[str]:
    return [re.sub(r"<[^>]+>|\s+", " ", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)]


def test_a_list_sums_what_is_left_by_sku_and_leaves_out_what_is_not_to_ship(orders: list[Order]) -> None:
    answer = pick(member("ana", "Operator"), orders)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == f"{LISTS}{PickList.objects.get().pk}/change/"
    assert "2 orders were left out: there is nothing for you to ship." in page
    fetched = [" ".join(row.split()) for row in rows(page)]
    assert "1 BOX A box 902-2" in fetched
    assert "5 CUP Red cup 902-1 × 2 , 902-2 × 3" in fetched
    assert "GONE" not in page


def test_an_order_with_two_items_of_a_sku_is_named_once(orders: list[Order]) -> None:
    OrderItem.objects.create(
        order=orders[0], external_id="x", sku="CUP", title="Red cup", quantity_ordered=4, quantity_left=4
    )
    page = pick(member("ana", "Operator"), orders).content.decode()
    assert "9 CUP Red cup 902-1 × 6 , 902-2 × 3" in [" ".join(row.split()) for row in rows(page)]


def test_what_was_shipped_elsewhere_is_not_left_to_pack(orders: list[Order]) -> None:
    ana = member("ana", "Operator")
    orders.append(make_order("902-5", status="unshipped", sku="CUP"))
    pick(ana, orders)
    listed = PickList.objects.get()
    Order.objects.filter(external_id="902-1").update(status="shipped")
    Order.objects.filter(external_id="902-5").update(status="cancelled")
    page = ana.get(f"{LISTS}{listed.pk}/change/").content.decode()
    assert "1 order is not packed yet." in page
    assert "2 orders do not have to be packed any more: shipped elsewhere, or cancelled." in page
    states = [" ".join(row.split()) for row in rows(page)]
    assert any("902-1" in row and row.endswith("shipped elsewhere") for row in states)
    assert any("902-5" in row and row.endswith("cancelled") for row in states)
    assert "0 of 1 packed" in ana.get(LISTS).content.decode()
    ana.post(f"{LISTS}{listed.pk}/mark/", {"action": "packed", "code": "902-2"})
    assert "0 orders are not packed yet." in ana.get(f"{LISTS}{listed.pk}/change/").content.decode()
    assert ">packed<" in re.sub(r"\s+", "", ana.get(LISTS).content.decode())


def test_two_people_do_not_pick_the_same_order(orders: list[Order]) -> None:
    ana, ben = member("ana", "Operator"), member("ben", "Operator")
    pick(ana, orders[:1])
    page = pick(ben, orders[:2]).content.decode()
    first, second = PickList.objects.order_by("pk")
    assert f"902-1 is on pick list {first.pk} of ana already, and was left out." in page
    assert [each.order for each in second.picks.all()] == [orders[1]]
    assert "902-2 is on pick list" in pick(ana, orders[1:2]).content.decode()
    assert PickList.objects.count() == 2  # nothing was left for a third
    ben.post(f"{LISTS}{second.pk}/mark/", {"action": "back", "all": "1"})
    pick(ana, orders[1:2])
    assert Pick.objects.filter(order=orders[1], open_key__isnull=False).get().pick_list.made_by == "ana"


def test_a_scanner_marks_what_is_packed(orders: list[Order]) -> None:
    ana = member("ana", "Operator")
    pick(ana, orders)
    mark = f"{LISTS}{PickList.objects.get().pk}/mark/"
    assert (
        "902-1: 1 order is packed."
        in ana.post(mark, {"code": " 902-1\n", "action": "packed"}, follow=True).content.decode()
    )
    packed = Pick.objects.get(order=orders[0])
    assert (packed.packed_by, packed.picked_by, bool(packed.packed_at)) == ("ana", "ana", True)
    again = ana.post(mark, {"code": "902-1", "action": "packed"}, follow=True).content.decode()
    assert "902-1: nothing was changed, it is that far already." in again
    for unknown in ("902-9", "902-1\0"):
        answer = ana.post(mark, {"code": unknown, "action": "packed"}, follow=True)
        assert "is not on this list" in answer.content.decode()
    other = Pick.objects.get(order=orders[1])
    ana.post(mark, {"pick": [other.pk], "action": "picked"})
    other.refresh_from_db()
    assert (bool(other.picked_at), other.packed_at) == (True, None)
    assert "1 of 2 packed" in ana.get(LISTS).content.decode()


def test_the_rest_of_an_order_is_picked_once_the_first_part_was_sent(orders: list[Order]) -> None:
    ana = member("ana", "Operator")
    pick(ana, orders[1:2])
    ana.post(f"{LISTS}{PickList.objects.get().pk}/mark/", {"action": "packed", "all": "1"})
    pick(ana, orders[1:2])
    assert PickList.objects.count() == 1
    assert Pick.objects.get().packed_at
    Order.objects.filter(pk=orders[1].pk).update(platform_updated_at=timezone.now() + timedelta(days=1))
    pick(ana, orders[1:2])
    assert PickList.objects.count() == 2


def test_slips_speak_the_marketplaces_language_and_keep_the_buyer_to_themselves(orders: list[Order]) -> None:
    Order.objects.filter(pk=orders[0].pk).update(
        marketplace_id="A1PA6795UKMFR9", total="19.90", currency="EUR"
    )
    data = {
        "name": "Canary Buyer",
        "address": {"addressLine1": "Canary Road 7", "postalCode": "10115", "city": "Berlin"},
    }
    OrderBuyer.objects.create(
        order=orders[0], data=SecretDict(data), purge_after=orders[0].purchased_at.replace(year=9000)
    )
    ana = member("ana", "Operator")
    pick(ana, orders)
    slips = f"{LISTS}{PickList.objects.get().pk}/slips/"
    page = ana.post(slips, {"size": "a4", "addresses": "on"}).content.decode()  # no such field for her
    assert ("Lieferschein" in page, "Packing slip" in page, "19,90" in page, "Canary" in page) == (
        True,
        True,
        False,
        False,
    )
    assert page.count("<svg") == 2
    assert "19,90" in ana.post(slips, {"size": "label", "prices": "on"}).content.decode()
    officer = Group.objects.get(name="Privacy officer")
    ana_user = User.objects.get(username="ana")
    ana_user.groups.add(officer)
    answer = ana.post(slips, {"size": "a4", "addresses": "on"})
    assert "Canary Road 7" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.filter(action="buyer_data.read").get()
    assert (entry.actor, entry.reason) == ("ana", f"Packing slips of pick list {PickList.objects.get().pk}")


def test_addresses_take_a_fresh_factor_which_leads_back_to_the_list(orders: list[Order]) -> None:
    ana = member("ana", "Operator")
    User.objects.get(username="ana").groups.add(Group.objects.get(name="Privacy officer"))
    pick(ana, orders)
    page = f"{LISTS}{PickList.objects.get().pk}"
    with freeze_time(timezone.now() + timedelta(minutes=11)):
        answer = ana.post(f"{page}/slips/", {"size": "a4", "addresses": "on"})
        (back,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
        assert back == f"{page}/change/"
        assert ana.get(back).status_code == 200
        assert ana.post(f"{page}/slips/", {"size": "a4"}).status_code == 200  # without addresses
    assert not AuditEntry.objects.filter(action="buyer_data.read").exists()


def test_a_list_over_platforms_shows_the_confined_their_part_and_is_found_by_that_alone(
    orders: list[Order],
) -> None:
    other = Platform.objects.create(name="other")
    theirs = make_order("904-1", status="unshipped", sku="SECRET", platform=other)
    pick(member("ana", "Operator"), [orders[0], theirs])
    ben = member("ben", "Operator")
    confine(User.objects.get(username="ben"), [amazon().pk])
    page = f"{LISTS}{PickList.objects.get().pk}/"
    shown = ben.get(f"{page}change/").content.decode()
    assert ("902-1" in shown, "904-1" in shown, "SECRET" in shown) == (True, False, False)
    assert "0 of 1 packed" in ben.get(LISTS).content.decode()
    for asked, is_found in (("902-1", True), ("904-1", False), ("902-1 904", False)):
        assert (f"{page}change/" in ben.get(LISTS, {"q": asked}).content.decode()) is is_found, asked
    ben.post(f"{page}mark/", {"action": "packed", "code": "904-1"})
    ben.post(f"{page}mark/", {"action": "packed", "all": "1"})
    assert list(Pick.objects.filter(packed_by="ben").values_list("order", flat=True)) == [orders[0].pk]


def test_who_may_only_look_sees_lists_and_changes_nothing(orders: list[Order]) -> None:
    viewer = member("vera", "Viewer")
    assert not PickList.objects.exists()
    pick(viewer, orders)
    assert not PickList.objects.exists()
    pick(member("ana", "Operator"), orders)
    address = f"{LISTS}{PickList.objects.get().pk}/"
    assert "To fetch" in viewer.get(f"{address}change/").content.decode()
    assert [
        viewer.post(f"{address}{each}/", {"all": "1", "action": "packed"}).status_code
        for each in ("mark", "slips")
    ] == [403, 403]
    assert not Pick.objects.filter(packed_at__isnull=False).exists()


def test_a_list_is_read_with_few_queries(orders: list[Order], django_assert_max_num_queries: Any) -> None:
    ana = member("ana", "Operator")
    more = [make_order(f"903-{number}", status="unshipped", sku=f"S{number}") for number in range(20)]
    pick(ana, [*orders, *more])
    with django_assert_max_num_queries(20):
        ana.get(f"{LISTS}{PickList.objects.get().pk}/change/")
    assert amazon().orders.count() == 24


# --- PDF ---------------------------------------------------------------------------------------------


def texts_of(data: bytes) -> list[list[str]]:
    """What stands on each page of a PDF of ours, piece by piece. Its fonts number the letters that it uses."""
    streams = [found[1] for found in re.finditer(rb"stream\n(.*?)\nendstream", data, re.S)]
    streams = [zlib.decompress(stream) if stream.startswith(b"x") else stream for stream in streams]
    of_fonts = [
        {
            int(sign, 16): chr(int(letter, 16))
            for sign, letter in re.findall(rb"<(\w{4})> <(\w{4})>\n", stream)
        }
        for stream in streams
        if b"beginbfchar" in stream
    ]
    pages = []
    for stream in streams:
        if b"beginbfchar" in stream or b" Tj ET" not in stream:
            continue
        pages.append(texts := list[str]())
        for number, text in re.findall(rb"/F(\d) [\d.]+ Tf|\(((?:[^\\)]|\\.)*)\) Tj", stream, re.S):
            if number:
                signs = of_fonts[int(number) - 1]
                continue
            plain = re.sub(rb"\\(.)", lambda found: {b"r": b"\r"}.get(found[1], found[1]), text, flags=re.S)
            texts.append("".join(signs[int.from_bytes(plain[at : at + 2])] for at in range(0, len(plain), 2)))
    return pages


def pdf_of(client: Client, pick_list: PickList, **form: Any) -> list[list[str]]:
    answer = client.post(f"{LISTS}{pick_list.pk}/slips/", {"size": "a4", "as": "pdf", **form})
    assert answer["Content-Type"] == "application/pdf"
    return texts_of(answer.content)


@pytest.mark.parametrize("size", ["a4", "label", "label-4x6", "label-103x199"])
def test_slips_as_pdf_say_what_the_page_says(admin_client: Client, orders: list[Order], size: str) -> None:
    Order.objects.filter(pk=orders[0].pk).update(
        marketplace_id="A1C3SOZRARQ6R3", total="12.50", currency="PLN"
    )
    OrderItem.objects.filter(order=orders[1], sku="BOX").update(sku="BOX-\U0001f984", title="Żółte pudełko")
    pick_list = make_list(orders, "Ana").pick_list
    assert pick_list is not None
    first, second = pdf_of(admin_client, pick_list, size=size)
    assert first[0] == "List przewozowy"
    assert {"Zamówienie 902-1", "Red cup", "CUP", "2"} <= set(first)
    assert not any("12" in text for text in first)
    assert {"Order 902-2", "3", "1", "BOX-\ufffd", "Żółte pudełko"} <= set(second)
    assert not any("Sent" in text for text in second)
    (priced, _other) = pdf_of(admin_client, pick_list, size=size, prices="on")
    assert "12.50 PLN" in priced or "12,50 PLN" in priced
    assert AuditEntry.objects.filter(action="buyer_data.read").count() == 0


def test_a_pdf_has_addresses_for_those_who_may_and_is_refused_where_no_font_has_their_letters(
    admin_client: Client, orders: list[Order]
) -> None:
    address = {"name": "Ana CANARY", "addressLine1": "Łódzka 1", "city": "Łódź"}
    OrderBuyer.objects.create(
        order=orders[0], data=SecretDict({"address": address}), purge_after=timezone.now()
    )
    pick_list = make_list(orders[:1], "Ana").pick_list
    assert pick_list is not None
    (slip,) = pdf_of(admin_client, pick_list, addresses="on")
    assert {"Ana CANARY", "Łódzka 1", "Łódź"} <= set(slip)
    assert AuditEntry.objects.filter(action="buyer_data.read").count() == 1
    packer = member("bob", "Operator")
    assert "Ana CANARY" not in str(pdf_of(packer, pick_list, addresses="on"))
    OrderBuyer.objects.update(data=SecretDict({"address": {"name": "山田"}}))
    form = {"size": "a4", "as": "pdf", "addresses": "on"}
    refused = admin_client.post(f"{LISTS}{pick_list.pk}/slips/", form, follow=True)
    assert "No PDF was made: 902-1 has letters" in refused.content.decode()


@pytest.mark.parametrize(
    ("title", "is_told"), [("Đèn bàn, Ångström, Чайник", False), ("傘", True), ("شاي", True)]
)
def test_the_page_says_where_the_pdf_lacks_letters(admin_client: Client, title: str, is_told: bool) -> None:
    pick_list = make_list([make_order("904-1", status="unshipped", title=title)], "Ana").pick_list
    assert pick_list is not None
    page = admin_client.get(f"{LISTS}{pick_list.pk}/change/").content.decode()
    assert ("print this page instead" in page) is is_told


def font_of(letters: str, file: Path) -> str:
    """A font that has these letters alone, each as a box."""
    names = [f"sign{number}" for number in range(len(letters))]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names])
    builder.setupCharacterMap(dict(zip(map(ord, letters), names, strict=True)))
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(corner)
    pen.closePath()
    box = pen.glyph()
    builder.setupGlyf(dict.fromkeys([".notdef", *names], box))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names], (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(str(file))
    return str(file)


def test_a_pdf_has_the_letters_of_the_fonts_that_are_named(
    admin_client: Client, settings: Any, tmp_path: Path
) -> None:
    order = make_order(
        "905-1", status="unshipped", sku="KASA", title="傘 Umbrella شاي", marketplace_id="A1VC38T7YXB528"
    )
    address = {"name": "山田太郎", "city": "東京"}
    OrderBuyer.objects.create(order=order, data=SecretDict({"address": address}), purge_after=timezone.now())
    pick_list = make_list([order], "Ana").pick_list
    assert pick_list is not None
    letters = set("".join(WORDS["ja"].values()) + "傘山田太郎東京年月日")
    font = font_of("".join(sorted(letters)), tmp_path / "boxes.ttf")
    settings.PDF_FONT_FALLBACK = [str(tmp_path / "missing.ttf"), font]
    (slip,) = pdf_of(admin_client, pick_list, addresses="on")
    text = "".join(slip)
    assert "納品書" in text  # its marketplace's language
    assert "山田太郎" in text
    assert "東京" in text
    assert "傘 Umbrella \ufffd\ufffd\ufffd" in text  # from right to left, it would be the wrong way round
    page = admin_client.get(f"{LISTS}{pick_list.pk}/change/").content.decode()
    assert "print this page instead" in page
    OrderItem.objects.update(title="傘")
    page = admin_client.get(f"{LISTS}{pick_list.pk}/change/").content.decode()
    assert "print this page instead" not in page


def test_check_says_which_font_cannot_be_used(settings: Any, tmp_path: Path) -> None:
    no_font = tmp_path / "text.ttf"
    no_font.write_text("no font")
    settings.PDF_FONT_FALLBACK = [
        font_of("傘", tmp_path / "boxes.ttf"),
        str(no_font),
        str(tmp_path / "missing.ttf"),
    ]
    problems = [problem.msg for problem in run_checks() if problem.id == "oms.W016"]
    assert problems == [
        f"A font of PDF_FONT_FALLBACK cannot be used: {no_font} (it is no font).",
        f"A font of PDF_FONT_FALLBACK cannot be used: {tmp_path / 'missing.ttf'} (No such file or directory).",
    ]


@pytest.mark.parametrize(
    ("size", "points"),
    [("a4", (595, 842)), ("label", (283, 425)), ("label-4x6", (288, 432)), ("label-103x199", (292, 564))],
)
def test_slips_are_of_the_size_of_the_paper(
    admin_client: Client, orders: list[Order], size: str, points: tuple[int, int]
) -> None:
    pick_list = make_list(orders[:1], "Ana").pick_list
    assert pick_list is not None
    data = admin_client.post(f"{LISTS}{pick_list.pk}/slips/", {"size": size, "as": "pdf"}).content
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert [(round(float(width)), round(float(height))) for width, height in boxes] == [points]
    page = admin_client.post(f"{LISTS}{pick_list.pk}/slips/", {"size": size}).content.decode()
    assert f'class="{size}"' in page or f'class="label {size}"' in page


def test_a_long_pick_list_as_pdf_has_its_heading_on_each_page(admin_client: Client) -> None:
    made = [
        make_order(
            f"903-{number}", status="unshipped", sku=f"SKU-{max(number - 99, 0):03}", title="long " * 200
        )
        for number in range(120)
    ]
    pick_list = make_list(made, "Ana").pick_list
    assert pick_list is not None
    pages = texts_of(admin_client.get(f"{LISTS}{pick_list.pk}/pdf/").content)
    assert len(pages) > 1
    assert pages[0][0] == f"Pick list {pick_list.pk}"
    assert all("SKU" in page for page in pages)
    ids = re.findall(r"903-\d+", " ".join(text for page in pages for text in page))
    assert sorted(ids) == sorted(order.external_id for order in made)
    assert [text for page in pages for text in page if text.startswith("SKU-")] == [
        f"SKU-{n:03}" for n in range(21)
    ]
