"""HTML made of a text with places for values: for lists, which show a thousand of them."""

from collections.abc import Iterable
from functools import lru_cache
from html import escape
from string import Formatter
from typing import Any

from django.utils.functional import Promise
from django.utils.safestring import SafeString


def markup(text: str, *values: Any) -> SafeString:
    """What Django's `format_html` makes of a text whose places are all `{}`, in a quarter of the time: the text is read
    once, and no value passes through the wrappers that look for lazy ones. Raises TypeError where the values are more
    or fewer than the places, ValueError for a place with a name or a format."""
    return SafeString(_read(text) % tuple(map(escaped, values)))


def joined(parts: Iterable[str]) -> SafeString:
    """Pieces of HTML, one after the other. None of them is escaped here."""
    return SafeString("".join(parts))


def escaped(value: Any) -> str:
    """The value as HTML, as Django's `conditional_escape` has it."""
    kind = type(value)
    if kind is SafeString:
        return str(value)
    if kind is str:
        return escape(value)
    if isinstance(value, Promise):
        value = str(value)
    return str(value.__html__()) if hasattr(value, "__html__") else escape(str(value))


@lru_cache(maxsize=1024)
def _read(text: str) -> str:
    """The text for Python's `%`, which has no values to parse."""
    parts = list[str]()
    for words, name, form, conversion in Formatter().parse(text):
        parts.append(words.replace("%", "%%"))
        if name or form or conversion:
            raise ValueError(f"Only {{}} stands for a value: {text}")
        if name is not None:
            parts.append("%s")
    return "".join(parts)
