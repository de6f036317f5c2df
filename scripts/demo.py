"""`make demo`: a shop that lives, to look at: invented, in a database of its own, gone with `make demo-clean`.

python -m scripts.demo [--port 8010]      python -m scripts.demo --clean

The simulator is Amazon, on this machine. Neither .env nor the database of this installation is read or changed; each
start begins anew. Ctrl-C stops it. All that it writes is in one folder, var/demo, or where --folder says.
"""

import argparse
import base64
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from scripts.run import port_problem, say, serve

ROOT = Path(__file__).resolve().parent.parent
FOLDER, DATABASE = ROOT / "var" / "demo", "demo.sqlite3"
USER = "demo"
# Of this process's environment, what programs need; nothing that would say how OMS is to be run.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "TZ", "PYTHONPATH", "SSL_CERT_FILE")
NAMES = {"demo-europe": "Demo shop Europe", "demo-usa": "Demo shop USA", "demo-britain": "Demo shop Britain"}
MINUTES = {"orders": 1, "inventory": 5}  # between two syncs


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8010, help="port of 127.0.0.1 (8010)")
    parser.add_argument("--clean", action="store_true", help="remove what a demonstration has left")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="of its own, for what it writes (var/demo)"
    )
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    if problem := folder_problem(folder):
        say(problem)
        return 1
    if options.clean:
        clean(folder)
        say("The demonstration is gone.")
        return 0
    if problem := port_problem(options.port, "demo"):
        say(problem)
        return 1
    say("Making a shop that is invented: 60 days of orders, stock, and some trouble…")
    clean(folder)
    folder.mkdir(mode=0o700, parents=True)
    (folder / "exports").mkdir()
    with amazon() as found:
        set_environment(found, folder)
        password = fill(found["shops"])
        say("Starting…")
        return serve(
            options.port,
            f"\nThe demonstration:  http://127.0.0.1:{options.port}/   Ctrl-C stops it; make demo-clean removes it.\n"
            "New orders arrive every few minutes. Nothing here is real, and nothing leaves this machine.\n"
            f"\nSign in as     {USER}\nwith password  {password}\n",
        )


def folder_problem(folder: Path) -> str:
    """Why a demonstration cannot be in this folder, as a sentence; empty where it can. It is removed as a whole."""
    is_its_own = folder == FOLDER or (folder / DATABASE).exists()
    if not is_its_own and folder.exists() and any(folder.iterdir()):
        return f"{folder} holds something else than a demonstration. Give a folder that is not there yet."
    return ""


def clean(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


@contextmanager
def amazon() -> Iterator[dict[str, Any]]:
    """The simulator, in a process of its own: where it answers, and the credentials of its shops."""
    command = [sys.executable, "-m", "simulator.demo"]
    # A session of its own: Ctrl-C stops OMS first, which may be asking it.
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                sys.exit("The simulated Amazon did not start; see above.")
            yield json.loads(line)
        finally:
            process.terminate()


def set_environment(found: dict[str, Any], folder: Path) -> None:
    """Of this process, and of all that it starts."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(
        kept,
        OMS_DEMO="on",
        DJANGO_SETTINGS_MODULE="oms.settings",
        SECRET_KEY=secrets.token_urlsafe(50),
        FIELD_ENCRYPTION_KEY=base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
        DATABASE_URL=f"sqlite:///{folder / DATABASE}",
        REQUIRE_HTTPS="off",
        ALLOWED_HOSTS="127.0.0.1,localhost,[::1]",
        MOCK_FALLBACK="never",
        ORDERS_INITIAL_DAYS="100",  # as far as the planning looks, so that it knows what was sold in 90 days
        EXPORTS_FOLDER=str(folder / "exports"),
        AMAZON_SP_API_ENDPOINT=found["endpoint"],
        AMAZON_LWA_ENDPOINT=found["lwa_endpoint"],
    )


def fill(shops: dict[str, Any]) -> str:
    """A migrated database with the shops, of which the first is synced and the others are queued; the password of the
    user who may do everything there."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    from integrations.sync.streams.states import set_intervals
    from platforms.models import Platform

    call_command("migrate", verbosity=0)
    Platform.objects.all().delete()
    password = secrets.token_urlsafe(9)
    User.objects.create_superuser(USER, password=password)
    logging.disable(logging.ERROR)  # of syncs that are to fail
    for name, config in shops.items():
        platform = Platform.objects.create(
            name=name, display_name=NAMES[name], api_config=config, show_pictures=True
        )
        set_intervals(platform, MINUTES)
    for command in ("sync_orders", "sync_inventory"):
        run(command, "demo-europe")
        for name in list(shops)[1:]:
            run(command, name, "--background")
    logging.disable(logging.NOTSET)
    connections.close_all()  # what follows forks
    return password


def run(command: str, *arguments: str) -> None:
    """A command of manage.py; some records cannot be stored, and some syncs fail, as a demonstration should show."""
    from django.core.management import CommandError, call_command

    from integrations.management.base import INTERRUPTED

    try:
        call_command(command, *arguments, verbosity=0, stderr=StringIO())
    except SystemExit as ended:
        status = ended.code
    except CommandError as error:
        status = error.returncode
    else:
        status = 0
    if status == INTERRUPTED:
        raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nStopped.")
        sys.exit(128 + signal.SIGINT)
