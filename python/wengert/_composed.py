"""Functions made of others, where arguments or results are more than tensors and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from . import _native
from ._common import returned
from ._native import Tensor
from ._out import written
from ._search import _values

__all__ = [
    "adjoint",
    "conj",
    "conj_physical",
    "frombuffer",
    "gradient",
    "histogram",
    "histogramdd",
    "is_conj",
    "is_neg",
    "nonzero",
    "range",
    "real",
    "resolve_conj",
    "resolve_neg",
    "unique_consecutive",
]


# ---- what real tensors are already -----------------------------------------------------------


def real(input: Tensor) -> Tensor:
    """The input: there are no complex dtypes."""
    _values("real", "input", input.detach() if isinstance(input, Tensor) else input)
    return input


def conj(input: Tensor) -> Tensor:
    """The input: there are no complex dtypes."""
    return real(input)


def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The input: there are no complex dtypes."""
    return written("conj_physical", real(input), out)


def resolve_conj(input: Tensor) -> Tensor:
    """The input: there are no complex dtypes."""
    return real(input)


def resolve_neg(input: Tensor) -> Tensor:
    """The input: there are no lazy negations."""
    return real(input)


def is_conj(input: Tensor) -> bool:
    """False: there are no complex dtypes."""
    return False


def is_neg(input: Tensor) -> bool:
    """False: there are no lazy negations."""
    return False


def adjoint(input: Tensor) -> Tensor:
    """The matrices in the last two dimensions transposed. RuntimeError for a vector."""
    if input.dim() == 1:
        raise RuntimeError(
            "adjoint: tensor.adjoint() is only supported on matrices or batches of matrices. "
            "Got 1-D tensor."
        )
    return input.transpose(-2, -1) if input.dim() else input


# ---- derivatives by differences --------------------------------------------------------------


def _spacings(
    spacing: float | Tensor | Sequence[float | Tensor], dims: Sequence[int]
) -> list[float | Tensor]:
    if isinstance(spacing, (int, float)) or (isinstance(spacing, Tensor) and not spacing.dim()):
        return [cast("float", spacing)] * len(dims)
    listed = list(cast("Sequence[float | Tensor]", spacing))
    if len(listed) != len(dims):
        raise RuntimeError(
            f"gradient: expected spacing to be a number or a list of one for each of the "
            f"{len(dims)} dimensions, got {len(listed)}"
        )
    return listed


def _evenly(x: Tensor, dim: int, h: float | Tensor, order: int) -> Tensor:
    n = x.size(dim)

    def at(k: int) -> Tensor:
        return x.narrow(dim, k if k >= 0 else n + k, 1)

    inner = (x.narrow(dim, 2, n - 2) - x.narrow(dim, 0, n - 2)) / (2 * h)
    if order == 1:
        ends = (at(1) - at(0)) / h, (at(-1) - at(-2)) / h
    else:
        ends = (
            (-1.5 * at(0) + 2 * at(1) - 0.5 * at(2)) / h,
            (1.5 * at(-1) - 2 * at(-2) + 0.5 * at(-3)) / h,
        )
    return _native.cat([ends[0], inner, ends[1]], dim)


def _unevenly(x: Tensor, dim: int, places: Tensor, order: int) -> Tensor:
    n = x.size(dim)
    if places.dim() != 1 or places.numel() != n:
        raise RuntimeError(
            f"gradient: expected a vector of {n} coordinates for dimension {dim}, got shape "
            f"{list(places.shape)}"
        )
    steps = places.diff()
    shape = [1] * x.dim()
    shape[dim] = n - 2
    d1, d2 = steps[:-1].reshape(shape), steps[1:].reshape(shape)
    low, mid, high = (x.narrow(dim, k, n - 2) for k in (0, 1, 2))
    inner = (
        -d2 / (d1 * (d1 + d2)) * low + (d2 - d1) / (d1 * d2) * mid + d1 / (d2 * (d1 + d2)) * high
    )

    def at(k: int) -> Tensor:
        return x.narrow(dim, k if k >= 0 else n + k, 1)

    if order == 1:
        ends = (at(1) - at(0)) / steps[0], (at(-1) - at(-2)) / steps[-1]
    else:
        a, b, c, d = steps[0], steps[1], steps[-2], steps[-1]
        ends = (
            -(2 * a + b) / (a * (a + b)) * at(0)
            + (a + b) / (a * b) * at(1)
            - a / (b * (a + b)) * at(2),
            d / (c * (c + d)) * at(-3)
            - (d + c) / (c * d) * at(-2)
            + (2 * d + c) / (d * (c + d)) * at(-1),
        )
    return _native.cat([ends[0], inner, ends[1]], dim)


