"""A batch in parts whose gradients are kept apart: equal bits for 1, 2, 4, 8 ranks.

Note [equal bits]
The batch of all ranks is cut into M parts, and each rank has a run of them. A part is a forward
pass of its own, of the same size however many ranks there are, on leaves that stand for the
parameters: their gradients are those of the part alone. They are added along one binary tree over
all parts. A rank of 2^k ranks holds a whole branch of it, so where the ranks' gradients meet the
tree goes on. A mean over the rows of a rank is another power of two times the mean over all, which
rounds alike.
Every part starts from the same buffers (running means of a norm), and the means of what the parts
leave follow them. It draws its random numbers (dropout) from a sequence of its own, seeded by one
draw from the generator, which goes on alike on all ranks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from ..random import default_generator
from ._groups import Group
from .gradients import Flat, average, combine, in_program

if TYPE_CHECKING:
    from ..nn import Module, Parameter

_T = TypeVar("_T")

__all__ = ["Parts"]


def _power_of_two(n: int) -> bool:
    return n > 0 and n & (n - 1) == 0


class Parts:
    """The parts of one rank, and the parameters that stand in for the module's in each."""

    def __init__(
        self, module: Module, params: Sequence[Parameter], group: Group, m: int,
        at_work: Callable[[], int],
    ) -> None:  # fmt: skip
        if not isinstance(m, int) or not _power_of_two(m) or not _power_of_two(group.count):
            raise ValueError(
                f"DistributedDataParallel: deterministic_microbatches={m!r} on {group.count} "
                "ranks: both must be powers of two"
            )
        if m < group.count:
            raise ValueError(
                f"DistributedDataParallel: deterministic_microbatches={m} are fewer than the "
                f"{group.count} ranks"
            )
        self._module, self._params, self._group = module, params, group
        self._at_work = at_work
        self.count = m // group.count
        self._first = group.here * self.count
        self._places = [
            (owner, name, param)
            for owner in module.modules()
            for name, param in owner._parameters.items()
            if param is not None and param.requires_grad
        ]
        make = type(params[0])
        self.stand_ins: list[list[Tensor]] = [
            [make(p.detach()) for p in params] for _ in range(self.count)
        ]
        self._flat: Flat | None = None

    # ---- splitting and joining

    def _size(self, values: object) -> int | None:
        """The rows of the first tensor."""
        if isinstance(values, Tensor):
            return values.shape[0] if values.dim() else None
        if isinstance(values, dict):
            values = list(values.values())
        if isinstance(values, (list, tuple)):
            for value in values:
                found = self._size(value)
                if found is not None:
                    return found
        return None

    def _cut(self, value: object, part: int, rows: int, size: int) -> object:
        if isinstance(value, Tensor):
            if value.dim() and value.shape[0] == rows:
                return value[part * size : (part + 1) * size]
            return value
        if isinstance(value, dict):
            return {k: self._cut(v, part, rows, size) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return _like(value, [self._cut(v, part, rows, size) for v in value])
        return value

    def _joined(self, values: Sequence[object]) -> object:
        first = values[0]
        if isinstance(first, Tensor):
            tensors = [v for v in values if isinstance(v, Tensor)]
            if first.dim():
                return _native.cat(tensors)
            return _native.stack(tensors).mean()
        if isinstance(first, (dict, OrderedDict)):
            made = type(first)()
            for key in first:
                made[key] = self._joined([v[key] for v in values if isinstance(v, dict)])
            return made
        if isinstance(first, (list, tuple)):
            columns = zip(*(v for v in values if isinstance(v, (list, tuple))), strict=True)
            return _like(first, [self._joined(column) for column in columns])
        if any(v is not first and v != first for v in values):
            raise TypeError(
                "DistributedDataParallel: with deterministic_microbatches the module must return "
                f"tensors, or containers of them, got {type(first).__name__}"
            )
        return first

    # ---- running

    def run(self, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """The module on each part of this rank's rows, and what it gives, joined."""
        rows = self._size((args, kwargs))
        if rows is None or rows % self.count:
            raise ValueError(
                f"DistributedDataParallel: {self.count} parts on each rank need a number of rows "
                f"that they divide, got {rows}; leave out a last batch that is short (drop_last)"
            )
        self._renew()
        size = rows // self.count
        buffers = [b for b in self._module.buffers()] if self._module.training else []
        before = [b.detach().clone() for b in buffers]
        kept: list[list[Tensor]] = []
        outputs = []
        draw = _Draws(self._first)
        if _native._is_capturing():  # a program goes by the parameters, not by what stands in
            for owner, name, _ in self._places:
                _native._note_read(owner, name)
        for part in range(self.count):
            if part:
                with no_grad():
                    for buffer, was in zip(buffers, before, strict=True):
                        buffer.detach().copy_(was)
            cut_args = tuple(self._cut(a, part, rows, size) for a in args)
            cut_kwargs = {k: self._cut(v, part, rows, size) for k, v in kwargs.items()}
            draw.begin(part)
            self._swap(self.stand_ins[part])
            try:
                outputs.append(self._module(*cut_args, **cut_kwargs))
            finally:
                self._swap(None)
            if buffers:
                kept.append([b.detach().clone() for b in buffers])
        draw.end()
        self._mean_buffers(buffers, kept)
        return self._joined(outputs)

    def _swap(self, stand_ins: Sequence[Tensor] | None) -> None:
        """Puts the stand-ins, or the parameters, into the module, unseen by its registries."""
        by_param: dict[int, Tensor] = {}
        if stand_ins is not None:
            by_param = {id(p): s for p, s in zip(self._params, stand_ins, strict=True)}
        for owner, name, param in self._places:
            tensor = by_param.get(id(param), param)
            plain: dict[str, object] = vars(owner)["_parameters"]
            dict.__setitem__(plain, name, tensor)
            vars(owner)[name] = tensor

    def _renew(self) -> None:
        """Stand-ins on the parameters' memory, if that was replaced."""

        def moved() -> list[Tensor]:
            return [
                p for p, s in zip(self._params, self.stand_ins[0], strict=True)
                if p.data_ptr() != s.data_ptr()
            ]  # fmt: skip

        if _native._outside_capture(moved, True):
            for row in self.stand_ins:
                for param, stand_in in zip(self._params, row, strict=True):
                    stand_in.data = param.detach()

    def go_along(self) -> None:
        """Takes part in the means of buffers with no parts of its own."""
        buffers = [b for b in self._module.buffers()] if self._module.training else []
        self._mean_buffers(buffers, [])

    def _mean_buffers(self, buffers: Sequence[Tensor], kept: Sequence[Sequence[Tensor]]) -> None:
        """Floating-point buffers become the means over all parts; others are the same in each."""
        mine = [i for i, b in enumerate(buffers) if b.is_floating_point()]
        if not mine:
            return

        def memory() -> Flat:
            if self._flat is None:
                self._flat = Flat([buffers[i] for i in mine], self.count)
            return self._flat

        with no_grad():
            flat, some = _native._outside_capture(memory, True), bool(kept)
            for row, values in zip(flat.views, kept, strict=some):
                for view, i in zip(row, mine, strict=True):
                    view.copy_(values[i])

            def step() -> None:
                with no_grad():
                    for kind, memory in enumerate(flat.whole[0]):
                        combine([row[kind] for row in flat.whole], tree=True)
                        if some:
                            memory.div_(self.count)
                        else:
                            memory.zero_()
                    average(self._group, flat.whole[0], True, "DistributedDataParallel (buffers)")
                    active = self._at_work()
                    if active != self._group.count:
                        for memory in flat.whole[0]:
                            memory.mul_(self._group.count / active)

            (in_program if _native._is_capturing() else _at_once)(step)
            for view, i in zip(flat.views[0], mine, strict=True):
                buffers[i].detach().copy_(view)


def _like(
    container: list[object] | tuple[object, ...], items: list[object]
) -> list[object] | tuple[object, ...]:
    """A container of the kind of another; named tuples too."""
    kind: Callable[..., list[object] | tuple[object, ...]] = type(container)
    return kind(*items) if hasattr(container, "_fields") else kind(items)


def _at_once(step: Callable[[], None]) -> None:
    step()


class _Draws:
    """A sequence of random numbers for each part; in a program there must be no draws."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._capturing = _native._is_capturing()
        if self._capturing:
            self._state = _native._outside_capture(default_generator.get_state, True)
            return
        self._seed = int(_native.randint(0, 1 << 31, [1]))
        self._state = default_generator.get_state()
        self._initial = default_generator.initial_seed()

    def begin(self, part: int) -> None:
        if not self._capturing:
            default_generator.manual_seed(self._seed * 65536 + self._first + part)

    def end(self) -> None:
        if not self._capturing:
            default_generator.set_state(self._state)
            return

        def drawn() -> bool:
            return not bool((default_generator.get_state() == self._state).all())

        if _native._outside_capture(drawn, True):
            raise _native.CaptureError(
                "DistributedDataParallel: with deterministic_microbatches a module that draws "
                "random numbers (dropout) cannot be captured: each part has a sequence of its "
                "own. Leave the training step outside `capture`"
            )
