"""System checks of the project's own."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

ENDPOINTS = ("AMAZON_SP_API_ENDPOINT", "AMAZON_LWA_ENDPOINT")


@register()
def check_endpoints(**_: Any) -> list[CheckMessage]:
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


@register()
def check_static_root(**_: Any) -> list[CheckMessage]:
    """The folder that `collectstatic` fills; the settings make it wherever the source tree may be written."""
    if settings.STATIC_ROOT.is_dir():
        return []
    return [
        CheckWarning(
            f"The folder of the static files is missing and cannot be made: {settings.STATIC_ROOT}.",
            hint="Run `manage.py collectstatic --no-input` once, as a user who may write the source tree, or while "
            "an image is built. Until then, pages are served with uncompressed static files.",
            id="oms.W001",
        )
    ]
