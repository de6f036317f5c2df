"""Reads translations as gettext keeps them, and makes up a language that marks what went through it."""

import ast
import re
import struct
from pathlib import Path

from django.conf import settings

LOCALE = Path(settings.BASE_DIR) / "locale"
PO_FIELD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$')


def catalogue(language: str, ending: str = "po") -> Path:
    """The file of this language: the source, or compiled."""
    return LOCALE / language / "LC_MESSAGES" / f"django.{ending}"


def read_po(path: Path) -> list[dict[str, str]]:
    """Each entry by its field: msgid, msgid_plural, msgstr or msgstr[0] …; without the header."""
    entries: list[dict[str, str]] = []
    field = ""
    for line in path.read_text().splitlines():
        if found := PO_FIELD.match(line):
            field = found[1]
            if field == "msgid":
                entries.append({})
            entries[-1][field] = ast.literal_eval(found[2])
        elif line.startswith('"'):
            entries[-1][field] += ast.literal_eval(line)
    return entries[1:]


def read_mo(path: Path) -> dict[str, str]:
    """What a compiled catalogue says: text or "one\\0many" to its translations, joined in the same way."""
    data = path.read_bytes()
    count, originals, translations = struct.unpack_from("<3I", data, 8)

    def text(table: int, index: int) -> str:
        length, offset = struct.unpack_from("<2I", data, table + 8 * index)
        return data[offset : offset + length].decode()

    return {text(originals, index): text(translations, index) for index in range(count)}


def write_mo(path: Path, messages: dict[str, str]) -> None:
    """A compiled catalogue that says `messages`, which are as read_mo() returns them."""
    pairs = [(original.encode(), messages[original].encode()) for original in sorted(messages)]
    start = 28 + 16 * len(pairs)
    tables, texts = [b"", b""], b""
    for index in (0, 1):
        for pair in pairs:
            tables[index] += struct.pack("<2I", len(pair[index]), start + len(texts))
            texts += pair[index] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + tables[0] + tables[1] + texts)


def marked(messages: dict[str, str]) -> dict[str, str]:
    """The same catalogue where each translation is its English text in ⟦brackets⟧."""
    texts = {}
    for original, translation in messages.items():
        english = original.rpartition("\4")[2].split("\0")
        forms = translation.count("\0") + 1
        parts = [english[min(index, len(english) - 1)] for index in range(forms)]
        texts[original] = "\0".join(f"⟦{part}⟧" for part in parts) if original else translation
    return texts
