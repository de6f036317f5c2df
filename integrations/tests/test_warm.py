"""The server of warm processes starts wherever the tests do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from integrations.tests.warm import LIBRARIES, ROOT

IMPORTING = """
import sys

for missing in sys.argv[1:]:
    sys.modules[missing] = None
from integrations.tests.warm import import_libraries

import_libraries()
print(len(sys.modules))
"""


@pytest.mark.parametrize(
    "missing", [("MySQLdb",), ("psycopg", "psycopg2"), ("MySQLdb", "psycopg", "psycopg2")]
)
def test_libraries_are_imported_where_drivers_of_databases_are_missing(missing: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, *missing], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > len(LIBRARIES)
