"""The next page of orders is fetched while the current one is stored, and nothing but the time it takes tells."""

import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import api_config
from integrations.amazon import adapter
from integrations.amazon.adapter import AmazonAdapter
from integrations.amazon.transport import Line, exchange
from integrations.errors import RateLimited, TransientError
from integrations.protocol import OrderPage, Window
from integrations.tests.processes import Hold, until
from integrations.tests.syncing import UNAVAILABLE
from simulator import Canned, Rule, Simulator
from simulator.wire import HttpServer

StartSimulator = Callable[..., Simulator]
PAGES = 4
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
WINDOW = Window("updated", NOW - timedelta(days=400), NOW)
LONG = 20.0  # seconds; much less than the time-outs of an exchange, much more than this takes


class Books:
    """The budget and the meter of an account, which note who came."""

    def __init__(self, calls: int = 1000) -> None:
        self.left = calls
        self.told: list[tuple[str, bool]] = []
        self.drained: list[str] = []
        self.threads: set[threading.Thread] = set()

    def acquire(self, operation: str) -> float:
        self.threads.add(threading.current_thread())
        self.left -= 1
        return 0.0 if self.left >= 0 else 60.0

    def set_rate(self, operation: str, rate: float) -> None:
        self.threads.add(threading.current_thread())

    def drain(self, operation: str) -> None:
        self.threads.add(threading.current_thread())
        self.drained.append(operation)

    def count(self, operation: str, seconds: float, *, throttled: bool, failed: bool) -> None:
        self.threads.add(threading.current_thread())
        if operation != "token":
            self.told.append((operation, failed))


@pytest.fixture
def sim(start_simulator: StartSimulator) -> Simulator:
    return start_simulator(orders=PAGES * 3, page_size=3)


def amazon_of(sim: Simulator, books: Books) -> AmazonAdapter:
    config = api_config(sim.accounts[0])
    return adapter.connect(config, include_pii=False, budget_for=lambda *_: books, meter=books)


def ids(page: OrderPage) -> list[str]:
    return [record.external_id for record in page.records]


def called(sim: Simulator, times: int) -> None:
    until(lambda: sim.calls["searchOrders"] == times, f"call {times}", LONG)


def next_page_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "next-page"]


def test_the_next_page_is_on_its_way_while_one_is_looked_at(sim: Simulator) -> None:
    books = Books()
    with closing(amazon_of(sim, books)) as amazon:
        found: list[str] = []
        for number, page in enumerate(amazon.order_pages(WINDOW, {}), start=1):
            called(sim, min(number + 1, PAGES))
            # It is counted from the moment it is made, and told to the meter with its answer.
            assert (amazon.usage.calls, len(books.told)) == (min(number + 1, PAGES), number)
            found += ids(page)
    assert sorted(found) == sorted(sim.accounts[0].order_ids())
    assert sim.calls["searchOrders"] == amazon.usage.calls == PAGES
    assert books.told == [("searchOrders", False)] * PAGES
    assert books.threads == {threading.current_thread()}


def test_the_next_page_is_read_on_its_way(sim: Simulator) -> None:
    """By the thread, once: whoever asks for it is given what that has read."""
    given: list[tuple[str, Any]] = []
    with closing(amazon_of(sim, Books())) as amazon:
        listing = amazon._listing({})
        listing.marketplace_ids = [place.id for place in amazon._config.marketplaces]
        asked = amazon._parameters(amazon._span(WINDOW, {}), listing)
        amazon._client.ask_the_time()  # there is an access token
        amazon._client.start_search_orders(
            lambda answer: given.append((threading.current_thread().name, answer)), **asked
        )
        answer = amazon._client.search_orders(**asked)
    ((thread, read),) = given
    assert (thread, len(answer["orders"])) == ("next-page", 3)
    assert read is answer


def test_it_never_waits_for_quota_to_be_early(sim: Simulator) -> None:
    with closing(amazon_of(sim, Books(calls=2))) as amazon:
        pages = amazon.order_pages(WINDOW, {})
        next(pages), next(pages)
        with pytest.raises(RateLimited) as raised:
            next(pages)
    assert raised.value.retry_after == 60
    assert sim.calls["searchOrders"] == amazon.usage.calls == 2


@pytest.mark.parametrize(
    "fault", [UNAVAILABLE, Canned(reset=True), Canned(200, b'{"orders": [')], ids=["503", "reset", "cut"]
)
def test_what_goes_wrong_with_it_shows_where_it_is_asked_for_and_is_tried_again(
    sim: Simulator, fault: Canned
) -> None:
    books = Books()
    with closing(amazon_of(sim, books)) as amazon:
        pages = amazon.order_pages(WINDOW, {})
        sim.script("searchOrders", *[Canned.json(200, first_page(sim)), fault])
        next(pages)
        called(sim, 2)
        assert [failed for _, failed in books.told] == [False]
        found = [each for page in pages for each in ids(page)]
    assert len(found) == (PAGES - 1) * 3
    assert [failed for _, failed in books.told] == [False, True, *[False] * (PAGES - 1)]
    assert amazon.usage.calls == sim.calls["searchOrders"] == PAGES + 1


