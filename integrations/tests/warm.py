"""Commands of manage.py, and scripts, as real processes that need not import the libraries first.

Importing them is two thirds of what a short command costs. Here one process imports them once and forks for each
command. Settings, apps, models and whatever else reads the environment are imported by the child, after it has taken
over environment, standard streams and arguments of its own; it ends as the interpreter ends a script. Tests that are
about the start itself start cold: `Installation.start(…, cold=True)`.

Run as a script, this module is that server: it reads requests from the socket that is its standard input.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
# What takes long to import and reads neither settings nor environment meanwhile (sp_api does).
LIBRARIES = (
    "asyncio", "cryptography.fernet", "django.contrib.auth.hashers", "django.contrib.messages",
    "django.core.handlers.wsgi", "django.core.management", "django.core.validators", "django.db.backends.sqlite3.base",
    "django.db.migrations.executor", "django.db.models", "django.template.loader", "django.test",
    "django.views.generic", "django_filters.filters", "django_stubs_ext", "django_tasks", "environ", "httpcore",
    "httpx", "jinja2", "jsonschema", "orjson", "prometheus_client", "redis", "requests", "rest_framework.fields",
    "rich.console", "rich.progress", "rich.table", "rq", "tenacity", "uritemplate", "whitenoise.base", "yaml",
)  # fmt: skip
OPTIONAL = ("MySQLdb", "django.contrib.postgres.fields", "django.db.backends.mysql.base", "psycopg")
# Python reads these when it starts, and a forked process has started already: the first two are applied by hand, and
# the server runs with PYTHONUNBUFFERED.
APPLIED = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
SIZE = 100_000  # bytes of a request
IS_POSSIBLE = hasattr(os, "pidfd_open")  # Linux


def can_start(environment: dict[str, str]) -> bool:
    """Whether a process with this environment may be forked; one with options for Python itself may not."""
    own = {name for name in environment if name.startswith("PYTHON")} - APPLIED
    return IS_POSSIBLE and "PYTHONUNBUFFERED" in environment and not own


# --- the side of the tests


class WarmProcess(subprocess.Popen[str]):
    """A command of manage.py, with what tests use of Popen; the child is the server's and not this process's.

    `arguments` are those of Python: ("manage.py", "check"), or ("-c", "print(1)").
    """

    def __init__(
        self, arguments: tuple[str, ...], environment: dict[str, str], *, stdout: int, stderr: int
    ) -> None:
        self.args, self.stdin = list(arguments), None
        self.returncode = None
        self.stdout, out = _stream(stdout)
        self.stderr, err = _stream(stderr)
        self._status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps([arguments, environment]).encode()
        socket.send_fds(_server(), [request], [out, err, theirs.fileno()])
        theirs.close()
        for descriptor, given in ((out, stdout), (err, stderr)):
            if descriptor != given:
                os.close(descriptor)
        self.pid = int(self._status.recv(SIZE))

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                told = self._status.recv(SIZE)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self.returncode = int(told)
            self._status.close()
        return int(self.returncode)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def communicate(self, _input: Any = None, timeout: float | None = None) -> tuple[str, str]:
        read = {"stdout": "", "stderr": ""}

        def reads(name: str, stream: IO[str]) -> None:
            with stream:
                read[name] = stream.read()

        streams = {"stdout": self.stdout, "stderr": self.stderr}
        threads = [
            Thread(target=reads, args=(name, stream), daemon=True)
            for name, stream in streams.items()
            if stream is not None and not stream.closed
        ]
        end = time.monotonic() + (timeout or 3600)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(end - time.monotonic())
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(max(end - time.monotonic(), 0))
        return read["stdout"], read["stderr"]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _stream(wanted: int) -> tuple[IO[str] | None, int]:
    """Our end of what a standard stream goes to, and the other one."""
    if wanted == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    if wanted != subprocess.PIPE:
        return None, wanted
    ours, theirs = os.pipe()
    return os.fdopen(ours, encoding="utf-8"), theirs


@cache
def _server() -> socket.socket:
    """Of this process, started when it is first asked for; it ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    environment = kept | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, __file__]
    process = subprocess.Popen(
        command, stdin=theirs.fileno(), cwd=ROOT, env=environment, start_new_session=True
    )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    theirs.close()
    return ours


# --- the side of the server


class Server:
    """Forks for each request, and tells how each child ends."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._children: dict[
            int, tuple[int, socket.socket]
        ] = {}  # by descriptor: process id, who wants to know
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(requests, selectors.EVENT_READ)

    def serve(self) -> list[str]:
        """Returns in the children alone, with their arguments."""
        while True:
            for key, _ in self._waiting.select():
                if key.fd in self._children:
                    self._tell_the_end(key.fd)
                    continue
                request, descriptors, _, _ = socket.recv_fds(self._requests, SIZE, 3)
                if not request:  # whoever asked is gone
                    sys.exit()
                pid = os.fork()
                if not pid:
                    return self._become(*json.loads(request), *descriptors)
                self._watch(pid, *descriptors)

    def _watch(self, pid: int, out: int, err: int, status: int) -> None:
        os.close(out)
        os.close(err)
        descriptor = os.pidfd_open(pid)
        self._children[descriptor] = pid, socket.socket(fileno=status)
        self._waiting.register(descriptor, selectors.EVENT_READ)

    def _tell_the_end(self, descriptor: int) -> None:
        self._waiting.unregister(descriptor)
        os.close(descriptor)
        pid, status = self._children.pop(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with status, suppress(OSError):  # nobody may listen any more
            status.send(str(code).encode())

    def _become(
        self, arguments: list[str], environment: dict[str, str], out: int, err: int, status: int
    ) -> list[str]:
        """Takes over what a process is given when it starts, and lets go of what is the server's."""
        self._waiting.close()
        self._requests.close()
        for descriptor, (_, other) in self._children.items():
            os.close(descriptor)
            other.close()
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for ours, standard in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(ours, standard)
            os.close(ours)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
        sys.path[0:1] = [str(ROOT), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
        with socket.socket(fileno=status) as told:
            told.send(str(os.getpid()).encode())
        return arguments


def import_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    for name in OPTIONAL:
        with suppress(ImportError, ImproperlyConfigured):  # Django raises the latter for a missing driver
            importlib.import_module(name)

    assert not settings.configured
    gc.freeze()


if __name__ == "__main__":
    import_libraries()
    sys.argv = Server(socket.socket(fileno=os.dup(0))).serve()
    if sys.argv[0] == "-c":
        exec(sys.argv.pop(1), {"__name__": "__main__"})  # noqa: S102
    else:
        runpy.run_path(str(ROOT / sys.argv[0]), run_name="__main__")
