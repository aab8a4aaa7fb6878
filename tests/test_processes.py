"""Threads of Python beside long operations, forked children, sub-interpreters, ends of processes.

Each script is a process of its own, as what fails here hangs or ends it.
"""

import os
import subprocess
import sys
import textwrap

import pytest

BEGIN = """
import sys, threading
import wengert as wg
from wengert import autograd
F = wg.nn.functional
"""


def outcome(script, limit=100, **environment):
    """(exit status, stdout, stderr)"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEGIN + textwrap.dedent(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=limit,
    )
    return done.returncode, done.stdout.strip(), done.stderr


def check_done(script, **environment):
    status, out, err = outcome(script, **environment)
    assert (status, out) == (0, "done"), err


# ---- Python's lock -------------------------------------------------------------------------

#: `other_ran(f)` tells whether another thread got a turn at Python while f ran. Threads never
#: change by themselves here, only where one gives the lock away.
TURNS = """
sys.setswitchinterval(1000)

def other_ran(f):
    gate, seen = threading.Lock(), []
    gate.acquire()

    def wait():
        with gate:
            seen.append(1)

    thread = threading.Thread(target=wait)
    thread.start()
    gate.release()
    for _ in range(40):  # it has to be woken up while f runs
        f()
        if seen:
            break
    ran = bool(seen)
    thread.join()
    return ran

big = wg.randn(1500, 1500)
leaf = big.clone().requires_grad_()
loss = ((leaf @ leaf).exp() * 1e-3).sum()
model = wg.nn.Linear(1500, 1500)
adam = wg.optim.Adam(model.parameters())
model(big).sum().backward()
step = wg.capture(lambda x: (x @ x).exp())
step(big), step(big)
"""

LONG = {
    "product": "big @ big",
    "pointwise": "[big.exp() for _ in range(20)]",
    "in place": "[big.clone().mul_(2) for _ in range(50)]",
    "reduction": "[big.std() for _ in range(20)]",
    "sort": "big.sort()",
    "backward": "loss.backward(retain_graph=True)",
    "optimizer": "[adam.step() for _ in range(20)]",
    "replay": "step(big)",
    "draw": "wg.randn(1500, 1500)",
}


@pytest.mark.parametrize("name", LONG)
def test_other_threads_run_beside_long_work(name):
    check_done(TURNS + f"assert other_ran(lambda: {LONG[name]})\nprint('done')")


def test_short_work_keeps_the_lock():
    check_done(
        TURNS
        + """
