"""The table of the page that ships many orders, as HTML.

A template asks its whole context for each of forty names in each of 200 rows, which is half of the time of the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.shipping.many import Line, Units
from core.markup import joined, markup

HEAD = (
    '<td class="oms-card-head oms-card-wide"><div{}>{}<div><a class="oms-link oms-nowrap" href="{}">{}</a> {}{} '
    '<details class="oms-units"{}><summary>{}</summary>{}</details></div></div></td>'
)
UNITS = (
    '<label><input class="oms-input" type="number" inputmode="numeric" min="0" max="{}" value="{}" '
    'data-oms-units="{}" disabled> {}<span class="oms-unseen"> ({})</span></label>'
)
NUMBER = (
    '<td data-label="{}"><input class="oms-input" name="tracking_number-{}" value="{}" maxlength="255" '
    'autocomplete="off" spellcheck="false" placeholder="{}" data-oms-tracking aria-label="{}"{}></td>'
)
FIELD = (
    '<td data-label="{}"><input class="oms-input" name="{}-{}" value="{}" maxlength="255" autocomplete="off"{} '
    'placeholder="{}" aria-label="{}"></td>'
)
REFUSED = '<span class="oms-verdict-refused">{}</span><span class="oms-when">{}</span>{}'
SAME = '<label class="oms-tick"><input type="checkbox" name="same-{}" value="1"> {}</label>'
GOOD, NONE = '<span class="oms-verdict-good">{}</span>', '<span class="oms-unseen">{}</span>'
WITH_PICTURE = SafeString(' class="oms-with-thumb"')


@dataclass(frozen=True, slots=True)
class _Words:
    """What each row says, looked up once."""

    as_above: str = field(default_factory=lambda: _("as above"))
    tracking_number: str = field(default_factory=lambda: _("Tracking number"))
    carrier: str = field(default_factory=lambda: _("Carrier"))
    service: str = field(default_factory=lambda: _("Service"))
    not_shipped: str = field(default_factory=lambda: _("not shipped"))
    can_be_shipped: str = field(default_factory=lambda: _("can be shipped"))
    not_entered: str = field(default_factory=lambda: _("not entered"))
    in_this_parcel: str = field(default_factory=lambda: _("Both orders are in this parcel"))


def rows_html(lines: Iterable[Line]) -> SafeString:
    """A row for each order: its contents, the fields, and the verdict. The first field has the cursor."""
    words = _Words()
    return joined(_row(line, words, is_first=not at) for at, line in enumerate(lines))


def _row(line: Line, words: _Words, *, is_first: bool) -> SafeString:
    focus, listed = " autofocus" if is_first else "", markup(' list="oms-carriers-{}"', line.carriers)
    return markup(
        '<tr>{}{}{}{}<td class="oms-card-wide">{}</td></tr>',
        _head(line),
        markup(
            NUMBER, words.tracking_number, line.pk, line.tracking_number, words.tracking_number,
            line.labels["tracking_number"], focus,
        ),
        markup(FIELD, words.carrier, "carrier", line.pk, line.carrier, listed, words.as_above, line.labels["carrier"]),
        markup(FIELD, words.service, "service", line.pk, line.service, "", words.as_above, line.labels["service"]),
        _verdict(line, words),
    )  # fmt: skip


def _head(line: Line) -> SafeString:
    """Less than all that is left, where somebody says so. The script of the page sends what was lowered."""
    name = line.order.external_id
    units = joined(_units(each, name) for each in line.units)
    picture, is_open = WITH_PICTURE if line.picture else "", " open" if line.is_part else ""
    shown = (line.picture, line.href, name, line.badge, line.source)
    return markup(HEAD, picture, *shown, is_open, line.contents, units)


def _units(units: Units, order: str) -> SafeString:
    return markup(UNITS, units.most, units.entered, units.field, units.label, order)


def _verdict(line: Line, words: _Words) -> SafeString:
    if line.problem:
        same = markup(SAME, line.pk, words.in_this_parcel) if line.is_same else ""
        return markup(REFUSED, words.not_shipped, line.problem, same)
    return markup(GOOD, words.can_be_shipped) if line.is_good else markup(NONE, words.not_entered)
