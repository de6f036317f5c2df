"""Where a request came from, and the full addresses of our own pages."""

from contextlib import suppress
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV6 = 6


def client_address(request: HttpRequest) -> str:
    """The address of whoever sent it; "" where there is none, as over a socket file.

    With BEHIND_TLS_PROXY that is the last one of X-Forwarded-For, which the proxy wrote; what stands before it came
    with the request, and may be invented.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        text = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or text
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def client_network(request: HttpRequest) -> str:
    """What is limited as one: the address; of IPv6, the network that a provider gives to one customer."""
    return network_of(client_address(request))


def network_of(text: str) -> str:
    with suppress(ValueError):
        address = ip_address(text)
        text = str(ip_network((int(address), 64), strict=False) if address.version == IPV6 else address)
    return text


def public_address(path: str) -> str:
    """The full address of a page of ours; "" where PUBLIC_URL does not say how people reach it."""
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""


def address_for(request: HttpRequest, path: str) -> str:
    """The same, without PUBLIC_URL as this request reached us."""
    return public_address(path) or request.build_absolute_uri(path)
