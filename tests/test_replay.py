"""Failures, over HTTP: fetched again and stored, or dismissed. Service, REST, command and admin."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse

from api.tests.rest import fetch_all, superuser, user_with
from integrations.errors import PlatformError
from integrations.models import SyncFailure, SyncLog
from integrations.sync.failures import dismiss, replay, replay_each
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    UNAVAILABLE,
    order_page,
    platform_of,
    raw_item,
    raw_order,
    refusal,
    requests_of,
    stored_orders,
    stored_stock,
    sync,
)
from inventory.models import InventoryItem
from orders.models import Order, OrderBuyer
from platforms.models import Platform, Source
from simulator import CANARY, Canned, Simulator

pytestmark = pytest.mark.django_db(transaction=True)

StartSimulator = Callable[..., Simulator]
DENIED = refusal(403, "Unauthorized", "Access to requested resource is denied.")
NOT_FOUND = refusal(404, "NotFound", "No such order.")
BUYER = {"buyer": {"buyerName": CANARY, "buyerEmail": f"{CANARY}@example.com"}}


def bad(order_id: str, **more: Any) -> Any:
    return raw_order(orderId=order_id, createdTime="yesterday", **more)


def fail(sim: Simulator, *numbers: int) -> list[SyncFailure]:
    """A sync that meets these orders of the account, unreadable: their failures, oldest first."""
    ids = [sim.accounts[0].order_ids()[number] for number in numbers or (0,)]
    sim.script("searchOrders", order_page(*[bad(order_id, **BUYER) for order_id in ids]))
    log = sync(platform_of(sim))
    return list(log.failures.order_by("pk"))


def answer_order(order: Any) -> Canned:
    return Canned.json(200, {"order": order})


def state(failure: SyncFailure) -> tuple[bool, str, str]:
    failure.refresh_from_db()
    return failure.is_open, failure.resolution, failure.error_code


OPEN, REPLAYED = (True, "", "malformed"), (False, "replayed", "malformed")


# --- one failure


def test_it_stores_the_order_as_amazon_reports_it_now(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    assert Order.objects.count() == 0
    assert not replay(failure).is_open
    truth = sim.accounts[0].truth_orders()
    assert stored_orders(failure.platform) == {failure.external_id: truth[failure.external_id]}
    assert state(failure) == REPLAYED
    assert sim.calls["getOrder"] == 1


def test_it_asks_amazon_no_second_time(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    first, again = replay(failure), replay(failure)
    assert (again.resolved_at, again.resolution) == (first.resolved_at, "replayed")
    assert (sim.calls["getOrder"], Order.objects.count()) == (1, 1)


def test_it_resolves_every_failure_of_this_record_and_no_other(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [first] = fail(sim, 0)
    other, second = fail(sim, 1, 0)
    lower = SyncFailure.objects.create(
        log=first.log, platform=first.platform, kind=first.kind, external_id=first.external_id.lower() + "x"
    )
    replay(first)
    assert [state(each)[0] for each in (first, second, other, lower)] == [False, False, True, True]


def test_it_leaves_a_failure_open_that_came_in_meanwhile(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)

    class MeetsItAgain:
        """While the order is being fetched, a sync meets a later copy that is bad again."""

        def before(self, call: Any) -> Canned | None:
            if call.operation == "getOrder":
                SyncFailure.objects.create(
                    log_id=failure.log_id, platform_id=failure.platform_id, kind="orders",
                    external_id=failure.external_id, error_code="malformed",
                )  # fmt: skip
                connection.close()  # of the simulator's thread
            return None

    sim.faults = MeetsItAgain()
    replay(failure)
    assert list(SyncFailure.objects.open().values_list("pk", flat=True)) == [failure.pk + 1]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([UNAVAILABLE] * ALWAYS, "unavailable"),
        ([DENIED] * ALWAYS, "forbidden"),
        ([refusal(400, "InvalidInput", "No.")] * ALWAYS, "bad_request"),
        ([answer_order(raw_order(7))], "broken_answer"),
    ],
)
def test_it_changes_nothing_where_amazon_does_not_answer(
    start_simulator: StartSimulator, answers: list[Canned], code: str
) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    sim.script("getOrder", *answers)
    before = SyncFailure.objects.values().get()
    with pytest.raises(PlatformError) as raised:
        replay(failure)
    assert raised.value.code == code
    assert (SyncFailure.objects.values().get(), Order.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (NOT_FOUND, "not_found"),
        (lambda order_id: answer_order(bad(order_id, orderItems=None, **BUYER)), "malformed"),
        (
            lambda order_id: answer_order(
                raw_order(orderId=order_id, orderItems=[raw_item(quantityOrdered=10**30)])
            ),
            "not_storable",
        ),
    ],
    ids=["unknown", "still bad", "refused by the database"],
)
def test_it_keeps_a_record_open_with_the_new_reason(
    start_simulator: StartSimulator, answer: Any, code: str
) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    before = failure.error_message
    sim.script("getOrder", answer(failure.external_id) if callable(answer) else answer)
    assert replay(failure).is_open
    assert state(failure) == (True, "", code)
    assert failure.error_message != before
    assert failure.payload["orderId"] == failure.external_id
    assert CANARY not in failure.error_message + json.dumps(failure.payload)
    assert Order.objects.count() == 0


def test_it_cannot_replay_a_record_without_an_id(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    sim.script("searchOrders", order_page(bad("")))
    failure = sync(platform_of(sim)).failures.get()
    with pytest.raises(PlatformError, match="dismiss it") as raised:
        replay(failure)
    assert raised.value.code == "no_record_id"
    assert sim.calls["getOrder"] == 0


def test_it_never_takes_test_data_for_a_live_record(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    platform_of(sim, region="SANDBOX")
    with pytest.raises(PlatformError) as raised:
        replay(failure)
    assert (raised.value.code, state(failure), Order.objects.count()) == ("other_source", OPEN, 0)


def test_it_resolves_no_live_failure_with_test_data(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [live], [sandbox] = fail(sim), fail(sim)
    SyncLog.objects.filter(failures=sandbox).update(source=Source.SANDBOX)
    platform_of(sim, region="SANDBOX")
    replay(sandbox)
    assert (state(live), state(sandbox)) == (OPEN, REPLAYED)
    assert Order.objects.get().source == Source.SANDBOX


def test_it_keeps_the_newest_answer_without_personal_data(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    sim.script("getOrder", answer_order(bad(failure.external_id, updated="2026-11-09T00:00:00Z", **BUYER)))
    replay(failure)
    failure.refresh_from_db()
    assert failure.payload["lastUpdatedTime"] == "2026-11-09T00:00:00Z"
    assert CANARY not in json.dumps(failure.payload)


def test_it_goes_on_without_buyer_data_that_amazon_refuses(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    Platform.objects.filter(pk=platform_of(sim).pk).update(include_pii=True)
    [failure] = fail(sim)
    sim.script("getOrder", DENIED)
    replay(failure)
    assert state(failure) == REPLAYED
    asked = [call["includedData"].split(",") for call in requests_of(sim, "getOrder")]
    assert [("BUYER" in sets, "FULFILLMENT" in sets) for sets in asked] == [(True, True), (False, True)]
    assert (Order.objects.count(), OrderBuyer.objects.count()) == (1, 0)


# --- stock


def fail_sku(sim: Simulator, sku: str) -> SyncFailure:
    row = {"sellerSku": sku, "totalQuantity": "many"}
    sim.script("getInventorySummaries", Canned.json(200, {"payload": {"inventorySummaries": [row]}}))
    return sync(platform_of(sim), INVENTORY).failures.get()


def test_it_stores_a_sku_in_all_marketplaces(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=20, marketplace_ids=("A1PA6795UKMFR9", "A13V1IB3VIYZZH"))
    account = sim.accounts[0]
    sku = account.skus()[1]
    failure = fail_sku(sim, sku)
    assert not replay(failure).is_open
    truth = {key: row for key, row in account.truth_inventory().items() if row["sku"] == sku}
    stored = {key: row for key, row in stored_stock(failure.platform).items() if row["sku"] == sku}
    assert stored == truth
    assert {key[0] for key in stored} == set(account.marketplace_ids)


def test_it_counts_a_sku_once_whose_fnsku_is_another_now(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=20)
    sku = sim.accounts[0].skus()[1]
    sync(platform_of(sim), INVENTORY)
    rows = InventoryItem.objects.filter(sku=sku)
    rows.update(fnsku="X-OLD")
    assert not replay(fail_sku(sim, sku)).is_open
    assert rows.filter(gone_at=None).count() == 1
    assert rows.exclude(gone_at=None).values_list("fnsku", "available").get() == ("X-OLD", 0)


def test_it_keeps_a_sku_open_that_amazon_does_not_know(start_simulator: StartSimulator) -> None:
    sim = start_simulator(skus=5)
    failure = fail_sku(sim, "no such SKU")
    assert replay(failure).is_open
    assert state(failure) == (True, "", "sku_not_found")


# --- all of them


def test_it_goes_on_after_one_that_fails(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    failures = fail(sim, 0, 1, 2)
    sim.script("getOrder", *[UNAVAILABLE] * 4)  # as often as it is tried
    ends = {each.failure.pk: each.why_open[0] for each in replay_each(SyncFailure.objects.all())}
    assert list(ends.values()) == ["unavailable", "", ""]
    assert [state(each) for each in failures] == [OPEN, REPLAYED, REPLAYED]
    assert [each.why_open[0] for each in replay_each(SyncFailure.objects.all())] == [""]
    assert list(replay_each(SyncFailure.objects.all())) == []


def test_it_asks_for_each_record_once(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    for _ in range(3):
        fail(sim, 0)
    sim.script("getOrder", NOT_FOUND)
    assert [each.why_open[0] for each in replay_each(SyncFailure.objects.all())] == ["not_found"]
    assert sim.calls["getOrder"] == 1


def test_it_asks_no_more_where_the_credentials_are_what_is_missing(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    fail(sim, 0, 1, 2)
    platform = platform_of(sim, client_secret="wrong")
    tokens = sim.calls["token"]
    assert [each.why_open[0] for each in replay_each(SyncFailure.objects.filter(platform=platform))] == [
        "invalid_client"
    ] * 3
    assert (sim.calls["token"] - tokens, sim.calls["getOrder"]) == (1, 0)


def test_it_asks_no_more_while_amazon_is_down(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=9)
    fail(sim, *range(8))
    sim.script("getOrder", *[UNAVAILABLE] * ALWAYS)
    assert [each.why_open[0] for each in replay_each(SyncFailure.objects.all())] == ["unavailable"] * 8
    assert sim.calls["getOrder"] == 3 * 4


def test_it_replays_the_failures_of_one_platform_alone(start_simulator: StartSimulator) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    other = Platform.objects.create(name="other")
    assert list(replay_each(SyncFailure.objects.filter(platform=other))) == []
    assert state(failure) == OPEN


# --- dismissing


def test_it_dismisses_a_failure_and_leaves_a_resolved_one_as_it_is(start_simulator: StartSimulator) -> None:
    one, other = fail(start_simulator(orders=5), 0, 1)
    replay(other)
    assert [dismiss(each).resolution for each in (one, one, other)] == ["dismissed", "dismissed", "replayed"]
    assert replay(one).resolution == "dismissed"
    assert Order.objects.count() == 1


# --- REST


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_api_replays_and_says_who_did(start_simulator: StartSimulator, slash: str) -> None:
    [failure] = fail(start_simulator(orders=5))
    root = superuser()
    for _ in range(2):
        answer = root.post(f"/sync-failures/{failure.pk}/replay{slash}")
        row = answer.json()
        assert (answer.status_code, row["resolution"], row["resolved_by"]) == (200, "replayed", "root")
    assert row == root.get(f"/sync-failures/{failure.pk}").json()
    assert CANARY not in json.dumps(row)


@pytest.mark.parametrize(("answer", "code"), [(NOT_FOUND, "not_found"), (DENIED, "forbidden")])
def test_the_api_says_why_a_failure_stays_open(
    start_simulator: StartSimulator, answer: Canned, code: str
) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    sim.script("getOrder", *[answer] * ALWAYS)
    response = superuser().post(f"/sync-failures/{failure.pk}/replay")
    assert (response.status_code, set(response.json())) == (409, {"code", "detail"})
    assert response.json()["code"] == code
    assert "stays open" in response.json()["detail"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_api_dismisses_and_filters(start_simulator: StartSimulator, slash: str) -> None:
    one, other = fail(start_simulator(orders=5), 0, 1)
    root = superuser()
    answer = root.post(f"/sync-failures/{one.pk}/dismiss{slash}")
    assert (answer.status_code, answer.json()["resolution"]) == (200, "dismissed")
    assert [row["id"] for row in fetch_all(root, "/sync-failures?resolved=true")] == [one.pk]
    assert [row["id"] for row in fetch_all(root, "/sync-failures?resolved=false")] == [other.pk]
    assert root.get("/sync-failures?resolved=maybe").status_code == 400


@pytest.mark.parametrize("action", ["replay", "dismiss"])
def test_the_api_asks_for_permission_and_a_failure(start_simulator: StartSimulator, action: str) -> None:
    [failure] = fail(start_simulator(orders=5))
    address = f"/sync-failures/{failure.pk}/{action}"
    assert user_with("integrations.view_syncfailure").post(address).status_code == 403
    assert superuser().get(address).status_code == 405
    assert state(failure) == OPEN
    assert user_with("platforms.sync_platform").post(address).status_code == 200
    assert user_with("platforms.sync_platform").post("/sync-failures/9999/replay").status_code == 404


# --- the command


def run(*arguments: str) -> tuple[int, str]:
    """The command's exit status and everything it printed."""
    out, status = StringIO(), 0
    try:
        call_command("replay_failures", *arguments, stdout=out, stderr=out)
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    except CommandError as error:
        status, _ = error.returncode, out.write(str(error))
    return status, out.getvalue()


