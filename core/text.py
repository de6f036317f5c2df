"""Text in a form that every database stores."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

# PostgreSQL stores no NUL, and no database half of a surrogate pair, as in a title that was cut inside an emoji.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"
RIGHT_TO_LEFT = {"R", "AL", "AN"}  # Unicode classes of letters and digits


class UnstorableText(ValueError):
    """The text holds a character that no database stores, or not every database."""


def is_storable(text: str) -> bool:
    """Whether every database stores this text, and may be asked for it."""
    return UNSTORABLE.search(text) is None


def storable_text(text: str) -> str:
    """The text with U+FFFD in the place of each character that not every database stores."""
    return UNSTORABLE.sub(REPLACEMENT, text)


def storable(value: Any) -> Any:
    """A copy of the value with `storable_text` of each text in it, at any depth of lists, objects and dataclasses."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(storable(inner) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: storable(getattr(value, each.name)) for each in fields(value)})
    return value


def isolated(name: str) -> str:
    """A name for a line of other text: what is read from right to left would otherwise take the numbers and commas
    beside it along. Unicode's marks for it are invisible, and only where they are needed; HTML has <bdi>."""
    if name.isascii() or not any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in name):
        return name
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def isolated_all(names: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are text isolated: for the placeholders of a sentence."""
    return {key: isolated(name) if isinstance(name, str) else name for key, name in names.items()}
