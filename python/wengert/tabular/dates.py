"""Dates as they stand in tables, and the numbers that become of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np

#: What a date is taken apart into; a network is given those of them that differ in a table.
PARTS = ("days", "year", "month", "day", "weekday", "hour")
ORDERS = ("ymd", "dmy", "mdy")

_DATE = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp][Mm])?\s*"
    r"(Z|UTC|[+-]\d{2}:?\d{2})?)?"
)  # fmt: skip
_YEAR_FIRST = re.compile(r"\d{4}-")
_EPOCH = datetime(1970, 1, 1)


def parse_date(text: str, order: str) -> datetime | None:
    """`2024-03-05`, `5.3.2024 14:30`, `3/5/24 2:30 PM`; None for what is no date in this order.

    A time zone is taken into account: the answer is in UTC then.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    cells = dict(zip(order, (found[1], found[3], found[4]), strict=True))
    if len(cells["m"]) > 2 or len(cells["d"]) > 2 or len(cells["y"]) not in (2, 4):
        return None
    year = int(cells["y"])
    if len(cells["y"]) == 2:  # as POSIX has it
        year += 1900 if year >= 69 else 2000
    hour, minute, second = (int(found[i] or 0) for i in (5, 6, 7))
    if found[8]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[8].lower() == "pm" else 0)
    try:
        when = datetime(year, int(cells["m"]), int(cells["d"]), hour, minute, second)
        zone = found[9]
        if zone and zone not in ("Z", "UTC"):
            aware = datetime.strptime(zone.replace(":", ""), "%z").tzinfo
            when = when.replace(tzinfo=aware).astimezone(timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return when


def date_order(texts: Sequence[str]) -> str | None:
    """The order of day, month and year in which all texts, but empty ones, are dates.

    Where several fit, that of the day first, as most of the world writes it. None if none fits.
    """
    present = list(dict.fromkeys(text for text in texts if text))
    if not present:
        return None
    for order in ORDERS:
        if all(parse_date(text, order) is not None for text in present):
            return order
    return None


def date_numbers(texts: Sequence[str], order: str, part: str = "days") -> np.ndarray:
    """One of `PARTS` of each date; NaN for what is none. Days are counted from 1970-01-01.

    Dates such as 2024-03-05 are known in any order.
    """
    known = {text: _part(text, order, part) for text in set(texts)}
    return np.array([known[text] for text in texts], np.float64)


def _part(text: str, order: str, part: str) -> float:
    when = parse_date(text, order)
    if when is None and _YEAR_FIRST.match(text):  # as NumPy and databases write it: it is clear
        when = parse_date(text, "ymd")
    if when is None:
        return float("nan")
    if part == "days":
        return (when - _EPOCH).total_seconds() / 86400
    if part == "weekday":
        return float(when.weekday())
    if part == "hour":
        return when.hour + when.minute / 60
    return float(getattr(when, part))