def gradient(
    input: Tensor,
    *,
    spacing: float | Tensor | Sequence[float | Tensor] | None = 1,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """The derivative along each of `dim` (all of them), by central differences.

    Samples are `spacing` apart, a number or one for each dimension, or lie at the coordinates in
    a list of vectors. At the ends the differences are one-sided, of order 1 or 2. RuntimeError for
    a dimension of fewer than `edge_order` + 1 samples. NumPy's function of this name.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"gradient: input must be a Tensor, got {type(input).__name__}")
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: edge_order must be 1 or 2, got {edge_order}")
    asked = np.arange(input.dim()).tolist() if dim is None else dim
    dims = [asked] if isinstance(asked, int) else list(asked)
    if not all(-input.dim() <= d < input.dim() for d in dims):
        raise IndexError(f"gradient: dim {dims} out of range for {input.dim()} dimensions")
    dims = [d % input.dim() for d in dims]
    if len(set(dims)) < len(dims):
        raise RuntimeError(f"gradient: a dimension appears twice in dim {dims}")
    for d in dims:
        if input.size(d) <= edge_order:
            raise RuntimeError(
                f"gradient: expected each dimension size to be at least edge_order + 1 = "
                f"{edge_order + 1}, got {input.size(d)} at dimension {d}"
            )
    results = []
    apart = _spacings(1 if spacing is None else spacing, dims)
    for d, h in zip(dims, apart, strict=True):
        listed = isinstance(h, Tensor) and h.dim() > 0
        how = _unevenly if listed else _evenly
        results.append(how(input, d, cast("Tensor", h), edge_order))
    return tuple(results)


# ---- runs and counts -------------------------------------------------------------------------


def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """The elements, or slices along `dim`, that differ from the one before.

    Also, as a tuple, if asked for: which of them each element of the input belongs to, and how
    many belong to each. Each NaN is different. No gradient.
    """
    x = _values("unique_consecutive", "input", input)
    if dim is None:
        line = x.reshape(-1)
        different = line[1:] != line[:-1]
    else:
        if not -x.ndim <= dim < max(x.ndim, 1):
            raise IndexError(
                f"unique_consecutive: Dimension out of range (expected to be in range of "
                f"[{-x.ndim}, {x.ndim - 1}], but got {dim})"
            )
        line = np.moveaxis(x, dim, 0) if x.ndim else x.reshape(1)
        different = (line[1:] != line[:-1]).any(tuple(np.arange(1, line.ndim)))
    first = np.ones(len(line), np.bool_)
    first[1:] = different
    found = line[first]
    results = [found if dim is None or not x.ndim else np.moveaxis(found, 0, dim)]
    if return_inverse:
        inverse = np.cumsum(first) - 1
        results.append(inverse.reshape(x.shape) if dim is None else inverse)
    if return_counts:
        results.append(np.diff(np.append(np.flatnonzero(first), len(line))))
    tensors = tuple(_native.tensor(np.ascontiguousarray(r).reshape(r.shape)) for r in results)
    return tensors if len(tensors) > 1 else tensors[0]


def _edges(name: str, x: np.ndarray, bins: int, range: Sequence[float] | None) -> np.ndarray:
    low, high = range if range is not None else (x.min(), x.max()) if x.size else (0, 1)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: min should not exceed max, got [{low}, {high}]")
    if low == high:
        low, high = low - 0.5, high + 0.5
    kind = _native.float32 if x.dtype == np.float32 else _native.float64
    return _native.linspace(float(low), float(high), bins + 1, dtype=kind).numpy()


def _places(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The interval of each element; -1 for what is in none. The last one is closed."""
    place = np.searchsorted(edges, x, "right") - 1
    place[x == edges[-1]] = len(edges) - 2
    return np.where((x >= edges[0]) & (x <= edges[-1]), place, -1)


def _histogram(
    name: str, x: np.ndarray, edges: list[np.ndarray], weight: object, density: bool
) -> np.ndarray:
    shape = [len(e) - 1 for e in edges]
    places = np.stack([_places(x[:, i], e) for i, e in enumerate(edges)])
    inside = (places >= 0).all(0)
    flat = np.ravel_multi_index(tuple(places[:, inside]), shape)
    weights = None
    if weight is not None:
        weights = _values(name, "weight", weight).reshape(-1)
        if weights.size != len(x):
            raise RuntimeError(
                f"{name}: weight must have one number for each of {len(x)} inputs, got "
                f"{weights.size}"
            )
        weights = weights[inside]
    counts = np.bincount(flat, weights, int(np.prod(shape))).reshape(shape).astype(x.dtype)
    if density:
        counts /= counts.sum()
        for i, e in enumerate(edges):
            counts /= np.diff(e).reshape([-1 if k == i else 1 for k in np.arange(len(edges))])
    return counts


def _floating(name: str, input: Tensor) -> np.ndarray:
    x = _values(name, "input", input)
    if x.dtype.kind != "f":
        raise NotImplementedError(f"{name}: not implemented for dtype {input.dtype}")
    return x


def _given(name: str, edges: Tensor, dtype: np.dtype) -> np.ndarray:
    array = _values(name, "bins", edges)
    if array.ndim != 1 or array.size == 0 or array.dtype != dtype:
        raise RuntimeError(
            f"{name}: bins must be a vector of edges in the input's dtype, got shape "
            f"{list(array.shape)} and {edges.dtype}"
        )
    return array


class Histogram(NamedTuple):
    """What histogram() gives."""

    hist: Tensor
    bin_edges: Tensor

    def __repr__(self) -> str:
        return returned("histogram", {"hist": self.hist, "bin_edges": self.bin_edges})


def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> Histogram:
    """How many elements fall into each interval, and the edges of the intervals.

    `bins` is a number of equal ones within `range`, by default from the least to the largest
    element, or a vector of edges in order. The last interval is closed; what lies outside counts
    nowhere. Elements count as `weight`, of the input's shape; with `density` the integral is 1.
    """
    x = _floating("histogram", input).reshape(-1)
    if isinstance(bins, Tensor):
        edges = _given("histogram", bins, x.dtype)
    elif bins < 1:
        raise RuntimeError(f"histogram: bins must be positive, got {bins}")
    else:
        edges = _edges("histogram", x, bins, range)
    counts = _histogram("histogram", x[:, None], [edges], weight, density)
    return written("histogram", Histogram(_native.tensor(counts), _native.tensor(edges)), out)


def histogramdd(
    input: Tensor,
    bins: int | Sequence[int] | Sequence[Tensor],
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """histogram() of points, the rows along the last dimension of the input.

    `bins` and `range` have an entry, or two, for each coordinate.
    """
    x = _floating("histogramdd", input)
    if x.ndim < 2:
        raise RuntimeError(f"histogramdd: input should be at least 2-d, got {x.ndim}-d")
    x = x.reshape(-1, x.shape[-1])
    counts = [bins] * x.shape[1] if isinstance(bins, int) else list(bins)
    if len(counts) != x.shape[1]:
        raise RuntimeError(
            f"histogramdd: bins must have an entry for each of {x.shape[1]} coordinates, got "
            f"{len(counts)}"
        )
    if range is not None and len(range) != 2 * x.shape[1]:
        raise RuntimeError(
            f"histogramdd: range must have {2 * x.shape[1]} numbers, got {len(range)}"
        )
    edges = []
    for i, n in enumerate(counts):
        if isinstance(n, Tensor):
            edges.append(_given("histogramdd", n, x.dtype))
        else:
            ends = None if range is None else range[2 * i : 2 * i + 2]
            edges.append(_edges("histogramdd", x[:, i], cast("int", n), ends))
    found = _histogram("histogramdd", x, edges, weight, density)
    return _native.tensor(found), [_native.tensor(e) for e in edges]


def nonzero(
    input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False
) -> Tensor | tuple[Tensor, ...]:
    """The positions of the elements that are not zero, (count, ndim), int64; with `as_tuple` a
    vector for each dimension, as an index takes them."""
    if as_tuple:
        if out is not None:
            raise TypeError("nonzero: out and as_tuple exclude each other")
        return tuple(_native.where(input))
    return written("nonzero", _native.ops.nonzero(input), out)


# ---- creation --------------------------------------------------------------------------------


def range(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: _native.dtype | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Deprecated: as arange(), with `end` included."""
    _native._warn(
        "torch.range is deprecated and will be removed in a future release because its behavior "
        "is inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        UserWarning,
    )
    low, high = (0, start) if end is None else (start, end)
    if step == 0 or (high - low) / step < 0:
        raise RuntimeError(f"range: a step of {step} does not lead from {low} to {high}")
    count = int((high - low) / step) + 1
    made = _native.arange(0, count, dtype=_native.float64) * step + low
    result = made._to_dtype(dtype or _native.get_default_dtype())
    return result.requires_grad_() if requires_grad else result


def frombuffer(
    buffer: object,
    *,
    dtype: _native.dtype,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """A vector on the memory of an object with the buffer protocol, `offset` bytes from its start.

    `count` elements, or as many as there are. ValueError where they do not fit.
    """
    from ._types import numpy_dtype

    array = np.frombuffer(buffer, numpy_dtype(dtype), count, offset)  # type: ignore[call-overload]
    if not array.size:
        raise ValueError("frombuffer: both buffer length and count must not be 0")
    if not array.flags.writeable:
        array = array.copy()
    result = _native.from_numpy(array)
    return result.requires_grad_() if requires_grad else result


# ---- methods ---------------------------------------------------------------------------------


def _transposed(self: Tensor) -> Tensor:
    """The matrix transposed."""
    if self.dim() not in (0, 2):
        raise RuntimeError(
            f"H: tensor.H is only supported on matrices (2-D tensors). Got {self.dim()}-D tensor. "
            "For batches of matrices, consider using tensor.mH"
        )
    return self.transpose(0, 1) if self.dim() else self


def _each_transposed(self: Tensor) -> Tensor:
    """The matrices in the last two dimensions transposed."""
    return self.mT


def resize_(self: Tensor, *sizes: int | Sequence[int], memory_format: object = None) -> Tensor:
    """Gives the tensor another shape, contiguous, on its memory; new memory where that is short.

    What new memory holds beyond the old elements is not specified. RuntimeError for a tensor that
    needs a gradient.
    """
    size = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    shape = tuple(cast("Sequence[int]", size))
    if self.requires_grad:
        raise RuntimeError("resize_: cannot resize variables that require grad")
    strides, count = [], 1
    for n in reversed(shape):
        if n < 0:
            raise RuntimeError(f"resize_: a negative size in {list(shape)}")
        strides.append(count)
        count *= max(n, 1)
    strides.reverse()
    try:
        resized = self.as_strided(shape, strides)
    except RuntimeError:
        resized = _native.empty(shape, dtype=self.dtype)
        span = 1 + sum((n - 1) * s for n, s in zip(self.shape, self.stride(), strict=True))
        if self.numel():
            resized.view(-1)[:span] = self.as_strided((span,), (1,))
    self.data = resized
    return self


def resize_as_(self: Tensor, the_template: Tensor, memory_format: object = None) -> Tensor:
    """resize_() to the shape of another tensor."""
    return resize_(self, the_template.shape)


def set_(self: Tensor, source: Tensor | None = None) -> Tensor:
    """Makes it share the memory of `source`, of its dtype; without one it becomes empty."""
    if source is None:
        source = _native.empty(0, dtype=self.dtype)
    if not isinstance(source, Tensor) or source.dtype != self.dtype:
        raise RuntimeError(
            f"set_: source must be a tensor of dtype {self.dtype}, got "
            f"{getattr(source, 'dtype', type(source).__name__)}"
        )
    self.data = source.detach()
    return self


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both are the same elements of the same memory."""
    return (
        self.data_ptr() == tensor.data_ptr()
        and self.dtype == tensor.dtype
        and self.shape == tensor.shape
        and self.stride() == tensor.stride()
    )


def narrow_copy(
    self: Tensor, dim: int, start: int, length: int, *, out: Tensor | None = None
) -> Tensor:
    """A copy of narrow()."""
    part = self.narrow(dim, start, length)
    return part.clone() if out is None else written("narrow_copy", part, out)


for _method in (
    adjoint,
    conj,
    conj_physical,
    histogram,
    is_conj,
    is_neg,
    is_set_to,
    narrow_copy,
    nonzero,
    resize_,
    resize_as_,
    resolve_conj,
    resolve_neg,
    set_,
    unique_consecutive,
):
    setattr(Tensor, _method.__name__, _method)
for _name, _member in (
    ("conj_physical_", conj_physical),
    ("H", property(_transposed)),
    ("mH", property(_each_transposed)),
    ("real", property(real)),
):
    setattr(Tensor, _name, _member)
