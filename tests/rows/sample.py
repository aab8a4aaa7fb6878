"""What samples are made of: the arguments of rows that tests run over.

A sample holds NumPy arrays where the op takes tensors. Arrays of float64 stand for "the dtype under
test": they are cast to each dtype in turn, and are what gradients are taken of. Arrays of other
dtypes (indices, masks) stay as they are. Values keep away from kinks, from ties and from the ends
of domains, so that numeric differences exist.

A sample's arrays depend on their shapes and on their order in the sample, on no other sample: what
is stored for it stays true when samples are added around it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SEED = 3  # of what random rows draw

arrays_made = 0  # since the last sample


@dataclass
class Dtype:
    """Stands for the dtype of that name in whichever library the sample is run."""

    name: str


@dataclass
class Sample:
    args: tuple
    kwargs: dict
    differentiable: bool = True  # whether gradients are checked at all
    held: frozenset = field(default_factory=frozenset)  # tensors, by order, that get no gradient
    sweep: str = "float64"  # the arrays of this dtype take part in the sweep over dtypes
    only: tuple | None = None  # the dtypes of the sweep, if not all
    results: int | None = None  # how many outputs carry gradients, if not all

    def forward_only(self) -> Sample:
        """Without gradients: they do not exist, or no numeric difference can show them."""
        self.differentiable = False
        return self

    def hold(self, *tensors: int) -> Sample:
        """These tensors, counted from 0, get no gradient."""
        self.held = frozenset(tensors)
        return self

    def outputs(self, n: int) -> Sample:
        """Only the first n outputs are differentiable; others are what backward reads."""
        self.results = n
        return self

    def integers(self) -> Sample:
        """The int64 arrays are swept over the dtypes."""
        self.sweep, self.differentiable = "int64", False
        return self

    def floats(self) -> Sample:
        """Swept over the floating dtypes only, as its values have no meaning in others."""
        self.only = ("float32", "float64")
        return self

    def fixed(self) -> Sample:
        """Run in float64 only."""
        self.only = ("float64",)
        return self


def S(*args: Any, **kwargs: Any) -> Sample:
    global arrays_made
    arrays_made = 0
    return Sample(args, kwargs)


# ---- arrays ----------------------------------------------------------------------------------


def numbers(*shape: int) -> np.random.RandomState:
    """What the next array of the sample is drawn from; NumPy never changes this generator."""
    global arrays_made
    arrays_made += 1
    return np.random.RandomState([arrays_made, *shape])


def real(*shape: int) -> np.ndarray:
    """Normal, but away from 0."""
    x = numbers(*shape).standard_normal(shape)
    return np.asarray(x + np.where(x < 0, -0.15, 0.15))


def between(low: float, high: float, *shape: int) -> np.ndarray:
    return np.asarray(numbers(*shape).uniform(low, high, shape))


def positive(*shape: int) -> np.ndarray:
    return between(0.4, 2.0, *shape)


def signed(*shape: int) -> np.ndarray:
    """Of magnitude 0.5 to 2: divisors."""
    return np.asarray(positive(*shape) * numbers(*shape).choice([-1.0, 1.0], shape))


def distinct(*shape: int) -> np.ndarray:
    """All elements differ clearly."""
    n = int(np.prod(shape))
    return ((numbers(*shape).permutation(n) - n // 3) * 0.7 + 0.11).reshape(shape)


def index(high: int, *shape: int, low: int = 0) -> np.ndarray:
    return np.asarray(numbers(*shape).randint(low, high, shape))


def mask(*shape: int) -> np.ndarray:
    return np.asarray(numbers(*shape).random_sample(shape) < 0.5)


def special() -> np.ndarray:
    """NaN, infinities, signed zeros, large and small."""
    return np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e30, -1e-30, 0.5, -2.5, 88.0])


# ---- use -------------------------------------------------------------------------------------


def key_of(row: dict) -> str:
    """The row's name in SAMPLES: with its argument types if several rows share the name."""
    words = (p["annotation"] for p in row["params"])
    return f"{row['name']}({', '.join(words)})" if row["name"] in _shared else row["name"]


_shared: set[str] = set()


def keyed(registry: Any) -> dict[str, dict]:
    """The registry by key."""
    counts = Counter(row["name"] for row in registry)
    _shared.update(name for name, n in counts.items() if n > 1)
    rows = {key_of(row): row for row in registry}
    assert len(rows) == len(registry), "two rows have the same name and argument types"
    return rows


def cast(array: np.ndarray, dtype: str) -> np.ndarray:
    """An array of the sweep in one of its dtypes. Values spread over several integers."""
    if dtype.startswith("float"):
        return array.astype(dtype)
    with np.errstate(invalid="ignore"):
        whole = array if array.dtype.kind == "i" else np.trunc(array * 3)
        if dtype == "bool":
            return np.asarray(whole.astype(np.int64) % 2 == 1)
        return np.asarray(np.abs(whole) if dtype == "uint8" else whole).astype(dtype)


def convert(value: Any, tensor: Any, library: Any) -> Any:
    """The value with tensor(array) for arrays, also in lists, and the library's dtypes."""
    if isinstance(value, np.ndarray):
        return tensor(value)
    if isinstance(value, Dtype):
        return getattr(library, value.name)
    if isinstance(value, (list, tuple)):
        return type(value)(convert(v, tensor, library) for v in value)
    return value


def build(sample: Sample, library: Any, dtype: str | None = None, tensor: Any = None) -> tuple:
    """(args, kwargs) of the sample for wengert or torch, its swept arrays in `dtype`."""

    def make(array: np.ndarray) -> Any:
        swept = array.dtype == sample.sweep
        array = cast(array, dtype) if dtype and swept else array.copy()
        return (tensor or library.from_numpy)(array)

    args = tuple(convert(v, make, library) for v in sample.args)
    return args, {k: convert(v, make, library) for k, v in sample.kwargs.items()}


def arrays(value: Any) -> list[np.ndarray]:
    """The arrays of a sample, or of a value in it, in the order in which `build` meets them."""
    if isinstance(value, Sample):
        return arrays([*value.args, *value.kwargs.values()])
    if isinstance(value, (list, tuple)):
        return [a for v in value for a in arrays(v)]
    return [value] if isinstance(value, np.ndarray) else []


def fingerprint(sample: Sample) -> str:
    """Ten digits that tell the sample from others; the same on every machine."""

    def text(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return f"{value.dtype} {value.shape} " + " ".join(f"{v:.6g}" for v in value.flat)
        if isinstance(value, (list, tuple)):
            return f"({', '.join(map(text, value))})"
        return repr(value)

    words = [text(v) for v in sample.args] + [f"{k}={text(v)}" for k, v in sample.kwargs.items()]
    return hashlib.sha256("; ".join(words).encode()).hexdigest()[:10]
