"""Reads the environment; a missing or broken value stops with a sentence that says how to make one."""

from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# Values that are already in the process environment win over the file.
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

MAKE_SECRET_KEY = (
    "python -c 'from django.core.management.utils import get_random_secret_key as k; print(k())'"
)
MAKE_FIELD_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


def required(name: str, how: str) -> str:
    """The value of `name`. Raises ImproperlyConfigured naming the command that makes one."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. `make setup` writes one into .env; or make one yourself with:\n    {how}\n"
            f"and put {name}=… into .env beside manage.py."
        )
    return value


def encryption_keys() -> list[str]:
    """FIELD_ENCRYPTION_KEY as a list: the first key encrypts, all of them decrypt."""
    keys = [key.strip() for key in required("FIELD_ENCRYPTION_KEY", MAKE_FIELD_KEY).split(",") if key.strip()]
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            # The value itself is never repeated: it may be a good key with one character lost.
            raise ImproperlyConfigured(
                f"Key number {position} in FIELD_ENCRYPTION_KEY is not a Fernet key "
                f"(32 bytes, base64). Make one with:\n    {MAKE_FIELD_KEY}"
            ) from None
    return keys


def one_of(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    """The value of `name`, lower case, one of `choices`; raises ImproperlyConfigured otherwise."""
    value = str(env.str(name, default=default)).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes one of: {', '.join(choices)}.")
    return value


def whole_number(name: str, *, default: int, minimum: int) -> int:
    """The value of `name` as an int of at least `minimum`; raises ImproperlyConfigured otherwise."""
    text: str = env.str(name, default=str(default))
    if not text.strip().isdigit() or int(text) < minimum:
        raise ImproperlyConfigured(f"{name} is {text!r}; it takes a whole number of at least {minimum}.")
    return int(text)


SQLITE_OPTIONS: dict[str, Any] = {
    # Web, worker and scheduler share the file: take the write lock at BEGIN, so that two transactions
    # wait for each other instead of failing half-way, and let readers go on meanwhile (WAL).
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}
MYSQL_OPTIONS: dict[str, Any] = {
    "charset": "utf8mb4",
    "isolation_level": "read committed",
    # Refuse what does not fit instead of cutting it off.
    "init_command": "SET sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'",
}


def database(*, default_path: Path) -> dict[str, Any]:
    """Django's DATABASES["default"] from DATABASE_URL; a relative SQLite path counts from the project's root."""
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{default_path}")
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        if config["NAME"] != ":memory:":
            config["NAME"] = BASE_DIR / config["NAME"]
            config["NAME"].parent.mkdir(parents=True, exist_ok=True)
        options.update({**SQLITE_OPTIONS, **options})
        return config
    if config["ENGINE"] == "django.db.backends.mysql":
        options.update({**MYSQL_OPTIONS, **options})
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    return config
