"""A new client secret, through Amazon's Application Management API.

Amazon answers that it makes one, and sends it to a queue (Amazon SQS) that the developer has named in the developer
console. Nothing here reads that queue: a person hands over what arrived there. The old secret goes on for seven days.
https://developer-docs.amazon.com/sp-api/docs/rotate-your-application-client-secret
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import httpx

from core.encryption import SecretDict
from integrations.amazon.answers import judge
from integrations.amazon.config import AmazonConfig, load
from integrations.amazon.credential_text import text_problem
from integrations.amazon.tokens import granted, lwa_endpoint, sp_api_endpoint
from integrations.amazon.transport import exchange, new_http
from integrations.errors import ConfigError, PlatformError, RateLimited, RequestRefused, TransientError

OPERATION = "rotateApplicationClientSecret"
PATH = "/applications/2023-11-30/clientSecret"
SCOPE = "sellingpartnerapi::client_credential:rotation"
SECONDS_PER_REQUEST = 60.0  # of its usage plan: 0.0167 requests a second
IN_DOUBT = (
    "Amazon may have made a new secret all the same: look into the queue before you ask again, since each request "
    "makes another one."
)
NOT_ENROLLED = (
    "Amazon knows no queue to send the secret to. In the developer console, edit the app's notification preferences "
    "and name an SQS queue there, then ask again."
)


def ask(api_config: Mapping[str, Any]) -> None:
    """Have Amazon make a new secret and send it. Never repeated by itself. Raises PlatformError."""
    config = load(api_config)
    if config.sandbox:
        raise ConfigError("Amazon makes no new secret for the sandbox; use the production app's platform.")
    with closing(new_http()) as http:
        token = _grantless_token(http, config)
        try:
            response = exchange(
                http,
                "POST",
                sp_api_endpoint(config) + PATH,
                headers=SecretDict({"x-amz-access-token": token}),
            )
        except TransientError as error:
            raise TransientError(f"{error} {IN_DOUBT}", code=error.code) from None
    _judge(response)


def _judge(response: httpx.Response) -> None:
    if 200 <= response.status_code < 300:  # 204, without a body
        return
    request_id = response.headers.get("x-amzn-RequestId", "")
    if response.status_code == 429:
        raise RateLimited(
            "Amazon makes one secret a minute at the most. Nothing was changed; ask again later.",
            retry_after=SECONDS_PER_REQUEST,
            request_id=request_id,
            by_platform=True,
        )
    try:
        judge(OPERATION, response.status_code, response.headers, response.content, ("", dict))
    except RequestRefused as error:
        if "not enrolled" in str(error):
            raise RequestRefused(
                NOT_ENROLLED, code="not_enrolled", request_id=request_id, status=400
            ) from None
        raise error.with_traceback(None) from None
    except TransientError as error:
        raise TransientError(f"{error} {IN_DOUBT}", code=error.code, request_id=request_id) from None
    except PlatformError as error:
        raise error.with_traceback(None) from None


def _grantless_token(http: httpx.Client, config: AmazonConfig) -> str:
    """https://developer-docs.amazon.com/sp-api/docs/grantless-operations"""
    answer = granted(
        http,
        lwa_endpoint(),
        SecretDict(
            grant_type="client_credentials",
            scope=SCOPE,
            client_id=config.client_id,
            client_secret=config.client_secret,
        ),
    )
    return str(answer["access_token"])


def read(pasted: str, api_config: Mapping[str, Any]) -> str:
    """The new secret in what a person hands over: the secret itself, or the message of the queue. Raises ConfigError,
    which repeats nothing of it."""
    text = pasted.strip()
    if text.startswith("{"):
        text = _of_message(text, str(api_config.get("client_id") or ""))
    if not text:
        raise ConfigError("There is no secret in it.")
    if problem := text_problem("client_secret", text):
        raise ConfigError(f"This is no client secret: {problem}.")
    return text


def _of_message(text: str, client_id: str) -> str:
    try:
        found = dict(_values(json.loads(text)))
    except ValueError:
        raise ConfigError(
            "It begins like a message of the queue, and cannot be read: it is no JSON."
        ) from None
    secret = found.get("newclientsecret")
    if not isinstance(secret, str):
        raise ConfigError("This message has no newClientSecret; another one in the queue may.")
    if found.get("clientid", client_id) != client_id:
        raise ConfigError(
            "This message is about another application: its clientId is not the one of the platform."
        )
    return secret.strip()


def _values(document: Any) -> Iterator[tuple[str, Any]]:
    """Names in small letters and values, however deep; JSON within text too, as a queue wraps it."""
    if isinstance(document, str) and document.lstrip().startswith("{"):
        document = json.loads(document)
    if isinstance(document, dict):
        for name, value in document.items():
            yield name.lower(), value
            yield from _values(value)
