"""What PyTorch tests its own optimizers with gives the same here.

Where torch is installed and its database can be imported: each configuration trains networks
beside torch's, in both dtypes, with both loading the state of the other on the way; and what is
refused is refused in the same words.
"""

import copy
import warnings

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

if torch is None:
    pytest.skip("torch is not installed", allow_module_level=True)
pytest.importorskip("expecttest", reason="torch's database of optimizers needs expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import optim_db

INFOS = {info.name: info for info in optim_db}
ROUNDING = {"float32": (1e-4, 1e-5), "float64": (1e-9, 1e-11)}
# Muon's matrix is computed in bfloat16 there, whose rounding its steps show; LBFGS takes 20 steps
# at a time, each of which makes more of what was rounded.
COARSE = {
    ("Muon", "float32"): (0.1, 0.02),
    ("Muon", "float64"): (0.1, 0.02),
    ("LBFGS", "float32"): (1e-3, 1e-4),
}
every_optimizer = pytest.mark.parametrize("name", INFOS)
pytestmark = pytest.mark.filterwarnings("ignore")


def configurations(info):
    """The hyper-parameters of the database, but for what only a GPU or autograd could show."""
    for given in info.optim_inputs_func(device="cpu", dtype=torch.float32):
        if given.params is None and not given.kwargs.get("differentiable"):
            yield given.kwargs


def converted(value, made=None):
    """State, hyper-parameters or parameters in the other library's tensors, each made once."""
    made = {} if made is None else made
    if isinstance(value, (torch.Tensor, wg.Tensor)):
        to = wg if isinstance(value, torch.Tensor) else torch
        copied = to.tensor(np.array(value.detach().numpy()))
        return made.setdefault(id(value), copied.requires_grad_(value.requires_grad))
    if isinstance(value, dict):
        return {k: converted(v, made) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(converted(v, made) for v in value)
    return value


def leaves(value):
    """The tensors of lists and dicts of them."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [p for v in value for p in leaves(v)] if not isinstance(value, (str, float)) else []


class Run:
    """A regression by a library's optimizer."""

    def __init__(self, t, name, kwargs, dtype):
        self.t, self.dtype = t, getattr(t, dtype)
        rng = np.random.default_rng(5)
        shapes = [(4, 3), (3, 2)] if name == "Muon" else [(4, 3), (3,), (3, 2), ()]
        self.params = [
            t.tensor(rng.standard_normal(shape), dtype=self.dtype).requires_grad_()
            for shape in shapes
        ]
        self.x = t.tensor(rng.standard_normal((6, 4)), dtype=self.dtype)
        kwargs = kwargs if t is torch else converted(kwargs)
        self.opt = getattr(t.optim, name)(self.params, **kwargs)

    def closure(self):
        self.opt.zero_grad()
        hidden = self.x @ self.params[0]
        if len(self.params) == 4:
            hidden = hidden + self.params[1]
        out = self.t.tanh(hidden) @ self.params[-2 if len(self.params) == 4 else -1]
        if len(self.params) == 4:
            out = out * self.params[3]
        loss = (out - 1).square().sum()
        loss.backward()
        return loss

    def steps(self, count):
        for _ in range(count):
            self.opt.step(self.closure)

    def values(self):
        return [np.array(p.detach().numpy()) for p in self.params]

    def take(self, other):
        """The parameters and the state of a run of the other library."""
        with self.t.no_grad():
            for ours, theirs in zip(self.params, other.params, strict=True):
                ours.copy_(converted(theirs))
        self.opt.load_state_dict(converted(copy.deepcopy(other.opt.state_dict())))


def assert_alike(name, dtype, *runs):
    rtol, atol = COARSE.get((name, dtype), ROUNDING[dtype])
    for a, b in zip(*(run.values() for run in runs), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def test_every_optimizer_of_the_database_is_here():
    assert len(INFOS) >= 14 and all(hasattr(wg.optim, name) for name in INFOS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_optimizer
def test_values(name, dtype):
    info = INFOS[name]
    for kwargs in configurations(info):
        runs = [Run(t, name, kwargs, dtype) for t in (wg, torch)]
        groups = [run.opt.param_groups[0] for run in runs]
        assert set(groups[0]) == set(groups[1])
        if info.only_supports_sparse_grads:
            with pytest.raises(RuntimeError, match="does not support dense gradients"):
                runs[1].steps(1)  # ours takes them: tests/optim has what it does of them
            continue
        for run in runs:
            run.steps(1 if info.step_requires_closure else 6)
        assert_alike(name, dtype, *runs)
        names = [{k: sorted(v) for k, v in run.opt.state_dict()["state"].items()} for run in runs]
        assert names[0] == names[1]


@every_optimizer
def test_each_library_loads_the_state_of_the_other(name):
    info = INFOS[name]
    if info.only_supports_sparse_grads:
        return
    kwargs = {"line_search_fn": "strong_wolfe"} if info.step_requires_closure else {}
    few = 1 if info.step_requires_closure else 4
    runs = [Run(t, name, kwargs, "float64") for t in (wg, torch)]
    for run in runs:
        run.steps(few)
    swapped = [Run(t, name, kwargs, "float64") for t in (wg, torch)]
    for run, other in zip(swapped, runs[::-1], strict=True):
        run.take(other)
    for run in (*runs, *swapped):
        run.steps(few)
    assert_alike(name, "float32", swapped[0], runs[1])
    assert_alike(name, "float32", swapped[1], runs[0])


def complaint(t, name, params, kwargs):
    """The type and text of the error that a constructor raises, or of its warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            getattr(t.optim, name)(params, **kwargs)
    except Exception as error:
        text = str(error).replace("wengert.", "torch.")
        return type(error).__name__, text
    return None


@every_optimizer
def test_what_is_refused(name):
    for given in INFOS[name].optim_error_inputs_func(device="cpu", dtype=torch.float32):
        params, kwargs = given.optimizer_error_input.params, given.optimizer_error_input.kwargs
        if params is None:
            params = [torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(3, 2))]
        if any(p.is_complex() or p.is_sparse for p in leaves(params)):
            continue  # which there are none of
        theirs = complaint(torch, name, params, kwargs)
        assert theirs is not None
        assert complaint(wg, name, converted(params), converted(kwargs)) == theirs
