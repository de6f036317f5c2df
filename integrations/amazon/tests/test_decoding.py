"""An answer means what the standard library reads from it, to the last digit, whichever parser took it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.amazon import normalize
from integrations.amazon.decoding import decode
from simulator import Account
from simulator.render.orders import render_order


def plainly(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


TEXTS = st.text(st.characters(codec=None), max_size=12)  # halves of surrogate pairs among them
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,4})?", fullmatch=True)
BLANKS = st.text(" \t\r\n", max_size=2)


@example(value=2**64, escaped=False, indent=None, separators=(",", ":"))  # nothing stands in front of it
# repr tells 1 from 1.0, -0.0 from 0 and one order of attributes from another, and finds NaN equal to NaN.
@given(VALUES, st.booleans(), st.sampled_from([None, 0, 2]), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_it_reads_any_value_like_the_standard_library(
    value: Any, escaped: bool, indent: int | None, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent, separators=separators)
    body = text.encode("utf-8", "surrogatepass")
    assert repr(decode(body)) == repr(plainly(body))


AROUND = st.sampled_from([("", ""), ("[", "]"), ("[1,", ",2]"), ('{"a":', "}"), ('{"a":[-1],"b":', "}")])


@given(NUMBERS, BLANKS, AROUND)
@example("18446744073709551616", "", ("[", "]"))  # one more than 64 bits
@example("9223372036854775808", "", ("[1,", ",2]"))
@example("-9223372036854775809", "", ('{"a":', "}"))
@example("1e400", "", ("[", "]"))
@example("-0", "", ("[", "]"))
@example("10.10", "", ("[", "]"))
@example("0.1000000000000000055511151231257827", "", ("[", "]"))
@example("2.2250738585072011e-308", "", ("[", "]"))
def test_it_reads_any_number_like_the_standard_library(
    number: str, blanks: str, around: tuple[str, str]
) -> None:
    body = f"{around[0]}{blanks}{number}{blanks}{around[1]}".encode()
    assert plainly(body) is not None
    assert repr(decode(body)) == repr(plainly(body))


SAMPLE = json.dumps(
    {"orders": [{"id": "1-23é", "n": -12.50e-1, "b": [True, None, []]}]}, ensure_ascii=False
).encode()


@given(
    st.integers(0, len(SAMPLE)),
    st.integers(0, 3),
    st.binary(max_size=3) | st.sampled_from([*SAMPLE.split(b"2")]),
)
def test_it_refuses_what_the_standard_library_refuses(position: int, removed: int, put: bytes) -> None:
    """The sample with some bytes taken out, and others in their place."""
    body = SAMPLE[:position] + put + SAMPLE[position + removed :]
    assert repr(decode(body)) == repr(plainly(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\xef\xbb\xbf{}",  # a byte order mark
        b"[NaN, Infinity, -Infinity]",
        b'{"a": 1, "b": 2, "a": 3}',
        b'["\\ud800"]',
        b'["\xed\xa0\x80"]',
        b'["\\ud83d\\ude00"]',
        b'["\\u0000"]',
        b'["\x00"]',
        b'["\xff"]',
        b"[01]",
        b"[1.]",
        b"[.5]",
        b"[+1]",
        b"[1,]",
        b"{'a': 1}",
        b"[] []",
        b"[]\x00",
        b"\x0b[]",
        b"[" * 5000 + b"]" * 5000,
        b"[" + b"1" * 5000 + b"]",
        b'["' + b"1" * 30 + b'", 12345678901234567890123]',
    ],
)
def test_it_agrees_where_parsers_differ(body: bytes) -> None:
    assert repr(decode(body)) == repr(plainly(body))


def test_it_reads_pages_of_orders_like_the_standard_library() -> None:
    account = Account(orders=200)
    datasets = ("FULFILLMENT", "PROCEEDS", "CANCELLATION", "PACKAGES", "TAX", "BUYER", "RECIPIENT")
    page = {"orders": [render_order(account.order(index), datasets) for index in range(200)]}
    body = json.dumps(page, ensure_ascii=False).encode()
    assert repr(decode(body)) == repr(plainly(body)) == repr(page)


@pytest.mark.parametrize("levels", [30, 900, 1000])
@pytest.mark.parametrize("place", ["createdTime", "quantityOrdered", "proceeds", "programs"])
def test_an_order_that_is_nested_without_end_costs_no_other_one(place: str, levels: int) -> None:
    """orjson reads 1,024 levels, which is more than Python can write as text."""
    moment = "2026-01-01T00:00:00Z"
    nested = "[" * levels + "]" * levels
    order = f'{{"orderId":"%s","createdTime":"{moment}","lastUpdatedTime":"{moment}","orderItems":[%s]}}'
    line = '{"orderItemId":"1"}'
    bad = order.replace("[%s]", f'[{{"orderItemId":"1","{place}":{nested}}}],"{place}":{nested}') % "1"
    answer = decode(f"[{bad},{order % ('2', line)}]".encode())

    records, failures = normalize.orders(answer, ())

    assert records[-1].external_id == "2"
    assert {each.external_id for each in failures} <= {"1"}
