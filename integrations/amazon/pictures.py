"""The files of pictures: from Amazon's image hosts and nowhere else, without a token, no larger than they may be.

A link is text that came with an answer: what it names is asked only where it is HTTPS and one of Amazon's image hosts.
No redirect is followed. What comes back is bytes; whether these are a picture is for somebody else to find out.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing

import httpx

from integrations.amazon.metering import metered
from integrations.amazon.quota import PICTURE
from integrations.amazon.retry import PASSING
from integrations.amazon.transport import FAILURES, new_http, problem_of
from integrations.errors import PlatformError, RequestRefused, TransientError
from integrations.protocol import Meter

# m.media-amazon.com is the one in Amazon's model; older links name images-na.ssl-images-amazon.com and the like.
HOSTS = ("media-amazon.com", "ssl-images-amazon.com")
TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
MOST_BYTES = 2 * 1024**2  # one of 500 pixels has under 100 KB
LONGEST = 20.0  # seconds for a file, however it trickles


def picture_files(links: Iterable[str], *, simulator: str, meter: Meter) -> Iterator[bytes | PlatformError]:
    """See integrations.protocol.ShowsProducts. `simulator`: the address of one, without TLS, that has pictures too;
    "" where Amazon itself is called."""
    with closing(new_http()) as http:
        for link in links:
            try:
                yield _file(http, link, simulator, meter)
            except PlatformError as error:
                yield error


def _file(http: httpx.Client, link: str, simulator: str, meter: Meter) -> bytes:
    url = _allowed(link, simulator)
    try:
        with (
            metered(meter, PICTURE),
            http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            _refuse(response)
            return _read(response)
    except FAILURES as error:
        raise problem_of(error, url.host) from None


def _allowed(link: str, simulator: str) -> httpx.URL:
    """Raises RequestRefused for an address that is not asked."""
    try:
        url = httpx.URL(link)
    except httpx.InvalidURL:
        url = httpx.URL("")
    is_simulators = bool(simulator) and _origin(url) == _origin(httpx.URL(simulator))
    is_amazons = url.scheme == "https" and url.port is None and _is_image_host(url.host)
    if url.userinfo or not (is_simulators or is_amazons):
        text = (
            f"The picture is at {url.host or 'no address'}, which is none of Amazon's image hosts over HTTPS."
        )
        raise RequestRefused(text, code="odd_link")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _is_image_host(host: str) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in HOSTS)


def _refuse(response: httpx.Response) -> None:
    """Raises PlatformError for everything but a 200 that says it is a picture."""
    status, host = response.status_code, response.url.host
    if status in PASSING:
        raise TransientError(f"{host} did not give the picture (HTTP {status}).", status=status)
    if status != 200:
        code = "not_found" if status in (404, 410) else "refused"
        raise RequestRefused(f"{host} did not give the picture (HTTP {status}).", code=code, status=status)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        text = f"What {host} gave is no picture by its own account ({kind[:40] or 'no content type'})."
        raise RequestRefused(text, code="no_picture")


def _read(response: httpx.Response) -> bytes:
    """Raises RequestRefused as soon as it is too large, whatever it announced; TransientError where it takes long."""
    data, until = bytearray(), time.monotonic() + LONGEST
    for piece in response.iter_raw():
        data += piece
        if time.monotonic() > until:
            raise TransientError(f"{response.url.host} gave the picture too slowly.", code="timeout")
        if len(data) > MOST_BYTES:
            text = f"The picture is larger than {MOST_BYTES // 1024**2} MiB, the most that OMS takes."
            raise RequestRefused(text, code="too_large")
    return bytes(data)
