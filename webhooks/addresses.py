"""Which URLs an endpoint may have, and which addresses of the network are called.

A URL comes from somebody who may not be let into the network that OMS is in. What its host name resolves to is looked
up for each connection, checked, and then connected to: nobody can change it in between (webhooks/client.py).
"""

import ipaddress
import re
import socket
from collections.abc import Callable

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

LONGEST_URL = 2048
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # a name in ASCII, or an address

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# The addresses of a host name, as text. Raises OSError where there are none.
Resolver = Callable[[str, int], list[str]]

# Beside those that `ipaddress` takes for not public: its tables have grown from release to release of Python.
# https://www.iana.org/assignments/iana-ipv4-special-registry https://www.iana.org/assignments/iana-ipv6-special-registry
NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
            "168.63.129.16/32",  # Azure's own host, at a public address
            "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
        ),
    )
)  # fmt: skip
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the last four bytes are an IPv4 address that a gateway calls


class BadUrl(ValueError):
    """The text says to a person why this URL cannot be an endpoint's."""


def system_resolver(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_public(address: str) -> bool:
    """Whether this is an address of the public internet, and not one that leads into a network by a detour."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _within(parsed)
    if inner is not None:
        return is_public(str(inner))
    return parsed.is_global and not (
        parsed.is_multicast
        or parsed.is_reserved
        or any(parsed in network for network in NOT_PUBLIC if network.version == parsed.version)
    )


def _within(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, by NAT64, or by 6to4. None for any other."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def checked_url(url: str) -> str:
    """The URL in its normal form. Raises BadUrl; the host name is not looked up, which is done for each connection."""
    try:
        parsed = httpx.URL(url.strip())
        host, port = parsed.host, parsed.port  # reads a name in Punycode, which may be none
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise BadUrl(_("It is no URL. Write it like https://shop.example/webhooks.")) from None
    if parsed.scheme not in ("https", "http") or not HOST.fullmatch(parsed.raw_host.decode()):
        raise BadUrl(_("It is no URL. Write it like https://shop.example/webhooks."))
    if len(str(parsed)) > LONGEST_URL:
        raise BadUrl(_("It is longer than %(most)d characters.") % {"most": LONGEST_URL})
    if parsed.scheme == "http" and settings.WEBHOOKS_REQUIRE_HTTPS:
        raise BadUrl(_("It has to begin with https://, since WEBHOOKS_REQUIRE_HTTPS is on."))
    if parsed.userinfo:
        raise BadUrl(_("It must not hold a user name or a password: requests are signed instead."))
    if parsed.fragment:
        raise BadUrl(_("It must not hold a #: what follows it is never sent."))
    if port is not None and not 0 < port < 65536:
        raise BadUrl(_("Nothing can listen on port %(port)d.") % {"port": port})
    if not settings.WEBHOOKS_ALLOW_PRIVATE and _is_private(host):
        raise BadUrl(
            _(
                "OMS does not call addresses of private networks, or its own, unless WEBHOOKS_ALLOW_PRIVATE is on."
            )
        )
    return str(parsed)


def _is_private(host: str) -> bool:
    """Whether this host is known not to be public without being looked up."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(
        ".localhost"
    ):  # https://www.rfc-editor.org/rfc/rfc6761#section-6.3
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return not is_public(name)
