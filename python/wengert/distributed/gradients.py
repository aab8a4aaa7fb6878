"""Gradients of a module in flat memory, and their sums over ranks: what data-parallel modules need.

Tensors of one dtype lie one after the other in one tensor, which is exchanged as a whole. Behind
the first kind lies a number for each: whether this rank has a gradient of it. A parameter that no
rank has used keeps none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from ._collectives import all_reduce
from ._groups import Group, default_group, group_of
from ._messages import all_gather_object
from ._state import ReduceOp
from ._sums import combine, everywhere, to_owners
from ._work import Parts, all_here, run

__all__ = [
    "Flat",
    "Gradients",
    "broadcast_all",
    "check_same",
    "come_together",
    "count_all",
    "group_or_default",
]


def group_or_default(given: object) -> Group:
    """The group that is meant. ValueError where there is none, or it is not this process's."""
    found = default_group() if given is None else group_of(given)
    if found is None:
        raise ValueError("DistributedDataParallel: this process is not in the process group")
    return found


class Flat:
    """Memory for tensors like the given ones, `rows` times, and `extra` numbers behind the first.

    `views[row]` are the places of the tensors, in their order.
    """

    def __init__(self, like: Sequence[Tensor], rows: int = 1, extra: int = 0) -> None:
        kinds: dict[_native.dtype, list[int]] = {}
        for i, tensor in enumerate(like):
            kinds.setdefault(tensor.dtype, []).append(i)
        self.views: list[list[Tensor]] = [[_NONE] * len(like) for _ in range(rows)]
        self.whole: list[list[Tensor]] = [[] for _ in range(rows)]  # a flat tensor of each dtype
        self.extra: list[Tensor] = []
        for dtype, members in kinds.items():
            total = sum(like[i].numel() for i in members)
            more = extra if not self.whole[0] else 0
            for row in range(rows):
                memory = _native.zeros([total + more], dtype=dtype)
                self.whole[row].append(memory)
                at = 0
                for i in members:
                    n = like[i].numel()
                    self.views[row][i] = memory[at : at + n].view(like[i].shape)
                    at += n
                if more:
                    self.extra.append(memory[total:])


_NONE = _native.empty([0])


def _each(group: Group, memory: Sequence[Tensor], op: ReduceOp, tree: bool) -> Parts:
    for flat in memory:
        yield from everywhere(group, flat, op, tree)


def average(group: Group, memory: Sequence[Tensor], tree: bool, call: str) -> None:
    """Makes flat tensors the means over the ranks."""
    run(call, group, lambda: _each(group, memory, ReduceOp.AVG, tree), False)


def broadcast_all(group: Group, flat: Flat, root: int, call: str) -> None:
    """Makes flat memory that of one rank of the group."""

    def parts() -> Parts:
        for memory in flat.whole[0]:
            yield [group.comm.Ibcast(group.wire.memory(memory), root)]

    run(call, group, parts, False)


def count_all(group: Group, numbers: Sequence[int], call: str) -> list[int]:
    """Sums of whole numbers over the ranks."""
    counts = _native.tensor(list(numbers), dtype=_native.int64)
    run(call, group, lambda: everywhere(group, counts, ReduceOp.SUM), False)
    return [int(n) for n in counts.tolist()]


def check_same(group: Group, what: str, mine: object) -> None:
    """RuntimeError, on all ranks, that names one whose object is another."""
    every: list[object] = [None] * group.count
    all_gather_object(every, mine, group)
    for rank, other in enumerate(every):
        if other != every[0]:
            raise RuntimeError(
                f"{what} must be the same on all ranks, but rank {group.ranks[0]} has {every[0]}, "
                f"rank {group.ranks[rank]} {other}"
            )


def come_together(call: str, what: str, mine: object, seconds: float) -> None:
    """Returns when all ranks are in this call, with an object that is the same on all.

    DistBackendError names those that do not come within so many seconds, or in the group's time.
    """
    group = default_group()
    all_here(f"{call} (all ranks together)", group, min(group.seconds, seconds))
    check_same(group, f"{call}: {what}", mine)


