"""api_config of a Corner Shop platform: the shop's address and its key."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from core.encryption import SecretDict
from integrations.errors import ConfigError

FIELDS = ("shop_url", "api_key")


def check(raw: Any) -> dict[str, Any]:
    """What to store for `raw`. Raises ConfigError with each wrong field."""
    if not isinstance(raw, Mapping):
        raise ConfigError(
            "api_config must be a JSON object ({…}).", fields={"api_config": "not a JSON object"}
        )
    values = SecretDict(
        {name: value.strip() if isinstance(value, str) else value for name, value in raw.items()}
    )
    problems = {str(name): "unknown field" for name in values if name not in FIELDS}
    for name in FIELDS:
        value = values.get(name)
        if value in (None, ""):
            problems[name] = "missing" if name not in values else "empty"
        elif not isinstance(value, str):
            problems[name] = "must be text"
    if "shop_url" not in problems and urlsplit(values["shop_url"]).scheme not in ("http", "https"):
        problems["shop_url"] = "is no address; it begins with https://"
    if problems:
        listed = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise ConfigError(f"The credentials cannot be used: {listed}", fields=problems)
    return values


def account_key(raw: Mapping[str, Any]) -> str:
    """Tells one shop from another without naming it."""
    return hashlib.sha256(str(check(raw)["shop_url"]).encode()).hexdigest()
