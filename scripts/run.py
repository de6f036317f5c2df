"""`make run`: a first sync where there was none, then the processes of the Procfile until Ctrl-C.

python -m scripts.run [--port 8000]
"""

import argparse
import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STOPPED_BY_PERSON = (128 + signal.SIGINT, 128 + signal.SIGTERM)
FIRST_SYNCS = (("orders", "sync_orders"), ("inventory", "sync_inventory"))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def port_problem(port: int) -> str:
    """Why the web process cannot listen on this port of 127.0.0.1, as a sentence; empty where it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return (
                    f"Port {port} is in use, perhaps by another `make run`. "
                    f"Stop that one, or take another port: make run PORT={port + 1}"
                )
            return f"Port {port} cannot be used: {error.strerror}. Take another: make run PORT=8001"
    return ""


def synced_before(kind: str) -> bool:
    """Whether any sync of this kind was ever started in this database."""
    from integrations.models import SyncLog

    return SyncLog.objects.filter(kind=kind).exists()


def first_sync(kind: str, command: str) -> None:
    """Sync this stream unless that was done before, and print the result; OMS starts after a failure too."""
    if synced_before(kind):
        say(f"First {kind} sync: done before; the scheduler goes on from there.")
        return
    say(f"First {kind} sync…")
    status = subprocess.run([sys.executable, "manage.py", command], cwd=ROOT, check=False).returncode
    if status in STOPPED_BY_PERSON or status == -signal.SIGINT:
        raise KeyboardInterrupt
    if status not in (
        0,
        3,
    ):  # 3: partial, or mock data because there are no credentials yet; the command said so
        say(
            f"The first {kind} sync failed, see above. OMS starts anyway; repeat it with: manage.py {command}"
        )


def serve(port: int) -> int:
    """Run the processes of the Procfile until one ends or a person stops them; the exit status."""
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
    manager.loop()
    if manager.returncode in STOPPED_BY_PERSON:
        say("Stopped.")
        return 0
    return int(manager.returncode or 0)


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
    say(f"\nOMS:  http://127.0.0.1:{port}/   Ctrl-C stops it.")
    call_command("create_first_admin")
    connections.close_all()  # what follows forks
    say("")
    return serve(port)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nStopped.")
        sys.exit(128 + signal.SIGINT)
