"""docs/api.md: its commands are run as they stand there, and its table has every error code that the source has."""

from __future__ import annotations

import ast
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from threading import Thread
from typing import Any

import pytest
from installation import free_port
from rest_framework.exceptions import APIException
from test_production import documented

import api
from core.database import errors as database_errors
from integrations.sync.start import Problem
from integrations.tests.processes import ROOT, Installation, installed, until
from oms.server_errors import ANSWERS
from webhooks.signing import new_secret, signed_headers

pytestmark = pytest.mark.own_database

GUIDE = (ROOT / "docs" / "api.md").read_text()
BODY = b'{"type":"order.updated","timestamp":"2026-11-26T13:05:00.123Z","data":{"id":12,"external_id":"\\u00e9"}}'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


class Served:
    """An empty installation behind the documented gunicorn, as the guide finds it; the port alone is another one."""

    def __init__(self, oms: Installation) -> None:
        oms.environment |= {"REQUIRE_HTTPS": "off", "ALLOWED_HOSTS": "127.0.0.1"}
        assert oms.run("create_first_admin")[0] == 0
        self.oms, self.port = oms, free_port()
        command = [each.replace(":8000", f":{self.port}") for each in documented("oms-web")[1:]]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        oms.start_command(sys.executable, *command, **silent)
        until(self._listens, "the web process")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def here(self, text: str) -> str:
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}").replace(
            ".venv/bin/python", sys.executable
        )

    def run(self, *command: str, **environment: str) -> str:
        process = self.oms.start_command(*command, environment=environment)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
        return str(out)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with installed(tmp_path_factory.mktemp("guide")) as oms:
        yield Served(oms)


@pytest.fixture(scope="module")
def shell(served: Served) -> list[list[Any]]:
    """What the answers of each block of commands are, run one after the other in one shell."""
    begin = 'set -euo pipefail\ncurl() { command curl -sS --fail-with-body "$@"; echo; }\n'
    script = "echo =====\n".join(served.here(block) for block in blocks("bash"))
    out = served.run("bash", "-c", f"{begin}{script}echo =====\necho $TOKEN\n")
    *answers, token = out.split("=====\n")
    served.oms.environment["TOKEN"] = token.strip()
    return [[json.loads(line) for line in answer.splitlines() if line] for answer in answers]


def test_its_commands_do_what_it_says(shell: list[list[Any]]) -> None:
    (
        (platforms,),
        (made, *tokens),
        (synced, page),
        (changes,),
        (webhook,),
        (again,),
        (imported,),
        (erased,),
        (hold, holds),
    ) = shell
    assert [platform["name"] for platform in platforms["results"]] == ["amazon"]
    assert tokens[0]["id"] == made["id"]
    assert made["scopes"] == ["read"]
    assert synced["syncs"][0]["source"] == "mock"
    assert set(page) == {"next", "previous", "results"}
    assert (len(changes["results"]), changes["last"], changes["more"]) == (2, 2, True)
    assert webhook["secret"].startswith("whsec_")
    assert [row["external_id"] for row in imported["rows"]] == ["MOCK-0000602"]
    assert (imported["is_preview"], imported["shipments"]) == (True, 0)
    assert (erased["by"], erased["orders"]) == ("email", 0)
    assert holds["results"] == [hold]
    assert again["syncs"][0]["platform"] == "amazon"


def test_the_change_it_shows_has_the_keys_of_a_change(shell: list[list[Any]]) -> None:
    (shown,) = [json.loads(block) for block in blocks("json") if '"sequence"' in block]
    (_platforms, _tokens, _orders, (changes,), *_rest) = shell
    assert list(shown) == list(changes)
    assert list(shown["results"][0]) == list(changes["results"][0])


CHECKED = """
assert orders
copy = dict(orders)
some = list(copy)[:2]
orders.pop(some[0])
orders[some[1]] = {}
assert follow(last) == last and orders != copy  # nothing changed, so nothing was asked for
assert follow(0) >= last  # from the beginning of the feed
assert {key: {name: order[name] for name in copy[key]} for key, order in orders.items()} == copy
assert follow(10**12) >= last and orders == copy  # 410: everything again
"""


def test_its_reader_keeps_a_copy(served: Served, shell: list[list[Any]]) -> None:
    first, second, *_webhooks = blocks("python")
    out = served.run(sys.executable, "-c", served.here(first + second) + CHECKED)
    assert re.fullmatch(r"[1-9]\d* orders\n", out)


def messages() -> Iterator[tuple[bool, str, dict[str, str], bytes]]:
    """Whether it is right, the secret, the headers and the body."""
    now, secret, other = datetime.now(UTC), new_secret(), new_secret()
    yield True, secret, signed_headers([secret], "msg_1", BODY, now), BODY
    yield True, secret, signed_headers([other, secret], "msg_1", BODY, now), BODY
    yield False, other, signed_headers([secret], "msg_1", BODY, now), BODY
    yield False, secret, signed_headers([secret], "msg_1", BODY, now), BODY.replace(b"12", b"13")
    yield False, secret, signed_headers([secret], "msg_1", BODY, now) | {"webhook-id": "msg_2"}, BODY
    yield False, secret, signed_headers([secret], "msg_1", BODY, now - timedelta(minutes=6)), BODY
    yield False, secret, signed_headers([secret], "msg_1", BODY, now) | {"webhook-signature": "v1,é"}, BODY


