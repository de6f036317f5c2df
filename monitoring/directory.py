"""Where the processes of one gunicorn put what each of them counts, so that whichever answers /metrics tells of all.

gunicorn.conf.py makes it before the first process starts. prometheus-client takes it from PROMETHEUS_MULTIPROC_DIR:
https://prometheus.github.io/client_python/multiprocess/

This module imports neither Django nor prometheus-client, which looks for the variable when it is imported.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def make(folder: Path) -> Path:
    """An empty directory for this process and its children, for their owner alone, named in VARIABLE from now on.

    Under `folder` (var/metrics), named by the number of this process, so several gunicorns of one installation do not
    meet. What processes that are gone left there is removed. Where nothing can be written there (a container with a
    read-only file system), it is a temporary directory.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.iterdir():
            if left.name == str(os.getpid()) or not _is_alive(left.name):
                shutil.rmtree(left, ignore_errors=True)
        made = folder / str(os.getpid())
        made.mkdir(mode=0o700)
    except OSError:
        made = Path(tempfile.mkdtemp(prefix="oms-metrics-"))
    os.environ[VARIABLE] = str(made)
    return made


def remove(made: Path) -> None:
    """When the last of its processes has ended."""
    shutil.rmtree(made, ignore_errors=True)


def _is_alive(name: str) -> bool:
    """Whether there is a process of this number, whoever it belongs to."""
    if not name.isdecimal():
        return True  # not ours: it stays
    with suppress(PermissionError):  # somebody else's
        try:
            os.kill(int(name), 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
