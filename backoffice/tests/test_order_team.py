"""What a team keeps of an order: notes that name people, tags, an assignee; who may, and who must not see it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.test import Client

from access.confinement import confine
from api.tests.rest import amazon, make_order
from audit.models import AuditEntry
from orders.erasing import erase_of_order
from orders.models import Order, OrderAssignment, OrderItem, OrderMention, OrderNote, OrderTag
from orders.teamwork import assign, waiting_for, with_tag
from platforms.models import Platform

pytestmark = pytest.mark.django_db

ORDERS = "/admin/orders/order/"


def somebody(name: str, *groups: str) -> User:
    user = User.objects.create_user(name, password="a long pass phrase", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(client: Client, order: Order) -> str:
    return client.get(f"{ORDERS}{order.pk}/change/").content.decode()


def send(client: Client, order: Order, **fields: str) -> Any:
    return client.post(f"{ORDERS}{order.pk}/team/", fields, follow=True)


def waiting(user: User) -> set[str]:
    """What his tab lists; it counts the same."""
    cache.clear()
    client = signed_in(user)
    listed = client.get(f"{ORDERS}?for_me=1").context["cl"].result_list
    counts = client.get(f"{ORDERS}counts/").content.decode()
    assert re.search(r'id="oms-tab-count-for_me"[^>]*>(\d+)<', counts)[1] == str(len(listed))  # type: ignore[index]
    return {order.external_id for order in listed}


def test_a_note_tells_whom_it_names_until_they_have_opened_the_order() -> None:
    ana, bob, cleo = (somebody(name, "Operator") for name in ("ana", "Bob.B", "cleo"))
    order, other = make_order("1", status="unshipped"), make_order("2")
    answer = send(signed_in(ana), order, note="Wait for @bob.b, please. <b>Not</b> cleo@example.com, @nobody")
    assert "Bob.B will see it" in answer.content.decode()
    assert (waiting(ana), waiting(bob), waiting(cleo)) == (set(), {"1"}, set())
    page_of(signed_in(bob), other)
    page_of(signed_in(cleo), order)
    assert waiting(bob) == {"1"}
    page = page_of(signed_in(bob), order)
    assert "&lt;b&gt;Not&lt;/b&gt;" in page
    assert waiting(bob) == set()
    assert OrderMention.objects.get().seen_at is not None
    (entry,) = AuditEntry.objects.filter(action="order.noted")
    assert (entry.actor, entry.object_name, "Wait" in entry.changes_json) == ("ana", "1", False)


def test_an_order_is_assigned_on_its_page_and_by_the_list() -> None:
    ana, bob = somebody("ana", "Manager"), somebody("bob", "Operator")
    orders = [make_order(str(number)) for number in range(3)]
    send(signed_in(ana), orders[0], assignee="bob")
    assert waiting(bob) == {"0"}
    action = {"action": "assign_to_me", "_selected_action": [order.pk for order in orders], "index": 0}
    answer = signed_in(ana).post(ORDERS, action, follow=True)
    assert "3 orders are assigned to you." in answer.content.decode()
    assert (waiting(ana), waiting(bob)) == ({"0", "1", "2"}, set())
    assert "nobody of this name" in send(signed_in(ana), orders[0], assignee="eve").content.decode()
    send(signed_in(ana), orders[0], assignee="")
    assert waiting(ana) == {"1", "2"}
    assert AuditEntry.objects.filter(action="order.assigned").count() == 5


def test_tags_are_found_by_the_list() -> None:
    client, order, other = signed_in(somebody("ana", "Operator")), make_order("1"), make_order("2")
    send(client, order, tags="gift,  wait   for stock ,gift,")
    send(client, other, tags="gift")
    assert [tag.name for tag in order.tags.all()] == ["gift", "wait for stock"]
    found = {
        name: client.get(ORDERS, {"tag": name}).context["cl"].result_count
        for name in ("gift", "wait for stock")
    }
    assert found == {"gift": 2, "wait for stock": 1}
    assert client.get(ORDERS, {"tag": "lost"}).status_code == 400
    send(client, order, tags="")
    assert order.tags.count() == 0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"note": "  \n "}, "the note is empty"),
        ({"note": "x" * 2001}, "the text is too long"),
        ({"tags": "x" * 41}, "the text is too long"),
        ({"tags": ",".join(map(str, range(21)))}, "20 tags at most"),
    ],
)
def test_what_cannot_be_stored_changes_nothing(fields: dict[str, str], sentence: str) -> None:
    order = make_order()
    assert sentence in send(signed_in(somebody("ana", "Operator")), order, **fields).content.decode()
    assert (OrderNote.objects.count(), order.tags.count()) == (0, 0)


def test_who_may_look_alone_reads_and_writes_nothing() -> None:
    order = make_order()
    send(signed_in(somebody("ana", "Operator")), order, note="Call the carrier")
    viewer = signed_in(somebody("vera", "Viewer"))
    page = page_of(viewer, order)
    assert "Call the carrier" in page
    assert "team/" not in page
    assert send(viewer, order, note="I was here").status_code == 403
    assert "assign_to_me" not in viewer.get(ORDERS).content.decode()
    assert OrderNote.objects.count() == 1


def test_who_is_confined_to_other_platforms_is_neither_offered_nor_told() -> None:
    theirs = Platform.objects.create(name="theirs")
    ana, bob, cleo = (somebody(name, "Operator") for name in ("ana", "bob", "cleo"))
    confine(bob, [theirs.pk])
    team = Group.objects.create(name="Team of theirs")
    confine(team, [theirs.pk])
    cleo.groups.add(team)
    here, there = make_order("1", platform=amazon()), make_order("2", platform=theirs)
    assert offered(page_of(signed_in(ana), here)) == {"", "ana"}
    assert offered(page_of(signed_in(ana), there)) == {"", "ana", "bob", "cleo"}
    send(signed_in(ana), here, note="@bob @cleo")
    send(signed_in(ana), there, note="@bob @cleo")
    assert (waiting(bob), waiting(cleo)) == ({"2"}, {"2"})
    assert send(signed_in(bob), here, note="I see you").status_code in (302, 403, 404)
    assert OrderNote.objects.count() == 2


def offered(page: str) -> set[str]:
    select = page[page.index('name="assignee"') :]
    return set(re.findall(r'<option value="([^"]*)"', select[: select.index("</select>")]))


def test_tags_of_other_platforms_are_neither_offered_nor_found() -> None:
    theirs = Platform.objects.create(name="theirs")
    ana, bob = somebody("ana", "Operator"), somebody("bob", "Operator")
    confine(bob, [theirs.pk])
    here, there = make_order("1", platform=amazon()), make_order("2", platform=theirs)
    send(signed_in(ana), here, tags="CANARY of ours, both")
    send(signed_in(ana), there, tags="of theirs, both")
    bobs = signed_in(bob)
    for page in (page_of(bobs, there), bobs.get(ORDERS).content.decode()):
        assert '<option value="of theirs"' in page
        assert "CANARY" not in page
    assert bobs.get(ORDERS, {"tag": "CANARY of ours"}).status_code == 400
    assert [order.pk for order in bobs.get(ORDERS, {"tag": "both"}).context["cl"].result_list] == [there.pk]
    assert '<option value="CANARY of ours"' in page_of(signed_in(ana), there)


def test_a_tag_beyond_those_that_are_offered_is_found_by_its_link() -> None:
    order = make_order("1")
    OrderTag.objects.bulk_create(OrderTag(order=order, name=f"a{number:03}") for number in range(200))
    OrderTag.objects.create(order=order, name="z")
    answer = signed_in(somebody("ana", "Viewer")).get(ORDERS, {"tag": "z"})
    assert (answer.status_code, answer.context["cl"].result_count) == (200, 1)


def test_the_newest_orders_are_listed_where_there_are_more_than_a_list_holds() -> None:
    ana, first_day = somebody("ana", "Operator"), datetime(2026, 1, 1, tzinfo=UTC)
    orders = [make_order(str(day), purchased_at=first_day + timedelta(days=day)) for day in range(3)]
    assign(orders, ana)
    OrderTag.objects.bulk_create(OrderTag(order=order, name="gift") for order in orders)
    assert waiting_for(ana, most=2) == [orders[1].pk, orders[2].pk]
    assert with_tag("gift", most=2) == [orders[2].pk, orders[1].pk]


def test_two_people_tag_an_order_without_undoing_each_other() -> None:
    order, ana = make_order(), signed_in(somebody("ana", "Operator"))
    send(ana, order, tags="gift, old, wait")
    page = page_of(ana, order)
    shown = re.findall(r'name="shown" value="([^"]*)"', page)
    assert shown == ["gift", "old", "wait"]
    bob = signed_in(somebody("bob", "Operator"))
    send(bob, order, has_shown="1", shown=shown, tags="gift, wait, by bob")  # type: ignore[arg-type]
    send(ana, order, has_shown="1", shown=shown, tags="gift, old, by ana")  # type: ignore[arg-type]
    assert [tag.name for tag in order.tags.all()] == ["by ana", "by bob", "gift"]


def test_a_note_that_is_sent_twice_is_stored_once_and_is_as_long_as_its_field_takes() -> None:
    order, ana = make_order(), signed_in(somebody("ana", "Operator"))
    text = "\n".join(["x" * 999, "y" * 1000])  # as a browser counts it: 2000 characters
    for _turn in range(2):
        send(ana, order, note=text.replace("\n", "\r\n"))
    assert [note.text for note in order.notes.all()] == [text]
    send(signed_in(somebody("bob", "Operator")), order, note=text)
    send(ana, order, note=text)
    assert order.notes.count() == 3


def test_everybody_who_sees_the_order_is_told_behind_however_many_who_do_not() -> None:
    theirs = Platform.objects.create(name="theirs")
    team = Group.objects.create(name="Team of theirs")
    team.permissions.add(Permission.objects.get(codename="view_order"))
    confine(team, [theirs.pk])
    many = User.objects.bulk_create(User(username=f"a{number:03}", is_staff=True) for number in range(200))
    team.user_set.add(*many)
    ana = somebody("zoe", "Operator")
    order = make_order(platform=amazon())
    send(signed_in(ana), order, assignee="zoe")
    assert OrderAssignment.objects.get().user == ana


def test_a_cancelled_line_without_amounts_hides_none_of_the_others() -> None:
    order = make_order(currency="EUR", total="11.90")
    OrderItem.objects.update(currency="EUR", total="11.90", tax="1.90")
    OrderItem.objects.create(order=order, external_id="02", sku="GONE", quantity_ordered=0)
    assert "of which tax" in page_of(signed_in(somebody("ana", "Viewer")), order)


def test_erasing_the_buyer_erases_the_notes() -> None:
    order, other = make_order("1"), make_order("2")
    eraser = somebody("ana", "Operator")
    eraser.user_permissions.add(Permission.objects.get(codename="delete_orderbuyer"))
    for each in (order, other):
        send(signed_in(eraser), each, note="Mrs CANARY called")
    assert f"{ORDERS}{order.pk}/buyer/erase/" in page_of(signed_in(eraser), order)
    erase_of_order(order, reason="asked")
    assert list(OrderNote.objects.values_list("order__external_id", flat=True)) == ["2"]
    assert not AuditEntry.objects.filter(changes_json__contains="CANARY").exists()


def test_the_page_asks_the_same_questions_whatever_is_on_it(django_assert_num_queries: Any) -> None:
    ana, order = somebody("ana", "Manager"), make_order()
    client = signed_in(ana)
    page_of(client, order)
    counts = []
    for _turn in range(2):
        with django_assert_num_queries(22):
            page_of(client, order)
        counts.append(order.notes.count())
        for number in range(5):
            somebody(f"more{number}{_turn}", "Operator")
            send(client, order, note=f"note {number}")
        send(client, order, tags="a,b,c", assignee="ana")
    assert counts == [0, 5]
