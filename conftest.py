"""Fixtures for every test: an environment of its own, and a simulated Amazon."""

import argparse
import gc
import json
import os
import signal
import sqlite3
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

# Before Django reads its settings: the tests must not depend on, or touch, what a developer has in .env. Every
# variable that .env may hold is set here, since what is set wins over the file (tests/test_repository.py checks it).
OWN_ENVIRONMENT = {
    "SECRET_KEY": "for tests only, not a secret, long enough to please the deployment check 0123456789",
    "FIELD_ENCRYPTION_KEY": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "FIELD_ENCRYPTION_KEY_COMMAND": "",
    "DEBUG": "off",
    "REQUIRE_HTTPS": "off",
    "BEHIND_TLS_PROXY": "off",
    "HSTS_INCLUDE_SUBDOMAINS": "off",
    "HSTS_PRELOAD": "off",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "CSRF_TRUSTED_ORIGINS": "",
    "MOCK_FALLBACK": "auto",
    "ORDERS_INITIAL_DAYS": "30",
    "KEEP_ORDERS_MONTHS": "0",
    "KEEP_SYNC_LOG_DAYS": "400",
    "KEEP_API_USAGE_DAYS": "400",
    "KEEP_CHANGES_DAYS": "90",
    "KEEP_AUDIT_DAYS": "730",
    "AUDIT_LOG": "",
    "AUDIT_SHIPPED_MINUTES": "15",
    "BACKUP_ENCRYPT_TO": "",
    "AUDIT_SYSLOG": "",
    "KEEP_MESSAGES_DAYS": "7",
    "MAX_BODY_BYTES": "2621440",
    "API_REQUESTS_PER_MINUTE": "1200",
    "API_FAILURES_PER_MINUTE": "0",
    "LOGIN_FAILURES": "10",
    "LOGIN_FAILURES_PER_ADDRESS": "10",
    "LOGIN_LOCK_MINUTES": "15",
    "SECOND_FACTOR": "optional",
    "PASSKEYS_DOMAIN": "",
    "OIDC_ISSUER": "",
    "OIDC_CLIENT_ID": "",
    "OIDC_CLIENT_SECRET": "",
    "AMAZON_APPLICATION_ID": "",
    "AMAZON_APPLICATION_IS_DRAFT": "off",
    "AMAZON_CLIENT_ID": "",
    "AMAZON_CLIENT_SECRET": "",
    "AMAZON_CONSENT_ENDPOINT": "",
    "OIDC_LABEL": "",
    "OIDC_SCOPES": "",
    "OIDC_USERNAME_CLAIM": "",
    "OIDC_GROUPS_CLAIM": "",
    "OIDC_GROUPS": "",
    "OIDC_SUPERUSERS": "",
    "OIDC_REQUIRE": "",
    "OIDC_CREATE_USERS": "off",
    "OIDC_SECOND_FACTOR": "off",
    "OIDC_LOGOUT": "off",
    "EXPORTS_AT_ONCE": "1000",  # Django's client never closes an answer that a test does not read
    "PDF_FONT_FALLBACK": "",
    "EXPORTS_FOLDER": "",
    "EXPORTS_EMAIL_DOMAINS": "",
    "EXPORTS_STORE_ENDPOINT": "",
    "EXPORTS_STORE_BUCKET": "",
    "EXPORTS_STORE_REGION": "",
    "EXPORTS_STORE_PREFIX": "",
    "EXPORTS_STORE_PATH_STYLE": "",
    "EXPORTS_STORE_ACCESS_KEY": "",
    "EXPORTS_STORE_SECRET_KEY": "",
    "CONFIRM_AGAIN_MINUTES": "10",
    "PASSWORD_HISTORY": "10",
    "PASSWORD_MIN_AGE_DAYS": "1",
    "PASSWORD_MAX_AGE_DAYS": "365",
    "PASSWORD_BREACHED_LIST": "",
    "SESSION_IDLE_MINUTES": "30",
    "SESSION_HOURS": "12",
    "LOG_FORMAT": "text",
    "METRICS_TOKEN": "",
    "KEEP_WEBHOOK_DELIVERIES_DAYS": "30",
    "WEBHOOKS_ALLOW_PRIVATE": "off",
    "WEBHOOKS_REQUIRE_HTTPS": "on",
    "EMAIL_URL": "",
    "DEFAULT_FROM_EMAIL": "",
    "PUBLIC_URL": "",
    "ALERTS_LAG_INTERVALS": "4",
    "ALERTS_DUE_HOURS": "4",
    "ALERTS_FAILED_SIGN_INS": "30",
    "SENTRY_DSN": "",
    "SENTRY_ENVIRONMENT": "",
    "AUDIT_ORDERS": "off",
    "AUDIT_INVENTORY": "off",
    "KEEP_UP": "off",
    "SHIPMENT_CHECK_HOURS": "6",
    "ORDERS_LOOK_BACK_HOURS": "24",
    "ORDERS_LOOK_BACK_DAYS": "30",
    "PLANNING_LEAD_DAYS": "30",
    "PLANNING_TARGET_DAYS": "30",
    "AMAZON_SP_API_ENDPOINT": "",
    "AMAZON_LWA_ENDPOINT": "",
}
os.environ.update(OWN_ENVIRONMENT)
# A file that .env may name for one of them would be refused beside the value.
FILES = (
    "SECRET_KEY_FILE",
    "FIELD_ENCRYPTION_KEY_FILE",
    "DATABASE_URL_FILE",
    "REDIS_URL_FILE",
    "METRICS_TOKEN_FILE",
    "EMAIL_URL_FILE",
    "SENTRY_DSN_FILE",
    "OIDC_CLIENT_SECRET_FILE",
    "AMAZON_CLIENT_SECRET_FILE",
    "EXPORTS_STORE_ACCESS_KEY_FILE",
    "EXPORTS_STORE_SECRET_KEY_FILE",
)
os.environ.update(dict.fromkeys(FILES, ""))
# These two may come from the process environment, to run the suite on other services; never from .env.
SERVICES = ("DATABASE_URL", "REDIS_URL")
for name in SERVICES:
    os.environ.setdefault(name, "")

