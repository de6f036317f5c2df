"""Reports and their documents over real HTTP: asked for, waited for, downloaded whole or not at all."""

import gzip
import logging
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import api_config
from integrations.amazon import documents, order_report, stock_report
from integrations.amazon.client import AmazonClient
from integrations.amazon.config import load
from integrations.amazon.documents import download
from integrations.amazon.quota import QUOTAS
from integrations.amazon.report_lists import state_of
from integrations.amazon.tests.recording import Recorder
from integrations.errors import PlatformError, RateLimited, RequestRefused, TransientError
from integrations.protocol import Quota
from simulator import (
    Account,
    Answer,
    Canned,
    Cut,
    EndReport,
    ExpireLinks,
    Limit,
    Quotas,
    Reset,
    Rule,
    Simulator,
    SlowReport,
)
from simulator.quotas import PUBLISHED
from simulator.reports import BY_DATE, BY_UPDATE, TOO_LONG

END = datetime(2026, 6, 1, 12, tzinfo=UTC)
US = "ATVPDKIKX0DER"


class Clock:
    def __init__(self) -> None:
        self.seconds = (END + timedelta(minutes=5)).timestamp()

    def __call__(self) -> float:
        return self.seconds


class Counter:
    """A Meter that keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []

    def count(self, operation: str, seconds: float, *, throttled: bool, failed: bool) -> None:
        self.seen.append((operation, failed))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sim(start_simulator: Callable[..., Simulator], clock: Clock) -> Simulator:
    return start_simulator(Account(seed=7, orders=60, skus=40, end=END), clock=clock)


@pytest.fixture
def meter() -> Counter:
    return Counter()


@pytest.fixture
def client(sim: Simulator, meter: Counter) -> Iterator[AmazonClient]:
    config = load(api_config(sim.accounts[0]))
    with closing(
        AmazonClient(
            config,
            endpoint=sim.endpoint,
            lwa_endpoint=sim.lwa_endpoint,
            backoff=0.001,
            meter=meter,
            sleep=lambda seconds: None,
        )
    ) as made:
        yield made


def ask(client: AmazonClient, *, kind: str = BY_UPDATE, days: int = 30) -> str:
    return client.create_report(kind, [US], END - timedelta(days=days), END)


def document_id(client: AmazonClient, report_id: str) -> str:
    return str(client.get_report(report_id)["reportDocumentId"])


def text_of(client: AmazonClient, report_id: str) -> str:
    with client.report_document(document_id(client, report_id)) as document:
        return document.file.read().decode(document.charset)


def test_it_has_the_quotas_that_amazon_publishes() -> None:
    published = {name: Quota(limit.rate, limit.burst) for name, limit in PUBLISHED.items()}
    assert published.items() >= QUOTAS.items()


def test_it_asks_waits_and_downloads(
    sim: Simulator, client: AmazonClient, clock: Clock, meter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sim.reports.queue_seconds = sim.reports.work_seconds = 60
    report_id = ask(client)
    seen = []
    for _ in range(3):
        seen.append(client.get_report(report_id)["processingStatus"])
        clock.seconds += 61
    assert seen == ["IN_QUEUE", "IN_PROGRESS", "DONE"]

    with client.report_document(document_id(client, report_id)) as document:
        text = document.file.read().decode()
        assert (document.charset, document.size) == ("utf-8", len(text.encode()))
        file = document.file

    assert file.closed
    head, *rows = text.split("\r\n")[:-1]
    assert {row.split("\t")[head.split("\t").index("amazon-order-id")] for row in rows} == set(
        sim.accounts[0].order_ids()
    )
    counted = [name for name, failed in meter.seen if not failed]
    assert counted == ["token", "createReport", *["getReport"] * 4, "getReportDocument", "document"]
    assert client.usage.calls == 6
    assert not [secret for secret in [*sim.reports.links, *sim.access_tokens] if secret in caplog.text]


def test_it_finds_the_reports_of_others(sim: Simulator, client: AmazonClient, clock: Clock) -> None:
    for kind in (BY_UPDATE, BY_DATE, BY_UPDATE):
        clock.seconds += 60
        ask(client, kind=kind)
    page = client.get_reports(reportTypes=[BY_UPDATE], processingStatuses=["DONE"], pageSize=1)
    rest = client.get_reports(nextToken=page["nextToken"])
    found = [*page["reports"], *rest["reports"]]
    assert [each["reportType"] for each in found] == [BY_UPDATE, BY_UPDATE]
    assert found[0]["createdTime"] > found[1]["createdTime"]
    assert "nextToken" not in rest


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "fault",
    [Cut(), Reset(), Reset(in_body=True), Answer(503, body="html"), Answer(500, body="empty"), ExpireLinks()],
    ids=str,
)
def test_it_downloads_again_what_did_not_come_whole(
    sim: Simulator, client: AmazonClient, fault: Any, zipped: bool
) -> None:
    sim.reports.zipped = zipped
    report_id = ask(client)
    whole = text_of(client, report_id)
    sim.rules.add(Rule(operation="document", nth=1, fault=fault))
    assert text_of(client, report_id) == whole
    assert sim.calls["document"] == 3
    assert sim.calls["getReportDocument"] == (3 if isinstance(fault, ExpireLinks) else 2)


def test_it_never_takes_a_part_of_a_document_for_the_whole(sim: Simulator, client: AmazonClient) -> None:
    report_id = ask(client)
    sim.rules.add(Rule(operation="document", fault=Cut(declared=True)))
    with pytest.raises(TransientError, match="ends in the middle") as refused:
        text_of(client, report_id)
    assert refused.value.code == "broken_answer"


def test_it_gives_up_on_links_that_never_work(sim: Simulator, client: AmazonClient) -> None:
    report_id = ask(client)
    sim.rules.add(Rule(operation="document", fault=ExpireLinks()))
    with pytest.raises(TransientError, match="AccessDenied") as refused:
        text_of(client, report_id)
    assert (refused.value.code, sim.calls["document"], sim.calls["getReportDocument"]) == (
        "link_expired",
        3,
        3,
    )


PACKED = gzip.compress(b"a\tb\r\n" * 5000)
BROKEN = {
    "no gzip": (Canned(200, b"a\tb\r\n"), "is not"),
    "cut": (Canned(200, PACKED[:-9]), "ends in the middle"),
    "damaged": (Canned(200, PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:]), "its gzip is broken"),
    "rubbish after it": (Canned(200, PACKED + b"rubbish"), "its gzip is broken"),
    "empty": (Canned(200), "is not"),
    "redirect": (Canned(302, b"", {"Location": "http://127.0.0.1:9/"}), "HTTP 302"),
    "gone": (Canned(404, b"<Error><Code>NoSuchKey</Code></Error>"), "HTTP 404: NoSuchKey"),
}


@pytest.mark.parametrize(("answer", "said"), BROKEN.values(), ids=BROKEN)
def test_it_says_what_is_wrong_with_a_document(answer: Canned, said: str) -> None:
    with Recorder(raw=answer) as host, pytest.raises(PlatformError, match=said) as refused:
        download(f"{host.endpoint}/x?X-Amz-Signature=s3cret", is_packed=True, insecure=True)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__context__ is None  # its frames would hold the link


def test_it_unpacks_several_packed_files_in_a_row_in_bounded_pieces() -> None:
    rows = [b"row %d\t%s\r\n" % (number, b"x" * 999) for number in range(3000)]
    packed = gzip.compress(b"".join(rows[:9])) + gzip.compress(b"".join(rows[9:])) + b"\0" * 20
    with Recorder(raw=Canned(200, packed, {"Content-Type": "text/plain"})) as host:
        document = download(host.endpoint, is_packed=False, insecure=True)
        with document.file:
            assert document.file.read() == b"".join(rows)
        with pytest.raises(RequestRefused) as refused:
            download(host.endpoint, is_packed=True, insecure=True, most_bytes=1_000_000)
    assert (refused.value.code, document.charset) == ("too_large", "")
    sent = {name for request in host.seen for name in request.headers}
    assert sent <= {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_it_keeps_a_document_out_of_memory_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = Canned(200, gzip.compress(b"x" * 64_000_000, 1))
    with Recorder(raw=answer) as host:
        tracemalloc.start()
        document = download(host.endpoint, is_packed=True, insecure=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        with document.file:
            assert (document.size, list(tmp_path.iterdir())) == (64_000_000, [])
    assert peak < 4_000_000


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "file:///etc/passwd", "//x", "", "https://"])
def test_it_follows_only_links_with_tls(url: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        documents.download(url, is_packed=False)
    assert refused.value.code == "odd_link"


def test_it_keeps_to_the_rules_for_reports(sim: Simulator, client: AmazonClient, clock: Clock) -> None:
    assert text_of(client, ask(client, days=31)) == f"{TOO_LONG}\r\n"
    sim.reports.refuses_long_spans = True
    with pytest.raises(RequestRefused, match=TOO_LONG):
        ask(client, days=31)
    with pytest.raises(RequestRefused):
        client.get_report("..")
    with pytest.raises(RequestRefused) as unknown:
        client.get_report("1")
    assert unknown.value.code == "not_found"

    sim.rules.add(
        Rule(operation="createReport", nth=1, fault=EndReport("FATAL", "Out of order.")),
        Rule(operation="createReport", nth=2, fault=SlowReport(600)),
    )
    fatal, slow = ask(client), ask(client)
    assert text_of(client, fatal) == "Out of order.\r\n"
    assert client.get_report(slow)["processingStatus"] == "IN_PROGRESS"
    clock.seconds += 601
    assert client.get_report(slow)["processingStatus"] == "DONE"
    nothing = client.create_report(BY_UPDATE, [US], END - timedelta(days=300), END - timedelta(days=290))
    answer = client.get_report(nothing)
    assert (answer["processingStatus"], "reportDocumentId" in answer) == ("CANCELLED", False)


def test_it_says_which_list_was_not_made_and_why(sim: Simulator, client: AmazonClient) -> None:
    sim.rules.add(Rule(operation="createReport", fault=EndReport("FATAL", "Out of order.")))
    for table, of in ((order_report.TABLE, "orders"), (stock_report.TABLE, "stock")):
        state = state_of(client, ask(client), table)
        assert str(state.error).endswith(
            f"(FATAL). Amazon made no list of {of} but a document that says: Out of order."
        )


def test_it_waits_for_the_quota_of_reports(sim: Simulator, client: AmazonClient) -> None:
    sim.quotas = Quotas({"createReport": Limit(0.0167, 2)})
    ask(client)
    ask(client)
    with pytest.raises(RateLimited) as refused:
        ask(client)
    assert round(refused.value.retry_after) == 60
    assert client.usage.throttled == 1
