"""Workers as processes of their own: two over the same outbox, whoever is faster, and one that is killed after Amazon
took a shipment, before that is stored. Each shipment is told once.

On SQLite in a file; with a server as DATABASE_URL, in the suite's database there.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from installation import killed

from conftest import api_config
from integrations.tests.processes import PATIENCE, Installation, migrated, on_sqlite, sqlite_query, until
from simulator import Account, Delay, Rule, Simulator
from simulator.scenes import Scene

pytestmark = pytest.mark.django_db(transaction=True)
SHIPMENTS = 9  # fewer than the burst of the quota, so that none has to wait
PREPARE = f"""
import json, os, sys
from integrations.shipping.making import make_shipment
from integrations.shipping.rules import Package
from integrations.shipping.switching import set_policy
from integrations.tests.syncing import sync
from orders.models import Order
from platforms.models import Platform

platform = Platform.objects.get_or_create(name="amazon")[0]
platform.api_config = json.loads(os.environ["ACCOUNT"])
platform.save()
set_policy(platform, mode="live", hourly_limit=1000, who="manager")
sync(platform)
for number, order in enumerate(Order.objects.to_ship().select_related("platform")[:{SHIPMENTS}]):
    make_shipment(order, Package(carrier="UPS", tracking_number=f"1Z{{number}}"), who="shipper")
"""
STATES = """
from django.db.models import Count
from orders.models import Shipment
for state, count in Shipment.objects.order_by("state").values_list("state").annotate(Count("pk")):
    print(state, count)
"""


@pytest.fixture
def sim() -> Iterator[Simulator]:
    account = Account(orders=8 * SHIPMENTS, skus=2, scenes=(Scene.PLAIN_UNSHIPPED,))
    with Simulator(account) as running:
        yield running


@pytest.fixture
def oms(tmp_path: Path, sim: Simulator) -> Iterator[Installation]:
    if connection.vendor == "sqlite":
        installation = on_sqlite(Path(shutil.copy(migrated(), tmp_path / "oms.sqlite3")))
    else:
        server = urlsplit(os.environ["DATABASE_URL"])
        url = server._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        installation = Installation(url, sqlite_query(tmp_path))
    installation.environment |= {
        "AMAZON_SP_API_ENDPOINT": sim.endpoint,
        "AMAZON_LWA_ENDPOINT": sim.lwa_endpoint,
        "ACCOUNT": json.dumps(api_config(sim.accounts[0])),
        "AUDIT_ORDERS": "off",  # from 3 o'clock on it would read the orders, and so confirm their packages
    }
    yield installation
    installation.end()


def test_two_workers_over_one_outbox_tell_of_each_shipment_once(oms: Installation, sim: Simulator) -> None:
    status, _out, err = oms.run("shell", "-v0", "-c", PREPARE)
    assert status == 0, err
    book = sim.accounts[0].shipments
    assert not book.taken
    for _worker in range(2):  # each shipment has left a message: they take one after the other
        oms.start("run_worker")
    until(lambda: len(book.taken) == SHIPMENTS, "all shipments")
    until(
        lambda: oms.run("shell", "-v0", "-c", STATES).out.split() == ["sent", str(SHIPMENTS)], "the answers"
    )
    assert sim.calls["confirmShipment"] == SHIPMENTS
    assert book.told_twice() == []
    assert {(each.number, each.is_edit) for each in book.taken} == {(1001, False)}


LEASE_IS_OVER = """
from datetime import timedelta
from django.utils import timezone
from integrations.models import OutboxEntry, SendingTurn

past = timezone.now() - timedelta(hours=1)
print(OutboxEntry.objects.filter(state="sending").update(lease_expires_at=past))
SendingTurn.objects.update(lease_expires_at=past, announced_at=None)
"""


def test_a_worker_that_is_killed_before_it_stores_the_answer_has_told_once(
    oms: Installation, sim: Simulator
) -> None:
    status, _out, err = oms.run("shell", "-v0", "-c", PREPARE)
    assert status == 0, err
    book = sim.accounts[0].shipments
    sim.rules.add(Rule(operation="confirmShipment", nth=4, times=1, fault=Delay(PATIENCE)))
    worker = oms.start("run_worker")
    until(lambda: len(book.taken) == 4, "the shipment whose answer is held back")
    killed(worker)
    assert oms.run("shell", "-v0", "-c", STATES).out.split() == ["queued", "6", "sent", "3"]
    assert oms.run("shell", "-v0", "-c", LEASE_IS_OVER).out.strip() == "1"
    for command in ("run_scheduler", "run_worker"):
        assert oms.run(command, "--once").status == 0
    assert oms.run("shell", "-v0", "-c", STATES).out.split() == ["sent", str(SHIPMENTS)]
    assert (sim.calls["confirmShipment"], book.told_twice()) == (SHIPMENTS + 1, [])
    assert [each.number for each in book.taken if each.is_edit] == [
        1001
    ]  # the same once more, which changes nothing
    assert len({each.order_id for each in book.taken}) == SHIPMENTS
