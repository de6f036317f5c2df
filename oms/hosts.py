"""Host names and origins as people write them, in the form that Django compares with.

Pure. What cannot be understood is returned as it was written, and refused by name in oms/checks.py.
"""

import re
from contextlib import suppress
from ipaddress import IPv6Address
from urllib.parse import urlsplit

BRACKETS = {"[": "]", "(": ")", "{": "}"}
QUOTES = " \t\"'"
DEFAULT_PORTS = {"http": 80, "https": 443}
# As django.http.request reads the Host header; `*` is every host, a leading dot a domain with all below it.
HOST = re.compile(r"\*|\.?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[a-f0-9]*:[a-f0-9.:]+\]")
ORIGIN = re.compile(
    r"https?://(?:(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[a-f0-9]*:[a-f0-9.:]+\])(?::\d{1,5})?"
)


def hosts(written: str) -> list[str]:
    """ALLOWED_HOSTS: without schemes, ports, paths, quotes and blanks. `*.oms.example` becomes `.oms.example`."""
    return [_host(item) for item in _items(written)]


def origins(written: str) -> list[str]:
    """CSRF_TRUSTED_ORIGINS: scheme, host and port as a browser sends them, without path and final slash."""
    return [_origin(item) for item in _items(written)]


def _items(written: str) -> list[str]:
    """The parts of a list that is separated by commas, semicolons or blanks; a list of JSON or Python is one too."""
    written = written.strip(QUOTES)
    if _is_in_brackets(written):
        written = written[1:-1]
    items = (item.strip(QUOTES) for item in re.split(r"[,;\s]", written))
    return [item for item in items if item]


def _is_in_brackets(written: str) -> bool:
    """Whether the first bracket is closed by the last one, and what is between them is no IPv6 address."""
    if len(written) < 2 or BRACKETS.get(written[0]) != written[-1] or _is_ipv6(written[1:-1]):
        return False
    depth = 0
    for position, character in enumerate(written, start=1):
        depth += (character == written[0]) - (character == written[-1])
        if depth == 0:
            return position == len(written)
    return False


def _host(item: str) -> str:
    host = item.split("://", 1)[-1].split("/", 1)[0].lower()
    if _is_ipv6(host):
        return f"[{host}]"
    host = re.sub(r":\d*$", "", host)
    if host.startswith("*."):
        host = host[1:]
    return _ascii(host.removesuffix(".") if len(host) > 1 else host)


def _origin(item: str) -> str:
    try:
        parts = urlsplit(item)
        port = parts.port
    except ValueError:
        return item
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return item
    host = f"[{parts.hostname}]" if ":" in parts.hostname else _ascii(parts.hostname)
    # A browser leaves out the port that belongs to the scheme.
    end = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{end}"


def _ascii(host: str) -> str:
    """Of a name with letters beyond ASCII, what browsers send: bücher.example is xn--bcher-kva.example."""
    if not host.isascii():
        with suppress(UnicodeError):
            return host.encode("idna").decode()
    return host


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True
