"""A proxy in front of the database that takes smaller statements than the server. From Amazon's answers to rows."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.db import OperationalError, connection

from core.database import packets
from core.database.packets import HARMLESS, JOINED, Packets, packets_of
from integrations.tests.syncing import order_page, platform_of, raw_order, sync
from orders.models import Order
from simulator import Simulator

StartSimulator = Callable[..., Simulator]
HEADER = 4  # of a packet of MySQL: three bytes of length, one of sequence


class Proxy:
    """Between OMS and MySQL; ends the connection at the first packet to the server of more than `most` bytes.

    https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
    """

    def __init__(self, host: str, port: int, most: int) -> None:
        self._there, self._most, self.ended = (host, port), most, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._there)
                threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
                threading.Thread(target=self._to_client, args=(server, client), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):
            stream = client.makefile("rb")
            while len(header := stream.read(HEADER)) == HEADER:
                length = int.from_bytes(header[:3], "little")
                if length > self._most:
                    self.ended += 1
                    break
                server.sendall(header + stream.read(length))
            for each in (client, server):
                each.shutdown(socket.SHUT_RDWR)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)


@pytest.fixture
def proxy(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    if connection.vendor != "mysql":
        pytest.skip("only MySQL and MariaDB speak in packets")
    there = connection.settings_dict
    between = Proxy(there["HOST"], int(there["PORT"] or 3306), 40_000)
    connection.close()
    monkeypatch.setitem(there, "HOST", "127.0.0.1")
    monkeypatch.setitem(there, "PORT", between.port)
    yield between
    connection.close()
    between.close()
    packets._known.packets.clear()


@pytest.mark.usefixtures("proxy")
def test_a_record_that_does_not_fit_costs_itself_and_the_others_go_in_smaller_statements(
    start_simulator: StartSimulator, proxy: Proxy
) -> None:
    sim = start_simulator()
    orders = [raw_order(number, extension="x" * 3000) for number in range(1, 61)]
    orders[30]["extension"] = "x" * 60_000
    sim.script("searchOrders", order_page(*orders))
    log = sync(platform_of(sim))
    assert (log.status, log.error_code, log.created, log.failed) == ("partial", "", 59, 1)
    assert Order.objects.count() == 59
    (failure,) = log.failures.all()
    assert (failure.external_id, failure.error_code) == (orders[30]["orderId"], "not_storable")
    assert "orders.payload has room for fewer than 6" in failure.error_message
    assert failure.payload["extension"] == "left out: 60,011 characters"
    ended = proxy.ended
    assert ended > 2
    sim.script(
        "searchOrders", order_page(*(raw_order(number, extension="y" * 3000) for number in range(61, 121)))
    )
    log = sync(platform_of(sim))
    assert (log.status, log.created, proxy.ended) == ("succeeded", 60, ended)  # it knows now


def lose(known: Packets, size: int, rows: int) -> None:
    with pytest.raises(OperationalError, match="2006"), known.sending(size, rows):
        raise OperationalError(1153, "Got a packet bigger than 'max_allowed_packet' bytes")


def test_it_learns_from_lost_connections_and_forgets_what_is_proved_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packets, "_known", packets._Known())
    known = packets_of()
    with pytest.raises(OperationalError, match="2013"), known.sending(HARMLESS - 1, 1):
        raise OperationalError(
            2013, "Lost connection to server during query"
        )  # no statement is so small to blame
    with pytest.raises(OperationalError, match="1213"), known.sending(JOINED, 9):
        raise OperationalError(1213, "Deadlock found when trying to get lock")
    assert (known.joined, known.refused_from) == (JOINED, None)
    lose(known, 200_000, 60)
    assert (known.joined, known.refused_from) == (50_000, None)
    lose(known, 90_000, 1)  # perhaps an outage
    assert known.refused_from is None
    lose(known, 80_000, 1)
    assert [known.refused_from, known.largest] == [80_000, 40_000]
    with known.sending(80_000, 1):
        """Is taken."""
    assert known.refused_from is None
    later = time.monotonic() + packets.KEPT_FOR + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert packets_of().joined == JOINED
