"""`vmap` of a user's `autograd.Function`: by its own rule, a generated one, or slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, cast

from .. import _native, _pytree
from .._common import typename
from .._typing import Args, Kwargs
from ..autograd.function import Function, FunctionCtx
from ..autograd.pushing import of_batched
from ._batched import Batched, Call, Vmap, active, loop, method, standing_in, top_of

Tensor = _native.Tensor


class VmapInfo(NamedTuple):
    """What a function's `vmap` is told besides its arguments."""

    batch_size: int
    randomness: str


def _apply(cls: type[Function], level: Vmap, args: Args, kwargs: Kwargs) -> object:
    """`cls.apply` of arguments of which some are batched."""
    own = cls.vmap is not Function.vmap
    if own and cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and "
            "an overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
            "overridden vmap staticmethod to avoid ambiguity."
        )
    if (own or cls.generate_vmap_rule) and kwargs:
        raise TypeError(f"vmap: {cls.__name__}.apply takes its arguments by position")
    if own:
        return _by_own_rule(cls, level, args)
    if cls.generate_vmap_rule:
        return _generated(cls, level, args)

    def apply(*own: object, **named: object) -> object:
        return cls.apply(*own, **named)

    apply.__name__ = f"{cls.__name__}.apply"
    return loop(Call(level, apply), args, kwargs)


def _apply_batched(cls: type[Function], args: Args, kwargs: Kwargs) -> tuple[object] | None:
    """A Function knows tensors only."""
    level = top_of(args, kwargs)
    return None if level is None else (_apply(cls, level, args, kwargs),)


of_batched.append(_apply_batched)


# ---- the function's own -----------------------------------------------------------------------


def _by_own_rule(cls: type[Function], level: Vmap, args: Args) -> object:
    made = Call(level, cls.vmap)
    ends, spec = _pytree.tree_flatten(args)
    mine = [made.is_mine(end) for end in ends]
    values = [cast("Batched", e).value if m else e for e, m in zip(ends, mine, strict=True)]
    in_dims = _pytree.tree_unflatten([0 if m else None for m in mine], spec)
    info = VmapInfo(level.size, level.randomness)
    with standing_in([other for other in active() if other is not level]):
        given = cls.vmap(info, in_dims, *cast("Args", _pytree.tree_unflatten(values, spec)))
        if not isinstance(given, tuple) or len(given) != 2:
            raise RuntimeError(
                "Expected the vmap staticmethod to have two returns, an output and out_dims with "
                "pytree structure compatible with the output. Got a "
                f"{typename(given)} instead"
            )
        output, out_dims = given
        outs, out_spec = _pytree.tree_flatten(output)
        dims = _pytree.broadcast_to_and_flatten(out_dims, out_spec)
        if dims is None:
            raise RuntimeError(
                f"{cls.__name__}.vmap: out_dims is not compatible with the structure of the "
                f"output, which is {_pytree.treespec_pprint(out_spec)}; got {out_dims}"
            )
        fronts = [_front(cls, level, x, dim) for x, dim in zip(outs, dims, strict=True)]
    return _pytree.tree_unflatten(
        [x if dim is None else made.batched(x) for x, dim in zip(fronts, dims, strict=True)],
        out_spec,
    )


def _front(cls: type[Function], level: Vmap, x: object, dim: object) -> object:
    """A result with the mapped dimension in front."""
    if dim is None:
        return x
    if not isinstance(dim, int) or not isinstance(x, Tensor):
        raise RuntimeError(
            f"{cls.__name__}.vmap: out_dims are a number for each tensor or None; got {dim} for a "
            f"{typename(x)}"
        )
    value = method("movedim", x, dim, 0)
    if value.shape[0] != level.size:
        raise RuntimeError(
            f"{cls.__name__}.vmap: the output has size {value.shape[0]} in dimension {dim}, which "
            f"out_dims name; expected the batch, {level.size}"
        )
    return value


# ---- generated --------------------------------------------------------------------------------


