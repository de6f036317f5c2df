"""manage.py dpp_report: what it finds, and what it never says."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from backoffice.models import AlertSubscription
from integrations.schedule.leadership import Leadership
from monitoring.dpp.control import State
from monitoring.dpp.controls import CONTROLS
from orders.models import LegalHold, Order, OrderBuyer
from platforms.models import Platform

pytestmark = pytest.mark.django_db
CANARY = "CANARY-7d1f"


def report(*options: str) -> tuple[int, str]:
    """Exit status and output."""
    out, status = StringIO(), 0
    try:
        call_command("dpp_report", *options, stdout=out, stderr=StringIO())
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, out.getvalue()


def found() -> dict[str, dict[str, Any]]:
    return {control["key"]: control for control in json.loads(report("--json")[1])["controls"]}


def delete_by(order: Order, days_ago: int) -> None:
    OrderBuyer.objects.create(
        order=order, data={"name": CANARY}, purge_after=timezone.now() - timedelta(days=days_ago)
    )


def test_it_is_red_where_this_installation_falls_short_and_says_what_to_do(
    settings: Any, order: Callable[..., Order]
) -> None:
    delete_by(order(), days_ago=3)
    settings.REQUIRE_HTTPS, settings.LOGIN_FAILURES, settings.MOCK_FALLBACK = False, 0, "auto"
    settings.PASSWORD_HISTORY, settings.SESSION_IDLE_MINUTES, settings.KEEP_ORDERS_MONTHS = 3, 0, 0
    settings.REDIS_URL = f"redis://oms:{CANARY}@redis.example:6379/0"
    old = (timezone.now() - timedelta(days=200)).isoformat()
    Platform.objects.update(api_config={"client_secret": CANARY}, credentials_set_at={"client_secret": old})
    controls = found()
    for key, to_do in (
        ("retention.buyer_data", "purge_pii"),
        ("transit.browsers", "REQUIRE_HTTPS=on"),
        ("transit.services", "TLS"),
        ("access.lock_out", "10 or less"),
        ("access.channel_credentials", "Seller Central"),
        ("access.second_factor", "SECOND_FACTOR=all"),
        ("passwords.history_and_age", "PASSWORD_HISTORY=10"),
        ("sessions.end", "SESSION_IDLE_MINUTES=30"),
        ("retention.other_data", "KEEP_ORDERS_MONTHS"),
        ("installation.test_and_production", "MOCK_FALLBACK=never"),
        ("keys.managed", "FIELD_ENCRYPTION_KEY_COMMAND"),
        ("encryption.at_rest", ""),
        ("logs.alarms", "LOGIN_FAILURES"),
    ):
        assert (controls[key]["state"] == "falls_short") == bool(to_do), key
        assert to_do in controls[key]["to_do"]
    status, markdown = report()
    assert status == 3
    assert "- State: 🔴 **falls short**. REQUIRE_HTTPS is off" in markdown
    assert "- **Retention** (retention.buyer_data): Run manage.py purge_pii now" in markdown
    assert CANARY not in markdown + json.dumps(controls)


def test_it_is_green_where_nothing_falls_short(settings: Any, order: Callable[..., Order]) -> None:
    settings.REQUIRE_HTTPS, settings.MOCK_FALLBACK = True, "never"
    settings.FIELD_ENCRYPTION_KEY_FROM = "command"
    settings.EMAIL_IS_ON, settings.SECOND_FACTOR, settings.KEEP_ORDERS_MONTHS = True, "all", 18
    settings.API_FAILURES_PER_MINUTE = 60
    delete_by(order(), days_ago=-3)
    held = order()
    delete_by(held, days_ago=3)
    LegalHold.objects.create(
        platform=held.platform, order=held, reason="claim", until=timezone.now() + timedelta(days=9)
    )
    assert Leadership().hold()  # a scheduler that works
    told = User.objects.create_superuser("told", "told@shop.example")
    AlertSubscription.objects.create(user=told, by_email=True)
    controls = found()
    for key in (
        "retention.buyer_data", "transit.browsers", "access.lock_out", "keys.managed", "logs.review",
        "access.second_factor", "passwords.length", "passwords.history_and_age", "sessions.end", "retention.other_data",
        "logs.tampering", "logs.alarms", "installation.test_and_production", "access.channel_credentials",
    ):  # fmt: skip
        assert (controls[key]["state"], controls[key]["to_do"]) == ("ok", ""), key


def test_every_control_says_what_to_do_or_which_test_shows_it_and_never_that_all_is_met() -> None:
    controls = found()
    assert len({control.key for control in CONTROLS}) == len(CONTROLS) == len(controls)
    for control in controls.values():
        assert control["state"] in list(State)
        assert bool(control["to_do"]) == (control["state"] != "ok"), control["key"]
        if control["state"] in ("ok", "falls_short"):
            assert control["tests"], control["key"]
    assert "complian" not in (report()[1] + json.dumps(controls)).lower()


@pytest.mark.parametrize("password", ["Eleven-chr5", "operations-1", "481516234200", "password12345"])
def test_it_takes_no_password_that_is_short_or_like_the_name(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, User(username="operations"))
