"""The file in which planners change what is set for SKUs: what its columns are, what stands in them, and what a file
that somebody uploads would change. Reading one changes nothing.

A column that the file does not have stays as it is; an empty cell means that nothing is set. A cell that says what is
stored is no change, however it says it.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from access.confinement import Visible, within
from backoffice.export.as_csv import FORMULA
from core.format import grouped
from core.money import amount_text
from core.text import isolated
from integrations.registry import site_of
from inventory.models import (
    HIGHEST_THRESHOLD,
    LONGEST_DAYS,
    LONGEST_TAG,
    InventoryItem,
    PlannedSku,
    SkuSettings,
)
from inventory.sku_settings import Key, stored_settings
from orders.models import OrderItem
from platforms.models import Platform

COLUMNS = (
    "platform", "sku", "title", "threshold", "lead_days", "target_days", "unit_cost", "currency", "bin", "tag",
)  # fmt: skip
MOST_LINES = 10_000
MOST_PROBLEMS = 20  # that are told of one file
AT_ONCE = 500
LONGEST_TEXT = LONGEST_TAG  # also of a bin
COST_DIGITS, COST_DECIMALS = 12, 4
SEPARATORS = ",;\t"
APOSTROPHE = re.compile(
    FORMULA.pattern.replace("(?=", "'(?=", 2)
)  # before what a spreadsheet takes for a formula


class BadFile(Exception):
    """Why nothing of the file can be used: sentences, each with the number of its line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__()
        self.problems = problems


class BadCell(Exception):
    """Why a cell cannot be used: a sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    cells: Mapping[str, str]
    platform: Platform

    @property
    def key(self) -> Key:
        return self.platform.pk, self.cells["sku"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What one cell would change. Both values as the file writes them; "" where nothing is set."""

    platform: str
    sku: str
    column: str
    before: str
    after: str


@dataclass(slots=True)
class Reading:
    """What a file would change: for people, and for the services that change it."""

    lines: int = 0
    differences: list[Difference] = field(default_factory=list)
    values: dict[Key, dict[str, Any]] = field(default_factory=dict)
    thresholds: dict[int | None, list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )  # -> rows of stock


def read_file(data: bytes, visible: Visible) -> Reading:
    """What this file would change, of platforms that its reader may see. Raises BadFile."""
    lines, problems = _lines(data, {platform.name: platform for platform in _platforms(visible)})
    keys = {line.key for line in lines}
    stored, listed, unknown = stored_settings(keys), stock_of(keys), _never_seen(keys)
    reading = Reading(lines=len(lines))
    for line in lines:
        try:
            if line.key in unknown:
                text = _("SKU %(sku)s is not known of platform %(platform)s.")
                raise BadCell(
                    text % {"sku": isolated(line.cells["sku"][:255]), "platform": line.platform.name}
                )
            _read_line(line, stored.get(line.key, SkuSettings()), listed.get(line.key, []), reading)
        except BadCell as problem:
            problems[line.number] = str(problem)
    if problems:
        raise BadFile([_of_line(number, problems[number]) for number in sorted(problems)])
    return reading


def threshold_texts(keys: Collection[Key]) -> dict[Key, str]:
    """The cells of the column of thresholds; SKUs without any are left out."""
    return {key: text for key, rows in stock_of(keys).items() if (text := threshold_text(rows))}


def stock_of(keys: Collection[Key]) -> dict[Key, list[InventoryItem]]:
    """The listed rows of these SKUs. A query for every 500, by SKU alone, as its index has them."""
    found, skus = defaultdict[Key, list[InventoryItem]](list), sorted({sku for _platform, sku in keys})
    for start in range(0, len(skus), AT_ONCE):
        rows = InventoryItem.objects.filter(sku__in=skus[start : start + AT_ONCE], gone_at=None)
        rows = rows.select_related("platform").defer("platform__api_config")
        for item in rows.only("sku", "marketplace_id", "threshold", "platform__kind").order_by("pk"):
            found[item.platform_id, item.sku].append(item)
    return {key: rows for key, rows in found.items() if key in keys}


def threshold_text(rows: Sequence[InventoryItem]) -> str:
    """`5` where all marketplaces have the same, `DE=5 FR=7` where they do not, "" for none. Rows of one marketplace
    that differ, as those of several FNSKUs may, are `DE=5/7`, which stands for no change alone."""
    if len({row.threshold for row in rows}) == 1:
        return _plain(rows[0].threshold)
    of_places = defaultdict[str, set[int | None]](set)
    for row in rows:
        of_places[_code(row)].add(row.threshold)
    return " ".join(
        f"{code}={'/'.join(sorted(map(_plain, thresholds)))}"
        for code, thresholds in sorted(of_places.items())
        if thresholds != {None}
    )


def _plain(threshold: int | None) -> str:
    return "" if threshold is None else str(threshold)


