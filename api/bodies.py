"""Bodies of requests, taken exactly: what is not of the type that /schema says is refused, never guessed at."""

import unicodedata
from collections.abc import Collection, Mapping
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


class ExactBody:
    """Mixin of serializers that read a body, in front: every field is known, of its type, and text is one line."""

    fields: Any

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError naming everything that is odd."""
        if isinstance(data, Mapping):
            known = [name for name, field in self.fields.items() if not field.read_only]
            problems = unknown_fields(data, self.fields, known)
            for name in known:
                if name in data and (problem := oddity(self.fields[name], data[name])):
                    problems[name] = [problem]
            if problems:
                raise serializers.ValidationError(problems)
        return super().to_internal_value(data)  # type: ignore[misc]


def unknown_fields(
    data: Mapping[str, Any], fields: Collection[str], known: Collection[str]
) -> dict[str, list[str]]:
    """Problems by name, for those that are none of `fields`. `known` are those that a request may set."""
    text = f"It is not known here. Known are: {', '.join(known)}."
    return {str(name)[:64]: [text] for name in data if name not in fields}


def oddity(field: Any, value: Any) -> str:
    """Why the field does not take this value, as a sentence; empty where it may. Of null, the field says it itself."""
    for kind, types, sentence in TYPES:
        if isinstance(field, kind):
            # In JSON, 3.0 is a whole number.
            is_whole = int in types and isinstance(value, float) and value.is_integer()
            if value is not None and type(value) not in types and not is_whole:
                return sentence
            break
    return not_one_line(value) if isinstance(value, str) else ""


def not_one_line(text: str) -> str:
    """Why it cannot be shown in one line, as a sentence; empty where it can."""
    for place, character in enumerate(text, 1):
        if unicodedata.category(character) in ("Cc", "Zl", "Zp"):
            return f"It holds a line break or a control character (U+{ord(character):04X}, at place {place})."
    return ""
