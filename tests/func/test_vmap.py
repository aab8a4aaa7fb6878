"""`vmap`: the same as calling the function for each slice and stacking what it gives."""

import warnings

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional
RNG = np.random.default_rng(1)


def real(*shape):
    return wg.tensor(RNG.standard_normal(shape))


def positive(*shape):
    return wg.tensor(RNG.uniform(0.1, 0.9, shape))


def ids(high, *shape):
    return wg.tensor(RNG.integers(0, high, shape))


def stacked(results):
    """Results of slices, stacked end by end."""
    if isinstance(results[0], (tuple, list)):
        return [stacked(list(column)) for column in zip(*results, strict=True)]
    if isinstance(results[0], dict):
        return {k: stacked([r[k] for r in results]) for k in results[0]}
    return wg.stack(results)


def by_loop(function, in_dims, args):
    size = next(x.shape[d] for x, d in zip(args, in_dims, strict=True) if d is not None)
    return stacked(
        [
            function(
                *(x if d is None else x.select(d, b) for x, d in zip(args, in_dims, strict=True))
            )
            for b in range(size)
        ]
    )


def assert_same(ours, theirs):
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
    else:
        assert type(ours) is wg.Tensor
        assert tuple(ours.shape) == tuple(theirs.shape) and ours.dtype == theirs.dtype
        np.testing.assert_allclose(
            ours.detach().double().numpy(), theirs.detach().double().numpy(), rtol=1e-7, atol=1e-9
        )


