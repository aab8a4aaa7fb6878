"""`import torch` that gives wengert.

Note [as torch]
~~~~~~~~~~~~~~~
Under `as_torch` the modules `torch`, `torch.nn` and so on are facades: modules of their own with
the contents of wengert's, so that reading a name costs what it costs in any module. What they have
of their own is their names, their `__spec__` and PyTorch's version; and a name that is not there is
an error that says where it was asked for and what is nearest. What is set in a facade, such as
`torch.backends.cudnn.benchmark = True`, is set in wengert's module too.

A finder at the head of `sys.meta_path` answers for `torch` and all below it, whether a PyTorch is
installed or not, and tells `importlib.metadata` of a distribution of that name. Modules of a
PyTorch that is loaded already are put aside and come back at the end of the context. Child
processes follow the environment variable WENGERT_AS_TORCH, which a `.pth` file reads as Python
starts.
"""

from __future__ import annotations

import importlib
import importlib.util
import opcode
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, cast

from .missing import MissingImport, MissingName, place_of_caller

if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.metadata import Distribution, DistributionFinder

#: The version of PyTorch whose names and results these are.
TORCH_VERSION = "2.13.0+wengert"

_OURS = __package__.partition(".")[0]
_THEIRS = "torch"
#: Private modules of ours that PyTorch has under the same name, and its users reach into.
_SHARED = ("_C", "_dynamo", "utils.data._utils", "utils._pytree")
#: What belongs to the module, not to its contents.
_OWN = frozenset(
    ("__builtins__", "__cached__", "__getattr__", "__loader__", "__name__", "__package__",
     "__spec__", "__version__")
)  # fmt: skip
_TARGET = "__wengert__"

#: Told of each name that is read, and whether it is there: see `wengert run --explain`.
Recorder = Callable[[str, bool], None]


def _their_name(ours: str) -> str | None:
    """What PyTorch calls a module of ours; None for private ones and others' modules."""
    package, _, rest = ours.partition(".")
    if package != _OURS:
        return None
    shared = any(rest == s or rest.startswith(f"{s}.") for s in _SHARED)
    if not shared and any(part.startswith("_") for part in rest.split(".")):
        return None
    return f"{_THEIRS}.{rest}" if rest else _THEIRS


class Facade(ModuleType):
    """A module of PyTorch's name with the contents of one of ours; see Note [as torch]."""

    def __getattr__(self, name: str) -> object:
        own = vars(self)
        target, full = own[_TARGET], f"{own['__name__']}.{name}"
        value = getattr(target, name, self)  # ours may be made when it is asked for
        if isinstance(value, ModuleType):
            if _their_name(value.__name__) == full:
                return _facade_of(value)
        elif value is not self:
            if not _is_dunder(name):
                _tell(full, True)
            return value
        if not _is_dunder(name):
            _tell(full, False)
        if _imports_from(sys._getframe(1)):
            raise MissingImport(full, place_of_caller())
        raise MissingName(full, place_of_caller())

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if not _is_dunder(name):
            setattr(vars(self)[_TARGET], name, _target_of(value))

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if not _is_dunder(name):
            delattr(vars(self)[_TARGET], name)

    def __dir__(self) -> Iterable[str]:
        return sorted({*vars(self), *dir(vars(self)[_TARGET])} - {_TARGET})


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _target_of(value: object) -> object:
    return vars(value)[_TARGET] if isinstance(value, Facade) else value


def _imports_from(frame: object) -> bool:
    """Whether the frame is at `from ... import name`, which keeps only an ImportError."""
    code, at = getattr(frame, "f_code", None), getattr(frame, "f_lasti", -1)
    return code is not None and at >= 0 and code.co_code[at] == opcode.opmap["IMPORT_FROM"]


def _tell(name: str, found: bool) -> None:
    if _state.recorder is not None:
        _state.recorder(name, found)


class _State:
    """What is in force: the finder, the recorder, and modules of a PyTorch that were put aside."""

    def __init__(self) -> None:
        self.finder: _Finder | None = None
        self.recorder: Recorder | None = None
        self.aside: dict[str, ModuleType] = {}
        self.facades: dict[str, Facade] = {}


_state = _State()


def _facade_of(module: ModuleType) -> Facade:
    """The facade on a module of ours, with the facades of what it contains."""
    name = _their_name(module.__name__)
    assert name is not None
    facade = _state.facades.get(name)
    if facade is None:
        facade = _state.facades[name] = Facade(name, module.__doc__)
        vars(facade)[_TARGET] = module
    if sys.modules.get(name) is not facade:  # met for the first time since it is in force
        sys.modules[name] = facade
        _fill(facade, module)
    return facade


