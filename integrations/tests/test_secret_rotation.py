"""A new client secret: asked for, handed over, tried, stored; over HTTP against the simulator, by command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.models import AuditEntry
from integrations.tests.test_commands import Ran, configure
from platforms.models import Platform
from simulator import Account, Canned, Simulator

pytestmark = pytest.mark.django_db
OLD = "sim-secret"
ROTATE = "rotateApplicationClientSecret"


@pytest.fixture
def sim(settings: Any) -> Iterator[Simulator]:
    """Two accounts of one application, and one of another."""
    other = "amzn1.application-oa2-client.other"
    with Simulator(
        Account(orders=2, skus=1),
        Account(orders=2, skus=1, refresh_token="Atzr|second"),
        Account(orders=2, skus=1, refresh_token="Atzr|other", client_id=other),
    ) as simulator:
        settings.AMAZON_SP_API_ENDPOINT = simulator.endpoint
        settings.AMAZON_LWA_ENDPOINT = simulator.lwa_endpoint
        settings.AMAZON_RETRY_BACKOFF = 0.001
        yield simulator


@pytest.fixture
def platforms(sim: Simulator) -> list[Platform]:
    names = ("amazon", "second", "other")
    rows = [Platform.objects.get_or_create(name=name, defaults={"kind": "amazon"})[0] for name in names]
    return [configure(row, account) for row, account in zip(rows, sim.accounts, strict=True)]


def stored() -> list[str]:
    names = ("amazon", "second", "other")
    return [Platform.objects.get(name=name).api_config["client_secret"] for name in names]


def take(text: str, tmp_path: Path, *options: str) -> Ran:
    (tmp_path / "new").write_text(text)
    return Ran("rotate_client_secret", "amazon", "--take", "--from-file", str(tmp_path / "new"), *options)


def test_it_is_asked_for_and_stored_once_it_works(
    sim: Simulator, platforms: list[Platform], tmp_path: Path
) -> None:
    """For all platforms of the application; nothing changes before, and the secret is in no output."""
    asked = Ran("rotate_client_secret", "amazon")
    assert (asked.status, "a new client secret was asked for" in asked.out) == (0, True)
    assert "rotate_client_secret amazon --take" in asked.err
    assert stored() == [OLD] * 3
    (message,) = sim.queue
    secret = message["payload"]["applicationOAuthClientNewSecret"]["newClientSecret"]
    assert sim.accounts[0].clients == [(sim.accounts[0].client_id, secret), (sim.accounts[0].client_id, OLD)]
    taken = take(json.dumps({"Body": json.dumps(message)}), tmp_path)  # as SQS wraps it
    assert taken.status == 0
    assert (
        taken.out
        == "amazon: the new secret works, and is stored.\nsecond: the new secret works, and is stored.\n"
    )
    assert stored() == [secret, secret, OLD]
    assert Platform.objects.get(name="second").credentials_set_at["client_secret"]
    assert list(AuditEntry.objects.order_by("pk").values_list("action", "object_name"))[-3:] == [
        ("secret.requested", "Amazon"), ("platform.changed", "Amazon"), ("platform.changed", "second"),
    ]  # fmt: skip
    written = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert secret not in taken.out + taken.err + asked.out + asked.err + written
    assert Ran("sync_orders", "second").status == 0


def test_one_that_does_not_work_replaces_nothing(
    sim: Simulator, platforms: list[Platform], tmp_path: Path
) -> None:
    wrong = take("amzn1.oa2-cs.v1.wrong", tmp_path)
    assert (wrong.status, stored()) == (1, [OLD] * 3)
    assert "The stored secret stays as it is." in wrong.err
    sim.accounts[0].rotate_secret("amzn1.oa2-cs.v1.new")
    sim.accounts[1].client_secret = "amzn1.oa2-cs.v1.new"
    sim.revoke(sim.accounts[1])
    half = take("amzn1.oa2-cs.v1.new\n", tmp_path)
    assert (half.status, stored()) == (1, ["amzn1.oa2-cs.v1.new", OLD, OLD])
    assert "second keeps the secret it had." in half.err
    printed = take("amzn1.oa2-cs.v1.new\n", tmp_path, "--json")
    outcomes = [json.loads(line) for line in printed.out.splitlines()]
    assert [(each["platform"], each["stored"]) for each in outcomes] == [("amazon", True), ("second", False)]
    assert (printed.status, outcomes[0]["problem"], outcomes[1]["problem"] in half.err) == (1, "", True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "There is no secret in it."),
        ("{", "it is no JSON"),
        ('{"payload": {}}', "has no newClientSecret"),
        ('{"clientId": "another", "newClientSecret": "CANARY"}', "about another application"),
        ("Atzr|CANARY", "This is no client secret"),
        ("two words", "This is no client secret"),
    ],
)
def test_what_is_no_secret_is_refused_unrepeated(
    platforms: list[Platform], tmp_path: Path, text: str, why: str
) -> None:
    refused = take(text, tmp_path)
    assert (refused.status, stored()) == (2, [OLD] * 3)
    assert why in refused.err
    assert "CANARY" not in refused.out + refused.err


def test_what_amazon_refuses_is_said_with_what_to_do(sim: Simulator, platforms: list[Platform]) -> None:
    sim.accounts[1].has_queue = False
    refused = Ran("rotate_client_secret", "amazon")
    assert (refused.status, "name an SQS queue there, then ask again" in refused.err) == (1, True)
    for answer, said in (
        (Canned.json(429, {"errors": [{"code": "QuotaExceeded", "message": ""}]}), "one secret a minute"),
        (Canned(503, b"<html>"), "look into the queue before you ask again"),
        (Canned(reset=True), "look into the queue before you ask again"),
        (
            Canned.json(403, {"errors": [{"code": "Unauthorized", "message": "Denied"}]}),
            "The stored secret stays",
        ),
    ):
        sim.script(ROTATE, answer)
        refused = Ran("rotate_client_secret", "amazon")
        assert (refused.status, said in refused.err) == (1, True), refused.err
    assert (sim.queue, stored()) == ([], [OLD] * 3)
    assert Ran("rotate_client_secret", "amazon", "--from-file", "x").status == 2


def test_a_platform_without_credentials_asks_nobody() -> None:
    Platform.objects.filter(name="amazon").update(api_config={})
    refused: Any = Ran("rotate_client_secret", "amazon")
    assert (refused.status, "has no credentials. Nothing was changed." in refused.err) == (2, True)
