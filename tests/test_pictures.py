"""Pictures of products, fetched in the background: over HTTP from the simulator, into the database."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from conftest import api_config
from integrations.models import ApiUsage, PictureTurn, ProductPicture, StreamState, SyncLog
from integrations.pictures.cleaning import prune_pictures
from integrations.pictures.fetching import fetch_pictures
from integrations.pictures.overview import pictures_so_far
from integrations.tests.syncing import INVENTORY, platform_of, requests_of, sync
from integrations.tests.test_tasks import work
from inventory.models import InventoryItem
from orders.models import Order, OrderItem
from platforms.models import Platform, Source
from simulator import Account, Answer, Canned, Deny, OnlyOf, Quotas, Rule, Simulator
from simulator.catalog import product
from simulator.faults.base import Call, Fault, Site
from simulator.pictures import has_picture, is_listed
from simulator.scenes import Scene

pytestmark = pytest.mark.django_db(transaction=True)

StartSimulator = Callable[..., Simulator]
State = ProductPicture.State
SEARCH = "searchCatalogItems"
GERMANY, FRANCE = "A1PA6795UKMFR9", "A13V1IB3VIYZZH"


def shop(start_simulator: StartSimulator, *rules: Rule, **options: Any) -> tuple[Simulator, Platform]:
    """A platform that shows pictures, with its orders."""
    scenes = (Scene.PLAIN_UNSHIPPED, Scene.PLAIN_SHIPPED)
    sim = start_simulator(Account(**{"orders": 60, "skus": 30, "scenes": scenes, **options}))
    sim.rules.add(*rules)
    platform = platform_of(sim)
    platform.show_pictures = True
    platform.save()
    assert sync(platform).status == SyncLog.Status.SUCCEEDED
    return sim, platform


def fetch_all(platform: Platform) -> None:
    """Turn after turn, as the workers do, until nothing is left for now."""
    while fetch_pictures(platform.pk) is not None:
        PictureTurn.objects.update(next_at=timezone.now())


def later(**elapsed: Any) -> None:
    """So much time has gone by."""
    passed = timedelta(**elapsed)
    for turn in PictureTurn.objects.all():
        turn.next_at -= passed
        turn.refused_sites = {
            site: (datetime.fromisoformat(until) - passed).isoformat()
            for site, until in turn.refused_sites.items()
        }
        turn.save()
    for picture in ProductPicture.objects.exclude(ask_again_at=None):
        again = picture.ask_again_at
        assert again is not None
        ProductPicture.objects.filter(pk=picture.pk).update(ask_again_at=again - passed)


def ordered() -> set[str]:
    return set(OrderItem.objects.exclude(asin="").values_list("asin", flat=True))


def states() -> dict[str, str]:
    return dict(ProductPicture.objects.values_list("asin", "state"))


def asked(sim: Simulator) -> list[list[str]]:
    """The products of each call."""
    return [params["identifiers"].split(",") for params in requests_of(sim, SEARCH)]


def test_it_fetches_each_picture_once_and_makes_it_small(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator)
    fetch_all(platform)
    with_one = {asin for asin in ordered() if is_listed(sim.accounts[0], asin) and has_picture(asin)}
    assert {asin for asin, state in states().items() if state == State.KNOWN} == with_one
    assert states().keys() == ordered()
    for picture in ProductPicture.objects.filter(state=State.KNOWN):
        with Image.open(BytesIO(picture.image)) as image:
            assert (image.format, max(image.size)) == ("JPEG", 128)
        assert picture.url.startswith(f"{sim.endpoint}/images/I/{picture.asin}._SL500_")
    assert all(len(asins) <= 20 for asins in asked(sim))
    assert sim.calls["picture"] == len(with_one)
    before = sim.calls.copy()
    later(minutes=10)
    fetch_all(platform)
    assert sim.calls == before


def test_it_counts_what_it_asks(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator)
    fetch_all(platform)
    counted = {usage.operation: usage.calls for usage in ApiUsage.objects.all()}
    assert {name: counted[name] for name in (SEARCH, "picture")} == {
        name: sim.calls[name] for name in (SEARCH, "picture")
    }


def test_the_scheduler_and_a_worker_do_it(start_simulator: StartSimulator) -> None:
    _sim, platform = shop(start_simulator)
    call_command("run_scheduler", "--once")
    work()
    assert states().keys() >= ordered()
    assert not PictureTurn.objects.get(platform=platform).problem_code


def test_nothing_is_asked_where_it_is_switched_off(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator)
    Platform.objects.update(show_pictures=False)
    call_command("run_scheduler", "--once")
    work()
    assert fetch_pictures(platform.pk) is None
    assert (sim.calls[SEARCH], sim.calls["picture"]) == (0, 0)


def test_what_is_to_be_shipped_comes_first_and_stock_last(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator, skus=150)
    sync(platform, INVENTORY)
    fetch_all(platform)
    found = [asin for asins in asked(sim) for asin in asins]
    to_ship = set(OrderItem.objects.filter(order__in=Order.objects.to_ship()).values_list("asin", flat=True))
    rest = ordered() - to_ship
    assert set(found[: len(to_ship)]) == to_ship
    assert set(found[len(to_ship) : len(to_ship) + len(rest)]) == rest
    stocked = set(InventoryItem.objects.exclude(asin="").values_list("asin", flat=True))
    assert set(found) == to_ship | rest | stocked
    assert len(found) == len(set(found))


def test_products_without_a_picture_are_asked_for_again_after_two_weeks(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = shop(start_simulator)
    fetch_all(platform)
    without = {asin for asin, state in states().items() if state == State.NONE}
    assert {product(7).asin, product(9).asin} <= without  # one has no picture, one is not in the catalogue
    later(days=13)
    fetch_all(platform)
    before = len(asked(sim))
    later(days=2)
    fetch_all(platform)
    assert {asin for asins in asked(sim)[before:] for asin in asins} == without


def test_without_the_role_it_says_what_to_do_and_asks_again_a_day_later(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = shop(start_simulator, Rule(operation=SEARCH, fault=Deny()))
    fetch_all(platform)
    later(hours=23)
    fetch_all(platform)
    assert sim.calls[SEARCH] == 1
    so_far = pictures_so_far(platform)
    assert so_far is not None
    assert "denied access" in so_far.problem
    assert "Product Listing" in str(so_far.advice)
    assert (so_far.known, so_far.none, so_far.failed) == (0, 0, 0)
    assert sync(platform).status == SyncLog.Status.SUCCEEDED
    sim.rules.clear()
    later(hours=2)
    fetch_all(platform)
    assert states().keys() == ordered()
    so_far = pictures_so_far(platform)
    assert so_far is not None
    assert (so_far.problem, str(so_far.advice), so_far.next_at) == ("", "", None)


def test_with_other_credentials_it_asks_at_once(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator, Rule(operation=SEARCH, fault=Deny()))
    fetch_all(platform)
    sim.rules.clear()
    call_command("run_scheduler", "--once")
    work()
    assert states() == {}
    account = sim.accounts[0]
    account.authorise_again()
    platform.replace_config(api_config(account))
    platform.save()
    call_command("run_scheduler", "--once")
    work()
    assert states().keys() >= ordered()


def test_a_marketplace_that_is_refused_does_not_stop_the_others(start_simulator: StartSimulator) -> None:
    refused = Rule(operation=SEARCH, fault=OnlyOf(GERMANY, Deny()))
    sim, platform = shop(start_simulator, refused, marketplace_ids=(GERMANY, FRANCE))
    for _look in range(3):
        fetch_all(platform)
        later(minutes=6)
    french = OrderItem.objects.filter(order__marketplace_id=FRANCE).exclude(asin="")
    assert states().keys() == set(french.values_list("asin", flat=True))
    assert [params["marketplaceIds"] for params in requests_of(sim, SEARCH)].count(GERMANY) == 1
    so_far = pictures_so_far(platform)
    assert so_far is not None
    assert "denied access" in so_far.problem
    sim.rules.clear()
    later(days=1)
    fetch_all(platform)
    assert states().keys() == ordered()


def test_an_order_from_elsewhere_is_asked_for_in_a_marketplace_of_the_account(
    start_simulator: StartSimulator,
) -> None:
    sim, platform = shop(start_simulator)
    Order.objects.update(marketplace_id="A0SIMULATORNEW")
    fetch_all(platform)
    assert states().keys() == ordered()
    assert {params["marketplaceIds"] for params in requests_of(sim, SEARCH)} == {"ATVPDKIKX0DER"}


def test_a_quota_that_is_used_up_is_waited_for_and_is_no_problem(start_simulator: StartSimulator) -> None:
    _sim, platform = shop(start_simulator, Rule(operation=SEARCH, fault=Answer(429, rate="0.01")))
    goes_on = fetch_pictures(platform.pk)
    assert goes_on is not None
    assert timedelta(seconds=60) < goes_on - timezone.now() < timedelta(seconds=101)
    turn = PictureTurn.objects.get()
    assert (turn.problem_code, turn.busy_until) == ("", None)
    assert states() == {}


def test_it_keeps_to_the_quota(start_simulator: StartSimulator, settings: Any) -> None:
    sim, platform = shop(start_simulator, skus=120)
    settings.AMAZON_QUOTAS = {}
    sim.quotas = Quotas()
    fetch_all(platform)
    assert states().keys() == ordered()
    assert [request.status for request in sim.requests if request.operation == SEARCH].count(429) == 0


PNG = {"Content-Type": "image/png"}
BAD_FILES = {
    "larger than 2 MiB": Canned(200, b"\x89PNG" + bytes(3 * 1024**2), PNG),
    "no picture by its own account (text/html)": Canned(200, b"<html>", {"Content-Type": "text/html"}),
    "is none of JPEG, PNG, WEBP": Canned(200, b"<svg onload='alert(1)'/>", PNG),
    "(HTTP 302)": Canned(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"}),
    "(HTTP 404)": Canned(404, b"gone", {"Content-Type": "text/plain"}),
}


@pytest.mark.parametrize("reason", BAD_FILES)
def test_a_file_that_is_no_picture_costs_that_picture(start_simulator: StartSimulator, reason: str) -> None:
    sim, platform = shop(start_simulator)
    sim.script("picture", BAD_FILES[reason])
    fetch_all(platform)
    [failed] = ProductPicture.objects.filter(state=State.FAILED)
    assert reason in failed.reason
    assert bytes(failed.image) == b""
    assert states().keys() == ordered()
    later(days=8)
    fetch_all(platform)
    assert not ProductPicture.objects.filter(state=State.FAILED).exists()


def test_half_a_file_is_no_picture(start_simulator: StartSimulator) -> None:
    class Half(Fault):
        def after(self, site: Site, call: Call, answer: Canned) -> Canned:
            return Canned(200, answer.body[: len(answer.body) // 2], PNG)

    _sim, platform = shop(start_simulator, Rule(operation="picture", fault=Half(), nth=1))
    fetch_all(platform)
    [failed] = ProductPicture.objects.filter(state=State.FAILED)
    assert "damaged" in failed.reason


@pytest.mark.parametrize(
    "link",
    [
        "https://pictures.example/images/I/1.jpg",
        "http://m.media-amazon.com/images/I/1.jpg",
        "https://m.media-amazon.com.pictures.example/1.jpg",
        "https://m.media-amazon.com:8443/images/I/1.jpg",
        "https://somebody@m.media-amazon.com/images/I/1.jpg",
        "file:///etc/passwd",
        "//m.media-amazon.com/1.jpg",
        "https://[half",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(start_simulator: StartSimulator, link: str) -> None:
    sim, platform = shop(start_simulator, orders=1, skus=1)
    [asin] = ordered()
    images = [{"marketplaceId": "ATVPDKIKX0DER", "images": [{"variant": "MAIN", "link": link}]}]
    sim.script(SEARCH, Canned.json(200, {"items": [{"asin": asin, "images": images}]}))
    fetch_all(platform)
    [picture] = ProductPicture.objects.all()
    assert (picture.state, bytes(picture.image), sim.calls["picture"]) == (State.FAILED, b"", 0)
    assert "none of Amazon's image hosts" in picture.reason


@pytest.mark.parametrize("answer", [Canned(503), Canned(reset=True)])
def test_where_no_file_can_be_had_it_pauses(start_simulator: StartSimulator, answer: Canned) -> None:
    sim, platform = shop(start_simulator, Rule(operation="picture", fault=answer))
    fetch_all(platform)
    assert sim.calls["picture"] == 1
    so_far = pictures_so_far(platform)
    assert so_far is not None
    assert so_far.next_at is not None
    assert timedelta(minutes=10) < so_far.next_at - timezone.now() < timedelta(minutes=15)
    sim.rules.clear()
    later(hours=1, minutes=1)
    fetch_all(platform)
    assert not ProductPicture.objects.filter(state=State.FAILED).exists()
    assert states().keys() == ordered()


@dataclass(frozen=True)
class RefuseProduct(Fault):
    """A list of products is refused where this one is in it, without a word which."""

    asin: str

    def before(self, site: Site, call: Call) -> Canned | None:
        named = call.params["identifiers"].split(",")
        error = {"code": "InvalidInput", "message": "No Brand Registration found"}
        return Canned.json(400, {"errors": [error]}) if self.asin in named else None


def test_one_product_that_is_refused_costs_that_one(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator)
    bad = sorted(ordered())[0]
    sim.rules.add(Rule(operation=SEARCH, fault=RefuseProduct(bad)))
    for _turn in range(10):
        fetch_all(platform)
        later(minutes=16)
    assert [asin for asin, state in states().items() if state == State.FAILED] == [bad]
    assert states().keys() == ordered()


def test_it_stops_when_it_is_told(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator)

    def stopping() -> bool:
        return sim.calls["picture"] >= 3

    assert fetch_pictures(platform.pk, stopping=stopping) is not None
    assert sim.calls["picture"] == 3
    assert PictureTurn.objects.get().busy_until is None
    fetch_all(platform)
    assert states().keys() == ordered()


def test_two_workers_do_not_ask_at_once(start_simulator: StartSimulator) -> None:
    _sim, platform = shop(start_simulator)
    found: list[Any] = []

    def stopping() -> bool:
        found.append(fetch_pictures(platform.pk))  # another worker, in the middle of a turn
        return False

    fetch_pictures(platform.pk, stopping=stopping)
    assert set(found) == {None}


def test_mock_products_have_drawn_pictures(settings: Any) -> None:
    settings.MOCK_FALLBACK = "auto"
    platform, _ = Platform.objects.update_or_create(name="amazon", defaults={"show_pictures": True})
    sync(platform)
    fetch_all(platform)
    assert set(states().values()) == {State.KNOWN}
    assert states().keys() == ordered()


def test_pictures_that_nothing_needs_are_deleted(start_simulator: StartSimulator) -> None:
    _sim, platform = shop(start_simulator)
    sync(platform, INVENTORY)
    fetch_all(platform)
    ordered_one = OrderItem.objects.exclude(asin="").values_list("asin", flat=True)[0]
    InventoryItem.objects.all().delete()
    Order.objects.exclude(items__asin=ordered_one).delete()
    kept = ordered()
    assert prune_pictures() > 0
    assert states().keys() == kept
    Platform.objects.update(show_pictures=False)
    assert prune_pictures() == len(kept)
    assert (states(), PictureTurn.objects.count()) == ({}, 0)
    del platform


def test_a_platform_is_deleted_with_its_pictures(start_simulator: StartSimulator) -> None:
    _sim, platform = shop(start_simulator, orders=3)
    fetch_all(platform)
    Order.objects.all().delete()
    StreamState.objects.all().delete()
    platform.delete()
    assert not ProductPicture.objects.exists()


def test_the_simulator_answers_as_the_model_says(start_simulator: StartSimulator) -> None:
    sim = start_simulator(Account(orders=1, skus=40))
    account = sim.accounts[0]
    asins = [product(index).asin for index in range(12)]

    def answer(asked_for: Sequence[str], **changes: str) -> Any:
        params = {"identifiers": ",".join(asked_for), "identifiersType": "ASIN", "includedData": "images"}
        call = Call(SEARCH, {**params, "marketplaceIds": account.marketplace_ids[0], **changes}, account)
        return sim.serve(call)

    first = answer(asins)
    assert (len(first["items"]), first["numberOfResults"]) == (10, 11)  # product 9 is not in the catalogue
    rest = answer(asins, pageToken=first["pagination"]["nextToken"])
    assert [item["asin"] for item in rest["items"]] == [asins[-1]]
    assert "pagination" not in rest
    [item] = answer(asins[:1])["items"]
    sizes = {image["height"] for image in item["images"][0]["images"] if image["variant"] == "MAIN"}
    assert sizes == {1500, 500, 75}
    json.dumps(first)


def test_sandbox_rows_have_no_pictures(start_simulator: StartSimulator) -> None:
    sim, platform = shop(start_simulator)
    Order.objects.update(source=Source.SANDBOX)
    fetch_all(platform)
    assert (states(), sim.calls[SEARCH]) == ({}, 0)