def _code(row: InventoryItem) -> str:
    site = site_of(row.platform.kind, row.marketplace_id)
    return site.code if site else row.marketplace_id


def _platforms(visible: Visible) -> Iterable[Platform]:
    return within(Platform.objects.defer("api_config"), visible, "pk")


# --- Lines -------------------------------------------------------------------------------------------


def _lines(data: bytes, platforms: Mapping[str, Platform]) -> tuple[list[Line], dict[int, str]]:
    """The lines, and by its number what is wrong with each of the others. Raises BadFile."""
    rows = _rows(data)
    _number, headings = next(rows, (1, []))
    names = _names([heading.strip() for heading in headings])
    lines, problems, seen = list[Line](), dict[int, str](), dict[Key, int]()
    for count, (number, row) in enumerate(rows, start=1):
        if count > MOST_LINES:
            text = _("The file has more than %(most)s lines. Upload it in parts.")
            raise BadFile([text % {"most": grouped(MOST_LINES)}])
        try:
            line = _line(number, names, row, platforms)
            if line.key in seen:
                words = {"sku": isolated(line.cells["sku"]), "line": seen[line.key]}
                raise BadCell(_("SKU %(sku)s stands in line %(line)d already.") % words)
        except BadCell as problem:
            problems[number] = str(problem)
            continue
        seen[line.key] = number
        lines.append(line)
    return lines, problems


def _rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, each with the number of the line in which it begins. Raises BadFile."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile([_("The file is no UTF-8 text. Save it as “CSV UTF-8” in your spreadsheet.")]) from None
    if "\0" in text:
        raise BadFile([_("The file holds a NUL character, which is no text.")])
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader, begin = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error:
        raise BadFile(
            [_of_line(begin, _("It cannot be read: a quotation mark is missing or too many."))]
        ) from None


def _names(headings: Sequence[str]) -> Sequence[str]:
    """The headings, all known and none twice. Raises BadFile."""
    unknown = [heading for heading in headings if heading not in COLUMNS]
    if "sku" not in headings or unknown or len(set(headings)) < len(headings):
        text = _(
            "The first line has to name the columns, each once: sku, and any of %(names)s. It says: %(found)s."
        )
        words = {"names": ", ".join(COLUMNS), "found": ", ".join(headings)[:200] or "–"}
        raise BadFile([_of_line(1, text % words)])
    return headings


def _line(number: int, names: Sequence[str], row: Sequence[str], platforms: Mapping[str, Platform]) -> Line:
    """Raises BadCell."""
    if len(row) != len(names):
        text = _("It has %(count)s values, and the first line names %(columns)d columns.")
        raise BadCell(text % {"count": len(row), "columns": len(names)})
    cells = dict(zip(names, map(_without_apostrophe, row), strict=True))
    if not cells["sku"]:
        raise BadCell(_("It has no SKU."))
    if "platform" not in cells:
        if len(platforms) != 1:
            raise BadCell(_("It names no platform: the file needs the column “platform”."))
        return Line(number, cells, next(iter(platforms.values())))
    platform = platforms.get(cells["platform"].strip())
    if platform is None:
        raise BadCell(_("There is no platform “%(name)s”.") % {"name": cells["platform"][:64]})
    return Line(number, cells, platform)


def _without_apostrophe(text: str) -> str:
    """As it was before the export put an apostrophe before what a spreadsheet would take for a formula."""
    return APOSTROPHE.sub(r"\1", text)


def _never_seen(keys: Collection[Key]) -> set[Key]:
    """SKUs that no platform ever listed or sold: hardly anything but typing errors."""
    unknown = set(keys)
    for rows in (PlannedSku.objects, InventoryItem.objects, SkuSettings.objects, OrderItem.objects):
        platform = "order__platform_id" if rows.model is OrderItem else "platform_id"
        skus = sorted({sku for _platform, sku in unknown})
        for start in range(0, len(skus), AT_ONCE):
            found = rows.filter(sku__in=skus[start : start + AT_ONCE]).order_by()
            unknown -= set(found.values_list(platform, "sku").distinct())
    return unknown


def _of_line(number: int, problem: str) -> str:
    return _("Line %(number)d: %(problem)s") % {"number": number, "problem": problem}


# --- Cells -------------------------------------------------------------------------------------------


def _read_line(line: Line, stored: SkuSettings, rows: Sequence[InventoryItem], reading: Reading) -> None:
    """Add to the reading what the line changes. Raises BadCell."""
    values: dict[str, Any] = {}
    for name, read in READERS.items():
        if name in line.cells:
            value = read(line.cells[name].strip(), name)
            if value != getattr(stored, name):
                values[name] = value
    values |= _cost(line.cells, stored)
    for name, value in values.items():
        _note(reading, line, name, _text(getattr(stored, name), stored), _text(value, stored))
    if values:
        reading.values[line.key] = values
    if "threshold" in line.cells:
        _read_thresholds(line, rows, reading)


