"""Alerts, dashboard and manual name only what /metrics gives."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.tests.rest import amazon
from integrations.models import AuditedStock, CatchUp, OrderProof, SyncFailure
from integrations.sync.start import start_sync
from integrations.tests.syncing import sync
from monitoring import http
from oms.tests.test_metrics import BEARER, TOKEN, configured
from simulator import Simulator
from webhooks.endpoints import add_endpoint
from webhooks.models import Endpoint
from webhooks.switching import switch_off

DOCS = Path(__file__).resolve().parents[2] / "docs"
ALERTS, DASHBOARD = DOCS / "monitoring" / "alerts.yml", DOCS / "monitoring" / "dashboard.json"
NAME = re.compile(r"\boms_\w+")
SELECTOR = re.compile(r"\b(oms_\w+)\{([^}]*)\}")
OF_THE_SERVER = {"job", "instance"}  # labels that Prometheus itself adds

pytestmark = pytest.mark.django_db


@pytest.fixture
def given(start_simulator: Callable[..., Simulator], settings: Any, client: Any) -> dict[str, set[str]]:
    """Each sample that /metrics gives where there is something to tell of everything, with its labels."""
    settings.METRICS_TOKEN = TOKEN
    platform = configured(start_simulator(orders=3, skus=2))
    log = sync(platform, "orders")
    sync(platform, "inventory")
    SyncFailure.objects.create(
        log=log, platform=platform, kind="orders", error_code="malformed", error_message="…"
    )
    settings.AUDIT_ORDERS, now = "nightly", timezone.now()
    AuditedStock.objects.create(
        platform=platform, marketplace_id="A", state="open", checked_at=now, open_since=now
    )
    OrderProof.objects.create(platform=platform, since=now.date(), until=now.date(), audited_at=now)
    CatchUp.objects.create(
        platform=platform, trigger="schedule", status="waiting", open_key=str(platform.pk), window_start=now,
        resume_at=now,
    )  # fmt: skip
    start_sync(platform=amazon(), kind="orders", trigger="api")
    for reason in (None, Endpoint.Off.FAILING):
        endpoint = Endpoint(name="erp", url="https://example.com/")
        add_endpoint(endpoint)
        if reason:
            switch_off(endpoint, reason)
    http.REQUESTS.labels("/orders", "GET", 200).inc()
    http.DURATION.labels("/orders", "GET").observe(1)
    text = client.get("/metrics", headers=BEARER).content.decode() + generate_latest(http.REGISTRY).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[str]:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        yield variable.get("definition", "")


def test_alerts_and_dashboard_name_only_figures_and_labels_that_there_are(given: dict[str, set[str]]) -> None:
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert len(named) > 12
    assert named - set(given) == set()
    for expression in expressions():
        for name, matchers in SELECTOR.findall(expression):
            labels = {matcher.split("=")[0].split("!")[0].strip() for matcher in re.split(r",\s*", matchers)}
            assert labels - given[name] - OF_THE_SERVER == set(), expression
        kept = {
            label.strip()
            for labels in re.findall(r"\bby \(([^)]*)\)", expression)
            for label in labels.split(",")
        }
        known = set().union(*(given[name] for name in NAME.findall(expression)))
        assert kept - known - OF_THE_SERVER == set(), expression


def test_the_manual_describes_every_figure_and_no_other(given: dict[str, set[str]]) -> None:
    table = (DOCS / "monitoring.md").read_text().partition("## The figures")[2].partition("\n## ")[0]
    described = set(re.findall(r"`(oms_\w+)`", table))
    histogram = "oms_http_request_duration_seconds"
    parts = {f"{histogram}_{part}" for part in ("bucket", "count", "sum")}
    assert described - {histogram} == set(given) - parts
    for line in table.splitlines():
        names, labels = (
            re.findall(r"`(oms_\w+)`", line.partition("|")[2].partition("|")[0]),
            line.split("|")[2:3],
        )
        for name in names:
            assert set(re.findall(r"`(\w+)`", labels[0])) == given.get(name, given[f"{histogram}_count"]), (
                name
            )


def test_each_alert_says_what_happened_and_what_to_do() -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) >= 10
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert all(rule["annotations"][name].endswith(".") for name in ("summary", "description"))


def test_prometheus_reads_the_alerts() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    for arguments in (
        ["check", "rules", str(ALERTS)],
        ["test", "rules", str(ALERTS.with_name("alerts_test.yml"))],
    ):
        checked = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
