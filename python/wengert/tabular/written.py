"""Numbers as people write them: `1,234.50`, `1.234,50`, `12 %`, `$5`, `(3.20)`."""

from __future__ import annotations

import re

from .table import Column

_SIGNS = "$€£¥"


def _pattern(point: str, between: str) -> re.Pattern[str]:
    """Digits with a separator of thousands (one of `between`) or none, and decimals."""
    group = rf"\d{{1,3}}(?:(?P<mark>[{between}])\d{{3}}(?:(?P=mark)\d{{3}})*)|\d+"
    return re.compile(rf"([+-]?)(?:{group})(?:{point}\d+)?|([+-]?){point}\d+")


_ENGLISH = _pattern(r"\.", ",' \u00a0\u202f")
_CONTINENTAL = _pattern(",", ".' \u00a0\u202f")
_GROUPED = re.compile(r"\d[,.' \u00a0\u202f]\d{3}(?!\d)")


def number_as_written(text: str, decimal_comma: bool) -> float | None:
    """The number; a percentage is not divided by 100. None for any other text."""
    bare = text.strip()
    sign = 1.0
    if bare.startswith("(") and bare.endswith(")"):  # as in accounts
        bare, sign = bare[1:-1].strip(), -1.0
    if bare.startswith("-"):  # -$5
        bare, sign = bare[1:].strip(), -sign
    bare = bare.strip("%" + _SIGNS + " \u00a0") if bare else bare
    pattern = _CONTINENTAL if decimal_comma else _ENGLISH
    if not bare.isascii() and not bare.replace("\u00a0", "").replace("\u202f", "").isascii():
        return None
    if pattern.fullmatch(bare) is None:
        return None
    point, other = (",", ".") if decimal_comma else (".", ",")
    for separator in (other, "'", " ", "\u00a0", "\u202f"):
        bare = bare.replace(separator, "")
    return sign * float(bare.replace(point, "."))


def read_written(column: Column, decimal_comma: bool = False) -> bool:
    """Makes numbers of a column all of whose texts are such; whether it was one.

    Percentages and amounts of money among plain numbers stay texts: who knows what is meant.
    """
    if not column.text_rows or column.texts is None or column.code_row is not None:
        return False
    present = len(column.texts) - len(column.missing_rows)
    if len(column.text_rows) < present and any(
        mark in column.texts[row] for row in column.text_rows for mark in "%" + _SIGNS
    ):
        return False
    found = [number_as_written(column.texts[row], decimal_comma) for row in column.text_rows]
    if any(value is None for value in found):
        return False
    if decimal_comma:  # 1.234 beside 1.234,50 is a thousand too
        for row, text in enumerate(column.texts):
            if "," not in text and _GROUPED.search(text):
                value = number_as_written(text, True)
                if value is not None:
                    column.numbers[row] = value
    for row, value in zip(column.text_rows, found, strict=True):
        column.numbers[row] = value
    column.text_rows = []
    return True
