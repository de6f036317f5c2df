"""A third stream: a module of its own and one line of the registry. No schema, no list, no form changes for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol, cast

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from api.tests.rest import superuser
from backoffice.home.health import of_platforms
from core.outcome import Outcome
from integrations.amazon.mock import MockAmazon
from integrations.models import StreamState, SyncLog
from integrations.protocol import Adapter, Checkpoint, Note, RecordFailure, Window
from integrations.registry import CHANNELS
from integrations.schedule.plan import due_syncs
from integrations.sync.run import run_sync
from integrations.sync.streams import STREAMS, Progress, Stream
from integrations.sync.streams.base import window_of
from integrations.tests.test_commands import Ran
from platforms.models import Platform, Source

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Return:
    external_id: str


@dataclass(frozen=True)
class ReturnPage:
    records: tuple[Return, ...]
    failures: tuple[RecordFailure, ...] = ()
    next: Checkpoint | None = None
    notes: tuple[Note, ...] = ()
    unread: tuple[str, ...] = ()


class HasReturns(Protocol):
    """What this stream asks of an adapter."""

    def return_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[ReturnPage]: ...


class ReturnsProgress(Progress[ReturnPage]):
    def pages(self) -> Iterator[ReturnPage]:
        return cast(HasReturns, self.adapter).return_pages(window_of(self.log), self.start)


class ReturnsStream(Stream[Return, ReturnPage]):
    """A real one stores into a model; this one remembers what it was given."""

    name = "returns"
    label = "returns"
    default_interval = 240
    has_window = True

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}
        self.trips_over = ""

    def progress(self, log: SyncLog, adapter: Adapter) -> ReturnsProgress:
        return ReturnsProgress(log, adapter)

    def fetch(self, adapter: Adapter, external_id: str) -> tuple[Sequence[Return], Sequence[RecordFailure]]:
        return [Return(external_id)], []

    def store(
        self, platform: Platform, records: Sequence[Return], source: str, sync_log_id: int | None
    ) -> Outcome:
        if self.trips_over in {record.external_id for record in records}:
            raise TypeError("a mistake")
        new = [record for record in records if record.external_id not in self.stored]
        self.stored |= {record.external_id: source for record in records}
        return Outcome(created=len(new), unchanged=len(records) - len(new))

    def id_of(self, record: Return) -> str:
        return record.external_id


class Shop(MockAmazon):
    """Delivers two pages of returns, live; orders and stock as the mock does."""

    source = Source.LIVE
    scope = "shop"

    def return_pages(self, window: Window, checkpoint: Checkpoint) -> Iterator[ReturnPage]:
        if not checkpoint:
            yield ReturnPage((Return("R-1"), Return("R-2")), next={"page": 2})
        broken = RecordFailure(external_id="R-4", code="malformed", message="It has no date.")
        yield ReturnPage((Return("R-3"),), failures=(broken,))


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> ReturnsStream:
    stream = ReturnsStream()
    monkeypatch.setitem(STREAMS, ReturnsStream.name, stream)
    amazon = CHANNELS["amazon"]
    shop = replace(amazon, streams=("orders", "returns"), connect=lambda *_args, **_options: Shop())
    monkeypatch.setitem(CHANNELS, "amazon", shop)
    return stream


@pytest.fixture
def platform(stream: ReturnsStream) -> Platform:
    platform = Platform.objects.get(name="amazon")
    platform.api_config = {"client_id": "shop"}
    platform.save()
    return platform


@pytest.fixture
def api() -> APIClient:
    return superuser()


def started(answer: Any) -> SyncLog:
    assert answer.status_code == 202, answer.content
    return SyncLog.objects.get(pk=answer.json()["syncs"][0]["id"])


def test_it_is_started_over_rest_and_moves_its_own_watermark(
    api: APIClient, platform: Platform, stream: ReturnsStream
) -> None:
    log = run_sync(started(api.post("/returns/sync?platform_name=amazon")).pk)
    assert (log.kind, log.status, log.created, log.failed, log.pages) == ("returns", "partial", 3, 1, 2)
    assert stream.stored == {"R-1": "live", "R-2": "live", "R-3": "live"}
    state = StreamState.objects.get(platform=platform, stream="returns")
    assert (state.watermark, state.watermark_scope) == (log.window_end, "shop")
    assert StreamState.of(platform, "orders").watermark is None
    again = run_sync(started(api.post("/returns/sync?platform_name=amazon")).pk)
    assert log.window_end is not None
    assert again.window_start == log.window_end - timedelta(minutes=10)
    assert (again.created, again.unchanged) == (0, 3)


def test_it_has_an_interval_and_a_watermark_in_the_json_of_platforms(
    api: APIClient, platform: Platform
) -> None:
    shown = api.get("/platforms/1").json()
    assert (shown["returns_interval"], shown["returns_watermark"]) == (240, None)
    assert "inventory_interval" not in shown  # the channel does not deliver it
    assert set(shown["next_syncs"]) == {"orders", "returns"}
    assert api.patch("/platforms/1", {"returns_interval": 0}, format="json").status_code == 200
    shown = api.get("/platforms/1").json()
    assert (shown["returns_interval"], shown["orders_interval"]) == (0, 15)
    assert shown["next_syncs"]["returns"]["reason"] == "manual"


def test_it_is_scheduled(platform: Platform) -> None:
    assert [(each.log.kind, each.log.trigger) for each in due_syncs()] == [
        ("orders", "schedule"),
        ("returns", "schedule"),
    ]


def test_it_is_on_the_admins_pages(api: APIClient, platform: Platform, admin_client: Client) -> None:
    run_sync(started(api.post("/returns/sync")).pk)
    changelist = admin_client.get("/admin/platforms/platform/").content.decode()
    assert "last sync of returns" in changelist.lower()
    page = admin_client.get("/admin/platforms/platform/1/change/").content.decode()
    assert 'name="returns_interval"' in page
    assert 'name="inventory_interval"' not in page
    assert "returns complete until" in page.lower()
    dialog = admin_client.get("/admin/platforms/platform/sync/?platform=1").content.decode()
    assert "Orders and returns" in dialog
    logs = admin_client.get("/admin/integrations/synclog/?kind__exact=returns").content.decode()
    assert "Returns" in logs
    assert api.get("/sync-logs?kind=returns").json()["results"][0]["kind"] == "returns"
    (health,) = of_platforms()
    assert [label for label, _moment in health.last_good] == ["Orders", "Returns"]


def test_a_mistake_of_ours_costs_its_record_and_is_called_one(
    api: APIClient, platform: Platform, stream: ReturnsStream
) -> None:
    stream.trips_over = "R-2"
    log = run_sync(started(api.post("/returns/sync")).pk)
    assert (log.status, log.created, log.failed, set(stream.stored)) == ("partial", 2, 2, {"R-1", "R-3"})
    failure = log.failures.get(external_id="R-2")
    assert failure.error_code == "internal"
    assert failure.error_message.startswith(
        "OMS itself made a mistake with this record (TypeError), and stored"
    )


def test_its_failures_are_replayed(api: APIClient, platform: Platform, stream: ReturnsStream) -> None:
    run_sync(started(api.post("/returns/sync")).pk)
    failure = api.get("/sync-failures?kind=returns").json()["results"][0]
    assert api.post(f"/sync-failures/{failure['id']}/replay").status_code == 200
    assert stream.stored["R-4"] == "live"


def test_it_is_refused_where_the_channel_does_not_deliver_it(api: APIClient, platform: Platform) -> None:
    answer = api.post("/inventory/sync?platform_name=amazon")
    assert (answer.status_code, answer.json()["fields"]) == (
        400,
        {
            "platform_name": [
                "amazon delivers no inventory; Amazon has: orders, returns. Nothing was started."
            ]
        },
    )
    assert api.post("/inventory/sync").json() == {"syncs": []}
    ran = Ran("sync_inventory", "amazon")
    assert (ran.status, "amazon delivers no inventory" in ran.err) == (2, True)
    assert api.post("/settlements/sync").status_code == 404
    assert not SyncLog.objects.exists()


def test_it_needs_no_migration(stream: ReturnsStream) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_window_is_asked_for_in_the_same_words(api: APIClient, platform: Platform) -> None:
    log = started(api.post("/returns/sync?days=3"))
    assert log.window_start is not None
    assert (log.window_by, log.is_incremental) == ("updated", False)
    assert log.window_start < timezone.now() - timedelta(days=2)