def rows(printed: str) -> Iterator[Any]:
    yield from (json.loads(line) for line in printed.splitlines() if line.startswith("{"))


def test_the_command_exits_1_while_something_stays_open_and_0_afterwards(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(orders=5)
    one, other = fail(sim, 0, 1)
    sim.script("getOrder", *[UNAVAILABLE] * 4)
    status, printed = run("amazon", "--json")
    assert [(row["id"], row["resolution"], row["why_open"] and row["why_open"]["code"])
            for row in rows(printed)] == [(one.pk, "", "unavailable"), (other.pk, "replayed", None)]  # fmt: skip
    assert (status, CANARY in printed) == (1, False)
    status, printed = run()
    assert (status, printed) == (0, f"#{one.pk} amazon orders {one.external_id}: replayed\n")
    assert run() == (0, "No failure is open.\n")
    assert run("--id", str(one.pk)) == (0, "None of these failures is open.\n")


def test_the_command_lists_and_changes_nothing(start_simulator: StartSimulator) -> None:
    [failure] = fail(start_simulator(orders=5))
    status, printed = run("--list")
    assert (status, state(failure)) == (0, OPEN)
    assert (
        f"#{failure.pk} amazon orders {failure.external_id}: open (malformed): {failure.error_message}"
        in printed
    )


def test_the_command_takes_and_dismisses_single_failures(start_simulator: StartSimulator) -> None:
    one, two, three = fail(start_simulator(orders=5), 0, 1, 2)
    assert run("--id", str(one.pk), "--dismiss")[0] == 0
    assert run("amazon", "--id", str(two.pk))[0] == 0
    assert [state(each)[1] for each in (one, two, three)] == ["dismissed", "replayed", ""]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nowhere",), "no platform 'nowhere'"),
        (("--id", "9999"), "no failure 9999"),
        (("--id", "9" * 30), "no failure 999"),
        (("--dismiss",), "--id N, or a PLATFORM"),
        (("amazon", "--dismiss", "--list"), "exclude each other"),
    ],
)
def test_the_command_exits_2_for_wrong_usage(
    start_simulator: StartSimulator, arguments: tuple[str, ...], text: str
) -> None:
    [failure] = fail(start_simulator(orders=5))
    status, printed = run(*arguments)
    assert (status, state(failure)) == (2, OPEN)
    assert text in printed


