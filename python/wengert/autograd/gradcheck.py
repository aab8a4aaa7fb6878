"""Checks of gradients against finite differences, to first and second order.

numerical:  J v  by central differences, (f(x + eps u) - f(x - eps u)) / (2 eps)
analytical: v^T J  by backward
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _native
from .._typing import Args
from .grad_mode import enable_grad, no_grad

Tensor = _native.Tensor
_Func: TypeAlias = Callable[..., object]


class GradcheckError(RuntimeError):
    """A gradient disagrees with its finite differences, or a backward is not what it should be."""


def _as_tuple(value: object) -> Args:
    if isinstance(value, Tensor):
        return (value,)
    if isinstance(value, (tuple, list)):
        return tuple(value)
    raise ValueError(f"gradcheck: the function returned {type(value).__name__}, not tensors")


def _outputs(func: _Func, inputs: Args) -> list[Tensor]:
    """The outputs that gradients can flow through."""
    return [
        out
        for out in _as_tuple(func(*inputs))
        if isinstance(out, Tensor) and out.is_floating_point() and out.requires_grad
    ]


def _array(tensor: Tensor) -> np.ndarray:
    return np.array(tensor.detach().numpy(), dtype=np.float64)


def _check_inputs(inputs: Args) -> list[int]:
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the "
            "them have requires_grad=True."
        )
    for i in wanted:
        if inputs[i].dtype != _native.float64:
            _native._warn(
                f"Input #{i} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. "
            )
        strides = zip(inputs[i].stride(), inputs[i].shape, strict=True)
        if any(stride == 0 and size > 1 for stride, size in strides):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients correctly. "
                "You should call .contiguous on the input before passing it to gradcheck."
            )
    return wanted


def _values(func: _Func, inputs: Args, keep: list[int]) -> list[np.ndarray]:
    with enable_grad():
        outputs = _as_tuple(func(*inputs))
    return [_array(outputs[k]) for k in keep]


def _numerical(func: _Func, inputs: Args, i: int, keep: list[int], eps: float) -> list[np.ndarray]:
    """Jacobians (input numel, output numel) of the kept outputs with respect to input i."""
    data = inputs[i].detach()
    rows: list[list[np.ndarray]] = [[] for _ in keep]
    for index in itertools.product(*(range(n) for n in data.shape)):
        with no_grad():
            origin = data[index].item()
            data[index] = origin + eps
            above = _values(func, inputs, keep)
            data[index] = origin - eps
            below = _values(func, inputs, keep)
            data[index] = origin
        for row, a, b in zip(rows, above, below, strict=True):
            row.append((a - b).reshape(-1) / (2 * eps))
    sizes = [v.size for v in _values(func, inputs, keep)]
    return [
        np.stack(row) if row else np.zeros((0, size)) for row, size in zip(rows, sizes, strict=True)
    ]


def _backward(out: Tensor, wanted: list[Tensor], vector: Tensor) -> list[np.ndarray]:
    grads = _native.run_backward((out,), (vector,), True, False, tuple(wanted), True, False)
    for x, g in zip(wanted, grads, strict=True):
        if g is not None and tuple(g.shape) != tuple(x.shape):
            raise GradcheckError(f"grad has shape {tuple(g.shape)}, its input {tuple(x.shape)}")
    return [
        np.zeros(tuple(x.shape)) if g is None else _array(g)
        for x, g in zip(wanted, grads, strict=True)
    ]


def _analytical(out: Tensor, wanted: list[Tensor]) -> list[np.ndarray]:
    """Jacobians (input numel, output numel), one backward per output element."""
    columns = []
    for k in range(out.numel()):
        seed = np.zeros(out.numel())
        seed[k] = 1
        columns.append(_backward(out, wanted, _like(seed, out)))
    return [
        np.stack([c[j].reshape(-1) for c in columns], axis=1)
        if columns
        else np.zeros((x.numel(), 0))
        for j, x in enumerate(wanted)
    ]


def _like(values: npt.ArrayLike, tensor: Tensor) -> Tensor:
    shaped = np.asarray(values, dtype=np.float64).reshape(tuple(tensor.shape))
    return _native.tensor(shaped, dtype=tensor.dtype)


def _require_close(
    a: np.ndarray | float,
    n: np.ndarray | float,
    k: int,
    i: int,
    rtol: float,
    atol: float,
    note: str,
) -> None:
    if np.allclose(a, n, rtol=rtol, atol=atol, equal_nan=True):
        return
    raise GradcheckError(
        f"{note}Jacobian mismatch for output {k} with respect to input {i},\n"
        f"numerical:{n}\nanalytical:{a}\n"
    )


def _check_slow(
    func: _Func,
    inputs: Args,
    wanted: list[int],
    tolerances: dict[str, float],
) -> None:
    keep = _differentiable(func, inputs)[1]
    tensors = [inputs[i] for i in wanted]
    numerical = [_numerical(func, inputs, i, keep, tolerances["eps"]) for i in wanted]
    # Only now: finite differences modify the inputs, which a recorded output may have saved.
    outputs = _differentiable(func, inputs)[0]
    for k, out in enumerate(outputs):
        analytical = _analytical(out, tensors)
        again = _analytical(out, tensors)
        for j, i in enumerate(wanted):
            _require_close(
                analytical[j], numerical[j][k], k, i, tolerances["rtol"], tolerances["atol"], ""
            )
            _require_same(analytical[j], again[j], tolerances["nondet_tol"])


def _require_same(first: npt.ArrayLike, second: npt.ArrayLike, tolerance: float) -> None:
    if not np.allclose(first, second, rtol=0.0, atol=tolerance, equal_nan=True):
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            "multiple times gives different values, although analytical gradient matches "
            f"numerical gradient.The tolerance for nondeterminism was {tolerance}."
        )


def _differentiable(func: _Func, inputs: Args) -> tuple[list[Tensor], list[int]]:
    """Outputs with a gradient, and their positions."""
    with enable_grad():
        outputs = _as_tuple(func(*inputs))
    keep = [
        k
        for k, out in enumerate(outputs)
        if isinstance(out, Tensor) and out.is_floating_point() and out.requires_grad
    ]
    return [outputs[k] for k in keep], keep


def _check_fast(
    func: _Func,
    inputs: Args,
    wanted: list[int],
    tolerances: dict[str, float],
) -> None:
    """Compares v^T J u only, for one random u per input and v per output."""
    rng = np.random.default_rng(0)
    outputs, keep = _differentiable(func, inputs)
    tensors = [inputs[i] for i in wanted]
    eps = tolerances["eps"]
    vectors = [rng.random(tuple(out.shape)) for out in outputs]
    pulled = [_backward(o, tensors, _like(v, o)) for o, v in zip(outputs, vectors, strict=True)]
    for j, i in enumerate(wanted):
        u = rng.standard_normal(tuple(tensors[j].shape))
        u /= max(float(np.linalg.norm(u)), 1e-12)
        data, origin = tensors[j].detach(), _array(tensors[j])
        with no_grad():
            data.copy_(_like(origin + eps * u, data))
            above = _values(func, inputs, keep)
            data.copy_(_like(origin - eps * u, data))
            below = _values(func, inputs, keep)
            data.copy_(_like(origin, data))
        for k, v in enumerate(vectors):
            numerical = float(np.sum((above[k] - below[k]) / (2 * eps) * v))
            analytical = float(np.sum(pulled[k][j] * u))
            scale = max(float(np.sum(np.abs(v))), 1.0)
            _require_close(
                analytical,
                numerical,
                k,
                i,
                tolerances["rtol"],
                tolerances["atol"] * scale,
                "Gradients failed to compare equal for a random projection. ",
            )


def _check_zero_vector(func: _Func, inputs: Args, wanted: list[int]) -> None:
    """A zero gradient coming in must give zeros, or no gradient at all."""
    outputs, _ = _differentiable(func, inputs)
    tensors = [inputs[i] for i in wanted]
    for out in outputs:
        for x, grad in zip(tensors, _backward(out, tensors, _native.zeros_like(out)), strict=True):
            if grad.any():
                raise GradcheckError("backward not multiplied by grad_output")
            if tuple(grad.shape) != tuple(x.shape):
                raise GradcheckError("grad is incorrect size")


def _check_constant(func: _Func, inputs: Args, wanted: list[int], eps: float) -> None:
    """With no differentiable output, finite differences must be zero."""
    with enable_grad():
        outputs = _as_tuple(func(*inputs))
    keep = [k for k, o in enumerate(outputs) if isinstance(o, Tensor) and o.is_floating_point()]
    for i in wanted:
        for k, jacobian in zip(keep, _numerical(func, inputs, i, keep, eps), strict=True):
            if np.any(jacobian):
                raise GradcheckError(
                    f"Numerical gradient for function expected to be zero: output {k} does not "
                    f"require grad, but changes with input {i}"
                )


def gradcheck(
    func: _Func,
    inputs: Tensor | Sequence[object],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Checks the gradients of `func` at `inputs` (float64) against central differences.

    Passes if |analytical - numerical| <= atol + rtol * |numerical| everywhere; else raises
    GradcheckError, or returns False with `raise_exception=False`. `fast_mode` compares one random
    projection per input and output. The remaining `check_*` switches are accepted.
    """
    inputs = _as_tuple(inputs)
    tolerances = {"eps": eps, "atol": atol, "rtol": rtol, "nondet_tol": nondet_tol}
    try:
        wanted = _check_inputs(inputs)
        outputs, _ = _differentiable(func, inputs)
        if not outputs:
            _check_constant(func, inputs, wanted, eps)
            return True
        (_check_fast if fast_mode else _check_slow)(func, inputs, wanted, tolerances)
        _check_zero_vector(func, inputs, wanted)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _random_like(func: _Func, inputs: Args) -> Args:
    rng = np.random.default_rng(0)
    return tuple(
        _like(rng.standard_normal(tuple(out.shape)), out).requires_grad_()
        for out in _outputs(func, inputs)
    )


def gradgradcheck(
    func: _Func,
    inputs: Tensor | Sequence[object],
    grad_outputs: Tensor | Sequence[object] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """`gradcheck` of the gradient of `func`, as a function of the inputs and of `grad_outputs`.

    `grad_outputs` defaults to random vectors of the outputs' shapes.
    """
    inputs = _as_tuple(inputs)
    vectors = _random_like(func, inputs) if grad_outputs is None else _as_tuple(grad_outputs)

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        xs, vs = args[: len(inputs)], args[len(inputs) :]
        # A fresh leaf-like alias of each input: an output may be an input itself.
        xs = tuple(x.view_as(x) if isinstance(x, Tensor) and x.requires_grad else x for x in xs)
        wanted = tuple(x for x in xs if isinstance(x, Tensor) and x.requires_grad)
        grads = _native.run_backward(
            tuple(_outputs(func, xs)), tuple(vs), True, True, wanted, True, False
        )
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        gradient,
        inputs + vectors,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        fast_mode=fast_mode,
    )
