"""Picks the native module for this CPU and registers it as ``wengert._native``.

The core is compiled once per ISA level (x86-64-v2, v3 and v4; ``base`` on other CPUs) into the
files ``_native_<level>``. The highest level that is both built and supported by the CPU is loaded;
the environment variable ``WENGERT_ISA`` chooses another. Only one is ever loaded, and inside its
file each is called ``_native``, so nothing that is pickled or printed depends on the level.
"""

import importlib.util
import os
import platform
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

_LEVELS = ("v4", "v3", "v2", "base")  # best first

# The flags of the Linux kernel that make a level, on top of the level below: the x86-64 psABI's
# table of microarchitecture levels. The kernel lists a flag only if it also saves the registers.
_FLAGS = {
    "v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"},
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def _cpu_flags() -> set[str] | None:
    """The CPU's feature flags as Linux names them; None where they cannot be read."""
    try:
        with open("/proc/cpuinfo", "rb", buffering=4096) as cpuinfo:
            for line in cpuinfo:  # every CPU has the same flags: the first one's are enough
                if line.startswith(b"flags"):
                    return set(line.decode("ascii", "replace").split(":", 1)[1].split())
    except OSError:
        pass
    return None


def _supported(built: list[str]) -> tuple[str, ...]:
    """The levels this CPU can run, best first."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return ("base",)
    flags = _cpu_flags()
    if flags is None:
        # No way to ask this system: what a source install built for its own machine runs there, and
        # of a wheel with several levels the lowest is the safe one.
        return tuple(built[-1:])
    supported: list[str] = []
    for level in ("v2", "v3", "v4"):
        if not _FLAGS[level] <= flags:
            break
        supported.insert(0, level)
    return tuple(supported)


def _find() -> dict[str, ModuleSpec]:
    """The built levels, best first. An editable install keeps them apart from this file."""
    found = {}
    for level in _LEVELS:
        spec = importlib.util.find_spec(f"{__package__}._native_{level}")
        if spec is not None and spec.origin is not None:
            found[level] = spec
    return found


def _choose(built: list[str], supported: tuple[str, ...], wanted: str | None) -> str:
    """The level to load. ImportError says what was asked for, what is built and what can run."""
    have = f"this installation has {', '.join(built) or 'none'}"
    cpu = f"this CPU runs {', '.join(supported) or 'none'}"
    possible = [level for level in built if level in supported]
    hint = (
        f"use {' or '.join(possible)}"
        if possible
        else "install wengert from source on this machine to build the CPU's own level"
    )
    if wanted:
        if wanted not in _LEVELS:
            raise ImportError(f"WENGERT_ISA: '{wanted}' is not a level; {have}; {hint}")
        if wanted not in built:
            raise ImportError(f"WENGERT_ISA: {wanted} is not built; {have}; {cpu}; {hint}")
        if wanted not in supported:
            raise ImportError(f"WENGERT_ISA: {wanted} does not run here; {have}; {cpu}; {hint}")
        return wanted
    if not possible:
        raise ImportError(f"wengert: no native module fits; {have}; {cpu}; {hint}")
    return possible[0]


def _is_main_interpreter() -> bool:
    """Whether this is the interpreter that the process began with."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = importlib.import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


def _load(origin: str) -> ModuleType:
    """Loads the file as ``wengert._native``."""
    name = f"{__package__}._native"
    spec = importlib.util.spec_from_file_location(name, origin)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    vars(sys.modules[__package__])["_native"] = module
    return module


if not _is_main_interpreter():  # a second copy of the native module would wait for the first one
    raise ImportError("wengert: only the main interpreter can import it, this is a sub-interpreter")

_specs = _find()
_runs = _supported(list(_specs))

#: The levels that are built and that this CPU runs, best first.
available: tuple[str, ...] = tuple(level for level in _specs if level in _runs)
#: The level that is loaded.
isa: str = _choose(list(_specs), _runs, os.environ.get("WENGERT_ISA"))

_load(str(_specs[isa].origin))
