"""Derivatives of every row of the op registry, over its samples."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows import reference
from tests.rows.derivatives import (
    as_function,
    differentiable_inputs,
    first_order,
    gradients,
    leaves,
)
from tests.rows.sample import SEED, arrays, build
from tests.rows.table import (
    ROWS,
    SAMPLES,
    array,
    assert_same,
    cases,
    in_torch,
    repeated,
    run,
    strided,
    transposed,
)
from wengert import _native

every_differentiable_case = cases(
    lambda row, sample: (
        row["differentiable"] and sample.differentiable and differentiable_inputs(sample)
    )
)


def dot(us, vs) -> float:
    return sum(float((u * v).sum()) for u, v in zip(us, vs, strict=True) if u is not None)


def moved(values, direction, step):
    return [x + step * d for x, d in zip(values, direction, strict=True)]


@every_differentiable_case
def test_gradients_of_order_one_and_two(key, i):
    """Against central differences along random directions."""
    row, sample = ROWS[key], SAMPLES[key][i]
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


@every_differentiable_case
def test_backward_does_not_depend_on_layout(key, i):
    """A gradient that comes in transposed, strided or repeated gives the same gradients."""
    row, sample = ROWS[key], SAMPLES[key][i]
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


IN_PLACE = {
    "inplace": lambda row: lambda x, *a, **k: getattr(x, row["name"] + "_")(*a, **k),
    "inplace_functional": lambda row: (
        lambda x, *a, **k: getattr(wg.nn.functional, row["name"])(x, *a, inplace=True, **k)
    ),
}


def in_place_gradients(row, sample, call):
    """Of order one and two, of all that gets one; the op works on a result in the first place."""
    positions = differentiable_inputs(sample)
    xs = leaves([arrays(sample)[k] for k in positions])
    tensors = iter(range(10**6))

    def tensor(a):
        k = next(tensors)
        x = xs[positions.index(k)] if k in positions else wg.from_numpy(a)
        return x * 1 if k == 0 else x

    args, kwargs = build(sample, wg, tensor=tensor)
    wg.manual_seed(SEED)
    y = call(*args, **kwargs)
    rng = np.random.default_rng(3)
    w = [wg.tensor(rng.standard_normal(y.shape))]
    first = gradients([y], w, xs, create_graph=True)
    us = [wg.tensor(rng.standard_normal(x.shape)) for x in xs]
    if not any(g.requires_grad for g in first):
        return [array(g) for g in first]
    return [array(g) for g in first + gradients(first, us, xs)]


@cases(
    lambda row, sample: (
        any(row[form] for form in IN_PLACE)
        and sample.differentiable
        and differentiable_inputs(sample)
        and isinstance(sample.args[0], np.ndarray)
        and sample.args[0].dtype == np.float64
    )
)
def test_gradients_in_place(key, i):
    """The form that writes over its input has the gradients of the other, of both orders."""
    row, sample = ROWS[key], SAMPLES[key][i]
    y = run(row, sample)
    if y.shape != sample.args[0].shape or y.dtype != wg.float64:
        return
    expected = in_place_gradients(row, sample, getattr(_native.ops, row["name"]))
    for form in IN_PLACE:
        if not row[form]:
            continue
        actual = in_place_gradients(row, sample, IN_PLACE[form](row))
        assert_same(actual, expected, factor=0.01)


# ---- torch: kinks, ties and special values too


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
@cases(
    lambda row, sample: (
        torch is not None
        and in_torch(row) is not None
        and differentiable_inputs(sample)
        and reference.has_gradients(row, sample)
    )
)
def test_gradients_equal_torch(key, i):
    row, sample = ROWS[key], SAMPLES[key][i]
    expected = reference.gradients(row, sample)
    if isinstance(expected, Exception):
        return  # what torch cannot differentiate, numeric differences show
    with np.errstate(all="ignore"):
        for ours, theirs in zip(first_order(row, sample), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)