B = 3
#: (function, shapes of arguments without the mapped dimension, or makers of them).
X, Y, V, M = (2, 4), (2, 4), (4,), (4, 5)
CASES = {
    "add": (lambda x, y: x + y, X, V),
    "sub": (lambda x, y: 2 - x - y * 3, X, ()),
    "rops": (lambda x, y: 2.0**x + 1 / (3 + y * y) - (5 // (1 + y * y)), X, ()),
    "broadcast": (lambda x, y: x[:, None] * y, X, (3, 4)),
    "compare": (lambda x, y: (x > y) & (x != 1) | (y <= 0), X, V),
    "where": (lambda x, y: wg.where(x > 0, x, y), X, ()),
    "where method": (lambda x, y: x.where(y > 0, 0.0), X, V),
    "clamp": (lambda x, y: x.clamp(-1, 0.5) + wg.clamp(x, min=y), X, V),
    "maximum": (lambda x, y: wg.maximum(x, y) - wg.max(y, x), X, V),
    "lerp": (lambda x, y: wg.lerp(x, y, 0.3) + wg.addcmul(x, y, y, value=2.0), X, V),
    "unary": (lambda x: x.sin().exp().sqrt().tanh().sigmoid().abs().neg(), X),
    "activations": (lambda x: F.relu(x) + F.gelu(x) + F.silu(x) + F.elu(x) + F.softplus(x), X),
    "leaky": (lambda x: F.leaky_relu(x, 0.2) + F.hardtanh(x, -0.5, 0.5), X),
    "sum": (lambda x: (x.sum(), x.sum(0), x.sum(-1, keepdim=True), x.sum((0, 1))), X),
    "sum keep": (lambda x: x.sum(dim=None, keepdim=True), X),
    "mean": (lambda x: (x.mean(), x.mean(1), wg.mean(x, dim=0, keepdim=True)), X),
    "sum of a number": (lambda x: (x.sum(), x.mean(), x.max(), x.prod()), ()),
    "std": (lambda x: (x.std(), x.var(0), x.std(1, unbiased=False), x.var(dim=1, correction=0)), X),
    "max": (lambda x: (x.max(), x.max(1), x.min(dim=0), x.amax((0, 1)), x.amin(1, True)), X),
    "median": (lambda x: (x.median(), x.median(1)), X),
    "argmax": (lambda x: (x.argmax(), x.argmax(0), x.argmin(1, keepdim=True)), X),
    "any": (lambda x: ((x > 0).any(), (x > 0).all(0), x.count_nonzero(), x.count_nonzero(1)), X),
    "logsumexp": (lambda x: (x.logsumexp(1), x.logsumexp((0, 1))), X),
    "norm": (
        lambda x: (
            x.norm(),
            x.norm(dim=1),
            x.norm(1, 0),
            wg.linalg.norm(x),
            wg.linalg.vector_norm(x, 3, 1),
        ),
        X,
    ),
    "prod": (lambda x: (x.prod(), x.prod(1)), X),
    "cumsum": (lambda x: (x.cumsum(0), x.cumprod(-1), x.cummax(1), x.logcumsumexp(0)), X),
    "softmax": (lambda x: (x.softmax(0), F.log_softmax(x, -1), F.softmax(x, dim=1)), X),
    "sort": (
        lambda x: (x.sort(), x.sort(0, descending=True), x.argsort(1), x.topk(2), x.kthvalue(1, 0)),
        X,
    ),
    "matmul": (lambda x, m: x @ m, X, M),
    "mv": (lambda m, v: (m.T @ v, v @ m, wg.mv(m.T, v), m.t().matmul(v)), M, V),
    "dot": (lambda v, w: (wg.dot(v, w), v @ w, wg.inner(v, w), wg.outer(v, w)), V, V),
    "batched matmul": (lambda a, b: (a @ b, wg.bmm(a, b)), (2, 3, 4), (2, 4, 5)),
    "matmul of more": (lambda a, b: a @ b, (2, 1, 3, 4), (3, 4, 2)),
    "matmul of a vector": (lambda a, v: a @ v, (2, 3, 4), V),
    "vector times more": (lambda v, a: v @ a, V, (2, 4, 3)),
    "addmm": (lambda b, x, m: wg.addmm(b, x, m, beta=0.5, alpha=2), (5,), X, M),
    "einsum": (lambda x, m: wg.einsum("ij,jk->ki", x, m), X, M),
    "tensordot": (lambda x, m: wg.tensordot(x, m, 1), X, M),
    "linear": (lambda x, w, b: F.linear(x, w, b), X, (5, 4), (5,)),
    "linear of a vector": (lambda x, w, b: F.linear(x, w, b), V, (5, 4), (5,)),
    "linear of more": (lambda x, w: F.linear(x, w), (2, 3, 4), (5, 4)),
    "reshape": (lambda x: (x.reshape(-1), x.view(4, 2), x.flatten(), x.reshape((2, 2, -1))), X),
    "reshape of a number": (lambda x: (x.reshape(1), x.flatten(), x[None], x.unsqueeze(0)), ()),
    "views": (
        lambda x: (x.T, x.mT, x.t(), x.transpose(0, -1), x.permute(1, 0), x.movedim(0, 1)),
        X,
    ),
    "squeeze": (
        lambda x: (x.squeeze(), x.squeeze(1), x.squeeze((1, 3)), x.squeeze(0)),
        (2, 1, 3, 1),
    ),
    "unsqueeze": (lambda x: (x.unsqueeze(0), x.unsqueeze(-1), x[:, None], x[..., None]), X),
    "expand": (
        lambda x: (x.expand(3, 2, 4), x.expand(-1, -1), x.repeat(2, 1, 1), x.repeat(1, 3)),
        X,
    ),
    "expand_as": (lambda x, y: (y.expand_as(x), y.reshape_as(y), x.view_as(x)), X, V),
    "split": (lambda x: (*x.split(3, 1), *x.chunk(2, -1), *x.unbind(1), *wg.split(x, [1, 1])), X),
    "index": (
        lambda x: (x[0], x[-1, 1:3], x[:, 2], x[..., -1], x[1, None], x[:, [0, 2]], x[0:1]),
        X,
    ),
    "index by numbers": (
        lambda x, i: (x[i], x[i[0]], x[:, i], x[:, i[1]], x[i, i], x[i[:, None], i]),
        X,
        lambda *s: ids(2, *s, 3),
    ),
    "index in a table": (
        lambda x, i: (x[i], x[:, i % 2], x[i[0], 1:]),
        (6, 2),
        lambda *s: ids(6, *s, 2, 2),
    ),
    "mask": (lambda x, y: (x.masked_fill(y > 0, 7.0), wg.where(y > 0, x, x * 2)), X, V),
    "gather": (lambda x, i: (x.gather(1, i), wg.gather(x, -1, i)), X, lambda *s: ids(4, *s, 2, 3)),
    "scatter": (
        lambda x, i, y: (x.scatter(1, i, y), x.scatter_add(1, i, y), x.scatter(1, i, 2.0)),
        X,
        lambda *s: ids(4, *s, 2, 4),
        Y,
    ),
    "index_select": (
        lambda x, i: (x.index_select(1, i), x.index_select(0, i[:1] * 0)),
        X,
        lambda *s: ids(4, *s, 3),
    ),
    "select": (
        lambda x: (x.select(1, 2), x.narrow(1, 1, 2), x.diagonal(), x.flip(0), x.roll(1, 1)),
        X,
    ),
    "triangles": (lambda x: (x.tril(), x.triu(1), wg.diag_embed(x)), X),
    "cat": (
        lambda x, y: (wg.cat([x, y]), wg.cat((x, y), -1), wg.stack([x, y], 1), wg.hstack([x, y])),
        X,
        Y,
    ),
    "in place": (lambda x, y: x.clone().add_(y).mul_(2).clamp_(min=0), X, V),
    "operators in place": (lambda x, y: ipow(x.clone(), y), X, V),
    "setitem": (lambda x, y: put(x.clone(), y), X, V),
    "zeros_like": (
        lambda x: (wg.zeros_like(x), x.new_zeros(3), x.new_full((2,), 3.0), wg.ones_like(x)),
        X,
    ),
    "dtypes": (
        lambda x, y: (
            x.float(),
            x.to(wg.int64),
            x.float() + y,
            (x > 0).sum() * x.float(),
            x.float() * y.float(),
        ),
        X,
        (),
    ),
    "promotion of numbers": (
        lambda x, y: (
            x.float() + y,
            x.float() + y.sum(),
            y + x.long(),
            wg.where(x > 0, x.float(), y),
        ),
        X,
        (),
    ),
    "conv2d": (
        lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2),
        (2, 4, 5, 5),
        (6, 2, 3, 3),
        (6,),
    ),
    "conv1d": (lambda x, w: F.conv1d(x, w, stride=2), (4, 9), (3, 4, 2)),
    "pools": (
        lambda x: (F.max_pool2d(x, 2), F.avg_pool2d(x, 2), F.adaptive_avg_pool2d(x, 1)),
        (2, 3, 4, 4),
    ),
    "pools of one": (
        lambda x: (F.max_pool2d(x, 2, return_indices=True), F.avg_pool1d(x[0], 2)),
        (3, 4, 4),
    ),
    "pad": (lambda x: (F.pad(x, (1, 2)), F.pad(x, (1, 0, 0, 1), value=3.0)), X),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), X, V, V),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), (2, 4, 3), V, V),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (6, 4), V, V),
    "batch_norm evaluated": (lambda x, m, v: F.batch_norm(x, m, v * v + 1), (6, 4, 2), V, V),
    "embedding": (lambda i, w: F.embedding(i, w), lambda *s: ids(5, *s, 2, 2), (5, 3)),
    "mse": (
        lambda x, y: (
            F.mse_loss(x, y),
            F.l1_loss(x, y, reduction="sum"),
            F.huber_loss(x, y, reduction="none"),
        ),
        X,
        Y,
    ),
    "cross entropy": (
        lambda x, t: (
            F.cross_entropy(x, t),
            F.cross_entropy(x, t, reduction="sum"),
            F.nll_loss(x, t),
            F.cross_entropy(x, t, ignore_index=1, label_smoothing=0.1),
        ),
        (6, 4),
        lambda *s: ids(4, *s, 6),
    ),
    "cross entropy of one": (lambda x, t: F.cross_entropy(x, t), V, lambda *s: ids(4, *s)),
    "cross entropy of images": (
        lambda x, t: F.cross_entropy(x, t),
        (2, 4, 3),
        lambda *s: ids(4, *s, 2, 3),
    ),
    "cross entropy by probability": (
        lambda x, y: F.cross_entropy(x, y.softmax(-1)),
        (6, 4),
        (6, 4),
    ),
    "bce": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid(), pos_weight=y[0].exp()),
        X,
        Y,
    ),
    "attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        (2, 3, 4),
        (2, 3, 4),
        (2, 3, 4),
    ),
    "normalize": (lambda x: (F.normalize(x), F.normalize(x, dim=0)), X),
    "iteration": (lambda x: (len(x), sum(row.sum() for row in x))[1], X),
    "python": (lambda x: x * x.shape[0] + x.numel() + x.dim() + x.size(1), X),
}
#: Without a rule, so by the loop.
LOOPED = {
    "attention of two ranks": (
        lambda q, k: F.scaled_dot_product_attention(q, k, k),
        (2, 3, 4),
        (3, 4),
    ),
    "dropout that is off": (lambda x: F.dropout1d(x, 0.5, False), (2, 3, 4)),
    "linalg": (lambda x: (wg.linalg.det(x @ x.T), wg.linalg.inv(x @ x.T)), X),
    "roll all": (lambda x: x.roll(1), X),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, 0), X),
    "cross": (lambda x, y: wg.cross(x[:, :3], y[:, :3], dim=1), X, Y),
    "index by both": (lambda x, i: x[None, i], X, lambda *s: ids(2, *s, 3)),
    "index apart": (lambda x, i: x[0, :, i], (2, 3, 4), lambda *s: ids(4, *s, 2)),
    "losses": (
        lambda x, t: F.cross_entropy(x, t, wg.arange(4.0).double() + 1),
        (6, 4),
        lambda *s: ids(4, *s, 6),
    ),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2), (1, 2, 3)),
    "conv_transpose": (lambda x, w: F.conv_transpose1d(x, w), (4, 9), (4, 3, 2)),
}


