"""Small programs with Python state, and how one is run.

A program is a generator that gets `cap`, which captures a function or leaves it as it is. It first
yields what is to be called with a tensor of two elements, or that and a function that shows the
state to watch. It is called a few times; then the program changes something and yields again.
"""

import dataclasses
import itertools
import random
import types
from collections.abc import Mapping

import numpy as np

import wengert as wg

REPLAYED, REFUSED, EQUAL = "replayed", "refused", "equal"
TABLE = {}
LAST_CALLS = 4


def _register(expected):
    def register(script):
        name = f"{script.__module__.rsplit('.programs_', 1)[1]}.{script.__name__}"
        assert name not in TABLE
        TABLE[name] = (script, expected)
        return script

    return register


#: It reads only, or settles after its first call: must be replayed once nothing changes.
replayed = _register(REPLAYED)
#: It changes what it needs itself: must be refused by `capture`.
refused = _register(REFUSED)
#: Its results must be right; whether it is replayed or refused is left open.
equal = _register(EQUAL)


def exact(x):
    """A copy in which all that differs in a bit, a type or an order differs."""
    kind = type(x).__name__
    if isinstance(x, wg.Tensor):
        a = x.detach().numpy()
        grad = x.grad if x.is_leaf else None
        return kind, a.dtype.str, a.shape, a.tobytes(), None if grad is None else exact(grad)
    if isinstance(x, (np.ndarray, np.generic)):
        return kind, x.dtype.str, x.shape, x.tobytes()
    if isinstance(x, Mapping):
        return kind, [(exact(k), exact(v)) for k, v in x.items()]
    if isinstance(x, (set, frozenset)):
        return kind, sorted(map(repr, x))
    if dataclasses.is_dataclass(x) or isinstance(x, types.SimpleNamespace):
        names = (
            sorted(vars(x)) if hasattr(x, "__dict__") else [f.name for f in dataclasses.fields(x)]
        )
        return kind, [(n, exact(getattr(x, n))) for n in names]
    if isinstance(x, (list, tuple)) or kind in ("deque", "UserList"):
        return kind, [exact(v) for v in x]
    if callable(x):
        return kind, getattr(x, "__name__", "")  # its address is another in each run
    return kind, x.hex() if isinstance(x, float) else repr(x)


def run(script, make, rhythm, stages=None):
    """What its calls give, the CaptureError that ended it, how many of the last were replays, and
    how many stages it has.

    `make` captures a function, or gives it back. A change follows every `rhythm` calls; the last
    of so many stages gets more.
    """
    wg.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    steps, seen, numbers = [], [], itertools.count(1)

    def cap(fn, **options):
        steps.append(make(fn, **options))
        return steps[-1]

    def call(times):
        for _ in range(times):
            result = fn(wg.tensor([1.0 + next(numbers) % 3, 2.0]))
            seen.append((exact(result), exact(watch())))

    def hits():
        return sum(s.cache_info().hits for s in steps if hasattr(s, "cache_info"))

    program, before, count = script(cap), 0, 0
    try:
        first = next(program)
        fn, watch = first if isinstance(first, tuple) else (first, lambda: None)
        for count, _ in enumerate(itertools.chain([None], program), 1):
            call(rhythm)
            if count == stages:
                before = hits()
                call(LAST_CALLS)
                break
        return seen, None, hits() - before, count
    except wg.CaptureError as error:
        return seen, error, 0, count
    finally:
        program.close()


def module(source, name="others", **names):
    """A module of the user's with this source."""
    made = types.ModuleType(name)
    vars(made).update(names, wg=wg)
    exec(compile(source, f"/{name}.py", "exec"), vars(made))
    return made