def test_its_python_takes_what_oms_signs_and_nothing_else() -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[2], names)  # noqa: S102  of our own documentation
    for is_right, secret, headers, body in messages():
        if is_right:
            assert names["verified"](secret, headers, body) == json.loads(body)
        else:
            with pytest.raises((ValueError, TypeError)):
                names["verified"](secret, headers, body)


def test_its_receiver_takes_a_message_and_refuses_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each there is one: it is made to answer two requests."""
    port, secret = free_port(), new_secret()
    monkeypatch.setenv("SECRET", secret)
    code = "".join(blocks("python")[2:]).replace("9000", str(port))
    twice = code.replace(
        ").serve_forever()", ") as server:\n    server.handle_request(); server.handle_request()"
    )
    thread = Thread(target=exec, args=(twice.replace("\nHTTPServer(", "\nwith HTTPServer("), {}))
    thread.start()
    statuses: list[int] = []
    for key in (secret, new_secret()):
        headers = signed_headers([key], "msg_1", BODY, datetime.now(UTC))
        until(partial(_post, port, headers, statuses), "the receiver")
    thread.join(10)
    assert statuses == [204, 400]


def _post(port: int, headers: dict[str, str], statuses: list[int]) -> bool:
    """False where it does not listen yet."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("POST", "/", BODY, headers)
        except ConnectionRefusedError:
            return False
        statuses.append(connection.getresponse().status)
    return True


CHECK = """
for (const [isRight, secret, headers, body] of told as [boolean, string, Record<string, string>, string][]) {
  let event: unknown = null;
  try { event = verified(secret, headers, body); } catch { event = null; }
  if ((event !== null) !== isRight) throw new Error(JSON.stringify([isRight, headers, event]));
}
"""


@pytest.mark.readers
def test_its_typescript_takes_what_oms_signs_and_nothing_else(tmp_path: Path) -> None:
    node, packages = shutil.which("node"), ROOT / "tests" / "readers" / "node_modules"
    if node is None:
        pytest.skip("node is not installed (Debian: apt install nodejs npm)")
    compiler = packages / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        pytest.skip("TypeScript is not installed: make readers")
    (code,) = blocks("typescript")
    told = [[is_right, secret, headers, body.decode()] for is_right, secret, headers, body in messages()]
    program = tmp_path / "verify.mts"
    program.write_text(f"{code}\nconst told: unknown = {json.dumps(told)};\n{CHECK}")
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--typeRoots"]
    for command in (
        [node, str(compiler), *options, str(packages / "@types"), str(program)],
        [node, str(program.with_suffix(".mjs"))],
    ):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


# --- the codes


def in_the_guide() -> set[tuple[str, int]]:
    table = GUIDE.partition("## Error codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| (\d+) \|", table, re.MULTILINE)
    return {(code, int(status)) for codes, status in rows for code in re.findall(r"`(\w+)`", codes)}


def in_the_source() -> set[tuple[str, int | None]]:
    """Codes, and the status where the same line has it."""
    for module in iter_modules(api.__path__):
        if module.name not in ("tests", "migrations"):
            import_module(f"api.{module.name}")
    found: set[tuple[str, int | None]] = {
        (kind.default_code, kind.status_code) for kind in below(APIException)
    }
    found |= {(code, status) for status, (code, _text) in ANSWERS.items()}
    found |= {
        (value.code, 503)
        for value in vars(database_errors).values()
        if isinstance(value, database_errors.DatabaseProblem) and value is not database_errors.REFUSED
    }
    found.add((Problem.ANOTHER_OPEN.value, 409))
    for path in [
        *(ROOT / "api").glob("*.py"),
        *(ROOT / "oms").glob("*.py"),
        *(ROOT / "monitoring").glob("*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            found |= set(literal_codes(node))
    return found


def below(kind: type[APIException]) -> Iterator[type[APIException]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def literal_codes(node: ast.AST) -> Iterator[tuple[str, int | None]]:
    """refusal(404, "code", …), Conflict(…, code="code") and {"code": "code", …}."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "refusal":
            status, code = node.args[:2]
            if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                yield str(code.value), int(str(status.value))
        for keyword in node.keywords:
            if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value), None
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                yield str(value.value), None


def test_its_table_has_every_code_and_no_other() -> None:
    guide, source = in_the_guide(), in_the_source()
    assert {code for code, _status in guide} == {code for code, _status in source}
    assert {(code, status) for code, status in source if status is not None} - guide == set()