class _Inner(FunctionCtx):
    """The ctx that the user's methods see, whose saved tensors are batched."""

    def __init__(self, outer: FunctionCtx, cls: type[Function]) -> None:
        self._outer, self._cls = outer, cls
        self._kept: tuple[Tensor | None, ...] = ()
        self._kept_forward: tuple[Tensor | None, ...] | None = None
        self._fixed: tuple[Tensor, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for `saved_tensors`."""
        self._kept = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for `saved_tensors` in `jvp`."""
        self._kept_forward = tensors

    @property
    def saved_tensors(self) -> Args:
        """What was kept."""
        return self._kept

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Declares outputs without a gradient."""
        self._fixed = args

    def mark_dirty(self, *args: Tensor) -> None:
        """Refused: what would be changed is a view for one slice."""
        raise RuntimeError(
            f"vmap: {self._cls.__name__} changes inputs in place, which a generated rule cannot; "
            "give it a vmap staticmethod"
        )

    def set_materialize_grads(self, value: bool) -> None:
        """As of the whole."""
        self._outer.set_materialize_grads(value)


class _How:
    """A function, which of its arguments are batched, and what containers it gave."""

    def __init__(self, cls: type[Function], level: Vmap, args: Args) -> None:
        self.cls, self.size, self.randomness = cls, level.size, level.randomness
        self.mine = tuple(_is_batched(x, level) for x in args)
        self.ranks = tuple(x.dim() if isinstance(x, Tensor) else 0 for x in args)
        self.out_spec: _pytree.TreeSpec = _pytree.LeafSpec()

    @contextmanager
    def running(self) -> Iterator[Vmap]:
        """A block in which the dimension is mapped over."""
        level = Vmap(self.size, self.randomness)
        with standing_in([*active(), level]):
            yield level
        level.alive = False


def _generated(cls: type[Function], level: Vmap, args: Args) -> object:
    if cls.setup_context is Function.setup_context:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
            "jacrev, ...), it must override the setup_context staticmethod."
        )
    for x in args:
        if any(e is not x and _is_batched(e, level) for e in _pytree.tree_iter(x)):
            raise RuntimeError(
                f"vmap: {cls.__name__}.apply got a container of batched tensors, which a generated "
                "rule does not look into; give it a vmap staticmethod"
            )
    how = _How(cls, level, args)
    values = _whole(args, level)[0]
    with standing_in([other for other in active() if other is not level]):
        kind = _Whole if cls.jvp is Function.jvp else _WholeWithJvp
        outputs = kind.apply(how, *values)
    made = Call(level, cls.apply)
    return _pytree.tree_unflatten([made.batched(x) for x in outputs], how.out_spec)


def _is_batched(x: object, level: Vmap) -> bool:
    return type(x) is Batched and x.level is level


def _whole(tensors: Args, level: Vmap) -> tuple[Args, tuple[bool, ...]]:
    """(the values in what is batched, and the rest; which is batched)."""
    mine = tuple(_is_batched(x, level) for x in tensors)
    values = tuple(cast("Batched", x).value if m else x for x, m in zip(tensors, mine, strict=True))
    return values, mine


def _seen(values: Args, mine: tuple[bool, ...], level: Vmap) -> Args:
    """The other way round; None stays."""
    return tuple(
        Batched(cast("Tensor", x), level) if m and x is not None else x
        for x, m in zip(values, mine, strict=True)
    )


class _Whole(Function):
    """All slices of a user's function, whose methods see batched tensors."""

    generate_vmap_rule = True

    @staticmethod
    def forward(how: _How, *values: object) -> tuple[object, ...]:
        with how.running() as level:
            output = how.cls.forward(*_seen(values, how.mine, level))
            ends, how.out_spec = _pytree.tree_flatten(output)
            made = Call(level, how.cls.apply)
            return tuple(made.full(x) if isinstance(x, Tensor) else x for x in ends)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: Args, output: Args) -> None:
        how = cast("_How", inputs[0])
        inner = _Inner(ctx, how.cls)
        with how.running() as level:
            args = _seen(inputs[1:], how.mine, level)
            outputs = [Batched(x, level) if isinstance(x, Tensor) else x for x in output]
            inner.needs_input_grad = ctx.needs_input_grad[1:]
            how.cls.setup_context(inner, args, _pytree.tree_unflatten(outputs, how.out_spec))
            saved, mine = _whole(inner._kept, level)
            forward, mine_forward = _whole(inner._kept_forward or (), level)
            fixed = _whole(inner._fixed, level)[0]
        inner._kept = ()
        ctx.save_for_backward(*cast("tuple[Tensor, ...]", saved))
        if inner._kept_forward is not None:
            ctx.save_for_forward(*cast("tuple[Tensor, ...]", forward))
        ctx.mark_non_differentiable(*cast("tuple[Tensor, ...]", fixed))
        vars(ctx).update(how=how, inner=inner, mine=mine, mine_forward=mine_forward)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor | None) -> tuple[object, ...]:
        how, inner = cast("_How", vars(ctx)["how"]), cast("_Inner", vars(ctx)["inner"])
        cls = how.cls
        with how.running() as level:
            inner._kept = cast(
                "tuple[Tensor, ...]", _seen(ctx.saved_tensors, vars(ctx)["mine"], level)
            )
            given = (cls.backward if cls.vjp is Function.vjp else cls.vjp)(
                inner, *_seen(grads, (True,) * len(grads), level)
            )
            inner._kept = ()
            own = tuple(given) if isinstance(given, (tuple, list)) else (given,)
            if len(own) != len(how.mine):
                raise RuntimeError(
                    f"function {cls.__name__}Backward returned an incorrect number of gradients "
                    f"(expected {len(how.mine)}, got {len(own)})"
                )
            made = Call(level, cls.apply)
            whole = [_gradient(made, how, i, g) for i, g in enumerate(own)]
        return (None, *whole)


def _gradient(made: Call, how: _How, i: int, g: object) -> object:
    """The gradient of argument i as a whole: of one that is the same for all slices, their sum."""
    if not isinstance(g, Tensor):
        return g
    if how.mine[i]:
        while g.dim() > how.ranks[i]:  # an argument that was broadcast
            g = method("sum", g, 0)
        return made.full(g)
    return method("sum", made.value(g), 0) if made.is_mine(g) else g * how.size


class _WholeWithJvp(_Whole):
    """One whose user defines `jvp`."""

    @staticmethod
    def jvp(ctx: FunctionCtx, *tangents: Tensor | None) -> object:
        how, inner = cast("_How", vars(ctx)["how"]), cast("_Inner", vars(ctx)["inner"])
        key = "mine" if inner._kept_forward is None else "mine_forward"
        with how.running() as level:
            inner._kept = cast(
                "tuple[Tensor, ...]", _seen(ctx.saved_tensors, vars(ctx)[key], level)
            )
            given = how.cls.jvp(inner, *_seen(tangents[1:], how.mine, level))
            inner._kept = ()
            made = Call(level, how.cls.apply)
            own = tuple(given) if isinstance(given, (tuple, list)) else (given,)
            return tuple(made.full(t) if isinstance(t, Tensor) else t for t in own)
