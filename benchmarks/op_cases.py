"""The cases of op_sweep.py: the samples of the tests, scaled to sizes, in layouts and dtypes.

A sample of `tests/rows` is scaled by multiplying the sizes in it, those of its arrays and those
among its other arguments, by one factor. Which sizes may grow depends on the row: all of them, only
the last dimension, only the first; the first way in which the row still runs is taken. Rows over
images and batches, where kernels stay and channels agree, grow as op_roles.py says.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import op_roles
from op_roles import roles, tiled

from tests.rows.sample import Sample, arrays, build
from tests.rows.table import DTYPES, ROWS, SAMPLES, in_torch, outputs

# Elements of the largest tensor: 8 x 8 shows what a call costs; 200 x 300 fits the cache of a
# core, 1500 x 1000 does not.
SIZES = {"small": 64, "middle": 60_000, "large": 1_500_000}
LAYOUTS = ("contiguous", "transposed", "strided", "row", "column", "channels_last")
SWEPT = ("float32", "float64", "int64", "bool")
SLICES = 16  # that vmap maps over; each is as large as the arguments of another way
# Arguments that are sizes.
SIZED = {"size", "shape", "sizes", "start", "length", "split_size_or_sections", "split_sizes"}
SIZED |= {"steps", "n", "m", "row", "col", "end", "num_classes"}


class Way(NamedTuple):
    """Which sizes of a sample grow."""

    dims: str  # all, last, first
    arguments: bool
    places: bool  # indices are spread over what has grown


WAYS = [
    Way(*way) for way in itertools.product(("all", "last", "first"), (True, False), (True, False))
]


class Case(NamedTuple):
    key: str
    sample: int
    size: str
    layout: str
    dtype: str
    way: str  # forward; backward: with the forward pass; vmap: forward, of SLICES at once

    @property
    def name(self) -> str:
        return f"{self.key} #{self.sample}/{self.size}/{self.layout}/{self.dtype}/{self.way}"


def base_dtype(sample: Sample) -> str:
    if sample.sweep == "int64":
        return "int64"
    return "float32" if "float32" in (sample.only or DTYPES) else "float64"


# ---- scaling


def _grown(sample: Sample, dims: str) -> set[int]:
    """The sizes that are multiplied, wherever they stand."""
    shapes = [a.shape for a in arrays(sample) if a.ndim]
    if dims == "all" or not shapes:
        return {d for shape in shapes for d in shape if d > 1}
    largest = max(shapes, key=math.prod)
    return {largest[-1 if dims == "last" else 0]} - {0, 1}


def _argument(value: Any, factor: int) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_argument(v, factor) for v in value)
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value * factor if plain and value > 1 else value


def scale(key: str, sample: Sample, way: Way, factor: int) -> Sample:
    """The sample with its sizes multiplied."""
    params = ROWS[key]["params"]
    grown = _grown(sample, way.dims)

    def value_of(value: Any, name: str) -> Any:
        if isinstance(value, np.ndarray):
            reps = [factor if d in grown else 1 for d in value.shape]
            return tiled(value, sample, reps, factor if way.places else 0)
        if isinstance(value, (list, tuple)) and arrays([value]):
            return type(value)(value_of(v, name) for v in value)
        return _argument(value, factor) if way.arguments and name in SIZED else value

    args = tuple(
        value_of(v, params[min(i, len(params) - 1)]["name"]) for i, v in enumerate(sample.args)
    )
    kwargs = {name: value_of(v, name) for name, v in sample.kwargs.items()}
    return dataclasses.replace(sample, args=args, kwargs=kwargs)


def _elements(key: str, sample: Sample) -> list[int] | None:
    """Of the sample's tensors and results; None if the row does not take it."""
    import torch

    args, kwargs = build(sample, torch, base_dtype(sample))
    try:
        results = outputs(in_torch(ROWS[key])(*args, **kwargs))
    except Exception:
        return None
    sizes = [a.size for a in arrays(sample)]
    return sizes + [math.prod(r.shape) for r in results if hasattr(r, "shape")]


@functools.cache
def growth(key: str, number: int) -> tuple[Way, tuple[tuple[int, int], ...]] | None:
    """How a sample grows: elements of each tensor and the power of the factor they grow with."""
    sample = SAMPLES[key][number]
    plain = _elements(key, sample)
    if not plain or max(plain) < 2:
        return None
    for way in WAYS:
        double = _elements(key, scale(key, sample, way, 2))
        if double and len(double) == len(plain) and double != plain:
            if _elements(key, scale(key, sample, way, 5)) is None:
                continue
            both = zip(plain, double, strict=True)
            grown = [(a, round(math.log2(b / a)) if a and b else 0) for a, b in both]
            return way, tuple(grown)
    return None


