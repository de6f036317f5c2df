"""`make run`: a first sync where there was none, then the processes of the Procfile until Ctrl-C.

python -m scripts.run [--port 8000]
"""

import argparse
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
STOPPED_BY_PERSON = (128 + signal.SIGINT, 128 + signal.SIGTERM)
NOT_LIVE = 3  # of a sync command: some records were not stored, or mock data was
FIRST_SYNCS = (("orders", "sync_orders"), ("inventory", "sync_inventory"))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def port_problem(port: int, target: str = "run") -> str:
    """Why `make TARGET` cannot serve on this port of 127.0.0.1, as a sentence; empty where it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"Port {port} is in use, perhaps by another `make {target}`. "
                    f"Stop that one, or take another port: make {target} PORT={port + 1}"
                )
            return f"Port {port} cannot be used: {error.strerror}. Take another: make {target} PORT=8001"
    return ""


def synced_before(kind: str) -> bool:
    """Whether any sync of this kind was ever started in this database."""
    from integrations.models import SyncLog

    return SyncLog.objects.filter(kind=kind).exists()


def nobody_is_connected() -> bool:
    """Whether no platform has credentials, so that a sync stores mock data, as promised."""
    from django.conf import settings

    from platforms.models import Platform

    return settings.MOCK_FALLBACK != "never" and not any(
        platform.is_configured for platform in Platform.objects.filter(is_active=True)
    )


def first_sync(kind: str, command: str) -> None:
    """Sync this stream unless that was done before, and print the result; OMS starts after a failure too."""
    if synced_before(kind):
        say(f"First {kind} sync: done before; the scheduler goes on from there.")
        return
    is_mock = nobody_is_connected()
    say(f"First {kind} sync…")
    arguments = [sys.executable, "manage.py", command, *(["--json", "-v", "0"] if is_mock else [])]
    ended = subprocess.run(
        arguments, cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE if is_mock else None
    )
    status = ended.returncode
    if status in STOPPED_BY_PERSON or status == -signal.SIGINT:
        raise KeyboardInterrupt
    if status == NOT_LIVE and is_mock:
        count = sum(json.loads(line)["fetched"] for line in ended.stdout.splitlines())
        what = {"orders": "orders", "inventory": "products in stock"}[kind]
        say(
            f"  {count} made-up {what} are stored, to look around with. Connect Amazon in the admin to see yours."
        )
    elif status not in (0, NOT_LIVE):  # the latter: partial, of which the command spoke
        say(
            f"The first {kind} sync failed, see above. OMS starts anyway; repeat it with: manage.py {command}"
        )


def serve(port: int, welcome: str) -> int:
    """Run the processes of the Procfile until one ends or a person stops them; the exit status. `welcome` is printed
    once pages are served, behind what the processes say as they start."""
    from honcho.environ import parse_procfile
    from honcho.manager import Manager
    from honcho.printer import Printer

    environment = {
        **os.environ,
        "PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }
    manager = Manager(Printer(sys.stdout))
    for name, command in parse_procfile((ROOT / "Procfile").read_text()).processes.items():
        manager.add_process(name, command, env=environment, cwd=str(ROOT))
    # A closed terminal must not leave them running: honcho knows SIGINT and SIGTERM alone.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    is_said = threading.Event()
    threading.Thread(target=greet, args=(port, welcome, is_said), daemon=True).start()
    manager.loop()
    if not is_said.is_set():  # it may hold a password that is shown this once
        say(welcome)
    if manager.returncode in STOPPED_BY_PERSON:
        say("Stopped.")
        return 0
    return int(manager.returncode or 0)


def greet(port: int, welcome: str, is_said: threading.Event) -> None:
    """Say welcome as soon as a page is served."""
    is_served = False
    while not is_served:
        time.sleep(1)
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            is_served = True
    is_said.set()
    say(welcome)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts.run", description="First sync, then the processes of the Procfile."
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="port of 127.0.0.1 to serve on (default: 8000)"
    )
    port: int = parser.parse_args().port
    if problem := port_problem(port):
        say(problem)
        return 1

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms.settings")
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    for kind, command in FIRST_SYNCS:
        first_sync(kind, command)
    admin = StringIO()
    call_command("create_first_admin", stdout=admin)
    connections.close_all()  # what follows forks
    return serve(
        port,
        "\nA shop that lives, with 60 days of invented orders, to look around in: make demo\n"
        f"\nOMS:           http://127.0.0.1:{port}/   Ctrl-C stops it.\n{admin.getvalue()}",
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nStopped.")
        sys.exit(128 + signal.SIGINT)
