"""Sends lines to a syslog server, in the format of RFC 5424: over UDP, TCP or TLS.

https://datatracker.ietf.org/doc/html/rfc5424  https://datatracker.ietf.org/doc/html/rfc6587 (TCP)
https://datatracker.ietf.org/doc/html/rfc5425 (TLS)
"""

import re
import socket
import ssl
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

PORTS = {"udp": 514, "tcp": 601, "tls": 6514}
SECONDS = 5.0  # of each step of the network
PRIORITY = 13 * 8 + 6  # facility "log audit", severity "informational"
LONGEST_DATAGRAM = 8_000  # bytes; what is longer arrives nowhere
NOT_PRINTABLE = re.compile(r"[^!-~]")


@dataclass(frozen=True, slots=True)
class Message:
    """`at` as in ISO 8601, `kind` is a short name, `body` one line of ASCII; `short` where no datagram holds it."""

    at: str
    kind: str
    body: str
    short: str


@dataclass(frozen=True, slots=True)
class SyslogServer:
    """`authority`: a file with the certificates that the server's is checked against; "" for those of the system."""

    transport: str
    host: str
    port: int
    authority: str = ""

    def send(self, messages: Iterable[Message]) -> None:
        """Raises OSError where not all of them have arrived, as far as the transport can tell: over UDP hardly ever."""
        if self.transport == "udp":
            self._send_datagrams(messages)
            return
        frames = (frame(each.body, each) for each in messages)
        data = b"".join(b"%d %b" % (len(each), each) for each in frames)
        with closing(self._connected()) as server:
            server.sendall(data)
            _wait_for_end(server)

    def _send_datagrams(self, messages: Iterable[Message]) -> None:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as server:
            server.settimeout(SECONDS)
            server.connect(address)  # so that a host which says that nobody listens there is heard
            for each in messages:
                data = frame(each.body, each)
                server.send(data if len(data) <= LONGEST_DATAGRAM else frame(each.short, each))

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=SECONDS)
        if self.transport == "tcp":
            return plain
        try:
            context = ssl.create_default_context(cafile=self.authority or None)
            return context.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise


def _wait_for_end(server: socket.socket) -> None:
    """Say that this was all, and wait until the server closes, too: it has read everything then. What the kernel took
    while the server died would be lost otherwise."""
    if isinstance(server, ssl.SSLSocket):
        try:
            server.unwrap()
        except ssl.SSLEOFError:
            return  # it closed without a word, and did not break off
    else:
        server.shutdown(socket.SHUT_WR)
        while server.recv(1024):
            pass


def frame(body: str, message: Message) -> bytes:
    host = NOT_PRINTABLE.sub("", socket.gethostname())[:255] or "-"
    return f"<{PRIORITY}>1 {message.at} {host} oms - {message.kind[:32]} - {body}".encode("ascii", "replace")


def server_at(url: str) -> SyslogServer:
    """`udp://host`, `tcp://host:601` or `tls://host:6514?ca=/etc/ssl/own.pem`. Raises ValueError."""
    parts = urlsplit(url)
    known = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    if (
        parts.scheme not in PORTS
        or not parts.hostname
        or parts.path not in ("", "/")
        or parts.username is not None
        or known.keys() - {"ca"}
        or (known and parts.scheme != "tls")
    ):
        raise ValueError("not an address of a syslog server")
    port = parts.port or PORTS[parts.scheme]
    return SyslogServer(parts.scheme, parts.hostname, port, known.get("ca", [""])[0])
