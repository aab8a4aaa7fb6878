"""Extensions written in C++ for PyTorch, which are not built here; says what there is instead."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import NoReturn

CUDA_HOME: str | None = None
ROCM_HOME: str | None = None
SYCL_HOME: str | None = None

_REFUSED = frozenset(
    (
        "BuildExtension", "CUDAExtension", "CppExtension", "SyclExtension", "get_cxx_compiler",
        "get_default_build_root", "include_paths", "library_paths", "load", "load_inline",
    )
)  # fmt: skip


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name not in _REFUSED:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(
            f"cpp_extension.{name}: PyTorch's extensions cannot be built here; an operation of "
            "one's own is an autograd.Function in Python, and C++ programs link the library "
            "(find_package(wengert))"
        )

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


def is_ninja_available() -> bool:
    """Whether the program `ninja` is there."""
    return shutil.which("ninja") is not None
