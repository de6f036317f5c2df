"""A seller authorises the application: in the admin and by command, over HTTP against the simulator's pages."""

import io
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from access.second_factor.sessions import CONFIRMED_AT
from audit.models import AuditEntry
from integrations.tests.test_commands import Ran, configure
from orders.models import Order
from platforms.models import Platform
from simulator import Account, Canned, Simulator
from simulator.consent import APPLICATION_ID, seller_id

pytestmark = pytest.mark.django_db
BACK = "http://testserver/admin/platforms/platform/authorised/"
US, GERMANY = "ATVPDKIKX0DER", "A1PA6795UKMFR9"


@pytest.fixture
def sim(settings: Any) -> Iterator[Simulator]:
    """Two sellers who may authorise one application, which this installation has."""
    with Simulator(
        Account(orders=3, skus=1), Account(seed=8, orders=2, skus=1, refresh_token="Atzr|second")
    ) as simulator:
        settings.AMAZON_SP_API_ENDPOINT = settings.AMAZON_CONSENT_ENDPOINT = simulator.endpoint
        settings.AMAZON_LWA_ENDPOINT = simulator.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        settings.AMAZON_APPLICATION_ID = APPLICATION_ID
        settings.AMAZON_CLIENT_ID = simulator.accounts[0].client_id
        settings.AMAZON_CLIENT_SECRET = simulator.accounts[0].client_secret
        yield simulator


@pytest.fixture
def amazon() -> Platform:
    return Platform.objects.get(name="amazon")


def stored() -> Any:
    return Platform.objects.get(name="amazon").api_config


def connect(platform: Platform) -> str:
    return f"/admin/platforms/platform/{platform.pk}/connect/"


def away(client: Client, platform: Platform, site: str = US) -> str:
    answer = client.get(f"{connect(platform)}begin/", {"marketplace_id": site})
    assert (answer.status_code, answer["Referrer-Policy"]) == (302, "no-referrer")
    return answer["Location"]


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def confirm(address: str, place: int = 0) -> str:
    """As the seller does: Amazon's page, its link, and the address of ours to which it leads."""
    page = httpx.get(address)
    assert page.status_code == 200
    link = re.findall(r'href="([^"]+)"', page.text)[place]
    return httpx.get(httpx.URL(address).join(unescape(link))).headers["Location"]


def test_a_seller_authorises_on_amazons_pages(admin_client: Client, sim: Simulator, amazon: Platform) -> None:
    """From a platform without credentials to its first orders."""
    assert (
        "Connect Amazon"
        in admin_client.get(f"/admin/platforms/platform/{amazon.pk}/change/").content.decode()
    )
    page = admin_client.get(connect(amazon), {"marketplace_id": US}).content.decode()
    assert f"{connect(amazon)}begin/?marketplace_id={US}" in page
    address = away(admin_client, amazon)
    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [BACK]
    done = admin_client.get(confirm(address), follow=True)
    seller = seller_id(sim.accounts[0])
    assert f"Amazon has authorised OMS for the seller {seller}" in done.content.decode()
    assert stored() == {
        "client_id": sim.accounts[0].client_id, "client_secret": sim.accounts[0].client_secret,
        "refresh_token": sim.accounts[0].refresh_token, "selling_partner_id": seller,
        "marketplace_id": US, "region": "NA",
    }  # fmt: skip
    assert sim.accounts[0].refresh_token != "Atzr|sim"
    assert set(AuditEntry.objects.order_by("-pk").values_list("action", flat=True)[:2]) == {
        "platform.changed", "platform.authorised",
    }  # fmt: skip
    assert Ran("sync_orders", "amazon").status == 0
    assert Order.objects.count() == 3


def test_again_replaces_the_token_and_reads_nothing_anew(
    admin_client: Client, sim: Simulator, amazon: Platform
) -> None:
    admin_client.get(confirm(away(admin_client, amazon)))
    Ran("sync_orders", "amazon")
    before = stored()
    admin_client.get(confirm(away(admin_client, amazon)))
    assert stored()["refresh_token"] not in ("", before["refresh_token"])
    assert {**stored(), "refresh_token": ""} == {**before, "refresh_token": ""}
    (synced,) = Ran("sync_orders", "amazon", "--json").syncs
    assert "account_changed" not in [note["code"] for note in synced["notes"]]


def test_a_code_that_amazon_does_not_take_changes_nothing(
    admin_client: Client, sim: Simulator, amazon: Platform
) -> None:
    configure(amazon, sim.accounts[0])
    before, canary = stored(), "c0de-canary"
    for seller in ("", "A1B2C3D4E5"):
        came = {"state": state_of(away(admin_client, amazon)), "selling_partner_id": seller}
        page = admin_client.get(BACK, came | {"spapi_oauth_code": canary}, follow=True).content.decode()
        assert "Nothing was changed." in page
        assert canary not in page
    assert stored() == before
    again = admin_client.get(BACK, came).content.decode()  # the state is good once
    assert "was not begun in this browser" in again
    came = {"state": state_of(away(admin_client, amazon)), "error": "access_denied"}
    assert "Amazon says: access_denied" in admin_client.get(BACK, came, follow=True).content.decode()
    assert stored() == before


