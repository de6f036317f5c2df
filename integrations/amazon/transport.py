"""One HTTP exchange: encoded the way Amazon wants it, with time-outs, and with our errors."""

import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote, urlencode

import httpx

from integrations.errors import TransientError

TIMEOUT = httpx.Timeout(30.0, connect=10.0)  # seconds, per read and for the connection
USER_AGENT = "oms/1.0 (Language=Python)"  # obligatory, at most 500 characters


def new_http() -> httpx.Client:
    """An HTTP client for one account. Follows no redirect: credentials go where they were meant to, or nowhere."""
    return httpx.Client(
        timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}, follow_redirects=False, verify=_certificates()
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once for all syncs of the process: reading it takes longer than a short sync."""
    return httpx.create_ssl_context()


def exchange(
    http: httpx.Client,
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """The complete answer, whatever its status. Raises TransientError where there is none.

    A blank in a parameter is sent as %20: Amazon refuses SKUs with "+" for a blank.
    https://developer-docs.amazon.com/sp-api/docs/url-encoding
    """
    if params:
        url = f"{url}?{urlencode(params, quote_via=quote, safe='')}"
    host = httpx.URL(url).host
    try:
        return http.request(method, url, data=data, headers=headers)
    except httpx.TimeoutException:
        problem = TransientError(f"{host} did not answer in time.", code="timeout")
    except httpx.DecodingError:
        problem = TransientError(f"The answer of {host} could not be unpacked.", code="broken_answer")
    except httpx.LocalProtocolError:  # its text repeats the header that cannot be sent
        problem = TransientError(f"A request to {host} could not be written.", code="connection")
    except httpx.TransportError as error:
        # The text of the exception names the problem ("Connection refused"), never what was sent.
        reason = str(error).rstrip(".")
        problem = TransientError(f"The connection to {host} failed: {reason}.", code="connection")
    # Raised out here, it drags no frames of httpx along, whose variables hold the request with all its secrets.
    raise problem
