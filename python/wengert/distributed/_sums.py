"""Tensors of several ranks made one, in an order that depends on the ranks alone.

Note [order of sums]
An MPI library adds in an order of its own, which depends on sizes and on where processes run. Here
a large tensor is cut into a chunk for each rank; an all-to-all brings each rank its chunk of all,
which it adds rank by rank (or along a binary tree over them); an all-gather brings the results to
all. The bytes sent are those of a ring, 2 (N - 1) / N of the tensor, and the bits are the same on
all ranks.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from ._state import ReduceOp
from ._work import Parts

if TYPE_CHECKING:
    from ._groups import Group

#: Elements of one round of an exchange, so that what is added is in the cache still.
ROUND = 1 << 18
#: Bytes below which all ranks get all, and add it themselves: one message in place of two.
_SMALL = 4096

_WHOLE_NUMBERS = (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)


def check_op(call: str, op: object, tensor: Tensor) -> ReduceOp:
    """The operation. TypeError if it is none, RuntimeError if it is not for the tensor's dtype."""
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{call}: op: a ReduceOp expected, got {op!r}")
    if op in _WHOLE_NUMBERS and tensor.is_floating_point():
        raise RuntimeError(f"{call}: {op.name} is for integers and bools, got {tensor.dtype}")
    if op is ReduceOp.AVG and not tensor.is_floating_point():
        raise RuntimeError(f"{call}: AVG is for floating-point tensors, got {tensor.dtype}")
    return op


def _join(into: Tensor, other: Tensor, op: ReduceOp) -> None:
    if into.dtype is _native.bool:
        if op in (ReduceOp.SUM, ReduceOp.MAX, ReduceOp.BOR):
            into.logical_or_(other)
        elif op is ReduceOp.BXOR:
            into.logical_xor_(other)
        else:
            into.logical_and_(other)
    elif op in (ReduceOp.SUM, ReduceOp.AVG):
        into.add_(other)
    elif op is ReduceOp.PRODUCT:
        into.mul_(other)
    elif op is ReduceOp.MIN:
        into.copy_(into.minimum(other))
    elif op is ReduceOp.MAX:
        into.copy_(into.maximum(other))
    elif op is ReduceOp.BAND:
        into.bitwise_and_(other)
    elif op is ReduceOp.BOR:
        into.bitwise_or_(other)
    else:
        into.bitwise_xor_(other)


def combine(parts: Sequence[Tensor], op: ReduceOp = ReduceOp.SUM, tree: bool = False) -> Tensor:
    """Writes over the first what the tensors of all ranks give, in their order or along a tree."""
    with no_grad():
        if tree:
            step = 1
            while step < len(parts):
                for i in range(0, len(parts) - step, 2 * step):
                    _join(parts[i], parts[i + step], op)
                step *= 2
        else:
            for other in parts[1:]:
                _join(parts[0], other, op)
        if op is ReduceOp.AVG:
            parts[0].div_(len(parts))
    return parts[0]


