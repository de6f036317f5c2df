"""Writes .env from .env.example, with keys of its own: `python scripts/make_env.py`. Needs nothing installed.

`--production oms.example`: for that host, behind a proxy that ends TLS, in place of a trial on this machine.

An existing .env is never touched.
"""

import base64
import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def for_production(host: str) -> dict[str, str]:
    """What differs from a trial, by name."""
    return {
        "REQUIRE_HTTPS": "on",
        "BEHIND_TLS_PROXY": "on",
        "ALLOWED_HOSTS": host,
        "CSRF_TRUSTED_ORIGINS": f"https://{host}",
        "MOCK_FALLBACK": "never",
        "PUBLIC_URL": f"https://{host}",
    }


def filled(example: str, host: str = "") -> str:
    """The text of .env.example with its two empty keys filled in, and the values for production where a host is named.

    Raises ValueError without a line for each.
    """
    keys = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),  # a Fernet key
    }
    lines = example.splitlines()
    for name, value in keys.items():
        lines[lines.index(f"{name}=")] = f"{name}={value}"
    at = {line.partition("=")[0]: number for number, line in enumerate(lines) if not line.startswith("#")}
    for name, value in (for_production(host) if host else {}).items():
        if name not in at:
            raise ValueError(f"no line for {name}")
        lines[at[name]] = f"{name}={value}"
    return "\n".join(lines) + "\n"


def host_named(arguments: list[str]) -> str:
    """The host after --production, or "". Ends the program where it is none."""
    if not arguments:
        return ""
    if len(arguments) != 2 or arguments[0] != "--production" or not HOST.fullmatch(arguments[1]):
        sys.exit(
            "Write: python scripts/make_env.py [--production HOST], with a host name such as oms.example."
        )
    return arguments[1]


def main() -> None:
    text = filled((ROOT / ".env.example").read_text(), host_named(sys.argv[1:]))
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
