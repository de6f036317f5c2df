"""For which site passkeys are made: the host of the page, or PASSKEYS_DOMAIN above it."""

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

LOCAL = "localhost"  # the one host that browsers take for secure without TLS
NAME = "OMS"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """`domain` is what the passkey belongs to, `origin` what the browser says of the page that asked."""

    domain: str
    origin: str


def relying_party(request: HttpRequest) -> RelyingParty | None:
    """None where browsers know no passkeys: over plain HTTP (but for http://localhost), and at an IP address; and at a
    host outside of PASSKEYS_DOMAIN.

    https://www.w3.org/TR/webauthn-2/#relying-party-identifier
    """
    host, _port = split_domain_port(request.get_host())  # one of ALLOWED_HOSTS
    domain = settings.PASSKEYS_DOMAIN or host
    is_secure = request.is_secure() or host == LOCAL or host.endswith(f".{LOCAL}")
    if not is_secure or _is_address(host) or not (host == domain or host.endswith(f".{domain}")):
        return None
    return RelyingParty(domain, f"{request.scheme}://{request.get_host()}".lower())


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(host.strip("[]")))
    return False
