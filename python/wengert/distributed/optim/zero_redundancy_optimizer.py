"""`ZeroRedundancyOptimizer`: each rank keeps the state of its share of the parameters."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from ... import _native
from ..._capture.conditions import Conditions
from ..._native import Tensor
from ..._typing import Closure, Group, StateDict
from ...autograd.grad_mode import enable_grad, no_grad
from ...optim import Optimizer
from ...serialization import load, save
from .._messages import all_gather_object
from .._sums import from_owners, slices
from .._work import Parts, run
from ..gradients import group_or_default, in_program

if TYPE_CHECKING:
    from ...nn import Module
    from ...nn.parallel import DistributedDataParallel
    from .._groups import Group as ProcessGroup

__all__ = ["ZeroRedundancyOptimizer"]

_CALL = "ZeroRedundancyOptimizer"


class ZeroRedundancyOptimizer(Optimizer):
    """`optimizer_class` on each rank's share of the parameters: 1/N of its time and memory.

    The parameters of each group are dealt out by size, the largest first, each to the rank that has
    least. A step updates the rank's own share; then all ranks gather the updated parameters. Which
    parameters a rank has does not change the bits of an update. Gradients are the caller's matter,
    `DistributedDataParallel` makes them the same on all ranks.

    Args:
      params: tensors or dicts, as any optimizer has them; the same on all ranks.
      optimizer_class: of this package, such as `optim.Adam`.
      process_group: default all ranks.
      shard_gradients: the `DistributedDataParallel` that has all the parameters. A mean gradient
        then reaches the rank alone that updates its parameter, so that a step sends what one of a
        plain optimizer does, 2 (N - 1) / N of the gradients, and not 3; the others' `grad` is None
        after `backward()`. `nn.utils.clip_grad_norm_` takes the norm of all; whatever else reads
        gradients sees those of a rank. It needs `zero_grad()` before each step; gradients add up
        in `no_sync()`.
      defaults: hyper-parameters for `optimizer_class`.

    `parameters_as_bucket_view` is accepted; `overlap_with_ddp` is a RuntimeError. `state_dict()`
    is that of a plain optimizer of all parameters, once `consolidate_state_dict(to)` has brought
    the state together on rank `to`; `load_state_dict` takes one, of any number of ranks.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        optimizer_class: Callable[..., Optimizer],
        process_group: object = None,
        parameters_as_bucket_view: bool = False,
        overlap_with_ddp: bool = False,
        shard_gradients: DistributedDataParallel[Module] | None = None,
        **defaults: object,
    ) -> None:
        if overlap_with_ddp:
            raise RuntimeError(f"{_CALL}: overlap_with_ddp is not available")
        self._group: ProcessGroup = group_or_default(process_group)
        self._make: Callable[..., Optimizer] = optimizer_class
        self._given = defaults
        self._whole: dict[object, object] | None = None
        self._sharded = shard_gradients
        self._shares: list[list[list[Tensor]]] = []
        super().__init__(params, dict(defaults))  # calls add_param_group
        self._built = True
        self._build()

    _built = False

    # ---- who has what

    def add_param_group(self, param_group: Group) -> None:
        """Adds a group, which is dealt out like the others."""
        super().add_param_group(param_group)
        if self._built:
            self._build()

    def _deal(self, params: list[Tensor]) -> list[list[Tensor]]:
        """The share of each rank, in the order of the parameters."""
        loads = [0] * self._group.count
        owner: dict[int, int] = {}
        for param in sorted(params, key=lambda p: -p.numel()):
            rank = loads.index(min(loads))
            owner[id(param)] = rank
            loads[rank] += param.numel()
        return [[p for p in params if owner[id(p)] == rank] for rank in range(self._group.count)]

    def _build(self) -> None:
        """The optimizer of this rank's share; its state, if there is one, is kept."""
        before: Optimizer | None = getattr(self, "optim", None)
        self._shares = [self._deal(group["params"]) for group in self.param_groups]
        mine = []
        for group, shares in zip(self.param_groups, self._shares, strict=True):
            own = shares[self._group.here]
            mine.append({**{k: v for k, v in group.items() if k != "param_names"}, "params": own})
        self.optim = self._make(mine, **self._given)
        for group, local in zip(self.param_groups, self.optim.param_groups, strict=True):
            for key, value in local.items():
                group.setdefault(key, value)
        self.defaults = dict(self.optim.defaults)
        if before is not None:
            for param, state in before.state.items():
                self.optim.state[param] = state
        self._flat: list[Tensor] = []
        if self._sharded is not None:
            self._sharded.shard_gradients(
                {
                    p: rank
                    for shares in self._shares
                    for rank, share in enumerate(shares)
                    for p in share
                }
            )

    # ---- a step

    def step(self, closure: Closure | None = None) -> object:
        """Updates this rank's share and gathers those of all; returns the loss of `closure`."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, local in zip(self.param_groups, self.optim.param_groups, strict=True):
            for key, value in group.items():
                if key not in ("params", "param_names") and local.get(key) is not value:
                    local[key] = value
        if any(shares[self._group.here] for shares in self._shares):
            self.optim.step()
        if self._group.count > 1:
            self._gather()
        return loss

    def __capture_conditions__(self, conditions: object) -> None:
        """The hyper-parameters of the groups, as they are copied to the rank's own optimizer."""
        if not isinstance(conditions, Conditions):
            return
        for group in self.param_groups:
            for key in group:
                if key != "params":
                    conditions.item(group, key)

    def _by_dtype(self) -> dict[_native.dtype, list[list[Tensor]]]:
        """Of each dtype, the parameters of each rank."""
        found: dict[_native.dtype, list[list[Tensor]]] = {}
        for shares in self._shares:
            for rank, share in enumerate(shares):
                for param in share:
                    lists = found.setdefault(param.dtype, [[] for _ in shares])
                    lists[rank].append(param)
        return found

    def _gather(self) -> None:
        """Brings the parameters of all ranks to all."""
        here = self._group.here
        with no_grad():
            for number, (dtype, lists) in enumerate(self._by_dtype().items()):
                counts = [sum(p.numel() for p in params) for params in lists]
                starts = [sum(counts[:rank]) for rank in range(len(counts))]
                flat = self._memory(number, sum(counts), dtype)
                for rank, params in enumerate(lists):
                    if rank == here:
                        _each(params, flat, starts[rank], _enter)

                def step(
                    flat: Tensor = flat, counts: list[int] = counts, starts: list[int] = starts
                ) -> None:
                    run(
                        f"{_CALL}.step", self._group, lambda: self._all(flat, counts, starts), False
                    )

                if _native._is_capturing():
                    in_program(step)
                else:
                    step()
                for rank, params in enumerate(lists):
                    if rank != here:
                        _each(params, flat, starts[rank], _leave)

    def _memory(self, number: int, size: int, dtype: _native.dtype) -> Tensor:
        if len(self._flat) <= number:
            self._flat.append(
                _native._outside_capture(lambda: _native.empty([size], dtype=dtype), True)
            )
        return self._flat[number]

    def _all(self, flat: Tensor, counts: list[int], starts: list[int]) -> Parts:
        yield from from_owners(self._group, flat, slices(counts, starts))

    # ---- saving and loading

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Brings the state of all ranks together on rank `to`; all ranks must call it."""
        numbers = {
            id(p): i
            for i, p in enumerate(p for group in self.param_groups for p in group["params"])
        }
        mine = {numbers[id(p)]: dict(state) for p, state in self.optim.state.items()}
        stream = io.BytesIO()
        save(mine, stream)
        every: list[object] = [None] * self._group.count
        all_gather_object(every, stream.getvalue(), self._group)
        if self._group.here != self._group.member(to, f"{_CALL}.consolidate_state_dict", "to"):
            self._whole = None
            return
        whole: dict[int, object] = {}  # by the number of the parameter
        for data in every:
            whole.update(load(io.BytesIO(cast("bytes", data))))
        self._whole = {i: whole[i] for i in sorted(whole)}

    def state_dict(self) -> StateDict:
        """The consolidated state, as of a plain optimizer. RuntimeError on ranks without it."""
        if self._whole is None:
            raise RuntimeError(
                f"Optimizer state has not been consolidated on this rank. Please call "
                f"`consolidate_state_dict(to={self._group.wire.rank})` on all ranks beforehand if "
                "you meant to save the global state."
            )
        plain = super().state_dict()
        state: dict[object, object] = self._whole
        return {"state": state, "param_groups": plain["param_groups"]}

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Takes over hyper-parameters, and the state of this rank's share."""
        super().load_state_dict(state_dict)
        mine = {id(p) for shares in self._shares for p in shares[self._group.here]}
        self._build()
        for param, state in self.state.items():
            if id(param) in mine:
                self.optim.state[param] = state
        self.state.clear()


def _enter(view: Tensor, param: Tensor) -> None:
    view.copy_(param)


def _leave(view: Tensor, param: Tensor) -> None:
    param.detach().copy_(view)


def _each(
    params: list[Tensor], flat: Tensor, start: int, do: Callable[[Tensor, Tensor], None]
) -> None:
    for param in params:
        end = start + param.numel()
        do(flat[start:end].view(param.shape), param)
        start = end
