"""`python -m bench` compares like with like."""

import csv
import io

import pytest
from django.test import Client

from bench import export, million

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
