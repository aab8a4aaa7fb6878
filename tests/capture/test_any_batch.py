"""Programs that are saved for batches of every size."""

import random
import re

import pytest

import wengert as wg
from tests.capture.program_files import Parts
from wengert import nn

F = nn.functional

MLP = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.3), nn.Linear(16, 4), nn.Softplus(2))
NORM = nn.Sequential(nn.Linear(6, 8), nn.Flatten(), nn.Softmax(1)).double()
TABLE = wg.randn(10, 6, generator=wg.Generator().manual_seed(5))

# What they do grows in proportion to the batch.
FITTING = {
    "a module": lambda x: MLP(x),
    "float64": lambda x: NORM(x.double()),
    "several results": lambda x: (MLP(x), MLP(x).sum(), x.topk(2).values, [x]),
    "views": lambda x: (x[1:, ::2].unsqueeze(1), TABLE.t() @ TABLE, x @ TABLE.t(), x.t()),
    "standardized": lambda x: (x - x.mean(0)) / (x.var(0, correction=0) + 1e-3).sqrt(),
    "its own rows in a sum": lambda x: x.sum() / x.shape[0],
    "draws": lambda x: x + wg.rand(x.shape[0], 1),
    "an order": lambda x: x.sort(0).values.cumsum(0),
    "joined": lambda x: wg.cat([x, x * 2]).reshape(2, -1, 6),
    "the last row": lambda x: x[-1] * 2,
    "backwards": lambda x: x[wg.arange(x.shape[0] - 1, -1, -1)],
    "made there": lambda x: (wg.zeros(x.shape[0], 3) + 1, x * wg.full((x.shape[0], 1), 2.0)),
    "classes": lambda x: F.one_hot(x.argmax(1), 6),
    "a loss": lambda x: F.cross_entropy(MLP(x), wg.zeros(x.shape[0], dtype=wg.int64)),
}

# Each with what differs.
OTHERS = {
    "pairs": lambda x: (x @ x.t()).sum(),
    "pairs in one dimension": lambda x: (x @ x.t()).reshape(-1) * 2,
    "half of the rows": lambda x: x[: x.shape[0] // 2] * 2,
    "odd and even": lambda x: x.sum() * (3 if x.shape[0] % 2 else 4),
    "another path": lambda x: x.exp() if x.shape[0] == 8 else x.sin(),
    "more steps": lambda x: sum(x[i] for i in range(x.shape[0])),
    "a number that is none of the whole": lambda x: x * (1 / x.shape[0]),
    "a tensor from outside": lambda x: x + TABLE[: x.shape[0] - 4, :1].sum(),
}


def bits(results):
    results = results if isinstance(results, tuple | list) else (results,)
    flat = [t for r in results for t in (r if isinstance(r, list) else (r,))]
    return [(t.dtype, tuple(t.shape), t.detach().numpy().tobytes()) for t in flat]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "program.safetensors"


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("name", FITTING)
def test_every_size_is_as_eager(path, name, rows):
    function = FITTING[name]
    wg.capture(function).save(path, wg.randn(rows, 6))
    program = wg.load_program(path)
    assert program.takes_any_batch and "any batch size" in repr(program)
    for n in (max(rows, 2), 9, 1, 2, 3, 64, 100, 1000, 7, 1):
        x = wg.randn(n, 6)
        wg.manual_seed(n)
        expected = function(x)
        wg.manual_seed(n)
        assert bits(program(x)) == bits(expected), n


@pytest.mark.parametrize("name", OTHERS)
def test_what_grows_otherwise_is_refused(path, name):
    message = r"line \d+ of the program|not of one function|depends on the batch size"
    with pytest.raises(RuntimeError, match=message):
        wg.capture(OTHERS[name]).save(path, wg.randn(8, 6))
    assert not path.exists()


def test_all_batches_of_a_call_have_their_rows(path):
    def score(x, y, scale, weights=None):
        return ((x * weights - y) * scale).pow(2).mean(1)

    weights, scale = wg.randn(6), wg.tensor(2.0)
    wg.capture(score).save(path, wg.randn(3, 6), wg.randn(3, 6), scale, weights=weights)
    program = wg.load_program(path)
    x, y = wg.randn(20, 6), wg.randn(20, 6)
    assert bits(program(x, y, scale, weights)) == bits(score(x, y, scale, weights))
    with pytest.raises(RuntimeError, match="shape"):
        program(x, y[:5], scale, weights)
    with pytest.raises(RuntimeError, match="argument 1 must be"):
        program(x, y.double(), scale, weights)
    with pytest.raises(RuntimeError, match="there are no rows"):
        program(x[:0], y[:0], scale, weights)
    with pytest.raises(RuntimeError, match="must have a dimension 0"):
        program(wg.tensor(1.0), y, scale, weights)


def test_many_sizes_and_an_argument_that_is_changed(path):
    def change(x):
        x.mul_(2)
        return x.sum(1)

    wg.capture(change).save(path, wg.randn(4, 6))
    program = wg.load_program(path)
    for n in [*range(1, 40), 5, 39]:
        x = wg.randn(n, 6)
        y = x.clone()
        assert bits(program(x)) == bits(change(y))
        assert bits(x) == bits(y)


def test_what_is_no_batch_is_said(path):
    captured = wg.capture(lambda x: x * 2)
    for args in [(), (3,), (wg.tensor(1.0),), (wg.ones(0, 3),)]:
        with pytest.raises(ValueError, match="a batch is expected"):
            captured.save(path, *args)
    captured(wg.ones(2))
    program = captured.program
    with pytest.raises(ValueError, match="are one"):
        program.save(path, program, program)
    captured(wg.ones(3))
    with pytest.raises(RuntimeError, match="two other batch sizes are needed, got 1"):
        program.save(path, captured.program)
    again = wg.capture(lambda x: x * 2)
    again(wg.ones(2))
    with pytest.raises(RuntimeError, match="one batch size"):
        program.save(path, again.program, captured.program)


def test_changed_files_are_errors_or_programs(path):
    """A file says no more about other sizes than a file for one size could say."""
    wg.capture(FITTING["several results"]).save(path, wg.randn(8, 6))
    parts = Parts(path.read_bytes())
    rng = random.Random(3)
    numbers = [m.span() for m in re.finditer(r"\d+", parts.other)]
    loaded = ran = 0
    for _ in range(400):
        begin, end = rng.choice(numbers)
        number = rng.choice((0, 1, 7, 8, 9, 10, 54, 2**31, 2**62, 2**63 - 1))
        other = parts.other[:begin] + str(number) + parts.other[end:]
        path.write_bytes(parts.with_text(parts.text, other))
        try:
            program = wg.load_program(path)
            loaded += 1
            program(wg.randn(rng.randrange(1, 50), 6))
            ran += 1
        except RuntimeError as error:
            assert "\n" not in str(error)
    assert ran < 40 and ran <= loaded < 100
    path.write_bytes(parts.with_text(parts.text, parts.text))
    with pytest.raises(RuntimeError, match="one batch size"):
        wg.load_program(path)
    blob = bytearray(parts.with_text(parts.text, parts.other))
    blob[blob.index(b"program.other") + 40] ^= 1
    path.write_bytes(blob)
    with pytest.raises(RuntimeError):
        wg.load_program(path)
