"""Threads that ask for the same endpoints and changes at the same moment, on the suite's database.

SQLite has one writer: test_process.py starts two processes on it.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from api.tests.rest import token_client
from webhooks.endpoints import add_endpoint
from webhooks.leases import Leases
from webhooks.models import Delivery, Endpoint
from webhooks.queue import fill
from webhooks.switching import switch_off, switch_on
from webhooks.tests.receiver import Receiver
from webhooks.tests.rows import change

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _several_writers(transactional_db: None) -> None:
    if not connection.features.has_select_for_update:
        pytest.skip("SQLite has one writer: no transaction commits while another one writes.")


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each returns; all of them begin together."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int) -> None:
        try:
            barrier.wait(20)
            results[number] = works[number]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def endpoints(count: int) -> list[Endpoint]:
    made = [Endpoint(name=f"shop {number}", url="https://shop.example/") for number in range(count)]
    for endpoint in made:
        add_endpoint(endpoint)
    return made


def test_each_endpoint_is_claimed_by_one_of_those_who_ask() -> None:
    endpoints(10)
    for _turn in range(5):
        Endpoint.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        claims = [Leases() for _number in range(4)]
        held = at_once([claim.renew for claim in claims])
        assert sum(held) == 10
        assert [claim.held().count() for claim in claims] == held


def test_a_change_becomes_one_delivery_however_many_read_it() -> None:
    """Also of a sender that believes that it still holds the lease: it has the token, but not the position."""
    (endpoint,) = endpoints(1)
    claim = Leases()
    claim.renew()
    for number in range(30):
        change("order.created", number)
    at_once([lambda: fill(Endpoint.objects.get(), claim.token)] * 4)
    endpoint.refresh_from_db()
    sequences = Delivery.objects.order_by("pk").values_list("sequence", flat=True)
    assert list(sequences) == list(range(endpoint.position - 29, endpoint.position + 1))


def test_a_webhook_that_is_deleted_while_it_is_tested_has_no_test(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = True, False
    (endpoint,) = endpoints(1)

    def delete(_message: Any) -> tuple[int, dict[str, str], bytes]:
        try:
            Endpoint.objects.all().delete()
        finally:
            connection.close()
        return 200, {}, b""

    with Receiver() as receiver:
        receiver.answer = delete
        Endpoint.objects.update(url=receiver.url())
        client = token_client(User.objects.create_superuser("root"))
        answer = client.post(f"/webhooks/{endpoint.pk}/test")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert not Delivery.objects.exists()


def test_a_change_that_is_being_read_while_the_endpoint_is_switched_off_is_not_lost() -> None:

    (endpoint,) = endpoints(1)
    claim = Leases()
    for number in range(5):
        claim.renew()
        change("order.created", number)
        at_once(
            [
                lambda: fill(Endpoint.objects.get(), claim.token),
                lambda: switch_off(Endpoint.objects.get(), Endpoint.Off.BY_HAND),
            ]
        )
        switch_on(Endpoint.objects.get())
        claim.renew()
        fill(Endpoint.objects.get(), claim.token)
        assert Delivery.objects.count() == number + 1
    assert endpoint.name == "shop 0"
