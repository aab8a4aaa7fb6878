"""Safetensors files; the package `safetensors` is imported on first use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType

import numpy as np

from . import _native
from ._files import atomic_write
from ._native import Tensor


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "safetensors is needed for .safetensors files: pip install 'wengert[demo]'"
        ) from None
    return safetensors


def save_safetensors(
    state: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a flat dict of tensors as a safetensors file, atomically.

    `metadata` maps strings to strings. Tensors are made contiguous; memory that two share is
    written twice. Raises TypeError for a value that is no tensor.
    """
    for name, value in state.items():
        if not isinstance(value, _native.Tensor):
            raise TypeError(f"save_safetensors: {name!r} is a {type(value).__name__}, not a tensor")
    arrays = {name: np.ascontiguousarray(t.detach().numpy()) for name, t in state.items()}
    for name, tensor in state.items():
        arrays[name] = arrays[name].reshape(tuple(tensor.shape))  # 0-d came out as 1-d
    data = _safetensors().numpy.save(arrays, dict(metadata) if metadata else None)
    with atomic_write(path) as file:
        file.write(data)


def load_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads a safetensors file: (tensors by name, metadata).

    Raises FileNotFoundError, or ValueError for a file that is not in the format.
    """
    module = _safetensors()
    with open(path, "rb"):
        pass  # an error of the file system, in its own words
    try:
        with module.safe_open(os.fspath(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (module.SafetensorError, TypeError) as error:
        raise ValueError(f"load_safetensors: {os.fspath(path)}: {error}") from None
    return {name: _native.from_numpy(np.array(array)) for name, array in arrays.items()}, metadata