@functools.cache
def together(key: str, number: int) -> op_roles.Powers | None:
    """How a sample of a row with roles grows."""
    return op_roles.growth(key, number, _elements)


@functools.lru_cache(maxsize=4)
def scaled(key: str, number: int, size: str) -> Sample | None:
    """The sample with about so many elements in its largest tensor; None if it does not grow."""
    sample, target = SAMPLES[key][number], 1.05 * SIZES[size]
    if roles(key, number):
        tensors = together(key, number)
        if tensors is None:
            return sample if size == "small" else None
        return op_roles.scale(key, number, op_roles.factors_for(tensors, target))
    found = growth(key, number)
    if found is None:
        return sample if size == "small" else None
    way, tensors = found
    factors = [(target / n) ** (1 / p) for n, p in tensors if n and p > 0]
    return scale(key, sample, way, max(1, int(min(factors)))) if factors else None


# ---- layouts


def laid_out(t: Any, layout: str, library: Any) -> Any:
    """The tensor's values, or some of them, in that layout."""
    if layout == "transposed":
        order = tuple(reversed(range(t.ndim)))
        return t.permute(order).contiguous().permute(order)
    if layout == "strided":
        return library.stack([t, t], -1).flatten(-2)[..., 1::2]
    if layout == "row":
        return t[:1].contiguous().expand(t.shape)
    if layout == "column":
        return t[..., :1].contiguous().expand(t.shape)
    if layout == "channels_last":
        formats = {4: library.channels_last, 5: library.channels_last_3d}
        return t.contiguous(memory_format=formats[t.ndim])
    return t


def _fits(a: np.ndarray, layout: str) -> bool:
    if layout == "channels_last":
        return a.ndim in (4, 5)
    return a.size > 1 and a.ndim >= (1 if layout == "strided" else 2)


