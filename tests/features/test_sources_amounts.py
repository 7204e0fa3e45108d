"""Columns of amounts: one decimal mark, one currency, and nothing that is not a finite number."""

from __future__ import annotations

import decimal
import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.problems import InputProblem
from features.sources.amounts import one_currency, read_amounts


def read(*texts: str | None) -> list[float | str | None]:
    """Each value; None where there is none, 'bad' where it is not a finite number."""
    found = read_amounts([pa.array(texts, pa.string())])
    return [
        "bad" if bad else None if math.isnan(value) else float(value)
        for value, bad in zip(found.values, found.bad, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("12.50", 12.5), ("-3", -3), ("+7", 7), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("1.5E-2", 0.015),
        ("$1,234.50", 1234.5), ("1,234,567", 1234567), ("1,23,456.00", 123456), ("(12.00)", -12), ("($1,234.50)",
        -1234.5),
        ("-$5", -5), ("$-5", -5), ("12.00-", -12), ("USD 12.50", 12.5), ("12.50 USD", 12.5), ("5 €", 5), ("£5", 5),
        ("R$ 5", 5),
        ("1 234.50", 1234.5), ("1'234.50", 1234.5), ("\u2212 5", -5), ("12\u00a0kr", 12),
        ("", None), ("NULL", None), ("null", None), ("\\N", None), ("N/A", None), ("None", None), (" ", None),
        (None, None),
        ("NaN", "bad"), ("nan", "bad"), ("inf", "bad"), ("-Infinity", "bad"), ("abc", "bad"), ("1e999", "bad"),
        ("1_000", "bad"),
        ("5%", "bad"), ("12 apples", "bad"), ("0x1F", "bad"), ("--5", "bad"), ("(-5)", "bad"), ("1.2.3", "bad"),
        ("$", "bad"),
        ("1,2,3", "bad"), ("5" * 30, float("5" * 30)), ("5" * 100, "bad"), ("9" * 400, "bad"), ("$" + "1 " * 100, "bad"), ("5 €$", "bad"),
    ],
)  # fmt: skip
def test_written_amounts(text: str | None, value: float | str | None) -> None:
    # Seen to fail with brackets taken off without the minus.
    assert read(text, "1.25") == [value, 1.25]


def test_decimal_commas_are_decided_on_the_whole_column() -> None:
    # Seen to fail with a mark for each value: "1.234" stayed 1.234 beside "12,50".
    assert read("1.234,50", "12,5", "1.234", "7", "1.234.567") == [1234.5, 12.5, 1234, 7, 1234567]
    assert read("1,234.50", "1,234", "1.234") == [1234.5, 1234, 1.234]
    assert read(*["12,50"] * 300, "12.5", "1.234") == [12.5] * 300 + ["bad", 1234]
    assert "decimal comma" in read_amounts([pa.array(["12,5"])]).notes[0]


def test_commas_that_may_be_either_are_thousands_with_a_note() -> None:
    found = read_amounts([pa.array(["1,234", "12"])])
    assert found.values.tolist() == [1234, 12]
    assert "read as thousands" in found.notes[0]


def test_both_decimal_marks_are_a_problem() -> None:
    with pytest.raises(InputProblem, match="mixes decimal points") as caught:
        read("12.50", "12,50")
    assert caught.value.code == "mixed_numbers"


@settings(max_examples=100, deadline=None)
@given(
    numbers=st.lists(st.floats(-1e12, 1e12).map(lambda x: round(x, 2)), min_size=1, max_size=20), comma=st.booleans()
)
def test_formatted_amounts_are_read_back(numbers: list[float], comma: bool) -> None:
    texts = [f"{number:,.2f}" for number in numbers]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    assert read(*(swapped if comma else texts)) == numbers


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([1, None, -3], pa.int32()), [1, None, -3]),
        (pa.array([0.5, math.nan, math.inf, None], pa.float32()), [0.5, "bad", "bad", None]),
        (pa.array([decimal.Decimal("12.34")]), [12.34]),
        (pa.array([True]), ["bad"]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_typed_amounts(column: pa.Array, values: list[object]) -> None:
    found = read_amounts([column])
    shown = [
        "bad" if b else None if math.isnan(v) else v for v, b in zip(found.values.tolist(), found.bad, strict=True)
    ]
    assert shown == values


def test_several_currencies_are_a_problem_with_counts() -> None:
    # Seen to fail with symbols stripped and not counted: euros were added to dollars.
    counts = read_amounts([pa.array(["$5", "€6", "7 EUR", "8", "US$ 9"])]).currencies
    assert counts == {"$": 1, "EUR": 2, "USD": 1}
    with pytest.raises(InputProblem, match="EUR in 2 rows, USD in 2 rows") as caught:
        one_currency(counts, "value")
    assert caught.value.code == "several_currencies"


def test_a_sign_and_its_code_are_one_currency() -> None:
    assert one_currency({"$": 5, "CAD": 1}, "value") == ("Amounts in 'value' are in CAD.",)
    assert one_currency({}, "value") == ()
    with pytest.raises(InputProblem):
        one_currency({"$": 5, "CAD": 1, "USD": 1}, "value")
