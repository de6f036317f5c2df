"""What each of the groups may do: shown is what works, and what is not shown is refused."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from access.models import PasswordRecord
from api.tests.rest import amazon, make_order, make_stock, token_client
from audit.models import AuditEntry
from integrations.models import SyncFailure, SyncLog
from platforms.models import Platform

pytestmark = pytest.mark.django_db

VIEWER, OPERATOR, MANAGER, PRIVACY = "Viewer", "Operator", "Manager", "Privacy officer"
SHIPPER = "Shipper"
EVERYBODY = {VIEWER, OPERATOR, MANAGER, PRIVACY, SHIPPER}
SYNCS = {OPERATOR, MANAGER}
LISTS = (
    "orders/order", "inventory/inventoryitem", "platforms/platform",
    "integrations/synclog", "integrations/syncfailure",
)  # fmt: skip


@pytest.fixture(params=sorted(EVERYBODY))
def group(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def member(group: str) -> User:
    user = User.objects.create_user("somebody", password="a long pass phrase", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    return user


@pytest.fixture
def client(member: User) -> Client:
    client = Client()
    client.force_login(member)
    return client


def failure() -> SyncFailure:
    log = SyncLog.objects.create(
        platform=amazon(), kind="orders", trigger="admin", status="partial", failed=1
    )
    return SyncFailure.objects.create(
        log=log, platform=amazon(), kind="orders", external_id="111-0000009-0000009", error_code="malformed"
    )


def test_it_lets_everybody_look_at_orders_stock_platforms_and_syncs(client: Client, group: str) -> None:
    for name in LISTS:
        assert client.get(f"/admin/{name}/").status_code == 200, name
    assert client.get("/admin/auth/user/").status_code == (200 if group == MANAGER else 403)


def test_it_offers_and_accepts_a_sync_from_operators_and_managers(client: Client, group: str) -> None:
    page = client.get(f"/admin/platforms/platform/{amazon().pk}/change/").content.decode()
    assert ("Sync from Amazon" in page) is (group in SYNCS)
    asked = client.post(
        "/admin/platforms/platform/sync/",
        {"platform": amazon().pk, "kind": "both", "span": "last", "by": "updated"},
    )
    assert asked.status_code == (302 if group in SYNCS else 403)
    assert SyncLog.objects.exists() is (group in SYNCS)


def test_it_offers_and_accepts_dismissing_a_failure_from_operators_and_managers(
    client: Client, group: str
) -> None:
    failed = failure()
    page = client.get(f"/admin/integrations/syncfailure/{failed.pk}/change/").content.decode()
    assert ("Dismiss" in page) is (group in SYNCS)
    client.post(f"/admin/integrations/syncfailure/{failed.pk}/press/dismiss/")
    failed.refresh_from_db()
    assert failed.is_open is (group not in SYNCS)


def test_it_lets_managers_alone_change_platforms(client: Client, group: str) -> None:
    address = f"/admin/platforms/platform/{amazon().pk}/change/"
    assert ('name="display_name"' in client.get(address).content.decode()) is (group == MANAGER)
    expected = 200 if group == MANAGER else 403
    assert client.get("/admin/platforms/platform/add/").status_code == expected
    assert client.post(f"/admin/platforms/platform/{amazon().pk}/delete/").status_code == expected


def test_it_shows_buyer_data_to_privacy_officers_alone(client: Client, group: str) -> None:
    order = make_order()
    page = client.get(f"/admin/orders/order/{order.pk}/buyer/")
    assert page.status_code == (403 if group != PRIVACY else 404)  # this order has no buyer stored


def test_it_holds_in_the_api_as_well(member: User, group: str) -> None:
    client = token_client(member)
    make_order()
    make_stock()
    for name in ("orders", "inventory", "platforms", "sync-logs", "sync-failures"):
        assert client.get(f"/{name}").status_code == 200, name
    assert client.post("/orders/sync").status_code == (202 if group in SYNCS else 403)
    changed = client.patch(f"/platforms/{amazon().pk}", {"display_name": "Shop"})
    assert changed.status_code == (200 if group == MANAGER else 403)


def _save_user(admin_client: Client, user: User, **fields: Any) -> str:
    """The user's form as a browser sends it: what is not ticked is not sent. Returns the page that follows."""
    form = {
        "username": user.username,
        "is_active": "on",
        "date_joined_0": "2026-01-31",
        "date_joined_1": "12:00",
    }
    address = f"/admin/auth/user/{user.pk}/change/?all=1"
    return admin_client.post(address, form | fields, follow=True).content.decode()


def test_it_lets_whoever_joins_a_group_sign_in(admin_client: Client) -> None:
    password = "A long pass phrase"
    admin_client.post("/admin/auth/user/add/", {"username": "ada"})
    ada = User.objects.get(username="ada")
    assert not ada.is_staff
    ada.set_password(password)
    ada.save()
    PasswordRecord.objects.update(is_temporary=False)
    viewer = Group.objects.get(name=VIEWER)
    assert "ada can sign in to the admin now" in _save_user(admin_client, ada, groups=viewer.pk)
    client = Client()
    signed_in = client.post("/admin/login/", {"username": "ada", "password": password, "next": "/admin/"})
    assert (signed_in.status_code, client.get("/admin/orders/order/").status_code) == (302, 200)

    # Taken away on purpose, for somebody who only uses the API: it stays away, and leaving takes it from nobody.
    assert "can sign in" not in _save_user(admin_client, ada, groups=viewer.pk)
    ada.refresh_from_db()
    assert not ada.is_staff
    boss = User.objects.get(username="admin")
    boss.groups.add(viewer)
    boss.groups.clear()
    boss.refresh_from_db()
    assert boss.is_staff


def test_it_sets_the_staff_status_from_a_script_as_well() -> None:
    one, two = (User.objects.create_user(name) for name in ("one", "two"))
    Group.objects.create(name="without rights").user_set.add(one)
    one.refresh_from_db()
    assert not one.is_staff
    Group.objects.get(name=OPERATOR).user_set.add(one, two)
    one.groups.remove(*one.groups.all())
    assert User.objects.filter(is_staff=True, username__in=("one", "two")).count() == 2
    entries = AuditEntry.objects.filter(changes_json__contains="is_staff", action="user.changed")
    assert sorted(entry.object_name for entry in entries) == ["one", "two"]
    assert {str(entry.changes) for entry in entries} == {"{'is_staff': [False, True]}"}
    three = User.objects.create_user("three")
    three.groups.set([Group.objects.get(name=VIEWER)])
    three.save()
    three.refresh_from_db()
    assert three.is_staff


@pytest.mark.django_db(transaction=True)
def test_it_makes_the_groups_but_leaves_one_alone_that_is_there() -> None:
    Group.objects.all().delete()
    Group.objects.create(name=OPERATOR)
    call_command("migrate", "oms", "zero", verbosity=0)
    call_command("migrate", "oms", verbosity=0)
    sizes = {group.name: group.permissions.count() for group in Group.objects.all()}
    assert sizes.pop(OPERATOR) == 0
    assert set(sizes) == EVERYBODY - {OPERATOR}
    assert all(sizes.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_test_that_commits_leaves_what_an_installation_starts_with(turn: str) -> None:
    """Tests run in any order, and pytest-django deletes all rows behind one that commits."""
    assert Platform.objects.get(name="amazon").kind == "amazon"
    assert all(Group.objects.get(name=name).permissions.exists() for name in EVERYBODY)
