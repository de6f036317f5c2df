"""What a database must be like before OMS makes tables in it: `migrate` runs these, and `check --database default`.

Where one of them fails, `migrate` changes nothing. MySQL and MariaDB cannot roll a migration back: found later, each of
these would leave half of the tables behind.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from core.encryption import FERNET_PREFIX

# Of these, InnoDB's rows take no index over a column of 255 characters of utf8mb4.
OLD_ROW_FORMATS = ("compact", "redundant")
# Under which MySQL and MariaDB write no change while the log holds statements.
LOOSE_ISOLATION = ("read committed", "read uncommitted")


@register(Tags.database)
def check_databases(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The problems of these databases."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        for check in (*CHECKS.get(connection.vendor, ()), _plain_rows, _mapped_groups):
            problems.extend(check(connection))
    return problems


def _charset(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    ((name, charset),) = _rows(
        connection,
        "SELECT schema_name, default_character_set_name FROM information_schema.schemata "
        "WHERE schema_name = DATABASE()",
    )
    if charset != "utf8mb4":
        yield Error(
            f"The database {name} is made for the character set {charset}, which cannot store every character (an "
            "emoji in a title, for one).",
            hint=f"Run: ALTER DATABASE `{name}` CHARACTER SET utf8mb4;  Tables that it has already keep "
            "what they have.",
            obj=connection.alias,
            id="oms.E005",
        )
    columns = _rows(
        connection,
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND character_set_name IS NOT NULL AND character_set_name <> 'utf8mb4' ORDER BY table_name",
    )
    if tables := _ours(connection, [table for table, _ in columns]):
        yield Error(
            f"The database {name} has tables that cannot store every character (not utf8mb4): "
            f"{_listed(tables)}.",
            hint="Make another database with CHARACTER SET utf8mb4, run `manage.py migrate` on it, and load the rows "
            "of this one into it: docs/operations.md, MySQL and MariaDB. (CONVERT TO CHARACTER SET would do harm: it "
            "takes away that SKUs and order numbers are compared exactly.)",
            obj=connection.alias,
            id="oms.E006",
        )


def _binary_log(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    variables = _variables(connection, "log_bin", "binlog_format")
    isolation = str(connection.settings_dict["OPTIONS"].get("isolation_level", "read committed")).lower()
    if (
        variables.get("log_bin") == "ON"
        and variables.get("binlog_format") == "STATEMENT"
        and isolation in LOOSE_ISOLATION
    ):
        yield Error(
            "The database server logs statements (binlog_format is STATEMENT) and so refuses every change that is "
            f"made under {isolation.upper()}, which OMS uses.",
            hint="Run: SET GLOBAL binlog_format = 'MIXED';  and write binlog_format = MIXED (or ROW) below [mysqld] "
            "in the server's configuration, so that it stays.",
            obj=connection.alias,
            id="oms.E007",
        )


def _new_tables(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """The server's defaults for new tables."""
    variables = _variables(connection, "innodb_default_row_format", "default_storage_engine")
    row_format = variables.get("innodb_default_row_format", "").lower()
    if row_format in OLD_ROW_FORMATS:
        yield Error(
            f"The database server makes tables with rows of the old format {row_format.upper()} "
            "(innodb_default_row_format), in which the indexes of OMS find no room.",
            hint="Run: SET GLOBAL innodb_default_row_format = 'dynamic';  and write innodb_default_row_format = "
            "dynamic below [mysqld] in the server's configuration, so that it stays.",
            obj=connection.alias,
            id="oms.E008",
        )
    engine = variables.get("default_storage_engine", "InnoDB")
    if engine != "InnoDB":
        yield Error(
            f"The database server makes tables of the engine {engine} (default_storage_engine). OMS needs InnoDB: "
            "without its transactions a sync that is interrupted would leave half a page.",
            hint="Run: SET GLOBAL default_storage_engine = 'InnoDB';  and take default_storage_engine out of the "
            "server's configuration.",
            obj=connection.alias,
            id="oms.E009",
        )


