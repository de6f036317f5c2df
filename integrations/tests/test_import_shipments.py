"""Shipments out of files: what becomes of each row, and that no package is ever made twice."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from integrations.models import OutboxEntry, SyncLog
from integrations.registry import CHANNELS
from integrations.shipping.making import AT_ONCE
from integrations.shipping.queue import run_here
from integrations.shipping.switching import set_policy
from integrations.sync.run import run_sync
from integrations.sync.start import request_sync
from integrations.tests.depot import Depot, channel
from orders.models import Order, OrderItem, Shipment
from platforms.models import Platform

pytestmark = pytest.mark.django_db

Import = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def platform() -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "somebody"}
    platform.save()
    set_policy(platform, mode="live", hourly_limit=1000, who="manager")
    return platform


@pytest.fixture
def depot(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Depot:
    """Orders A-1 to A-3: two units of SKU-1 and one of SKU-2 each."""
    depot = Depot()
    monkeypatch.setitem(CHANNELS, "amazon", channel(depot))
    for name in ("A-1", "A-2", "A-3"):
        depot.add(name, L1=2, L2=1)
    log = request_sync(platform=platform, kind="orders", trigger=SyncLog.Trigger.COMMAND).log
    assert run_sync(log.pk).status == SyncLog.Status.SUCCEEDED
    return depot


@pytest.fixture
def run(depot: Depot, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    def run(text: str, *options: str) -> tuple[int, dict[str, Any]]:
        """The exit status of the command, and what it printed as JSON."""
        file, status = tmp_path / "file.csv", 0
        file.write_text(text)
        capsys.readouterr()
        try:
            call_command("import_shipments", str(file), "--platform", "amazon", "--json", *options)
        except SystemExit as end:
            status = int(end.code or 0)
        return status, json.loads(capsys.readouterr().out)

    return run


def test_a_reason_keeps_a_sku_that_is_read_from_right_to_left_apart(run: Import) -> None:
    _status, answer = run("order,tracking number,carrier,sku,quantity\nA-1,00341,UPS,תה-12,1\n")
    assert answer["rows"][0]["message"].endswith("with the SKU \u2068תה-12\u2069.")


def verdicts(answer: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(row["row"], row["verdict"], row["code"]) for row in answer["rows"]]


FILE = """Reference;Sendungsnummer;Carrier;Versanddatum
A-1; 0034 1;DHL;{today}
A-2;00342;UPS;{today}
A-9;00343;UPS;
;00344;UPS;
A-3;3,40434E+11;UPS;
A-3;;UPS;
A-3;00345;Pigeon;
"""


def test_a_file_of_a_carrier_is_shipped_once_however_often_it_is_imported(
    run: Import, depot: Depot, platform: Platform
) -> None:
    text = FILE.format(today=depot.now().strftime("%d.%m.%Y"))
    status, preview = run(text, "--dry-run")
    expected = [
        (2, "good", ""),
        (3, "good", ""),
        (4, "refused", "order_unknown"),
        (5, "refused", "no_order_id"),
        (6, "refused", "rounded"),
        (7, "refused", "no_tracking"),
        (8, "refused", "carrier_unknown"),
    ]
    assert (status, verdicts(preview), Shipment.objects.count()) == (3, expected, 0)
    status, done = run(text)
    assert (status, verdicts(done), done["shipments"]) == (3, expected, 2)
    run_here(platform.pk)
    units = {"1": 2, "2": 1}
    truth = {("A-1", "1001"): ("00341", units), ("A-2", "1001"): ("00342", units)}
    assert depot.truth() == truth
    again = run(text)[1]
    assert verdicts(again)[:2] == [(2, "known", "made_already"), (3, "known", "made_already")]
    assert [row["shipment_id"] for row in again["rows"][:2]] == [
        row["shipment_id"] for row in done["rows"][:2]
    ]
    run_here(platform.pk)
    assert (depot.truth(), len(depot.told), OutboxEntry.objects.count()) == (truth, 2, 2)


LINES = """order id,tracking number,carrier,sku,quantity
A-1,P1,UPS,SKU-1,1
A-1,P1,UPS,SKU-2,1
A-1,P2,UPS,SKU-1,1
A-2,P3,UPS,SKU-1,3
A-3,P4,UPS,SKU-1,1
A-3,P4,UPS,SKU-9,1
"""


def test_rows_of_one_package_are_one_shipment_or_none(run: Import) -> None:
    expected = [
        (2, "good", ""),
        (3, "good", ""),
        (4, "good", ""),
        (5, "refused", "too_many"),
        (6, "refused", "other_row"),
        (7, "refused", "sku_unknown"),
    ]
    assert verdicts(run(LINES)[1]) == expected
    made = {
        each.tracking_number: {line.item_external_id: line.quantity for line in each.lines.all()}
        for each in Shipment.objects.all()
    }
    assert made == {"P1": {"1": 1, "2": 1}, "P2": {"1": 1}}
    assert {row[1] for row in verdicts(run(LINES)[1])[:3]} == {"known"}
    other = LINES.replace("A-1,P2,UPS,SKU-1,1", "A-1,P2,UPS,SKU-2,1")
    assert verdicts(run(other)[1])[2] == (4, "refused", "tracking_used")
    assert Shipment.objects.count() == 2


def test_a_row_that_cannot_be_read_keeps_its_whole_package_back(run: Import) -> None:
    rows = ("A-1,P1,UPS,SKU-1,two", "A-1,P1,UPS,SKU-2,1", "A-2,P2,DHL,SKU-1,1", "A-2,P2,UPS,SKU-2,1")
    text = "\n".join(("order id,tracking number,carrier,sku,quantity", *rows))
    answer = run(text)[1]
    assert [(row["verdict"], row["code"]) for row in answer["rows"]] == [
        ("refused", "bad_quantity"),
        ("refused", "other_row"),
        ("refused", "other_row"),
        ("refused", "differs"),
    ]
    assert not Shipment.objects.exists()


def test_a_preview_says_what_becomes_of_an_order_in_hundreds_of_packages(run: Import) -> None:
    lines = OrderItem.objects.filter(order__external_id="A-1", sku="SKU-1")
    lines.update(quantity_ordered=AT_ONCE + 1, quantity_left=AT_ONCE + 1)
    rows = [f"A-1,P{number},UPS,SKU-1,1" for number in range(AT_ONCE + 2)]
    text = "\n".join(["order id,tracking number,carrier,sku,quantity", *rows])
    preview, done = run(text, "--dry-run")[1], run(text)[1]
    assert [row["verdict"] for row in preview["rows"]] == ["good"] * (AT_ONCE + 1) + ["refused"]
    assert [(row["verdict"], row["code"]) for row in done["rows"]] == [
        (row["verdict"], row["code"]) for row in preview["rows"]
    ]


@pytest.mark.parametrize("cell", ["1.000", "1,000"])
def test_it_does_not_guess_whether_a_mark_is_of_thousands_or_of_parts(run: Import, cell: str) -> None:
    (row,) = run(f'order id,tracking number,sku,quantity\nA-1,P1,SKU-1,"{cell}"\n')[1]["rows"]
    assert (row["verdict"], row["code"]) == ("refused", "quantity_unclear")
    assert cell in row["message"]
    assert "without a mark for thousands" in row["message"]
    assert not Shipment.objects.exists()


@pytest.mark.parametrize("cell", ["1", "1.0", "1,0", "1,00"])
def test_it_reads_whole_numbers_as_spreadsheets_write_them(run: Import, cell: str) -> None:
    run(f'order id,tracking number,carrier,sku,quantity\nA-1,P1,UPS,SKU-1,"{cell}"\n')
    assert [line.quantity for line in Shipment.objects.get().lines.all()] == [1]


@pytest.mark.parametrize(
    ("cell", "options", "shown"),
    [
        ("2026-01-31 14:05", ("--zone", "Europe/Berlin"), "2026-01-31T13:05:00Z"),
        ("31.01.2026 14:05", (), "2026-01-31T14:05:00Z"),
        ("31/01/2026", (), "2026-01-31T12:00:00Z"),
        ("01/02/2026 08:00", ("--dates", "mdy"), "2026-01-02T08:00:00Z"),
        ("01/02/2026", (), "date_unclear"),
        ("2026-02-30", (), "bad_time"),
        ("yesterday", (), "bad_time"),
    ],
)
def test_it_reads_times_as_people_write_them_and_guesses_no_day(
    run: Import, cell: str, options: tuple[str, ...], shown: str
) -> None:
    Order.objects.update(purchased_at="2026-01-01T00:00:00Z")
    _status, answer = run(f"order id,tracking number,carrier,ship date\nA-1,P1,UPS,{cell}\n", *options)
    (row,) = answer["rows"]
    if row["verdict"] == "good":
        found = Shipment.objects.get().shipped_at
        assert found is not None
        assert found.isoformat().replace("+00:00", "Z") == shown
    else:
        assert (row["code"], Shipment.objects.count()) == (shown, 0)


def test_columns_are_said_once_and_remembered(run: Import, platform: Platform, tmp_path: Path) -> None:
    text = "Ref,Code\nA-1,P1\n"
    with pytest.raises(CommandError, match=r"Say which column has the order id \(order_id\)") as refused:
        run(text)
    assert refused.value.returncode == 2
    said = ("--column", "order_id=Ref", "--column", "tracking_number=Code", "--carrier", "UPS")
    assert run(text, *said)[1]["good"] == 1
    assert run("Ref,Code\nA-2,P2\n")[1]["good"] == 1
    assert [each.carrier for each in Shipment.objects.all()] == ["UPS", "UPS"]
    out = tmp_path / "refused.csv"
    run("Ref,Code\nA-2,P2\nA-9,=1+1\n", "--refused", str(out))
    assert out.read_text(encoding="utf-8-sig").splitlines() == [
        "reason,Ref,Code",
        "Platform Amazon has no order A-9 here.,A-9,'=1+1",
    ]


def test_it_asks_as_often_for_many_orders_as_for_few(
    run: Import, depot: Depot, django_assert_max_num_queries: Any
) -> None:
    text = "order id,tracking number,carrier\n" + "".join(f"A-{n},P{n},UPS\n" for n in (1, 2, 3))
    with django_assert_max_num_queries(45):
        assert run(text)[1]["shipments"] == 3


def test_a_preview_says_of_packages_far_apart_what_shipping_them_does(run: Import, depot: Depot) -> None:
    """More are between them than are judged together."""
    others = [f"X-{number},P{number},UPS,,,1" for number in range(250)]
    rows = ["A-1,P-A,UPS,SKU-1,,2", *others, "A-1,P-B,UPS,SKU-1,,1", "A-1,P-C,UPS,,,"]
    text = "\n".join(["order id,tracking number,carrier,sku,item id,quantity", *rows])
    expected = [(2, "good", ""), (253, "refused", "too_many"), (254, "good", "")]
    for options in (("--dry-run",), ()):
        _status, answer = run(text, *options)
        assert [row for row in verdicts(answer) if row[0] in (2, 253, 254)] == expected
    assert [sum(line.quantity for line in each.lines.all()) for each in Shipment.objects.order_by("pk")] == [
        2,
        1,
    ]


def test_a_file_whose_rows_come_in_another_order_is_known(run: Import) -> None:
    rows = [
        "A-1,P1,UPS,SKU-1,2", "A-1,P1,UPS,SKU-2,1", "A-2,P2,UPS,SKU-2,1", "A-2,P3,UPS,SKU-1,\"1,0\"",
        "A-2,P4,UPS,SKU-1,1", "A-3,P5,UPS,,",
    ]  # fmt: skip
    heading = "order id,tracking number,carrier,sku,quantity"
    assert run("\n".join([heading, *rows]))[1]["good"] == 6
    status, again = run("\n".join([heading, *reversed(rows)]))
    assert (status, again["known"], again["shipments"]) == (0, 6, 0)
    assert Shipment.objects.count() == 5


def test_two_lines_of_a_sku_are_filled_one_after_the_other(run: Import) -> None:
    Order.objects.get(external_id="A-1").items.update(sku="CUP")
    text = "order id,tracking number,carrier,sku,quantity\nA-1,P1,UPS,CUP,2\nA-1,P2,UPS,CUP,1\n"
    for verdict in ("good", "known"):
        assert {row["verdict"] for row in run(text)[1]["rows"]} == {verdict}
    made = [
        {line.item_external_id: line.quantity for line in each.lines.all()}
        for each in Shipment.objects.order_by("pk")
    ]
    assert made == [{"1": 2}, {"2": 1}]


def test_rows_that_name_what_is_left_of_a_sku_are_known_when_they_come_again(
    run: Import, depot: Depot, platform: Platform
) -> None:
    text = "order id,tracking number,carrier,sku\nA-1,P1,UPS,SKU-1\nA-1,P2,UPS,SKU-2\n"
    assert {row["verdict"] for row in run(text)[1]["rows"]} == {"good"}
    assert {row["verdict"] for row in run(text)[1]["rows"]} == {"known"}
    Shipment.objects.update(state="rejected")  # it holds no units
    assert {row["verdict"] for row in run(text)[1]["rows"]} == {"known"}
    Shipment.objects.update(state="queued")
    run_here(platform.pk)
    log = request_sync(platform=platform, kind="orders", trigger=SyncLog.Trigger.COMMAND).log
    assert run_sync(log.pk).updated == 1
    assert {row["verdict"] for row in run(text)[1]["rows"]} == {"known"}
    assert Shipment.objects.filter(state="confirmed").count() == Shipment.objects.count() == 2


def test_it_ships_nothing_where_the_refused_rows_cannot_be_written(run: Import, tmp_path: Path) -> None:
    text = "order id,tracking number,carrier\nA-1,P1,UPS\n"
    with pytest.raises(CommandError, match=r"--refused: .*No such file or directory\. Nothing was changed\."):
        run(text, "--refused", str(tmp_path / "nowhere" / "refused.csv"))
    assert not Shipment.objects.exists()


def test_standard_input_is_read(depot: Depot, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    data = io.TextIOWrapper(io.BytesIO(b"order id,tracking number,carrier\nA-1,P1,UPS\n"))
    monkeypatch.setattr(sys, "stdin", data)
    call_command("import_shipments", "-", "--platform", "amazon")
    assert "1 rows: 1 shipped in 1 packages, 0 known already, 0 refused." in capsys.readouterr().out
