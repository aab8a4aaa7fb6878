"""Every name of the package, called with wrong arguments of every kind.

    python -m tests.errors.calls PART [--each N] [--seed S] [--first I] [--only I]

makes the calls of one part, `--each` of every name at most, chosen by the seed, and prints those
that do what no call may do. The number and the text of each call are written into the file that
`--journal` names before it is made, so that of a process that died one knows by what.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib
import inspect
import itertools
import mmap
import os
import pkgutil
import random
import re
import resource
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import wengert as wg
from tests.errors import wrong
from tests.modules import table
from tests.rows.sample import Sample, arrays, build, keyed
from tests.rows.samples import load
from wengert import _native

SECONDS = 10  # that one call may take
# Memory that wengert may use, and the process where no sanitizer maps terabytes.
LIMIT, ADDRESS_SPACE = 2**28, 2**33
JOURNAL = 2**16


class Call(NamedTuple):
    text: str
    do: Callable[[], Any]


class Slow(BaseException):
    pass


# ---- what no call may do ---------------------------------------------------------------------

# Of exceptions that are not meant for users: C++'s own, pybind11's, Python's of broken C code.
INTERNAL = re.compile(
    r"std::|vector::|basic_string|map::|bad_|sto[ild]|Unable to (cast|convert)|Unregistered|_M_|"
    r"error_already_set|exception set|without setting|cannot create std"
)


def complaint(error: BaseException) -> str | None:
    """Why this is no answer to a wrong argument; None if it is one."""
    if isinstance(error, Slow):
        return f"takes longer than {SECONDS} s"
    try:
        text = f"{type(error).__name__}: {error}".replace("\n", " ")
    except Exception:
        return None  # of an object of ours whose repr raises
    if isinstance(error, (SystemError, UnboundLocalError)) or INTERNAL.search(text):
        return text
    return None


def look(result: Any, depth: int = 0) -> None:
    """Uses what a call gave, as its values may be in memory that is not its own."""
    if isinstance(result, wg.Tensor):
        if result.numel() > 2**20:
            return
        result.detach().tolist()
        if result.requires_grad:
            result.sum().backward()
    elif isinstance(result, (tuple, list)) and depth < 3:
        for item in itertools.islice(result, 20):
            look(item, depth + 1)
    elif isinstance(result, Iterator) and depth < 1:
        for item in itertools.islice(result, 3):
            look(item, depth + 1)


def attempt(call: Call) -> str | None:
    try:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            look(call.do())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (Exception, Slow, SystemExit) as error:
        return complaint(error)
    return None


def restore() -> None:
    """Settings as they were, whatever a call has set."""
    if _native._is_capturing():
        for capsule in recordings():
            with contextlib.suppress(Exception):
                _native._stop_recording(capsule)
    _native._stop_profile()
    _native._stop_observing(0)
    _native.set_grad_enabled_(True)
    _native.set_inference_mode_(False)
    _native._set_in_vmap(False)
    _native._set_modes(0)
    _native._refuse_saved_hooks(None)
    with contextlib.suppress(RuntimeError):  # until there are none
        while True:
            _native._pop_saved_hooks()
    _native.set_default_dtype(wg.float32)
    _native.set_memory_limit(LIMIT)
    if _native.get_num_threads() != 2:
        _native.set_num_threads(2)
    os.chdir(FOLDER)


def recordings() -> list:
    return [o for o in gc.get_objects() if "Recording" in repr(type(o))]


# ---- calls of one name -----------------------------------------------------------------------


def spread(text: str, f: Callable[..., Any], /, *args: str, **kwargs: str) -> Call:
    """f of the values that the texts stand for, which are made anew."""
    words = [*args, *(f"{k}={v}" for k, v in kwargs.items())]

    def do() -> Any:
        return f(*[wrong.make(a) for a in args], **{k: wrong.make(v) for k, v in kwargs.items()})

    return Call(f"{text}({', '.join(words)})", do)


def keywords_of(f: Any) -> list[str]:
    try:
        return list(inspect.signature(f).parameters)[:8]
    except (TypeError, ValueError):
        return []


def generic(text: str, f: Callable[..., Any], rng: random.Random, first: tuple = ()) -> list[Call]:
    """Calls of a function of which nothing is known; `first` are receivers, one for each call."""
    firsts = [(a,) for a in first] or [()]
    pick = rng.choice
    calls = [spread(text, f, *pick(firsts))]
    calls += [spread(text, f, *pick(firsts), v) for v in wrong.ALL]
    calls += [spread(text, f, *pick(firsts), pick(wrong.TENSORS), v) for v in wrong.ALL]
    for count in (2, 2, 2, 3, 3, 4):
        for _ in range(25):
            calls.append(spread(text, f, *pick(firsts), *rng.choices(wrong.ALL, k=count)))
    names = [n for n in keywords_of(f) if n.isidentifier()]
    for name in [*names, *names]:
        if first and name == names[0]:
            continue
        calls += [spread(text, f, *pick(firsts), **{name: pick(wrong.ALL)}) for _ in range(8)]
    for name in ("no_such", "out", "dim", "dtype", "inplace", "device", "requires_grad"):
        v = pick(wrong.ALL)
        calls.append(spread(text, f, *pick(firsts), pick(wrong.TENSORS), **{name: v}))
    calls.append(spread(text, f, *pick(firsts), *["t('float32', 2, 3)"] * 12))
    return calls


# ---- rows of the registry: samples, and one thing wrong in them ------------------------------

ROWS = keyed(_native.registry)
SAMPLES = {key: samples for family in load().values() for key, samples in family.items()}

EDITS: dict[str, Callable[[np.ndarray], Any]] = {
    **{f"as {d}": lambda a, d=d: wg.from_numpy(a.copy()).to(getattr(wg, d)) for d in wrong.DTYPES},
    "with a dim before": lambda a: wg.from_numpy(a.copy())[None],
    "with a dim behind": lambda a: wg.from_numpy(a.copy())[..., None],
    "flat": lambda a: wg.from_numpy(a.reshape(-1).copy()),
    "of one element, 0-d": lambda a: wg.tensor(1, dtype=wg.from_numpy(a.copy()).dtype),
    "without the last": lambda a: wg.from_numpy(a[..., :-1].copy()),
    "without the first row": lambda a: wg.from_numpy(a[1:].copy()),
    "without rows": lambda a: wg.from_numpy(a[:0].copy()),
    "without columns": lambda a: wg.from_numpy(a[..., :0].copy()),
    "twice": lambda a: wg.from_numpy(np.concatenate([a, a])),
    "twice behind": lambda a: wg.from_numpy(np.concatenate([a, a], -1)),
    "with stride 0": lambda a: wg.from_numpy(a[:1].copy()).expand(a.shape),
    "transposed": lambda a: wg.from_numpy(a.T.copy()).permute(*range(a.ndim)[::-1]),
    "of the reverse shape": lambda a: wg.from_numpy(a.T.copy()),
    "of 16 dims": lambda a: wg.from_numpy(a.reshape([1] * (16 - a.ndim) + list(a.shape)).copy()),
    "negative": lambda a: -wg.from_numpy(a.copy()),
    "larger": lambda a: wg.from_numpy(a + a.dtype.type(97)),
    "enormous": lambda a: wg.full(a.shape, 2**62).to(wg.from_numpy(a.copy()).dtype),
    "NaN": lambda a: wg.from_numpy(np.full_like(a, np.nan if a.dtype.kind == "f" else -1)),
    "read-only": lambda a: wg.from_numpy(read_only(a)),
    "None": lambda a: None,
    "a number": lambda a: 2,
}


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.setflags(write=False)
    return a


def gradient_wanted(a: np.ndarray) -> wg.Tensor:
    made = wg.from_numpy(a.copy())
    return made.requires_grad_() if a.dtype == np.float64 else made


def in_sample(f: Callable[..., Any], sample: Sample, at: int, edit: str, grads: bool) -> Any:
    """The sample with its tensor `at` edited."""
    numbers = itertools.count()

    def tensor(a: np.ndarray) -> Any:
        if next(numbers) == at:
            return EDITS[edit](a)
        return gradient_wanted(a) if grads else wg.from_numpy(a.copy())

    args, kwargs = build(sample, wg, tensor=tensor)
    return f(*args, **kwargs)


def in_place_of(f: Callable[..., Any], sample: Sample, at: int | str, value: str) -> Any:
    """The sample with argument `at` replaced."""
    args, kwargs = build(sample, wg, tensor=gradient_wanted)
    held: Any = kwargs if isinstance(at, str) else list(args)
    held[at] = wrong.make(value)
    return f(*args, **held) if isinstance(at, str) else f(*held, **kwargs)


def other_list(f: Callable[..., Any], sample: Sample, at: int, change: str) -> Any:
    """The sample with another length of its list `at`, or None in it."""
    args, kwargs = build(sample, wg)
    given = list(args[at])
    changed = {
        "longer": [*given, *given[-1:]],
        "shorter": given[:-1],
        "empty": [],
        "with None at the end": [*given, None],
        "with None first": [None, *given[1:]],
        "of Nones": [None] * len(given),
        "with a number": [*given[:-1], 1],
        "with text": [*given[:-1], "a"],
        "as it is": given,
    }[change]
    return f(*args[:at], changed, *args[at + 1 :], **kwargs)


def of_row(key: str, rng: random.Random) -> list[Call]:
    name = ROWS[key]["name"]
    f = getattr(_native.ops, name)
    calls: list[Call] = []
    samples = list(enumerate(SAMPLES.get(key, ())))
    for i, sample in samples:
        text = f"_native.ops.{name} of sample {i} of {key!r}"
        for at in range(len(arrays(sample))):
            for edit in EDITS:
                for grads in (False, True):
                    do = functools.partial(in_sample, f, sample, at, edit, grads)
                    calls.append(Call(f"{text}, tensor {at} {edit}{' (grads)' * grads}", do))
        for place in [*range(len(sample.args)), *sample.kwargs]:
            for v in wrong.ALL:
                do = functools.partial(in_place_of, f, sample, place, v)
                calls.append(Call(f"{text}, argument {place} = {v}", do))
        for place, value in enumerate(sample.args):
            if not isinstance(value, (list, tuple)):
                continue
            for change in (
                "longer",
                "shorter",
                "empty",
                "with None at the end",
                "with None first",
                "of Nones",
                "with a number",
                "with text",
            ):
                do = functools.partial(other_list, f, sample, place, change)
                calls.append(Call(f"{text}, list {place} {change}", do))
    return calls + generic(f"_native.ops.{name}", f, rng)


# ---- names -----------------------------------------------------------------------------------

SELVES = (
    "t('float32', 2, 3)",
    "t('int64', 2, 3)",
    "t('bool', 2, 3)",
    "t('float32')",
    "t('float32', 0, 3)",
    "t('float32', 2, 3, grad=True)",
    "recorded()",
    "t('float32', 3).expand(2, 3)",
    "t('float32', *[1] * 16)",
    "inference()",
    "MyTensor([1.0, 2.0])",
)


class Target(NamedTuple):
    text: str
    calls: Callable[[random.Random], list[Call]]


def function(text: str, f: Any) -> Target:
    return Target(text, lambda rng: generic(text, f, rng))


def of_tensor(name: str) -> Target:
    attribute = getattr(wg.Tensor, name)
    text = f"Tensor.{name}"

    def assign(self: str, value: str) -> Any:
        made = wrong.make(self)
        setattr(made, name, wrong.make(value))
        return made, made.grad

    def delete(self: str) -> Any:
        delattr(wrong.make(self), name)

    def calls(rng: random.Random) -> list[Call]:
        if callable(attribute):
            own = generic(text, attribute, rng, SELVES)
            return own + [spread(text, attribute, v) for v in wrong.ALL]
        made = [Call(f"del {s}.{name}", functools.partial(delete, s)) for s in SELVES]
        for v in wrong.ALL:
            s = rng.choice(SELVES)
            made.append(Call(f"{s}.{name} = {v}", functools.partial(assign, s, v)))
            made.append(Call(f"{text} of {v}", lambda v=v: getattr(wrong.make(v), name)))
        return made

    return Target(text, calls)


def methods_of(text: str, cls: type, make: Callable[[], Any] | None) -> Iterator[Target]:
    """The class, and what it has of its own, called on an instance and on anything else."""
    yield function(text, cls)
    for name, raw in sorted(vars(cls).items()):
        if not callable(raw) and not isinstance(raw, (staticmethod, classmethod, property)):
            continue
        if name.startswith("_pybind11") or name in (
            "__class__",
            "__new__",
            "__init_subclass__",
            "__subclasshook__",
        ):
            continue
        f = getattr(cls, name)
        full = f"{text}.{name}"
        if isinstance(raw, property):
            f = raw.fget
        yield function(full, f)
        if make is not None and not isinstance(raw, (staticmethod, classmethod)):
            bound = functools.wraps(f)(lambda *a, _f=f, **k: _f(make(), *a, **k))
            yield function(f"{full} of an instance", bound)


def module_instance(name: str) -> Callable[[], Any] | None:
    cases = table.CASES.get(name)
    return functools.partial(table.make, name, cases[0], dtype="float32") if cases else None


def captured() -> Any:
    f = wg.capture(lambda x: (x * 2).sum())
    f(wg.ones(2, 3))
    return f


def program() -> Any:
    return captured()._cache.last.program


def dataset() -> Any:
    return wg.utils.data.TensorDataset(wrong.t("float32", 4, 2), wrong.t("int64", 4))


def optimizer() -> Any:
    weight = wrong.t("float32", 2, 3, grad=True)
    (weight * 2).sum().backward()
    return wg.optim.SGD([weight], lr=0.1, momentum=0.9)


INSTANCES: dict[str, Callable[[], Any]] = {
    "Generator": wg.Generator,
    "Node": lambda: wrong.recorded().grad_fn,
    "_Loop": lambda: _native._Loop([wrong.t("float32", 4, 2)]),
    "_Program": program,
    "Size": lambda: wg.Size([2, 3]),
    "dtype": lambda: wg.float32,
    "Captured": captured,
    "DataLoader": lambda: wg.utils.data.DataLoader(dataset(), batch_size=2),
    "TensorDataset": dataset,
    "Subset": lambda: wg.utils.data.Subset(dataset(), [0, 1]),
    "ConcatDataset": lambda: wg.utils.data.ConcatDataset([dataset()]),
    "Optimizer": optimizer,
    "SGD": optimizer,
    "LRScheduler": lambda: wg.optim.lr_scheduler.StepLR(optimizer(), 1),
    "StepLR": lambda: wg.optim.lr_scheduler.StepLR(optimizer(), 1),
    "Module": lambda: wg.nn.Linear(3, 2),
    "Parameter": lambda: wg.nn.Parameter(wg.ones(2, 3)),
    "device": lambda: wg.device("cpu"),
}


def of_namespace(path: str, space: Any, seen: set[int]) -> Iterator[Target]:
    for name, value in sorted(vars(space).items()):
        if not callable(value) or id(value) in seen:
            continue
        owner = getattr(value, "__module__", None) or ""
        if not str(owner).startswith("wengert"):
            continue
        seen.add(id(value))
        text = f"{path}.{name}"
        if inspect.isclass(value):
            make = INSTANCES.get(name) or (module_instance(name) if name in table.MODULES else None)
            yield from methods_of(text, value, make)
        else:
            yield function(text, value)


def submodules() -> Iterator[Any]:
    yield wg
    for info in sorted(pkgutil.walk_packages(wg.__path__, "wengert."), key=lambda i: i.name):
        # Another level of the native module; a program, not a module.
        if "._native_" in info.name or info.name.endswith("__main__"):
            continue
        yield importlib.import_module(info.name)


def part_ops() -> Iterator[Target]:
    for key in ROWS:
        yield Target(key, functools.partial(of_row, key))


def part_tensor() -> Iterator[Target]:
    for name in sorted(dir(wg.Tensor)):
        if name not in ("__class__", "__init_subclass__", "__subclasshook__"):
            yield of_tensor(name)


def part_native() -> Iterator[Target]:
    seen = {id(wg.Tensor)}
    for path, space in (("_native", _native), ("_native.functional", _native.functional)):
        yield from of_namespace(path, space, seen)
    yield from of_namespace("return_types", _native.return_types, seen)


def part_python() -> Iterator[Target]:
    seen = {id(v) for v in vars(_native).values()} | {id(v) for v in vars(wg.Tensor).values()}
    seen |= {id(v) for v in vars(_native.functional).values()}
    # What a vmap makes of its tensors: its methods are theirs, which the part `tensor` calls. Of an
    # array in its place they call NumPy, which does not survive a list that empties itself.
    seen.add(id(importlib.import_module("wengert.func._batched").Batched))
    for module in submodules():
        yield from of_namespace(module.__name__, module, seen)


PARTS = {"ops": part_ops, "tensor": part_tensor, "native": part_native, "python": part_python}

# ---- the process -----------------------------------------------------------------------------


def chosen(part: str, each: int, seed: int) -> Iterator[Call]:
    for target in PARTS[part]():
        rng = random.Random(f"{seed} {target.text}")
        calls = target.calls(rng)
        yield from rng.sample(calls, each) if 0 < each < len(calls) else calls


def interrupt(number: int, frame: Any) -> None:
    raise Slow


def sanitized() -> bool:
    return "ASAN_OPTIONS" in os.environ


def environment() -> dict[str, str]:
    """Of the process: a sanitizer, beside which memory has no limit, refuses what is enormous."""
    options = os.environ.get("ASAN_OPTIONS")
    more = {"ASAN_OPTIONS": f"{options}:max_allocation_size_mb=2048"} if options else {}
    return {**os.environ, **more}


FOLDER = os.getcwd()


def last_of(journal: Any) -> tuple[int, str]:
    """Number and text of the call that was made last."""
    text = journal[:JOURNAL].split(b"\0")[0].decode(errors="replace")
    number, _, call = text.strip().partition(" ")
    return int(number or -1), call


def write(journal: Any, number: int, call: Call) -> None:
    text = call.text.encode(errors="replace")[: JOURNAL - 20]
    journal[: len(text) + 14] = b"%12d " % number + text + b"\0"


def confine() -> None:
    """Limits to what a call may take, and what it may leave behind."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, interrupt)
    if not sanitized():
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--journal")
    return parser.parse_args()


def main() -> int:
    global FOLDER
    options = arguments()
    confine()
    journal: Any = bytearray(JOURNAL)
    if options.journal:
        with open(options.journal, "r+b") as file:
            journal = mmap.mmap(file.fileno(), JOURNAL)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the functions print
    made = 0
    with tempfile.TemporaryDirectory() as FOLDER:
        for i, call in enumerate(chosen(options.part, options.each, options.seed)):
            if i < options.first or options.only not in (None, i):
                continue
            write(journal, i, call)
            restore()
            why = attempt(call)
            made += 1
            if why:
                out.write(f"{i} {call.text}: {why[:500]}\n")
            if made % 5000 == 0:
                gc.collect()
        os.chdir("/")
    gc.collect()
    out.write(f"{made} calls\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
