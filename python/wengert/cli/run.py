"""`wengert run`: a program written for PyTorch, run on wengert as Python would run it."""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder

from .. import _drop_in
from .outputs import complain

_INTERRUPTED = 130


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of `run` itself, with what it runs; and what belongs to that."""
    for i, word in enumerate(arguments):
        if word in ("-m", "-c"):
            return list(arguments[: i + 2]), list(arguments[i + 2 :])
        if word.startswith(("-m", "-c")) or word == "-" or not word.startswith("-"):
            return list(arguments[: i + 1]), list(arguments[i + 1 :])
        if word == "--":
            return [*arguments[:i], *arguments[i + 1 : i + 2]], list(arguments[i + 2 :])
    return list(arguments), []


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `split` gives first."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("script", nargs="?", metavar="SCRIPT", help="a file; - for standard input")
    what.add_argument("-m", dest="program", metavar="MODULE", help="a module, as `python -m` does")
    what.add_argument("-c", dest="code", metavar="CODE", help="the text of a program")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say afterwards which names of PyTorch's it used, what was missing, and which of its "
        "training steps wengert.capture makes how much faster",
    )
    parser.usage = "%(prog)s [--explain] SCRIPT | -m MODULE | -c CODE  [ARGUMENTS ...]"


class _Main:
    """What is run: its code, and the module `__main__` that it is run in."""

    def __init__(self, code: types.CodeType, argv0: str, path0: str, **names: object) -> None:
        self.code, self.argv0, self.path0 = code, argv0, path0
        self.module = types.ModuleType("__main__")
        vars(self.module).update(names)


def _compiled(source: bytes | str, name: str) -> types.CodeType:
    return compile(source, name, "exec", dont_inherit=True)


def _script(path: str) -> _Main:
    if path == "-":
        return _Main(_compiled(sys.stdin.buffer.read(), "<stdin>"), "-", "")
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        spec = PathFinder.find_spec("__main__", [path])
        if spec is None:
            raise ImportError(f"{path} has no module __main__")
        main = _of_spec(spec)
        main.argv0 = main.path0 = path
        return main
    file = os.path.abspath(path)
    with io.open_code(file) as opened:
        code = _compiled(opened.read(), file)
    folder = os.path.dirname(os.path.realpath(path))
    return _Main(code, path, folder, __file__=file, __cached__=None)


def _module(name: str) -> _Main:
    """As `python -m` finds it. ImportError if there is none, or it is no program."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
        if spec is None:
            raise ImportError(f"{name} is a package without a module __main__")
    if spec is None:
        raise ImportError(f"no module named {name}")
    return _of_spec(spec)


def _of_spec(spec: ModuleSpec) -> _Main:
    code = getattr(spec.loader, "get_code", lambda _: None)(spec.name)
    if code is None:
        raise ImportError(f"{spec.name} has no code that could be run")
    return _Main(
        code, str(spec.origin), os.getcwd(), __file__=spec.origin, __cached__=spec.cached,
        __spec__=spec, __loader__=spec.loader, __package__=spec.parent,
    )  # fmt: skip


def _find(args: argparse.Namespace) -> _Main:
    if args.code is not None:
        return _Main(_compiled(args.code, "<string>"), "-c", "")
    if args.program is not None:
        sys.path.insert(0, os.getcwd())
        try:
            return _module(args.program)
        finally:
            del sys.path[0]
    return _script(args.script)


def run(args: argparse.Namespace) -> int:
    """Runs the program in this process and returns its exit status, as Python's own would be.

    `args` are of `add_options`, with `arguments`, those of the program. What the program raises is
    shown as Python shows it; SystemExit goes on to the caller.
    """
    os.environ["WENGERT_AS_TORCH"] = "1"  # for child processes
    if args.explain:
        from .explained import Explanation

        explanation = Explanation()
        explanation.begin()
    else:
        explanation = None
        _drop_in.as_torch()
    try:
        main = _find(args)
    except (OSError, ImportError) as error:
        complain(f"wengert run: error: {error}")
        return 2
    except (SyntaxError, ValueError) as error:
        error.__traceback__ = None
        return _show(error)
    sys.argv[:] = [main.argv0, *args.arguments]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = main.path0
    sys.modules["__main__"] = main.module
    vars(main.module).setdefault("__builtins__", __builtins__)
    try:
        exec(main.code, vars(main.module))
        return 0
    except KeyboardInterrupt as error:
        _show(error)
        return _INTERRUPTED
    except Exception as error:
        return _show(error)
    finally:
        if explanation is not None:
            sys.stdout.flush()
            complain(explanation.text())


def _show(error: BaseException) -> int:
    """The traceback of the program, without the frames of this file; and exit status 1."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    last = trace
    while isinstance(error, _drop_in.MissingName) and last is not None and last.tb_next is not None:
        if last.tb_next.tb_next is None:
            last.tb_next = None  # what raises it
        else:
            last = last.tb_next
    sys.stdout.flush()
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    line = _missing_of_tensor(error, trace)
    if line:
        complain(f"wengert run: {line}")
    return 1


def _missing_of_tensor(error: BaseException, trace: types.TracebackType | None) -> str:
    """The line on a method that tensors lack here, which Python's own message says nothing of."""
    from .. import _native

    if not isinstance(error, AttributeError) or not isinstance(error.obj, _native.Tensor):
        return ""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else _drop_in.place_of(trace.tb_frame, trace.tb_lineno)
    return _drop_in.note_of(f"torch.Tensor.{error.name}", place)
