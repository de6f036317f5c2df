"""Values as the admin shows them: badges, numbers, money, times. Everything here returns what a template may print."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import Model, TextChoices
from django.template.loader import render_to_string
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.dates import is_meant
from core.format import DASH, Text, clock, grouped, local_datetime, local_short_day, platform_time
from core.markup import joined, markup
from core.money import decimals_of
from core.text import isolated
from platforms.models import Source

SOURCE_COLOURS: dict[str, str] = {Source.MOCK: "warning", Source.SANDBOX: "info"}


def badge(text: Text, colour: str = "", *, title: Text = "", href: str = "") -> SafeString:
    """`colour` is one of unfold's: success, warning, danger, info; grey without."""
    return _badge(str(text), colour, str(title), href)


@lru_cache(maxsize=2048)  # a list shows the same few again and again
def _badge(text: str, colour: str, title: str, href: str) -> SafeString:
    context = {"text": text, "type": colour, "label_title": title, "href": href}
    return mark_safe(render_to_string("unfold/helpers/label.html", context))  # noqa: S308  the template escapes


def label_of(choices: type[TextChoices], value: str) -> str:
    """What `get_…_display` says, which a list of many rows has no time for: a fifteenth of a page."""
    return _label(choices, value, get_language())


@lru_cache(maxsize=1024)
def _label(choices: type[TextChoices], value: str, _language: str | None) -> str:
    try:
        return str(choices(value).label)
    except ValueError:
        return value


def display_of(obj: Model, name: str) -> str:
    """What `get_…_display` says of a field with choices. Django hashes the translations of all choices for each of the
    rows, which is a third of a page of syncs."""
    return _display(type(obj), name, getattr(obj, name), get_language())


@lru_cache(maxsize=2048)
def _display(model: type[Model], name: str, value: Any, _language: str | None) -> str:
    choices = dict(model._meta.get_field(name).flatchoices)  # type: ignore[union-attr]  # a field with choices
    return str(choices.get(value, value))


def badges(*parts: str) -> SafeString:
    """Several badges side by side; they wrap where the page is narrow."""
    return markup('<span class="oms-badges">{}</span>', joined(parts))


def source_badge(source: str) -> SafeString:
    if not source:
        return SafeString(DASH)
    return badge(label_of(Source, source), SOURCE_COLOURS.get(source, ""))


def number(value: Any) -> SafeString:
    """Right-aligned; a dash where it is not known, which is not 0."""
    return _right(DASH if value is None else grouped(value))


def _right(text: str) -> SafeString:
    return markup('<span class="oms-number">{}</span>', text)


def money(amount: Decimal | None, currency: str) -> SafeString:
    """`1,234.50 USD`, with the decimals that the currency has, or more where the amount has them."""
    if amount is None:
        return number(None)
    return markup(
        '<span class="oms-number">{} <small>{}</small></span>', local_amount(amount, currency), currency
    )


def amount_cell(amount: Decimal | None, currency: str) -> SafeString:
    """The same where the currency stands elsewhere."""
    return number(None) if amount is None else _right(local_amount(amount, currency))


def local_amount(amount: Decimal, currency: str) -> str:
    """`1,234.50`, as the reader's language writes it."""
    return number_format(amount, decimal_pos=decimals_of(amount, currency), force_grouping=True)


def datetime_cell(moment: datetime | None) -> SafeString:
    """Day and clock in two lines, for lists; the whole time with its zone in a tooltip."""
    if moment is None:
        return SafeString(DASH)
    text = '<time class="oms-time" datetime="{}" title="{}">{}<span class="oms-when">{}</span></time>'
    local = timezone.localtime(moment)
    day = local_short_day(local, timezone.localtime())
    return markup(text, local.isoformat(), local_datetime(local), day, clock(local))


def platform_time_cell(moment: datetime | None) -> SafeString:
    """The same of a time that a platform reported; some of them stand for none."""
    if moment is not None and not is_meant(moment):
        return stacked(platform_time(moment), "")
    return datetime_cell(moment)


def stacked(first: Any, second: Any) -> SafeString:
    """A value, and a second one in small letters below it."""
    return markup('<span class="oms-nowrap">{}</span><span class="oms-when">{}</span>', first, second)


LONGEST_NAME = 30


def clamped(text: str) -> SafeString:
    """Three lines at most where a list has many columns; the whole text in a tooltip. What is longer loses its middle:
    names of shops begin alike, and differ in their ends."""
    shown = text
    if len(text) > LONGEST_NAME:
        half = LONGEST_NAME // 2
        shown = f"{text[:half].rstrip()}…{text[-half:].lstrip()}"
    return markup('<span class="oms-clamp" title="{}">{}</span>', text, shown)


def shortened(text: str, length: int = 60) -> SafeString:
    """The beginning of the text, cut at a word, with the whole text in a tooltip."""
    if len(text) <= length:
        return markup("{}", text or DASH)
    beginning = (
        text[: length - 1].rsplit(None, 1)[0] if " " in text[: length - 1].strip() else text[: length - 1]
    )
    return markup('<span title="{}">{}…</span>', text, beginning)


def lines_cell(*lines: Any) -> SafeString:
    """Lines of text, for which a row on a phone gets as high as they need; a dash where there is none."""
    shown = format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines))
    return markup('<div class="oms-cell">{}</div>', shown or DASH)


def title_cell(text: str) -> SafeString:
    """A product's title, wide enough to be read in a list."""
    return markup('<span class="oms-title"><bdi>{}</bdi></span>', shortened(text))


def pretty_json(value: Any) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return markup('<pre class="oms-json">{}</pre>', text)


def link_to(obj: Model, text: Text | None = None) -> SafeString:
    """A link to the object's admin page."""
    shown = text if text is not None else obj
    return markup('<a class="oms-link" href="{}">{}</a>', page_address(obj), shown)


def page_address(obj: Model) -> str:
    """Of the object's admin page. Django looks for the pattern anew for each row of a list."""
    name = _page_name(type(obj))
    return numbered_address(name, obj.pk) if isinstance(obj.pk, int) else reverse(name, args=[obj.pk])


def numbered_address(name: str, number: int, *more: str) -> str:
    """`reverse` of a page whose first argument is a number, which is looked up once for all numbers."""
    before, after = _around_number(name, more, get_script_prefix())
    return f"{before}{number}{after}"


def _page_name(model: type[Model]) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_change"


@lru_cache(maxsize=256)
def _around_number(name: str, more: tuple[str, ...], _prefix: str) -> tuple[str, str]:
    before, _number, after = reverse(name, args=[0, *more]).rpartition("/0/")
    return f"{before}/", f"/{after}"


def items_at_a_glance(items: Sequence[tuple[int | None, str]]) -> str:
    """`2 × SKU-1, +3 more` of (quantity, SKU); an unknown quantity is left out."""
    if not items:
        return DASH
    quantity, sku = items[0]
    name = isolated(sku) or DASH
    first = name if quantity is None else f"{quantity} × {name}"
    more = _(", +%(n)d more") % {"n": len(items) - 1} if len(items) > 1 else ""
    return f"{first}{more}"
