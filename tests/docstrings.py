"""The examples in PyTorch's docstrings, run with torch and with wengert: the same output?

    python -m tests.docstrings [NAME ...] [--all]

Needs torch, whose docstrings are read as it runs. Each docstring's examples run in order, from the
same seed, in a process of each library; what they print is compared, numbers to 1e-3, addresses and
the name of the library aside. Out of scope is what torch itself cannot run here, and what is about
other devices, complex numbers, sparse or quantised tensors, compilers and processes. What differs
is printed, `--all` with both outputs, and the share of docstrings and of statements that agree.
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType

PLACES = (
    "", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "linalg", "special",
    "nn.utils.parametrize", "nn.utils.parametrizations", "optim", "optim.lr_scheduler",
    "optim.swa_utils", "autograd", "autograd.functional", "autograd.forward_ad", "autograd.graph",
    "distributions", "func", "signal.windows", "utils.data", "testing", "nn.attention",
)  # fmt: skip
OUT_OF_SCOPE = re.compile(
    r"complex|cfloat|cdouble|1j|\dj\b|polar|\bfft|stft|cuda|sparse|quanti|qint|mkldnn|jit\b|onnx|"
    r"dynamo|compile|names=|align_|refine_names|\bDataParallel|distributed|meta|xpu|\bmps|hub\b|"
    r"torchvision|vmap_|eig\(|eigvals\(|view_as_real|jagged|nested|NestedTensor|float8|\.npu|ipu|"
    r"download|/path|_dispatch|library|masked_tensor"
)
#: Whose numbers are not specified, or that are about programs of a compiler.
NOT_COMPARED = {"torch.empty", "torch.empty_strided", "torch.nn.utils.skip_init",
                "torch.func.functionalize"}  # fmt: skip
SECONDS = 20
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+(?:e[-+]?\d+)?|\binf\b|\bnan\b)")


# ---- the examples ----------------------------------------------------------------------------


def objects() -> Iterator[tuple[str, object]]:
    import importlib

    for place in PLACES:
        path = "torch" + (f".{place}" if place else "")
        try:
            owner = importlib.import_module(path)
        except ImportError:
            owner = getattr(importlib.import_module("torch"), place)
        for name in sorted(vars(owner)):
            value = getattr(owner, name, None)
            if name.startswith("_") or isinstance(value, ModuleType):
                continue
            yield f"{path}.{name}", value


def examples() -> dict[str, list[str]]:
    """The statements of each docstring that has some and is in scope, each docstring once."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for name, value in objects():
        text = inspect.getdoc(value) or ""
        if ">>>" not in text or text in seen or name in NOT_COMPARED:
            continue
        seen.add(text)
        try:
            parts = doctest.DocTestParser().get_examples(text)
        except ValueError:
            continue
        sources = [p.source for p in parts]
        if sources and not OUT_OF_SCOPE.search("\n".join(sources)):
            found[name] = sources
    return found


# ---- running ---------------------------------------------------------------------------------


class Slow(BaseException):
    pass


def _slow(*_: object) -> None:
    raise Slow


def outputs(torch: ModuleType, sources: list[str]) -> list[str]:
    """What each statement prints; the last one's is an error, if it raised."""
    torch.manual_seed(0)
    space = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "__name__": "example",
             "Tensor": torch.Tensor}  # fmt: skip
    made = []
    for source in sources:
        stream = io.StringIO()
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(source, "<example>", "single"), space)
        except (Exception, Slow) as error:
            made.append(f"{stream.getvalue()}{type(error).__name__}: {error}")
            break
        finally:
            signal.alarm(0)
        made.append(stream.getvalue())
    return made


def run(library: str, path: str) -> None:
    """Writes what all examples print, into the file that they are read from."""
    signal.signal(signal.SIGALRM, _slow)
    warnings.simplefilter("ignore")
    with open(path) as file:
        found = json.load(file)
    if library == "wengert":
        import wengert

        wengert.as_torch()
    import torch

    os.chdir(tempfile.mkdtemp())
    result = {}
    for name, sources in found.items():
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")
        torch.set_grad_enabled(True)
        result[name] = outputs(torch, sources)
    with open(path, "w") as file:
        json.dump(result, file)


# ---- comparing -------------------------------------------------------------------------------


def _normal(text: str) -> str:
    text = (
        text.replace("wengert", "torch")
        .replace("torch._native.", "torch._C.")
        .replace("torch.Tensor' object", "Tensor' object")
    )
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    return re.sub(r"\s+", " ", text).strip()


def same(ours: str, theirs: str) -> bool:
    ours, theirs = _normal(ours), _normal(theirs)
    if ours == theirs:
        return True
    if NUMBER.sub("#", ours).replace(" ", "") != NUMBER.sub("#", theirs).replace(" ", ""):
        return False
    pairs = zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True)
    return all(a == b or abs(float(a) - float(b)) <= 1e-3 * max(1, abs(float(b))) for a, b in pairs)


def failed(lines: list[str], sources: list[str]) -> bool:
    last = lines[-1] if lines else ""
    return len(lines) < len(sources) or bool(re.search(r"(^|\n)\w*(Error|Slow|Exception): ", last))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true", help="print both outputs")
    parser.add_argument("--run", nargs=2, metavar=("LIBRARY", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(*given.run)
        return 0
    found = {n: s for n, s in examples().items() if not given.names or n in given.names}
    result = {}
    for library in ("torch", "wengert"):
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(found, file)
        command = [sys.executable, "-m", "tests.docstrings", "--run", library, file.name]
        subprocess.run(command, check=True)
        with open(file.name) as written:
            result[library] = json.load(written)
        os.unlink(file.name)
    return report(found, result["torch"], result["wengert"], given.all)


def report(
    found: dict[str, list[str]], torch: dict[str, list[str]], ours: dict[str, list[str]], full: bool
) -> int:
    scope = [n for n in found if not failed(torch[n], found[n])]
    good = statements = agreeing = 0
    for name in scope:
        statements += len(found[name])
        pairs = list(zip(ours[name], torch[name], strict=False))
        wrong = next((k for k, (a, b) in enumerate(pairs) if not same(a, b)), None)
        agreeing += sum(same(a, b) for a, b in pairs)
        if wrong is None and len(pairs) == len(found[name]):
            good += 1
            continue
        k = len(pairs) - 1 if wrong is None else wrong
        print(f"{name}: {found[name][k].strip()!r:.150}")
        print(f"    {_normal(ours[name][k])!r:.300}")
        if full:
            print(f"    {_normal(torch[name][k])!r:.300}")
    print(
        f"{good} of {len(scope)} docstrings ({100 * good / max(len(scope), 1):.1f} %), {agreeing} "
        f"of {statements} statements ({100 * agreeing / max(statements, 1):.1f} %); of "
        f"{len(found)} docstrings torch runs the others not to the end"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
