"""The connection check, over HTTP: service, command, REST and admin."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from conftest import api_config
from integrations.checking import check_platform, is_fine
from integrations.models import SyncLog
from integrations.tests.syncing import platform_of, refusal
from oms.tests.rest import amazon, superuser, user_with
from orders.models import Order
from simulator import Account, Simulator

pytestmark = pytest.mark.django_db(transaction=True)

Box = Callable[..., Simulator]
DENIED = refusal(403, "Unauthorized", "Access to requested resource is denied.")


def found(platform: Any) -> dict[str, tuple[bool, str]]:
    return {each.step: (each.ok, each.code) for each in check_platform(platform)}


def test_it_finds_that_everything_works_with_one_call_each(box: Box) -> None:
    sim = box()
    platform = platform_of(sim)
    assert found(platform) == {
        "credentials": (True, ""), "token": (True, ""), "orders": (True, ""), "inventory US": (True, ""),
    }  # fmt: skip
    assert sim.calls == {"token": 1, "searchOrders": 1, "getInventorySummaries": 1}
    platform.refresh_from_db()
    assert platform.checked_at
    assert platform.check_outcome["ok"] is True


def test_it_changes_no_order_and_opens_no_sync(box: Box) -> None:
    check_platform(platform_of(box()))
    assert (Order.objects.count(), SyncLog.objects.count(), amazon().orders_watermark) == (0, 0, None)


def test_it_says_that_credentials_are_missing() -> None:
    [finding] = check_platform(amazon())
    assert (finding.step, finding.ok, finding.code) == ("credentials", False, "config")


def test_it_stops_at_a_token_that_amazon_does_not_give(box: Box) -> None:
    sim = box()
    assert found(platform_of(sim, client_secret="wrong"))["token"] == (False, "invalid_client")
    assert sim.calls["searchOrders"] == 0


def test_it_does_not_trust_a_token_from_before(box: Box) -> None:
    sim = box()
    platform = platform_of(sim)
    check_platform(platform)
    check_platform(platform)
    assert sim.calls["token"] == 2


def test_it_names_the_role_that_orders_need_and_goes_on_to_stock(box: Box) -> None:
    sim = box()
    sim.script("searchOrders", DENIED, DENIED)
    findings = {each.step: each for each in check_platform(platform_of(sim))}
    assert findings["orders"].code == "forbidden"
    assert "Inventory and Order Tracking" in findings["orders"].message
    assert findings["orders"].request_id
    assert findings["inventory US"].ok


def test_it_tries_each_data_set_where_all_together_are_refused(box: Box) -> None:
    sim = box()
    platform = platform_of(sim)
    platform.include_pii = True
    platform.save()
    sim.script("searchOrders", DENIED)
    assert list(found(platform)) == [
        "credentials", "token", "orders", "data set FULFILLMENT", "data set PROCEEDS", "data set CANCELLATION",
        "data set BUYER", "data set RECIPIENT", "inventory US",
    ]  # fmt: skip


def test_it_names_the_role_that_stock_needs(box: Box) -> None:
    sim = box()
    sim.script("getInventorySummaries", DENIED)
    [stock] = [each for each in check_platform(platform_of(sim)) if each.step == "inventory US"]
    assert not stock.ok
    assert "Product Listing" in stock.message


def test_it_takes_a_seller_without_fba_for_no_problem(box: Box) -> None:
    sim = box(Account(seed=7, orders=5, fba=False))
    findings = check_platform(platform_of(sim))
    assert (findings[-1].ok, findings[-1].code, is_fine(findings)) == (True, "no_fba", True)


def test_it_checks_every_marketplace(box: Box) -> None:
    sim = box(marketplace_ids=("A1PA6795UKMFR9", "A13V1IB3VIYZZH"))
    assert list(found(platform_of(sim)))[-2:] == ["inventory DE", "inventory FR"]


def test_the_command_exits_0_or_1_and_prints_what_it_found(box: Box, capsys: Any) -> None:
    sim = box()
    platform_of(sim)
    call_command("check_platform", "amazon")
    assert "works" in capsys.readouterr().out
    platform_of(sim, refresh_token="Atzr|other")
    with pytest.raises(SystemExit) as ended:
        call_command("check_platform", "amazon", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["ok"], report["findings"][-1]["code"]) == (1, False, "invalid_grant")


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_api_answers_with_the_findings(box: Box, slash: str) -> None:
    platform = platform_of(box())
    answer = superuser().post(f"/platforms/{platform.pk}/check{slash}")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert [each["step"] for each in answer.json()["findings"]] == [
        "credentials", "token", "orders", "inventory US",
    ]  # fmt: skip


def test_the_api_asks_for_permission_and_a_platform() -> None:
    address, root = f"/platforms/{amazon().pk}/check", superuser()
    assert user_with("platforms.view_platform").post(address).status_code == 403
    assert root.post("/platforms/999999/check").json()["code"] == "not_found"
    assert root.get(address).status_code == 405


def test_the_admin_shows_the_findings_on_the_platforms_page(box: Box, admin_client: Client) -> None:
    sim = box()
    platform = platform_of(sim)
    sim.script("getInventorySummaries", DENIED)
    address = reverse("admin:platforms_platform_button", args=(platform.pk, "check"))
    html = admin_client.post(address, follow=True).content.decode()
    assert "The connection does not work fully." in html
    assert html.count("Amazon Fulfillment or Product Listing") == 2  # the message, and the last check below
    assert api_config(sim.accounts[0])["client_secret"] not in html
