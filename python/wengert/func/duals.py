"""Dual tensors: tensors with a tangent, which operations carry on. See `autograd.forward_ad`.

Note [dual tensors]
~~~~~~~~~~~~~~~~~~~
A dual is a tensor that is recorded from an input of the level. Its tangent stands beside that
input; operations record as they always do, and `unpack_dual` finds the tangent of a result by two
backward passes over what was recorded since `make_dual` (see `func.jvp`), whatever lies between and
however many duals it depends on. So there are no forward rules to be right or missing, and a level
needs the tape: recording is on as long as it stands open.

Two identities keep the two kinds of derivatives apart. `Primal` lets gradients through, but no
tangents: a primal that was unpacked is connected with the caller's leaves and is no dual.
`Followed` lets tangents through, but no gradients: `autograd.grad` without `create_graph` gives
results that nobody differentiates, whose tangents are Hessian-vector products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

from .. import _native
from .._common import typename
from ..autograd import pushing
from ..autograd.function import Function, FunctionCtx
from ..autograd.grad_mode import enable_grad
from ._batched import core, wrapped
from ._levels import Level, below

Tensor = _native.Tensor


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` gives: the primal and its tangent, None of a tensor that has none."""

    primal: Tensor
    tangent: Tensor | None


class MakeDual(Function):
    """The identity between an input of a level and the dual, which may be changed in place."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, level: DualLevel) -> Tensor:
        """x"""
        ctx.level = level  # type: ignore[attr-defined]
        return x.detach()

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, None]:
        """g"""
        return g, None


class Primal(MakeDual):
    """Lets gradients through, but no tangents of its level."""

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, None]:
        """g, in a gradient."""
        return None if pushing.here.pushing is ctx.level else g, None  # type: ignore[attr-defined]


class Followed(MakeDual):
    """Lets tangents through, but no gradients."""

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, None]:
        """g, in a product J v."""
        return None if pushing.here.pushing is None else g, None


class DualLevel:
    """The duals made since `enter_dual_level`."""

    def __init__(self) -> None:
        self._level = Level()
        self._since = _native._newest_entry()
        self._tangents: list[Tensor] = []
        self._lost = False

    def enter(self) -> None:
        """Duals may be made from now on."""
        pushing.here.level = self
        pushing.open_levels.append(self)
        self._mode = _native.set_grad_enabled_(True)

    def leave(self) -> None:
        """Nobody asks for tangents any more."""
        _native.set_grad_enabled_(self._mode)
        pushing.open_levels.remove(self)
        pushing.here.level = None

    def without_recording(self) -> None:
        """Tangents that are asked for from now on may have been lost."""
        self._lost = bool(self._tangents)

    def is_dual(self, *tensors: Tensor) -> bool:
        """Whether one of these has a tangent."""
        nodes = below(tensors, "PrimalBackward", self._since) if self._tangents else ()
        return any(node.name() == "MakeDualBackward" for node in nodes)

    def _outside(self, x: Tensor) -> bool:
        """Whether a caller may differentiate it: by gradients, not by tangents."""
        return self._level.reaches((x,), "FollowedBackward")

    def _through(self, identity: type[MakeDual], x: Tensor) -> Tensor:
        plain, levels = core(x)
        return wrapped(identity.apply(plain, self), levels)

    def dual(self, x: Tensor, tangent: Tensor) -> Tensor:
        """A tensor with x's memory and this tangent."""
        if self.is_dual(x):
            raise RuntimeError(
                "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
                "same level 0 is not supported."
            )
        if self.is_dual(tangent):
            raise RuntimeError(
                "Setting a forward grad that itself has a forward gradient at the same level 0 is "
                "not supported."
            )
        if tuple(x.shape) != tuple(tangent.shape):
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                "original Tensor, this is not supported. Tensor is of size "
                f"{list(x.shape)} while the given forward gradient is of size "
                f"{list(tangent.shape)}."
            )
        if self._level.beyond((x, tangent)) is not None:
            raise RuntimeError(
                "make_dual: a tensor of a vmap that began after enter_dual_level; enter the level "
                "within the function that vmap calls, or use func.jvp"
            )
        with enable_grad():
            source = self._level.fresh(x)
            self._tangents.append(tangent.to(x.dtype))
            return self._through(MakeDual, source)

    def unpacked(self, x: Tensor) -> UnpackedDualTensor:
        """The primal and the tangent."""
        if not self.is_dual(x):
            if self._lost and not x.requires_grad and x.is_floating_point():
                _native._warn(
                    "unpack_dual: recording has been switched off since make_dual, by no_grad or "
                    "the like. If this tensor was computed there, its tangent is lost, as tangents "
                    "are found from the tape; enter no_grad before dual_level instead."
                )
            return UnpackedDualTensor(x, None)
        with enable_grad():
            tangent = self._tangent(x)
            primal = self._through(Primal, x) if self._outside(x) else x.detach()
        return UnpackedDualTensor(primal, tangent)

    def _tangent(self, x: Tensor) -> Tensor:
        level = self._level
        u = level.leaf(_native.zeros_like(x.detach()))
        with pushing.forward(self):
            rows = level.gradients((x,), (u,), True)
        used = [(r, v) for r, v in zip(rows, self._tangents, strict=True)
                if r is not None and r.requires_grad]  # fmt: skip
        graph = self._outside(x) or any(self._outside(v) for _, v in used)
        found = level.gradients([r for r, _ in used], [v for _, v in used], graph, (u,))[0]
        if found is None:
            return _native.zeros_like(x.detach())
        if graph and self._outside(found):
            return self._through(Primal, found)
        return found.detach()

    def followed(
        self, gradients: Callable[[bool], tuple[Tensor | None, ...]], given: tuple[Tensor, ...]
    ) -> tuple[Tensor | None, ...]:
        """Gradients that nobody differentiates, with their tangents; see Note [dual tensors]."""
        if not self.is_dual(*given):
            return gradients(False)
        with enable_grad():
            return tuple(
                self._through(Followed, g) if g is not None and g.requires_grad else g
                for g in gradients(True)
            )


