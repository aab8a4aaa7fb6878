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


class Written:
    """Whether the texts of a column are numbers as people write them, of as many parts as come.

    Percentages and amounts of money among plain numbers stay texts: who knows what is meant.
    """

    def __init__(self, decimal_comma: bool) -> None:
        self.decimal_comma = decimal_comma
        self._texts = self._present = 0
        self._fits = True
        self._marked = False  # a percentage or an amount of money

    def look(self, column: Column) -> None:
        """At rows of the column."""
        if column.code_row is not None or (column.text_rows and column.texts is None):
            self._fits = False
            return
        self._texts += len(column.text_rows)
        self._present += len(column.numbers) - len(column.missing_rows)
        texts = column.texts or []
        self._fits = self._fits and all(
            number_as_written(texts[row], self.decimal_comma) is not None
            for row in column.text_rows
        )
        self._marked = self._marked or (
            self._fits
            and any(mark in texts[row] for row in column.text_rows for mark in "%" + _SIGNS)
        )

    @property
    def found(self) -> bool:
        mixed = self._marked and self._texts < self._present
        return self._texts > 0 and self._fits and not mixed


def read_written(column: Column, decimal_comma: bool = False) -> bool:
    """Makes numbers of a column all of whose texts are such; whether it was one."""
    seen = Written(decimal_comma)
    seen.look(column)
    if seen.found:
        take_written(column, decimal_comma)
    return seen.found


def take_written(column: Column, decimal_comma: bool) -> None:
    """Makes numbers of the texts of a column of which `Written` has found that they are such."""
    texts = column.texts or []
    if decimal_comma:  # 1.234 beside 1.234,50 is a thousand too
        for row, text in enumerate(texts):
            if "," not in text and _GROUPED.search(text):
                value = number_as_written(text, True)
                if value is not None:
                    column.numbers[row] = value
    left = []
    for row in column.text_rows:
        value = number_as_written(texts[row], decimal_comma)
        if value is None:  # of a file that was changed meanwhile
            left.append(row)
        else:
            column.numbers[row] = value
    column.text_rows = left
