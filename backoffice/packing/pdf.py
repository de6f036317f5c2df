"""Packing slips and pick lists as PDF, with the fonts in them: printed alike everywhere.

DejaVu has the letters of Europe's languages, and the fonts of PDF_FONT_FALLBACK have others. In the place of a letter
that none of them has, or of one that is written from right to left, titles and SKUs have a sign that says so. An
address with holes in it would be of no use: it is left to the page to print, where the browser has more fonts.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import barcode
from django.conf import settings
from django.utils.html import strip_tags
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace, TTFFont

from backoffice.packing.barcodes import PRINTABLE
from backoffice.packing.slips import LABELS
from backoffice.packing.words import FROM_THE_RIGHT
from orders.packing import PickLine

FONTS = Path(__file__).parent / "fonts"
FAMILY, NO_SIGN = "DejaVu", "\N{REPLACEMENT CHARACTER}"
A4_MARGIN, LABEL_MARGIN = 18, 4  # millimetres
LONGEST_TITLE, ORDERS_A_ROW = 200, 10
BAR, BAR_HEIGHT, QUIET = 0.25, 12, 2.5
HEADING, PLAIN = FontFace(emphasis="BOLD"), FontFace()


class Unwritable(Exception):
    """An address or the like cannot be written: `about` is the order."""

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


class Document(FPDF):
    def __init__(self, size: Any, margin: float, points: float, title: str) -> None:
        super().__init__(format=size)
        self.set_title(title)
        self.set_margin(margin)
        self.set_auto_page_break(True, margin=margin)
        self.add_font(FAMILY, fname=FONTS / "DejaVuSans.ttf")
        self.add_font(FAMILY, style="B", fname=FONTS / "DejaVuSans-Bold.ttf")
        others = {f"Other {number}": path for number, path in enumerate(_other_fonts())}
        for family, path in others.items():
            self.add_font(family, fname=path)
        self.set_fallback_fonts(list(others), exact_match=False)  # most have no bold letters
        self.points = points
        self.running = ""  # on top of the pages that follow the first one of an order
        self.write_as()

    def header(self) -> None:
        if self.running:
            self.text_line(self.running, bold=True)
            self.ln(2)

    def finished(self) -> bytes:
        data = bytes(self.output())
        self.close_fonts()
        return data

    def close_fonts(self) -> None:
        """fpdf2 leaves their files open."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.close()

    def write_as(self, *, factor: float = 1, bold: bool = False) -> None:
        self.set_font(FAMILY, style="B" if bold else "", size=self.points * factor)

    def text_line(self, text: str, *, factor: float = 1, bold: bool = False, width: float = 0) -> None:
        self.write_as(factor=factor, bold=bold)
        self.multi_cell(width, self.font_size * 1.4, text, new_x="LMARGIN", new_y="NEXT", align="L")
        self.write_as()

    def bars(self, text: str, *, right: float | None = None) -> None:
        """Code 128 at the cursor's height: left, or up to `right`."""
        if not PRINTABLE.fullmatch(text):
            return
        (modules,) = barcode.get("code128", text).build()
        left = self.l_margin if right is None else right - len(modules) * BAR - QUIET
        for place, module in enumerate(modules):
            if module == "1":
                self.rect(left + place * BAR, self.get_y(), BAR, BAR_HEIGHT, style="F")


def slips_pdf(slips: Sequence[Mapping[str, Any]], size: str) -> bytes:
    """A page, or more, for each of `slips`, as backoffice/packing/slips.py makes them. Raises Unwritable."""
    for slip in slips:
        _refuse(slip["order"], [*slip["address"], *slip["words"].values(), slip["bought"], slip["total"]])
    label, title = LABELS.get(size), _("Packing slips")
    document = Document(label, LABEL_MARGIN, 8.5, title) if label else Document("A4", A4_MARGIN, 11, title)
    for slip in slips:
        document.running = ""
        document.add_page()
        document.running = f"{slip['words']['order']} {slip['order']}"
        _write_slip(document, slip, beside=label is None)
    return document.finished()


def _write_slip(document: Document, slip: Mapping[str, Any], *, beside: bool) -> None:
    words, top = slip["words"], document.get_y()
    if beside:
        document.bars(slip["order"], right=document.w - document.r_margin)
    document.text_line(words["title"], factor=1.5, bold=True, width=document.epw / 2 if beside else 0)
    document.text_line(f"{words['order']} {slip['order']}", bold=True)
    document.text_line(f"{words['bought']} {slip['bought']}")
    if not beside:
        document.bars(slip["order"])
        document.set_y(document.get_y() + BAR_HEIGHT)
    document.set_y(max(document.get_y(), top + BAR_HEIGHT) + 3)
    if slip["address"]:
        document.text_line(words["to"], bold=True)
        document.text_line("\n".join(slip["address"]))
        document.ln(3)
    _write_lines(document, slip)


