"""Checks of gradients against finite differences, to first and second order.

numerical:  J v  by central differences, (f(x + eps u) - f(x - eps u)) / (2 eps)
analytical: v^T J  by backward
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _native
from .._typing import Args
from . import _gradmodes
from ._gradmodes import GradcheckError, late
from ._gradmodes import as_tuple as _as_tuple
from .grad_mode import enable_grad, no_grad

Tensor = _native.Tensor
_Func: TypeAlias = Callable[..., object]


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


def _pulled(
    out: Tensor, wanted: list[Tensor], vector: np.ndarray, checks: _Checks
) -> list[np.ndarray]:
    """v^T J of one output by each of the tensors."""
    grads = _native.run_backward(
        (out,), (_like(vector, out),), True, False, tuple(wanted), True, False
    )
    for x, g in zip(wanted, grads, strict=True):
        if g is not None and checks.dtypes and g.dtype != x.dtype:
            raise GradcheckError(f"Gradient has dtype mismatch: {g.dtype}, its input {x.dtype}")
        if g is not None and tuple(g.shape) != tuple(x.shape):
            raise GradcheckError(
                f"Analytical gradient has incorrect size: {tuple(g.shape)}, its input "
                f"{tuple(x.shape)}"
            )
    return [
        np.zeros(tuple(x.shape)) if g is None else _array(g)
        for x, g in zip(wanted, grads, strict=True)
    ]


def _pulled_twice(
    out: Tensor, wanted: list[Tensor], vector: np.ndarray, checks: _Checks
) -> list[np.ndarray]:
    first, second = (_pulled(out, wanted, vector, checks) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        if not np.allclose(a, b, rtol=0.0, atol=checks.nondet, equal_nan=True):
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output "
                "multiple times gives different values, although analytical gradient matches "
                f"numerical gradient.The tolerance for nondeterminism was {checks.nondet}."
            )
    return first


def _pushed(
    func: _Func, inputs: Args, tangents: dict[int, Tensor], keep: list[int]
) -> list[np.ndarray]:
    """J v of the kept outputs by forward mode, of the tangents of inputs by their positions."""
    forward_ad = late(".autograd.forward_ad")
    with forward_ad.dual_level():
        duals = [
            forward_ad.make_dual(x.detach(), tangents[i]) if i in tangents else x
            for i, x in enumerate(inputs)
        ]
        outputs = _as_tuple(func(*duals))
        found = [forward_ad.unpack_dual(outputs[k]) for k in keep]
    return [
        np.zeros(tuple(pair.primal.shape)) if pair.tangent is None else _array(pair.tangent)
        for pair in found
    ]


def _tangents(inputs: Args, wanted: list[int], i: int, vector: np.ndarray) -> dict[int, Tensor]:
    """One for input i, zeros for the others that are differentiated by."""
    zeros = {j: _native.zeros_like(inputs[j].detach()) for j in wanted}
    return {**zeros, i: _like(vector, inputs[i])}


def _like(values: npt.ArrayLike, tensor: Tensor) -> Tensor:
    shaped = np.asarray(values, dtype=np.float64).reshape(tuple(tensor.shape))
    return _native.tensor(shaped, dtype=tensor.dtype)


def _units(tensor: Tensor) -> Iterator[np.ndarray]:
    for k in range(tensor.numel()):
        unit = np.zeros(tensor.numel())
        unit[k] = 1
        yield unit


def _stacked(rows: list[np.ndarray], size: int) -> np.ndarray:
    return np.stack([row.reshape(-1) for row in rows]) if rows else np.zeros((0, size))


class _Checks(NamedTuple):
    """The tolerances, and what is looked at."""

    eps: float
    atol: float
    rtol: float
    nondet: float
    dtypes: bool

    def compare(self, analytical: object, numerical: object, where: str, more: str = "") -> None:
        self.within(self.atol, analytical, numerical, where, more)

    def within(
        self, atol: float, analytical: object, numerical: object, where: str, more: str = ""
    ) -> None:
        a, n = np.asarray(analytical), np.asarray(numerical)
        if not np.allclose(a, n, rtol=self.rtol, atol=atol, equal_nan=True):
            raise GradcheckError(
                f"Jacobian mismatch for {where},\nnumerical:{numerical}\n"
                f"analytical:{analytical}\n{more}"
            )


def _where(k: int, i: int, forward: bool) -> str:
    how = "computed with forward mode " if forward else ""
    return f"{how}output {k} with respect to input {i}"


def _slow(func: _Func, inputs: Args, wanted: list[int], checks: _Checks, forward: bool) -> None:
    """Whole Jacobians, (input numel, output numel)."""
    keep = _differentiable(func, inputs)[1]
    numerical = [_numerical(func, inputs, i, keep, checks.eps) for i in wanted]
    # Only now: finite differences modify the inputs, which a recorded output may have saved.
    outputs = _differentiable(func, inputs)[0]
    if forward:
        for j, i in enumerate(wanted):
            rows = [
                _pushed(func, inputs, _tangents(inputs, wanted, i, unit), keep)
                for unit in _units(inputs[i])
            ]
            for k, out in enumerate(outputs):
                found = _stacked([row[k] for row in rows], out.numel())
                checks.compare(found, numerical[j][k], _where(k, i, True))
        return
    tensors = [inputs[i] for i in wanted]
    for k, out in enumerate(outputs):
        columns = [_pulled_twice(out, tensors, unit, checks) for unit in _units(out)]
        for j, i in enumerate(wanted):
            found = _stacked([column[j] for column in columns], tensors[j].numel()).T
            checks.compare(found, numerical[j][k], _where(k, i, False))


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


def _unit_vectors(tensors: list[Tensor], generator: _native.Generator) -> list[np.ndarray]:
    """Random vectors of length 1, none of whose elements is negative."""
    found = []
    for x in tensors:
        vector = _array(_native.rand(x.numel(), generator=generator, dtype=x.dtype))
        found.append((vector / max(float(np.linalg.norm(vector)), 1e-300)).reshape(tuple(x.shape)))
    return found


def _along(
    func: _Func, inputs: Args, i: int, u: np.ndarray, keep: list[int], eps: float
) -> list[np.ndarray]:
    """J u of the kept outputs by a central difference."""
    data, origin = inputs[i].detach(), _array(inputs[i])
    with no_grad():
        data.copy_(_like(origin + eps * u, data))
        above = _values(func, inputs, keep)
        data.copy_(_like(origin - eps * u, data))
        below = _values(func, inputs, keep)
        data.copy_(_like(origin, data))
    return [(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)]


_SLOW_WOULD_PASS = """
Fast gradcheck failed but element-wise differences are small. This means that the test might've
passed in slow_mode!
"""


def _fast(func: _Func, inputs: Args, wanted: list[int], checks: _Checks, forward: bool) -> None:
    """Compares v^T J u, of one random u for each input and one v for each output; with forward
    mode J u."""
    outputs, keep = _differentiable(func, inputs)
    tensors = [inputs[i] for i in wanted]
    generator = _native.Generator()
    us = _unit_vectors(tensors, generator)
    vs = [] if forward else _unit_vectors(outputs, generator)
    pulled = [_pulled_twice(out, tensors, v, checks) for out, v in zip(outputs, vs, strict=False)]
    for j, i in enumerate(wanted):
        numerical = _along(func, inputs, i, us[j], keep, checks.eps)
        pushed = numerical
        if forward:
            pushed = _pushed(func, inputs, _tangents(inputs, wanted, i, us[j]), keep)
        for k in range(len(outputs)):
            if forward:
                found, wished = pushed[k].reshape(-1), numerical[k].reshape(-1)
                atol = checks.atol * float(us[j].sum())
            else:
                found = np.sum(pulled[k][j] * us[j])
                wished = np.sum(numerical[k] * vs[k])
                atol = checks.atol * float(us[j].sum()) * float(vs[k].sum())
            try:
                checks.within(atol, found, wished, _where(k, i, forward))
            except GradcheckError as error:
                raise GradcheckError(
                    f"{error}{_slow_outcome(func, inputs, wanted, checks, forward)}"
                ) from None


def _slow_outcome(
    func: _Func, inputs: Args, wanted: list[int], checks: _Checks, forward: bool
) -> str:
    """What the slow check says where the fast one has failed."""
    try:
        _slow(func, inputs, wanted, checks, forward)
    except GradcheckError as error:
        return f"The above are of one random projection. In slow mode: {error}"
    return _SLOW_WOULD_PASS


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
    projection for each input and output.

    `check_backward_ad` compares what backward gives, twice, whose results may differ by
    `nondet_tol`; it is zero for a gradient of zeros (within rounding if `masked`) and, with
    `check_undefined_grad`, for one that is None; `check_batched_grad` takes it under `vmap`, and
    `check_grad_dtypes` looks at its dtype. `check_forward_ad` compares what forward mode gives,
    `check_batched_forward_grad` under `vmap`. AssertionError if neither is wanted, or the check
    under `vmap` of one that is not.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    inputs = _as_tuple(inputs)
    checks = _Checks(eps, atol, rtol, nondet_tol, check_grad_dtypes)
    try:
        wanted = _check_inputs(inputs)
        if not _differentiable(func, inputs)[0]:
            _check_constant(func, inputs, wanted, eps)
            return True
        compare = _fast if fast_mode else _slow
        if check_backward_ad:
            compare(func, inputs, wanted, checks, False)
        if check_forward_ad:
            compare(func, inputs, wanted, checks, True)
            if check_undefined_grad:
                _gradmodes.undefined_tangents(func, inputs, wanted)
        if check_batched_forward_grad:
            _gradmodes.batched_tangents(func, inputs, wanted)
        if check_backward_ad:
            if check_batched_grad:
                _gradmodes.batched_gradients(func, inputs, wanted)
            _gradmodes.zero_gradients(func, inputs, wanted, bool(masked))
            if check_undefined_grad:
                _gradmodes.undefined_gradients(func, inputs, wanted)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _random_like(func: _Func, inputs: Args, apart: bool) -> Args:
    rng = np.random.default_rng(0)
    vectors = [_like(rng.uniform(-1, 1, tuple(out.shape)), out) for out in _outputs(func, inputs)]
    return tuple(v.requires_grad_() for v in (_away(vectors) if apart else vectors))


def _away(vectors: list[Tensor]) -> list[Tensor]:
    """The same numbers, each behind one that is not theirs."""
    wide = [_native.zeros(*v.shape, 2, dtype=v.dtype) for v in vectors]
    for place, v in zip(wide, vectors, strict=True):
        place[..., 0] = v
    return [place[..., 0] if place.dim() > 1 else v for place, v in zip(wide, vectors, strict=True)]


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

    `grad_outputs` are by default random vectors of the outputs' shapes, not contiguous with
    `gen_non_contig_grad_outputs`. `check_rev_over_rev` takes the gradient of the gradient by
    backward, `check_fwd_over_rev` by forward mode. AssertionError if neither is wanted, or a check
    of the first without it. The other arguments are those of `gradcheck`.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    for name, wanted in (
        ("check_undefined_grad", check_undefined_grad),
        ("check_batched_grad", check_batched_grad),
    ):
        if wanted and not check_rev_over_rev:
            raise AssertionError(f"Setting {name}=True requires check_rev_over_rev to be True")
    inputs = _as_tuple(inputs)
    vectors = (
        _random_like(func, inputs, gen_non_contig_grad_outputs)
        if grad_outputs is None
        else _as_tuple(grad_outputs)
    )
    # Forward mode gives inputs that are cut off the tape.
    recorded = [isinstance(x, Tensor) and x.requires_grad for x in (*inputs, *vectors)]

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        given = tuple(
            x.requires_grad_() if kept and not x.requires_grad else x
            for x, kept in zip(args, recorded, strict=True)
        )
        # A fresh leaf-like alias of each input: an output may be an input itself.
        xs = tuple(
            x.view_as(x) if kept else x
            for x, kept in zip(given[: len(inputs)], recorded, strict=False)
        )
        wanted = tuple(x for x, kept in zip(xs, recorded, strict=False) if kept)
        grads = _native.run_backward(
            tuple(_outputs(func, xs)), given[len(inputs) :], True, True, wanted, True, False
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
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )
