"""System checks of Amazon's own settings."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

ENDPOINTS = ("AMAZON_SP_API_ENDPOINT", "AMAZON_LWA_ENDPOINT")


def check_endpoints() -> list[CheckMessage]:
    """Both of Amazon's endpoints or none: one alone would send production tokens to a simulator, or the reverse."""
    values = {name: getattr(settings, name) for name in ENDPOINTS}
    problems: list[CheckMessage] = []
    for name, value in values.items():
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc):
            problems.append(
                Error(
                    f"{name} is not a URL: {value!r}.",
                    hint="Write https://host or http://host:port.",
                    id="oms.E001",
                )
            )
    if sum(map(bool, values.values())) == 1:
        problems.append(
            Error(
                f"Of {' and '.join(ENDPOINTS)}, one is set and the other is not.",
                hint="Set both (for a simulator or proxy), or none for Amazon's own.",
                id="oms.E002",
            )
        )
    return problems
