"""What `gradcheck` asks of gradients beside their values: that they are zero for zeros and for what
is not given, and the same under `vmap`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TypeAlias, cast

from .. import _native
from .._typing import Args
from .function import Function, FunctionCtx
from .grad_mode import enable_grad
from .pushing import over_slices

Tensor = _native.Tensor
_Func: TypeAlias = Callable[..., object]


class GradcheckError(RuntimeError):
    """A gradient disagrees with its finite differences, or a backward is not what it should be."""


def late(name: str) -> ModuleType:
    """A module that stands above this package."""
    return importlib.import_module(name, _native.__package__)


def as_tuple(value: object) -> Args:
    """One tensor or several. ValueError for what is neither."""
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, (tuple, list)):
        return tuple(value)
    raise ValueError(f"gradcheck: the function returned {type(value).__name__}, not tensors")


def _recorded(func: _Func, inputs: Args) -> list[Tensor]:
    with enable_grad():
        outputs = as_tuple(func(*inputs))
    return [out for out in outputs if isinstance(out, Tensor) and out.requires_grad]


def _backward(
    outputs: list[Tensor], vectors: list[Tensor], inputs: Args, wanted: list[int]
) -> Args:
    tensors = tuple(cast("Tensor", inputs[i]) for i in wanted)
    return _native.run_backward(tuple(outputs), tuple(vectors), True, False, tensors, True, False)


# ---- zeros, and nothing ------------------------------------------------------------------------


def zero_gradients(func: _Func, inputs: Args, wanted: list[int], masked: bool) -> None:
    """Zeros coming in must give zeros, or no gradient at all."""
    outputs = _recorded(func, inputs)
    found = _backward(outputs, [_native.zeros_like(out) for out in outputs], inputs, wanted)
    for i, grad in zip(wanted, found, strict=True):
        if grad is None:
            continue
        zero = _native.zeros_like(grad)
        if not (_native.isclose(grad, zero).all() if masked else not grad.any()):
            raise GradcheckError("backward not multiplied by grad_output")
        if grad.dtype != inputs[i].dtype:
            raise GradcheckError("grad is incorrect type")
        if tuple(grad.shape) != tuple(inputs[i].shape):
            raise GradcheckError("grad is incorrect size")


class _Undefined(Function):
    """The identity, whose gradient is None."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        """x"""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> None:
        """None"""
        return None


def undefined_gradients(func: _Func, inputs: Args, wanted: list[int]) -> None:
    """So must no gradient coming in, of all outputs and of each."""
    count = len(_recorded(func, inputs))
    chosen: list[set[int]] = [set(range(count))]
    if count > 1:
        chosen += [{k} for k in range(count)]
    for these in chosen:
        outputs = [
            _Undefined.apply(out) if k in these else out
            for k, out in enumerate(_recorded(func, inputs))
        ]
        try:
            vectors = [_native.zeros_like(out) for out in outputs]
            found = _backward(outputs, vectors, inputs, wanted)
        except RuntimeError as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: an output's gradient "
                f"that is None gives {error}"
            ) from error
        if any(grad is not None and bool(grad.any()) for grad in found):
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are "
                "undefined or zero."
            )


def undefined_tangents(func: _Func, inputs: Args, wanted: list[int]) -> None:
    """An input without a tangent must give what one of zeros gives."""
    forward_ad = late(".autograd.forward_ad")
    for without in wanted:
        with forward_ad.dual_level():
            ones = [
                forward_ad.make_dual(x.detach(), _native.ones_like(x.detach()))
                if i in wanted
                else x
                for i, x in enumerate(inputs)
            ]
            found = []
            plain = inputs[without].detach()
            for x in (forward_ad.make_dual(plain, _native.zeros_like(plain)), plain):
                outputs = as_tuple(func(*ones[:without], x, *ones[without + 1 :]))
                duals = [y for y in outputs if isinstance(y, Tensor) and y.is_floating_point()]
                found.append([forward_ad.unpack_dual(y).tangent for y in duals])
        for k, (a, b) in enumerate(zip(*found, strict=True)):
            if a is not None and b is not None and not _close(a, b):
                raise GradcheckError(
                    f"Mismatch in tangent values for output with index: {k} when input {without} "
                    f"has an undefined tangent value. Got: {a} but expected: {b}"
                )


def _close(a: Tensor, b: Tensor) -> bool:
    return bool(_native.isclose(a, b, 1e-5, 1e-8, True).all())


# ---- under vmap --------------------------------------------------------------------------------


def _compare(
    function: Callable[[Tensor], tuple[Tensor, ...]], like: Tensor, what: str, of: str
) -> None:
    """A function of two random vectors, called for each and under `vmap`."""
    vmap = late(".func").vmap
    vectors = [_native.randn(tuple(like.shape), dtype=like.dtype) for _ in range(2)]
    expected = [_native.stack(list(c)) for c in zip(*map(function, vectors), strict=True)]
    try:
        result = vmap(function)(_native.stack(vectors))
    except RuntimeError as error:
        raise GradcheckError(f"While computing batched {what}, got: {error}") from error
    for k, (a, b) in enumerate(zip(cast("tuple[Tensor, ...]", result), expected, strict=True)):
        if not _close(a, b):
            raise GradcheckError(
                f"gradcheck or gradgradcheck failed while testing batched {what}. For {of} {k}:\n"
                f"Got:\n{a}\n\nExpected:\n{b}"
            )


def batched_gradients(func: _Func, inputs: Args, wanted: list[int]) -> None:
    """The gradients of vectors that `vmap` maps over are those of each vector."""
    tensors = tuple(cast("Tensor", inputs[i]) for i in wanted)
    for k, out in enumerate(_recorded(func, inputs)):

        def vjp(vector: Tensor, out: Tensor = out) -> tuple[Tensor, ...]:
            def of(own: tuple[Tensor]) -> Args:
                return _native.run_backward((out,), own, True, False, tensors, True, False)

            found = cast("Args", over_slices(of, (vector,)) or of((vector,)))
            return tuple(
                _native.zeros_like(x.detach()) if g is None else g
                for x, g in zip(tensors, found, strict=True)
            )

        _compare(vjp, out, "gradient computation", f"output {k} and input")


def batched_tangents(func: _Func, inputs: Args, wanted: list[int]) -> None:
    """The tangents too."""
    forward_ad = late(".autograd.forward_ad")
    for i in wanted:

        def jvp(tangent: Tensor, i: int = i) -> tuple[Tensor, ...]:
            with forward_ad.dual_level():
                given = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
                given[i] = forward_ad.make_dual(given[i], tangent)
                outputs = [y for y in as_tuple(func(*given)) if y is not None]
                pairs = [forward_ad.unpack_dual(y) for y in outputs]
            return tuple(
                _native.zeros_like(p.primal.detach()) if p.tangent is None else p.tangent
                for p in pairs
            )

        if inputs[i].is_floating_point():
            _compare(jvp, inputs[i], "forward gradient computation", f"input {i} and output")
