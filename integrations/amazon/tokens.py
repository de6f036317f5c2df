"""Access tokens from Login with Amazon, kept per account and environment for the life of the process.

https://developer-docs.amazon.com/sp-api/docs/connect-to-the-selling-partner-api
"""

import hashlib
import math
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import httpx
from django.conf import settings

from core.encryption import SecretDict
from integrations.amazon.answers import judge_token
from integrations.amazon.config import AmazonConfig, load
from integrations.amazon.marketplaces import LWA_TOKEN_URL, endpoint
from integrations.amazon.metering import metered
from integrations.amazon.transport import exchange, new_http
from integrations.errors import PlatformError
from integrations.protocol import Meter, Uncounted

RENEW_SECONDS_EARLY = 120.0  # or half its life, of a token that lives shorter than that
LIFETIME = 3600.0  # seconds; Amazon grants no more, and where it does not say how long, this is it
OPERATION = "token"  # as it is counted

_lock = threading.Lock()
_tokens: dict[str, tuple[str, float]] = {}  # key -> access token, monotonic second until which it is used


class AccessTokens:
    """Gives out the access token of one account; asks `lwa_endpoint` (the full token URL) only when needed.

    The library's own cache is keyed by refresh token alone and survives a refused token: a corrected client secret
    would go on failing, and a sandbox token would be sent to production.
    """

    def __init__(
        self,
        config: AmazonConfig,
        *,
        http: httpx.Client,
        endpoint: str,
        lwa_endpoint: str,
        meter: Meter | None = None,
    ) -> None:
        self._config = config
        self._http = http
        self._meter = meter or Uncounted()
        self._lwa_endpoint = lwa_endpoint
        parts = (config.client_id, config.client_secret, config.refresh_token, lwa_endpoint, endpoint)
        self._key = hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def get(self) -> str:
        """An access token. Raises PlatformError."""
        return self.kept() or self._renew()

    def kept(self) -> str:
        """The access token that was asked for before, "" where there is none that can still be used."""
        with _lock:
            token, until = _tokens.get(self._key, ("", 0.0))
        return token if time.monotonic() < until else ""

    def drop(self) -> None:
        """Forget the token, because Amazon refused it."""
        with _lock:
            _tokens.pop(self._key, None)

    def _renew(self) -> str:
        asked_at = time.monotonic()  # it may be as old as that
        with metered(self._meter, OPERATION):
            answer = self._ask()
        token, seconds = str(answer["access_token"]), lifetime(answer.get("expires_in"))
        until = asked_at + seconds - min(RENEW_SECONDS_EARLY, seconds / 2)
        with _lock:
            _tokens[self._key] = (token, until)
        return token

    def _ask(self) -> dict[str, Any]:
        return granted(
            self._http,
            self._lwa_endpoint,
            SecretDict(
                grant_type="refresh_token",
                client_id=self._config.client_id,
                client_secret=self._config.client_secret,
                refresh_token=self._config.refresh_token,
            ),
        )


def granted(http: httpx.Client, url: str, form: SecretDict) -> dict[str, Any]:
    """What Login with Amazon answers to this form: a JSON object with an access token. Raises PlatformError."""
    response = exchange(http, "POST", url, data=form)
    try:
        return judge_token(response.status_code, response.headers, response.content)
    except PlatformError as error:
        raise error.with_traceback(None)  # noqa: B904  drops the frames whose variables hold the whole answer


def log_in(api_config: Mapping[str, Any]) -> None:
    """Ask for an access token with these credentials. Raises PlatformError."""
    config = load(api_config)
    with closing(new_http()) as http:
        tokens = AccessTokens(
            config, http=http, endpoint=sp_api_endpoint(config), lwa_endpoint=lwa_endpoint()
        )
        tokens.drop()  # one that was asked for with an earlier secret of these letters says nothing of today
        tokens.get()


def lwa_endpoint() -> str:
    return settings.AMAZON_LWA_ENDPOINT or LWA_TOKEN_URL


def sp_api_endpoint(config: AmazonConfig) -> str:
    host = settings.AMAZON_SP_API_ENDPOINT or endpoint(config.region, sandbox=config.sandbox)
    return str(host).rstrip("/")


def lifetime(expires_in: Any) -> float:
    """How many seconds an access token lives, from 0 to LIFETIME; `expires_in` is what the answer says."""
    try:
        seconds = LIFETIME if isinstance(expires_in, bool) else float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return LIFETIME
    return min(max(seconds, 0.0), LIFETIME) if math.isfinite(seconds) else LIFETIME
