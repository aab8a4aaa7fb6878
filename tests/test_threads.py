"""Threads: the same bits for every number of them, settings, and fork."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import wengert as wg
from wengert import _native, autograd

F = wg.nn.functional
rng = np.random.default_rng(0)


def real(*shape, dtype=np.float32):
    return wg.from_numpy(rng.standard_normal(shape).astype(dtype))


N = 1 << 18
X, Y = real(N), real(N)
M = real(512, 600)
SQUARE = real(320, 320)
IMAGE = real(64, 10, 300)
INT = wg.from_numpy(rng.integers(0, 1000, N))
ROWS = wg.from_numpy(rng.integers(0, 512, 700))
MASK = X > 0
CLASSES = wg.from_numpy(rng.integers(0, 600, 512))


def one(name):
    return lambda: getattr(_native.ops, name)(X.abs() + 1.5 if name in ABOVE else X)


ABOVE = ("acosh", "log", "log2", "log10", "log1p", "sqrt", "rsqrt")
UNARY = [
    row["name"]
    for row in _native.registry
    if row["pointwise"]
    and [p["annotation"] for p in row["params"] if p["default"] is None] == ["Tensor"]
    and row["name"] != "bitwise_not"
]
BINARY = [
    row["name"]
    for row in _native.registry
    if row["pointwise"]
    and [p["annotation"] for p in row["params"]] in (["Operand"] * 2, ["Tensor"] * 2)
    and not row["name"].startswith("bitwise")
    and row["name"] != "pow_odd"  # its exponent is a number
]
OF_INTEGERS = ("gcd", "lcm")


def two(name):
    x, y = (INT, INT.flip(0)) if name in OF_INTEGERS else (X, Y)
    return lambda: getattr(_native.ops, name)(x, y)


LARGE = {
    **{name: one(name) for name in UNARY},
    **{name: two(name) for name in BINARY},
    "broadcast": lambda: M + M[:1] * M[:, :1],
    "strided": lambda: M.t() * M.t()[:, :1] + M.t(),
    "int add": lambda: INT + INT,
    "where": lambda: wg.where(MASK, X, Y),
    "clamp": lambda: X.clamp(-1, 1),
    "to": lambda: X.double().long(),
    "clone transposed": lambda: M.t().contiguous(),
    **{
        f"{name} all": lambda name=name: getattr(M, name)()
        for name in (
            "sum",
            "mean",
            "prod",
            "max",
            "min",
            "argmax",
            "argmin",
            "std",
            "var",
            "norm",
            "median",
        )
    },
    **{
        f"{name} {dim}": lambda name=name, dim=dim: getattr(IMAGE, name)(dim)
        for name in (
            "sum",
            "mean",
            "prod",
            "amax",
            "argmin",
            "max",
            "logsumexp",
            "any",
            "cumsum",
            "cumprod",
            "argsort",
        )
        for dim in (0, 1, 2)
    },
    "sum of many": lambda: X.sum(),
    "sum of ints": lambda: INT.sum(),
    "std 0": lambda: M.std(dim=0),
    "var 1": lambda: M.var(dim=1),
    "topk": lambda: M.topk(5).values,
    "sort": lambda: M.sort(0).values,
    "nonzero": lambda: MASK.nonzero(),
    "masked_select": lambda: X[MASK],
    "masked_fill": lambda: X.masked_fill(MASK, 2.0),
    "index": lambda: M[ROWS],
    "index_select": lambda: M.index_select(1, ROWS[:300]),
    "gather": lambda: M.gather(0, ROWS[:600].expand(5, 600)),
    "scatter_add": lambda: wg.zeros(512, 600).scatter_add(
        0, ROWS.unsqueeze(1).expand(700, 600), real_like(700, 600)
    ),
    "index_add": lambda: wg.zeros(512, 600).index_add(0, ROWS, real_like(700, 600)),
    "cat": lambda: wg.cat([M, M], 1),
    "mm": lambda: SQUARE @ SQUARE,
    "mm transposed": lambda: SQUARE.t() @ SQUARE,
    "mm double": lambda: SQUARE.double() @ SQUARE.t().double(),
    "mm thin": lambda: M.t() @ M[:, :7],
    "mv": lambda: M @ X[:600],
    "dot": lambda: X @ Y,
    "bmm": lambda: IMAGE @ IMAGE.transpose(1, 2),
    "linear": lambda: F.linear(M, real_like(64, 600), X[:64]),
    "softmax": lambda: M.softmax(1),
    "softmax 0": lambda: M.softmax(0),
    "log_softmax": lambda: M.log_softmax(1),
    "cross_entropy": lambda: F.cross_entropy(M, CLASSES, label_smoothing=0.1),
    "mse_loss": lambda: F.mse_loss(X, Y),
    "bce": lambda: F.binary_cross_entropy_with_logits(X, MASK.float()),
    "randn": lambda: (wg.manual_seed(1), wg.randn(N))[1],
    "dropout": lambda: (wg.manual_seed(1), F.dropout(X, 0.3))[1],
    "arange": lambda: wg.arange(0.0, N, dtype=wg.float32),
}


def real_like(*shape):
    return wg.arange(float(np.prod(shape)), dtype=wg.float32).reshape(shape).sin()


def gradients(f, *xs):
    leaves = [x.detach().clone().requires_grad_() for x in xs]
    return autograd.grad((f(*leaves) ** 2).sum(), leaves)


LARGE |= {
    "grad mm": lambda: gradients(lambda a, b: a @ b, SQUARE, SQUARE.t()),
    "grad linear": lambda: gradients(F.linear, M, real_like(64, 600), X[:64].clone()),
    "grad softmax": lambda: gradients(lambda a: a.softmax(1), M),
    "grad log_softmax": lambda: gradients(lambda a: a.log_softmax(0), M),
    "grad cross_entropy": lambda: gradients(lambda a: F.cross_entropy(a, CLASSES), M),
    "grad index": lambda: gradients(lambda a: a[ROWS], M),
    "grad broadcast": lambda: gradients(lambda a, b: a * b, M, M[:1].clone()),
    "grad gelu": lambda: gradients(F.gelu, X),
    "grad norm": lambda: gradients(lambda a: a.norm(dim=1), M),
    "grad cumprod": lambda: gradients(lambda a: a.cumprod(1), IMAGE * 0.01 + 1),
}


def flat(result):
    if isinstance(result, tuple):
        return b"".join(flat(r) for r in result)
    return result.detach().contiguous().numpy().tobytes()


def train():
    """A few steps of each optimizer on a network, in bits."""
    wg.manual_seed(0)
    net = wg.nn.Sequential(wg.nn.Linear(600, 256), wg.nn.ReLU(), wg.nn.Linear(256, 600))
    for make in (lambda p: wg.optim.SGD(p, 0.1, momentum=0.9), lambda p: wg.optim.AdamW(p)):
        step = make(net.parameters())
        for _ in range(2):
            step.zero_grad()
            F.cross_entropy(net(M), CLASSES).backward()
            wg.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            step.step()
    return tuple(p.detach() for p in net.parameters())


LARGE["training"] = train


@pytest.mark.parametrize("name", list(LARGE))
def test_same_bits_for_every_number_of_threads(name):
    results = []
    for threads in (1, 2, 3, 4):
        wg.set_num_threads(threads)
        assert wg.get_num_threads() == threads
        results.append(flat(LARGE[name]()))
    assert results[0] == results[1] == results[2] == results[3]


def test_settings():
    for wrong in (0, -1):
        with pytest.raises(RuntimeError, match="positive"):
            wg.set_num_threads(wrong)
    for wrong in ("2", 1.5, None):
        with pytest.raises(TypeError):
            wg.set_num_threads(wrong)
    wg.set_num_threads(3)
    assert wg.get_num_threads() == 3


def child(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_environment_and_affinity():
    code = "import wengert; print(wengert.get_num_threads())"
    assert child(code, OMP_NUM_THREADS="3").stdout.strip() == "3"
    if hasattr(os, "sched_setaffinity"):
        one_cpu = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + code
        environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
        done = subprocess.run(
            [sys.executable, "-c", one_cpu], env=environment, capture_output=True, text=True
        )
        assert done.stdout.strip() == "1"


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
import wengert as wg
wg.set_num_threads(4)
x = wg.randn(1000, 1000)
expected = (x @ x).sum().item()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        ok = (x @ x).sum().item() == expected and (x.exp() + 1).sum().isfinite().item()
        net = wg.nn.Linear(1000, 1000)
        net(x).sum().backward()
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert (x @ x).sum().item() == expected
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork_after_threads_were_used():
    done = child(FORK)
    assert done.stdout.strip() == "done", done.stderr


PYTHON_THREADS = """
import threading
import wengert as wg
wg.set_num_threads(2)
x = wg.randn(300, 300)
expected = (x @ x).exp().sum(0).tolist()
wrong = []
def work():
    for _ in range(5):
        leaf = x.clone().requires_grad_()
        (leaf * leaf).sum().backward()
        if (x @ x).exp().sum(0).tolist() != expected or not (leaf.grad == 2 * x).all():
            wrong.append(1)
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not wrong and threading.active_count() == 1
assert wg.is_grad_enabled()
print("done")
"""


def test_python_threads():
    done = child(PYTHON_THREADS)
    assert done.stdout.strip() == "done", done.stderr


class Scale(wg.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def test_captures_at_once_note_their_own_modules():
    """A capture that ends during another one takes nothing of it away."""
    inside, go_on = threading.Event(), threading.Event()
    scale, x = Scale(2.0), wg.ones(3)

    @wg.capture
    def slow(x, modules):
        inside.set()
        assert go_on.wait(60)
        return modules[0](x)

    @wg.capture
    def quick(x):
        return x + 1

    results = []
    thread = threading.Thread(target=lambda: results.append(slow(x, [scale])))
    thread.start()
    assert inside.wait(60)
    quick(x)
    go_on.set()
    thread.join()
    results.append(slow(x, [scale]))
    scale.factor = 5.0
    results.append(slow(x, [scale]))
    assert [r.tolist() for r in results] == [[2.0] * 3, [2.0] * 3, [5.0] * 3]


def test_threads_share_the_generator():
    """Replays run without Python's lock: each draw takes its numbers in one piece."""
    draws = [wg.capture(lambda: wg.rand(20000)) for _ in range(2)]
    for draw in draws:
        draw(), draw()
    wg.manual_seed(3)
    wanted = sorted(wg.rand(20000).numpy().tobytes() for _ in range(80))
    wg.manual_seed(3)
    drawn = []

    def work(draw):
        for _ in range(40):
            drawn.append(draw().numpy().tobytes())

    threads = [threading.Thread(target=work, args=(draw,)) for draw in draws]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(drawn) == wanted