x = wg.randn(30, 30, requires_grad=True)
assert not other_ran(lambda: ((x @ x).exp() + x).sum().backward())
print('done')
"""
    )


def test_runs_of_backward_on_one_graph_do_not_mix():
    check_done(
        """
        sys.setswitchinterval(1e-5)
        x = wg.randn(300, 300, requires_grad=True)
        y = (x @ x).sin()
        calls = []
        y.register_hook(lambda g: calls.append(1))
        z = ((y * y) @ x).sum()
        (expected,) = autograd.grad(z, x, retain_graph=True)
        wrong = []

        def work():
            for _ in range(10):
                (g,) = autograd.grad(z, x, retain_graph=True)
                if not wg.equal(g, expected):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not wrong and len(calls) == 41, (wrong, len(calls))
        print("done")
        """
    )


def test_no_gradient_is_lost():
    check_done(
        """
        sys.setswitchinterval(1e-5)
        x = wg.zeros(300, 300, requires_grad=True)

        def work():
            for _ in range(20):
                (x * 3).sum().backward()

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert (x.grad == 240).all()
        print("done")
        """
    )


def test_a_hook_may_wait_for_a_thread_that_runs_backward():
    check_done(
        """
        x = wg.ones(3, requires_grad=True)

        def run():
            (x * 2).sum().backward()

        def hook(g):
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()

        y = x * 5
        y.register_hook(hook)
        y.sum().backward()
        assert x.grad.tolist() == [7, 7, 7]

        class Waits(autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 1

            @staticmethod
            def backward(ctx, g):
                hook(g)
                return g

        Waits.apply(x).sum().backward()
        assert x.grad.tolist() == [10, 10, 10]
        print("done")
        """
    )


def test_memory_in_use_outlives_its_tensor():
    check_done(
        """
        sys.setswitchinterval(1e-5)
        w = wg.nn.Parameter(wg.ones(700, 700))
        x = wg.ones(700, 700)
        stop = []

        def replace():
            while not stop:
                w.data = wg.ones(700, 700)
                wg._native.empty_cache()

        thread = threading.Thread(target=replace)
        thread.start()
        for _ in range(30):
            assert ((x @ w) == 700).all()
        stop.append(1)
        thread.join()
        print("done")
        """
    )


def test_threads_share_generators_modules_and_programs():
    check_done(
        """
        sys.setswitchinterval(1e-5)
        own = wg.Generator()
        model = wg.nn.Sequential(wg.nn.Linear(200, 200), wg.nn.Dropout(0.5))
        step = wg.capture(lambda x: model(x).sum() + wg.rand((), generator=own))
        x = wg.ones(200, 200)
        step(x)
        failed = []

        def work():
            try:
                for i in range(20):
                    wg.randn(300, 300)
                    wg.rand(5, generator=own)
                    model(x).sum().backward()
                    assert step(x).isfinite()
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not failed, failed
        print("done")
        """
    )


# ---- forked children -----------------------------------------------------------------------

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

FORKS = """
import os, signal, time
model = wg.nn.Sequential(wg.nn.Linear(300, 300), wg.nn.ReLU(), wg.nn.Dropout(0.2),
                         wg.nn.Linear(300, 5))
optimizer = wg.optim.SGD(model.parameters(), 0.01)

@wg.capture
def step(x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss

x, y = wg.randn(200, 300), wg.zeros(200, dtype=wg.int64)
step(x, y), step(x, y), step(x, y)
stop = []

def busy(work):
    def loop():
        while not stop:
            work()
    threading.Thread(target=loop, daemon=True).start()

def children(n, work):
    for i in range(n):
        time.sleep(0.003 * i)
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            try:
                os._exit(0 if work() else 1)
            except BaseException as error:
                print(error, flush=True)
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, i
"""

BUSY = {
    "a replay": "lambda: step(x, y)",
    "a draw": "lambda: wg.randn(1000, 1000)",
    "a loop": "lambda: step.run((x, y), 50, epochs=5, shuffle=True)",
    "a backward": "lambda: model(x).sum().backward()",
}


@forks
@pytest.mark.parametrize("name", BUSY)
def test_a_child_of_a_busy_process_works(name):
    check_done(
        FORKS
        + f"""
busy({BUSY[name]})
def work():
    wg.randn(3)
    model(x).sum().backward()
    return step(x, y).isfinite().item() and step(x, y).isfinite().item()
children(8, work)
stop.append(1)
print("done")
"""
    )


@forks
def test_a_child_of_a_loop_sleeps():
    check_done(
        FORKS
        + """
busy(lambda: step.run((x, y), 50, epochs=5))
def work():
    x @ x.t()
    used = time.process_time()
    time.sleep(0.5)
    return time.process_time() - used < 0.25
children(4, work)
stop.append(1)
print("done")
"""
    )


# ---- the ends of processes and interpreters ------------------------------------------------

ENDS = {
    "a product": "big @ big",
    "backward": "(leaf @ leaf).sum().backward()",
    "a replay": "step(big)",
    "a loop": "batches.run(big, 100, epochs=3)",
    "small operations": "small * 2",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_daemon_thread_does_not_disturb_the_end(name):
    script = f"""
import time
big, small = wg.randn(500, 500), wg.ones(2)
leaf = big.clone().requires_grad_()
step = wg.capture(lambda x: x @ x)
batches = wg.capture(lambda x: x.sum())

def work():
    while True:
        {ENDS[name]}

threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
[t.start() for t in threads]
time.sleep(0.15)
print("done")
"""
    for _ in range(4):
        status, out, err = outcome(script)
        assert (status, out, err) == (0, "done", "")


def test_a_sub_interpreter_is_refused():
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(name)
    script = f"""
import {name} as interpreters
code = '''
try:
    import wengert
except ImportError as error:
    assert "only the main interpreter" in str(error)
else:
    raise AssertionError("it was imported")
'''
failed = interpreters.run_string(interpreters.create(), code)
assert failed is None, failed
print("done")
"""
    check_done(script)


@pytest.mark.parametrize("number", ["2147483648", "5000", "1e300"])
def test_threads_beyond_reason_are_refused(number):
    status, _, err = outcome("print('done')", OMP_NUM_THREADS=number)
    assert status == 1
    assert f"OMP_NUM_THREADS: at most 4096 threads expected, got {number}" in err
    status, _, err = outcome("wg.set_num_threads(5000)")
    assert "set_num_threads: at most 4096 threads expected, got 5000" in err