#: Which write into their first argument, that must be mapped over then.
IN_PLACE = ("in place", "operators in place", "setitem")


def ipow(x, y):
    x += y
    x *= 3
    x -= 1
    x /= 2
    return x


def put(x, y):
    x[0] = y
    x[:, 1] = 5.0
    x[1, 2:] = y[2:]
    return x


def made(spec, *front):
    return spec(*front) if callable(spec) else real(*front, *spec)


def layouts(specs):
    """Arguments and dimensions: mapped at 0, at the end, and each alone."""
    yield [made(s, B) for s in specs], [0] * len(specs)
    args = [made(s, B) for s in specs]
    yield [x.movedim(0, -1) for x in args], [-1] * len(specs)
    if len(specs) > 1:
        for k in range(len(specs)):
            args = [made(s, B) if i == k else made(s) for i, s in enumerate(specs)]
            yield args, [0 if i == k else None for i in range(len(specs))]


@pytest.mark.parametrize("name", CASES)
def test_against_the_loop(name):
    function, *specs = CASES[name]
    for args, dims in layouts(specs):
        if name in IN_PLACE and dims[0] is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ours = wg.vmap(function, in_dims=tuple(dims))(*args)
        assert_same(ours, by_loop(function, dims, args))


@pytest.mark.parametrize("name", LOOPED)
def test_without_a_rule(name):
    function, *specs = LOOPED[name]
    for args, dims in layouts(specs):
        assert_same(wg.vmap(function, in_dims=tuple(dims))(*args), by_loop(function, dims, args))