def _tables(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Of those that exist already."""
    found = _rows(
        connection,
        "SELECT table_name, engine, LOWER(row_format) FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND engine IS NOT NULL ORDER BY table_name",
    )
    if tables := _ours(connection, [table for table, engine, _ in found if engine != "InnoDB"]):
        yield Error(
            f"There are tables without transactions (their engine is not InnoDB): {_listed(tables)}.",
            hint="For each of them, run: ALTER TABLE `name` ENGINE = InnoDB;",
            obj=connection.alias,
            id="oms.E010",
        )
    if tables := _ours(
        connection, [table for table, _, row_format in found if row_format in OLD_ROW_FORMATS]
    ):
        yield CheckWarning(
            "There are tables with rows of an old format, in which a new index may find no room: "
            f"{_listed(tables)}.",
            hint="For each of them, run: ALTER TABLE `name` ROW_FORMAT = DYNAMIC;",
            obj=connection.alias,
            id="oms.W002",
        )


def _encoding(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    ((name, encoding),) = _rows(connection, "SELECT current_database(), current_setting('server_encoding')")
    if encoding != "UTF8":
        yield Error(
            f"The database {name} is made for the encoding {encoding}, which cannot store every character "
            "(an emoji in a title, for one).",
            hint="An encoding is settled when a database is made. Make another one and name it in DATABASE_URL: "
            "CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;",
            obj=connection.alias,
            id="oms.E011",
        )


def _plain_rows(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Secrets that were written with SQL and that the scheduler has not encrypted, or cannot."""
    tables = set(connection.introspection.table_names())
    for table, column, noun in ENCRYPTED:
        if table not in tables:
            continue
        begins = f"SUBSTR({column}, 1, {len(FERNET_PREFIX)})"  # names of this module
        rows = _rows(connection, f"SELECT name, {begins} FROM {table} WHERE {column} <> '' ORDER BY name")  # noqa: S608
        if names := [name for name, begin in rows if begin != FERNET_PREFIX]:
            yield CheckWarning(
                f"{noun} unencrypted in the database: {_listed(names)}.",
                hint="They were written with SQL. Run the scheduler, or `manage.py reencrypt`, which encrypts them; "
                "enter anew what is no JSON object. Change the secrets if others could read the database or a back-up.",
                obj=connection.alias,
                id="oms.W012",
            )


def _mapped_groups(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Groups that OIDC_GROUPS names, and that nobody has made, or has renamed."""
    wanted = {group for _value, group in settings.OIDC_GROUPS}
    if not wanted or "auth_group" not in connection.introspection.table_names():
        return
    there = {str(name) for (name,) in _rows(connection, "SELECT name FROM auth_group")}
    if there and (missing := sorted(wanted - there)):  # an empty table: migrations have yet to fill it
        yield CheckWarning(
            f"OIDC_GROUPS names groups that are not there: {_listed(missing)}. Nobody joins them by signing in.",
            hint="Write the names as the list of groups has them, or make these groups.",
            obj=connection.alias,
            id="oms.W014",
        )


ENCRYPTED = (
    ("platforms", "api_config", "Credentials of platforms are"),
    ("webhook_endpoints", "signing_secrets", "Signing secrets of webhooks are"),
)

CHECKS: dict[str, tuple[Callable[[BaseDatabaseWrapper], Iterator[CheckMessage]], ...]] = {
    "mysql": (_charset, _binary_log, _new_tables, _tables),
    "postgresql": (_encoding,),
}


def _rows(connection: BaseDatabaseWrapper, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def _variables(connection: BaseDatabaseWrapper, *names: str) -> dict[str, str]:
    """Those of the server's variables that it has: MySQL and MariaDB of all versions differ in them."""
    marks = ", ".join(["%s"] * len(names))
    return dict(_rows(connection, f"SHOW VARIABLES WHERE Variable_name IN ({marks})", *names))


def _ours(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> list[str]:
    """Those that are tables of OMS: others may share the database."""
    ours = set(connection.introspection.django_table_names()) | {"django_migrations"}
    return [table for table in dict.fromkeys(tables) if table in ours]


def _listed(tables: Sequence[str], most: int = 8) -> str:
    more = f" and {len(tables) - most} more" if len(tables) > most else ""
    return ", ".join(tables[:most]) + more
