"""Writes .secrets/ for compose.yaml, with keys of its own: `python3 scripts/make_secrets.py`. Needs nothing installed.

A file that is there already is never touched.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / ".secrets"


def write(name: str, value: str) -> str:
    """The value of the secret `name`: the content of its file, or `value`, which is then written."""
    path = FOLDER / name
    try:
        # Others cannot enter the folder. The containers' users, who are others, read each file where it is mounted.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:
        sys.stdout.write(f".secrets/{name} is there already; it stays as it is.\n")
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o444)  # whatever the umask says
        file.write(value)
    sys.stdout.write(f"Wrote .secrets/{name}.\n")
    return value


def main() -> None:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    FOLDER.chmod(0o700)
    write("secret_key", secrets.token_urlsafe(50))
    write("field_encryption_key", base64.urlsafe_b64encode(os.urandom(32)).decode())  # a Fernet key
    password = write("database_password", secrets.token_urlsafe(32))
    write("database_url", f"mysql://oms:{password}@db:3306/oms")
    config = write("redis_config", f"requirepass {secrets.token_urlsafe(32)}")
    write("redis_url", f"redis://:{config.removeprefix('requirepass ')}@redis:6379/0")
    sys.stdout.write(
        "Keep a copy of field_encryption_key apart from the database: without it, credentials are lost.\n"
    )


if __name__ == "__main__":
    main()
