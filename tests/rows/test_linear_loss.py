"""linear_cross_entropy beyond its samples: several tiles, threads, errors, PyTorch's options."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert import nn

F = nn.functional
# Tiles are of 1024 rows, and of 2048 classes with so many.
ROWS, CLASSES, WIDTH = 1030, 4200, 12


def problem(dtype="float32", bias=True, rows=ROWS, classes=CLASSES):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((rows, WIDTH)), rng.standard_normal((classes, WIDTH))
    b = rng.standard_normal(classes) if bias else None
    target = rng.integers(0, classes, rows)
    target[::7] = -100
    target[:3] = (0, classes - 1, min(2048, classes - 1))
    floats = [
        None if a is None else wg.tensor(a.astype(dtype), requires_grad=True) for a in (x, w, b)
    ]
    return *floats, wg.tensor(target)


def small(x, w, b, target, **options):
    options = {k: v for k, v in options.items() if v is not None}
    return F.cross_entropy(F.linear(x, w, b), target, **options)


def tiled(x, w, b, target, **options):
    return F.linear_cross_entropy(x, w, target, linear_bias=b, **options)


def results(f, problem, **options):
    floats = [t for t in problem[:3] if t is not None]
    loss = f(*problem, **options)
    g = wg.linspace(0.5, 1.5, loss.numel(), dtype=loss.dtype).reshape(loss.shape)
    return [loss, *wg.autograd.grad(loss, floats, g)]


OPTIONS = {
    "mean": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {"weight": wg.linspace(0.5, 2, CLASSES, dtype=wg.float64)},
    "both": {
        "weight": wg.linspace(0.5, 2, CLASSES, dtype=wg.float64),
        "label_smoothing": 0.1,
        "reduction": "none",
    },
    "ignoring": {"ignore_index": 2048},
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_several_tiles(name, bias):
    p = problem("float64", bias)
    if name == "ignoring":
        p = (*p[:3], p[3].clamp(min=0))
    for a, b in zip(
        results(tiled, p, **OPTIONS[name]), results(small, p, **OPTIONS[name]), strict=True
    ):
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-9, atol=1e-11)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_as_torch(reduction):
    p = problem()
    theirs = [torch.tensor(t.detach().numpy(), requires_grad=True) for t in p[:3]]
    loss = torch.nn.functional.linear_cross_entropy(
        *theirs[:2], torch.tensor(p[3].numpy()), linear_bias=theirs[2], reduction=reduction
    )
    g = torch.linspace(0.5, 1.5, loss.numel()).reshape(loss.shape)
    expected = [loss, *torch.autograd.grad(loss, theirs, g)]
    for a, b in zip(results(tiled, p, reduction=reduction), expected, strict=True):
        np.testing.assert_allclose(a.detach(), b.detach().numpy(), rtol=2e-4, atol=2e-4)


def test_threads_do_not_matter():
    p, found, before = problem(), [], wg.get_num_threads()
    for n in (1, 2, 3, 7):
        wg.set_num_threads(n)
        found.append([t.detach().numpy().tobytes() for t in results(tiled, p)])
    wg.set_num_threads(before)
    assert all(f == found[0] for f in found)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_frozen_parts(wanted):
    p = problem(rows=20, classes=30)
    chosen = [p[i] for i in wanted]
    expected = wg.autograd.grad(tiled(*p), chosen)
    for i in range(3):
        p[i].requires_grad_(i in wanted)
    for a, b in zip(wg.autograd.grad(tiled(*p), chosen), expected, strict=True):
        assert wg.equal(a, b)


@pytest.mark.parametrize("options", [{}, {"reduction": "none", "label_smoothing": 0.1}])
def test_second_gradients(options):
    second = []
    for f in (tiled, small):
        p = problem("float64", rows=6, classes=5)
        floats = p[:3]
        loss = (f(*p, **options) ** 2).sum()
        first = wg.autograd.grad(loss, floats, create_graph=True)
        second.append(wg.autograd.grad(sum((g**2).sum() for g in first), floats))
    for a, b in zip(*second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_a_captured_step_is_the_same():
    results = []
    for captured in (False, True):
        wg.manual_seed(0)
        model = nn.LinearCrossEntropyLoss(WIDTH, 30, bias=True)
        optimizer = wg.optim.SGD(model.parameters(), lr=0.5)

        def step(x, y, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x, y)
            loss.backward()
            optimizer.step()
            return loss

        x, _, _, y = problem(rows=20, classes=30)
        run = wg.capture(step) if captured else step
        results.append([run(x.detach(), y).item() for _ in range(5)])
    assert results[0] == results[1] and results[0][-1] < results[0][0]


def test_numbers_that_are_none():
    x, w, b, y = problem(rows=4, classes=5)
    with wg.no_grad():
        x[1] = np.nan
    losses = tiled(x, w, b, y.clamp(min=0), reduction="none")
    assert wg.isnan(losses).tolist() == [False, True, False, False]
    b = wg.tensor([-np.inf, 0.0, -np.inf, 1.0, -np.inf])
    losses = tiled(wg.zeros(2, WIDTH), wg.zeros(5, WIDTH), b, wg.tensor([1, 0]), reduction="none")
    assert losses.tolist() == pytest.approx([np.log1p(np.e), np.inf], rel=1e-6)


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        ({"target": wg.tensor([9, 0])}, IndexError, "Target 9 is out of bounds"),
        ({"target": wg.tensor([0])}, ValueError, "batch_size"),
        ({"target": wg.zeros(2)}, RuntimeError, "dtype"),
        ({"target": wg.zeros(2, 3), "ignore_index": 1}, RuntimeError, "ignore_index cannot be"),
        ({"input": wg.zeros(2, 2, 4)}, RuntimeError, "dimensionality 1 or 2, got 3"),
        ({"linear_weight": wg.zeros(4)}, RuntimeError, "dimensionality at least 2, got 1"),
        ({"linear_weight": wg.zeros(3, 5)}, RuntimeError, "equal input and linear_weight last"),
        ({"linear_weight": wg.zeros(3, 4).double()}, RuntimeError, "float32"),
        ({"linear_bias": wg.zeros(4)}, RuntimeError, "expected linear_bias shape"),
        ({"weight": wg.zeros(4)}, RuntimeError, "weight tensor should be defined"),
        ({"label_smoothing": 2.0}, RuntimeError, "label_smoothing"),
        ({"reduction": "most"}, ValueError, "most"),
        ({"options": 3}, TypeError, "options must be LinearCrossEntropyOptions or None, got int"),
        (
            {"input": wg.zeros(4), "linear_weight": wg.zeros(3, 2, 4)},
            RuntimeError,
            "requires batched input",
        ),
    ],
)
def test_errors(change, kind, match):
    given = {
        "input": wg.zeros(2, 4),
        "linear_weight": wg.zeros(3, 4),
        "target": wg.tensor([1, 2]),
    }
    with pytest.raises(kind, match=match):
        F.linear_cross_entropy(**given | change)


def test_options():
    x, w, b, y = problem(rows=4, classes=5)
    plain = tiled(x, w, b, y)
    options = nn.LinearCrossEntropyOptions(True, 2, "aspect_ratio:2", "compact", wg.float64)
    assert wg.equal(tiled(x, w, b, y, options=options), plain)
    for kwargs, match in (
        ({"acc_policy": "some"}, "acc_policy"),
        ({"chunking_method": "some"}, "chunking_method"),
        ({"chunking_method": "aspect_ratio:0"}, "chunking_method"),
        ({"batch_chunk_size": 0}, "batch_chunk_size"),
        ({"acc_dtype": wg.int64}, "acc_dtype"),
    ):
        with pytest.raises(ValueError, match=match):
            nn.LinearCrossEntropyOptions(**kwargs)
    with pytest.raises(RuntimeError, match="expected weight shape"):
        nn.LinearCrossEntropyLoss(3, 4, weight=wg.ones(3))
    with pytest.raises(RuntimeError, match="label_smoothing"):
        nn.LinearCrossEntropyLoss(3, 4, label_smoothing=2)