def _note(reading: Reading, line: Line, name: str, before: str, after: str) -> None:
    column = "currency" if name == "cost_currency" else name
    reading.differences.append(Difference(line.platform.name, line.cells["sku"], column, before, after))


def _text(value: Any, stored: SkuSettings) -> str:
    if isinstance(value, Decimal):
        return amount_text(value, stored.cost_currency)
    return "" if value is None else str(value)


def _days(text: str, name: str) -> int | None:
    if not text:
        return None
    if not _is_number(text) or int(text) > LONGEST_DAYS:
        words = {"column": name, "value": text[:60], "most": LONGEST_DAYS}
        raise BadCell(_("%(column)s is “%(value)s”; it takes whole days from 0 to %(most)d.") % words)
    return int(text)


def _line_of_text(text: str, name: str) -> str:
    if len(text) > LONGEST_TEXT or not text.isprintable():
        words = {"column": name, "most": LONGEST_TEXT}
        raise BadCell(_("%(column)s takes a line of %(most)d characters at the most.") % words)
    return text


READERS: dict[str, Callable[[str, str], Any]] = {
    "lead_days": _days,
    "target_days": _days,
    "bin": _line_of_text,
    "tag": _line_of_text,
}


def _cost(cells: Mapping[str, str], stored: SkuSettings) -> dict[str, Any]:
    """What becomes different of cost and currency, which belong together. Raises BadCell."""
    if "unit_cost" not in cells and "currency" not in cells:
        return {}
    cost = _amount(cells["unit_cost"].strip()) if "unit_cost" in cells else stored.unit_cost
    currency = cells.get("currency", stored.cost_currency).strip()
    if cost is None:
        currency = ""
    elif not re.fullmatch("[A-Z]{3}", currency):
        text = _("currency is “%(value)s”; a cost needs one of three capital letters, such as EUR.")
        raise BadCell(text % {"value": currency[:60]})
    wanted = {"unit_cost": cost, "cost_currency": currency}
    return {name: value for name, value in wanted.items() if value != getattr(stored, name)}


def _amount(text: str) -> Decimal | None:
    """12.5 or 12,5. Two signs could be taken for thousands and decimals either way, so both are refused."""
    if not text:
        return None
    try:
        amount = Decimal(text.replace(",", ".")) if re.fullmatch(r"[0-9]+([.,][0-9]+)?", text) else None
    except InvalidOperation:
        amount = None
    decimals = len(re.split("[.,]", text)[-1]) if re.search("[.,]", text) else 0
    if amount is None or decimals > COST_DECIMALS or amount >= 10 ** (COST_DIGITS - COST_DECIMALS):
        text = _(
            "unit_cost is “%(value)s”; it takes an amount such as 12.50, without a sign for thousands."
        ) % {"value": text[:60]}
        raise BadCell(text)
    return amount


def _read_thresholds(line: Line, rows: Sequence[InventoryItem], reading: Reading) -> None:
    """Raises BadCell."""
    text, before = " ".join(line.cells["threshold"].split()), threshold_text(rows)
    if text == before:
        return
    if not rows:
        raise BadCell(
            _("No stock is stored of SKU %(sku)s, so it has no threshold.")
            % {"sku": isolated(line.cells["sku"])}
        )
    for row, threshold in zip(rows, _thresholds(text, rows), strict=True):
        if row.threshold != threshold:
            reading.thresholds[threshold].append(row.pk)
    _note(reading, line, "threshold", before, text)


def _thresholds(text: str, rows: Sequence[InventoryItem]) -> list[int | None]:
    """The threshold of each row: of all marketplaces, or by marketplace. Raises BadCell."""
    if "=" not in text:
        threshold = _units(text) if text else None
        return [threshold] * len(rows)
    pairs = [part.partition("=") for part in text.split(" ")]
    by_code = {code: _units(units) for code, _sign, units in pairs}
    codes = {_code(row) for row in rows}
    if unknown := sorted(set(by_code) - codes):
        words = {"codes": ", ".join(unknown)[:60], "known": ", ".join(sorted(codes))}
        raise BadCell(_("threshold names %(codes)s; the SKU is listed in %(known)s.") % words)
    if len(by_code) < len(pairs):
        raise BadCell(_("threshold names a marketplace twice."))
    return [by_code.get(_code(row)) for row in rows]


def _units(text: str) -> int:
    if not _is_number(text) or int(text) > HIGHEST_THRESHOLD:
        words = {"value": text[:60]}
        raise BadCell(
            _("threshold is “%(value)s”; it takes units such as 5, or DE=5 FR=7 by marketplace.") % words
        )
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10
