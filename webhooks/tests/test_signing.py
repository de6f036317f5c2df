"""Signatures, as the reference library of Standard Webhooks checks them, and secrets that are replaced."""

from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.encryption import Unreadable
from webhooks.models import Endpoint
from webhooks.signing import (
    OVERLAP,
    UnreadableSecret,
    first_secret,
    new_secret,
    rotated,
    signed_headers,
    valid_secrets,
)

BODY = '{"type":"order.updated","data":{"external_id":"Größe \\u00e9"}}'.encode()


def test_a_secret_is_long_and_of_the_form_that_the_specification_asks_for() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert one.startswith("whsec_")
    assert len(b64decode(one.removeprefix("whsec_"))) == 32


def test_the_reference_library_takes_it_and_nothing_that_was_changed() -> None:
    secret, now = new_secret(), timezone.now()
    headers = signed_headers([secret], "msg_1", BODY, now)
    assert Webhook(secret).verify(BODY, headers)["type"] == "order.updated"
    for changed, body in (
        (headers, BODY + b" "),
        (headers | {"webhook-id": "msg_2"}, BODY),
        (headers | {"webhook-timestamp": str(int(now.timestamp()) - 1)}, BODY),
        (signed_headers([new_secret()], "msg_1", BODY, now), BODY),
        (signed_headers([secret], "msg_1", BODY, now - timedelta(minutes=6)), BODY),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, changed)


def test_both_secrets_sign_for_a_day_after_one_was_replaced() -> None:
    now = timezone.now()
    old, stored = first_secret()
    new, stored = rotated(stored, now)
    newest, stored = rotated(stored, now + timedelta(hours=1))
    endpoint = Endpoint(signing_secrets=stored)
    assert valid_secrets(endpoint, now) == [newest, new, old]
    headers = signed_headers(valid_secrets(endpoint, now), "msg_1", BODY, now)
    for secret in (old, new, newest):
        assert Webhook(secret).verify(BODY, headers)
    assert valid_secrets(endpoint, now + OVERLAP) == [newest, new]
    assert valid_secrets(endpoint, now + OVERLAP + timedelta(hours=1)) == [newest]


def test_what_cannot_be_read_signs_nothing_and_can_be_replaced() -> None:
    now = timezone.now()
    unreadable: tuple[Any, ...] = (Unreadable("gAAAA", "it was encrypted with another key"), None, {})
    for stored in unreadable:
        endpoint = Endpoint(signing_secrets=stored)
        with pytest.raises(UnreadableSecret):
            valid_secrets(endpoint, now)
        secret, endpoint.signing_secrets = rotated(stored, now)
        assert valid_secrets(endpoint, now) == [secret]
