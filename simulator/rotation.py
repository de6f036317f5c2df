"""rotateApplicationClientSecret: a new secret for an application, which goes to its queue and not into the answer
(spapi-facts 5.3)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from simulator.account import Account
from simulator.errors import Refused

PATH = "/applications/2023-11-30/clientSecret"
SCOPE = "sellingpartnerapi::client_credential:rotation"
NOT_ENROLLED = (
    "Application is not enrolled for rotation notification. Please update application notification preference in "
    "Developer console."
)


def rotate(client_id: str, accounts: Sequence[Account], now: datetime) -> dict[str, Any]:
    """Give the application of these accounts another secret; the one of before goes on. Returns the message of the
    queue. Raises Refused."""
    if not all(account.has_queue for account in accounts):
        raise Refused(400, "InvalidInput", NOT_ENROLLED)
    secret = f"amzn1.oa2-cs.v1.{uuid.uuid4().hex}"
    for account in accounts:
        account.rotate_secret(secret)
    return {
        "notificationType": "APPLICATION_OAUTH_CLIENT_NEW_SECRET",
        "payload": {
            "applicationOAuthClientNewSecret": {
                "clientId": client_id,
                "newClientSecret": secret,
                "newClientSecretExpiryTime": (now + timedelta(days=180)).isoformat(),
                "oldClientSecretExpiryTime": (now + timedelta(days=7)).isoformat(),
            }
        },
    }
