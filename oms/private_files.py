"""The SQLite file and its folder: readable by their owner alone, whatever the umask says.

The file holds everything that OMS stores, sessions and the hashes of passwords among them. SQLite gives the files that
it writes beside it (`-wal`, `-shm`, `-journal`) the same permissions.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO  # permissions of anybody but the owner
BESIDE = ("", "-wal", "-shm", "-journal")


def make_private(database: Path, *, is_own_folder: bool) -> None:
    """Make folder (0700) and file (0600) where they are missing.

    `is_own_folder`: it is OMS's own, so what is there already is closed as well. Permissions that a person chose for
    another place stay (`others_may_read` tells of them). Raises OSError where the folder cannot be made.
    """
    folder = database.parent
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(OSError):  # it exists, or the disk is read-only, which opening the database says better
        os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if is_own_folder:
        for path, mode in ((folder, 0o700), *((Path(f"{database}{end}"), 0o600) for end in BESIDE)):
            _close(path, mode)


def others_may_read(database: Path) -> bool:
    """Whether people other than the file's owner and group can open it."""
    try:
        may_read = database.stat().st_mode & stat.S_IROTH
        may_enter = database.parent.stat().st_mode & stat.S_IXOTH
    except OSError:
        return False
    return bool(may_read and may_enter)


def _close(path: Path, mode: int) -> None:
    with suppress(
        OSError
    ):  # missing, or another user's: the check of the system tells where others may read it
        if path.stat().st_mode & OTHERS:
            path.chmod(mode)
