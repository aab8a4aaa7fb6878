"""Rows as functions of the tensors that get gradients, and these gradients."""

import numpy as np

import wengert as wg
from tests.rows.reference import weights
from tests.rows.sample import Sample, arrays
from tests.rows.table import array, outputs, run
from wengert import autograd


def differentiable_inputs(sample: Sample) -> list:
    """Positions, among the tensors of the sample, of those that get gradients."""
    return [
        k for k, a in enumerate(arrays(sample)) if a.dtype == np.float64 and k not in sample.held
    ]


def as_function(row: dict, sample: Sample):
    """The row as a function of its differentiable tensors, and their values."""
    positions = differentiable_inputs(sample)
    values = arrays(sample)

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

    return function, [values[k] for k in positions]


def leaves(values) -> list:
    return [wg.tensor(v, requires_grad=True) for v in values]


def gradients(ys, ws, xs, create_graph=False):
    """Of the sum of ys * ws; zeros where there is no dependence."""
    ys, ws = zip(*[(y, w) for y, w in zip(ys, ws, strict=True) if y.requires_grad], strict=True)
    grads = autograd.grad(ys, xs, ws, create_graph=create_graph, allow_unused=True)
    return [wg.zeros_like(x) if g is None else g for g, x in zip(grads, xs, strict=True)]


def first_order(row: dict, sample: Sample) -> list:
    """The gradients of each differentiable input, as arrays, when `weights` come in."""
    function, values = as_function(row, sample)
    xs = leaves(values)
    ys = [y for y in function(xs) if y.requires_grad]
    if not ys:
        return [np.zeros(x.shape) for x in xs]
    ws = [wg.tensor(w).to(y.dtype) for w, y in zip(weights(ys), ys, strict=True)]
    return [array(g) for g in gradients(ys, ws, xs)]
