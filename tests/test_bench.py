"""`python -m bench` compares like with like."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from bench import api_lists, auditing, database, export, million, reading
from integrations.models import AuditedDay
from integrations.registry import CHANNELS

pytestmark = pytest.mark.django_db


def test_it_compares_exports_with_the_same_rows_made_plainly(admin_client: Client) -> None:
    million.fill(orders=30, skus=5)

    for name, rows in (("orders.csv", export.orders()), ("order-lines.csv", export.lines())):
        file = b"".join(admin_client.get(f"{export.ADDRESS}/{name}").streaming_content)  # type: ignore[attr-defined]
        exported = list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")))[1:]
        assert exported
        assert [row[:3] for row in exported] == [row[:3] for row in rows]


def test_it_measures_each_file_round_by_round() -> None:
    million.fill(orders=30, skus=5)

    results = export.measure("here", orders=30, rounds=2)

    assert [each.name.split()[2] for each in results] == ["orders.csv,", "orders.xlsx,", "order-lines.csv,"]
    assert all(len(each.values) == 2 and min(each.values) > 0 for each in results)


@pytest.mark.own_database
def test_it_stores_pages_in_each_way(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{database.NAME}.sqlite3"
    done = subprocess.run(
        [sys.executable, "-m", "bench.measure", "storing", "--pages", "1", "--rounds", "1"],
        env=database.environment(url), cwd=Path(__file__).parent.parent, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == 7
    assert all(each["values"][0] > 0 for each in results)


def test_it_compares_lists_of_the_api_with_bare_sql() -> None:
    million.fill(orders=60, skus=5)

    results = api_lists.measure("here", rounds=1)

    assert len(results) == 2 * len(api_lists.pages())
    assert all(min(result.values) > 0 for result in results)


def test_it_audits_a_day_beside_bare_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHANNELS, "amazon", CHANNELS["amazon"])  # it is put back afterwards

    results = auditing.measure("here", orders=100, rounds=1)

    assert [result.unit for result in results] == ["s", "×"]
    assert all(min(result.values) > 0 for result in results)
    assert set(AuditedDay.objects.values_list("state", flat=True)) == {"proven", "not_yet"}


def test_it_reads_the_same_rows_of_a_report_in_both_ways() -> None:
    results = reading.measure(orders=1000, rounds=1)

    assert len(results) == 3
    assert all(min(result.values) > 0 for result in results)
