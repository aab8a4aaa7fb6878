"""What is said of a name of PyTorch's that is not there: one line with the nearest that is."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import types
from collections.abc import Callable

from .dtypes import absent_dtype

_PACKAGE = __package__.partition(".")[0]
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: What to do instead, by the beginning of the name without `torch.`; the first that fits counts.
_INSTEAD: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("sparse", "to_sparse", "is_coalesced"),
        "tensors are dense; scipy.sparse has sparse matrices, whose results from_numpy takes",
    ),
    (
        ("fft", "stft", "istft"),
        "numpy.fft of x.numpy(), which shares the memory of x, without gradients",
    ),
    (
        ("complex", "cfloat", "cdouble", "chalf", "view_as_complex", "polar"),
        "there are no complex dtypes; a last dimension of 2 holds real and imaginary parts",
    ),
    (
        ("quantize", "quantization", "ao", "qint", "quint", "qscheme"),
        "there is no quantization; the network runs as it is",
    ),
    (("float8", "uint16", "uint32", "uint64"), "another dtype holds the same values"),
    (("nested",), "padded tensors and a mask"),
    (("fx", "_inductor"), "wengert.explain(fn, *args) lists the steps of a function"),
    (
        ("export", "jit.save", "jit.load", "package"),
        "wengert.capture(fn), then .save(path, *args) and wengert.load_program(path)",
    ),
    (
        ("distributed",),
        "nn.parallel.DistributedDataParallel trains over MPI; guard the rest by is_available()",
    ),
    (("_C", "_utils", "_prims", "_refs", "_guards"), "that is internal to PyTorch"),
    (("xla", "cuda", "mps", "xpu", "mtia"), "there is no device but the CPU"),
)


class MissingName(AttributeError):
    """A name of PyTorch's that this version does not have; the message is made when it is read."""

    def __init__(self, name: str, place: str = "") -> None:
        super().__init__(name, place)
        self.name, self.obj = name, None  # so that Python guesses no name of its own
        self.place = place

    def __str__(self) -> str:
        return note_of(str(self.name), self.place)


class MissingImport(ModuleNotFoundError):
    """A module, or a name of one, that is imported and not there."""

    def __init__(self, name: str, place: str = "") -> None:
        super().__init__(name, name=name)
        self.place = place

    def __str__(self) -> str:
        return note_of(str(self.name), self.place)


#: Modules that the package loads when they are first asked for.
_LAZY = frozenset(
    ("_C", "_dynamo", "compiler", "distributions", "func", "futures", "fx", "hub", "jit", "library",
     "fft", "functional", "masked", "multiprocessing", "onnx", "ops", "overrides", "profiler",
     "storage", "types")
)  # fmt: skip

#: Names of modules that are loaded when they are first asked for.
_ELSEWHERE = {"PyTorchFileReader": "_C", "ScriptFunction": "jit", "ScriptModule": "jit",
              "TypedStorage": "storage", "UntypedStorage": "storage"}  # fmt: skip
_ELSEWHERE["GradScaler"] = "amp"
_RARE = (
    "SymBool SymFloat SymInt cond convolution ctc_loss eig embedding_bag is_inference lobpcg "
    "lstsq matrix_rank native_batch_norm native_dropout native_group_norm native_layer_norm "
    "solve sym_float sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum symeig"
)
_ELSEWHERE |= dict.fromkeys(_RARE.split(), "_rare")


def absent(name: str) -> object:
    """The `__getattr__` of the package: modules that are loaded late, names that are missing."""
    if name.startswith("__"):
        raise AttributeError(f"module '{_PACKAGE}' has no attribute '{name}'")
    if (dtype := absent_dtype(name)) is not None:
        return dtype
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f"{_PACKAGE}.{_ELSEWHERE[name]}"), name)
    if name in _LAZY and importlib.util.find_spec(f"{_PACKAGE}.{name}") is not None:
        return importlib.import_module(f"{_PACKAGE}.{name}")
    raise MissingName(f"torch.{name}", place_of_caller())


def absent_in(module: str) -> Callable[[str], object]:
    """The `__getattr__` of a module that has a part of PyTorch's names."""

    def missing(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module '{_PACKAGE}.{module}' has no attribute '{name}'")
        raise MissingName(f"torch.{module}.{name}", place_of_caller())

    return missing


def note_of(name: str, place: str) -> str:
    """The one line: the name, where it is used, the nearest thing there is."""
    where = f" (used at {place})" if place else ""
    hint = _advice(name)
    return f"{name}{where} is not in this version of wengert" + (f"; {hint}" if hint else "")


def place_of_caller() -> str:
    """File and line of the innermost frame that is not the package's nor of the import system."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith((_HERE + os.sep, "<frozen importlib")):
            return place_of(frame, frame.f_lineno)
        frame = frame.f_back
    return ""


def place_of(frame: types.FrameType, line: int) -> str:
    """File and line, the file as seen from the working directory if it lies below."""
    file = frame.f_code.co_filename
    try:
        below = os.path.isabs(file) and file.startswith(os.getcwd() + os.sep)
    except OSError:  # the directory is gone
        below = False
    return f"{os.path.relpath(file) if below else file}:{line}"


def _advice(name: str) -> str:
    bare = name.partition(".")[2].removeprefix("Tensor.")
    for beginnings, text in _INSTEAD:
        if any(bare == b or bare.startswith((f"{b}.", f"{b}_")) or _numbered(bare, b)
               for b in beginnings):  # fmt: skip
            return text
    found = nearest(name)
    return f"nearest: {', '.join(found)}" if found else ""


def _numbered(name: str, beginning: str) -> bool:
    """`complex64`, `qint8`: the beginning with a number behind."""
    return name.startswith(beginning) and name[len(beginning) :].isdecimal()


def nearest(name: str, count: int = 2) -> list[str]:
    """Names that are there: the same one elsewhere, or else one spelt alike in the same place."""
    import difflib  # here, as importing the package should not pay for it

    home, _, last = name.rpartition(".")
    known = _known()
    elsewhere = [f"{place}.{last}" for place, names in known.items() if last in names]
    if elsewhere:
        return elsewhere[:count]
    return [f"{home}.{n}" for n in difflib.get_close_matches(last, known.get(home, ()), count, 0.7)]


@functools.cache
def _known() -> dict[str, list[str]]:
    """The public names of the modules that are loaded, and of tensors, under PyTorch's names."""
    found = {}
    for full, module in sorted(sys.modules.items()):
        parts = full.split(".")
        if parts[0] == _PACKAGE and not any(part.startswith("_") for part in parts):
            public = getattr(module, "__all__", None) or vars(module)
            found[".".join(["torch", *parts[1:]])] = [n for n in public if not n.startswith("_")]
    tensor = vars(sys.modules[_PACKAGE])["Tensor"]
    found["torch.Tensor"] = [n for n in dir(tensor) if not n.startswith("_")]
    return found
