"""Reads the JSON of an answer: what the standard library reads from it, in half of the time.

orjson and the standard library differ in whole numbers beyond 64 bits, which orjson rounds to floats, and in what only
the standard library takes: NaN and Infinity, floats beyond the largest one, halves of surrogate pairs. Answers that
hold any of it are left to the standard library.

What neither takes, and would cost a whole page for one odd value, is mended: bytes that are no UTF-8, halves of
surrogate pairs, escapes that are none, whole numbers of thousands of digits, thousands of levels. Line breaks, tabs and
other control characters in a text, for which JSON demands escapes, are read as they stand, and a byte order mark tells
the encoding.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

# Digits become 0, and what may stand in front of a number becomes a colon.
_DIGITS_AND_EDGES = bytes.maketrans(b"123456789[,-\t\n\r ", b"000000000:::::::")
_LONG_NUMBER = b":" + 19 * b"0"  # shorter ones have at most 64 bits; an order has 14 digits at most


_LEFT = object()  # orjson does not take it, or reads it in another way
REPLACEMENT = "\ufffd"
MOST_DIGITS = 1000  # of a whole number; Python refuses to read more than 4,300
MOST_LEVELS = 200  # Amazon's answers have 10
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:+-]{1,40})", re.IGNORECASE)
# An escape of JSON, and with the first half of a surrogate pair the second one.
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|.)", re.DOTALL)
_ESCAPED = '"\\/bfnrt'  # what may follow a backslash, beside u with four digits
_HALVES = re.compile("[\ud800-\udfff]")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def decode(body: bytes) -> Any:
    """The JSON value, None where the bytes are no JSON in UTF-8."""
    value = _quickly(body)
    if value is not _LEFT:
        return value
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None


def mend(body: bytes, content_type: str) -> tuple[Any, bool]:
    """The JSON value, None where there is none, and whether U+FFFD stands for characters in it that could not be read.

    Bytes that are no UTF-8 are read in the encoding of their byte order mark, or in the charset that the Content-Type
    names.
    """
    value = _quickly(body)
    if value is not _LEFT:
        return value, False
    text, is_replaced = _text(body, content_type)
    whole = _ESCAPE.sub(_whole_escape, text)
    is_replaced = is_replaced or whole != text
    try:
        return _plainly(whole), is_replaced
    except RecursionError:
        pass  # too many levels
    except ValueError:
        return None, False
    try:
        return _plainly(_flattened(whole)), is_replaced
    except (ValueError, RecursionError):
        return None, False


def replaced_in(raws: Iterable[Any], id_of: Callable[[Any], str]) -> list[str]:
    """The ids of the records in which U+FFFD stands for something."""
    return [id_of(raw) or "?" for raw in raws if REPLACEMENT in _shown(raw)]


def has_odd_name(value: Any) -> bool:
    """Whether U+FFFD stands for something in the name of an attribute, at any depth: then nobody knows what is missing,
    and what is there under another name. The value must have been mended, so it has few levels."""
    if isinstance(value, dict):
        return any(REPLACEMENT in name or has_odd_name(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(has_odd_name, value))


def _quickly(body: bytes) -> Any:
    try:
        shape = body.translate(_DIGITS_AND_EDGES)
        if _LONG_NUMBER not in shape and not shape.startswith(_LONG_NUMBER[1:]):
            return orjson.loads(body)
    except (ValueError, RecursionError):
        pass  # the standard library may take it
    return _LEFT


def _plainly(text: str) -> Any:
    return json.loads(text, parse_int=_whole_number, strict=False)


def _text(body: bytes, content_type: str) -> tuple[str, bool]:
    """The text, and whether bytes of it were replaced."""
    named = _CHARSET.search(content_type)
    for charset in (json.detect_encoding(body), named.group(1) if named else ""):
        try:
            if charset:
                return body.decode(charset), False
        except (LookupError, ValueError):  # nobody knows it; bytes that are none of its own
            continue
    return body.decode("utf-8", "replace"), True


def _whole_escape(escape: re.Match[str]) -> str:
    first, second = escape.group(1), escape.group(2)
    if first is None:
        letter = escape.group()[1]
        return escape.group() if letter in _ESCAPED else REPLACEMENT + letter.removeprefix("u")
    if not _HALVES.match(chr(int(first, 16))):
        return escape.group() if second is None else f"\\u{first}{REPLACEMENT}"
    if second is not None and int(first, 16) < 0xDC00:
        return escape.group()
    return REPLACEMENT if second is None else 2 * REPLACEMENT


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def _flattened(text: str) -> str:
    """With null for what lies below MOST_LEVELS."""
    kept, levels, start = list[str](), 0, 0
    for token in _TOKENS.finditer(text):
        if token.group() in ("[", "{"):
            levels += 1
            if levels == MOST_LEVELS + 1:
                kept.append(text[start : token.start()] + "null")
        elif token.group() in ("]", "}"):
            if levels == MOST_LEVELS + 1:
                start = token.end()
            levels -= 1
    return "".join(kept) + text[start:] if levels == 0 else text


def _shown(raw: Any) -> str:
    try:
        return json.dumps(raw, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return ""
