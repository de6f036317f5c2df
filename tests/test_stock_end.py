"""An account that leaves FBA: its syncs fail for a week, then a person decides on the platform's page. Over HTTP."""

import html
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from api.tests.rest import superuser, user_with
from audit.models import AuditEntry
from integrations.models import SyncLog
from integrations.schedule.due import Reason, dues_of
from integrations.tests.states import minutes_of, time_passes
from integrations.tests.syncing import ALWAYS, INVENTORY, platform_of, refusal, stored_stock, sync
from integrations.tests.test_commands import Ran
from inventory.models import InventoryItem
from platforms.models import Platform
from simulator import Account, Rule, Simulator

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
Status = SyncLog.Status
DE, FR = "A1PA6795UKMFR9", "A13V1IB3VIYZZH"
REFUSED = refusal(400, "InvalidInput", "Invalid Input")
BUTTON = "/press/end-stock/"


@pytest.fixture(autouse=True)
def _no_mock_data(settings: Any) -> None:
    settings.MOCK_FALLBACK = "never"


def page_of(platform: Platform) -> str:
    return f"/admin/platforms/platform/{platform.pk}"


def shown(client: Client, platform: Platform) -> str:
    return html.unescape(client.get(f"{page_of(platform)}/change/").content.decode())


def listed() -> set[str]:
    rows = InventoryItem.objects.filter(gone_at__isnull=True)
    return set(rows.values_list("marketplace_id", flat=True))


def leaves_fba(sim: Simulator, marketplace: str) -> None:
    sim.rules.add(
        Rule(operation="getInventorySummaries", marketplace=marketplace, times=ALWAYS, fault=REFUSED)
    )


def test_after_a_week_of_refusals_a_person_ends_the_stock_of_the_account(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(skus=5)
    platform = platform_of(sim)
    sync(platform, INVENTORY)
    before = stored_stock(platform)
    leaves_fba(sim, "ATVPDKIKX0DER")
    log = sync(platform, INVENTORY)
    assert (log.status, log.error_code) == (Status.FAILED, "bad_request")
    assert "once this has lasted for 7 days, the platform's page offers" in log.error_message
    time_passes(INVENTORY, days=6)
    sync(platform, INVENTORY)  # the week counts from the first
    assert BUTTON not in shown(admin_client, platform)
    admin_client.post(f"{page_of(platform)}{BUTTON}")
    assert (stored_stock(platform), minutes_of(platform, INVENTORY)) == (before, 60)
    time_passes(INVENTORY, days=1, minutes=1)
    page = shown(admin_client, platform)
    assert BUTTON in page
    assert "Amazon has refused the list of stock of this account (United States) since " in page
    assert f"{len(before)} rows that are stored as listed are marked as gone" in page
    answer = admin_client.post(f"{page_of(platform)}{BUTTON}", follow=True).content.decode()
    assert f"{len(before)} rows of stock were marked as gone. Syncs of stock are off" in answer
    assert (listed(), InventoryItem.objects.exclude(available=0).count()) == (set(), 0)
    assert dues_of(Platform.objects.get())[INVENTORY].reason == Reason.MANUAL
    entry = AuditEntry.objects.get(action="stock.ended")
    assert (entry.actor, entry.changes["rows"], entry.changes["is_all"]) == ("admin", len(before), True)
    assert BUTTON not in shown(admin_client, platform)
    sim.rules.clear()
    assert sync(platform, INVENTORY).status == Status.SUCCEEDED  # by hand, should it have been a mistake
    assert listed() == {"ATVPDKIKX0DER"}


def test_one_marketplace_ends_alone_and_only_who_may_change_platforms_ends_it(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    sim = start_simulator(Account(skus=5, marketplace_ids=(DE, FR)))
    platform = platform_of(sim, marketplace_id=DE, additional_marketplace_ids=[FR], region="EU")
    sync(platform, INVENTORY)
    leaves_fba(sim, FR)
    sync(platform, INVENTORY)
    time_passes(INVENTORY, days=8)
    viewer = User.objects.create_user("viewer", is_staff=True)
    for name in ("view_platform", "sync_platform"):
        viewer.user_permissions.add(Permission.objects.get(codename=name))
    client = Client()
    client.force_login(viewer)
    page = shown(client, platform)
    assert "(France)" in page
    assert BUTTON not in page
    assert client.post(f"{page_of(platform)}{BUTTON}").status_code == 403
    assert listed() == {DE, FR}
    admin_client.post(f"{page_of(platform)}{BUTTON}")
    assert (listed(), minutes_of(platform, INVENTORY)) == ({DE}, 60)
    log = sync(platform, INVENTORY)
    assert (log.status, [note["code"] for note in log.notes]) == (Status.SUCCEEDED, ["no_fba"])


@pytest.mark.parametrize("door", ["api", "command"])
def test_the_api_and_a_command_do_the_same(start_simulator: StartSimulator, door: str) -> None:
    sim = start_simulator(Account(skus=5, marketplace_ids=(DE, FR)))
    platform = platform_of(sim, marketplace_id=DE, additional_marketplace_ids=[FR], region="EU")
    sync(platform, INVENTORY)
    rows = InventoryItem.objects.filter(marketplace_id=FR).count()
    address, api = f"/platforms/{platform.pk}/stock-end", superuser()

    def decided(status: int, ran: int, *options: str) -> Any:
        """What the one or the other says of what there is to decide; with `--dry-run` it only looks."""
        if door == "api":
            answer = getattr(api, "get" if options else "post")(address)
            assert answer.status_code == (200 if options else status), answer.content
            return answer.json().get("stock_end")
        done = Ran("end_stock", "amazon", "--json", *options)
        assert done.status == ran, done.err
        return json.loads(done.out)["stock_end"]

    leaves_fba(sim, FR)
    sync(platform, INVENTORY)
    assert (decided(200, 1, "--dry-run"), decided(409, 1)) == (None, None)
    time_passes(INVENTORY, days=8)
    end = decided(200, 0, "--dry-run")
    assert {**end, "since": end["since"][-1]} == {
        "marketplaces": [FR], "rows": rows, "is_all": False, "since": "Z",
    }  # fmt: skip
    assert listed() == {DE, FR}
    if door == "command":
        assert (
            f"{rows} rows of stock would be marked as gone (France {FR})."
            in Ran("end_stock", "amazon", "--dry-run").out
        )
    assert not AuditEntry.objects.filter(action="stock.ended").exists()
    assert decided(200, 0) == end
    assert listed() == {DE}
    assert AuditEntry.objects.get(action="stock.ended").door == door
    assert decided(409, 1) is None
    if door == "api":
        viewer = user_with(*(f"platforms.{name}_platform" for name in ("view", "sync", "add")))
        assert (viewer.get(address).status_code, viewer.post(address).status_code) == (200, 403)


def test_where_all_stock_is_gone_syncs_of_it_can_be_ended(
    start_simulator: StartSimulator, admin_client: Client
) -> None:
    platform = platform_of(start_simulator(skus=5))
    sync(platform, INVENTORY)
    assert "Has this account left FBA?" not in shown(admin_client, platform)
    InventoryItem.objects.update(gone_at=timezone.now() - timedelta(days=1))
    assert "Amazon lists no stock of this account any more" in shown(admin_client, platform)
    admin_client.post(f"{page_of(platform)}{BUTTON}")
    assert minutes_of(platform, INVENTORY) == 0
    assert "Has this account left FBA?" not in shown(admin_client, platform)