def test_a_token_that_does_not_work_replaces_none(
    admin_client: Client, sim: Simulator, amazon: Platform
) -> None:
    configure(amazon, sim.accounts[0])
    before, back = stored(), confirm(away(admin_client, amazon))
    grant = {
        "access_token": "Atza|x",
        "refresh_token": "Atzr|canary",
        "expires_in": 3600,
        "token_type": "bearer",
    }
    sim.script("token", Canned.json(200, grant), Canned.json(400, {"error": "invalid_grant"}))
    page = admin_client.get(back, follow=True).content.decode()
    assert "Nothing was changed." in page
    assert "Atzr|canary" not in page
    lost = confirm(away(admin_client, amazon))
    sim.script("token", Canned.json(200, {"access_token": "Atza|x", "expires_in": 3600}))
    assert "holds no refresh token" in admin_client.get(lost, follow=True).content.decode()
    assert stored() == before


def test_another_seller_is_another_platform(admin_client: Client, sim: Simulator, amazon: Platform) -> None:
    admin_client.get(confirm(away(admin_client, amazon)))
    before = stored()
    page = admin_client.get(confirm(away(admin_client, amazon), place=1), follow=True).content.decode()
    assert "Make a platform of its own for the other one" in page
    assert stored() == before


def test_only_who_may_change_the_platform_and_confirmed_it_may(
    client: Client, admin_client: Client, sim: Simulator, amazon: Platform, settings: Any
) -> None:
    """And the way back belongs to the browser that began."""
    back = confirm(away(admin_client, amazon))
    viewer = User.objects.create_user("viewer", is_staff=True)
    client.force_login(viewer)
    assert "was not begun in this browser" in client.get(back).content.decode()
    assert [client.get(f"{connect(amazon)}{page}").status_code for page in ("", "begin/")] == [403, 403]
    assert not stored()
    session = admin_client.session
    settings.CONFIRM_AGAIN_MINUTES = 10
    session[CONFIRMED_AT] = 0
    session.save()
    for page in ("", "begin/"):
        assert "/confirm/" in admin_client.get(f"{connect(amazon)}{page}")["Location"]


def test_a_private_app_is_led_through_it_by_hand(
    admin_client: Client, sim: Simulator, amazon: Platform, settings: Any
) -> None:
    settings.AMAZON_APPLICATION_ID = ""
    page = admin_client.get(connect(amazon)).content.decode()
    assert "Solution Provider Portal" in page
    assert "begin/" not in page
    account = sim.accounts[0]
    values = {"client_id": account.client_id, "client_secret": "wrong", "marketplace_id": US}
    refused = admin_client.post(connect(amazon), values).content.decode()
    assert "Needed as well." in refused
    values["refresh_token"] = account.refresh_token
    refused = admin_client.post(connect(amazon), values).content.decode()
    assert "Nothing was changed." in refused
    assert account.refresh_token not in refused
    assert not stored()
    values["client_secret"] = account.client_secret
    assert admin_client.post(connect(amazon), values).status_code == 302
    assert stored() == values | {"region": "NA"}
    assert (
        admin_client.post(connect(amazon), {"client_id": account.client_id, "marketplace_id": US}).status_code
        == 302
    )
    assert stored() == values | {"region": "NA"}


def test_by_command(sim: Simulator, amazon: Platform, settings: Any, monkeypatch: Any) -> None:
    """The address is pasted back: with its state alone, and once."""
    settings.PUBLIC_URL = "https://oms.example"

    class Pasted(io.StringIO):
        """Answers the address that was printed."""

        def __init__(self, out: io.StringIO, change: Any = str) -> None:
            super().__init__()
            self.out, self.change = out, change

        def readline(self, *_args: Any) -> str:  # type: ignore[override]
            return str(self.change(confirm(self.out.getvalue().split()[0])))

    def run(change: Any = str) -> tuple[Any, str]:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr("sys.stdin", Pasted(out, change))
        try:
            call_command("authorize_amazon", "amazon", "--marketplace", US, stdout=out, stderr=err)
        except CommandError as error:
            return error.returncode, out.getvalue() + err.getvalue() + str(error)
        return 0, out.getvalue() + err.getvalue()

    status, text = run(lambda address: address.replace("state=", "state=x"))
    assert status == 2, text
    assert "answers another request" in text
    assert not stored()
    status, text = run()
    assert (status, f"authorised for the seller {seller_id(sim.accounts[0])}" in text) == (0, True)
    assert "redirect_uri=https%3A%2F%2Foms.example%2Fadmin%2F" in text
    assert stored()["refresh_token"] not in text
    settings.AMAZON_APPLICATION_ID = ""
    status, text = run()
    assert (status, "Solution Provider Portal" in text) == (2, True)


@pytest.mark.parametrize(("draft", "version"), [(False, None), (True, ["beta"])])
def test_the_page_is_that_of_the_marketplace(
    admin_client: Client, settings: Any, amazon: Platform, draft: bool, version: Any
) -> None:
    settings.AMAZON_APPLICATION_ID, settings.AMAZON_APPLICATION_IS_DRAFT = APPLICATION_ID, draft
    address = urlsplit(away(admin_client, amazon, GERMANY))
    assert (address.netloc, address.path) == ("sellercentral-europe.amazon.com", "/apps/authorize/consent")
    asked = parse_qs(address.query)
    assert (asked["application_id"], asked.get("version")) == ([APPLICATION_ID], version)
    assert len(asked["state"][0]) >= 40
