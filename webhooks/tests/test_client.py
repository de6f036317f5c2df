"""One POST: which addresses it may reach, how long it may take, what of the answer is kept. Over real sockets."""

import itertools
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from django.utils import timezone

from webhooks.addresses import BadUrl, checked_url, is_public
from webhooks.client import WebhookClient
from webhooks.models import Delivery
from webhooks.signing import new_secret, signed_headers
from webhooks.tests.receiver import Raw, Receiver, drip

Problem = Delivery.Problem
BODY = b'{"type":"webhook.test"}'


@pytest.fixture
def private(settings: Any) -> None:
    """The receivers of these tests are on this machine, and speak plain HTTP."""
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = True, False


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(new_secret()) as running:
        yield running


def headers(receiver: Receiver) -> dict[str, str]:
    return signed_headers([receiver.secret or new_secret()], "msg_1", BODY, timezone.now())


def post(receiver: Receiver, client: WebhookClient | None = None, url: str = "") -> Any:
    sender = client or WebhookClient()
    try:
        return sender.post(url or receiver.url(), headers(receiver), BODY)
    finally:
        sender.close()


def post_to(port: int, **options: Any) -> Any:
    """To a server that does not look at the message."""
    with WebhookClient(**options) as client:
        return client.post(f"http://127.0.0.1:{port}/", {}, BODY)


# --- addresses


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "0.1.2.3", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "100::1", "5f00::1",
        "", "nonsense", "1.2.3",
    ],
)  # fmt: skip
def test_it_calls_no_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_it_calls_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "ftp://shop.example/", "https://", "https:///x", "javascript:alert(1)", "http://shop.example/",
        "https://user:word@shop.example/", "https://user@shop.example/", "https://shop.example/#part",
        "https://localhost/", "https://LOCALHOST./", "https://oms.localhost/", "https://127.0.0.1/", "https://[::1]/",
        "https://10.1.2.3:8443/x", "https://169.254.169.254/latest/meta-data", "https://[::ffff:127.0.0.1]/",
        "https://0.0.0.0/", "https://shop.example:0/", "https://shop.example:99999/",
        "https://shop.example/" + "x" * 2048,
        "https://shop.example:x/", "https://sh op.example/", "https://[::1/", "https://xn--/", "https://xn--a-ecp.example/",
        "https://shop.example\\@127.0.0.1/", "https://127.0.0.1%2f@shop.example/", "https://[::1%25lo]/",
        "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "https://127.0.0.1\u3002/", "https://[::ffff:0:7f00:1]/",
        "https://shop.example/\r\nx: y",
    ],
)  # fmt: skip
def test_it_refuses_a_url_with_a_sentence(url: str) -> None:
    with pytest.raises(BadUrl, match=r"^(It|OMS|Nothing) .+\.$"):
        checked_url(url)


def test_it_takes_other_urls_as_they_are(settings: Any) -> None:
    assert checked_url(" https://shop.example/hooks?x=1 ") == "https://shop.example/hooks?x=1"
    assert checked_url("https://bücher.example:443/") == "https://xn--bcher-kva.example/"
    settings.WEBHOOKS_ALLOW_PRIVATE, settings.WEBHOOKS_REQUIRE_HTTPS = True, False
    assert checked_url("http://127.0.0.1:8000/x") == "http://127.0.0.1:8000/x"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "127.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_it_reaches_nothing_private_however_that_is_written(
    receiver: Receiver, settings: Any, host: str
) -> None:
    settings.WEBHOOKS_REQUIRE_HTTPS = False
    outcome = post(receiver, url=receiver.url(host))
    assert (outcome.status, outcome.problem) == (None, Problem.PRIVATE_ADDRESS)
    assert receiver.met == []


def test_a_name_that_resolves_to_another_address_the_second_time_reaches_nothing(
    receiver: Receiver, settings: Any
) -> None:
    """DNS rebinding: what is checked is what is connected to, and it is looked up once for each connection."""
    settings.WEBHOOKS_REQUIRE_HTTPS = False
    answers = itertools.chain([["192.0.2.1"]], itertools.repeat(["127.0.0.1"]))
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return next(answers)

    client = WebhookClient(resolve)
    for _attempt in range(3):
        outcome = client.post(receiver.url("rebind.example"), headers(receiver), BODY)
        assert outcome.problem == Problem.PRIVATE_ADDRESS
    assert asked == [("rebind.example", receiver.port)] * 3
    assert receiver.met == []


def test_of_several_addresses_it_calls_those_that_it_may(
    receiver: Receiver, private: None, settings: Any
) -> None:
    """The first of these answers nobody; with private addresses refused, none of them is left."""
    resolve = lambda _host, _port: ["127.0.0.2", "127.0.0.1"]  # noqa: E731
    assert post(receiver, WebhookClient(resolve), receiver.url("shop.example")).is_delivered
    assert receiver.met[0].headers["host"] == f"shop.example:{receiver.port}"
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    outcome = post(receiver, WebhookClient(resolve))
    assert outcome.problem == Problem.PRIVATE_ADDRESS