@pytest.mark.parametrize("name", [*CASES, *LOOPED])
def test_nested(name):
    function, *specs = (CASES | LOOPED)[name]
    args = [made(s, 2, B) for s in specs]
    inner = wg.vmap(function)
    assert_same(
        wg.vmap(inner)(*args),
        by_loop(lambda *xs: by_loop(function, [0] * len(xs), xs), [0] * len(args), args),
    )
    if len(specs) == 2 and name not in IN_PLACE:
        args = [made(specs[0], 2), made(specs[1], B)]
        both = wg.vmap(wg.vmap(function, in_dims=(None, 0)), in_dims=(0, None))(*args)
        assert_same(
            both, by_loop(lambda a, b: by_loop(function, [None, 0], [a, b]), [0, None], args)
        )


def scalar(function):
    """The function's results as one number."""

    def loss(*args):
        out = function(*args)
        parts = [
            y.double().sin().sum()
            for y in (out if isinstance(out, (tuple, list)) else [out])
            if isinstance(y, wg.Tensor)
        ]
        return sum(parts)

    return loss


#: Whose results or gradients are not a number at random points, or that have none.
NO_GRADIENT = {"compare", "any", "argmax", "rops", "sort", "unary"}


@pytest.mark.parametrize("name", [n for n in [*CASES, *LOOPED] if n not in NO_GRADIENT])
def test_gradients_of_each_slice(name):
    function, *specs = (CASES | LOOPED)[name]
    for args, dims in layouts(specs):
        if name in IN_PLACE and dims[0] is None:
            continue
        argnums = tuple(i for i, x in enumerate(args) if x.is_floating_point())
        gradient = wg.func.grad(scalar(function), argnums)
        assert_same(wg.vmap(gradient, in_dims=tuple(dims))(*args), by_loop(gradient, dims, args))
