"""The benchmark's own databases, which it creates and empties. An installation's database is never touched."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

NAME = "oms_bench"
LOCAL_MARIADB = "mysql://root@127.0.0.1:3306/"


def environment(url: str) -> dict[str, str]:
    """The process environment of a measurement on this database; needs no .env."""
    key = "YmVuY2htYXJrLW9ubHktYmVuY2htYXJrLW9ubHktMTI="
    return os.environ | {
        "DATABASE_URL": url,
        "SECRET_KEY": secrets.token_hex(32),
        "FIELD_ENCRYPTION_KEY": key,
        "DEBUG": "off",
        "MOCK_FALLBACK": "never",
        "DJANGO_SETTINGS_MODULE": "oms.settings",
    }


@contextmanager
def urls(directory: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The databases to measure, by name, and why others are left out.

    SQLite in `directory`; the server of DATABASE_URL, or else a MariaDB on this machine, in a database of its own. That
    database belongs to this process alone, since two runs in one would write the same ids, and is dropped at the end.
    """
    found = {"SQLite": f"sqlite:///{directory / NAME}.sqlite3"}
    server = os.environ.get("DATABASE_URL") or LOCAL_MARIADB
    parts = urlsplit(server)
    if parts.scheme not in ("mysql", "mariadb"):
        server, parts = LOCAL_MARIADB, urlsplit(LOCAL_MARIADB)
    where = f"MySQL or MariaDB on {parts.hostname}:{parts.port or 3306}"
    try:
        import MySQLdb
    except ImportError:
        yield found, [f"{where}: mysqlclient is not installed (see requirements-mysql.txt)."]
        return
    own = f"{NAME}_{os.getpid()}"
    try:
        version = str(_on_server(parts, f"CREATE DATABASE {own} CHARACTER SET utf8mb4", "SELECT VERSION()"))
    except MySQLdb.Error as error:
        yield found, [f"{where}: {error.args[-1]}"]
        return
    name = f"MariaDB {version.split('-')[0]}" if "MariaDB" in version else f"MySQL {version}"
    try:
        yield found | {name: f"mysql://{parts.netloc}/{own}"}, []
    finally:
        _on_server(parts, f"DROP DATABASE {own}")


def _on_server(parts: SplitResult, *statements: str) -> Any:
    """Run the statements; the first value of what the last one answers."""
    import MySQLdb

    connection = MySQLdb.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
        connect_timeout=3,
    )
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return next(iter(cursor.fetchone() or ()), None)
    finally:
        connection.close()


def start() -> None:
    """Django on the database of DATABASE_URL, migrated and empty."""
    import django

    django.setup()
    from django.core.management import call_command

    from integrations.models import StreamState
    from platforms.models import Platform

    call_command("migrate", verbosity=0)
    empty()
    # What an earlier run left there was encrypted with that run's key.
    Platform.objects.update(api_config=None, include_pii=False)
    StreamState.objects.update(watermark=None)


def empty() -> None:
    """Remove all orders, stock and logs."""
    from django.core.management.color import no_style
    from django.db import connection

    if NAME not in str(connection.settings_dict["NAME"]):
        raise ValueError("This is not the benchmark's database; nothing was removed.")
    tables = [
        "changes",
        "api_quotas",
        "api_usage",
        "sync_failures",
        "sync_logs",
        "order_buyers",
        "order_items",
        "order_packages",
        "order_changes",
        "shipment_outbox",
        "shipment_lines",
        "shipments",
        "ordered_products",
        "orders",
        "inventory_items",
    ]
    connection.ops.execute_sql_flush(
        connection.ops.sql_flush(no_style(), tables, reset_sequences=True, allow_cascade=False)
    )
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