def first_page(sim: Simulator) -> dict[str, Any]:
    """As the simulator answers, so that its page token is good."""
    with closing(amazon_of(sim, Books())) as amazon:
        listing = amazon._listing({})
        listing.marketplace_ids = [place.id for place in amazon._config.marketplaces]
        answer = amazon._client.search_orders(**amazon._parameters(amazon._span(WINDOW, {}), listing))
    sim.calls.clear()
    return answer


def test_a_new_access_token_is_asked_for_with_the_page_and_not_before(sim: Simulator) -> None:
    with closing(amazon_of(sim, Books())) as amazon:
        pages = amazon.order_pages(WINDOW, {})
        next(pages)
        called(sim, 2)
        sim.expire_tokens()
        next(pages)  # was made before
        called(sim, 3)  # is refused
        assert sim.calls["token"] == 1
        assert len([each for page in pages for each in ids(page)]) == (PAGES - 2) * 3
    assert (sim.calls["token"], sim.calls["searchOrders"]) == (2, PAGES + 1)


def test_a_page_that_nobody_asks_for_is_counted_and_its_thread_ends(sim: Simulator) -> None:
    books = Books()
    amazon = amazon_of(sim, books)
    next(amazon.order_pages(WINDOW, {}))
    called(sim, 2)
    amazon.close()
    assert next_page_threads() == []
    assert (amazon.usage.calls, books.told) == (2, [("searchOrders", False)] * 2)
    assert books.threads == {threading.current_thread()}


def test_a_refusal_that_nobody_asks_for_empties_the_bucket(sim: Simulator) -> None:
    """Another process would be refused next."""
    sim.rules.add(Rule(operation="searchOrders", nth=2, fault=Canned(429, b"{}")))
    books = Books()
    with closing(amazon_of(sim, books)) as amazon:
        next(amazon.order_pages(WINDOW, {}))
        called(sim, 2)
    assert books.drained == ["searchOrders"]
    assert (amazon.usage.calls, amazon.usage.throttled) == (2, 1)


def test_closing_does_not_wait_for_an_answer_that_does_not_come(sim: Simulator) -> None:
    books = Books()
    sim.faults = hold = Hold(2)
    amazon = amazon_of(sim, books)
    next(amazon.order_pages(WINDOW, {}))
    hold.wait()
    began = time.monotonic()
    amazon.close()
    assert time.monotonic() - began < LONG
    assert next_page_threads() == []
    assert (amazon.usage.calls, books.told) == (2, [("searchOrders", False), ("searchOrders", True)])
    hold.release()


def test_it_reads_on_where_the_system_has_no_thread_to_give(sim: Simulator) -> None:
    with closing(amazon_of(sim, Books())) as amazon:
        pages = amazon.order_pages(WINDOW, {})
        found = ids(next(pages))  # by now, the simulator has the thread that it needs
        called(sim, 2)
        before = threading.stack_size(2**46)  # more memory than there is
        try:
            found += [each for page in pages for each in ids(page)]
        finally:
            threading.stack_size(before)
    assert sorted(found) == sorted(sim.accounts[0].order_ids())
    assert sim.calls["searchOrders"] == amazon.usage.calls == PAGES


def test_a_traceback_shows_no_token(sim: Simulator) -> None:
    sim.script("searchOrders", Canned.json(200, first_page(sim)), *[Canned(reset=True)] * 9)
    with closing(amazon_of(sim, Books())) as amazon:
        pages = amazon.order_pages(WINDOW, {})
        next(pages)
        with pytest.raises(TransientError) as raised:
            next(pages)
    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert "_exchange" in shown
    assert sim.access_tokens
    for secret in (*sim.access_tokens, sim.accounts[0].refresh_token, sim.accounts[0].client_secret):
        assert secret not in shown


# --- a connection that is cut


class Silent(HttpServer):
    """Answers when it is closed."""

    def route(self, request: Any) -> tuple[str, dict[str, str]]:
        return "any", {}

    def respond(self, operation: str, params: dict[str, str], request: Any) -> Canned:
        self.calls["came"] += 1
        self.closing.wait()
        return Canned.json(200, {})


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """For localhost, signed by itself; its key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    key_bytes = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path / "localhost.pem"
    path.write_bytes(key_bytes + made.public_bytes(pem))
    return path


@pytest.fixture
def silent(certificate: Path) -> Iterator[str]:
    """The address of a server that speaks TLS."""
    server = Silent()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with server:
        assert server._server is not None
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        yield server.endpoint.replace("http://127.0.0.1", "https://localhost")


def test_an_exchange_over_tls_ends_when_its_line_is_cut(silent: str, certificate: Path) -> None:
    line, raised = Line(), []

    def ask() -> None:
        with httpx.Client(verify=ssl.create_default_context(cafile=certificate)) as http:
            try:
                exchange(http, "GET", silent, line=line)
            except TransientError as error:
                raised.append(error.code)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: line._socket is not None and isinstance(line._socket, ssl.SSLSocket), "the connection")
    line.cut()
    thread.join(LONG)
    assert (thread.is_alive(), raised) == (False, ["connection"])
