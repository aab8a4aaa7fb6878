"""Copies of views and other spellings, against torch where it is installed."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 4, 6))

CASES = {
    "detach_copy": lambda T, x, y: T.detach_copy(x),
    "narrow_copy": lambda T, x, y: T.narrow_copy(x, 1, 2, 3),
    "select_copy": lambda T, x, y: T.select_copy(x, 1, -2),
    "slice_copy": lambda T, x, y: T.slice_copy(x, 1, -5, None, 2),
    "split_copy": lambda T, x, y: T.split_copy(x, 3),
    "unsafe_split_with_sizes": lambda T, x, y: x.unsafe_split_with_sizes([1, 5], 1),
    "in place": lambda T, x, y: T.threshold_(T.fill_(T.detach(x).clone(), 3.0), 4, 5),
    "zeros": lambda T, x, y: T.zero_(T.detach_(x.clone())),
    "facts": lambda T, x, y: [
        T.get_device(x), T.is_signed(x), T.is_same_size(x, y), x.dense_dim(), x.sparse_dim(),
        x[0, 0].is_nonzero(), x.is_distributed(), x.is_mkldnn, T.is_anomaly_enabled(),
    ],
    "dense": lambda T, x, y: x.to_dense(),
    "ger": lambda T, x, y: (T.ger(x[0], y[1]), x[0].ger(y[1])),
    "norms": lambda T, x, y: (
        T.frobenius_norm(x, [0, 1], True), T.nuclear_norm(x, (0, 1)), T.nuclear_norm(x, True),
        T.norm_except_dim(x, 2, 1), T.norm_except_dim(x, 1, -1), x.norm("nuc"),
    ),
    "segments": lambda T, x, y: [
        T.segment_reduce(x, how, lengths=T.tensor([1, 0, 3]), initial=start)
        for how in ("sum", "mean", "max", "min", "prod")
        for start in (None, 2)
    ],
    "segments by offsets": lambda T, x, y: T.segment_reduce(
        x[:, 0], "max", offsets=T.tensor([0, 3, 4])
    ),
    "losses": lambda T, x, y: [
        T.binary_cross_entropy_with_logits(x, y.sigmoid(), None, None, 1),
        T.cosine_embedding_loss(x, y, T.ones(4), 0.1, 2),
        T.hinge_embedding_loss(x, y.sign(), 1.0, 0),
        T.kl_div(x, y.sigmoid(), 2, log_target=True),
        T.margin_ranking_loss(x, y, y.sign(), 0.5, 1),
        T.poisson_nll_loss(x, y.exp(), True, True, 1e-8, 1),
        T.triplet_margin_loss(x, y, x * y, 1.0, 2.0, 1e-6, True, 2),
    ],
    "conv_tbc": lambda T, x, y: T.conv_tbc(
        x.reshape(3, 4, 2), y.reshape(2, 2, 6)[..., :3], y[0, :3], 1
    ),
    "lu": lambda T, x, y: [*T.lu(x @ x.mT), T.lu(x @ x.mT, get_infos=True)[2]],
    "polygamma_": lambda T, x, y: x.exp().polygamma_(1),
    "rdiv": lambda T, x, y: x.__rdiv__(2),
    "scatter": lambda T, x, y: T.empty(0, dtype=x.dtype).new_zeros(3, 6).scatter_(
        0, T.tensor([[0, 2]]), 3, reduce="add"
    ),
}  # fmt: skip


def plain(tree):
    if isinstance(tree, (tuple, list)):
        return [plain(x) for x in tree]
    return tree.numpy() if hasattr(tree, "numpy") else tree


@pytest.mark.parametrize("name", CASES)
def test_as_torch(name):
    found = [plain(CASES[name](T, T.tensor(X), T.tensor(Y))) for T in (wg, torch) if T is not None]
    if torch is not None:
        ours, theirs = (x if isinstance(x, list) else [x] for x in found)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9)
            assert np.shape(a) == np.shape(b)


def test_memory_of_its_own():
    x = wg.tensor(X)
    for made in (wg.alias_copy(x), wg.view_copy(x, (24,)), *wg.unbind_copy(x)):
        made.zero_()
    assert x.numpy().tolist() == X.tolist()
    out = [wg.empty(2, 6, dtype=x.dtype) for _ in range(2)]
    assert wg.split_copy(x, 2, out=out)[1] is out[1] and out[1].equal(x[2:])
    y = x.clone().requires_grad_()
    wg.permute_copy(y, (1, 0)).sum().backward()
    assert y.grad.equal(wg.ones_like(x))


def test_layouts():
    made = wg.empty_strided((2, 3), (1, 4), dtype=wg.int64, requires_grad=False)
    assert made.stride() == (1, 4) and made.dtype == wg.int64
    assert wg.empty_permuted((2, 3, 4), (0, 2, 1)).stride() == (12, 1, 3)
    assert wg.empty_strided((2, 0), (1, 1), requires_grad=True).is_leaf
    assert wg.tensor(X).new_empty_strided((3,), (2,)).dtype == wg.float64
    for call, words in (
        (lambda: wg.empty_strided((2,), (1, 1)), "mismatch in length"),
        (lambda: wg.empty_strided((2,), (-1,)), "must not be negative"),
        (lambda: wg.empty_permuted((2, 3), (0, 0)), "an order of the 2 dimensions"),
        (lambda: wg.split_copy(wg.ones(4), 2, out=[]), "out= argument of size 2, got size 0"),
        (lambda: wg.nonzero_static(wg.ones(2), size=-1), "non-negative"),
        (lambda: wg.segment_reduce(wg.ones(2), "sum", lengths=wg.tensor([1])), "to sum to"),
        (lambda: wg.ones(3).norm("nuc"), "needs two dimensions, got 1"),
    ):
        with pytest.raises(RuntimeError, match=words):
            call()


def test_from_file(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    assert wg.from_file(str(path), size=3).tolist() == [0, 1, 2]
    with pytest.raises(OSError, match="has 16 bytes, 20 are asked for"):
        wg.from_file(str(path), size=5)
    wg.from_file(str(path), shared=True, size=5)[4] = 7
    assert np.frombuffer(path.read_bytes(), np.float32).tolist() == [0, 1, 2, 3, 7]
    assert wg.from_file(str(path), size=2, dtype=wg.int64).dtype == wg.int64


def test_modules():
    wg.manual_seed(0)
    expected = wg.rand(2)
    wg.manual_seed(0)
    layer = wg.nn.utils.skip_init(wg.nn.Linear, 3, 4, bias=False)
    assert layer.weight.shape == (4, 3) and layer.bias is None
    assert wg.rand(2).equal(expected)
    net = wg.nn.Sequential(wg.nn.Conv2d(3, 4, 3), wg.nn.Linear(2, 2))
    made = wg.nn.utils.convert_conv2d_weight_memory_format(net, wg.channels_last)
    assert made is net and net[0].weight.is_contiguous(memory_format=wg.channels_last)
    with pytest.raises(RuntimeError, match="Expected a Module"):
        wg.nn.utils.skip_init(int)


def test_order_of_dimensions():
    x = wg.empty(2, 3, 4, 5)
    assert x.dim_order(ambiguity_check=True) == (0, 1, 2, 3)
    formats = [wg.contiguous_format, wg.channels_last]
    assert x.transpose(1, 2).dim_order() == (0, 2, 1, 3)
    assert x.dim_order(ambiguity_check=formats) == (0, 1, 2, 3)
    for odd, check in ((x[:1], True), (x[:, :1], formats), (x.transpose(1, 2), formats)):
        with pytest.raises(RuntimeError, match="unique dim order"):
            odd.dim_order(ambiguity_check=check)
    with pytest.raises(TypeError, match="must be a bool or a list"):
        x.dim_order(ambiguity_check=3)


def test_how_they_are_shown():
    assert wg.typename(wg.nn.Parameter) == "wengert.nn.parameter.Parameter"
    assert (wg.typename(3), wg.typename([])) == ("int", "list")
    shown = repr(wg.histogram(wg.tensor([0.0, 1.0]), 1))
    assert shown.startswith("wengert.return_types.histogram(\nhist=tensor([2.]),\nbin_edges=")


def test_a_late_hook_may_return_the_tensor():
    x = wg.zeros(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda p: p.sub_(p.grad))
    x.sum().backward()
    assert x.tolist() == [-1, -1]
