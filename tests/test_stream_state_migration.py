"""A database of the release before keeps what it knew of each platform's streams when their columns become rows."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext

from integrations.models import StreamState
from integrations.schedule.due import dues_of
from integrations.sync.datasets import left_out
from integrations.tests.states import minutes_of, watermark_of
from platforms.models import Platform

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("platforms", "0004_credentials_set_at"), ("integrations", "0006_quota_operation")]
LARGE = ("orders", "order_items", "order_buyers", "inventory_items", "sync_logs")
UNTIL = datetime(2026, 3, 12, 14, 0, 0, 250000, tzinfo=UTC)
REFUSED = {"BUYER": "2999-03-12T14:00:00+00:00"}
# name, orders_interval, inventory_interval, orders_watermark, orders_watermark_scope, refused_datasets
ROWS: tuple[tuple[Any, ...], ...] = (
    ("busy", 5, 0, UNTIL, "NA:ATVPDKIKX0DER,NA:A2EUQ1WTGCTBG2", REFUSED),
    ("new", 15, 60, None, "", {}),
    ("newer", 15, 60, None, "", {}),
    ("by-hand", 0, 240, UNTIL, "", {}),
)
COLUMNS = (
    "name", "orders_interval", "inventory_interval", "orders_watermark", "orders_watermark_scope", "refused_datasets",
)  # fmt: skip


def migrate(targets: list[tuple[str, str]]) -> list[str]:
    """Takes the database to these states. Returns the statements that were run."""
    with CaptureQueriesContext(connection) as captured:
        MigrationExecutor(connection).migrate(targets)
    return [query["sql"] for query in captured]


@pytest.fixture
def up_to_date_again() -> Iterator[None]:
    yield
    migrate(newest())


def fill() -> None:
    """Platforms of today. Those that nobody has changed have no state; of one, a stop half way leaves one behind."""
    for name, orders, inventory, watermark, scope, refused in ROWS:
        platform = Platform.objects.create(name=name, kind="amazon")
        if name.startswith("new"):
            continue
        known = {"watermark": watermark, "watermark_scope": scope, "refused_datasets": refused}
        StreamState.write(platform.pk, "orders", interval_minutes=orders, **known)
        StreamState.write(platform.pk, "inventory", interval_minutes=inventory)


def as_the_release_before() -> list[tuple[Any, ...]]:
    """What its columns say of these platforms."""
    loader = MigrationExecutor(connection).loader
    platforms = loader.project_state(BEFORE).apps.get_model("platforms", "Platform").objects
    names = [row[0] for row in ROWS]
    return [platforms.filter(name=name).values_list(*COLUMNS).get() for name in names]


def newest() -> list[tuple[str, str]]:
    return list(MigrationExecutor(connection).loader.graph.leaf_nodes())


@pytest.mark.usefixtures("up_to_date_again")
def test_it_goes_back_keeps_what_is_known_of_each_stream_and_goes_on_after_a_stop_half_way() -> None:
    """Once back and once forth, since each takes as long as dozens of other tests."""
    fill()
    migrate(BEFORE)
    assert as_the_release_before() == list(ROWS)
    statements = [*stop_half_way(), *migrate(newest())]
    for name, orders, inventory, watermark, scope, refused in ROWS:
        platform = Platform.objects.get(name=name)
        state = platform.stream_states.get(stream="orders")
        assert (minutes_of(platform), minutes_of(platform, "inventory")) == (orders, inventory)
        assert (watermark_of(platform), state.watermark_scope) == (watermark, scope)
        assert list(left_out(platform, [state])) == list(refused)
        assert platform.stream_states.get(stream="inventory").refused_datasets == {}
    assert dues_of(Platform.objects.get(name="new"))["orders"].reason == "no_credentials"
    assert_no_large_table_is_rewritten(statements)


def stop_half_way() -> list[str]:
    """MySQL keeps the table that a migration made before it stopped; the rows are moved by one of its own. Returns the
    statements that were run."""
    statements = migrate([("platforms", "0005_kind_without_choices"), ("integrations", "0009_stream_state")])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stream_states (platform_id, stream, interval_minutes, watermark_scope, refused_datasets) "
            "SELECT id, 'orders', orders_interval, '', '{}' FROM platforms WHERE name = 'new'"
        )
    return statements


def assert_no_large_table_is_rewritten(statements: list[str]) -> None:
    """All that is done to one is to give it a column that may be NULL, which no database writes into its rows, to
    replace an index, and to change the few rows of syncs that are open."""
    statements = [statement.lower() for statement in statements]
    assert [statement for statement in statements if "stream_states" in statement]
    changing = ("alter", "create table", "drop", "update", "insert", "delete")
    touched = [
        statement.replace("`", '"')
        for statement in statements
        for table in LARGE
        if statement.startswith(changing) and f'"{table}"' in statement.split("(")[0].replace("`", '"')
    ]
    of_open_syncs = [each for each in touched if each.startswith('update "sync_logs" set "open_key"')]
    assert len(of_open_syncs) == 1
    assert '"open_key" is not null' in of_open_syncs[0]
    touched.remove(of_open_syncs[0])
    assert any(statement.startswith('alter table "sync_logs" add column "asked" ') for statement in touched)
    cheap = re.compile(r'alter table "\w+" add column "\w+" [\w(), ]+( default \'\w+\')? null$|drop index ')
    assert [statement for statement in touched if not cheap.match(statement)] == []


def test_it_knows_the_streams_of_platforms_without_any_row() -> None:
    migrate(newest())
    platform = Platform.objects.create(name="by-sql")
    assert not platform.stream_states.exists()
    assert (minutes_of(platform), minutes_of(platform, "inventory"), watermark_of(platform)) == (15, 60, None)