# Here and not in pyproject.toml: pytest-django would read the settings before this file.
os.environ["DJANGO_SETTINGS_MODULE"] = "oms.settings"

import pytest
from django.conf import settings as django_settings

assert django_settings.INSTALLED_APPS  # reads them; otherwise pytest-django takes this for no Django project
# A password costs a third of a second by intention. Processes that tests start hash as in production.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

pytest_plugins = ("integrations.tests.rows",)


def find_static_files_once() -> None:
    """Each test client builds the middleware anew, and WhiteNoise would read all static files for each of them."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    files: dict[str, Any] = {}
    find = WhiteNoiseMiddleware.add_files_from_finders

    def find_once(middleware: Any) -> None:
        if not files:
            find(middleware)
            files.update(middleware.files)
        middleware.files.update(files)

    WhiteNoiseMiddleware.add_files_from_finders = find_once


find_static_files_once()

from simulator import Account, Simulator
from simulator.quotas import PUBLISHED

# settings.AMAZON_QUOTAS of tests about other things: many syncs on one account must not run dry.
GENEROUS = dict.fromkeys(PUBLISHED, (1000.0, 100_000))

# Where this variable is set, a test with this mark may not skip: CI has what it needs.
REQUIRED = {
    "browser": "OMS_REQUIRE_BROWSER",
    "readers": "OMS_REQUIRE_READERS",
    "redis": "OMS_REQUIRE_SERVICES",
    "mariadb": "OMS_REQUIRE_SERVICES",
    "postgresql": "OMS_REQUIRE_SERVICES",
}


# What stands closest to the database: models, what stores, finds and locks rows, queues, and writers that race.
CLOSE = (
    "orders/",
    "inventory/",
    "platforms/",
    "feed/",
    "core/",
    "audit/",
    "api/tests/test_changes.py",
    "api/tests/test_idempotency.py",
    "integrations/tests/test_lanes.py",
    "integrations/tests/test_start.py",
    "integrations/tests/test_token_bucket.py",
    "integrations/tests/test_usage.py",
    "webhooks/tests/test_racing.py",
)
# What takes longest, and waits for processes and browsers meanwhile. Begun last, one of these would be all that still
# runs in the end.
FIRST = (
    "tests/browser/test_accessibility.py",
    "tests/test_containers.py",
    "tests/test_production.py",
    "tests/test_processes.py",
    "tests/test_property.py",
    "tests/test_crashes.py",
    "tests/test_faults_end_to_end.py",
    "tests/test_leaks.py",
    "tests/test_odd_posts.py",
    "tests/test_million.py",
    "tests/test_extremes.py",
    "backoffice/tests/test_list_filters.py",
    "tests/browser/",
    "tests/",
)
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="for a run on another database: leave out the tests that do not touch the suite's database, "
        "and those that take long and find the same on any (own_database, once)",
    )
    parser.addoption(
        "--share",
        metavar="N/OF",
        type=share,
        help="with --database-only: what stands closest to the database (CLOSE in conftest.py), and the Nth share of "
        "the other tests, so that as many runs on other databases run all of them; the same tests each time",
    )


def share(text: str) -> tuple[int, int]:
    number, of = map(int, text.split("/"))
    if not 1 <= number <= of:
        raise argparse.ArgumentTypeError("give the number of a share and how many there are, like 1/2")
    return number, of


def depends_on_the_database(item: pytest.Item) -> bool:
    """Whether another database may have another result. pytest-django keeps all other tests away from it."""
    if any(item.get_closest_marker(mark) for mark in ("own_database", "once")):
        return False
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)


def is_in_share(test: str, number: int, of: int) -> bool:
    return test.startswith(CLOSE) or zlib.crc32(test.encode()) % of == number - 1


def place(item: pytest.Item) -> int:
    """Of a test in the order in which they are begun."""
    return next((place for place, path in enumerate(FIRST) if item.nodeid.startswith(path)), len(FIRST))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database-only"):
        kept = [item for item in items if depends_on_the_database(item)]
        if its_share := config.getoption("--share"):
            kept = [item for item in kept if is_in_share(item.nodeid, *its_share)]
        config.hook.pytest_deselected(items=[*set(items) - set(kept)])
        items[:] = kept
    items.sort(key=place)  # stable: otherwise as pytest-django has sorted them


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end: the collector need not look through it again and again.

    Nor need it look so often: by default after 700 new objects, of which a page alone has many thousand.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


class RowsOfMigrations:
    """What migrations wrote, and what Django adds after them: content types, permissions, groups, platforms.

    A test that commits leaves an empty database behind: pytest-django flushes it. Django would then work out again
    what the permissions are, which takes longer than many tests; here the rows are written as they were.
    """

    def __init__(self) -> None:
        from django.contrib.auth.models import Group, Permission
        from django.contrib.contenttypes.models import ContentType

        from audit.models import AuditHead
        from feed.models import FeedPosition
        from platforms.models import Platform

        models = (
            ContentType,
            Permission,
            Group,
            Group.permissions.through,
            Platform,
            FeedPosition,
            AuditHead,
        )
        self._tables = {model._meta.db_table: self._read(model._meta.db_table) for model in models}

    @staticmethod
    def _read(table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of its columns, and its rows as the driver has them."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            return [column[0] for column in cursor.description], cursor.fetchall()

    def put_back(self, *_verbosity_and_name: Any) -> None:
        from django.db import connection, transaction

        quote = connection.ops.quote_name
        with transaction.atomic(), connection.cursor() as cursor:
            for table, (columns, rows) in self._tables.items():
                names, places = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO {quote(table)} ({names}) VALUES ({places})", rows)  # noqa: S608


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """On SQLite, a file as in production: in memory, threads share a cache, whose tables none may read while another
    one writes. What migrations make is copied from a file, which all processes of pytest-xdist share."""
    from django.core.management.commands import migrate
    from django.db import connection

    from integrations.tests.processes import migrated

    def copy(*_arguments: Any, **_options: Any) -> None:
        patch.undo()  # for once: some tests migrate
        connection.ensure_connection()
        with closing(sqlite3.connect(f"file:{migrated()}?immutable=1", uri=True)) as file:
            file.backup(connection.connection)

    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "sqlite":
            patch.setattr(migrate.Command, "handle", copy)
            file = tmp_path_factory.mktemp("database") / "test.sqlite3"
            connection.settings_dict["TEST"]["NAME"] = str(file)
        yield


def delete_rows(_style: Any, tables: list[str], **_options: Any) -> list[str]:
    """What `flush` sends to PostgreSQL, whose TRUNCATE makes new files for each table and its indexes: a quarter of a
    second for a database that is all but empty. Foreign keys are looked at when all is deleted."""
    from django.db import connection

    quote = connection.ops.quote_name
    return [f"DELETE FROM {quote(table)};" for table in tables]  # noqa: S608


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:  # noqa: ARG001
    """The database as pytest-django makes it. Emptied, it has the rows of migrations again."""
    from django.core.management.commands import flush
    from django.db import connection

    with django_db_blocker.unblock():
        flush.emit_post_migrate_signal = RowsOfMigrations().put_back  # type: ignore[attr-defined]
    if connection.vendor == "postgresql":
        connection.ops.sql_flush = delete_rows  # type: ignore[assignment, method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip into a failure where the environment promises what the test needs."""
    report = yield
    promised = [
        name for mark, name in REQUIRED.items() if item.get_closest_marker(mark) and os.environ.get(name)
    ]
    if report.skipped and promised:
        report.outcome = "failed"
        report.longrepr = f"{promised[0]} is set, but the test skipped: {report.longrepr}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leaves what the tests counted where `python -m bench.reliability` looks for it."""
    path = os.environ.get("OMS_COUNTS")
    if path:
        from integrations.tests.comparing import COUNTS

        tests = {"tests": session.testscollected, "failed": session.testsfailed}
        Path(path).write_text(json.dumps(COUNTS.as_json() | tests))


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A worker that a test runs in this process leaves its handlers behind, which would end what another test does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _queue_in_the_database(settings: Any) -> None:
    """Whatever REDIS_URL says while the suite runs: tests look into the queue. Those on Redis start processes."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


def api_config(account: Account, **changes: Any) -> dict[str, Any]:
    """The credentials of a simulated account, as a person would store them."""
    from integrations.amazon.marketplaces import MARKETPLACES

    main, *more = account.marketplace_ids
    config: dict[str, Any] = {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
        "marketplace_id": main,
        "region": MARKETPLACES[main].region,
    }
    if more:
        config["additional_marketplace_ids"] = more
    return config | changes


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Figures are kept in the process, which the tests share."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(autouse=True)
def _no_access_tokens() -> None:
    """They live as long as the process, and a simulator may get the port of an earlier test's."""
    from integrations.amazon import clock, tokens

    tokens._tokens.clear()
    clock._measured.clear()


