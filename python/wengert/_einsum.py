"""Contractions written as an equation or as lists of dimensions, out of products of matrices."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

from . import _native
from ._native import Tensor
from ._out import written
from ._typing import Args

__all__ = ["einsum", "tensordot"]

# A label is a letter, or ".k" for the dimension that the ellipsis has k places from its end.
_Labelled = tuple[Tensor, list[str]]


def einsum(*args: Any) -> Tensor:
    """Sums of products of elements, as Einstein's convention writes them.

    `equation` is ``"ij,jk->ik"``: letters for the dimensions of each operand, and of the result.
    A letter that the result lacks is summed over; one that repeats within an operand takes its
    diagonal; ``...`` stands for any dimensions, which broadcast. Without ``->`` the result has the
    ellipsis and then, in alphabetical order, the letters that occur once. The operands, of one
    dtype, are contracted from left to right. ValueError or RuntimeError if the equation does not
    fit the operands.

    Labels may also be integers below 52, in a list behind each operand, and in one for the result:
    `einsum(a, [0, 1], b, [1, 2], [0, 2])`, with an Ellipsis among them for ``...``.
    """
    equation, operands = (
        _from_lists(args)
        if args and isinstance(args[0], Tensor)
        else (args[0] if args else "", args[1:])
    )
    if not isinstance(equation, str):
        raise TypeError(f"einsum: the equation must be a str, got {type(equation).__name__}")
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    for x in operands:
        if not isinstance(x, Tensor):
            raise TypeError(f"einsum: operands must be Tensors, got {type(x).__name__}")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not operands or len(terms) != len(operands):
        raise RuntimeError(
            f"einsum: {len(operands)} operands were given, but the equation '{equation}' has "
            f"{len(terms)}"
        )
    labels = [_labels(term, x.dim()) for term, x in zip(terms, operands, strict=True)]
    result = _result_labels(right if arrow else None, labels)
    _check_sizes(operands, labels)
    pairs = [_diagonal(x, names) for x, names in zip(operands, labels, strict=True)]
    total = pairs[0]
    for i, pair in enumerate(pairs[1:], 1):
        later = {*result, *(name for _, names in pairs[i + 1 :] for name in names)}
        total = _contract(total, pair, later)
    x, names = _sum_out(total, result)
    return x.permute([names.index(name) for name in result])


def _wrapped(dim: int, x: Tensor) -> int:
    """A dimension counted from the front; IndexError if there is none of that number."""
    if not -x.dim() <= dim < x.dim():
        raise IndexError(
            f"tensordot: dimension out of range (expected to be in [{-x.dim()}, {x.dim() - 1}], "
            f"but got {dim})"
        )
    return dim % x.dim()


def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sums of products over some dimensions of `a` and as many of `b`.

    `dims` is how many: the last of `a` and the first of `b`, in order; or two lists of dimensions.
    The result has the other dimensions of `a`, then those of `b`. RuntimeError if sizes differ and
    neither is 1.
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.dim(), b.dim()):
            raise RuntimeError(
                f"tensordot: dims must be from 0 to the dimensions of both tensors, got {dims}"
            )
        dims = range(a.dim() - dims, a.dim()), range(dims)
    if not isinstance(dims, (list, tuple)) or len(dims) != 2:
        raise RuntimeError(
            f"tensordot: dims must be an int or two lists of dimensions, got {dims!r}"
        )
    over_a = [_wrapped(d, a) for d in ([dims[0]] if isinstance(dims[0], int) else dims[0])]
    over_b = [_wrapped(d, b) for d in ([dims[1]] if isinstance(dims[1], int) else dims[1])]
    for i, j in zip(over_a, over_b, strict=False):  # a size of 1 goes with any
        if a.size(i) == 1 != b.size(j):
            b = b.sum(j, keepdim=True)
        elif b.size(j) == 1 != a.size(i):
            a = a.sum(i, keepdim=True)
    if [a.size(d) for d in over_a] != [b.size(d) for d in over_b]:
        raise RuntimeError(
            f"tensordot: the contracted dimensions {over_a} of {list(a.shape)} and {over_b} of "
            f"{list(b.shape)} must have equal sizes"
        )
    own_a = [d for d in range(a.dim()) if d not in over_a]
    own_b = [d for d in range(b.dim()) if d not in over_b]
    shape = [a.size(d) for d in own_a] + [b.size(d) for d in own_b]
    k = math.prod(a.size(d) for d in over_a)
    m = math.prod(a.size(d) for d in own_a)
    n = math.prod(b.size(d) for d in own_b)
    left = a.permute(own_a + over_a).reshape(m, k)
    right = b.permute(over_b + own_b).reshape(k, n)
    return written("tensordot", left.mm(right).reshape(shape), out)


# ---- the equation ----------------------------------------------------------------------------


def _from_lists(args: Args) -> tuple[str, Args]:
    """The equation and the operands of operands that alternate with lists of labels."""
    terms = ["".join(_letter(label) for label in labels) for labels in args[1::2]]
    if len(args) % 2 == 0:
        return ",".join(terms), args[::2]
    result = "".join(_letter(label) for label in args[-1])
    return f"{','.join(terms)}->{result}", args[:-1:2]


def _letter(label: object) -> str:
    if label is Ellipsis:
        return "..."
    if not isinstance(label, int) or not 0 <= label < len(ascii_letters):
        raise ValueError(
            f"einsum: a label in a list must be an int from 0 to 51 or an Ellipsis, got {label!r}"
        )
    return (ascii_uppercase + ascii_lowercase)[label]


def _labels(term: str, ndim: int) -> list[str]:
    """One label for each dimension of an operand."""
    before, dots, after = term.partition("...")
    letters = before + after
    _check_letters(letters, term)
    hidden = ndim - len(letters)
    if hidden < 0 or (hidden and not dots):
        raise RuntimeError(
            f"einsum: '{term}' has {len(letters)} subscripts, but its operand has {ndim} dimensions"
        )
    return [*before, *(f".{k}" for k in reversed(range(hidden))), *after]


def _check_letters(letters: str, term: str) -> None:
    for letter in letters:
        if not (letter.isascii() and letter.isalpha()):
            raise RuntimeError(
                f"einsum: invalid subscript '{letter}' in '{term}', subscripts must be in [a-zA-Z]"
            )


def _result_labels(term: str | None, labels: Sequence[Sequence[str]]) -> list[str]:
    # Of a list: what Counter asks of a generator is, to a capture, a read of the caller's.
    counts = Counter([name for names in labels for name in names])
    hidden = sorted((name for name in counts if name[0] == "."), key=lambda n: -int(n[1:]))
    if term is None:
        return hidden + sorted(n for n, c in counts.items() if c == 1 and n[0] != ".")
    before, dots, after = term.partition("...")
    _check_letters(before + after, term)
    result = [*before, *(hidden if dots else []), *after]
    for name, count in Counter(result).items():
        if count > 1:
            raise RuntimeError(f"einsum: output subscript {name} appears more than once")
        if name not in counts:
            raise RuntimeError(f"einsum: output subscript {name} does not appear in any operand")
    return result


def _check_sizes(operands: Sequence[Tensor], labels: Sequence[Sequence[str]]) -> None:
    sizes: dict[str, int] = {}
    for i, (x, names) in enumerate(zip(operands, labels, strict=True)):
        own: dict[str, int] = {}
        for name, size in zip(names, x.shape, strict=True):
            if own.setdefault(name, size) != size:
                raise RuntimeError(
                    f"einsum: subscript {name} is repeated for operand {i} but the sizes don't "
                    f"match, {size} != {own[name]}"
                )
            seen = sizes.get(name, 1)
            if size != seen and size != 1 and seen != 1:
                raise RuntimeError(
                    f"einsum: subscript {name} has size {size} for operand {i} which does not "
                    f"broadcast with previously seen size {seen}"
                )
            sizes[name] = size if seen == 1 else seen


# ---- contraction -----------------------------------------------------------------------------


def _diagonal(x: Tensor, names: list[str]) -> _Labelled:
    """Each label once: repeated ones select where their indices are equal."""
    for name, count in Counter(names).items():
        for _ in range(count - 1):
            first = names.index(name)
            second = names.index(name, first + 1)
            n = x.size(first)
            x = x.movedim((first, second), (0, 1))
            x = x.reshape([n * n, *x.shape[2:]])[:: n + 1]
            names = [name, *(m for i, m in enumerate(names) if i not in (first, second))]
    return x, names


def _sum_out(pair: _Labelled, keep: Collection[str]) -> _Labelled:
    x, names = pair
    over = [i for i, name in enumerate(names) if name not in keep]
    return (x.sum(over), [name for name in names if name in keep]) if over else pair


def _contract(left: _Labelled, right: _Labelled, later: Collection[str]) -> _Labelled:
    """The product of two operands, summed over the labels that are not needed `later`."""
    x, left_names = _sum_out(left, {*later, *right[1]})
    y, right_names = _sum_out(right, {*later, *left[1]})
    shared = [name for name in left_names if name in right_names]
    over = [name for name in shared if name not in later]
    batch = [name for name in shared if name in later]
    own_x = [name for name in left_names if name not in shared]
    own_y = [name for name in right_names if name not in shared]
    x = x.permute([left_names.index(name) for name in batch + own_x + over])
    y = y.permute([right_names.index(name) for name in batch + over + own_y])
    b, m, n = len(batch), len(own_x), len(own_y)
    names = batch + own_x + own_y
    if not over:
        x = x.reshape([*x.shape, *[1] * n])
        return x * y.reshape([*y.shape[:b], *[1] * m, *y.shape[b:]]), names
    many = [max(p, q) if p and q else 0 for p, q in zip(x.shape[:b], y.shape[:b], strict=True)]
    inner = list(zip(x.shape[b + m :], y.shape[b : b + len(over)], strict=True))
    sums = [max(p, q) if p and q else 0 for p, q in inner]
    rows, columns = list(x.shape[b : b + m]), list(y.shape[b + len(over) :])
    count, k = math.prod(many), math.prod(sums)
    x = x.expand([*many, *rows, *sums]).reshape(count, math.prod(rows), k)
    y = y.expand([*many, *sums, *columns]).reshape(count, k, math.prod(columns))
    product = _native.bmm(x, y) if b else x[0].mm(y[0])
    return product.reshape([*many, *rows, *columns]), names
