"""Rows and their gradients as torch computes them."""

from __future__ import annotations

import numpy as np

from tests.conftest import torch
from tests.rows.sample import SEED, Sample, build
from tests.rows.table import array, in_torch, outcome, outputs

# At NaN and where infinities meet, torch's own choices differ from one function to the next.
AT_NAN = {"elu", "selu", "celu", "pow", "hardswish", "hardtanh", "relu6"}
AT_NAN |= {"hardshrink", "softshrink", "softsign", "i1e"}
# The gradient of 0 log 0 by its first factor.
SINGULAR = {"kl_div"}
# torch 2.13 gives the input of this the gradient of the part that was written over.
WRONG = {"as_strided_scatter"}


def kind(result) -> type | None:
    """The type of an exception, or None of a result."""
    if not isinstance(result, Exception):
        return None
    # "Not implemented for this dtype" is sometimes its own type, one of RuntimeErrors.
    return RuntimeError if isinstance(result, NotImplementedError) else type(result)


def forward(row: dict, sample: Sample, dtype: str | None = None):
    """torch's result, or the exception that it raises."""
    args, kwargs = build(sample, torch, dtype)
    torch.manual_seed(SEED)
    return outcome(lambda: in_torch(row)(*args, **kwargs))


def weights(ys) -> list[np.ndarray]:
    """The gradients that come in to these outputs."""
    rng = np.random.RandomState(4)
    return [np.asarray(rng.standard_normal(tuple(y.shape))) for y in ys]


def has_gradients(row: dict, sample: Sample) -> bool:
    """Whether torch's gradients of the sample are what ours should be."""
    special = any(isinstance(a, np.ndarray) and not np.isfinite(a).all() for a in sample.args)
    known = row["name"] not in SINGULAR | WRONG and not (special and row["name"] in AT_NAN)
    return row["differentiable"] and known


def gradients(row: dict, sample: Sample):
    """torch's gradients of each float64 input, zeros where there is no dependence; or the exception
    that it raises."""
    leaves = []

    def tensor(a):
        t = torch.from_numpy(a.copy())
        if a.dtype != np.float64 or len(leaves) in sample.held:
            leaves.append(None)
            return t
        leaves.append(t.requires_grad_())
        return t.clone() if row["mutates"] and len(leaves) == 1 else t

    def result():
        args, kwargs = build(sample, torch, tensor=tensor)
        torch.manual_seed(SEED)
        ys = [y for y in outputs(in_torch(row)(*args, **kwargs)) if y.is_floating_point()]
        ys = [y for y in ys[: sample.results] if y.requires_grad]
        xs = [x for x in leaves if x is not None]
        if not ys:
            return [np.zeros(x.shape) for x in xs]
        ws = [torch.from_numpy(w).to(y) for w, y in zip(weights(ys), ys, strict=True)]
        grads = torch.autograd.grad(ys, xs, ws, allow_unused=True)
        return [
            np.zeros(x.shape) if g is None else array(g) for g, x in zip(grads, xs, strict=True)
        ]

    return outcome(result)