def arguments(
    case: Case, sample: Sample, library: Any, leaves: list[Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What the row is called with; leaves, if given, gets the tensors that take gradients."""
    swept = [i for i, a in enumerate(arrays(sample)) if a.dtype == sample.sweep]
    chosen = [i for i in swept if _fits(arrays(sample)[i], case.layout)]
    if case.layout in ("row", "column"):
        chosen = chosen[-1:]
    met, floating = itertools.count(), itertools.count()

    def make(a: np.ndarray) -> Any:
        i, t = next(met), library.from_numpy(a)
        if i in chosen:
            t = laid_out(t, case.layout, library)
        if leaves is not None and i in swept and next(floating) not in sample.held:
            leaves.append(t.requires_grad_())
        return t

    return build(sample, library, case.dtype, make)


def over_slices(
    case: Case, sample: Sample, library: Any, function: Callable[..., Any]
) -> Callable[[], Any]:
    """The row under vmap, of all of its tensors."""
    stacks: list[Any] = []

    def place(a: np.ndarray) -> Any:
        stacks.append(library.stack([library.from_numpy(a)] * SLICES))
        return stacks[-1]

    args, kwargs = build(sample, library, case.dtype, place)
    if not stacks:
        raise ValueError("no tensors to map over")
    number = {id(stack): i for i, stack in enumerate(stacks)}

    def filled(value: Any, slices: tuple[Any, ...]) -> Any:
        if id(value) in number:
            return slices[number[id(value)]]
        if type(value) in (list, tuple):
            return type(value)(filled(v, slices) for v in value)
        return value

    def one(*slices: Any) -> tuple[Any, ...]:
        given = {name: filled(value, slices) for name, value in kwargs.items()}
        found = outputs(function(*filled(args, slices), **given))
        return tuple(y for y in found if isinstance(y, library.Tensor))

    mapped = library.func.vmap(one, randomness="different")
    return lambda: mapped(*stacks)


def call(
    case: Case, sample: Sample, library: Any, function: Callable[..., Any]
) -> Callable[[], Any]:
    """The call that is timed: of the row, or of the row and its gradient."""
    if case.way == "vmap":
        return over_slices(case, sample, library, function)
    if case.way == "forward":
        args, kwargs = arguments(case, sample, library, None)
        return lambda: function(*args, **kwargs)
    leaves: list[Any] = []
    args, kwargs = arguments(case, sample, library, leaves)

    def results() -> list[Any]:
        found = outputs(function(*args, **kwargs))[: sample.results]
        return [y for y in found if hasattr(y, "requires_grad") and y.requires_grad]

    ys = results()
    if not ys:
        raise ValueError("no result has a gradient")
    draw = np.random.RandomState(4)
    incoming = [
        library.from_numpy(np.asarray(draw.standard_normal(tuple(y.shape)), case.dtype)) for y in ys
    ]
    if case.layout == "channels_last":  # gradients come in their results' layout
        incoming = [laid_out(g, case.layout, library) if g.ndim in (4, 5) else g for g in incoming]
    grad = library.autograd.grad
    return lambda: grad(results(), leaves, incoming, allow_unused=True)


# ---- choice


def _kind(sample: Sample) -> str:
    """What tells a sample from others of its row: numbers of dimensions and other arguments."""

    def text(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return f"{value.dtype}{value.ndim}{[d == 1 for d in value.shape]}"
        if isinstance(value, (list, tuple)):
            return "(" + ", ".join(map(text, value)) + ")"
        return repr(value)

    return text([*sample.args, *sorted(sample.kwargs.items())])


def numbers_of(key: str, every: bool) -> list[int]:
    """The samples of a row that are swept: the first that grows, or one of each kind.

    Of rows with roles one of each variant, of images if there are any: options choose kernels.
    """
    kinds: dict[str, int] = {}
    for i, sample in enumerate(SAMPLES[key]):
        found = arrays(sample)
        if found and not all(a.size > 0 for a in found):
            continue
        if found and max(a.size for a in found) < 2 and len(SAMPLES[key]) > 1:
            continue
        if any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in found):
            continue
        kinds.setdefault(_kind(sample), i)
    grow = [i for i in kinds.values() if (together if roles(key, i) else growth)(key, i)]
    chosen = grow or list(kinds.values())
    if every or not chosen or not roles(key, chosen[0]):
        return chosen if every else chosen[:1]
    variants: dict[tuple[Any, ...], int] = {}
    for i in sorted(chosen, key=lambda i: not op_roles.is_image(key, i)):
        variants.setdefault(op_roles.variant(key, i), i)
    return list(variants.values())


def describe(sample: Sample) -> str:
    """The arguments in a few words: shapes, and what else is given."""

    def text(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return "x".join(map(str, value.shape)) or "0-d"
        if isinstance(value, (list, tuple)):
            return "(" + ", ".join(map(text, value)) + ")"
        return getattr(value, "name", None) or repr(value)

    words = [text(v) for v in sample.args]
    return ", ".join(words + [f"{k}={text(v)}" for k, v in sample.kwargs.items()])


@functools.cache
def has_rule(key: str) -> bool:
    """Whether vmap may do the row for all slices at once."""
    from wengert.func._batched import RULES

    return ROWS[key]["name"] in RULES and not ROWS[key]["mutates"]


def cases(every: bool, wanted: Callable[[str], bool] = lambda key: True) -> Iterator[Case]:
    """All cases of the wanted rows. Layouts and dtypes are those of a row's first sample."""
    for key, row in ROWS.items():
        if not wanted(key) or in_torch(row) is None:
            continue
        for place, number in enumerate(numbers_of(key, every)):
            sample = SAMPLES[key][number]
            base = base_dtype(sample)
            forms = [("contiguous", base)]
            if place == 0:
                forms += [(layout, base) for layout in LAYOUTS[1:]]
                forms += [("contiguous", dtype) for dtype in SWEPT if dtype != base]
            swept = [a for a in arrays(sample) if a.dtype == sample.sweep]
            for size, (layout, dtype) in itertools.product(SIZES, forms):
                if dtype not in (sample.only or DTYPES) or (not swept and dtype != base):
                    continue
                if layout != "contiguous" and not any(_fits(a, layout) for a in swept):
                    continue
                if layout == "channels_last" and not roles(key, number):
                    continue
                yield Case(key, number, size, layout, dtype, "forward")
                gradient = row["differentiable"] and sample.differentiable and not row["mutates"]
                if gradient and dtype.startswith("float"):
                    yield Case(key, number, size, layout, dtype, "backward")
                plain = layout == "contiguous" and dtype == base and size != "large"
                if plain and has_rule(key):
                    yield Case(key, number, size, layout, dtype, "vmap")
