"""Stores credentials that were tried: trying takes seconds, and somebody may have stored others meanwhile."""

from collections.abc import Mapping
from typing import Any

from core.encryption import SecretDict
from integrations.errors import ConfigError
from integrations.sync.datasets import locked_with_same_credentials
from platforms.models import CONFIG_COLUMNS, Platform


def replace_tried(platform: Platform, values: Mapping[str, Any]) -> None:
    """Put `values` in the place of the credentials that `platform` was read with, within a transaction of the caller's.
    Raises ConfigError where others are stored by now."""
    row = locked_with_same_credentials(platform)
    if row is None:
        raise ConfigError("Somebody has stored other credentials meanwhile; they stay.")
    row.replace_config(SecretDict(values))
    row.save(update_fields=CONFIG_COLUMNS)
