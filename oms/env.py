"""Reads the environment; a missing or broken value stops with a sentence that says how to make one."""

import os
import re
import warnings
from collections import ChainMap
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from oms.key_command import keys_printed_by
from oms.private_files import make_private

BASE_DIR = Path(__file__).resolve().parent.parent

# What may be named by a file instead, as container engines hand secrets over: SECRET_KEY_FILE=/run/secrets/secret_key.
FROM_FILES = (
    "SECRET_KEY", "FIELD_ENCRYPTION_KEY", "DATABASE_URL", "REDIS_URL", "METRICS_TOKEN", "EMAIL_URL", "SENTRY_DSN",
    "OIDC_CLIENT_SECRET", "AMAZON_CLIENT_SECRET", "EXPORTS_STORE_ACCESS_KEY", "EXPORTS_STORE_SECRET_KEY",
)  # fmt: skip


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


def read_env_file(path: Path) -> None:
    """Puts what .env says into the process environment; values that are there already win over the file.

    Raises ImproperlyConfigured where the file, or a line of it, cannot be read. No line is repeated: it may hold a key.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # Windows editors begin with a mark
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ImproperlyConfigured(
            f"{path} cannot be read ({reason}). Make it readable for the user that OMS runs as, as UTF-8 text."
        ) from None
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#") and not ENV_LINE.match(line):
            raise ImproperlyConfigured(
                f"Line {number} of {path} is not understood. Write NAME=value, without blanks before the name and "
                "around the =; comments on lines of their own, beginning with #."
            )
    environ.Env.read_env(path, overwrite=False, encoding="utf-8-sig")


ENV_LINE = re.compile(r"(?:export )?\w+=")  # as django-environ reads them
# `make demo` sets this, and all else that its processes need: what .env says is another installation's.
IS_DEMO = os.environ.get("OMS_DEMO") == "on"
if not IS_DEMO:
    read_env_file(BASE_DIR / ".env")
# os.environ stays as it is: what this process starts reads the same files.
VARIABLES = ChainMap(read_files(os.environ), os.environ)
REFERENCE = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)\}?")


def raw(name: str) -> str:
    """The value of `name` as it was written, "" where it is not set.

    A value that is $OTHER or ${OTHER} stands for the variable OTHER where that one is set. Any other that begins with $
    is taken as it is: a key may. Raises ImproperlyConfigured where it reads like a variable that is not set.
    """
    value, seen = VARIABLES.get(name, ""), {name}
    while reference := REFERENCE.fullmatch(value):
        other = reference["name"]
        if other in VARIABLES and other not in seen:
            seen.add(other)
            value = VARIABLES[other]
        elif other.isupper():
            raise ImproperlyConfigured(
                f"{name} begins with $ and reads like the name of a variable, which is not set. "
                f"Set that variable, or write the value itself into {name}."
            )
        else:
            break
    return value


def text(name: str) -> str:
    """The value of `name` without white space and quotes around it, which some tools leave; "" where it is not set."""
    value = raw(name).strip()
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


# Neither prints a character that means something in .env (Django's own key maker does: $ and #).
MAKE_SECRET_KEY = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
MAKE_METRICS_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
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
    value = raw(name)
    if not value.strip():
        raise ImproperlyConfigured(
            f"{name} is not set. `make setup` writes one into .env; or make one yourself with:\n    {how}\n"
            f"and put {name}=… into .env beside manage.py."
        )
    return value


def encryption_keys() -> list[str]:
    """FIELD_ENCRYPTION_KEY, or what FIELD_ENCRYPTION_KEY_COMMAND prints, as a list: the first key encrypts, all of them
    decrypt. Raises ImproperlyConfigured where there is none, where both are set, and for what is no key."""
    source, command = "FIELD_ENCRYPTION_KEY", text("FIELD_ENCRYPTION_KEY_COMMAND")
    if command:
        if text(source):
            raise ImproperlyConfigured(f"{source} and {source}_COMMAND are both set; leave one of them.")
        source, given = f"what {source}_COMMAND printed", keys_printed_by(command)
    else:
        required(source, MAKE_FIELD_KEY)
        given = text(source)
    keys = [key.strip() for key in given.split(",") if key.strip()]
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            # The value itself is never repeated: it may be a good key with one character lost.
            raise ImproperlyConfigured(
                f"Key number {position} in {source} is not a Fernet key "
                f"(32 bytes, base64). Make one with:\n    {MAKE_FIELD_KEY}"
            ) from None
    return keys


def source_of_keys() -> str:
    """Where they come from: "command", "file" or "environment", which .env is part of."""
    if text("FIELD_ENCRYPTION_KEY_COMMAND"):
        return "command"
    return "file" if os.environ.get("FIELD_ENCRYPTION_KEY_FILE") else "environment"


def one_of(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    """The value of `name`, lower case, one of `choices`; raises ImproperlyConfigured otherwise."""
    value = (text(name) or default).lower()
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes one of: {', '.join(choices)}.")
    return value


def switch(name: str, *, default: bool) -> bool:
    """The value of `name`, on or off. Raises ImproperlyConfigured for anything else: a typo must not mean off."""
    value = text(name).lower()
    if value not in ("", *SWITCH):
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes on or off.")
    return SWITCH.get(value, default)


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
    value = text(name) or str(default)
    if not value.isdecimal() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a whole number of at least {minimum}.")
    return int(value)


SQLITE_OPTIONS: dict[str, Any] = {
    # Web, worker, scheduler and webhooks share the file: take the write lock at BEGIN, so that two transactions
    # wait for each other instead of failing half-way, and let readers go on meanwhile (WAL).
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # What is deleted is overwritten with zeros: it would stay in the file until something else takes its place.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
    " PRAGMA secure_delete=ON;",
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


def _make_private(file: Path, default_path: Path) -> None:
    """Makes folder and file of a SQLite database, for their owner alone. Raises ImproperlyConfigured where the folder
    cannot be made."""
    try:
        make_private(file, is_own_folder=file.parent == default_path.parent)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The folder of the SQLite database cannot be made: {file.parent} ({error.strerror}). Make it writable for "
            "the user that OMS runs as, or set DATABASE_URL: sqlite:////path/to/oms.sqlite3, or a database server."
        ) from None


TLS_FILES = ("ssl_ca", "ssl_cert", "ssl_key")

# Where the driver of a database is found, and what a person calls and installs.
DRIVERS = {
    "django.db.backends.mysql": ("MySQL", ("MySQLdb",), "requirements-mysql.txt"),
    "django.db.backends.postgresql": ("PostgreSQL", ("psycopg", "psycopg2"), "requirements-postgresql.txt"),
}
ENGINES = ("django.db.backends.sqlite3", *DRIVERS)


def database(*, default_path: Path) -> dict[str, Any]:
    """Django's DATABASES["default"] from DATABASE_URL; a relative SQLite path counts from the project's root.

    Raises ImproperlyConfigured where the address means nothing or its driver is not installed.
    """
    config = _from_url(text("DATABASE_URL") or f"sqlite:///{default_path}")
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"] == "django.db.backends.sqlite3":
        if config["NAME"] != ":memory:":
            config["NAME"] = BASE_DIR / config["NAME"]
            _make_private(config["NAME"], default_path)
        options.update({**SQLITE_OPTIONS, **options})
        return config
    _require_driver(config["ENGINE"])
    if config["ENGINE"] == "django.db.backends.mysql":
        options.update({**MYSQL_OPTIONS, **_tls_of_mysql(options)})
        if str(options["charset"]).lower() != "utf8mb4":
            raise ImproperlyConfigured(
                f"DATABASE_URL asks for charset={options['charset']}, which cannot carry every character. "
                "OMS speaks utf8mb4: leave charset out."
            )
        config["TEST"] = {"CHARSET": "utf8mb4"}
    else:
        # A cursor on the server outlives its transaction, and behind a pooler (PgBouncer in transaction mode) the next
        # statement may reach another server process that does not know it. See docs/operations.md.
        config.setdefault("DISABLE_SERVER_SIDE_CURSORS", True)
    config.setdefault("CONN_MAX_AGE", 60)
    config.setdefault("CONN_HEALTH_CHECKS", True)
    return config


def _tls_of_mysql(options: dict[str, Any]) -> dict[str, Any]:
    """`options` with what DATABASE_URL says of TLS as the driver takes it: ssl_ca, ssl_cert and ssl_key are files, and
    with a certificate of the server, its name is checked too unless ssl_mode says VERIFY_CA.

    Raises ImproperlyConfigured for modes under which a server without TLS is talked to in clear: with MariaDB's client
    library, REQUIRED is one.
    """
    files = {name.removeprefix("ssl_"): options.pop(name) for name in TLS_FILES if name in options}
    mode = str(options.pop("ssl_mode", "VERIFY_IDENTITY" if files else "")).upper()
    if mode in ("", "DISABLED"):
        return options
    if mode not in ("VERIFY_CA", "VERIFY_IDENTITY"):
        raise ImproperlyConfigured(
            f"DATABASE_URL says ssl_mode={mode}, with which the driver may talk to the server in clear. Write "
            "ssl_mode=VERIFY_IDENTITY, with ssl_ca=/path/to/ca.pem where the server's certificate is not from a public "
            "authority; or DISABLED."
        )
    return options | {"ssl_mode": mode} | ({"ssl": files} if files else {})


def _from_url(url: str) -> dict[str, Any]:
    config: dict[str, Any] = {}
    with suppress(ValueError, ImproperlyConfigured), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would print the password
        config = environ.Env.db_url_config(url)
    if config.get("ENGINE") not in ENGINES:
        # The value itself is never repeated: it may hold a password.
        raise ImproperlyConfigured(
            "DATABASE_URL is not understood; write it like mysql://user:password@127.0.0.1:3306/oms or "
            "postgres://user:password@127.0.0.1:5432/oms (special characters in the password as %XX), "
            "or leave it empty for SQLite under var/."
        )
    for name in ("ATOMIC_REQUESTS", "AUTOCOMMIT", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS"):
        if name in config:  # django-environ reads `true` and `false` as texts, and both are true
            config[name] = _switch_of_url(name, config[name])
    if "CONN_MAX_AGE" in config:
        config["CONN_MAX_AGE"] = _seconds_of_url(config["CONN_MAX_AGE"])
    return config


def redis_url() -> str:
    """REDIS_URL, or "" where it is not set. Raises ImproperlyConfigured for what is no address of Redis."""
    url = text("REDIS_URL")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        # The value itself is never repeated: it may hold a password.
        raise ImproperlyConfigured(
            "REDIS_URL is not understood; write it like redis://127.0.0.1:6379/0 (rediss:// with TLS, unix:// for a "
            "socket), or leave it empty to queue in the database."
        )
    return url


def metrics_token() -> str:
    """METRICS_TOKEN, or "" where it is not set. Raises ImproperlyConfigured where it is too short, or has characters
    that would have to be escaped in a header or in a configuration file."""
    token = text("METRICS_TOKEN")
    if token and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{20,}", token):
        # The value itself is never repeated.
        raise ImproperlyConfigured(
            "METRICS_TOKEN takes at least 20 letters, digits and . _ ~ + / = -. Leave it empty to switch /metrics off, "
            f"or make one: {MAKE_METRICS_TOKEN}"
        )
    return token


def email() -> dict[str, Any]:
    """Django's settings for the mail server that EMAIL_URL names; {} where it is not set. Raises ImproperlyConfigured
    for what is no address of one."""
    url = text("EMAIL_URL")
    if not url:
        return {}
    schemes = ("smtp://", "smtp+tls://", "smtp+ssl://", "consolemail://")
    try:
        if not url.startswith(schemes):
            raise ValueError
        found = environ.Env.email_url_config(url)
        if not found["EMAIL_HOST"] and not url.startswith("consolemail:"):
            raise ValueError
    except ValueError:
        # The value itself is never repeated: it may hold a password.
        raise ImproperlyConfigured(
            "EMAIL_URL is not understood; write it like smtp+tls://user:password@mail.example:587 (STARTTLS), "
            "smtp+ssl://user:password@mail.example:465, smtp://127.0.0.1:25, or leave it empty to send no e-mail."
        ) from None
    return {
        name: value
        for name, value in found.items()
        if name.startswith("EMAIL_") and name != "EMAIL_FILE_PATH"
    }


def public_url() -> str:
    """PUBLIC_URL without a slash at its end, or "". Raises ImproperlyConfigured where it is no address."""
    url = text("PUBLIC_URL").rstrip("/")
    if url and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise ImproperlyConfigured(f"PUBLIC_URL is {url!r}; write it like https://oms.example.")
    return url


def _switch_of_url(name: str, value: object) -> bool:
    found = SWITCH.get(str(value).lower())
    if found is None:
        raise ImproperlyConfigured(f"DATABASE_URL says {name.lower()}={value}; it takes on or off.")
    return found


def _seconds_of_url(value: object) -> int | None:
    """None: a connection is kept as long as it works."""
    if str(value).lower() == "none":
        return None
    if not str(value).isdecimal():
        raise ImproperlyConfigured(
            f"DATABASE_URL says conn_max_age={value}; it takes whole seconds (0: a connection for each request), "
            "or none to keep connections."
        )
    return int(str(value))


def _require_driver(engine: str) -> None:
    """Raises ImproperlyConfigured with what to install where no driver of this database can be imported."""
    label, modules, requirements = DRIVERS[engine]
    reasons = []
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError:
            continue
        except ImportError as error:  # it is there, and a library that it needs is not
            reasons.append(f" It is installed, but cannot be loaded: {error}.")
        else:
            return
    raise ImproperlyConfigured(
        f"DATABASE_URL names {label}, whose driver is not installed: pip install -r {requirements} "
        f"(the file says what the system needs for it).{''.join(reasons[:1])}"
    )