def test_an_unknown_host_is_told_apart(receiver: Receiver) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    assert post(receiver, WebhookClient(resolve), "https://nowhere.example/").problem == Problem.UNKNOWN_HOST
    long = "https://" + "a" * 70 + ".example/"
    assert post(receiver, WebhookClient(), long).problem == Problem.UNKNOWN_HOST


def test_it_sends_nothing_over_plain_http_unless_a_setting_allows(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    assert post(receiver).problem == Problem.HTTPS_REQUIRED
    assert receiver.met == []


def test_it_ignores_proxies_of_the_environment(
    receiver: Receiver, private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver).is_delivered


# --- TLS


def test_the_certificate_is_that_of_the_host_name(private: None) -> None:
    """It connects to the address that was looked up, and speaks TLS with the name."""
    authority = trustme.CA()
    server, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("shop.example").configure_cert(server)
    authority.configure_trust(trusted)
    with Receiver(new_secret(), server) as receiver:
        resolve = lambda _host, _port: ["127.0.0.1"]  # noqa: E731
        assert post(receiver, WebhookClient(resolve, trusted), receiver.url("shop.example")).is_delivered
        other = post(receiver, WebhookClient(resolve, trusted), receiver.url("other.example"))
        stranger = post(receiver, WebhookClient(resolve), receiver.url("shop.example"))
        assert (other.problem, stranger.problem) == (Problem.TLS, Problem.TLS)
        assert len(receiver.met) == 1


# --- answers


def test_it_keeps_the_beginning_of_an_answer(receiver: Receiver, private: None) -> None:
    receiver.answer = lambda _message: (500, {}, b"<b>no\x00 \xff" + b"x" * 100_000)
    outcome = post(receiver)
    assert (outcome.status, outcome.problem, len(outcome.answer)) == (500, Problem.REFUSED, 500)
    assert outcome.answer.startswith("<b>no\ufffd \ufffdxxx")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_follows_no_redirect(receiver: Receiver, private: None, status: int) -> None:
    receiver.answer = lambda _message: (status, {"location": receiver.url()}, b"")
    assert (post(receiver).problem, len(receiver.met)) == (Problem.REDIRECT, 1)


def test_it_unpacks_nothing(receiver: Receiver, private: None) -> None:
    receiver.answer = lambda _message: (200, {"content-encoding": "gzip"}, b"\x1f\x8b not gzip at all")
    assert post(receiver).is_delivered


def test_it_reads_no_more_of_an_endless_answer_than_it_keeps(private: None) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n"
    with Raw(lambda: itertools.chain([head], itertools.repeat(b"x" * 65536, 200_000))) as server:
        outcome = post_to(server.port)
        assert outcome.is_delivered
        assert len(outcome.answer) == 500
        assert outcome.seconds < 5
        assert server.sent < 50_000_000  # what fits into the buffers of the network, of 13 GB


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n"] + [b"x-odd: 1\r\n"] * 400,
        [b"H"] * 400,
        [b""] * 400,
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * 400,
    ],
    ids=["headers without an end", "a byte now and then", "nothing", "it goes on and on"],
)
def test_a_slow_answer_ends_with_the_time_allowed(private: None, pieces: list[bytes]) -> None:
    with Raw(lambda: drip(pieces, 0.05)) as server:
        outcome = post_to(server.port, total=0.5)
    assert outcome.problem in (Problem.TIMEOUT, Problem.BROKEN_ANSWER)
    assert outcome.seconds < 2


def test_a_message_that_was_taken_is_delivered_though_the_rest_of_the_answer_is_slow(
    private: None,
) -> None:
    head = b"HTTP/1.1 202 Accepted\r\ncontent-length: 1000\r\n\r\nqueued"
    with Raw(lambda: drip([head] + [b"."] * 100, 0.05)) as server:
        outcome = post_to(server.port, total=0.5)
    assert (outcome.is_delivered, outcome.status, outcome.answer[:6]) == (True, 202, "queued")
    assert outcome.seconds < 2


def test_a_port_where_nobody_listens_and_an_answer_that_is_none(private: None) -> None:
    with Raw(lambda: iter([b"SSH-2.0-OpenSSH_9.2\r\n"])) as server:
        port = server.port
        assert post_to(port).problem == Problem.BROKEN_ANSWER
    outcome = post_to(port)
    assert (outcome.status, outcome.problem) == (None, Problem.CONNECTION)
    assert outcome.is_about_the_receiver


def test_it_hears_how_long_to_wait(receiver: Receiver, private: None) -> None:
    receiver.answer = lambda _message: (429, {"retry-after": "120"}, b"")
    outcome = post(receiver)
    assert (outcome.retry_after, outcome.is_about_the_receiver) == (120.0, True)
    receiver.answer = lambda _message: (503, {"retry-after": "99999999999999"}, b"")
    assert post(receiver).retry_after == 24 * 3600
    receiver.answer = lambda _message: (500, {"retry-after": "soon"}, b"")
    outcome = post(receiver)
    assert (outcome.retry_after, outcome.is_about_the_receiver) == (None, False)


def test_connections_are_kept_for_the_next_message(receiver: Receiver, private: None) -> None:
    with WebhookClient() as client:
        for _number in range(50):
            assert client.post(receiver.url(), headers(receiver), BODY).is_delivered
    assert receiver.connections == 1
    assert receiver.unsigned == 0
