"""`make demo`: a shop that is invented, and says so in the database, on pages, in files and over the API."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from integrations.tests.processes import ROOT, installed
from simulator.demo import DAYS, live, ship_what_is_old, shops

pytestmark = pytest.mark.own_database

SEEN = """
import json
from django.contrib.auth.models import User
from django.test import Client
from orders.models import Order

user = User.objects.create_superuser("demo")
client = Client(SERVER_NAME="127.0.0.1")
print(client.get("/admin/login/").content.decode().count("everything here is invented"))
client.force_login(user)
page = client.get("/admin/").content.decode()
print(page.count('>Demo: invented data<'), page.count("<title>Demo |"), client.cookies["oms_demo"] is not None)
(row,) = client.get("/orders?page_size=1").json()["results"]
print(row["source"], "live" in client.get("/schema?format=json").json()["components"]["schemas"]["SourceEnum"]["enum"])
file = b"".join(client.get("/admin/orders/order/export/orders.machine.csv").streaming_content).decode()
print(",demo," in file, ",live," in file)
"""


def test_the_shop_has_sixty_days_of_orders_and_ships_what_is_old() -> None:
    account, now = shops()["demo-europe"], datetime.now(UTC)
    ship_what_is_old(account, now)
    orders = [account.order(index) for index in range(account.count)]
    assert min(order.created for order in orders) < now - timedelta(days=DAYS - 2)
    late = Counter(order.status for order in orders if order.created < now - timedelta(days=7))
    assert set(late) == {"shipped", "cancelled"}
    assert 3 < sum(order.status == "unshipped" for order in orders) < 60
    before = account.count
    for turn in range(6):
        live(account, turn, Random(1))  # noqa: S311  which order is shipped
    assert account.count == before + 6


def test_its_data_is_marked_wherever_it_is_shown(tmp_path: Path) -> None:
    shop = subprocess.Popen(
        [sys.executable, "-m", "simulator.demo", "--every", "600"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shop.stdout is not None
    found = json.loads(shop.stdout.readline())
    try:
        with installed(tmp_path) as oms:
            oms.environment |= {
                "OMS_DEMO": "on",
                "REQUIRE_HTTPS": "off",
                "AMAZON_SP_API_ENDPOINT": found["endpoint"],
                "AMAZON_LWA_ENDPOINT": found["lwa_endpoint"],
            }
            oms.sql("UPDATE platforms SET api_config = ?", json.dumps(found["shops"]["demo-europe"]))
            synced = oms.run("sync_orders", "--days", "5", "--json", cold=True)
            assert json.loads(synced.out)["source"] == "demo", synced
            assert oms.query("SELECT DISTINCT source FROM orders") == [("demo",)]
            seen = oms.run("shell", "--verbosity", "0", "--command", SEEN, cold=True)
            assert seen.out.splitlines() == ["1", "1 1 True", "demo False", "True False"], seen.err
    finally:
        shop.send_signal(signal.SIGTERM)
        shop.communicate()
