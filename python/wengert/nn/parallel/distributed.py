"""`DistributedDataParallel`: one module on every rank of a group, with the gradients of all."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from ... import _after, _native
from ...autograd.grad_mode import is_grad_enabled, no_grad
from ...nn.modules.module import Module
from ...random import initial_seed

if TYPE_CHECKING:
    from ...distributed._groups import Group
    from ...distributed.gradients import Flat, Gradients
    from ...distributed.parts import Parts

__all__ = ["DistributedDataParallel"]

_M = TypeVar("_M", bound=Module)
_CALL = "DistributedDataParallel"


class _Sync:
    """What changes from step to step. The module that owns it tells a program all it depends on."""

    __capture_conditions__ = None

    group: Group
    gradients: Gradients | None = None
    parts: Parts | None = None
    buffers: Flat | None = None
    reached = False  # a gradient has come since the last exchange
    wanted = True  # the last forward pass asked for an exchange
    joining: _Joining | None = None

    def divisor(self) -> int | None:
        """What sums are divided by; None for the number of ranks."""
        joining = self.joining
        return None if joining is None or joining.initial else joining.active

    def at_work(self) -> int:
        """How many ranks have a batch."""
        return self.group.count if self.joining is None else self.joining.active


class _Joining:
    """Of a `join` under way."""

    def __init__(self, initial: bool, throw: bool) -> None:
        self.initial, self.throw, self.active = initial, throw, 0
        self.root = 0  # of the buffers: a rank that is at work still


class DistributedDataParallel(Module, Generic[_M]):
    """`module` on each rank of a process group, trained as one on the batches of all.

    At construction every rank gets the parameters and buffers of rank 0. The ranks then see batches
    of their own, and at the end of `backward()` every parameter's `grad` is the mean over the
    ranks, in rank order: equal bits on all. Buffers are rank 0's at each forward pass. The keys of
    `state_dict` begin with `module.`. In a captured function the exchange is a step of the program.
    With one rank it is the module.

    Args:
      module: on all ranks the same, with parameters that want gradients.
      process_group: default all ranks.
      broadcast_buffers, forward_sync_buffers: whether buffers follow rank 0's (default True).
      init_sync: whether rank 0's parameters and buffers are sent at construction.
      gradient_as_bucket_view: leaves gradients in the memory of the exchange, which saves a copy.
      deterministic_microbatches: M, a power of two. The batch of all ranks is computed in M parts
        of equal size, and gradients are added along one binary tree over them: 1, 2, 4 ... M ranks
        give the same bits, from a loss that is a mean over rows. Rank r of N must have the rows of
        the r-th of N equal runs of the batch, and ranks the same random seed. Floating-point
        buffers become means over the parts. See docs/distributed.md.

    `device_ids`, `output_device`, `dim`, `bucket_cap_mb`, `find_unused_parameters`,
    `check_reduction`, `static_graph` and the rest are accepted: unused parameters need no flag, and
    all gradients are one bucket. Raises ValueError without a group, RuntimeError for a module
    without parameters that want gradients or that differs between ranks.
    """

    def __init__(
        self,
        module: _M,
        device_ids: Sequence[object] | None = None,
        output_device: object = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: object = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        delay_all_reduce_named_params: object = None,
        param_to_hook_all_reduce: object = None,
        mixed_precision: object = None,
        device_mesh: object = None,
        skip_all_reduce_unused_params: bool = False,
        bucket_cap_mb_list: object = None,
        forward_sync_buffers: bool | None = None,
        *,
        deterministic_microbatches: int | None = None,
    ) -> None:
        from ...distributed.gradients import group_or_default

        super().__init__()
        sync = _Sync()
        sync.group = group_or_default(process_group)
        for name, value in (("mixed_precision", mixed_precision), ("device_mesh", device_mesh)):
            if value is not None:
                raise ValueError(f"{_CALL}: {name} is not available")
        self.module = module
        self.device_ids = self.output_device = None
        self.dim, self.process_group = dim, sync.group
        self.find_unused_parameters, self.static_graph = find_unused_parameters, static_graph
        self.gradient_as_bucket_view = gradient_as_bucket_view
        chosen = forward_sync_buffers if broadcast_buffers is None else broadcast_buffers
        self.broadcast_buffers = chosen is not False
        self.require_backward_grad_sync = self.require_forward_param_sync = True
        self._sync = sync
        ignored = getattr(module, "_ddp_params_and_buffers_to_ignore", ())
        named = [
            (n, p) for n, p in module.named_parameters() if p.requires_grad and n not in ignored
        ]
        if not named:
            raise RuntimeError(
                f"{_CALL} is not needed when a module doesn't have any parameter that requires a "
                "gradient."
            )
        if sync.group.count > 1:
            self._check_and_send(init_sync)
        self._prepare([n for n, _ in named], deterministic_microbatches)

    def _check_and_send(self, init_sync: bool) -> None:
        """That the module is the same everywhere; rank 0's values."""
        from ...distributed.gradients import Flat, broadcast_all, check_same

        tensors = [*self.module.parameters(), *self.module.buffers()]
        shapes = [
            (n, str(t.dtype), tuple(t.shape), t.requires_grad)
            for n, t in [*self.module.named_parameters(), *self.module.named_buffers()]
        ]
        check_same(self._sync.group, f"{_CALL}: the shapes of the module", shapes)
        if not init_sync:
            return
        flat = Flat(tensors)
        with no_grad():
            for view, tensor in zip(flat.views[0], tensors, strict=True):
                view.copy_(tensor)
            broadcast_all(self._sync.group, flat, 0, _CALL)
            for view, tensor in zip(flat.views[0], tensors, strict=True):
                tensor.detach().copy_(view)

    def _prepare(self, names: list[str], microbatches: int | None) -> None:
        """What the exchange of gradients needs, if there is one."""
        from ...distributed.gradients import Gradients, check_same
        from ...distributed.parts import Parts

        sync = self._sync
        if microbatches is None and sync.group.count == 1:
            return
        by_name = dict(self.module.named_parameters())
        params = [by_name[name] for name in names]
        sources: Sequence[Sequence[_native.Tensor]] = [params]
        if microbatches is not None:
            sync.parts = Parts(self.module, params, sync.group, microbatches, sync.at_work)
            sources = sync.parts.stand_ins
            check_same(sync.group, f"{_CALL}: the random seed", initial_seed())
            for name, param in zip(names, params, strict=True):
                param.register_post_accumulate_grad_hook(functools.partial(_refuse, name))
        else:
            sources = [params]
        sync.gradients = Gradients(
            params, sources, sync.group, microbatches is not None, self.gradient_as_bucket_view,
            sync.divisor,
        )  # fmt: skip
        sync.gradients.names = names
        for row in sources:
            for leaf in row:
                leaf.register_post_accumulate_grad_hook(functools.partial(_reach, sync))
        _after.tell(self)

    # ---- a step -------------------------------------------------------------------------------

    def forward(self, *inputs: object, **kwargs: object) -> object:
        """What the module gives for this rank's rows."""
        sync = self._sync
        if sync.gradients is None:
            return self.module(*inputs, **kwargs)
        if is_grad_enabled():
            sync.wanted = self.require_backward_grad_sync
            if _native._is_capturing():
                from ...distributed.gradients import in_program

                in_program(functools.partial(self._notify, sync.wanted))  # joins may come and go
            else:
                self._notify(sync.wanted)
        if sync.parts is not None and is_grad_enabled():
            return sync.parts.run(inputs, kwargs)
        if self.require_forward_param_sync and self.broadcast_buffers and sync.parts is None:
            self._send_buffers()
        return self.module(*inputs, **kwargs)

    def _send_buffers(self) -> None:
        """Makes the buffers those of rank 0, or in a join of the first rank that is at work."""
        from ...distributed.gradients import Flat, broadcast_all, in_program

        buffers = list(self.module.buffers())
        sync = self._sync
        if not buffers:
            return

        def memory() -> Flat:
            if sync.buffers is None:
                sync.buffers = Flat(buffers)
            return sync.buffers

        flat = _native._outside_capture(memory, True)

        def step() -> None:
            root = 0 if sync.joining is None else sync.joining.root
            broadcast_all(sync.group, flat, root, f"{_CALL} (buffers of rank {root})")

        with no_grad():
            for view, buffer in zip(flat.views[0], buffers, strict=True):
                view.copy_(buffer)
            if _native._is_capturing():
                in_program(step)
            else:
                step()
            for view, buffer in zip(flat.views[0], buffers, strict=True):
                buffer.detach().copy_(view)

    def backward_is_over(self) -> None:
        """Exchanges gradients, if some have come; `backward` calls it."""
        sync = self._sync
        if not sync.reached:
            return
        sync.reached = False
        if sync.wanted and sync.gradients is not None:
            sync.gradients.exchange()

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Within, gradients of this rank add up; the next pass outside exchanges their sum.

        The forward pass counts: it must be within, too.
        """
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    # ---- sharded gradients --------------------------------------------------------------------

    def shard_gradients(self, owners: Mapping[_native.Tensor, int]) -> None:
        """From now on a parameter's mean gradient is left on the rank that owns it alone.

        The others have none, and half the bytes are sent. `ZeroRedundancyOptimizer` calls it, with
        the rank in the group of every parameter that wants a gradient; ValueError if one is not
        there. With one rank it does nothing.
        """
        gradients = self._sync.gradients
        if gradients is None:
            return
        by_id = {id(param): rank for param, rank in owners.items()}
        missing = [
            name
            for name, param in zip(gradients.names, gradients.params, strict=True)
            if id(param) not in by_id
        ]
        if missing:
            raise ValueError(f"{_CALL}: no rank owns {', '.join(missing)}")
        gradients.shard([by_id[id(param)] for param in gradients.params])

    def total_norm(self, params: Sequence[_native.Tensor], kind: float) -> _native.Tensor | None:
        """Of sharded gradients of all ranks; None if the parameters are none of these."""
        gradients = self._sync.gradients
        if gradients is None or gradients.owners is None:
            return None
        return gradients.total_norm(params, kind)

    # ---- uneven data --------------------------------------------------------------------------

    @contextlib.contextmanager
    def join(
        self,
        divide_by_initial_world_size: bool = True,
        enable: bool = True,
        throw_on_early_termination: bool = False,
    ) -> Iterator[None]:
        """Within, ranks may have different numbers of batches.

        A rank that is done goes along with the others' exchanges, with gradients of zero, until all
        are; then all have the module of the last one. Gradients are divided by the number of ranks,
        or by those still at work if `divide_by_initial_world_size` is False. With
        `throw_on_early_termination` all raise RuntimeError when one is done. Every forward pass
        that records must be followed by a backward pass. A captured function may be called within
        and without. With `deterministic_microbatches` the parts of a rank that is done are missing
        from the tree, so the bits depend on the number of ranks from there on.
        """
        sync = self._sync
        if not enable or sync.gradients is None:
            yield
            return
        sync.joining = _Joining(divide_by_initial_world_size, throw_on_early_termination)
        try:
            yield
            self._go_along(sync.joining)
        finally:
            sync.joining = None

    def _notify(self, wanted: bool) -> None:
        """In a join, before a forward pass: how many ranks are at work still."""
        sync, joining = self._sync, self._sync.joining
        if joining is None:
            return
        joining.active, wants, joining.root = self._at_work([1, int(wanted)])
        if joining.throw and joining.active < sync.group.count:
            raise RuntimeError(f"{_CALL}.join: a rank has no more batches")
        if wants not in (0, joining.active):
            raise RuntimeError(f"{_CALL}.join: no_sync on some ranks and not on others")

    def _at_work(self, mine: list[int]) -> tuple[int, int, int]:
        """How many ranks are at work, how many of them want an exchange, and the first of them."""
        from ...distributed.gradients import count_all

        group = self._sync.group
        flags = [mine[0] if rank == group.here else 0 for rank in range(group.count)]
        active, wants, *found = count_all(group, [*mine, *flags], f"{_CALL}.join")
        return active, wants, found.index(1) if active else 0

    def _go_along(self, joining: _Joining) -> None:
        from ...distributed.gradients import count_all

        sync = self._sync
        last = True
        while True:
            active, wants, root = self._at_work([0, 0])
            if active == 0:
                break
            last = False
            if joining.throw:
                raise RuntimeError(f"{_CALL}.join: a rank has no more batches")
            joining.active, joining.root = active, root
            if sync.parts is not None:
                sync.parts.go_along()
            elif self.require_forward_param_sync and self.broadcast_buffers:
                self._send_buffers()
            if wants and sync.gradients is not None:
                sync.gradients.join()
        owners = count_all(
            sync.group,
            [int(last and rank == sync.group.here) for rank in range(sync.group.count)],
            f"{_CALL}.join",
        )
        self._take_all(max(rank for rank, is_last in enumerate(owners) if is_last))

    def _take_all(self, root: int) -> None:
        """The parameters and buffers of one rank, for all."""
        from ...distributed.gradients import Flat, broadcast_all

        tensors = [*self.module.parameters(), *self.module.buffers()]
        flat = Flat(tensors)
        with no_grad():
            for view, tensor in zip(flat.views[0], tensors, strict=True):
                view.copy_(tensor)
            broadcast_all(self._sync.group, flat, root, f"{_CALL}.join")
            for view, tensor in zip(flat.views[0], tensors, strict=True):
                tensor.detach().copy_(view)


def _reach(sync: _Sync, leaf: _native.Tensor) -> None:
    sync.reached = True


def _refuse(name: str, leaf: _native.Tensor) -> None:
    raise RuntimeError(
        f"{_CALL}: {name} was used past the module that has it, whose gradients "
        "deterministic_microbatches keeps apart"
    )
