"""The commands as scripts see them: what they print where, what they exit with, what they leave alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from knox.auth import TokenAuthentication
from knox.models import AuthToken

from api.serializers import SyncFailureSerializer
from api.syncs import OpenedSync, RefusedSync
from conftest import api_config
from integrations.amazon import mock
from integrations.management.console import report
from integrations.management.reencrypt import COLUMNS, reencrypt
from integrations.models import SyncFailure, SyncLog
from integrations.sync.start import request_sync
from inventory.models import InventoryItem
from orders.buyers import email_digests
from orders.models import Erasure, LegalHold, Order, OrderBuyer
from platforms.models import Platform, Source
from simulator import Account, Canned, Simulator

pytestmark = pytest.mark.django_db
StartSimulator = Callable[..., Simulator]
COMMANDS = (
    "sync_orders",
    "sync_inventory",
    "run_scheduler",
    "create_api_token",
    "list_api_tokens",
    "revoke_api_token",
    "reencrypt",
    "purge_pii",
    "purge_mock",
    "end_stock",
    "erase_buyer_data",
    "replay_failures",
    "stop_writing",
    "resume_writing",
)


class Ran:
    """A command that was run in this process: its output and its exit status."""

    def __init__(self, *arguments: str) -> None:
        out, err = StringIO(), StringIO()
        self.status: Any = 0
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except SystemExit as stop:
            self.status = stop.code
        except CommandError as error:
            # What Django's command line does with it.
            self.status = error.returncode
            err.write(str(error))
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def syncs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def amazon() -> Platform:
    return Platform.objects.get(name="amazon")


def configure(platform: Platform, account: Account, **changes: Any) -> Platform:
    platform.api_config = api_config(account, **changes)
    platform.save()
    return platform


# --- sync_orders and sync_inventory: the outcome


def test_it_exits_0_when_all_succeeded(start_simulator: StartSimulator, amazon: Platform) -> None:
    sim = start_simulator(orders=30)
    configure(amazon, sim.accounts[0])
    ran = Ran("sync_orders", "amazon", "--days", "30")
    assert ran.status == 0, ran.err
    assert "amazon orders: succeeded (sync #" in ran.out
    assert "30 fetched: 30 new, 0 changed, 0 unchanged, 0 failed; 1 API call" in ran.out
    assert Order.objects.filter(source=Source.LIVE).count() == 30


def test_it_exits_3_and_marks_mock_data_loudly() -> None:
    ran = Ran("sync_orders")
    assert ran.status == 3
    assert "FALLBACK - MOCK DATA, invented, not your orders" in ran.out
    assert "what to do: Store the platform's complete credentials" in ran.out


def test_it_exits_3_and_names_records_that_were_not_stored(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    configure(amazon, start_simulator(skus=5).accounts[0])
    ran = Ran("sync_inventory", "amazon", "--sku", "no such thing")
    assert ran.status == 3
    assert "amazon inventory: partial" in ran.out
    assert "not stored: no such thing (sku_not_found)" in ran.out


def test_it_exits_1_with_the_reason_and_amazons_request_id(
    start_simulator: StartSimulator, amazon: Platform, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator()
    configure(amazon, sim.accounts[0])
    answer = {"errors": [{"code": "Unauthorized", "message": "Access to requested resource is denied."}]}
    refusal = Canned.json(403, answer, {"x-amzn-RequestId": "request-77"})
    sim.script("searchOrders", *[refusal] * 9)  # one alone would be asked again, in smaller parts
    ran = Ran("sync_orders", "amazon")
    assert ran.status == 1
    assert "error (forbidden): Amazon denied access" in ran.out
    assert "what to do: Nothing has to be done at first" in ran.out
    assert "If it lasts, open the platform and press Check connection" in ran.out
    assert "Amazon's request id: request-77" in ran.out


def test_it_goes_on_with_the_next_platform_after_one_failed(
    start_simulator: StartSimulator, amazon: Platform, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "never"
    sim = start_simulator(orders=5)
    configure(amazon, sim.accounts[0], client_secret="wrong")
    configure(Platform.objects.create(name="second"), sim.accounts[0])
    ran = Ran("sync_orders", "--json")
    assert ran.status == 1
    outcomes = {sync["platform"]: (sync["status"], sync["error_code"]) for sync in ran.syncs}
    assert outcomes == {"amazon": ("failed", "invalid_client"), "second": ("succeeded", "")}
    assert "wrong" not in ran.out + ran.err


def test_it_leaves_inactive_platforms_out_unless_named(amazon: Platform) -> None:
    Platform.objects.update(is_active=False)
    unnamed = Ran("sync_orders", "--json")
    assert (unnamed.status, unnamed.out) == (0, "")
    assert "No platform is active" in unnamed.err
    named = Ran("sync_orders", "amazon", "--json")
    assert [sync["platform"] for sync in named.syncs] == ["amazon"]
    assert "amazon is inactive" in named.err


def test_it_prints_one_json_object_per_sync_with_the_apis_keys(
    start_simulator: StartSimulator, amazon: Platform
) -> None:
    configure(amazon, start_simulator(orders=5).accounts[0])
    Platform.objects.create(name="second")
    ran = Ran("sync_orders", "--json")
    assert ran.status == 3
    first, second = ran.syncs
    assert list(first) == list(OpenedSync.Meta.fields)
    assert (first["source"], second["source"]) == ("live", "mock")
    assert (first["fetched"], first["created"]) == (5, 5)


def test_its_json_says_which_sync_is_in_the_way_as_the_api_does(amazon: Platform, capsys: Any) -> None:
    (open_one,) = Ran("sync_orders", "amazon", "--days", "3", "--background", "--json").syncs
    ran = Ran("sync_orders", "amazon", "--days", "5", "--json")
    (refused,) = ran.syncs
    assert ran.status == 1
    assert list(refused) == list(RefusedSync().fields)
    assert (refused["code"], refused["sync"]["id"]) == ("another_sync_is_open", open_one["id"])
    assert refused["detail"] in capsys.readouterr().err  # where progress is shown


def test_its_json_of_failures_has_the_apis_keys(amazon: Platform) -> None:
    failure_of(amazon)
    (failure,) = Ran("replay_failures", "--list", "--json").syncs
    assert list(failure) == [*SyncFailureSerializer.Meta.fields, "why_open"]


# --- quiet, for cron


def failure_of(platform: Platform) -> SyncFailure:
    log = SyncLog.objects.create(platform=platform, kind="orders", trigger="api", status="partial", failed=1)
    return SyncFailure.objects.create(
        log=log,
        platform=platform,
        kind="orders",
        external_id="1-1",
        error_code="malformed",
        error_message="bad",
    )


def test_it_says_nothing_where_all_went_well(
    start_simulator: StartSimulator, amazon: Platform, capsys: Any
) -> None:
    configure(amazon, start_simulator(orders=3, skus=2).accounts[0])
    for arguments in (
        ("sync_orders",),
        ("sync_inventory", "amazon"),
        ("sync_orders", "--background"),
        ("check_platform", "amazon"),
        ("run_scheduler", "--once"),
        ("run_webhooks", "--once"),
        ("replay_failures",),
        ("reencrypt",),
        ("purge_pii",),
        ("purge_mock",),
        ("stop_writing",),
        ("resume_writing",),
    ):
        ran = Ran(*arguments, "-v", "0")
        assert (ran.status, ran.out, ran.err) == (0, "", ""), arguments
        printed = capsys.readouterr()  # by what is logged, and by the display of progress
        assert (printed.out, printed.err) == ("", ""), arguments
    assert Order.objects.count() == 3


def test_it_says_on_stderr_alone_what_went_wrong(
    start_simulator: StartSimulator, amazon: Platform, settings: Any
) -> None:
    settings.MOCK_FALLBACK = "never"
    configure(amazon, start_simulator().accounts[0], client_secret="wrong")
    failure_of(amazon)
    for arguments, reason in (
        (("sync_orders",), "error (invalid_client)"),
        (("check_platform", "amazon"), "To be put right"),
        (("replay_failures",), "stay open"),
    ):
        ran = Ran(*arguments, "-v", "0")
        assert (ran.status, ran.out) == (1, "")
        assert reason in ran.err


def test_it_gives_what_was_asked_for_also_where_it_is_quiet(amazon: Platform) -> None:
    get_user_model().objects.create_user("ops")
    failure_of(amazon)
    assert len(Ran("create_api_token", "ops", "-v", "0").out) > 40
    assert "1-1" in Ran("replay_failures", "--list", "-v", "0").out
    assert [sync["status"] for sync in Ran("sync_orders", "--json", "-v", "0").syncs] == ["fallback"]


@pytest.mark.parametrize("kind", ["orders", "inventory"])
def test_it_reports_everything_unchanged_the_second_time(
    start_simulator: StartSimulator, amazon: Platform, kind: str
) -> None:
    configure(amazon, start_simulator(orders=12, skus=6).accounts[0])
    (first,) = Ran(f"sync_{kind}", "--json").syncs
    (again,) = Ran(f"sync_{kind}", "--json").syncs
    assert first["created"] == first["fetched"] > 5
    assert (again["created"], again["updated"], again["failed"]) == (0, 0, 0)


def test_it_passes_window_and_skus_on(start_simulator: StartSimulator, amazon: Platform) -> None:
    sim = start_simulator(orders=20, skus=8)
    configure(amazon, sim.accounts[0])
    wanted = sim.accounts[0].skus()[:2]
    (stock,) = Ran("sync_inventory", "amazon", "--sku", wanted[0], "--sku", wanted[1], "--json").syncs
    assert stock["skus"] == wanted
    arguments = ("--since", "2026-01-01T10:00:00+02:00", "--until", "2026-02-01", "--by", "created")
    (orders,) = Ran("sync_orders", "amazon", *arguments, "--json").syncs
    assert orders["window"] == {
        "by": "created",
        "since": "2026-01-01T08:00:00Z",
        "until": "2026-02-01T00:00:00Z",
    }


def test_it_says_that_a_time_without_a_zone_was_read_as_utc() -> None:
    ran = Ran("sync_orders", "amazon", "--since", "2026-01-31T08:00:00", "--until", "2026-02-01T00:00Z")
    assert "since has no time zone and was read as UTC: 2026-01-31T08:00:00Z" in ran.out
    assert "updated from 2026-01-31 08:00:00 UTC to 2026-02-01 00:00:00 UTC" in ran.out


# --- sync_orders and sync_inventory: wrong usage


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("PLATFORM", ("sync_orders", "nowhere")),
        ("PLATFORM", ("sync_inventory", "nowhere")),
        ("PLATFORM", ("purge_mock", "nowhere")),
        ("PLATFORM", ("end_stock", "nowhere")),
        ("USER", ("create_api_token", "nobody")),
        ("--since", ("sync_orders", "--since", "yesterday")),
        ("--since", ("sync_orders", "--since", "2999-01-01")),
        ("--since", ("sync_orders", "--since", "2026-02-01", "--until", "2026-01-01")),
        ("--since", ("sync_orders", "--since", "")),
        ("--until", ("sync_orders", "--since", "2026-01-01", "--until", "31.01.2026")),
        ("--until", ("sync_orders", "--until", "2026-01-01")),
        ("--days", ("sync_orders", "--since", "2026-01-01", "--days", "3")),
        ("--days", ("sync_orders", "--days", "0")),
        ("--days", ("sync_orders", "--days", "many")),
        ("--days", ("sync_orders", "--days", "nan")),
        ("--days", ("sync_orders", "--days", "-3")),
        ("--days", ("sync_orders", "--days=1.5")),
        ("--by", ("sync_orders", "--by", "shipped")),
        ("--sku", ("sync_inventory", "--sku", " ")),
    ],
)
def test_it_exits_2_for_wrong_usage_and_changes_nothing(option: str, arguments: tuple[str, ...]) -> None:
    ran = Ran(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert option in ran.err
    assert not SyncLog.objects.exists()


# --- sync_orders: what is already open


def test_it_only_queues_in_the_background(amazon: Platform, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ran = Ran("sync_orders", "--background", "--json")
    (sync,) = ran.syncs
    assert (ran.status, sync["status"], sync["started_at"]) == (0, "queued", None)
    assert DBTaskResult.objects.get().args_kwargs == {"args": [sync["id"]], "kwargs": {}}


def test_it_runs_the_one_that_is_already_queued_and_says_so(amazon: Platform) -> None:
    log = request_sync(platform=amazon, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.API).log
    ran = Ran("sync_orders", "amazon", "--json")
    assert [(sync["id"], sync["status"]) for sync in ran.syncs] == [(log.pk, "fallback")]
    assert SyncLog.objects.count() == 1


def test_it_takes_over_what_another_worker_lost(amazon: Platform, capsys: Any) -> None:
    log = request_sync(platform=amazon, kind=SyncLog.Kind.ORDERS, trigger=SyncLog.Trigger.SCHEDULE).log
    gone = {"lease_token": "gone", "lease_expires_at": timezone.now() - timedelta(seconds=1)}
    SyncLog.objects.filter(pk=log.pk).update(status=SyncLog.Status.RUNNING, **gone)
    (sync,) = Ran("sync_orders", "amazon", "--json").syncs
    assert (sync["id"], sync["status"]) == (log.pk, "fallback")
    assert f"sync #{log.pk} (started by: schedule) is already being worked on" in capsys.readouterr().err


def test_it_waits_in_place_until_there_is_quota_again(
    start_simulator: StartSimulator, amazon: Platform, capsys: Any
) -> None:
    sim = start_simulator(orders=3)
    configure(amazon, sim.accounts[0])
    # 6 seconds for a call: longer than the client waits in place, so the run waits for quota.
    busy = Canned.json(429, {"errors": [{"code": "QuotaExceeded"}]}, {"x-amzn-RateLimit-Limit": "0.17"})
    sim.script("searchOrders", busy)
    (sync,) = Ran("sync_orders", "amazon", "--json").syncs
    assert (sync["status"], sync["fetched"], sync["throttled"]) == ("succeeded", 3, 1)
    assert sync["duration"] > 5
    assert "amazon orders: waiting for Amazon's quota until " in capsys.readouterr().err


def test_it_shows_pages_as_lines_where_there_is_no_terminal(
    start_simulator: StartSimulator, amazon: Platform, capsys: Any
) -> None:
    configure(amazon, start_simulator(orders=9, page_size=3).accounts[0])
    Ran("sync_orders", "amazon")
    assert "amazon orders: 1 page so far; 3 orders, " in capsys.readouterr().err


def test_it_reports_the_first_failures_by_name_and_counts_the_rest(amazon: Platform) -> None:
    log = SyncLog.objects.create(platform=amazon, kind="orders", trigger="api", status="partial", failed=8)
    for number in range(8):
        log.failures.create(
            platform=amazon,
            kind="orders",
            external_id=f"1-{number}",
            error_code="malformed",
            error_message="bad",
        )
    lines = list(report(log))
    assert "  not stored: 1-0 (malformed): bad" in lines
    assert sum(line.startswith("  not stored") for line in lines) == 5
    assert f"  and 3 more: see sync #{log.pk} in the admin's sync log" in lines


# --- tokens, keys, deletions


def test_it_prints_a_token_alone_that_works(rf: Any) -> None:
    user = get_user_model().objects.create_user("ops", password="of no use here")
    ran = Ran("create_api_token", "ops")
    token = ran.out.strip()
    request = rf.get("/", HTTP_AUTHORIZATION=f"Token {token}")
    assert TokenAuthentication().authenticate(request)[0] == user
    assert ran.out == f"{token}\n"


def test_it_makes_no_token_for_an_inactive_user() -> None:
    user = get_user_model().objects.create_user("gone", is_active=False)
    ran = Ran("create_api_token", "gone")
    assert (ran.status, ran.out) == (2, "")
    assert "inactive" in ran.err
    assert not AuthToken.objects.filter(user=user).exists()


@pytest.fixture
def buyers(amazon: Platform) -> list[OrderBuyer]:
    """Buyer data of three orders; that of the first one should be deleted by now."""
    Ran("sync_orders", "amazon")
    now = timezone.now()
    return [
        OrderBuyer.objects.create(
            order=order, data={"name": f"Buyer {number}"}, purge_after=now + timedelta(days=3 * number - 0.5)
        )
        for number, order in enumerate(Order.objects.order_by("pk")[:3])
    ]


def stored(table: str, column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")  # noqa: S608  names from this file
        return [row[0] for row in cursor.fetchall()]


def test_it_moves_every_row_to_the_first_key(
    settings: Any, amazon: Platform, buyers: list[OrderBuyer]
) -> None:
    configure(amazon, Account())
    plain = Platform.objects.create(name="plain")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE platforms SET api_config = %s WHERE id = %s", ['{"client_id": "ü"}', plain.pk])
    (old,) = settings.FIELD_ENCRYPTION_KEY
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEY = [new, old]
    ran = Ran("reencrypt")
    assert ran.status == 0, ran.err
    assert "platforms: 2 encrypted with the first key (1 of them were plain JSON), 0 were already" in ran.out
    assert "order_buyers: 3 encrypted with the first key" in ran.out
    settings.FIELD_ENCRYPTION_KEY = [new]
    assert Platform.objects.get(pk=plain.pk).api_config == {"client_id": "ü"}
    assert Platform.objects.get(pk=amazon.pk).api_config == api_config(Account())
    assert OrderBuyer.objects.get(pk=buyers[1].pk).data == {"name": "Buyer 1"}


def test_it_rewrites_nothing_that_has_the_first_key_already(
    amazon: Platform, buyers: list[OrderBuyer]
) -> None:
    configure(amazon, Account())
    before = stored("platforms", "api_config") + stored("order_buyers", "data")
    assert "1 were already" in Ran("reencrypt").out
    assert stored("platforms", "api_config") + stored("order_buyers", "data") == before


def test_it_goes_on_where_an_interrupted_run_stopped_batch_by_batch(settings: Any) -> None:
    Platform.objects.bulk_create(
        Platform(name=f"p{number}", api_config={"client_id": str(number)}) for number in range(450)
    )
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEY = [new, *settings.FIELD_ENCRYPTION_KEY]
    done = next(reencrypt(COLUMNS[0])).rewritten  # and then it is interrupted
    assert 0 < done < 450
    moved = set(stored("platforms", "api_config"))
    ran = Ran("reencrypt")
    settings.FIELD_ENCRYPTION_KEY = [new]
    assert ran.status == 0
    assert f"platforms: {Platform.objects.count() - done} encrypted with the first key" in ran.out
    assert f"{done} were already" in ran.out
    assert len(moved & set(stored("platforms", "api_config"))) >= done  # as they were
    assert Platform.objects.get(name="p449").api_config == {"client_id": "449"}


def test_it_names_rows_that_no_key_reads_and_leaves_them(settings: Any, amazon: Platform) -> None:
    configure(amazon, Account(client_secret="very-secret"))
    (lost,) = stored("platforms", "api_config")
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode()]
    ran = Ran("reencrypt")
    assert ran.status == 1
    assert "platform amazon: it was encrypted with a key that is not in FIELD_ENCRYPTION_KEY" in ran.err
    assert stored("platforms", "api_config") == [lost]
    assert lost not in ran.out + ran.err


def test_it_deletes_buyer_data_whose_time_has_come(buyers: list[OrderBuyer]) -> None:
    assert Ran("purge_pii").out == "Deleted the buyer data of 1 orders.\n"
    assert list(OrderBuyer.objects.order_by("pk")) == buyers[1:]
    assert Order.objects.filter(pk=buyers[0].pk).exists()


def test_it_deletes_mock_rows_alone(start_simulator: StartSimulator, amazon: Platform) -> None:
    Ran("sync_orders")
    Ran("sync_inventory")
    live = configure(Platform.objects.create(name="live"), start_simulator(orders=4, skus=2).accounts[0])
    Ran("sync_orders", "live")
    Ran("sync_inventory", "live")
    ran = Ran("purge_mock")
    assert f"amazon: deleted {mock.ORDERS} mock orders and 6 mock inventory items." in ran.out
    assert "live: deleted 0 mock orders and 0 mock inventory items." in ran.out
    assert not Order.objects.filter(platform=amazon).exists()
    assert Order.objects.filter(platform=live).count() == 4
    assert InventoryItem.objects.filter(platform=live).exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_it_explains_itself(command: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        call_command(command, "--help")
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert max(map(len, text.splitlines())) < 125
    assert text.count("\n\n") > 2


# --- the scheduler


def test_it_queues_once_and_says_what(amazon: Platform, django_capture_on_commit_callbacks: Any) -> None:
    configure(amazon, Account())
    with django_capture_on_commit_callbacks(execute=True):
        ran = Ran("run_scheduler", "--once")
    assert ran.status == 0
    assert "amazon orders is due." in ran.out
    assert "amazon inventory is due." in ran.out
    assert DBTaskResult.objects.count() == 2
    assert Ran("run_scheduler", "--once").out == "Nothing was due.\n"


WHY = ("--reason", "asked for")


def test_it_erases_what_a_person_asks_for_and_never_takes_the_address_as_an_argument(
    amazon: Platform, buyers: list[OrderBuyer], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "ann@example.com"
    digest = email_digests(address)[0]
    OrderBuyer.objects.filter(pk__in=[buyer.pk for buyer in buyers[:2]]).update(email_digest=digest)
    OrderBuyer.objects.filter(pk=buyers[2].pk).update(email_digest="")
    shown = Ran("erase_buyer_data", "--email", address)
    assert (shown.status, address in shown.err, OrderBuyer.objects.count()) == (2, False, 3)
    monkeypatch.setattr("sys.stdin", StringIO(f" {address.upper()}\n"))
    ran = Ran("erase_buyer_data", "--email", "-", "--json", *WHY)
    receipt = json.loads(ran.out)
    assert (ran.status, len(receipt["erased_orders"]), receipt["by"]) == (0, 2, "email")
    assert address not in ran.out + ran.err
    held = buyers[2].order
    LegalHold.objects.create(platform=amazon, reason="case", until=timezone.now() + timedelta(days=1))
    ran = Ran("erase_buyer_data", "--order", held.external_id, *WHY)
    assert (ran.status, ran.out) == (1, "")
    assert "a legal hold keeps amazon" in ran.err.lower()
    LegalHold.objects.all().delete()
    assert f"  amazon {held.external_id}\n" in Ran("erase_buyer_data", "--order", held.external_id, *WHY).out
    assert "no buyer data to erase" in Ran("erase_buyer_data", "--platform", "amazon", "--yes", *WHY).out
    assert Ran("erase_buyer_data").status == 2
    monkeypatch.setattr("sys.stdin", StringIO())
    ran = Ran("erase_buyer_data", "--order", held.external_id)
    assert (ran.status, "Say why with --reason" in ran.err) == (2, True)
    assert set(Erasure.objects.values_list("reason", flat=True)) == {"asked for"}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_it_erases_a_whole_platform_only_where_somebody_confirms_it(
    buyers: list[OrderBuyer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stdin, sentence in (
        (StringIO("amazon\n"), "Nobody is at a terminal to confirm it: add --yes. Nothing was erased."),
        (Terminal("yes\n"), "That is not its name. Nothing was erased."),
    ):
        monkeypatch.setattr("sys.stdin", stdin)
        ran = Ran("erase_buyer_data", "--platform", "amazon", *WHY)
        assert (ran.status, OrderBuyer.objects.count()) == (2, 3)
        assert sentence in ran.err
    monkeypatch.setattr("sys.stdin", Terminal("amazon\n"))
    ran = Ran("erase_buyer_data", "--platform", "amazon", *WHY)
    assert (ran.status, OrderBuyer.objects.count()) == (0, 0)
    assert "The buyer data of 3 orders was erased." in ran.out


def test_it_purges_buyer_data_as_it_schedules(buyers: list[OrderBuyer]) -> None:
    assert "Deleted the buyer data of 1 orders" in Ran("run_scheduler", "--once").out
    assert OrderBuyer.objects.count() == 2


def message(**values: Any) -> DBTaskResult[Any, Any]:
    """One of the queue, worked on eight days ago."""
    long_ago = timezone.now() - timedelta(days=8)
    times = {"started_at": long_ago, "finished_at": long_ago, "run_after": long_ago}
    told = {"args_kwargs": {"args": [1], "kwargs": {}}, "task_path": "integrations.tasks.continue_sync"}
    return DBTaskResult.objects.create(
        **told | times | {"status": "SUCCESSFUL", "backend_name": "default"} | values
    )


def test_it_prunes_the_queue_as_it_schedules() -> None:
    yesterday = timezone.now() - timedelta(days=1)
    kept = [
        message(finished_at=yesterday),
        message(status="READY", started_at=None, finished_at=None),  # nobody has taken it yet
        message(status="RUNNING", started_at=yesterday, finished_at=None),
    ]
    message()
    message(status="FAILED")
    message(status="RUNNING", finished_at=None)  # its worker was killed
    assert "Deleted 3 old messages of the queue." in Ran("run_scheduler", "--once").out
    assert {each.pk for each in DBTaskResult.objects.all()} == {each.pk for each in kept}


def test_it_says_when_a_sync_ended_in_utc(amazon: Platform) -> None:
    start = datetime(2026, 1, 1, 8, tzinfo=UTC)
    log = SyncLog(
        pk=5, platform=amazon, kind="orders", status="succeeded", source="live", window_by="updated"
    )
    log.started_at = log.window_start = start
    log.finished_at = log.window_end = start + timedelta(minutes=2, seconds=5)
    assert "  live data, updated from 2026-01-01 08:00:00 UTC to 2026-01-01 08:02:05 UTC" in report(log)
    assert any(line.endswith("0 API calls, 2 min 5 s") for line in report(log))
