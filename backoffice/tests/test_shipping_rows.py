"""What the pages of shipping make without templates: the rows of many orders, and the choice of a carrier."""

import re
from typing import Any

import pytest
from django.forms import Select

from backoffice.shipping.forms import CarrierSelect
from backoffice.shipping.many import Line, Units
from backoffice.shipping.many_rows import rows_html
from orders.models import Order, OrderItem

EVIL = "\"><script>alert('1')</script>"
ESCAPED = "&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;"
CHOICES = [
    ("", [("", "–")]),
    ("Recent <ones>", [("dhl", "DHL & co"), ("other", "Other…")]),
    ("All", [("ups", 'UPS "fast"'), ("a<b", "<b>")]),
]


class ByDjango(CarrierSelect):
    """The same widget by Django's templates."""

    _render = Select._render  # type: ignore[attr-defined]  # the annotations of Django leave it out


def line(**changed: Any) -> Line:
    units = [Units(OrderItem(), "units-7", EVIL, EVIL, "1", 2)]
    labels = {"tracking_number": EVIL, "carrier": EVIL, "service": EVIL}
    given = {"left": {}, "units": units, "badge": "", "source": "", "picture": "", "carriers": 3, **changed}
    return Line(order=Order(external_id=EVIL), pk="5", href="/admin/5/", labels=labels, **given)


@pytest.mark.parametrize("chosen", ["", "dhl", "other", "a<b", "unknown", None])
def test_carriers_are_the_options_that_django_makes(chosen: str | None) -> None:
    attributes = {"class": "oms-input", "aria-describedby": 'a "b"', "required": True, "disabled": False}
    own, django = (kind(attributes, choices=CHOICES) for kind in (CarrierSelect, ByDjango))
    own.other = django.other = "other"

    made, expected = (re.sub(r">\s+<", "><", widget.render("carrier", chosen)) for widget in (own, django))

    assert made == expected
    assert ("selected" in made) == (chosen not in ("unknown",))


def test_nothing_of_an_order_is_markup() -> None:
    texts = {"tracking_number": EVIL, "carrier": EVIL, "service": EVIL, "problem": EVIL}

    html = rows_html([line(**texts)])

    assert "<script" not in html
    assert html.count(ESCAPED) == 11


def test_only_the_first_row_has_the_cursor_and_each_has_the_carriers_of_its_marketplace() -> None:
    html = rows_html([line(), line(carriers=4)])

    assert html.count(" autofocus>") == 1
    assert (
        html.index(" autofocus>") < html.index('list="oms-carriers-3"') < html.index('list="oms-carriers-4"')
    )


@pytest.mark.parametrize(
    ("state", "words", "has_box"),
    [
        ({}, '<span class="oms-unseen">not entered</span>', False),
        ({"is_good": True}, '<span class="oms-verdict-good">can be shipped</span>', False),
        ({"problem": "No."}, '<span class="oms-when">No.</span></td>', False),
        (
            {"problem": "No.", "is_same": True},
            '<span class="oms-when">No.</span><label class="oms-tick">',
            True,
        ),
    ],
)
def test_each_row_says_its_verdict(state: dict[str, Any], words: str, has_box: bool) -> None:
    html = rows_html([line(**state)])

    assert words in html
    assert ('name="same-5"' in html) == has_box


def test_what_is_less_than_all_is_open() -> None:
    whole = [Units(OrderItem(), "units-7", "of 2", "2 × A", "2", 2)]

    assert '<details class="oms-units" open>' in rows_html([line()])
    assert '<details class="oms-units"><summary>2 × A</summary>' in rows_html([line(units=whole)])
