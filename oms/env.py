"""Reads the environment; a missing or broken value stops with a sentence that says how to make one."""

import os
import warnings
from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

# What may be named by a file instead, as container engines hand secrets over: SECRET_KEY_FILE=/run/secrets/secret_key.
FROM_FILES = ("SECRET_KEY", "FIELD_ENCRYPTION_KEY", "DATABASE_URL", "REDIS_URL")


def read_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The values of the variables whose file `environment` names (NAME_FILE), without white space around them.

    Raises ImproperlyConfigured where a file cannot be read, is empty, or where NAME is set as well.
    """
    values = {}
    for name in FROM_FILES:
        path = environment.get(f"{name}_FILE")
        if not path:
            continue
        if environment.get(name):
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; leave one of them.")
        try:
            values[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ImproperlyConfigured(
                f"The file that {name}_FILE names cannot be read: {path} ({reason}). "
                "It must be readable for the user that OMS runs as."
            ) from None
        if not values[name]:
            raise ImproperlyConfigured(f"The file that {name}_FILE names is empty: {path}.")
    return values


env = environ.Env()
# Values that are already in the process environment win over the file.
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)
# os.environ stays as it is: what this process starts reads the same files.
env.ENVIRON = ChainMap(read_files(os.environ), os.environ)

# Neither prints a character that means something in .env (Django's own key maker does: $ and #).
MAKE_SECRET_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
MAKE_FIELD_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
SWITCH = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


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
    value = str(env.str(name, default="") or default).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes one of: {', '.join(choices)}.")
    return value


def switch(name: str, *, default: bool) -> bool:
    """The value of `name`, on or off. Raises ImproperlyConfigured for anything else: a typo must not mean off."""
    text = str(env.str(name, default="")).strip().lower()
    if text not in ("", *SWITCH):
        raise ImproperlyConfigured(f"{name} is {text!r}; it takes on or off.")
    return SWITCH.get(text, default)


def hsts_preload() -> bool:
    """HSTS_PRELOAD. Raises ImproperlyConfigured without HSTS_INCLUDE_SUBDOMAINS: no browser's list would take it."""
    preload = switch("HSTS_PRELOAD", default=False)
    if preload and not switch("HSTS_INCLUDE_SUBDOMAINS", default=False):
        raise ImproperlyConfigured(
            "HSTS_PRELOAD is on and HSTS_INCLUDE_SUBDOMAINS is not; browsers preload a domain only with all of its "
            "subdomains. Set both, or neither."
        )
    return preload


def whole_number(name: str, *, default: int, minimum: int) -> int:
    """The value of `name` as an int of at least `minimum`; raises ImproperlyConfigured otherwise."""
    text: str = env.str(name, default="") or str(default)
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
    # Refuse what does not fit instead of cutting it off. And let MariaDB look up a thousand ids or more by their index:
    # it would make a table of them, and read the whole other one beside it. MySQL takes that part for a comment.
    # https://mariadb.com/docs/server/ha-and-performance/optimization-and-tuning/query-optimizations/subquery-optimizations/conversion-of-big-in-predicates-into-subqueries
    "init_command": "SET sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'"
    " /*M!100318 , in_predicate_conversion_threshold = 0 */",
}


def _make_folder(folder: Path) -> None:
    """Makes the folder of a SQLite database. Raises ImproperlyConfigured where that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The folder of the SQLite database cannot be made: {folder} ({error.strerror}). Make it writable for "
            "the user that OMS runs as, or set DATABASE_URL: sqlite:////path/to/oms.sqlite3, or a database server."
        ) from None


ENGINES = tuple(f"django.db.backends.{name}" for name in ("sqlite3", "mysql", "postgresql"))


def database(*, default_path: Path) -> dict[str, Any]:
    """Django's DATABASES["default"] from DATABASE_URL; a relative SQLite path counts from the project's root.

    Raises ImproperlyConfigured where the address means nothing or its driver is not installed.
    """
    url: str = env.str("DATABASE_URL", default="") or f"sqlite:///{default_path}"
    config: dict[str, Any] = {}
    with suppress(ValueError, ImproperlyConfigured), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would print the password
        config = env.db_url_config(url)
    if config.get("ENGINE") not in ENGINES:
        # The value itself is never repeated: it may hold a password.
        raise ImproperlyConfigured(
            "DATABASE_URL is not understood; write it like mysql://user:password@127.0.0.1:3306/oms "
            "(special characters in the password as %XX), or leave it empty for SQLite under var/."
        )
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        if config["NAME"] != ":memory:":
            config["NAME"] = BASE_DIR / config["NAME"]
            _make_folder(config["NAME"].parent)
        options.update({**SQLITE_OPTIONS, **options})
        return config
    if config["ENGINE"] == "django.db.backends.mysql":
        if find_spec("MySQLdb") is None:
            raise ImproperlyConfigured(
                "DATABASE_URL names MySQL, whose driver is not installed: "
                "pip install -r requirements-mysql.txt (the file says which system packages it needs first)."
            )
        options.update({**MYSQL_OPTIONS, **options})
        config["TEST"] = {"CHARSET": "utf8mb4"}
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    return config
