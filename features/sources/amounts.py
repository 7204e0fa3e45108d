"""A column of amounts, typed or written, as numbers; decimal mark and currency are decided on all of it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.problems import InputProblem
from features.sources.raw import one_line
from features.sources.text import MISSING, Mask, as_text, cleaned

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_GROUPED_DOTS = r"^[+-]?\d{1,3}(\.\d{3})+$"
_MIXED_SHARE = 0.01
LARGEST_VALUE = 1e30  # larger amounts are no finite number to a 32-bit feature that adds them up
_LONGEST = 60
_NO_VALUE = (*MISSING, "NA", "-")
_SYMBOLS = {
    "$": "$", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD",
    "S$": "SGD", "R$": "BRL", "MX$": "MXN", "€": "EUR", "£": "GBP", "¥": "¥", "￥": "¥", "₹": "INR", "Rs": "INR",
    "Rs.": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₫": "VND", "฿": "THB", "₴": "UAH", "₪": "ILS", "₦": "NGN",
    "₱": "PHP", "zł": "PLN", "Kč": "CZK", "kr": "kr", "kr.": "kr", "Fr.": "CHF", "Ft": "HUF", "元": "CNY",
    "円": "JPY", "RMB": "CNY",
}  # fmt: skip
_CODES = {
    "USD", "EUR", "GBP", "JPY", "CNY", "AUD", "CAD", "CHF", "SEK", "NOK", "DKK", "ISK", "PLN", "CZK", "HUF", "RON",
    "BGN", "RUB", "UAH", "TRY", "ILS", "AED", "SAR", "QAR", "KWD", "EGP", "ZAR", "NGN", "KES", "GHS", "MAD", "INR",
    "PKR", "BDT", "LKR", "IDR", "MYR", "SGD", "THB", "VND", "PHP", "KRW", "TWD", "HKD", "NZD", "MXN", "BRL", "ARS",
    "CLP", "COP", "PEN", "UYU", "KZT", "GEL", "RSD",
}  # fmt: skip
_SHARED = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"),
    "¥": ("CNY", "JPY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2019": "'"})
_NO_COMMAS = str.maketrans("", "", ",' ")
_NO_DOTS = str.maketrans(",", ".", ".' ")
_WRITTEN = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<before>[^\d\s.,+'()-][^\d\s+'()-]*)?\s*(?P<inner>[+-]?)\s*"
    r"(?P<number>[.,]?\d[\d.,' ]*?)\s*(?P<after>[^\d\s.,+'()-][^\d\s+'()-]*)?\s*(?P<trailing>-?)"
)
_AS_DOT = re.compile(r"(\d+|\d{1,3}(?:[,' ]\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(\.\d*)?|\.\d+")
_AS_COMMA = re.compile(r"(\d+|\d{1,3}(?:[.' ]\d{3})+)(,\d*)?|,\d+")

Numbers = npt.NDArray[np.float64]


class Amounts(NamedTuple):
    """values: (n,) NaN where there is none.  bad: (n,) whether a value is there but is not a finite number.

    currencies: rows by currency as written in the column.  notes: sentences about what was found.
    """

    values: Numbers
    bad: Mask
    currencies: Counter[str]
    notes: tuple[str, ...]


class _Unusual(NamedTuple):
    """A value that is not a plain number, before the decimal mark is known.

    dot, comma: what it amounts to with a decimal point, and with a decimal comma; None where that cannot be.
    """

    digits: str
    currency: str
    dot: float | None
    comma: float | None


def read_amounts(pieces: Sequence[pa.Array], name: str = "value") -> Amounts:
    """Read a column: typed numbers as they are, written ones with one decimal mark.

    Raises InputProblem (code mixed_numbers) when both decimal marks are in use.
    """
    typed = [_typed(piece) for piece in pieces]
    texts = [as_text(piece) for piece, found in zip(pieces, typed, strict=True) if found is None]
    written = _written(texts, name)
    values, bad, at = [], [], 0
    for piece, numbers in zip(pieces, typed, strict=True):
        if numbers is None:
            values.append(written.values[at : at + len(piece)])
            bad.append(written.bad[at : at + len(piece)])
            at += len(piece)
        else:
            values.append(numbers)
            bad.append(~(np.abs(numbers) <= LARGEST_VALUE) & np.asarray(piece.is_valid()))
    return Amounts(np.concatenate([np.empty(0), *values]), np.concatenate([np.empty(0, bool), *bad]), *written[2:])


def _typed(piece: pa.Array) -> Numbers | None:
    kind = piece.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return None
    wide = piece.cast(pa.float64(), safe=False)
    return np.asarray(wide.fill_null(math.nan))


def _written(texts: Sequence[pa.Array], name: str) -> Amounts:
    column = cleaned(texts, _NO_VALUE)
    plain = pc.fill_null(pc.match_substring_regex(column, _PLAIN), False)
    unusual = np.asarray(pc.and_(pc.is_valid(column), pc.invert(plain)))
    numbers = pc.cast(pc.if_else(plain, column, pa.scalar(None, pa.string())), pa.float64())
    values = np.asarray(numbers.fill_null(math.nan)).astype(np.float64)
    currencies: Counter[str] = Counter()
    notes: tuple[str, ...] = ()
    if unusual.any():
        rows = np.flatnonzero(unusual)
        coded = column.take(pa.array(rows)).combine_chunks().dictionary_encode()
        index = np.asarray(coded.indices)
        counts = np.bincount(index, minlength=len(coded.dictionary))
        found = [_parse(text) for text in coded.dictionary.to_pylist()]
        mark, notes = _decimal_mark(found, counts, column, plain, name)
        values[rows] = np.array([_number(one, mark) for one in found])[index]
        if mark == ",":
            values = _undotted(column, plain, values)
        for one, count in zip(found, counts.tolist(), strict=True):
            if one is not None and one.currency:
                currencies[one.currency] += count
    there = np.asarray(pc.is_valid(column))
    return Amounts(values, there & ~(np.abs(values) <= LARGEST_VALUE), currencies, notes)


def _parse(text: str) -> _Unusual | None:
    """Take sign, brackets and currency off a written amount; None when it is something else."""
    bare = text.translate(_BLANKS).strip()
    bracketed = bare.startswith("(") and bare.endswith(")")
    if len(bare) > _LONGEST:
        return None
    match = _WRITTEN.fullmatch(bare[1:-1].strip() if bracketed else bare)
    if match is None:
        return None
    marks = [match[part] for part in ("before", "after") if match[part]]
    names = [currency_name(mark) for mark in marks]
    if "" in names or len(set(names)) > 1:
        return None
    minus = [match[part] for part in ("sign", "inner", "trailing")].count("-") + bracketed
    if minus > 1:
        return None
    digits, sign = match["number"], -1 if minus else 1
    return _Unusual(digits, names[0] if names else "", _as_dot(digits, sign), _as_comma(digits, sign))


def currency_name(mark: str) -> str:
    """The currency of a symbol or ISO code as one name; '' when it is neither."""
    if mark in _SYMBOLS:
        return _SYMBOLS[mark]
    return mark.upper() if mark.upper() in _CODES else ""


def _as_dot(digits: str, sign: int) -> float | None:
    return sign * float(digits.translate(_NO_COMMAS)) if _AS_DOT.fullmatch(digits) else None


def _as_comma(digits: str, sign: int) -> float | None:
    return sign * float(digits.translate(_NO_DOTS)) if _AS_COMMA.fullmatch(digits) else None


def _number(one: _Unusual | None, mark: str) -> float:
    value = None if one is None else one.dot if mark == "." else one.comma
    return math.nan if value is None else value


def _decimal_mark(
    found: Sequence[_Unusual | None],
    counts: npt.NDArray[np.int64],
    column: pa.ChunkedArray,
    plain: pa.ChunkedArray,
    name: str,
) -> tuple[str, tuple[str, ...]]:
    """The decimal mark of the column, by the values that only one of the two can explain."""
    votes, example, open_ones = Counter[str](), {".": "", ",": ""}, ""
    for one, count in zip(found, counts.tolist(), strict=True):
        if one is None:
            continue
        if one.dot is not None and one.comma is not None and one.dot != one.comma:
            open_ones = open_ones or (one.digits if "," in one.digits else "")
        elif (one.dot is None) != (one.comma is None):
            mark = "." if one.comma is None else ","
            votes[mark] += count
            example[mark] = one.digits
    if votes[","]:
        dotted = pc.filter(column, pc.and_(plain, pc.match_substring(column, ".")))
        sure = dotted.filter(pc.invert(pc.match_substring_regex(dotted, _GROUPED_DOTS)))
        votes["."] += len(sure)
        example["."] = example["."] or (sure[0].as_py() if len(sure) else "")
    if min(votes["."], votes[","]) > _MIXED_SHARE * (votes["."] + votes[","]):
        raise _mixed(votes, example, name)
    if votes[","] > votes["."]:
        return ",", (f"'{name}' has a decimal comma, as in '{example[',']}'.",)
    if open_ones and not votes["."]:
        return ".", (
            f"'{name}' has commas only before three digits, as in '{open_ones}'; they were read as thousands.",
        )
    return ".", ()


def _mixed(votes: Counter[str], example: Mapping[str, str], name: str) -> InputProblem:
    return InputProblem(
        f"The column '{name}' mixes decimal points ('{example['.']}', {votes['.']:,} rows) and decimal commas "
        f"('{example[',']}', {votes[',']:,} rows), so that an amount such as 1,234 has two meanings. "
        "Write the source with one.",
        "mixed_numbers",
    )


def _undotted(column: pa.ChunkedArray, plain: pa.ChunkedArray, values: Numbers) -> Numbers:
    """In a column with a decimal comma, 1.234 is a thousand and 12.5 is not a number."""
    dotted = np.asarray(pc.fill_null(pc.and_(plain, pc.match_substring(column, ".")), False))
    rows = np.flatnonzero(dotted)
    texts = column.take(pa.array(rows))
    grouped = np.asarray(pc.match_substring_regex(texts, _GROUPED_DOTS))
    whole = pc.cast(pc.replace_substring(texts, ".", ""), pa.float64(), safe=False) if grouped.all() else None
    out = values.copy()
    out[rows] = (
        np.asarray(whole)
        if whole is not None
        else [
            float(text.replace(".", "")) if is_grouped else math.nan
            for text, is_grouped in zip(texts.to_pylist(), grouped.tolist(), strict=True)
        ]
    )
    return out


def one_currency(counts: Mapping[str, int], name: str) -> tuple[str, ...]:
    """A note that names the one currency; nothing when there is none.

    counts: rows by currency.  Raises InputProblem (code several_currencies) when there is more than one.
    """
    merged = Counter(counts)
    for sign, codes in _SHARED.items():
        same = [code for code in codes if merged[code]]
        if merged[sign] and len(same) == 1:
            merged[same[0]] += merged.pop(sign)
    merged = +merged
    if len(merged) > 1:
        shown = ", ".join(f"{currency} in {count:,} rows" for currency, count in merged.most_common(8))
        raise InputProblem(
            f"The amounts in '{name}' are in {len(merged)} currencies: {one_line(shown, 300)}. "
            "They cannot be added up. "
            "Convert them to one currency in the source, or point winback at the events of one currency at a time.",
            "several_currencies",
        )
    return tuple(f"Amounts in '{name}' are in {currency}." for currency in merged)
