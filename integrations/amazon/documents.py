"""The file behind a presigned link: streamed to disk, unpacked on the way, and whole or an error.

The link is a secret. Its host is another one than that of the API: it gets no access token, and no redirect is
followed. https://developer-docs.amazon.com/sp-api/docs/reports-api-v2021-06-30-retrieve-a-report
"""

import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO

import httpx

from integrations.amazon.answers import SECRETS
from integrations.amazon.retry import PASSING, advised_wait
from integrations.amazon.transport import FAILURES, new_http, problem_of
from integrations.errors import PlatformError, RequestRefused, TransientError

MOST_BYTES = 2 * 1024**3  # unpacked; a month of 1.5 million lines has under 1 GiB
PIECE = 256 * 1024  # bytes that are in memory at once
GZIP = b"\x1f\x8b"
LONGEST_ERROR = 4096  # bytes of an error page that are looked at


class LinkExpired(TransientError):
    """The link no longer works. Asked for anew, another one may."""

    default_code = "link_expired"


@dataclass(frozen=True, slots=True)
class Document:
    """`file` is at its beginning, has no name on the disk, and is gone when it is closed. `charset` is what the answer
    said of it, "" where it said nothing; `size` its bytes, unpacked."""

    file: IO[bytes]
    charset: str
    size: int


def download(url: str, *, is_packed: bool, insecure: bool = False, most_bytes: int = MOST_BYTES) -> Document:
    """The document. `is_packed`: it is said to be packed with gzip; one that is packed without a word is unpacked, too.

    `insecure`: a link without TLS is taken, as a simulator has. Raises LinkExpired, or another PlatformError.
    """
    host = _host_of(url, insecure=insecure)
    # No name: even after kill -9 nothing is left behind.
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  whoever gets the document closes it
    try:
        charset, size = _fetch(url, file, is_packed=is_packed, most_bytes=most_bytes)
        file.seek(0)
        return Document(file, charset, size)
    except FAILURES as error:
        problem: PlatformError = problem_of(error, host)
    except PlatformError as error:
        problem = error.with_traceback(None)
    except BaseException:
        file.close()
        raise
    # Raised out here, it drags no frames along, whose variables hold the link.
    file.close()
    raise problem


def _fetch(url: str, file: IO[bytes], *, is_packed: bool, most_bytes: int) -> tuple[str, int]:
    """Charset and size of what is written into the file. Raises PlatformError, and FAILURES."""
    # "identity": what is packed arrives as it lies there, and its checksum is checked here.
    with (
        closing(new_http()) as http,
        http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
    ):
        _refuse(response)
        size = _write(response, file, is_packed=is_packed, most_bytes=most_bytes)
        return response.charset_encoding or "", size


def _host_of(url: str, *, insecure: bool) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if not parsed.host or parsed.scheme not in (("http", "https") if insecure else ("https",)):
        raise RequestRefused(
            "Amazon's link to a document is none that OMS follows: it is not HTTPS.", code="odd_link"
        )
    return parsed.host


def _refuse(response: httpx.Response) -> None:
    """Raises PlatformError for everything but a 200; the storage answers errors in XML."""
    if response.status_code == 200:
        return
    said = _said(response)
    text = f"{response.url.host} did not give the document (HTTP {response.status_code}{said})."
    if response.status_code in (401, 403):
        raise LinkExpired(text, status=response.status_code)
    if response.status_code in PASSING:
        wait = advised_wait(response.headers.get("Retry-After"), response.headers.get("Date"))
        raise TransientError(text, retry_after=wait, status=response.status_code)
    code = "not_found" if response.status_code == 404 else "refused"
    raise RequestRefused(text, code=code, status=response.status_code)


def _said(response: httpx.Response) -> str:
    """ ": code" of an error in XML. Not its message, which may repeat the link."""
    read = b""
    for piece in response.iter_raw(LONGEST_ERROR):
        read += piece
        if len(read) >= LONGEST_ERROR:
            break
    found = re.search(rb"<Code>([A-Za-z]{1,60})</Code>", read)
    return SECRETS.sub("", f": {found[1].decode()}") if found else ""


def _write(response: httpx.Response, file: IO[bytes], *, is_packed: bool, most_bytes: int) -> int:
    """The bytes written. Raises PlatformError where the body is cut short, broken, or longer than `most_bytes`."""
    pieces = response.iter_raw(PIECE)
    first = next(pieces, b"")
    while 0 < len(first) < len(GZIP) and (more := next(pieces, b"")):
        first += more
    unpacker = _Unpacker() if first.startswith(GZIP) else None
    if is_packed and unpacker is None:
        raise _broken("is said to be packed with gzip, and is not")
    if unpacker is None and not _tells_its_length(response):
        raise _broken("does not say where it ends, so it may be cut short")
    size = 0
    piece: bytes | None = first
    while piece is not None:
        for part in unpacker.parts(piece) if unpacker else (piece,):
            size += len(part)
            if size > most_bytes:
                limit = most_bytes // 1024**2
                raise RequestRefused(
                    f"The document is larger than {limit} MiB, the most that OMS reads.", code="too_large"
                )
            file.write(part)
        piece = next(pieces, None)
    if unpacker and not unpacker.is_complete:
        raise _broken("ends in the middle")
    return size


def _tells_its_length(response: httpx.Response) -> bool:
    """Whether the connection's end is told from the document's: httpx raises where less came than was announced."""
    return "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "")


def _broken(what: str) -> TransientError:
    return TransientError(f"A report document {what}.", code="broken_answer")


class _Unpacker:
    """Unpacks gzip as it comes, in pieces of bounded size. A file may be several packed ones in a row."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def is_complete(self) -> bool:
        """Whether the last one has ended, with the checksum and the length that it names."""
        return self._member.eof

    def parts(self, packed: bytes) -> Iterator[bytes]:
        part: bytes | None = b""
        while packed or (part is not None and len(part) == PIECE):  # what came out may have left more inside
            if self._member.eof:
                packed = packed.lstrip(b"\0")  # what some writers fill the last block with
                if not packed:
                    return
                self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            part = self._next(packed)
            if part is None:
                raise _broken("could not be unpacked: its gzip is broken")
            packed = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if part:
                yield part

    def _next(self, packed: bytes) -> bytes | None:
        """At most PIECE bytes; None where it is no gzip, or its checksum is wrong."""
        try:
            return self._member.decompress(packed, PIECE)
        except zlib.error:
            return None
