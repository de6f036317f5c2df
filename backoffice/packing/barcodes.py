"""Bar codes as SVG, to be put into a page."""

import re
from functools import lru_cache

import barcode
from barcode.writer import SVGWriter
from django.utils.safestring import SafeString, mark_safe

# Millimetres; the text stands in the page itself, where it can be read aloud and copied.
LOOK = {"module_height": 12.0, "module_width": 0.25, "quiet_zone": 2.5, "write_text": False}
PRINTABLE = re.compile(r"[ -~]+")  # what Code 128 has signs for


@lru_cache(maxsize=512)
def code_128(text: str) -> SafeString:
    """The `svg` element; "" where the text holds something that the code has no sign for."""
    if not PRINTABLE.fullmatch(text):
        return SafeString("")
    drawn: bytes = barcode.get("code128", text, writer=SVGWriter()).render(LOOK)
    # Bars and numbers alone: the text is left out. The head of a document of its own is none of an element's.
    return mark_safe(drawn.decode()[drawn.decode().index("<svg") :])  # noqa: S308