@pytest.fixture
def start_simulator(settings: Any) -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator and points the application at it: `sim = start_simulator(orders=30, skus=5)`."""
    started: list[Simulator] = []

    def start(account: Account | None = None, **options: Any) -> Simulator:
        server_options = {
            key: options.pop(key)
            for key in ("page_size", "order_token_seconds", "inventory_token_seconds", "clock", "clock_ahead")
            if key in options
        }
        account = account or Account(**{"seed": 7, "orders": 30, "skus": 5, **options})
        simulator = Simulator(account, **server_options)
        started.append(simulator.__enter__())
        settings.AMAZON_SP_API_ENDPOINT = simulator.endpoint
        settings.AMAZON_LWA_ENDPOINT = simulator.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        settings.DATABASE_RETRY_BACKOFF = 0.001
        settings.AMAZON_QUOTAS = GENEROUS
        return simulator

    yield start
    for simulator in started:
        simulator.__exit__(None, None, None)


@pytest.fixture
def kept_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As Django's test client does: neither a request nor the end of a response closes an old connection, with the
    test's transaction. The client has it closed again after each of its requests; hence signals of its own."""
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections
    from django.dispatch import Signal

    ends = (request_started, request_finished)
    for each in ends:
        each.disconnect(close_old_connections)
    monkeypatch.setattr("django.test.client.request_started", Signal())
    monkeypatch.setattr("django.test.client.request_finished", Signal())
    yield
    for each in ends:
        each.connect(close_old_connections)
