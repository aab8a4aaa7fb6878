"""From columns to the inputs of a network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from .dates import ORDERS, PARTS, date_numbers, date_order
from .errors import TabularError, quoted
from .table import Column, Table

MOST_CATEGORIES = 256  # different texts in one column
FEW_NUMBERS = 20  # so many different numbers may be the names of classes or categories
FAR_OUT = 20.0  # standard deviations beyond what was seen
_SHOWN = 5  # texts in a note

#: An object of a JSON file, as `json` reads it.
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Treatment:
    """What becomes of cells that are not what their column is.

    `missing`: "fill" gives empty cells of numbers the median and an input of their own, and those
    of texts a category; "error" refuses them. `lenient` takes texts in a column of numbers for
    missing values. `categorical` names columns whose numbers are texts. `scaling` "robust" takes
    the median and the distance of the quartiles for the mean and the deviation, `clip` bends what
    is far out to less than 3.
    """

    missing: str = "fill"
    lenient: bool = False
    categorical: Sequence[str] = ()
    scaling: str = "standard"
    clip: bool = False


@dataclass
class Feature:
    """How one column becomes inputs: standardised, or one input per category.

    `mean` and `std` may be the median and the distance of the quartiles; with `clip` a standardised
    x becomes x / sqrt(1 + (x / 3)^2). `fill` is what stands for a missing number (None: it is
    refused), `indicator` whether an input says that it was missing, `low` and `high` are the least
    and the greatest number seen. A missing text is the category "", where `accepts_empty`.
    `part` is what of the dates in the column `source` is taken, `order` how they are written.
    """

    name: str
    mean: float = 0.0
    std: float = 1.0
    categories: list[str] | None = None
    fill: float | None = None
    indicator: bool = False
    lenient: bool = False
    low: float | None = None
    high: float | None = None
    accepts_empty: bool = False
    clip: bool = False
    source: str = ""
    part: str = ""
    order: str = ""

    @property
    def width(self) -> int:
        return 1 + self.indicator if self.categories is None else len(self.categories)

    def to_json(self) -> Json:
        if self.categories is not None:
            return {"name": self.name, "kind": "categorical", "categories": self.categories,
                    "accepts_empty": self.accepts_empty}  # fmt: skip
        names = ("mean", "std", "fill", "indicator", "lenient", "low", "high")
        found = {"name": self.name, "kind": "numeric", **{n: getattr(self, n) for n in names}}
        if self.part:
            found |= {"source": self.source, "part": self.part, "order": self.order}
        return {**found, "clip": True} if self.clip else found

    @classmethod
    def from_json(cls, data: Json) -> Feature:
        """ValueError, KeyError or TypeError for what `to_json` does not write."""
        name = str(data["name"])
        if data["kind"] == "categorical":
            texts = [str(text) for text in data["categories"]]
            return cls(name, categories=texts, accepts_empty=bool(data.get("accepts_empty")))
        if data["kind"] != "numeric" or not float(data["std"]) > 0:
            raise ValueError(f"column {name!r}")
        feature = cls(name, float(data["mean"]), float(data["std"]))
        for key in ("fill", "low", "high"):
            if data.get(key) is not None:
                setattr(feature, key, float(data[key]))
        feature.indicator, feature.lenient = bool(data.get("indicator")), bool(data.get("lenient"))
        feature.clip = bool(data.get("clip"))
        feature.source, feature.part = str(data.get("source", "")), str(data.get("part", ""))
        feature.order = str(data.get("order", ""))
        if feature.part and (feature.part not in PARTS or feature.order not in ORDERS):
            raise ValueError(f"column {name!r}: {feature.part} of dates {feature.order}")
        return feature


@dataclass
class Strange:
    """Texts of a column that are none of its categories: where the first is, some, how many."""

    where: str
    texts: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, texts: Sequence[str]) -> None:
        self.count += len(texts)
        self.texts = list(dict.fromkeys([*self.texts, *texts]))[: _SHOWN + 1]


@dataclass
class Notes:
    """What encoding tables, one or the parts of one, came across that a user should know."""

    rows: int = 0
    strange: dict[str, Strange] = field(default_factory=dict)  # texts by column
    far_out: int = 0
    filled: dict[str, int] = field(default_factory=dict)  # missing numbers by column

    @property
    def unknown(self) -> list[str]:
        """A line for each column with texts that are none of its categories."""
        lines = []
        for found in self.strange.values():
            shown = ", ".join(quoted(text) for text in found.texts[:_SHOWN])
            more = ", ..." if len(found.texts) > _SHOWN else ""
            lines.append(
                f"{found.where}: unknown category {shown}{more} in {found.count} of {self.rows} "
                "rows; treated as none of the known ones"
            )
        return lines

    def filled_line(self) -> str:
        """`missing values filled in: 'age' 3, 'fare' 1`, or an empty text."""
        if not self.filled:
            return ""
        shown = [f"{quoted(name)} {count}" for name, count in list(self.filled.items())[:8]]
        more = ", ..." if len(self.filled) > 8 else ""
        return f"missing values filled in: {', '.join(shown)}{more}"


# ------------------------------------------------------------------- what a column is


_LOOKS = [
    ("dates", re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ]\d{1,2}:\d{2}.*)?")),
    ("numbers with separators of thousands", re.compile(r"[+-]?\d{1,3}([,' ]\d{3})+(\.\d+)?")),
    ("percentages", re.compile(r"[+-]?[\d.,]+ ?%")),
    ("amounts of money", re.compile(r"[$€£¥] ?-?[\d.,]+|-?[\d.,]+ ?[$€£¥]")),
]  # fmt: skip


def looks_like(texts: Iterable[str]) -> str:
    """What nearly all of the texts seem to be, such as "dates"; an empty text if nothing known."""
    sample = list(dict.fromkeys(text for text in texts if text))[:200]
    for what, pattern in _LOOKS:
        if sample and sum(bool(pattern.fullmatch(t)) for t in sample) > 0.9 * len(sample):
            return what
    return ""


def stray_cells(column: Column) -> Counter[str]:
    """The texts in a column that is of numbers but for them; empty where it is one of texts.

    Numbers that are few and texts that come again and again are categories (0, 1, 2, 3+).
    """
    texts = column.texts or []
    stray = Counter(texts[row] for row in column.text_rows)
    present = len(column.numbers) - len(column.missing_rows)
    if 2 * len(column.text_rows) >= present or column.code_row is not None:
        return Counter()
    numbers = column.numbers[~np.isnan(column.numbers)]
    rare = bool(stray) and min(stray.values()) < max(2, 0.01 * present)
    return stray if rare or len(np.unique(numbers)) > FEW_NUMBERS else Counter()


def stray_error(table: Table, column: Column, stray: Counter[str]) -> TabularError:
    row = column.text_rows[0]
    first = column.cell(row)
    others = [quoted(text, 20) for text in stray if text != first]
    also = f", nor {', '.join(others[:4])}{', ...' if len(others) > 4 else ''}" if others else ""
    count = sum(stray.values())
    cells = "one cell" if count == 1 else f"{count} cells"
    return TabularError(
        f"{table.where(row, column)}: {quoted(first)} is not a number{also}: {cells} in a column "
        "of numbers; mend them, leave the column out (drop), take it for texts (categorical), or "
        "take them for missing values",
        "lenient",
    )


# ------------------------------------------------------------------------------ inputs


def fit_features(
    table: Table,
    target: str | Sequence[str],
    drop: Sequence[str],
    train: np.ndarray,
    shared: bool = False,
    treatment: Treatment | None = None,
) -> list[Feature]:
    """The features of `table`; means and deviations are those of the rows `train`.

    `shared` standardises all numeric columns alike (pixels).
    """
    treatment = treatment or Treatment()
    for name in (*drop, *treatment.categorical):
        table.column(name)
    targets = [target] if isinstance(target, str) else list(target)
    left_out = {*targets, *drop}
    columns = [column for column in table.columns.values() if column.name not in left_out]
    if not columns:
        wanted = quoted(", ".join(targets))
        raise TabularError(f"{table.path}: no column is left to predict {wanted} from")
    features = []
    for column in columns:
        order = None if column.name in treatment.categorical else _order_of_dates(column)
        if order is None:
            features.append(_fit_feature(table, column, train, treatment))
        else:
            features += _fit_dates(table, column, order, train, treatment)
    if shared:
        values = np.stack([column.numbers[train] for column in columns])
        for feature in features:
            feature.mean, feature.std = float(values.mean()), float(values.std()) or 1.0
    return features


def _fit_feature(table: Table, column: Column, train: np.ndarray, how: Treatment) -> Feature:
    if len(column.missing_rows) == len(table):
        table.check_present(column, column.missing_rows)
    stray = stray_cells(column)
    if column.name in how.categorical or not (column.is_numeric or stray):
        return _fit_categories(table, column, how)
    if stray and not how.lenient:
        raise stray_error(table, column, stray)
    if how.missing == "error":
        table.check_present(column, sorted(column.missing_rows + column.text_rows))
    table.check_finite(column)
    values = column.numbers[train]
    missing = np.isnan(values)
    present = values[~missing]
    if not len(present):
        table.check_present(column, column.missing_rows)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(present.mean()), float(present.std())
    if not np.isfinite(std):
        row = int(np.nanargmax(np.abs(column.numbers)))
        raise TabularError(f"{table.where(row, column)}: {quoted(column.cell(row))} is too large")
    # Rounding leaves a constant column a deviation of some 1e-16 of its value.
    constant = std <= 1e-12 * abs(mean)
    if how.scaling == "robust":
        mean, std = _robust(present)
    feature = Feature(column.name, mean, 1.0 if constant else std, lenient=how.lenient)
    feature.clip = how.clip
    feature.low, feature.high = float(np.nanmin(column.numbers)), float(np.nanmax(column.numbers))
    if how.missing == "fill":
        feature.fill, feature.indicator = float(np.median(present)), bool(missing.any())
    return feature


def _order_of_dates(column: Column) -> str | None:
    """How the dates of a column are written; None for one that is of something else."""
    if column.texts is None or len(column.text_rows) + len(column.missing_rows) < len(column.texts):
        return None
    return date_order([column.texts[row] for row in column.text_rows])


def _fit_dates(
    table: Table, column: Column, order: str, train: np.ndarray, how: Treatment
) -> list[Feature]:
    """A feature for each part of dates that differs among the rows."""
    if how.missing == "error":
        table.check_present(column, column.missing_rows)
    features = []
    for part in PARTS:
        derived = _part_of_dates(column, part, order)
        present = derived.numbers[~np.isnan(derived.numbers)]
        if part != "days" and (present == present[0]).all():
            continue
        feature = _fit_feature(table, derived, train, how)
        feature.source, feature.part, feature.order = column.name, part, order
        feature.indicator = feature.indicator and part == "days"  # one says it for all
        features.append(feature)
    return features


def _part_of_dates(column: Column, part: str, order: str) -> Column:
    numbers = date_numbers(column.cells(), order, part)
    missing = np.flatnonzero(np.isnan(numbers)).tolist()
    return Column(f"{column.name}.{part}", numbers, None, [], missing)


def _robust(values: np.ndarray) -> tuple[float, float]:
    """The median, and the distance of the quartiles, or else half of that of the extremes."""
    low, median, high = (float(v) for v in np.quantile(values, (0.25, 0.5, 0.75)))
    reach = high - low
    if reach <= 1e-12 * abs(median):
        reach = (float(values.max()) - float(values.min())) / 2
    return median, reach or 1.0


def _fit_categories(table: Table, column: Column, how: Treatment) -> Feature:
    if how.missing == "error":
        table.check_present(column, column.empty_rows)
    texts = column.cells()
    categories = sorted(set(texts))
    if len(categories) > MOST_CATEGORIES:
        row = column.text_rows[0] if column.text_rows else column.code_row or 0
        kind = looks_like(categories)
        raise TabularError(
            f"{table.where(row, column)}: {quoted(texts[row])}: a column of {len(categories)} "
            f"different texts{f' ({kind})' if kind else ''}, at most {MOST_CATEGORIES} can be "
            "categories; leave it out",
            "drop",
            column.name,
        )
    return Feature(column.name, categories=categories, accepts_empty=how.missing == "fill")


def encode_inputs(
    table: Table, features: list[Feature], notes: Notes, rows: np.ndarray | None = None
) -> np.ndarray:
    """float32 (rows, inputs) of all rows or of `rows`. TabularError for a missing column or cell.

    A text that is not among a column's categories becomes all zeros and a note.
    """
    columns = _match_columns(table, features)
    count = len(table) if rows is None else len(rows)
    notes.rows += count
    out = np.zeros((count, sum(feature.width for feature in features)), np.float32)
    at = 0
    for feature, column in zip(features, columns, strict=True):
        part = out[:, at : at + feature.width]
        if feature.categories is None:
            _encode_numbers(table, column, feature, part, notes, rows)
        else:
            _encode_categories(table, column, feature, part, notes, rows)
        at += feature.width
    return out


def _match_columns(table: Table, features: list[Feature]) -> list[Column]:
    names = [feature.source or feature.name for feature in features]
    missing = [name for name in names if name not in table.columns]
    if not missing:
        columns = [table.columns[name] for name in names]
        return [
            _dates_of(table, column, feature) if feature.part else column
            for column, feature in zip(columns, features, strict=True)
        ]
    # An unnamed matrix of the right width: taken in order.
    matrix = [column for name, column in table.columns.items() if name.endswith("]")]
    if table.lines is None and len(matrix) == len(features) == len(missing):
        return matrix
    table.column(missing[0])
    raise AssertionError("unreachable")


def _dates_of(table: Table, column: Column, feature: Feature) -> Column:
    derived = _part_of_dates(column, feature.part, feature.order)
    strange = sorted(set(derived.missing_rows) - set(column.missing_rows))
    if strange and not feature.lenient:
        raise TabularError(
            f"{table.where(strange[0], column)}: {quoted(column.cell(strange[0]))} is no date "
            f"written as those the model was trained on ({feature.order})",
            "lenient",
        )
    return derived


def _encode_numbers(
    table: Table,
    column: Column,
    feature: Feature,
    out: np.ndarray,
    notes: Notes,
    rows: np.ndarray | None,
) -> None:
    if column.text_rows and not feature.lenient:
        error = table.no_number(column.text_rows[0], column)
        if feature.fill is None:
            raise error
        raise TabularError(f"{error}; mend it, or take such cells for missing", "lenient")
    if feature.fill is None:
        table.check_present(column, sorted(column.missing_rows + column.text_rows))
    table.check_finite(column)
    values = column.numbers if rows is None else column.numbers[rows]
    missing = np.isnan(values)
    if missing.any() and feature.fill is not None:
        values = np.where(missing, feature.fill, values)
        notes.filled[column.name] = notes.filled.get(column.name, 0) + int(missing.sum())
    if feature.indicator:
        out[:, 1] = missing
    low = feature.mean if feature.low is None else feature.low
    high = feature.mean if feature.high is None else feature.high
    reach = FAR_OUT * feature.std
    notes.far_out += int(((values < low - reach) | (values > high + reach)).sum())
    with np.errstate(over="ignore"):
        scaled = np.clip((values - feature.mean) / feature.std, -1e30, 1e30)
        out[:, 0] = scaled / np.sqrt(1 + (scaled / 3) ** 2) if feature.clip else scaled


def _encode_categories(
    table: Table,
    column: Column,
    feature: Feature,
    out: np.ndarray,
    notes: Notes,
    rows: np.ndarray | None,
) -> None:
    if not feature.accepts_empty:
        table.check_present(column, column.empty_rows)
    position = {text: i for i, text in enumerate(feature.categories or [])}
    texts = column.cells()
    places = range(len(texts)) if rows is None else rows.tolist()
    found = np.array([position.get(texts[row], -1) for row in places], np.int64)
    known = np.flatnonzero(found >= 0)
    out[known, found[known]] = 1
    strange = [places[i] for i in np.flatnonzero(found < 0).tolist()]
    if strange:
        first = Strange(table.where(strange[0], column))
        notes.strange.setdefault(column.name, first).add([texts[row] for row in strange])
