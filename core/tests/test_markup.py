"""core/markup.py: the same as Django's `format_html`, value by value."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from core.markup import escaped, markup


class Html:
    """An object that says itself what it is as HTML."""

    def __html__(self) -> str:
        return "<i>own</i>"

    def __repr__(self) -> str:
        return "Html"


VALUES = (
    "plain", "", "<script>alert(1)</script>", "\"double\" & 'single'", "100 % {}", "%s %(name)s", "שלום", 0, -5, None,
    True, Decimal("1.50"), 1.5, SafeString("<b>kept</b>"), SafeString(""), gettext_lazy("<lazy>"), Html(), ["<", ">"],
)  # fmt: skip
TEXTS = ('<span title="{}">100 % {}</span>', "{}{}", "{} {{kept}} {}", "%s {} %(name)s {}")


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("text", TEXTS)
def test_it_is_what_django_makes_of_it(text: str, value: Any) -> None:
    made = markup(text, value, "<&>")
    assert made == format_html(text, value, "<&>")
    assert type(made) is SafeString


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_escaped_as_django_does(value: Any) -> None:
    assert escaped(value) == conditional_escape(value)


def test_a_text_without_places_is_kept() -> None:
    assert markup("<br> 100 %") == "<br> 100 %"


@pytest.mark.parametrize("values", [(), ("a",), ("a", "b", "c")])
def test_values_that_do_not_fit_are_an_error(values: tuple[str, ...]) -> None:
    with pytest.raises(TypeError):
        markup("{} {}", *values)


@pytest.mark.parametrize("text", ["{0}", "{name}", "{:>5}", "{!r}"])
def test_only_bare_places_are_taken(text: str) -> None:
    with pytest.raises(ValueError, match="Only"):
        markup(text, "a")