class Gradients:
    """The exchange of the gradients of parameters: in Python, or as a step of a program.

    `sources` are lists of leaves, one for each part of the batch: the parameters themselves, or
    parameters that stand for them in a part. Their gradients are added along a tree over the parts
    of all ranks if there are several or `tree` says so, else rank by rank; the mean is left in the
    parameters. `divisor` says, when an exchange is made, what the sum is divided by in place of the
    number of ranks, or None.
    """

    def __init__(
        self, params: Sequence[Tensor], sources: Sequence[Sequence[Tensor]], group: Group,
        tree: bool, keep_views: bool, divisor: Callable[[], int | None],
    ) -> None:  # fmt: skip
        self.params, self.sources, self.group, self.tree = params, sources, group, tree
        self.names: Sequence[str] = ()
        self.owners: Sequence[int] | None = None
        self._divisor = divisor
        self._keep_views = keep_views
        self._flat: Flat | None = None
        self._own: list[list[slice]] = []  # of the memory of each dtype, the part of each rank
        self._left: dict[int, Tensor] = {}

    def shard(self, owners: Sequence[int]) -> None:
        """From now on the mean gradient of a parameter is left on the rank that owns it alone."""
        self.owners, self._flat = owners, None

    def _memory(self) -> Flat:
        if self._flat is None:
            rows, count = len(self.sources), len(self.params)
            if self.owners is None:
                self._flat = Flat(self.params, rows, count)
            else:
                owners = self.owners
                order = sorted(range(count), key=lambda i: owners[i])
                self._flat = Flat([self.params[i] for i in order], rows, count)
                for row, views in enumerate(self._flat.views):
                    placed = dict(zip(order, views, strict=True))
                    self._flat.views[row] = [placed[i] for i in range(count)]
                self._own = [self._parts(memory) for memory in self._flat.whole[0]]
        return self._flat

    def _parts(self, memory: Tensor) -> list[slice]:
        """Where the parameters of each rank lie, of the dtype of the memory."""
        sizes = [0] * self.group.count
        for param, owner in zip(self.params, self.owners or (), strict=True):
            if param.dtype is memory.dtype:
                sizes[owner] += param.numel()
        ends = list(itertools.accumulate(sizes))
        return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]

    def is_mine(self, number: int) -> bool:
        """Whether this rank gets the mean gradient of a parameter."""
        return self.owners is None or self.owners[number] == self.group.here

    def exchange(self) -> None:
        """Leaves the mean gradient in every parameter that some rank has used."""
        with no_grad():
            if _native._is_capturing():
                self._in_program()
            else:
                self._refuse_kept()
                flat = self._memory()
                self._used = [
                    [
                        self._enter(source.grad, view)
                        for source, view in zip(row, views, strict=True)
                    ]
                    for row, views in zip(self.sources, flat.views, strict=True)
                ]
                self._clear_sources()
                self._leave(self._add(self._used))

    def _refuse_kept(self) -> None:
        """RuntimeError if a gradient that only its owner has would be added to those of all."""
        for number, grad in self._left.items():
            if self.params[number].grad is grad:
                raise RuntimeError(
                    "DistributedDataParallel: sharded gradients of the last exchange are there "
                    "still; call zero_grad() before each step, and add gradients up in no_sync()"
                )
        self._left.clear()

    def join(self) -> None:
        """Takes part in an exchange with no gradients of its own."""
        with no_grad():
            for memory in self._memory().whole[0]:
                memory.zero_()
            self._average()

    def _average(self) -> None:
        """Makes the memory of the first row the means over the ranks, or the own part of it."""
        flat, call = self._memory(), "DistributedDataParallel"
        if self.owners is None:
            average(self.group, flat.whole[0], self.tree, call)
        else:

            def parts() -> Parts:
                for memory, own in zip(flat.whole[0], self._own, strict=True):
                    yield from to_owners(self.group, memory, own, ReduceOp.AVG, self.tree)
                yield from everywhere(self.group, flat.extra[0], ReduceOp.AVG, self.tree)

            run(call, self.group, parts, False)
        divide_by = self._divisor()
        if divide_by is not None and divide_by != self.group.count:
            for memory in flat.whole[0]:
                memory.mul_(self.group.count / divide_by)

    def _enter(self, grad: Tensor | None, view: Tensor) -> bool:
        if grad is None:
            view.zero_()
            return False
        if grad.data_ptr() != view.data_ptr():
            view.copy_(grad)
        return True

    def _add(self, used: Sequence[Sequence[bool]]) -> list[bool]:
        """Adds the parts of this rank, then the ranks; which parameters any rank has used."""
        flat = self._memory()
        here = [any(column) for column in zip(*used, strict=True)]
        for row in range(1, len(used)):
            flat.extra[row].zero_()
        flat.extra[0].copy_(_native.tensor([float(u) for u in here]))
        for kind in range(len(flat.whole[0])):
            combine([row[kind] for row in flat.whole], tree=True)
        self._average()
        if all(here):
            return here
        return [number > 0 for number in flat.extra[0].tolist()]

    def _leave(self, used: Sequence[bool]) -> None:
        own = self.sources[0] is self.params
        views = self._memory().views[0]
        for number, (param, view, some) in enumerate(zip(self.params, views, used, strict=True)):
            if not self.is_mine(number):
                param.grad = None
            elif some:
                self._leave_one(param, view, own)
                if self.owners is not None and param.grad is not None:
                    self._left[number] = param.grad

    def _leave_one(self, param: Tensor, view: Tensor, own: bool) -> None:
        if param.grad is None:
            param.grad = view if self._keep_views else view.clone()
        elif not own:
            param.grad.add_(view)
        elif param.grad.data_ptr() != view.data_ptr():
            param.grad.copy_(view)

    def _clear_sources(self) -> None:
        if self.sources[0] is self.params:
            return
        for row in self.sources:
            for source in row:
                source.grad = None

    def total_norm(self, params: Sequence[Tensor], kind: float) -> Tensor | None:
        """The norm of the sharded gradients of all ranks; None if some parameter has none of them.

        Of the norms of all parameters, each taken by its owner: the same bits on all ranks, and for
        any number of them.
        """
        places = {id(param): i for i, param in enumerate(self.params)}
        if not params or any(id(param) not in places for param in params):
            return None
        wide = any(param.dtype is _native.float64 for param in params)
        dtype = _native.float64 if wide else _native.float32
        with no_grad():
            norms = [
                _native.zeros((), dtype=dtype)
                if param.grad is None or not self.is_mine(places[id(param)])
                else _native.total_norm([param.grad], kind).to(dtype)
                for param in params
            ]
            every = _native.stack(norms)
            all_reduce(every, ReduceOp.SUM, self.group)
            return _native.total_norm([every], kind)

    # ---- in a program

    def _in_program(self) -> None:
        """Copies to memory that stays, a call out of the program, copies back."""
        flat = _native._outside_capture(self._memory, True)
        used = [[source.grad is not None for source in row] for row in self.sources]
        here = [any(column) for column in zip(*used, strict=True)]
        for row, views in zip(self.sources, flat.views, strict=True):
            for source, view in zip(row, views, strict=True):
                if source.grad is not None:
                    view.copy_(source.grad)
        self._clear_sources()

        def step() -> None:
            with no_grad():
                for views, flags in zip(flat.views, used, strict=True):
                    for view, flag in zip(views, flags, strict=True):
                        if not flag:
                            view.zero_()
                everywhere_used = self._add(used)
                for i, (mine, some) in enumerate(zip(here, everywhere_used, strict=True)):
                    if some and not mine:
                        name = self.names[i] if i < len(self.names) else str(i)
                        raise RuntimeError(
                            f"DistributedDataParallel: another rank has a gradient of {name}, and "
                            f"the program of rank {self.group.wire.rank} has none; leave the "
                            "training step outside `capture`, or use the parameter on all ranks"
                        )

        in_program(step)
        own = self.sources[0] is self.params
        for number, (param, view, mine) in enumerate(
            zip(self.params, flat.views[0], here, strict=True)
        ):
            if not self.is_mine(number):
                param.grad = None
            elif not mine:
                continue
            elif param.grad is None:
                param.grad = view.clone()
            elif own:
                param.grad.copy_(view)
            else:
                param.grad.add_(view)


def _nothing() -> None:
    """Puts nothing back: the memory of an exchange is written before it is read."""


def in_program(step: Callable[[], None]) -> None:
    """Does it now, and at this place of the program that is being captured."""
    _native._capture_call(step, lambda: _nothing)
    _native._outside_capture(step, True)
