"""Derivatives of every row of the op registry, over its samples."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows.sample import Sample, build
from tests.rows.table import (
    ROWS,
    SAMPLES,
    array,
    assert_same,
    every_case,
    in_torch,
    outcome,
    outputs,
    repeated,
    run,
    strided,
    transposed,
)
from wengert import autograd

# ---- gradients


def differentiable_inputs(sample: Sample) -> list:
    """Positions, among the tensors of the sample, of those that get gradients."""
    seen = []
    build(sample, wg, tensor=lambda a: seen.append(a))
    return [k for k, a in enumerate(seen) if a.dtype == np.float64 and k not in sample.held]


def as_function(row: dict, sample: Sample):
    """The row as a function of its differentiable tensors, and their values."""
    positions = differentiable_inputs(sample)
    arrays = []
    build(sample, wg, tensor=arrays.append)

    def function(xs):
        count = iter(range(10**6))
        given = dict(zip(positions, xs, strict=True))

        def tensor(a):
            k = next(count)
            x = given.get(k)
            if x is None:
                return wg.from_numpy(a)
            return x.clone() if row["mutates"] and k == 0 else x

        result = run(row, sample, tensor=tensor)
        return [t for t in outputs(result)[: sample.results] if t.is_floating_point()]

    return function, [arrays[k] for k in positions]


def dot(us, vs) -> float:
    return sum(float((u * v).sum()) for u, v in zip(us, vs, strict=True) if u is not None)


def leaves(values) -> list:
    return [wg.tensor(v, requires_grad=True) for v in values]


def moved(values, direction, step):
    return [x + step * d for x, d in zip(values, direction, strict=True)]


def gradients(ys, ws, xs, create_graph=False):
    """Of the sum of ys * ws; zeros where there is no dependence."""
    ys, ws = zip(*[(y, w) for y, w in zip(ys, ws, strict=True) if y.requires_grad], strict=True)
    grads = autograd.grad(ys, xs, ws, create_graph=create_graph, allow_unused=True)
    return [wg.zeros_like(x) if g is None else g for g, x in zip(grads, xs, strict=True)]


@every_case
def test_gradients_of_order_one_and_two(key, i):
    """Against central differences along random directions."""
    row, sample = ROWS[key], SAMPLES[key][i]
    if not row["differentiable"] or not sample.differentiable or not differentiable_inputs(sample):
        return
    function, values = as_function(row, sample)
    rng = np.random.default_rng(1)
    step = 1e-5
    xs = leaves(values)
    ys = function(xs)
    assert all(y.dtype == wg.float64 for y in ys)
    if not any(y.requires_grad for y in ys):
        assert row["creation"] or row["composite"] or not ys
        return
    ws = [wg.tensor(rng.standard_normal(y.shape)) for y in ys]

    def slope(at):
        """The gradients of sum(w * f) at these values, as arrays."""
        inputs = leaves(at)
        return [array(g) for g in gradients(function(inputs), ws, inputs)]

    first = gradients(ys, ws, xs, create_graph=True)
    for k, x in enumerate(values):
        direction = [
            rng.standard_normal(v.shape) if j == k else np.zeros(v.shape)
            for j, v in enumerate(values)
        ]
        with wg.no_grad():
            up, down = (
                dot(function([wg.tensor(v) for v in moved(values, direction, s)]), ws)
                for s in (step, -step)
            )
        numeric, analytic = (up - down) / (2 * step), dot([first[k]], [wg.tensor(direction[k])])
        assert analytic == pytest.approx(numeric, rel=1e-5, abs=2e-6), f"input {k} {x.shape}"

    us = [wg.tensor(rng.standard_normal(v.shape)) for v in values]
    direction = [rng.standard_normal(v.shape) for v in values]
    up, down = (
        sum(
            (g * array(u)).sum()
            for g, u in zip(slope(moved(values, direction, s)), us, strict=True)
        )
        for s in (step, -step)
    )
    second = [wg.zeros_like(x) for x in xs]
    if any(g.requires_grad for g in first):
        second = gradients(first, us, xs)
    analytic = dot(second, [wg.tensor(d) for d in direction])
    assert analytic == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=2e-5), "second order"


@every_case
def test_backward_does_not_depend_on_layout(key, i):
    """A gradient that comes in transposed, strided or repeated gives the same gradients."""
    row, sample = ROWS[key], SAMPLES[key][i]
    if not row["differentiable"] or not sample.differentiable or not differentiable_inputs(sample):
        return
    function, values = as_function(row, sample)
    for layout in (strided, transposed, repeated):
        grads = []
        for contiguous in (True, False):
            xs = leaves(values)
            ys = function(xs)
            if not any(y.requires_grad for y in ys):
                return
            rng = np.random.default_rng(2)
            ws = [layout(rng.standard_normal(y.shape)) for y in ys]
            grads.append(gradients(ys, [w.clone() for w in ws] if contiguous else ws, xs))
        assert_same(grads[0], grads[1], factor=0.01)


# ---- torch: kinks, ties and special values too

# At NaN and where infinities meet, torch's own choices differ from one function to the next.
AT_NAN = {"maximum", "minimum", "relu", "elu", "selu", "celu", "pow", "hardswish"}
# The gradient of 0 log 0 by its first factor.
SINGULAR = {"kl_div"}


def torch_gradients(row, sample):
    function = in_torch(row)
    leaves = []

    def tensor(a):
        t = torch.from_numpy(a.copy())
        if a.dtype != np.float64 or len(leaves) in sample.held:
            leaves.append(None)
            return t
        leaves.append(t.requires_grad_())
        return t.clone() if row["mutates"] and len(leaves) == 1 else t

    args, kwargs = build(sample, torch, tensor=tensor)
    torch.manual_seed(3)
    ys = [y for y in outputs(function(*args, **kwargs)) if y.is_floating_point()]
    ys = [y for y in ys[: sample.results] if y.requires_grad]
    xs = [x for x in leaves if x is not None]
    if not ys:
        return [np.zeros(x.shape) for x in xs]
    rng = np.random.default_rng(4)
    ws = [torch.from_numpy(np.asarray(rng.standard_normal(tuple(y.shape)))).to(y) for y in ys]
    grads = torch.autograd.grad(ys, xs, ws, allow_unused=True)
    return [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(grads, xs, strict=True)]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
@every_case
def test_gradients_equal_torch(key, i):
    row, sample = ROWS[key], SAMPLES[key][i]
    if in_torch(row) is None or not row["differentiable"]:
        return
    positions = differentiable_inputs(sample)
    special = any(isinstance(a, np.ndarray) and not np.isfinite(a).all() for a in sample.args)
    if not positions or row["name"] in SINGULAR or (special and row["name"] in AT_NAN):
        return
    expected = outcome(lambda: torch_gradients(row, sample))
    if isinstance(expected, Exception):
        return  # what torch cannot differentiate, numeric differences show
    function, values = as_function(row, sample)
    xs = leaves(values)
    ys = [y for y in function(xs) if y.requires_grad]
    if ys:
        rng = np.random.default_rng(4)
        ws = [wg.tensor(rng.standard_normal(y.shape)).to(y.dtype) for y in ys]
        grads = gradients(ys, ws, xs)
    else:
        grads = [wg.zeros_like(x) for x in xs]
    with np.errstate(all="ignore"):
        for ours, theirs in zip(grads, expected, strict=True):
            np.testing.assert_allclose(array(ours), theirs, rtol=1e-6, atol=1e-9)