def shares(count: int, ranks: int) -> tuple[list[int], list[int]]:
    """How many elements each rank has of `count`, and where they begin."""
    size = -(-count // ranks)
    starts = [min(i * size, count) for i in range(ranks)]
    return [min(size, count - start) for start in starts], starts


def slices(counts: Sequence[int], starts: Sequence[int]) -> list[slice]:
    """The places of parts."""
    return [slice(start, start + count) for count, start in zip(counts, starts, strict=True)]


def rounds(parts: Sequence[slice], n: int) -> Iterator[list[slice]]:
    """The parts of all ranks, of different sizes, in rounds of at most `n` elements of each."""
    for at in range(0, max((p.stop - p.start for p in parts), default=0), n):
        yield [slice(min(p.start + at, p.stop), min(p.start + at + n, p.stop)) for p in parts]


def scratch(group: Group, tensor: Tensor, count: int, key: str) -> Tensor:
    """Memory for `count` elements like the tensor's, kept for the next call."""
    name = (key, tensor.dtype)
    found = group.scratch.get(name)
    if found is None or found.numel() < count:
        found = group.scratch[name] = _native.empty([count], dtype=tensor.dtype)
    return found[:count]


def everywhere(group: Group, flat: Tensor, op: ReduceOp, tree: bool = False) -> Parts:
    """An all-reduce of a contiguous 1-d tensor in place."""
    n, ranks = flat.numel(), group.count
    if ranks == 1 or n == 0:
        return
    size = flat.element_size()
    if n * size <= _SMALL or n < ranks:
        wire = group.wire
        all_of = _native.empty([ranks, n], dtype=flat.dtype)
        yield [group.comm.Iallgather(wire.memory(flat), wire.memory(all_of, ranks))]
        group.bytes_sent += (ranks - 1) * n * size
        flat.copy_(combine(all_of.unbind(0), op, tree))
        return
    if group.shared is not None:
        yield from group.shared.everywhere(group, flat, op, tree)
        return
    for start in range(0, n, ROUND * ranks):
        yield from _round(group, flat[start : start + ROUND * ranks], op, tree)


def _round(group: Group, part: Tensor, op: ReduceOp, tree: bool) -> Parts:
    """An exchange of neighbouring elements: all-to-all, sums of the own chunk, all-gather."""
    places = slices(*shares(part.numel(), group.count))
    mine = yield from own_chunk(group, part, op, tree, places)
    yield from _gathered(group, part, mine, places)


def _gathered(group: Group, flat: Tensor, mine: Tensor, places: Sequence[slice]) -> Parts:
    wire = group.wire
    yield [group.comm.Iallgatherv(wire.memory(mine), wire.parts(flat, *_counted(places)))]
    group.bytes_sent += (group.count - 1) * mine.numel() * flat.element_size()


def _counted(places: Sequence[slice]) -> tuple[list[int], list[int]]:
    """How many elements places have, and where they begin, as MPI takes them."""
    return [p.stop - p.start for p in places], [p.start for p in places]


def own_chunk(
    group: Group,
    flat: Tensor,
    op: ReduceOp,
    tree: bool,
    places: Sequence[slice] | None = None,
) -> Generator[Sequence[object], None, Tensor]:
    """Brings this rank its place in all ranks' tensors and combines them; returns it.

    `places`, one of each rank, default to equal chunks.
    """
    ranks, here, wire = group.count, group.here, group.wire
    if places is None:
        places = slices(*shares(flat.numel(), ranks))
    counts, starts = _counted(places)
    own = counts[here]
    got = scratch(group, flat, ranks * own, "chunks")
    yield [
        group.comm.Ialltoallv(
            wire.parts(flat, counts, starts),
            wire.parts(got, [own] * ranks, [i * own for i in range(ranks)]),
        )
    ]
    group.bytes_sent += (sum(counts) - own) * flat.element_size()
    return combine([got[i * own : (i + 1) * own] for i in range(ranks)], op, tree)


def to_owners(
    group: Group, flat: Tensor, parts: Sequence[slice], op: ReduceOp, tree: bool = False
) -> Parts:
    """Leaves in the part of each rank, on that rank, what all ranks' give together.

    What the other parts hold afterwards is not said.
    """
    if group.count == 1:
        return
    if group.shared is not None:
        yield from group.shared.to_owners(group, flat, parts, op, tree)
        return
    for now in rounds(parts, ROUND):
        mine = yield from own_chunk(group, flat, op, tree, now)
        with no_grad():
            flat[now[group.here]].copy_(mine)


def from_owners(group: Group, flat: Tensor, parts: Sequence[slice]) -> Parts:
    """Brings the part of each rank to all."""
    if group.count == 1:
        return
    if group.shared is not None:
        yield from group.shared.from_owners(group, flat, parts)
        return
    for now in rounds(parts, ROUND):
        yield from _gathered(group, flat, flat[now[group.here]].clone(), now)
