"""The connection check, over HTTP: service, command, REST and admin."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from api.tests.rest import SECRETS, amazon, superuser, user_with
from conftest import api_config
from integrations.models import ApiQuota
from integrations.protocol import Finding
from integrations.sync.connection_check import check_platform, is_fine
from integrations.tests.syncing import (
    ALWAYS,
    INVENTORY,
    ORDERS,
    UNAVAILABLE,
    platform_of,
    refusal,
    requests_of,
    sync,
)
from platforms.models import Platform
from simulator import Account, Canned, Simulator, StaticSandbox

pytestmark = pytest.mark.django_db(transaction=True)

StartSimulator = Callable[..., Simulator]
MODELS = Path(__file__).resolve().parent.parent.parent / "shared" / "spapi-models"
DENIED = refusal(403, "Unauthorized", "Access to requested resource is denied.")


US, CA, DE, FR, IT = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1PA6795UKMFR9", "A13V1IB3VIYZZH", "APJ6JRA9NG5V4"
HEALTHY = [
    "credentials", "token", "environment", "marketplace US", "orders", "data set FULFILLMENT", "data set PROCEEDS",
    "data set CANCELLATION", "data set PACKAGES", "data set TAX", "inventory US",
]  # fmt: skip


def found(platform: Any) -> dict[str, tuple[bool | None, str]]:
    return {each.step: (each.ok, each.code) for each in check_platform(platform)}


def findings_of(platform: Any) -> dict[str, Finding]:
    return {each.step: each for each in check_platform(platform)}


def with_buyers(platform: Platform) -> Platform:
    platform.include_pii = True
    platform.save()
    return platform


def rows() -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored, but for the check itself, calls and quotas."""
    spent, stored = {"ApiQuota", "ApiUsage"}, set(connection.introspection.table_names())
    models = [
        model
        for model in apps.get_models()
        if model.__name__ not in spent
        and model._meta.db_table in stored  # the Redis queue's pages have no table
    ]
    return {
        model._meta.label: [
            {name: value for name, value in row.items() if name not in ("checked_at", "check_outcome")}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in models
    }


def test_it_finds_that_everything_works_with_one_call_each(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    assert found(platform) == dict.fromkeys(HEALTHY, (True, ""))
    assert sim.calls == {
        "token": 1, "getMarketplaceParticipations": 1, "searchOrders": 1, "getInventorySummaries": 1,
    }  # fmt: skip
    platform.refresh_from_db()
    assert platform.checked_at
    assert platform.check_outcome["ok"] is True


def test_it_changes_nothing_but_when_it_was_checked(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=5, refused_data=["BUYER"]))
    platform = with_buyers(platform_of(sim))
    sync(platform, ORDERS)
    sync(platform, INVENTORY)
    platform = amazon()
    before = rows()
    check_platform(platform)
    check_platform(platform)
    assert rows() == before
    assert any(before["orders.Order"])


def test_it_says_that_credentials_are_missing() -> None:
    [finding] = check_platform(amazon())
    assert (finding.step, finding.ok, finding.code) == ("credentials", False, "config")


def test_it_names_a_credential_that_is_something_else() -> None:
    platform = amazon()
    platform.api_config = SECRETS | {"refresh_token": "Atza|x"}  # as if written with SQL
    platform.save()
    [finding] = check_platform(platform)
    assert (finding.step, finding.ok, finding.code) == ("credentials", False, "config")
    assert "refresh_token: this is an access token" in finding.message


def test_it_warns_of_another_platform_with_the_same_account(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    first, second = platform_of(sim), platform_of(sim, "amazon-de")
    for platform, other in ((first, second), (second, first)):
        findings = {finding.step: finding for finding in check_platform(platform)}
        warning = findings["account"]
        assert (warning.ok, warning.code) == (True, "same_account")
        assert f"{platform.name} has the same account as {other.name}." in warning.message


def test_it_stops_at_a_token_that_amazon_does_not_give(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    assert found(platform_of(sim, client_secret="wrong"))["token"] == (False, "invalid_client")
    assert sim.calls["searchOrders"] == 0


def test_it_does_not_trust_a_token_from_before(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    check_platform(platform)
    check_platform(platform)
    assert sim.calls["token"] == 2


def test_it_names_the_role_that_orders_need_and_goes_on_to_stock(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", DENIED, DENIED)
    findings = {each.step: each for each in check_platform(platform_of(sim))}
    assert findings["orders"].code == "forbidden"
    assert "Inventory and Order Tracking" in findings["orders"].message
    assert findings["orders"].request_id
    assert findings["inventory US"].ok


def test_it_tries_each_data_set_where_all_together_are_refused(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("searchOrders", DENIED)
    assert found(with_buyers(platform_of(sim))) == dict.fromkeys(
        [*HEALTHY[:-1], "data set BUYER", "data set RECIPIENT", "inventory US"], (True, "")
    )
    asked = [params.get("includedData") for params in requests_of(sim, "searchOrders")]
    alone = ["FULFILLMENT", "PROCEEDS", "CANCELLATION", "PACKAGES", "TAX", "BUYER", "RECIPIENT"]
    assert asked[1:] == [None, *alone]


def test_it_asks_once_more_where_a_refusal_names_the_data_sets(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=5, refused_data=["BUYER", "RECIPIENT"]))
    findings = findings_of(with_buyers(platform_of(sim)))
    assert sim.calls["searchOrders"] == 2
    assert findings["orders"].ok
    assert findings["data set PROCEEDS"].ok
    refused = findings["data set RECIPIENT"]
    assert (refused.ok, refused.code) == (False, "forbidden")
    assert "Direct-to-Consumer Shipping" in refused.message
    assert "stores orders without it: the delivery address and phone" in refused.message
    assert refused.request_id


def test_it_names_the_role_that_stock_needs(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("getInventorySummaries", DENIED)
    [stock] = [each for each in check_platform(platform_of(sim)) if each.step == "inventory US"]
    assert not stock.ok
    assert "Product Listing" in stock.message


def test_it_takes_a_seller_without_fba_for_no_problem(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(seed=7, orders=5, fba=False))
    findings = check_platform(platform_of(sim))
    assert (findings[-1].ok, findings[-1].code, is_fine(findings)) == (True, "no_fba", True)


def test_it_takes_one_with_stored_stock_for_a_problem(start_simulator: StartSimulator) -> None:
    platform = platform_of(start_simulator(Account(seed=7, orders=5, skus=3)))
    sync(platform, INVENTORY)
    start_simulator(Account(seed=7, orders=5, fba=False))
    findings = check_platform(platform)
    assert (findings[-1].ok, findings[-1].code, is_fine(findings)) == (False, "stock_refused", False)
    assert "stock of United States is stored as listed" in findings[-1].message


def test_it_checks_every_marketplace(start_simulator: StartSimulator) -> None:
    sim = start_simulator(marketplace_ids=("A1PA6795UKMFR9", "A13V1IB3VIYZZH"))
    findings = found(platform_of(sim))
    assert list(findings)[-2:] == ["inventory DE", "inventory FR"]
    assert findings["marketplace DE"] == findings["marketplace FR"] == (True, "")
    assert sim.calls.total() <= 4 + 2


def test_it_names_where_the_seller_sells_instead(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=5, marketplace_ids=(FR, IT), former=(DE,)))
    findings = findings_of(platform_of(sim, marketplace_id=DE, additional_marketplace_ids=[]))
    missing = findings["marketplace DE"]
    assert (missing.ok, missing.code) == (False, "not_participating")
    assert "sells in: France, Italy" in missing.message
    assert "sellercentral-europe.amazon.com" in missing.message
    assert (findings["inventory DE"].ok, sim.calls["getInventorySummaries"]) == (None, 0)
    assert findings["orders"].ok is False
    assert "marketplace above" in findings["orders"].message
    assert "role" not in findings["orders"].message.split("likely")[1]


def test_it_names_marketplaces_that_nobody_asked_for(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=5, marketplace_ids=(DE, FR)))
    other = findings_of(platform_of(sim, additional_marketplace_ids=[]))["other marketplaces"]
    assert (other.ok, other.code) == (True, "not_configured")
    assert "France" in other.message


def test_it_says_that_no_new_orders_come_where_listings_are_suspended(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator(Account(orders=5, suspended=(US,)))
    finding = findings_of(platform_of(sim))["marketplace US"]
    assert (finding.ok, finding.code) == (True, "listings_suspended")
    assert "no new orders" in finding.message


def test_it_does_without_the_role_for_marketplaces(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    sim.script("getMarketplaceParticipations", DENIED)
    findings = check_platform(platform_of(sim))
    [finding] = [each for each in findings if each.step == "marketplaces"]
    assert (finding.ok, finding.code, is_fine(findings)) == (None, "role_missing", True)
    assert "Selling Partner Insights" in finding.message
    assert finding.request_id


@pytest.mark.parametrize(
    "document", [{"payload": []}, {"payload": [None, {"marketplace": 5}, {"participation": 1}]}]
)
def test_it_reads_participations_that_say_nothing(start_simulator: StartSimulator, document: Any) -> None:
    sim = start_simulator()
    sim.script("getMarketplaceParticipations", Canned.json(200, document))
    assert "no marketplace of this region" in findings_of(platform_of(sim))["marketplace US"].message


def test_it_doubts_the_environment_where_every_call_is_denied(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    for operation in ("getMarketplaceParticipations", "searchOrders", "getInventorySummaries"):
        sim.script(operation, *[DENIED] * ALWAYS)
    finding = findings_of(platform_of(sim))["environment"]
    assert (finding.ok, finding.code) == (False, "wrong_environment")
    assert "region NA (North America), production" in finding.message
    assert "sandbox credentials" in finding.message
    assert finding.request_id
    assert sim.calls.total() == 5  # once with the data sets, once without; one marketplace


def test_it_stops_at_a_token_that_amazon_does_not_take(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    denied = refusal(403, "Unauthorized", "The access token is revoked.")
    sim.script("getMarketplaceParticipations", *[denied] * ALWAYS)
    findings = found(platform_of(sim))
    assert list(findings) == ["credentials", "token", "environment"]
    assert findings["environment"] == (False, "token_rejected")
    assert sim.calls["searchOrders"] == 0


def test_it_leaves_out_what_the_quota_does_not_allow_and_says_when_to_come_back(
    start_simulator: StartSimulator,
) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    check_platform(platform)
    ApiQuota.objects.filter(operation="searchOrders").update(tokens=0, rate=0.001, updated_at=timezone.now())
    earliest = timezone.now() + timedelta(seconds=995)
    findings = check_platform(platform)
    [orders] = [each for each in findings if each.step == "orders"]
    assert (orders.ok, orders.code, is_fine(findings)) == (None, "not_checked", True)
    said = re.search(r"at ([0-9: -]+) UTC", orders.message)
    assert said is not None
    times = {f"{earliest + timedelta(minutes=late):%H:%M}" for late in range(3)}
    assert said[1][-5:] in times
    assert (sim.calls["searchOrders"], sim.calls["getInventorySummaries"]) == (1, 2)


def test_it_cannot_tell_the_environment_without_an_answer(start_simulator: StartSimulator) -> None:
    sim = start_simulator()
    for operation in ("getMarketplaceParticipations", "searchOrders", "getInventorySummaries"):
        sim.script(operation, *[UNAVAILABLE] * ALWAYS)
    findings = found(platform_of(sim))
    assert findings["environment"] == (None, "not_checked")
    assert findings["orders"] == findings["marketplaces"] == (False, "unavailable")


def test_it_checks_a_sandbox_with_its_published_cases(settings: Any) -> None:
    models = [MODELS / name for name in ("orders_2026-01-01.json", "sellers.json")]
    for path in models:
        if not path.exists():
            pytest.skip(f"Amazon's model is not here: {path}")
    with StaticSandbox(*models) as sandbox:
        settings.AMAZON_SP_API_ENDPOINT, settings.AMAZON_LWA_ENDPOINT = sandbox.endpoint, sandbox.lwa_endpoint
        platform = amazon()
        platform.api_config = api_config(Account(orders=0), region="SANDBOX")
        platform.save()
        findings = found(platform)
    assert findings["environment"] == findings["marketplaces"] == findings["orders"] == (True, "")


def test_the_command_exits_0_or_1_and_prints_what_it_found(
    start_simulator: StartSimulator, capsys: Any
) -> None:
    sim = start_simulator()
    platform_of(sim)
    call_command("check_platform", "amazon")
    printed = capsys.readouterr().out
    assert "Everything that was checked works." in printed
    assert max(map(len, printed.splitlines())) <= 100
    platform_of(sim, refresh_token="Atzr|other")
    with pytest.raises(SystemExit) as ended:
        call_command("check_platform", "amazon", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["ok"], report["findings"][-1]["code"]) == (1, False, "invalid_grant")


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_api_answers_with_the_findings(start_simulator: StartSimulator, slash: str, capsys: Any) -> None:
    platform = platform_of(start_simulator())
    answer = superuser().post(f"/platforms/{platform.pk}/check{slash}")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert [each["step"] for each in answer.json()["findings"]] == HEALTHY
    call_command("check_platform", "amazon", "--json")
    assert list(json.loads(capsys.readouterr().out)) == list(answer.json())


def test_the_api_asks_for_permission_and_a_platform() -> None:
    address, root = f"/platforms/{amazon().pk}/check", superuser()
    assert user_with("platforms.view_platform").post(address).status_code == 403
    assert root.post("/platforms/999999/check").json()["code"] == "not_found"
    assert root.get(address).status_code == 405


def test_the_admin_shows_the_findings_on_the_platforms_page(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator()
    platform = platform_of(sim)
    sim.script("getInventorySummaries", DENIED)
    address = reverse("admin:platforms_platform_button", args=(platform.pk, "check"))
    html = admin_client.post(address, follow=True).content.decode()
    assert "The connection does not work fully." in html
    assert html.count("Amazon Fulfillment or Product Listing") == 2  # the message, and the last check below
    assert api_config(sim.accounts[0])["client_secret"] not in html
