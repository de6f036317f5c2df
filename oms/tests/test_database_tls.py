"""TLS to MySQL and MariaDB, as DATABASE_URL asks for it."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from oms.env import database

pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")


def options(monkeypatch: pytest.MonkeyPatch, query: str) -> Any:
    monkeypatch.setenv("DATABASE_URL", f"mysql://oms:password@127.0.0.1/oms{query}")
    return database(default_path=Path("unused"))["OPTIONS"]


@pytest.mark.parametrize(
    ("query", "mode", "files"),
    [
        ("", None, None),
        ("?ssl_mode=disabled", None, None),
        ("?ssl_mode=verify_identity", "VERIFY_IDENTITY", None),
        ("?ssl_ca=/etc/ca.pem", "VERIFY_IDENTITY", {"ca": "/etc/ca.pem"}),
        ("?ssl_ca=/a&ssl_cert=/b&ssl_key=/c&ssl_mode=VERIFY_CA", "VERIFY_CA", {"ca": "/a", "cert": "/b", "key": "/c"}),
    ],
)  # fmt: skip
def test_it_hands_over_what_the_driver_takes(
    monkeypatch: pytest.MonkeyPatch, query: str, mode: str | None, files: dict[str, str] | None
) -> None:
    found = options(monkeypatch, query)
    assert (found.get("ssl_mode"), found.get("ssl")) == (mode, files)
    assert not any(name.startswith("ssl_") for name in found if name != "ssl_mode")


@pytest.mark.parametrize("mode", ["REQUIRED", "PREFERRED", "on"])
def test_it_refuses_modes_that_may_talk_in_clear(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="in clear"):
        options(monkeypatch, f"?ssl_mode={mode}")
