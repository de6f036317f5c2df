"""Writes .env from .env.example, with keys of its own: `python scripts/make_env.py`. Needs nothing installed.

An existing .env is never touched.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def filled(example: str) -> str:
    """The text of .env.example with its two empty keys filled in; raises ValueError without them."""
    keys = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
    }
    lines = example.splitlines()
    for name, value in keys.items():
        lines[lines.index(f"{name}=")] = f"{name}={value}"
    return "\n".join(lines) + "\n"


def main() -> None:
    text = filled((ROOT / ".env.example").read_text())
    try:
        # Created with its mode, so that there is no moment in which others may read it.
        descriptor = os.open(ROOT / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stdout.write(".env is there already; it stays as it is.\n")
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    sys.stdout.write("Wrote .env with fresh keys, readable by you alone.\n")


if __name__ == "__main__":
    main()
