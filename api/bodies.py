"""Bodies of requests, taken exactly: what is not of the type that /schema says is refused, never guessed at."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

# By the kind of a field: the types that JSON gives, and what to say of another one. REST framework alone would take
# "yes" for true, 5 for "5", and "5" for 5.
TYPES: tuple[tuple[type[Any] | tuple[type[Any], ...], tuple[type[Any], ...], str], ...] = (
    (serializers.BooleanField, (bool,), "It takes true or false, without quotes."),
    (serializers.IntegerField, (int,), "It takes a whole number, without quotes."),
    (
        (serializers.CharField, serializers.ChoiceField, serializers.DateTimeField),
        (str,),
        "It takes text, in quotes.",
    ),
)
SET_BY_OMS = "OMS sets it, and it has another value here. Leave it out, or send what GET answers now."


class ManyLines(serializers.CharField):
    """Text that may have several lines, such as a file."""


class ExactBody:
    """Mixin of serializers that read a body, in front: every field is known and of its type, and text is one line.

    What a GET answered may be sent back: a field that OMS sets is taken where it has the value that it has now. A body
    with nothing else is refused, since nothing would be stored of it.
    """

    fields: Any
    instance: Any

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError naming everything that is odd."""
        if isinstance(data, Mapping):
            problems = self._problems(data)
            if problems:
                raise serializers.ValidationError({name: [text] for name, text in problems.items()})
        return super().to_internal_value(data)  # type: ignore[misc]

    def is_echo(self, name: str, sent: Any, shown: Any) -> bool:
        """Whether a GET may have answered this, where it would answer `shown` now."""
        del name  # for those that look at it
        return bool(sent == shown)

    def _problems(self, data: Mapping[str, Any]) -> dict[str, str]:
        settable = [name for name, field in self.fields.items() if not field.read_only]
        unknown = f"It is not known here. Known are: {', '.join(settable)}."
        problems = {str(name)[:64]: unknown for name in data if name not in self.fields}
        given = {name: value for name, value in data.items() if name in self.fields}
        echoes = {name: value for name, value in given.items() if self.fields[name].read_only}
        shown = self.to_representation(self.instance) if echoes and self.instance is not None else {}  # type: ignore[attr-defined]
        for name, value in given.items():
            if name in echoes:
                is_taken = name in shown and self.is_echo(name, value, shown[name])
                problem = "" if is_taken else SET_BY_OMS
            else:
                problem = oddity(self.fields[name], value)
            if problem:
                problems[name] = problem
        if data and len(echoes) == len(data) and not problems:
            return dict.fromkeys(echoes, "OMS sets it, and nothing was changed. Leave it out.")
        return problems


def oddity(field: Any, value: Any) -> str:
    """Why the field does not take this value, as a sentence; empty where it may. Of null, the field says it itself."""
    for kind, types, sentence in TYPES:
        if isinstance(field, kind):
            # In JSON, 3.0 is a whole number.
            is_whole = int in types and isinstance(value, float) and value.is_integer()
            if value is not None and type(value) not in types and not is_whole:
                return sentence
            break
    return not_one_line(value) if isinstance(value, str) and not isinstance(field, ManyLines) else ""


def not_one_line(text: str) -> str:
    """Why it cannot be shown in one line, as a sentence; empty where it can."""
    for place, character in enumerate(text, 1):
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            return f"It holds a line break or a control character (U+{ord(character):04X}, at place {place})."
    return ""
