"""Messages for a person at the command line if the database cannot do what a command needs.

Numbers and texts as in core/database/errors.py. The driver's own words are repeated only where they are about the
connection: elsewhere they repeat stored values.
"""

import re

from django.db import DatabaseError, InterfaceError, NotSupportedError, OperationalError

from core.database.errors import REFUSED, classify

# What happened, and what to do; by numbers of MySQL and MariaDB, states of PostgreSQL, and texts of what has neither.
ABOUT_THE_CONNECTION: tuple[tuple[set[int | str], str, str, str], ...] = (
    (
        {1044, 1045, 1130, 1698, "28000", "28P01", "42501"},
        r"password authentication failed|no pg_hba.conf entry|role \".*\" does not exist|no such user|"
        r"permission denied for database",
        "The database server refuses the user or the password of DATABASE_URL.",
        "Check both (special characters in the password as %XX), and that this user may connect from this host and use "
        "this database.",
    ),
    (
        {1049, "3D000"},
        r"database \".*\" does not exist|no such database",
        "The database that DATABASE_URL names does not exist.",
        "Make it first: docs/operations.md, The database server, has the statement.",
    ),
    (
        {2002, 2003, 2005},
        r"connection (?:failed|refused|timeout|to server)|could not translate host|failed to resolve host|"
        r"server closed the connection",
        "The database server that DATABASE_URL names cannot be reached.",
        "Check that it is running, that host and port are right, and that nothing on the way refuses the connection.",
    ),
    (
        set(),
        r"unable to open database file",
        "The file of the SQLite database cannot be opened.",
        "Check that DATABASE_URL names a file, and that the user OMS runs as may write in its folder.",
    ),
)
MISSING_TABLE = {1146, 1054, "42P01", "42703"}
MISSING_TABLE_TEXT = r"no such (?:table|column)"


def explanation(error: BaseException) -> str | None:
    """Sentences for the person who ran the command; None where this is no error of a database, or an unforeseen one."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    driver_text = " ".join(str(error).split())
    if isinstance(error, NotSupportedError):  # Django's words: which version is required, which one was found
        return f"This database server cannot be used: {driver_text}"
    code, text = _code(error), driver_text.lower()
    if isinstance(error, OperationalError):
        for codes, pattern, happened, advice in ABOUT_THE_CONNECTION:
            if code in codes or (not code and re.search(pattern, text)):
                return f"{happened} {advice}\nThe driver says: {driver_text}"
    if code in MISSING_TABLE or (not code and re.search(MISSING_TABLE_TEXT, text)):
        return "A table or a column is missing in the database. Run `manage.py migrate`; --traceback shows the details."
    problem = classify(error)
    return None if problem is REFUSED else f"{problem.happened} Run the command again when that is over."


def _code(error: BaseException) -> int | str | None:
    """MySQL's and MariaDB's number, or PostgreSQL's state."""
    state: str | None = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)
    if state:
        return state
    return error.args[0] if error.args and isinstance(error.args[0], int) else None
