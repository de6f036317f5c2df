"""What a database error means: whether it may pass or is about a value, its stable code, what a person has to know.

Pure: it looks at the error alone. Numbers and texts are those of SQLite, MySQL and MariaDB, and PostgreSQL:
https://www.sqlite.org/rescode.html
https://mariadb.com/kb/en/mariadb-error-code-reference/
https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError


@dataclass(frozen=True, slots=True)
class DatabaseProblem:
    """`may_pass`: the same statement may succeed in a moment. The texts contain nothing from the driver's message,
    which repeats values, hosts and user names."""

    code: str
    may_pass: bool
    happened: str
    advice: str


BUSY = DatabaseProblem(
    "database_busy",
    True,
    "The database was busy: others held its locks, however often it was tried.",
    "The next sync fetches the rest. If it happens often, look for long transactions (backups, reports, SQL "
    "consoles left open) at that time.",
)
UNAVAILABLE = DatabaseProblem(
    "database_unavailable",
    True,
    "The database could not be reached, or dropped the connection, however often it was tried.",
    "Check that the database server is running and reachable; the next sync fetches the rest.",
)
READ_ONLY = DatabaseProblem(
    "database_read_only",
    True,
    "The database takes no changes: it is read-only, as during a failover or a restore.",
    "Make it writable, or point DATABASE_URL at the server that is; the next sync fetches the rest.",
)
DISK_FULL = DatabaseProblem(
    "disk_full",
    False,
    "The database has no room left: its disk, its quota or its largest allowed size is used up.",
    "Make room there; the next sync fetches the rest.",
)
DISK_BROKEN = DatabaseProblem(
    "disk_error",
    False,
    "The database could not write to or read from its disk.",
    "Look at the disk and the system's log before anything else, and have a backup at hand; sync again afterwards.",
)
REFUSED = DatabaseProblem(
    "database_error",
    False,
    "The database refused the work.",
    "The log of the worker has the details. Run it again; if it stays, check that `manage.py migrate` has been "
    "run, and report it.",
)

MYSQL: dict[DatabaseProblem, set[int]] = {
    BUSY: {
        1020,  # the record has changed since last read (snapshot isolation of MariaDB 11)
        1205,  # lock wait timeout
        1206,  # the lock table is full
        1213,  # deadlock
        1317, 1969, 3024,  # the query was interrupted, or took longer than an administrator allows
        1412,  # the table's definition has changed
        3572,  # NOWAIT
    },
    UNAVAILABLE: {
        1040, 1203, 1226,  # too many connections
        1053, 1077, 1079, 1080,  # shutting down
        1047,  # a Galera node that is not ready
        1152, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031,  # connection aborted, killed, or timed out
        2002, 2003, 2005, 2006, 2012, 2013, 2026, 2027, 2055,  # cannot connect, gone away, lost, garbled
    },
    READ_ONLY: {1290, 1792, 1836},
    DISK_FULL: {28, 1021, 1114},
}  # fmt: skip
# About a value of the statement, though the driver does not raise them as DataError.
MYSQL_VALUES = {
    1153, 2020,  # the packet is too big
    1118,  # the row is
    1267, 1271,  # text is compared whose character sets do not go together
    1292, 1300, 1366, 1690,  # no time; no text of the character set, as an emoji in a column of utf8mb3; out of range
    3140, 3141, 3156, 4025,  # no JSON, or a constraint failed
}  # fmt: skip
# Classes of PostgreSQL: the same row twice in a statement, data exceptions, integrity, limits of the program such as
# the size of an index entry.
POSTGRESQL_VALUES = ("21", "22", "23", "54")
# Numbers that mean little without their text: 1026 and 1030 wrap what the system said, 1290 is about any option.
MYSQL_NO_ROOM = ("no space left", "error 28", "errcode: 28", "errno: 28", "quota exceeded")

POSTGRESQL: dict[str, DatabaseProblem] = {
    "08": UNAVAILABLE,  # connection exceptions
    "25006": READ_ONLY,
    "40": BUSY,  # serialization failure, deadlock, and other rollbacks
    "53100": DISK_FULL,
    "53": UNAVAILABLE,  # out of memory or connections
    "55P03": BUSY,  # lock not available
    "57014": BUSY,  # cancelled, by a statement or lock timeout
    "57P": UNAVAILABLE,  # shutting down, starting up, crashed
    "58": DISK_BROKEN,
}

SQLITE: dict[int, DatabaseProblem] = {
    5: BUSY,
    6: BUSY,  # locked by another statement of this process
    8: READ_ONLY,
    10: DISK_BROKEN,
    11: DISK_BROKEN,  # malformed
    13: DISK_FULL,
    14: UNAVAILABLE,  # cannot open the file
    26: DISK_BROKEN,  # not a database
}
SQLITE_TEXTS = {"locked": BUSY, "is full": DISK_FULL, "disk i/o": DISK_BROKEN, "unable to open": UNAVAILABLE}


def classify(error: BaseException) -> DatabaseProblem:
    """What this error of django.db, or of the driver below it, means."""
    driver = error.__cause__ or error
    sqlstate = getattr(driver, "sqlstate", None) or getattr(driver, "pgcode", None)
    if sqlstate:
        return _postgresql(str(sqlstate))
    if hasattr(driver, "sqlite_errorcode"):
        return SQLITE.get(driver.sqlite_errorcode & 0xFF, REFUSED)
    number, text = _number_and_text(error)
    if number:
        return _mysql(number, text)
    for part, problem in SQLITE_TEXTS.items():
        if part in text:
            return problem
    # What is left of these two carries no number: a connection that was closed, or could not be opened.
    is_about_the_connection = isinstance(error, InterfaceError) or (
        isinstance(error, OperationalError) and "connect" in text
    )
    return UNAVAILABLE if is_about_the_connection else REFUSED


def is_about_values(error: BaseException) -> bool:
    """Whether the database refused what it was given: other values may be taken, and these never will."""
    if isinstance(error, DataError | IntegrityError | UnicodeError):
        return True
    if not isinstance(error, DatabaseError):
        return False
    driver = error.__cause__ or error
    sqlstate = getattr(driver, "sqlstate", None) or getattr(driver, "pgcode", None)
    return str(sqlstate or "")[:2] in POSTGRESQL_VALUES or _number_and_text(error)[0] in MYSQL_VALUES


def _postgresql(sqlstate: str) -> DatabaseProblem:
    """The longest beginning that is known: a state's first two characters are its class."""
    for length in (5, 3, 2):
        if sqlstate[:length] in POSTGRESQL:
            return POSTGRESQL[sqlstate[:length]]
    return REFUSED


def _mysql(number: int, text: str) -> DatabaseProblem:
    if any(sign in text for sign in MYSQL_NO_ROOM):
        return DISK_FULL
    if number == 1290 and "read" not in text:  # --secure-file-priv, --skip-grant-tables, …
        return REFUSED
    for problem, numbers in MYSQL.items():
        if number in numbers:
            return problem
    return REFUSED


def _number_and_text(error: BaseException) -> tuple[int, str]:
    arguments: tuple[Any, ...] = error.args
    number = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    return number, " ".join(str(argument) for argument in arguments).lower()
