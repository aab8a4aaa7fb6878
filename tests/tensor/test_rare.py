"""Names that are loaded when they are asked for, against torch where it is installed."""

import warnings

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 6))
M = X[0] @ X[0].T + np.eye(4)


def bags(t, x, *rest, kind="float64"):
    weight, places = x[0].to(getattr(t, kind)), t.tensor([1, 2, 0, 3, 0, 2, 2])
    return t.embedding_bag(weight, places, t.tensor([0, 3, 3, 7]), *rest)


CASES = {
    "bags": lambda t, x, m: [
        bags(t, x.requires_grad_(), False, mode, False, None, last, padding, kind=kind)
        for mode in (0, 1, 2)
        for last in (False, True)
        for padding in (None, 2, -4)
        for kind in ("float64", "float32")
    ],
    "weighted bags": lambda t, x, m: bags(t, x, True, 0, False, x[0, 0].repeat(2)[:7] + 1),
    "bags of int32": lambda t, x, m: t.embedding_bag(
        x[0], t.tensor([], dtype=t.int32), t.tensor([0, 0], dtype=t.int32), mode=2
    ),
    "layer norm": lambda t, x, m: t.native_layer_norm(x, [6], x[0, 0], x[0, 1], 1e-5),
    "layer norm of two": lambda t, x, m: t.native_layer_norm(x, [4, 6], None, None, 1e-3),
    "group norm": lambda t, x, m: t.native_group_norm(x, x[0, :, 0] + 0, None, 2, 4, 6, 2, 1e-5),
    "batch norm": lambda t, x, m: t.native_batch_norm(
        x, x[0, :, 0], x[0, :, 1], t.zeros(4), t.ones(4), True, 0.1, 1e-5
    ),
    "batch norm as it was": lambda t, x, m: t.native_batch_norm(
        x, None, None, x[0, :, 0], x[0, :, 1] ** 2, False, 0.1, 1e-5
    ),
    "dropout": lambda t, x, m: t.native_dropout(x, 0.3, True),
    "no dropout": lambda t, x, m: t.native_dropout(x, 0.3, False),
    "all dropped": lambda t, x, m: t.native_dropout(x, 1.0, None),
    "convolution": lambda t, x, m: t.convolution(
        x, x[:, :, :2], None, [1], [1], [1], False, [0], 1
    ),
    "transposed": lambda t, x, m: t.convolution(
        x[None], x[:, :, :2, None], None, [1, 2], [0], [1], True, [0], 1
    ),
    "ctc": lambda t, x, m: t.ctc_loss(
        x.transpose(0, 1).log_softmax(-1), t.tensor([[1, 2], [3, 4]]), [4, 4], [2, 1], 0, 2
    ),
    "inference": lambda t, x, m: t.is_inference(x),
    "cond": lambda t, x, m: (
        t.cond(x.sum() > 99, lambda a: a + 1, lambda a: a - 1, (x,)),
        t.cond(True, lambda: x, lambda: m),
    ),
    "numbers": lambda t, x, m: [
        t.sym_max(2, 3.0), t.sym_max(3, 2.0), t.sym_min(2, 3), t.sym_int(2.7), t.sym_float(2),
        t.sym_not(True), t.sym_sqrt(4), t.sym_sum([1, 2]), t.sym_ite(True, 1, 2),
    ],
    "lu": lambda t, x, m: m.lu(),
    "map2_": lambda t, x, m: m.map2_(m * 2, m + 1, lambda a, b, c: a + b * c),
    "module_load": lambda t, x, m: [m.module_load(x[0, :, :4]), m.module_load(m.clone(), True)],
    "new": lambda t, x, m: [
        x.new(2, 3).zero_(), x.new([1, 2]), x.new().shape[0], x.new(m), x.new(m.shape).shape[1]
    ],
    "resize": lambda t, x, m: [x.resize(48), x.resize_as(t.zeros(6, 8))],
    "conv_tbc": lambda t, x, m: t.nn.functional.conv_tbc(x, t.ones(3, 6, 2), t.ones(2), 1),
}  # fmt: skip
REMOVED = ["lstsq", "matrix_rank", "solve", "symeig", "eig"]


def plain(found):
    if isinstance(found, (tuple, list)):
        return [plain(x) for x in found]
    if hasattr(found, "tolist"):
        return [
            str(found.dtype).rpartition(".")[2],
            np.round(found.detach().numpy() * 1.0, 4).tolist(),
        ]
    return found


def outcome(t, case):
    t.manual_seed(1)
    t.set_default_dtype(t.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain(case(t, t.tensor(X), t.tensor(M)))
    finally:
        t.set_default_dtype(t.float32)


@pytest.mark.skipif(torch is None, reason="torch is the oracle")
@pytest.mark.parametrize("name", CASES)
def test_as_torch(name):
    assert outcome(wg, CASES[name]) == outcome(torch, CASES[name])


def test_gradients():
    x = wg.tensor(X, requires_grad=True)
    for call in (
        lambda x: wg.native_layer_norm(x, [6], None, None, 1e-5),
        lambda x: wg.native_group_norm(x, None, None, 2, 4, 6, 2, 1e-5),
        lambda x: wg.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5),
        lambda x: bags(wg, x, False, 1)[0],
    ):
        assert wg.autograd.gradcheck(call, x)


def test_bags_refuse():
    x = wg.tensor(X)
    with pytest.raises(RuntimeError, match="embedding_bag: padding_idx.* -4 through 3, but got 4"):
        bags(wg, x, False, 0, False, None, False, 4)
    for arguments in ((False, 3), (False, 1, False, x[0, 0])):
        with pytest.raises((RuntimeError, ValueError), match="embedding_bag"):
            bags(wg, x, *arguments)
    with pytest.raises(RuntimeError, match="embedding_bag"):
        wg.embedding_bag(x, wg.tensor([0]), wg.tensor([0]))


@pytest.mark.parametrize("largest", [True, False])
def test_lobpcg(largest):
    a, b = wg.tensor(X[1].T @ X[1]), wg.tensor(np.eye(6) + 0.1)
    for metric in (None, b):
        values, vectors = wg.lobpcg(a, 2, metric, largest=largest)
        right = vectors if metric is None else metric @ vectors
        assert wg.allclose(a @ vectors, right * values, atol=1e-9)
        assert (values[0] > values[1]) == largest
    with pytest.raises(ValueError, match="3 x"):
        wg.lobpcg(a, 3)
    with pytest.raises(RuntimeError, match="square"):
        wg.lobpcg(a[:3])


@pytest.mark.parametrize("name", REMOVED)
def test_removed(name):
    with pytest.raises(RuntimeError, match="now removed"):
        getattr(wg, name)(wg.eye(2), wg.eye(2))
    if name != "matrix_rank":
        with pytest.raises(RuntimeError, match="now removed"):
            getattr(wg.eye(2), name)(wg.eye(2))


def test_numbers_that_nobody_traces():
    assert not isinstance(3, wg.SymInt) and issubclass(wg.SymBool, wg.SymInt)
    with pytest.raises(RuntimeError, match="no symbolic"):
        wg.SymFloat(None)
    with pytest.raises(RuntimeError, match="pred"):
        wg.cond(wg.ones(2), lambda: 1, lambda: 2)
