"""The schema of the API in the hands of the programs that are made of it: Redocly, TypeScript, a generated client."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from api.tests.rest import make_order, make_stock, make_text, superuser, token_client
from integrations.models import SyncLog

READERS = Path(__file__).parent / "readers"
LISTS = ("platforms", "orders", "inventory", "sync-logs", "sync-failures", "webhooks", "api-usage")


def run(*command: str | Path, cwd: Path) -> str:
    """What a program printed. Fails with that where the program does."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # ruff is there
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    }
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def node(program: str) -> list[str | Path]:
    """The command of a program of tests/readers."""
    found, script = shutil.which("node"), READERS / "node_modules" / program
    if found is None or not script.is_file():
        pytest.skip("node or what `make readers` installs is missing (see CONTRIBUTING.md)")
    return [found, script]


@pytest.fixture
def schema(tmp_path: Path, db: None) -> Path:
    path = tmp_path / "schema.json"
    path.write_bytes(superuser().get("/schema?format=json").content)
    return path


@pytest.mark.readers
@pytest.mark.once
@pytest.mark.django_db
def test_redocly_finds_no_error_in_it(schema: Path) -> None:
    command = node("@redocly/cli/bin/cli.js")
    rules = READERS / "redocly.yaml"
    said = run(*command, "lint", schema, "--config", rules, "--format", "json", cwd=schema.parent)
    found = json.loads(said[said.index("{") : said.rindex("}") + 1])
    # One of the routes is /{stream}/sync, which stands beside /orders/{id} since ids are numbers.
    assert {problem["ruleId"] for problem in found["problems"]} <= {"no-ambiguous-paths"}


@pytest.mark.readers
@pytest.mark.once
@pytest.mark.django_db
def test_typescript_takes_every_answer_for_what_the_schema_says(schema: Path, settings: Any) -> None:
    generate, compile_ = node("openapi-typescript/bin/cli.js"), node("typescript/bin/tsc")
    api = token_client(User.objects.get(username="root"))
    settings.MOCK_FALLBACK = "always"
    for stream in ("orders", "inventory"):
        assert api.post(f"/{stream}/sync", {"wait": True}).status_code == 200
    lines = ['import type { paths, components } from "./api";']
    for number, name in enumerate(LISTS):
        page = json.dumps(api.get(f"/{name}?page_size=20").json())
        shape = f'paths["/{name}"]["get"]["responses"]["200"]["content"]["application/json"]'
        lines.append(f"export const page{number}: {shape} = {page};")
    lines += [
        f'export const error{number}: components["schemas"]["Error"] = {example};'
        for number, example in enumerate(documented_errors())
    ]
    lines.append('export const sync: components["schemas"]["WindowSyncRequest"] = { days: 3, wait: true };')
    (schema.parent / "examples.ts").write_text("\n".join(lines))
    run(*generate, schema, "-o", schema.parent / "api.d.ts", cwd=schema.parent)
    run(*compile_, "--strict", "--noEmit", "--skipLibCheck", "examples.ts", cwd=schema.parent)


def documented_errors() -> list[str]:
    """The JSON of docs/api.md that is an error."""
    text = (Path(__file__).parent.parent / "docs" / "api.md").read_text()
    found = [block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if '"detail"' in block]
    assert found
    return found


CLIENT = """
import sys

from oms_client import AuthenticatedClient
from oms_client.api.orders import orders_list, orders_retrieve, orders_sync
from oms_client.api.platforms import platforms_create, platforms_partial_update, platforms_retrieve
from oms_client.api.sync_logs import sync_logs_cancel_create, sync_logs_retrieve
from oms_client.models import PatchedPlatformRequest, PlatformRequest, WindowSyncRequest

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], raise_on_unexpected_status=True)
seen = []
page = orders_list.sync(client=client, page_size=2)
while True:
    seen += [order.external_id for order in page.results]
    if page.next_ is None:
        break
    cursor = page.next_.split("cursor=")[1].split("&")[0]
    page = orders_list.sync(client=client, page_size=2, cursor=cursor)
assert sorted(seen) == ["1", "2", "3"], seen
assert orders_retrieve.sync(client=client, id=0).code == "not_found"

started = orders_sync.sync_detailed(client=client, body=WindowSyncRequest(platform_name="amazon", days=3))
assert started.status_code == 202
(sync,) = started.parsed.syncs
assert sync.status == "queued"
assert sync_logs_retrieve.sync(client=client, id=sync.id).status == "queued"
assert sync_logs_cancel_create.sync(client=client, id=sync.id).status == "cancelled"
assert sync_logs_retrieve.sync(client=client, id=sync.id).status == "cancelled"

added = platforms_create.sync(client=client, body=PlatformRequest(name="shop-de", display_name="Shop"))
change = PatchedPlatformRequest(display_name="Shop DE")
assert platforms_partial_update.sync(client=client, id=added.id, body=change).display_name == "Shop DE"
assert platforms_retrieve.sync(client=client, id=added.id).display_name == "Shop DE"
"""


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_generated_client_lists_pages_syncs_and_writes(schema: Path, live_server: Any) -> None:
    for number in "123":
        make_order(number)
    make_stock()
    token = make_text(User.objects.get(username="root"))
    folder = schema.parent / "client"
    folder.mkdir()
    generate = (Path(sys.executable).parent / "openapi-python-client", "generate", "--path", schema)
    said = run(*generate, "--meta", "none", "--output-path", folder / "oms_client", cwd=folder)
    assert "Warning" not in said, said
    (folder / "use.py").write_text(CLIENT)
    run(sys.executable, "use.py", live_server.url, token, cwd=folder)
    assert SyncLog.objects.get().status == "cancelled"
