"""AdaptiveLogSoftmaxWithLoss beyond the table: its parts agree, predictions, what is refused."""

import pytest

import wengert as wg
from tests.conftest import torch
from wengert.nn import AdaptiveLogSoftmaxWithLoss, NLLLoss2d


def rows(n, library=wg):
    library.manual_seed(3)
    return library.randn(n, 16, dtype=library.float64) * 10, library.randint(0, 50, (n,))


def made(library=wg, *args, **kwargs):
    library.manual_seed(2)
    args = args or (16, 50, [5, 20, 35], 2.0)
    return library.nn.AdaptiveLogSoftmaxWithLoss(*args, dtype=library.float64, **kwargs)


@pytest.mark.parametrize("kwargs", [{}, {"head_bias": True}])
def test_parts_agree(kwargs):
    m = made(**kwargs)
    x, target = rows(200)
    output, loss = m(x, target)
    every = m.log_prob(x)
    assert wg.allclose(every.exp().sum(1), wg.ones(200, dtype=wg.float64))
    assert wg.allclose(output, every.gather(1, target.unsqueeze(1)).squeeze(1))
    assert wg.allclose(loss, -output.mean())
    found = m.predict(x)
    assert wg.equal(found, every.argmax(1)) and (found < 5).any() and (found >= 35).any()
    alone = m(x[7], target[7])
    assert wg.allclose(alone.output, output[7]) and alone.loss == -alone.output
    assert alone._fields == ("output", "loss") and repr(alone).startswith("_ASMoutput(output=")


def test_it_learns_and_draws_anew():
    m = made()
    x, target = rows(100)
    before = [p.detach().clone() for p in m.parameters()]
    optimizer = wg.optim.Adam(m.parameters(), 0.05)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = m(x, target).loss
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]
    wg.manual_seed(2)
    m.reset_parameters()
    assert all(wg.equal(p, q) for p, q in zip(m.parameters(), before, strict=True))


@pytest.mark.skipif(torch is None, reason="torch is not installed")
def test_predictions_are_those_of_torch():
    for n in (200, 1, 0):
        x, y = made().predict(rows(n)[0]), made(torch).predict(rows(n, torch)[0])
        assert x.dtype is wg.int64 and x.tolist() == y.tolist()
    shortlist, clusters = [16, 50, [49]], [16, 50, [1]]  # of which nearly nothing is predicted
    for args in (shortlist, clusters):
        ours, theirs = made(wg, *args), made(torch, *args)
        assert ours.predict(rows(50)[0]).tolist() == theirs.predict(rows(50, torch)[0]).tolist()


CALLS = [
    (lambda m, x, y: m(x, y.unsqueeze(1)), RuntimeError, "multi-target"),
    (lambda m, x, y: m(x, y[:3]), RuntimeError, "batch dimension"),
    (lambda m, x, y: m(x[0], y), RuntimeError, "expects 2D|batch dimension"),
    (lambda m, x, y: m(x.unsqueeze(0), y), RuntimeError, "expects 2D|batch dimension"),
    (lambda m, x, y: m(x, y[0]), RuntimeError, "0D target"),
    (lambda m, x, y: m(x, y + 40), RuntimeError, r"in \[0, 49\]"),
    (lambda m, x, y: m(x, y - 20), RuntimeError, r"in \[0, 49\]"),
    (lambda m, x, y: m(x[0], y[0] + 90), RuntimeError, r"in \[0, 49\]"),
    (lambda m, x, y: m(x, y * 1.0), RuntimeError, "int64"),
    (lambda m, x, y: m(x[:, :3], y), RuntimeError, "shapes cannot be multiplied"),
    (lambda m, x, y: m(x), TypeError, "target_"),
    (lambda m, x, y: m.predict(x[0]), IndexError, "Dimension out of range"),
    (lambda m, x, y: m.log_prob(x[0]), IndexError, "Dimension out of range"),
    (lambda m, x, y: type(m)(8, 20, []), ValueError, "length larger than 0"),
    (lambda m, x, y: type(m)(8, 20, [0, 3]), ValueError, "between 1 and n_classes-1"),
    (lambda m, x, y: type(m)(8, 20, [3, 3]), ValueError, "between 1 and n_classes-1"),
    (lambda m, x, y: type(m)(8, 20, [5, 3]), ValueError, "between 1 and n_classes-1"),
    (lambda m, x, y: type(m)(8, 20, [4, 20]), ValueError, "between 1 and n_classes-1"),
    (lambda m, x, y: type(m)(8, 20, [2.5]), ValueError, "between 1 and n_classes-1"),
    (lambda m, x, y: type(m)(8, 20, 4), TypeError, "not iterable"),
    (lambda m, x, y: type(m)(8, 20, ["a"]), TypeError, "'str' and 'int'"),
    (lambda m, x, y: type(m)(8, 20, [4], 0.0), ZeroDivisionError, "zero"),
    (lambda m, x, y: type(m)(8, 20, [4], -1.0), RuntimeError, "negative dimension"),
]


@pytest.mark.parametrize("i", range(len(CALLS)))
def test_what_is_refused(i):
    ask, error, text = CALLS[i]
    for library in (wg, torch) if torch else (wg,):
        with pytest.raises(error, match=text):
            ask(made(library), *rows(5, library))


def test_a_captured_function_says_what_it_needs():
    m = made()
    x, target = rows(5)
    with pytest.raises(wg.CaptureError, match="value"):
        wg.capture(lambda x, y: m(x, y).loss)(x, target)
    with pytest.raises(wg.CaptureError, match="depends on values"):
        wg.capture(m.predict)(x)


def test_the_old_name_of_nll_loss_says_so():
    with pytest.warns(FutureWarning, match="NLLLoss2d"):
        loss = NLLLoss2d(ignore_index=1)
    x, y = wg.randn(2, 3, 4, 4), wg.randint(0, 3, (2, 4, 4))
    assert wg.equal(loss(x, y), wg.nn.NLLLoss(ignore_index=1)(x, y))
    assert issubclass(NLLLoss2d, wg.nn.NLLLoss) and AdaptiveLogSoftmaxWithLoss.__doc__