def _fill(facade: Facade, module: ModuleType) -> None:
    name, own = facade.__name__, vars(facade)
    spec = ModuleSpec(name, cast("Loader", _state.finder), origin=module.__file__)
    if hasattr(module, "__path__"):
        spec.submodule_search_locations = list(module.__path__)
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    own.update(__spec__=spec, __loader__=_state.finder, __package__=package)
    if name in (_THEIRS, f"{_THEIRS}.version"):
        own["__version__"] = _version()
    if _state.recorder is not None:  # every name is to be asked for
        own.update({key: vars(module)[key] for key in ("__path__", "__file__", "__all__")
                    if key in vars(module)})  # fmt: skip
        return
    for key, value in vars(module).copy().items():
        if isinstance(value, ModuleType):
            if _their_name(value.__name__) == f"{name}.{key}":
                own[key] = _facade_of(value)
        elif key not in _OWN:
            own[key] = value


def _version() -> str:
    version: str = importlib.import_module(f"{_OURS}.torch_version").TorchVersion(TORCH_VERSION)
    return version


class _Finder:
    """Finds `torch` and all below it among the modules of ours, and loads them."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package != _THEIRS:
            return None
        ours = f"{_OURS}.{rest}" if rest else _OURS
        spec = None
        if _their_name(ours) is not None:
            try:
                spec = importlib.util.find_spec(ours)
            except ModuleNotFoundError:
                spec = None
        if spec is not None:
            inside = spec.submodule_search_locations is not None
            return ModuleSpec(fullname, cast("Loader", self), origin=spec.origin, is_package=inside)
        _tell(fullname, False)
        if _is_import(sys._getframe(1)):
            raise MissingImport(fullname, place_of_caller())
        return None  # somebody asks whether it is there

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        ours = importlib.import_module(_OURS + spec.name[len(_THEIRS) :])
        return _facade_of(ours)

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of a module of ours: what `wengert run -m torch.utils.collect_env` runs."""
        ours = importlib.util.find_spec(_OURS + fullname[len(_THEIRS) :])
        get: Callable[[str], CodeType | None] = getattr(
            ours and ours.loader, "get_code", lambda _: None
        )
        return get(ours.name) if ours else None

    def exec_module(self, module: ModuleType) -> None:
        """It has run under its own name."""

    def find_distributions(self, context: DistributionFinder.Context) -> Iterator[Distribution]:
        """What `importlib.metadata.version("torch")` asks."""
        if context.name is None or context.name.lower() == _THEIRS:
            yield _distribution()


def _is_import(frame: object) -> bool:
    """Whether a finder is asked by an import, not by `importlib.util.find_spec`."""
    while frame is not None:
        code = getattr(frame, "f_code", None)
        if code is not None and code.co_name == "_find_and_load_unlocked":
            return True
        if code is None or code.co_name != "_find_spec":
            return False
        frame = getattr(frame, "f_back", None)
    return False


def _distribution() -> Distribution:
    from importlib import metadata  # who asks has both
    from pathlib import Path

    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {_THEIRS}\nVersion: {TORCH_VERSION}\n",
        "top_level.txt": f"{_THEIRS}\n",
    }

    class Torch(metadata.Distribution):
        def read_text(self, filename: str) -> str | None:
            return texts.get(filename)

        def locate_file(self, path: str | os.PathLike[str]) -> Path:
            return Path(__file__).parent.parent / path

    return Torch()


def _theirs_loaded() -> list[str]:
    return [n for n in sys.modules if n == _THEIRS or n.startswith(f"{_THEIRS}.")]


def begin(recorder: Recorder | None = None) -> bool:
    """Puts the facades in place. False if they are there already."""
    if _state.finder is not None:
        return False
    _state.aside = {name: sys.modules.pop(name) for name in _theirs_loaded()}
    _state.finder, _state.recorder = _Finder(), recorder
    sys.meta_path.insert(0, _state.finder)
    for name, module in list(sys.modules.items()):
        if _their_name(name) is not None and isinstance(module, ModuleType):
            _facade_of(module)
    return True


def end() -> None:
    """Takes the facades away, and puts back what was there before."""
    assert _state.finder is not None
    sys.meta_path.remove(_state.finder)
    for name in _theirs_loaded():
        del sys.modules[name]
    sys.modules.update(_state.aside)
    _state.aside, _state.finder, _state.recorder = {}, None, None


def record_nothing() -> None:
    """From here on names are read without the recorder being told."""
    _state.recorder = None


class as_torch:
    """From here on `import torch` gives wengert: every `torch.x.y` that there is here.

    `wengert.as_torch()` holds for the rest of the process, `with wengert.as_torch():` for a block;
    modules that are imported in the block keep what they have imported. A PyTorch that is installed
    is not touched; one that is loaded already comes back at the end of the block. A name that is
    missing is an AttributeError, or ImportError, of one line, with the nearest thing there is.

    The environment variable WENGERT_AS_TORCH=1 does the same as Python starts, in child processes
    too: `WENGERT_AS_TORCH=1 python -m pytest` runs a test suite on wengert.
    """

    def __init__(self) -> None:
        self._began = begin()

    def __enter__(self) -> ModuleType:
        return sys.modules[_THEIRS]

    def __exit__(self, *exc: object) -> None:
        if self._began:
            end()