def _level() -> DualLevel | None:
    return cast("DualLevel | None", pushing.here.level)


def enter_dual_level() -> int:
    """Opens the level, 0, in this thread, until `exit_dual_level`. RuntimeError if one is open."""
    if _level() is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    DualLevel().enter()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Closes the level: duals made in it have no tangents any more."""
    found = _level()
    if found is None:
        raise RuntimeError("Dual level must be a positive number.")
    if level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is "
            "not supported."
        )
    found.leave()


def _check_real(x: object, name: str) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"make_dual: {name} must be a Tensor, got {typename(x)}")
    if not x.is_floating_point():
        raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    return x


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """A tensor with the memory of `tensor` (float, any shape) and a tangent of the same shape.

    What is computed of it is recorded and has `requires_grad`, even if `tensor` has not. Gradients
    flow through both. RuntimeError outside of `dual_level`, of a dual and of other shapes,
    ValueError of integers.

        >>> with dual_level():
        ...     unpack_dual(make_dual(torch.tensor(3.0), torch.tensor(1.0)) ** 2).tangent
        tensor(6.)
    """
    found = _level()
    if found is None or level not in (None, 0):
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    return found.dual(_check_real(tensor, "primal"), _check_real(tangent, "tangent"))


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(primal, tangent) of a tensor, the tangent None if it depends on no dual.

    It costs two backward passes over what was computed since `make_dual`. A user's `Function` gives
    its `jvp`, or without one its backward. Both results may be differentiated by tensors that
    require a gradient. What was computed in `no_grad` within the level has no tangent, which is
    warned of; `no_grad` around `dual_level` is fine.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual: a Tensor expected, got {typename(tensor)}")
    found = _level()
    if found is None or level not in (None, 0):
        return UnpackedDualTensor(tensor, None)
    return found.unpacked(tensor)