def _write_lines(document: Document, slip: Mapping[str, Any]) -> None:
    words, total = slip["words"], _plain(slip["total"])
    headings = [words["quantity"], words["item"], *([words["price"]] if total else [])]
    rows = [
        [_units(line["quantity"]), f"{_title(line['title'])}\n{_writable(line['sku'])}"]
        + ([_plain(line["price"])] if total else [])
        for line in slip["lines"]
    ]
    if total:
        rows.append(["", words["total"], total])
    _write_table(document, headings, rows, (20, 55, 25) if total else (20, 80), numbers=(0, 2))


def pick_list_pdf(title: str, lines: Iterable[PickLine]) -> bytes:
    """What is to be fetched, as the page of a pick list shows it."""
    lines = list(lines)
    has_bins = any(line.bins for line in lines)
    headings = [*([_("Bin")] if has_bins else []), _("Quantity"), _("SKU"), _("Title"), _("Orders")]
    rows = [row for line in lines for row in _rows_of(line, has_bins=has_bins)]
    document = Document("A4", A4_MARGIN, 9, title)
    document.add_page()
    document.text_line(title, factor=1.6, bold=True)
    document.ln(3)
    widths = (15, 12, 23, 25, 25) if has_bins else (12, 26, 31, 31)
    _write_table(document, headings, rows, widths, numbers=(1 if has_bins else 0,))
    return document.finished()


def _rows_of(line: PickLine, *, has_bins: bool) -> Iterator[list[str]]:
    """One for every ORDERS_A_ROW orders of the line, since no row goes over the end of a page."""
    first = [_writable(line.bin) or "–", _units(line.quantity), _writable(line.sku), _title(line.title)]
    for start in range(0, len(line.orders), ORDERS_A_ROW):
        some = line.orders[start : start + ORDERS_A_ROW]
        orders = [order if units == 1 else f"{order} × {_units(units)}" for order, units in some]
        cells = first if start == 0 else [""] * len(first)
        yield [*(cells if has_bins else cells[1:]), _writable(", ".join(orders))]


def _title(text: str) -> str:
    return _writable(" ".join(Truncator(text).chars(LONGEST_TITLE).split()))


def _write_table(
    document: Document,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    widths: Sequence[int],
    *,
    numbers: Sequence[int],
) -> None:
    """Its heading stands on each page; the columns `numbers` are on the right."""
    with document.table(
        col_widths=tuple(widths),
        text_align=tuple("RIGHT" if place in numbers else "LEFT" for place in range(len(headings))),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=HEADING,
        line_height=document.font_size * 1.4,
        padding=(1, 1.5),
        v_align="TOP",
    ) as table:
        for cells in (headings, *rows):
            row = table.row()
            for cell in cells:
                row.cell(cell)


# --- Letters -----------------------------------------------------------------------------------------


def _refuse(about: str, texts: Iterable[Any]) -> None:
    """Raises Unwritable."""
    if any(_plain(text) != _writable(_plain(text)) for text in (about, *texts)):
        raise Unwritable(about)


def _writable(text: str) -> str:
    """With a sign in the place of what cannot be written."""
    return "".join(letter if _can_be_written(letter) else NO_SIGN for letter in text)


def _can_be_written(letter: str) -> bool:
    return letter == "\n" or (
        ord(letter) in _letters(_other_fonts()) and unicodedata.bidirectional(letter) not in FROM_THE_RIGHT
    )


def _other_fonts() -> tuple[str, ...]:
    """Files that are there; `manage.py check` says which are not."""
    return tuple(path for path in settings.PDF_FONT_FALLBACK if Path(path).is_file())


@cache
def _letters(_other_fonts: tuple[str, ...]) -> frozenset[int]:
    """What both of our fonts have signs for, or one of the others."""
    document = Document("A4", A4_MARGIN, 11, "")
    fonts: Any = document.fonts
    of_family: dict[bool, list[frozenset[int]]] = {True: [], False: []}
    for name, font in fonts.items():
        of_family[name.startswith(FAMILY.lower())].append(frozenset(font.cmap))
    document.close_fonts()
    return frozenset.intersection(*of_family[True]).union(*of_family[False])


def _plain(text: Any) -> str:
    """Money and the like as text, which pages show as HTML."""
    return unescape(strip_tags(str(text))) if hasattr(text, "__html__") else str(text)


def _units(units: int | None) -> str:
    return "?" if units is None else str(units)
