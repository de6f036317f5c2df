"""A wire between OMS and a database server that is cut at the worst moment."""

from __future__ import annotations

import socket
import threading

from integrations.tests.processes import PATIENCE


class LosesAnAnswer:
    """Stands between OMS and the server. Once armed, it lets the next COMMIT through and cuts its answer off."""

    def __init__(self, port: int) -> None:
        self.armed = threading.Event()
        self.cut = threading.Event()
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(("127.0.0.1", self._server_port), timeout=PATIENCE)
            swallows = threading.Event()
            for arguments in ((client, server, swallows, True), (server, client, swallows, False)):
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, here: socket.socket, there: socket.socket, swallows: threading.Event, asks: bool) -> None:
        with here, there:
            while data := _received(here):
                if asks and self.armed.is_set() and b"\x03commit" in data.lower():
                    self.armed.clear()
                    swallows.set()
                elif not asks and swallows.is_set():  # the server has done it, and nobody will know
                    for each in (here, there):
                        each.shutdown(socket.SHUT_RDWR)
                    self.cut.set()
                    return
                there.sendall(data)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:  # the other direction closed it
        return b""