# --- the admin


FAILURES = "/admin/integrations/syncfailure/"


def press(client: Client, failure: SyncFailure, button: str) -> str:
    address = reverse("admin:integrations_syncfailure_button", args=(failure.pk, button))
    return str(client.post(address, follow=True).content.decode())


def test_the_admin_replays_and_then_hides_its_buttons(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(orders=5)
    [failure] = fail(sim)
    sim.script("getOrder", NOT_FOUND)
    html = press(admin_client, failure, "replay")
    assert "does not know this order any more" in html
    assert "press/replay" in html
    assert "press/dismiss" in html
    html = press(admin_client, failure, "replay")
    assert "1 record is stored now." in html
    assert "replayed, admin" in html
    assert "press/" not in html


def test_the_admin_dismisses(start_simulator: StartSimulator, admin_client: Client) -> None:
    [failure] = fail(start_simulator(orders=5))
    assert "is dismissed." in press(admin_client, failure, "dismiss")
    assert state(failure)[1] == "dismissed"


def test_the_admin_shows_the_open_ones_unless_asked_for_others(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    one, other = fail(start_simulator(orders=5), 0, 1)
    dismiss(one)

    def shown(query: str) -> list[bool]:
        html = admin_client.get(FAILURES + query).content.decode()
        return [each.external_id in html for each in (one, other)]

    assert shown("") == shown("?state=open") == [False, True]
    assert (shown("?state=done"), shown("?state=all")) == ([True, False], [True, True])


def test_the_admin_replays_and_dismisses_the_selected_ones(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(orders=9)
    failures = fail(sim, *range(8))
    chosen = {"_selected_action": [each.pk for each in failures[:7]]}
    sim.script("getOrder", *[NOT_FOUND] * 6)
    html = admin_client.post(FAILURES, {"action": "replay_selected"} | chosen, follow=True).content.decode()
    assert "1 record is stored now." in html
    assert (html.count("stays open:"), "1 more stay open." in html) == (5, True)
    html = admin_client.post(FAILURES, {"action": "dismiss_selected"} | chosen, follow=True).content.decode()
    assert "6 failures are dismissed." in html
    assert SyncFailure.objects.open().get() == failures[7]


def test_the_admin_asks_for_permission(
    start_simulator: StartSimulator, client: Client, django_user_model: Any
) -> None:
    from django.contrib.auth.models import Permission

    [failure] = fail(start_simulator(orders=5))
    viewer = django_user_model.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_syncfailure"))
    client.force_login(viewer)
    assert "press/" not in client.get(f"{FAILURES}{failure.pk}/change/").content.decode()
    for button in ("replay", "dismiss"):
        address = reverse("admin:integrations_syncfailure_button", args=(failure.pk, button))
        assert client.post(address).status_code == 403
    assert state(failure) == OPEN
