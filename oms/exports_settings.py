"""Reads where scheduled exports may go: EXPORTS_FOLDER, EXPORTS_EMAIL_DOMAINS, EXPORTS_STORE_*. docs/operations.md."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from oms.env import switch, text


def exports() -> dict[str, Any]:
    """The settings by name; EXPORTS_FOLDER and EXPORTS_STORE_BUCKET are "" where there is no such place. Raises
    ImproperlyConfigured; no message has a value of a key in it."""
    folder, endpoint, bucket = (
        text("EXPORTS_FOLDER"),
        text("EXPORTS_STORE_ENDPOINT"),
        text("EXPORTS_STORE_BUCKET"),
    )
    if folder and not Path(folder).is_absolute():
        raise ImproperlyConfigured(f"EXPORTS_FOLDER is {folder!r}; it takes the full path of a folder.")
    if endpoint and not _is_endpoint(endpoint):
        raise ImproperlyConfigured(
            f"EXPORTS_STORE_ENDPOINT is {endpoint!r}; write it like https://s3.example or http://127.0.0.1:9000, "
            "without the bucket."
        )
    key, secret = text("EXPORTS_STORE_ACCESS_KEY"), text("EXPORTS_STORE_SECRET_KEY")
    if bool(key) != bool(secret):
        raise ImproperlyConfigured(
            "EXPORTS_STORE_ACCESS_KEY and EXPORTS_STORE_SECRET_KEY go together; one of them is not set."
        )
    if endpoint and not bucket:
        raise ImproperlyConfigured("EXPORTS_STORE_ENDPOINT is set and EXPORTS_STORE_BUCKET is not.")
    return {
        "EXPORTS_FOLDER": folder,
        "EXPORTS_EMAIL_DOMAINS": [
            each.strip().lower().removeprefix("@")
            for each in text("EXPORTS_EMAIL_DOMAINS").split(",")
            if each.strip()
        ],
        "EXPORTS_STORE_ENDPOINT": endpoint.rstrip("/"),
        "EXPORTS_STORE_BUCKET": bucket,
        "EXPORTS_STORE_REGION": text("EXPORTS_STORE_REGION"),
        "EXPORTS_STORE_PREFIX": text("EXPORTS_STORE_PREFIX").strip("/"),
        "EXPORTS_STORE_PATH_STYLE": switch("EXPORTS_STORE_PATH_STYLE", default=bool(endpoint)),
        "EXPORTS_STORE_ACCESS_KEY": key,
        "EXPORTS_STORE_SECRET_KEY": secret,
    }


def _is_endpoint(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_bare
